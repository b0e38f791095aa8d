//! extract and date_part: one part of a date, a time or an interval.
//!
//! extract answers a numeric, date_part the same as a float.

use super::super::declare::*;
use super::super::value::Date;
use super::{Function, is_infinite, is_infinite_date};
use crate::error::{DataError, Result};
use crate::expr::function::Call;
use crate::types::datetime::calendar::{self, Civil, Clock, DAY, EPOCH_JULIAN, SECOND};
use crate::types::datetime::words::{self, Unit, Word};
use crate::types::datetime::{UNIX_EPOCH, zone};
use crate::types::{Datum, Interval, Numeric, Type};

/// A part's value: `digits * 10^-scale`, or without one, or beyond all numbers.
#[derive(Clone, Copy, Debug)]
enum Part {
    Decimal(i64, i64),
    /// Microseconds as seconds, beyond what a 64-bit integer holds.
    Long(i128),
    /// The same of a timestamp, with the digits that a division gives.
    Far(i128),
    /// Days and microseconds of the day.
    Julian(i64, i64),
    /// Of an infinity: years go on, hours go round and are NULL.
    Infinite(bool),
    Null,
}

impl Part {
    fn numeric(self) -> Result<Datum> {
        Ok(Datum::numeric(match self {
            Part::Decimal(digits, scale) => Numeric::new(digits.into(), scale)?,
            Part::Long(microseconds) => Numeric::new(microseconds.into(), 6)?,
            Part::Far(microseconds) => {
                Numeric::integer(microseconds).divide(&Numeric::integer(SECOND))?.round(6)?
            }
            Part::Julian(day, time) => {
                let fraction = Numeric::integer(time).divide(&Numeric::integer(DAY))?;
                Numeric::integer(day).add(&fraction)?
            }
            Part::Infinite(true) => Numeric::Infinity,
            Part::Infinite(false) => Numeric::NegativeInfinity,
            Part::Null => return Ok(Datum::Null),
        }))
    }

    fn float(self) -> Datum {
        Datum::Float8(match self {
            Part::Decimal(digits, 0) => digits as f64,
            Part::Decimal(digits, scale) => digits as f64 / 10f64.powi(scale as i32),
            Part::Long(microseconds) | Part::Far(microseconds) => microseconds as f64 / 1e6,
            Part::Julian(day, time) => day as f64 + time as f64 / DAY as f64,
            Part::Infinite(true) => f64::INFINITY,
            Part::Infinite(false) => f64::NEG_INFINITY,
            Part::Null => return Datum::Null,
        })
    }
}

/// The unit of a word; `epoch` and the parts of a date too.
fn unit(text: &str, ty: Type) -> Result<Unit> {
    let lower = text.to_ascii_lowercase();
    if lower == "epoch" {
        return Ok(Unit::Epoch);
    }
    match words::word(&lower) {
        Some(Word::Unit(unit)) if words::unit(&lower).is_none() => Ok(unit),
        _ => unit_of_time(text, ty),
    }
}

/// The unit of a word that intervals have.
pub(super) fn unit_of_time(text: &str, ty: Type) -> Result<Unit> {
    let unit = text.to_ascii_lowercase();
    words::unit(&unit)
        .ok_or_else(|| DataError::UnknownUnit { unit, type_name: type_name(ty) }.into())
}

/// The error of a unit that a type does not have.
pub(super) fn unsupported(text: &str, ty: Type) -> crate::Error {
    DataError::UnsupportedUnit { unit: text.to_ascii_lowercase(), type_name: type_name(ty) }.into()
}

fn type_name(ty: Type) -> &'static str {
    crate::types::catalog::by_oid(ty.oid).map_or("???", |entry| entry.display)
}

/// A year as written: there is no year 0.
fn written_year(year: i32) -> i64 {
    i64::from(if year > 0 { year } else { year - 1 })
}

/// Years in groups of `length`, the first of which begins with the year 1.
fn year_group(year: i32, length: i64) -> i64 {
    let year = i64::from(year);
    if year > 0 { (year + length - 1) / length } else { -((length - 1 - (year - 1)) / length) }
}

