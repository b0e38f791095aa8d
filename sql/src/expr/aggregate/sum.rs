//! sum and avg, with exact accumulators for exact types.

use super::{Accumulator, AggregateFunction, Type, aggregate};
use crate::error::{DataError, Result};
use crate::types::{Datum, Interval, Numeric, NumericSum};

/// sum or avg.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sum,
    Average,
}

fn unexpected(expected: &'static str) -> crate::Error {
    DataError::UnexpectedDatum { expected }.into()
}

/// Integers of any width: a sum of 2^63 of the widest still fits.
struct Integers {
    sum: i128,
    count: i64,
    kind: Kind,
    /// The sum is an `int8`, else a `numeric`.
    narrow: bool,
}

impl Integers {
    fn start(kind: Kind, narrow: bool) -> Box<dyn Accumulator> {
        Box::new(Integers { sum: 0, count: 0, kind, narrow })
    }
}

impl Accumulator for Integers {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        self.sum += match args {
            [Datum::Int4(value)] => i128::from(*value),
            [Datum::Int8(value)] => i128::from(*value),
            [Datum::Int2(value)] => i128::from(*value),
            [Datum::Null] => return Ok(()),
            _ => return Err(unexpected("an integer")),
        };
        self.count += 1;
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        if self.count == 0 {
            return Ok(Datum::Null);
        }
        if self.narrow {
            let sum = i64::try_from(self.sum);
            return Ok(Datum::Int8(
                sum.map_err(|_| DataError::OutOfRange { type_name: "bigint" })?,
            ));
        }
        let sum = Numeric::integer(self.sum);
        Ok(Datum::numeric(match self.kind {
            Kind::Sum => sum,
            Kind::Average => sum.divide(&Numeric::integer(self.count))?,
        }))
    }
}

/// `numeric`.
struct Numerics {
    sum: NumericSum,
    count: i64,
    kind: Kind,
}

impl Numerics {
    fn start(kind: Kind) -> Box<dyn Accumulator> {
        Box::new(Numerics { sum: NumericSum::default(), count: 0, kind })
    }
}

impl Accumulator for Numerics {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        match args {
            [Datum::Numeric(value)] => self.sum.add(value),
            [Datum::Null] => return Ok(()),
            _ => return Err(unexpected("a numeric")),
        }
        self.count += 1;
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        if self.count == 0 {
            return Ok(Datum::Null);
        }
        let sum = self.sum.value()?;
        Ok(Datum::numeric(match self.kind {
            Kind::Sum => sum,
            Kind::Average => sum.divide(&Numeric::integer(self.count))?,
        }))
    }
}

/// `float4`, added up as such.
#[derive(Default)]
struct Float4s(Option<f32>);

impl Accumulator for Float4s {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        let value = match args {
            [Datum::Float4(value)] => *value,
            [Datum::Null] => return Ok(()),
            _ => return Err(unexpected("a float4")),
        };
        let Some(sum) = self.0 else {
            self.0 = Some(value);
            return Ok(());
        };
        let total = sum + value;
        if total.is_infinite() && sum.is_finite() && value.is_finite() {
            return Err(DataError::FloatOutOfRange { overflow: true }.into());
        }
        self.0 = Some(total);
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        Ok(self.0.map_or(Datum::Null, Datum::Float4))
    }
}

/// Floats, added up as `float8`.
struct Floats {
    sum: f64,
    count: i64,
    kind: Kind,
}

impl Floats {
    fn start(kind: Kind) -> Box<dyn Accumulator> {
        Box::new(Floats { sum: 0.0, count: 0, kind })
    }
}

impl Accumulator for Floats {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        let value = match args {
            [Datum::Float8(value)] => *value,
            [Datum::Float4(value)] => f64::from(*value),
            [Datum::Null] => return Ok(()),
            _ => return Err(unexpected("a float")),
        };
        // The first value of a sum as it is: the sum of -0 is -0, but the average is 0.
        let is_first = self.count == 0 && matches!(self.kind, Kind::Sum);
        let total = if is_first { value } else { self.sum + value };
        if total.is_infinite() && self.sum.is_finite() && value.is_finite() {
            return Err(DataError::FloatOutOfRange { overflow: true }.into());
        }
        self.sum = total;
        self.count += 1;
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        Ok(match (self.count, self.kind) {
            (0, _) => Datum::Null,
            (_, Kind::Sum) => Datum::Float8(self.sum),
            (count, Kind::Average) => Datum::Float8(self.sum / count as f64),
        })
    }
}

/// `interval`, part by part.
struct Intervals {
    sum: Interval,
    count: i64,
    kind: Kind,
}

impl Intervals {
    fn start(kind: Kind) -> Box<dyn Accumulator> {
        Box::new(Intervals { sum: Interval::default(), count: 0, kind })
    }
}

impl Accumulator for Intervals {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        match args {
            [Datum::Interval(value)] => self.sum = self.sum.add(value)?,
            [Datum::Null] => return Ok(()),
            _ => return Err(unexpected("an interval")),
        }
        self.count += 1;
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        Ok(match (self.count, self.kind) {
            (0, _) => Datum::Null,
            (_, Kind::Sum) => Datum::interval(self.sum),
            (count, Kind::Average) => Datum::interval(self.sum.divide(count as f64)?),
        })
    }
}

pub(super) static AGGREGATES: &[AggregateFunction] = &[
    aggregate(2100, "avg", &[Type::INT8], Type::NUMERIC, |_| Integers::start(Kind::Average, false)),
    aggregate(2101, "avg", &[Type::INT4], Type::NUMERIC, |_| Integers::start(Kind::Average, false)),
    aggregate(2102, "avg", &[Type::INT2], Type::NUMERIC, |_| Integers::start(Kind::Average, false)),
    aggregate(2103, "avg", &[Type::NUMERIC], Type::NUMERIC, |_| Numerics::start(Kind::Average)),
    aggregate(2104, "avg", &[Type::FLOAT4], Type::FLOAT8, |_| Floats::start(Kind::Average)),
    aggregate(2105, "avg", &[Type::FLOAT8], Type::FLOAT8, |_| Floats::start(Kind::Average)),
    aggregate(2106, "avg", &[Type::INTERVAL], Type::INTERVAL, |_| Intervals::start(Kind::Average)),
    aggregate(2107, "sum", &[Type::INT8], Type::NUMERIC, |_| Integers::start(Kind::Sum, false)),
    aggregate(2108, "sum", &[Type::INT4], Type::INT8, |_| Integers::start(Kind::Sum, true)),
    aggregate(2109, "sum", &[Type::INT2], Type::INT8, |_| Integers::start(Kind::Sum, true)),
    aggregate(2110, "sum", &[Type::FLOAT4], Type::FLOAT4, |_| Box::new(Float4s::default())),
    aggregate(2111, "sum", &[Type::FLOAT8], Type::FLOAT8, |_| Floats::start(Kind::Sum)),
    aggregate(2113, "sum", &[Type::INTERVAL], Type::INTERVAL, |_| Intervals::start(Kind::Sum)),
    aggregate(2114, "sum", &[Type::NUMERIC], Type::NUMERIC, |_| Numerics::start(Kind::Sum)),
];
