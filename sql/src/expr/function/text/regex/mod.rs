//! Regular expressions: `~` and the regexp functions.
//!
//! A pattern in PostgreSQL's syntax is translated once and kept for the thread. Of the matches that
//! begin at one place the longest is taken, or the shortest where the pattern's first quantifier
//! says so, as in PostgreSQL. How the groups share a match is a matter of the first alternative that
//! gives it: `(x|xy)(z|yz)` over `xyz` gives `x` and `yz` here, where PostgreSQL looks for the
//! longest first group. Back references and lookaround are refused by name.

mod compiled;
mod translate;

use super::{Function, refuse};
use crate::error::{DataError, Result};
use crate::expr::function::declare::*;
use crate::expr::function::value::{map, map2};
use crate::expr::function::{Call, Rows};
use crate::types::{Array, Datum, Type};
use compiled::{Flags, Found, Pattern, compiled};

fn matches(text: &str, pattern: &str, ignore_case: bool) -> Result<bool> {
    let flags = Flags { ignore_case, ..Flags::default() };
    Ok(compiled(pattern, flags)?.is_match(text))
}

fn is_like(text: &str, pattern: &str) -> Result<bool> {
    matches(text, pattern, false)
}

fn is_not_like(text: &str, pattern: &str) -> Result<bool> {
    matches(text, pattern, false).map(|matched| !matched)
}

fn is_like_any_case(text: &str, pattern: &str) -> Result<bool> {
    matches(text, pattern, true)
}

fn is_not_like_any_case(text: &str, pattern: &str) -> Result<bool> {
    matches(text, pattern, true).map(|matched| !matched)
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
    let found = compiled(pattern, flags)?.find_at(text, 0);
    Ok(found.map_or(Datum::Null, |found| captured(&found, text)))
}

fn regexp_matches(call: &mut Call<'_>) -> Result<Rows> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let flags = flags(call, 2)?;
    let most = if flags.global { usize::MAX } else { 1 };
    let pattern = compiled(pattern, flags)?;
    let found = pattern.find_all(text, 0).take(most);
    let rows: Vec<_> = found.map(|found| Ok(captured(&found, text))).collect();
    Ok(Box::new(rows.into_iter()))
}

/// The pieces between matches; empty matches at the ends and behind a match do not split.
fn pieces(call: &Call<'_>, name: &'static str) -> Result<Vec<Datum>> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let flags = flags(call, 2)?.refuse_global(name)?;
    let (mut pieces, mut from, mut before) = (Vec::new(), 0, 0);
    for found in compiled(pattern, flags)?.find_all(text, 0) {
        let whole = found.whole();
        if whole.start < text.len() && whole.end > before {
            pieces.push(Datum::text(&text[from..whole.start]));
            from = whole.end;
        }
        before = whole.end;
    }
    pieces.push(Datum::text(&text[from..]));
    Ok(pieces)
}

fn split_to_array(call: &mut Call<'_>) -> Result<Datum> {
    let pieces = pieces(call, "regexp_split_to_array()")?;
    Ok(Datum::array(Array::flat(Type::TEXT.oid, pieces)))
}

fn split_to_table(call: &mut Call<'_>) -> Result<Rows> {
    Ok(Box::new(pieces(call, "regexp_split_to_table()")?.into_iter().map(Ok)))
}

