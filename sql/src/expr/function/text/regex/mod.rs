//! Regular expressions: `~` and the regexp functions.
//!
//! A pattern in PostgreSQL's syntax is translated once and kept for the thread. Of the matches that
//! begin at one place the longest is taken, or the shortest where the pattern's first quantifier
//! says so, as in PostgreSQL. How the groups share a match is a matter of the first alternative that
//! gives it: `(x|xy)(z|yz)` over `xyz` gives `x` and `yz` here, where PostgreSQL looks for the
//! longest first group. Back references and lookaround are refused by name.

mod compiled;
mod translate;

use super::search::collected;
use super::{Building, Function, refuse};
use crate::error::{DataError, Result};
use crate::expr::function::declare::*;
use crate::expr::function::value::{map, map2};
use crate::expr::function::{Call, Rows};
use crate::types::{Array, Datum, Type};
use compiled::{Flags, Found, Pattern, compiled};

fn matches(call: &Call<'_>, ignore_case: bool) -> Result<bool> {
    let flags = Flags { ignore_case, ..Flags::default() };
    compiled(call.arg(1)?, flags)?.is_match(call, call.arg(0)?)
}

fn is_like(call: &mut Call<'_>) -> Result<Datum> {
    matches(call, false).map(Datum::Bool)
}

fn is_not_like(call: &mut Call<'_>) -> Result<Datum> {
    matches(call, false).map(|matched| Datum::Bool(!matched))
}

fn is_like_any_case(call: &mut Call<'_>) -> Result<Datum> {
    matches(call, true).map(Datum::Bool)
}

fn is_not_like_any_case(call: &mut Call<'_>) -> Result<Datum> {
    matches(call, true).map(|matched| Datum::Bool(!matched))
}

/// The flags of an optional argument.
fn flags(call: &Call<'_>, at: usize) -> Result<Flags> {
    call.optional::<&str>(at)?.map_or(Ok(Flags::default()), Flags::read)
}

/// What a match captured: the groups, or the whole of it when there are none.
fn captured(found: &Found, text: &str) -> Datum {
    let from = usize::from(found.len() > 1);
    let groups = (from..found.len()).map(|n| found.group(n, text).map_or(Datum::Null, Datum::text));
    Datum::array(Array::flat(Type::TEXT.oid, groups.collect()))
}

fn regexp_match(call: &mut Call<'_>) -> Result<Datum> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let flags = flags(call, 2)?.refuse_global("regexp_match()")?;
    let found = compiled(pattern, flags)?.find(call, text)?;
    Ok(found.map_or(Datum::Null, |found| captured(&found, text)))
}

/// A text that is searched match by match, for as long as somebody asks.
struct Search {
    text: String,
    pattern: String,
    flags: Flags,
    /// Where the search for the next match begins.
    next: Option<usize>,
}

impl Search {
    fn new(call: &Call<'_>, flags: Flags) -> Result<Search> {
        let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
        compiled(pattern, flags)?.prepare(call, text)?;
        Ok(Search { text: text.to_owned(), pattern: pattern.to_owned(), flags, next: Some(0) })
    }

    /// The next match. The pattern is asked for each time: it belongs to the thread.
    fn next(&mut self) -> Result<Option<Found>> {
        let Some(from) = self.next else { return Ok(None) };
        let found = compiled(&self.pattern, self.flags)?.find_at(&self.text, from);
        self.next = found.as_ref().and_then(|found| found.behind(&self.text));
        Ok(found)
    }
}

fn regexp_matches(call: &mut Call<'_>) -> Result<Rows> {
    let flags = flags(call, 2)?;
    let mut search = Search::new(call, flags)?;
    let row = move || {
        let found = search.next().transpose()?;
        if !flags.global {
            search.next = None;
        }
        Some(found.map(|found| captured(&found, &search.text)))
    };
    Ok(Box::new(std::iter::from_fn(row)))
}

/// The pieces between matches; empty matches at the ends and behind a match do not split.
struct Pieces {
    search: Search,
    /// Where the next piece begins; None behind the last one.
    from: Option<usize>,
    /// Where the last match ended.
    before: usize,
}

