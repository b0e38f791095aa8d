//! A tree that loads and evicts all the time answers like a map of versions, and keeps its invariants.

mod support;

use proptest::prelude::*;
use reckon_index::{Cache, Direction, TreeStatistics};
use support::{Engine, settle};

#[derive(Clone, Debug)]
enum Operation {
    Write { key: u16, size: u8 },
    Delete { key: u16 },
    WriteRun { key: u16, count: u8 },
    DeleteRun { key: u16, count: u8 },
    Read { key: u16, age: u8 },
    ReadHot { key: u16 },
    WriteHot { key: u16 },
    Scan { from: u16, to: u16, age: u8, reverse: bool, loads: bool, step: u8 },
    Resize { kilobytes: u8 },
    Clear,
    FailNext,
    CommitDuringLoad { key: u16, count: u8, stage: usize, deletes: bool },
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let key = || 0..3000u16;
    prop_oneof![
        6 => (key(), any::<u8>()).prop_map(|(key, size)| Write { key, size }),
        2 => key().prop_map(|key| Delete { key }),
        4 => (key(), any::<u8>()).prop_map(|(key, count)| WriteRun { key, count }),
        2 => (key(), any::<u8>()).prop_map(|(key, count)| DeleteRun { key, count }),
        8 => (key(), any::<u8>()).prop_map(|(key, age)| Read { key, age: age / 16 }),
        8 => (0..12u16).prop_map(|key| ReadHot { key: key * 250 }),
        3 => (0..12u16).prop_map(|key| WriteHot { key: key * 250 }),
        4 => (key(), key(), any::<u8>(), any::<bool>(), any::<bool>(), 1..200u8).prop_map(
            |(from, to, age, reverse, loads, step)| Scan { from, to, age: age / 32, reverse, loads, step }
        ),
        1 => (1..100u8).prop_map(|kilobytes| Resize { kilobytes }),
        1 => Just(Clear),
        1 => Just(FailNext),
        6 => (key(), any::<u8>(), 0..3usize, any::<bool>()).prop_map(
            |(key, count, stage, deletes)| CommitDuringLoad { key, count, stage, deletes }
        ),
    ]
}

/// Ways to make a key of a number; not all of them keep its order.
const SHAPES: usize = 7;

fn key_of(shape: usize, number: u16) -> Vec<u8> {
    let wide = u64::from(number);
    match shape {
        0 => (wide + (1 << 63)).to_be_bytes().to_vec(),
        1 => wide.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes().to_vec(),
        2 => format!("https://example.org/{}/{number}", number % 7).into_bytes(),
        // Each key a prefix of others, down to the empty one.
        3 => vec![[0, 0xFF][usize::from(number % 2)]; usize::from(number / 2 % 40)],
        // Long runs of equal heads: the keys differ far behind what a head holds.
        4 => [vec![7; 8], vec![(number / 1000) as u8; 12], number.to_be_bytes().to_vec()].concat(),
        // A composite with markers before its columns.
        5 => [&[1][..], &(u32::from(number % 5)).to_be_bytes(), &[1], &wide.to_be_bytes()].concat(),
        _ => (u64::MAX - wide.pow(2)).to_be_bytes().to_vec(),
    }
}

