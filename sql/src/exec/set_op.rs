//! SetOp: UNION, INTERSECT and EXCEPT, with and without ALL.
//!
//! Both inputs are counted row by row; what comes out is a matter of the two counts. When the
//! table is full, rows of both inputs that are not in it go to tapes, and the pairs of tapes are
//! worked on one after another.

use super::overflow::{self, Overflow};
use super::row_set::{Likeness, RowSet};
use super::tape::{Tape, TapeReader};
use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::plan::{Node, SetOperation};
use crate::types::Datum;

pub(super) struct SetOp {
    operation: SetOperation,
    all: bool,
    inputs: [Box<dyn Operator>; 2],
    table: Table,
    /// Tapes of (left, right) and their level.
    pending: Vec<([Option<Tape>; 2], u32)>,
    stage: Stage,
    /// Number of the current row.
    current: usize,
    /// How often it still comes out.
    copies: u64,
}

/// The rows that are counted, and what there is no room for.
struct Table {
    rows: RowSet,
    /// How often each row is in (left, right).
    counts: Vec<[u64; 2]>,
    overflow: Option<[Overflow; 2]>,
    level: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fresh,
    Emitting,
    Ended,
}

impl SetOp {
    pub(super) fn new(
        operation: SetOperation,
        all: bool,
        left: &Node,
        right: &Node,
        builder: &mut Builder,
    ) -> Result<SetOp> {
        let likeness = Likeness::of(left.output.iter().map(|column| column.ty));
        let rows = RowSet::alike(left.output.len(), likeness);
        Ok(SetOp {
            operation,
            all,
            inputs: [builder.operator(left)?, builder.operator(right)?],
            table: Table { rows, counts: Vec::new(), overflow: None, level: 0 },
            pending: Vec::new(),
            stage: Stage::Fresh,
            current: 0,
            copies: 0,
        })
    }

    /// Counts the rows of both inputs.
    fn collect(&mut self, cx: &mut Context<'_>) -> Result<()> {
        for (side, input) in self.inputs.iter_mut().enumerate() {
            while input.next(cx)? {
                cx.check()?;
                self.table.count(side, input.row(), cx)?;
            }
        }
        Ok(())
    }

    /// Counts the rows of the next pair of tapes; false when there is none.
    fn next_tapes(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let level = self.table.level + 1;
        if let Some([left, right]) = self.table.overflow.take() {
            let pairs = left.into_parts().into_iter().zip(right.into_parts());
            let pairs = pairs.filter(|(left, right)| left.is_some() || right.is_some());
            self.pending.extend(pairs.map(|(left, right)| ([left, right], level)));
        }
        let Some((tapes, level)) = self.pending.pop() else { return Ok(false) };
        self.table.clear(level);
        let mut row = Vec::new();
        for (side, tape) in tapes.into_iter().enumerate() {
            let Some(mut tape) = tape else { continue };
            let mut reader: TapeReader = tape.read_all()?;
            while reader.next(&mut row)? {
                cx.check()?;
                self.table.count(side, &row, cx)?;
            }
        }
        Ok(true)
    }

    /// How often the row of a number comes out; 0 behind the last one.
    fn copies(&self, number: usize) -> u64 {
        let Some([left, right]) = self.table.counts.get(number).copied() else { return 0 };
        let copies = match self.operation {
            SetOperation::Union => left + right,
            SetOperation::Intersect => left.min(right),
            SetOperation::Except if self.all => left.saturating_sub(right),
            SetOperation::Except => left * u64::from(right == 0),
        };
        if self.all { copies } else { copies.min(1) }
    }
}

impl Table {
    fn clear(&mut self, level: u32) {
        self.rows.clear();
        self.counts = Vec::new();
        self.overflow = None;
        self.level = level;
    }

    /// Counts a row of the left (0) or right (1) input.
    fn count(&mut self, side: usize, row: &[Datum], cx: &Context<'_>) -> Result<()> {
        let memory = self.rows.memory() + self.counts.len() * size_of::<[u64; 2]>();
        let number = if memory <= overflow::room(self.level, &cx.limits) {
            Some(self.rows.insert(row).0)
        } else {
            self.rows.find(row)
        };
        let Some(number) = number else {
            if self.level >= overflow::DEEPEST {
                return Err(overflow::refused("a set operation"));
            }
            let level = self.level;
            let tapes =
                self.overflow.get_or_insert_with(|| [Overflow::new(level), Overflow::new(level)]);
            return tapes[side].push(self.rows.hash(row), row, &cx.limits);
        };
        if number == self.counts.len() {
            self.counts.push([0, 0]);
        }
        self.counts[number][side] += 1;
        Ok(())
    }
}

impl Operator for SetOp {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if self.stage == Stage::Fresh {
            self.collect(cx)?;
            self.stage = Stage::Emitting;
            self.current = 0;
            self.copies = self.copies(0);
        } else {
            self.copies = self.copies.saturating_sub(1);
        }
        while self.stage == Stage::Emitting && self.copies == 0 {
            self.current += 1;
            if self.current >= self.table.counts.len() {
                if !self.next_tapes(cx)? {
                    self.stage = Stage::Ended;
                    return Ok(false);
                }
                self.current = 0;
            }
            self.copies = self.copies(self.current);
        }
        Ok(self.stage == Stage::Emitting)
    }

    fn row(&self) -> &[Datum] {
        self.table.rows.row(self.current)
    }

    fn rewind(&mut self, again: Again) {
        self.inputs.iter_mut().for_each(|input| input.rewind(again));
        self.table.clear(0);
        self.pending.clear();
        self.stage = Stage::Fresh;
    }
}
