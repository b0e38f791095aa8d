//! LIKE and ILIKE.
//!
//! A pattern is matched piece by piece; at a `%` the place is remembered, and a mismatch goes on
//! from there with one character more. Only the last `%` need be remembered: what an earlier one
//! could take, the later one can take too.

use super::super::declare::*;
use super::super::value::map2;
use super::{Function, STEPS_PER_CHECK};
use crate::error::{DataError, Result};
use crate::expr::function::Call;
use crate::types::Datum;

/// What the next piece of a pattern asks for.
enum Piece {
    /// This byte.
    Byte(u8),
    /// `_`
    AnyCharacter,
    /// `%`
    AnyString,
}

/// The piece at `at`, and where the next one begins.
fn piece(pattern: &[u8], at: usize) -> Result<Option<(Piece, usize)>> {
    Ok(match pattern.get(at) {
        None => None,
        Some(b'%') => Some((Piece::AnyString, at + 1)),
        Some(b'_') => Some((Piece::AnyCharacter, at + 1)),
        Some(b'\\') => match pattern.get(at + 1) {
            Some(byte) => Some((Piece::Byte(*byte), at + 2)),
            None => return Err(DataError::PatternEndsWithEscape.into()),
        },
        Some(byte) => Some((Piece::Byte(*byte), at + 1)),
    })
}

/// The byte behind the character that begins at `at`.
fn behind_character(text: &[u8], at: usize) -> usize {
    let later = text[at + 1..].iter().take_while(|byte| **byte & 0xC0 == 0x80).count();
    at + 1 + later
}

/// Whether `text` matches. `_` takes a whole character when `characters`, else a byte. `check` is
/// called every so often: a text may be looked at as often as it has bytes.
fn matches(
    text: &[u8],
    pattern: &[u8],
    characters: bool,
    check: impl Fn() -> Result<()>,
) -> Result<bool> {
    let step = |at| if characters { behind_character(text, at) } else { at + 1 };
    let (mut at, mut place) = (0, 0);
    // Behind the last `%`, and where its text ends for now.
    let mut retry: Option<(usize, usize)> = None;
    let mut steps = 0;
    loop {
        steps += 1;
        if steps == STEPS_PER_CHECK {
            check()?;
            steps = 0;
        }
        // Past the end of the text only `%` can follow; an escape there is not looked at.
        if at == text.len() {
            return Ok(pattern[place..].iter().all(|byte| *byte == b'%'));
        }
        match piece(pattern, place)? {
            Some((Piece::AnyString, next)) => {
                if next == pattern.len() {
                    return Ok(true);
                }
                retry = Some((next, at));
                place = next;
                continue;
            }
            Some((Piece::AnyCharacter, next)) => {
                at = step(at);
                place = next;
                continue;
            }
            Some((Piece::Byte(byte), next)) if byte == text[at] => {
                at += 1;
                place = next;
                continue;
            }
            Some((Piece::Byte(_), _)) | None => {}
        }
        let Some((next, from)) = retry else { return Ok(false) };
        at = step(from);
        place = next;
        retry = Some((next, at));
    }
}

fn like(call: &mut Call<'_>) -> Result<bool> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    matches(text.as_bytes(), pattern.as_bytes(), true, || call.check())
}

fn like_bytes(call: &mut Call<'_>) -> Result<bool> {
    matches(call.arg(0)?, call.arg(1)?, false, || call.check())
}

fn ilike(call: &mut Call<'_>) -> Result<bool> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let (text, pattern) = (text.to_ascii_lowercase(), pattern.to_ascii_lowercase());
    matches(text.as_bytes(), pattern.as_bytes(), true, || call.check())
}

