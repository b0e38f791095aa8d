//! Length, case, padding, trimming, and the casts between text types.
//!
//! The locale is "C": only ASCII letters have a case.

use std::collections::HashSet;

use super::super::declare::*;
use super::super::value::{Answer as _, map, map2, map3};
use super::{Function, VALUE_BYTES_MAX, too_long};
use crate::error::{DataError, Result};
use crate::expr::function::Call;
use crate::types::{self, Datum, Text};

/// A set of characters up to this length is searched as it is.
const FEW_BYTES: usize = 64;

/// The length in bits, which may be too much.
pub(super) fn bits(bytes: usize) -> Result<i32> {
    let bits = bytes.checked_mul(8).and_then(|bits| i32::try_from(bits).ok());
    bits.ok_or_else(|| DataError::OutOfRange { type_name: "integer" }.into())
}

fn count(text: &str) -> i32 {
    text.chars().count() as i32
}

/// Every ASCII letter after something that is no ASCII letter or digit is a capital.
fn capitalize(text: &str) -> String {
    let mut inside = false;
    let each = |c: char| {
        let turned = if inside { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
        inside = c.is_ascii_alphanumeric();
        turned
    };
    text.chars().map(each).collect()
}

/// The byte position behind `count` characters.
pub(super) fn offset(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(at, _)| at)
}

/// The first `length` characters; all but the last ones for a negative length.
fn left(text: &str, length: i32) -> &str {
    let wanted = match usize::try_from(length) {
        Ok(length) => length,
        Err(_) => text.chars().count().saturating_sub(length.unsigned_abs() as usize),
    };
    &text[..offset(text, wanted)]
}

/// The last `length` characters; all but the first ones for a negative length.
fn right(text: &str, length: i32) -> &str {
    let skipped = match usize::try_from(length) {
        Ok(length) => text.chars().count().saturating_sub(length),
        Err(_) => length.unsigned_abs() as usize,
    };
    &text[offset(text, skipped)..]
}

fn pad(text: &str, length: i32, fill: &str, in_front: bool) -> Result<String> {
    let length = usize::try_from(length).unwrap_or(0);
    if length > VALUE_BYTES_MAX / 4 {
        return Err(too_long());
    }
    let missing = length.saturating_sub(text.chars().count());
    let padding = fill.chars().cycle().take(if fill.is_empty() { 0 } else { missing });
    let kept = &text[..offset(text, length)];
    Ok(if in_front {
        padding.chain(kept.chars()).collect()
    } else {
        kept.chars().chain(padding).collect()
    })
}

fn repeat(text: &str, count: i32) -> Result<String> {
    let count = usize::try_from(count).unwrap_or(0);
    match text.len().checked_mul(count) {
        Some(length) if length <= VALUE_BYTES_MAX => Ok(text.repeat(count)),
        _ => Err(too_long()),
    }
}

/// Whether a character is in a set, which may be as long as any text.
fn is_in(set: &str) -> impl Fn(char) -> bool {
    let few = set.len() <= FEW_BYTES;
    let many: HashSet<char> = if few { HashSet::new() } else { set.chars().collect() };
    move |c| if few { set.contains(c) } else { many.contains(&c) }
}

fn trim_start<'a>(text: &'a str, set: &str) -> &'a str {
    text.trim_start_matches(is_in(set))
}

fn trim_end<'a>(text: &'a str, set: &str) -> &'a str {
    text.trim_end_matches(is_in(set))
}

fn character(code: i32) -> Result<String> {
    match u32::try_from(code) {
        Ok(0) => Err(DataError::InvalidCharacter { code: None }.into()),
        Err(_) => Err(super::refuse("character number must be positive")),
        Ok(number @ 0..=0x10_FFFF) => match char::from_u32(number) {
            Some(c) => Ok(c.to_string()),
            None => {
                let message = format!("requested character not valid for encoding: {code}");
                Err(super::refuse_limit(message))
            }
        },
        Ok(_) => Err(DataError::InvalidCharacter { code: Some(code) }.into()),
    }
}

fn without_blanks(text: &str) -> &str {
    text.trim_end_matches(' ')
}

/// Some types' casts to text differ from their output form.
fn cast_to_text(call: &Call<'_>, at: usize) -> Result<String> {
    match call.arg::<&Datum>(at)? {
        Datum::Bool(value) => Ok(value.to_string()),
        Datum::Text(value) if call.arg_types.get(at).is_some_and(|ty| ty.oid == BPCHAR.oid) => {
            Ok(without_blanks(value.as_str()).to_owned())
        }
        _ => call.text_of(at),
    }
}

