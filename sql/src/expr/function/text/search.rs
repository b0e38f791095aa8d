//! Finding, cutting out and replacing parts.

use std::collections::HashMap;

use super::super::declare::*;
use super::super::value::{map2, map3};
use super::basic::offset;
use super::{Function, STEPS_PER_CHECK, VALUE_BYTES_MAX, refuse};
use crate::error::{DataError, Result};
use crate::expr::function::Call;
use crate::types::{Array, Datum, Type};

/// Bytes that an element of an array takes beside its text.
const ELEMENT_BYTES: usize = 40;

/// The 1-based character position of the first occurrence; 0 when there is none.
fn position(text: &str, part: &str) -> i32 {
    text.find(part).map_or(0, |at| text[..at].chars().count() as i32 + 1)
}

/// The range of positions, from 0, that `substring(... from start for length)` means.
pub(super) fn window(start: i32, length: Option<i32>) -> Result<(usize, Option<usize>)> {
    let first = i64::from(start) - 1;
    let end = match length {
        None => None,
        Some(..0) => return Err(DataError::NegativeSubstring.into()),
        Some(length) => Some(usize::try_from(first + i64::from(length)).unwrap_or(0)),
    };
    Ok((usize::try_from(first).unwrap_or(0), end))
}

fn substring(text: &str, start: i32, length: Option<i32>) -> Result<String> {
    let (first, end) = window(start, length)?;
    let from = offset(text, first);
    let rest = &text[from..];
    let to = end.map_or(rest.len(), |end| offset(rest, end.saturating_sub(first)));
    Ok(rest[..to].to_owned())
}

fn overlay(call: &mut Call<'_>) -> Result<Datum> {
    let (text, part): (&str, &str) = (call.arg(0)?, call.arg(1)?);
    let start: i32 = call.arg(2)?;
    let length = call.optional(3)?.unwrap_or_else(|| part.chars().count() as i32);
    if start <= 0 {
        return Err(DataError::NegativeSubstring.into());
    }
    let after = start.checked_add(length).ok_or(DataError::OutOfRange { type_name: "integer" })?;
    let head = substring(text, 1, Some(start - 1))?;
    let tail = substring(text, after, None)?;
    crate::types::check_length(head.len() + part.len() + tail.len())?;
    Ok(Datum::text(&[head.as_str(), part, tail.as_str()].concat()))
}

fn replace(text: &str, from: &str, to: &str) -> Result<String> {
    if from.is_empty() {
        return Ok(text.to_owned());
    }
    if to.len() > from.len() {
        let grown = text.matches(from).count().saturating_mul(to.len() - from.len());
        let (holds, more) = (text.len(), grown);
        if more > VALUE_BYTES_MAX - holds {
            return Err(DataError::CannotGrow { holds, more }.into());
        }
    }
    Ok(text.replace(from, to))
}

/// Each character of `from` becomes the one at the same place in `to`, or goes.
fn translate(text: &str, from: &str, to: &str) -> Result<String> {
    let mut turned: HashMap<char, Option<char>> = HashMap::new();
    let mut to = to.chars();
    for c in from.chars() {
        // The first one counts, also where it goes.
        let into = to.next();
        turned.entry(c).or_insert(into);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match turned.get(&c) {
            None => out.push(c),
            Some(into) => out.extend(into),
        }
        if out.len() > VALUE_BYTES_MAX {
            return Err(super::too_long());
        }
    }
    Ok(out)
}

fn split_part(text: &str, delimiter: &str, field: i32) -> Result<String> {
    let only = matches!(field, 1 | -1);
    let found = match field {
        0 => return Err(refuse("field position must not be zero")),
        _ if text.is_empty() => None,
        _ if delimiter.is_empty() => only.then_some(text),
        1.. => text.split(delimiter).nth(field as usize - 1),
        ..0 => {
            // Matches are found from the front, also where they could overlap.
            let parts: Vec<&str> = text.split(delimiter).collect();
            let back = field.unsigned_abs() as usize;
            parts.len().checked_sub(back).map(|at| parts[at])
        }
    };
    Ok(found.unwrap_or_default().to_owned())
}

/// The parts of a text, one after the other; NULL as delimiter makes every character one.
struct Parts {
    text: String,
    delimiter: Option<String>,
    null: Option<String>,
    /// Where the next part begins; None behind the last.
    next: Option<usize>,
}

