//! What is acknowledged survives, and nobody is told what might not.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test panics where it fails, and says what it tried"
)]

mod support;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use reckon_mvcc::{
    Engine, Error, Isolation, MemoryStore, Options, RowLock, StorageError, Store, SyncMode, Wait,
};
use reckon_storage::memory::Fault;
use support::{
    GatedStore, Random, TABLE, lock_row, newest, options, read, see, set, set_in, until,
};

const RC: Isolation = Isolation::ReadCommitted;

fn gated() -> (Arc<GatedStore>, Engine) {
    let store = GatedStore::new();
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    (store, Engine::open(shared, options()).unwrap())
}

#[test]
fn a_plain_reader_never_sees_what_a_crash_could_take_back() {
    let (store, engine) = gated();
    store.shut();
    let mut writer = engine.session();
    let at = set_in(&mut writer, b"a", b"1");
    assert!(engine.visible() >= at);
    assert_eq!(see(&mut engine.session(), b"a"), None);
    assert_eq!(see(&mut writer, b"a"), Some(b"1".to_vec()));
    store.open();
    engine.on_durable(at).wait();
    assert!(engine.durable() >= at);
    assert_eq!(see(&mut engine.session(), b"a"), Some(b"1".to_vec()));
}

#[test]
fn locks_are_released_before_the_sync_and_who_saw_that_waits_for_it() {
    let (store, engine) = gated();
    store.shut();
    let (mut one, mut two) = (engine.session(), engine.session());
    let at = set_in(&mut one, b"a", b"1");

    let mut next = two.begin(RC, false);
    let snapshot = next.snapshot();
    lock_row(&mut next, &snapshot, b"a", RowLock::ForUpdate, Wait::NoWait).unwrap();
    assert_eq!(newest(&next, b"a"), Some(b"1".to_vec()));
    let needed = next.rollback();
    assert!(needed >= at);
    assert!(engine.durable() < needed);

    let mut reader = two.begin(RC, true);
    let snapshot = reader.snapshot();
    assert_eq!(read(&reader, &snapshot, b"a"), Some(b"1".to_vec()));
    let needed = reader.commit().unwrap().durable_needed;
    assert!(needed >= at);

    let mut durable = pin!(engine.on_durable(needed));
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(durable.as_mut().poll(&mut context), Poll::Pending);
    store.open();
    engine.on_durable(needed).wait();
    assert_eq!(durable.as_mut().poll(&mut context), Poll::Ready(()));
}

#[test]
fn one_sync_covers_all_commits_that_wait() {
    let (store, engine) = gated();
    store.shut();
    let mut session = engine.session();
    set_in(&mut session, b"first", b"");
    until(|| store.waiting.load(Ordering::Acquire));
    let syncs = engine.statistics().syncs;
    let last = (0..50u8).map(|at| set_in(&mut session, &[at], b"")).last().unwrap();
    store.open();
    engine.on_durable(last).wait();
    assert!(engine.statistics().syncs <= syncs + 2);
}

#[test]
fn a_commit_that_does_not_wait_is_answerable_at_once_unless_one_before_it_waits() {
    let (store, engine) = gated();
    let lazily = |key: &[u8]| {
        let mut session = engine.session();
        let mut transaction = session.begin(RC, false);
        transaction.set_synchronous_commit(false);
        transaction.put(TABLE, key, b"1").unwrap();
        transaction.commit().unwrap()
    };
    store.shut();
    let first = lazily(b"a");
    assert!(engine.durable() >= first.timestamp.unwrap());
    assert!(first.durable_needed < first.timestamp.unwrap());
    assert_eq!(see(&mut engine.session(), b"a"), Some(b"1".to_vec()));

    let waits = set_in(&mut engine.session(), b"b", b"1");
    let second = lazily(b"c");
    assert!(engine.durable() < waits);
    assert_eq!(see(&mut engine.session(), b"c"), None);
    assert_eq!(second.durable_needed, second.timestamp.unwrap());
    store.open();
    engine.on_durable(second.durable_needed).wait();
    assert_eq!(see(&mut engine.session(), b"c"), Some(b"1".to_vec()));
}