impl Pieces {
    fn new(call: &Call<'_>, name: &'static str) -> Result<Pieces> {
        let flags = flags(call, 2)?.refuse_global(name)?;
        let search = Search::new(call, flags)?;
        Ok(Pieces { search, from: Some(0), before: 0 })
    }

    fn piece(&mut self, from: usize) -> Result<Datum> {
        while let Some(found) = self.search.next()? {
            let whole = found.whole();
            let splits = whole.start < self.search.text.len() && whole.end > self.before;
            self.before = whole.end;
            if splits {
                self.from = Some(whole.end);
                return Ok(Datum::text(&self.search.text[from..whole.start]));
            }
        }
        self.from = None;
        Ok(Datum::text(&self.search.text[from..]))
    }
}

impl Iterator for Pieces {
    type Item = Result<Datum>;

    fn next(&mut self) -> Option<Result<Datum>> {
        let from = self.from?;
        Some(self.piece(from))
    }
}

fn split_to_array(call: &mut Call<'_>) -> Result<Datum> {
    let pieces = Pieces::new(call, "regexp_split_to_array()")?;
    collected(call, pieces.map(|piece| call.check().and(piece)))
}

fn split_to_table(call: &mut Call<'_>) -> Result<Rows> {
    Ok(Box::new(Pieces::new(call, "regexp_split_to_table()")?))
}

/// A replacement: text, and `\1`..`\9`, `\&` for what was matched.
fn expand(replacement: &str, found: &Found, text: &str, out: &mut Building) -> Result<()> {
    let group = |n: usize| found.group(n, text).unwrap_or_default();
    let mut rest = replacement;
    while let Some((plain, behind)) = rest.split_once('\\') {
        out.push(plain)?;
        let mut characters = behind.chars();
        match characters.next() {
            Some('&') => out.push(group(0))?,
            Some(digit @ '1'..='9') => out.push(group(digit as usize - '0' as usize))?,
            Some('\\') | None => out.push("\\")?,
            Some(other) => out.push(&format!("\\{other}"))?,
        }
        rest = characters.as_str();
    }
    out.push(rest)
}

/// Replaces match number `nth`, or every one from the first on when it is 0.
fn replaced(
    call: &Call<'_>,
    text: &str,
    from: usize,
    pattern: &Pattern,
    nth: usize,
) -> Result<Datum> {
    let replacement: &str = call.arg(2)?;
    let mut out = Building::with_room(text.len());
    let mut copied = 0;
    for (number, found) in pattern.find_all(call, text, from).enumerate() {
        let found = found?;
        if nth > 0 && number + 1 != nth {
            continue;
        }
        let whole = found.whole();
        out.push(&text[copied..whole.start])?;
        expand(replacement, &found, text, &mut out)?;
        copied = whole.end;
        if nth > 0 {
            break;
        }
    }
    out.push(&text[copied..])?;
    Ok(Datum::text(out.text()))
}

fn regexp_replace(call: &mut Call<'_>) -> Result<Datum> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    if call.args.get(3).is_some_and(|flags| matches!(flags, Datum::Int4(_))) {
        return replace_from(call, text, pattern);
    }
    if let Some(digit) =
        call.optional::<&str>(3)?.filter(|f| f.starts_with(|c: char| c.is_ascii_digit()))
    {
        return Err(DataError::InvalidArgument {
            message: format!("invalid regular expression option: \"{}\"", &digit[..1]),
            hint: Some(
                "If you meant to use regexp_replace() with a start parameter, cast the fourth \
                 argument to integer explicitly.",
            ),
        }
        .into());
    }
    let flags = flags(call, 3)?;
    let nth = usize::from(!flags.global);
    replaced(call, text, 0, &compiled(pattern, flags)?, nth)
}

/// The byte position of the character number `start`; behind the end, where nothing matches, when
/// there is none and no end of the text either.
fn search_from(text: &str, start: usize) -> usize {
    let positions = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    positions.into_iter().nth(start - 1).unwrap_or(text.len() + 1)
}

