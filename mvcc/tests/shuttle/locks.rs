//! The lock table: modes, queues, upgrades, those who give up, deadlocks.
//!
//! A mirror says who holds what: it is written right after a lock was granted and right before it is given
//! back, so two entries that conflict were granted together.

use std::task::{Wake, Waker};

use reckon_mvcc::{
    AdvisoryKey, AdvisoryLock, Error, Locked, Reason, SessionId, TableLock, TableLockId,
};

use super::*;

/// Who holds a lock, in which mode.
struct Mirror<M>(Mutex<Vec<(SessionId, M)>>);

impl<M: Copy + std::fmt::Debug> Mirror<M> {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    fn hold(&self, who: SessionId, mode: M, conflict: impl Fn(M, M) -> bool) {
        let mut held = self.0.lock().unwrap();
        for (other, theirs) in held.iter().filter(|(other, _)| *other != who) {
            assert!(!conflict(mode, *theirs), "{who}: {mode:?} beside {other}: {theirs:?}");
        }
        held.push((who, mode));
    }

    /// Gives back all modes but the first `kept`.
    fn keep(&self, who: SessionId, kept: usize) {
        let mut left = kept;
        self.0.lock().unwrap().retain(|(other, _)| {
            let own = *other == who;
            let stays = !own || left > 0;
            left -= usize::from(own && stays);
            stays
        });
    }
}

/// Each thread runs `steps` of its own over a world and something else they share.
fn together<S: Send + Sync + 'static>(
    options: fn() -> Options,
    shared: fn() -> Arc<S>,
    threads: &'static [fn(&World, &S)],
    after: Work,
) {
    explore(move || {
        let (world, shared) = (World::new(options()), shared());
        let start = |work: &'static fn(&World, &S)| {
            let (world, shared) = (world.clone(), Arc::clone(&shared));
            thread::spawn(move || work(&world, &shared))
        };
        let running: Vec<_> = threads.iter().map(start).collect();
        for thread in running {
            thread.join().expect("no panic");
        }
        after(&world);
    });
}

type Rows = Mirror<RowLock>;

fn lock(
    transaction: &mut Transaction,
    rows: &Rows,
    mode: RowLock,
    wait: Wait,
) -> Result<bool, Error> {
    let locked = transaction.lock_key(TABLE, b"row", mode, wait)?;
    if locked {
        rows.hold(transaction.session(), mode, RowLock::conflicts_with);
    }
    Ok(locked)
}

fn give_back(transaction: Transaction, rows: &Rows) {
    rows.keep(transaction.session(), 0);
    transaction.rollback();
}

/// Takes one mode, and then gives it back.
fn once<const MODE: usize>(world: &World, rows: &Rows) {
    let mode = MODES[MODE];
    let mut session = world.engine.session();
    for _ in 0..2 {
        let mut transaction = session.begin(RC, false);
        lock(&mut transaction, rows, mode, Wait::Block).unwrap();
        thread::yield_now();
        give_back(transaction, rows);
    }
}

const MODES: [RowLock; 4] =
    [RowLock::ForKeyShare, RowLock::ForShare, RowLock::ForNoKeyUpdate, RowLock::ForUpdate];

fn row_is_free(world: &World) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(RC, false);
    transaction.lock_key(TABLE, b"row", RowLock::ForUpdate, Wait::NoWait).unwrap();
}

#[test]
fn row_locks_that_conflict_are_never_held_together_and_nobody_is_forgotten() {
    let threads: &[fn(&World, &Rows)] = &[once::<0>, once::<1>, once::<2>, once::<3>];
    together(patient, Rows::new, threads, row_is_free);
}

/// Takes a weak mode, then a strong one in a subtransaction, goes back to the weak one, then ends.
fn upgrade<const WEAK: usize, const STRONG: usize>(world: &World, rows: &Rows) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(RC, false);
    lock(&mut transaction, rows, MODES[WEAK], Wait::Block).unwrap();
    let savepoint = transaction.savepoint();
    match lock(&mut transaction, rows, MODES[STRONG], Wait::Block) {
        Ok(_) => {
            rows.keep(transaction.session(), 1);
            transaction.rollback_to(savepoint);
            thread::yield_now();
        }
        Err(Error::Deadlock(_)) => {}
        Err(error) => panic!("{error}"),
    }
    give_back(transaction, rows);
}

#[test]
fn one_who_upgrades_beside_others_is_served_and_may_go_back() {
    let threads: &[fn(&World, &Rows)] = &[upgrade::<0, 2>, once::<3>, once::<0>, once::<1>];
    together(patient, Rows::new, threads, row_is_free);
}

