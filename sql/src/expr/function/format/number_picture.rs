//! to_char of numbers.
//!
//! A picture says how many digits stand before and behind the point, where the sign goes, and
//! what is filled with blanks or zeros. The number is rounded to the digits there are, then
//! written place by place; one with too many digits before the point shows as `#`.

use super::super::declare::*;
use super::super::value::map2;
use super::picture::{Ordinal, Piece, ordinal, pieces, roman};
use crate::error::{DataError, Result};
use crate::expr::function::Function;
use crate::types::{Datum, Numeric};

/// A pattern of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Nine,
    Zero,
    /// `.` or `D`
    Point,
    /// `,` or `G`
    Comma,
    /// FM
    Fill,
    /// S
    Sign,
    /// MI
    Minus,
    /// PL
    Plus,
    /// SG
    PlusMinus,
    /// PR
    Brackets,
    /// RN, rn
    Roman(bool),
    /// TH, th
    Ordinal(Ordinal),
    /// V
    Shift,
    /// EEEE
    Exponent,
    /// L
    Currency,
    /// B
    Blank,
    /// C and SP: of no consequence.
    Nothing,
}

/// The longest first where one begins like another; in upper case.
const KEYS: &[(&str, Key)] = &[
    (",", Key::Comma),
    (".", Key::Point),
    ("0", Key::Zero),
    ("9", Key::Nine),
    ("B", Key::Blank),
    ("C", Key::Nothing),
    ("D", Key::Point),
    ("EEEE", Key::Exponent),
    ("FM", Key::Fill),
    ("G", Key::Comma),
    ("L", Key::Currency),
    ("MI", Key::Minus),
    ("PL", Key::Plus),
    ("PR", Key::Brackets),
    ("SG", Key::PlusMinus),
    ("SP", Key::Nothing),
    ("S", Key::Sign),
    ("V", Key::Shift),
];

fn key(text: &str) -> Option<(Key, usize)> {
    let exact = [
        ("RN", Key::Roman(false)),
        ("rn", Key::Roman(true)),
        ("TH", Key::Ordinal(Ordinal::Upper)),
        ("th", Key::Ordinal(Ordinal::Lower)),
    ];
    if let Some((pattern, key)) = exact.iter().find(|(pattern, _)| text.starts_with(pattern)) {
        return Some((*key, pattern.len()));
    }
    let found = KEYS.iter().find(|(pattern, _)| {
        text.get(..pattern.len()).is_some_and(|start| start.eq_ignore_ascii_case(pattern))
    })?;
    Some((found.1, found.0.len()))
}

/// Where S puts the sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SignPlace {
    Front,
    Back,
}

/// A picture of a number.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) pieces: Vec<Piece<Key>>,
    /// Digits before the point.
    pub(super) before: usize,
    /// Digits behind it.
    pub(super) behind: usize,
    pub(super) has_point: bool,
    /// The place of the first 0, counted from 0.
    first_zero: Option<usize>,
    /// Places up to the last 0.
    last_zero: usize,
    pub(super) fill: bool,
    pub(super) sign: Option<SignPlace>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) brackets: bool,
    roman: bool,
    exponent: bool,
    blank: bool,
    /// Powers of ten that V multiplies with.
    pub(super) shift: usize,
    pub(super) shifts: bool,
}

fn refuse(message: &str) -> crate::Error {
    DataError::InvalidPicture { message: message.to_owned() }.into()
}

