//! Locks of a prepared transaction: they leave their session, and come back after a restart.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bincode::{Decode, Encode};

use super::advisory::HeldAdvisory;
use super::queue::{Mode, Request, Scope};
use super::row::HeldRow;
use super::table::HeldTable;
use super::{AdvisoryKey, AdvisoryLock, Locks, RowLock, TableLock, TableLockId};
use crate::session::{Member, SessionId};

/// The locks of a transaction, as they are written down. Modes are bits, as in the queues.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct HandedLocks {
    /// Row, by [`row_key`](super::row_key), and modes.
    pub(crate) rows: Vec<(Vec<u8>, u8)>,
    /// Database, relation and modes.
    pub(crate) tables: Vec<(u32, u32, u8)>,
    /// Database, high, low, whether a pair, and modes.
    pub(crate) advisory: Vec<(u32, u32, u32, bool, u8)>,
}

/// What a transaction holds, from the oldest on.
#[derive(Debug, Default)]
pub(crate) struct HeldLocks {
    pub(crate) rows: Vec<HeldRow>,
    pub(crate) tables: Vec<HeldTable>,
    pub(crate) advisory: Vec<HeldAdvisory>,
}

impl HeldLocks {
    /// Whether a session holds one of the advisory locks beside its transaction.
    pub(crate) fn is_held_by_session_too(
        advisory: &[HeldAdvisory],
        locks: &Locks,
        session: SessionId,
    ) -> bool {
        let held =
            |held: &HeldAdvisory| locks.advisory.modes_of(&held.key, session, Scope::Session) != 0;
        advisory.iter().any(held)
    }
}

impl Locks {
    /// What a transaction holds, to be written down.
    pub(crate) fn write_down(
        &self,
        session: SessionId,
        rows: &[HeldRow],
        tables: &[HeldTable],
        advisory: &[HeldAdvisory],
    ) -> HandedLocks {
        let scope = Scope::Transaction;
        let rows = rows.iter().filter(|held| held.previous == 0);
        let rows =
            rows.map(|held| (held.row.to_vec(), self.rows.modes_of(&held.row, session, scope)));
        let advisory = advisory.iter().filter(|held| held.previous == 0).map(|held| {
            let AdvisoryKey { database, high, low, pair } = held.key;
            (database, high, low, pair, self.advisory.modes_of(&held.key, session, scope))
        });
        let mut modes = std::collections::BTreeMap::new();
        for held in tables {
            *modes.entry(held.table).or_insert(0) |= held.mode.bit();
        }
        let tables =
            modes.into_iter().map(|(table, modes)| (table.database, table.relation, modes));
        HandedLocks { rows: rows.collect(), tables: tables.collect(), advisory: advisory.collect() }
    }

    /// Gives everything that a session's transaction holds to somebody who waits for nothing. Nobody who
    /// wants one of the locks sees it free in between.
    pub(crate) fn hand_over(&self, from: &Member, to: &Member, held: &HeldLocks) {
        for row in held.rows.iter().filter(|held| held.previous == 0) {
            self.rows.hand_over(row.row.as_ref(), from.id, to.id);
        }
        for table in &held.tables {
            self.move_weak_lock(from, to, table.table);
            self.tables.hand_over(&table.table, from.id, to.id);
        }
        for advisory in held.advisory.iter().filter(|held| held.previous == 0) {
            self.advisory.hand_over(&advisory.key, from.id, to.id);
        }
    }

    /// A weak lock that a session has to itself goes to the shared table: whoever wants a strong one looks
    /// for it in sessions alone and there.
    fn move_weak_lock(&self, from: &Member, to: &Member, table: TableLockId) {
        let mut fast = from.locks.fast.lock();
        let Some(at) = fast.iter().position(|(other, _)| *other == table) else { return };
        let (_, modes) = fast.swap_remove(at);
        for mode in TableLock::of_bits(modes) {
            self.tables.enter(table, request(to, 0, mode.mode()));
        }
    }

    /// Takes locks that were written down, before anybody else is there to take one.
    pub(crate) fn take_again(
        &self,
        member: &Member,
        transaction: u64,
        locks: &HandedLocks,
    ) -> HeldLocks {
        let mut held = HeldLocks::default();
        for (row, modes) in &locks.rows {
            let row: Arc<[u8]> = Arc::from(row.as_slice());
            for mode in RowLock::of_bits(*modes) {
                self.rows.enter(Arc::clone(&row), request(member, transaction, mode.mode()));
            }
            held.rows.push(HeldRow { row, previous: 0 });
        }
        for (database, relation, modes) in &locks.tables {
            let table = TableLockId { database: *database, relation: *relation };
            for mode in TableLock::of_bits(*modes) {
                if mode.is_strong() {
                    self.strong.of(table).fetch_add(1, Ordering::SeqCst);
                }
                self.tables.enter(table, request(member, transaction, mode.mode()));
                held.tables.push(HeldTable { table, mode });
            }
        }
        for (database, high, low, pair, modes) in &locks.advisory {
            let (database, high, low, pair) = (*database, *high, *low, *pair);
            let key = AdvisoryKey { database, high, low, pair };
            for mode in AdvisoryLock::of_bits(*modes) {
                self.advisory.enter(key, request(member, transaction, mode.mode()));
            }
            held.advisory.push(HeldAdvisory { key, previous: 0 });
        }
        held
    }

    /// Takes everything back that a transaction holds.
    pub(crate) fn release_held(&self, member: &Member, held: &HeldLocks) {
        self.release_rows(member, &held.rows);
        held.tables.iter().rev().for_each(|held| self.release_table(member, *held, false));
        held.advisory.iter().rev().for_each(|held| self.release_advisory(member, held));
    }
}

fn request(member: &Member, transaction: u64, mode: Mode) -> Request<'_> {
    Request { member, scope: Scope::Transaction, transaction, mode }
}
