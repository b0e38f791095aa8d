//! Writing intervals in every IntervalStyle.

use bytes::{BufMut, BytesMut};

use super::super::integer::{output as integer, output_padded};
use super::calendar::{HOUR, MINUTE, SECOND};
use super::output::seconds;
use super::{Interval, IntervalStyle};

/// An interval by unit; every part has the sign of what it was made of.
struct Parts {
    years: i32,
    months: i32,
    days: i32,
    hours: i64,
    minutes: i32,
    seconds: i32,
    microseconds: i32,
}

impl Parts {
    fn of(interval: &Interval) -> Parts {
        let time = interval.microseconds;
        Parts {
            years: interval.months / 12,
            months: interval.months % 12,
            days: interval.days,
            hours: time / HOUR,
            minutes: (time / MINUTE % 60) as i32,
            seconds: (time / SECOND % 60) as i32,
            microseconds: (time % SECOND) as i32,
        }
    }

    fn has_time(&self) -> bool {
        self.hours != 0 || self.minutes != 0 || self.has_seconds()
    }

    fn has_seconds(&self) -> bool {
        self.seconds != 0 || self.microseconds != 0
    }

    fn is_time_negative(&self) -> bool {
        self.hours < 0 || self.minutes < 0 || self.seconds < 0 || self.microseconds < 0
    }

    /// `h:mm:ss.f`, without a sign.
    fn clock(&self, width: usize, out: &mut BytesMut) {
        output_padded(self.hours.unsigned_abs(), width, out);
        out.put_u8(b':');
        output_padded(u64::from(self.minutes.unsigned_abs()), 2, out);
        out.put_u8(b':');
        seconds(self.seconds, self.microseconds, 2, out);
    }
}

/// Writes an interval.
pub(crate) fn output(interval: &Interval, style: IntervalStyle, out: &mut BytesMut) {
    let parts = Parts::of(interval);
    match style {
        IntervalStyle::Postgres => postgres(&parts, out),
        IntervalStyle::PostgresVerbose => verbose(&parts, out),
        IntervalStyle::SqlStandard => sql_standard(&parts, out),
        IntervalStyle::Iso8601 => iso_8601(&parts, out),
    }
}

/// `1 year 2 mons -3 days +04:05:06`: a plus only behind a negative part.
fn postgres(parts: &Parts, out: &mut BytesMut) {
    let (mut is_zero, mut after_negative) = (true, false);
    for (value, unit) in [(parts.years, "year"), (parts.months, "mon"), (parts.days, "day")] {
        if value == 0 {
            continue;
        }
        if !is_zero {
            out.put_u8(b' ');
        }
        if after_negative && value > 0 {
            out.put_u8(b'+');
        }
        integer(i64::from(value), out);
        out.put_u8(b' ');
        out.put_slice(unit.as_bytes());
        if value != 1 {
            out.put_u8(b's');
        }
        (is_zero, after_negative) = (false, value < 0);
    }
    if is_zero || parts.has_time() {
        if !is_zero {
            out.put_u8(b' ');
        }
        if parts.is_time_negative() {
            out.put_u8(b'-');
        } else if after_negative {
            out.put_u8(b'+');
        }
        parts.clock(2, out);
    }
}

/// `@ 1 year 2 mons 3 days 4 hours 5 mins 6 secs ago`: the first part's sign is that of `ago`.
fn verbose(parts: &Parts, out: &mut BytesMut) {
    let (mut is_zero, mut ago) = (true, false);
    out.put_u8(b'@');
    let units = [
        (i64::from(parts.years), "year"),
        (i64::from(parts.months), "mon"),
        (i64::from(parts.days), "day"),
        (parts.hours, "hour"),
        (i64::from(parts.minutes), "min"),
    ];
    for (value, unit) in units {
        if value == 0 {
            continue;
        }
        let shown = if is_zero {
            ago = value < 0;
            value.wrapping_abs()
        } else if ago {
            -value
        } else {
            value
        };
        out.put_u8(b' ');
        integer(shown, out);
        out.put_u8(b' ');
        out.put_slice(unit.as_bytes());
        if shown != 1 {
            out.put_u8(b's');
        }
        is_zero = false;
    }
    if parts.has_seconds() {
        let negative = parts.seconds < 0 || parts.microseconds < 0;
        out.put_u8(b' ');
        if is_zero {
            ago = negative;
        } else if negative != ago {
            out.put_u8(b'-');
        }
        seconds(parts.seconds, parts.microseconds, 1, out);
        let one = parts.seconds.abs() == 1 && parts.microseconds == 0;
        out.put_slice(if one { b" sec" } else { b" secs" });
        is_zero = false;
    }
    if is_zero {
        out.put_slice(b" 0");
    }
    if ago {
        out.put_slice(b" ago");
    }
}

/// `1-2`, `3 4:05:06`; with a sign on each part where the standard has no form.
fn sql_standard(parts: &Parts, out: &mut BytesMut) {
    let signs = [
        i64::from(parts.years),
        i64::from(parts.months),
        i64::from(parts.days),
        parts.hours,
        i64::from(parts.minutes),
        i64::from(parts.seconds),
        i64::from(parts.microseconds),
    ];
    let (negative, positive) = (signs.iter().any(|p| *p < 0), signs.iter().any(|p| *p > 0));
    let has_months = parts.years != 0 || parts.months != 0;
    let has_days = parts.days != 0 || parts.has_time();
    if !negative && !positive {
        return out.put_u8(b'0');
    }
    let years_and_months = |out: &mut BytesMut| {
        output_padded(u64::from(parts.years.unsigned_abs()), 1, out);
        out.put_u8(b'-');
        output_padded(u64::from(parts.months.unsigned_abs()), 1, out);
    };
    let days = |out: &mut BytesMut| {
        output_padded(u64::from(parts.days.unsigned_abs()), 1, out);
        out.put_u8(b' ');
    };
    if negative && positive || has_months && has_days {
        let sign = |negative: bool| if negative { b'-' } else { b'+' };
        out.put_u8(sign(parts.years < 0 || parts.months < 0));
        years_and_months(out);
        out.put_u8(b' ');
        out.put_u8(sign(parts.days < 0));
        days(out);
        out.put_u8(sign(parts.is_time_negative()));
        return parts.clock(1, out);
    }
    if negative {
        out.put_u8(b'-');
    }
    if has_months {
        return years_and_months(out);
    }
    if parts.days != 0 {
        days(out);
    }
    parts.clock(1, out);
}

/// `P1Y2M3DT4H5M6S`
fn iso_8601(parts: &Parts, out: &mut BytesMut) {
    let part = |value: i64, letter: u8, out: &mut BytesMut| {
        if value != 0 {
            integer(value, out);
            out.put_u8(letter);
        }
    };
    let start = out.len();
    out.put_u8(b'P');
    part(i64::from(parts.years), b'Y', out);
    part(i64::from(parts.months), b'M', out);
    part(i64::from(parts.days), b'D', out);
    if parts.has_time() {
        out.put_u8(b'T');
    }
    part(parts.hours, b'H', out);
    part(i64::from(parts.minutes), b'M', out);
    if parts.has_seconds() {
        if parts.seconds < 0 || parts.microseconds < 0 {
            out.put_u8(b'-');
        }
        seconds(parts.seconds, parts.microseconds, 1, out);
        out.put_u8(b'S');
    }
    if out.len() == start + 1 {
        out.put_slice(b"T0S");
    }
}
