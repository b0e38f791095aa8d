//! `numeric`: exact decimals with a display scale, as PostgreSQL computes them.
//!
//! A finite value is an integer and a scale: 1.50 is 150 with scale 2. The scale is what gets
//! printed, so 1.5 and 1.50 are equal but not the same. Which scale a result has follows
//! PostgreSQL's rules, which count in groups of four digits: see [`Weight`].
//!
//! # Invariants
//!
//! 1. The scale of a finite value is within 0..=[`MOST_SCALE`].
//! 2. A finite value has at most [`MOST_WHOLE_DIGITS`] digits before the point.

mod arithmetic;
mod binary;
mod convert;
mod sum;
mod text;
mod transcendental;

pub use sum::NumericSum;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::Hasher;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::{BigInt, Sign};
use bigdecimal::num_traits::{Signed, ToPrimitive, Zero};

use super::Numeric;
use crate::error::{DataError, Error, Result};

/// Digits after the point that can be stored.
pub(crate) const MOST_SCALE: i64 = 16_383;
/// Digits before the point that can be stored.
const MOST_WHOLE_DIGITS: i64 = 131_072;
/// Digits that division and the like produce at least.
const LEAST_SIGNIFICANT: i64 = 16;
/// Digits after the point that division and the like produce at most.
const MOST_DISPLAY_SCALE: i64 = 1000;

impl Numeric {
    /// `digits * 10^-scale`, if it fits.
    pub fn new(digits: BigInt, scale: i64) -> Result<Numeric> {
        // A decimal digit is more than 3.3 bits.
        let surely_fits = digits.bits() < 400_000;
        if !(0..=MOST_SCALE).contains(&scale)
            || !surely_fits && digit_count(&digits) - scale > MOST_WHOLE_DIGITS
        {
            return Err(overflow());
        }
        Ok(finite(digits, scale))
    }

    /// An integer, with scale 0.
    pub fn integer(value: impl Into<BigInt>) -> Numeric {
        finite(value.into(), 0)
    }

    /// The integer and the scale of a finite value.
    pub(crate) fn parts(&self) -> Option<(Cow<'_, BigInt>, i64)> {
        match self {
            Numeric::Finite(decimal) => Some(decimal.as_bigint_and_scale()),
            _ => None,
        }
    }

    /// The display scale; 0 for NaN and the infinities.
    pub fn scale(&self) -> i64 {
        self.parts().map_or(0, |(_, scale)| scale)
    }

    /// -1, 0 or 1; NaN counts as positive.
    pub(crate) fn signum(&self) -> i32 {
        match self {
            Numeric::Finite(decimal) => match decimal.sign() {
                Sign::Minus => -1,
                Sign::NoSign => 0,
                Sign::Plus => 1,
            },
            Numeric::NegativeInfinity => -1,
            Numeric::Infinity | Numeric::NaN => 1,
        }
    }

    /// Total order: NaN is equal to itself and above everything.
    pub fn compare(&self, other: &Numeric) -> Ordering {
        match (self.parts(), other.parts()) {
            (Some((a, a_scale)), Some((b, b_scale))) => compare_finite(&a, a_scale, &b, b_scale),
            _ => self.class().cmp(&other.class()),
        }
    }

    fn class(&self) -> i8 {
        match self {
            Numeric::NegativeInfinity => -1,
            Numeric::Finite(_) => 0,
            Numeric::Infinity => 1,
            Numeric::NaN => 2,
        }
    }

    /// Equal values hash alike, whatever their scale.
    pub(crate) fn hash_value<H: Hasher>(&self, state: &mut H) {
        state.write_i8(self.class());
        let Some((digits, scale)) = self.parts() else { return };
        let (digits, scale) = stripped(&digits, scale);
        state.write_i64(scale);
        match digits.to_i128() {
            Some(small) => state.write_i128(small),
            None => state.write(&digits.to_signed_bytes_le()),
        }
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Numeric) -> bool {
        self.compare(other).is_eq()
    }
}

fn finite(digits: BigInt, scale: i64) -> Numeric {
    Numeric::Finite(BigDecimal::from_bigint(digits, scale))
}

