//! The variance and standard deviation families.

use super::{Accumulator, AggregateFunction, Type, aggregate};
use crate::error::{DataError, Result};
use crate::types::{Datum, Numeric, NumericSum};

/// Which of the four.
#[derive(Clone, Copy)]
struct Kind {
    /// Divided by n - 1, else by n.
    sample: bool,
    /// The square root of it.
    root: bool,
}

const VAR_SAMP: Kind = Kind { sample: true, root: false };
const VAR_POP: Kind = Kind { sample: false, root: false };
const STDDEV_SAMP: Kind = Kind { sample: true, root: true };
const STDDEV_POP: Kind = Kind { sample: false, root: true };

/// Integers and `numeric`: exact sums of the values and of their squares.
struct Exact {
    count: i64,
    sum: NumericSum,
    squares: NumericSum,
    kind: Kind,
}

impl Exact {
    fn start(kind: Kind) -> Box<dyn Accumulator> {
        let (sum, squares) = (NumericSum::default(), NumericSum::default());
        Box::new(Exact { count: 0, sum, squares, kind })
    }
}

impl Accumulator for Exact {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        let value = match args {
            [Datum::Int2(value)] => Numeric::integer(*value),
            [Datum::Int4(value)] => Numeric::integer(*value),
            [Datum::Int8(value)] => Numeric::integer(*value),
            [Datum::Numeric(value)] => Numeric::clone(value),
            [Datum::Null] => return Ok(()),
            _ => return Err(DataError::UnexpectedDatum { expected: "an exact number" }.into()),
        };
        self.count += 1;
        self.squares.add(&value.multiply(&value)?);
        self.sum.add(&value);
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        if self.count < if self.kind.sample { 2 } else { 1 } {
            return Ok(Datum::Null);
        }
        let (sum, squares) = (self.sum.value()?, self.squares.value()?);
        if !matches!((&sum, &squares), (Numeric::Finite(_), Numeric::Finite(_))) {
            return Ok(Datum::numeric(Numeric::NaN));
        }
        let count = Numeric::integer(self.count);
        let numerator = count.multiply(&squares)?.subtract(&sum.multiply(&sum)?)?;
        if numerator.signum() <= 0 {
            return Ok(Datum::numeric(Numeric::integer(0)));
        }
        let other = Numeric::integer(self.count - i64::from(self.kind.sample));
        let variance = numerator.divide(&count.multiply(&other)?)?;
        Ok(Datum::numeric(if self.kind.root {
            let scale = variance.scale();
            variance.square_root_at(scale)?
        } else {
            variance
        }))
    }
}

/// Floats, by the method of Youngs and Cramer: the squares of the distances from the mean so far.
struct Floats {
    count: f64,
    sum: f64,
    squares: f64,
    kind: Kind,
}

impl Floats {
    fn start(kind: Kind) -> Box<dyn Accumulator> {
        Box::new(Floats { count: 0.0, sum: 0.0, squares: 0.0, kind })
    }
}

impl Accumulator for Floats {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        let value = match args {
            [Datum::Float8(value)] => *value,
            [Datum::Float4(value)] => f64::from(*value),
            [Datum::Null] => return Ok(()),
            _ => return Err(DataError::UnexpectedDatum { expected: "a float" }.into()),
        };
        let (before, count) = (self.count, self.count + 1.0);
        let sum = self.sum + value;
        if before > 0.0 {
            let distance = value * count - sum;
            self.squares += distance * distance / (count * before);
            if sum.is_infinite() || self.squares.is_infinite() {
                if self.sum.is_finite() && value.is_finite() {
                    return Err(DataError::FloatOutOfRange { overflow: true }.into());
                }
                self.squares = f64::NAN;
            }
        } else if !value.is_finite() {
            self.squares = f64::NAN;
        }
        (self.count, self.sum) = (count, sum);
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        let divisor = if self.kind.sample { self.count - 1.0 } else { self.count };
        if divisor <= 0.0 {
            return Ok(Datum::Null);
        }
        let variance = self.squares / divisor;
        Ok(Datum::Float8(if self.kind.root { variance.sqrt() } else { variance }))
    }
}

