//! Types and values: no such operator, bad text, out of range.

use std::fmt;

use super::{Fields, SqlState};

/// Types and values: no such operator, bad text, out of range.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum DataError {
    /// Division or modulo by zero.
    DivisionByZero,
    /// A value its type cannot hold; `type_name` as in the message (`integer`).
    OutOfRange { type_name: &'static str },
    /// Stored bytes that are not what they should be.
    Corrupted { what: &'static str },
    /// Text that is no value of the type.
    InvalidText { type_name: &'static str, text: String },
    /// A line of COPY data beyond a gigabyte.
    CopyLineTooLong,
    /// The end of COPY data inside quotes.
    CopyUnterminatedQuote,
}

impl DataError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::DivisionByZero => SqlState::DIVISION_BY_ZERO,
            Self::OutOfRange { .. } => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            Self::Corrupted { .. } => SqlState::DATA_CORRUPTED,
            Self::InvalidText { .. } => SqlState::INVALID_TEXT_REPRESENTATION,
            Self::CopyLineTooLong => SqlState::PROGRAM_LIMIT_EXCEEDED,
            Self::CopyUnterminatedQuote => SqlState::BAD_COPY_FILE_FORMAT,
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        Fields::default()
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DivisionByZero => f.write_str("division by zero"),
            Self::OutOfRange { type_name } => write!(f, "{type_name} out of range"),
            Self::Corrupted { what } => write!(f, "stored bytes are not {what}"),
            Self::InvalidText { type_name, text } => {
                write!(f, "invalid input syntax for type {type_name}: \"{text}\"")
            }
            Self::CopyLineTooLong => f.write_str("line of COPY data is too long"),
            Self::CopyUnterminatedQuote => f.write_str("unterminated CSV quoted field"),
        }
    }
}
