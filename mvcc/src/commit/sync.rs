//! The sync of the log, for all commits that wait for it at once.
//!
//! A commit asks for a sync and goes on; the sync thread syncs whatever was appended by then, advances
//! `durable` and wakes who waits for it. A commit that nobody waits for asks for one within
//! [`LAZY_MS_MAX`]. An embedded engine syncs in the committer's thread instead, so that a single writer
//! pays no hand-off; two committers still share a sync when they meet.
//!
//! # Concurrency
//!
//! `flushing` is held during a sync, `demand` and `waiters` for moments. Wakers run outside all of them.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use reckon_storage::Timestamp;

use super::{Watermarks, fatal};
use crate::engine::{Shared, SyncMode};
use crate::sync::thread::{self, Thread};
use crate::sync::{AtomicU64, Condvar, Mutex};
use crate::timestamp::{deadline, instant};

/// How long a commit that nobody waits for may stay off the disk.
const LAZY_MS_MAX: u64 = 10;

/// How often the sync thread gives way to others before a sync.
const GIVE_WAY_TIMES: usize = 4;

/// Somebody who was given way to and keeps the processor for longer than this is not about to commit.
const GIVE_WAY_MAX: Duration = Duration::from_micros(1500);

/// How long it is until it gives way again after that.
const GIVE_WAY_AGAIN: Duration = Duration::from_millis(50);

/// Who wants the log synced, and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct LogSync {
    demand: Mutex<Demand>,
    demanded: Condvar,
    flushing: Mutex<()>,
    waiters: Mutex<BTreeMap<(Timestamp, u64), Waker>>,
    last_waiter: AtomicU64,
    syncs: AtomicU64,
}

#[derive(Debug, Default)]
struct Demand {
    /// Commits up to here are wanted on disk now.
    now: Timestamp,
    /// By then everything appended is wanted on disk.
    lazily: Option<Instant>,
    asleep: bool,
    stop: bool,
}

impl LogSync {
    /// Syncs since the engine was opened.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// After a commit: puts it on disk here, or asks for that.
    pub(crate) fn committed(&self, shared: &Shared, at: Timestamp, synchronous: bool) {
        match shared.options.sync {
            SyncMode::Inline if synchronous => {
                shared.options.blocking.run(|| self.sync_until(shared, at));
                shared.scan_horizon();
            }
            _ => self.ask(at, synchronous),
        }
    }

    /// It is wanted on disk, at once or soon.
    pub(crate) fn ask(&self, at: Timestamp, synchronous: bool) {
        let mut demand = self.demand.lock();
        if synchronous {
            demand.now = demand.now.max(at);
        } else if demand.lazily.is_none() {
            demand.lazily = deadline(Duration::from_millis(LAZY_MS_MAX));
        } else {
            return;
        }
        if std::mem::take(&mut demand.asleep) {
            self.demanded.notify_one();
        }
    }

    /// Puts everything on disk that is visible now.
    pub(crate) fn sync(&self, shared: &Shared) {
        let flushing = self.flushing.lock();
        let marks = &*shared.marks;
        let target = marks.visible();
        if target > marks.synced() {
            if let Err(error) = shared.store.flush_log(shared.options.fsync) {
                fatal(&error);
            }
            self.syncs.fetch_add(1, Ordering::Relaxed);
            marks.cover(target);
        }
        drop(flushing);
        self.wake(marks.durable());
    }

    /// Puts a commit on disk in this thread, unless somebody else has meanwhile.
    pub(crate) fn sync_until(&self, shared: &Shared, at: Timestamp) {
        if shared.marks.durable() < at {
            self.sync(shared);
        }
    }

    /// The sync thread.
    pub(crate) fn run(&self, shared: &Shared) {
        let mut courtesy = Courtesy::default();
        while self.wait_for_demand(shared) {
            courtesy.give_way();
            self.sync(shared);
            shared.scan_horizon();
        }
    }

    /// Ends the sync thread.
    pub(crate) fn stop(&self) {
        self.demand.lock().stop = true;
        self.demanded.notify_one();
    }