#[test]
fn history_is_kept_of_what_is_not_on_disk_yet() {
    let store = GatedStore::new();
    let options = Options { history_retention: Duration::ZERO, ..options() };
    let engine = Engine::open(Arc::clone(&store) as Arc<dyn Store>, options).unwrap();
    let on_disk = set(&engine, b"a", b"1");
    store.shut();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    transaction.set_synchronous_commit(false);
    transaction.put(TABLE, b"a", b"2").unwrap();
    let at = transaction.commit().unwrap().timestamp.unwrap();
    assert!(engine.durable() >= at);
    engine.compact(TABLE).unwrap();
    assert!(engine.statistics().store.low_mark <= on_disk);
    store.open();
}

#[test]
fn a_commit_that_waits_covers_those_before_it_that_did_not() {
    let (store, engine) = gated();
    store.shut();
    let mut session = engine.session();
    for key in [b"a", b"b"] {
        let mut transaction = session.begin(RC, false);
        transaction.set_synchronous_commit(false);
        transaction.put(TABLE, key, b"1").unwrap();
        let at = transaction.commit().unwrap().timestamp.unwrap();
        assert!(store.store.after_crash().last_timestamp() < at);
    }
    let waits = set_in(&mut session, b"c", b"1");
    store.open();
    engine.on_durable(waits).wait();
    let after = Engine::open(Arc::new(store.store.after_crash()), options()).unwrap();
    for key in [b"a", b"b", b"c"] {
        assert_eq!(see(&mut after.session(), key), Some(b"1".to_vec()));
    }
}

#[test]
fn a_commit_nobody_waits_for_is_synced_soon_all_the_same() {
    let (store, engine) = gated();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    transaction.set_synchronous_commit(false);
    transaction.put(TABLE, b"a", b"1").unwrap();
    let at = transaction.commit().unwrap().timestamp.unwrap();
    until(|| store.store.after_crash().last_timestamp() >= at);
}

#[test]
fn an_embedded_commit_is_durable_when_it_returns() {
    let store = Arc::new(MemoryStore::new());
    let options = Options { sync: SyncMode::Inline, ..options() };
    let engine = Engine::open(Arc::clone(&store) as _, options).unwrap();
    let mut session = engine.session();
    let at = set_in(&mut session, b"a", b"1");
    assert!(engine.durable() >= at);
    let engine = Engine::open(Arc::new(store.after_crash()), Options::default()).unwrap();
    assert_eq!(see(&mut engine.session(), b"a"), Some(b"1".to_vec()));
}

#[test]
fn a_stalled_store_delays_a_commit_and_a_full_disk_refuses_it() {
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::open(Arc::clone(&store) as _, options()).unwrap();
    let mut session = engine.session();
    store.set_fault(Some(Fault::Stall));
    set_in(&mut session, b"a", b"1");
    assert_eq!(see(&mut session, b"a"), Some(b"1".to_vec()));

    store.set_fault(Some(Fault::DiskFull));
    let mut transaction = session.begin(RC, false);
    transaction.put(TABLE, b"b", b"1").unwrap();
    let refused = transaction.commit();
    assert!(matches!(refused, Err(Error::Storage(StorageError::DiskFull { .. }))));
    assert_eq!(see(&mut session, b"b"), None);
    assert_eq!(see(&mut session, b"a"), Some(b"1".to_vec()));
    store.set_fault(None);
    set_in(&mut session, b"b", b"2");
    assert_eq!(see(&mut session, b"b"), Some(b"2".to_vec()));
}

