//! to_date and to_timestamp: dates and times read by a picture.
//!
//! The picture leads: what stands between its patterns takes the place of as many separators in
//! the text, blanks before a field are passed over, and a number ends after its pattern's digits
//! where the next pattern is a number too. Behind FX nothing is passed over.

use super::super::declare::*;
use super::super::value::map2;
use super::date_picture::{Case, Key, Named, date_pieces};
use super::moment::{Convention, Fields};
use super::picture::Piece;
use crate::error::{DataError, Result, SyntaxError};
use crate::expr::function::{Call, Function};
use crate::types::Datum;
use crate::types::datetime::calendar::{self, SECOND};
use crate::types::datetime::round_to;
use crate::types::datetime::words::{MONTHS, WEEKDAYS};
use crate::types::datetime::zone;

pub(super) fn refuse(message: String, detail: String) -> crate::Error {
    DataError::PictureMismatch { message, detail, width: false }.into()
}

/// A field that is shorter than its pattern.
fn refuse_width(message: String, detail: String) -> crate::Error {
    DataError::PictureMismatch { message, detail, width: true }.into()
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    /// Blanks passed over beyond what the picture asked for.
    extra: i32,
    /// Whether FX has been met.
    fixed: bool,
    /// The pattern that reads, as messages call it.
    name: &'static str,
}

/// The bytes of a whole number at the start of a text; 0 when there is none.
fn integer_length(text: &str) -> usize {
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 { 0 } else { sign + digits }
}

fn is_separator(c: char) -> bool {
    c.is_ascii() && !c.is_ascii_alphanumeric() && !c.is_ascii_whitespace() && !c.is_ascii_control()
}

impl<'a> Reader<'a> {
    fn next(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn advance(&mut self) {
        let mut characters = self.rest.chars();
        characters.next();
        self.rest = characters.as_str();
    }

    fn skip_blanks(&mut self) {
        while !self.fixed && self.next().is_some_and(|c| c.is_ascii_whitespace()) {
            self.advance();
            self.extra += 1;
        }
    }

    fn literal(&mut self, c: char, quoted: bool) {
        if self.fixed {
            self.advance();
        } else if !quoted && (c.is_ascii_whitespace() || is_separator(c)) {
            self.extra -= 1;
            if self.next().is_some_and(|c| c.is_ascii_whitespace() || is_separator(c)) {
                self.advance();
                self.extra += 1;
            }
        } else if self.extra > 0 {
            self.extra -= 1;
        } else {
            self.advance();
        }
    }

    /// Whether a minus sign was taken for a separator that the picture does not have.
    fn has_swallowed_minus(&self) -> bool {
        let behind = self.text.len() - self.rest.len();
        self.extra > 0 && self.text[..behind].ends_with('-')
    }

    /// A number of `length` digits, or of any number of them when `open`.
    fn number(&mut self, length: usize, open: bool) -> Result<(i64, usize)> {
        let name = self.name;
        let blanks = self.rest.len() - self.rest.trim_start().len();
        self.rest = &self.rest[blanks..];
        let available = self.rest.chars().count();
        if !open && available < length {
            return Err(refuse_width(
                format!("source string too short for \"{name}\" formatting field"),
                format!("Field requires {length} characters, but only {available} remain."),
            ));
        }
        let field = if open { self.rest } else { &self.rest[..cut(self.rest, length)] };
        let used = integer_length(field);
        let shown = &self.rest[..cut(self.rest, length)];
        let invalid = format!("invalid value \"{shown}\" for \"{name}\"");
        if used == 0 {
            return Err(refuse(invalid, "Value must be an integer.".to_owned()));
        }
        if !open && used < length {
            let detail =
                format!("Field requires {length} characters, but only {used} could be parsed.");
            return Err(refuse_width(invalid, detail));
        }
        let value: i32 = field[..used]
            .parse()
            .map_err(|_| DataError::PictureNumberOutOfRange { field: name })?;
        self.rest = &self.rest[used..];
        Ok((i64::from(value), used))
    }

    /// One of some words, in any case; its place.
    fn word(&mut self, words: &[&str]) -> Result<usize> {
        let found = words.iter().position(|word| {
            self.rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        });
        let Some(at) = found else {
            let blank = |c: char| c.is_ascii_whitespace();
            let shown = self.rest.split(blank).next().unwrap_or_default();
            return Err(refuse(
                format!("invalid value \"{shown}\" for \"{}\"", self.name),
                "The given value did not match any of the allowed values for this field."
                    .to_owned(),
            ));
        };
        self.rest = &self.rest[words[at].len()..];
        Ok(at)
    }

    /// `2,024`: any number of thousands, and up to three characters behind the comma.
    fn year_with_comma(&mut self) -> Option<i64> {
        let (thousands, rest) = integer(self.rest, self.rest.len())?;
        let rest = rest.strip_prefix(',')?.trim_start();
        let (years, rest) = integer(rest, 3)?;
        self.rest = rest;
        Some(i64::from(thousands) * 1000 + i64::from(years))
    }
}

/// A whole number of at most so many bytes at the start of a text, and what is behind it.
fn integer(text: &str, most: usize) -> Option<(i32, &str)> {
    let text = text.trim_start();
    let used = integer_length(&text[..cut(text, most)]);
    Some((text[..used].parse().ok()?, &text[used..]))
}

/// The byte behind `count` characters.
fn cut(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(at, _)| at)
}

