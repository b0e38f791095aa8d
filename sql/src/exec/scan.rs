//! What all scans of a table share: decoding the wanted columns of a row, filtering early, and
//! handing rows over batch by batch.
//!
//! A scan visits a batch of rows under one pin of the index. A row is decoded while it is
//! visited, the columns of the filter first, and only rows that pass are kept. A filter with a
//! subquery or a volatile call must not run inside a visit, so it looks at the batch afterwards.

use reckon_mvcc::{Counters, KeyspaceId};

use super::entry_columns::EntryColumns;
use super::{Builder, Context};
use crate::catalog::{Index, Table};
use crate::error::Result;
use crate::expr::{Compiled, Expr};
use crate::row::{Layout, Projection};
use crate::types::{Datum, Varlena};

/// Rows of the first batch, when a scan has not run before: not many more than a LIMIT wants. One
/// that has run begins with as many as were wanted then.
const FIRST_BATCH: usize = 8;
/// By so much each further one is larger: a visit seeks its place, which costs as much as ten rows.
const BATCH_GROWTH: usize = 8;
/// Rows of the largest batch.
const LARGEST_BATCH: usize = 512;

/// Turns stored rows into a scan's rows.
pub(super) struct Reader {
    pub(super) keyspace: KeyspaceId,
    stored: Stored,
    width: usize,
    /// Positions in the row that the early filter looks at.
    first: Vec<usize>,
    /// The row it looks at; what it does not look at is NULL there.
    scratch: Vec<Datum>,
    row_key: bool,
    /// Applied while a row is visited.
    early: Option<Compiled>,
    /// Applied when no cursor is visiting.
    late: Option<Compiled>,
}

/// What a scan visits.
enum Stored {
    /// The rows of a table.
    Rows(Projection),
    /// The entries of an index, which carry all that is wanted.
    Entries(EntryColumns),
}

/// Rows handed over by one visit.
pub(super) struct Batch {
    width: usize,
    rows: Vec<Datum>,
    count: usize,
    /// The current row is the one before it.
    next: usize,
    /// Rows that were visited for this batch, kept or not, and in this run for those before it.
    visited: usize,
    before: usize,
    size: usize,
}

impl Reader {
    pub(super) fn new(
        table: &Table,
        columns: &[usize],
        row_key: bool,
        filter: Option<&Expr>,
        builder: &mut Builder,
    ) -> Result<Reader> {
        let stored = Stored::Rows(Projection::new(Layout::new(&table.columns), columns));
        let row = (columns.len(), row_key);
        Reader::over(table.keyspace, stored, row, filter, builder)
    }

    /// Reads a table's columns from the entries of an index.
    pub(super) fn of_entries(
        table: &Table,
        index: &Index,
        columns: &[usize],
        filter: Option<&Expr>,
        builder: &mut Builder,
    ) -> Result<Reader> {
        let stored = Stored::Entries(EntryColumns::new(table, index, columns));
        Reader::over(index.keyspace, stored, (columns.len(), false), filter, builder)
    }

    /// `width`: how many columns, without the row's key.
    fn over(
        keyspace: KeyspaceId,
        stored: Stored,
        (width, row_key): (usize, bool),
        filter: Option<&Expr>,
        builder: &mut Builder,
    ) -> Result<Reader> {
        let filter = builder.optional(filter)?;
        let (late, early) = match filter {
            Some(filter) if filter.is_heavy() => (Some(filter), None),
            early => (None, early),
        };
        let first = early.as_ref().map_or(&[][..], |filter| filter.columns());
        let first = first.iter().copied().filter(|place| *place < width).collect();
        Ok(Reader {
            keyspace,
            stored,
            width,
            first,
            scratch: vec![Datum::Null; width],
            row_key,
            early,
            late,
        })
    }

    /// Columns of a row.
    #[inline]
    pub(super) fn width(&self) -> usize {
        self.width + usize::from(self.row_key)
    }

