//! From fields to a date and a time.
//!
//! Fields are read from left to right. What a bare number means follows from what was seen before
//! it and from DateStyle; every part may be given once.

use jiff::tz::TimeZone;

use super::calendar::{self, Civil, Clock, EPOCH_JULIAN};
use super::field::{Field, Looks};
use super::number::{Colons, colons, displacement, fraction, leading, microseconds, whole};
use super::problem::{Parsed, Problem};
use super::words::{Special, Unit, Word, word};
use super::{DateOrder, Formats, zone};

/// What has been seen, as bits.
pub(super) mod part {
    pub(in super::super) const YEAR: u32 = 1 << 0;
    pub(in super::super) const MONTH: u32 = 1 << 1;
    pub(in super::super) const DAY: u32 = 1 << 2;
    pub(in super::super) const DAY_OF_YEAR: u32 = 1 << 3;
    pub(in super::super) const HOUR: u32 = 1 << 4;
    pub(in super::super) const MINUTE: u32 = 1 << 5;
    pub(in super::super) const SECOND: u32 = 1 << 6;
    pub(in super::super) const ZONE: u32 = 1 << 7;
    pub(in super::super) const DAYLIGHT: u32 = 1 << 8;
    pub(in super::super) const AFTERNOON: u32 = 1 << 9;
    pub(in super::super) const ERA: u32 = 1 << 10;
    pub(in super::super) const WEEKDAY: u32 = 1 << 11;
    pub(in super::super) const DATE: u32 = YEAR | MONTH | DAY;
    pub(in super::super) const TIME: u32 = HOUR | MINUTE | SECOND;
}

use part::*;

/// What a text turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A date, a time, or both.
    Plain,
    /// 1970-01-01 00:00 UTC.
    Epoch,
    Infinity,
    NegativeInfinity,
}

/// A text that has been read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Decoded {
    pub(super) kind: Kind,
    pub(super) date: Civil,
    /// Microseconds since midnight, up to a whole day.
    pub(super) time: i64,
    /// Seconds east of UTC, when a zone was given.
    pub(super) offset: Option<i32>,
}

/// What the field before said the next number is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Prefix {
    Unit(Unit),
    Time,
}

#[derive(Clone, Debug)]
enum Zone {
    Offset(i32),
    Named(TimeZone),
    Abbreviated(String),
}

/// Whether a date must be there, or a time is enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    Date,
    Time,
}

struct Decoder<'a> {
    formats: &'a Formats,
    wanted: Wanted,
    seen: u32,
    kind: Kind,
    date: Civil,
    day_of_year: i32,
    clock: Clock,
    zone: Option<Zone>,
    daylight: bool,
    prefix: Option<Prefix>,
    text_month: bool,
    julian: bool,
    two_digits: bool,
    before_christ: bool,
    afternoon: Option<bool>,
}

/// Reads the fields of a text.
pub(super) fn decode(fields: &[Field], wanted: Wanted, formats: &Formats) -> Parsed<Decoded> {
    let mut decoder = Decoder {
        formats,
        wanted,
        seen: 0,
        kind: Kind::Plain,
        date: Civil { year: 0, month: 0, day: 0 },
        day_of_year: 0,
        clock: Clock::default(),
        zone: None,
        daylight: false,
        prefix: None,
        text_month: false,
        julian: false,
        two_digits: false,
        before_christ: false,
        afternoon: None,
    };
    for at in 0..fields.len() {
        let new = decoder.field(fields, at)?;
        if new & decoder.seen != 0 {
            return Err(Problem::Format);
        }
        decoder.seen |= new;
    }
    decoder.finish()
}

