//! What can be wrong with the text of a date, a time or an interval.

use crate::error::{DataError, Error};

/// Before the text and the type are known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Problem {
    /// No date at all.
    Format,
    /// A field is out of its range.
    Field,
    /// A month or a day is, and another DateStyle might read it.
    MonthOrDay,
    /// An offset of more than fifteen hours.
    Displacement,
    /// No such zone.
    Zone(String),
}

pub(super) type Parsed<T> = Result<T, Problem>;

impl Problem {
    /// The error of reading `text` as a value of the type.
    pub(super) fn error(self, type_name: &'static str, text: &str) -> Error {
        let text = text.to_owned();
        match self {
            Problem::Format => DataError::InvalidDatetime { type_name, text },
            Problem::Field => DataError::DatetimeFieldOverflow { text, style: false },
            Problem::MonthOrDay => DataError::DatetimeFieldOverflow { text, style: true },
            Problem::Displacement => DataError::ZoneDisplacement { text },
            Problem::Zone(name) => DataError::UnknownZone { name },
        }
        .into()
    }
}