/// Whether a pattern reads digits.
fn is_number(key: Key) -> bool {
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
            | Key::ZoneOffset
            | Key::Fixed
    )
}

/// Whether the number before ends where its digits end.
fn ends_number(next: Option<&Piece<Named>>) -> bool {
    match next {
        None => true,
        Some(Piece::Pattern { key: (_, key), .. }) => !is_number(*key),
        Some(Piece::Literal(c, _)) => !c.is_ascii_digit(),
    }
}

/// The convention a pattern belongs to, if it is of one.
fn convention(key: Key) -> Option<Convention> {
    match key {
        Key::Year(_, true) | Key::IsoDayOfYear | Key::IsoDayOfWeek | Key::IsoWeek => {
            Some(Convention::IsoWeek)
        }
        Key::Year(_, false)
        | Key::YearWithComma
        | Key::MonthName(_)
        | Key::MonthAbbreviation(_)
        | Key::Month
        | Key::RomanMonth(_)
        | Key::DayOfYear
        | Key::Day
        | Key::DayOfWeek
        | Key::WeekOfMonth
        | Key::WeekOfYear => Some(Convention::Gregorian),
        _ => None,
    }
}

/// Sets a field; two values must be the same, unless the first one was 0.
fn set(field: &mut i64, value: i64, name: &str) -> Result<()> {
    if *field != 0 && *field != value {
        return Err(refuse(
            format!("conflicting values for \"{name}\" field in formatting string"),
            "This value contradicts a previous setting for the same field type.".to_owned(),
        ));
    }
    *field = value;
    Ok(())
}

/// Years of one to three digits are those near 2020.
fn near_2020(year: i64) -> i64 {
    match year {
        ..70 | 100..520 => year + 2000,
        70..100 => year + 1900,
        520..1000 => year + 1000,
        _ => year,
    }
}

