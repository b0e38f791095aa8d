//! Calls of functions, and casts by way of the text form or to a length.

use super::step::Step;
use crate::error::Result;
use crate::exec::Context;
use crate::expr::function;
use crate::types::{self, Datum, Type};

/// A function and its arguments.
pub(super) struct Call {
    pub(super) body: fn(&mut function::Call<'_>) -> Result<Datum>,
    pub(super) strict: bool,
    pub(super) args: Vec<Step>,
    pub(super) arg_types: Vec<Type>,
    pub(super) result: Type,
    /// The values of `args`, kept for its memory.
    pub(super) values: Vec<Datum>,
}

/// The text form of a value, read as another type.
pub(super) struct ViaText {
    pub(super) arg: Step,
    pub(super) from: Type,
    pub(super) to: Type,
}

/// A value made to fit the modifier of its type.
pub(super) struct Length {
    pub(super) arg: Step,
    pub(super) ty: Type,
    pub(super) explicit: bool,
}

impl Call {
    pub(super) fn eval(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
        self.values.clear();
        let mut null = false;
        for arg in &mut self.args {
            let value = arg.eval(row, cx)?;
            null |= value.is_null();
            self.values.push(value);
        }
        if null && self.strict {
            return Ok(Datum::Null);
        }
        let long = self.values.iter().any(Datum::is_long);
        if long {
            cx.environment.stand_aside();
        }
        let result = (self.body)(&mut function::Call {
            args: &self.values,
            arg_types: &self.arg_types,
            result: self.result,
            environment: cx.environment,
        });
        if long {
            self.values.clear();
        }
        result
    }
}

impl ViaText {
    pub(super) fn eval(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
        let value = self.arg.eval(row, cx)?;
        if value.is_null() {
            return Ok(Datum::Null);
        }
        if value.is_long() {
            cx.environment.stand_aside();
        }
        let formats = cx.environment.formats();
        types::input(&types::checked_text(&value, self.from, formats)?, self.to, formats)
    }
}

impl Length {
    pub(super) fn eval(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
        let value = self.arg.eval(row, cx)?;
        if value.is_null() {
            return Ok(Datum::Null);
        }
        types::coerce_length(value, self.ty, self.explicit)
    }
}