    /// Appends the row to `rows` if it passes the early filter.
    #[inline]
    pub(super) fn read(
        &mut self,
        key: &[u8],
        value: &[u8],
        rows: &mut Vec<Datum>,
        cx: &mut Context<'_>,
    ) -> Result<bool> {
        match (&self.stored, &mut self.early) {
            (Stored::Rows(rows_of), None) => rows_of.decode(value, rows)?,
            (Stored::Rows(rows_of), Some(filter)) => {
                let stored = rows_of.open(value)?;
                for place in &self.first {
                    self.scratch[*place] = stored.column(*place)?;
                }
                if !filter.test(&self.scratch, cx)? {
                    return Ok(false);
                }
                let mut first = self.first.iter().peekable();
                for place in 0..self.width {
                    rows.push(match first.next_if_eq(&&place) {
                        Some(_) => std::mem::replace(&mut self.scratch[place], Datum::Null),
                        None => stored.column(place)?,
                    });
                }
            }
            (Stored::Entries(entries), filter) => {
                let start = rows.len();
                entries.decode(key, value, rows)?;
                if let Some(filter) = filter
                    && !filter.test(&rows[start..], cx)?
                {
                    rows.truncate(start);
                    return Ok(false);
                }
            }
        }
        if self.row_key {
            rows.push(Datum::Bytea(Varlena::new(key)));
        }
        Ok(true)
    }

    /// Whether nothing is left of the filter for rows that were read.
    #[inline]
    pub(super) fn has_filtered(&self) -> bool {
        self.late.is_none()
    }

    /// Whether a row that was read passes what is left of the filter.
    #[inline]
    pub(super) fn passes(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<bool> {
        match &mut self.late {
            Some(filter) => filter.test(row, cx),
            None => Ok(true),
        }
    }

    /// Says that the rows of these keys are about to be fetched.
    pub(super) fn announce<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k [u8]>,
        cx: &mut Context<'_>,
    ) -> Result<()> {
        cx.transaction()?.announce(self.keyspace, keys);
        Ok(())
    }

    /// Reads the row of a key at the statement's snapshot. None: there is no such row; false: it
    /// does not pass the early filter.
    #[inline]
    pub(super) fn fetch(
        &mut self,
        key: &[u8],
        rows: &mut Vec<Datum>,
        cx: &mut Context<'_>,
    ) -> Result<Option<bool>> {
        let keyspace = self.keyspace;
        cx.lend(|transaction, cx| {
            let snapshot = cx.snapshot;
            let mut counters = Counters::default();
            let found = transaction.read(&snapshot, keyspace, key, &mut counters, |value| {
                self.read(key, value, rows, cx)
            })?;
            cx.counters.add(&counters);
            found.transpose()
        })
    }
}

impl Batch {
    pub(super) fn new(width: usize) -> Batch {
        let (rows, size) = (Vec::new(), FIRST_BATCH);
        Batch { width, rows, count: 0, next: 0, visited: 0, before: 0, size }
    }

    /// Starts over. The next run is taken to want as many rows as this one did.
    pub(super) fn reset(&mut self) {
        let wanted = if self.next < self.count { self.next } else { self.visited };
        let wanted = (self.before + wanted).min(LARGEST_BATCH).next_power_of_two();
        self.clear();
        self.before = 0;
        self.size = wanted.max(FIRST_BATCH);
    }

    /// Forgets the rows; how many may come next.
    pub(super) fn start(&mut self) -> usize {
        self.before += self.visited;
        self.clear();
        let size = self.size;
        self.size = (size * BATCH_GROWTH).min(LARGEST_BATCH);
        size
    }

    /// Takes a row, which `fill` appends or not.
    #[inline]
    pub(super) fn add(&mut self, fill: impl FnOnce(&mut Vec<Datum>) -> Result<bool>) -> Result<()> {
        self.visited += 1;
        self.count += usize::from(fill(&mut self.rows)?);
        Ok(())
    }

    /// Moves to the next row.
    #[inline]
    pub(super) fn advance(&mut self) -> bool {
        let more = self.next < self.count;
        self.next += usize::from(more);
        more
    }

    /// The current row.
    #[inline]
    pub(super) fn row(&self) -> &[Datum] {
        let end = self.next * self.width;
        &self.rows[end.saturating_sub(self.width)..end]
    }

    fn clear(&mut self) {
        while let Some(value) = self.rows.pop() {
            value.release();
        }
        self.count = 0;
        self.next = 0;
        self.visited = 0;
    }
}
