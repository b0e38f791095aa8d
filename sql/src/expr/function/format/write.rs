//! to_char of dates, times and intervals.

use super::super::declare::*;
use super::super::value::{Timestamp, Timestamptz};
use super::date_picture::{Case, Key, date_pieces};
use super::picture::{Piece, ordinal, roman};
use crate::error::{DataError, Result};
use crate::expr::function::{Call, Function};
use crate::types::datetime::calendar::{self, Civil, EPOCH_JULIAN, SECOND};
use crate::types::datetime::words::{MONTHS, WEEKDAYS};
use crate::types::datetime::zone::{self, Setting};
use crate::types::datetime::{INFINITY, NEGATIVE_INFINITY};
use crate::types::{Datum, Interval};

/// What is written: a moment, or an interval, by its parts.
struct Parts {
    date: Civil,
    hour: i64,
    minute: i64,
    second: i64,
    microsecond: i64,
    day_of_year: i64,
    zone: Option<Setting>,
    is_interval: bool,
}

impl Parts {
    fn of_local(local: i64, zone: Option<Setting>) -> Parts {
        let (date, clock) = calendar::split(local);
        Parts {
            date,
            hour: i64::from(clock.hour),
            minute: i64::from(clock.minute),
            second: i64::from(clock.second),
            microsecond: i64::from(clock.microsecond),
            day_of_year: date.day_of_year(),
            zone,
            is_interval: false,
        }
    }

    fn of_interval(interval: &Interval) -> Parts {
        let (year, month) = (interval.months / 12, interval.months % 12);
        let time = interval.microseconds;
        Parts {
            date: Civil { year, month, day: interval.days },
            hour: time / calendar::HOUR,
            minute: time / calendar::MINUTE % 60,
            second: time / SECOND % 60,
            microsecond: time % SECOND,
            day_of_year: i64::from(interval.months) * 30 + i64::from(interval.days),
            zone: None,
            is_interval: true,
        }
    }

    /// The year as written.
    fn year(&self, iso: bool) -> i64 {
        let year = if iso { self.date.iso_week().0 } else { self.date.year };
        let before_christ = !self.is_interval && year <= 0;
        i64::from(if before_christ { 1 - year } else { year })
    }

    fn weekday(&self) -> usize {
        calendar::weekday(self.date.day_number()) as usize
    }

    /// The month's number; None for an interval of whole years.
    fn month(&self) -> Option<usize> {
        usize::try_from(self.date.month).ok()?.checked_sub(1)
    }
}

/// At least `width` digits, one more for a sign; as they are under FM.
fn number(value: i64, width: usize, fill: bool) -> String {
    let width = if fill { 0 } else { width + usize::from(value < 0) };
    format!("{value:0width$}")
}

/// At least `width` digits, a sign among them.
fn digits(value: i64, width: usize, fill: bool) -> String {
    let width = if fill { 0 } else { width };
    format!("{value:0width$}")
}

/// Filled up with blanks to `width`.
fn padded(text: String, width: usize, fill: bool) -> String {
    if fill { text } else { format!("{text:<width$}") }
}

fn dotted(text: &str, dots: bool, case: Case) -> String {
    let text = if dots { format!("{}.{}.", &text[..1], &text[1..]) } else { text.to_owned() };
    if case == Case::Lower { text.to_ascii_lowercase() } else { text }
}

fn piece(parts: &Parts, key: Key, fill: bool) -> String {
    let date = parts.date;
    let year_group = |length: usize| parts.year(false) % 10i64.pow(length as u32);
    let twelve = if parts.hour % 12 == 0 { 12 } else { parts.hour % 12 };
    match key {
        Key::Hour12 => number(twelve, 2, fill),
        Key::Hour24 => number(parts.hour, 2, fill),
        Key::Minute => number(parts.minute, 2, fill),
        Key::Second => number(parts.second, 2, fill),
        Key::Millisecond => format!("{:03}", parts.microsecond / 1000),
        Key::Microsecond => format!("{:06}", parts.microsecond),
        Key::Fraction(digits) => {
            let cut = parts.microsecond / 10i64.pow(6 - digits as u32);
            format!("{cut:0digits$}")
        }
        Key::SecondsOfDay => (parts.hour * 3600 + parts.minute * 60 + parts.second).to_string(),
        Key::Meridiem(dots, case) => {
            dotted(if parts.hour % 24 >= 12 { "PM" } else { "AM" }, dots, case)
        }
        Key::Era(dots, case) => dotted(if date.year <= 0 { "BC" } else { "AD" }, dots, case),
        Key::YearWithComma => {
            let year = parts.year(false);
            format!("{},{:03}", year / 1000, year % 1000)
        }
        Key::Year(4, iso) => number(parts.year(iso), 4, fill),
        Key::Year(length, false) => number(year_group(length), length, fill),
        Key::Year(length, true) => {
            number(parts.year(true) % 10i64.pow(length as u32), length, fill)
        }
        Key::Month => number(i64::from(date.month), 2, fill),
        Key::MonthName(case) => {
            parts.month().map_or(String::new(), |at| padded(case.apply(MONTHS[at]), 9, fill))
        }
        Key::MonthAbbreviation(case) => {
            parts.month().map_or(String::new(), |at| case.apply(&MONTHS[at][..3]))
        }
        Key::RomanMonth(case) => {
            let text = roman_month(date).unwrap_or_default();
            let text = if case == Case::Lower { text.to_lowercase() } else { text };
            if text.is_empty() { text } else { padded(text, 4, fill) }
        }
        Key::DayName(case) => padded(case.apply(WEEKDAYS[parts.weekday()]), 9, fill),
        Key::DayAbbreviation(case) => case.apply(&WEEKDAYS[parts.weekday()][..3]),
        Key::DayOfYear => digits(parts.day_of_year, 3, fill),
        Key::IsoDayOfYear => {
            let (_, week) = date.iso_week();
            let monday_based = (parts.weekday() + 6) % 7;
            digits(i64::from(week - 1) * 7 + monday_based as i64 + 1, 3, fill)
        }
        Key::Day => digits(i64::from(date.day), 2, fill),
        Key::DayOfWeek => (parts.weekday() + 1).to_string(),
        Key::IsoDayOfWeek => ((parts.weekday() + 6) % 7 + 1).to_string(),
        // An interval may have any number of days.
        Key::WeekOfMonth => (date.day.wrapping_sub(1) / 7 + 1).to_string(),
        Key::WeekOfYear => digits((parts.day_of_year - 1) / 7 + 1, 2, fill),
        Key::IsoWeek => digits(i64::from(date.iso_week().1), 2, fill),
        Key::Century => number(century(parts), 2, fill),
        Key::Julian => (date.day_number() + EPOCH_JULIAN).to_string(),
        Key::Quarter if date.month == 0 => String::new(),
        Key::Quarter => ((date.month - 1) / 3 + 1).to_string(),
        Key::ZoneName(_) | Key::ZoneHour | Key::ZoneMinute | Key::ZoneOffset => {
            zone_piece(parts, key, fill)
        }
        Key::Fixed => String::new(),
    }
}

