//! Who holds and wants which lock, for people to look at.
//!
//! Lock by lock while others come and go: what is listed was so at some moment, not all at the same one.
//! A row that is locked is not listed, a session that waits for one waits for a transaction, as in
//! PostgreSQL.

use std::collections::BTreeSet;
use std::time::Duration;

use super::queue::Sight;
use super::{AdvisoryLock, LockTarget, Locks, TableLock};
use crate::session::SessionId;
use crate::timestamp::instant;

/// A lock that is held or wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockStatus {
    /// What it is on.
    pub target: LockTarget,
    /// Whose it is.
    pub session: SessionId,
    /// PostgreSQL's name of the mode.
    pub mode: &'static str,
    /// Held; else the session waits for it.
    pub granted: bool,
    /// Written down in the session alone.
    pub fast: bool,
    /// How long the session has waited.
    pub waited: Option<Duration>,
}

impl Locks {
    /// All table and advisory locks, those on transactions that hold or wait for something, and the waits
    /// for rows.
    pub(crate) fn status(&self) -> Vec<LockStatus> {
        let mut all = Vec::new();
        let mut transactions = BTreeSet::new();
        self.tables.each(|table, sight| {
            transactions.insert((sight.session, sight.transaction));
            let modes = TableLock::ALL.into_iter().filter(|mode| mode.is_in(sight.modes));
            all.extend(modes.map(|mode| status(LockTarget::Table(*table), mode.name(), sight)));
        });
        self.advisory.each(|key, sight| {
            transactions.insert((sight.session, sight.transaction));
            let modes = AdvisoryLock::names(sight.modes);
            all.extend(modes.map(|mode| status(LockTarget::Advisory(*key), mode, sight)));
        });
        self.rows.each(|_, sight| {
            transactions.insert((sight.session, sight.transaction));
            if let Some(holder) = sight.blocked_by {
                all.push(status(LockTarget::Transaction(holder), "ShareLock", sight));
            }
        });
        for (session, transaction) in transactions.into_iter().filter(|(_, number)| *number != 0) {
            let (target, mode) = (LockTarget::Transaction(transaction), "ExclusiveLock");
            all.push(LockStatus {
                target,
                session,
                mode,
                granted: true,
                fast: false,
                waited: None,
            });
        }
        self.add_sessions(&mut all);
        all
    }

    /// The locks that sessions keep to themselves, and how long they have waited.
    fn add_sessions(&self, all: &mut Vec<LockStatus>) {
        self.sessions.each(|member| {
            for (table, modes) in member.locks.fast.lock().iter() {
                let modes = TableLock::ALL.into_iter().filter(|mode| mode.is_in(*modes));
                all.extend(modes.map(|mode| LockStatus {
                    target: LockTarget::Table(*table),
                    session: member.id,
                    mode: mode.name(),
                    granted: true,
                    fast: true,
                    waited: None,
                }));
            }
            let waiting = member.locks.waiting.lock().as_ref().map(|wait| wait.2);
            let Some(since) = waiting else { return };
            let own = all.iter_mut().filter(|lock| lock.session == member.id && !lock.granted);
            own.for_each(|lock| lock.waited = Some(instant().duration_since(since)));
        });
    }
}

fn status(target: LockTarget, mode: &'static str, sight: Sight) -> LockStatus {
    let Sight { session, granted, .. } = sight;
    LockStatus { target, session, mode, granted, fast: false, waited: None }
}
