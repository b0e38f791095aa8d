//! Who waits for whom, in which order, and how it ends.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test panics where it fails, and says what it tried"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use reckon_mvcc::{
    AdvisoryKey, AdvisoryLock, Engine, Error, Isolation, LockTarget, Locked, MemoryStore, Options,
    Reason, RowLock, TableLock, TableLockId, Transaction, Wait,
};
use support::{Random, TABLE, engine, lock_row, newest, options, set, until};

const RC: Isolation = Isolation::ReadCommitted;
const ACCOUNTS: TableLockId = TableLockId { database: 5, relation: 16_384 };
const KEY: AdvisoryKey = AdvisoryKey { database: 5, high: 0, low: 7, pair: false };

fn lock(transaction: &mut Transaction, key: &[u8]) -> Result<bool, Error> {
    transaction.lock_key(TABLE, key, RowLock::ForUpdate, Wait::Block)
}

fn until_waiting(engine: &Engine, waits: u64) {
    until(|| engine.statistics().lock_waits >= waits);
}

#[test]
fn two_who_wait_for_each_other_are_a_deadlock_and_one_goes_on() {
    let engine = engine();
    let (mut one, mut two) = (engine.session(), engine.session());
    let (first, second) = (one.id(), two.id());
    let mut a = one.begin(RC, false);
    let mut b = two.begin(RC, false);
    lock(&mut a, b"a").unwrap();
    lock(&mut b, b"b").unwrap();
    let blocked = thread::spawn(move || {
        let outcome = lock(&mut a, b"b");
        a.rollback();
        outcome
    });
    until_waiting(&engine, 1);
    let mine = lock(&mut b, b"a");
    b.rollback();
    let outcomes = [blocked.join().unwrap(), mine];
    let deadlocks: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Err(Error::Deadlock(deadlock)) => Some(deadlock),
            other => {
                assert!(matches!(other, Ok(true)));
                None
            }
        })
        .collect();
    assert_eq!(deadlocks.len(), 1);
    let edges = &deadlocks[0].edges;
    assert_eq!(edges.len(), 2);
    assert_eq!((edges[0].waiter, edges[0].blocked_by), (edges[1].blocked_by, edges[1].waiter));
    let mut sessions = [edges[0].waiter, edges[1].waiter];
    sessions.sort();
    assert_eq!(sessions, [first, second]);
    assert!(matches!(edges[0].target, LockTarget::Transaction(1 | 2)));
    let detail = deadlocks[0].to_string();
    let (victim, other) = (edges[0].waiter, edges[0].blocked_by);
    let line = format!("Process {victim} waits for ShareLock on transaction ");
    assert!(detail.starts_with(&line));
    assert!(detail.ends_with(&format!("; blocked by process {victim}.")));
    assert!(detail.contains(&format!("; blocked by process {other}.\n")));
    assert_eq!(engine.statistics().deadlocks, 1);
}

/// Each waits for the other, who holds what it wants and wants it too: whoever looks first is the victim, also
/// if it stands behind the other.
#[test]
fn of_two_who_want_more_of_the_row_they_share_the_one_who_looks_finds_the_circle() {
    for looks in 0..2 {
        let engine = engine();
        let mut sessions = [engine.session(), engine.session()];
        for (at, session) in sessions.iter().enumerate() {
            let ms = if at == looks { 20 } else { 2000 };
            session.advisory().set_deadlock_timeout(Duration::from_millis(ms));
        }
        let mut transactions = sessions.each_mut().map(|session| session.begin(RC, false));
        for transaction in &mut transactions {
            transaction.lock_key(TABLE, b"a", RowLock::ForShare, Wait::Block).unwrap();
        }
        let mut waits = 0;
        let outcomes = thread::scope(|scope| {
            let threads = transactions.map(|mut transaction| {
                let waiting = scope.spawn(move || lock(&mut transaction, b"a"));
                waits += 1;
                until_waiting(&engine, waits);
                waiting
            });
            threads.map(|thread| thread.join().unwrap())
        });
        let victim = outcomes.iter().position(|outcome| matches!(outcome, Err(Error::Deadlock(_))));
        assert_eq!(victim, Some(looks));
    }
}

