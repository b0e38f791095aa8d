//! Row locks: PostgreSQL's four modes, by (keyspace, key).
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
    /// Before a deletion or a change of the key.
    ForUpdate,
}

impl RowLock {
    /// PostgreSQL's table of row-level lock conflicts.
    pub fn conflicts_with(self, other: Self) -> bool {
        self.mode().conflicts & other.bit() != 0
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }

    pub(super) fn of_bits(bits: u8) -> impl Iterator<Item = Self> {
        let all = [Self::ForKeyShare, Self::ForShare, Self::ForNoKeyUpdate, Self::ForUpdate];
        all.into_iter().filter(move |mode| mode.bit() & bits != 0)
    }

    pub(super) const fn mode(self) -> Mode {
        let all = 0b1111;
        let (bit, at_least) = (self.bit(), all & !(self.bit() - 1));
        let conflicts = match self {
            Self::ForKeyShare => Self::ForUpdate.bit(),
            Self::ForShare => Self::ForNoKeyUpdate.bit() | Self::ForUpdate.bit(),
            Self::ForNoKeyUpdate => all & !Self::ForKeyShare.bit(),
            Self::ForUpdate => all,
        };
        Mode { bit, conflicts, covered_by: at_least }
    }
}

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
        let mode = mode.mode();
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

    const ALL: [RowLock; 4] =
        [RowLock::ForKeyShare, RowLock::ForShare, RowLock::ForNoKeyUpdate, RowLock::ForUpdate];

    #[test]
    fn conflicts_are_postgresqls_and_symmetric() {
        let row = |mode: RowLock| ALL.map(|other| mode.conflicts_with(other));
        assert_eq!(row(RowLock::ForKeyShare), [false, false, false, true]);
        assert_eq!(row(RowLock::ForShare), [false, false, true, true]);
        assert_eq!(row(RowLock::ForNoKeyUpdate), [false, true, true, true]);
        assert_eq!(row(RowLock::ForUpdate), [true; 4]);
        for one in ALL {
            for other in ALL {
                assert_eq!(one.conflicts_with(other), other.conflicts_with(one));
            }
        }
    }
}
