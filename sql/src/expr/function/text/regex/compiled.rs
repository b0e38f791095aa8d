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
use super::translate::{Preference, Translated, translate, unsupported};
use crate::error::{DataError, Result};
use crate::expr::function::Call;

/// Patterns a thread keeps.
const KEPT: usize = 32;

/// Bytes one compiled pattern may take.
const MOST_BYTES: usize = 16 << 20;

/// States of the patterns that a thread keeps beside the last one.
const STATES_KEPT: usize = 1 << 17;

/// States times groups of a pattern: what the exact machine keeps for each search.
const PLACES_MAX: usize = 1 << 22;

/// Bytes of a text times states of a pattern from which a search is long.
const LONG_SEARCH: usize = 1 << 20;

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
            } else if !flags.set(letter)? {
                let message = format!("invalid regular expression option: \"{letter}\"");
                return Err(refuse(message));
            }
        }
        Ok(flags)
    }

    /// Whether the letter is an option of patterns.
    ///
    /// # Errors
    ///
    /// 0A000 for basic and extended regular expressions.
    pub(super) fn set(&mut self, letter: char) -> Result<bool> {
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
            'b' => return Err(unsupported("a basic regular expression")),
            'e' => return Err(unsupported("an extended regular expression")),
            _ => return Ok(false),
        }
        Ok(true)
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
    /// About how many states it has.
    states: usize,
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

    /// Where the search for the next match begins.
    pub(super) fn behind(&self, text: &str) -> Option<usize> {
        let whole = self.whole();
        if !whole.is_empty() {
            return Some(whole.end);
        }
        text[whole.end..].chars().next().map(|c| whole.end + c.len_utf8())
    }

    /// The group that a caller means: without any, the first one is the whole match.
    pub(super) fn asked(&self, group: usize) -> usize {
        if self.len() == 1 && group == 1 { 0 } else { group }
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
    /// To be called ahead of a search: one search is not interrupted.
    pub(super) fn prepare(&self, call: &Call<'_>, text: &str) -> Result<()> {
        if text.len().saturating_mul(self.0.states) > LONG_SEARCH {
            call.environment.stand_aside();
        }
        call.check()
    }

    /// Whether it matches somewhere.
    pub(super) fn is_match(&self, call: &Call<'_>, text: &str) -> Result<bool> {
        self.prepare(call, text)?;
        Ok(self.0.regex.is_match(text))
    }

    /// The first match.
    pub(super) fn find(&self, call: &Call<'_>, text: &str) -> Result<Option<Found>> {
        self.prepare(call, text)?;
        Ok(self.find_at(text, 0))
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

    /// The matches from byte `from` on, one behind the other; none behind the text's end.
    pub(super) fn find_all(
        &self,
        call: &Call<'_>,
        text: &str,
        from: usize,
    ) -> impl Iterator<Item = Result<Found>> {
        let mut next = Some(from).filter(|from| *from <= text.len());
        let mut prepared = false;
        std::iter::from_fn(move || {
            let from = next?;
            let ready = if prepared { call.check() } else { self.prepare(call, text) };
            prepared = true;
            if let Err(error) = ready {
                return Some(Err(error));
            }
            let found = self.find_at(text, from)?;
            next = found.behind(text);
            Some(Ok(found))
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
        let states = |cache: &[Kept]| cache.iter().map(|kept| kept.regex.0.states).sum::<usize>();
        while cache.len() == KEPT
            || !cache.is_empty() && states(cache) + regex.0.states > STATES_KEPT
        {
            cache.remove(0);
        }
        cache.push(Kept { pattern: pattern.to_owned(), flags, regex: regex.clone() });
        Ok(regex)
    })
}

fn compile(pattern: &str, flags: Flags) -> Result<Machine> {
    let Translated { pattern, flags, preference } = translate(pattern, flags)?;
    let invalid = |reason: &str| DataError::InvalidRegex { reason: reason.to_owned() };
    let too_complex = || invalid("regular expression is too complex");
    let groups = pattern.bytes().filter(|byte| *byte == b'(').count();
    if groups.saturating_mul(pattern.len()) > PLACES_MAX {
        return Err(too_complex().into());
    }
    let regex = regex::RegexBuilder::new(&pattern)
        .case_insensitive(flags.ignore_case)
        .dot_matches_new_line(!flags.newline_stops)
        .multi_line(flags.newline_anchors)
        .size_limit(MOST_BYTES)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => too_complex(),
            _ => invalid("invalid character range"),
        })?;
    if preference == Preference::Only {
        return Ok(Machine { regex, exact: None, states: pattern.len() });
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
        .map_err(|_| too_complex())?;
    let states = machine.get_nfa().states().len();
    if states.saturating_mul(machine.get_nfa().group_info().slot_len()) > PLACES_MAX {
        return Err(too_complex().into());
    }
    let cache = RefCell::new(machine.create_cache());
    Ok(Machine { regex, exact: Some(Exact { machine, cache, preference }), states })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_would_take_much_memory_are_too_complex() {
        for pattern in ["(a)".repeat(20_000), "(a*)".repeat(5_000), "(a*){255}".repeat(100)] {
            let refused = compiled(&pattern, Flags::default()).err().map(|error| error.to_string());
            let expected = "invalid regular expression: regular expression is too complex";
            assert_eq!(refused.as_deref(), Some(expected), "{} bytes", pattern.len());
        }
        assert!(compiled(&"(a)".repeat(500), Flags::default()).is_ok());
        assert!(compiled(r"\w{255}", Flags::default()).is_ok());
    }

    #[test]
    fn a_thread_keeps_few_states() {
        for number in 0..50 {
            compiled(&format!("{number}(a{{200}}){{100}}"), Flags::default()).unwrap();
        }
        let states = CACHE
            .with_borrow(|cache| cache.iter().map(|kept| kept.regex.0.states).collect::<Vec<_>>());
        assert!(!states.is_empty());
        assert!(states.iter().sum::<usize>() <= STATES_KEPT, "{states:?}");
    }
}
