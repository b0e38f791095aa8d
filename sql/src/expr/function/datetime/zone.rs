//! AT TIME ZONE, and timestamps from seconds.

use super::super::declare::*;
use super::super::value::{Timestamp, Timestamptz, map};
use super::{Function, is_infinite, out_of_range};
use crate::error::{DataError, Result};
use crate::expr::function::Call;
use crate::types::datetime::calendar::{self, SECOND};
use crate::types::datetime::{INFINITY, NEGATIVE_INFINITY, UNIX_EPOCH, zone::Place};
use crate::types::{Datum, Interval};

fn place(name: &str) -> Result<Place> {
    Place::named(name).ok_or_else(|| DataError::UnknownZone { name: name.to_owned() }.into())
}

fn shifted(time: i64, seconds: i64) -> Result<i64> {
    time.checked_add(seconds * SECOND)
        .filter(|time| calendar::is_timestamp(*time))
        .ok_or_else(|| out_of_range("timestamp"))
}

/// The local time of a place as UTC.
fn local_to_utc(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamp(local) = call.arg(1)?;
    if is_infinite(local) {
        return Ok(Datum::Timestamptz(local));
    }
    let offset = place(call.arg(0)?)?.offset_of_local(local);
    shifted(local, -i64::from(offset)).map(Datum::Timestamptz)
}

/// UTC as the local time of a place.
fn utc_to_local(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamptz(utc) = call.arg(1)?;
    if is_infinite(utc) {
        return Ok(Datum::Timestamp(utc));
    }
    let offset = place(call.arg(0)?)?.offset_at(utc);
    shifted(utc, i64::from(offset)).map(Datum::Timestamp)
}

/// The offset that an interval means.
fn offset(call: &Call<'_>) -> Result<i64> {
    let interval: &Interval = call.arg(0)?;
    if interval.months != 0 || interval.days != 0 {
        let interval = call.text_of(0)?;
        return Err(DataError::IntervalAsZone { interval }.into());
    }
    Ok(interval.microseconds / SECOND)
}

fn local_to_utc_by_offset(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamp(local) = call.arg(1)?;
    if is_infinite(local) {
        return Ok(Datum::Timestamptz(local));
    }
    shifted(local, -offset(call)?).map(Datum::Timestamptz)
}

fn utc_to_local_by_offset(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamptz(utc) = call.arg(1)?;
    if is_infinite(utc) {
        return Ok(Datum::Timestamp(utc));
    }
    shifted(utc, offset(call)?).map(Datum::Timestamp)
}

/// `to_timestamp(float8)`: seconds since 1970.
fn of_seconds(seconds: f64) -> Result<Timestamptz> {
    let refuse =
        || crate::Error::from(DataError::TimestampOutOfRange { seconds: float_text(seconds) });
    if seconds.is_nan() {
        return Err(DataError::TimestampNaN.into());
    }
    if seconds.is_infinite() {
        return Ok(Timestamptz(if seconds > 0.0 { INFINITY } else { NEGATIVE_INFINITY }));
    }
    // As a float beyond what 64 bits hold; what is in range is exact to its microsecond.
    let since_2000 = ((seconds + (UNIX_EPOCH / SECOND) as f64) * 1e6).round_ties_even();
    if since_2000 < calendar::FIRST_TIMESTAMP as f64 || since_2000 >= calendar::END_TIMESTAMP as f64
    {
        return Err(refuse());
    }
    Ok(Timestamptz(since_2000 as i64))
}

/// `%g`
fn float_text(value: f64) -> String {
    let formats = crate::types::Formats { extra_float_digits: -9, ..Default::default() };
    crate::types::to_text(&Datum::Float8(value), FLOAT8, &formats)
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(2069, "timezone", &[TEXT, TIMESTAMP], TIMESTAMPTZ, local_to_utc),
    immutable(1159, "timezone", &[TEXT, TIMESTAMPTZ], TIMESTAMP, utc_to_local),
    immutable(2070, "timezone", &[INTERVAL, TIMESTAMP], TIMESTAMPTZ, local_to_utc_by_offset),
    immutable(1026, "timezone", &[INTERVAL, TIMESTAMPTZ], TIMESTAMP, utc_to_local_by_offset),
    immutable(1158, "to_timestamp", &[FLOAT8], TIMESTAMPTZ, |call| map(call, of_seconds)),
];
