//! An engine in miniature around a tree: a store that keeps every version, commits in order, and reads that do what the tree says.

#![allow(dead_code, reason = "each test program uses a part")]

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, Weak};
#[cfg(not(shuttle))]
use std::sync::{Mutex, MutexGuard};

#[cfg(shuttle)]
use shuttle::sync::{Mutex, MutexGuard};

use reckon_index::{
    Cache, Cursor, Direction, Loading, Lookup, Newest, Source, SourceError, Step, Tree, pin,
};

type Versions = BTreeMap<u64, Option<Vec<u8>>>;

/// Everything that was ever committed.
#[derive(Default)]
pub(crate) struct Store {
    rows: Mutex<BTreeMap<Vec<u8>, Versions>>,
    /// The last timestamp issued.
    last: AtomicU64,
    /// The newest commit that is installed.
    visible: AtomicU64,
    commit: Mutex<()>,
    tree: OnceLock<Weak<Tree>>,
    cache: OnceLock<Arc<Cache>>,
    /// Committed by the next load: before it reads, while it reads, and before it says how far it is complete.
    pub(crate) during_load: Mutex<[Writes; 3]>,
    /// So many loads fail first.
    pub(crate) failures: AtomicU64,
}

fn visible_in(versions: &Versions, snapshot: u64) -> Option<&Vec<u8>> {
    versions.range(..=snapshot).next_back().and_then(|(_, value)| value.as_ref())
}

pub(crate) type Writes = Vec<(Vec<u8>, Option<Vec<u8>>)>;
pub(crate) type Rows = Vec<(Vec<u8>, Vec<u8>)>;

impl Store {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Versions>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn visible(&self) -> u64 {
        self.visible.load(Ordering::Acquire)
    }

    pub(crate) fn read(&self, key: &[u8], snapshot: u64) -> Option<Vec<u8>> {
        self.rows().get(key).and_then(|versions| visible_in(versions, snapshot)).cloned()
    }

    pub(crate) fn newest(&self, key: &[u8]) -> Option<(u64, Option<Vec<u8>>)> {
        let rows = self.rows();
        rows.get(key)?.last_key_value().map(|(timestamp, value)| (*timestamp, value.clone()))
    }

    pub(crate) fn scan(
        &self,
        lower: &[u8],
        upper: Option<&[u8]>,
        direction: Direction,
        snapshot: u64,
    ) -> Rows {
        if upper.is_some_and(|upper| upper <= lower) {
            return Rows::new();
        }
        let bounds = (Bound::Included(lower), upper.map_or(Bound::Unbounded, Bound::Excluded));
        let rows = self.rows();
        let seen = rows.range::<[u8], _>(bounds).filter_map(|(key, versions)| {
            visible_in(versions, snapshot).map(|value| (key.clone(), value.clone()))
        });
        let mut seen: Rows = seen.collect();
        if direction == Direction::Reverse {
            seen.reverse();
        }
        seen
    }
}

/// What the tree loads from.
pub(crate) struct StoreSource(pub(crate) Arc<Store>);

impl Source for StoreSource {
    fn load(
        &self,
        lower: &[u8],
        upper: Option<&[u8]>,
        direction: Direction,
        add: &mut dyn FnMut(&[u8], u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<u64, SourceError> {
        let store = &self.0;
        if store.failures.load(Ordering::Relaxed) > 0 {
            store.failures.fetch_sub(1, Ordering::Relaxed);
            return Err("the disk is on fire".into());
        }
        let meanwhile = {
            let mut during = store.during_load.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *during)
        };
        let tree = store.tree.get().and_then(Weak::upgrade).expect("a tree loads");
        let commit_some = |writes: Writes| {
            if !writes.is_empty() {
                commit(store, &tree, writes, 0);
            }
        };
        let [first, second, third] = meanwhile;
        commit_some(first);
        let bounds = (Bound::Included(lower), upper.map_or(Bound::Unbounded, Bound::Excluded));
        let live: Vec<(Vec<u8>, u64, Vec<u8>)> = {
            let rows = store.rows();
            let newest = rows.range::<[u8], _>(bounds).filter_map(|(key, versions)| {
                let (timestamp, value) = versions.last_key_value()?;
                Some((key.clone(), *timestamp, value.clone()?))
            });
            match direction {
                Direction::Forward => newest.take(2000).collect(),
                Direction::Reverse => newest.rev().take(2000).collect(),
            }
        };
        std::thread::yield_now();
        commit_some(second);
        let complete_since = store.last.load(Ordering::Acquire);
        commit_some(third);
        std::thread::yield_now();
        for (key, timestamp, value) in live {
            if add(&key, timestamp, &value).is_break() {
                break;
            }
        }
        Ok(complete_since)
    }
}

pub(crate) struct Engine {
    pub(crate) store: Arc<Store>,
    pub(crate) tree: Arc<Tree>,
}

/// Commits some writes at one timestamp, in key order; the horizon is `lag` behind.
fn commit(store: &Store, tree: &Tree, mut writes: Writes, lag: u64) -> u64 {
    let latch = store.commit.lock().unwrap_or_else(PoisonError::into_inner);
    writes.sort();
    writes.dedup_by(|a, b| a.0 == b.0);
    let timestamp = store.last.fetch_add(1, Ordering::AcqRel) + 1;
    {
        let mut rows = store.rows();
        for (key, value) in &writes {
            rows.entry(key.clone()).or_default().insert(timestamp, value.clone());
        }
    }
    let horizon = timestamp.saturating_sub(1 + lag);
    for (key, value) in &writes {
        tree.install(key, timestamp, value.as_deref(), horizon);
    }
    store.visible.store(timestamp, Ordering::Release);
    drop(latch);
    store.cache.get().expect("set").make_some_room();
    timestamp
}

impl Engine {
    pub(crate) fn new(cache: &Arc<Cache>) -> Self {
        Self::over(cache, |source| Tree::new(cache, source))
    }