impl Fields {
    fn read(text: &str, picture: &str) -> Result<Fields> {
        let pieces = date_pieces(picture);
        let mut reader = Reader { text, rest: text, extra: 0, fixed: false, name: "" };
        let mut fields = Fields::default();
        for (at, piece) in pieces.iter().enumerate() {
            if reader.rest.is_empty() {
                break;
            }
            match piece {
                Piece::Literal(c, quoted) => {
                    let is_text = *quoted || c.is_ascii_alphanumeric();
                    if !is_text || at == 0 {
                        reader.skip_blanks();
                    }
                    reader.literal(*c, *quoted);
                }
                Piece::Pattern { key: (name, key), fill, ordinal, .. } => {
                    reader.skip_blanks();
                    reader.name = name;
                    let open = *fill || ordinal.is_some() || ends_number(pieces.get(at + 1));
                    fields.follow(*key)?;
                    fields.pattern(*key, open, &mut reader)?;
                    if ordinal.is_some() && is_number(*key) {
                        reader.advance();
                        reader.advance();
                    }
                    if !reader.fixed {
                        reader.extra = 0;
                    }
                }
            }
        }
        debug_assert!(text.ends_with(reader.rest) && reader.text == text);
        Ok(fields)
    }

    /// One picture keeps to one convention.
    fn follow(&mut self, key: Key) -> Result<()> {
        let Some(convention) = convention(key) else { return Ok(()) };
        if *self.convention.get_or_insert(convention) != convention {
            return Err(DataError::MixedDateConventions.into());
        }
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "one arm a pattern")]
    fn pattern(&mut self, key: Key, open: bool, reader: &mut Reader<'_>) -> Result<()> {
        let name = reader.name;
        let mut number = |length| reader.number(length, open).map(|(value, _)| value);
        match key {
            Key::Hour12 => {
                self.twelve_hours = true;
                set(&mut self.hour, number(2)?, name)
            }
            Key::Hour24 => set(&mut self.hour, number(2)?, name),
            Key::Minute => set(&mut self.minute, number(2)?, name),
            Key::Second => set(&mut self.second, number(2)?, name),
            Key::SecondsOfDay => set(&mut self.seconds_of_day, number(5)?, name),
            Key::Millisecond => {
                let (value, used) = reader.number(3, open)?;
                set(&mut self.millisecond, value, name)?;
                self.millisecond *= 10i64.pow(3usize.saturating_sub(used) as u32);
                Ok(())
            }
            Key::Microsecond | Key::Fraction(_) => {
                let mut digits = 6;
                if let Key::Fraction(kept) = key {
                    digits = kept;
                    self.fraction = Some(kept as i32);
                }
                let (value, used) = reader.number(digits, open)?;
                set(&mut self.microsecond, value, name)?;
                self.microsecond *= 10i64.pow(6usize.saturating_sub(used) as u32);
                Ok(())
            }
            Key::Meridiem(dots, _) => {
                let words = if dots { ["a.m.", "p.m."] } else { ["am", "pm"] };
                self.twelve_hours = true;
                set(&mut self.meridiem, reader.word(&words)? as i64, name)
            }
            Key::Era(dots, _) => {
                let words = if dots { ["a.d.", "b.c."] } else { ["ad", "bc"] };
                set(&mut self.era, reader.word(&words)? as i64, name)
            }
            Key::YearWithComma => {
                let year = reader.year_with_comma().ok_or_else(|| {
                    refuse("invalid input string for \"Y,YYY\"".to_owned(), String::new())
                })?;
                self.year_digits = 4;
                set(&mut self.year, year, name)
            }
            Key::Year(length, _) => {
                let (value, used) = reader.number(length, open)?;
                set(&mut self.year, value, name)?;
                if length < 4 && used < 4 {
                    self.year = near_2020(value);
                }
                self.year_digits = length;
                Ok(())
            }
            Key::MonthName(_) => set(&mut self.month, reader.word(&MONTHS)? as i64 + 1, name),
            Key::MonthAbbreviation(_) => {
                let names = MONTHS.map(|month| &month[..3]);
                set(&mut self.month, reader.word(&names)? as i64 + 1, name)
            }
            Key::RomanMonth(_) => {
                const ROMAN: [&str; 12] =
                    ["VIII", "VII", "III", "XII", "VI", "IV", "IX", "XI", "II", "V", "X", "I"];
                const MONTH: [i64; 12] = [8, 7, 3, 12, 6, 4, 9, 11, 2, 5, 10, 1];
                set(&mut self.month, MONTH[reader.word(&ROMAN)?], name)
            }
            Key::Month => set(&mut self.month, number(2)?, name),
            Key::DayOfWeek => set(&mut self.weekday, number(1)?, name),
            Key::DayName(_) | Key::DayAbbreviation(_) | Key::IsoDayOfWeek => {
                let day = match key {
                    Key::DayName(_) => reader.word(&WEEKDAYS)? as i64,
                    Key::DayAbbreviation(_) => reader.word(&WEEKDAYS.map(|day| &day[..3]))? as i64,
                    _ => number(1)?,
                };
                set(&mut self.weekday, day, name)?;
                self.weekday = if day >= 7 { 1 } else { day + 1 };
                Ok(())
            }
            Key::DayOfYear | Key::IsoDayOfYear => set(&mut self.day_of_year, number(3)?, name),
            Key::Day => set(&mut self.day, number(2)?, name),
            Key::WeekOfMonth => set(&mut self.week_of_month, number(1)?, name),
            Key::WeekOfYear | Key::IsoWeek => set(&mut self.week, number(2)?, name),
            Key::Century => set(&mut self.century, number(2)?, name),
            Key::Julian => set(&mut self.julian, number(1)?, name),
            Key::Quarter => number(1).map(|_| ()),
            Key::ZoneHour => {
                let next = reader.next();
                let is_west = match next {
                    Some('-' | '+' | ' ') => next == Some('-'),
                    _ => reader.has_swallowed_minus(),
                };
                self.zone_sign = if is_west { -1 } else { 1 };
                if matches!(reader.next(), Some('-' | '+' | ' ')) {
                    reader.advance();
                }
                let (hours, _) = reader.number(2, open)?;
                set(&mut self.zone_hours, hours, name)
            }
            Key::ZoneMinute => {
                let minutes = number(2)?;
                if self.zone_sign == 0 {
                    self.zone_sign = 1;
                }
                set(&mut self.zone_minutes, minutes, name)
            }
            Key::ZoneName(_) | Key::ZoneOffset => {
                let feature = match key {
                    Key::ZoneName(Case::Lower) => {
                        "formatting field \"tz\" is only supported in to_char"
                    }
                    Key::ZoneName(_) => "formatting field \"TZ\" is only supported in to_char",
                    _ => "formatting field \"OF\" is only supported in to_char",
                };
                Err(SyntaxError::NotImplemented { feature }.into())
            }
            Key::Fixed => {
                reader.fixed = true;
                Ok(())
            }
        }
    }
}

