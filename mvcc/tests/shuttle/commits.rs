//! The commit queue, the sync of the log, the watermarks, and who waits for them.

use reckon_mvcc::{Counters, Error, Options, RowLock, Session, SyncMode, Timestamp, Wait};
use reckon_storage::memory::Fault;

use super::*;

fn group() -> Options {
    patient()
}

fn inline() -> Options {
    Options { sync: SyncMode::Inline, ..patient() }
}

fn number(value: Option<Vec<u8>>) -> u8 {
    value.map_or(0, |value| value[0])
}

/// Adds one to a key under its lock. Returns the sum, and what must be durable before it is told.
fn add(session: &mut Session, key: &[u8], synchronous: bool) -> (u8, Timestamp) {
    let mut transaction = session.begin(RC, false);
    transaction.set_synchronous_commit(synchronous);
    transaction.lock_key(TABLE, key, RowLock::ForUpdate, Wait::Block).unwrap();
    let found = transaction.newest(TABLE, key, &mut Counters::default(), <[u8]>::to_vec).unwrap();
    let sum = number(found) + 1;
    transaction.put(TABLE, key, &[sum]).unwrap();
    let committed = transaction.commit().unwrap();
    let needed = if synchronous { committed.durable_needed } else { committed.timestamp.unwrap() };
    (sum, needed)
}

/// Invariant 2 of `commit`, as seen from outside, when every commit is waited for.
fn check_marks(world: &World) {
    let durable = world.engine.durable();
    assert!(durable <= world.synced().max(Timestamp::LOADED), "durable and not synced");
    assert!(durable <= world.engine.visible());
    let visible = world.engine.visible();
    assert!(visible <= world.store.last_timestamp().max(Timestamp::LOADED));
}

/// Adds twice, where every commit is waited for.
fn writer(world: &World) {
    writer_among_others(world);
    check_marks(world);
}

/// Adds twice; what was answered is on disk.
fn writer_among_others(world: &World) {
    let mut session = world.engine.session();
    for _ in 0..2 {
        let (sum, needed) = add(&mut session, b"n", true);
        world.engine.on_durable(needed).wait();
        assert!(number(world.survives(b"n", Timestamp::MAX)) >= sum, "answered and not on disk");
    }
}

/// Reads under the lock, then without; what was answered is on disk.
fn reader(world: &World) {
    let mut session = world.engine.session();
    let mut last = Timestamp::ZERO;
    for locks in [true, false, false] {
        let mut transaction = session.begin(RC, false);
        if locks {
            transaction.lock_key(TABLE, b"n", RowLock::ForShare, Wait::Block).unwrap();
        }
        let snapshot = transaction.snapshot();
        assert!(snapshot.timestamp >= last && snapshot.timestamp <= world.engine.visible());
        last = snapshot.timestamp;
        let seen = number(read(&transaction, &snapshot, b"n"));
        if locks {
            let mut counters = Counters::default();
            let newest = transaction.newest(TABLE, b"n", &mut counters, <[u8]>::to_vec).unwrap();
            assert_eq!(number(newest), seen, "the last holder of the lock wrote more");
        }
        let needed = transaction.commit().unwrap().durable_needed;
        world.engine.on_durable(needed).wait();
        assert!(
            number(world.survives(b"n", Timestamp::MAX)) >= seen,
            "told of what a crash takes back"
        );
        check_marks(world);
    }
}

fn all_added(world: &World) {
    assert_eq!(number(world.stored(b"n", world.engine.visible())), 4);
}

#[test]
fn nobody_is_answered_before_what_he_saw_is_on_disk() {
    run(group, nothing, &[writer, writer, reader], all_added);
}

#[test]
fn nobody_is_answered_before_what_he_saw_is_on_disk_where_committers_sync() {
    run(inline, nothing, &[writer, writer, reader], all_added);
}

/// Writes two rows at once, several times.
fn pairs(world: &World) {
    let mut session = world.engine.session();
    for value in 0..3 {
        let mut transaction = session.begin(RC, false);
        for key in [b"a", b"b"] {
            transaction.lock_key(TABLE, key, RowLock::ForUpdate, Wait::Block).unwrap();
        }
        let value = [transaction.session().0 as u8, value];
        transaction.put(TABLE, b"a", &value).unwrap();
        transaction.put(TABLE, b"b", &value).unwrap();
        transaction.commit().unwrap();
    }
}

