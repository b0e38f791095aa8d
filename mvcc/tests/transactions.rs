//! What one transaction sees of itself and of others.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test panics where it fails, and says what it tried"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reckon_mvcc::{
    Counters, Direction, Engine, Error, Isolation, KeyRange, KeyspaceId, Locked, MemoryStore,
    Options, Reason, RowLock, StorageError, Timestamp, Transaction, Wait,
};
use support::{GatedStore, TABLE, engine, lock_row, newest, read, rows, see, set};

const RC: Isolation = Isolation::ReadCommitted;
const RR: Isolation = Isolation::RepeatableRead;

#[test]
fn a_commit_is_seen_by_later_snapshots_only() {
    let engine = engine();
    set(&engine, b"a", b"1");
    let mut session = engine.session();
    let mut reader = session.begin(RR, true);
    let before = reader.snapshot();
    set(&engine, b"a", b"2");
    assert_eq!(read(&reader, &before, b"a"), Some(b"1".to_vec()));
    assert_eq!(reader.snapshot(), before);
    reader.rollback();
    assert_eq!(see(&mut session, b"a"), Some(b"2".to_vec()));
}

#[test]
fn read_committed_takes_a_snapshot_a_statement() {
    let engine = engine();
    let mut session = engine.session();
    let mut reader = session.begin(RC, true);
    let before = reader.snapshot();
    set(&engine, b"a", b"1");
    let after = reader.snapshot();
    assert_eq!(read(&reader, &before, b"a"), None);
    assert_eq!(read(&reader, &after, b"a"), Some(b"1".to_vec()));
}

#[test]
fn own_writes_are_seen_by_later_commands_and_by_nobody_else() {
    let engine = engine();
    let mut session = engine.session();
    let mut writer = session.begin(RC, false);
    let during = writer.snapshot();
    writer.put(TABLE, b"a", b"1").unwrap();
    assert_eq!(read(&writer, &during, b"a"), None);
    assert_eq!(newest(&writer, b"a"), Some(b"1".to_vec()));
    assert!(writer.written_since(&during, TABLE, b"a"));
    writer.next_command();
    let next = writer.snapshot();
    assert_eq!(read(&writer, &next, b"a"), Some(b"1".to_vec()));
    assert!(!writer.written_since(&next, TABLE, b"a"));
    assert_eq!(see(&mut engine.session(), b"a"), None);
    writer.rollback();
    assert_eq!(see(&mut session, b"a"), None);
}

#[test]
fn a_session_sees_its_own_commit_before_it_is_durable() {
    let engine = engine();
    let mut session = engine.session();
    let at = support::set_in(&mut session, b"a", b"1");
    assert_eq!(see(&mut session, b"a"), Some(b"1".to_vec()));
    assert!(session.floor() >= at);
}

#[test]
fn repeatable_read_refuses_what_changed_and_read_committed_says_so() {
    let engine = engine();
    set(&engine, b"a", b"1");
    set(&engine, b"b", b"1");
    let (mut one, mut two) = (engine.session(), engine.session());
    let mut repeatable = one.begin(RR, false);
    let old = repeatable.snapshot();
    let mut committed = two.begin(RC, false);
    let stale = committed.snapshot();
    set(&engine, b"a", b"2");
    let mut deleter = engine.session();
    let mut deletion = deleter.begin(RC, false);
    deletion.lock_key(TABLE, b"b", RowLock::ForUpdate, Wait::Block).unwrap();
    deletion.delete(TABLE, b"b").unwrap();
    deletion.commit().unwrap();

    let lock =
        |t: &mut Transaction, s, key: &[u8]| lock_row(t, s, key, RowLock::ForUpdate, Wait::Block);
    assert_eq!(lock(&mut committed, &stale, b"a").unwrap(), Locked::Changed);
    assert_eq!(newest(&committed, b"a"), Some(b"2".to_vec()));
    assert_eq!(lock(&mut committed, &stale, b"b").unwrap(), Locked::Changed);
    assert_eq!(newest(&committed, b"b"), None);
    assert_eq!(lock(&mut committed, &stale, b"c").unwrap(), Locked::Unchanged);
    committed.rollback();
    let refused = lock(&mut repeatable, &old, b"a");
    assert!(matches!(refused, Err(Error::WriteConflict { deleted: false })));
    let refused = lock(&mut repeatable, &old, b"b");
    assert!(matches!(refused, Err(Error::WriteConflict { deleted: true })));
    assert!(repeatable.lock_key(TABLE, b"b", RowLock::ForUpdate, Wait::Block).unwrap());
    assert_eq!(newest(&repeatable, b"b"), None);
    repeatable.put(TABLE, b"b", b"2").unwrap();
    assert_eq!(lock(&mut repeatable, &old, b"b").unwrap(), Locked::Unchanged);
}

