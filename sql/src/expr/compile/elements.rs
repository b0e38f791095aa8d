//! Casts of arrays, element by element.

use std::slice;

use super::step::Step;
use crate::error::Result;
use crate::exec::Context;
use crate::expr::function::{self, Environment};
use crate::types::{self, Array, Datum, Type};

/// An array whose elements become those of another array type; its shape stays.
pub(super) struct Elements {
    pub(super) arg: Step,
    /// The elements' type before.
    pub(super) from: Type,
    /// The elements' type after.
    pub(super) to: Type,
    pub(super) cast: ElementCast,
}

/// How an element gets from one type to the other; NULL stays NULL.
pub(super) enum ElementCast {
    /// Same bits.
    Relabel,
    /// By a cast function.
    Function(fn(&mut function::Call<'_>) -> Result<Datum>),
    /// By way of the text form.
    Text,
}

impl Elements {
    pub(super) fn eval(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
        let value = self.arg.eval(row, cx)?;
        let Datum::Array(array) = &value else { return Ok(value) };
        let cast = |element: &Datum| self.element(element, cx.environment);
        let elements = array.elements.iter().map(cast).collect::<Result<_>>()?;
        let dimensions = array.dimensions.clone();
        Ok(Datum::array(Array { element: self.to.oid, dimensions, elements }))
    }

    fn element(&self, element: &Datum, environment: &mut dyn Environment) -> Result<Datum> {
        if element.is_null() {
            return Ok(Datum::Null);
        }
        match self.cast {
            ElementCast::Relabel => Ok(element.clone()),
            ElementCast::Function(body) => body(&mut function::Call {
                args: slice::from_ref(element),
                arg_types: &[self.from],
                result: self.to,
                environment,
            }),
            ElementCast::Text => {
                let formats = environment.formats();
                types::input(&types::to_text(element, self.from, formats), self.to, formats)
            }
        }
    }
}
