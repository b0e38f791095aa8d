//! Rows that are waited for without a thread: the request stays in the queue, and whoever keeps it looks again.
#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use reckon_mvcc::{Error, Isolation, Locked, Reason, RowLock, Session, Transaction, Wait};
use support::{TABLE, engine, lock_row, set};

const RC: Isolation = Isolation::ReadCommitted;

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    fn times(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

fn queue(transaction: &mut Transaction, wait: Wait) -> Result<Locked, Error> {
    let snapshot = transaction.snapshot();
    lock_row(transaction, &snapshot, b"a", RowLock::ForUpdate, wait)
}

fn look_until_it_ends(transaction: &mut Transaction) -> Result<bool, Error> {
    loop {
        match transaction.look_again() {
            Ok(false) => std::thread::yield_now(),
            ended => return ended,
        }
    }
}

fn holder(session: &mut Session) -> Transaction {
    let mut transaction = session.begin(RC, false);
    assert_eq!(queue(&mut transaction, Wait::Suspend(None)).unwrap(), Locked::Unchanged);
    transaction
}

#[test]
fn who_is_queued_is_woken_once_and_then_holds_the_row() {
    let engine = engine();
    set(&engine, b"a", b"1");
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let [one, two, three] = &mut sessions[..] else { unreachable!() };
    let mut first = holder(one);
    let mut second = two.begin(RC, false);
    assert_eq!(queue(&mut second, Wait::Suspend(None)).unwrap(), Locked::Queued);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    assert_eq!(second.poll_lock(&waker), Poll::Pending);
    assert!(!second.look_again().unwrap());
    assert_eq!(second.poll_lock(&waker), Poll::Pending);
    assert_eq!(engine.blockers(second.session()), [first.session()]);

    first.put(TABLE, b"a", b"2").unwrap();
    let changed = first.commit().unwrap().durable_needed;
    assert_eq!(woken.times(), 1);
    assert_eq!(second.poll_lock(&waker), Poll::Ready(()));
    assert!(second.look_again().unwrap());
    assert!(engine.blockers(second.session()).is_empty());
    // A newer snapshot has the change in it.
    engine.on_durable(changed).wait();
    let mut third = three.begin(RC, false);
    let snapshot = third.snapshot();
    let asked = lock_row(&mut third, &snapshot, b"a", RowLock::ForUpdate, Wait::NoWait);
    assert!(matches!(asked, Err(Error::LockNotAvailable)));
    second.rollback();
    let asked = lock_row(&mut third, &snapshot, b"a", RowLock::ForUpdate, Wait::NoWait);
    assert_eq!(asked.unwrap(), Locked::Unchanged);
}

#[test]
fn a_row_that_changed_while_one_was_queued_is_changed_for_the_old_snapshot() {
    let engine = engine();
    set(&engine, b"a", b"1");
    let (mut one, mut two) = (engine.session(), engine.session());
    let mut first = holder(&mut one);
    let mut second = two.begin(RC, false);
    let snapshot = second.snapshot();
    let mut ask =
        || lock_row(&mut second, &snapshot, b"a", RowLock::ForUpdate, Wait::Suspend(None));
    assert_eq!(ask().unwrap(), Locked::Queued);
    first.put(TABLE, b"a", b"2").unwrap();
    first.commit().unwrap();
    assert!(second.look_again().unwrap());
    let mut ask =
        || lock_row(&mut second, &snapshot, b"a", RowLock::ForUpdate, Wait::Suspend(None));
    assert_eq!(ask().unwrap(), Locked::Changed);
}

#[test]
fn who_goes_away_leaves_the_queue_whether_granted_or_not() {
    let engine = engine();
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let [one, two, three] = &mut sessions[..] else { unreachable!() };
    let first = holder(one);
    let mut second = two.begin(RC, false);
    let savepoint = second.savepoint();
    assert_eq!(queue(&mut second, Wait::Suspend(None)).unwrap(), Locked::Queued);
    let mut third = three.begin(RC, false);
    assert_eq!(queue(&mut third, Wait::Suspend(None)).unwrap(), Locked::Queued);
    second.rollback_to(savepoint);
    first.rollback();
    // The third one has it, and does not know yet.
    assert_eq!(queue(&mut second, Wait::Suspend(None)).unwrap(), Locked::Queued);
    drop(third);
    assert!(second.look_again().unwrap());
    second.commit().unwrap();
    holder(three);
}

#[test]
fn an_interrupt_and_a_timeout_end_a_wait_without_a_thread() {
    let engine = engine();
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let [one, two, three] = &mut sessions[..] else { unreachable!() };
    let first = holder(one);
    let woken = Arc::new(Woken::default());
    let interrupt = two.interrupt();
    let mut second = two.begin(RC, false);
    assert_eq!(queue(&mut second, Wait::Suspend(None)).unwrap(), Locked::Queued);
    assert_eq!(second.poll_lock(&Waker::from(Arc::clone(&woken))), Poll::Pending);
    interrupt.set(Reason::Cancel);
    assert_eq!(woken.times(), 1);
    assert!(matches!(second.look_again(), Err(Error::Interrupted(Reason::Cancel))));

    let mut third = three.begin(RC, false);
    let short = Wait::Suspend(Some(Duration::from_millis(1)));
    assert_eq!(queue(&mut third, short).unwrap(), Locked::Queued);
    assert!(third.look_at().is_some());
    assert!(matches!(look_until_it_ends(&mut third), Err(Error::LockTimeout)));
    // Nobody stands in the queue any more.
    first.commit().unwrap();
    assert!(third.look_again().unwrap());
    second.rollback();
    assert_eq!(queue(&mut third, Wait::NoWait).unwrap(), Locked::Unchanged);
}

#[test]
fn a_deadlock_of_two_who_wait_without_threads_is_found_and_has_one_victim() {
    let engine = engine();
    let (mut one, mut two) = (engine.session(), engine.session());
    let mut transactions = [one.begin(RC, false), two.begin(RC, false)];
    let keys = [b"a", b"b"];
    let lock = |transaction: &mut Transaction, key: &[u8]| {
        let snapshot = transaction.snapshot();
        lock_row(transaction, &snapshot, key, RowLock::ForUpdate, Wait::Suspend(None))
    };
    for (transaction, key) in transactions.iter_mut().zip(keys) {
        assert_eq!(lock(transaction, key).unwrap(), Locked::Unchanged);
    }
    for (transaction, key) in transactions.iter_mut().zip([keys[1], keys[0]]) {
        assert_eq!(lock(transaction, key).unwrap(), Locked::Queued);
    }
    let [mut victim, mut other] = transactions;
    assert!(matches!(look_until_it_ends(&mut victim), Err(Error::Deadlock(_))));
    assert!(!other.look_again().unwrap());
    victim.rollback();
    assert!(other.look_again().unwrap());
    assert_eq!(engine.statistics().deadlocks, 1);
}