fn run(engine: &Engine, cache: &Cache, shape: usize, lag: u64, operation: &Operation) {
    let key = |number: u16| key_of(shape, number);
    let snapshot = |age: u8| engine.store.visible().saturating_sub(u64::from(age));
    match *operation {
        Operation::Write { key: number, size } => {
            let value = vec![size; usize::from(size)];
            engine.commit(vec![(key(number), Some(value))], lag);
            engine.check_newest(&key(number));
        }
        Operation::Delete { key: number } => {
            engine.commit(vec![(key(number), None)], lag);
            engine.check_newest(&key(number));
        }
        Operation::WriteRun { key: first, count } => {
            let write = |at: u16| (key(first.wrapping_add(at)), Some(at.to_be_bytes().to_vec()));
            engine.commit((0..u16::from(count)).map(write).collect(), lag);
        }
        Operation::DeleteRun { key: first, count } => {
            let write = |at: u16| (key(first.wrapping_add(at)), None);
            engine.commit((0..u16::from(count)).map(write).collect(), lag);
        }
        Operation::Read { key: number, age } => {
            let (key, snapshot) = (key(number), snapshot(age));
            assert_eq!(engine.read(&key, snapshot), engine.store.read(&key, snapshot));
            engine.check_newest(&key);
        }
        Operation::ReadHot { key: number } => {
            let (key, snapshot) = (key(number), engine.store.visible());
            assert_eq!(engine.read(&key, snapshot), engine.store.read(&key, snapshot));
            engine.check_newest(&key);
        }
        Operation::WriteHot { key: number } => {
            engine.commit(vec![(key(number), Some(vec![1; 20]))], lag);
            engine.check_newest(&key(number));
        }
        Operation::Scan { from, to, age, reverse, loads, step } => {
            let (lower, upper) = (key(from), Some(key(to)).filter(|_| to % 8 > 0));
            let direction = if reverse { Direction::Reverse } else { Direction::Forward };
            let (snapshot, upper) = (snapshot(age), upper.as_deref());
            let seen = engine.scan(&lower, upper, direction, snapshot, step.into(), loads);
            assert_eq!(seen, engine.store.scan(&lower, upper, direction, snapshot));
        }
        Operation::CommitDuringLoad { key: first, count, stage, deletes } => {
            let write = |at: u16| {
                let value = (!deletes).then(|| at.to_le_bytes().to_vec());
                (key(first.wrapping_add(at)), value)
            };
            let mut during = engine.store.during_load.lock().expect("not poisoned");
            during[stage] = (0..u16::from(count)).map(write).collect();
        }
        Operation::Resize { kilobytes } => cache.set_size(usize::from(kilobytes) << 10),
        Operation::Clear => engine.tree.clear(),
        Operation::FailNext => engine.store.failures.store(1, std::sync::atomic::Ordering::Relaxed),
    }
}

/// Miri looks at every access, and is slow.
const CASES: u32 = if cfg!(miri) { 4 } else { 64 };
const OPERATIONS_MAX: usize = if cfg!(miri) { 30 } else { 250 };

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_a_map_of_versions(
        shape in 0..SHAPES,
        begins_empty in any::<bool>(),
        lag in 0..6u64,
        operations in proptest::collection::vec(operation(), 1..OPERATIONS_MAX),
    ) {
        let cache = Cache::new(40 << 10);
        let engine = if begins_empty { Engine::empty(&cache) } else { Engine::new(&cache) };
        for operation in &operations {
            run(&engine, &cache, shape, lag, operation);
            assert_eq!(engine.tree.verify(), cache.statistics().bytes);
        }
        let statistics = engine.tree.statistics();
        assert_eq!(statistics.index_bytes + statistics.record_bytes, cache.statistics().bytes);
        drop(engine);
        assert_eq!(cache.statistics().bytes, 0);
        settle(&cache);
    }
}

/// A tree with `count` rows under big-endian numbers, all in memory.
fn filled(cache: &std::sync::Arc<Cache>, numbers: impl Iterator<Item = u64>) -> Engine {
    let engine = Engine::empty(cache);
    for number in numbers {
        engine.commit(vec![(number.to_be_bytes().to_vec(), Some(b"value".to_vec()))], 0);
    }
    engine
}

fn fill_percent(statistics: &TreeStatistics) -> u64 {
    statistics.records * 100 / statistics.slots
}

