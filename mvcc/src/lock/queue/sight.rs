//! Holders and waiters, as others see them.

use super::{Blocker, Holder, Lock, LockTable, Waiter};
use crate::session::SessionId;

/// A holder or a waiter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    pub(crate) session: SessionId,
    pub(crate) transaction: u64,
    /// What it holds, or wants.
    pub(crate) modes: u8,
    pub(crate) granted: bool,
    /// For a waiter, the transaction it waits for.
    pub(crate) blocked_by: Option<u64>,
    /// For a waiter, where it stands.
    pub(crate) place: Place,
}

/// Where somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Holds the lock; a waiter, that it wants more of it.
    Holder,
    /// In front of all whom it conflicts with, but for holders who want more.
    Next,
    /// Behind somebody whom it conflicts with.
    Behind,
}

impl<K> LockTable<K> {
    /// Shows all holders and waiters.
    pub(crate) fn each(&self, mut see: impl FnMut(&K, Sight)) {
        for shard in &self.shards {
            for named in shard.lock().iter() {
                for holder in &named.lock.holders {
                    see(&named.key, sight(holder, holder.modes, None, Place::Holder));
                }
                for waiter in &named.lock.waiters {
                    let (blocker, place) = named.lock.stand_of(waiter);
                    see(&named.key, sight(&waiter.holder, waiter.mode.bit, blocker, place));
                }
            }
        }
    }
}

fn sight(holder: &Holder, modes: u8, blocked_by: Option<Blocker>, place: Place) -> Sight {
    Sight {
        session: holder.session,
        transaction: holder.transaction,
        modes,
        granted: blocked_by.is_none(),
        blocked_by: blocked_by.map(|blocker| blocker.transaction),
        place,
    }
}

impl Lock {
    /// The first whom a waiter waits for, and where that leaves it. Whoever waits has somebody to wait for.
    fn stand_of(&self, waiter: &Waiter) -> (Option<Blocker>, Place) {
        let blockers = self.blockers(waiter);
        let place = if self.modes_of(waiter.holder.session, None) != 0 {
            Place::Holder
        } else if blockers.iter().all(|blocker| self.is_holder(blocker)) {
            Place::Next
        } else {
            Place::Behind
        };
        (blockers.first().copied(), place)
    }

    /// Whether it holds the lock; it may want more besides.
    fn is_holder(&self, blocker: &Blocker) -> bool {
        blocker.holds || self.modes_of(blocker.session, None) != 0
    }
}
