//! The registry of snapshots, the horizon and the low mark.

use reckon_mvcc::Error;

use super::*;

/// Two rows, and history enough to collect.
fn rows(world: &World) {
    let mut session = world.engine.session();
    for value in [b"1", b"2"] {
        set(&mut session, b"a", value, true);
        let needed = set(&mut session, b"b", value, true);
        world.engine.on_durable(needed).wait();
    }
}

/// Changes both rows, deletes one.
fn change(world: &World) {
    let mut session = world.engine.session();
    for round in 0..3 {
        let mut transaction = session.begin(RC, false);
        for key in [b"a", b"b"] {
            transaction.lock_key(TABLE, key, RowLock::ForUpdate, Wait::Block).unwrap();
        }
        transaction.put(TABLE, b"a", &[b'3' + round]).unwrap();
        if round == 1 {
            transaction.delete(TABLE, b"b").unwrap();
        } else {
            transaction.put(TABLE, b"b", &[b'3' + round]).unwrap();
        }
        transaction.commit().unwrap();
    }
}

/// Raises the low mark as far as it may go and forgets what is below.
fn collect(world: &World) {
    for _ in 0..3 {
        world.engine.compact(TABLE).unwrap();
    }
}

fn read_again_and_again(world: &World, isolation: Isolation) {
    let mut session = world.engine.session();
    for _ in 0..2 {
        let mut transaction = session.begin(isolation, true);
        let snapshot = transaction.snapshot();
        let first = [read(&transaction, &snapshot, b"a"), read(&transaction, &snapshot, b"b")];
        for _ in 0..2 {
            let at = snapshot.timestamp;
            assert!(world.engine.statistics().horizon <= at, "the horizon passed a snapshot");
            assert!(world.store.statistics().low_mark <= at, "the low mark passed a snapshot");
            let again = [read(&transaction, &snapshot, b"a"), read(&transaction, &snapshot, b"b")];
            assert_eq!(again, first, "a snapshot changed");
            assert_eq!(again[0], world.stored(b"a", at));
            assert_eq!(again[1], world.stored(b"b", at));
        }
    }
}

fn repeatable(world: &World) {
    read_again_and_again(world, Isolation::RepeatableRead);
}

fn committed(world: &World) {
    read_again_and_again(world, RC);
}

/// An older snapshot and a newer one in the same transaction.
fn newer(world: &World) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(Isolation::RepeatableRead, true);
    let old = transaction.snapshot();
    let first = read(&transaction, &old, b"a");
    let new = transaction.newest_snapshot();
    assert!(new.timestamp >= old.timestamp);
    assert_eq!(read(&transaction, &new, b"a"), world.stored(b"a", new.timestamp));
    assert_eq!(read(&transaction, &old, b"a"), first);
    assert!(world.engine.statistics().horizon <= old.timestamp);
}

/// Takes snapshots while the horizon moves, and does nothing with them.
fn registers(world: &World) {
    let mut session = world.engine.session();
    for _ in 0..8 {
        let mut transaction = session.begin(RC, true);
        let at = transaction.snapshot().timestamp;
        assert!(world.engine.statistics().horizon <= at, "the horizon passed a snapshot");
    }
}

#[test]
fn the_horizon_passes_no_snapshot_that_is_just_taken() {
    run(patient, rows, &[change, collect, registers, registers], nothing);
}

#[test]
fn the_horizon_passes_no_open_snapshot() {
    run(patient, rows, &[change, collect, repeatable], nothing);
}

#[test]
fn the_horizon_passes_no_statement_that_runs() {
    run(patient, rows, &[change, collect, committed, committed], nothing);
}

#[test]
fn an_older_snapshot_keeps_history_for_itself_and_the_newer_ones() {
    run(patient, rows, &[change, collect, newer], nothing);
}

/// History is kept for about as long as a few statements take.
fn keeping() -> Options {
    Options { history_retention: Duration::from_micros(40), ..patient() }
}

/// Reads at the present moment and at the last commit, as times that are asked for.
fn past(world: &World) {
    let mut session = world.engine.session();
    for round in 0..3 {
        let at = if round == 1 { world.engine.visible() } else { world.engine.now() };
        let mut transaction = session.begin(RC, false);
        match transaction.read_as_of(at) {
            Err(Error::SnapshotTooOld { .. }) => continue,
            taken => taken.unwrap(),
        }
        assert!(world.store.last_timestamp() >= at, "a commit could still come before");
        let snapshot = transaction.snapshot();
        let first = [read(&transaction, &snapshot, b"a"), read(&transaction, &snapshot, b"b")];
        for _ in 0..2 {
            assert!(world.store.statistics().low_mark <= at, "the low mark passed a snapshot");
            let again = [read(&transaction, &snapshot, b"a"), read(&transaction, &snapshot, b"b")];
            assert_eq!(again, first, "the past changed");
            assert_eq!(again[0], world.stored(b"a", at));
            assert_eq!(again[1], world.stored(b"b", at));
        }
        transaction.commit().unwrap();
        let now = session.begin(RC, true).snapshot().timestamp;
        assert!(now >= at, "a session sees less than it saw");
    }
}

#[test]
fn the_past_does_not_change_under_commits_and_collections() {
    run(keeping, rows, &[change, collect, past, past], nothing);
}

#[test]
fn the_horizon_rises_when_nobody_is_below() {
    run(patient, rows, &[change, repeatable], |world| {
        let visible = world.engine.visible();
        world.engine.on_durable(visible).wait();
        world.engine.compact(TABLE).unwrap();
        assert_eq!(world.engine.statistics().horizon, visible);
    });
}
