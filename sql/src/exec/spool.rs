//! A spool: rows kept in order to be read again, in memory up to `work_mem` and on a tape beyond.

use super::Context;
use super::row_set::heap_size;
use super::tape::{Tape, TapeReader};
use crate::error::Result;
use crate::types::Datum;

/// Rows of one width.
pub(crate) struct Spool {
    width: usize,
    rows: Vec<Datum>,
    count: usize,
    heap: usize,
    /// The rows behind those in memory.
    tape: Option<Tape>,
}

/// A place in a spool.
pub(crate) struct SpoolReader {
    next: usize,
    tape: Option<TapeReader>,
    row: Vec<Datum>,
}

impl Spool {
    pub(crate) fn new(width: usize) -> Spool {
        Spool { width, rows: Vec::new(), count: 0, heap: 0, tape: None }
    }

    /// Keeps a row behind the others.
    pub(crate) fn push(&mut self, row: &[Datum], cx: &Context<'_>) -> Result<()> {
        if let Some(tape) = &mut self.tape {
            return tape.append(row);
        }
        let memory = self.heap + self.rows.len() * size_of::<Datum>();
        if memory > cx.limits.work_memory {
            let mut tape = Tape::new(cx.limits.temporary)?;
            tape.append(row)?;
            self.tape = Some(tape);
            return Ok(());
        }
        self.heap += row.iter().map(heap_size).sum::<usize>();
        self.rows.extend_from_slice(row);
        self.count += 1;
        Ok(())
    }

    /// Starts to read.
    pub(crate) fn reader(&self) -> SpoolReader {
        SpoolReader { next: 0, tape: None, row: Vec::new() }
    }
}

impl SpoolReader {
    /// Moves to the next row; false at the end.
    pub(crate) fn next(&mut self, spool: &mut Spool) -> Result<bool> {
        if self.next < spool.count {
            self.next += 1;
            return Ok(true);
        }
        let Some(tape) = &mut spool.tape else { return Ok(false) };
        let reader = match &mut self.tape {
            Some(reader) => reader,
            empty => empty.insert(tape.read_all()?),
        };
        self.next = spool.count + 1;
        reader.next(&mut self.row)
    }

    /// The row `next` moved to.
    pub(crate) fn row<'r>(&'r self, spool: &'r Spool) -> &'r [Datum] {
        if self.next > spool.count {
            return &self.row;
        }
        let end = self.next * spool.width;
        &spool.rows[end.saturating_sub(spool.width)..end]
    }
}
