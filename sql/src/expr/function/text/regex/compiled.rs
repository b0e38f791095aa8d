//! Compiled patterns, and the flags they are compiled with.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

use super::super::refuse;
use super::translate::translate;
use crate::error::{DataError, Result};

/// Patterns a thread keeps.
const KEPT: usize = 32;

/// Bytes one compiled pattern may take.
const MOST_BYTES: usize = 16 << 20;

/// How a pattern is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    /// `.` and negated brackets do not match a newline.
    pub(super) newline_stops: bool,
    /// `^` and `$` match at newlines.
    pub(super) newline_anchors: bool,
    /// Blanks and comments in the pattern do not count.
    pub(super) expanded: bool,
    /// Every character stands for itself.
    pub(super) literal: bool,
    /// All matches; not the pattern's but the function's.
    pub(super) global: bool,
}

impl Flags {
    /// Reads the option letters of a function's flags.
    pub(super) fn read(letters: &str) -> Result<Flags> {
        let mut flags = Flags::default();
        for letter in letters.chars() {
            if letter == 'g' {
                flags.global = true;
            } else if !flags.set(letter) {
                let message = format!("invalid regular expression option: \"{letter}\"");
                return Err(refuse(message));
            }
        }
        Ok(flags)
    }

    /// Whether the letter is an option of patterns.
    pub(super) fn set(&mut self, letter: char) -> bool {
        match letter {
            'i' => self.ignore_case = true,
            'c' => self.ignore_case = false,
            'm' | 'n' => (self.newline_stops, self.newline_anchors) = (true, true),
            's' => (self.newline_stops, self.newline_anchors) = (false, false),
            'p' => (self.newline_stops, self.newline_anchors) = (true, false),
            'w' => (self.newline_stops, self.newline_anchors) = (false, true),
            'x' => self.expanded = true,
            't' => self.expanded = false,
            'q' => self.literal = true,
            'e' | 'b' => {}
            _ => return false,
        }
        true
    }

    /// Refuses `g` for a function that has one match only.
    pub(super) fn refuse_global(self, function: &str) -> Result<Flags> {
        if self.global {
            let message = format!("{function} does not support the \"global\" option");
            return Err(refuse(message));
        }
        Ok(self)
    }
}

/// A compiled pattern, shared with the thread's cache.
#[derive(Clone)]
pub(super) struct Pattern(Rc<regex::Regex>);

impl Deref for Pattern {
    type Target = regex::Regex;

    fn deref(&self) -> &regex::Regex {
        &self.0
    }
}

struct Kept {
    pattern: String,
    flags: Flags,
    regex: Pattern,
}

thread_local! {
    /// The most recently used last.
    static CACHE: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// The pattern compiled, from the cache when it is there.
pub(super) fn compiled(pattern: &str, flags: Flags) -> Result<Pattern> {
    let flags = Flags { global: false, ..flags };
    CACHE.with_borrow_mut(|cache| {
        let known = cache.iter().rposition(|kept| kept.flags == flags && kept.pattern == pattern);
        if let Some(at) = known {
            let kept = cache.remove(at);
            let regex = kept.regex.clone();
            cache.push(kept);
            return Ok(regex);
        }
        let regex = Pattern(Rc::new(compile(pattern, flags)?));
        if cache.len() == KEPT {
            cache.remove(0);
        }
        cache.push(Kept { pattern: pattern.to_owned(), flags, regex: regex.clone() });
        Ok(regex)
    })
}

fn compile(pattern: &str, flags: Flags) -> Result<regex::Regex> {
    let translated = translate(pattern, flags)?;
    regex::RegexBuilder::new(&translated.pattern)
        .case_insensitive(translated.flags.ignore_case)
        .dot_matches_new_line(!translated.flags.newline_stops)
        .multi_line(translated.flags.newline_anchors)
        .size_limit(MOST_BYTES)
        .build()
        .map_err(|error| {
            let reason = match error {
                regex::Error::CompiledTooBig(_) => "regular expression is too complex".to_owned(),
                _ => "invalid character range".to_owned(),
            };
            DataError::InvalidRegex { reason }.into()
        })
}