pub(super) static AGGREGATES: &[AggregateFunction] = &[
    aggregate(2718, "var_pop", &[Type::INT8], Type::NUMERIC, |_| Exact::start(VAR_POP)),
    aggregate(2719, "var_pop", &[Type::INT4], Type::NUMERIC, |_| Exact::start(VAR_POP)),
    aggregate(2720, "var_pop", &[Type::INT2], Type::NUMERIC, |_| Exact::start(VAR_POP)),
    aggregate(2721, "var_pop", &[Type::FLOAT4], Type::FLOAT8, |_| Floats::start(VAR_POP)),
    aggregate(2722, "var_pop", &[Type::FLOAT8], Type::FLOAT8, |_| Floats::start(VAR_POP)),
    aggregate(2723, "var_pop", &[Type::NUMERIC], Type::NUMERIC, |_| Exact::start(VAR_POP)),
    aggregate(2641, "var_samp", &[Type::INT8], Type::NUMERIC, |_| Exact::start(VAR_SAMP)),
    aggregate(2642, "var_samp", &[Type::INT4], Type::NUMERIC, |_| Exact::start(VAR_SAMP)),
    aggregate(2643, "var_samp", &[Type::INT2], Type::NUMERIC, |_| Exact::start(VAR_SAMP)),
    aggregate(2644, "var_samp", &[Type::FLOAT4], Type::FLOAT8, |_| Floats::start(VAR_SAMP)),
    aggregate(2645, "var_samp", &[Type::FLOAT8], Type::FLOAT8, |_| Floats::start(VAR_SAMP)),
    aggregate(2646, "var_samp", &[Type::NUMERIC], Type::NUMERIC, |_| Exact::start(VAR_SAMP)),
    aggregate(2148, "variance", &[Type::INT8], Type::NUMERIC, |_| Exact::start(VAR_SAMP)),
    aggregate(2149, "variance", &[Type::INT4], Type::NUMERIC, |_| Exact::start(VAR_SAMP)),
    aggregate(2150, "variance", &[Type::INT2], Type::NUMERIC, |_| Exact::start(VAR_SAMP)),
    aggregate(2151, "variance", &[Type::FLOAT4], Type::FLOAT8, |_| Floats::start(VAR_SAMP)),
    aggregate(2152, "variance", &[Type::FLOAT8], Type::FLOAT8, |_| Floats::start(VAR_SAMP)),
    aggregate(2153, "variance", &[Type::NUMERIC], Type::NUMERIC, |_| Exact::start(VAR_SAMP)),
    aggregate(2724, "stddev_pop", &[Type::INT8], Type::NUMERIC, |_| Exact::start(STDDEV_POP)),
    aggregate(2725, "stddev_pop", &[Type::INT4], Type::NUMERIC, |_| Exact::start(STDDEV_POP)),
    aggregate(2726, "stddev_pop", &[Type::INT2], Type::NUMERIC, |_| Exact::start(STDDEV_POP)),
    aggregate(2727, "stddev_pop", &[Type::FLOAT4], Type::FLOAT8, |_| Floats::start(STDDEV_POP)),
    aggregate(2728, "stddev_pop", &[Type::FLOAT8], Type::FLOAT8, |_| Floats::start(STDDEV_POP)),
    aggregate(2729, "stddev_pop", &[Type::NUMERIC], Type::NUMERIC, |_| Exact::start(STDDEV_POP)),
    aggregate(2712, "stddev_samp", &[Type::INT8], Type::NUMERIC, |_| Exact::start(STDDEV_SAMP)),
    aggregate(2713, "stddev_samp", &[Type::INT4], Type::NUMERIC, |_| Exact::start(STDDEV_SAMP)),
    aggregate(2714, "stddev_samp", &[Type::INT2], Type::NUMERIC, |_| Exact::start(STDDEV_SAMP)),
    aggregate(2715, "stddev_samp", &[Type::FLOAT4], Type::FLOAT8, |_| Floats::start(STDDEV_SAMP)),
    aggregate(2716, "stddev_samp", &[Type::FLOAT8], Type::FLOAT8, |_| Floats::start(STDDEV_SAMP)),
    aggregate(2717, "stddev_samp", &[Type::NUMERIC], Type::NUMERIC, |_| Exact::start(STDDEV_SAMP)),
    aggregate(2154, "stddev", &[Type::INT8], Type::NUMERIC, |_| Exact::start(STDDEV_SAMP)),
    aggregate(2155, "stddev", &[Type::INT4], Type::NUMERIC, |_| Exact::start(STDDEV_SAMP)),
    aggregate(2156, "stddev", &[Type::INT2], Type::NUMERIC, |_| Exact::start(STDDEV_SAMP)),
    aggregate(2157, "stddev", &[Type::FLOAT4], Type::FLOAT8, |_| Floats::start(STDDEV_SAMP)),
    aggregate(2158, "stddev", &[Type::FLOAT8], Type::FLOAT8, |_| Floats::start(STDDEV_SAMP)),
    aggregate(2159, "stddev", &[Type::NUMERIC], Type::NUMERIC, |_| Exact::start(STDDEV_SAMP)),
];
