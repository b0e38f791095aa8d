//! Reading intervals: PostgreSQL's, the standard's and ISO 8601's forms.

use super::calendar::{DAY, HOUR, MINUTE, SECOND};
use super::field::{Field, Looks, fields};
use super::number::{colons, fraction};
use super::problem::{Parsed, Problem};
use super::words::{self, Unit};
use super::{Formats, Interval, IntervalStyle};
use crate::error::{DataError, Result};
use crate::types::name::{
    INTERVAL_DAY, INTERVAL_HOUR, INTERVAL_MINUTE, INTERVAL_MONTH, INTERVAL_SECOND,
    interval_modifier,
};

/// Reads an interval. Its modifier says what a number without a unit is.
pub(crate) fn interval(text: &str, modifier: i32, formats: &Formats) -> Result<Interval> {
    let fields_allowed = if modifier < 0 { None } else { interval_modifier(modifier).0 };
    let negative_first = formats.interval_style == IntervalStyle::SqlStandard;
    let parsed = fields(text)
        .ok_or(Problem::Format)
        .and_then(|fields| decode(&fields, fields_allowed, negative_first));
    let parsed = match parsed {
        Err(Problem::Format) => iso_8601(text),
        other => other,
    };
    let total = parsed.map_err(|problem| match problem {
        Problem::Field => DataError::IntervalFieldOverflow { text: text.to_owned() }.into(),
        other => other.error("interval", text),
    })?;
    total.interval().ok_or_else(|| DataError::DatetimeOutOfRange { type_name: "interval" }.into())
}

/// What has been added up.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    years: i32,
    months: i32,
    days: i32,
    microseconds: i64,
}

impl Total {
    fn interval(&self) -> Option<Interval> {
        let months = i64::from(self.years) * 12 + i64::from(self.months);
        Some(Interval {
            months: i32::try_from(months).ok()?,
            days: self.days,
            microseconds: self.microseconds,
        })
    }

    fn add_microseconds(&mut self, value: i64, fraction: f64, unit: i64) -> Option<()> {
        let whole = value.checked_mul(unit)?.checked_add(self.microseconds)?;
        self.microseconds = whole.checked_add(rounded(fraction * unit as f64))?;
        Some(())
    }

    fn add_days(&mut self, value: i64, scale: i32) -> Option<()> {
        let days = i32::try_from(value).ok()?.checked_mul(scale)?;
        self.days = self.days.checked_add(days)?;
        Some(())
    }

    /// A fraction of `scale` days.
    fn add_day_fraction(&mut self, fraction: f64, scale: f64) -> Option<()> {
        let days = fraction * scale;
        self.days = self.days.checked_add(days.trunc() as i32)?;
        self.add_microseconds(0, days - days.trunc(), DAY)
    }

    fn add_months(&mut self, value: i64) -> Option<()> {
        self.months = self.months.checked_add(i32::try_from(value).ok()?)?;
        Some(())
    }

    fn add_years(&mut self, value: i64, fraction: f64, scale: i32) -> Option<()> {
        let years = i32::try_from(value).ok()?.checked_mul(scale)?;
        self.years = self.years.checked_add(years)?;
        self.add_months((fraction * f64::from(scale) * 12.0).round_ties_even() as i64)
    }

    fn add(&mut self, unit: Unit, value: i64, fraction: f64) -> Parsed<()> {
        let added = match unit {
            Unit::Microsecond => self.add_microseconds(value, fraction, 1),
            Unit::Millisecond => self.add_microseconds(value, fraction, 1000),
            Unit::Second => self.add_microseconds(value, fraction, SECOND),
            Unit::Minute => self.add_microseconds(value, fraction, MINUTE),
            Unit::Hour => self.add_microseconds(value, fraction, HOUR),
            Unit::Day => {
                self.add_days(value, 1).and_then(|()| self.add_microseconds(0, fraction, DAY))
            }
            Unit::Week => {
                self.add_days(value, 7).and_then(|()| self.add_day_fraction(fraction, 7.0))
            }
            Unit::Month => {
                self.add_months(value).and_then(|()| self.add_day_fraction(fraction, 30.0))
            }
            Unit::Year => self.add_years(value, fraction, 1),
            Unit::Decade => self.add_years(value, fraction, 10),
            Unit::Century => self.add_years(value, fraction, 100),
            Unit::Millennium => self.add_years(value, fraction, 1000),
            _ => return Err(Problem::Format),
        };
        added.ok_or(Problem::Field)
    }