/// A replacement: text, and `\1`..`\9`, `\&` for what was matched.
fn expand(replacement: &str, found: &Found, text: &str, out: &mut String) {
    let mut characters = replacement.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let group = |n: usize| found.group(n, text).unwrap_or_default();
        match characters.next() {
            Some('&') => out.push_str(group(0)),
            Some(digit @ '1'..='9') => out.push_str(group(digit as usize - '0' as usize)),
            Some('\\') | None => out.push('\\'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
}

/// Replaces match number `nth`, or every one from the first on when it is 0.
fn replaced(text: &str, from: usize, pattern: &Pattern, replacement: &str, nth: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for (number, found) in pattern.find_all(text, from).enumerate() {
        if nth > 0 && number + 1 != nth {
            continue;
        }
        let whole = found.whole();
        out.push_str(&text[copied..whole.start]);
        expand(replacement, &found, text, &mut out);
        copied = whole.end;
        if nth > 0 {
            break;
        }
    }
    out.push_str(&text[copied..]);
    out
}

fn regexp_replace(call: &mut Call<'_>) -> Result<Datum> {
    let (text, pattern, replacement): (&str, &str, &str) =
        (call.arg(0)?, call.arg(1)?, call.arg(2)?);
    if call.args.get(3).is_some_and(|flags| matches!(flags, Datum::Int4(_))) {
        return replace_from(call, text, pattern, replacement);
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
    Ok(Datum::text(&replaced(text, 0, &compiled(pattern, flags)?, replacement, nth)))
}

fn replace_from(call: &Call<'_>, text: &str, pattern: &str, replacement: &str) -> Result<Datum> {
    let start = positive("start", call.arg(3)?)?;
    let flags = flags(call, 5)?;
    let nth = match call.optional::<i32>(4)? {
        None => usize::from(!flags.global),
        Some(nth) => usize::try_from(nth).map_err(|_| bad_parameter("n", nth))?,
    };
    let from = super::basic::offset(text, start - 1);
    Ok(Datum::text(&replaced(text, from, &compiled(pattern, flags)?, replacement, nth)))
}

fn bad_parameter(name: &str, value: i32) -> crate::Error {
    refuse(format!("invalid value for parameter \"{name}\": {value}"))
}

fn positive(name: &str, value: i32) -> Result<usize> {
    usize::try_from(value).ok().filter(|value| *value > 0).ok_or_else(|| bad_parameter(name, value))
}

/// `substring(text from pattern)`: the first group, or the whole match when there is none.
fn substring(text: &str, pattern: &str) -> Result<Datum> {
    let found = compiled(pattern, Flags::default())?.find_at(text, 0);
    let Some(found) = found else { return Ok(Datum::Null) };
    let group = usize::from(found.len() > 1);
    Ok(found.group(group, text).map_or(Datum::Null, Datum::text))
}

fn regexp_like(call: &mut Call<'_>) -> Result<Datum> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let flags = flags(call, 2)?.refuse_global("regexp_like()")?;
    Ok(Datum::Bool(compiled(pattern, flags)?.is_match(text)))
}

fn regexp_count(call: &mut Call<'_>) -> Result<Datum> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let start = call.optional::<i32>(2)?.map_or(Ok(1), |start| positive("start", start))?;
    let flags = flags(call, 3)?.refuse_global("regexp_count()")?;
    let from = super::basic::offset(text, start - 1);
    Ok(Datum::Int4(compiled(pattern, flags)?.find_all(text, from).count() as i32))
}

fn regexp_substr(call: &mut Call<'_>) -> Result<Datum> {
    let (text, pattern): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let start = call.optional::<i32>(2)?.map_or(Ok(1), |start| positive("start", start))?;
    let nth = call.optional::<i32>(3)?.map_or(Ok(1), |nth| positive("n", nth))?;
    let flags = flags(call, 4)?.refuse_global("regexp_substr()")?;
    let group = call.optional::<i32>(5)?.unwrap_or(0);
    let group = usize::try_from(group).map_err(|_| bad_parameter("subexpr", group))?;
    let from = super::basic::offset(text, start - 1);
    let found = compiled(pattern, flags)?.find_all(text, from).nth(nth - 1);
    let part = found.as_ref().and_then(|found| found.group(group, text));
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
    let from = super::basic::offset(text, start - 1);
    let found = compiled(pattern, flags)?.find_all(text, from).nth(nth - 1);
    let place = found.and_then(|found| found.place(group));
    let characters = |end: usize| text[..end].chars().count() as i32 + 1;
    Ok(Datum::Int4(
        place.map_or(0, |place| characters(if behind { place.end } else { place.start })),
    ))
}

/// A SIMILAR TO pattern as a regular expression.
fn similar(pattern: &str, escape: &str) -> Result<String> {
    let mut letters = escape.chars();
    let (escape, rest) = (letters.next(), letters.next());
    if rest.is_some() {
        return Err(DataError::InvalidEscape.into());
    }
    let mut out = String::from("^(?:");
    let (mut escaped, mut in_class) = (false, false);
    for c in pattern.chars() {
        if escaped {
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
        }
    }
    out.push_str(")$");
    Ok(out)
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(1254, "textregexeq", &[TEXT, TEXT], BOOL, |call| map2(call, is_like)),
    immutable(1256, "textregexne", &[TEXT, TEXT], BOOL, |call| map2(call, is_not_like)),
    immutable(1238, "texticregexeq", &[TEXT, TEXT], BOOL, |call| map2(call, is_like_any_case)),
    immutable(1239, "texticregexne", &[TEXT, TEXT], BOOL, |call| map2(call, is_not_like_any_case)),
    immutable(1658, "bpcharregexeq", &[BPCHAR, TEXT], BOOL, |call| map2(call, is_like)),
    immutable(1659, "bpcharregexne", &[BPCHAR, TEXT], BOOL, |call| map2(call, is_not_like)),
    immutable(1656, "bpcharicregexeq", &[BPCHAR, TEXT], BOOL, |call| map2(call, is_like_any_case)),
    immutable(1657, "bpcharicregexne", &[BPCHAR, TEXT], BOOL, |call| {
        map2(call, is_not_like_any_case)
    }),
    immutable(79, "nameregexeq", &[NAME, TEXT], BOOL, |call| map2(call, is_like)),
    immutable(1252, "nameregexne", &[NAME, TEXT], BOOL, |call| map2(call, is_not_like)),
    immutable(1240, "nameicregexeq", &[NAME, TEXT], BOOL, |call| map2(call, is_like_any_case)),
    immutable(1241, "nameicregexne", &[NAME, TEXT], BOOL, |call| map2(call, is_not_like_any_case)),
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
    immutable(2073, "substring", &[TEXT, TEXT], TEXT, |call| map2(call, substring)),
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
        map(call, |pattern: &str| similar(pattern, "\\"))
    }),
    immutable(1986, "similar_to_escape", &[TEXT, TEXT], TEXT, |call| map2(call, similar)),
];
