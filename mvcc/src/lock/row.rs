//! Row locks by (keyspace, key): PostgreSQL's four modes, and one more that says that the key itself comes or
//! goes. By it one who only asks whether there is a row knows whom to wait for: not for those who lock the row.
//!
//! A unique entry's key is locked like a row, whether or not there is an entry: so a second insert of an
//! uncommitted key waits for the first.

use std::sync::Arc;

use reckon_storage::KeyspaceId;
use smallvec::SmallVec;

use super::queue::{Answer, Mode, Request, Scope};
use super::{Locks, Pending, Target, Wait};
use crate::error::Error;
use crate::session::Member;

/// Requests that may pass somebody who waits for a row. As many inserts as refer to a row go on while
/// somebody waits to delete it; then they wait behind him.
pub(super) const PASSES_MAX: u32 = if cfg!(shuttle) { 2 } else { 1000 };

/// How a row is locked. In order of strength; each covers those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowLock {
    /// Keeps the row, and its key: what a foreign key takes.
    ForKeyShare,
    /// Keeps the row as it is.
    ForShare,
    /// Before an update that leaves the key alone.
    ForNoKeyUpdate,
    /// Keeps the row from all others who lock or change it.
    ForUpdate,
    /// Before an insertion, a deletion or a change of the key: FOR UPDATE of PostgreSQL too.
    ForKeyChange,
}

impl RowLock {
    /// PostgreSQL's table of row-level lock conflicts.
    pub fn conflicts_with(self, other: Self) -> bool {
        self.mode().conflicts & other.bit() != 0
    }

    const ALL: [Self; 5] = [
        Self::ForKeyShare,
        Self::ForShare,
        Self::ForNoKeyUpdate,
        Self::ForUpdate,
        Self::ForKeyChange,
    ];

    const fn bit(self) -> u8 {
        1 << self as u8
    }

    pub(super) fn of_bits(bits: u8) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |mode| mode.bit() & bits != 0)
    }

    pub(super) const fn mode(self) -> Mode {
        let at_least = ALL_ROW_LOCKS & !(self.bit() - 1);
        let for_update = Self::ForUpdate.bit() | Self::ForKeyChange.bit();
        let conflicts = match self {
            Self::ForKeyShare => for_update,
            Self::ForShare => Self::ForNoKeyUpdate.bit() | for_update,
            Self::ForNoKeyUpdate => ALL_ROW_LOCKS & !Self::ForKeyShare.bit(),
            Self::ForUpdate => ALL_ROW_LOCKS,
            Self::ForKeyChange => ALL_ROW_LOCKS | PRESENCE.bit,
        };
        Mode { bit: self.bit(), conflicts, covered_by: at_least }
    }
}

const ALL_ROW_LOCKS: u8 = 0b1_1111;

/// Asks whether there is a row. Held for a moment only.
const PRESENCE: Mode = {
    let bit = ALL_ROW_LOCKS + 1;
    Mode { bit, conflicts: RowLock::ForKeyChange.bit(), covered_by: ALL_ROW_LOCKS | bit }
};

/// A key of the table of row locks: the keyspace, big-endian, and the key.
pub(crate) fn row_key(keyspace: KeyspaceId, key: &[u8]) -> SmallVec<[u8; 64]> {
    let mut row = SmallVec::from_slice(&keyspace.0.to_be_bytes());
    row.extend_from_slice(key);
    row
}

/// A row lock a transaction took: what to go back to is in `previous`.
#[derive(Debug)]
pub(crate) struct HeldRow {
    pub(super) row: Arc<[u8]>,
    pub(super) previous: u8,
}

/// What became of a request for a row.
pub(crate) enum RowAnswer {
    /// Granted; `None`: it was held already.
    Held(Option<HeldRow>),
    /// Not free, and skipped.
    Skipped,
    /// In the queue, and not waited for here.
    Queued(Pending),
}

impl Locks {
    /// Locks a row.
    pub(crate) fn lock_row(
        &self,
        member: &Member,
        transaction: u64,
        row: &[u8],
        mode: RowLock,
        wait: Wait,
    ) -> Result<RowAnswer, Error> {
        self.request_row(member, transaction, row, mode.mode(), wait)
    }

    /// Waits until nobody is about to let a key come or go, and keeps it so until `look` is over.
    pub(crate) fn while_present<R>(
        &self,
        member: &Member,
        transaction: u64,
        row: &[u8],
        wait: Wait,
        look: impl FnOnce() -> R,
    ) -> Result<R, Error> {
        let answer = self.request_row(member, transaction, row, PRESENCE, wait)?;
        let found = look();
        if let RowAnswer::Held(Some(held)) = answer {
            self.release_row(member, &held);
        }
        Ok(found)
    }

    fn request_row(
        &self,
        member: &Member,
        transaction: u64,
        row: &[u8],
        mode: Mode,
        wait: Wait,
    ) -> Result<RowAnswer, Error> {
        let request = Request { member, scope: Scope::Transaction, transaction, mode };
        let mut key = None;
        let own = || Arc::clone(key.insert(Arc::from(row)));
        let answer = self.rows.request(row, own, request, wait.may_wait());
        let mut target = || Target::Row(Arc::clone(key.get_or_insert_with(|| Arc::from(row))));
        let answer = match (answer, wait) {
            (Answer::Queued { waiter, previous }, Wait::Suspend(_)) => {
                let pending = self.enter_queue(member, target(), waiter, previous, wait);
                return Ok(RowAnswer::Queued(pending));
            }
            (answer, _) => answer,
        };
        let Some(granted) = self.finish(member, answer, wait, target)? else {
            return Ok(RowAnswer::Skipped);
        };
        let previous = granted.previous;
        if previous & mode.covered_by != 0 {
            return Ok(RowAnswer::Held(None));
        }
        let row = key.unwrap_or_else(|| Arc::from(row));
        Ok(RowAnswer::Held(Some(HeldRow { row, previous })))
    }

    /// Takes a row lock back, those of a transaction from the newest on.
    pub(crate) fn release_row(&self, member: &Member, held: &HeldRow) {
        self.rows.release(held.row.as_ref(), member.id, Scope::Transaction, held.previous);
    }

    /// Takes all row locks of a transaction back.
    pub(crate) fn release_rows(&self, member: &Member, held: &[HeldRow]) {
        for row in held.iter().filter(|held| held.previous == 0) {
            self.release_row(member, row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_postgresqls_and_symmetric() {
        let row = |mode: RowLock| RowLock::ALL.map(|other| mode.conflicts_with(other));
        assert_eq!(row(RowLock::ForKeyShare), [false, false, false, true, true]);
        assert_eq!(row(RowLock::ForShare), [false, false, true, true, true]);
        assert_eq!(row(RowLock::ForNoKeyUpdate), [false, true, true, true, true]);
        assert_eq!(row(RowLock::ForUpdate), [true; 5]);
        assert_eq!(row(RowLock::ForKeyChange), [true; 5]);
        for one in RowLock::ALL {
            for other in RowLock::ALL {
                assert_eq!(one.conflicts_with(other), other.conflicts_with(one));
            }
        }
    }
}
