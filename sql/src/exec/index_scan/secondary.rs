//! A range of a secondary index: a batch of entries is visited, then their rows are read.

use std::ops::ControlFlow;

use reckon_mvcc::{Counters, Cursor, Direction, KeyspaceId};

use super::Probe;
use crate::catalog::{Index, Table};
use crate::error::{ExecutionError, Result};
use crate::exec::entry::EntryShape;
use crate::exec::scan::{Batch, Reader};
use crate::exec::{Again, Context, Operator};
use crate::types::Datum;

pub(super) struct SecondaryScan {
    index: KeyspaceId,
    shape: EntryShape,
    reader: Reader,
    probe: Probe,
    direction: Direction,
    cursor: Option<Cursor>,
    ended: bool,
    /// Keys of the rows that the last batch of entries leads to, one behind another.
    keys: Vec<u8>,
    /// Where each key ends.
    ends: Vec<usize>,
    batch: Batch,
}

impl SecondaryScan {
    pub(super) fn new(
        table: &Table,
        index: &Index,
        reader: Reader,
        probe: Probe,
        direction: Direction,
    ) -> SecondaryScan {
        SecondaryScan {
            index: index.keyspace,
            shape: EntryShape::new(table, index),
            batch: Batch::new(reader.width()),
            reader,
            probe,
            direction,
            cursor: None,
            ended: false,
            keys: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Visits the next batch of entries.
    fn visit(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if self.cursor.is_none() {
            let Some(range) = self.probe.range(cx)? else {
                self.ended = true;
                return Ok(());
            };
            self.cursor = Some(cx.transaction()?.cursor(self.index, range, self.direction));
        }
        let Some(cursor) = &mut self.cursor else { return Ok(()) };
        let size = self.batch.start();
        let (keys, ends, shape) = (&mut self.keys, &mut self.ends, &self.shape);
        let snapshot = cx.snapshot;
        let mut counters = Counters::default();
        let mut failure = Ok(());
        let transaction = cx.transaction()?;
        let more =
            cursor.visit(transaction, &snapshot, size, &mut counters, |key, value| match shape
                .row_key(key, value)
            {
                Ok(row_key) => {
                    keys.extend_from_slice(row_key);
                    ends.push(keys.len());
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failure = Err(error);
                    ControlFlow::Break(())
                }
            })?;
        cx.counters.add(&counters);
        self.ended = !more;
        failure
    }

    /// Reads the rows of the entries.
    fn fetch(&mut self, cx: &mut Context<'_>) -> Result<()> {
        let mut start = 0;
        let bytes = &self.keys;
        let keys =
            self.ends.iter().map(move |&end| &bytes[std::mem::replace(&mut start, end)..end]);
        if self.ends.len() > 1 {
            self.reader.announce(keys.clone(), cx)?;
        }
        for key in keys {
            let reader = &mut self.reader;
            self.batch.add(|rows| {
                reader.fetch(key, rows, cx)?.ok_or_else(|| {
                    ExecutionError::Corrupted { what: "an index: it leads to no row" }.into()
                })
            })?;
        }
        Ok(())
    }
}

impl Operator for SecondaryScan {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        loop {
            while self.batch.advance() {
                if self.reader.passes(self.batch.row(), cx)? {
                    return Ok(true);
                }
            }
            if self.ended {
                return Ok(false);
            }
            cx.check()?;
            self.keys.clear();
            self.ends.clear();
            self.visit(cx)?;
            self.fetch(cx)?;
        }
    }

    fn row(&self) -> &[Datum] {
        self.batch.row()
    }

    fn rewind(&mut self, _again: Again) {
        self.cursor = None;
        self.ended = false;
        self.batch.reset();
    }
}