#[test]
fn two_who_upgrade_a_row_without_a_circle_are_both_served() {
    let threads: &[fn(&World, &Rows)] = &[upgrade::<0, 2>, upgrade::<0, 2>, once::<3>];
    together(patient, Rows::new, threads, row_is_free);
}

#[test]
fn two_who_upgrade_against_each_other_end_in_a_deadlock() {
    let threads: &[fn(&World, &Rows)] = &[upgrade::<1, 3>, upgrade::<1, 2>, once::<3>];
    together(impatient, Rows::new, threads, row_is_free);
}

/// Does not wait, or not for long.
fn impatiently(world: &World, rows: &Rows) {
    let mut session = world.engine.session();
    for wait in [Wait::Skip, Wait::Timeout(Duration::from_millis(1)), Wait::NoWait] {
        let mut transaction = session.begin(RC, false);
        match lock(&mut transaction, rows, RowLock::ForUpdate, wait) {
            Ok(locked) => assert!(locked || wait == Wait::Skip),
            Err(Error::LockTimeout) => assert!(matches!(wait, Wait::Timeout(_))),
            Err(Error::LockNotAvailable) => assert_eq!(wait, Wait::NoWait),
            Err(error) => panic!("{error}"),
        }
        give_back(transaction, rows);
    }
}

/// Waits until somebody cancels it or it is served.
fn cancellable(world: &World, rows: &Rows) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(RC, false);
    match lock(&mut transaction, rows, RowLock::ForUpdate, Wait::Block) {
        Ok(_) | Err(Error::Interrupted(_)) => {}
        Err(error) => panic!("{error}"),
    }
    give_back(transaction, rows);
}

/// Cancels those that wait.
fn cancel(world: &World, _: &Rows) {
    for number in 1..5 {
        let session = SessionId(number);
        if !world.engine.blockers(session).is_empty()
            && let Some(interrupt) = world.engine.interrupt(session)
        {
            interrupt.set(Reason::Cancel);
        }
    }
}

#[test]
fn those_who_give_up_leave_the_queue_and_stand_in_nobodys_way() {
    let threads: &[fn(&World, &Rows)] = &[impatiently, once::<1>, once::<2>, impatiently];
    together(patient, Rows::new, threads, row_is_free);
}

#[test]
fn those_who_are_cancelled_leave_the_queue_and_stand_in_nobodys_way() {
    let threads: &[fn(&World, &Rows)] = &[cancellable, cancellable, cancellable, cancel];
    together(patient, Rows::new, threads, row_is_free);
}