    fn negate(self) -> Option<Total> {
        Some(Total {
            years: self.years.checked_neg()?,
            months: self.months.checked_neg()?,
            days: self.days.checked_neg()?,
            microseconds: self.microseconds.checked_neg()?,
        })
    }
}

/// To the nearest microsecond; a half goes towards zero.
fn rounded(microseconds: f64) -> i64 {
    let whole = microseconds.trunc();
    let rest = microseconds - whole;
    let carried = if rest > 0.5 {
        1.0
    } else if rest < -0.5 {
        -1.0
    } else {
        0.0
    };
    (whole + carried) as i64
}

/// The unit of the last number when it has none.
fn last_unit(allowed: Option<i32>) -> Unit {
    let Some(fields) = allowed else { return Unit::Second };
    if fields & INTERVAL_SECOND != 0 {
        Unit::Second
    } else if fields & INTERVAL_MINUTE != 0 {
        Unit::Minute
    } else if fields & INTERVAL_HOUR != 0 {
        Unit::Hour
    } else if fields & INTERVAL_DAY != 0 {
        Unit::Day
    } else if fields & INTERVAL_MONTH != 0 {
        Unit::Month
    } else {
        Unit::Year
    }
}

/// Reads fields from right to left, so that a unit is known before its number.
struct Decoder {
    total: Total,
    seen: u32,
    unit: Option<Unit>,
    allowed: Option<i32>,
    /// A leading sign counts for all parts.
    all_negative: bool,
    /// Whether `ago` stands behind: then a number has its unit.
    ago: bool,
}

fn decode(fields: &[Field], allowed: Option<i32>, standard: bool) -> Parsed<Total> {
    let signed = |field: &Field| field.text.starts_with(['-', '+']);
    let all_negative = standard
        && fields.first().is_some_and(|field| field.text.starts_with('-'))
        && !fields[1..].iter().any(signed);
    let mut decoder =
        Decoder { total: Total::default(), seen: 0, unit: None, allowed, all_negative, ago: false };
    for field in fields.iter().rev() {
        let new = match field.looks {
            Looks::Time => decoder.clock(&field.text)?,
            Looks::Zone if field.text.contains(':') => match decoder.clock(&field.text[1..]) {
                Ok(new) => {
                    // Under a sign for all parts the clock has been negated already.
                    if field.text.starts_with('-') && !decoder.all_negative {
                        let time = decoder.total.microseconds.checked_neg();
                        decoder.total.microseconds = time.ok_or(Problem::Field)?;
                    }
                    new
                }
                Err(_) => decoder.number(&field.text)?,
            },
            Looks::Zone | Looks::Date | Looks::Number => decoder.number(&field.text)?,
            Looks::Word | Looks::Special if field.text == "ago" => {
                decoder.ago = true;
                decoder.unit = None;
                0
            }
            Looks::Word | Looks::Special => {
                let unit = words::unit(&field.text);
                decoder.unit = Some(unit.ok_or(Problem::Format)?);
                0
            }
        };
        if new & decoder.seen != 0 {
            return Err(Problem::Format);
        }
        decoder.seen |= new;
    }
    if decoder.seen == 0 {
        return Err(Problem::Format);
    }
    if decoder.ago { decoder.total.negate().ok_or(Problem::Field) } else { Ok(decoder.total) }
}

/// Seconds and everything below.
const SECONDS: u32 = bit(Unit::Second) | bit(Unit::Millisecond) | bit(Unit::Microsecond);

const fn bit(unit: Unit) -> u32 {
    1 << unit as u32
}

impl Decoder {
    fn clock(&mut self, text: &str) -> Parsed<u32> {
        let minutes_first = self.allowed == Some(INTERVAL_MINUTE | INTERVAL_SECOND);
        let parts = colons(text, minutes_first)?;
        let below = i64::from(parts.minute) * MINUTE
            + i64::from(parts.second) * SECOND
            + i64::from(parts.microsecond);
        let time = parts.hour.checked_mul(HOUR).and_then(|hours| hours.checked_add(below));
        let time = time.ok_or(Problem::Field)?;
        self.total.microseconds = if self.all_negative { -time } else { time };
        self.unit = Some(Unit::Day);
        Ok(bit(Unit::Hour) | bit(Unit::Minute) | SECONDS)
    }