impl Parts {
    /// None for NULL.
    fn new(call: &Call<'_>) -> Option<Parts> {
        let [Datum::Text(text), delimiter, rest @ ..] = call.args else { return None };
        let text_of = |datum: &Datum| match datum {
            Datum::Text(text) => Some(text.as_str().to_owned()),
            _ => None,
        };
        let (delimiter, null) = (text_of(delimiter), rest.first().and_then(text_of));
        let next = (!text.as_bytes().is_empty()).then_some(0);
        Some(Parts { text: text.as_str().to_owned(), delimiter, null, next })
    }
}

impl Iterator for Parts {
    type Item = Datum;

    fn next(&mut self) -> Option<Datum> {
        let rest = &self.text[self.next?..];
        let (part, behind) = match &self.delimiter {
            None => rest.split_at_checked(offset(rest, 1)).filter(|(_, behind)| !behind.is_empty()),
            Some(delimiter) if delimiter.is_empty() => None,
            Some(delimiter) => rest.split_once(delimiter.as_str()),
        }
        .map_or((rest, None), |(part, behind)| (part, Some(behind)));
        self.next = behind.map(|behind| self.text.len() - behind.len());
        let is_null = self.null.as_deref() == Some(part);
        Some(if is_null { Datum::Null } else { Datum::text(part) })
    }
}

fn string_to_array(call: &mut Call<'_>) -> Result<Datum> {
    let Some(parts) = Parts::new(call) else { return Ok(Datum::Null) };
    collected(call, parts.map(Ok))
}

/// An array of texts, as they come.
pub(super) fn collected(
    call: &Call<'_>,
    parts: impl Iterator<Item = Result<Datum>>,
) -> Result<Datum> {
    let (mut elements, mut bytes) = (Vec::new(), 0);
    for part in parts {
        let part = part?;
        if let Datum::Text(text) = &part {
            bytes += ELEMENT_BYTES + text.as_bytes().len();
        }
        if bytes > VALUE_BYTES_MAX || elements.len() == crate::types::MOST_ELEMENTS {
            return Err(crate::types::array_too_large());
        }
        elements.push(part);
        if elements.len().is_multiple_of(STEPS_PER_CHECK) {
            call.check()?;
        }
    }
    Ok(Datum::array(Array::flat(Type::TEXT.oid, elements)))
}

fn string_to_table(call: &mut Call<'_>) -> Result<crate::expr::function::Rows> {
    Ok(Box::new(Parts::new(call).into_iter().flatten().map(Ok)))
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(868, "strpos", &[TEXT, TEXT], INT4, |call| map2(call, position)),
    immutable(849, "position", &[TEXT, TEXT], INT4, |call| map2(call, position)),
    immutable(937, "substring", &[TEXT, INT4], TEXT, |call| {
        map2(call, |a: &str, from: i32| substring(a, from, None))
    }),
    immutable(936, "substring", &[TEXT, INT4, INT4], TEXT, |call| {
        map3(call, |a: &str, from: i32, n: i32| substring(a, from, Some(n)))
    }),
    immutable(883, "substr", &[TEXT, INT4], TEXT, |call| {
        map2(call, |a: &str, from: i32| substring(a, from, None))
    }),
    immutable(877, "substr", &[TEXT, INT4, INT4], TEXT, |call| {
        map3(call, |a: &str, from: i32, n: i32| substring(a, from, Some(n)))
    }),
    immutable(1405, "overlay", &[TEXT, TEXT, INT4], TEXT, overlay),
    immutable(1404, "overlay", &[TEXT, TEXT, INT4, INT4], TEXT, overlay),
    immutable(2087, "replace", &[TEXT, TEXT, TEXT], TEXT, |call| map3(call, replace)),
    immutable(878, "translate", &[TEXT, TEXT, TEXT], TEXT, |call| map3(call, translate)),
    immutable(2088, "split_part", &[TEXT, TEXT, INT4], TEXT, |call| map3(call, split_part)),
    immutable(394, "string_to_array", &[TEXT, TEXT], TEXT_ARRAY, string_to_array).takes_nulls(),
    immutable(376, "string_to_array", &[TEXT, TEXT, TEXT], TEXT_ARRAY, string_to_array)
        .takes_nulls(),
    set(6160, "string_to_table", &[TEXT, TEXT], TEXT, string_to_table).takes_nulls(),
    set(6161, "string_to_table", &[TEXT, TEXT, TEXT], TEXT, string_to_table).takes_nulls(),
];
