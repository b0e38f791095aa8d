//! Two-phase commit: what is prepared is neither seen nor lost, and keeps its locks.
#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod support;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use reckon_mvcc::{
    AdvisoryKey, AdvisoryLock, Counters, Engine, Error, Isolation, MemoryStore, NotSerializable,
    Options, PrepareProblem, RowLock, Session, Snapshot, Store, TableLock, TableLockId,
    Transaction, Wait,
};
use reckon_storage::memory::Fault;
use support::{GatedStore, TABLE, lock_row, read, see, set, set_in, until};

const RC: Isolation = Isolation::ReadCommitted;
const RELATION: TableLockId = TableLockId { database: 5, relation: 16385 };
const KEY: AdvisoryKey = AdvisoryKey { database: 5, high: 0, low: 1, pair: false };

fn options() -> Options {
    Options { max_prepared_transactions: 4, ..support::options() }
}

fn open(store: &Arc<MemoryStore>) -> Engine {
    Engine::open(Arc::clone(store) as Arc<dyn Store>, options()).unwrap()
}

fn fresh() -> (Arc<MemoryStore>, Engine) {
    let store = Arc::new(MemoryStore::new());
    let engine = open(&store);
    (store, engine)
}

/// Prepares a transaction that wrote one key and locked a table and an advisory key.
fn prepare(session: &mut Session, identifier: &str, key: &[u8]) {
    let mut transaction = session.begin(RC, false);
    transaction.lock_table(RELATION, TableLock::RowExclusive, Wait::Block).unwrap();
    transaction.lock_key(TABLE, key, RowLock::ForUpdate, Wait::Block).unwrap();
    transaction.lock_advisory(KEY, AdvisoryLock::Share, Wait::Block).unwrap();
    transaction.put(TABLE, key, b"new").unwrap();
    transaction.prepare(identifier, b"note").unwrap();
}

/// Which of the locks of [`prepare`] somebody holds.
fn held(session: &mut Session, key: &[u8]) -> [bool; 3] {
    let mut transaction = session.begin(RC, false);
    let row = transaction.lock_key(TABLE, key, RowLock::ForKeyShare, Wait::Skip).unwrap();
    let table = transaction.lock_table(RELATION, TableLock::Share, Wait::Skip).unwrap();
    let advisory = transaction.lock_advisory(KEY, AdvisoryLock::Exclusive, Wait::Skip).unwrap();
    [!row, !table, !advisory]
}

fn commit(session: &Session, identifier: &str) {
    let claim = session.engine().claim_prepared(identifier).unwrap();
    let committed = claim.commit(session).unwrap();
    session.engine().on_durable(committed.durable_needed).wait();
}

fn problem<T>(result: Result<T, Error>) -> PrepareProblem {
    match result {
        Err(Error::Prepare(problem)) => problem,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was done"),
    }
}

#[test]
fn a_store_with_more_than_there_may_be_does_not_open_and_keeps_them() {
    let (store, engine) = fresh();
    for (identifier, key) in [("one", b"a"), ("two", b"b")] {
        prepare(&mut engine.session(), identifier, key);
    }
    drop(engine);
    let with = |max| {
        let options = Options { max_prepared_transactions: max, ..options() };
        Engine::open(Arc::clone(&store) as Arc<dyn Store>, options)
    };
    for max in [0, 1] {
        let refused = with(max).unwrap_err();
        assert!(matches!(refused, Error::Prepare(PrepareProblem::TooMany { max: m }) if m == max));
    }
    assert_eq!(with(2).unwrap().prepared().len(), 2);
}

#[test]
fn prepared_rows_are_seen_once_they_are_committed_and_by_later_snapshots_only() {
    let (_, engine) = fresh();
    let (mut one, mut other) = (engine.session(), engine.session());
    set(&engine, b"a", b"old");
    prepare(&mut one, "g", b"a");
    assert_eq!(see(&mut one, b"a"), Some(b"old".to_vec()));
    let mut early = other.begin(Isolation::RepeatableRead, true);
    let snapshot = early.snapshot();
    assert_eq!(held(&mut one, b"a"), [true; 3]);
    commit(&one, "g");
    assert_eq!(see(&mut one, b"a"), Some(b"new".to_vec()));
    assert_eq!(read(&early, &snapshot, b"a"), Some(b"old".to_vec()));
    assert_eq!(held(&mut one, b"a"), [false; 3]);
    assert!(engine.prepared().is_empty());
}