fn date_part(unit: Unit, date: Civil) -> Option<i64> {
    let weekday = i64::from(calendar::weekday(date.day_number()));
    Some(match unit {
        Unit::Day => i64::from(date.day),
        Unit::Month => i64::from(date.month),
        Unit::Quarter => i64::from((date.month - 1) / 3 + 1),
        Unit::Week => i64::from(date.iso_week().1),
        Unit::Year => written_year(date.year),
        Unit::Decade => i64::from(date.year).div_euclid(10),
        Unit::Century => year_group(date.year, 100),
        Unit::Millennium => year_group(date.year, 1000),
        Unit::IsoYear => written_year(date.iso_week().0),
        Unit::DayOfWeek => weekday,
        Unit::IsoDayOfWeek => (weekday + 6) % 7 + 1,
        Unit::DayOfYear => date.day_of_year(),
        _ => return None,
    })
}

/// A part of the time of day.
fn clock_part(unit: Unit, clock: Clock) -> Option<Part> {
    let microseconds = i64::from(clock.second) * SECOND + i64::from(clock.microsecond);
    Some(match unit {
        Unit::Microsecond => Part::Decimal(microseconds, 0),
        Unit::Millisecond => Part::Decimal(microseconds, 3),
        Unit::Second => Part::Decimal(microseconds, 6),
        Unit::Minute => Part::Decimal(i64::from(clock.minute), 0),
        Unit::Hour => Part::Decimal(i64::from(clock.hour), 0),
        _ => return None,
    })
}

/// What a part of an infinity is.
fn infinite_part(unit: Unit, positive: bool) -> Part {
    match unit {
        Unit::Year
        | Unit::Decade
        | Unit::Century
        | Unit::Millennium
        | Unit::Julian
        | Unit::IsoYear
        | Unit::Epoch => Part::Infinite(positive),
        _ => Part::Null,
    }
}

/// A part of a local time, but for the epoch.
fn local_part(unit: Unit, local: i64) -> Option<Part> {
    let (date, clock) = calendar::split(local);
    if unit == Unit::Julian {
        return Some(Part::Julian(date.day_number() + EPOCH_JULIAN, local.rem_euclid(DAY)));
    }
    date_part(unit, date).map(|value| Part::Decimal(value, 0)).or_else(|| clock_part(unit, clock))
}

/// Seconds since 1970.
fn epoch(time: i64) -> Part {
    match time.checked_sub(UNIX_EPOCH) {
        Some(microseconds) if microseconds < i64::MAX => Part::Decimal(microseconds, 6),
        _ => Part::Far(i128::from(time) - i128::from(UNIX_EPOCH)),
    }
}

fn of_timestamp(text: &str, time: i64) -> Result<Part> {
    let unit = unit(text, TIMESTAMP)?;
    let zoned = matches!(unit, Unit::Timezone | Unit::TimezoneHour | Unit::TimezoneMinute);
    if is_infinite(time) && !zoned {
        return Ok(infinite_part(unit, time > 0));
    }
    if unit == Unit::Epoch {
        return Ok(epoch(time));
    }
    local_part(unit, time).ok_or_else(|| unsupported(text, TIMESTAMP))
}

fn of_timestamptz(text: &str, utc: i64, call: &Call<'_>) -> Result<Part> {
    let unit = unit(text, TIMESTAMPTZ)?;
    if is_infinite(utc) {
        return Ok(infinite_part(unit, utc > 0));
    }
    let offset = i64::from(zone::offset_at(&call.environment.formats().time_zone, utc));
    Ok(match unit {
        Unit::Epoch => epoch(utc),
        Unit::Timezone => Part::Decimal(offset, 0),
        Unit::TimezoneHour => Part::Decimal(offset / 3600, 0),
        Unit::TimezoneMinute => Part::Decimal(offset / 60 % 60, 0),
        _ => {
            let local = utc + offset * SECOND;
            return local_part(unit, local).ok_or_else(|| unsupported(text, TIMESTAMPTZ));
        }
    })
}