    pub(crate) fn empty(cache: &Arc<Cache>) -> Self {
        Self::over(cache, |source| Tree::empty(cache, source, 0))
    }

    fn over(cache: &Arc<Cache>, make: impl FnOnce(Box<dyn Source>) -> Tree) -> Self {
        let store = Arc::new(Store::default());
        store.cache.set(Arc::clone(cache)).expect("set once");
        let tree = Arc::new(make(Box::new(StoreSource(Arc::clone(&store)))));
        store.tree.set(Arc::downgrade(&tree)).expect("set once");
        Self { store, tree }
    }

    pub(crate) fn commit(&self, writes: Writes, lag: u64) -> u64 {
        commit(&self.store, &self.tree, writes, lag)
    }

    pub(crate) fn read(&self, key: &[u8], snapshot: u64) -> Option<Vec<u8>> {
        for _ in 0..2 {
            let guard = pin();
            self.tree.announce([key, &[], &[0xFF]], &guard);
            match self.tree.lookup(key, snapshot, &guard) {
                Lookup::Found { timestamp, value } => {
                    assert!(timestamp <= snapshot);
                    return Some(value.to_vec());
                }
                Lookup::Missing => return None,
                Lookup::Older => break,
                Lookup::Absent => {}
            }
            drop(guard);
            match self.tree.load(key, Direction::Forward) {
                Ok(Loading::Done) => {}
                Ok(Loading::Declined) | Err(_) => break,
            }
        }
        self.store.read(key, snapshot)
    }

    /// Checks what the tree says is newest against the store; only while nobody commits.
    pub(crate) fn check_newest(&self, key: &[u8]) {
        let expected = self.store.newest(key);
        match self.tree.newest(key, &pin()) {
            Newest::Version { timestamp, value } => {
                assert_eq!(Some((timestamp, value.map(<[u8]>::to_vec))), expected);
            }
            Newest::Missing { since } => match expected {
                None => {}
                Some((timestamp, value)) => {
                    assert_eq!(value, None);
                    assert!(timestamp <= since, "{timestamp} > {since}");
                }
            },
            Newest::Absent => {}
        }
    }

    /// The rows of a range, `step` at a time; gaps are loaded if `loads`, else read from the store.
    pub(crate) fn scan(
        &self,
        lower: &[u8],
        upper: Option<&[u8]>,
        direction: Direction,
        snapshot: u64,
        step: usize,
        loads: bool,
    ) -> Rows {
        self.scan_amid(lower, upper, direction, snapshot, step, loads, || {})
    }

    /// The same, with something that happens after each step.
    #[expect(clippy::too_many_arguments)]
    pub(crate) fn scan_amid(
        &self,
        lower: &[u8],
        upper: Option<&[u8]>,
        direction: Direction,
        snapshot: u64,
        step: usize,
        loads: bool,
        mut happens: impl FnMut(),
    ) -> Rows {
        let mut rows = Rows::new();
        let bound = upper.map_or(Bound::Unbounded, Bound::Excluded);
        let mut cursor = self.tree.cursor(Bound::Included(lower), bound, direction);
        let mut tried = None;
        while self.advance(&mut cursor, direction, snapshot, step, loads, &mut tried, &mut rows) {
            happens();
        }
        rows
    }

    #[expect(clippy::too_many_arguments)]
    fn advance(
        &self,
        cursor: &mut Cursor,
        direction: Direction,
        snapshot: u64,
        step: usize,
        loads: bool,
        tried: &mut Option<Vec<u8>>,
        rows: &mut Rows,
    ) -> bool {
        let next = cursor.visit(&self.tree, snapshot, step, |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        });
        match next {
            Step::More => {}
            Step::End => return false,
            Step::Older { key } => {
                if let Some(value) = self.store.read(&key, snapshot) {
                    rows.push((key, value));
                }
            }
            Step::Gap { lower, upper, loadable } => {
                if loads && loadable && tried.as_ref() != Some(&lower) {
                    *tried = Some(lower.clone());
                    if matches!(
                        self.tree.load_gap(&lower, upper.as_deref(), direction),
                        Ok(Loading::Done)
                    ) {
                        return true;
                    }
                }
                rows.extend(self.store.scan(&lower, upper.as_deref(), direction, snapshot));
                match (direction, upper) {
                    (Direction::Forward, Some(upper)) => cursor.seek(&upper),
                    (Direction::Forward, None) => return false,
                    (Direction::Reverse, _) => cursor.seek(&lower),
                }
            }
        }
        true
    }
}

/// A small generator with a printed seed, for tests that need many numbers.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Waits until what was retired is freed: nobody is pinned, so turning the epoch a few times does it.
pub(crate) fn settle(cache: &Cache) {
    for _ in 0..5_000_000 {
        pin().flush();
        if cache.statistics().retired_bytes == 0 {
            return;
        }
        std::thread::yield_now();
    }
}