#[test]
fn what_is_rolled_back_is_gone_and_its_locks_are_free() {
    let (store, engine) = fresh();
    let mut session = engine.session();
    prepare(&mut session, "g", b"a");
    engine.claim_prepared("g").unwrap().rollback().unwrap();
    assert_eq!(see(&mut session, b"a"), None);
    assert_eq!(held(&mut session, b"a"), [false; 3]);
    assert!(open(&Arc::new(store.after_crash())).prepared().is_empty());
}

#[test]
fn a_crash_keeps_it_with_its_locks_until_it_is_finished() {
    let (store, engine) = fresh();
    set(&engine, b"a", b"old");
    prepare(&mut engine.session(), "g", b"a");
    let before = engine.prepared();

    let store = Arc::new(store.after_crash());
    let engine = open(&store);
    assert_eq!(engine.prepared(), before);
    assert_eq!(&*before[0].note, b"note");
    let mut session = engine.session();
    assert_eq!(held(&mut session, b"a"), [true; 3]);
    assert_eq!(see(&mut session, b"a"), Some(b"old".to_vec()));
    let mut later = session.begin(RC, false);
    assert!(later.id() > before[0].transaction, "its number is not given out again");
    later.rollback();

    // Claimed and not committed: a crash finds it prepared again.
    let claim = engine.claim_prepared("g").unwrap();
    let lost = open(&Arc::new(store.after_crash()));
    assert_eq!(held(&mut lost.session(), b"a"), [true; 3]);
    let committed = claim.commit(&session).unwrap();
    engine.on_durable(committed.durable_needed).wait();
    let engine = open(&Arc::new(store.after_crash()));
    assert!(engine.prepared().is_empty());
    assert_eq!(see(&mut engine.session(), b"a"), Some(b"new".to_vec()));
    assert_eq!(held(&mut engine.session(), b"a"), [false; 3]);
}

#[test]
fn a_commit_that_a_crash_takes_back_leaves_it_prepared() {
    let store = GatedStore::new();
    let engine = Engine::open(Arc::clone(&store) as Arc<dyn Store>, options()).unwrap();
    let mut session = engine.session();
    prepare(&mut session, "g", b"a");
    store.shut();
    let committed = engine.claim_prepared("g").unwrap().commit(&session).unwrap();
    assert_eq!(see(&mut session, b"a"), Some(b"new".to_vec()));
    let crashed = open(&Arc::new(store.store.after_crash()));
    assert_eq!(see(&mut crashed.session(), b"a"), None);
    assert_eq!(held(&mut crashed.session(), b"a"), [true; 3]);
    store.open();
    engine.on_durable(committed.durable_needed).wait();
    let crashed = open(&Arc::new(store.store.after_crash()));
    assert_eq!(see(&mut crashed.session(), b"a"), Some(b"new".to_vec()));
    assert!(crashed.prepared().is_empty());
}

#[test]
fn whoever_waits_for_its_lock_goes_on_when_it_is_committed_and_sees_what_it_wrote() {
    let (_, engine) = fresh();
    let mut session = engine.session();
    prepare(&mut session, "g", b"a");
    let mut waiting = engine.session();
    let id = waiting.id();
    let waiter = thread::spawn(move || {
        let mut transaction = waiting.begin(RC, false);
        transaction.lock_key(TABLE, b"a", RowLock::ForUpdate, Wait::Block).unwrap();
        support::newest(&transaction, b"a")
    });
    until(|| !engine.blockers(id).is_empty());
    assert!(engine.blockers(id).iter().all(|blocker| blocker.is_prepared()));
    commit(&session, "g");
    assert_eq!(waiter.join().unwrap(), Some(b"new".to_vec()));
    assert_eq!(engine.statistics().deadlocks, 0);
}

