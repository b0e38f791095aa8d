//! What stays in memory: hot rows, whatever scans and cold reads go by.

mod support;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use reckon_index::{Cache, Direction, Loading, Lookup, Source, SourceError, Tree, pin};
use support::{Engine, Random};

const ROWS: u64 = 50_000;

fn key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// `ROWS` rows of a hundred bytes, all in the store, and nothing in memory of `size` bytes.
fn cold(size: usize) -> (Arc<Cache>, Engine) {
    let cache = Cache::new(size);
    let engine = Engine::new(&cache);
    for first in (0..ROWS).step_by(1000) {
        let rows = (first..first + 1000).map(|number| (key(number), Some(vec![7; 100])));
        engine.commit(rows.collect(), 0);
    }
    (cache, engine)
}

/// The bytes that all rows take in memory.
fn all_bytes() -> usize {
    let (cache, engine) = cold(1 << 30);
    engine.scan(&[], None, Direction::Forward, engine.store.visible(), 1000, true);
    cache.statistics().bytes as usize
}

fn is_hit(engine: &Engine, number: u64) -> bool {
    let guard = pin();
    let answer = engine.tree.lookup(&key(number), engine.store.visible(), &guard);
    matches!(answer, Lookup::Found { .. })
}

#[test]
fn rows_hot_one_per_leaf_stay_in_memory() {
    let (cache, engine) = cold(all_bytes() / 10);
    let mut random = Random(5);
    let hot: Vec<u64> = (0..ROWS).step_by(300).collect();
    let (mut hits, mut reads) = (0, 0);
    for round in 0..40 {
        for &number in &hot {
            hits += u64::from(round >= 20 && is_hit(&engine, number));
            reads += u64::from(round >= 20);
            assert!(engine.read(&key(number), engine.store.visible()).is_some());
            // As many cold reads as hot ones.
            engine.read(&key(random.below(ROWS)), engine.store.visible());
        }
    }
    let statistics = engine.tree.statistics();
    assert!(hits * 100 >= reads * 95, "{hits} of {reads}: {statistics:?} {:?}", cache.statistics());
    assert!(statistics.partial_leaves > 0);
    assert!(cache.statistics().bytes <= cache.statistics().size_bytes);
    assert_eq!(engine.tree.verify(), cache.statistics().bytes);
}

#[test]
fn a_scan_does_not_evict_the_hot_set() {
    let (cache, engine) = cold(all_bytes() / 4);
    let snapshot = engine.store.visible();
    // A tenth of the rows, side by side, read until they are in memory.
    let hot = 20_000..25_000;
    let count = || hot.clone().filter(|&number| is_hit(&engine, number)).count();
    for _ in 0..4 {
        for number in hot.clone() {
            engine.read(&key(number), snapshot);
        }
    }
    let before = count();
    assert!(before >= 4_900, "{before} of 5000");
    for _ in 0..3 {
        assert_eq!(
            engine.scan(&[], None, Direction::Forward, snapshot, 500, true).len(),
            ROWS as usize
        );
        let after = count();
        assert!(
            after * 10 >= before * 9,
            "{after} of {before} after a scan: {:?}",
            cache.statistics()
        );
    }
}

/// Loads range after range, and returns how many rows are in memory then.
fn load_ahead(engine: &Engine) -> u64 {
    let mut next = Some(Vec::new());
    while let Some(key) = next {
        next = engine.tree.load_ahead(&key).expect("it loads");
    }
    engine.tree.statistics().resident_records
}

#[test]
fn loading_ahead_brings_all_rows_where_there_is_room() {
    let (cache, engine) = cold(1 << 30);
    assert_eq!(load_ahead(&engine), ROWS);
    let loads = cache.statistics().loads;
    assert!((0..ROWS).all(|number| is_hit(&engine, number)));
    assert_eq!(cache.statistics().loads, loads);
    assert_eq!(engine.tree.verify(), cache.statistics().bytes);
}

#[test]
fn loading_ahead_leaves_room_and_makes_nothing_go() {
    let (cache, engine) = cold(all_bytes() / 2);
    let loaded = load_ahead(&engine);
    assert!((ROWS / 4..ROWS / 2).contains(&loaded), "{loaded} of {ROWS}");
    assert_eq!(cache.statistics().evictions, 0);
}

#[test]
fn the_absence_of_a_row_is_known_where_its_range_is_resident() {
    let (_, engine) = cold(1 << 30);
    let snapshot = engine.store.visible();
    engine.read(&key(10), snapshot);
    let guard = pin();
    let between = [key(10), vec![0]].concat();
    assert_eq!(engine.tree.lookup(&between, snapshot, &guard), Lookup::Missing);
}

#[test]
fn a_failed_load_leaves_the_range_absent_and_the_next_one_works() {
    let (cache, engine) = cold(1 << 30);
    engine.store.failures.store(1, Ordering::Relaxed);
    assert!(engine.tree.load(&key(1), Direction::Forward).is_err());
    assert_eq!(engine.tree.statistics().loading_leaves, 0);
    assert_eq!(engine.tree.verify(), cache.statistics().bytes);
    assert_eq!(engine.read(&key(1), engine.store.visible()), Some(vec![7; 100]));
    assert!(is_hit(&engine, 1));
}

