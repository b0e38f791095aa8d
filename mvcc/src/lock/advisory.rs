//! Advisory locks: they mean what the application says.
//!
//! A session can hold one until it gives it back, as often as it took it, and its transaction can hold
//! the same one beside that until it ends.

use std::fmt;

use super::queue::{Mode, Request, Scope};
use super::{Locks, Target, Wait};
use crate::error::Error;
use crate::session::Member;

/// What an advisory lock is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdvisoryKey {
    /// The database's oid.
    pub database: u32,
    /// The high half of a bigint key, or the first of two integers.
    pub high: u32,
    /// The low half of a bigint key, or the second of two integers.
    pub low: u32,
    /// Whether it was given as two integers; such a key is none of the bigint ones.
    pub pair: bool,
}

impl fmt::Display for AdvisoryKey {
    /// As in PostgreSQL's deadlock reports.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.pair { 2 } else { 1 };
        write!(f, "advisory lock [{},{},{},{kind}]", self.database, self.high, self.low)
    }
}

/// How an advisory lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AdvisoryLock {
    /// With others who share it.
    Share,
    /// Alone.
    Exclusive,
}

impl AdvisoryLock {
    pub(super) fn of_bits(bits: u8) -> impl Iterator<Item = Self> {
        [Self::Share, Self::Exclusive].into_iter().filter(move |lock| lock.mode().bit & bits != 0)
    }

    pub(super) fn mode(self) -> Mode {
        match self {
            Self::Share => Mode { bit: 1, conflicts: 2, covered_by: 1 },
            Self::Exclusive => Mode { bit: 2, conflicts: 3, covered_by: 2 },
        }
    }

    /// PostgreSQL's names of modes that are held.
    pub(super) fn names(modes: u8) -> impl Iterator<Item = &'static str> {
        let bits = [Self::Share, Self::Exclusive].map(|lock| lock.mode().bit);
        bits.into_iter().filter(move |bit| modes & bit != 0).map(Self::name)
    }

    pub(super) fn name(bit: u8) -> &'static str {
        if bit == Self::Share.mode().bit { "ShareLock" } else { "ExclusiveLock" }
    }
}

/// An advisory lock a transaction took.
#[derive(Debug)]
pub(crate) struct HeldAdvisory {
    pub(super) key: AdvisoryKey,
    pub(super) previous: u8,
}

impl Locks {
    /// Takes a lock for a session, once more if it has it. False: not free, and skipped.
    pub(crate) fn lock_advisory(
        &self,
        member: &Member,
        key: AdvisoryKey,
        lock: AdvisoryLock,
        wait: Wait,
    ) -> Result<bool, Error> {
        if self.request_advisory(member, Scope::Session, 0, key, lock, wait)?.is_none() {
            return Ok(false);
        }
        let mut held = member.locks.advisory.lock();
        match held.iter_mut().find(|(other, mode, _)| *other == key && *mode == lock) {
            Some((_, _, times)) => *times += 1,
            None => held.push((key, lock, 1)),
        }
        Ok(true)
    }

    /// Takes a lock for a transaction. `None`: not free, and skipped. `Some(None)`: held already.
    pub(crate) fn lock_advisory_in(
        &self,
        member: &Member,
        transaction: u64,
        key: AdvisoryKey,
        lock: AdvisoryLock,
        wait: Wait,
    ) -> Result<Option<Option<HeldAdvisory>>, Error> {
        let scope = Scope::Transaction;
        let previous = self.request_advisory(member, scope, transaction, key, lock, wait)?;
        Ok(previous.map(|previous| {
            let is_new = previous & lock.mode().covered_by == 0;
            is_new.then_some(HeldAdvisory { key, previous })
        }))
    }

    fn request_advisory(
        &self,
        member: &Member,
        scope: Scope,
        transaction: u64,
        key: AdvisoryKey,
        lock: AdvisoryLock,
        wait: Wait,
    ) -> Result<Option<u8>, Error> {
        let request = Request { member, scope, transaction, mode: lock.mode() };
        let answer = self.advisory.request(&key, || key, request, wait.may_wait());
        let granted = self.finish(member, answer, wait, || Target::Advisory(key))?;
        Ok(granted.map(|granted| granted.previous))
    }

    /// Gives a session's lock back once. False when the session does not hold it so.
    pub(crate) fn unlock_advisory(
        &self,
        member: &Member,
        key: AdvisoryKey,
        lock: AdvisoryLock,
    ) -> bool {
        let mut held = member.locks.advisory.lock();
        let own = held.iter().position(|(other, mode, _)| *other == key && *mode == lock);
        let Some(at) = own else { return false };
        held[at].2 -= 1;
        if held[at].2 == 0 {
            held.swap_remove(at);
            let rest = held.iter().filter(|(other, _, _)| *other == key);
            let modes = rest.fold(0, |modes, (_, mode, _)| modes | mode.mode().bit);
            self.advisory.release(&key, member.id, Scope::Session, modes);
        }
        true
    }

    /// Gives back everything the session itself holds.
    pub(crate) fn release_session(&self, member: &Member) {
        for (key, _, _) in member.locks.advisory.lock().drain(..) {
            self.advisory.release(&key, member.id, Scope::Session, 0);
        }
    }

    /// Takes a transaction's lock back, from the newest on.
    pub(crate) fn release_advisory(&self, member: &Member, held: &HeldAdvisory) {
        self.advisory.release(&held.key, member.id, Scope::Transaction, held.previous);
    }
}
