//! to_date and to_timestamp: dates and times read by a picture.
//!
//! The picture leads: what stands between its patterns takes the place of as many separators in
//! the text, blanks before a field are passed over, and a number ends after its pattern's digits
//! where the next pattern is a number too.

use super::super::declare::*;
use super::super::value::map2;
use super::date_picture::{Key, date_pieces, name_of};
use super::picture::Piece;
use crate::error::{DataError, Result};
use crate::expr::function::{Call, Function};
use crate::types::Datum;
use crate::types::datetime::calendar::{self, Civil, Clock, EPOCH_JULIAN, SECOND};
use crate::types::datetime::words::{MONTHS, WEEKDAYS};
use crate::types::datetime::zone;

/// What has been read.
#[derive(Debug, Default)]
struct Fields {
    year: Option<i64>,
    year_digits: usize,
    century: Option<i64>,
    iso_year: bool,
    before_christ: bool,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    /// From Monday = 1.
    weekday: Option<i64>,
    week: Option<i64>,
    week_of_month: Option<i64>,
    julian: Option<i64>,
    hour: Option<i64>,
    twelve_hours: bool,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    microsecond: i64,
    seconds_of_day: Option<i64>,
    zone_hours: Option<(i64, bool)>,
    zone_minutes: i64,
}

fn refuse(message: String, detail: String) -> crate::Error {
    DataError::PictureMismatch { message, detail }.into()
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    /// Blanks passed over beyond what the picture asked for.
    extra: i32,
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
        while self.next().is_some_and(|c| c.is_ascii_whitespace()) {
            self.advance();
            self.extra += 1;
        }
    }

    fn literal(&mut self, c: char, quoted: bool) {
        if !quoted && (c.is_ascii_whitespace() || is_separator(c)) {
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

    /// A number of `length` digits, or of any number of them when `open`.
    fn number(&mut self, key: Key, length: usize, open: bool) -> Result<(i64, usize)> {
        let name = name_of(key);
        let blanks = self.rest.len() - self.rest.trim_start().len();
        self.rest = &self.rest[blanks..];
        let available = self.rest.chars().count();
        if !open && available < length {
            return Err(refuse(
                format!("source string too short for \"{name}\" formatting field"),
                format!("Field requires {length} characters, but only {available} remain."),
            ));
        }
        let field = if open { self.rest } else { &self.rest[..cut(self.rest, length)] };
        let sign = usize::from(field.starts_with(['-', '+']));
        let digits = field[sign..].bytes().take_while(u8::is_ascii_digit).count();
        let used = if digits == 0 { 0 } else { sign + digits };
        let shown = &self.rest[..cut(self.rest, length)];
        let invalid =
            |detail: String| refuse(format!("invalid value \"{shown}\" for \"{name}\""), detail);
        if used == 0 {
            return Err(invalid("Value must be an integer.".to_owned()));
        }
        if !open && used < length {
            return Err(invalid(format!(
                "Field requires {length} characters, but only {used} could be parsed."
            )));
        }
        let value: i32 = field[..used]
            .parse()
            .map_err(|_| DataError::PictureNumberOutOfRange { field: name })?;
        self.rest = &self.rest[used..];
        Ok((i64::from(value), used))
    }

    /// One of some words, in any case; its place.
    fn word(&mut self, key: Key, words: &[&str]) -> Result<usize> {
        let found = words.iter().position(|word| {
            self.rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        });
        let Some(at) = found else {
            let shown = self.rest.split_whitespace().next().unwrap_or_default();
            return Err(refuse(
                format!("invalid value \"{shown}\" for \"{}\"", name_of(key)),
                "The given value did not match any of the allowed values for this field."
                    .to_owned(),
            ));
        };
        self.rest = &self.rest[words[at].len()..];
        Ok(at)
    }
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
            | Key::ZoneOffset
    )
}

/// Whether the number before ends where its digits end.
fn ends_number(next: Option<&Piece<Key>>) -> bool {
    match next {
        None => true,
        Some(Piece::Pattern { key, .. }) => !is_number(*key),
        Some(Piece::Literal(c, _)) => !c.is_ascii_digit(),
    }
}

/// Sets a field; two values must be the same.
fn set(field: &mut Option<i64>, value: i64, key: Key) -> Result<()> {
    if field.is_some_and(|before| before != value) {
        return Err(refuse(
            format!("conflicting values for \"{}\" field in formatting string", name_of(key)),
            "This value contradicts a previous setting for the same field type.".to_owned(),
        ));
    }
    *field = Some(value);
    Ok(())
}

/// Years of one to three digits are those near 2020.
fn near_2020(year: i64) -> i64 {
    match year {
        0..70 | 100..520 => year + 2000,
        70..100 => year + 1900,
        520..1000 => year + 1000,
        _ => year,
    }
}

