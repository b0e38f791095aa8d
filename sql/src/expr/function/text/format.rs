//! concat, concat_ws and format.

use super::super::declare::*;
use super::{Building, Function, refuse};
use crate::error::{DataError, Result};
use crate::expr::function::Call;
use crate::types::{self, Datum};

/// The text forms of the arguments from `first` on that are not NULL, with `between` in between.
fn join(call: &Call<'_>, first: usize, between: &str) -> Result<Datum> {
    let mut joined = Building::default();
    let mut is_first = true;
    for at in first..call.args.len() {
        if call.args[at].is_null() {
            continue;
        }
        if !std::mem::replace(&mut is_first, false) {
            joined.push(between)?;
        }
        joined.push(&call.text_of(at)?)?;
    }
    Ok(Datum::text(joined.text()))
}

fn concat_ws(call: &mut Call<'_>) -> Result<Datum> {
    match call.args.first() {
        Some(Datum::Text(separator)) => join(call, 1, separator.as_str()),
        _ => Ok(Datum::Null),
    }
}

/// One `%...` of a format.
#[derive(Default)]
struct Specifier {
    /// `n$`
    argument: Option<usize>,
    left: bool,
    width: Option<Width>,
}

enum Width {
    Fixed(i32),
    /// `*`, or `*n$`
    Argument(Option<usize>),
}

fn unterminated() -> crate::Error {
    DataError::InvalidArgument {
        message: "unterminated format() type specifier".to_owned(),
        hint: Some("For a single \"%\" use \"%%\"."),
    }
    .into()
}

/// A number at the start of `rest`.
fn number(rest: &mut &str) -> Result<Option<i32>> {
    let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    if end == 0 {
        return Ok(None);
    }
    let value = rest[..end].parse().map_err(|_| refuse("number is out of range"))?;
    *rest = &rest[end..];
    Ok(Some(value))
}

/// An argument's number behind a `$`.
fn position(number: i32) -> Result<usize> {
    usize::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| refuse("format specifies argument 0, but arguments are numbered from 1"))
}

fn take(rest: &mut &str, c: char) -> bool {
    match rest.strip_prefix(c) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

/// Everything between `%` and the letter.
fn specifier(rest: &mut &str) -> Result<Specifier> {
    let mut result = Specifier::default();
    if let Some(first) = number(rest)? {
        if !take(rest, '$') {
            if rest.is_empty() {
                return Err(unterminated());
            }
            result.width = Some(Width::Fixed(first));
            return Ok(result);
        }
        result.argument = Some(position(first)?);
    }
    while take(rest, '-') {
        result.left = true;
    }
    if take(rest, '*') {
        let argument = number(rest)?;
        if argument.is_some() && !take(rest, '$') {
            return Err(refuse("width argument position must be ended by \"$\""));
        }
        result.width = Some(Width::Argument(argument.map(position).transpose()?));
    } else if let Some(width) = number(rest)? {
        result.width = Some(Width::Fixed(width));
    }
    Ok(result)
}

/// The arguments of a call, counted as `format` counts.
struct Arguments<'c, 'a> {
    call: &'c Call<'a>,
    next: usize,
}

impl<'a> Arguments<'_, 'a> {
    fn take(&mut self, explicit: Option<usize>) -> Result<usize> {
        let at = explicit.unwrap_or(self.next);
        self.next = at + 1;
        if at < self.call.args.len() {
            Ok(at)
        } else {
            Err(refuse("too few arguments for format()"))
        }
    }

    fn width(&mut self, width: Option<Width>) -> Result<i64> {
        Ok(match width {
            None => 0,
            Some(Width::Fixed(width)) => i64::from(width),
            Some(Width::Argument(explicit)) => match self.call.args[self.take(explicit)?] {
                Datum::Int4(width) => i64::from(width),
                Datum::Int2(width) => i64::from(width),
                Datum::Null => 0,
                _ => {
                    let text = self.call.text_of(self.next - 1)?;
                    let width: Datum = types::input(&text, INT4, self.call.environment.formats())?;
                    if let Datum::Int4(width) = width { i64::from(width) } else { 0 }
                }
            },
        })
    }

    fn value(&self, at: usize, letter: char) -> Result<String> {
        let is_null = self.call.args[at].is_null();
        match letter {
            's' if is_null => Ok(String::new()),
            's' => self.call.text_of(at),
            'I' if is_null => Err(DataError::NullArgument {
                message: "null values cannot be formatted as an SQL identifier",
            }
            .into()),
            'I' => Ok(types::quote_identifier(&self.call.text_of(at)?).into_owned()),
            'L' if is_null => Ok("NULL".to_owned()),
            _ => Ok(types::quote_literal(&self.call.text_of(at)?)),
        }
    }
}

fn format(call: &mut Call<'_>) -> Result<Datum> {
    let Some(Datum::Text(pattern)) = call.args.first() else { return Ok(Datum::Null) };
    let mut rest = pattern.as_str();
    let mut arguments = Arguments { call, next: 1 };
    let mut out = Building::default();
    while let Some((plain, after)) = rest.split_once('%') {
        out.push(plain)?;
        rest = after;
        if take(&mut rest, '%') {
            out.push("%")?;
            continue;
        }
        if rest.is_empty() {
            return Err(unterminated());
        }
        let specifier = specifier(&mut rest)?;
        let Some(letter) = rest.chars().next() else { return Err(unterminated()) };
        if !matches!(letter, 's' | 'I' | 'L') {
            return Err(DataError::InvalidArgument {
                message: format!("unrecognized format() type specifier \"{letter}\""),
                hint: Some("For a single \"%\" use \"%%\"."),
            }
            .into());
        }
        rest = &rest[1..];
        let width = arguments.width(specifier.width)?;
        let at = arguments.take(specifier.argument)?;
        let value = arguments.value(at, letter)?;
        let left = specifier.left || width < 0;
        let width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
        if width > super::VALUE_BYTES_MAX {
            return Err(super::too_long());
        }
        let padding = width.saturating_sub(value.chars().count());
        let (before, after) = if left { (0, padding) } else { (padding, 0) };
        out.push_blanks(before)?;
        out.push(&value)?;
        out.push_blanks(after)?;
    }
    out.push(rest)?;
    Ok(Datum::text(out.text()))
}

pub(super) static FUNCTIONS: &[Function] = &[
    stable(3058, "concat", &[ANY], TEXT, |call| join(call, 0, "")).takes_nulls().variadic(),
    stable(3059, "concat_ws", &[TEXT, ANY], TEXT, concat_ws).takes_nulls().variadic(),
    stable(3540, "format", &[TEXT], TEXT, format).takes_nulls(),
    stable(3539, "format", &[TEXT, ANY], TEXT, format).takes_nulls().variadic(),
];