impl Picture {
    pub(super) fn read(text: &str) -> Result<Picture> {
        let mut picture = Picture {
            pieces: pieces(text, key, false),
            before: 0,
            behind: 0,
            has_point: false,
            first_zero: None,
            last_zero: 0,
            fill: false,
            sign: None,
            minus: false,
            plus: false,
            brackets: false,
            roman: false,
            exponent: false,
            blank: false,
            shift: 0,
            shifts: false,
        };
        let keys: Vec<Key> = picture
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Pattern { key, .. } => Some(*key),
                Piece::Literal(..) => None,
            })
            .collect();
        let mut sign_before = None;
        for key in keys {
            if key == Key::Sign && !picture.has_point && picture.sign.is_none() {
                sign_before = Some(picture.before);
            }
            picture.take(key)?;
        }
        // A sign behind all digits of a whole number stands at its end.
        if picture.sign == Some(SignPlace::Front) && sign_before == Some(picture.before) {
            picture.sign = Some(SignPlace::Back);
        }
        Ok(picture)
    }

    fn take(&mut self, key: Key) -> Result<()> {
        if self.exponent && key != Key::Exponent {
            return Err(refuse("\"EEEE\" must be the last pattern used"));
        }
        match key {
            Key::Nine | Key::Zero => self.take_digit(key)?,
            Key::Point if self.has_point => return Err(refuse("multiple decimal points")),
            Key::Point if self.shifts => {
                return Err(refuse("cannot use \"V\" and decimal point together"));
            }
            Key::Point => self.has_point = true,
            Key::Fill => self.fill = true,
            Key::Sign if self.sign.is_some() => return Err(refuse("cannot use \"S\" twice")),
            Key::Sign if self.plus || self.minus || self.brackets => {
                return Err(refuse("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"));
            }
            Key::Sign => {
                let place = if self.has_point { SignPlace::Back } else { SignPlace::Front };
                self.sign = Some(place);
            }
            Key::Minus | Key::Plus | Key::PlusMinus if self.sign.is_some() => {
                return Err(refuse(match key {
                    Key::Minus => "cannot use \"S\" and \"MI\" together",
                    Key::Plus => "cannot use \"S\" and \"PL\" together",
                    _ => "cannot use \"S\" and \"SG\" together",
                }));
            }
            Key::Minus => self.minus = true,
            Key::Plus => self.plus = true,
            Key::PlusMinus => (self.plus, self.minus) = (true, true),
            Key::Brackets if self.sign.is_some() || self.plus || self.minus => {
                return Err(refuse("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
            }
            Key::Brackets => self.brackets = true,
            Key::Roman(_) => self.roman = true,
            Key::Shift if self.has_point => {
                return Err(refuse("cannot use \"V\" and decimal point together"));
            }
            Key::Shift => self.shifts = true,
            Key::Exponent => {
                if self.exponent {
                    return Err(refuse("cannot use \"EEEE\" twice"));
                }
                let others = self.blank || self.fill || self.sign.is_some() || self.brackets;
                if others || self.minus || self.plus || self.roman || self.shifts {
                    return Err(DataError::ExponentPicture.into());
                }
                self.exponent = true;
            }
            Key::Blank => self.blank = self.before == 0 && self.behind == 0,
            Key::Comma | Key::Ordinal(_) | Key::Currency | Key::Nothing => {}
        }
        Ok(())
    }

    fn take_digit(&mut self, key: Key) -> Result<()> {
        if self.brackets {
            let name = if key == Key::Nine { "\"9\"" } else { "\"0\"" };
            return Err(refuse(&format!("{name} must be ahead of \"PR\"")));
        }
        if self.shifts && key == Key::Nine {
            self.shift += 1;
            return Ok(());
        }
        if key == Key::Zero && self.first_zero.is_none() && !self.has_point {
            self.first_zero = Some(self.before);
        }
        if self.has_point {
            self.behind += 1;
        } else {
            self.before += 1;
        }
        if key == Key::Zero {
            self.last_zero = self.before + self.behind;
        }
        Ok(())
    }
}

/// A number as digits: its sign, and its text with the point.
struct Digits {
    negative: bool,
    text: String,
}

/// A number to write: a numeric rounds a half away from zero, a finite float its exact value's
/// half to even.
enum Number {
    Exact(Numeric),
    Single(f32),
    Double(f64),
}

impl Number {
    fn double(value: f64) -> Result<Number> {
        Ok(if value.is_finite() {
            Number::Double(value)
        } else {
            Number::Exact(Numeric::from_float(value)?)
        })
    }

    fn single(value: f32) -> Result<Number> {
        Ok(if value.is_finite() {
            Number::Single(value)
        } else {
            Number::Exact(Numeric::from_float(value)?)
        })
    }

    /// With so many digits behind the point.
    fn rounded(&self, behind: usize) -> Result<String> {
        Ok(match self {
            Number::Exact(value) => value.round(behind as i32)?.to_text(),
            Number::Single(value) => format!("{:.*}", behind, f64::from(*value)),
            Number::Double(value) => format!("{value:.behind$}"),
        })
    }

    /// Times a power of ten.
    fn shifted(self, power: usize) -> Result<Number> {
        let power = power.min(38) as u32;
        match self {
            Number::Exact(value) => {
                value.multiply(&Numeric::integer(10i128.pow(power))).map(Number::Exact)
            }
            Number::Single(value) => Number::single(value * 10f32.powi(power as i32)),
            Number::Double(value) => Number::double(value * 10f64.powi(power as i32)),
        }
    }

    fn whole(&self) -> Option<i64> {
        match self {
            Number::Exact(value) => value.round(0).ok()?.to_integer().ok(),
            Number::Single(value) => Some(value.round_ties_even() as i64),
            Number::Double(value) => Some(value.round_ties_even() as i64),
        }
    }

    fn scientific(&self, behind: usize) -> Result<String> {
        let written = match self {
            Number::Exact(value) => return scientific(value, behind),
            Number::Single(value) => format!("{:.*e}", behind, f64::from(*value)),
            Number::Double(value) => format!("{value:.behind$e}"),
        };
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let (sign, mantissa) =
            mantissa.strip_prefix('-').map_or((' ', mantissa), |mantissa| ('-', mantissa));
        let (exponent_sign, exponent) =
            exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
        Ok(format!("{sign}{mantissa}e{exponent_sign}{exponent:0>2}"))
    }
}

fn digits_of(value: &Number, behind: usize) -> Result<Digits> {
    let text = value.rounded(behind)?;
    Ok(match text.strip_prefix('-') {
        Some(text) => Digits { negative: true, text: text.to_owned() },
        None => Digits { negative: false, text },
    })
}

/// Writes the places of a number.
struct Writer<'p> {
    picture: &'p Picture,
    negative: bool,
    digits: Vec<u8>,
    /// The next digit.
    at: usize,
    /// Places that the number leaves empty in front.
    spaces: usize,
    /// Under FM, the last character worth writing.
    last: Option<usize>,
    place: usize,
    places: usize,
    sign_written: bool,
    /// Whether a digit has been written, so that a comma counts.
    in_number: bool,
    out: String,
    /// Where PostgreSQL's text ends: at a place behind the last digit, as that of a point with no
    /// digits behind it.
    end: Option<usize>,
}