fn of_date(text: &str, day: i32) -> Result<Part> {
    let unit = unit(text, DATE)?;
    let date = Civil::of_day(i64::from(day));
    let part = match unit {
        Unit::Epoch => {
            Some(Part::Decimal((i64::from(day) + calendar::UNIX_EPOCH_DAYS) * 86_400, 0))
        }
        Unit::Julian => Some(Part::Decimal(i64::from(day) + EPOCH_JULIAN, 0)),
        _ => date_part(unit, date).map(|value| Part::Decimal(value, 0)),
    };
    match part {
        Some(_) if is_infinite_date(day) => Ok(infinite_part(unit, day > 0)),
        Some(part) => Ok(part),
        None => Err(unsupported(text, DATE)),
    }
}

fn of_time(text: &str, time: i64) -> Result<Part> {
    match unit(text, TIME)? {
        Unit::Epoch => Ok(Part::Decimal(time, 6)),
        unit => {
            clock_part(unit, Clock::of_microseconds(time)).ok_or_else(|| unsupported(text, TIME))
        }
    }
}

fn of_interval(text: &str, interval: &Interval) -> Result<Part> {
    let time = interval.microseconds;
    let (years, months) = (i64::from(interval.months) / 12, i64::from(interval.months) % 12);
    let whole = |value: i64| Part::Decimal(value, 0);
    let below_minute = time % calendar::MINUTE;
    Ok(match unit(text, INTERVAL)? {
        Unit::Microsecond => whole(below_minute),
        Unit::Millisecond => Part::Decimal(below_minute, 3),
        Unit::Second => Part::Decimal(below_minute, 6),
        Unit::Minute => whole(time / calendar::MINUTE % 60),
        Unit::Hour => whole(time / calendar::HOUR),
        Unit::Day => whole(i64::from(interval.days)),
        Unit::Month => whole(months),
        Unit::Quarter => whole(months / 3 + 1),
        Unit::Year => whole(years),
        Unit::Decade => whole(years / 10),
        Unit::Century => whole(years / 100),
        Unit::Millennium => whole(years / 1000),
        Unit::Epoch => {
            // A year has 365.25 days, a month 30; in quarters of a day.
            let quarters = 1461 * years + 120 * months + 4 * i64::from(interval.days);
            let microseconds = i128::from(quarters) * i128::from(DAY / 4) + i128::from(time);
            return Ok(Part::Long(microseconds));
        }
        _ => return Err(unsupported(text, INTERVAL)),
    })
}

fn part(call: &Call<'_>) -> Result<Part> {
    let text: &str = call.arg(0)?;
    match call.arg::<&Datum>(1)? {
        Datum::Date(day) => of_date(text, *day),
        Datum::Time(time) => of_time(text, *time),
        Datum::Timestamp(time) => of_timestamp(text, *time),
        Datum::Timestamptz(time) => of_timestamptz(text, *time, call),
        Datum::Interval(interval) => of_interval(text, interval),
        _ => Err(DataError::UnexpectedDatum { expected: "a date or time" }.into()),
    }
}

fn extract(call: &mut Call<'_>) -> Result<Datum> {
    part(call)?.numeric()
}

fn date_part_float(call: &mut Call<'_>) -> Result<Datum> {
    Ok(part(call)?.float())
}

/// Of a date as of its midnight.
fn date_part_of_date(call: &mut Call<'_>) -> Result<Datum> {
    let Date(day) = call.arg(1)?;
    Ok(of_timestamp(call.arg(0)?, super::convert::timestamp_of_date(day)?)?.float())
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(6199, "extract", &[TEXT, DATE], NUMERIC, extract),
    immutable(6200, "extract", &[TEXT, TIME], NUMERIC, extract),
    immutable(6202, "extract", &[TEXT, TIMESTAMP], NUMERIC, extract),
    stable(6203, "extract", &[TEXT, TIMESTAMPTZ], NUMERIC, extract),
    immutable(6204, "extract", &[TEXT, INTERVAL], NUMERIC, extract),
    immutable(1384, "date_part", &[TEXT, DATE], FLOAT8, date_part_of_date),
    immutable(1385, "date_part", &[TEXT, TIME], FLOAT8, date_part_float),
    immutable(2021, "date_part", &[TEXT, TIMESTAMP], FLOAT8, date_part_float),
    stable(1171, "date_part", &[TEXT, TIMESTAMPTZ], FLOAT8, date_part_float),
    immutable(1172, "date_part", &[TEXT, INTERVAL], FLOAT8, date_part_float),
];