#[test]
fn after_a_lock_the_next_statement_sees_what_the_last_holder_committed() {
    let engine = engine();
    set(&engine, b"a", b"1");
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    let stale = transaction.snapshot();
    let at = set(&engine, b"a", b"2");
    let locked = lock_row(&mut transaction, &stale, b"a", RowLock::ForUpdate, Wait::Block);
    assert_eq!(locked.unwrap(), Locked::Changed);
    let fresh = transaction.snapshot();
    assert!(fresh.timestamp >= at);
    let locked = lock_row(&mut transaction, &fresh, b"a", RowLock::ForUpdate, Wait::Block);
    assert_eq!(locked.unwrap(), Locked::Unchanged);
}

#[test]
fn rolling_back_to_a_savepoint_takes_writes_and_locks_back() {
    let engine = engine();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    transaction.lock_key(TABLE, b"a", RowLock::ForUpdate, Wait::Block).unwrap();
    transaction.put(TABLE, b"a", b"1").unwrap();
    let savepoint = transaction.savepoint();
    transaction.put(TABLE, b"a", b"2").unwrap();
    transaction.lock_key(TABLE, b"b", RowLock::ForUpdate, Wait::Block).unwrap();
    transaction.put(TABLE, b"b", b"2").unwrap();
    transaction.rollback_to(savepoint);
    assert_eq!(newest(&transaction, b"a"), Some(b"1".to_vec()));
    assert_eq!(newest(&transaction, b"b"), None);

    let mut other = engine.session();
    let mut other = other.begin(RC, false);
    assert!(other.lock_key(TABLE, b"b", RowLock::ForUpdate, Wait::NoWait).unwrap());
    assert!(!other.lock_key(TABLE, b"a", RowLock::ForUpdate, Wait::Skip).unwrap());
    let refused = other.lock_key(TABLE, b"a", RowLock::ForUpdate, Wait::NoWait);
    assert!(matches!(refused, Err(Error::LockNotAvailable)));

    transaction.put(TABLE, b"c", b"3").unwrap();
    transaction.release(savepoint);
    transaction.commit().unwrap();
    drop(other);
    assert_eq!(see(&mut session, b"a"), Some(b"1".to_vec()));
    assert_eq!(see(&mut session, b"b"), None);
    assert_eq!(see(&mut session, b"c"), Some(b"3".to_vec()));
}

#[test]
fn a_lock_upgraded_after_a_savepoint_goes_back_to_what_it_was() {
    let engine = engine();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    transaction.lock_key(TABLE, b"a", RowLock::ForShare, Wait::Block).unwrap();
    let savepoint = transaction.savepoint();
    transaction.lock_key(TABLE, b"a", RowLock::ForUpdate, Wait::Block).unwrap();
    let mut other = engine.session();
    let mut other = other.begin(RC, false);
    assert!(!other.lock_key(TABLE, b"a", RowLock::ForKeyShare, Wait::Skip).unwrap());
    transaction.rollback_to(savepoint);
    assert!(other.lock_key(TABLE, b"a", RowLock::ForShare, Wait::Skip).unwrap());
    assert!(!other.lock_key(TABLE, b"a", RowLock::ForNoKeyUpdate, Wait::Skip).unwrap());
    transaction.rollback();
    assert!(other.lock_key(TABLE, b"a", RowLock::ForNoKeyUpdate, Wait::Skip).unwrap());
}

#[test]
fn a_read_only_transaction_refuses_writes() {
    let engine = engine();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, true);
    assert!(matches!(transaction.put(TABLE, b"a", b"1"), Err(Error::ReadOnly)));
    assert!(matches!(transaction.create_keyspace(), Err(Error::ReadOnly)));
}

