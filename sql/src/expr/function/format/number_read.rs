//! to_number: a number read by a picture.

use super::super::declare::*;
use super::super::value::map2;
use super::number_picture::{Key, Picture};
use super::picture::Piece;
use crate::error::Result;
use crate::expr::function::Function;
use crate::types::{Datum, Numeric};

/// What has been read of a text, and what is left.
struct Reader<'a> {
    rest: &'a str,
    negative: bool,
    digits: String,
    has_point: bool,
}

impl Reader<'_> {
    fn skip(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }

    fn sign(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
        if self.skip('-') || self.skip('<') {
            self.negative = true;
        } else {
            self.skip('+');
        }
    }

    fn digit(&mut self) -> bool {
        let digit = self.rest.chars().next().filter(char::is_ascii_digit);
        if let Some(digit) = digit {
            self.digits.push(digit);
            self.rest = &self.rest[1..];
        }
        digit.is_some()
    }

    /// A place for a digit; a point that comes too early is read here.
    fn place(&mut self, point_follows: bool) {
        if self.digits.is_empty() {
            self.sign();
        }
        if !self.digit() && !self.has_point && point_follows && self.skip('.') {
            self.add_point();
        }
    }

    /// The point's place; digits for which there was no place stand before it.
    fn point(&mut self) {
        while !self.has_point && self.digit() {}
        self.skip('.');
        self.add_point();
    }

    fn add_point(&mut self) {
        if !std::mem::replace(&mut self.has_point, true) {
            self.digits.push('.');
        }
    }

    fn pattern(&mut self, key: Key, picture: &Picture) {
        match key {
            Key::Nine | Key::Zero => self.place(picture.has_point),
            Key::Point => self.point(),
            Key::Comma => {
                self.skip(',');
            }
            Key::Sign | Key::Minus | Key::Plus | Key::PlusMinus => self.sign(),
            Key::Brackets => {
                self.skip('>');
            }
            Key::Currency => {
                let data = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | ',');
                self.rest = self.rest.strip_prefix(|c: char| !data(c)).unwrap_or(self.rest);
            }
            _ => {}
        }
    }
}

/// Reads digits where the picture has them. What stands between is passed over.
fn to_number(text: &str, picture: &str) -> Result<Datum> {
    if picture.is_empty() {
        return Ok(Datum::Null);
    }
    let picture = Picture::read(picture)?;
    let rest = text.trim_start();
    let mut reader = Reader { rest, negative: false, digits: String::new(), has_point: false };
    for piece in &picture.pieces {
        match piece {
            Piece::Pattern { key, .. } => reader.pattern(*key, &picture),
            Piece::Literal(..) => {
                let mut characters = reader.rest.chars();
                characters.next();
                reader.rest = characters.as_str();
            }
        }
    }
    if picture.sign.is_some() || picture.minus {
        reader.sign();
    }
    let sign = if reader.negative { "-" } else { " " };
    let value = Numeric::input(&format!("{sign}{}", reader.digits))?;
    let value = value.round(picture.behind as i32)?;
    if picture.shift == 0 {
        return Ok(Datum::numeric(value));
    }
    let power = Numeric::integer(10i128.pow(picture.shift.min(38) as u32));
    value.divide(&power).map(Datum::numeric)
}

pub(super) static FUNCTIONS: &[Function] =
    &[stable(1777, "to_number", &[TEXT, TEXT], NUMERIC, |call| map2(call, to_number))];
