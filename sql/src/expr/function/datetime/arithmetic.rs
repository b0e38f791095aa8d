//! `+`, `-`, `*` and `/`.

use super::super::declare::*;
use super::super::value::{Date, Time, Timestamp, Timestamptz, map, map2};
use super::convert::timestamp_of_date;
use super::{Function, is_infinite, is_infinite_date, out_of_range};
use crate::error::{DataError, Result};
use crate::expr::function::Call;
use crate::types::datetime::calendar::{self, Civil, DAY};
use crate::types::datetime::zone;
use crate::types::{Datum, Formats, Interval};

fn timestamp_out_of_range() -> crate::Error {
    out_of_range("timestamp")
}

/// Adds months to a local time: the same day of the month, or its last one.
fn plus_months(local: i64, months: i32) -> Result<i64> {
    if months == 0 {
        return Ok(local);
    }
    let date = Civil::of_day(local.div_euclid(DAY));
    date.plus_months(months)
        .and_then(|date| calendar::join(date, local.rem_euclid(DAY)))
        .ok_or_else(timestamp_out_of_range)
}

fn plus_microseconds(time: i64, microseconds: i64) -> Result<i64> {
    time.checked_add(microseconds)
        .filter(|time| calendar::is_timestamp(*time))
        .ok_or_else(timestamp_out_of_range)
}

fn plus_days(local: i64, days: i32) -> Result<i64> {
    if days == 0 {
        return Ok(local);
    }
    let days = i64::from(days).checked_mul(DAY).ok_or_else(timestamp_out_of_range)?;
    plus_microseconds(local, days)
}

/// `timestamp + interval`
pub(super) fn plus(local: i64, interval: &Interval) -> Result<i64> {
    if is_infinite(local) {
        return Ok(local);
    }
    let moved = plus_days(plus_months(local, interval.months)?, interval.days)?;
    plus_microseconds(moved, interval.microseconds)
}

/// `timestamptz + interval`: months and days by the clocks of the session.
pub(super) fn plus_in_zone(utc: i64, interval: &Interval, formats: &Formats) -> Result<i64> {
    if is_infinite(utc) {
        return Ok(utc);
    }
    let zone = &formats.time_zone;
    let mut moved = utc;
    if interval.months != 0 {
        let local = plus_months(zone::to_local(zone, moved), interval.months)?;
        moved = zone::to_utc(zone, local).ok_or_else(timestamp_out_of_range)?;
    }
    if interval.days != 0 {
        let local = plus_days(zone::to_local(zone, moved), interval.days)?;
        moved = zone::to_utc(zone, local).ok_or_else(timestamp_out_of_range)?;
    }
    plus_microseconds(moved, interval.microseconds)
}

fn zoned(call: &Call<'_>, utc: i64, interval: &Interval) -> Result<Datum> {
    plus_in_zone(utc, interval, call.environment.formats()).map(Datum::Timestamptz)
}

fn timestamptz_plus(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamptz(utc) = call.arg(0)?;
    zoned(call, utc, call.arg(1)?)
}

fn interval_plus_timestamptz(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamptz(utc) = call.arg(1)?;
    zoned(call, utc, call.arg(0)?)
}

fn timestamptz_minus(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamptz(utc) = call.arg(0)?;
    let interval: &Interval = call.arg(1)?;
    zoned(call, utc, &interval.negate()?)
}

/// The time between, in days and less.
fn between(a: i64, b: i64) -> Result<Interval> {
    if is_infinite(a) || is_infinite(b) {
        return Err(DataError::InfiniteDifference { what: "timestamps" }.into());
    }
    let microseconds = a.checked_sub(b).ok_or_else(|| out_of_range("interval"))?;
    Interval { months: 0, days: 0, microseconds }.justify_hours()
}

fn date_plus_days(day: i32, days: i32) -> Result<Date> {
    if is_infinite_date(day) {
        return Ok(Date(day));
    }
    day.checked_add(days)
        .filter(|day| calendar::is_date(i64::from(*day)))
        .map(Date)
        .ok_or_else(|| out_of_range("date"))
}

fn date_minus_days(day: i32, days: i32) -> Result<Date> {
    if is_infinite_date(day) {
        return Ok(Date(day));
    }
    day.checked_sub(days)
        .filter(|day| calendar::is_date(i64::from(*day)))
        .map(Date)
        .ok_or_else(|| out_of_range("date"))
}

