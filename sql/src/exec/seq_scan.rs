//! Seq Scan: the rows of a table in key order; with a probe only those of a range of keys, which
//! is an Index Scan by the key the table is clustered on.

use std::ops::ControlFlow;

use reckon_mvcc::{Counters, Cursor, Direction, KeyRange};

use super::index_scan::Probe;
use super::scan::{Batch, Reader};
use super::{Again, Builder, Context, Operator};
use crate::error::{ExecutionError, Result};
use crate::plan::{Node, NodeKind};
use crate::types::Datum;

pub(super) struct SeqScan {
    reader: Reader,
    /// None: the whole table.
    probe: Option<Probe>,
    direction: Direction,
    cursor: Option<Cursor>,
    ended: bool,
    batch: Batch,
}

/// The operator of a SeqScan node.
pub(super) fn seq_scan(node: &Node, builder: &mut Builder) -> Result<Box<dyn Operator>> {
    let NodeKind::SeqScan { table, columns, row_key, filter, .. } = &node.kind else {
        return Err(ExecutionError::Internal { what: "no seq scan" }.into());
    };
    let reader = Reader::new(table, columns, *row_key, filter.as_ref(), builder)?;
    Ok(Box::new(SeqScan::new(reader, None, Direction::Forward)))
}

impl SeqScan {
    pub(super) fn new(reader: Reader, probe: Option<Probe>, direction: Direction) -> SeqScan {
        let batch = Batch::new(reader.width());
        SeqScan { reader, probe, direction, cursor: None, ended: false, batch }
    }

    /// Opens the cursor; false when no key can match.
    fn open(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let range = match &mut self.probe {
            None => Some(KeyRange::ALL),
            Some(probe) => probe.range(cx)?,
        };
        let Some(range) = range else { return Ok(false) };
        let cursor = cx.transaction()?.cursor(self.reader.keyspace, range, self.direction);
        self.cursor = Some(cursor);
        Ok(true)
    }

    /// The next row that passes, of this batch or another. Apart from `next`, which has little to do.
    #[inline(never)]
    fn search(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        loop {
            while self.batch.advance() {
                if self.reader.passes(self.batch.row(), cx)? {
                    return Ok(true);
                }
            }
            if !self.more(cx)? {
                return Ok(false);
            }
        }
    }

    /// Visits the next batch; false at the end.
    fn more(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        cx.check()?;
        self.fill(cx)?;
        Ok(true)
    }

    fn fill(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if self.cursor.is_none() && !self.open(cx)? {
            self.ended = true;
            return Ok(());
        }
        let Some(cursor) = &mut self.cursor else { return Ok(()) };
        let (reader, batch) = (&mut self.reader, &mut self.batch);
        let size = batch.start();
        let more =
            cx.lend(|transaction, cx| {
                let snapshot = cx.snapshot;
                let mut counters = Counters::default();
                let mut failure = Ok(());
                let more =
                    cursor.visit(transaction, &snapshot, size, &mut counters, |key, value| {
                        match batch.add(|rows| reader.read(key, value, rows, cx)) {
                            Ok(()) => ControlFlow::Continue(()),
                            Err(error) => {
                                failure = Err(error);
                                ControlFlow::Break(())
                            }
                        }
                    })?;
                cx.counters.add(&counters);
                failure?;
                Ok(more)
            })?;
        self.ended = !more;
        Ok(())
    }
}

impl Operator for SeqScan {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if self.reader.has_filtered() && self.batch.advance() {
            return Ok(true);
        }
        self.search(cx)
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