#[test]
fn a_transaction_over_the_limit_is_refused_and_goes_on_after_rolling_back() {
    let options = Options { max_transaction_bytes: 1_000, ..Options::default() };
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::open(store, options).unwrap();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    let savepoint = transaction.savepoint();
    let refused = (0..100u8).find_map(|at| transaction.put(TABLE, &[at], &[0; 50]).err());
    assert!(matches!(refused, Some(Error::TransactionTooLarge { limit_bytes: 1_000 })));
    transaction.rollback_to(savepoint);
    transaction.put(TABLE, b"a", b"1").unwrap();
    transaction.commit().unwrap();
    assert_eq!(see(&mut session, b"a"), Some(b"1".to_vec()));
}

#[test]
fn a_created_keyspace_is_loaded_in_bulk_and_gone_after_a_rollback() {
    let engine = engine();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    let kept = transaction.create_keyspace().unwrap();
    let savepoint = transaction.savepoint();
    assert!(!transaction.created_here(kept));
    assert!(matches!(transaction.load(kept), Err(Error::NotLoadable { .. })));
    let dropped = transaction.create_keyspace().unwrap();
    assert!(transaction.created_here(dropped));
    transaction.rollback_to(savepoint);
    transaction.release(savepoint);
    assert!(transaction.created_here(kept));

    let snapshot = transaction.snapshot();
    let mut counters = Counters::default();
    let seen = transaction.read(&snapshot, kept, b"b", &mut counters, <[u8]>::to_vec).unwrap();
    assert_eq!(seen, None);
    let mut load = transaction.load(kept).unwrap();
    load.add(b"b", b"2").unwrap();
    load.add(b"a", b"1").unwrap();
    assert_eq!(load.finish().unwrap().rows, 2);
    let seen = transaction.read(&snapshot, kept, b"b", &mut counters, <[u8]>::to_vec).unwrap();
    assert_eq!(seen, Some(b"2".to_vec()));
    transaction.put(TABLE, b"catalog", b"names it").unwrap();
    transaction.commit().unwrap();
    assert_eq!(engine.store().keyspaces().unwrap(), [TABLE, kept]);
}

#[test]
fn rows_loaded_in_bulk_are_in_memory_at_once() {
    let engine = engine();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    let keyspace = transaction.create_keyspace().unwrap();
    let mut load = transaction.load(keyspace).unwrap();
    for number in 0..5_000_u32 {
        load.add(&number.to_be_bytes(), b"row").unwrap();
    }
    assert_eq!(load.finish().unwrap().rows, 5_000);
    let snapshot = transaction.snapshot();
    let mut counters = Counters::default();
    for number in 0..5_000_u32 {
        let key = number.to_be_bytes();
        let row = transaction.read(&snapshot, keyspace, &key, &mut counters, <[u8]>::to_vec);
        assert_eq!(row.unwrap().as_deref(), Some(b"row".as_slice()));
    }
    let expected = Counters { leaf_hits: 5_000, ..Default::default() };
    assert_eq!(counters, expected);
}

/// Rows are brought to memory once they are written: what that meets is no fault of the load.
#[test]
fn a_load_that_was_written_is_not_failed_by_what_follows() {
    for unreadable in [true, false] {
        let store = GatedStore::new();
        let engine = Engine::open(Arc::clone(&store) as _, support::options()).unwrap();
        let mut session = engine.session();
        let mut transaction = session.begin(RC, false);
        let keyspace = transaction.create_keyspace().unwrap();
        let mut load = transaction.load(keyspace).unwrap();
        load.add(b"a", b"1").unwrap();
        store.unreadable.store(unreadable, Ordering::Release);
        if !unreadable {
            session.interrupt().set(Reason::Cancel);
        }
        assert_eq!(load.finish().unwrap().rows, 1);
        store.unreadable.store(false, Ordering::Release);
        session.interrupt().clear();
        let snapshot = transaction.snapshot();
        let mut counters = Counters::default();
        let seen = transaction.read(&snapshot, keyspace, b"a", &mut counters, <[u8]>::to_vec);
        assert_eq!(seen.unwrap(), Some(b"1".to_vec()));
    }
}

#[test]
fn a_load_with_a_duplicate_key_is_refused() {
    let engine = engine();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    let keyspace = transaction.create_keyspace().unwrap();
    let mut load = transaction.load(keyspace).unwrap();
    load.add(b"a", b"1").unwrap();
    load.add(b"a", b"2").unwrap();
    let refused = load.finish();
    assert!(matches!(refused, Err(Error::Storage(StorageError::DuplicateKey { .. }))));
}

