//! Arithmetic, functions and casts of the float types.

use super::declare::*;
use super::integer::Checked;
use super::value::{map, map2};
use super::{Call, Function};
use crate::error::{DataError, MathProblem, Result};
use crate::types::{Datum, Numeric};

fn overflow() -> crate::Error {
    DataError::FloatOutOfRange { overflow: true }.into()
}

fn underflow() -> crate::Error {
    DataError::FloatOutOfRange { overflow: false }.into()
}

fn domain(problem: MathProblem) -> crate::Error {
    DataError::MathDomain { problem }.into()
}

/// What both float types share.
trait Float: Copy + PartialEq + Default {
    fn infinite(self) -> bool;
    fn nan(self) -> bool;
}

impl Float for f32 {
    fn infinite(self) -> bool {
        self.is_infinite()
    }
    fn nan(self) -> bool {
        self.is_nan()
    }
}

impl Float for f64 {
    fn infinite(self) -> bool {
        self.is_infinite()
    }
    fn nan(self) -> bool {
        self.is_nan()
    }
}

/// A sum or difference: infinite only if an operand was.
fn sum<T: Float>(value: T, a: T, b: T) -> Result<T> {
    if value.infinite() && !a.infinite() && !b.infinite() { Err(overflow()) } else { Ok(value) }
}

/// A product: besides, zero only if a factor was.
fn product<T: Float>(value: T, a: T, b: T) -> Result<T> {
    let zero = T::default();
    if value == zero && a != zero && b != zero {
        return Err(underflow());
    }
    sum(value, a, b)
}

/// A quotient: besides, zero only if the dividend was or the divisor is infinite.
fn quotient<T: Float>(value: T, a: T, b: T) -> Result<T> {
    let zero = T::default();
    if b == zero && !a.nan() {
        return Err(DataError::DivisionByZero.into());
    }
    if value.infinite() && !a.infinite() {
        return Err(overflow());
    }
    if value == zero && a != zero && !b.infinite() { Err(underflow()) } else { Ok(value) }
}

fn add(a: f64, b: f64) -> Result<f64> {
    sum(a + b, a, b)
}

fn subtract(a: f64, b: f64) -> Result<f64> {
    sum(a - b, a, b)
}

fn multiply(a: f64, b: f64) -> Result<f64> {
    product(a * b, a, b)
}

fn divide(a: f64, b: f64) -> Result<f64> {
    quotient(a / b, a, b)
}

/// Rounds to an integer type; the nearest even one when in the middle.
fn to_integer<T: Checked>(value: f64) -> Result<T> {
    let rounded = value.round_ties_even();
    // Both limits are exact: 2^63 itself is too large, -2^63 is not.
    let in_range = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded);
    in_range
        .then_some(rounded as i64)
        .and_then(T::narrow)
        .ok_or_else(|| DataError::OutOfRange { type_name: T::NAME }.into())
}

fn to_float4(value: f64) -> Result<f32> {
    let narrow = value as f32;
    if narrow.is_infinite() && !value.is_infinite() {
        return Err(overflow());
    }
    if narrow == 0.0 && value != 0.0 { Err(underflow()) } else { Ok(narrow) }
}

fn square_root(value: f64) -> Result<f64> {
    if value < 0.0 { Err(domain(MathProblem::NegativeRoot)) } else { Ok(value.sqrt()) }
}

fn exponential(value: f64) -> Result<f64> {
    let result = value.exp();
    if result.is_infinite() && !value.is_infinite() {
        return Err(overflow());
    }
    if result == 0.0 && !value.is_infinite() { Err(underflow()) } else { Ok(result) }
}

fn logarithm(value: f64, of: fn(f64) -> f64) -> Result<f64> {
    if value == 0.0 {
        return Err(domain(MathProblem::LogarithmOfZero));
    }
    if value < 0.0 { Err(domain(MathProblem::LogarithmOfNegative)) } else { Ok(of(value)) }
}

fn power(base: f64, exponent: f64) -> Result<f64> {
    if base.is_nan() || exponent.is_nan() {
        // 1 ^ NaN and NaN ^ 0 are 1.
        return Ok(base.powf(exponent));
    }
    if base == 0.0 && exponent < 0.0 {
        return Err(domain(MathProblem::ZeroToNegative));
    }
    if base < 0.0 && exponent.is_finite() && exponent.fract() != 0.0 {
        return Err(domain(MathProblem::NegativeToFraction));
    }
    let result = base.powf(exponent);
    let finite = base.is_finite() && exponent.is_finite();
    if finite && result.is_infinite() {
        return Err(overflow());
    }
    if finite && result == 0.0 && base != 0.0 { Err(underflow()) } else { Ok(result) }
}