#[test]
fn a_search_for_deadlocks_ends_at_it() {
    let (_, engine) = fresh();
    let (mut first, mut second) = (engine.session(), engine.session());
    prepare(&mut first, "g", b"a");
    let mut holder = first.begin(RC, false);
    holder.lock_key(TABLE, b"b", RowLock::ForUpdate, Wait::Block).unwrap();
    let waiter = thread::spawn(move || {
        let mut transaction = second.begin(RC, false);
        transaction.lock_key(TABLE, b"b", RowLock::ForUpdate, Wait::Block).map(|_| ())
    });
    until(|| engine.statistics().lock_waits > 0);
    // Longer than `deadlock_timeout`.
    let long = Wait::Timeout(Duration::from_millis(60));
    let waited = holder.lock_key(TABLE, b"a", RowLock::ForUpdate, long);
    assert!(matches!(waited, Err(Error::LockTimeout)));
    holder.rollback();
    waiter.join().unwrap().unwrap();
    assert_eq!(engine.statistics().deadlocks, 0);
    engine.claim_prepared("g").unwrap().rollback().unwrap();
}

#[test]
fn a_waiter_that_was_there_before_still_waits_after_the_locks_changed_hands() {
    let (_, engine) = fresh();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    transaction.lock_table(RELATION, TableLock::RowExclusive, Wait::Block).unwrap();
    let mut strong = engine.session();
    let id = strong.id();
    let waiter = thread::spawn(move || {
        let mut transaction = strong.begin(RC, false);
        transaction.lock_table(RELATION, TableLock::AccessExclusive, Wait::Block).unwrap();
    });
    until(|| !engine.blockers(id).is_empty());
    transaction.prepare("g", b"").unwrap();
    assert!(engine.blockers(id)[0].is_prepared());
    // Its session is a stranger now.
    let mut again = session.begin(RC, false);
    assert!(!again.lock_table(RELATION, TableLock::RowExclusive, Wait::Skip).unwrap());
    again.rollback();
    engine.claim_prepared("g").unwrap().rollback().unwrap();
    waiter.join().unwrap();
}

#[test]
fn strong_and_upgraded_table_locks_survive_and_are_released_whole() {
    let (store, engine) = fresh();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    for mode in [TableLock::AccessShare, TableLock::RowExclusive, TableLock::AccessExclusive] {
        transaction.lock_table(RELATION, mode, Wait::Block).unwrap();
    }
    for mode in [RowLock::ForKeyShare, RowLock::ForUpdate] {
        transaction.lock_key(TABLE, b"a", mode, Wait::Block).unwrap();
    }
    transaction.prepare("g", b"").unwrap();
    for engine in [engine, open(&Arc::new(store.after_crash()))] {
        let mut session = engine.session();
        let mut other = session.begin(RC, false);
        assert!(!other.lock_table(RELATION, TableLock::AccessShare, Wait::Skip).unwrap());
        assert!(!other.lock_key(TABLE, b"a", RowLock::ForKeyShare, Wait::Skip).unwrap());
        engine.claim_prepared("g").unwrap().rollback().unwrap();
        assert!(other.lock_table(RELATION, TableLock::AccessExclusive, Wait::Skip).unwrap());
        assert!(other.lock_key(TABLE, b"a", RowLock::ForUpdate, Wait::Skip).unwrap());
    }
}

#[test]
fn one_identifier_is_one_transaction_and_there_are_so_many() {
    let (_, engine) = fresh();
    let mut session = engine.session();
    let empty = |session: &mut Session, name: &str| session.begin(RC, false).prepare(name, b"");
    for name in ["a", "b", "c", "d"] {
        empty(&mut session, name).unwrap();
    }
    let identifier = "a".to_owned();
    let in_use = PrepareProblem::IdentifierInUse { identifier: identifier.clone() };
    assert_eq!(problem(empty(&mut session, "a")), in_use);
    assert_eq!(problem(empty(&mut session, "e")), PrepareProblem::TooMany { max: 4 });
    let long = "x".repeat(200);
    assert!(matches!(
        problem(empty(&mut session, &long)),
        PrepareProblem::IdentifierTooLong { .. }
    ));
    let claim = engine.claim_prepared("a").unwrap();
    let busy = PrepareProblem::Busy { identifier: identifier.clone() };
    assert_eq!(problem(engine.claim_prepared("a")), busy);
    drop(claim);
    commit(&session, "a");
    let gone = PrepareProblem::Undefined { identifier };
    assert_eq!(problem(engine.claim_prepared("a")), gone);
    empty(&mut session, "e").unwrap();
}