fn days_between(a: Date, b: Date) -> Result<i32> {
    if is_infinite_date(a.0) || is_infinite_date(b.0) {
        return Err(DataError::InfiniteDifference { what: "dates" }.into());
    }
    Ok(a.0 - b.0)
}

fn date_plus(day: Date, interval: &Interval) -> Result<Timestamp> {
    plus(timestamp_of_date(day.0)?, interval).map(Timestamp)
}

fn date_and_time(day: Date, time: Time) -> Result<Timestamp> {
    let midnight = timestamp_of_date(day.0)?;
    if is_infinite(midnight) {
        return Ok(Timestamp(midnight));
    }
    plus_microseconds(midnight, time.0).map(Timestamp)
}

/// Around the clock.
fn time_plus(time: Time, interval: &Interval) -> Time {
    Time(time.0.wrapping_add(interval.microseconds).rem_euclid(DAY))
}

fn time_minus(time: Time, interval: &Interval) -> Time {
    Time(time.0.wrapping_sub(interval.microseconds).rem_euclid(DAY))
}

fn time_between(a: Time, b: Time) -> Interval {
    Interval { months: 0, days: 0, microseconds: a.0 - b.0 }
}

/// The start of the stride that a time falls in, counted from an origin.
fn bin(stride: &Interval, time: i64, origin: i64) -> Result<i64> {
    if is_infinite(time) {
        return Ok(time);
    }
    if is_infinite(origin) {
        return Err(DataError::InfiniteOrigin.into());
    }
    if stride.months != 0 {
        return Err(DataError::StrideOfMonths.into());
    }
    let stride = i64::from(stride.days)
        .checked_mul(DAY)
        .and_then(|days| days.checked_add(stride.microseconds))
        .ok_or_else(|| out_of_range("interval"))?;
    if stride <= 0 {
        return Err(DataError::StrideNotPositive.into());
    }
    let distance = time.checked_sub(origin).ok_or_else(|| out_of_range("interval"))?;
    distance
        .div_euclid(stride)
        .checked_mul(stride)
        .and_then(|whole| origin.checked_add(whole))
        .filter(|start| calendar::is_timestamp(*start))
        .ok_or_else(timestamp_out_of_range)
}

fn bin_timestamp(call: &mut Call<'_>) -> Result<Datum> {
    let (Timestamp(time), Timestamp(origin)) = (call.arg(1)?, call.arg(2)?);
    bin(call.arg(0)?, time, origin).map(Datum::Timestamp)
}

