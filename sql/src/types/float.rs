//! `float4` and `float8`: their text forms.
//!
//! Output is the shortest decimal strictly between the two halfway points to the neighbours, so
//! that it reads back as the same value however a reader rounds. The digits come from zmij,
//! which may answer with a halfway point itself (1e23); those get one more digit.

use std::fmt::Write as _;
use std::num::IntErrorKind;

use bigdecimal::num_bigint::BigUint;
use bytes::{BufMut, BytesMut};

use crate::error::{DataError, Result};

/// A float type of SQL.
pub(crate) trait Float: Copy + zmij::Float + std::str::FromStr + std::fmt::LowerExp {
    /// The type's name in messages.
    const NAME: &'static str;
    /// Digits that any value of the type keeps (`DBL_DIG`).
    const DIGITS: i32;
    /// The exact value and a binary exponent: value = mantissa * 2^exponent.
    fn parts(self) -> (u64, i32);
    /// As a double.
    fn wide(self) -> f64;
}

impl Float for f32 {
    const NAME: &'static str = "real";
    const DIGITS: i32 = 6;

    fn parts(self) -> (u64, i32) {
        let bits = self.to_bits();
        let (exponent, fraction) = ((bits >> 23 & 0xFF) as i32, u64::from(bits & 0x7F_FFFF));
        if exponent == 0 { (fraction, -149) } else { (fraction | 1 << 23, exponent - 150) }
    }

    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Float for f64 {
    const NAME: &'static str = "double precision";
    const DIGITS: i32 = 15;

    fn parts(self) -> (u64, i32) {
        let bits = self.to_bits();
        let (exponent, fraction) = ((bits >> 52 & 0x7FF) as i32, bits & ((1 << 52) - 1));
        if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
    }

    fn wide(self) -> f64 {
        self
    }
}

/// The bits of a mantissa read from digits; one more digit fits into 64.
const MANTISSA_LIMIT: u64 = 1 << 59;

/// Powers of 2 beyond this make any mantissa 0 or infinite.
const MOST_POWER: i64 = 1200;

/// `0x1F` or `0x1.8p-3`, digits of base 16 and then a power of 2, in decimal and exactly, so that
/// it is rounded once. None: it is nothing of the kind.
fn hexadecimal(text: &str) -> Option<String> {
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let (digits, mut power) = match text.split_once(['p', 'P']) {
        Some((digits, power)) => (digits, binary_power(power)?),
        None => (text, 0),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let (mut mantissa, mut rest) = (0u64, false);
    for (digits, behind) in [(whole, false), (part, true)] {
        for digit in digits.chars() {
            let digit = u64::from(digit.to_digit(16)?);
            if mantissa < MANTISSA_LIMIT {
                mantissa = mantissa << 4 | digit;
                power -= if behind { 4 } else { 0 };
            } else {
                rest |= digit != 0;
                power += if behind { 0 } else { 4 };
            }
        }
    }
    // What was cut off decides ties.
    let mantissa = BigUint::from(mantissa | u64::from(rest));
    Some(match power.clamp(-MOST_POWER, MOST_POWER) {
        power @ 0.. => (mantissa << power).to_string(),
        power => {
            format!("{}e{power}", mantissa * BigUint::from(5u8).pow(power.unsigned_abs() as u32))
        }
    })
}

/// The power behind `p`; one that is beyond all bounds may be any such.
fn binary_power(text: &str) -> Option<i64> {
    match text.parse::<i32>() {
        Ok(power) => Some(i64::from(power)),
        Err(error) => match error.kind() {
            IntErrorKind::PosOverflow => Some(i64::from(i32::MAX)),
            IntErrorKind::NegOverflow => Some(i64::from(i32::MIN)),
            _ => None,
        },
    }
}

/// Reads a decimal or hexadecimal number, NaN or an infinity, with blanks around it.
pub(crate) fn input<T: Float>(text: &str) -> Result<T> {
    let invalid = || DataError::InvalidText { type_name: T::NAME, text: text.to_owned() };
    let trimmed = super::trim(text);
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if let Some(decimal) = hexadecimal(unsigned) {
        let sign = &trimmed[..trimmed.len() - unsigned.len()];
        return finite(&format!("{sign}{decimal}"), trimmed);
    }
    let is_word = ["nan", "inf", "infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word));
    let is_number = !unsigned.is_empty()
        && unsigned
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !is_word && !is_number {
        return Err(invalid().into());
    }
    if is_word { trimmed.parse().map_err(|_| invalid().into()) } else { finite(trimmed, trimmed) }
}

/// Reads a decimal number; `text` is what was given.
fn finite<T: Float>(decimal: &str, text: &str) -> Result<T> {
    let text = || text.to_owned();
    let value: T =
        decimal.parse().map_err(|_| DataError::InvalidText { type_name: T::NAME, text: text() })?;
    let mantissa = decimal.split(['e', 'E']).next().unwrap_or_default();
    let underflow = value.wide() == 0.0 && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if underflow || value.wide().is_infinite() {
        return Err(DataError::FloatTextOutOfRange { type_name: T::NAME, text: text() }.into());
    }
    Ok(value)
}

/// Digits and exponent of a positive decimal: 0.`digits` * 10^`point`.
struct Decimal {
    digits: [u8; MOST_DIGITS],
    length: usize,
    point: i32,
}

/// What `extra_float_digits` allows at most: 17 digits, and some room.
const MOST_DIGITS: usize = 24;

/// Writes a float as PostgreSQL does at this `extra_float_digits`.
pub(crate) fn output<T: Float>(value: T, extra_digits: i32, out: &mut BytesMut) {
    let wide = value.wide();
    if wide.is_nan() {
        return out.put_slice(b"NaN");
    }
    if wide.is_sign_negative() {
        out.put_u8(b'-');
    }
    if wide.is_infinite() {
        return out.put_slice(b"Infinity");
    }
    if wide == 0.0 {
        return out.put_u8(b'0');
    }
    if extra_digits > 0 {
        layout(&shortest(value), T::DIGITS, out);
    } else {
        let precision = (T::DIGITS + extra_digits).max(1);
        layout(&rounded(value, precision as usize), precision, out);
    }
}

/// `%g`: plain for exponents from -4 to below `limit`, else with an exponent.
fn layout(decimal: &Decimal, limit: i32, out: &mut BytesMut) {
    let digits = &decimal.digits[..decimal.length];
    let exponent = decimal.point - 1;
    if exponent < -4 || exponent >= limit {
        out.put_u8(digits[0]);
        if digits.len() > 1 {
            out.put_u8(b'.');
            out.put_slice(&digits[1..]);
        }
        out.put_slice(if exponent < 0 { b"e-" } else { b"e+" });
        super::integer::output_padded(u64::from(exponent.unsigned_abs()), 2, out);
    } else if decimal.point <= 0 {
        out.put_slice(b"0.");
        out.put_bytes(b'0', decimal.point.unsigned_abs() as usize);
        out.put_slice(digits);
    } else {
        let whole = decimal.point as usize;
        if digits.len() <= whole {
            out.put_slice(digits);
            out.put_bytes(b'0', whole - digits.len());
        } else {
            out.put_slice(&digits[..whole]);
            out.put_u8(b'.');
            out.put_slice(&digits[whole..]);
        }
    }
}

fn shortest<T: Float>(value: T) -> Decimal {
    let mut buffer = zmij::Buffer::new();
    let decimal = Decimal::read(buffer.format_finite(value));
    if !decimal.is_halfway(value) {
        return decimal;
    }
    (decimal.length + 1..)
        .map(|precision| rounded(value, precision))
        .find(|longer| longer.length > decimal.length && !longer.is_halfway(value))
        .unwrap_or(decimal)
}

/// Exactly rounded to `precision` digits, without trailing zeros.
fn rounded<T: Float>(value: T, precision: usize) -> Decimal {
    let mut text = StackText { bytes: [0; 40], length: 0 };
    // Infallible: the longest text of this precision fits.
    let _ = write!(text, "{:.*e}", precision.min(MOST_DIGITS) - 1, value);
    Decimal::read(text.as_str())
}

impl Decimal {
    /// From any notation without blanks; the sign is left out.
    fn read(text: &str) -> Decimal {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut decimal = Decimal { digits: [0; MOST_DIGITS], length: 0, point: 0 };
        let mut seen_point = false;
        for byte in mantissa.bytes() {
            match byte {
                b'.' => seen_point = true,
                b'0' if decimal.length == 0 => decimal.point -= i32::from(seen_point),
                b'0'..=b'9' => {
                    if decimal.length < MOST_DIGITS {
                        decimal.digits[decimal.length] = byte;
                        decimal.length += 1;
                    }
                    decimal.point += i32::from(!seen_point);
                }
                _ => {}
            }
        }
        while decimal.length > 1 && decimal.digits[decimal.length - 1] == b'0' {
            decimal.length -= 1;
        }
        decimal.point += exponent.parse::<i32>().unwrap_or(0);
        decimal
    }

    /// Whether this is exactly halfway from `value` to one of its neighbours. Only integers can
    /// be: below 2^54 the halfway points have more digits than the shortest form.
    fn is_halfway<T: Float>(&self, value: T) -> bool {
        let (mantissa, exponent) = value.parts();
        let zeros = self.point - self.length as i32;
        // (2 mantissa ± 1) * 2^(exponent - 1) = digits * 10^zeros needs 5^zeros | 2 mantissa ± 1.
        if exponent < 1 || !(0..=23).contains(&zeros) || mantissa % 2 == 1 {
            return false;
        }
        let digits =
            self.digits[..self.length].iter().fold(0u128, |n, d| n * 10 + u128::from(d - b'0'));
        let odd = digits * 5u128.pow(zeros.unsigned_abs());
        let shift = exponent - 1 - zeros;
        [2 * mantissa + 1, 2 * mantissa - 1].iter().any(|&half| {
            let half = u128::from(half);
            if shift >= 0 {
                shift < 70 && half << shift == odd
            } else {
                let back = shift.unsigned_abs();
                back < 70 && odd.leading_zeros() > back && odd << back == half
            }
        })
    }
}

/// A `fmt::Write` into an array.
struct StackText {
    bytes: [u8; 40],
    length: usize,
}

impl StackText {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl std::fmt::Write for StackText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes
            .get_mut(self.length..end)
            .ok_or(std::fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text<T: Float>(value: T, extra: i32) -> String {
        let mut out = BytesMut::new();
        output(value, extra, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn output_is_postgresqls() {
        for (value, expected) in [
            (1e23, "9.999999999999999e+22"),
            (8.41e21, "8.409999999999999e+21"),
            (1e15, "1e+15"),
            (1e14, "100000000000000"),
            (123_456_789_012_345.6, "123456789012345.6"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (5e-324, "5e-324"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (-0.0, "-0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (9_007_199_254_740_993.0, "9.007199254740992e+15"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(text(value, 1), expected);
        }
        assert_eq!(text(0.1 + 0.2, 0), "0.3");
        assert_eq!(text(1e15, 0), "1e+15");
        assert_eq!(text(1.0 / 3.0, -14), "0.3");
        assert_eq!(text(1_000_000f32, 1), "1e+06");
        assert_eq!(text(1.1f32, 1), "1.1");
        assert_eq!(text(1.1f32, 0), "1.1");
        assert_eq!(text(16_777_216f32, 1), "1.6777216e+07");
        assert_eq!(text(2e-44f32, 1), "2e-44");
    }

    #[test]
    fn input_refuses_what_does_not_fit() {
        let message = |text: &str| input::<f64>(text).unwrap_err().to_string();
        assert_eq!(message("1e400"), "\"1e400\" is out of range for type double precision");
        assert_eq!(message("1e-400"), "\"1e-400\" is out of range for type double precision");
        assert_eq!(message("1.5x"), "invalid input syntax for type double precision: \"1.5x\"");
        assert_eq!(message(""), "invalid input syntax for type double precision: \"\"");
        assert_eq!(input::<f64>(" -inf ").unwrap(), f64::NEG_INFINITY);
        assert_eq!(input::<f32>(".5").unwrap(), 0.5);
        assert!(input::<f32>("1e39").is_err());
    }

    proptest! {
        #[test]
        fn float8_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            let back = input::<f64>(&text(value, 1)).unwrap();
            prop_assert!(back == value || value.is_nan() && back.is_nan());
        }

        #[test]
        fn float4_reads_back(bits: u32) {
            let value = f32::from_bits(bits);
            let back = input::<f32>(&text(value, 1)).unwrap();
            prop_assert!(back == value || value.is_nan() && back.is_nan());
        }
    }
}
