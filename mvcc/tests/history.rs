//! Random concurrent histories: every read is checked afterwards against what was committed when.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test panics where it fails, and says what it tried"
)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use reckon_mvcc::{
    Direction, Engine, Error, Isolation, KeyRange, Locked, MemoryStore, Options, RowLock, Snapshot,
    Timestamp, Transaction, Wait,
};
use support::{Random, TABLE, lock_row, newest, read, rows, set};

const KEYS: u64 = 400;
const THREADS: u64 = 4;
/// A cache that does not hold the rows.
const SMALL: usize = 64 << 10;

type Value = Option<Vec<u8>>;
/// Of each key, what was committed when.
type History = BTreeMap<Vec<u8>, BTreeMap<Timestamp, Value>>;

/// What was read, to be checked when the history is known.
#[derive(Debug)]
enum Observation {
    Point { at: Timestamp, key: Vec<u8>, value: Value },
    Range { at: Timestamp, first: Vec<u8>, rows: Vec<(Vec<u8>, Vec<u8>)>, direction: Direction },
}

#[derive(Default)]
struct Log {
    history: History,
    observations: Vec<Observation>,
}

fn key(at: u64) -> Vec<u8> {
    format!("key {at:06}").into_bytes()
}

#[test]
fn every_read_sees_exactly_the_commits_of_its_snapshot() {
    for seed in 0..4 {
        run(seed, SMALL);
    }
}

#[test]
fn and_so_it_does_when_everything_fits_in_memory() {
    run(99, 64 << 20);
}

fn run(seed: u64, cache_size: usize) {
    println!("seed {seed}");
    let options = Options { cache_size, history_retention: Duration::ZERO, ..support::options() };
    let engine = Engine::open(Arc::new(MemoryStore::new()), options).unwrap();
    let log = Mutex::new(Log::default());
    for at in (0..KEYS).step_by(2) {
        let value = vec![b'.'; 200];
        let committed = set(&engine, &key(at), &value);
        log.lock().history.entry(key(at)).or_default().insert(committed, Some(value));
    }
    let running = AtomicU64::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (engine, log, running) = (&engine, &log, &running);
            scope.spawn(move || {
                let _ended = Ended(running);
                let mut random = Random::new(seed * 1_000 + thread);
                let mut session = engine.session();
                for at in 0..300 {
                    let tag = format!("{thread} {at} ");
                    transact(engine, &mut session, &mut random, &tag, log);
                }
            });
        }
        let (engine, running) = (&engine, &running);
        scope.spawn(move || {
            while running.load(Ordering::Acquire) > 0 {
                engine.compact(TABLE).unwrap();
                thread::yield_now();
            }
        });
    });
    let figures = engine.statistics();
    println!("{:?} {:?}", figures.cache, figures.store);
    assert!(figures.cache.loads > 0 && figures.cache.leaf_hits > 0 && figures.store.cursors > 0);
    assert_eq!(figures.cache.evictions > 0, cache_size == SMALL);
    check(&log.into_inner());
}

/// Counts a thread down, panic or not.
struct Ended<'a>(&'a AtomicU64);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

fn transact(
    engine: &Engine,
    session: &mut reckon_mvcc::Session,
    random: &mut Random,
    tag: &str,
    log: &Mutex<Log>,
) {
    let isolation = match random.below(2) {
        0 => Isolation::ReadCommitted,
        _ => Isolation::RepeatableRead,
    };
    let mut transaction = session.begin(isolation, false);
    let mut own: BTreeMap<Vec<u8>, Value> = BTreeMap::new();
    let mut observations = Vec::new();
    if random.below(20) == 0 {
        write_many(&mut transaction, random, tag, &mut own);
    }
    for _ in 0..=random.below(6) {
        let snapshot = transaction.snapshot();
        match random.below(5) {
            0 => observations.push(scan(&transaction, &snapshot, random, &own)),
            1 | 2 => {
                let written = write(&mut transaction, &snapshot, random, tag, &mut own);
                if written.is_err() {
                    transaction.rollback();
                    return log.lock().observations.extend(observations);
                }
            }
            _ => {
                let key = key(random.below(KEYS));
                let value = read(&transaction, &snapshot, &key);
                match own.get(&key) {
                    Some(written) => assert_eq!(value, *written),
                    None => {
                        let at = snapshot.timestamp;
                        observations.push(Observation::Point { at, key, value });
                    }
                }
            }
        }
        transaction.next_command();
    }
    let mut log = if random.below(8) == 0 {
        transaction.rollback();
        log.lock()
    } else {
        let committed = transaction.commit().unwrap();
        if random.below(3) == 0 {
            engine.on_durable(committed.durable_needed).wait();
        }
        let mut log = log.lock();
        for (key, value) in own {
            let at = committed.timestamp.unwrap();
            assert!(log.history.entry(key).or_default().insert(at, value).is_none());
        }
        log
    };
    log.observations.extend(observations);
}

fn write(
    transaction: &mut Transaction,
    snapshot: &Snapshot,
    random: &mut Random,
    tag: &str,
    own: &mut BTreeMap<Vec<u8>, Value>,
) -> Result<(), Error> {
    let key = key(random.below(KEYS));
    let wait = if random.below(2) == 0 { Wait::Block } else { Wait::Skip };
    let locked = lock_row(transaction, snapshot, &key, RowLock::ForUpdate, wait)?;
    if locked == Locked::Skipped {
        return Ok(());
    }
    if locked == Locked::Unchanged && !own.contains_key(&key) {
        assert_eq!(newest(transaction, &key), read(transaction, snapshot, &key));
    }
    if random.below(3) == 0 {
        transaction.delete(TABLE, &key)?;
        own.insert(key, None);
    } else {
        let mut value = tag.as_bytes().to_vec();
        value.resize(200, b'x');
        transaction.put(TABLE, &key, &value)?;
        own.insert(key, Some(value));
    }
    Ok(())
}

