//! Reading dates, times and timestamps.

use super::calendar::{self, Civil, Clock, DAY, SECOND};
use super::decode::{Decoded, Kind, Wanted, decode};
use super::field::fields;
use super::problem::Problem;
use super::{Formats, INFINITY, NEGATIVE_INFINITY, UNIX_EPOCH, zone};
use crate::error::{DataError, Result};

fn read(text: &str, wanted: Wanted, formats: &Formats, type_name: &'static str) -> Result<Decoded> {
    fields(text)
        .ok_or(Problem::Format)
        .and_then(|fields| decode(&fields, wanted, formats))
        .map_err(|problem| problem.error(type_name, text))
}

fn out_of_range(type_name: &'static str, text: &str) -> crate::Error {
    DataError::DatetimeTextOutOfRange { type_name, text: text.to_owned() }.into()
}

/// Reads a `date`: days.
pub(crate) fn date(text: &str, formats: &Formats) -> Result<i32> {
    if let Some((date, "")) = iso_date(text) {
        return Ok(date.day_number() as i32);
    }
    let decoded = read(text, Wanted::Date, formats, "date")?;
    match decoded.kind {
        Kind::Infinity => return Ok(i32::MAX),
        Kind::NegativeInfinity => return Ok(i32::MIN),
        Kind::Epoch => return Ok((UNIX_EPOCH / DAY) as i32),
        Kind::Plain => {}
    }
    let day = decoded.date.day_number();
    if calendar::is_date(day) { Ok(day as i32) } else { Err(out_of_range("date", text)) }
}

/// Reads a `time`: microseconds of the day.
pub(crate) fn time(text: &str, formats: &Formats) -> Result<i64> {
    if let Some((clock, "")) = iso_clock(text) {
        return Ok(clock.microseconds());
    }
    read(text, Wanted::Time, formats, "time").map(|decoded| decoded.time)
}

/// Reads a `timestamp`. A zone is read and of no consequence.
pub(crate) fn timestamp(text: &str, formats: &Formats) -> Result<i64> {
    if let Some((local, "")) = iso_timestamp(text) {
        return Ok(local);
    }
    let type_name = "timestamp";
    let decoded = read(text, Wanted::Date, formats, "timestamp")?;
    special(&decoded).map_or_else(
        || calendar::join(decoded.date, decoded.time).ok_or_else(|| out_of_range(type_name, text)),
        Ok,
    )
}

/// Reads a `timestamptz`. Without a zone it is the session's.
pub(crate) fn timestamptz(text: &str, formats: &Formats) -> Result<i64> {
    let type_name = "timestamp with time zone";
    if let Some((local, rest)) = iso_timestamp(text) {
        let offset = match rest {
            "" => Some(zone::offset_of_local(&formats.time_zone, local)),
            _ => iso_offset(rest),
        };
        if let Some(offset) = offset {
            return to_utc(local, offset).ok_or_else(|| out_of_range("timestamp", text));
        }
    }
    let decoded = read(text, Wanted::Date, formats, type_name)?;
    if let Some(special) = special(&decoded) {
        return Ok(special);
    }
    let local =
        decoded.date.day_number().checked_mul(DAY).and_then(|day| day.checked_add(decoded.time));
    let local = local.ok_or_else(|| out_of_range("timestamp", text))?;
    let offset = decoded.offset.unwrap_or_else(|| zone::offset_of_local(&formats.time_zone, local));
    to_utc(local, offset).ok_or_else(|| out_of_range("timestamp", text))
}

fn to_utc(local: i64, offset: i32) -> Option<i64> {
    local.checked_sub(i64::from(offset) * SECOND).filter(|utc| calendar::is_timestamp(*utc))
}

fn special(decoded: &Decoded) -> Option<i64> {
    match decoded.kind {
        Kind::Plain => None,
        Kind::Epoch => Some(UNIX_EPOCH),
        Kind::Infinity => Some(INFINITY),
        Kind::NegativeInfinity => Some(NEGATIVE_INFINITY),
    }
}

/// Exactly `N` digits.
fn digits<const N: usize>(bytes: &[u8; N]) -> Option<i32> {
    bytes.iter().try_fold(0, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + i32::from(byte - b'0'))
    })
}

/// `yyyy-mm-dd`, and what follows. None for anything that needs a second look.
fn iso_date(text: &str) -> Option<(Civil, &str)> {
    let (head, _) = text.as_bytes().split_first_chunk::<10>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *head else { return None };
    let date = Civil {
        year: digits(&[y1, y2, y3, y4])?,
        month: digits(&[m1, m2])?,
        day: digits(&[d1, d2])?,
    };
    (date.year > 0 && date.exists()).then_some((date, text.get(10..)?))
}

/// `hh:mm:ss[.ffffff]`, and what follows.
fn iso_clock(text: &str) -> Option<(Clock, &str)> {
    let (head, rest) = text.as_bytes().split_first_chunk::<8>()?;
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *head else { return None };
    let (hour, minute, second) = (digits(&[h1, h2])?, digits(&[m1, m2])?, digits(&[s1, s2])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut used = 8;
    let mut microsecond = 0;
    if let [b'.', fraction @ ..] = rest {
        let count = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=6).contains(&count) {
            return None;
        }
        microsecond = fraction[..count].iter().fold(0, |n, byte| n * 10 + i32::from(byte - b'0'));
        microsecond *= 10i32.pow(6 - count as u32);
        used += 1 + count;
    }
    Some((Clock { hour, minute, second, microsecond }, text.get(used..)?))
}

/// `yyyy-mm-dd hh:mm:ss[.ffffff]`, and what follows.
fn iso_timestamp(text: &str) -> Option<(i64, &str)> {
    let (date, rest) = iso_date(text)?;
    let (clock, rest) = iso_clock(rest.strip_prefix([' ', 'T'])?)?;
    Some((date.day_number() * DAY + clock.microseconds(), rest))
}

/// `+hh`, `-hh:mm`, `Z`: seconds east of UTC.
fn iso_offset(text: &str) -> Option<i32> {
    let (sign, hours, minutes) = match *text.as_bytes() {
        [b'Z'] => return Some(0),
        [sign, h1, h2] => (sign, digits(&[h1, h2])?, 0),
        [sign, h1, h2, b':', m1, m2] => (sign, digits(&[h1, h2])?, digits(&[m1, m2])?),
        _ => return None,
    };
    if hours > 15 || minutes > 59 {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}