/// An interval's months may be none, or count backwards.
fn roman_month(date: Civil) -> Option<String> {
    let month = match date.month {
        0 if date.year == 0 => return None,
        0 if date.year > 0 => 12,
        0 => 1,
        month @ ..0 => 13 + month,
        month => month,
    };
    roman(i64::from(month))
}

fn century(parts: &Parts) -> i64 {
    let year = i64::from(parts.date.year);
    if parts.is_interval {
        year / 100
    } else if year > 0 {
        (year - 1) / 100 + 1
    } else {
        year / 100 - 1
    }
}

/// Of a timestamp without a zone, the name is empty and the offset zero.
fn zone_piece(parts: &Parts, key: Key, fill: bool) -> String {
    let offset = parts.zone.as_ref().map_or(0, |zone| zone.offset);
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
    match key {
        Key::ZoneName(case) => {
            let name = parts.zone.as_ref().map_or("", |zone| zone.abbreviation.as_str());
            if case == Case::Lower { name.to_ascii_lowercase() } else { name.to_owned() }
        }
        Key::ZoneHour => format!("{sign}{hours:02}"),
        Key::ZoneMinute => format!("{minutes:02}"),
        _ => {
            let hours = number(i64::from(hours), 2, fill);
            if minutes == 0 {
                format!("{sign}{hours}")
            } else {
                format!("{sign}{hours}:{minutes:02}")
            }
        }
    }
}

/// Letters have no ordinal.
fn takes_ordinal(key: Key) -> bool {
    !matches!(
        key,
        Key::Meridiem(..)
            | Key::Era(..)
            | Key::MonthName(_)
            | Key::MonthAbbreviation(_)
            | Key::DayName(_)
            | Key::DayAbbreviation(_)
            | Key::RomanMonth(_)
            | Key::ZoneName(_)
            | Key::ZoneHour
            | Key::ZoneMinute
            | Key::ZoneOffset
            | Key::Fixed
    )
}

fn written(parts: &Parts, picture: &str) -> Result<Datum> {
    if picture.is_empty() {
        return Ok(Datum::Null);
    }
    let mut out = String::new();
    for each in date_pieces(picture) {
        match each {
            Piece::Literal(c, _) => out.push(c),
            Piece::Pattern { key: (_, key), fill, translated, ordinal: suffix } => {
                if parts.is_interval && key.needs_calendar() {
                    return Err(DataError::IntervalPicture.into());
                }
                let is_name = matches!(key, Key::MonthName(_) | Key::DayName(_));
                let text = piece(parts, key, fill || translated && is_name);
                out.push_str(&text);
                if let Some(form) = suffix.filter(|_| takes_ordinal(key)) {
                    out.push_str(ordinal(&text, form));
                }
            }
        }
    }
    Ok(Datum::text(&out))
}

fn timestamp(call: &mut Call<'_>) -> Result<Datum> {
    let (Timestamp(local), picture): (_, &str) = (call.arg(0)?, call.arg(1)?);
    if local == INFINITY || local == NEGATIVE_INFINITY {
        return Ok(Datum::Null);
    }
    written(&Parts::of_local(local, None), picture)
}

fn timestamptz(call: &mut Call<'_>) -> Result<Datum> {
    let (Timestamptz(utc), picture): (_, &str) = (call.arg(0)?, call.arg(1)?);
    if utc == INFINITY || utc == NEGATIVE_INFINITY {
        return Ok(Datum::Null);
    }
    let setting = zone::setting_at(&call.environment.formats().time_zone, utc);
    let local = utc + i64::from(setting.offset) * SECOND;
    written(&Parts::of_local(local, Some(setting)), picture)
}

fn interval(call: &mut Call<'_>) -> Result<Datum> {
    written(&Parts::of_interval(call.arg(0)?), call.arg(1)?)
}

pub(super) static FUNCTIONS: &[Function] = &[
    stable(2049, "to_char", &[TIMESTAMP, TEXT], TEXT, timestamp),
    stable(1770, "to_char", &[TIMESTAMPTZ, TEXT], TEXT, timestamptz),
    stable(1768, "to_char", &[INTERVAL, TEXT], TEXT, interval),
];