/// Wakes the thread that stands for a task.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Stays in the queue without a thread, and comes back when it is woken.
fn queued(world: &World, rows: &Rows) {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut session = world.engine.session();
    for _ in 0..2 {
        let mut transaction = session.begin(RC, false);
        let snapshot = transaction.snapshot();
        loop {
            let wait = Wait::Suspend(None);
            match lock_row(&mut transaction, &snapshot, b"row", RowLock::ForUpdate, wait) {
                Ok(Locked::Queued) => {}
                Ok(_) => break,
                Err(error) => panic!("{error}"),
            }
            loop {
                while transaction.poll_lock(&waker).is_pending() {
                    thread::park();
                }
                match transaction.look_again() {
                    Ok(true) => break,
                    Ok(false) => {}
                    Err(Error::Interrupted(_)) => return,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        rows.hold(transaction.session(), RowLock::ForUpdate, RowLock::conflicts_with);
        thread::yield_now();
        give_back(transaction, rows);
    }
}

/// Stands in the queue for a moment.
fn queued_and_gone(world: &World, _: &Rows) {
    let mut session = world.engine.session();
    for _ in 0..2 {
        let mut transaction = session.begin(RC, false);
        let snapshot = transaction.snapshot();
        let wait = Wait::Suspend(None);
        let mode = RowLock::ForNoKeyUpdate;
        lock_row(&mut transaction, &snapshot, b"row", mode, wait).unwrap();
        thread::yield_now();
        drop(transaction);
    }
}

#[test]
fn those_who_wait_without_a_thread_are_woken_and_hold_the_row_alone() {
    let threads: &[fn(&World, &Rows)] = &[queued, queued, once::<3>, queued_and_gone];
    together(patient, Rows::new, threads, row_is_free);
}

#[test]
fn those_who_wait_without_a_thread_and_are_cancelled_stand_in_nobodys_way() {
    let threads: &[fn(&World, &Rows)] = &[queued, queued, cancellable, cancel];
    together(patient, Rows::new, threads, row_is_free);
}

/// Shares the row, again and again.
fn passes(world: &World, rows: &Rows) {
    let mut session = world.engine.session();
    for _ in 0..3 {
        let mut transaction = session.begin(RC, false);
        lock(&mut transaction, rows, RowLock::ForShare, Wait::Block).unwrap();
        give_back(transaction, rows);
    }
}

#[test]
fn those_who_share_pass_one_who_waits_and_do_not_starve_him() {
    let threads: &[fn(&World, &Rows)] = &[once::<3>, passes, passes, passes];
    together(patient, Rows::new, threads, row_is_free);
}

type Tables = Mirror<TableLock>;

const TABLE_ID: TableLockId = TableLockId { database: 1, relation: 7 };

/// Takes table locks one after the other in one transaction.
fn tables(world: &World, tables: &Tables, modes: &[TableLock]) {
    let mut session = world.engine.session();
    for _ in 0..2 {
        let mut transaction = session.begin(RC, false);
        let who = transaction.session();
        for mode in modes {
            match transaction.lock_table(TABLE_ID, *mode, Wait::Block) {
                Ok(locked) => assert!(locked),
                Err(Error::Deadlock(_)) => break,
                Err(error) => panic!("{error}"),
            }
            tables.hold(who, *mode, TableLock::conflicts_with);
        }
        thread::yield_now();
        tables.keep(who, 0);
        transaction.rollback();
    }
}

fn reads(world: &World, shared: &Tables) {
    tables(world, shared, &[TableLock::AccessShare]);
}

fn writes(world: &World, shared: &Tables) {
    tables(world, shared, &[TableLock::RowExclusive]);
}

fn reads_and_writes(world: &World, shared: &Tables) {
    tables(world, shared, &[TableLock::AccessShare, TableLock::RowExclusive]);
}

fn indexes(world: &World, shared: &Tables) {
    tables(world, shared, &[TableLock::Share]);
}

fn analyzes(world: &World, shared: &Tables) {
    tables(world, shared, &[TableLock::ShareUpdateExclusive]);
}

fn alters(world: &World, shared: &Tables) {
    tables(world, shared, &[TableLock::AccessExclusive]);
}

fn writes_then_alters(world: &World, shared: &Tables) {
    tables(world, shared, &[TableLock::RowExclusive, TableLock::AccessExclusive]);
}

fn indexes_then_writes(world: &World, shared: &Tables) {
    tables(world, shared, &[TableLock::Share, TableLock::RowExclusive]);
}

fn table_is_free(world: &World) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(RC, false);
    transaction.lock_table(TABLE_ID, TableLock::AccessExclusive, Wait::NoWait).unwrap();
}

#[test]
fn a_strong_table_lock_and_weak_ones_are_never_held_together() {
    let threads: &[fn(&World, &Tables)] = &[reads, writes, alters, indexes];
    together(patient, Tables::new, threads, table_is_free);
}

#[test]
fn table_locks_of_every_kind_exclude_each_other_and_nobody_is_forgotten() {
    let threads: &[fn(&World, &Tables)] = &[analyzes, writes, analyzes, indexes];
    together(patient, Tables::new, threads, table_is_free);
}

#[test]
fn table_locks_that_are_upgraded_end_in_a_deadlock_or_are_served() {
    let threads: &[fn(&World, &Tables)] =
        &[writes_then_alters, indexes_then_writes, reads_and_writes];
    together(impatient, Tables::new, threads, table_is_free);
}

fn two_phase() -> Options {
    Options { max_prepared_transactions: 4, ..patient() }
}

/// Takes a weak lock, prepares, and ends the prepared transaction, which holds the lock until then.
fn prepares(world: &World, tables: &Tables) {
    let mut session = world.engine.session();
    let who = session.id();
    for round in 0..2 {
        let mut transaction = session.begin(RC, false);
        transaction.lock_table(TABLE_ID, TableLock::RowExclusive, Wait::Block).unwrap();
        tables.hold(who, TableLock::RowExclusive, TableLock::conflicts_with);
        transaction.put(TABLE, &who.0.to_be_bytes(), b"1").unwrap();
        let name = format!("{who} {round}");
        transaction.prepare(&name, b"").unwrap();
        thread::yield_now();
        let claim = world.engine.claim_prepared(&name).unwrap();
        tables.keep(who, 0);
        match round {
            0 => drop(claim.commit(&session).unwrap()),
            _ => claim.rollback().unwrap(),
        }
    }
}

#[test]
fn what_is_prepared_keeps_its_table_lock_from_those_who_want_the_table_alone() {
    let threads: &[fn(&World, &Tables)] = &[prepares, alters, prepares, reads];
    together(two_phase, Tables::new, threads, table_is_free);
}

/// While one waits for a table alone, nobody who comes later is served before.
fn comes_later(world: &World, got: &std::sync::atomic::AtomicBool) {
    let mut session = world.engine.session();
    for _ in 0..4 {
        let waits = (1..4).any(|number| {
            let id = SessionId(number);
            id != session.id() && !world.engine.blockers(id).is_empty()
        });
        let mut transaction = session.begin(RC, false);
        let granted = transaction.lock_table(TABLE_ID, TableLock::AccessShare, Wait::Skip).unwrap();
        let got = got.load(std::sync::atomic::Ordering::SeqCst);
        assert!(!waits || !granted || got, "served before one who waited already");
        thread::yield_now();
        transaction.rollback();
    }
}

/// Waits behind one who waits for the table alone.
fn waits_behind(world: &World, got: &std::sync::atomic::AtomicBool) {
    let mut session = world.engine.session();
    for _ in 0..3 {
        let waits = !world.engine.blockers(SessionId(1)).is_empty();
        let mut transaction = session.begin(RC, false);
        transaction.lock_table(TABLE_ID, TableLock::ShareUpdateExclusive, Wait::Block).unwrap();
        let got = got.load(std::sync::atomic::Ordering::SeqCst);
        assert!(!waits || got, "served before one who waited already");
        transaction.rollback();
    }
}

/// Takes the table alone, once.
fn alone(world: &World, got: &std::sync::atomic::AtomicBool) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(RC, false);
    transaction.lock_table(TABLE_ID, TableLock::AccessExclusive, Wait::Block).unwrap();
    got.store(true, std::sync::atomic::Ordering::SeqCst);
    transaction.rollback();
}

#[test]
fn nobody_is_served_before_one_who_waits_for_the_table_already() {
    together(patient, Arc::default, &[alone, comes_later, comes_later], table_is_free);
}

#[test]
fn those_who_wait_are_served_in_their_order() {
    explore(|| {
        let world = World::new(patient());
        let got = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let mut first = world.engine.session();
        let mut holds = world.engine.session();
        let mut holds = holds.begin(RC, false);
        holds.lock_table(TABLE_ID, TableLock::AccessShare, Wait::Block).unwrap();
        let waits = {
            let got = Arc::clone(&got);
            thread::spawn(move || {
                let mut transaction = first.begin(RC, false);
                let mode = TableLock::AccessExclusive;
                transaction.lock_table(TABLE_ID, mode, Wait::Block).unwrap();
                got.store(true, std::sync::atomic::Ordering::SeqCst);
            })
        };
        let behind = [(); 2].map(|()| {
            let (world, got) = (world.clone(), Arc::clone(&got));
            thread::spawn(move || waits_behind(&world, &got))
        });
        (0..30).for_each(|_| thread::yield_now());
        holds.rollback();
        waits.join().expect("no panic");
        behind.into_iter().for_each(|thread| thread.join().expect("no panic"));
        table_is_free(&world);
    });
}

type Keys = Mirror<AdvisoryLock>;

const KEY: AdvisoryKey = AdvisoryKey { database: 1, high: 0, low: 7, pair: false };

fn exclude(one: AdvisoryLock, other: AdvisoryLock) -> bool {
    one == AdvisoryLock::Exclusive || other == AdvisoryLock::Exclusive
}

/// Takes an advisory lock for the session, twice, and gives it back as often.
fn advisory<const SHARED: bool>(world: &World, keys: &Keys) {
    let mode = if SHARED { AdvisoryLock::Share } else { AdvisoryLock::Exclusive };
    let session = world.engine.session();
    let locks = session.advisory();
    for _ in 0..2 {
        assert!(locks.lock(KEY, mode, Wait::Block).unwrap());
        keys.hold(session.id(), mode, exclude);
        assert!(locks.lock(KEY, mode, Wait::NoWait).unwrap());
        assert!(locks.unlock(KEY, mode));
        thread::yield_now();
        keys.keep(session.id(), 0);
        assert!(locks.unlock(KEY, mode));
        assert!(!locks.unlock(KEY, mode));
    }
}

/// Takes one for the transaction beside one of the session.
fn both_scopes(world: &World, keys: &Keys) {
    let mut session = world.engine.session();
    let locks = session.advisory();
    let mut transaction = session.begin(RC, false);
    transaction.lock_advisory(KEY, AdvisoryLock::Exclusive, Wait::Block).unwrap();
    keys.hold(transaction.session(), AdvisoryLock::Exclusive, exclude);
    locks.lock(KEY, AdvisoryLock::Share, Wait::NoWait).unwrap();
    thread::yield_now();
    keys.keep(transaction.session(), 0);
    keys.hold(transaction.session(), AdvisoryLock::Share, exclude);
    transaction.rollback();
    thread::yield_now();
    keys.keep(session.id(), 0);
    locks.unlock_all();
}

#[test]
fn advisory_locks_of_sessions_and_transactions_exclude_each_other() {
    let threads: &[fn(&World, &Keys)] =
        &[advisory::<true>, advisory::<false>, both_scopes, advisory::<true>];
    together(patient, Keys::new, threads, |world| {
        let locks = world.engine.session().advisory();
        assert!(locks.lock(KEY, AdvisoryLock::Exclusive, Wait::NoWait).unwrap());
    });
}

#[test]
fn one_who_leaves_the_queue_lets_those_behind_him_in() {
    explore(|| {
        let world = World::new(patient());
        let (holder, first, second) =
            (world.engine.session(), world.engine.session(), world.engine.session());
        assert!(holder.advisory().lock(KEY, AdvisoryLock::Share, Wait::Block).unwrap());
        let stop = first.interrupt();
        let leaves = thread::spawn(move || {
            let locked = first.advisory().lock(KEY, AdvisoryLock::Exclusive, Wait::Block);
            assert!(matches!(locked, Err(Error::Interrupted(_))));
        });
        let waits = thread::spawn(move || {
            assert!(second.advisory().lock(KEY, AdvisoryLock::Share, Wait::Block).unwrap());
        });
        thread::yield_now();
        stop.set(Reason::Cancel);
        // The holder stays until the other one is in.
        waits.join().expect("no panic");
        leaves.join().expect("no panic");
    });
}

/// How many committed, and how many were ended by a deadlock.
#[derive(Default)]
struct Ends {
    committed: std::sync::atomic::AtomicUsize,
    failed: std::sync::atomic::AtomicUsize,
}

/// One of a ring: takes its own thing, then the next one's.
fn ring<const OWN: usize>(world: &World, ends: &Ends) {
    use std::sync::atomic::Ordering;
    let mut session = world.engine.session();
    let mut transaction = session.begin(RC, false);
    let locked = take(&mut transaction, OWN).and_then(|()| take(&mut transaction, (OWN + 1) % 3));
    match locked {
        Ok(()) => ends.committed.fetch_add(1, Ordering::Relaxed),
        Err(Error::Deadlock(circle)) => {
            check_circle(&circle, session_of(&transaction));
            ends.failed.fetch_add(1, Ordering::Relaxed)
        }
        Err(error) => panic!("{error}"),
    };
    transaction.rollback();
    let ended = ends.committed.load(Ordering::Relaxed) + ends.failed.load(Ordering::Relaxed);
    assert!(ended < 3 || ends.committed.load(Ordering::Relaxed) >= 2, "one victim is enough");
}

fn session_of(transaction: &Transaction) -> SessionId {
    transaction.session()
}

fn check_circle(circle: &reckon_mvcc::Deadlock, found_by: SessionId) {
    assert_eq!(circle.edges.first().map(|edge| edge.waiter), Some(found_by));
    assert_eq!(circle.edges.last().map(|edge| edge.blocked_by), Some(found_by));
    assert!(circle.edges.windows(2).all(|pair| pair[0].blocked_by == pair[1].waiter));
}

/// A row, a table or an advisory key.
fn take(transaction: &mut Transaction, thing: usize) -> Result<(), Error> {
    match thing {
        0 => transaction.lock_key(TABLE, b"row", RowLock::ForUpdate, Wait::Block)?,
        1 => transaction.lock_table(TABLE_ID, TableLock::Exclusive, Wait::Block)?,
        _ => transaction.lock_advisory(KEY, AdvisoryLock::Exclusive, Wait::Block)?,
    };
    Ok(())
}

/// Takes everything in the order in which nobody can meet in a circle.
fn in_order(world: &World, _: &Ends) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(RC, false);
    for thing in 0..3 {
        take(&mut transaction, thing).expect("no deadlock without a circle");
    }
}

#[test]
fn a_circle_over_rows_tables_and_advisory_keys_is_found_and_has_one_victim() {
    together(impatient, Arc::default, &[ring::<0>, ring::<1>, ring::<2>], nothing);
}

#[test]
fn where_there_is_no_circle_no_deadlock_is_found() {
    together(impatient, Arc::default, &[in_order, in_order, in_order, in_order], nothing);
}
