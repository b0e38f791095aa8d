//! Compiled patterns, and the flags they are compiled with.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use regex_automata::nfa::thompson::{
    self,
    pikevm::{Cache, PikeVM},
};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

use super::super::refuse;
use super::translate::{Preference, Translated, translate};
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
pub(super) struct Pattern(Rc<Machine>);

/// Where the first match begins `regex` finds quickly; where it ends and what its groups are is
/// for the slower machine that can tell the longest match from others.
struct Machine {
    regex: regex::Regex,
    exact: Option<Exact>,
}

struct Exact {
    machine: PikeVM,
    cache: RefCell<Cache>,
    preference: Preference,
}

/// A match: the places of the whole and of each group.
pub(super) struct Found(Vec<Option<Range<usize>>>);

impl Found {
    /// The place of the whole match.
    pub(super) fn whole(&self) -> Range<usize> {
        self.place(0).unwrap_or_default()
    }

    /// How many groups there are, the whole match among them.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The place of a group; None: it took no part in the match.
    pub(super) fn place(&self, number: usize) -> Option<Range<usize>> {
        self.0.get(number).cloned().flatten()
    }

    /// What a group matched of the text; None: nothing.
    pub(super) fn group<'t>(&self, number: usize, text: &'t str) -> Option<&'t str> {
        text.get(self.place(number)?)
    }
}

impl Pattern {
    /// Whether it matches somewhere.
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.0.regex.is_match(text)
    }

    /// The first match that begins at byte `from` or behind it.
    pub(super) fn find_at(&self, text: &str, from: usize) -> Option<Found> {
        let Some(exact) = &self.0.exact else {
            let found = self.0.regex.captures_at(text, from)?;
            return Some(Found(found.iter().map(|group| Some(group?.range())).collect()));
        };
        let start = self.0.regex.find_at(text, from)?.start();
        let input = Input::new(text)
            .span(start..text.len())
            .anchored(Anchored::Yes)
            .earliest(exact.preference == Preference::Shortest);
        let mut captures = exact.machine.create_captures();
        exact.machine.captures(&mut exact.cache.borrow_mut(), input, &mut captures);
        let groups = captures.iter().map(|group| group.map(|span| span.range()));
        captures.is_match().then(|| Found(groups.collect()))
    }

    /// The matches from byte `from` on, one behind the other.
    pub(super) fn find_all(&self, text: &str, from: usize) -> impl Iterator<Item = Found> {
        let pattern = self.clone();
        let mut next = Some(from);
        std::iter::from_fn(move || {
            let found = pattern.find_at(text, next?)?;
            let whole = found.whole();
            next = match whole.is_empty() {
                false => Some(whole.end),
                true => text[whole.end..].chars().next().map(|c| whole.end + c.len_utf8()),
            };
            Some(found)
        })
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

fn compile(pattern: &str, flags: Flags) -> Result<Machine> {
    let Translated { pattern, flags, preference } = translate(pattern, flags)?;
    let invalid = |reason: &str| DataError::InvalidRegex { reason: reason.to_owned() };
    let regex = regex::RegexBuilder::new(&pattern)
        .case_insensitive(flags.ignore_case)
        .dot_matches_new_line(!flags.newline_stops)
        .multi_line(flags.newline_anchors)
        .size_limit(MOST_BYTES)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => invalid("regular expression is too complex"),
            _ => invalid("invalid character range"),
        })?;
    if preference == Preference::Only {
        return Ok(Machine { regex, exact: None });
    }
    let syntax = syntax::Config::new()
        .case_insensitive(flags.ignore_case)
        .dot_matches_new_line(!flags.newline_stops)
        .multi_line(flags.newline_anchors);
    let machine = PikeVM::builder()
        .syntax(syntax)
        .thompson(thompson::Config::new().nfa_size_limit(Some(MOST_BYTES)))
        .configure(PikeVM::config().match_kind(MatchKind::All))
        .build(&pattern)
        .map_err(|_| invalid("regular expression is too complex"))?;
    let cache = RefCell::new(machine.create_cache());
    Ok(Machine { regex, exact: Some(Exact { machine, cache, preference }) })
}
