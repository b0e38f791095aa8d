//! generate_series of timestamps.

use super::super::declare::*;
use super::super::value::{Timestamp, Timestamptz};
use super::Function;
use super::arithmetic::{plus, plus_in_zone};
use crate::error::Result;
use crate::expr::function::{Call, Rows};
use crate::types::{Datum, Interval};

/// From `start` in steps until past `stop`.
fn series(
    start: i64,
    stop: i64,
    step: Interval,
    make: fn(i64) -> Datum,
    next: impl Fn(i64, &Interval) -> Result<i64> + Send + 'static,
) -> Result<Rows> {
    let direction = step.span().signum();
    if direction == 0 {
        return Err(crate::expr::function::series::zero_step());
    }
    let mut current = Some(start);
    Ok(Box::new(std::iter::from_fn(move || {
        let value = current.take()?;
        if if direction > 0 { value > stop } else { value < stop } {
            return None;
        }
        match next(value, &step) {
            Ok(after) => current = Some(after),
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(make(value)))
    })))
}

fn of_timestamps(call: &mut Call<'_>) -> Result<Rows> {
    let (Timestamp(start), Timestamp(stop)) = (call.arg(0)?, call.arg(1)?);
    let step: &Interval = call.arg(2)?;
    series(start, stop, *step, Datum::Timestamp, plus)
}

fn of_timestamptzs(call: &mut Call<'_>) -> Result<Rows> {
    let (Timestamptz(start), Timestamptz(stop)) = (call.arg(0)?, call.arg(1)?);
    let step: &Interval = call.arg(2)?;
    let formats = call.environment.formats().clone();
    series(start, stop, *step, Datum::Timestamptz, move |utc, step| {
        plus_in_zone(utc, step, &formats)
    })
}

pub(super) static FUNCTIONS: &[Function] = &[
    set(938, "generate_series", &[TIMESTAMP, TIMESTAMP, INTERVAL], TIMESTAMP, of_timestamps),
    set(
        939,
        "generate_series",
        &[TIMESTAMPTZ, TIMESTAMPTZ, INTERVAL],
        TIMESTAMPTZ,
        of_timestamptzs,
    )
    .varies_by_statement(),
];