#[test]
fn a_lock_that_the_session_has_too_cannot_leave_it() {
    let (_, engine) = fresh();
    let mut session = engine.session();
    session.advisory().lock(KEY, AdvisoryLock::Exclusive, Wait::Block).unwrap();
    let mut transaction = session.begin(RC, false);
    transaction.lock_advisory(KEY, AdvisoryLock::Share, Wait::Block).unwrap();
    assert_eq!(problem(transaction.prepare("g", b"")), PrepareProblem::SessionLock);
    // Rolled back; the session's own lock stays with it.
    let mut other = engine.session();
    let free = |other: &mut Session| {
        other.begin(RC, false).lock_advisory(KEY, AdvisoryLock::Share, Wait::Skip).unwrap()
    };
    assert!(!free(&mut other));
    session.begin(RC, false).prepare("g", b"").unwrap();
    session.advisory().unlock_all();
    assert!(free(&mut other));
}

#[test]
fn a_full_disk_refuses_to_prepare_and_to_commit_but_not_to_roll_back() {
    let (store, engine) = fresh();
    let mut session = engine.session();
    prepare(&mut session, "g", b"a");
    store.set_fault(Some(Fault::DiskFull));
    let mut transaction = session.begin(RC, false);
    transaction.lock_key(TABLE, b"b", RowLock::ForUpdate, Wait::Block).unwrap();
    transaction.put(TABLE, b"b", b"1").unwrap();
    assert!(matches!(transaction.prepare("h", b""), Err(Error::Storage(_))));
    let claim = engine.claim_prepared("g").unwrap();
    assert!(matches!(claim.commit(&session), Err(Error::Storage(_))));
    assert_eq!(held(&mut session, b"a"), [true; 3]);
    engine.claim_prepared("g").unwrap().rollback().unwrap();
    store.set_fault(None);
    assert_eq!(held(&mut session, b"a"), [false; 3]);
    set_in(&mut session, b"b", b"2");
}

#[test]
fn a_stall_only_delays_the_commit() {
    let (store, engine) = fresh();
    let mut session = engine.session();
    prepare(&mut session, "g", b"a");
    store.set_fault(Some(Fault::Stall));
    commit(&session, "g");
    assert_eq!(see(&mut session, b"a"), Some(b"new".to_vec()));
}

#[test]
fn keyspaces_that_it_loaded_are_no_orphans_and_go_with_its_rollback() {
    let (store, engine) = fresh();
    let mut session = engine.session();
    let mut loads = Vec::new();
    for identifier in ["kept", "gone"] {
        let mut transaction = session.begin(RC, false);
        let keyspace = transaction.create_keyspace().unwrap();
        let mut load = transaction.load(keyspace).unwrap();
        load.add(b"k", b"v").unwrap();
        load.finish().unwrap();
        transaction.prepare(identifier, b"").unwrap();
        loads.push(keyspace);
    }
    let store = Arc::new(store.after_crash());
    let engine = open(&store);
    assert_eq!(engine.drop_orphans(&[].into()).unwrap(), []);
    let mut session = engine.session();
    commit(&session, "kept");
    engine.claim_prepared("gone").unwrap().rollback().unwrap();
    let mut transaction = session.begin(RC, true);
    let snapshot = transaction.snapshot();
    let mut counters = Counters::default();
    let found = transaction.read(&snapshot, loads[0], b"k", &mut counters, <[u8]>::to_vec);
    assert_eq!(found.unwrap(), Some(b"v".to_vec()));
}