fn to_date(text: &str, picture: &str) -> Result<Datum> {
    let day = Fields::read(text, picture)?.moment(text)?.date.day_number();
    if calendar::is_date(day) {
        Ok(Datum::Date(day as i32))
    } else {
        Err(DataError::DatetimeTextOutOfRange { type_name: "date", text: text.to_owned() }.into())
    }
}

fn to_timestamp(call: &mut Call<'_>) -> Result<Datum> {
    let (text, picture): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let fields = Fields::read(text, picture)?;
    let beyond = || DataError::DatetimeOutOfRange { type_name: "timestamp" };
    let moment = fields.moment(text)?;
    let local = calendar::join(moment.date, moment.time).ok_or_else(beyond)?;
    let offset = match moment.offset {
        Some(offset) => offset,
        None => i64::from(zone::offset_of_local(&call.environment.formats().time_zone, local)),
    };
    let utc = local - offset * SECOND;
    let utc = fields.fraction.map_or(utc, |digits| round_to(utc, digits));
    if calendar::is_timestamp(utc) { Ok(Datum::Timestamptz(utc)) } else { Err(beyond().into()) }
}

pub(super) static FUNCTIONS: &[Function] = &[
    stable(1780, "to_date", &[TEXT, TEXT], DATE, |call| map2(call, to_date)),
    stable(1778, "to_timestamp", &[TEXT, TEXT], TIMESTAMPTZ, to_timestamp),
];