    /// True: something is to be synced. False: the thread ends.
    fn wait_for_demand(&self, shared: &Shared) -> bool {
        let mut demand = self.demand.lock();
        loop {
            if demand.stop {
                return false;
            }
            if demand.now > shared.marks.synced() {
                demand.lazily = None;
                return true;
            }
            demand.asleep = true;
            match demand.lazily {
                None => self.demanded.wait(&mut demand),
                Some(until) => {
                    if self.demanded.wait_until(&mut demand, until).timed_out() {
                        demand.lazily = None;
                        demand.asleep = false;
                        return !demand.stop;
                    }
                }
            }
            demand.asleep = false;
        }
    }

    fn wake(&self, durable: Timestamp) {
        let woken = {
            let mut waiters = self.waiters.lock();
            if waiters.first_key_value().is_none_or(|((at, _), _)| *at > durable) {
                return;
            }
            let later = waiters.split_off(&(Timestamp(durable.0.saturating_add(1)), 0));
            std::mem::replace(&mut *waiters, later)
        };
        woken.into_values().for_each(Waker::wake);
    }
}

/// While there is more work than processors, the sync thread lets those go first who can run: they may
/// be about to commit, and then one sync serves them too. Where a processor is idle that takes no time. When
/// somebody then computes for long, it does not give way again soon.
#[derive(Debug, Default)]
struct Courtesy {
    not_before: Option<Instant>,
}

impl Courtesy {
    fn give_way(&mut self) {
        let mut now = instant();
        if self.not_before.is_some_and(|not_before| now < not_before) {
            return;
        }
        for _ in 0..GIVE_WAY_TIMES {
            thread::yield_now();
            let before = std::mem::replace(&mut now, instant());
            if now.duration_since(before) > GIVE_WAY_MAX {
                self.not_before = now.checked_add(GIVE_WAY_AGAIN);
                return;
            }
        }
    }
}

impl Watermarks {
    /// Everything up to `target` is on disk.
    fn cover(&self, target: Timestamp) {
        self.answerable.synced.fetch_max(target.0, Ordering::AcqRel);
        // Read in this order: every commit at or before `visible` has been entered in the second mark.
        let visible = self.visible();
        let all_waited_for = self.last_synchronous() <= target;
        let durable = if all_waited_for { visible } else { target };
        self.answerable.durable.fetch_max(durable.0, Ordering::AcqRel);
    }
}

/// Resolves once `durable` covers a timestamp: then what was seen at it may be told.
pub struct Durable {
    shared: Arc<Shared>,
    at: Timestamp,
    waiter: Option<u64>,
}

impl Durable {
    pub(crate) fn new(shared: Arc<Shared>, at: Timestamp) -> Self {
        let at = at.min(shared.marks.visible());
        Self { shared, at, waiter: None }
    }

    /// Blocks until then.
    pub fn wait(mut self) {
        if self.is_covered() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        shared.options.blocking.run(|| {
            if shared.options.sync == SyncMode::Inline {
                return shared.log.sync_until(&shared, self.at);
            }
            let waker = Waker::from(Arc::new(Unpark(thread::current())));
            let mut context = Context::from_waker(&waker);
            while Pin::new(&mut self).poll(&mut context).is_pending() {
                thread::park();
            }
        });
    }

    fn is_covered(&self) -> bool {
        self.shared.options.broken.replies || self.shared.marks.durable() >= self.at
    }
}

impl Future for Durable {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.is_covered() {
            return Poll::Ready(());
        }
        let shared = Arc::clone(&self.shared);
        let log = &shared.log;
        let id =
            *self.waiter.get_or_insert_with(|| log.last_waiter.fetch_add(1, Ordering::Relaxed));
        log.waiters.lock().insert((self.at, id), context.waker().clone());
        log.ask(self.at, true);
        if self.is_covered() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        if let Some(id) = self.waiter {
            self.shared.log.waiters.lock().remove(&(self.at, id));
        }
    }
}

impl fmt::Debug for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Durable({})", self.at)
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
