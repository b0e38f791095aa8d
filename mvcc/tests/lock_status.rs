//! What people see of locks: who waits for which row, and what SERIALIZABLE transactions have read.
#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod support;

use std::thread;

use reckon_mvcc::{
    Direction, Engine, Extent, Isolation, KeyRange, LockSubject, LockTarget, RowLock, SessionId,
    Wait,
};
use support::{TABLE, engine, read, set, set_in, until};

const RC: Isolation = Isolation::ReadCommitted;

/// A wait as it is listed: what for, the mode, and whether that is held.
#[derive(Debug, PartialEq, Eq)]
enum Listed {
    Row(&'static str, bool),
    Transaction(&'static str),
}

/// What a session waits for and has because of that.
fn listed(engine: &Engine, session: SessionId) -> Vec<Listed> {
    let locks = engine.locks().into_iter().filter(|lock| lock.session == session);
    let waits = locks.filter_map(|lock| match lock.subject {
        LockSubject::Row { keyspace, .. } => {
            assert_eq!(keyspace, TABLE);
            assert_eq!(lock.waited.is_some(), !lock.granted);
            Some(Listed::Row(lock.mode, lock.granted))
        }
        LockSubject::Target(LockTarget::Transaction(_)) if !lock.granted => {
            Some(Listed::Transaction(lock.mode))
        }
        LockSubject::Target(_) => None,
    });
    waits.collect()
}

/// Holds a key in one session while two others ask for it, one after the other; what is listed of them.
fn while_two_wait(engine: &Engine, key: &'static [u8]) -> [Vec<Listed>; 2] {
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let (first, second) = (sessions[1].id(), sessions[2].id());
    let before = engine.statistics().lock_waits;
    let mut waiting = sessions.split_off(1).into_iter();
    let mut holder = sessions[0].begin(RC, false);
    holder.lock_key(TABLE, key, RowLock::ForUpdate, Wait::Block).unwrap();
    thread::scope(|scope| {
        for (nth, mode) in [(1, RowLock::ForNoKeyUpdate), (2, RowLock::ForUpdate)] {
            let mut session = waiting.next().unwrap();
            scope.spawn(move || {
                let mut transaction = session.begin(RC, false);
                transaction.lock_key(TABLE, key, mode, Wait::Block).unwrap();
                transaction.rollback();
            });
            until(|| engine.statistics().lock_waits == before + nth);
        }
        let seen = || [listed(engine, first), listed(engine, second)];
        until(|| seen().iter().all(|waits| !waits.is_empty()));
        let seen = seen();
        holder.rollback();
        seen
    })
}

#[test]
fn who_waits_for_a_row_has_it_and_the_next_one_waits_for_that() {
    let engine = engine();
    set(&engine, b"row", b"1");
    let [first, second] = while_two_wait(&engine, b"row");
    assert_eq!(first, [Listed::Row("ExclusiveLock", true), Listed::Transaction("ShareLock")]);
    assert_eq!(second, [Listed::Row("AccessExclusiveLock", false)]);
}

#[test]
fn who_waits_for_a_key_to_become_free_waits_for_a_transaction() {
    let engine = engine();
    let [first, second] = while_two_wait(&engine, b"nothing");
    assert_eq!(first, [Listed::Transaction("ShareLock")]);
    assert_eq!(second, [Listed::Transaction("ShareLock")]);
}

#[test]
fn what_a_serializable_transaction_has_read_is_listed_until_nobody_can_meet_it() {
    let engine = engine();
    set(&engine, b"a", b"1");
    let (mut reader, mut other) = (engine.session(), engine.session());
    let (id, other_id) = (reader.id(), other.id());
    let mut transaction = reader.begin(Isolation::Serializable, false);
    let snapshot = transaction.snapshot();
    let extents = || {
        let marks = engine.predicate_locks();
        let all = marks.into_iter().filter(|mark| mark.keyspace == TABLE);
        all.map(|mark| (mark.owner.unwrap().0, mark.extent)).collect::<Vec<_>>()
    };
    read(&transaction, &snapshot, b"a");
    let [(owner, Extent::Key(name))] = extents()[..] else { panic!("{:?}", extents()) };
    assert_eq!(owner, id);
    let mut overlapping = other.begin(Isolation::Serializable, false);
    let theirs = overlapping.snapshot();
    read(&overlapping, &theirs, b"a");
    assert!(extents().contains(&(other_id, Extent::Key(name))));
    support::rows(&transaction, &snapshot, KeyRange::ALL, Direction::Forward, 10);
    assert!(extents().contains(&(id, Extent::All)));
    assert!(!extents().contains(&(id, Extent::Key(name))));
    transaction.put(TABLE, b"b", b"1").unwrap();
    transaction.commit().unwrap();
    assert!(extents().contains(&(id, Extent::All)), "somebody runs who overlaps it");
    overlapping.rollback();
    assert_eq!(extents(), []);
    set_in(&mut reader, b"c", b"1");
    assert_eq!(extents(), []);
}
