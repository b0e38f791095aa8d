//! Waiting in a queue: until granted, interrupted, timed out, or found in a deadlock.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::queue::{Answer, Waiter};
use super::{Locks, Target, Wait};
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

impl Wait {
    pub(super) fn may_wait(self) -> bool {
        matches!(self, Self::Block | Self::Timeout(_))
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
                let limit = match wait {
                    Wait::Timeout(limit) => Some(limit),
                    _ => None,
                };
                self.wait(member, target(), &waiter, limit, previous != 0)?;
                Ok(Some(Granted { previous, waited: true }))
            }
        }
    }

    fn wait(
        &self,
        member: &Member,
        target: Target,
        waiter: &Arc<Waiter>,
        limit: Option<Duration>,
        upgrades: bool,
    ) -> Result<(), Error> {
        self.waits.fetch_add(1, Ordering::Relaxed);
        *member.locks.waiting.lock() = Some((target.clone(), Arc::clone(waiter), instant()));
        // Two that hold a lock and want more of it never end: that shows at once.
        let looks = upgrades && !matches!(target, Target::Row(_));
        let ended = if looks { self.end_deadlock(member) } else { Ok(()) };
        let outcome = ended
            .and_then(|()| self.blocking.run(|| self.wait_until_granted(member, waiter, limit)));
        *member.locks.waiting.lock() = None;
        match outcome {
            // Granted while it gave up: then it has the lock, and meets the interrupt a little later.
            Err(_) if self.withdraw(&target, waiter) => Ok(()),
            outcome => outcome,
        }
    }

    fn wait_until_granted(
        &self,
        member: &Member,
        waiter: &Arc<Waiter>,
        limit: Option<Duration>,
    ) -> Result<(), Error> {
        let limit = limit.and_then(deadline);
        let mut patience = member.deadlock_timeout().unwrap_or(self.deadlock_timeout);
        let mut check = deadline(patience);
        loop {
            let until = [limit, check].into_iter().flatten().min();
            member.signal.wait(until, || waiter.is_granted());
            if waiter.is_granted() {
                return Ok(());
            }
            member.signal.check()?;
            let now = instant();
            if limit.is_some_and(|limit| limit <= now) {
                return Err(Error::LockTimeout);
            }
            if check.is_some_and(|check| check <= now) {
                self.end_deadlock(member)?;
                patience = patience.saturating_mul(2);
                check = deadline(patience);
            }
        }
    }

    fn withdraw(&self, target: &Target, waiter: &Arc<Waiter>) -> bool {
        match target {
            Target::Row(key) => self.rows.withdraw(key.as_ref(), waiter),
            Target::Table(key) => self.tables.withdraw(key, waiter),
            Target::Advisory(key) => self.advisory.withdraw(key, waiter),
        }
    }
}
