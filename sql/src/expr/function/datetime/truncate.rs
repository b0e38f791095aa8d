//! date_trunc.

use super::super::declare::*;
use super::super::value::{Timestamp, Timestamptz};
use super::extract::{unit_of_time, unsupported};
use super::{Function, is_infinite, out_of_range};
use crate::error::{DataError, Result};
use crate::expr::function::Call;
use crate::types::datetime::calendar::{self, Civil, DAY, HOUR, MINUTE, SECOND};
use crate::types::datetime::words::Unit;
use crate::types::datetime::zone::Place;
use crate::types::{Datum, Interval, Type};

/// The first year of the group of `length` years, counted from the year 1.
fn first_of_group(year: i32, length: i32) -> i32 {
    if year > 0 {
        (year + length - 1) / length * length - (length - 1)
    } else {
        -((length - 1 - (year - 1)) / length) * length + 1
    }
}

/// The start of the unit that a local time falls in; None: no such unit.
fn truncated(unit: Unit, local: i64) -> Option<i64> {
    let clock = match unit {
        Unit::Microsecond => Some(1),
        Unit::Millisecond => Some(1000),
        Unit::Second => Some(SECOND),
        Unit::Minute => Some(MINUTE),
        Unit::Hour => Some(HOUR),
        Unit::Day => Some(DAY),
        _ => None,
    };
    if let Some(length) = clock {
        return Some(local.div_euclid(length) * length);
    }
    let day = local.div_euclid(DAY);
    let date = Civil::of_day(day);
    let first = |year: i32, month: i32| Civil { year, month, day: 1 }.day_number();
    let day = match unit {
        Unit::Week => day - i64::from((calendar::weekday(day) + 6) % 7),
        Unit::Month => first(date.year, date.month),
        Unit::Quarter => first(date.year, (date.month - 1) / 3 * 3 + 1),
        Unit::Year => first(date.year, 1),
        Unit::Decade => first(date.year.div_euclid(10) * 10, 1),
        Unit::Century => first(first_of_group(date.year, 100), 1),
        Unit::Millennium => first(first_of_group(date.year, 1000), 1),
        _ => return None,
    };
    Some(day * DAY)
}

fn truncate(text: &str, local: i64, ty: Type) -> Result<i64> {
    let unit = unit_of_time(text, ty)?;
    if is_infinite(local) {
        return Ok(local);
    }
    let start = truncated(unit, local).ok_or_else(|| unsupported(text, ty))?;
    if calendar::is_timestamp(start) { Ok(start) } else { Err(out_of_range("timestamp")) }
}

fn of_timestamp(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamp(time) = call.arg(1)?;
    truncate(call.arg(0)?, time, TIMESTAMP).map(Datum::Timestamp)
}

/// By the clocks of a place. Below a day, its offset stays as it is.
fn in_place(text: &str, utc: i64, place: &Place) -> Result<Datum> {
    if is_infinite(utc) {
        return truncate(text, utc, TIMESTAMPTZ).map(Datum::Timestamptz);
    }
    let offset = i64::from(place.offset_at(utc)) * SECOND;
    let local = truncate(text, utc + offset, TIMESTAMPTZ)?;
    let keeps_offset = matches!(
        unit_of_time(text, TIMESTAMPTZ)?,
        Unit::Microsecond | Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour
    );
    let offset =
        if keeps_offset { offset } else { i64::from(place.offset_of_local(local)) * SECOND };
    let utc = local - offset;
    if calendar::is_timestamp(utc) {
        Ok(Datum::Timestamptz(utc))
    } else {
        Err(out_of_range("timestamp"))
    }
}

fn of_timestamptz(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamptz(utc) = call.arg(1)?;
    let place = Place::Zone(call.environment.formats().time_zone.clone());
    in_place(call.arg(0)?, utc, &place)
}

fn of_timestamptz_at(call: &mut Call<'_>) -> Result<Datum> {
    let Timestamptz(utc) = call.arg(1)?;
    let name: &str = call.arg(2)?;
    let place =
        Place::named(name).ok_or_else(|| DataError::UnknownZone { name: name.to_owned() })?;
    in_place(call.arg(0)?, utc, &place)
}

fn of_interval(call: &mut Call<'_>) -> Result<Datum> {
    let (text, interval): (&str, &Interval) = (call.arg(0)?, call.arg(1)?);
    let Interval { months, days, microseconds } = *interval;
    let only_months =
        |length: i32| Interval { months: months / length * length, days: 0, microseconds: 0 };
    let time = |length: i64| Interval { microseconds: microseconds / length * length, ..*interval };
    Ok(Datum::interval(match unit_of_time(text, INTERVAL)? {
        Unit::Millennium => only_months(12_000),
        Unit::Century => only_months(1200),
        Unit::Decade => only_months(120),
        Unit::Year => only_months(12),
        Unit::Quarter => only_months(3),
        Unit::Month => only_months(1),
        Unit::Day => Interval { months, days, microseconds: 0 },
        Unit::Hour => time(HOUR),
        Unit::Minute => time(MINUTE),
        Unit::Second => time(SECOND),
        Unit::Millisecond => time(1000),
        Unit::Microsecond => *interval,
        _ => return Err(unsupported(text, INTERVAL)),
    }))
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(2020, "date_trunc", &[TEXT, TIMESTAMP], TIMESTAMP, of_timestamp),
    stable(1217, "date_trunc", &[TEXT, TIMESTAMPTZ], TIMESTAMPTZ, of_timestamptz),
    stable(1284, "date_trunc", &[TEXT, TIMESTAMPTZ, TEXT], TIMESTAMPTZ, of_timestamptz_at),
    immutable(1218, "date_trunc", &[TEXT, INTERVAL], INTERVAL, of_interval),
];
