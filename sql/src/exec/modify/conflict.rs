//! ON CONFLICT: what happens to a row whose key is taken.
//!
//! DO UPDATE locks the row in the way and works on its newest version, also when the statement's
//! snapshot does not see it. REPEATABLE READ refuses to (40001), as it refuses every change of a
//! row that changed after its snapshot.

use reckon_mvcc::{Counters, Isolation, Locked, RowLock};

use super::writer::RowWriter;
use crate::error::{ExecutionError, Result};
use crate::exec::Builder;
use crate::exec::Context;
use crate::expr::Compiled;
use crate::plan::Conflict;
use crate::types::{Datum, Oid};

pub(super) struct OnConflict {
    arbiter: Option<Oid>,
    update: Option<DoUpdate>,
    /// The row as it is after the update.
    modified: Vec<Datum>,
}

struct DoUpdate {
    columns: Vec<usize>,
    values: Vec<Compiled>,
    filter: Option<Compiled>,
    mode: RowLock,
    /// The existing row, then the proposed one.
    both: Vec<Datum>,
}

impl OnConflict {
    pub(super) fn new(
        conflict: &Conflict,
        writer: &RowWriter,
        builder: &mut Builder,
    ) -> Result<OnConflict> {
        let update = match &conflict.update {
            None => None,
            Some(assignments) => {
                let columns = assignments.iter().map(|(column, _)| *column).collect::<Vec<_>>();
                let values = assignments.iter();
                let values = values.map(|(_, value)| Compiled::within(value, builder));
                let mode = lock_mode(writer, &columns);
                Some(DoUpdate {
                    columns,
                    values: values.collect::<Result<_>>()?,
                    filter: builder.optional(conflict.filter.as_ref())?,
                    mode,
                    both: Vec::new(),
                })
            }
        };
        Ok(OnConflict { arbiter: conflict.index, update, modified: Vec::new() })
    }

    /// Inserts the row or does what is to be done instead; the row as it is then, or None when
    /// nothing was done.
    pub(super) fn insert<'r>(
        &'r mut self,
        writer: &mut RowWriter,
        row: &'r [Datum],
        cx: &mut Context<'_>,
    ) -> Result<Option<&'r [Datum]>> {
        writer.check(row, cx)?;
        loop {
            let Some(key) = writer.find_conflict(row, self.arbiter, cx)? else {
                writer.insert(row, cx)?;
                return Ok(Some(row));
            };
            let Some(update) = &mut self.update else {
                refuse_unseen(writer, &key, cx)?;
                return Ok(None);
            };
            match update.lock(writer, &key, cx)? {
                Found::Gone => continue,
                // It may be another one's by now that is in the way.
                Found::Changed
                    if writer.find_conflict(row, self.arbiter, cx)?.as_ref() != Some(&key) =>
                {
                    continue;
                }
                Found::Changed | Found::Unchanged => {}
            }
            let updated = update.run(writer, &key, row, &mut self.modified, cx)?;
            return Ok(updated.then_some(&*self.modified));
        }
    }
}

/// The lock that an update of these columns takes.
pub(super) fn lock_mode(writer: &RowWriter, columns: &[usize]) -> RowLock {
    if writer.is_key_change(columns) { RowLock::ForKeyChange } else { RowLock::ForNoKeyUpdate }
}

/// REPEATABLE READ may not go on because of a row that is not as it sees it: the conflict may be one only by what
/// changed. SERIALIZABLE has read it.
fn refuse_unseen(writer: &RowWriter, key: &[u8], cx: &mut Context<'_>) -> Result<()> {
    let (snapshot, keyspace) = (cx.snapshot, writer.table.keyspace);
    let mut counters = Counters::default();
    let transaction = cx.transaction()?;
    if transaction.isolation() == Isolation::ReadCommitted {
        return Ok(());
    }
    if !transaction.sees_newest(&snapshot, keyspace, key, &mut counters)? {
        return Err(reckon_mvcc::Error::WriteConflict { deleted: false }.into());
    }
    transaction.read(&snapshot, keyspace, key, &mut counters, |_| ())?;
    cx.counters.add(&counters);
    Ok(())
}

/// What became of the row in the way when it was locked.
enum Found {
    /// As the snapshot sees it.
    Unchanged,
    /// Changed by a commit after the snapshot.
    Changed,
    /// It went while it was waited for.
    Gone,
}

impl DoUpdate {
    /// Locks the row and reads its newest version.
    fn lock(&mut self, writer: &RowWriter, key: &[u8], cx: &mut Context<'_>) -> Result<Found> {
        let (snapshot, wait, keyspace) = (cx.snapshot, cx.wait, writer.table.keyspace);
        let mut counters = Counters::default();
        let transaction = cx.transaction()?;
        if transaction.written_since(&snapshot, keyspace, key) {
            return Err(ExecutionError::ConflictTwice.into());
        }
        let locked =
            transaction.lock_row(&snapshot, keyspace, key, self.mode, wait, &mut counters)?;
        if locked == Locked::Queued {
            return Err(ExecutionError::RowQueued.into());
        }
        self.both.clear();
        let both = &mut self.both;
        let found =
            transaction.newest(keyspace, key, &mut counters, |value| writer.decode(value, both))?;
        cx.counters.add(&counters);
        Ok(match (found.transpose()?, locked) {
            (None, _) => Found::Gone,
            (Some(()), Locked::Changed) => Found::Changed,
            (Some(()), _) => Found::Unchanged,
        })
    }

    /// Updates the row that is locked; false when WHERE of DO UPDATE does not hold.
    fn run(
        &mut self,
        writer: &mut RowWriter,
        key: &[u8],
        proposed: &[Datum],
        modified: &mut Vec<Datum>,
        cx: &mut Context<'_>,
    ) -> Result<bool> {
        self.both.extend_from_slice(proposed);
        if let Some(filter) = &mut self.filter
            && !filter.test(&self.both, cx)?
        {
            return Ok(false);
        }
        modified.clear();
        modified.extend_from_slice(&self.both[..writer.table.columns.len()]);
        for (column, value) in self.columns.iter().zip(&mut self.values) {
            modified[*column] = value.eval(&self.both, cx)?;
        }
        let old = &self.both[..writer.table.columns.len()];
        writer.update(key, old, modified, &self.columns, cx)?;
        Ok(true)
    }
}
