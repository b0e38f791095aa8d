//! Subqueries inside expressions.
//!
//! A subquery that is handed no values of the row around it gives the same answer for every row,
//! so it runs once an execution and its answer is kept: a value, or for IN a set that is looked
//! up. One that is handed values runs again for every row, in a frame of its own.

use std::sync::Arc;

use super::comparator::Comparator;
use super::list::{self, Membership, Tally};
use super::step::Step;
use crate::error::{ExecutionError, Result};
use crate::exec::{Again, Context, Operator};
use crate::expr::Quantifier;
use crate::expr::aggregate::ArrayStack;
use crate::types::{Array, Datum, Oid};

/// A subquery and what is asked of it.
pub(super) struct Subquery {
    question: Question,
    plan: Box<dyn Operator>,
    outer: Vec<Step>,
    frame: Vec<Datum>,
    /// The execution that ran the plan last; 0 is none.
    generation: u64,
    /// What was kept of that run.
    answer: Answer,
}

pub(super) enum Question {
    Exists,
    Scalar,
    /// `arg op ANY/ALL (subquery)`.
    Compare {
        comparator: Comparator,
        arg: Step,
        quantifier: Quantifier,
    },
    /// ARRAY(subquery), with the type of its elements. Arrays are stacked.
    Array {
        element: Oid,
        stacks: bool,
    },
}

enum Answer {
    None,
    Value(Datum),
    Members(Membership),
    /// The subquery's values where they cannot be looked up.
    List(Vec<Datum>),
}

impl Subquery {
    pub(super) fn new(question: Question, plan: Box<dyn Operator>, outer: Vec<Step>) -> Subquery {
        Subquery { question, plan, outer, frame: Vec::new(), generation: 0, answer: Answer::None }
    }

    pub(super) fn eval(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
        let value = match &mut self.question {
            Question::Compare { arg, .. } => arg.eval(row, cx)?,
            _ => Datum::Null,
        };
        if self.outer.is_empty() {
            return self.uncorrelated(&value, cx);
        }
        self.frame.clear();
        for outer in &mut self.outer {
            let value = outer.eval(row, cx)?;
            self.frame.push(value);
        }
        let mut frame = std::mem::take(&mut self.frame);
        self.plan.rewind(if self.generation == cx.generation {
            Again::Frame
        } else {
            Again::Execution
        });
        self.generation = cx.generation;
        let result = cx.framed(&mut frame, |cx| self.run(&value, cx));
        self.frame = frame;
        result
    }

    fn uncorrelated(&mut self, value: &Datum, cx: &mut Context<'_>) -> Result<Datum> {
        if self.generation != cx.generation || matches!(self.answer, Answer::None) {
            self.plan.rewind(Again::Execution);
            self.answer = Answer::None;
            self.generation = cx.generation;
            self.answer = match &self.question {
                Question::Compare { comparator, quantifier, .. }
                    if list::is_membership(comparator, *quantifier) =>
                {
                    Answer::Members(self.members(cx)?)
                }
                Question::Compare { .. } => Answer::List(self.values(cx)?),
                _ => Answer::Value(self.run(&Datum::Null, cx)?),
            };
            // What the plan holds is not needed again.
            self.plan.rewind(Again::Execution);
        }
        let Question::Compare { comparator, quantifier, .. } = &self.question else {
            let Answer::Value(value) = &self.answer else { return Ok(Datum::Null) };
            return Ok(value.clone());
        };
        let truth = match &self.answer {
            Answer::Members(members) => members.truth(value, *quantifier),
            Answer::List(values) => {
                let mut tally = Tally::new(*quantifier);
                for element in values {
                    if tally.decided_by(comparator.apply(value, element, cx)?) {
                        break;
                    }
                }
                tally.result()
            }
            Answer::None | Answer::Value(_) => None,
        };
        Ok(truth.map_or(Datum::Null, Datum::Bool))
    }

    /// Runs the plan from its start for one row.
    fn run(&mut self, value: &Datum, cx: &mut Context<'_>) -> Result<Datum> {
        match &self.question {
            Question::Exists => Ok(Datum::Bool(self.plan.next(cx)?)),
            Question::Scalar => {
                if !self.plan.next(cx)? {
                    return Ok(Datum::Null);
                }
                let value = self.plan.row()[0].clone();
                if self.plan.next(cx)? {
                    return Err(ExecutionError::SubqueryRows.into());
                }
                Ok(value)
            }
            Question::Compare { comparator, quantifier, .. } => {
                let mut tally = Tally::new(*quantifier);
                while self.plan.next(cx)? {
                    if tally.decided_by(comparator.apply(value, &self.plan.row()[0], cx)?) {
                        break;
                    }
                }
                Ok(tally.result().map_or(Datum::Null, Datum::Bool))
            }
            Question::Array { element, stacks } => {
                let (element, stacks) = (*element, *stacks);
                let values = self.values(cx)?;
                if !stacks || values.is_empty() {
                    return Ok(Datum::Array(Arc::new(Array::flat(element, values))));
                }
                let mut stack = ArrayStack::default();
                values.iter().try_for_each(|value| stack.push(value))?;
                stack.array()
            }
        }
    }

    fn members(&mut self, cx: &mut Context<'_>) -> Result<Membership> {
        let mut members = Membership::new();
        while self.plan.next(cx)? {
            members.add(&self.plan.row()[0]);
            bounded(members.memory(), cx)?;
        }
        Ok(members)
    }

    fn values(&mut self, cx: &mut Context<'_>) -> Result<Vec<Datum>> {
        let mut values = Vec::new();
        let mut memory = 0;
        while self.plan.next(cx)? {
            let value = &self.plan.row()[0];
            memory += size_of::<Datum>() + crate::exec::heap_size(value);
            values.push(value.clone());
            bounded(memory, cx)?;
        }
        Ok(values)
    }
}

/// What a subquery keeps does not spill: it is refused beyond the bound of a hash table.
fn bounded(memory: usize, cx: &Context<'_>) -> Result<()> {
    if memory > cx.limits.table_memory() {
        return Err(ExecutionError::OutOfMemory { operation: "a subquery's values" }.into());
    }
    Ok(())
}
