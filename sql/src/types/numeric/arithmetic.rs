//! Arithmetic that is exact, or exact to a scale.

use bigdecimal::num_bigint::BigInt;
use bigdecimal::num_traits::{One, Signed, ToPrimitive, Zero};

use super::{
    GROUP, LEAST_SIGNIFICANT, MOST_DISPLAY_SCALE, MOST_SCALE, Numeric, Weight, finite,
    power_of_ten, rescaled, round_quotient,
};
use crate::error::{DataError, Result};

impl Numeric {
    /// a + b
    pub fn add(&self, other: &Numeric) -> Result<Numeric> {
        let (Some((a, a_scale)), Some((b, b_scale))) = (self.parts(), other.parts()) else {
            return Ok(match (self, other) {
                (Numeric::NaN, _) | (_, Numeric::NaN) => Numeric::NaN,
                (Numeric::Infinity, Numeric::NegativeInfinity)
                | (Numeric::NegativeInfinity, Numeric::Infinity) => Numeric::NaN,
                (Numeric::Finite(_), infinite) | (infinite, _) => infinite.clone(),
            });
        };
        let scale = a_scale.max(b_scale);
        if a_scale == b_scale {
            return Numeric::new(a.as_ref() + b.as_ref(), scale);
        }
        Numeric::new(rescaled(&a, a_scale, scale) + rescaled(&b, b_scale, scale), scale)
    }

    /// -a
    pub fn negate(&self) -> Numeric {
        match self {
            Numeric::Finite(decimal) => Numeric::Finite(-decimal),
            Numeric::Infinity => Numeric::NegativeInfinity,
            Numeric::NegativeInfinity => Numeric::Infinity,
            Numeric::NaN => Numeric::NaN,
        }
    }

    /// a - b
    pub fn subtract(&self, other: &Numeric) -> Result<Numeric> {
        self.add(&other.negate())
    }

    /// a * b; the scales add up.
    pub fn multiply(&self, other: &Numeric) -> Result<Numeric> {
        let (Some((a, a_scale)), Some((b, b_scale))) = (self.parts(), other.parts()) else {
            return Ok(match (self, other) {
                (Numeric::NaN, _) | (_, Numeric::NaN) => Numeric::NaN,
                _ => infinity(self.signum() * other.signum()),
            });
        };
        let (product, scale) = (a.as_ref() * b.as_ref(), a_scale + b_scale);
        if scale <= MOST_SCALE {
            return Numeric::new(product, scale);
        }
        Numeric::new(rescaled(&product, scale, MOST_SCALE), MOST_SCALE)
    }

    /// a / b with at least sixteen significant digits, rounded.
    pub fn divide(&self, other: &Numeric) -> Result<Numeric> {
        let (Some((a, a_scale)), Some((b, b_scale))) = (self.parts(), other.parts()) else {
            return self.divide_special(other);
        };
        if b.is_zero() {
            return Err(DataError::DivisionByZero.into());
        }
        let scale = quotient_scale(&a, a_scale, &b, b_scale);
        let shift = scale + b_scale - a_scale;
        let (dividend, divisor) = if shift >= 0 {
            (a.as_ref() * power_of_ten(shift), b.into_owned())
        } else {
            (a.into_owned(), b.as_ref() * power_of_ten(-shift))
        };
        Numeric::new(round_quotient(&dividend, &divisor), scale)
    }

    fn divide_special(&self, other: &Numeric) -> Result<Numeric> {
        Ok(match (self, other) {
            (Numeric::NaN, _) | (_, Numeric::NaN) => Numeric::NaN,
            (Numeric::Finite(_), _) => finite(BigInt::zero(), 0),
            (_, Numeric::Finite(_)) if other.signum() == 0 => {
                return Err(DataError::DivisionByZero.into());
            }
            (_, Numeric::Finite(_)) => infinity(self.signum() * other.signum()),
            _ => Numeric::NaN,
        })
    }

    /// The quotient cut to an integer: div(a, b).
    pub fn divide_whole(&self, other: &Numeric) -> Result<Numeric> {
        let (Some((a, a_scale)), Some((b, b_scale))) = (self.parts(), other.parts()) else {
            return self.divide_special(other);
        };
        if b.is_zero() {
            return Err(DataError::DivisionByZero.into());
        }
        let scale = a_scale.max(b_scale);
        Numeric::new(rescaled(&a, a_scale, scale) / rescaled(&b, b_scale, scale), 0)
    }

    /// a % b, with the sign of a.
    pub fn remainder(&self, other: &Numeric) -> Result<Numeric> {
        let (Some((a, a_scale)), Some((b, b_scale))) = (self.parts(), other.parts()) else {
            return Ok(match (self, other) {
                (Numeric::NaN, _) | (_, Numeric::NaN) => Numeric::NaN,
                (Numeric::Finite(_), _) => self.clone(),
                (_, Numeric::Finite(_)) if other.signum() == 0 => {
                    return Err(DataError::DivisionByZero.into());
                }
                _ => Numeric::NaN,
            });
        };
        if b.is_zero() {
            return Err(DataError::DivisionByZero.into());
        }
        let scale = a_scale.max(b_scale);
        Ok(finite(rescaled(&a, a_scale, scale) % rescaled(&b, b_scale, scale), scale))
    }