fn replace_from(call: &Call<'_>, text: &str, pattern: &str) -> Result<Datum> {
    let start = positive("start", call.arg(3)?)?;
    let flags = flags(call, 5)?;
    let nth = match call.optional::<i32>(4)? {
        None => usize::from(!flags.global),
        Some(nth) => usize::try_from(nth).map_err(|_| bad_parameter("n", nth))?,
    };
    let from = search_from(text, start);
    replaced(call, text, from, &compiled(pattern, flags)?, nth)
}

fn bad_parameter(name: &str, value: i32) -> crate::Error {
    refuse(format!("invalid value for parameter \"{name}\": {value}"))
}

fn positive(name: &str, value: i32) -> Result<usize> {
    usize::try_from(value).ok().filter(|value| *value > 0).ok_or_else(|| bad_parameter(name, value))
}

/// `substring(text from pattern)`: the first group, or the whole match when there is none.
fn substring(call: &mut Call<'_>) -> Result<Datum> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    substring_of(call, text, pattern)
}

fn substring_of(call: &Call<'_>, text: &str, pattern: &str) -> Result<Datum> {
    let found = compiled(pattern, Flags::default())?.find(call, text)?;
    let Some(found) = found else { return Ok(Datum::Null) };
    let group = usize::from(found.len() > 1);
    Ok(found.group(group, text).map_or(Datum::Null, Datum::text))
}

fn regexp_like(call: &mut Call<'_>) -> Result<Datum> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let flags = flags(call, 2)?.refuse_global("regexp_like()")?;
    compiled(pattern, flags)?.is_match(call, text).map(Datum::Bool)
}

fn regexp_count(call: &mut Call<'_>) -> Result<Datum> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let start = call.optional::<i32>(2)?.map_or(Ok(1), |start| positive("start", start))?;
    let flags = flags(call, 3)?.refuse_global("regexp_count()")?;
    let from = search_from(text, start);
    let pattern = compiled(pattern, flags)?;
    let mut found = pattern.find_all(call, text, from);
    found.try_fold(0, |count, found| found.map(|_| count + 1)).map(Datum::Int4)
}