/// Many neighbours in one commit, so that it is installed while others load ranges it writes to.
fn write_many(
    transaction: &mut Transaction,
    random: &mut Random,
    tag: &str,
    own: &mut BTreeMap<Vec<u8>, Value>,
) {
    let first = random.below(KEYS);
    for key in (first..KEYS.min(first + 150)).map(key) {
        if !transaction.lock_key(TABLE, &key, RowLock::ForUpdate, Wait::Skip).unwrap() {
            continue;
        }
        if transaction.isolation() != Isolation::ReadCommitted && transaction.has_snapshot() {
            return;
        }
        let value = format!("{tag}many").into_bytes();
        transaction.put(TABLE, &key, &value).unwrap();
        own.insert(key, Some(value));
    }
    transaction.next_command();
}

fn scan(
    transaction: &Transaction,
    snapshot: &Snapshot,
    random: &mut Random,
    own: &BTreeMap<Vec<u8>, Value>,
) -> Observation {
    let first = key(random.below(KEYS));
    let direction = if random.below(2) == 0 { Direction::Forward } else { Direction::Reverse };
    let range = KeyRange {
        lower: std::ops::Bound::Included(first.clone()),
        upper: std::ops::Bound::Unbounded,
    };
    let rows_max = 1 + usize::try_from(random.below(60)).unwrap();
    let mut seen = rows(transaction, snapshot, range, direction, rows_max);
    for (key, value) in own.range(first.clone()..) {
        let found = seen.iter().position(|(seen, _)| seen == key);
        assert_eq!(found.map(|at| &seen[at].1), value.as_ref());
    }
    seen.retain(|(key, _)| !own.contains_key(key));
    // Own deletions hide committed rows; the check must not expect them.
    Observation::Range { at: snapshot.timestamp, first, rows: seen, direction }.without(own)
}

impl Observation {
    /// Marks the keys a transaction wrote itself as unknown.
    fn without(mut self, own: &BTreeMap<Vec<u8>, Value>) -> Self {
        if let Self::Range { rows, .. } = &mut self {
            rows.extend(own.keys().map(|key| (key.clone(), OWN.to_vec())));
        }
        self
    }
}

const OWN: &[u8] = b"own";

fn check(log: &Log) {
    assert!(log.observations.len() > 500);
    for observation in &log.observations {
        match observation {
            Observation::Point { at, key, value } => {
                assert_eq!(*value, seen_at(&log.history, key, *at), "{at} {key:?}");
            }
            Observation::Range { at, first, rows, direction } => {
                check_range(&log.history, *at, first, rows, *direction);
            }
        }
    }
}

fn check_range(
    history: &History,
    at: Timestamp,
    first: &[u8],
    rows: &[(Vec<u8>, Vec<u8>)],
    direction: Direction,
) {
    let is_own = |key: &[u8]| rows.iter().any(|(own, value)| own == key && value == OWN);
    let mut expected: Vec<_> = history
        .range(first.to_vec()..)
        .filter(|(key, _)| !is_own(key))
        .filter_map(|(key, _)| Some((key.clone(), seen_at(history, key, at)?)))
        .collect();
    if direction == Direction::Reverse {
        expected.reverse();
    }
    let seen: Vec<_> = rows.iter().filter(|(_, value)| value != OWN).cloned().collect();
    let keys = |rows: &[(Vec<u8>, Vec<u8>)]| {
        rows.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&seen), keys(&expected), "at {at}");
    assert!(seen == expected, "at {at}");
}

fn seen_at(history: &History, key: &[u8], at: Timestamp) -> Value {
    let versions = history.get(key)?;
    versions.range(..=at).next_back().and_then(|(_, value)| value.clone())
}

#[test]
fn increments_under_locks_are_never_lost() {
    let engine = support::engine();
    set(&engine, b"counter", b"0");
    let threads = 4;
    let turns = 200;
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut session = engine.session();
                for _ in 0..turns {
                    increment(&mut session);
                }
            });
        }
    });
    engine.on_durable(engine.visible()).wait();
    let counter = support::see(&mut engine.session(), b"counter").unwrap();
    assert_eq!(String::from_utf8(counter).unwrap(), (threads * turns).to_string());
}

fn increment(session: &mut reckon_mvcc::Session) {
    let mut transaction = session.begin(Isolation::ReadCommitted, false);
    let snapshot = transaction.snapshot();
    let mode = RowLock::ForNoKeyUpdate;
    let locked = lock_row(&mut transaction, &snapshot, b"counter", mode, Wait::Block).unwrap();
    let value = match locked {
        Locked::Unchanged => read(&transaction, &snapshot, b"counter"),
        _ => newest(&transaction, b"counter"),
    };
    let value: u64 = String::from_utf8(value.unwrap()).unwrap().parse().unwrap();
    transaction.put(TABLE, b"counter", (value + 1).to_string().as_bytes()).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn the_check_notices_a_read_that_missed_a_commit() {
    let mut history = History::new();
    let (key, value) = (b"a".to_vec(), Some(b"1".to_vec()));
    history.entry(key.clone()).or_default().insert(Timestamp(10), value.clone());
    assert_eq!(seen_at(&history, &key, Timestamp(9)), None);
    assert_eq!(seen_at(&history, &key, Timestamp(10)), value);
    let stop = AtomicBool::new(false);
    let missed = std::panic::catch_unwind(|| {
        check_range(&history, Timestamp(10), b"", &[], Direction::Forward);
        stop.store(true, Ordering::Relaxed);
    });
    assert!(missed.is_err());
}
