//! Text form of `numeric`, and its coercion to a precision and scale.

use bytes::{BufMut, BytesMut};

use bigdecimal::num_bigint::{BigInt, BigUint, Sign};
use bigdecimal::num_traits::ToPrimitive;

use super::super::{integer, name::numeric_modifier, trim};
use super::{
    MOST_SCALE, MOST_WHOLE_DIGITS, Numeric, digit_count, finite, overflow, power_of_ten, rescaled,
};
use crate::error::{DataError, Result};

/// Digits a number may have, zeros in front of it not counted.
const MOST_DIGITS: usize = (MOST_WHOLE_DIGITS + MOST_SCALE) as usize;

/// Exponents beyond this are no numbers.
const MOST_EXPONENT: i64 = i32::MAX as i64 / 2;

impl Numeric {
    /// Reads a decimal number, NaN or an infinity, with blanks around it.
    pub fn input(text: &str) -> Result<Numeric> {
        let invalid = || DataError::InvalidText { type_name: "numeric", text: text.to_owned() };
        let trimmed = trim(text);
        let (negative, unsigned) = match trimmed.as_bytes().first() {
            Some(b'-') => (true, &trimmed[1..]),
            Some(b'+') => (false, &trimmed[1..]),
            _ => (false, trimmed),
        };
        if unsigned.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            let signed = unsigned.len() != trimmed.len();
            return special(unsigned, negative, signed).ok_or_else(|| invalid().into());
        }
        let parsed = scan(unsigned).ok_or_else(invalid)?;
        parsed.value(negative)
    }

    /// Writes all digits of the display scale.
    pub fn output(&self, out: &mut BytesMut) {
        let Some((digits, scale)) = self.parts() else { return out.put_slice(self.word()) };
        if digits.sign() == Sign::Minus {
            out.put_u8(b'-');
        }
        let start = out.len();
        let width = scale as usize + 1;
        match digits.magnitude().to_u64() {
            Some(small) => integer::output_padded(small, width, out),
            None => {
                let text = digits.magnitude().to_str_radix(10);
                out.put_bytes(b'0', width.saturating_sub(text.len()));
                out.put_slice(text.as_bytes());
            }
        }
        if scale > 0 {
            let point = out.len() - scale as usize;
            debug_assert!(point > start);
            out.put_u8(0);
            let end = out.len();
            out.copy_within(point..end - 1, point + 1);
            out[point] = b'.';
        }
    }

    /// The text form as a string.
    pub fn to_text(&self) -> String {
        let mut out = BytesMut::new();
        self.output(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn word(&self) -> &'static [u8] {
        match self {
            Numeric::Infinity => b"Infinity",
            Numeric::NegativeInfinity => b"-Infinity",
            Numeric::NaN | Numeric::Finite(_) => b"NaN",
        }
    }

    /// Rounds to the declared scale and checks the precision; None: it fits as it is.
    pub(crate) fn coerce(&self, modifier: i32) -> Result<Option<Numeric>> {
        if modifier < 4 {
            return Ok(None);
        }
        let (precision, scale) = numeric_modifier(modifier);
        let error = |special| DataError::NumericFieldOverflow { precision, scale, special };
        let Some((digits, own_scale)) = self.parts() else {
            return match self {
                Numeric::NaN => Ok(None),
                _ => Err(error(true).into()),
            };
        };
        let scale = i64::from(scale);
        let rounded = rescaled(&digits, own_scale, scale);
        if digit_count(&rounded) > i64::from(precision) {
            return Err(error(false).into());
        }
        if own_scale == scale {
            return Ok(None);
        }
        Ok(Some(if scale < 0 {
            finite(rounded * power_of_ten(-scale), 0)
        } else {
            finite(rounded, scale)
        }))
    }
}

fn special(word: &str, negative: bool, signed: bool) -> Option<Numeric> {
    if word.eq_ignore_ascii_case("nan") && !signed {
        return Some(Numeric::NaN);
    }
    let infinite = word.eq_ignore_ascii_case("infinity") || word.eq_ignore_ascii_case("inf");
    match (infinite, negative) {
        (true, false) => Some(Numeric::Infinity),
        (true, true) => Some(Numeric::NegativeInfinity),
        (false, _) => None,
    }
}

/// An unsigned decimal number in pieces.
struct Scanned<'a> {
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

fn scan(text: &str) -> Option<Scanned<'_>> {
    let digits_end =
        |text: &str| text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(digits_end(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits_end(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = match rest.strip_prefix(['e', 'E']) {
        None if rest.is_empty() => 0,
        None => return None,
        Some(exponent) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let value: i64 = exponent.parse().ok().filter(|_| valid)?;
            (-MOST_EXPONENT..=MOST_EXPONENT).contains(&value).then_some(value)?
        }
    };
    Some(Scanned { whole, fraction, exponent })
}

impl Scanned<'_> {
    fn value(&self, negative: bool) -> Result<Numeric> {
        let whole = self.whole.trim_start_matches('0');
        let significant = whole.len() + self.fraction.len();
        let digits = if significant <= 19 {
            let bytes = whole.bytes().chain(self.fraction.bytes());
            BigUint::from(bytes.fold(0u64, |n, digit| n * 10 + u64::from(digit - b'0')))
        } else {
            let zeros = self.fraction.bytes().take_while(|digit| *digit == b'0').count();
            let fraction = &self.fraction[if whole.is_empty() { zeros } else { 0 }..];
            // To read digits takes the square of their number: not of more than any number has.
            if whole.len() + fraction.len() > MOST_DIGITS {
                return Err(overflow());
            }
            let text = [whole.as_bytes(), fraction.as_bytes()].concat();
            BigUint::parse_bytes(&text, 10).unwrap_or_default()
        };
        let scale = self.fraction.len() as i64 - self.exponent;
        let digits = BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, digits);
        if scale >= 0 {
            return Numeric::new(digits, scale);
        }
        if digit_count(&digits) - scale > MOST_WHOLE_DIGITS && digits.sign() != Sign::NoSign {
            return Err(overflow());
        }
        if digits.sign() == Sign::NoSign {
            return Ok(finite(digits, 0));
        }
        Numeric::new(digits * power_of_ten(-scale), 0)
    }
}