impl Decoder<'_> {
    fn field(&mut self, fields: &[Field], at: usize) -> Parsed<u32> {
        let text = fields[at].text.as_str();
        match fields[at].looks {
            Looks::Date if self.wanted == Wanted::Time => self.date_beside_time(fields, at),
            Looks::Date => self.date_field(text),
            Looks::Time => {
                if self.prefix.take().is_some_and(|prefix| prefix != Prefix::Time) {
                    return Err(Problem::Format);
                }
                self.clock_field(text)
            }
            Looks::Zone => {
                self.zone = Some(Zone::Offset(displacement(text)?));
                Ok(ZONE)
            }
            Looks::Number => match self.prefix.take() {
                Some(prefix) => self.prefixed(prefix, text),
                None if self.wanted == Wanted::Time => self.bare_time(fields, at),
                None => self.bare_number(text),
            },
            Looks::Word | Looks::Special => self.word_field(fields, at),
        }
    }

    fn clock_field(&mut self, text: &str) -> Parsed<u32> {
        let Colons { hour, minute, second, microsecond } = colons(text, false)?;
        let hour = i32::try_from(hour).map_err(|_| Problem::Field)?;
        self.clock = Clock { hour, minute, second, microsecond };
        self.check_hour()?;
        Ok(TIME)
    }

    fn check_hour(&self) -> Parsed<()> {
        let clock = self.clock;
        let rest = clock.minute + clock.second + clock.microsecond;
        if clock.hour > 24 || clock.hour == 24 && rest > 0 { Err(Problem::Field) } else { Ok(()) }
    }

    /// A field with separators: a date, a zone's name, or `hhmmss-zz`.
    fn date_field(&mut self, text: &str) -> Parsed<u32> {
        if self.prefix == Some(Prefix::Unit(Unit::Julian)) {
            self.prefix = None;
            let (day, rest) = leading(text)?;
            self.set_julian(day);
            self.clock = Clock::default();
            self.zone = Some(Zone::Offset(displacement(rest)?));
            return Ok(DATE | TIME | ZONE);
        }
        let has_date = self.seen & (MONTH | DAY) == MONTH | DAY;
        if self.prefix.is_none() && !has_date {
            return self.parts_of_date(text);
        }
        if self.prefix.is_none() && !text.starts_with(|c: char| c.is_ascii_digit()) {
            return self.named_zone(text);
        }
        if self.prefix.take().is_some_and(|prefix| prefix != Prefix::Time)
            || self.seen & TIME == TIME
        {
            return Err(Problem::Format);
        }
        self.time_with_zone(text)
    }

    /// `hhmmss-zz`
    fn time_with_zone(&mut self, text: &str) -> Parsed<u32> {
        let at = text.find('-').ok_or(Problem::Format)?;
        self.zone = Some(Zone::Offset(displacement(&text[at..])?));
        let time = self.run_together(&text[..at], self.seen | self.ignored())?;
        Ok(time | ZONE)
    }

    /// A time alone counts the date as given.
    fn ignored(&self) -> u32 {
        if self.wanted == Wanted::Time { DATE } else { 0 }
    }

    fn named_zone(&mut self, text: &str) -> Parsed<u32> {
        let zone = zone::named(text).ok_or_else(|| Problem::Zone(text.to_owned()))?;
        self.zone = Some(Zone::Named(zone));
        Ok(ZONE)
    }

    /// A date with separators in a text that should be a time.
    fn date_beside_time(&mut self, fields: &[Field], at: usize) -> Parsed<u32> {
        let text = fields[at].text.as_str();
        let last = &fields[fields.len() - 1];
        if at == 0
            && fields.len() >= 2
            && (last.looks == Looks::Date || fields[1].looks == Looks::Time)
        {
            return self.parts_of_date(text);
        }
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return self.named_zone(text);
        }
        self.prefix = None;
        if self.seen & TIME == TIME {
            return Err(Problem::Format);
        }
        self.time_with_zone(text)
    }

    /// `1999-01-08`, `8/jan/1999`: a month in letters first, then the numbers in order.
    fn parts_of_date(&mut self, text: &str) -> Parsed<u32> {
        let mut numbers = Vec::new();
        let mut found = 0;
        for piece in pieces(text)? {
            if piece.starts_with(|c: char| c.is_ascii_digit()) {
                numbers.push(piece);
                continue;
            }
            match word(piece) {
                Some(Word::Filler) => {}
                Some(Word::Month(month)) if (self.seen | found) & MONTH == 0 => {
                    self.date.month = month;
                    self.text_month = true;
                    found |= MONTH;
                }
                _ => return Err(Problem::Format),
            }
        }
        for number in numbers {
            let new = self.next_number(number, self.seen | found)?;
            if new & (self.seen | found) != 0 {
                return Err(Problem::Format);
            }
            found |= new;
        }
        let complete = (self.seen | found) & !(DAY_OF_YEAR | ZONE) == DATE;
        if complete { Ok(found) } else { Err(Problem::Format) }
    }

    /// A number behind a word that says what it is.
    fn prefixed(&mut self, prefix: Prefix, text: &str) -> Parsed<u32> {
        let (value, rest) = leading(text)?;
        let takes_fraction =
            matches!(prefix, Prefix::Time | Prefix::Unit(Unit::Julian | Unit::Second));
        let goes_on = takes_fraction && rest.starts_with('.');
        if !rest.is_empty() && !goes_on {
            return Err(Problem::Format);
        }
        let Prefix::Unit(unit) = prefix else {
            return match self.run_together(text, self.seen | DATE)? {
                TIME => Ok(TIME),
                _ => Err(Problem::Format),
            };
        };
        match unit {
            Unit::Year => self.date.year = value,
            Unit::Month if self.seen & (MONTH | HOUR) == MONTH | HOUR => {
                self.clock.minute = value;
                return Ok(MINUTE);
            }
            Unit::Month => self.date.month = value,
            Unit::Day => self.date.day = value,
            Unit::Hour => self.clock.hour = value,
            Unit::Minute => self.clock.minute = value,
            Unit::Second => {
                self.clock.second = value;
                if !rest.is_empty() {
                    self.clock.microsecond = microseconds(rest)?;
                }
            }
            Unit::Julian => {
                if value < 0 {
                    return Err(Problem::Field);
                }
                self.set_julian(value);
                if rest.is_empty() {
                    return Ok(DATE);
                }
                let time = (fraction(rest)? * calendar::DAY as f64) as i64;
                self.clock = Clock::of_microseconds(time);
                return Ok(DATE | TIME);
            }
            _ => return Err(Problem::Format),
        }
        Ok(bit(unit))
    }

    fn set_julian(&mut self, day: i32) {
        self.date = Civil::of_day(i64::from(day) - EPOCH_JULIAN);
        self.julian = true;
    }

    /// A number that nothing announced.
    fn bare_number(&mut self, text: &str) -> Parsed<u32> {
        let point = text.find('.');
        match point {
            Some(_) if self.seen & DATE == 0 => self.parts_of_date(text),
            Some(point) if point > 2 => self.run_together(text, self.seen),
            None if text.len() >= 6 && (self.seen & DATE == 0 || self.seen & TIME == 0) => {
                self.run_together(text, self.seen)
            }
            _ => self.next_number(text, self.seen),
        }
    }

    /// A number in a text that should be a time.
    fn bare_time(&mut self, fields: &[Field], at: usize) -> Parsed<u32> {
        let text = fields[at].text.as_str();
        let seen = self.seen | DATE;
        match text.find('.') {
            Some(_)
                if at == 0
                    && fields.len() >= 2
                    && fields[fields.len() - 1].looks == Looks::Date =>
            {
                self.parts_of_date(text)
            }
            Some(point) if point > 2 => self.run_together(text, seen),
            Some(_) => Err(Problem::Format),
            None if text.len() > 4 => self.run_together(text, seen),
            None => self.next_number(text, seen),
        }
    }

    /// The part of the date that comes next, given what there is.
    fn next_number(&mut self, text: &str, seen: u32) -> Parsed<u32> {
        let (value, rest) = leading(text)?;
        let length = text.len();
        if rest.starts_with('.') {
            if length - rest.len() > 2 {
                return self.run_together(text, seen | DATE);
            }
            self.clock.microsecond = microseconds(rest)?;
        } else if !rest.is_empty() {
            return Err(Problem::Format);
        }
        if length == 3 && seen & DATE == YEAR && (1..=366).contains(&value) {
            self.day_of_year = value;
            return Ok(DAY_OF_YEAR | MONTH | DAY);
        }
        let order = self.formats.date_order;
        let new = match seen & DATE {
            0 if length >= 3 || order == DateOrder::Ymd => YEAR,
            0 if order == DateOrder::Dmy => DAY,
            0 => MONTH,
            YEAR | DAY => MONTH,
            MONTH if self.text_month && (length >= 3 || order == DateOrder::Ymd) => YEAR,
            MONTH => DAY,
            part if part == YEAR | MONTH => {
                if self.text_month && length >= 3 && self.two_digits {
                    // The first number was the day after all.
                    self.date.day = self.date.year;
                    self.date.year = value;
                    self.two_digits = false;
                    return Ok(DAY);
                }
                DAY
            }
            part if part == MONTH | DAY => YEAR,
            DATE => return self.run_together(text, seen),
            _ => return Err(Problem::Format),
        };
        match new {
            YEAR => {
                self.date.year = value;
                self.two_digits = length <= 2;
            }
            MONTH => self.date.month = value,
            _ => self.date.day = value,
        }
        Ok(new)
    }

    /// `yymmdd`, `yyyymmdd`, `hhmm`, `hhmmss`, `hhmmss.fff`
    fn run_together(&mut self, text: &str, seen: u32) -> Parsed<u32> {
        let digits = match text.find('.') {
            Some(point) => {
                self.clock.microsecond = microseconds(&text[point..])?;
                &text[..point]
            }
            None if seen & DATE != DATE && text.len() >= 6 => {
                let (year, rest) = text.split_at(text.len() - 4);
                self.date = Civil {
                    year: whole(year)?,
                    month: whole(&rest[..2])?,
                    day: whole(&rest[2..])?,
                };
                self.two_digits = year.len() == 2;
                return Ok(DATE);
            }
            None => text,
        };
        if seen & TIME == TIME || !matches!(digits.len(), 4 | 6) {
            return Err(Problem::Format);
        }
        self.clock.hour = whole(&digits[..2])?;
        self.clock.minute = whole(&digits[2..4])?;
        self.clock.second = if digits.len() == 6 { whole(&digits[4..])? } else { 0 };
        Ok(TIME)
    }

    fn word_field(&mut self, fields: &[Field], at: usize) -> Parsed<u32> {
        let text = fields[at].text.as_str();
        if zone::is_abbreviation(text) {
            self.zone = Some(Zone::Abbreviated(text.to_owned()));
            return Ok(ZONE);
        }
        match word(text) {
            Some(Word::Filler) => Ok(0),
            Some(Word::Special(special)) => self.special(special),
            Some(Word::Month(month)) => Ok(self.month_word(month)),
            Some(Word::Weekday) => Ok(WEEKDAY),
            Some(Word::Afternoon(afternoon)) => {
                self.afternoon = Some(afternoon);
                Ok(AFTERNOON)
            }
            Some(Word::BeforeChrist(before)) => {
                self.before_christ = before;
                Ok(ERA)
            }
            Some(Word::Daylight) => {
                self.daylight = true;
                Ok(DAYLIGHT)
            }
            Some(Word::Unit(unit)) => {
                self.prefix = Some(Prefix::Unit(unit));
                Ok(0)
            }
            Some(Word::IsoTime) => {
                let no_date = self.wanted == Wanted::Date && self.seen & DATE != DATE;
                let next = fields.get(at + 1).map(|field| field.looks);
                if no_date || !matches!(next, Some(Looks::Number | Looks::Time | Looks::Date)) {
                    return Err(Problem::Format);
                }
                self.prefix = Some(Prefix::Time);
                Ok(0)
            }
            None => {
                let zone = zone::named(text).ok_or(Problem::Format)?;
                self.zone = Some(Zone::Named(zone));
                Ok(ZONE)
            }
        }
    }

    /// A month's name turns a number that was taken for the month into the day.
    fn month_word(&mut self, month: i32) -> u32 {
        let moves = self.seen & (MONTH | DAY) == MONTH
            && !self.text_month
            && (1..=31).contains(&self.date.month);
        let new = if moves {
            self.date.day = self.date.month;
            DAY
        } else {
            MONTH
        };
        self.text_month = true;
        self.date.month = month;
        new
    }

    fn special(&mut self, special: Special) -> Parsed<u32> {
        let now = zone::to_local(&self.formats.time_zone, self.formats.now);
        let (today, clock) = calendar::split(now);
        let days = |days| Civil::of_day(today.day_number() + days);
        match special {
            Special::Now => {
                self.clock = clock;
                if self.wanted == Wanted::Time {
                    return Ok(TIME);
                }
                self.date = today;
                let offset = zone::offset_at(&self.formats.time_zone, self.formats.now);
                self.zone = Some(Zone::Offset(offset));
                return Ok(DATE | TIME | ZONE);
            }
            Special::Zulu => {
                self.clock = Clock::default();
                self.zone = Some(Zone::Offset(0));
                return Ok(TIME | ZONE);
            }
            _ if self.wanted == Wanted::Time => return Err(Problem::Format),
            Special::Yesterday => self.date = days(-1),
            Special::Today => self.date = today,
            Special::Tomorrow => self.date = days(1),
            Special::Epoch => self.kind = Kind::Epoch,
            Special::Infinity => self.kind = Kind::Infinity,
            Special::NegativeInfinity => self.kind = Kind::NegativeInfinity,
        }
        Ok(if self.kind == Kind::Plain { DATE } else { DATE | TIME | ZONE })
    }

    fn finish(mut self) -> Parsed<Decoded> {
        if self.kind == Kind::Plain || self.wanted == Wanted::Time {
            self.check_date()?;
            self.apply_afternoon()?;
        }
        if self.wanted == Wanted::Time {
            return self.finish_time();
        }
        let time = self.clock.microseconds();
        if self.kind != Kind::Plain {
            return Ok(Decoded { kind: self.kind, date: self.date, time, offset: None });
        }
        if self.seen & DATE != DATE {
            return Err(Problem::Format);
        }
        // Dates beyond any timestamp are refused later.
        let local = self.date.day_number().saturating_mul(calendar::DAY).saturating_add(time);
        let offset = self.offset(local)?;
        Ok(Decoded { kind: Kind::Plain, date: self.date, time, offset })
    }

    fn finish_time(self) -> Parsed<Decoded> {
        let clock = self.clock;
        let in_range = (0..=24).contains(&clock.hour)
            && (0..60).contains(&clock.minute)
            && (0..=60).contains(&clock.second);
        let time = clock.microseconds();
        if !in_range || time > calendar::DAY {
            return Err(Problem::Field);
        }
        if self.seen & TIME != TIME {
            return Err(Problem::Format);
        }
        // A zone with rules needs to know the day.
        if let Some(Zone::Named(zone)) = &self.zone
            && self.seen & DATE != DATE
            && !zone::is_fixed(zone)
        {
            return Err(Problem::Format);
        }
        Ok(Decoded { kind: self.kind, date: self.date, time, offset: None })
    }

    fn check_date(&mut self) -> Parsed<()> {
        let year = self.date.year;
        if self.seen & YEAR != 0 && !self.julian {
            if self.before_christ {
                if year <= 0 {
                    return Err(Problem::Field);
                }
                self.date.year = 1 - year;
            } else if self.two_digits {
                self.date.year = match year {
                    ..0 => return Err(Problem::Field),
                    0..70 => year + 2000,
                    70..100 => year + 1900,
                    _ => year,
                };
            } else if year <= 0 {
                return Err(Problem::Field);
            }
        }
        if self.seen & DAY_OF_YEAR != 0 {
            let first = Civil { month: 1, day: 1, ..self.date }.day_number();
            self.date = Civil::of_day(first + i64::from(self.day_of_year) - 1);
        }
        if self.seen & MONTH != 0 && !(1..=12).contains(&self.date.month)
            || self.seen & DAY != 0 && !(1..=31).contains(&self.date.day)
        {
            return Err(Problem::MonthOrDay);
        }
        if self.seen & DATE == DATE && !self.date.exists() {
            return Err(Problem::Field);
        }
        Ok(())
    }

    fn apply_afternoon(&mut self) -> Parsed<()> {
        let Some(afternoon) = self.afternoon else { return Ok(()) };
        match (afternoon, self.clock.hour) {
            (_, 13..) => return Err(Problem::Field),
            (false, 12) => self.clock.hour = 0,
            (true, hour) if hour < 12 => self.clock.hour += 12,
            _ => {}
        }
        Ok(())
    }

    /// Seconds east of UTC when clocks show `local`, if a zone was given.
    fn offset(&self, local: i64) -> Parsed<Option<i32>> {
        let offset = match &self.zone {
            None if self.daylight => return Err(Problem::Format),
            None => return Ok(None),
            Some(Zone::Named(_)) if self.daylight => return Err(Problem::Format),
            Some(Zone::Named(zone)) => zone::offset_of_local(zone, local),
            Some(Zone::Offset(offset)) => *offset,
            Some(Zone::Abbreviated(name)) => {
                zone::abbreviated(name, local).map_or(0, |(offset, _)| offset)
            }
        };
        let daylight = if self.daylight { calendar::HOUR / calendar::SECOND } else { 0 };
        Ok(Some(offset + daylight as i32))
    }
}

/// The bit of what a unit sets.
fn bit(unit: Unit) -> u32 {
    match unit {
        Unit::Year => YEAR,
        Unit::Month => MONTH,
        Unit::Day => DAY,
        Unit::Hour => HOUR,
        Unit::Minute => MINUTE,
        Unit::Second => SECOND,
        _ => 0,
    }
}

/// The runs of digits or of letters in a date.
fn pieces(text: &str) -> Parsed<Vec<&str>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let from = rest.find(|c: char| c.is_ascii_alphanumeric()).ok_or(Problem::Format)?;
        rest = &rest[from..];
        let digit = rest.starts_with(|c: char| c.is_ascii_digit());
        let same = |c: char| if digit { c.is_ascii_digit() } else { c.is_ascii_alphabetic() };
        let end = rest.find(|c: char| !same(c)).unwrap_or(rest.len());
        pieces.push(&rest[..end]);
        rest = &rest[end..];
        // One separator goes with the piece before it.
        if let Some(c) = rest.chars().next().filter(|c| !c.is_ascii_alphanumeric()) {
            rest = &rest[c.len_utf8()..];
        }
    }
    Ok(pieces)
}