/// Match number `nth`, from 1, of those from a place on.
fn nth_match(
    call: &Call<'_>,
    pattern: &Pattern,
    (text, from): (&str, usize),
    nth: usize,
) -> Result<Option<Found>> {
    for (number, found) in pattern.find_all(call, text, from).enumerate() {
        let found = found?;
        if number + 1 == nth {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn regexp_substr(call: &mut Call<'_>) -> Result<Datum> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let start = call.optional::<i32>(2)?.map_or(Ok(1), |start| positive("start", start))?;
    let nth = call.optional::<i32>(3)?.map_or(Ok(1), |nth| positive("n", nth))?;
    let flags = flags(call, 4)?.refuse_global("regexp_substr()")?;
    let group = call.optional::<i32>(5)?.unwrap_or(0);
    let group = usize::try_from(group).map_err(|_| bad_parameter("subexpr", group))?;
    let from = search_from(text, start);
    let found = nth_match(call, &compiled(pattern, flags)?, (text, from), nth)?;
    let part = found.as_ref().and_then(|found| found.group(found.asked(group), text));
    Ok(part.map_or(Datum::Null, Datum::text))
}

/// The place of the nth match, or of one of its groups, or the one behind it; 0 without one.
fn regexp_instr(call: &mut Call<'_>) -> Result<Datum> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let start = call.optional::<i32>(2)?.map_or(Ok(1), |start| positive("start", start))?;
    let nth = call.optional::<i32>(3)?.map_or(Ok(1), |nth| positive("n", nth))?;
    let behind = match call.optional::<i32>(4)?.unwrap_or(0) {
        option @ (0 | 1) => option == 1,
        other => return Err(bad_parameter("endoption", other)),
    };
    let flags = flags(call, 5)?.refuse_global("regexp_instr()")?;
    let group = call.optional::<i32>(6)?.unwrap_or(0);
    let group = usize::try_from(group).map_err(|_| bad_parameter("subexpr", group))?;
    let from = search_from(text, start);
    let found = nth_match(call, &compiled(pattern, flags)?, (text, from), nth)?;
    let place = found.and_then(|found| found.place(found.asked(group)));
    let characters = |end: usize| text[..end].chars().count() as i32 + 1;
    Ok(Datum::Int4(
        place.map_or(0, |place| characters(if behind { place.end } else { place.start })),
    ))
}

/// The part of a text that a pattern of SIMILAR TO has between two escaped quotes.
fn similar_substring(call: &mut Call<'_>) -> Result<Datum> {
    let (text, pattern, escape): (&str, &str, &str) = (call.arg(0)?, call.arg(1)?, call.arg(2)?);
    substring_of(call, text, &similar(pattern, escape, true)?)
}

/// A SIMILAR TO pattern as a regular expression: `^(?:` `)$`. Escaped quotes part it into three,
/// the second a group; `shared`: what stands before it takes as little as it can.
fn similar(pattern: &str, escape: &str, shared: bool) -> Result<String> {
    let mut letters = escape.chars();
    let (escape, rest) = (letters.next(), letters.next());
    if rest.is_some() {
        return Err(DataError::InvalidEscape.into());
    }
    let mut out = String::from("^(?:");
    let (mut escaped, mut in_class, mut parts) = (false, false, 1);
    let mut takes_little = false;
    for c in pattern.chars() {
        if std::mem::take(&mut takes_little) && c == '?' {
            // It asks for what has been done already.
            continue;
        }
        if escaped && c == '"' && !in_class {
            out.push_str(match parts {
                1 => "){1,1}?(",
                2 => "){1,1}(?:",
                _ => return Err(DataError::TooManySeparators.into()),
            });
            parts += 1;
            escaped = false;
        } else if escaped {
            out.push('\\');
            out.push(c);
            escaped = false;
        } else if Some(c) == escape {
            escaped = true;
        } else if in_class {
            if c == '\\' {
                out.push('\\');
            }
            in_class = c != ']';
            out.push(c);
        } else {
            match c {
                '[' => {
                    in_class = true;
                    out.push('[');
                }
                '%' => out.push_str(".*"),
                '_' => out.push('.'),
                '(' => out.push_str("(?:"),
                '\\' | '.' | '^' | '$' => {
                    out.push('\\');
                    out.push(c);
                }
                _ => out.push(c),
            }
            if shared && parts == 1 && matches!(c, '%' | '*' | '+' | '?' | '}') {
                out.push('?');
                takes_little = true;
            }
        }
    }
    out.push_str(")$");
    Ok(out)
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(1254, "textregexeq", &[TEXT, TEXT], BOOL, is_like),
    immutable(1256, "textregexne", &[TEXT, TEXT], BOOL, is_not_like),
    immutable(1238, "texticregexeq", &[TEXT, TEXT], BOOL, is_like_any_case),
    immutable(1239, "texticregexne", &[TEXT, TEXT], BOOL, is_not_like_any_case),
    immutable(1658, "bpcharregexeq", &[BPCHAR, TEXT], BOOL, is_like),
    immutable(1659, "bpcharregexne", &[BPCHAR, TEXT], BOOL, is_not_like),
    immutable(1656, "bpcharicregexeq", &[BPCHAR, TEXT], BOOL, is_like_any_case),
    immutable(1657, "bpcharicregexne", &[BPCHAR, TEXT], BOOL, is_not_like_any_case),
    immutable(79, "nameregexeq", &[NAME, TEXT], BOOL, is_like),
    immutable(1252, "nameregexne", &[NAME, TEXT], BOOL, is_not_like),
    immutable(1240, "nameicregexeq", &[NAME, TEXT], BOOL, is_like_any_case),
    immutable(1241, "nameicregexne", &[NAME, TEXT], BOOL, is_not_like_any_case),
    immutable(3396, "regexp_match", &[TEXT, TEXT], TEXT_ARRAY, regexp_match),
    immutable(3397, "regexp_match", &[TEXT, TEXT, TEXT], TEXT_ARRAY, regexp_match),
    set(2763, "regexp_matches", &[TEXT, TEXT], TEXT_ARRAY, regexp_matches),
    set(2764, "regexp_matches", &[TEXT, TEXT, TEXT], TEXT_ARRAY, regexp_matches),
    immutable(2284, "regexp_replace", &[TEXT, TEXT, TEXT], TEXT, regexp_replace),
    immutable(2285, "regexp_replace", &[TEXT, TEXT, TEXT, TEXT], TEXT, regexp_replace),
    immutable(6253, "regexp_replace", &[TEXT, TEXT, TEXT, INT4], TEXT, regexp_replace),
    immutable(6252, "regexp_replace", &[TEXT, TEXT, TEXT, INT4, INT4], TEXT, regexp_replace),
    immutable(6251, "regexp_replace", &[TEXT, TEXT, TEXT, INT4, INT4, TEXT], TEXT, regexp_replace),
    immutable(2767, "regexp_split_to_array", &[TEXT, TEXT], TEXT_ARRAY, split_to_array),
    immutable(2768, "regexp_split_to_array", &[TEXT, TEXT, TEXT], TEXT_ARRAY, split_to_array),
    set(2765, "regexp_split_to_table", &[TEXT, TEXT], TEXT, split_to_table),
    set(2766, "regexp_split_to_table", &[TEXT, TEXT, TEXT], TEXT, split_to_table),
    immutable(2073, "substring", &[TEXT, TEXT], TEXT, substring),
    immutable(6263, "regexp_like", &[TEXT, TEXT], BOOL, regexp_like),
    immutable(6264, "regexp_like", &[TEXT, TEXT, TEXT], BOOL, regexp_like),
    immutable(6254, "regexp_count", &[TEXT, TEXT], INT4, regexp_count),
    immutable(6255, "regexp_count", &[TEXT, TEXT, INT4], INT4, regexp_count),
    immutable(6256, "regexp_count", &[TEXT, TEXT, INT4, TEXT], INT4, regexp_count),
    immutable(6257, "regexp_instr", &[TEXT, TEXT], INT4, regexp_instr),
    immutable(6258, "regexp_instr", &[TEXT, TEXT, INT4], INT4, regexp_instr),
    immutable(6259, "regexp_instr", &[TEXT, TEXT, INT4, INT4], INT4, regexp_instr),
    immutable(6260, "regexp_instr", &[TEXT, TEXT, INT4, INT4, INT4], INT4, regexp_instr),
    immutable(6261, "regexp_instr", &[TEXT, TEXT, INT4, INT4, INT4, TEXT], INT4, regexp_instr),
    immutable(
        6262,
        "regexp_instr",
        &[TEXT, TEXT, INT4, INT4, INT4, TEXT, INT4],
        INT4,
        regexp_instr,
    ),
    immutable(6265, "regexp_substr", &[TEXT, TEXT], TEXT, regexp_substr),
    immutable(6266, "regexp_substr", &[TEXT, TEXT, INT4], TEXT, regexp_substr),
    immutable(6267, "regexp_substr", &[TEXT, TEXT, INT4, INT4], TEXT, regexp_substr),
    immutable(6268, "regexp_substr", &[TEXT, TEXT, INT4, INT4, TEXT], TEXT, regexp_substr),
    immutable(6269, "regexp_substr", &[TEXT, TEXT, INT4, INT4, TEXT, INT4], TEXT, regexp_substr),
    immutable(1987, "similar_to_escape", &[TEXT], TEXT, |call| {
        map(call, |pattern: &str| similar(pattern, "\\", false))
    }),
    immutable(1986, "similar_to_escape", &[TEXT, TEXT], TEXT, |call| {
        map2(call, |pattern: &str, escape: &str| similar(pattern, escape, false))
    }),
    immutable(2074, "substring", &[TEXT, TEXT, TEXT], TEXT, similar_substring),
];
