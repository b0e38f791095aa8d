//! Waiting in a queue: until granted, interrupted, timed out, or found in a deadlock.
//!
//! Who waits stands in the queue with a [`Pending`] request and looks at it now and then. Mostly its thread sleeps between two looks. A
//! transaction may keep the request instead ([`Wait::Suspend`]): then its thread does something else, and the session's signal
//! wakes a task.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::queue::{Answer, Waiter};
use super::{HeldRow, Locks, RowAnswer, Target, Wait};
use crate::error::Error;
use crate::session::Member;
use crate::timestamp::{deadline, instant};

/// A lock that was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Granted {
    /// The modes the holder held before.
    pub(super) previous: u8,
    pub(super) waited: bool,
}

/// A request that stands in a queue.
#[derive(Debug)]
pub(crate) struct Pending {
    target: Target,
    waiter: Arc<Waiter>,
    /// The modes the holder held before.
    previous: u8,
    limit: Option<Instant>,
    /// When to look for a deadlock, and how long after that again.
    check: Option<Instant>,
    patience: Duration,
}

impl Pending {
    /// When to look at it even if nothing happens.
    pub(crate) fn look_at(&self) -> Option<Instant> {
        [self.limit, self.check].into_iter().flatten().min()
    }

    /// Ready once it is granted or its session is interrupted; until then the waker is kept.
    pub(crate) fn poll(&self, member: &Member, waker: &Waker) -> Poll<()> {
        member.signal.poll(waker, || self.waiter.is_granted())
    }

    /// The lock of a row, granted.
    fn into_row(self) -> Option<HeldRow> {
        let Target::Row(row) = self.target else { return None };
        Some(HeldRow { row, previous: self.previous })
    }
}

impl Wait {
    pub(super) fn may_wait(self) -> bool {
        matches!(self, Self::Block | Self::Timeout(_) | Self::Suspend(_))
    }

    /// For what no thread leaves.
    pub(crate) fn here(self) -> Self {
        match self {
            Self::Suspend(limit) => limit.map_or(Self::Block, Self::Timeout),
            wait => wait,
        }
    }

    fn limit(self) -> Option<Duration> {
        match self {
            Self::Timeout(limit) | Self::Suspend(Some(limit)) => Some(limit),
            _ => None,
        }
    }
}

impl Locks {
    /// Turns the answer to a request into a lock, waiting if it was queued. `None`: skipped.
    pub(super) fn finish(
        &self,
        member: &Member,
        answer: Answer,
        wait: Wait,
        target: impl FnOnce() -> Target,
    ) -> Result<Option<Granted>, Error> {
        match answer {
            Answer::Granted { previous } => Ok(Some(Granted { previous, waited: false })),
            Answer::Busy if wait == Wait::Skip => Ok(None),
            Answer::Busy => Err(Error::LockNotAvailable),
            Answer::Queued { waiter, previous } => {
                let pending = self.enter_queue(member, target(), waiter, previous, wait);
                self.wait(member, pending)?;
                Ok(Some(Granted { previous, waited: true }))
            }
        }
    }

    /// Tells others that the session waits.
    pub(super) fn enter_queue(
        &self,
        member: &Member,
        target: Target,
        waiter: Arc<Waiter>,
        previous: u8,
        wait: Wait,
    ) -> Pending {
        self.waits.fetch_add(1, Ordering::Relaxed);
        *member.locks.waiting.lock() = Some((target.clone(), Arc::clone(&waiter), instant()));
        let limit = wait.limit().and_then(deadline);
        let patience = member.deadlock_timeout().unwrap_or(self.deadlock_timeout);
        Pending { target, waiter, previous, limit, check: deadline(patience), patience }
    }

    fn wait(&self, member: &Member, mut pending: Pending) -> Result<(), Error> {
        // Two that hold a lock and want more of it never end: that shows at once.
        let looks = pending.previous != 0 && !matches!(pending.target, Target::Row(_));
        let ended = if looks { self.end_deadlock(member) } else { Ok(()) };
        let outcome = ended.and_then(|()| {
            self.blocking.run(|| {
                loop {
                    member.signal.wait(pending.look_at(), || pending.waiter.is_granted());
                    if self.look(member, &mut pending)? {
                        return Ok(());
                    }
                }
            })
        });
        self.leave_queue(member, &pending, outcome)
    }

    /// Whether it is granted. Fails when it is to be waited for no longer.
    fn look(&self, member: &Member, pending: &mut Pending) -> Result<bool, Error> {
        if pending.waiter.is_granted() {
            return Ok(true);
        }
        member.signal.check()?;
        let now = instant();
        if pending.limit.is_some_and(|limit| limit <= now) {
            return Err(Error::LockTimeout);
        }
        if pending.check.is_some_and(|check| check <= now) {
            self.end_deadlock(member)?;
            pending.patience = pending.patience.saturating_mul(2);
            pending.check = deadline(pending.patience);
        }
        Ok(pending.waiter.is_granted())
    }

    fn leave_queue(
        &self,
        member: &Member,
        pending: &Pending,
        outcome: Result<(), Error>,
    ) -> Result<(), Error> {
        *member.locks.waiting.lock() = None;
        match outcome {
            // Granted while it gave up: then it has the lock, and meets the interrupt a little later.
            Err(_) if self.withdraw(&pending.target, &pending.waiter) => Ok(()),
            outcome => outcome,
        }
    }

    /// Looks at a request that was kept.
    pub(crate) fn look_again(
        &self,
        member: &Member,
        mut pending: Pending,
    ) -> Result<RowAnswer, Error> {
        let outcome = match self.look(member, &mut pending) {
            Ok(false) => return Ok(RowAnswer::Queued(pending)),
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        };
        self.leave_queue(member, &pending, outcome)?;
        Ok(RowAnswer::Held(pending.into_row()))
    }

    /// Gives up a request that was kept: the row if it was granted before that.
    pub(crate) fn give_up(&self, member: &Member, pending: Pending) -> Option<HeldRow> {
        *member.locks.waiting.lock() = None;
        self.withdraw(&pending.target, &pending.waiter).then(|| pending.into_row()).flatten()
    }

    fn withdraw(&self, target: &Target, waiter: &Arc<Waiter>) -> bool {
        match target {
            Target::Row(key) => self.rows.withdraw(key.as_ref(), waiter),
            Target::Table(key) => self.tables.withdraw(key, waiter),
            Target::Advisory(key) => self.advisory.withdraw(key, waiter),
        }
    }
}
