//! Table locks: PostgreSQL's eight modes.
//!
//! Almost all requests are for the three modes that every statement takes and that do not conflict with
//! one another. Such a *weak* lock is written down in the session alone. A *strong* one, which may
//! conflict with it, first says so in a counter that weak requests look at, then moves the weak locks of
//! all sessions to the shared table, and queues there.
//!
//! # Invariants
//!
//! 1. While a strong lock of a table is held or wanted, its counter is not 0, no session has a weak lock
//!    of that table to itself, and weak requests go to the shared table.
//!
//! A weak request looks at the counter and writes its lock down under the session's latch, and the mover
//! takes that latch after raising the counter: so either the mover sees the lock, or the request the counter.

use std::sync::atomic::Ordering;

use super::queue::{Mode, Request, Scope};
use super::{Locks, Target, Wait};
use crate::error::Error;
use crate::session::Member;
use crate::sync::AtomicU32;

/// What a table lock is on: a relation of a database, by PostgreSQL's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableLockId {
    /// The database's oid.
    pub database: u32,
    /// The relation's oid.
    pub relation: u32,
}

/// How a table is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableLock {
    /// SELECT.
    AccessShare,
    /// SELECT FOR UPDATE and the like.
    RowShare,
    /// INSERT, UPDATE, DELETE.
    RowExclusive,
    /// ANALYZE, CREATE INDEX CONCURRENTLY.
    ShareUpdateExclusive,
    /// CREATE INDEX.
    Share,
    /// CREATE TRIGGER.
    ShareRowExclusive,
    /// REFRESH MATERIALIZED VIEW CONCURRENTLY.
    Exclusive,
    /// DROP, TRUNCATE, most of ALTER TABLE.
    AccessExclusive,
}

impl TableLock {
    pub(super) const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// Conflicts of each mode, one bit a mode, the lowest for ACCESS SHARE; PostgreSQL's table.
    const CONFLICTS: [u8; 8] = [
        0b1000_0000,
        0b1100_0000,
        0b1111_0000,
        0b1111_1000,
        0b1110_1100,
        0b1111_1100,
        0b1111_1110,
        0b1111_1111,
    ];

    /// PostgreSQL's table of table-level lock conflicts.
    pub fn conflicts_with(self, other: Self) -> bool {
        self.mode().conflicts & other.bit() != 0
    }

    /// PostgreSQL's name of the mode, as `pg_locks` and deadlock reports have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessShare => "AccessShareLock",
            Self::RowShare => "RowShareLock",
            Self::RowExclusive => "RowExclusiveLock",
            Self::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Self::Share => "ShareLock",
            Self::ShareRowExclusive => "ShareRowExclusiveLock",
            Self::Exclusive => "ExclusiveLock",
            Self::AccessExclusive => "AccessExclusiveLock",
        }
    }

    /// Whether it is among modes that are held.
    pub(super) fn is_in(self, modes: u8) -> bool {
        modes & self.bit() != 0
    }

    /// Does not conflict with any other weak mode.
    fn is_weak(self) -> bool {
        self <= Self::RowExclusive
    }

    /// May conflict with a weak mode.
    pub(super) fn is_strong(self) -> bool {
        self >= Self::Share
    }

    pub(super) fn bit(self) -> u8 {
        1 << self as u8
    }

    pub(super) fn from_bit(bit: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.bit() == bit)
    }

    pub(super) fn of_bits(bits: u8) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |mode| mode.bit() & bits != 0)
    }

    pub(super) fn mode(self) -> Mode {
        let conflicts = Self::CONFLICTS[self as usize];
        let covers = |other: &Self| Self::CONFLICTS[*other as usize] & conflicts == conflicts;
        let covered_by = Self::ALL.iter().filter(|other| covers(other));
        Mode {
            bit: self.bit(),
            conflicts,
            covered_by: covered_by.fold(0, |bits, other| bits | other.bit()),
        }
    }
}

const PARTITIONS: usize = 1024;

/// How many strong locks are held or wanted, by a hash of the table.
#[derive(Debug)]
pub(super) struct StrongLocks(Box<[AtomicU32]>);

impl StrongLocks {
    pub(super) fn new() -> Self {
        Self((0..PARTITIONS).map(|_| AtomicU32::new(0)).collect())
    }

    pub(super) fn of(&self, table: TableLockId) -> &AtomicU32 {
        let hash = table.relation.wrapping_mul(0x9E37_79B1) ^ table.database;
        &self.0[(hash >> 8) as usize % PARTITIONS]
    }
}

/// A table lock a transaction took: a mode that it did not hold. One that was written down in the session
/// may stand there or, moved by a strong lock, in the shared table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldTable {
    pub(super) table: TableLockId,
    pub(super) mode: TableLock,
}

/// A table lock as granted.
pub(crate) struct GrantedTable {
    /// `None`: held already.
    pub(crate) held: Option<HeldTable>,
    pub(crate) waited: bool,
}