#[test]
fn the_horizon_does_not_wait_for_it() {
    let (_, engine) = fresh();
    let mut session = engine.session();
    set(&engine, b"a", b"1");
    let mut transaction = session.begin(Isolation::RepeatableRead, false);
    let _snapshot = transaction.snapshot();
    transaction.prepare("g", b"").unwrap();
    let at = set(&engine, b"b", b"1");
    engine.compact(TABLE).unwrap();
    assert!(engine.statistics().horizon >= at);
}

/// A SERIALIZABLE transaction of a session, and its snapshot.
fn serial(session: &mut Session) -> (Transaction, Snapshot) {
    let mut transaction = session.begin(Isolation::Serializable, false);
    let snapshot = transaction.snapshot();
    (transaction, snapshot)
}

fn look(transaction: &Transaction, snapshot: &Snapshot, key: &[u8]) -> Result<(), Error> {
    transaction.read(snapshot, TABLE, key, &mut Counters::default(), |_| ()).map(|_| ())
}

fn write(transaction: &mut Transaction, snapshot: &Snapshot, key: &[u8]) -> Result<(), Error> {
    lock_row(transaction, snapshot, key, RowLock::ForUpdate, Wait::Block)?;
    transaction.put(TABLE, key, b"1")
}

#[test]
fn of_two_that_overwrite_what_the_other_read_the_one_that_is_not_prepared_fails() {
    let (_, engine) = fresh();
    let (mut one, mut other) = (engine.session(), engine.session());
    let (mut a, at_a) = serial(&mut one);
    let (mut b, at_b) = serial(&mut other);
    look(&a, &at_a, b"x").unwrap();
    look(&b, &at_b, b"y").unwrap();
    write(&mut a, &at_a, b"y").unwrap();
    a.prepare("g", b"").unwrap();
    let failed = write(&mut b, &at_b, b"x").unwrap_err();
    let reason = NotSerializable::PivotDuringWrite;
    assert!(matches!(failed, Error::NotSerializable { reason: found } if found == reason));
    b.rollback();
    commit(&one, "g");
}

#[test]
fn a_prepared_pivot_makes_the_one_that_commits_fail() {
    let (_, engine) = fresh();
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let [first, second, third] = &mut sessions[..] else { unreachable!() };
    let (before, at_before) = serial(first);
    let (mut pivot, at_pivot) = serial(second);
    let (mut last, at_last) = serial(third);
    look(&pivot, &at_pivot, b"out").unwrap();
    write(&mut pivot, &at_pivot, b"in").unwrap();
    look(&before, &at_before, b"in").unwrap();
    pivot.prepare("g", b"").unwrap();
    write(&mut last, &at_last, b"out").unwrap();
    let failed = last.commit().unwrap_err();
    let reason = NotSerializable::PreparedPivot;
    assert!(matches!(failed, Error::NotSerializable { reason: found } if found == reason));
    before.rollback();
    commit(second, "g");
}

#[test]
fn after_a_restart_its_reads_and_writes_still_count() {
    let (store, engine) = fresh();
    let mut session = engine.session();
    let (mut transaction, at) = serial(&mut session);
    look(&transaction, &at, b"read").unwrap();
    write(&mut transaction, &at, b"written").unwrap();
    transaction.prepare("g", b"").unwrap();

    let engine = open(&Arc::new(store.after_crash()));
    let mut session = engine.session();
    let (mut innocent, at) = serial(&mut session);
    write(&mut innocent, &at, b"other").unwrap();
    innocent.commit().unwrap();
    let (guilty, at) = serial(&mut session);
    assert!(matches!(look(&guilty, &at, b"written"), Err(Error::NotSerializable { .. })));
    guilty.rollback();
    commit(&session, "g");
    let (fine, at) = serial(&mut session);
    look(&fine, &at, b"written").unwrap();
    fine.commit().unwrap();
}

#[test]
fn bytes_that_are_no_record_refuse_the_start() {
    let (store, engine) = fresh();
    drop(engine);
    store.set_control("prepared/g", Some(b"nonsense")).unwrap();
    assert!(Engine::open(store as Arc<dyn Store>, support::options()).is_err());
}