fn overflow() -> Error {
    DataError::NumericOverflow.into()
}

fn compare_finite(a: &BigInt, a_scale: i64, b: &BigInt, b_scale: i64) -> Ordering {
    match a_scale.cmp(&b_scale) {
        Ordering::Equal => a.cmp(b),
        _ if a.sign() != b.sign() => a.sign().cmp(&b.sign()),
        Ordering::Less => (a * power_of_ten(b_scale - a_scale)).cmp(b),
        Ordering::Greater => a.cmp(&(b * power_of_ten(a_scale - b_scale))),
    }
}

/// 10^exponent; 1 for a negative exponent.
fn power_of_ten(exponent: i64) -> BigInt {
    match u32::try_from(exponent) {
        Ok(small @ 0..=38) => BigInt::from(10u128.pow(small)),
        Ok(large) => BigInt::from(10).pow(large),
        Err(_) => BigInt::from(1),
    }
}

/// Decimal digits of an integer; none for zero.
fn digit_count(digits: &BigInt) -> i64 {
    if let Some(small) = digits.magnitude().to_u128() {
        return small.checked_ilog10().map_or(0, |log| i64::from(log) + 1);
    }
    // log10(2) from below, then corrected by comparing once or twice.
    let mut count = (digits.bits() - 1) as i64 * 30_103 / 100_000;
    while *digits.magnitude() >= *power_of_ten(count).magnitude() {
        count += 1;
    }
    count
}

/// The same value at another scale, rounded half away from zero.
fn rescaled(digits: &BigInt, scale: i64, to: i64) -> BigInt {
    if to >= scale {
        return digits * power_of_ten(to - scale);
    }
    if scale - to > digit_count(digits) {
        return BigInt::zero();
    }
    round_quotient(digits, &power_of_ten(scale - to))
}

/// a / b, rounded half away from zero.
fn round_quotient(a: &BigInt, b: &BigInt) -> BigInt {
    let (quotient, rest) = (a / b, a % b);
    if rest.magnitude() * 2u32 < *b.magnitude() {
        quotient
    } else {
        quotient + a.signum() * b.signum()
    }
}

/// The same value without trailing zeros after the point; whole numbers get negative scales.
fn stripped(digits: &BigInt, scale: i64) -> (Cow<'_, BigInt>, i64) {
    if digits.is_zero() {
        return (Cow::Borrowed(digits), 0);
    }
    if let Some(mut small) = digits.to_i128() {
        let mut small_scale = scale;
        while small % 10 == 0 {
            small /= 10;
            small_scale -= 1;
        }
        return (Cow::Owned(BigInt::from(small)), small_scale);
    }
    let text = digits.magnitude().to_string();
    let zeros = (text.len() - text.trim_end_matches('0').len()) as i64;
    if zeros == 0 {
        return (Cow::Borrowed(digits), scale);
    }
    (Cow::Owned(digits / power_of_ten(zeros)), scale - zeros)
}

/// Where a value's first group of four digits stands: value = `first`.xxx * 10000^`group`, with
/// `first` from 1 to 9999. Zero is (0, 0).
struct Weight {
    group: i64,
    first: i64,
}

/// Digits in a group.
const GROUP: i64 = 4;

impl Weight {
    fn of(digits: &BigInt, scale: i64) -> Weight {
        let count = digit_count(digits);
        if count == 0 {
            return Weight { group: 0, first: 0 };
        }
        let exponent = count - 1 - scale;
        let group = exponent.div_euclid(GROUP);
        Weight { group, first: leading(digits, count, exponent - group * GROUP + 1) }
    }
}

/// The first `wanted` of `count` digits, with zeros behind when there are fewer.
fn leading(digits: &BigInt, count: i64, wanted: i64) -> i64 {
    let magnitude = digits.abs();
    let cut = if count >= wanted {
        magnitude / power_of_ten(count - wanted)
    } else {
        magnitude * power_of_ten(wanted - count)
    };
    cut.to_i64().unwrap_or(i64::MAX)
}