    /// Without its sign.
    pub fn absolute(&self) -> Numeric {
        if self.signum() < 0 { self.negate() } else { self.clone() }
    }

    /// -1, 0 or 1 as a number; NaN of NaN.
    pub fn sign(&self) -> Numeric {
        match self {
            Numeric::NaN => Numeric::NaN,
            _ => Numeric::integer(self.signum()),
        }
    }

    /// Rounds half away from zero to `scale` digits after the point; below zero, before it.
    pub fn round(&self, scale: i32) -> Result<Numeric> {
        self.at_scale(scale, rescaled)
    }

    /// Cuts to `scale` digits after the point.
    pub fn truncate(&self, scale: i32) -> Result<Numeric> {
        self.at_scale(scale, |digits, from, to| {
            if to >= from {
                digits * power_of_ten(to - from)
            } else {
                digits / power_of_ten(from - to)
            }
        })
    }

    fn at_scale(&self, scale: i32, change: fn(&BigInt, i64, i64) -> BigInt) -> Result<Numeric> {
        // As PostgreSQL limits it, to what could be stored.
        const MOST: i64 = 2000;
        let Some((digits, own_scale)) = self.parts() else { return Ok(self.clone()) };
        let scale = i64::from(scale).clamp(-MOST, MOST);
        let changed = change(&digits, own_scale, scale);
        if scale >= 0 {
            Numeric::new(changed, scale)
        } else {
            Numeric::new(changed * power_of_ten(-scale), 0)
        }
    }

    /// The largest integer that is not above.
    pub fn floor(&self) -> Result<Numeric> {
        let whole = self.truncate(0)?;
        if self.signum() < 0 && whole != *self {
            whole.add(&Numeric::integer(-1))
        } else {
            Ok(whole)
        }
    }

    /// The smallest integer that is not below.
    pub fn ceiling(&self) -> Result<Numeric> {
        Ok(self.negate().floor()?.negate())
    }

    /// Digits after the point without the zeros at the end.
    pub fn least_scale(&self) -> i64 {
        let Some((digits, scale)) = self.parts() else { return 0 };
        super::stripped(&digits, scale).1.max(0)
    }

    /// Without zeros at the end of the fraction.
    pub fn trim_scale(&self) -> Numeric {
        match self.parts() {
            Some((digits, scale)) => {
                let least = self.least_scale();
                finite(rescaled(&digits, scale, least), least)
            }
            None => self.clone(),
        }
    }

    /// Greatest common divisor, at the larger scale.
    pub fn greatest_common_divisor(&self, other: &Numeric) -> Numeric {
        let (Some((a, a_scale)), Some((b, b_scale))) = (self.parts(), other.parts()) else {
            return Numeric::NaN;
        };
        let scale = a_scale.max(b_scale);
        let (mut a, mut b) = (rescaled(&a, a_scale, scale), rescaled(&b, b_scale, scale));
        while !b.is_zero() {
            (a, b) = (b.clone(), a % b);
        }
        finite(a.abs(), scale)
    }

    /// Least common multiple, at the larger scale.
    pub fn least_common_multiple(&self, other: &Numeric) -> Result<Numeric> {
        if self.parts().is_none() || other.parts().is_none() {
            return Ok(Numeric::NaN);
        }
        let scale = self.scale().max(other.scale());
        if self.signum() == 0 || other.signum() == 0 {
            return Ok(finite(BigInt::zero(), scale));
        }
        let divisor = self.greatest_common_divisor(other);
        let product = self.divide_whole(&divisor)?.multiply(other)?.absolute();
        product.round(scale.to_i32().unwrap_or(i32::MAX))
    }

    /// n!
    pub fn factorial(n: i64) -> Result<Numeric> {
        const MOST: i64 = 32_177;
        match n {
            ..0 => Err(DataError::NegativeFactorial.into()),
            0..=MOST => Numeric::new((2..=n).fold(BigInt::one(), |product, k| product * k), 0),
            _ => Err(super::overflow()),
        }
    }
}

/// The infinity of a sign; 0 * Infinity is not a number.
fn infinity(sign: i32) -> Numeric {
    match sign {
        ..0 => Numeric::NegativeInfinity,
        0 => Numeric::NaN,
        1.. => Numeric::Infinity,
    }
}

/// PostgreSQL's scale of a quotient: sixteen significant digits, counted in whole groups.
fn quotient_scale(a: &BigInt, a_scale: i64, b: &BigInt, b_scale: i64) -> i64 {
    let (a_weight, b_weight) = (Weight::of(a, a_scale), Weight::of(b, b_scale));
    let borrow = i64::from(a_weight.first <= b_weight.first);
    let group = a_weight.group - b_weight.group - borrow;
    (LEAST_SIGNIFICANT - group * GROUP).max(a_scale).max(b_scale).clamp(0, MOST_DISPLAY_SCALE)
}