/// A function on an interval of the real numbers.
fn within(value: f64, limits: std::ops::RangeInclusive<f64>, f: fn(f64) -> f64) -> Result<f64> {
    if value.is_nan() || limits.contains(&value) {
        Ok(f(value))
    } else {
        Err(domain(MathProblem::Input))
    }
}

/// sin, cos and the like: an infinity has no angle.
fn angle(value: f64, f: fn(f64) -> f64) -> Result<f64> {
    if value.is_infinite() { Err(domain(MathProblem::Input)) } else { Ok(f(value)) }
}

fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// The bucket of a value in an equal division; 0 below and count + 1 above.
fn width_bucket(call: &mut Call<'_>) -> Result<Datum> {
    let (operand, low, high): (f64, f64, f64) = (call.arg(0)?, call.arg(1)?, call.arg(2)?);
    let count: i32 = call.arg(3)?;
    let refuse = |message: &str| DataError::InvalidBucket { message: message.to_owned() };
    if count <= 0 {
        return Err(refuse("count must be greater than zero").into());
    }
    if operand.is_nan() || low.is_nan() || high.is_nan() {
        return Err(refuse("operand, lower bound, and upper bound cannot be NaN").into());
    }
    if low.is_infinite() || high.is_infinite() {
        return Err(refuse("lower and upper bounds must be finite").into());
    }
    if low == high {
        return Err(refuse("lower bound cannot equal upper bound").into());
    }
    let past = || count.checked_add(1).ok_or(DataError::OutOfRange { type_name: "integer" });
    let (from_low, span) =
        if low < high { (operand - low, high - low) } else { (low - operand, low - high) };
    Ok(Datum::Int4(if from_low < 0.0 {
        0
    } else if from_low >= span {
        past()?
    } else {
        ((f64::from(count) * (from_low / span)) as i32).min(count - 1) + 1
    }))
}