/// The same pattern with a backslash for `escape`.
fn escaped(pattern: &str, escape: &str) -> Result<String> {
    let mut characters = escape.chars();
    let (escape, rest) = (characters.next(), characters.next());
    if rest.is_some() {
        return Err(DataError::InvalidEscape.into());
    }
    let mut result = String::with_capacity(pattern.len() + 4);
    let mut after_escape = false;
    for c in pattern.chars() {
        if Some(c) == escape && !after_escape {
            after_escape = true;
            result.push('\\');
            continue;
        }
        if c == '\\' && !after_escape {
            result.push('\\');
        }
        result.push(c);
        after_escape = false;
    }
    Ok(result)
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(850, "textlike", &[TEXT, TEXT], BOOL, |call| like(call).map(Datum::Bool)),
    immutable(851, "textnlike", &[TEXT, TEXT], BOOL, |call| {
        like(call).map(|matched| Datum::Bool(!matched))
    }),
    immutable(1569, "like", &[TEXT, TEXT], BOOL, |call| like(call).map(Datum::Bool)),
    immutable(1570, "notlike", &[TEXT, TEXT], BOOL, |call| {
        like(call).map(|matched| Datum::Bool(!matched))
    }),
    immutable(1631, "bpcharlike", &[BPCHAR, TEXT], BOOL, |call| like(call).map(Datum::Bool)),
    immutable(1632, "bpcharnlike", &[BPCHAR, TEXT], BOOL, |call| {
        like(call).map(|matched| Datum::Bool(!matched))
    }),
    immutable(858, "namelike", &[NAME, TEXT], BOOL, |call| like(call).map(Datum::Bool)),
    immutable(859, "namenlike", &[NAME, TEXT], BOOL, |call| {
        like(call).map(|matched| Datum::Bool(!matched))
    }),
    immutable(1633, "texticlike", &[TEXT, TEXT], BOOL, |call| ilike(call).map(Datum::Bool)),
    immutable(1634, "texticnlike", &[TEXT, TEXT], BOOL, |call| {
        ilike(call).map(|matched| Datum::Bool(!matched))
    }),
    immutable(1660, "bpchariclike", &[BPCHAR, TEXT], BOOL, |call| ilike(call).map(Datum::Bool)),
    immutable(1661, "bpcharicnlike", &[BPCHAR, TEXT], BOOL, |call| {
        ilike(call).map(|matched| Datum::Bool(!matched))
    }),
    immutable(1635, "nameiclike", &[NAME, TEXT], BOOL, |call| ilike(call).map(Datum::Bool)),
    immutable(1636, "nameicnlike", &[NAME, TEXT], BOOL, |call| {
        ilike(call).map(|matched| Datum::Bool(!matched))
    }),
    immutable(2005, "bytealike", &[BYTEA, BYTEA], BOOL, |call| like_bytes(call).map(Datum::Bool)),
    immutable(2006, "byteanlike", &[BYTEA, BYTEA], BOOL, |call| {
        like_bytes(call).map(|matched| Datum::Bool(!matched))
    }),
    immutable(1637, "like_escape", &[TEXT, TEXT], TEXT, |call| map2(call, escaped)),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn like(text: &str, pattern: &str) -> Result<bool> {
        matches(text.as_bytes(), pattern.as_bytes(), true, || Ok(()))
    }

    #[test]
    fn a_long_search_can_be_stopped() {
        let (text, pattern) = ("a".repeat(100_000), format!("%{}b", "a".repeat(50_000)));
        let stop = || Err(DataError::InvalidEscape.into());
        assert!(matches(text.as_bytes(), pattern.as_bytes(), true, stop).is_err());
    }

    #[test]
    fn patterns_match_as_in_postgresql() {
        for (text, pattern, expected) in [
            ("abc", "abc", true),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "_b_", true),
            ("äbc", "_b_", true),
            ("abc", "a_", false),
            ("", "%", true),
            ("", "_", false),
            ("abcabd", "%ab_", true),
            ("aXbXc", "a%X%c", true),
            ("a%c", "a\\%c", true),
            ("abc", "a\\%c", false),
            ("mississippi", "%iss%ip%", true),
            ("mississippi", "%iss%ipx%", false),
        ] {
            assert_eq!(like(text, pattern).unwrap(), expected, "{text} {pattern}");
        }
        assert!(like("ab", "a\\").is_err());
        assert!(!like("a", "a\\").unwrap());
        assert_eq!(escaped("a!%b\\", "!").unwrap(), "a\\%b\\\\");
    }
}
