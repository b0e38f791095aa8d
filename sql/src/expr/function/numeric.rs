//! Arithmetic, functions and casts of `numeric`.

use super::declare::*;
use super::value::{map, map2};
use super::{Call, Function};
use crate::error::{DataError, Result};
use crate::types::{Datum, Numeric};

/// The bucket of a value in an equal division; 0 below and count + 1 above.
fn width_bucket(call: &mut Call<'_>) -> Result<Datum> {
    let (operand, low, high): (&Numeric, &Numeric, &Numeric) =
        (call.arg(0)?, call.arg(1)?, call.arg(2)?);
    let count: i32 = call.arg(3)?;
    let refuse = |message: &str| DataError::InvalidBucket { message: message.to_owned() };
    if count <= 0 {
        return Err(refuse("count must be greater than zero").into());
    }
    if [operand, low, high].iter().any(|value| matches!(value, Numeric::NaN)) {
        return Err(refuse("operand, lower bound, and upper bound cannot be NaN").into());
    }
    if [low, high].iter().any(|value| !matches!(value, Numeric::Finite(_))) {
        return Err(refuse("lower and upper bounds must be finite").into());
    }
    if low == high {
        return Err(refuse("lower bound cannot equal upper bound").into());
    }
    let (from_low, span) = if low.compare(high).is_lt() {
        (operand.subtract(low)?, high.subtract(low)?)
    } else {
        (low.subtract(operand)?, low.subtract(high)?)
    };
    if from_low.signum() < 0 {
        return Ok(Datum::Int4(0));
    }
    if from_low.compare(&span).is_ge() {
        let past = count.checked_add(1).ok_or(DataError::OutOfRange { type_name: "integer" })?;
        return Ok(Datum::Int4(past));
    }
    let bucket = from_low.multiply(&Numeric::integer(count))?.divide_whole(&span)?;
    Ok(Datum::Int4(bucket.to_integer::<i32>()? + 1))
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(1724, "numeric_add", &[NUMERIC, NUMERIC], NUMERIC, |call| map2(call, Numeric::add)),
    immutable(1725, "numeric_sub", &[NUMERIC, NUMERIC], NUMERIC, |call| {
        map2(call, Numeric::subtract)
    }),
    immutable(1726, "numeric_mul", &[NUMERIC, NUMERIC], NUMERIC, |call| {
        map2(call, Numeric::multiply)
    }),
    immutable(1727, "numeric_div", &[NUMERIC, NUMERIC], NUMERIC, |call| {
        map2(call, Numeric::divide)
    }),
    immutable(1729, "numeric_mod", &[NUMERIC, NUMERIC], NUMERIC, |call| {
        map2(call, Numeric::remainder)
    }),
    immutable(1728, "mod", &[NUMERIC, NUMERIC], NUMERIC, |call| map2(call, Numeric::remainder)),
    immutable(1973, "div", &[NUMERIC, NUMERIC], NUMERIC, |call| map2(call, Numeric::divide_whole)),
    immutable(1980, "numeric_div_trunc", &[NUMERIC, NUMERIC], NUMERIC, |call| {
        map2(call, Numeric::divide_whole)
    }),
    immutable(1771, "numeric_uminus", &[NUMERIC], NUMERIC, |call| map(call, Numeric::negate)),
    immutable(1915, "numeric_uplus", &[NUMERIC], NUMERIC, |call| map(call, |a: &Datum| a.clone())),
    immutable(1704, "numeric_abs", &[NUMERIC], NUMERIC, |call| map(call, Numeric::absolute)),
    immutable(1705, "abs", &[NUMERIC], NUMERIC, |call| map(call, Numeric::absolute)),
    immutable(1706, "sign", &[NUMERIC], NUMERIC, |call| map(call, Numeric::sign)),
    immutable(1764, "numeric_inc", &[NUMERIC], NUMERIC, |call| {
        map(call, |a: &Numeric| a.add(&Numeric::integer(1)))
    }),
    immutable(1708, "round", &[NUMERIC], NUMERIC, |call| map(call, |a: &Numeric| a.round(0))),
    immutable(1707, "round", &[NUMERIC, INT4], NUMERIC, |call| {
        map2(call, |a: &Numeric, scale: i32| a.round(scale))
    }),
    immutable(1710, "trunc", &[NUMERIC], NUMERIC, |call| map(call, |a: &Numeric| a.truncate(0))),
    immutable(1709, "trunc", &[NUMERIC, INT4], NUMERIC, |call| {
        map2(call, |a: &Numeric, scale: i32| a.truncate(scale))
    }),
    immutable(1711, "ceil", &[NUMERIC], NUMERIC, |call| map(call, Numeric::ceiling)),
    immutable(2167, "ceiling", &[NUMERIC], NUMERIC, |call| map(call, Numeric::ceiling)),
    immutable(1712, "floor", &[NUMERIC], NUMERIC, |call| map(call, Numeric::floor)),
    immutable(1730, "sqrt", &[NUMERIC], NUMERIC, |call| map(call, Numeric::square_root)),
    immutable(1731, "numeric_sqrt", &[NUMERIC], NUMERIC, |call| map(call, Numeric::square_root)),
    immutable(1732, "exp", &[NUMERIC], NUMERIC, |call| map(call, Numeric::exponential)),
    immutable(1733, "numeric_exp", &[NUMERIC], NUMERIC, |call| map(call, Numeric::exponential)),
    immutable(1734, "ln", &[NUMERIC], NUMERIC, |call| map(call, Numeric::logarithm)),
    immutable(1735, "numeric_ln", &[NUMERIC], NUMERIC, |call| map(call, Numeric::logarithm)),
    immutable(1741, "log", &[NUMERIC], NUMERIC, |call| {
        map(call, |a: &Numeric| Numeric::integer(10).logarithm_of(a))
    }),
    immutable(1481, "log10", &[NUMERIC], NUMERIC, |call| {
        map(call, |a: &Numeric| Numeric::integer(10).logarithm_of(a))
    }),
    immutable(1736, "log", &[NUMERIC, NUMERIC], NUMERIC, |call| map2(call, Numeric::logarithm_of)),
    immutable(1737, "numeric_log", &[NUMERIC, NUMERIC], NUMERIC, |call| {
        map2(call, Numeric::logarithm_of)
    }),
    immutable(2169, "power", &[NUMERIC, NUMERIC], NUMERIC, |call| map2(call, Numeric::power)),
    immutable(1738, "pow", &[NUMERIC, NUMERIC], NUMERIC, |call| map2(call, Numeric::power)),
    immutable(1739, "numeric_power", &[NUMERIC, NUMERIC], NUMERIC, |call| {
        map2(call, Numeric::power)
    }),
    immutable(5048, "gcd", &[NUMERIC, NUMERIC], NUMERIC, |call| {
        map2(call, Numeric::greatest_common_divisor)
    }),
    immutable(5049, "lcm", &[NUMERIC, NUMERIC], NUMERIC, |call| {
        map2(call, Numeric::least_common_multiple)
    }),
    immutable(1376, "factorial", &[INT8], NUMERIC, |call| map(call, Numeric::factorial)),
    immutable(3281, "scale", &[NUMERIC], INT4, |call| {
        map(call, |a: &Numeric| a.parts().map(|(_, scale)| scale as i32))
    }),
    immutable(5042, "min_scale", &[NUMERIC], INT4, |call| {
        map(call, |a: &Numeric| a.parts().map(|_| a.least_scale() as i32))
    }),
    immutable(5043, "trim_scale", &[NUMERIC], NUMERIC, |call| map(call, Numeric::trim_scale)),
    immutable(1767, "numeric_larger", &[NUMERIC, NUMERIC], NUMERIC, |call| {
        map2(
            call,
            |a: &Numeric, b: &Numeric| if a.compare(b).is_gt() { a.clone() } else { b.clone() },
        )
    }),
    immutable(1766, "numeric_smaller", &[NUMERIC, NUMERIC], NUMERIC, |call| {
        map2(
            call,
            |a: &Numeric, b: &Numeric| if a.compare(b).is_lt() { a.clone() } else { b.clone() },
        )
    }),
    immutable(2170, "width_bucket", &[NUMERIC, NUMERIC, NUMERIC, INT4], INT4, width_bucket),
    immutable(1782, "numeric", &[INT2], NUMERIC, |call| map(call, |a: i16| Numeric::integer(a))),
    immutable(1740, "numeric", &[INT4], NUMERIC, |call| map(call, |a: i32| Numeric::integer(a))),
    immutable(1781, "numeric", &[INT8], NUMERIC, |call| map(call, |a: i64| Numeric::integer(a))),
    immutable(1742, "numeric", &[FLOAT4], NUMERIC, |call| {
        map(call, |a: f32| Numeric::from_float(a))
    }),
    immutable(1743, "numeric", &[FLOAT8], NUMERIC, |call| {
        map(call, |a: f64| Numeric::from_float(a))
    }),
    immutable(1703, "numeric", &[NUMERIC, INT4], NUMERIC, |call| {
        map2(call, |a: &Numeric, modifier: i32| {
            Ok::<_, crate::Error>(a.coerce(modifier)?.unwrap_or_else(|| a.clone()))
        })
    }),
    immutable(1783, "int2", &[NUMERIC], INT2, |call| {
        map(call, |a: &Numeric| a.to_integer::<i16>())
    }),
    immutable(1744, "int4", &[NUMERIC], INT4, |call| {
        map(call, |a: &Numeric| a.to_integer::<i32>())
    }),
    immutable(1779, "int8", &[NUMERIC], INT8, |call| {
        map(call, |a: &Numeric| a.to_integer::<i64>())
    }),
];