impl Writer<'_> {
    fn new(picture: &Picture, digits: Digits, spaces: usize) -> Writer<'_> {
        let text = digits.text.into_bytes();
        let mut last = None;
        if picture.fill && picture.has_point {
            let point = text.iter().position(|byte| *byte == b'.');
            last = point.map(|point| {
                let kept = text.iter().rposition(|byte| *byte != b'0').unwrap_or(point);
                let kept = kept.max(point);
                if picture.last_zero > spaces {
                    kept.max((text.len() - 1).min(picture.last_zero - spaces))
                } else {
                    kept
                }
            });
        }
        let sign_written = if picture.plus || picture.minus {
            picture.minus
        } else {
            !digits.negative && picture.fill && picture.sign.is_none()
        };
        let extra = usize::from(!sign_written && spaces == 0);
        Writer {
            picture,
            negative: digits.negative,
            digits: text,
            at: 0,
            spaces,
            last,
            place: 0,
            places: (picture.before + picture.behind + extra).saturating_sub(1),
            sign_written,
            in_number: false,
            out: String::new(),
            end: None,
        }
    }

    fn brackets(&self) -> bool {
        self.picture.brackets && (self.negative || !self.picture.fill)
    }

    /// A zero alone before the point leaves its place empty: `.1`.
    fn is_lone_zero(&self) -> bool {
        self.picture.first_zero.is_none()
            && self.at == 0
            && self.digits.first() == Some(&b'0')
            && self.picture.behind != 0
    }

    fn ends_at_point(&self) -> bool {
        self.last.is_some_and(|last| self.digits.get(last) == Some(&b'.'))
    }

    fn write_sign(&mut self) {
        let starts = self.place >= self.spaces
            || self.picture.first_zero.is_some_and(|zero| zero == self.place);
        if self.sign_written || !starts || self.is_lone_zero() && !self.ends_at_point() {
            return;
        }
        match self.picture.sign {
            Some(SignPlace::Front) => self.out.push(if self.negative { '-' } else { '+' }),
            Some(SignPlace::Back) => return,
            None if self.brackets() => self.out.push(if self.negative { '<' } else { ' ' }),
            None if self.negative => self.out.push('-'),
            None if !self.picture.fill => self.out.push(' '),
            None => {}
        }
        self.sign_written = true;
    }

    /// One place: a 9, a 0 or the point.
    fn place(&mut self, key: Key) {
        self.in_number = false;
        self.write_sign();
        let zero_from = self.picture.first_zero.unwrap_or(usize::MAX);
        if self.place < self.spaces && zero_from > self.place {
            if !self.picture.fill {
                self.out.push(' ');
            }
        } else if self.place < self.spaces {
            self.out.push('0');
            self.in_number = true;
        } else {
            self.digit(key);
        }
        self.finish_place();
        self.place += 1;
    }

    fn digit(&mut self, key: Key) {
        let Some(&byte) = self.digits.get(self.at) else {
            self.end.get_or_insert(self.out.len());
            return;
        };
        if byte == b'.' {
            if self.last.is_none() || !self.ends_at_point() || self.picture.fill {
                self.out.push('.');
            }
        } else if self.last.is_some_and(|last| self.at > last) && key != Key::Zero {
            // A zero at the end that FM leaves out.
        } else if self.is_lone_zero() {
            if !self.picture.fill {
                self.out.push(' ');
            } else if self.ends_at_point() {
                self.out.push('0');
            }
        } else {
            self.out.push(char::from(byte));
            self.in_number = true;
        }
        self.at += 1;
    }

    /// Behind the last place come the closing bracket or the sign.
    fn finish_place(&mut self) {
        let mut end =
            self.places + usize::from(self.spaces > 0) + usize::from(self.picture.has_point);
        if self.last == Some(self.at) {
            end = self.place;
        }
        if self.place + 1 != end {
            return;
        }
        if self.sign_written && self.brackets() {
            self.out.push(if self.negative { '>' } else { ' ' });
        } else if self.picture.sign == Some(SignPlace::Back) {
            self.out.push(if self.negative { '-' } else { '+' });
        }
    }

    fn write(mut self) -> String {
        let picture = self.picture;
        for piece in &picture.pieces {
            let key = match piece {
                Piece::Literal(c, _) => {
                    self.out.push(*c);
                    continue;
                }
                Piece::Pattern { key, .. } => *key,
            };
            let filler = |show: bool, c: char| match (show, picture.fill) {
                (true, _) => Some(c),
                (false, true) => None,
                (false, false) => Some(' '),
            };
            match key {
                Key::Nine | Key::Zero | Key::Point => self.place(key),
                Key::Comma => self.out.extend(filler(self.in_number, ',')),
                Key::Minus => self.out.extend(filler(self.negative, '-')),
                Key::Plus => self.out.extend(filler(!self.negative, '+')),
                Key::PlusMinus => self.out.push(if self.negative { '-' } else { '+' }),
                Key::Currency => self.out.push(' '),
                Key::Ordinal(form) => {
                    let plain = !self.negative && !picture.has_point;
                    let text = String::from_utf8_lossy(&self.digits).into_owned();
                    if plain && !text.starts_with('#') {
                        self.out.push_str(ordinal(&text, form));
                    }
                }
                _ => {}
            }
        }
        self.out.truncate(self.end.unwrap_or(usize::MAX));
        self.out
    }
}

