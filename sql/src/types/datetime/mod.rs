//! Dates, times and intervals.
//!
//! A date counts days and a timestamp microseconds from 2000-01-01; a `timestamptz` is UTC. The
//! extreme integers are the infinities. Text goes through fields ([`field`]) and what they mean
//! ([`decode`]); the most frequent form, ISO 8601, has a short cut in [`input`].

mod abbreviation;
pub(crate) mod calendar;
mod decode;
mod field;
mod input;
mod interval_input;
mod interval_output;
mod number;
mod output;
mod problem;
pub(crate) mod words;
pub(crate) mod zone;

use super::{DateOrder, DateStyle, Formats, Interval, IntervalStyle};

pub(crate) use input::{date, time, timestamp, timestamptz};
pub(crate) use interval_input::interval;
pub(crate) use interval_output::output as output_interval;
pub(crate) use output::{output_date, output_time, output_timestamp, output_timestamptz};

/// 1970-01-01 00:00 UTC.
pub(crate) const UNIX_EPOCH: i64 = -calendar::UNIX_EPOCH_DAYS * calendar::DAY;

/// A date or timestamp after all others.
pub(crate) const INFINITY: i64 = i64::MAX;
/// A timestamp before all others.
pub(crate) const NEGATIVE_INFINITY: i64 = i64::MIN;

/// Digits behind the second that are kept.
const MOST_DIGITS: i32 = 6;

/// Rounds microseconds to `digits` behind the second, half away from zero.
pub(crate) fn round_to(microseconds: i64, digits: i32) -> i64 {
    if !(0..MOST_DIGITS).contains(&digits)
        || microseconds == INFINITY
        || microseconds == NEGATIVE_INFINITY
    {
        return microseconds;
    }
    let unit = 10i64.pow((MOST_DIGITS - digits).unsigned_abs());
    let rest = microseconds % unit;
    let whole = microseconds - rest;
    if rest.abs() * 2 >= unit { whole.saturating_add(unit * rest.signum()) } else { whole }
}

/// Coerces an interval to the fields and the precision of its modifier.
pub(crate) fn coerce_interval(interval: &Interval, modifier: i32) -> Interval {
    use super::name::{
        INTERVAL_DAY as DAY, INTERVAL_HOUR as HOUR, INTERVAL_MINUTE as MINUTE,
        INTERVAL_MONTH as MONTH, INTERVAL_SECOND as SECOND, INTERVAL_YEAR as YEAR,
        interval_modifier,
    };
    let (fields, precision) = interval_modifier(modifier);
    let mut result = *interval;
    if let Some(fields) = fields {
        let clock = HOUR | MINUTE | SECOND;
        if fields & clock == 0 {
            result.microseconds = 0;
        } else if fields & SECOND == 0 {
            let unit = if fields & MINUTE == 0 { calendar::HOUR } else { calendar::MINUTE };
            result.microseconds = result.microseconds / unit * unit;
        }
        if fields & (DAY | clock) == 0 {
            result.days = 0;
        }
        if fields == YEAR {
            result.months = result.months / 12 * 12;
        }
        debug_assert!(fields & (YEAR | MONTH | DAY | clock) != 0);
    }
    if let Some(digits) = precision {
        result.microseconds = round_to(result.microseconds, digits);
    }
    result
}
