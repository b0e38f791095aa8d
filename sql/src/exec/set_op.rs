//! SetOp: UNION, INTERSECT and EXCEPT, with and without ALL.
//!
//! Both inputs are counted row by row; what comes out is a matter of the two counts. The table
//! does not spill: beyond [`super::Limits::table_memory`] the statement is refused.

use super::row_set::RowSet;
use super::{Again, Builder, Context, Operator};
use crate::error::{ExecutionError, Result};
use crate::plan::{Node, SetOperation};
use crate::types::Datum;

pub(super) struct SetOp {
    operation: SetOperation,
    all: bool,
    left: Box<dyn Operator>,
    right: Box<dyn Operator>,
    rows: RowSet,
    /// How often each row is in (left, right).
    counts: Vec<(u64, u64)>,
    collected: bool,
    /// Number of the current row.
    current: usize,
    /// How often it still comes out.
    left_over: u64,
}

impl SetOp {
    pub(super) fn new(
        operation: SetOperation,
        all: bool,
        left: &Node,
        right: &Node,
        builder: &mut Builder,
    ) -> Result<SetOp> {
        Ok(SetOp {
            operation,
            all,
            rows: RowSet::new(left.output.len()),
            left: builder.operator(left)?,
            right: builder.operator(right)?,
            counts: Vec::new(),
            collected: false,
            current: 0,
            left_over: 0,
        })
    }

    fn collect(&mut self, cx: &mut Context<'_>) -> Result<()> {
        while self.left.next(cx)? {
            let number = self.number(false, cx)?;
            self.counts[number].0 += 1;
        }
        while self.right.next(cx)? {
            let number = self.number(true, cx)?;
            self.counts[number].1 += 1;
        }
        Ok(())
    }

    fn number(&mut self, right: bool, cx: &Context<'_>) -> Result<usize> {
        cx.check()?;
        let input = if right { &self.right } else { &self.left };
        let (number, new) = self.rows.insert(input.row());
        if new {
            self.counts.push((0, 0));
            if self.rows.memory() > cx.limits.table_memory() {
                return Err(ExecutionError::OutOfMemory { operation: "a set operation" }.into());
            }
        }
        Ok(number)
    }

    /// How often a row comes out.
    fn copies(&self, (left, right): (u64, u64)) -> u64 {
        let copies = match self.operation {
            SetOperation::Union => left + right,
            SetOperation::Intersect => left.min(right),
            SetOperation::Except if self.all => left.saturating_sub(right),
            SetOperation::Except => left * u64::from(right == 0),
        };
        if self.all { copies } else { copies.min(1) }
    }
}

impl Operator for SetOp {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if !self.collected {
            self.collect(cx)?;
            self.collected = true;
            self.current = 0;
            self.left_over = self.counts.first().map_or(0, |counts| self.copies(*counts));
        } else if self.left_over == 0 {
            return Ok(false);
        } else {
            self.left_over -= 1;
        }
        while self.left_over == 0 && self.current < self.counts.len() {
            self.current += 1;
            let counts = self.counts.get(self.current);
            self.left_over = counts.map_or(0, |counts| self.copies(*counts));
        }
        Ok(self.left_over > 0)
    }

    fn row(&self) -> &[Datum] {
        self.rows.row(self.current)
    }

    fn rewind(&mut self, again: Again) {
        self.left.rewind(again);
        self.right.rewind(again);
        self.rows.clear();
        self.counts.clear();
        self.collected = false;
    }
}