#[test]
fn the_budget_holds_while_rows_are_inserted() {
    let cache = Cache::new(1 << 20);
    let engine = Engine::empty(&cache);
    for number in 0..ROWS {
        engine.commit(vec![(key(number), Some(vec![1; 100]))], 0);
        assert!(cache.statistics().bytes <= (1 << 20) + (64 << 10), "{:?}", cache.statistics());
    }
    assert!(cache.statistics().evictions > 0);
}

#[test]
fn the_budget_holds_while_all_rows_are_read_again_and_again() {
    let size = 2 << 20;
    let cache = Cache::new(size);
    cache.set_models(false);
    let engine = Engine::empty(&cache);
    let row = |number: u64| vec![(key(number), Some(vec![7; 100]))];
    let mut rows = 0;
    while (cache.statistics().bytes as usize) < size - 4096 {
        engine.commit(row(rows << 20), 0);
        rows += 1;
    }
    let mut random = Random(3);
    let mut keys: Vec<u64> = (0..rows).map(|number| number << 20).collect();
    for turn in 0..2000 {
        for &number in keys.iter().skip(turn % 4).step_by(4) {
            is_hit(&engine, number);
        }
        keys.push(random.below(rows << 20));
        engine.commit(row(keys[keys.len() - 1]), 0);
        let bytes = cache.statistics().bytes as usize;
        assert!(bytes <= size / 20 * 21, "{bytes} of {size} after {turn} inserts");
    }
}

#[test]
fn what_is_installed_evicts_nothing_until_there_is_time_for_it() {
    let cache = Cache::new(1 << 20);
    let engine = Engine::empty(&cache);
    for number in 0..ROWS {
        engine.tree.install(&key(number), 1, Some(&[1; 100]), 0);
    }
    assert_eq!(cache.statistics().evictions, 0);
    cache.make_some_room();
    assert!(cache.statistics().bytes <= 1 << 20, "{:?}", cache.statistics());
}

#[test]
fn emptied_ranges_leave_memory_too() {
    let (cache, engine) = cold(1 << 30);
    for first in (0..ROWS).step_by(1000) {
        engine.read(&key(first), engine.store.visible());
        engine.commit((first..first + 320).map(|number| (key(number), None)).collect(), 0);
    }
    engine.tree.purge(engine.store.visible());
    cache.set_size(4 << 10);
    assert!(cache.statistics().bytes <= 4 << 10, "{:?}", engine.tree.statistics());
}

#[test]
fn an_empty_tree_stays_known_as_empty() {
    let cache = Cache::new(0);
    let engine = Engine::empty(&cache);
    cache.make_room();
    assert_eq!(engine.tree.lookup(&key(1), 1, &pin()), Lookup::Missing);
}

/// An empty source whose load lasts until somebody waits for it.
#[derive(Default)]
struct Slow {
    has_begun: AtomicBool,
    is_waited_for: AtomicBool,
}

struct Shared(Arc<Slow>);

fn until(happened: &AtomicBool) {
    while !happened.load(Ordering::Acquire) {
        thread::yield_now();
    }
}

impl Source for Shared {
    fn load(
        &self,
        _lower: &[u8],
        _upper: Option<&[u8]>,
        _direction: Direction,
        _add: &mut dyn FnMut(&[u8], u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<u64, SourceError> {
        self.0.has_begun.store(true, Ordering::Release);
        until(&self.0.is_waited_for);
        Ok(1)
    }

    fn wait(&self, wait: &mut dyn FnMut()) {
        self.0.is_waited_for.store(true, Ordering::Release);
        wait();
    }
}

#[test]
fn who_waits_for_a_load_asks_the_source_how() {
    let slow = Arc::new(Slow::default());
    let tree = Tree::new(&Cache::new(1 << 20), Box::new(Shared(Arc::clone(&slow))));
    thread::scope(|scope| {
        scope.spawn(|| tree.load(b"a", Direction::Forward).unwrap());
        until(&slow.has_begun);
        tree.load(b"b", Direction::Forward).unwrap();
    });
    assert_eq!(tree.lookup(b"b", 1, &pin()), Lookup::Missing);
}

#[test]
fn with_the_memory_full_nobody_waits_for_a_load() {
    let slow = Arc::new(Slow::default());
    let tree = Tree::new(&Cache::new(1), Box::new(Shared(Arc::clone(&slow))));
    thread::scope(|scope| {
        scope.spawn(|| tree.load(b"a", Direction::Forward).unwrap());
        until(&slow.has_begun);
        let declined = tree.load(b"b", Direction::Forward).unwrap();
        let waited = slow.is_waited_for.swap(true, Ordering::AcqRel);
        assert_eq!((declined, waited), (Loading::Declined, false));
    });
}
