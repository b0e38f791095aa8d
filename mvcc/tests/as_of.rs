//! Transactions that read the past.
#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod support;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use reckon_mvcc::{
    Counters, Direction, Engine, Error, Isolation, KeyRange, KeyspaceId, MemoryStore, Options,
    RowLock, Session, StorageError, Store, Timestamp, Transaction, Wait,
};
use reckon_storage::memory::Fault;
use support::{GatedStore, Random, TABLE, read, rows, see, set, set_in, until};

const RC: Isolation = Isolation::ReadCommitted;

fn as_of(session: &mut Session, at: Timestamp) -> Result<Transaction, Error> {
    let mut transaction = session.begin(RC, false);
    transaction.read_as_of(at)?;
    Ok(transaction)
}

fn value_at(engine: &Engine, at: Timestamp, key: &[u8]) -> Option<Vec<u8>> {
    let mut session = engine.session();
    let mut transaction = as_of(&mut session, at).unwrap();
    let snapshot = transaction.snapshot();
    read(&transaction, &snapshot, key)
}

#[test]
fn each_time_has_the_rows_that_were_committed_by_then() {
    let engine = support::engine();
    let before = engine.now();
    let first = set(&engine, b"a", b"1");
    let second = set(&engine, b"a", b"2");
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    transaction.lock_key(TABLE, b"a", RowLock::ForUpdate, Wait::Block).unwrap();
    transaction.delete(TABLE, b"a").unwrap();
    let deleted = transaction.commit().unwrap().timestamp.unwrap();
    assert_eq!(value_at(&engine, before, b"a"), None);
    assert_eq!(value_at(&engine, first, b"a").as_deref(), Some(&b"1"[..]));
    assert_eq!(value_at(&engine, Timestamp(second.0 - 1), b"a").as_deref(), Some(&b"1"[..]));
    assert_eq!(value_at(&engine, second, b"a").as_deref(), Some(&b"2"[..]));
    assert_eq!(value_at(&engine, deleted, b"a"), None);
}

#[test]
fn all_statements_see_the_same_and_none_writes() {
    let engine = support::engine();
    let at = set(&engine, b"a", b"1");
    let mut session = engine.session();
    let mut transaction = as_of(&mut session, at).unwrap();
    assert!(transaction.is_read_only() && transaction.is_historical());
    let first = transaction.snapshot();
    transaction.next_command();
    transaction.release_snapshots();
    set(&engine, b"a", b"2");
    let second = transaction.snapshot();
    assert_eq!((first.timestamp, second.timestamp), (at, at));
    assert_eq!(read(&transaction, &second, b"a").as_deref(), Some(&b"1"[..]));
    assert!(matches!(transaction.put(TABLE, b"a", b"3"), Err(Error::ReadOnly)));
    transaction.read_as_of_now(false);
    let now = transaction.snapshot();
    assert_eq!(read(&transaction, &now, b"a").as_deref(), Some(&b"2"[..]));
}

#[test]
fn commits_come_after_whatever_was_asked_for() {
    let engine = support::engine();
    set(&engine, b"a", b"1");
    let mut at = engine.now();
    for round in 0..50u8 {
        let seen = value_at(&engine, at, b"a");
        let committed = set(&engine, b"a", &[round]);
        assert!(committed > at);
        assert_eq!(value_at(&engine, at, b"a"), seen);
        at = engine.now();
    }
}

#[test]
fn an_answer_stays_over_a_new_start() {
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::open(store.clone(), support::options()).unwrap();
    set(&engine, b"a", b"1");
    let at = engine.now();
    assert!(value_at(&engine, at, b"a").is_some());
    engine.shutdown().unwrap();
    let engine = Engine::open(store, support::options()).unwrap();
    assert!(engine.visible() >= at);
    assert!(set(&engine, b"a", b"2") > at);
    assert_eq!(value_at(&engine, at, b"a").as_deref(), Some(&b"1"[..]));
}

#[test]
fn who_has_read_a_time_sees_it_from_then_on() {
    let store = GatedStore::new();
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let engine = Engine::open(shared, support::options()).unwrap();
    store.shut();
    set_in(&mut engine.session(), b"a", b"1");
    let mut session = engine.session();
    let past = {
        let mut transaction = as_of(&mut session, engine.now()).unwrap();
        let snapshot = transaction.snapshot();
        read(&transaction, &snapshot, b"a")
    };
    let (now, other) = (see(&mut session, b"a"), see(&mut engine.session(), b"a"));
    store.open();
    assert_eq!((past, other), (Some(b"1".to_vec()), None));
    assert_eq!(now, Some(b"1".to_vec()));
}

