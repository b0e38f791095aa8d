//! The steps of a compiled expression, and the walk over them.

use super::arithmetic::Arithmetic;
use super::array::{Construct, Subscript};
use super::call::{Call, Length, ViaText};
use super::choice::{Case, Pair};
use super::comparator::Compare;
use super::elements::Elements;
use super::list::{InArray, InList};
use super::subquery::Subquery;
use super::{choice, comparator};
use crate::error::{ExecutionError, Result};
use crate::exec::Context;
use crate::types::{self, Datum, TypeOrder};

/// One step; its arguments are below it.
pub(super) enum Step {
    Constant(Datum),
    Column(usize),
    Parameter(usize),
    Outer(usize),
    Call(Box<Call>),
    /// A comparison done in place.
    Compare(Box<Compare>),
    /// An integer operation done in place.
    Arithmetic(Box<Arithmetic>),
    ViaText(Box<ViaText>),
    Elements(Box<Elements>),
    Length(Box<Length>),
    And(Vec<Step>),
    Or(Vec<Step>),
    Not(Box<Step>),
    IsNull(Box<Step>),
    AllPresent(Box<Step>),
    IsTruth(Box<Step>, Option<bool>),
    Distinct(Box<Pair>),
    NullIf(Box<Pair>),
    Case(Box<Case>),
    /// The operand of the CASE that is being decided.
    CaseOperand,
    Coalesce(Vec<Step>),
    Extreme((bool, TypeOrder), Vec<Step>),
    InList(Box<InList>),
    InArray(Box<InArray>),
    Array(Box<Construct>),
    Subscript(Box<Subscript>),
    Row(Vec<Step>),
    Subquery(Box<Subquery>),
}

impl Step {
    /// The value over `row`.
    pub(super) fn eval(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
        match self {
            Step::Constant(value) => Ok(value.clone()),
            Step::Column(position) => Ok(row[*position].clone()),
            Step::Parameter(number) => parameter(cx, *number).cloned(),
            Step::Outer(position) => Ok(cx.outer[*position].clone()),
            Step::Call(call) => call.eval(row, cx),
            Step::Arithmetic(arithmetic) => arithmetic.eval(row, cx),
            Step::ViaText(cast) => cast.eval(row, cx),
            Step::Elements(cast) => cast.eval(row, cx),
            Step::Length(cast) => cast.eval(row, cx),
            Step::NullIf(pair) => pair.null_if(row, cx),
            Step::Case(case) => case.eval(row, cx),
            Step::CaseOperand => Ok(cx.operands.last().cloned().unwrap_or(Datum::Null)),
            Step::Coalesce(values) => choice::coalesce(values, row, cx),
            Step::Extreme(which, values) => choice::extreme(*which, values, row, cx),
            Step::Array(construct) => construct.eval(row, cx),
            Step::Subscript(subscript) => subscript.eval(row, cx),
            Step::Row(fields) => {
                let fields = fields.iter_mut().map(|field| field.eval(row, cx));
                types::record_of(fields.collect::<Result<Vec<_>>>()?)
            }
            Step::Subquery(subquery) => subquery.eval(row, cx),
            Step::Compare(_)
            | Step::And(_)
            | Step::Or(_)
            | Step::Not(_)
            | Step::IsNull(_)
            | Step::AllPresent(_)
            | Step::IsTruth(..)
            | Step::Distinct(_)
            | Step::InList(_)
            | Step::InArray(_) => Ok(self.truth(row, cx)?.map_or(Datum::Null, Datum::Bool)),
        }
    }

    /// The value of a boolean; None is NULL.
    pub(super) fn truth(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Option<bool>> {
        match self {
            Step::Compare(compare) => compare.truth(row, cx),
            Step::And(terms) => junction(terms, false, row, cx),
            Step::Or(terms) => junction(terms, true, row, cx),
            Step::Not(term) => Ok(term.truth(row, cx)?.map(|value| !value)),
            Step::IsNull(arg) => arg.is_null(row, cx).map(Some),
            Step::AllPresent(arg) => Ok(Some(match arg.eval(row, cx)? {
                Datum::Record(fields) => !fields.iter().any(Datum::is_null),
                other => !other.is_null(),
            })),
            Step::IsTruth(arg, expected) => Ok(Some(arg.truth(row, cx)? == *expected)),
            Step::Distinct(pair) => pair.is_distinct(row, cx).map(Some),
            Step::InList(list) => list.truth(row, cx),
            Step::InArray(array) => array.truth(row, cx),
            other => match other.eval(row, cx)? {
                Datum::Bool(value) => Ok(Some(value)),
                Datum::Null => Ok(None),
                _ => Err(ExecutionError::Internal { what: "a condition is no boolean" }.into()),
            },
        }
    }

    /// The value of an integer or of a date or time that is one inside; None is NULL.
    #[inline]
    pub(super) fn integer(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Option<i64>> {
        match self {
            Step::Column(position) => comparator::integer(&row[*position]),
            Step::Constant(value) => comparator::integer(value),
            Step::Parameter(number) => comparator::integer(parameter(cx, *number)?),
            Step::Arithmetic(arithmetic) => arithmetic.integer(row, cx),
            other => comparator::integer(&other.eval(row, cx)?),
        }
    }

    /// The value where it stands, for steps that compute nothing.
    #[inline]
    pub(super) fn peek<'v>(&'v self, row: &'v [Datum], cx: &'v Context<'_>) -> Option<&'v Datum> {
        match self {
            Step::Column(position) => row.get(*position),
            Step::Constant(value) => Some(value),
            Step::Parameter(number) => cx.parameters.get(*number),
            Step::Outer(position) => cx.outer.get(*position),
            _ => None,
        }
    }

    fn is_null(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<bool> {
        if let Some(value) = self.peek(row, cx) {
            return Ok(is_null(value));
        }
        Ok(is_null(&self.eval(row, cx)?))
    }
}

/// IS NULL; a row is NULL when all of its fields are.
fn is_null(value: &Datum) -> bool {
    match value {
        Datum::Record(fields) => fields.iter().all(Datum::is_null),
        other => other.is_null(),
    }
}

/// AND (`decisive` false) or OR (true): the first decisive term ends it.
fn junction(
    terms: &mut [Step],
    decisive: bool,
    row: &[Datum],
    cx: &mut Context<'_>,
) -> Result<Option<bool>> {
    let mut unknown = false;
    for term in terms {
        match term.truth(row, cx)? {
            Some(value) if value == decisive => return Ok(Some(decisive)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { None } else { Some(!decisive) })
}

fn parameter<'p>(cx: &Context<'p>, number: usize) -> Result<&'p Datum> {
    cx.parameters
        .get(number)
        .ok_or_else(|| ExecutionError::Internal { what: "a parameter has no value" }.into())
}
