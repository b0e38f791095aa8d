//! count, and what booleans and bits come to.

use super::{Accumulator, AggregateFunction, aggregate};
use crate::error::{DataError, Result};
use crate::types::{Datum, Type};

/// Counts rows, or rows whose argument is not NULL.
#[derive(Default)]
struct Count(i64);

impl Accumulator for Count {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        self.0 += i64::from(!args.first().is_some_and(Datum::is_null));
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        Ok(Datum::Int8(self.0))
    }
}

/// Combines the values that are not NULL by an operation that keeps their type.
struct Fold {
    value: Datum,
    combine: fn(&Datum, &Datum) -> Option<Datum>,
}

impl Fold {
    fn start(combine: fn(&Datum, &Datum) -> Option<Datum>) -> Box<dyn Accumulator> {
        Box::new(Fold { value: Datum::Null, combine })
    }
}

impl Accumulator for Fold {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        let [value] = args else { return Ok(()) };
        if self.value.is_null() {
            self.value = value.clone();
        } else if !value.is_null() {
            self.value = (self.combine)(&self.value, value)
                .ok_or(DataError::UnexpectedDatum { expected: "a boolean or an integer" })?;
        }
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        Ok(self.value.clone())
    }
}

macro_rules! combine {
    ($($name:ident, $operator:tt;)*) => {$(
        fn $name(a: &Datum, b: &Datum) -> Option<Datum> {
            Some(match (a, b) {
                (Datum::Bool(a), Datum::Bool(b)) => Datum::Bool(a $operator b),
                (Datum::Int2(a), Datum::Int2(b)) => Datum::Int2(a $operator b),
                (Datum::Int4(a), Datum::Int4(b)) => Datum::Int4(a $operator b),
                (Datum::Int8(a), Datum::Int8(b)) => Datum::Int8(a $operator b),
                _ => return None,
            })
        }
    )*};
}

combine! {
    and, &;
    or, |;
    xor, ^;
}

pub(super) static AGGREGATES: &[AggregateFunction] = &[
    aggregate(2147, "count", &[Type::ANY], Type::INT8, |_| Box::new(Count::default())),
    aggregate(2803, "count", &[], Type::INT8, |_| Box::new(Count::default())),
    aggregate(2517, "bool_and", &[Type::BOOL], Type::BOOL, |_| Fold::start(and)),
    aggregate(2518, "bool_or", &[Type::BOOL], Type::BOOL, |_| Fold::start(or)),
    aggregate(2519, "every", &[Type::BOOL], Type::BOOL, |_| Fold::start(and)),
    aggregate(2236, "bit_and", &[Type::INT2], Type::INT2, |_| Fold::start(and)),
    aggregate(2237, "bit_or", &[Type::INT2], Type::INT2, |_| Fold::start(or)),
    aggregate(6164, "bit_xor", &[Type::INT2], Type::INT2, |_| Fold::start(xor)),
    aggregate(2238, "bit_and", &[Type::INT4], Type::INT4, |_| Fold::start(and)),
    aggregate(2239, "bit_or", &[Type::INT4], Type::INT4, |_| Fold::start(or)),
    aggregate(6165, "bit_xor", &[Type::INT4], Type::INT4, |_| Fold::start(xor)),
    aggregate(2240, "bit_and", &[Type::INT8], Type::INT8, |_| Fold::start(and)),
    aggregate(2241, "bit_or", &[Type::INT8], Type::INT8, |_| Fold::start(or)),
    aggregate(6166, "bit_xor", &[Type::INT8], Type::INT8, |_| Fold::start(xor)),
];