#[test]
fn a_time_that_the_log_must_pass_is_refused_when_the_disk_is_full() {
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::open(store.clone(), support::options()).unwrap();
    let passed = set(&engine, b"a", b"1");
    let last = store.last_timestamp();
    store.set_fault(Some(Fault::DiskFull));
    let refused = as_of(&mut engine.session(), engine.now()).map(|_| ());
    assert!(matches!(refused, Err(Error::Storage(StorageError::DiskFull { .. }))));
    assert_eq!(store.last_timestamp(), last);
    assert_eq!(value_at(&engine, passed, b"a").as_deref(), Some(&b"1"[..]));
}

#[test]
fn the_future_and_what_is_too_old_are_refused() {
    let engine = support::engine();
    let mut session = engine.session();
    let future = Timestamp(engine.now().0 + 1_000_000_000);
    assert!(matches!(as_of(&mut session, future), Err(Error::SnapshotInFuture)));
    let retention = support::options().history_retention;
    let old = Timestamp(engine.now().0 - u64::try_from(retention.as_micros()).unwrap() - 1);
    let refused = as_of(&mut session, old);
    assert!(matches!(refused, Err(Error::SnapshotTooOld { retention: told }) if told == retention));
}

#[test]
fn a_longer_retention_does_not_bring_back_what_was_collected() {
    let store = Arc::new(MemoryStore::new());
    let options = Options { history_retention: Duration::ZERO, ..support::options() };
    let engine = Engine::open(store.clone(), options).unwrap();
    let first = set(&engine, b"a", b"1");
    set(&engine, b"a", b"2");
    engine.compact(TABLE).unwrap();
    engine.shutdown().unwrap();
    let engine = Engine::open(store, support::options()).unwrap();
    let refused = as_of(&mut engine.session(), first).map(|_| ());
    assert!(matches!(refused, Err(Error::SnapshotTooOld { .. })));
}

#[test]
fn an_open_snapshot_older_than_the_retention_stays_readable() {
    let retention = Duration::from_millis(5);
    let options = Options { history_retention: retention, cache_size: 0, ..support::options() };
    let engine = Engine::open(Arc::new(MemoryStore::new()), options).unwrap();
    set(&engine, b"a", b"1");
    let mut session = engine.session();
    let (at, mut transaction) = loop {
        let at = engine.now();
        if let Ok(transaction) = as_of(&mut session, at) {
            break (at, transaction);
        }
    };
    set(&engine, b"a", b"2");
    let past = |engine: &Engine| engine.now().0 > at.0 + 20_000;
    until(|| past(&engine));
    engine.compact(TABLE).unwrap();
    assert!(engine.statistics().store.low_mark <= at);
    let snapshot = transaction.snapshot();
    assert_eq!(read(&transaction, &snapshot, b"a").as_deref(), Some(&b"1"[..]));
    transaction.rollback();
    set(&engine, b"a", b"3");
    engine.compact(TABLE).unwrap();
    assert!(engine.statistics().store.low_mark > at);
    assert!(matches!(as_of(&mut session, at), Err(Error::SnapshotTooOld { .. })));
}

#[test]
fn a_dropped_keyspace_is_kept_as_long_as_history_reaches_it() {
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::open(store.clone(), support::options()).unwrap();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    let keyspace = transaction.create_keyspace().unwrap();
    transaction.put(keyspace, b"a", b"1").unwrap();
    let filled = transaction.commit().unwrap().timestamp.unwrap();
    let mut transaction = session.begin(RC, false);
    transaction.drop_keyspace(keyspace);
    let dropped = transaction.commit().unwrap().timestamp.unwrap();
    assert!(dropped > filled);
    drop(session);
    engine.shutdown().unwrap();

    let engine = Engine::open(store.clone(), support::options()).unwrap();
    assert_eq!(engine.drop_orphans(&HashSet::new()).unwrap(), []);
    assert_eq!(in_keyspace(&engine, keyspace, filled).as_deref(), Some(&b"1"[..]));
    engine.shutdown().unwrap();

    let options = Options { history_retention: Duration::ZERO, ..support::options() };
    let engine = Engine::open(store.clone(), options).unwrap();
    set(&engine, b"a", b"1");
    until(|| !engine.store().keyspaces().unwrap().contains(&keyspace));
    until(|| engine.durable() == engine.visible());
    engine.shutdown().unwrap();
    let engine = Engine::open(store, support::options()).unwrap();
    assert_eq!(engine.drop_orphans(&HashSet::new()).unwrap(), []);
}

