//! Writing dates, times and timestamps in every DateStyle.

use bytes::{BufMut, BytesMut};

use super::super::integer::output_padded;
use super::calendar::{self, Civil, Clock, SECOND};
use super::words::{MONTHS, WEEKDAYS};
use super::{DateOrder, DateStyle, Formats, INFINITY, NEGATIVE_INFINITY, zone};

fn padded(value: i32, width: usize, out: &mut BytesMut) {
    output_padded(u64::from(value.unsigned_abs()), width, out);
}

fn infinite(positive: bool, out: &mut BytesMut) {
    out.put_slice(if positive { b"infinity" } else { b"-infinity" });
}

/// The year as written: 1 BC is year 0.
fn year(date: Civil, out: &mut BytesMut) {
    padded(if date.year > 0 { date.year } else { 1 - date.year }, 4, out);
}

fn era(date: Civil, out: &mut BytesMut) {
    if date.year <= 0 {
        out.put_slice(b" BC");
    }
}

fn three(first: i32, separator: u8, second: i32, out: &mut BytesMut) {
    padded(first, 2, out);
    out.put_u8(separator);
    padded(second, 2, out);
    out.put_u8(separator);
}

/// Day and month in the order of DateStyle, with the separator behind each.
fn day_and_month(date: Civil, separator: u8, order: DateOrder, out: &mut BytesMut) {
    if order == DateOrder::Dmy {
        three(date.day, separator, date.month, out);
    } else {
        three(date.month, separator, date.day, out);
    }
}

fn iso_date(date: Civil, out: &mut BytesMut) {
    year(date, out);
    out.put_u8(b'-');
    padded(date.month, 2, out);
    out.put_u8(b'-');
    padded(date.day, 2, out);
}

/// Writes a `date`.
pub(crate) fn output_date(day: i32, formats: &Formats, out: &mut BytesMut) {
    if day == i32::MAX || day == i32::MIN {
        return infinite(day > 0, out);
    }
    let date = Civil::of_day(i64::from(day));
    match formats.date_style {
        DateStyle::Iso => iso_date(date, out),
        DateStyle::Sql => {
            day_and_month(date, b'/', formats.date_order, out);
            year(date, out);
        }
        DateStyle::German => {
            three(date.day, b'.', date.month, out);
            year(date, out);
        }
        DateStyle::Postgres => {
            day_and_month(date, b'-', formats.date_order, out);
            year(date, out);
        }
    }
    era(date, out);
}

/// Seconds and their fraction without the zeros at its end.
pub(super) fn seconds(second: i32, microsecond: i32, width: usize, out: &mut BytesMut) {
    padded(second, width, out);
    if microsecond == 0 {
        return;
    }
    out.put_u8(b'.');
    let (mut fraction, mut digits) = (microsecond.unsigned_abs(), 6);
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        digits -= 1;
    }
    output_padded(u64::from(fraction), digits, out);
}

fn clock(clock: Clock, out: &mut BytesMut) {
    three(clock.hour, b':', clock.minute, out);
    seconds(clock.second, clock.microsecond, 2, out);
}

/// Writes a `time`.
pub(crate) fn output_time(microseconds: i64, out: &mut BytesMut) {
    clock(Clock::of_microseconds(microseconds), out);
}

/// A zone as written behind a time.
struct Zone {
    offset: i32,
    /// Empty where the style has no names.
    name: String,
}

/// `+hh[:mm[:ss]]`
fn offset(seconds: i32, out: &mut BytesMut) {
    out.put_u8(if seconds < 0 { b'-' } else { b'+' });
    let total = seconds.abs();
    padded(total / 3600, 2, out);
    if total % 3600 != 0 {
        out.put_u8(b':');
        padded(total / 60 % 60, 2, out);
    }
    if total % 60 != 0 {
        out.put_u8(b':');
        padded(total % 60, 2, out);
    }
}

/// Letters of a zone's name that are written.
const MOST_ZONE_LETTERS: usize = 10;

fn named_zone(zone: &Zone, blank: bool, out: &mut BytesMut) {
    if !zone.name.is_empty() {
        out.put_u8(b' ');
        let letters = zone.name.floor_char_boundary(MOST_ZONE_LETTERS);
        out.put_slice(&zone.name.as_bytes()[..letters]);
    } else {
        if blank {
            out.put_u8(b' ');
        }
        offset(zone.offset, out);
    }
}

/// Writes a `timestamp`.
pub(crate) fn output_timestamp(microseconds: i64, formats: &Formats, out: &mut BytesMut) {
    if microseconds == INFINITY || microseconds == NEGATIVE_INFINITY {
        return infinite(microseconds > 0, out);
    }
    local(microseconds, None, formats, out);
}

/// Writes a `timestamptz` as the session's clocks showed it.
pub(crate) fn output_timestamptz(utc: i64, formats: &Formats, out: &mut BytesMut) {
    if utc == INFINITY || utc == NEGATIVE_INFINITY {
        return infinite(utc > 0, out);
    }
    let zone = if formats.date_style == DateStyle::Iso {
        Zone { offset: zone::offset_at(&formats.time_zone, utc), name: String::new() }
    } else {
        let setting = zone::setting_at(&formats.time_zone, utc);
        Zone { offset: setting.offset, name: setting.abbreviation }
    };
    local(utc + i64::from(zone.offset) * SECOND, Some(&zone), formats, out);
}

fn local(microseconds: i64, zone: Option<&Zone>, formats: &Formats, out: &mut BytesMut) {
    let (date, time) = calendar::split(microseconds);
    match formats.date_style {
        DateStyle::Iso => {
            iso_date(date, out);
            out.put_u8(b' ');
            clock(time, out);
            if let Some(zone) = zone {
                offset(zone.offset, out);
            }
        }
        DateStyle::Sql | DateStyle::German => {
            if formats.date_style == DateStyle::Sql {
                day_and_month(date, b'/', formats.date_order, out);
            } else {
                three(date.day, b'.', date.month, out);
            }
            year(date, out);
            out.put_u8(b' ');
            clock(time, out);
            if let Some(zone) = zone {
                named_zone(zone, false, out);
            }
        }
        DateStyle::Postgres => postgres(date, time, zone, formats.date_order, out),
    }
    era(date, out);
}

/// `Wed Dec 17 07:37:16 1997 PST`
fn postgres(date: Civil, time: Clock, zone: Option<&Zone>, order: DateOrder, out: &mut BytesMut) {
    let weekday = calendar::weekday(date.day_number());
    let month = &MONTHS[(date.month - 1) as usize].as_bytes()[..3];
    out.put_slice(&WEEKDAYS[weekday as usize].as_bytes()[..3]);
    out.put_u8(b' ');
    if order == DateOrder::Dmy {
        padded(date.day, 2, out);
        out.put_u8(b' ');
        out.put_slice(month);
    } else {
        out.put_slice(month);
        out.put_u8(b' ');
        padded(date.day, 2, out);
    }
    out.put_u8(b' ');
    clock(time, out);
    out.put_u8(b' ');
    year(date, out);
    if let Some(zone) = zone {
        named_zone(zone, true, out);
    }
}