/// `random()`: uniform in [0, 1).
fn random(call: &mut Call<'_>) -> Result<Datum> {
    let bytes = call.environment.random();
    let high = u128::from_le_bytes(bytes) as u64;
    let bits = high >> 11;
    Ok(Datum::Float8(bits as f64 / (1u64 << 53) as f64))
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(204, "float4pl", &[FLOAT4, FLOAT4], FLOAT4, |call| {
        map2(call, |a: f32, b: f32| sum(a + b, a, b))
    }),
    immutable(205, "float4mi", &[FLOAT4, FLOAT4], FLOAT4, |call| {
        map2(call, |a: f32, b: f32| sum(a - b, a, b))
    }),
    immutable(202, "float4mul", &[FLOAT4, FLOAT4], FLOAT4, |call| {
        map2(call, |a: f32, b: f32| product(a * b, a, b))
    }),
    immutable(203, "float4div", &[FLOAT4, FLOAT4], FLOAT4, |call| {
        map2(call, |a: f32, b: f32| quotient(a / b, a, b))
    }),
    immutable(218, "float8pl", &[FLOAT8, FLOAT8], FLOAT8, |call| map2(call, add)),
    immutable(219, "float8mi", &[FLOAT8, FLOAT8], FLOAT8, |call| map2(call, subtract)),
    immutable(216, "float8mul", &[FLOAT8, FLOAT8], FLOAT8, |call| map2(call, multiply)),
    immutable(217, "float8div", &[FLOAT8, FLOAT8], FLOAT8, |call| map2(call, divide)),
    immutable(281, "float48pl", &[FLOAT4, FLOAT8], FLOAT8, |call| {
        map2(call, |a: f32, b: f64| add(f64::from(a), b))
    }),
    immutable(282, "float48mi", &[FLOAT4, FLOAT8], FLOAT8, |call| {
        map2(call, |a: f32, b: f64| subtract(f64::from(a), b))
    }),
    immutable(279, "float48mul", &[FLOAT4, FLOAT8], FLOAT8, |call| {
        map2(call, |a: f32, b: f64| multiply(f64::from(a), b))
    }),
    immutable(280, "float48div", &[FLOAT4, FLOAT8], FLOAT8, |call| {
        map2(call, |a: f32, b: f64| divide(f64::from(a), b))
    }),
    immutable(285, "float84pl", &[FLOAT8, FLOAT4], FLOAT8, |call| {
        map2(call, |a: f64, b: f32| add(a, f64::from(b)))
    }),
    immutable(286, "float84mi", &[FLOAT8, FLOAT4], FLOAT8, |call| {
        map2(call, |a: f64, b: f32| subtract(a, f64::from(b)))
    }),
    immutable(283, "float84mul", &[FLOAT8, FLOAT4], FLOAT8, |call| {
        map2(call, |a: f64, b: f32| multiply(a, f64::from(b)))
    }),
    immutable(284, "float84div", &[FLOAT8, FLOAT4], FLOAT8, |call| {
        map2(call, |a: f64, b: f32| divide(a, f64::from(b)))
    }),
    immutable(206, "float4um", &[FLOAT4], FLOAT4, |call| map(call, |a: f32| -a)),
    immutable(220, "float8um", &[FLOAT8], FLOAT8, |call| map(call, |a: f64| -a)),
    immutable(1913, "float4up", &[FLOAT4], FLOAT4, |call| map(call, |a: f32| a)),
    immutable(1914, "float8up", &[FLOAT8], FLOAT8, |call| map(call, |a: f64| a)),
    immutable(207, "float4abs", &[FLOAT4], FLOAT4, |call| map(call, f32::abs)),
    immutable(221, "float8abs", &[FLOAT8], FLOAT8, |call| map(call, f64::abs)),
    immutable(1394, "abs", &[FLOAT4], FLOAT4, |call| map(call, f32::abs)),
    immutable(1395, "abs", &[FLOAT8], FLOAT8, |call| map(call, f64::abs)),
    immutable(236, "float4", &[INT2], FLOAT4, |call| map(call, |a: i16| f32::from(a))),
    immutable(318, "float4", &[INT4], FLOAT4, |call| map(call, |a: i32| a as f32)),
    immutable(652, "float4", &[INT8], FLOAT4, |call| map(call, |a: i64| a as f32)),
    immutable(312, "float4", &[FLOAT8], FLOAT4, |call| map(call, to_float4)),
    immutable(1745, "float4", &[NUMERIC], FLOAT4, |call| {
        map(call, |a: &Numeric| a.to_float::<f32>())
    }),
    immutable(235, "float8", &[INT2], FLOAT8, |call| map(call, |a: i16| f64::from(a))),
    immutable(316, "float8", &[INT4], FLOAT8, |call| map(call, |a: i32| f64::from(a))),
    immutable(482, "float8", &[INT8], FLOAT8, |call| map(call, |a: i64| a as f64)),
    immutable(311, "float8", &[FLOAT4], FLOAT8, |call| map(call, |a: f32| f64::from(a))),
    immutable(1746, "float8", &[NUMERIC], FLOAT8, |call| {
        map(call, |a: &Numeric| a.to_float::<f64>())
    }),
    immutable(238, "int2", &[FLOAT4], INT2, |call| {
        map(call, |a: f32| to_integer::<i16>(f64::from(a)))
    }),
    immutable(319, "int4", &[FLOAT4], INT4, |call| {
        map(call, |a: f32| to_integer::<i32>(f64::from(a)))
    }),
    immutable(653, "int8", &[FLOAT4], INT8, |call| {
        map(call, |a: f32| to_integer::<i64>(f64::from(a)))
    }),
    immutable(237, "int2", &[FLOAT8], INT2, |call| map(call, to_integer::<i16>)),
    immutable(317, "int4", &[FLOAT8], INT4, |call| map(call, to_integer::<i32>)),
    immutable(483, "int8", &[FLOAT8], INT8, |call| map(call, to_integer::<i64>)),
    immutable(230, "dsqrt", &[FLOAT8], FLOAT8, |call| map(call, square_root)),
    immutable(1344, "sqrt", &[FLOAT8], FLOAT8, |call| map(call, square_root)),
    immutable(231, "dcbrt", &[FLOAT8], FLOAT8, |call| map(call, f64::cbrt)),
    immutable(1345, "cbrt", &[FLOAT8], FLOAT8, |call| map(call, f64::cbrt)),
    immutable(232, "dpow", &[FLOAT8, FLOAT8], FLOAT8, |call| map2(call, power)),
    immutable(1346, "pow", &[FLOAT8, FLOAT8], FLOAT8, |call| map2(call, power)),
    immutable(1368, "power", &[FLOAT8, FLOAT8], FLOAT8, |call| map2(call, power)),
    immutable(233, "dexp", &[FLOAT8], FLOAT8, |call| map(call, exponential)),
    immutable(1347, "exp", &[FLOAT8], FLOAT8, |call| map(call, exponential)),
    immutable(234, "dlog1", &[FLOAT8], FLOAT8, |call| map(call, |a: f64| logarithm(a, f64::ln))),
    immutable(1341, "ln", &[FLOAT8], FLOAT8, |call| map(call, |a: f64| logarithm(a, f64::ln))),
    immutable(1339, "dlog10", &[FLOAT8], FLOAT8, |call| {
        map(call, |a: f64| logarithm(a, f64::log10))
    }),
    immutable(1340, "log", &[FLOAT8], FLOAT8, |call| map(call, |a: f64| logarithm(a, f64::log10))),
    immutable(1194, "log10", &[FLOAT8], FLOAT8, |call| {
        map(call, |a: f64| logarithm(a, f64::log10))
    }),
    immutable(228, "dround", &[FLOAT8], FLOAT8, |call| map(call, f64::round_ties_even)),
    immutable(1342, "round", &[FLOAT8], FLOAT8, |call| map(call, f64::round_ties_even)),
    immutable(229, "dtrunc", &[FLOAT8], FLOAT8, |call| map(call, f64::trunc)),
    immutable(1343, "trunc", &[FLOAT8], FLOAT8, |call| map(call, f64::trunc)),
    immutable(2308, "ceil", &[FLOAT8], FLOAT8, |call| map(call, f64::ceil)),
    immutable(2320, "ceiling", &[FLOAT8], FLOAT8, |call| map(call, f64::ceil)),
    immutable(2309, "floor", &[FLOAT8], FLOAT8, |call| map(call, f64::floor)),
    immutable(2310, "sign", &[FLOAT8], FLOAT8, |call| map(call, sign)),
    immutable(1610, "pi", &[], FLOAT8, |_| Ok(Datum::Float8(std::f64::consts::PI))),
    immutable(1608, "degrees", &[FLOAT8], FLOAT8, |call| {
        map(call, |a: f64| divide(a, std::f64::consts::PI / 180.0))
    }),
    immutable(1609, "radians", &[FLOAT8], FLOAT8, |call| {
        map(call, |a: f64| multiply(a, std::f64::consts::PI / 180.0))
    }),
    immutable(1604, "sin", &[FLOAT8], FLOAT8, |call| map(call, |a: f64| angle(a, f64::sin))),
    immutable(1605, "cos", &[FLOAT8], FLOAT8, |call| map(call, |a: f64| angle(a, f64::cos))),
    immutable(1606, "tan", &[FLOAT8], FLOAT8, |call| map(call, |a: f64| angle(a, f64::tan))),
    immutable(1607, "cot", &[FLOAT8], FLOAT8, |call| {
        map(call, |a: f64| angle(a, |a| 1.0 / a.tan()))
    }),
    immutable(1600, "asin", &[FLOAT8], FLOAT8, |call| {
        map(call, |a: f64| within(a, -1.0..=1.0, f64::asin))
    }),
    immutable(1601, "acos", &[FLOAT8], FLOAT8, |call| {
        map(call, |a: f64| within(a, -1.0..=1.0, f64::acos))
    }),
    immutable(1602, "atan", &[FLOAT8], FLOAT8, |call| map(call, f64::atan)),
    immutable(1603, "atan2", &[FLOAT8, FLOAT8], FLOAT8, |call| map2(call, f64::atan2)),
    immutable(2462, "sinh", &[FLOAT8], FLOAT8, |call| map(call, f64::sinh)),
    immutable(2463, "cosh", &[FLOAT8], FLOAT8, |call| map(call, f64::cosh)),
    immutable(2464, "tanh", &[FLOAT8], FLOAT8, |call| map(call, f64::tanh)),
    immutable(2465, "asinh", &[FLOAT8], FLOAT8, |call| map(call, f64::asinh)),
    immutable(2466, "acosh", &[FLOAT8], FLOAT8, |call| {
        map(call, |a: f64| within(a, 1.0..=f64::INFINITY, f64::acosh))
    }),
    immutable(2467, "atanh", &[FLOAT8], FLOAT8, |call| {
        map(call, |a: f64| within(a, -1.0..=1.0, f64::atanh))
    }),
    immutable(320, "width_bucket", &[FLOAT8, FLOAT8, FLOAT8, INT4], INT4, width_bucket),
    volatile(1598, "random", &[], FLOAT8, random),
];