fn bin_timestamptz(call: &mut Call<'_>) -> Result<Datum> {
    let (Timestamptz(time), Timestamptz(origin)) = (call.arg(1)?, call.arg(2)?);
    bin(call.arg(0)?, time, origin).map(Datum::Timestamptz)
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(1141, "date_pli", &[DATE, INT4], DATE, |call| {
        map2(call, |a: Date, days: i32| date_plus_days(a.0, days))
    }),
    immutable(2550, "integer_pl_date", &[INT4, DATE], DATE, |call| {
        map2(call, |days: i32, a: Date| date_plus_days(a.0, days))
    }),
    immutable(1142, "date_mii", &[DATE, INT4], DATE, |call| {
        map2(call, |a: Date, days: i32| date_minus_days(a.0, days))
    }),
    immutable(1140, "date_mi", &[DATE, DATE], INT4, |call| map2(call, days_between)),
    immutable(2071, "date_pl_interval", &[DATE, INTERVAL], TIMESTAMP, |call| map2(call, date_plus)),
    immutable(2546, "interval_pl_date", &[INTERVAL, DATE], TIMESTAMP, |call| {
        map2(call, |a: &Interval, b: Date| date_plus(b, a))
    }),
    immutable(2072, "date_mi_interval", &[DATE, INTERVAL], TIMESTAMP, |call| {
        map2(call, |a: Date, b: &Interval| date_plus(a, &b.negate()?))
    }),
    immutable(1272, "datetime_pl", &[DATE, TIME], TIMESTAMP, |call| map2(call, date_and_time)),
    immutable(1296, "timedate_pl", &[TIME, DATE], TIMESTAMP, |call| {
        map2(call, |a: Time, b: Date| date_and_time(b, a))
    }),
    immutable(2025, "timestamp", &[DATE, TIME], TIMESTAMP, |call| map2(call, date_and_time)),
    immutable(1747, "time_pl_interval", &[TIME, INTERVAL], TIME, |call| map2(call, time_plus)),
    immutable(1848, "interval_pl_time", &[INTERVAL, TIME], TIME, |call| {
        map2(call, |a: &Interval, b: Time| time_plus(b, a))
    }),
    immutable(1748, "time_mi_interval", &[TIME, INTERVAL], TIME, |call| map2(call, time_minus)),
    immutable(1690, "time_mi_time", &[TIME, TIME], INTERVAL, |call| map2(call, time_between)),
    immutable(2032, "timestamp_pl_interval", &[TIMESTAMP, INTERVAL], TIMESTAMP, |call| {
        map2(call, |a: Timestamp, b: &Interval| plus(a.0, b).map(Timestamp))
    }),
    immutable(2548, "interval_pl_timestamp", &[INTERVAL, TIMESTAMP], TIMESTAMP, |call| {
        map2(call, |a: &Interval, b: Timestamp| plus(b.0, a).map(Timestamp))
    }),
    immutable(2033, "timestamp_mi_interval", &[TIMESTAMP, INTERVAL], TIMESTAMP, |call| {
        map2(call, |a: Timestamp, b: &Interval| plus(a.0, &b.negate()?).map(Timestamp))
    }),
    immutable(2031, "timestamp_mi", &[TIMESTAMP, TIMESTAMP], INTERVAL, |call| {
        map2(call, |a: Timestamp, b: Timestamp| between(a.0, b.0))
    }),
    stable(
        1189,
        "timestamptz_pl_interval",
        &[TIMESTAMPTZ, INTERVAL],
        TIMESTAMPTZ,
        timestamptz_plus,
    ),
    stable(
        2549,
        "interval_pl_timestamptz",
        &[INTERVAL, TIMESTAMPTZ],
        TIMESTAMPTZ,
        interval_plus_timestamptz,
    ),
    stable(
        1190,
        "timestamptz_mi_interval",
        &[TIMESTAMPTZ, INTERVAL],
        TIMESTAMPTZ,
        timestamptz_minus,
    ),
    immutable(1188, "timestamptz_mi", &[TIMESTAMPTZ, TIMESTAMPTZ], INTERVAL, |call| {
        map2(call, |a: Timestamptz, b: Timestamptz| between(a.0, b.0))
    }),
    immutable(1168, "interval_um", &[INTERVAL], INTERVAL, |call| map(call, Interval::negate)),
    immutable(1169, "interval_pl", &[INTERVAL, INTERVAL], INTERVAL, |call| {
        map2(call, Interval::add)
    }),
    immutable(1170, "interval_mi", &[INTERVAL, INTERVAL], INTERVAL, |call| {
        map2(call, Interval::subtract)
    }),
    immutable(1618, "interval_mul", &[INTERVAL, FLOAT8], INTERVAL, |call| {
        map2(call, |a: &Interval, factor: f64| a.multiply(factor))
    }),
    immutable(1624, "mul_d_interval", &[FLOAT8, INTERVAL], INTERVAL, |call| {
        map2(call, |factor: f64, a: &Interval| a.multiply(factor))
    }),
    immutable(1326, "interval_div", &[INTERVAL, FLOAT8], INTERVAL, |call| {
        map2(call, |a: &Interval, divisor: f64| a.divide(divisor))
    }),
    immutable(1175, "justify_hours", &[INTERVAL], INTERVAL, |call| {
        map(call, Interval::justify_hours)
    }),
    immutable(1295, "justify_days", &[INTERVAL], INTERVAL, |call| {
        map(call, Interval::justify_days)
    }),
    immutable(2711, "justify_interval", &[INTERVAL], INTERVAL, |call| map(call, Interval::justify)),
    immutable(6177, "date_bin", &[INTERVAL, TIMESTAMP, TIMESTAMP], TIMESTAMP, bin_timestamp),
    immutable(
        6178,
        "date_bin",
        &[INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ],
        TIMESTAMPTZ,
        bin_timestamptz,
    ),
];
