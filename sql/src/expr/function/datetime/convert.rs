//! Casts between dates, times and timestamps.

use super::super::declare::*;
use super::super::value::{Date, Time, Timestamp, Timestamptz, map};
use super::{Function, is_infinite, is_infinite_date, out_of_range};
use crate::error::Result;
use crate::expr::function::Call;
use crate::types::datetime::calendar::{self, DAY};
use crate::types::datetime::{INFINITY, NEGATIVE_INFINITY, zone};
use crate::types::{Datum, Interval};

/// Midnight of a day.
pub(super) fn timestamp_of_date(day: i32) -> Result<i64> {
    if is_infinite_date(day) {
        return Ok(if day > 0 { INFINITY } else { NEGATIVE_INFINITY });
    }
    let time = i64::from(day).checked_mul(DAY).filter(|time| calendar::is_timestamp(*time));
    time.ok_or_else(date_out_of_range_for_timestamp)
}

fn date_out_of_range_for_timestamp() -> crate::Error {
    crate::error::DataError::DateBeyondTimestamp.into()
}

/// The day of a timestamp.
pub(super) fn date_of_timestamp(time: i64) -> i32 {
    match time {
        INFINITY => i32::MAX,
        NEGATIVE_INFINITY => i32::MIN,
        time => time.div_euclid(DAY) as i32,
    }
}

/// A local time of the session as UTC.
pub(super) fn to_utc(call: &Call<'_>, local: i64) -> Result<i64> {
    if is_infinite(local) {
        return Ok(local);
    }
    let utc = zone::to_utc(&call.environment.formats().time_zone, local);
    utc.ok_or_else(|| out_of_range("timestamp"))
}

/// UTC as a local time of the session.
pub(super) fn to_local(call: &Call<'_>, utc: i64) -> i64 {
    if is_infinite(utc) { utc } else { zone::to_local(&call.environment.formats().time_zone, utc) }
}

/// The time of day; NULL of an infinity.
fn time_of_timestamp(time: i64) -> Option<Time> {
    (!is_infinite(time)).then(|| Time(time.rem_euclid(DAY)))
}

fn timestamptz_of_date(call: &mut Call<'_>) -> Result<Datum> {
    let Date(day) = call.arg(0)?;
    to_utc(call, timestamp_of_date(day)?).map(Datum::Timestamptz)
}

fn timestamptz_of_timestamp(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamp(local) = call.arg(0)?;
    to_utc(call, local).map(Datum::Timestamptz)
}

fn timestamp_of_timestamptz(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamptz(utc) = call.arg(0)?;
    let local = to_local(call, utc);
    if is_infinite(local) || calendar::is_timestamp(local) {
        Ok(Datum::Timestamp(local))
    } else {
        Err(out_of_range("timestamp"))
    }
}

fn date_of_timestamptz(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamptz(utc) = call.arg(0)?;
    Ok(Datum::Date(date_of_timestamp(to_local(call, utc))))
}

fn time_of_timestamptz(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamptz(utc) = call.arg(0)?;
    Ok(time_of_timestamp(to_local(call, utc)).map_or(Datum::Null, |time| Datum::Time(time.0)))
}

/// What is left of whole days.
fn time_of_interval(interval: &Interval) -> Time {
    Time(interval.microseconds.rem_euclid(DAY))
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(2024, "timestamp", &[DATE], TIMESTAMP, |call| {
        map(call, |a: Date| timestamp_of_date(a.0).map(Timestamp))
    }),
    stable(1174, "timestamptz", &[DATE], TIMESTAMPTZ, timestamptz_of_date),
    stable(2028, "timestamptz", &[TIMESTAMP], TIMESTAMPTZ, timestamptz_of_timestamp),
    stable(2027, "timestamp", &[TIMESTAMPTZ], TIMESTAMP, timestamp_of_timestamptz),
    immutable(2029, "date", &[TIMESTAMP], DATE, |call| {
        map(call, |a: Timestamp| Date(date_of_timestamp(a.0)))
    }),
    stable(1178, "date", &[TIMESTAMPTZ], DATE, date_of_timestamptz),
    immutable(1316, "time", &[TIMESTAMP], TIME, |call| {
        map(call, |a: Timestamp| time_of_timestamp(a.0))
    }),
    stable(2019, "time", &[TIMESTAMPTZ], TIME, time_of_timestamptz),
    immutable(1419, "time", &[INTERVAL], TIME, |call| map(call, time_of_interval)),
    immutable(1370, "interval", &[TIME], INTERVAL, |call| {
        map(call, |a: Time| Interval { months: 0, days: 0, microseconds: a.0 })
    }),
    immutable(1373, "isfinite", &[DATE], BOOL, |call| map(call, |a: Date| !is_infinite_date(a.0))),
    immutable(2048, "isfinite", &[TIMESTAMP], BOOL, |call| {
        map(call, |a: Timestamp| !is_infinite(a.0))
    }),
    immutable(1389, "isfinite", &[TIMESTAMPTZ], BOOL, |call| {
        map(call, |a: Timestamptz| !is_infinite(a.0))
    }),
    immutable(1390, "isfinite", &[INTERVAL], BOOL, |call| map(call, |_: &Interval| true)),
];
