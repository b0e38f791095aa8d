//! age: a difference in years, months and days.

use super::super::declare::*;
use super::super::value::{Timestamp, Timestamptz, map2};
use super::convert::{date_of_timestamp, to_local};
use super::{Function, is_infinite};
use crate::error::{DataError, Result};
use crate::expr::function::Call;
use crate::types::datetime::calendar::{self, DAY, days_of};
use crate::types::{Datum, Interval};

/// From `b` to `a`, part by part; days are borrowed from the month of the earlier one.
fn age(a: i64, b: i64) -> Result<Interval> {
    if is_infinite(a) || is_infinite(b) {
        return Err(DataError::DatetimeOutOfRange { type_name: "timestamp" }.into());
    }
    let negative = a < b;
    let (later, earlier) = if negative { (b, a) } else { (a, b) };
    let (to, _) = calendar::split(later);
    let (from, _) = calendar::split(earlier);
    let mut months = (to.year - from.year) * 12 + to.month - from.month;
    let mut days = to.day - from.day;
    let mut time = later.rem_euclid(DAY) - earlier.rem_euclid(DAY);
    if time < 0 {
        time += DAY;
        days -= 1;
    }
    while days < 0 {
        days += days_of(from.year, from.month);
        months -= 1;
    }
    let interval = Interval { months, days, microseconds: time };
    if negative { interval.negate() } else { Ok(interval) }
}

fn age_of_timestamptz(call: &mut Call<'_>) -> Result<Datum> {
    let (Timestamptz(a), Timestamptz(b)) = (call.arg(0)?, call.arg(1)?);
    age(to_local(call, a), to_local(call, b)).map(Datum::interval)
}

/// The last midnight of the session's clocks.
fn midnight(call: &Call<'_>) -> i64 {
    let now = to_local(call, call.environment.transaction_time());
    i64::from(date_of_timestamp(now)) * DAY
}

fn age_until_today(call: &mut Call<'_>) -> Result<Datum> {
    let local = match call.arg::<&Datum>(0)? {
        Datum::Timestamptz(utc) => to_local(call, *utc),
        Datum::Timestamp(local) => *local,
        _ => return Err(DataError::UnexpectedDatum { expected: "a timestamp" }.into()),
    };
    age(midnight(call), local).map(Datum::interval)
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(2058, "age", &[TIMESTAMP, TIMESTAMP], INTERVAL, |call| {
        map2(call, |a: Timestamp, b: Timestamp| age(a.0, b.0))
    }),
    immutable(1199, "age", &[TIMESTAMPTZ, TIMESTAMPTZ], INTERVAL, age_of_timestamptz),
    stable(2059, "age", &[TIMESTAMP], INTERVAL, age_until_today),
    stable(1386, "age", &[TIMESTAMPTZ], INTERVAL, age_until_today),
];