fn in_keyspace(engine: &Engine, keyspace: KeyspaceId, at: Timestamp) -> Option<Vec<u8>> {
    let mut session = engine.session();
    let mut transaction = as_of(&mut session, at).unwrap();
    let snapshot = transaction.snapshot();
    let mut counters = Counters::default();
    transaction.read(&snapshot, keyspace, b"a", &mut counters, <[u8]>::to_vec).unwrap()
}

const ACCOUNTS: u64 = 300;
const EACH: u64 = 1_000;
const WRITERS: u64 = 3;

fn account(number: u64) -> Vec<u8> {
    format!("account {number:04}").into_bytes()
}

/// An amount in a row that is large, so that a small cache holds few of them.
fn amount(value: u64) -> Vec<u8> {
    format!("{value:0200}").into_bytes()
}

#[test]
fn any_past_time_has_one_state_under_concurrent_writes() {
    for (seed, cache_size) in [(1, 0), (2, 32 << 10), (3, 64 << 20)] {
        transfer_and_look_back(seed, cache_size);
    }
}

fn transfer_and_look_back(seed: u64, cache_size: usize) {
    let options = Options { cache_size, ..support::options() };
    let engine = Engine::open(Arc::new(MemoryStore::new()), options).unwrap();
    for number in 0..ACCOUNTS {
        set(&engine, &account(number), &amount(EACH));
    }
    let start = engine.visible();
    let running = AtomicU64::new(WRITERS);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (engine, running) = (&engine, &running);
            scope.spawn(move || {
                let mut random = Random::new(seed * 100 + writer);
                let mut session = engine.session();
                for _ in 0..150 {
                    transfer(&mut session, &mut random);
                }
                running.fetch_sub(1, Ordering::Release);
            });
        }
        for reader in 0..2 {
            let (engine, running) = (&engine, &running);
            scope.spawn(move || {
                let mut random = Random::new(seed * 100 + 50 + reader);
                while running.load(Ordering::Acquire) > 0 {
                    let now = engine.now().0;
                    let at = Timestamp(start.0 + random.below(now - start.0 + 1));
                    let once = state_at(engine, at, &mut random);
                    assert_eq!(state_at(engine, at, &mut random), once, "at {at}");
                    assert_eq!(once.iter().sum::<u64>(), ACCOUNTS * EACH, "at {at}");
                }
            });
        }
    });
    if cache_size == 0 {
        assert!(engine.statistics().store.reads > 0);
    }
}

fn transfer(session: &mut Session, random: &mut Random) {
    let mut transaction = session.begin(RC, false);
    let (one, other) = (random.below(ACCOUNTS), random.below(ACCOUNTS));
    if one == other {
        return;
    }
    // In order, so that there are no deadlocks.
    let keys = [account(one.min(other)), account(one.max(other))];
    let mut amounts = Vec::new();
    for key in &keys {
        transaction.lock_key(TABLE, key, RowLock::ForUpdate, Wait::Block).unwrap();
        amounts.push(number(&support::newest(&transaction, key).unwrap()));
    }
    let moved = random.below(amounts[0] + 1);
    transaction.put(TABLE, &keys[0], &amount(amounts[0] - moved)).unwrap();
    transaction.put(TABLE, &keys[1], &amount(amounts[1] + moved)).unwrap();
    transaction.commit().unwrap();
}

fn number(value: &[u8]) -> u64 {
    std::str::from_utf8(value).unwrap().parse().unwrap()
}

/// All amounts at a time: by one scan, by pieces of one, or key by key.
fn state_at(engine: &Engine, at: Timestamp, random: &mut Random) -> Vec<u64> {
    let mut session = engine.session();
    let mut transaction = as_of(&mut session, at).unwrap();
    let snapshot = transaction.snapshot();
    let way = random.below(3);
    if way == 0 {
        let value = |key| number(&read(&transaction, &snapshot, &account(key)).unwrap());
        return (0..ACCOUNTS).map(value).collect();
    }
    let rows_max = if way == 1 { usize::MAX } else { 7 };
    let all = rows(&transaction, &snapshot, KeyRange::ALL, Direction::Forward, rows_max);
    all.iter().map(|(_, value)| number(value)).collect()
}