#[test]
fn a_circle_through_a_row_a_table_and_an_advisory_lock_is_found() {
    let engine = engine();
    let advisory = KEY;
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let mut transactions: Vec<_> = sessions.iter_mut().map(|s| s.begin(RC, false)).collect();
    lock(&mut transactions[0], b"a").unwrap();
    transactions[1].lock_table(ACCOUNTS, TableLock::RowExclusive, Wait::Block).unwrap();
    transactions[2].lock_advisory(advisory, AdvisoryLock::Exclusive, Wait::Block).unwrap();
    let outcomes = thread::scope(|scope| {
        let threads: Vec<_> = transactions
            .drain(..)
            .enumerate()
            .map(|(at, mut transaction)| {
                scope.spawn(move || match at {
                    0 => transaction.lock_table(ACCOUNTS, TableLock::Share, Wait::Block),
                    1 => transaction.lock_advisory(advisory, AdvisoryLock::Share, Wait::Block),
                    _ => lock(&mut transaction, b"a"),
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let dead: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert_eq!(dead.len(), 1);
    let Error::Deadlock(deadlock) = &dead[0] else { panic!("{}", dead[0]) };
    assert_eq!(deadlock.edges.len(), 3);
    let detail = deadlock.to_string();
    assert!(detail.contains("waits for ShareLock on relation 16384 of database 5;"));
    assert!(detail.contains("waits for ShareLock on advisory lock [5,0,7,1];"));
}

#[test]
fn a_circle_that_only_the_queues_order_makes_is_no_deadlock() {
    let engine = engine();
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let [holder, writer, reader] = &mut sessions[..] else { unreachable!() };
    let mut holder = holder.begin(RC, false);
    let mut writer = writer.begin(RC, false);
    let mut reader = reader.begin(RC, false);
    holder.lock_advisory(KEY, AdvisoryLock::Share, Wait::Block).unwrap();
    lock(&mut reader, b"q").unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            writer.lock_advisory(KEY, AdvisoryLock::Exclusive, Wait::Block).unwrap();
        });
        until_waiting(&engine, 1);
        scope.spawn(move || {
            // Stands behind the writer, though the holder would let it in.
            reader.lock_advisory(KEY, AdvisoryLock::Share, Wait::Block).unwrap();
        });
        until_waiting(&engine, 2);
        assert!(lock(&mut holder, b"q").unwrap());
        holder.commit().unwrap();
    });
    assert_eq!(engine.statistics().deadlocks, 0);
}

#[test]
fn waiters_are_served_in_the_order_they_came() {
    let engine = engine();
    let mut session = engine.session();
    let mut holder = session.begin(RC, false);
    lock(&mut holder, b"a").unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut threads = Vec::new();
    for at in 0..8 {
        let (mut session, served) = (engine.session(), Arc::clone(&served));
        threads.push(thread::spawn(move || {
            let mut transaction = session.begin(RC, false);
            lock(&mut transaction, b"a").unwrap();
            served.lock().push(at);
            transaction.commit().unwrap();
        }));
        until_waiting(&engine, at + 1);
    }
    holder.commit().unwrap();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*served.lock(), (0..8).collect::<Vec<_>>());
}

#[test]
fn a_request_does_not_overtake_a_waiter_it_conflicts_with() {
    let engine = engine();
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let [one, two, three] = &mut sessions[..] else { unreachable!() };
    let mut sharer = one.begin(RC, false);
    sharer.lock_advisory(KEY, AdvisoryLock::Share, Wait::Block).unwrap();
    let mut writer = two.begin(RC, false);
    let waiting = thread::spawn(move || {
        writer.lock_advisory(KEY, AdvisoryLock::Exclusive, Wait::Block).unwrap();
        writer
    });
    until_waiting(&engine, 1);
    let mut late = three.begin(RC, false);
    assert!(!late.lock_advisory(KEY, AdvisoryLock::Share, Wait::Skip).unwrap());
    sharer.commit().unwrap();
    waiting.join().unwrap().commit().unwrap();
    assert!(late.lock_advisory(KEY, AdvisoryLock::Share, Wait::Skip).unwrap());
}

#[test]
fn those_who_share_a_row_pass_one_who_waits_for_it_but_not_for_ever() {
    let engine = engine();
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let [one, two, three] = &mut sessions[..] else { unreachable!() };
    let mut sharer = one.begin(RC, false);
    sharer.lock_key(TABLE, b"a", RowLock::ForShare, Wait::Block).unwrap();
    let mut writer = two.begin(RC, false);
    let waiting = thread::spawn(move || {
        lock(&mut writer, b"a").unwrap();
        writer
    });
    until_waiting(&engine, 1);
    let mut passes = || {
        let mut late = three.begin(RC, false);
        late.lock_key(TABLE, b"a", RowLock::ForKeyShare, Wait::Skip).unwrap()
    };
    assert!(passes());
    assert!((0..10_000).any(|_| !passes()));
    assert!(sharer.lock_key(TABLE, b"a", RowLock::ForUpdate, Wait::NoWait).unwrap());
    sharer.commit().unwrap();
    waiting.join().unwrap().commit().unwrap();
    assert!(passes());
}

#[test]
fn one_who_wants_more_stands_before_those_who_wait_for_him_and_behind_the_others() {
    let engine = engine();
    let mut sessions: Vec<_> = (0..4).map(|_| engine.session()).collect();
    let [one, two, three, four] = &mut sessions[..] else { unreachable!() };
    let (served, mut reader) = (Mutex::new(Vec::new()), one.begin(RC, false));
    let mut mover = two.begin(RC, false);
    reader.lock_key(TABLE, b"a", RowLock::ForKeyShare, Wait::Block).unwrap();
    mover.lock_key(TABLE, b"a", RowLock::ForNoKeyUpdate, Wait::Block).unwrap();
    thread::scope(|scope| {
        let queue = |name, mut transaction: Transaction, mode, waits| {
            let served = &served;
            scope.spawn(move || {
                transaction.lock_key(TABLE, b"a", mode, Wait::Block).unwrap();
                served.lock().push(name);
                transaction.commit().unwrap();
            });
            until_waiting(&engine, waits);
        };
        queue("updates", three.begin(RC, false), RowLock::ForNoKeyUpdate, 1);
        queue("deletes", four.begin(RC, false), RowLock::ForUpdate, 2);
        queue("wants more", reader, RowLock::ForShare, 3);
        mover.commit().unwrap();
    });
    assert_eq!(*served.lock(), ["updates", "wants more", "deletes"]);
}

#[test]
fn a_thousand_waiters_for_one_row_all_finish() {
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::open(store, Options::default()).unwrap();
    set(&engine, b"counter", &0u64.to_be_bytes());
    let mut session = engine.session();
    let mut holder = session.begin(RC, false);
    lock(&mut holder, b"counter").unwrap();
    let threads: Vec<_> = (0..1_000)
        .map(|_| {
            let mut session = engine.session();
            let small = thread::Builder::new().stack_size(128 << 10);
            let run = move || {
                let mut transaction = session.begin(RC, false);
                let snapshot = transaction.snapshot();
                let mode = RowLock::ForNoKeyUpdate;
                lock_row(&mut transaction, &snapshot, b"counter", mode, Wait::Block).unwrap();
                let value = newest(&transaction, b"counter").unwrap();
                let value = u64::from_be_bytes(value.try_into().unwrap()) + 1;
                transaction.put(TABLE, b"counter", &value.to_be_bytes()).unwrap();
                transaction.commit().unwrap();
            };
            small.spawn(run).unwrap()
        })
        .collect();
    until_waiting(&engine, 1_000);
    holder.commit().unwrap();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let counter = support::see(&mut session, b"counter");
    let last = engine.visible();
    engine.on_durable(last).wait();
    let counter_later = support::see(&mut session, b"counter").unwrap();
    assert!(counter.is_some());
    assert_eq!(counter_later, 1_000u64.to_be_bytes());
}

#[test]
fn a_second_insert_of_an_uncommitted_key_waits_for_the_first() {
    let engine = engine();
    for commits in [true, false] {
        let key: &[u8] = if commits { b"committed" } else { b"rolled back" };
        let (mut one, mut two) = (engine.session(), engine.session());
        let mut first = one.begin(RC, false);
        lock(&mut first, key).unwrap();
        assert_eq!(newest(&first, key), None);
        first.put(TABLE, key, b"1").unwrap();
        let waits = engine.statistics().lock_waits;
        let second = thread::spawn(move || {
            let mut second = two.begin(RC, false);
            let snapshot = second.snapshot();
            let mode = RowLock::ForUpdate;
            let locked = lock_row(&mut second, &snapshot, key, mode, Wait::Block).unwrap();
            (locked, newest(&second, key))
        });
        until_waiting(&engine, waits + 1);
        if commits {
            first.commit().unwrap();
            assert_eq!(second.join().unwrap(), (Locked::Changed, Some(b"1".to_vec())));
        } else {
            first.rollback();
            assert_eq!(second.join().unwrap(), (Locked::Unchanged, None));
        }
    }
}

#[test]
fn an_interrupt_and_a_timeout_end_a_wait_and_leave_the_queue() {
    let engine = engine();
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let [one, two, three] = &mut sessions[..] else { unreachable!() };
    let mut holder = one.begin(RC, false);
    lock(&mut holder, b"a").unwrap();
    let interrupt = two.interrupt();
    let mut waiter = two.begin(RC, false);
    let waiting = thread::spawn(move || lock(&mut waiter, b"a"));
    until_waiting(&engine, 1);
    let mut patient = three.begin(RC, false);
    let timeout = Wait::Timeout(Duration::from_millis(1));
    let late = patient.lock_key(TABLE, b"a", RowLock::ForUpdate, timeout);
    assert!(matches!(late, Err(Error::LockTimeout)));
    interrupt.set(Reason::Cancel);
    let canceled = waiting.join().unwrap();
    assert!(matches!(canceled, Err(Error::Interrupted(Reason::Cancel))));
    holder.commit().unwrap();
    assert!(lock(&mut patient, b"a").unwrap());
}

#[test]
fn leaving_the_queue_lets_those_behind_in() {
    let engine = engine();
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let [one, two, three] = &mut sessions[..] else { unreachable!() };
    let mut sharer = one.begin(RC, false);
    sharer.lock_advisory(KEY, AdvisoryLock::Share, Wait::Block).unwrap();
    let interrupt = two.interrupt();
    let mut writer = two.begin(RC, false);
    let mut reader = three.begin(RC, false);
    thread::scope(|scope| {
        let writer =
            scope.spawn(move || writer.lock_advisory(KEY, AdvisoryLock::Exclusive, Wait::Block));
        until_waiting(&engine, 1);
        let reader =
            scope.spawn(move || reader.lock_advisory(KEY, AdvisoryLock::Share, Wait::Block));
        until_waiting(&engine, 2);
        interrupt.set(Reason::Terminate);
        assert!(writer.join().unwrap().is_err());
        assert!(reader.join().unwrap().unwrap());
    });
}

#[test]
fn a_strong_table_lock_waits_for_weak_ones_and_keeps_new_ones_out() {
    let engine = engine();
    let mut sessions: Vec<_> = (0..4).map(|_| engine.session()).collect();
    let [one, two, three, four] = &mut sessions[..] else { unreachable!() };
    let mut writer = one.begin(RC, false);
    assert!(writer.lock_table(ACCOUNTS, TableLock::RowExclusive, Wait::Block).unwrap());
    assert!(writer.lock_table(ACCOUNTS, TableLock::AccessShare, Wait::Block).unwrap());
    let mut reader = two.begin(RC, true);
    assert!(reader.lock_table(ACCOUNTS, TableLock::AccessShare, Wait::Block).unwrap());

    let mut definer = three.begin(RC, false);
    assert!(!definer.lock_table(ACCOUNTS, TableLock::Share, Wait::Skip).unwrap());
    assert!(definer.lock_table(ACCOUNTS, TableLock::ShareUpdateExclusive, Wait::Skip).unwrap());
    let waiting = thread::spawn(move || {
        assert!(definer.lock_table(ACCOUNTS, TableLock::AccessExclusive, Wait::Block).unwrap());
        definer
    });
    until_waiting(&engine, 1);
    let mut late = four.begin(RC, true);
    assert!(!late.lock_table(ACCOUNTS, TableLock::AccessShare, Wait::Skip).unwrap());
    assert!(reader.lock_table(ACCOUNTS, TableLock::AccessShare, Wait::NoWait).unwrap());
    writer.commit().unwrap();
    reader.commit().unwrap();
    let definer = waiting.join().unwrap();
    let refused = late.lock_table(ACCOUNTS, TableLock::AccessShare, Wait::NoWait);
    assert!(matches!(refused, Err(Error::LockNotAvailable)));
    definer.commit().unwrap();
    assert!(late.lock_table(ACCOUNTS, TableLock::AccessShare, Wait::NoWait).unwrap());
    late.commit().unwrap();
    let mut again = four.begin(RC, false);
    assert!(again.lock_table(ACCOUNTS, TableLock::AccessExclusive, Wait::NoWait).unwrap());
}

/// A lock from before a savepoint is held until the end, wherever it was written down meanwhile.
#[test]
fn a_savepoint_gives_no_table_lock_back_that_was_taken_before_it() {
    use TableLock::{AccessExclusive, AccessShare, RowExclusive, Share, ShareUpdateExclusive};
    let engine = engine();
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let [one, two, three] = &mut sessions[..] else { unreachable!() };
    let later = [
        (RowExclusive, ShareUpdateExclusive, false),
        (AccessShare, AccessShare, true),
        (RowExclusive, Share, false),
        (Share, AccessExclusive, false),
    ];
    for (before, after, beside_a_strong_one) in later {
        for is_moved in [true, false] {
            let mut holder = one.begin(RC, false);
            let mut other = two.begin(RC, false);
            assert!(!beside_a_strong_one || other.lock_table(ACCOUNTS, Share, Wait::Skip).unwrap());
            assert!(holder.lock_table(ACCOUNTS, before, Wait::Skip).unwrap());
            other.commit().unwrap();
            let savepoint = holder.savepoint();
            assert!(holder.lock_table(ACCOUNTS, after, Wait::Skip).unwrap());
            let mut strong = three.begin(RC, false);
            let mut get = || strong.lock_table(ACCOUNTS, AccessExclusive, Wait::Skip).unwrap();
            assert!(!is_moved || !get());
            holder.rollback_to(savepoint);
            assert!(!get(), "{before:?}, then {after:?}");
            holder.commit().unwrap();
            assert!(get(), "{before:?}, then {after:?}");
        }
    }
}

#[test]
fn an_exclusive_table_lock_is_exclusive_under_load() {
    let engine = engine();
    let inside = AtomicU64::new(0);
    let turns = 300;
    thread::scope(|scope| {
        for at in 0..4 {
            let (engine, inside) = (&engine, &inside);
            scope.spawn(move || {
                let mut session = engine.session();
                for _ in 0..turns {
                    let mut transaction = session.begin(RC, false);
                    let (mode, weight) = match at {
                        0 => (TableLock::AccessExclusive, 1_000),
                        _ => (TableLock::RowExclusive, 1),
                    };
                    transaction.lock_table(ACCOUNTS, mode, Wait::Block).unwrap();
                    let before = inside.fetch_add(weight, Ordering::SeqCst);
                    assert!(if at == 0 { before == 0 } else { before < 1_000 });
                    inside.fetch_sub(weight, Ordering::SeqCst);
                    transaction.commit().unwrap();
                }
            });
        }
    });
}

#[test]
fn advisory_locks_of_a_session_are_counted_and_outlive_transactions() {
    let engine = engine();
    let key = AdvisoryKey { database: 1, high: 0, low: 1, pair: true };
    let (mut one, two) = (engine.session(), engine.session());
    let exclusive = AdvisoryLock::Exclusive;
    assert!(one.advisory().lock(key, exclusive, Wait::Skip).unwrap());
    assert!(one.advisory().lock(key, exclusive, Wait::Skip).unwrap());
    let mut transaction = one.begin(RC, false);
    assert!(transaction.lock_advisory(key, exclusive, Wait::Skip).unwrap());
    transaction.commit().unwrap();
    assert!(one.advisory().unlock(key, exclusive));
    assert!(!two.advisory().lock(key, AdvisoryLock::Share, Wait::Skip).unwrap());
    assert!(one.advisory().unlock(key, exclusive));
    assert!(!one.advisory().unlock(key, exclusive));
    assert!(two.advisory().lock(key, AdvisoryLock::Share, Wait::Skip).unwrap());
    drop(two);
    assert!(one.advisory().lock(key, exclusive, Wait::Skip).unwrap());
}

/// Random locks in random order: whoever is not a deadlock's victim gets what it asked for, nobody hangs, and
/// no two hold what conflicts.
#[test]
fn random_lock_orders_end_in_locks_or_deadlocks() {
    let engine = engine();
    let held: Vec<AtomicU64> = (0..6).map(|_| AtomicU64::new(0)).collect();
    let granted = AtomicU64::new(0);
    thread::scope(|scope| {
        for seed in 0..6 {
            let (engine, held, granted) = (&engine, &held, &granted);
            scope.spawn(move || {
                let mut random = Random::new(seed);
                let mut session = engine.session();
                for _ in 0..150 {
                    let transaction = session.begin(RC, false);
                    granted.fetch_add(
                        lock_at_random(transaction, &mut random, held),
                        Ordering::Relaxed,
                    );
                }
            });
        }
    });
    assert!(granted.load(Ordering::Relaxed) > 0);
    println!("{} granted, {:?}", granted.load(Ordering::Relaxed), engine.statistics());
    let mut session = engine.session();
    let mut last = session.begin(RC, false);
    for key in 0..6 {
        assert!(last.lock_key(TABLE, &[key], RowLock::ForUpdate, Wait::NoWait).unwrap());
    }
}

fn lock_at_random(mut transaction: Transaction, random: &mut Random, held: &[AtomicU64]) -> u64 {
    const ALONE: u64 = 1 << 32;
    let mut mine: Vec<(usize, u64)> = Vec::new();
    for _ in 0..4 {
        let key = random.below(6);
        let (mode, weight) = match random.below(3) {
            0 => (RowLock::ForUpdate, ALONE),
            _ => (RowLock::ForShare, 1),
        };
        let at = usize::try_from(key).unwrap();
        let byte = [u8::try_from(key).unwrap()];
        match transaction.lock_key(TABLE, &byte, mode, Wait::Block) {
            Ok(locked) => assert!(locked),
            Err(Error::Deadlock(_)) => break,
            Err(error) => panic!("{error}"),
        }
        let own: u64 = mine.iter().filter(|(other, _)| *other == at).map(|(_, w)| w).sum();
        let others = held[at].fetch_add(weight, Ordering::SeqCst) - own;
        mine.push((at, weight));
        let alone = own + weight >= ALONE;
        assert!(if alone { others == 0 } else { others < ALONE }, "{others:x} beside {weight:x}");
        thread::yield_now();
    }
    for (at, weight) in &mine {
        held[*at].fetch_sub(*weight, Ordering::SeqCst);
    }
    transaction.rollback();
    mine.len() as u64
}

#[test]
fn a_row_that_nobody_wrote_since_the_snapshot_is_locked_without_asking_the_store() {
    let options = Options { cache_size: 0, ..options() };
    let engine = Engine::open(Arc::new(MemoryStore::new()), options).unwrap();
    let keys: Vec<[u8; 1]> = (0..100).map(|key| [key]).collect();
    for key in &keys {
        set(&engine, key, b"1");
    }
    let mut session = engine.session();
    let mut transaction = session.begin(RC, false);
    let snapshot = transaction.snapshot();
    let mut lock = |key: &[u8]| {
        lock_row(&mut transaction, &snapshot, key, RowLock::ForUpdate, Wait::NoWait).unwrap()
    };
    let reads = || {
        let store = engine.statistics().store;
        store.reads + store.cursors
    };
    let before = reads();
    set(&engine, &keys[0], b"2");
    assert_eq!(lock(&keys[0]), Locked::Changed);
    let changed = reads();
    assert!(changed > before);
    // One in 512 shares its place with the one that changed.
    let asked = keys[1..].iter().filter(|key| {
        let before = reads();
        assert_eq!(lock(key.as_slice()), Locked::Unchanged);
        reads() > before
    });
    assert!(asked.count() < keys.len() / 4);
}

#[test]
fn handles_may_move_between_threads() {
    fn sends<T: Send>() {}
    fn shares<T: Send + Sync>() {}
    sends::<reckon_mvcc::Session>();
    sends::<Transaction>();
    sends::<reckon_mvcc::Cursor>();
    sends::<reckon_mvcc::Durable>();
    shares::<Engine>();
    shares::<reckon_mvcc::Interrupt>();
}