fn concatenate(a: &str, b: &str) -> Result<String> {
    types::check_length(a.len() + b.len())?;
    let mut joined = String::with_capacity(a.len() + b.len());
    joined.push_str(a);
    joined.push_str(b);
    Ok(joined)
}

fn text_with_any(call: &mut Call<'_>) -> Result<Datum> {
    concatenate(&cast_to_text(call, 0)?, &cast_to_text(call, 1)?).map(|text| Datum::text(&text))
}

fn char_of_int(value: i32) -> Result<Datum> {
    let byte = i8::try_from(value).map_err(|_| DataError::OutOfRange { type_name: "\"char\"" })?;
    Ok(types::char_datum(byte.cast_unsigned()))
}

fn int_of_char(value: &Text) -> i32 {
    i32::from(types::char_byte(value).cast_signed())
}

/// What `char` keeps of a text: its first byte.
fn char_of_text(text: &str) -> Datum {
    types::char_datum(text.as_bytes().first().copied().unwrap_or(0))
}

fn text_of_char(value: &Text) -> String {
    let mut out = bytes::BytesMut::new();
    types::output(&Datum::Text(value.clone()), CHAR, &types::Formats::default(), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn quote_literal_of(call: &mut Call<'_>) -> Result<Datum> {
    types::quote_literal(&cast_to_text(call, 0)?).datum()
}

fn quote_nullable(call: &mut Call<'_>) -> Result<Datum> {
    if call.args.iter().any(Datum::is_null) {
        return Ok(Datum::text("NULL"));
    }
    quote_literal_of(call)
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(1258, "textcat", &[TEXT, TEXT], TEXT, |call| map2(call, concatenate)),
    stable(2003, "textanycat", &[TEXT, ANYNONARRAY], TEXT, text_with_any),
    stable(2004, "anytextcat", &[ANYNONARRAY, TEXT], TEXT, text_with_any),
    immutable(1317, "length", &[TEXT], INT4, |call| map(call, count)),
    immutable(1318, "length", &[BPCHAR], INT4, |call| {
        map(call, |a: &str| count(without_blanks(a)))
    }),
    immutable(1381, "char_length", &[TEXT], INT4, |call| map(call, count)),
    immutable(1372, "char_length", &[BPCHAR], INT4, |call| {
        map(call, |a: &str| count(without_blanks(a)))
    }),
    immutable(1369, "character_length", &[TEXT], INT4, |call| map(call, count)),
    immutable(1367, "character_length", &[BPCHAR], INT4, |call| {
        map(call, |a: &str| count(without_blanks(a)))
    }),
    immutable(1257, "textlen", &[TEXT], INT4, |call| map(call, count)),
    immutable(1374, "octet_length", &[TEXT], INT4, |call| map(call, |a: &str| a.len() as i32)),
    immutable(1375, "octet_length", &[BPCHAR], INT4, |call| map(call, |a: &str| a.len() as i32)),
    immutable(1811, "bit_length", &[TEXT], INT4, |call| map(call, |a: &str| bits(a.len()))),
    immutable(870, "lower", &[TEXT], TEXT, |call| map(call, str::to_ascii_lowercase)),
    immutable(871, "upper", &[TEXT], TEXT, |call| map(call, str::to_ascii_uppercase)),
    immutable(872, "initcap", &[TEXT], TEXT, |call| map(call, capitalize)),
    immutable(3060, "left", &[TEXT, INT4], TEXT, |call| map2(call, left)),
    immutable(3061, "right", &[TEXT, INT4], TEXT, |call| map2(call, right)),
    immutable(879, "lpad", &[TEXT, INT4], TEXT, |call| {
        map2(call, |a: &str, n: i32| pad(a, n, " ", true))
    }),
    immutable(873, "lpad", &[TEXT, INT4, TEXT], TEXT, |call| {
        map3(call, |a: &str, n: i32, fill: &str| pad(a, n, fill, true))
    }),
    immutable(880, "rpad", &[TEXT, INT4], TEXT, |call| {
        map2(call, |a: &str, n: i32| pad(a, n, " ", false))
    }),
    immutable(874, "rpad", &[TEXT, INT4, TEXT], TEXT, |call| {
        map3(call, |a: &str, n: i32, fill: &str| pad(a, n, fill, false))
    }),
    immutable(881, "ltrim", &[TEXT], TEXT, |call| {
        map(call, |a: &'_ str| trim_start(a, " ").to_owned())
    }),
    immutable(875, "ltrim", &[TEXT, TEXT], TEXT, |call| {
        map2(call, |a: &str, set: &str| trim_start(a, set).to_owned())
    }),
    immutable(882, "rtrim", &[TEXT], TEXT, |call| map(call, |a: &str| trim_end(a, " ").to_owned())),
    immutable(876, "rtrim", &[TEXT, TEXT], TEXT, |call| {
        map2(call, |a: &str, set: &str| trim_end(a, set).to_owned())
    }),
    immutable(885, "btrim", &[TEXT], TEXT, |call| {
        map(call, |a: &str| trim_start(trim_end(a, " "), " ").to_owned())
    }),
    immutable(884, "btrim", &[TEXT, TEXT], TEXT, |call| {
        map2(call, |a: &str, set: &str| trim_start(trim_end(a, set), set).to_owned())
    }),
    immutable(1622, "repeat", &[TEXT, INT4], TEXT, |call| map2(call, repeat)),
    immutable(3062, "reverse", &[TEXT], TEXT, |call| {
        map(call, |a: &str| a.chars().rev().collect::<String>())
    }),
    immutable(1620, "ascii", &[TEXT], INT4, |call| {
        map(call, |a: &str| a.chars().next().map_or(0, |c| c as i32))
    }),
    immutable(1621, "chr", &[INT4], TEXT, |call| map(call, character)),
    immutable(3696, "starts_with", &[TEXT, TEXT], BOOL, |call| {
        map2(call, |a: &str, b: &str| a.starts_with(b))
    }),
    immutable(2971, "text", &[BOOL], TEXT, |call| map(call, |a: bool| a.to_string())),
    immutable(401, "text", &[BPCHAR], TEXT, |call| {
        map(call, |a: &str| without_blanks(a).to_owned())
    }),
    immutable(406, "text", &[NAME], TEXT, |call| map(call, |a: &Datum| a.clone())),
    immutable(946, "text", &[CHAR], TEXT, |call| map(call, text_of_char)),
    immutable(860, "bpchar", &[CHAR], BPCHAR, |call| map(call, text_of_char)),
    immutable(408, "bpchar", &[NAME], BPCHAR, |call| map(call, |a: &Datum| a.clone())),
    immutable(1401, "varchar", &[NAME], VARCHAR, |call| map(call, |a: &Datum| a.clone())),
    immutable(407, "name", &[TEXT], NAME, |call| {
        map(call, |a: &str| types::clip_name(a).to_owned())
    }),
    immutable(1400, "name", &[VARCHAR], NAME, |call| {
        map(call, |a: &str| types::clip_name(a).to_owned())
    }),
    immutable(409, "name", &[BPCHAR], NAME, |call| {
        map(call, |a: &str| types::clip_name(without_blanks(a)).to_owned())
    }),
    immutable(944, "char", &[TEXT], CHAR, |call| map(call, char_of_text)),
    immutable(78, "char", &[INT4], CHAR, |call| map(call, char_of_int)),
    immutable(77, "int4", &[CHAR], INT4, |call| map(call, int_of_char)),
    immutable(458, "text_larger", &[TEXT, TEXT], TEXT, |call| {
        map2(call, |a: &Text, b: &Text| Datum::Text(a.max(b).clone()))
    }),
    immutable(459, "text_smaller", &[TEXT, TEXT], TEXT, |call| {
        map2(call, |a: &Text, b: &Text| Datum::Text(a.min(b).clone()))
    }),
    immutable(2160, "text_pattern_lt", &[TEXT, TEXT], BOOL, |call| {
        map2(call, |a: &Text, b: &Text| a < b)
    }),
    immutable(2161, "text_pattern_le", &[TEXT, TEXT], BOOL, |call| {
        map2(call, |a: &Text, b: &Text| a <= b)
    }),
    immutable(2163, "text_pattern_ge", &[TEXT, TEXT], BOOL, |call| {
        map2(call, |a: &Text, b: &Text| a >= b)
    }),
    immutable(2164, "text_pattern_gt", &[TEXT, TEXT], BOOL, |call| {
        map2(call, |a: &Text, b: &Text| a > b)
    }),
    immutable(1282, "quote_ident", &[TEXT], TEXT, |call| {
        map(call, |text: &str| types::quote_identifier(text).into_owned())
    }),
    immutable(1283, "quote_literal", &[TEXT], TEXT, |call| map(call, types::quote_literal)),
    stable(1285, "quote_literal", &[ANYELEMENT], TEXT, quote_literal_of),
    immutable(1289, "quote_nullable", &[TEXT], TEXT, quote_nullable).takes_nulls(),
    stable(1290, "quote_nullable", &[ANYELEMENT], TEXT, quote_nullable).takes_nulls(),
];