impl Locks {
    /// Locks a table. `None`: not free, and skipped.
    pub(crate) fn lock_table(
        &self,
        member: &Member,
        transaction: u64,
        table: TableLockId,
        mode: TableLock,
        wait: Wait,
    ) -> Result<Option<GrantedTable>, Error> {
        if mode.is_weak()
            && let Some(held) = self.lock_table_here(member, table, mode)
        {
            return Ok(Some(GrantedTable { held, waited: false }));
        }
        if !mode.is_strong() {
            return self.lock_table_shared(member, transaction, table, mode, wait);
        }
        self.strong.of(table).fetch_add(1, Ordering::SeqCst);
        self.move_weak_locks(table);
        let granted = self.lock_table_shared(member, transaction, table, mode, wait);
        let kept = matches!(&granted, Ok(Some(GrantedTable { held: Some(_), .. })));
        if !kept {
            self.strong.of(table).fetch_sub(1, Ordering::SeqCst);
        }
        granted
    }

    /// Takes a table lock back. With `twice` the transaction took that mode before, too: where both are in the
    /// shared table they are one, and it stays.
    pub(crate) fn release_table(&self, member: &Member, held: HeldTable, twice: bool) {
        let HeldTable { table, mode } = held;
        let here = mode.is_weak() && Self::release_here(member, table, mode);
        if !here && !twice {
            self.tables.release_mode(&table, member.id, mode.bit());
        }
        if mode.is_strong() {
            self.strong.of(table).fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// A weak lock written down in the session; `None` when a strong one is about.
    fn lock_table_here(
        &self,
        member: &Member,
        table: TableLockId,
        mode: TableLock,
    ) -> Option<Option<HeldTable>> {
        let mut fast = member.locks.fast.lock();
        let own = fast.iter_mut().find(|(other, _)| *other == table);
        if let Some((_, modes)) = &own
            && *modes & mode.mode().covered_by != 0
        {
            return Some(None);
        }
        if self.strong.of(table).load(Ordering::SeqCst) != 0 {
            return None;
        }
        match own {
            Some((_, modes)) => *modes |= mode.bit(),
            None => fast.push((table, mode.bit())),
        }
        Some(Some(HeldTable { table, mode }))
    }

    fn lock_table_shared(
        &self,
        member: &Member,
        transaction: u64,
        table: TableLockId,
        lock: TableLock,
        wait: Wait,
    ) -> Result<Option<GrantedTable>, Error> {
        let mode = lock.mode();
        let request = Request { member, scope: Scope::Transaction, transaction, mode };
        let answer = self.tables.request(&table, || table, request, wait.may_wait());
        let granted = self.finish(member, answer, wait, || Target::Table(table))?;
        Ok(granted.map(|granted| {
            let is_new = granted.previous & mode.covered_by == 0;
            let held = is_new.then_some(HeldTable { table, mode: lock });
            GrantedTable { held, waited: granted.waited }
        }))
    }

    fn move_weak_locks(&self, table: TableLockId) {
        self.sessions.each(|member| {
            let mut fast = member.locks.fast.lock();
            let Some(at) = fast.iter().position(|(other, _)| *other == table) else { return };
            let (_, modes) = fast.swap_remove(at);
            for mode in TableLock::of_bits(modes).map(TableLock::mode) {
                let request = Request { member, scope: Scope::Transaction, transaction: 0, mode };
                self.tables.enter(table, request);
            }
        });
    }

    /// Whether a weak lock was written down in the session, and is not any more.
    fn release_here(member: &Member, table: TableLockId, mode: TableLock) -> bool {
        let mut fast = member.locks.fast.lock();
        let own = |(other, modes): &(TableLockId, u8)| *other == table && mode.is_in(*modes);
        let Some(at) = fast.iter().position(own) else { return false };
        fast[at].1 &= !mode.bit();
        if fast[at].1 == 0 {
            fast.swap_remove(at);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_symmetric() {
        for one in TableLock::ALL {
            for other in TableLock::ALL {
                assert_eq!(one.conflicts_with(other), other.conflicts_with(one));
            }
        }
    }

    #[test]
    fn weak_modes_conflict_with_strong_ones_only() {
        for weak in TableLock::ALL.into_iter().filter(|mode| mode.is_weak()) {
            for other in TableLock::ALL {
                assert!(!weak.conflicts_with(other) || other.is_strong());
            }
        }
    }

    #[test]
    fn share_update_exclusive_conflicts_with_itself_and_share_does_not() {
        assert!(TableLock::ShareUpdateExclusive.conflicts_with(TableLock::ShareUpdateExclusive));
        assert!(!TableLock::Share.conflicts_with(TableLock::Share));
        assert!(TableLock::Share.conflicts_with(TableLock::RowExclusive));
        assert!(!TableLock::Exclusive.conflicts_with(TableLock::AccessShare));
    }
}
