//! to_number: a number read by a picture.

use super::super::declare::*;
use super::super::value::map2;
use super::number_picture::{Key, Picture};
use super::picture::Piece;
use crate::error::Result;
use crate::expr::function::Function;
use crate::types::{Datum, Numeric};

/// Reads digits where the picture has them. What stands between is passed over.
fn to_number(text: &str, picture_text: &str) -> Result<Datum> {
    if picture_text.is_empty() {
        return Ok(Datum::Null);
    }
    let picture = Picture::read(picture_text)?;
    let mut rest = text.trim_start();
    let mut negative = false;
    let mut digits = String::new();
    let mut has_point = false;
    let signs = |rest: &mut &str, negative: &mut bool| {
        *rest = rest.trim_start_matches(' ');
        if let Some(after) = rest.strip_prefix(['-', '<']) {
            (*negative, *rest) = (true, after);
        } else if let Some(after) = rest.strip_prefix('+') {
            *rest = after;
        }
    };
    for piece in &picture.pieces {
        match piece {
            Piece::Pattern { key: Key::Nine | Key::Zero, .. } => {
                if digits.is_empty() {
                    signs(&mut rest, &mut negative);
                }
                if let Some(digit) = rest.chars().next().filter(char::is_ascii_digit) {
                    digits.push(digit);
                    rest = &rest[1..];
                } else if let Some(after) =
                    rest.strip_prefix('.').filter(|_| !has_point && picture.has_point)
                {
                    has_point = true;
                    digits.push('.');
                    rest = after;
                }
            }
            Piece::Pattern { key: Key::Point, .. } => {
                while let Some(digit) =
                    rest.chars().next().filter(|c| c.is_ascii_digit() && !has_point)
                {
                    digits.push(digit);
                    rest = &rest[1..];
                }
                if let Some(after) = rest.strip_prefix('.') {
                    rest = after;
                }
                if !has_point {
                    has_point = true;
                    digits.push('.');
                }
            }
            Piece::Pattern { key: Key::Comma, .. } => {
                rest = rest.strip_prefix(',').unwrap_or(rest);
            }
            Piece::Pattern { key: Key::Sign | Key::Minus | Key::Plus | Key::PlusMinus, .. } => {
                signs(&mut rest, &mut negative);
            }
            Piece::Pattern { key: Key::Brackets, .. } => {
                rest = rest.strip_prefix('>').unwrap_or(rest)
            }
            Piece::Pattern { key: Key::Currency, .. } => {
                let data = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | ',');
                rest = rest.strip_prefix(|c: char| !data(c)).unwrap_or(rest);
            }
            Piece::Pattern { .. } => {}
            Piece::Literal(..) => {
                let mut characters = rest.chars();
                characters.next();
                rest = characters.as_str();
            }
        }
    }
    if picture.sign.is_some() || picture.minus {
        signs(&mut rest, &mut negative);
    }
    let sign = if negative { "-" } else { " " };
    let value = Numeric::input(&format!("{sign}{digits}"))?;
    let value = value.round(picture.behind as i32)?;
    if picture.shift == 0 {
        return Ok(Datum::numeric(value));
    }
    let power = Numeric::integer(10i128.pow(picture.shift.min(38) as u32));
    value.divide(&power).map(Datum::numeric)
}

pub(super) static FUNCTIONS: &[Function] =
    &[stable(1777, "to_number", &[TEXT, TEXT], NUMERIC, |call| map2(call, to_number))];