    fn number(&mut self, text: &str) -> Parsed<u32> {
        let unit = match self.unit {
            Some(unit) => unit,
            None if self.ago => return Err(Problem::Format),
            None => last_unit(self.allowed),
        };
        let sign = usize::from(text.starts_with(['-', '+']));
        let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
        let (whole, rest) = text.split_at(sign + digits);
        let negative = text.starts_with('-');
        let mut value: i64 = match whole {
            "" | "-" | "+" if rest.starts_with('.') => 0,
            "" | "-" | "+" => return Err(Problem::Format),
            _ => whole.parse().map_err(|_| Problem::Field)?,
        };
        let mut part = 0.0;
        let mut unit = unit;
        if let Some(months) = rest.strip_prefix('-') {
            let months: i64 = months.parse().map_err(|_| Problem::Format)?;
            if !(0..12).contains(&months) {
                return Err(Problem::Field);
            }
            let months = if negative { -months } else { months };
            value =
                value.checked_mul(12).and_then(|v| v.checked_add(months)).ok_or(Problem::Field)?;
            unit = Unit::Month;
        } else if rest.starts_with('.') {
            part = if negative { -fraction(rest)? } else { fraction(rest)? };
        } else if !rest.is_empty() {
            return Err(Problem::Format);
        }
        if self.all_negative {
            value = -value.abs();
            part = -part.abs();
        }
        self.total.add(unit, value, part)?;
        self.unit = Some(if unit == Unit::Hour { Unit::Day } else { unit });
        Ok(if unit == Unit::Second && part != 0.0 { SECONDS } else { bit(unit) })
    }
}

/// `P1Y2M3DT4H5M6.5S`, `P1W`, `P0001-02-03T04:05:06`
fn iso_8601(text: &str) -> Parsed<Total> {
    let mut rest = text.strip_prefix('P').ok_or(Problem::Format)?;
    if rest.is_empty() {
        return Err(Problem::Format);
    }
    let mut total = Total::default();
    let (mut in_time, mut has_field) = (false, false);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            (in_time, has_field, rest) = (true, false, after);
            continue;
        }
        let (value, part, after) = iso_number(rest)?;
        let mut letters = after.chars();
        let letter = letters.next();
        let unit = match (in_time, letter) {
            (false, Some('Y')) => Unit::Year,
            (false, Some('M')) => Unit::Month,
            (false, Some('W')) => Unit::Week,
            (false, Some('D')) => Unit::Day,
            (true, Some('H')) => Unit::Hour,
            (true, Some('M')) => Unit::Minute,
            (true, Some('S')) => Unit::Second,
            (_, None | Some('-' | ':' | 'T')) if !has_field => {
                rest = iso_alternative(&mut total, rest, in_time)?;
                continue;
            }
            _ => return Err(Problem::Format),
        };
        total.add(unit, value, part)?;
        has_field = true;
        rest = letters.as_str();
    }
    Ok(total)
}

/// A number with a fraction, and what follows.
fn iso_number(text: &str) -> Parsed<(i64, f64, &str)> {
    let sign = usize::from(text.starts_with(['-', '+']));
    let number = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let length = sign + text.as_bytes()[sign..].iter().take_while(|byte| number(byte)).count();
    let (number, rest) = text.split_at(length);
    let value: f64 = number.parse().map_err(|_| Problem::Format)?;
    if value.abs() > 1e15 {
        return Err(Problem::Field);
    }
    Ok((value.trunc() as i64, value - value.trunc(), rest))
}

/// `0001-02-03` before the T, `04:05:06` or `040506` behind it.
fn iso_alternative<'a>(total: &mut Total, text: &'a str, in_time: bool) -> Parsed<&'a str> {
    let (end, separator) = match in_time {
        false => (text.find('T').unwrap_or(text.len()), '-'),
        true => (text.len(), ':'),
    };
    let (parts, rest) = text.split_at(end);
    let units = match in_time {
        false => [Unit::Year, Unit::Month, Unit::Day],
        true => [Unit::Hour, Unit::Minute, Unit::Second],
    };
    let run_together = !parts.contains(separator);
    let pieces: Vec<&str> = match (run_together, in_time, parts.len()) {
        (true, false, 8) => vec![&parts[..4], &parts[4..6], &parts[6..]],
        (true, true, 6..) => vec![&parts[..2], &parts[2..4], &parts[4..]],
        (true, _, _) => vec![parts],
        (false, _, _) => parts.split(separator).collect(),
    };
    if pieces.len() > units.len() {
        return Err(Problem::Format);
    }
    for (piece, unit) in pieces.into_iter().zip(units) {
        let (value, part, after) = iso_number(piece)?;
        if !after.is_empty() {
            return Err(Problem::Format);
        }
        total.add(unit, value, part)?;
    }
    Ok(rest)
}
