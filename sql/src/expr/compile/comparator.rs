//! Comparisons: in place for fixed-width values and text, by their function for the rest.

use std::cmp::Ordering;

use super::step::Step;
use crate::error::{ExecutionError, Result};
use crate::exec::Context;
use crate::expr::function::{self, Body, Call, Function};
use crate::types::{Datum, Type};

/// `left op right` inside an expression.
pub(super) struct Compare {
    pub(super) relation: Relation,
    pub(super) class: Class,
    pub(super) left: Step,
    pub(super) right: Step,
}

/// What a comparison asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// How the two sides are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// Integers of any width, and what is one inside: oid, date, time, timestamp.
    Integer,
    /// Byte by byte.
    Text,
}

/// A comparison of two values that some operator makes itself: a join's keys, an IN list.
pub(crate) struct Comparator {
    function: &'static Function,
    in_place: Option<(Class, Relation)>,
    types: [Type; 2],
}

impl Relation {
    #[inline]
    fn holds(self, order: Ordering) -> bool {
        match self {
            Relation::Equal => order.is_eq(),
            Relation::NotEqual => order.is_ne(),
            Relation::Less => order.is_lt(),
            Relation::LessEqual => order.is_le(),
            Relation::Greater => order.is_gt(),
            Relation::GreaterEqual => order.is_ge(),
        }
    }
}

impl Compare {
    #[inline]
    pub(super) fn truth(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Option<bool>> {
        if self.class == Class::Integer {
            let left = self.left.integer(row, cx)?;
            let right = self.right.integer(row, cx)?;
            let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
            return Ok(Some(self.relation.holds(left.cmp(&right))));
        }
        if let (Some(left), Some(right)) = (self.left.peek(row, cx), self.right.peek(row, cx)) {
            return text(self.relation, left, right);
        }
        let left = self.left.eval(row, cx)?;
        let right = self.right.eval(row, cx)?;
        text(self.relation, &left, &right)
    }
}

fn text(relation: Relation, left: &Datum, right: &Datum) -> Result<Option<bool>> {
    match (left, right) {
        (Datum::Text(left), Datum::Text(right)) => {
            Ok(Some(relation.holds(left.as_bytes().cmp(right.as_bytes()))))
        }
        (Datum::Null, _) | (_, Datum::Null) => Ok(None),
        _ => Err(ExecutionError::Internal { what: "a text comparison of something else" }.into()),
    }
}

/// The integer inside a value; None is NULL.
#[inline]
pub(super) fn integer(value: &Datum) -> Result<Option<i64>> {
    match value {
        Datum::Int4(value) | Datum::Date(value) => Ok(Some(i64::from(*value))),
        Datum::Int8(value)
        | Datum::Time(value)
        | Datum::Timestamp(value)
        | Datum::Timestamptz(value) => Ok(Some(*value)),
        Datum::Int2(value) => Ok(Some(i64::from(*value))),
        Datum::Oid(value) => Ok(Some(i64::from(value.0))),
        Datum::Null => Ok(None),
        _ => {
            Err(ExecutionError::Internal { what: "an integer operation on something else" }.into())
        }
    }
}

impl Comparator {
    /// `function` over values of these types.
    pub(crate) fn new(function: &'static Function, left: Type, right: Type) -> Comparator {
        Comparator { function, in_place: in_place(function), types: [left, right] }
    }

    /// Whether it is an equality (true) or its negation (false) under which values that hash
    /// alike are the only candidates.
    pub(crate) fn hashable(&self) -> Option<bool> {
        match self.in_place {
            Some((_, Relation::Equal)) => Some(true),
            Some((_, Relation::NotEqual)) => Some(false),
            Some(_) => None,
            None if self.types[0].oid != self.types[1].oid => None,
            // Padding does not count, but it hashes.
            None if is_padded(self.types[0]) => None,
            None => function::equality(self.function),
        }
    }

    /// `left op right`; None is NULL.
    pub(crate) fn apply(
        &self,
        left: &Datum,
        right: &Datum,
        cx: &mut Context<'_>,
    ) -> Result<Option<bool>> {
        match self.in_place {
            Some((Class::Integer, relation)) => {
                let (Some(left), Some(right)) = (integer(left)?, integer(right)?) else {
                    return Ok(None);
                };
                Ok(Some(relation.holds(left.cmp(&right))))
            }
            Some((Class::Text, relation)) => text(relation, left, right),
            None => self.call(left, right, cx),
        }
    }

    fn call(&self, left: &Datum, right: &Datum, cx: &mut Context<'_>) -> Result<Option<bool>> {
        if self.function.strict && (left.is_null() || right.is_null()) {
            return Ok(None);
        }
        let Body::Scalar(body) = self.function.body else {
            return Err(ExecutionError::Internal { what: "a comparison returns a set" }.into());
        };
        let value = body(&mut Call {
            args: &[left.clone(), right.clone()],
            arg_types: &self.types,
            result: Type::BOOL,
            environment: cx.environment,
        })?;
        match value {
            Datum::Bool(value) => Ok(Some(value)),
            Datum::Null => Ok(None),
            _ => Err(ExecutionError::Internal { what: "a comparison is no boolean" }.into()),
        }
    }
}

fn is_padded(ty: Type) -> bool {
    ty.element().unwrap_or(ty).oid == Type::BPCHAR.oid
}

/// How `function` compares, when that can be done in place. Names are `pg_proc`'s.
pub(super) fn in_place(function: &Function) -> Option<(Class, Relation)> {
    const INTEGERS: [&str; 14] = [
        "int2",
        "int4",
        "int8",
        "int24",
        "int42",
        "int28",
        "int82",
        "int48",
        "int84",
        "oid",
        "date_",
        "time_",
        "timestamp_",
        "timestamptz_",
    ];
    const RELATIONS: [(&str, Relation); 6] = [
        ("eq", Relation::Equal),
        ("ne", Relation::NotEqual),
        ("lt", Relation::Less),
        ("le", Relation::LessEqual),
        ("gt", Relation::Greater),
        ("ge", Relation::GreaterEqual),
    ];
    let (suffix, relation) =
        RELATIONS.into_iter().find(|(suffix, _)| function.name.ends_with(suffix))?;
    let stem = function.name.strip_suffix(suffix)?;
    if INTEGERS.contains(&stem) {
        return Some((Class::Integer, relation));
    }
    // text_lt and its kind, but texteq and textne; bpchar and name have rules of their own.
    matches!(stem, "text" | "text_").then_some((Class::Text, relation))
}