/// `#` in every place.
fn overflow(picture: &Picture) -> String {
    let mut text = "#".repeat(picture.before);
    if picture.has_point {
        text.push('.');
        text.push_str(&"#".repeat(picture.behind));
    }
    text
}

fn written(mut value: Number, text: &str, most_digits: usize) -> Result<Datum> {
    let mut picture = Picture::read(text)?;
    if text.is_empty() {
        return Ok(Datum::text(""));
    }
    if picture.roman {
        let text = in_roman(&value, &picture, most_digits == ALL)?;
        return Ok(Datum::text(&text));
    }
    if picture.exponent {
        return value.scientific(picture.behind).map(|text| Datum::text(&text));
    }
    if picture.shifts {
        value = value.shifted(picture.shift)?;
        picture.before += picture.shift;
    }
    let whole = digits_of(&value, 0)?.text.len();
    picture.behind = picture.behind.min(most_digits.saturating_sub(whole));
    let mut digits = digits_of(&value, picture.behind)?;
    let whole = digits.text.find('.').unwrap_or(digits.text.len());
    if whole > picture.before {
        digits.text = overflow(&picture);
    }
    let spaces = picture.before.saturating_sub(whole);
    Ok(Datum::text(&Writer::new(&picture, digits, spaces).write()))
}

