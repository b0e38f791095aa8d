//! Expressions that choose among values: CASE, COALESCE, NULLIF, GREATEST, IS DISTINCT FROM.

use std::cmp::Ordering;

use super::comparator::Comparator;
use super::step::Step;
use crate::error::Result;
use crate::exec::Context;
use crate::types::{Datum, TypeOrder};

/// CASE.
pub(super) struct Case {
    /// What [`Step::CaseOperand`] is in the conditions.
    pub(super) operand: Option<Step>,
    pub(super) branches: Vec<Branch>,
    pub(super) otherwise: Step,
}

/// WHEN condition THEN value.
pub(super) struct Branch {
    pub(super) condition: Step,
    pub(super) value: Step,
}

/// Two values and their equality.
pub(super) struct Pair {
    pub(super) equal: Comparator,
    pub(super) left: Step,
    pub(super) right: Step,
}

impl Case {
    /// The first branch whose condition holds; the values of the others are not computed.
    pub(super) fn eval(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
        let chosen = match &mut self.operand {
            None => chosen(&mut self.branches, row, cx)?,
            Some(operand) => {
                let value = operand.eval(row, cx)?;
                cx.operands.push(value);
                let chosen = chosen(&mut self.branches, row, cx);
                cx.operands.pop();
                chosen?
            }
        };
        match chosen {
            Some(value) => value.eval(row, cx),
            None => self.otherwise.eval(row, cx),
        }
    }
}

fn chosen<'b>(
    branches: &'b mut [Branch],
    row: &[Datum],
    cx: &mut Context<'_>,
) -> Result<Option<&'b mut Step>> {
    for branch in branches {
        if branch.condition.truth(row, cx)? == Some(true) {
            return Ok(Some(&mut branch.value));
        }
    }
    Ok(None)
}

/// The first value that is not NULL; those behind it are not computed.
pub(super) fn coalesce(values: &mut [Step], row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
    for value in values {
        let value = value.eval(row, cx)?;
        if !value.is_null() {
            return Ok(value);
        }
    }
    Ok(Datum::Null)
}

/// The greatest or least value that is not NULL.
pub(super) fn extreme(
    (greatest, order): (bool, TypeOrder),
    values: &mut [Step],
    row: &[Datum],
    cx: &mut Context<'_>,
) -> Result<Datum> {
    let wanted = if greatest { Ordering::Greater } else { Ordering::Less };
    let mut best = Datum::Null;
    for value in values {
        let value = value.eval(row, cx)?;
        if !value.is_null() && (best.is_null() || (order.compare)(&value, &best) == wanted) {
            best = value;
        }
    }
    Ok(best)
}

impl Pair {
    /// NULL when the two are equal, else the left one.
    pub(super) fn null_if(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
        let left = self.left.eval(row, cx)?;
        let right = self.right.eval(row, cx)?;
        let equal = self.equal.apply(&left, &right, cx)?;
        Ok(if equal == Some(true) { Datum::Null } else { left })
    }

    /// IS DISTINCT FROM: NULL is a value like any other.
    pub(super) fn is_distinct(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<bool> {
        let left = self.left.eval(row, cx)?;
        let right = self.right.eval(row, cx)?;
        match (left.is_null(), right.is_null()) {
            (true, true) => Ok(false),
            (false, false) => Ok(self.equal.apply(&left, &right, cx)? != Some(true)),
            _ => Ok(true),
        }
    }
}
