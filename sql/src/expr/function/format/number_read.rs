//! to_number: a number read by a picture.
//!
//! The picture leads: each of its places looks at one character of the text and, mostly, goes
//! behind it, whether it was of use or not. A digit is taken by any place, also by the point's;
//! the digits that were found, not those of the picture, say how precise the number is.

use super::super::declare::*;
use super::super::value::map2;
use super::number_picture::{Key, Picture};
use super::picture::Piece;
use crate::error::{Result, SyntaxError};
use crate::expr::function::Function;
use crate::types::{Datum, Numeric, numeric_modifier_of};

/// What has been read of a text.
struct Reader<'a> {
    picture: &'a Picture,
    /// Whether S stands before the point, or there is none.
    sign_leads: bool,
    text: &'a [u8],
    at: usize,
    /// `+` or `-`, once it is known.
    sign: Option<u8>,
    digits: String,
    /// Digits before and behind the point.
    before: usize,
    behind: usize,
    in_fraction: bool,
}

fn is_sign(byte: u8) -> bool {
    matches!(byte, b'+' | b'-')
}

impl Reader<'_> {
    fn new<'a>(picture: &'a Picture, text: &'a str) -> Reader<'a> {
        let mut keys = picture.pieces.iter().filter_map(|piece| match piece {
            Piece::Pattern { key, .. } => Some(*key),
            Piece::Literal(..) => None,
        });
        Reader {
            picture,
            sign_leads: keys.find(|key| matches!(key, Key::Sign | Key::Point)) == Some(Key::Sign),
            text: text.as_bytes(),
            at: 0,
            sign: None,
            digits: String::new(),
            before: 0,
            behind: 0,
            in_fraction: false,
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Goes behind one character.
    fn skip(&mut self) {
        let length = match self.byte() {
            Some(0xC0..0xE0) => 2,
            Some(0xE0..0xF0) => 3,
            Some(0xF0..0xF8) => 4,
            _ => 1,
        };
        self.at += length;
    }

    /// Goes behind as many characters that can be no part of a number.
    fn skip_words(&mut self, count: usize) {
        for _ in 0..count {
            match self.byte() {
                None | Some(b'0'..=b'9' | b'.' | b',' | b'+' | b'-') => return,
                Some(_) => self.skip(),
            }
        }
    }

    fn leading_sign(&mut self) {
        let Some(byte) = self.byte() else { return };
        let has_sign = self.picture.sign.is_some();
        if has_sign && !self.sign_leads {
            return self.take_minus_or_plus(byte);
        }
        if byte == b'<' && self.picture.brackets {
            self.sign = Some(b'-');
            self.at += 1;
        } else {
            self.take_minus_or_plus(byte);
        }
    }

    fn take_minus_or_plus(&mut self, byte: u8) {
        if is_sign(byte) {
            self.sign = Some(byte);
            self.at += 1;
        }
    }

    /// The place of a digit or of the point.
    fn place(&mut self, is_point: bool) {
        if self.byte() == Some(b' ') {
            self.at += 1;
        }
        if self.sign.is_none() && !is_point && self.before + self.behind == 0 {
            self.leading_sign();
        }
        let Some(byte) = self.byte() else { return };
        let mut taken = false;
        if byte.is_ascii_digit() {
            if self.in_fraction && self.behind == self.picture.behind {
                return;
            }
            self.digits.push(char::from(byte));
            *(if self.in_fraction { &mut self.behind } else { &mut self.before }) += 1;
            taken = true;
        } else if byte == b'.' && self.picture.has_point && !self.in_fraction {
            self.digits.push('.');
            self.in_fraction = true;
            taken = true;
        }
        if self.sign.is_none() && self.before + self.behind > 0 {
            self.trailing_sign(byte, taken);
        }
    }

    /// The sign behind the last digit: that of S stands right behind what was taken, that of MI,
    /// PL and SG in the place of a digit.
    fn trailing_sign(&mut self, byte: u8, taken: bool) {
        let signs_apart = self.picture.minus || self.picture.plus;
        if self.picture.sign.is_some() {
            if let Some(next) = self.text.get(self.at + 1).filter(|next| taken && is_sign(**next)) {
                self.sign = Some(*next);
                self.at += 1;
            }
        } else if !taken && signs_apart && is_sign(byte) {
            self.sign = Some(byte);
        }
    }

    /// The place of one of the signs; another character is passed over.
    fn sign_place(&mut self, signs: &[u8]) {
        match self.byte().filter(|byte| signs.contains(byte)) {
            Some(sign) => {
                self.sign = Some(sign);
                self.at += 1;
            }
            None => self.skip_words(1),
        }
    }

    fn pattern(&mut self, key: Key) {
        match key {
            Key::Nine | Key::Zero | Key::Point => {
                self.place(key == Key::Point);
                self.at += 1;
            }
            Key::Comma if !self.picture.fill && self.byte() == Some(b',') => self.at += 1,
            Key::Minus => self.sign_place(b"-"),
            Key::Plus => self.sign_place(b"+"),
            Key::PlusMinus => self.sign_place(b"+-"),
            Key::Currency => self.skip_words(1),
            Key::Ordinal(_) if !self.picture.has_point => self.skip_words(2),
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
    for piece in &picture.pieces {
        let feature = match piece {
            Piece::Pattern { key: Key::Exponent, .. } => "\"EEEE\" not supported for input",
            Piece::Pattern { key: Key::Roman(_), .. } => "\"RN\" not supported for input",
            _ => continue,
        };
        return Err(SyntaxError::NotImplemented { feature }.into());
    }
    let mut reader = Reader::new(&picture, text);
    for piece in &picture.pieces {
        if reader.byte().is_none() {
            break;
        }
        match piece {
            Piece::Pattern { key, .. } => reader.pattern(*key),
            Piece::Literal(..) => reader.skip(),
        }
    }
    let sign = reader.sign.map_or(' ', char::from);
    let digits = reader.digits.strip_suffix('.').unwrap_or(&reader.digits);
    let value = Numeric::input(&format!("{sign}{digits}"))?;
    let precision = picture.before + picture.shift + reader.behind;
    let modifier = numeric_modifier_of(precision as i32, reader.behind as i32);
    let value = value.coerce(modifier)?.unwrap_or(value);
    if !picture.shifts {
        return Ok(Datum::numeric(value));
    }
    let power = Numeric::integer(10).power(&Numeric::integer(-(picture.shift as i64)))?;
    value.multiply(&power).map(Datum::numeric)
}

pub(super) static FUNCTIONS: &[Function] =
    &[stable(1777, "to_number", &[TEXT, TEXT], NUMERIC, |call| map2(call, to_number))];