impl Fields {
    fn read(text: &str, picture: &str) -> Result<Fields> {
        let pieces = date_pieces(picture);
        let mut reader = Reader { text, rest: text, extra: 0 };
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
                Piece::Pattern { key, fill, ordinal } => {
                    reader.skip_blanks();
                    let open = *fill || ordinal.is_some() || ends_number(pieces.get(at + 1));
                    fields.pattern(*key, open, &mut reader)?;
                    if ordinal.is_some() && is_number(*key) {
                        reader.advance();
                        reader.advance();
                    }
                    reader.extra = 0;
                }
            }
        }
        debug_assert!(text.ends_with(reader.rest) && reader.text == text);
        Ok(fields)
    }

    #[expect(clippy::too_many_lines, reason = "one arm a pattern")]
    fn pattern(&mut self, key: Key, open: bool, reader: &mut Reader<'_>) -> Result<()> {
        let mut number = |length| reader.number(key, length, open).map(|(value, _)| value);
        match key {
            Key::Hour12 => {
                self.twelve_hours = true;
                set(&mut self.hour, number(2)?, key)
            }
            Key::Hour24 => set(&mut self.hour, number(2)?, key),
            Key::Minute => set(&mut self.minute, number(2)?, key),
            Key::Second => set(&mut self.second, number(2)?, key),
            Key::SecondsOfDay => set(&mut self.seconds_of_day, number(5)?, key),
            Key::Millisecond | Key::Microsecond | Key::Fraction(_) => {
                let (digits, places, unit) = match key {
                    Key::Millisecond => (3, 3usize, 1000),
                    Key::Fraction(digits) => (digits, 6, 1),
                    _ => (6, 6, 1),
                };
                let (value, used) = reader.number(key, digits, open)?;
                let missing = places.saturating_sub(used);
                self.microsecond += value * 10i64.pow(missing as u32) * unit;
                Ok(())
            }
            Key::Meridiem(dots, _) => {
                let words = if dots { ["a.m.", "p.m."] } else { ["am", "pm"] };
                self.twelve_hours = true;
                self.afternoon = Some(reader.word(key, &words)? == 1);
                Ok(())
            }
            Key::Era(dots, _) => {
                let words = if dots { ["a.d.", "b.c."] } else { ["ad", "bc"] };
                self.before_christ = reader.word(key, &words)? == 1;
                Ok(())
            }
            Key::YearWithComma => {
                let invalid =
                    || refuse("invalid input string for \"Y,YYY\"".to_owned(), String::new());
                if !reader.rest.contains(',') {
                    return Err(invalid());
                }
                let (thousands, _) = reader.number(key, 9, true)?;
                reader.rest = reader.rest.strip_prefix(',').ok_or_else(invalid)?;
                let (rest, _) = reader.number(key, 3, false)?;
                self.year_digits = 4;
                set(&mut self.year, thousands * 1000 + rest, key)
            }
            Key::Year(length, iso) => {
                let (value, used) = reader.number(key, length, open)?;
                let value = if length < 4 && used < 4 { near_2020(value) } else { value };
                self.iso_year = iso;
                self.year_digits = length;
                set(&mut self.year, value, key)
            }
            Key::MonthName(_) => set(&mut self.month, reader.word(key, &MONTHS)? as i64 + 1, key),
            Key::MonthAbbreviation(_) => {
                let names = MONTHS.map(|month| &month[..3]);
                set(&mut self.month, reader.word(key, &names)? as i64 + 1, key)
            }
            Key::RomanMonth(_) => {
                const ROMAN: [&str; 12] =
                    ["VIII", "VII", "III", "XII", "VI", "IV", "IX", "XI", "II", "V", "X", "I"];
                const MONTH: [i64; 12] = [8, 7, 3, 12, 6, 4, 9, 11, 2, 5, 10, 1];
                set(&mut self.month, MONTH[reader.word(key, &ROMAN)?], key)
            }
            Key::Month => set(&mut self.month, number(2)?, key),
            Key::DayName(_) => {
                let day = reader.word(key, &WEEKDAYS)? as i64;
                set(&mut self.weekday, (day + 6) % 7 + 1, key)
            }
            Key::DayAbbreviation(_) => {
                let names = WEEKDAYS.map(|day| &day[..3]);
                let day = reader.word(key, &names)? as i64;
                set(&mut self.weekday, (day + 6) % 7 + 1, key)
            }
            Key::DayOfWeek => {
                let day = number(1)?;
                set(&mut self.weekday, (day + 5).rem_euclid(7) + 1, key)
            }
            Key::IsoDayOfWeek => set(&mut self.weekday, number(1)?, key),
            Key::DayOfYear | Key::IsoDayOfYear => set(&mut self.day_of_year, number(3)?, key),
            Key::Day => set(&mut self.day, number(2)?, key),
            Key::WeekOfMonth => set(&mut self.week_of_month, number(1)?, key),
            Key::WeekOfYear | Key::IsoWeek => set(&mut self.week, number(2)?, key),
            Key::Century => set(&mut self.century, number(2)?, key),
            Key::Julian => set(&mut self.julian, reader.number(key, 7, true)?.0, key),
            Key::Quarter => number(1).map(|_| ()),
            Key::ZoneHour => {
                let negative = reader.next() == Some('-');
                if matches!(reader.next(), Some('-' | '+' | ' ')) {
                    reader.advance();
                }
                let (hours, _) = reader.number(key, 2, open)?;
                self.zone_hours = Some((hours, negative));
                Ok(())
            }
            Key::ZoneMinute => {
                self.zone_minutes = number(2)?;
                self.zone_hours = self.zone_hours.or(Some((0, false)));
                Ok(())
            }
            Key::ZoneName(_) | Key::ZoneOffset => Err(crate::error::SyntaxError::Unsupported {
                feature: format!("formatting field \"{}\" in to_timestamp", name_of(key)),
            }
            .into()),
        }
    }

    fn year(&self) -> i64 {
        let Some(year) = self.year else {
            return match self.century {
                Some(century) if self.before_christ => -(century * 100) + 1,
                Some(century) => (century - 1) * 100 + 1,
                None => 0,
            };
        };
        let year = match self.century {
            Some(century) if self.year_digits <= 2 => (century - 1) * 100 + year % 100,
            _ => year,
        };
        let signed = if self.before_christ { -year } else { year };
        if signed < 0 { signed + 1 } else { signed }
    }

    fn date(&self, text: &str) -> Result<Civil> {
        let beyond = || DataError::DatetimeFieldOverflow { text: text.to_owned(), style: false };
        if let Some(julian) = self.julian {
            return Ok(Civil::of_day(julian - EPOCH_JULIAN));
        }
        let year = i32::try_from(self.year()).map_err(|_| beyond())?;
        let first = Civil { year, month: 1, day: 1 }.day_number();
        let fourth = first + 3;
        let monday = fourth - i64::from((calendar::weekday(fourth) + 6) % 7);
        let week = self.week.filter(|week| *week != 0);
        let day_of_year = match week {
            Some(week) if self.iso_year => {
                let day = self.weekday.unwrap_or(1) - 1;
                return Ok(Civil::of_day(monday + (week - 1) * 7 + day));
            }
            Some(week) => Some((week - 1) * 7 + 1),
            None => self.day_of_year.filter(|day| *day != 0),
        };
        if let Some(day) = day_of_year {
            if self.year.is_none() && self.century.is_none() {
                return Err(refuse(
                    "cannot calculate day of year without year information".to_owned(),
                    String::new(),
                ));
            }
            if self.iso_year {
                return Ok(Civil::of_day(monday + day - 1));
            }
            let date = Civil::of_day(first + day - 1);
            return if date.year == year { Ok(date) } else { Err(beyond().into()) };
        }
        let day = self.week_of_month.map(|week| (week - 1) * 7 + 1).or(self.day).unwrap_or(1);
        let narrow = |value: i64| i32::try_from(value).map_err(|_| beyond());
        let date = Civil { year, month: narrow(self.month.unwrap_or(1))?, day: narrow(day)? };
        if date.exists() { Ok(date) } else { Err(beyond().into()) }
    }

    fn time(&self, text: &str) -> Result<i64> {
        let beyond = || DataError::DatetimeFieldOverflow { text: text.to_owned(), style: false };
        let (mut hour, mut minute, mut second) =
            (self.hour.unwrap_or(0), self.minute.unwrap_or(0), self.second.unwrap_or(0));
        if let Some(seconds) = self.seconds_of_day {
            (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        }
        if self.twelve_hours && self.hour.is_some() {
            if !(1..=12).contains(&hour) {
                return Err(DataError::TwelveHours { hour }.into());
            }
            hour = hour % 12 + if self.afternoon == Some(true) { 12 } else { 0 };
        }
        if !(0..24).contains(&hour)
            || !(0..60).contains(&minute)
            || !(0..60).contains(&second)
            || !(0..SECOND).contains(&self.microsecond)
        {
            return Err(beyond().into());
        }
        let clock = Clock {
            hour: hour as i32,
            minute: minute as i32,
            second: second as i32,
            microsecond: 0,
        };
        Ok(clock.microseconds() + self.microsecond)
    }
}

fn to_date(text: &str, picture: &str) -> Result<Datum> {
    let day = Fields::read(text, picture)?.date(text)?.day_number();
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
    let local = calendar::join(fields.date(text)?, fields.time(text)?).ok_or_else(beyond)?;
    let offset = match fields.zone_hours {
        Some((hours, negative)) => {
            if !(0..16).contains(&hours) || !(0..60).contains(&fields.zone_minutes) {
                return Err(DataError::ZoneDisplacement { text: text.to_owned() }.into());
            }
            let seconds = hours * 3600 + fields.zone_minutes * 60;
            if negative { -seconds } else { seconds }
        }
        None => i64::from(zone::offset_of_local(&call.environment.formats().time_zone, local)),
    };
    let utc = local - offset * SECOND;
    if calendar::is_timestamp(utc) { Ok(Datum::Timestamptz(utc)) } else { Err(beyond().into()) }
}

pub(super) static FUNCTIONS: &[Function] = &[
    stable(1780, "to_date", &[TEXT, TEXT], DATE, |call| map2(call, to_date)),
    stable(1778, "to_timestamp", &[TEXT, TEXT], TIMESTAMPTZ, to_timestamp),
];
