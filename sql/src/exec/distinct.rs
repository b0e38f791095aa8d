//! Distinct: each row once (HashAggregate in EXPLAIN), or the first row of each value of some
//! expressions (Unique).
//!
//! Rows come out as soon as they are seen for the first time. When the table is full, rows that
//! are not in it go to tapes, which are worked on one by one at the end of the input.

use super::overflow::{self, Overflow, Pending};
use super::result::evaluate;
use super::row_set::{Likeness, RowSet};
use super::tape::TapeReader;
use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::expr::{Compiled, Expr};
use crate::plan::Node;
use crate::types::Datum;

/// The operator of a Distinct node.
pub(super) fn distinct(
    input: &Node,
    on: Option<&[Expr]>,
    builder: &mut Builder,
) -> Result<Box<dyn Operator>> {
    let width = input.output.len();
    let columns = Likeness::of(input.output.iter().map(|column| column.ty));
    let input = builder.operator(input)?;
    match on {
        None => Ok(Box::new(Distinct::new(input, RowSet::alike(width, columns)))),
        Some(on) => {
            let likeness = Likeness::of(on.iter().map(|expr| expr.ty));
            let on = Compiled::all(on, builder)?;
            Ok(Box::new(Unique { input, on, likeness, value: Vec::new(), last: None }))
        }
    }
}

struct Distinct {
    input: Box<dyn Operator>,
    seen: RowSet,
    overflow: Option<Overflow>,
    pending: Vec<Pending>,
    /// The tape that is being read instead of the input.
    tape: Option<(TapeReader, Pending)>,
    row: Vec<Datum>,
    ended: bool,
}

/// The first of each run of equal values; the input is sorted by them.
struct Unique {
    input: Box<dyn Operator>,
    on: Vec<Compiled>,
    likeness: Likeness,
    value: Vec<Datum>,
    last: Option<Vec<Datum>>,
}

impl Distinct {
    fn new(input: Box<dyn Operator>, seen: RowSet) -> Distinct {
        Distinct {
            input,
            seen,
            overflow: None,
            pending: Vec::new(),
            tape: None,
            row: Vec::new(),
            ended: false,
        }
    }

    /// Moves `row` on over the input or the current tape.
    fn advance(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if let Some((reader, _)) = &mut self.tape {
            return reader.next(&mut self.row);
        }
        if !self.input.next(cx)? {
            return Ok(false);
        }
        self.row.clear();
        self.row.extend_from_slice(self.input.row());
        Ok(true)
    }

    fn level(&self) -> u32 {
        self.tape.as_ref().map_or(0, |(_, pending)| pending.level)
    }

    /// Whether the row is new; without room for it, it is put off.
    fn is_new(&mut self, cx: &Context<'_>) -> Result<bool> {
        let level = self.level();
        if self.seen.memory() <= overflow::room(level, &cx.limits) {
            return Ok(self.seen.insert(&self.row).1);
        }
        if self.seen.find(&self.row).is_some() {
            return Ok(false);
        }
        if level >= overflow::DEEPEST {
            return Err(overflow::refused("DISTINCT"));
        }
        let overflow = self.overflow.get_or_insert_with(|| Overflow::new(level));
        overflow.push(self.seen.hash(&self.row), &self.row, &cx.limits)?;
        Ok(false)
    }

    /// Goes on with the next tape; false when there is none.
    fn next_tape(&mut self) -> Result<bool> {
        self.seen.clear();
        self.pending.extend(self.overflow.take().into_iter().flat_map(Overflow::finish));
        let Some(mut pending) = self.pending.pop() else { return Ok(false) };
        self.tape = Some((pending.tape.read_all()?, pending));
        Ok(true)
    }
}

impl Operator for Distinct {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        while !self.ended {
            while self.advance(cx)? {
                cx.check()?;
                if self.is_new(cx)? {
                    return Ok(true);
                }
            }
            self.ended = !self.next_tape()?;
        }
        Ok(false)
    }

    fn row(&self) -> &[Datum] {
        &self.row
    }

    fn rewind(&mut self, again: Again) {
        self.input.rewind(again);
        self.seen.clear();
        self.overflow = None;
        self.pending.clear();
        self.tape = None;
        self.ended = false;
    }
}

impl Operator for Unique {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        while self.input.next(cx)? {
            evaluate(&mut self.on, self.input.row(), &mut self.value, cx)?;
            if self.last.as_ref().is_none_or(|last| !self.likeness.same(last, &self.value)) {
                self.last = Some(self.value.clone());
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn row(&self) -> &[Datum] {
        self.input.row()
    }

    fn rewind(&mut self, again: Again) {
        self.input.rewind(again);
        self.last = None;
    }
}
