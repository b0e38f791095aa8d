//! The patterns of dates and times.

use super::picture::{Piece, pieces};

/// How letters are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Case {
    Upper,
    Title,
    Lower,
}

/// A pattern of a date or time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Hour12,
    Hour24,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    /// FF1 to FF6.
    Fraction(usize),
    SecondsOfDay,
    /// With dots, and its case.
    Meridiem(bool, Case),
    Era(bool, Case),
    /// `Y,YYY`
    YearWithComma,
    /// So many digits; whether of ISO 8601 weeks.
    Year(usize, bool),
    MonthName(Case),
    MonthAbbreviation(Case),
    Month,
    DayName(Case),
    DayAbbreviation(Case),
    DayOfYear,
    IsoDayOfYear,
    Day,
    /// From Sunday = 1.
    DayOfWeek,
    /// From Monday = 1.
    IsoDayOfWeek,
    WeekOfMonth,
    WeekOfYear,
    IsoWeek,
    Century,
    Julian,
    Quarter,
    RomanMonth(Case),
    ZoneName(Case),
    ZoneHour,
    ZoneMinute,
    ZoneOffset,
    /// FX: from here on a text is read as it stands.
    Fixed,
}

/// A pattern as it is written, and what it is.
pub(super) type Named = (&'static str, Key);

/// The longest first where one begins like another.
const KEYS: &[Named] = &[
    ("A.D.", Key::Era(true, Case::Upper)),
    ("A.M.", Key::Meridiem(true, Case::Upper)),
    ("AD", Key::Era(false, Case::Upper)),
    ("AM", Key::Meridiem(false, Case::Upper)),
    ("B.C.", Key::Era(true, Case::Upper)),
    ("BC", Key::Era(false, Case::Upper)),
    ("CC", Key::Century),
    ("DAY", Key::DayName(Case::Upper)),
    ("DDD", Key::DayOfYear),
    ("DD", Key::Day),
    ("DY", Key::DayAbbreviation(Case::Upper)),
    ("Day", Key::DayName(Case::Title)),
    ("Dy", Key::DayAbbreviation(Case::Title)),
    ("D", Key::DayOfWeek),
    ("FF1", Key::Fraction(1)),
    ("FF2", Key::Fraction(2)),
    ("FF3", Key::Fraction(3)),
    ("FF4", Key::Fraction(4)),
    ("FF5", Key::Fraction(5)),
    ("FF6", Key::Fraction(6)),
    ("FX", Key::Fixed),
    ("HH24", Key::Hour24),
    ("HH12", Key::Hour12),
    ("HH", Key::Hour12),
    ("IDDD", Key::IsoDayOfYear),
    ("ID", Key::IsoDayOfWeek),
    ("IW", Key::IsoWeek),
    ("IYYY", Key::Year(4, true)),
    ("IYY", Key::Year(3, true)),
    ("IY", Key::Year(2, true)),
    ("I", Key::Year(1, true)),
    ("J", Key::Julian),
    ("MI", Key::Minute),
    ("MM", Key::Month),
    ("MONTH", Key::MonthName(Case::Upper)),
    ("MON", Key::MonthAbbreviation(Case::Upper)),
    ("MS", Key::Millisecond),
    ("Month", Key::MonthName(Case::Title)),
    ("Mon", Key::MonthAbbreviation(Case::Title)),
    ("OF", Key::ZoneOffset),
    ("P.M.", Key::Meridiem(true, Case::Upper)),
    ("PM", Key::Meridiem(false, Case::Upper)),
    ("Q", Key::Quarter),
    ("RM", Key::RomanMonth(Case::Upper)),
    ("SSSSS", Key::SecondsOfDay),
    ("SSSS", Key::SecondsOfDay),
    ("SS", Key::Second),
    ("TZH", Key::ZoneHour),
    ("TZM", Key::ZoneMinute),
    ("TZ", Key::ZoneName(Case::Upper)),
    ("US", Key::Microsecond),
    ("WW", Key::WeekOfYear),
    ("W", Key::WeekOfMonth),
    ("Y,YYY", Key::YearWithComma),
    ("YYYY", Key::Year(4, false)),
    ("YYY", Key::Year(3, false)),
    ("YY", Key::Year(2, false)),
    ("Y", Key::Year(1, false)),
    ("a.d.", Key::Era(true, Case::Lower)),
    ("a.m.", Key::Meridiem(true, Case::Lower)),
    ("ad", Key::Era(false, Case::Lower)),
    ("am", Key::Meridiem(false, Case::Lower)),
    ("b.c.", Key::Era(true, Case::Lower)),
    ("bc", Key::Era(false, Case::Lower)),
    ("cc", Key::Century),
    ("day", Key::DayName(Case::Lower)),
    ("ddd", Key::DayOfYear),
    ("dd", Key::Day),
    ("dy", Key::DayAbbreviation(Case::Lower)),
    ("d", Key::DayOfWeek),
    ("ff1", Key::Fraction(1)),
    ("ff2", Key::Fraction(2)),
    ("ff3", Key::Fraction(3)),
    ("ff4", Key::Fraction(4)),
    ("ff5", Key::Fraction(5)),
    ("ff6", Key::Fraction(6)),
    ("fx", Key::Fixed),
    ("hh24", Key::Hour24),
    ("hh12", Key::Hour12),
    ("hh", Key::Hour12),
    ("iddd", Key::IsoDayOfYear),
    ("id", Key::IsoDayOfWeek),
    ("iw", Key::IsoWeek),
    ("iyyy", Key::Year(4, true)),
    ("iyy", Key::Year(3, true)),
    ("iy", Key::Year(2, true)),
    ("i", Key::Year(1, true)),
    ("j", Key::Julian),
    ("mi", Key::Minute),
    ("mm", Key::Month),
    ("month", Key::MonthName(Case::Lower)),
    ("mon", Key::MonthAbbreviation(Case::Lower)),
    ("ms", Key::Millisecond),
    ("of", Key::ZoneOffset),
    ("p.m.", Key::Meridiem(true, Case::Lower)),
    ("pm", Key::Meridiem(false, Case::Lower)),
    ("q", Key::Quarter),
    ("rm", Key::RomanMonth(Case::Lower)),
    ("sssss", Key::SecondsOfDay),
    ("ssss", Key::SecondsOfDay),
    ("ss", Key::Second),
    ("tzh", Key::ZoneHour),
    ("tzm", Key::ZoneMinute),
    ("tz", Key::ZoneName(Case::Lower)),
    ("us", Key::Microsecond),
    ("ww", Key::WeekOfYear),
    ("w", Key::WeekOfMonth),
    ("y,yyy", Key::YearWithComma),
    ("yyyy", Key::Year(4, false)),
    ("yyy", Key::Year(3, false)),
    ("yy", Key::Year(2, false)),
    ("y", Key::Year(1, false)),
];

fn named(text: &str) -> Option<(Named, usize)> {
    let found = KEYS.iter().find(|(name, _)| text.starts_with(name))?;
    Some((*found, found.0.len()))
}

/// A picture of a date taken apart.
pub(super) fn date_pieces(picture: &str) -> Vec<Piece<Named>> {
    pieces(picture, named, true)
}

impl Key {
    /// Whether an interval has no such part.
    pub(super) fn needs_calendar(self) -> bool {
        matches!(
            self,
            Key::Era(..)
                | Key::MonthName(_)
                | Key::MonthAbbreviation(_)
                | Key::DayName(_)
                | Key::DayAbbreviation(_)
                | Key::DayOfWeek
                | Key::IsoDayOfWeek
                | Key::ZoneName(_)
                | Key::ZoneOffset
                | Key::ZoneHour
                | Key::ZoneMinute
        )
    }
}

impl Case {
    /// A word in this case; it is given as a title.
    pub(super) fn apply(self, word: &str) -> String {
        match self {
            Case::Upper => word.to_ascii_uppercase(),
            Case::Title => word.to_owned(),
            Case::Lower => word.to_ascii_lowercase(),
        }
    }
}