#[test]
fn appended_keys_leave_full_leaves_behind() {
    let cache = Cache::new(1 << 30);
    for numbers in [
        Box::new((1u64 << 63)..(1u64 << 63) + 100_000u64) as Box<dyn Iterator<Item = u64>>,
        Box::new((0..100_000).rev()),
    ] {
        let engine = filled(&cache, numbers);
        assert_eq!(engine.tree.verify(), cache.statistics().bytes);
        let statistics = engine.tree.statistics();
        assert_eq!(statistics.records, 100_000);
        assert!(fill_percent(&statistics) >= 90, "{statistics:?}");
        assert!(statistics.index_bytes <= 18 * statistics.records, "{statistics:?}");
    }
}

#[test]
fn random_keys_take_at_most_24_bytes_of_index_each() {
    let cache = Cache::new(1 << 30);
    let engine = filled(&cache, (0..100_000u64).map(|at| at.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    assert_eq!(engine.tree.verify(), cache.statistics().bytes);
    let statistics = engine.tree.statistics();
    assert!(statistics.index_bytes <= 24 * statistics.records, "{statistics:?}");
}

#[test]
fn a_tree_of_ten_rows_takes_about_a_kilobyte() {
    let cache = Cache::new(1 << 30);
    let engine = filled(&cache, 0..10);
    assert!(engine.tree.statistics().index_bytes < 1200, "{:?}", engine.tree.statistics());
}

#[test]
fn a_queue_does_not_keep_what_was_taken() {
    let cache = Cache::new(1 << 30);
    let engine = Engine::empty(&cache);
    let key = |number: u64| number.to_be_bytes().to_vec();
    for number in 0..50_000u64 {
        engine.commit(vec![(key(number), Some(b"job".to_vec()))], 0);
        if number >= 100 {
            engine.commit(vec![(key(number - 100), None)], 0);
        }
    }
    let statistics = engine.tree.statistics();
    assert!(statistics.records < 1500, "{statistics:?}");
    assert!(statistics.resident_leaves < 8, "{statistics:?}");
    assert_eq!(engine.tree.verify(), cache.statistics().bytes);
}

#[test]
fn what_was_deleted_ahead_of_the_horizon_goes_once_that_has_come() {
    let cache = Cache::new(1 << 30);
    let engine = Engine::empty(&cache);
    let rows = |value: Option<&[u8]>| {
        (0..20_000u64).map(|at| (at.to_be_bytes().to_vec(), value.map(<[u8]>::to_vec))).collect()
    };
    engine.commit(rows(Some(b"job")), 0);
    let deleted = engine.commit(rows(None), 1000);
    engine.tree.purge(deleted - 1);
    assert_eq!(engine.tree.statistics().records, 20_000);
    engine.tree.purge(deleted);
    let statistics = engine.tree.statistics();
    assert!(statistics.records < 100 && statistics.resident_leaves < 8, "{statistics:?}");
    assert_eq!(engine.tree.verify(), cache.statistics().bytes);
}

#[test]
fn a_hot_row_keeps_few_versions_even_when_the_horizon_stands_still() {
    let cache = Cache::new(1 << 30);
    let engine = Engine::empty(&cache);
    for number in 0..10_000u64 {
        engine.tree.install(b"hot", number + 1, Some(&number.to_be_bytes()), 0);
    }
    assert!(engine.tree.statistics().record_bytes < 8192, "{:?}", engine.tree.statistics());
    assert_eq!(engine.tree.verify(), cache.statistics().bytes);
}

#[test]
fn memory_returns_to_zero() {
    let cache = Cache::new(200 << 10);
    let engine = filled(&cache, (0..20_000u64).map(|at| at.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    let statistics = cache.statistics();
    assert!(statistics.bytes <= 200 << 10, "{statistics:?}");
    assert!(statistics.evictions > 0);
    for number in 0..20_000u64 {
        let key = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
        assert_eq!(engine.read(&key, engine.store.visible()), Some(b"value".to_vec()));
    }
    let statistics = cache.statistics();
    assert!(statistics.loads > 10 && statistics.declined > 0, "{statistics:?}");
    drop(engine);
    settle(&cache);
    assert_eq!((cache.statistics().bytes, cache.statistics().retired_bytes), (0, 0));
}