#[test]
fn orphans_are_dropped_and_named_keyspaces_are_not() {
    let engine = engine();
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    let named = transaction.create_keyspace().unwrap();
    let orphan = transaction.create_keyspace().unwrap();
    transaction.put(named, b"a", b"1").unwrap();
    transaction.put(orphan, b"a", b"1").unwrap();
    transaction.put(KeyspaceId(7), b"a", b"1").unwrap();
    transaction.commit().unwrap();
    let dropped = engine.drop_orphans(&[named].into_iter().collect()).unwrap();
    assert_eq!(dropped, [orphan]);
    let left = engine.store().keyspaces().unwrap();
    assert_eq!(left, [KeyspaceId(7), named]);
}

#[test]
fn the_last_change_of_a_keyspace_is_told_with_the_commit() {
    let engine = engine();
    assert_eq!(engine.last_change(TABLE), Timestamp::ZERO);
    let at = set(&engine, b"a", b"1");
    assert_eq!(engine.last_change(TABLE), at);
    assert_eq!(engine.last_change(KeyspaceId(7)), Timestamp::ZERO);
}

#[test]
fn a_cursor_merges_own_writes_both_ways_and_in_any_steps() {
    let engine = engine();
    for key in [b"b", b"d", b"f", b"h"] {
        set(&engine, key, b"old");
    }
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    for key in [b"a", b"d", b"e", b"i"] {
        transaction.put(TABLE, key, b"new").unwrap();
    }
    transaction.delete(TABLE, b"f").unwrap();
    transaction.delete(TABLE, b"g").unwrap();
    transaction.next_command();
    let snapshot = transaction.snapshot();
    transaction.put(TABLE, b"c", b"later").unwrap();
    for rows_max in 1..9 {
        let mut keys = Vec::new();
        for direction in [Direction::Forward, Direction::Reverse] {
            let rows = rows(&transaction, &snapshot, KeyRange::ALL, direction, rows_max);
            keys.push(rows.iter().map(|(key, _)| key[0]).collect::<Vec<_>>());
            let new = rows.iter().filter(|(_, value)| value == b"new").count();
            assert_eq!(new, 4);
        }
        assert_eq!(keys[0], b"abdehi");
        keys[1].reverse();
        assert_eq!(keys[1], keys[0]);
    }
}

#[test]
fn history_that_no_snapshot_needs_is_collected_and_no_other() {
    let engine = forgetful();
    set(&engine, b"a", b"1");
    let mut session = engine.session();
    let mut reader = session.begin(RR, true);
    let old = reader.snapshot();
    set(&engine, b"a", b"2");
    set(&engine, b"a", b"3");
    engine.compact(TABLE).unwrap();
    assert_eq!(read(&reader, &old, b"a"), Some(b"1".to_vec()));
    assert!(engine.store().statistics().low_mark <= old.timestamp);
    reader.rollback();
    set(&engine, b"b", b"1");
    engine.compact(TABLE).unwrap();
    assert!(engine.store().statistics().low_mark > old.timestamp);
    assert_eq!(see(&mut session, b"a"), Some(b"3".to_vec()));
}

/// An engine that keeps no history but what snapshots need.
fn forgetful() -> Engine {
    let options = Options { history_retention: Duration::ZERO, ..support::options() };
    Engine::open(Arc::new(MemoryStore::new()), options).unwrap()
}

/// A low mark at a commit does not tell what that commit overwrote; the next one does.
#[test]
fn what_the_last_commit_overwrote_is_collected_once_another_one_came() {
    let engine = forgetful();
    set(&engine, b"a", b"1");
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    transaction.delete(TABLE, b"a").unwrap();
    let deleted = transaction.commit().unwrap().durable_needed;
    engine.on_durable(deleted).wait();
    engine.compact(TABLE).unwrap();
    assert!(engine.store().statistics().low_mark <= deleted);
    assert!(engine.size(TABLE).unwrap() > 0);

    let mut transaction = session.begin(RC, false);
    transaction.put(KeyspaceId(2001), b"a", b"1").unwrap();
    let elsewhere = transaction.commit().unwrap().durable_needed;
    engine.on_durable(elsewhere).wait();
    engine.compact(TABLE).unwrap();
    assert_eq!(engine.size(TABLE).unwrap(), 0);
}