/// Whatever a snapshot sees is what the log says of that time, whole commits and in their order.
fn prefix(world: &World) {
    let mut session = world.engine.session();
    let mut last = Timestamp::ZERO;
    for _ in 0..4 {
        let mut transaction = session.begin(RC, true);
        let snapshot = transaction.snapshot();
        assert!(snapshot.timestamp >= last, "a session sees less than it saw");
        last = snapshot.timestamp;
        let (a, b) = (read(&transaction, &snapshot, b"a"), read(&transaction, &snapshot, b"b"));
        assert_eq!(a, b, "half a commit");
        assert_eq!(a, world.stored(b"a", snapshot.timestamp), "not what the log says");
    }
}

#[test]
fn a_snapshot_sees_a_prefix_of_the_log() {
    run(group, nothing, &[pairs, pairs, prefix, prefix], nothing);
}

/// A commit that nobody waits for, then one that somebody does.
fn lazy_then_not(world: &World) {
    let mut session = world.engine.session();
    let (lazily, at) = add(&mut session, b"n", false);
    let needed = set(&mut session, b"m", &[lazily], true);
    assert!(needed > at);
    world.engine.on_durable(needed).wait();
    assert!(number(world.survives(b"m", Timestamp::MAX)) >= 1);
    assert!(
        number(world.survives(b"n", Timestamp::MAX)) >= lazily,
        "a synchronous commit covers those before it"
    );
}

/// Everything `durable` covers is on disk, but for what nobody waits for.
fn synchronous_is_synced(world: &World) {
    for _ in 0..4 {
        let durable = world.engine.durable();
        let told = world.stored(b"m", durable);
        assert_eq!(told, world.survives(b"m", durable), "durable and not on disk");
        thread::yield_now();
    }
}

#[test]
fn a_synchronous_commit_covers_those_before_it_that_nobody_waited_for() {
    run(group, nothing, &[lazy_then_not, lazy_then_not, synchronous_is_synced], nothing);
}

/// A commit that nobody waits for is synced all the same, and then durable for whoever asks.
fn lazy(world: &World) {
    let mut session = world.engine.session();
    let (_, at) = add(&mut session, b"n", false);
    world.engine.on_durable(at).wait();
    assert!(world.engine.durable() >= at);
}

#[test]
fn commits_nobody_waits_for_become_durable_between_others() {
    run(group, nothing, &[lazy, lazy_then_not, writer_among_others], nothing);
}

/// Waits for what others commit, and sometimes loses interest.
fn waiters(world: &World) {
    for round in 0..3 {
        let durable = world.engine.on_durable(world.engine.visible());
        if round == 1 {
            let mut durable = std::pin::pin!(durable);
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let _ = Future::poll(durable.as_mut(), &mut context);
            continue;
        }
        durable.wait();
    }
}

#[test]
fn whoever_waits_for_the_disk_is_woken() {
    run(group, nothing, &[writer, waiters, waiters], nothing);
}

/// Makes the next append stall.
fn stall(world: &World) {
    for _ in 0..2 {
        world.store.set_fault(Some(Fault::Stall));
        thread::yield_now();
    }
}

#[test]
fn a_commit_that_stalls_is_made_later_and_once() {
    run(group, nothing, &[writer, stall, reader, writer], all_added);
}

/// Cancels every session that is there.
fn cancel(world: &World) {
    for number in 1..4 {
        if let Some(interrupt) = world.engine.interrupt(reckon_mvcc::SessionId(number)) {
            interrupt.set(reckon_mvcc::Reason::Cancel);
        }
        thread::yield_now();
    }
}

/// A commit that is cancelled is there or not, and says which.
fn cancelled(world: &World) {
    let mut session = world.engine.session();
    let key = session.id().0.to_be_bytes();
    let mut transaction = session.begin(RC, false);
    transaction.put(TABLE, &key, b"1").unwrap();
    let committed = transaction.commit();
    let there = world.stored(&key, Timestamp::MAX).is_some();
    match committed {
        Ok(_) => assert!(there),
        Err(Error::Interrupted(_)) => assert!(!there),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_cancelled_commit_is_whole_or_not_there() {
    run(group, nothing, &[cancelled, stall, cancelled, cancel], nothing);
}

#[test]
fn an_engine_that_is_closed_has_synced_everything() {
    explore(|| {
        let world = World::new(group());
        let writing = world.clone();
        let writer = thread::spawn(move || {
            add(&mut writing.engine.session(), b"n", false);
            add(&mut writing.engine.session(), b"n", true);
        });
        add(&mut world.engine.session(), b"n", false);
        writer.join().expect("no panic");
        let store = Arc::clone(&world.store);
        drop(world);
        assert_eq!(store.after_crash().last_timestamp(), store.last_timestamp());
    });
}