/// A failed sync ends the process: run in a child, which must die without acknowledging.
#[test]
fn a_failed_sync_ends_the_process() {
    const CHILD: &str = "RECKON_TEST_FAILING_SYNC";
    if std::env::var_os(CHILD).is_some() {
        let store = Arc::new(MemoryStore::new());
        let engine = Engine::open(Arc::clone(&store) as _, options()).unwrap();
        let mut session = engine.session();
        let mut transaction = session.begin(RC, false);
        transaction.put(TABLE, b"a", b"1").unwrap();
        store.set_fault(Some(Fault::WriteFails));
        let _ = transaction.commit();
        println!("acknowledged");
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_failed_sync_ends_the_process", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(!String::from_utf8_lossy(&output.stdout).contains("acknowledged"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("PANIC"));
}

/// Money moves between accounts; a crash at any moment loses nothing that was acknowledged, neither to its
/// writer nor to a reader, and no half of a transfer.
#[test]
fn a_crash_keeps_what_was_acknowledged_and_no_half_of_a_commit() {
    for seed in 0..5 {
        let (store, engine) = gated();
        let acknowledged = Mutex::new(BTreeMap::new());
        let stop = AtomicBool::new(false);
        let crashed = thread::scope(|scope| {
            for thread in 0..4u64 {
                let (engine, acknowledged, stop) = (&engine, &acknowledged, &stop);
                scope.spawn(move || {
                    let mut random = Random::new(seed * 10 + thread);
                    let mut session = engine.session();
                    while !stop.load(Ordering::Relaxed) {
                        let (needed, seen) = transfer(&mut session, &mut random);
                        engine.on_durable(needed).wait();
                        acknowledged.lock().extend(seen);
                    }
                });
            }
            until(|| acknowledged.lock().len() > 20 + seed as usize * 7);
            let (promised, crashed) = {
                let acknowledged = acknowledged.lock();
                (acknowledged.clone(), store.store.after_crash())
            };
            stop.store(true, Ordering::Relaxed);
            (promised, crashed)
        });
        let (promised, image) = crashed;
        check_bank(image, &promised);
    }
}

type Balances = BTreeMap<(Vec<u8>, u64), i64>;

/// Moves money; returns what `durable` must cover and the versions it saw or made, by key and version.
fn transfer(
    session: &mut reckon_mvcc::Session,
    random: &mut Random,
) -> (reckon_mvcc::Timestamp, Balances) {
    let mut accounts: [u8; 2] = std::array::from_fn(|_| u8::try_from(random.below(8)).unwrap());
    accounts.sort_unstable();
    let amount = i64::try_from(random.below(100)).unwrap();
    let mut transaction = session.begin(RC, false);
    let mut seen = Balances::new();
    if accounts[0] == accounts[1] {
        let snapshot = transaction.snapshot();
        if let Some((version, balance)) = decode(read(&transaction, &snapshot, &accounts[..1])) {
            seen.insert((accounts[..1].to_vec(), version), balance);
        }
        return (transaction.commit().unwrap().durable_needed, seen);
    }
    for (account, change) in accounts.into_iter().zip([-amount, amount]) {
        transaction.lock_key(TABLE, &[account], RowLock::ForUpdate, Wait::Block).unwrap();
        let (version, balance) = decode(newest(&transaction, &[account])).unwrap_or((0, 0));
        let mut value = (version + 1).to_be_bytes().to_vec();
        value.extend((balance + change).to_be_bytes());
        transaction.put(TABLE, &[account], &value).unwrap();
        seen.insert((vec![account], version + 1), balance + change);
    }
    (transaction.commit().unwrap().durable_needed, seen)
}

fn decode(value: Option<Vec<u8>>) -> Option<(u64, i64)> {
    let value = value?;
    let (version, balance) = value.split_at(8);
    let version = u64::from_be_bytes(version.try_into().unwrap());
    Some((version, i64::from_be_bytes(balance.try_into().unwrap())))
}

fn check_bank(image: MemoryStore, promised: &Balances) {
    let engine = Engine::open(Arc::new(image), options()).unwrap();
    let mut session = engine.session();
    let found: BTreeMap<Vec<u8>, (u64, i64)> = (0..8u8)
        .filter_map(|account| Some((vec![account], decode(see(&mut session, &[account]))?)))
        .collect();
    let sum: i64 = found.values().map(|(_, balance)| balance).sum();
    assert_eq!(sum, 0, "half of a transfer survived");
    for ((account, version), balance) in promised {
        let (last, current) = found.get(account).copied().expect("an acknowledged account is gone");
        assert!(last >= *version, "an acknowledged version is gone");
        assert!(last > *version || current == *balance);
    }
}

/// The control: if `durable` ran ahead of the sync, the check above would see it.
#[test]
#[should_panic(expected = "gone")]
fn the_crash_check_notices_an_acknowledged_commit_that_was_not_synced() {
    let (store, engine) = gated();
    store.shut();
    let mut session = engine.session();
    let mut random = Random::new(1);
    let mut promised = Balances::new();
    while promised.len() < 4 {
        promised.extend(transfer(&mut session, &mut random).1);
    }
    let image = store.store.after_crash();
    store.open();
    check_bank(image, &promised);
}