/// An exact number must be an int4; a float that is none shows as `#`. Places and signs of the
/// picture are left out.
fn in_roman(value: &Number, picture: &Picture, exact: bool) -> Result<String> {
    let whole = match value {
        Number::Exact(value) if exact => Some(i64::from(value.to_integer::<i32>()?)),
        value => value.whole(),
    };
    let text = whole.and_then(roman).unwrap_or_else(|| "#".repeat(15));
    let width = if picture.fill { 0 } else { 15 };
    let mut out = String::new();
    for piece in &picture.pieces {
        match piece {
            Piece::Literal(c, _) => out.push(*c),
            Piece::Pattern { key: Key::Roman(lower), .. } => {
                let text = if *lower { text.to_lowercase() } else { text.clone() };
                out.push_str(&format!("{text:>width$}"));
            }
            Piece::Pattern { key: Key::Comma, .. } if !picture.fill => out.push(' '),
            Piece::Pattern { .. } => {}
        }
    }
    Ok(out)
}

/// ` 1.23e+04`
fn scientific(value: &Numeric, behind: usize) -> Result<String> {
    let Some((digits, scale)) = value.parts() else {
        return Ok(format!(" #.{}####", "#".repeat(behind)));
    };
    let text = digits.magnitude().to_string();
    let mut exponent = if value.signum() == 0 { 0 } else { text.len() as i64 - 1 - scale };
    let scaled = |exponent: i64| -> Result<Numeric> {
        let power = Numeric::integer(10).power(&Numeric::integer(exponent.abs()))?;
        let exact = value.absolute();
        let moved = if exponent < 0 {
            exact.multiply(&power)?
        } else {
            let digits = exact.parts().map(|(digits, _)| digits.into_owned()).unwrap_or_default();
            Numeric::new(digits, scale + exponent)?
        };
        moved.round(behind as i32)
    };
    let mut mantissa = scaled(exponent)?;
    if mantissa.compare(&Numeric::integer(10)).is_ge() {
        exponent += 1;
        mantissa = scaled(exponent)?;
    }
    let sign = if value.signum() < 0 { '-' } else { ' ' };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    Ok(format!("{sign}{}e{exponent_sign}{:02}", mantissa.to_text(), exponent.abs()))
}

/// Digits a `numeric` may show.
const ALL: usize = usize::MAX;
/// Digits a `float8` keeps.
const DOUBLE: usize = 15;
/// Digits a `float4` keeps.
const SINGLE: usize = 6;

pub(super) static FUNCTIONS: &[Function] = &[
    stable(1772, "to_char", &[NUMERIC, TEXT], TEXT, |call| {
        map2(call, |a: &Numeric, picture: &str| written(Number::Exact(a.clone()), picture, ALL))
    }),
    stable(1773, "to_char", &[INT4, TEXT], TEXT, |call| {
        map2(call, |a: i32, picture: &str| {
            written(Number::Exact(Numeric::integer(a)), picture, ALL)
        })
    }),
    stable(1774, "to_char", &[INT8, TEXT], TEXT, |call| {
        map2(call, |a: i64, picture: &str| {
            written(Number::Exact(Numeric::integer(a)), picture, ALL)
        })
    }),
    stable(1775, "to_char", &[FLOAT4, TEXT], TEXT, |call| {
        map2(call, |a: f32, picture: &str| written(Number::single(a)?, picture, SINGLE))
    }),
    stable(1776, "to_char", &[FLOAT8, TEXT], TEXT, |call| {
        map2(call, |a: f64, picture: &str| written(Number::double(a)?, picture, DOUBLE))
    }),
];
