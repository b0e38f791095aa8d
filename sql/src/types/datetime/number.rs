//! Numbers inside fields.

use super::problem::{Parsed, Problem};

/// A leading integer and what follows it.
pub(super) fn leading(text: &str) -> Parsed<(i32, &str)> {
    let sign = usize::from(text.starts_with(['+', '-']));
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(sign + digits);
    if digits == 0 {
        return Err(Problem::Format);
    }
    let number = number.parse().map_err(|_| Problem::Field)?;
    Ok((number, rest))
}

/// A whole field that is an integer.
pub(super) fn whole(text: &str) -> Parsed<i32> {
    match leading(text)? {
        (number, "") => Ok(number),
        _ => Err(Problem::Format),
    }
}

/// A fraction, with its point: `.5`. A point alone is zero.
pub(super) fn fraction(text: &str) -> Parsed<f64> {
    let digits = text.strip_prefix('.').ok_or(Problem::Format)?;
    if digits.is_empty() {
        return Ok(0.0);
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::Format);
    }
    text.parse().map_err(|_| Problem::Format)
}

/// A fraction of a second in microseconds, which may round up to a whole second.
pub(super) fn microseconds(text: &str) -> Parsed<i32> {
    Ok((fraction(text)? * 1e6).round_ties_even() as i32)
}

/// `hh:mm`, `hh:mm:ss` or `mm:ss.f`, as far as it goes: hours unlimited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Colons {
    pub(super) hour: i64,
    pub(super) minute: i32,
    pub(super) second: i32,
    pub(super) microsecond: i32,
}

/// Reads a field with colons. `minutes_first`: two parts are minutes and seconds.
pub(super) fn colons(text: &str, minutes_first: bool) -> Parsed<Colons> {
    let (hour, rest) = text.split_once(':').ok_or(Problem::Format)?;
    if hour.is_empty() || !hour.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::Format);
    }
    let hour: i64 = hour.parse().map_err(|_| Problem::Field)?;
    let (minute, rest) = leading(rest)?;
    let parts = if rest.is_empty() && !minutes_first {
        Colons { hour, minute, second: 0, microsecond: 0 }
    } else if rest.is_empty() || rest.starts_with('.') {
        let microsecond = if rest.is_empty() { 0 } else { microseconds(rest)? };
        let first = i32::try_from(hour).map_err(|_| Problem::Field)?;
        Colons { hour: 0, minute: first, second: minute, microsecond }
    } else {
        let (second, rest) = leading(rest.strip_prefix(':').ok_or(Problem::Format)?)?;
        let microsecond = if rest.is_empty() { 0 } else { microseconds(rest)? };
        Colons { hour, minute, second, microsecond }
    };
    let in_range = (0..60).contains(&parts.minute) && (0..=60).contains(&parts.second);
    if in_range { Ok(parts) } else { Err(Problem::Field) }
}

/// Hours an offset from UTC may have.
const MOST_ZONE_HOURS: i32 = 15;

/// A numeric zone: seconds east of UTC.
pub(super) fn displacement(text: &str) -> Parsed<i32> {
    let negative = match text.as_bytes().first() {
        Some(b'+') => false,
        Some(b'-') => true,
        _ => return Err(Problem::Format),
    };
    let digits = &text[1..];
    let (mut hours, mut rest) = leading(digits)?;
    let (mut minutes, mut seconds) = (0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        (minutes, rest) = leading(after)?;
        if let Some(after) = rest.strip_prefix(':') {
            (seconds, rest) = leading(after)?;
        }
    } else if rest.is_empty() && text.len() > 3 {
        (minutes, hours) = (hours % 100, hours / 100);
    }
    let sixty = 0..60;
    if !(0..=MOST_ZONE_HOURS).contains(&hours)
        || !sixty.contains(&minutes)
        || !sixty.contains(&seconds)
    {
        return Err(Problem::Displacement);
    }
    if !rest.is_empty() {
        return Err(Problem::Format);
    }
    let offset = (hours * 60 + minutes) * 60 + seconds;
    Ok(if negative { -offset } else { offset })
}
