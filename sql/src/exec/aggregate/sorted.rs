//! Groups that come one after another: one group's states at a time.

use super::call::{Calls, Running, bounded};
use crate::error::Result;
use crate::exec::result::evaluate;
use crate::exec::row_set::Likeness;
use crate::exec::{Again, Context, Operator};
use crate::expr::Compiled;
use crate::types::Datum;

pub(super) struct GroupAggregate {
    input: Box<dyn Operator>,
    groups: Vec<Compiled>,
    likeness: Likeness,
    calls: Calls,
    having: Option<Compiled>,
    /// The group at hand; None before the first row and after the last one.
    current: Option<Vec<Datum>>,
    states: Vec<Running>,
    /// Bytes of values that states have kept.
    kept: usize,
    group: Vec<Datum>,
    row: Vec<Datum>,
    ended: bool,
}

impl GroupAggregate {
    pub(super) fn new(
        input: Box<dyn Operator>,
        groups: Vec<Compiled>,
        likeness: Likeness,
        calls: Calls,
        having: Option<Compiled>,
    ) -> GroupAggregate {
        GroupAggregate {
            input,
            groups,
            likeness,
            calls,
            having,
            current: None,
            states: Vec::new(),
            kept: 0,
            group: Vec::new(),
            row: Vec::new(),
            ended: false,
        }
    }

    /// Adds rows until a group is complete, which is then in `row`.
    fn advance(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        while !self.ended {
            if !self.input.next(cx)? {
                self.ended = true;
                return self.complete();
            }
            cx.check()?;
            let row = self.input.row();
            evaluate(&mut self.groups, row, &mut self.group, cx)?;
            let same = |group: &Vec<Datum>| self.likeness.same(group, &self.group);
            let same = self.current.as_ref().is_some_and(same);
            let complete = !same && self.complete()?;
            if !same {
                self.current = Some(self.group.clone());
                self.calls.start(&mut self.states);
            }
            self.kept += self.calls.add(&mut self.states, self.input.row(), cx)?;
            bounded(self.kept, cx)?;
            if complete {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Puts the group at hand into `row`; false when there is none.
    fn complete(&mut self) -> Result<bool> {
        let Some(group) = self.current.take() else { return Ok(false) };
        self.row = group;
        self.calls.finish(&self.states, &mut self.row)?;
        self.states.clear();
        self.kept = 0;
        Ok(true)
    }
}

impl Operator for GroupAggregate {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        while self.advance(cx)? {
            let passes = match &mut self.having {
                Some(having) => having.test(&self.row, cx)?,
                None => true,
            };
            if passes {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn row(&self) -> &[Datum] {
        &self.row
    }

    fn rewind(&mut self, again: Again) {
        self.input.rewind(again);
        self.current = None;
        self.states.clear();
        self.kept = 0;
        self.ended = false;
    }
}
