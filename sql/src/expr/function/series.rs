//! generate_series.

use super::declare::*;
use super::value::{Answer, Argument};
use super::{Call, Function, Rows};
use crate::error::{DataError, Result};
use crate::types::{Datum, Numeric};

fn refuse(message: &str) -> crate::Error {
    DataError::InvalidArgument { message: message.to_owned(), hint: None }.into()
}

pub(super) fn zero_step() -> crate::Error {
    refuse("step size cannot equal zero")
}

/// From `start` in steps until past `stop`, or until the next value would not fit.
fn integers<'a, T>(call: &Call<'a>) -> Result<Rows>
where
    T: Argument<'a> + Answer + Copy + Into<i64> + TryFrom<i64> + 'static,
{
    let (start, stop): (T, T) = (call.arg(0)?, call.arg(1)?);
    let step: i64 = call.optional::<T>(2)?.map_or(1, T::into);
    let stop: i64 = stop.into();
    if step == 0 {
        return Err(zero_step());
    }
    let mut next = Some(start.into());
    Ok(Box::new(std::iter::from_fn(move || {
        let current: i64 = next?;
        if if step > 0 { current > stop } else { current < stop } {
            return None;
        }
        next = current.checked_add(step);
        T::try_from(current).ok().map(T::datum)
    })))
}

fn numerics(call: &mut Call<'_>) -> Result<Rows> {
    let (start, stop): (&Numeric, &Numeric) = (call.arg(0)?, call.arg(1)?);
    let step = call.optional::<&Numeric>(2)?.cloned().unwrap_or_else(|| Numeric::integer(1));
    let finite = |value: &Numeric, nan: &str, infinite: &str| match value {
        Numeric::Finite(_) => Ok(()),
        Numeric::NaN => Err(refuse(nan)),
        Numeric::Infinity | Numeric::NegativeInfinity => Err(refuse(infinite)),
    };
    finite(start, "start value cannot be NaN", "start value cannot be infinity")?;
    finite(stop, "stop value cannot be NaN", "stop value cannot be infinity")?;
    finite(&step, "step size cannot be NaN", "step size cannot be infinity")?;
    if step.signum() == 0 {
        return Err(zero_step());
    }
    let (mut next, stop) = (Some(start.clone()), stop.clone());
    Ok(Box::new(std::iter::from_fn(move || {
        let current = next.take()?;
        let order = current.compare(&stop);
        if if step.signum() > 0 { order.is_gt() } else { order.is_lt() } {
            return None;
        }
        match current.add(&step) {
            Ok(after) => next = Some(after),
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(Datum::numeric(current)))
    })))
}

pub(super) static FUNCTIONS: &[Function] = &[
    set(1067, "generate_series", &[INT4, INT4], INT4, |call| integers::<i32>(call)),
    set(1066, "generate_series", &[INT4, INT4, INT4], INT4, |call| integers::<i32>(call)),
    set(1069, "generate_series", &[INT8, INT8], INT8, |call| integers::<i64>(call)),
    set(1068, "generate_series", &[INT8, INT8, INT8], INT8, |call| integers::<i64>(call)),
    set(3260, "generate_series", &[NUMERIC, NUMERIC], NUMERIC, numerics),
    set(3259, "generate_series", &[NUMERIC, NUMERIC, NUMERIC], NUMERIC, numerics),
];
