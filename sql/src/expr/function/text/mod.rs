//! Functions of text, and of bytea where they are the same.

mod basic;
mod encode;
mod format;
mod pattern;
mod regex;
mod search;

use super::Function;
use crate::error::{DataError, Result};
use crate::types::VALUE_BYTES_MAX;

/// Steps of a search that a call does between two looks at whether it is to stop.
pub(super) const STEPS_PER_CHECK: usize = 1 << 16;

/// Every table of functions of text.
pub(super) static TABLES: &[&[Function]] = &[
    basic::FUNCTIONS,
    encode::FUNCTIONS,
    format::FUNCTIONS,
    pattern::FUNCTIONS,
    regex::FUNCTIONS,
    search::FUNCTIONS,
];

/// A text that is put together of parts, and never becomes longer than one may be.
#[derive(Default)]
pub(super) struct Building(String);

impl Building {
    /// With room for a text of about that length.
    pub(super) fn with_room(bytes: usize) -> Building {
        Building(String::with_capacity(bytes.min(VALUE_BYTES_MAX)))
    }

    pub(super) fn push(&mut self, part: &str) -> Result<()> {
        self.grow(part.len())?;
        self.0.push_str(part);
        Ok(())
    }

    pub(super) fn push_blanks(&mut self, count: usize) -> Result<()> {
        self.grow(count)?;
        self.0.extend(std::iter::repeat_n(' ', count));
        Ok(())
    }

    fn grow(&self, more: usize) -> Result<()> {
        let holds = self.0.len();
        if more > VALUE_BYTES_MAX - holds {
            return Err(DataError::CannotGrow { holds, more }.into());
        }
        Ok(())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

fn too_long() -> crate::Error {
    DataError::TooLarge { message: "requested length too large".to_owned() }.into()
}

fn refuse(message: impl Into<String>) -> crate::Error {
    DataError::InvalidArgument { message: message.into(), hint: None }.into()
}

fn refuse_limit(message: impl Into<String>) -> crate::Error {
    DataError::TooLarge { message: message.into() }.into()
}
