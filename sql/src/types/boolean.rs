//! `bool`: its text form.

use crate::error::{DataError, Result};

/// Reads what `boolin` reads: any prefix of a word that no other word shares.
pub(crate) fn input(text: &str) -> Result<bool> {
    let trimmed = super::trim(text);
    let is_prefix = |word: &str, least: usize| {
        trimmed.len() >= least
            && trimmed.len() <= word.len()
            && word.as_bytes()[..trimmed.len()].eq_ignore_ascii_case(trimmed.as_bytes())
    };
    let truth = is_prefix("true", 1) || is_prefix("yes", 1) || is_prefix("on", 2) || trimmed == "1";
    let falsity =
        is_prefix("false", 1) || is_prefix("no", 1) || is_prefix("off", 2) || trimmed == "0";
    match (truth, falsity) {
        (true, false) => Ok(true),
        (false, true) => Ok(false),
        _ => Err(DataError::InvalidText { type_name: "boolean", text: text.to_owned() }.into()),
    }
}

/// `t` or `f`.
pub(crate) fn output(value: bool) -> &'static [u8] {
    if value { b"t" } else { b"f" }
}
