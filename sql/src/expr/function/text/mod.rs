//! Functions of text, and of bytea where they are the same.

mod basic;
mod encode;
mod format;
mod pattern;
mod regex;
mod search;

use super::Function;
use crate::error::DataError;

/// Bytes a text may have.
const MOST_BYTES: usize = (1 << 30) - 1;

/// Every table of functions of text.
pub(super) static TABLES: &[&[Function]] = &[
    basic::FUNCTIONS,
    encode::FUNCTIONS,
    format::FUNCTIONS,
    pattern::FUNCTIONS,
    regex::FUNCTIONS,
    search::FUNCTIONS,
];

fn too_long() -> crate::Error {
    DataError::TooLarge { message: "requested length too large".to_owned() }.into()
}

fn refuse(message: impl Into<String>) -> crate::Error {
    DataError::InvalidArgument { message: message.into(), hint: None }.into()
}

fn refuse_limit(message: impl Into<String>) -> crate::Error {
    DataError::TooLarge { message: message.into() }.into()
}
