//! make_date and its kind: from numbers to dates, times and intervals.

use super::super::declare::*;
use super::super::value::{Date, Time, map3};
use super::convert::to_utc;
use super::{Function, out_of_range};
use crate::error::{DataError, Result};
use crate::expr::function::Call;
use crate::types::datetime::calendar::{self, Civil, DAY, HOUR, MINUTE};
use crate::types::datetime::zone::Place;
use crate::types::{Datum, Interval};

fn refuse(what: &'static str, value: String) -> crate::Error {
    DataError::FieldsOutOfRange { what, value }.into()
}

/// A date; a negative year is before Christ.
fn civil(year: i32, month: i32, day: i32) -> Result<Civil> {
    let counted = if year < 0 { year + 1 } else { year };
    let date = Civil { year: counted, month, day };
    if year == 0 || !date.exists() {
        return Err(refuse("date", format!("{year}-{month:02}-{day:02}")));
    }
    if !calendar::is_date(date.day_number()) {
        return Err(refuse_range("date", format!("{year}-{month:02}-{day:02}")));
    }
    Ok(date)
}

fn refuse_range(type_name: &'static str, value: String) -> crate::Error {
    DataError::FieldsBeyondType { type_name, value }.into()
}

/// `%02g`
fn seconds_text(seconds: f64) -> String {
    format!("{seconds:02}")
}

fn time(hour: i32, minute: i32, seconds: f64) -> Result<i64> {
    let error = || refuse("time", format!("{hour}:{minute:02}:{}", seconds_text(seconds)));
    if seconds.is_nan() || !(0.0..=60.0).contains(&seconds) {
        return Err(error());
    }
    if !(0..=24).contains(&hour) || !(0..60).contains(&minute) {
        return Err(error());
    }
    let below = (seconds * 1e6).round_ties_even() as i64;
    let time = i64::from(hour) * HOUR + i64::from(minute) * MINUTE + below;
    if time > DAY { Err(error()) } else { Ok(time) }
}

fn timestamp(call: &Call<'_>) -> Result<i64> {
    let date = civil(call.arg(0)?, call.arg(1)?, call.arg(2)?)?;
    let time = time(call.arg(3)?, call.arg(4)?, call.arg(5)?)?;
    calendar::join(date, time).ok_or_else(|| out_of_range("timestamp"))
}

fn make_timestamp(call: &mut Call<'_>) -> Result<Datum> {
    timestamp(call).map(Datum::Timestamp)
}

fn make_timestamptz(call: &mut Call<'_>) -> Result<Datum> {
    let local = timestamp(call)?;
    to_utc(call, local).map(Datum::Timestamptz)
}

fn make_timestamptz_at(call: &mut Call<'_>) -> Result<Datum> {
    let local = timestamp(call)?;
    let name: &str = call.arg(6)?;
    let place =
        Place::named(name).ok_or_else(|| DataError::UnknownZone { name: name.to_owned() })?;
    let offset = i64::from(place.offset_of_local(local)) * calendar::SECOND;
    let utc = local - offset;
    if calendar::is_timestamp(utc) {
        Ok(Datum::Timestamptz(utc))
    } else {
        Err(out_of_range("timestamp"))
    }
}

fn make_interval(call: &mut Call<'_>) -> Result<Datum> {
    let part = |at: usize| Ok::<i64, crate::Error>(call.optional::<i32>(at)?.map_or(0, i64::from));
    let seconds = call.optional::<f64>(6)?.unwrap_or(0.0);
    let error = || out_of_range("interval");
    if !seconds.is_finite() {
        return Err(error());
    }
    let months = part(0)? * 12 + part(1)?;
    let days = part(2)? * 7 + part(3)?;
    let below = (seconds * 1e6).round_ties_even();
    if below.abs() >= 9.2e18 {
        return Err(error());
    }
    let time = (part(4)? * HOUR + part(5)? * MINUTE).checked_add(below as i64).ok_or_else(error)?;
    Ok(Datum::interval(Interval {
        months: i32::try_from(months).map_err(|_| error())?,
        days: i32::try_from(days).map_err(|_| error())?,
        microseconds: time,
    }))
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(3846, "make_date", &[INT4, INT4, INT4], DATE, |call| {
        map3(call, |year: i32, month: i32, day: i32| {
            civil(year, month, day).map(|date| Date(date.day_number() as i32))
        })
    }),
    immutable(3847, "make_time", &[INT4, INT4, FLOAT8], TIME, |call| {
        map3(call, |hour: i32, minute: i32, seconds: f64| time(hour, minute, seconds).map(Time))
    }),
    immutable(
        3461,
        "make_timestamp",
        &[INT4, INT4, INT4, INT4, INT4, FLOAT8],
        TIMESTAMP,
        make_timestamp,
    ),
    stable(
        3462,
        "make_timestamptz",
        &[INT4, INT4, INT4, INT4, INT4, FLOAT8],
        TIMESTAMPTZ,
        make_timestamptz,
    ),
    stable(
        3463,
        "make_timestamptz",
        &[INT4, INT4, INT4, INT4, INT4, FLOAT8, TEXT],
        TIMESTAMPTZ,
        make_timestamptz_at,
    ),
    immutable(
        3464,
        "make_interval",
        &[INT4, INT4, INT4, INT4, INT4, INT4, FLOAT8],
        INTERVAL,
        make_interval,
    )
    .defaults(7),
];
