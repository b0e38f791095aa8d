//! Integer arithmetic in place.

use super::step::Step;
use crate::error::{DataError, Result};
use crate::exec::Context;
use crate::expr::function::Function;
use crate::types::Datum;

/// `left op right` over integers.
pub(super) struct Arithmetic {
    pub(super) operation: Operation,
    pub(super) width: Width,
    pub(super) left: Step,
    pub(super) right: Step,
}

/// The operations that are done in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
}

/// The type of a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Width {
    Int2,
    Int4,
    Int8,
}

impl Arithmetic {
    pub(super) fn eval(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
        let Some(value) = self.integer(row, cx)? else { return Ok(Datum::Null) };
        // `integer` has checked the range.
        Ok(match self.width {
            Width::Int2 => Datum::Int2(value as i16),
            Width::Int4 => Datum::Int4(value as i32),
            Width::Int8 => Datum::Int8(value),
        })
    }

    pub(super) fn integer(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Option<i64>> {
        let left = self.left.integer(row, cx)?;
        let right = self.right.integer(row, cx)?;
        let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
        let value = match self.operation {
            Operation::Add => left.checked_add(right),
            Operation::Subtract => left.checked_sub(right),
            Operation::Multiply => left.checked_mul(right),
        };
        match value {
            Some(value) if self.width.holds(value) => Ok(Some(value)),
            _ => Err(DataError::OutOfRange { type_name: self.width.name() }.into()),
        }
    }
}

impl Width {
    fn holds(self, value: i64) -> bool {
        match self {
            Width::Int2 => i16::try_from(value).is_ok(),
            Width::Int4 => i32::try_from(value).is_ok(),
            Width::Int8 => true,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Width::Int2 => "smallint",
            Width::Int4 => "integer",
            Width::Int8 => "bigint",
        }
    }
}

/// What `function` computes, when that can be done in place. Names are `pg_proc`'s.
pub(super) fn in_place(function: &Function) -> Option<(Operation, Width)> {
    const OPERATIONS: [(&str, Operation); 3] =
        [("pl", Operation::Add), ("mi", Operation::Subtract), ("mul", Operation::Multiply)];
    let (suffix, operation) =
        OPERATIONS.into_iter().find(|(suffix, _)| function.name.ends_with(suffix))?;
    let width = match function.name.strip_suffix(suffix)? {
        "int2" => Width::Int2,
        "int4" | "int24" | "int42" => Width::Int4,
        "int8" | "int28" | "int82" | "int48" | "int84" => Width::Int8,
        _ => return None,
    };
    Some((operation, width))
}
