//! Locking a row that a statement found, and looking at it again if it changed meanwhile.
//!
//! A READ COMMITTED statement works on the newest version of a row it locks. When that is not the
//! one its snapshot saw, the caller checks again whether the row still qualifies. A row that is
//! gone may have moved (a change of its key is a deletion and an insertion): then only a new
//! snapshot can tell, so the statement starts again. It skips the row instead if the client asked for
//! a part of the rows and has some, under SKIP LOCKED, and in a table whose rows have no key to change.
//!
//! FOR KEY SHARE keeps the row's keys alone, so a row that changed in others of its columns counts as unchanged.

use reckon_mvcc::{Counters, Isolation, KeyspaceId, Locked, RowLock, Wait};

use super::Context;
use crate::catalog::Table;
use crate::error::{ExecutionError, Result};
use crate::exec::entry::EntryShape;
use crate::row::Layout;
use crate::types::Datum;

/// What became of a row that was to be locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// Locked, and as the snapshot sees it.
    Unchanged,
    /// Locked; all columns of its newest version were written to the caller's buffer.
    Changed,
    /// Not locked, gone, or changed by this statement: it goes on without the row.
    Skipped,
}

/// How the rows of one table are locked and read again.
pub(super) struct Newest {
    keyspace: KeyspaceId,
    table: String,
    layout: Layout,
    /// Whether rows can move: they have a primary key.
    moving: bool,
    /// Entries that FOR KEY SHARE keeps, besides the row's own key.
    unique: Vec<EntryShape>,
}

impl Newest {
    pub(super) fn new(table: &Table, mode: RowLock) -> Newest {
        let kept = table.indexes.iter().filter(|i| i.unique && mode == RowLock::ForKeyShare);
        Newest {
            unique: kept.map(|index| EntryShape::new(table, index)).collect(),
            keyspace: table.keyspace,
            table: table.name.clone(),
            layout: Layout::new(&table.columns),
            moving: table.primary_key().is_some(),
        }
    }

    /// Locks the row of a key. `row` is replaced only when it changed.
    pub(super) fn lock(
        &self,
        key: &[u8],
        mode: RowLock,
        wait: Wait,
        row: &mut Vec<Datum>,
        cx: &mut Context<'_>,
    ) -> Result<Found> {
        let mut counters = Counters::default();
        let found = self.lock_and_count(key, (mode, wait), row, cx, &mut counters);
        cx.counters.add(&counters);
        found
    }

    fn lock_and_count(
        &self,
        key: &[u8],
        (mode, wait): (RowLock, Wait),
        row: &mut Vec<Datum>,
        cx: &mut Context<'_>,
        counters: &mut Counters,
    ) -> Result<Found> {
        let snapshot = cx.snapshot;
        let skip_gone = cx.skip_moved || !self.moving || wait == Wait::Skip;
        let transaction = cx.transaction()?;
        if transaction.written_since(&snapshot, self.keyspace, key) {
            // This statement, or a later one, has changed it already: the first change counts.
            return Ok(Found::Skipped);
        }
        let locked = transaction.lock_row(&snapshot, self.keyspace, key, mode, wait, counters);
        match locked.map_err(|error| self.explain(error))? {
            Locked::Unchanged => return Ok(Found::Unchanged),
            Locked::Skipped => return Ok(Found::Skipped),
            Locked::Queued => return Err(ExecutionError::RowQueued.into()),
            Locked::Changed => {}
        }
        row.clear();
        let newest = transaction
            .newest(self.keyspace, key, counters, |value| self.layout.decode_all(value, row))?;
        let exists = newest.transpose()?.is_some();
        if mode == RowLock::ForKeyShare && exists && self.has_same_keys(key, row, cx, counters)? {
            return Ok(Found::Unchanged);
        }
        if cx.transaction()?.isolation() != Isolation::ReadCommitted {
            return Err(reckon_mvcc::Error::WriteConflict { deleted: !exists }.into());
        }
        match exists {
            true => Ok(Found::Changed),
            false if skip_gone => Ok(Found::Skipped),
            false => Err(ExecutionError::RowMoved.into()),
        }
    }

    /// Whether a row's newest version, `newest`, has the keys that the statement's snapshot sees.
    fn has_same_keys(
        &self,
        key: &[u8],
        newest: &[Datum],
        cx: &mut Context<'_>,
        counters: &mut Counters,
    ) -> Result<bool> {
        if self.unique.is_empty() {
            return Ok(true);
        }
        let (snapshot, mut seen) = (cx.snapshot, Vec::new());
        let decode = |value: &[u8]| self.layout.decode_all(value, &mut seen);
        let found = cx.transaction()?.read(&snapshot, self.keyspace, key, counters, decode)?;
        if found.transpose()?.is_none() {
            return Ok(false);
        }
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for shape in &self.unique {
            old.clear();
            new.clear();
            shape.append_key(&seen, key, &mut old)?;
            shape.append_key(newest, key, &mut new)?;
            if old != new {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn explain(&self, error: reckon_mvcc::Error) -> crate::Error {
        match error {
            reckon_mvcc::Error::LockNotAvailable => {
                ExecutionError::RowLockNotAvailable { relation: self.table.clone() }.into()
            }
            error => error.into(),
        }
    }
}
