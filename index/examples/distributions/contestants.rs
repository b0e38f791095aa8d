//! What holds the keys: the tree with models and without, and two ordered maps that programs use.

use std::any::Any;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use crossbeam_skiplist::SkipMap;
use reckon_index::{
    Cache, Direction, Guard, Lookup, Source, SourceError, Step, Tree, TreeStatistics, pin,
};

use crate::keys::Key;

/// Every row's value.
const VALUE: [u8; 8] = *b"eight by";

/// Rows a scan visits.
pub(crate) const SCAN_ROWS: usize = 100;

/// Lookups under one pin.
const PIN_LOOKUPS: usize = 64;

/// Something that holds keys in order.
pub(crate) trait Contestant {
    fn name(&self) -> &'static str;

    fn insert(&mut self, key: &Key);

    /// Finds each of these keys, to its value.
    fn lookup(&self, probes: &[Key]);

    /// The same, if it helps to know several of them beforehand.
    fn lookup_announced(&self, probes: &[Key]) {
        self.lookup(probes);
    }

    /// Visits rows from each of these keys on; returns how many.
    fn scan(&self, starts: &[Key]) -> usize;

    /// One of its kind made from sorted rows.
    fn build(&self, sorted: &Arc<Vec<Key>>) -> Box<dyn Any>;

    /// What the tree is made of; nothing of others.
    fn statistics(&self) -> Option<TreeStatistics> {
        None
    }
}

/// Sorted rows to build from.
struct Sorted(Arc<Vec<Key>>);

impl Source for Sorted {
    fn load(
        &self,
        lower: &[u8],
        upper: Option<&[u8]>,
        direction: Direction,
        add: &mut dyn FnMut(&[u8], u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<u64, SourceError> {
        let start = self.0.partition_point(|key| &**key < lower);
        let end = upper.map_or(self.0.len(), |upper| self.0.partition_point(|key| &**key < upper));
        let mut rows = self.0[start..end].iter();
        while let Some(key) =
            if direction == Direction::Forward { rows.next() } else { rows.next_back() }
        {
            if add(key, 1, &VALUE).is_break() {
                break;
            }
        }
        Ok(1)
    }
}

/// A tree all of whose memory is free once it is dropped, so that the next measurement does not pay for it.
struct Planted {
    tree: Option<Tree>,
    cache: Arc<Cache>,
}

impl Drop for Planted {
    fn drop(&mut self) {
        self.tree = None;
        while self.cache.statistics().retired_bytes > 0 {
            pin().flush();
        }
    }
}

/// The tree.
pub(crate) struct Ours {
    planted: Planted,
    timestamp: u64,
    models: bool,
}

impl Ours {
    pub(crate) fn new(models: bool) -> Self {
        let cache = Cache::new(usize::MAX / 2);
        cache.set_models(models);
        let tree = Tree::empty(&cache, Box::new(Sorted(Arc::default())), 0);
        Self { planted: Planted { tree: Some(tree), cache }, timestamp: 1, models }
    }

    fn tree(&self) -> &Tree {
        self.planted.tree.as_ref().expect("there until it is dropped")
    }

    fn find(&self, probes: &[Key], guard: &Guard) {
        for key in probes {
            match self.tree().lookup(key, self.timestamp, guard) {
                Lookup::Found { value, .. } => black_box(value),
                other => panic!("{other:?}"),
            };
        }
    }
}

impl Contestant for Ours {
    fn name(&self) -> &'static str {
        if self.models { "learned" } else { "dense" }
    }

    fn insert(&mut self, key: &Key) {
        self.timestamp += 1;
        self.tree().install(key, self.timestamp, Some(&VALUE), self.timestamp - 1);
    }

    fn lookup(&self, probes: &[Key]) {
        for probes in probes.chunks(PIN_LOOKUPS) {
            self.find(probes, &pin());
        }
    }

    fn lookup_announced(&self, probes: &[Key]) {
        for probes in probes.chunks(PIN_LOOKUPS) {
            let guard = pin();
            self.tree().announce(probes.iter().map(|key| &**key), &guard);
            self.find(probes, &guard);
        }
    }

    fn scan(&self, starts: &[Key]) -> usize {
        let mut rows = 0;
        for key in starts {
            let from = Bound::Included(&**key);
            let mut cursor = self.tree().cursor(from, Bound::Unbounded, Direction::Forward);
            cursor.visit(self.tree(), self.timestamp, SCAN_ROWS, |key, value| {
                black_box((key, value));
                rows += 1;
                ControlFlow::Continue(())
            });
        }
        rows
    }

    fn build(&self, sorted: &Arc<Vec<Key>>) -> Box<dyn Any> {
        let cache = Cache::new(usize::MAX / 2);
        cache.set_models(self.models);
        let tree = Tree::new(&cache, Box::new(Sorted(Arc::clone(sorted))));
        let mut cursor = tree.cursor(Bound::Unbounded, Bound::Unbounded, Direction::Forward);
        let mut visit = || cursor.visit(&tree, 1, usize::MAX, |_, _| ControlFlow::Continue(()));
        while let Step::Gap { lower, upper, .. } = visit() {
            tree.load_gap(&lower, upper.as_deref(), Direction::Forward).expect("no errors here");
        }
        Box::new(Planted { tree: Some(tree), cache })
    }

    fn statistics(&self) -> Option<TreeStatistics> {
        Some(self.tree().statistics())
    }
}

/// The standard library's B-tree.
#[derive(Default)]
pub(crate) struct Standard(BTreeMap<Key, [u8; 8]>);

impl Contestant for Standard {
    fn name(&self) -> &'static str {
        "BTreeMap"
    }

    fn insert(&mut self, key: &Key) {
        self.0.insert(key.clone(), VALUE);
    }

    fn lookup(&self, probes: &[Key]) {
        for key in probes {
            black_box(self.0.get(key));
        }
    }

    fn scan(&self, starts: &[Key]) -> usize {
        let rows = |key: &Key| {
            let range = self.0.range::<[u8], _>((Bound::Included(&**key), Bound::Unbounded));
            range.take(SCAN_ROWS).map(black_box).count()
        };
        starts.iter().map(rows).sum()
    }

    fn build(&self, sorted: &Arc<Vec<Key>>) -> Box<dyn Any> {
        let rows = sorted.iter().map(|key| (key.clone(), VALUE));
        Box::new(rows.collect::<BTreeMap<Key, [u8; 8]>>())
    }
}

/// A concurrent skip list.
#[derive(Default)]
pub(crate) struct SkipList(SkipMap<Key, [u8; 8]>);

impl Contestant for SkipList {
    fn name(&self) -> &'static str {
        "SkipMap"
    }

    fn insert(&mut self, key: &Key) {
        self.0.insert(key.clone(), VALUE);
    }

    fn lookup(&self, probes: &[Key]) {
        for key in probes {
            black_box(self.0.get(key));
        }
    }

    fn scan(&self, starts: &[Key]) -> usize {
        let rows = |key: &Key| self.0.range(key.clone()..).take(SCAN_ROWS).map(black_box).count();
        starts.iter().map(rows).sum()
    }

    fn build(&self, sorted: &Arc<Vec<Key>>) -> Box<dyn Any> {
        let rows = sorted.iter().map(|key| (key.clone(), VALUE));
        Box::new(rows.collect::<SkipMap<Key, [u8; 8]>>())
    }
}
