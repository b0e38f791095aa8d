//! Who holds and wants which lock, for people to look at.
//!
//! Lock by lock while others come and go: what is listed was so at some moment, not all at the same one.
//!
//! A row that is locked is not listed. Who waits for one waits for a transaction, as in PostgreSQL, and has
//! the row itself, so that the next one waits for it and not for the transaction:
//!
//! ```text
//! holder    transaction 7
//! waiter    row, granted     transaction 7, not granted
//! behind    row, not granted
//! ```

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::FixedState;
use reckon_storage::KeyspaceId;

use super::queue::{Place, Sight};
use super::{AdvisoryLock, LockTarget, Locks, RowLock, TableLock};
use crate::session::SessionId;
use crate::timestamp::instant;

/// A key, as those are told apart that look at locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(pub u64);

impl KeyName {
    pub(crate) fn of(key: &[u8]) -> Self {
        Self(FixedState::with_seed(0).hash_one(key))
    }
}

/// What a lock is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockSubject {
    /// What deadlock reports name too.
    Target(LockTarget),
    /// A row that somebody waits for.
    Row {
        /// Its keyspace.
        keyspace: KeyspaceId,
        /// Its key.
        key: KeyName,
    },
}

/// A lock that is held or wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockStatus {
    /// What it is on.
    pub subject: LockSubject,
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
    /// for rows. `is_row` says whether there is a row under a key: who waits for a key to become free waits
    /// for a transaction alone.
    pub(crate) fn status(&self, is_row: impl Fn(KeyspaceId, &[u8]) -> bool) -> Vec<LockStatus> {
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
        let mut waits = Vec::new();
        self.rows.each(|row, sight| {
            transactions.insert((sight.session, sight.transaction));
            if !sight.granted {
                waits.push((Arc::clone(row), sight));
            }
        });
        waits.iter().for_each(|(row, sight)| add_wait(&mut all, row, *sight, &is_row));
        for (session, transaction) in transactions.into_iter().filter(|(_, number)| *number != 0) {
            let subject = LockSubject::Target(LockTarget::Transaction(transaction));
            let mode = "ExclusiveLock";
            let (granted, fast, waited) = (true, false, None);
            all.push(LockStatus { subject, session, mode, granted, fast, waited });
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
                    subject: LockSubject::Target(LockTarget::Table(*table)),
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

/// Somebody waits for a row.
fn add_wait(
    all: &mut Vec<LockStatus>,
    row: &[u8],
    sight: Sight,
    is_row: &impl Fn(KeyspaceId, &[u8]) -> bool,
) {
    let Some((keyspace, key)) = row.split_first_chunk() else { return };
    let keyspace = KeyspaceId(u32::from_be_bytes(*keyspace));
    let mode = RowLock::of_bits(sight.modes).last().map(RowLock::tuple_mode);
    let mode = mode.filter(|_| sight.place != Place::Holder && is_row(keyspace, key));
    let names_row = mode.is_some();
    if let Some(mode) = mode {
        let granted = sight.place == Place::Next;
        let subject = LockSubject::Row { keyspace, key: KeyName::of(key) };
        let (session, fast, waited) = (sight.session, false, None);
        all.push(LockStatus { subject, session, mode, granted, fast, waited });
    }
    if let Some(holder) = sight.blocked_by.filter(|_| !names_row || sight.place == Place::Next) {
        all.push(status(LockTarget::Transaction(holder), "ShareLock", sight));
    }
}

impl RowLock {
    /// PostgreSQL's name of the lock that who waits for a row takes on it.
    fn tuple_mode(self) -> &'static str {
        match self {
            Self::ForKeyShare => TableLock::AccessShare,
            Self::ForShare => TableLock::RowShare,
            Self::ForNoKeyUpdate => TableLock::Exclusive,
            Self::ForUpdate | Self::ForKeyChange => TableLock::AccessExclusive,
        }
        .name()
    }
}

fn status(target: LockTarget, mode: &'static str, sight: Sight) -> LockStatus {
    let (Sight { session, granted, .. }, subject) = (sight, LockSubject::Target(target));
    LockStatus { subject, session, mode, granted, fast: false, waited: None }
}
