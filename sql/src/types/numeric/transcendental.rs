//! sqrt, exp, ln, log and power of `numeric`.
//!
//! The values are computed in fixed point with guard digits and rounded once; the scales are
//! PostgreSQL's, which estimates the size of the result in floating point.

use std::f64::consts::{LN_10, LOG10_E};

use bigdecimal::num_bigint::BigInt;
use bigdecimal::num_traits::{One, Signed, ToPrimitive, Zero};

use super::{
    GROUP, LEAST_SIGNIFICANT, MOST_DISPLAY_SCALE, MOST_WHOLE_DIGITS, Numeric, Weight, digit_count,
    finite, leading, overflow, power_of_ten, rescaled,
};
use crate::error::{DataError, MathProblem, Result};

/// exp and power of anything beyond overflow or vanish.
const MOST_RESULT_SCALE: f64 = 2000.0;
/// Digits computed beyond those that are kept.
const GUARD: i64 = 12;

fn domain(problem: MathProblem) -> crate::Error {
    DataError::MathDomain { problem }.into()
}

/// The scale that shows sixteen significant digits of a result of this decimal weight.
fn significant_scale(weight: i64, least: i64) -> i64 {
    (LEAST_SIGNIFICANT - weight).max(least).clamp(0, MOST_DISPLAY_SCALE)
}

impl Numeric {
    /// Square root.
    pub fn square_root(&self) -> Result<Numeric> {
        let Some((digits, scale)) = self.parts() else {
            return match self {
                Numeric::NegativeInfinity => Err(domain(MathProblem::NegativeRoot)),
                _ => Ok(self.clone()),
            };
        };
        if digits.is_negative() {
            return Err(domain(MathProblem::NegativeRoot));
        }
        let weight = (Weight::of(&digits, scale).group + 1) * GROUP / 2 - 1;
        self.square_root_at(significant_scale(weight, scale))
    }

    /// Square root of a finite number that is not negative, at a given scale.
    pub(crate) fn square_root_at(&self, result_scale: i64) -> Result<Numeric> {
        let Some((digits, scale)) = self.parts().filter(|(digits, _)| !digits.is_negative()) else {
            return Err(domain(MathProblem::NegativeRoot));
        };
        if digits.is_zero() {
            return Ok(finite(BigInt::zero(), result_scale));
        }
        // One digit more than is kept, then one rounding; an exact half cannot occur.
        let work = result_scale + 1;
        let root = shifted(&digits, 2 * work - scale).sqrt();
        Ok(finite(rescaled(&root, work, result_scale), result_scale))
    }

    /// e^a
    pub fn exponential(&self) -> Result<Numeric> {
        let Some((digits, scale)) = self.parts() else {
            return Ok(match self {
                Numeric::NegativeInfinity => finite(BigInt::zero(), 0),
                other => other.clone(),
            });
        };
        let estimate = self.to_double_saturating();
        let weight = (estimate * LOG10_E).clamp(-MOST_RESULT_SCALE, MOST_RESULT_SCALE);
        let result_scale = significant_scale(weight as i64, scale);
        if estimate.abs() >= MOST_RESULT_SCALE * 3.0 {
            return if estimate > 0.0 {
                Err(overflow())
            } else {
                Ok(finite(BigInt::zero(), result_scale))
            };
        }
        let work = result_scale + GUARD;
        let value = exp_fixed(&shifted(&digits, work + GUARD - scale), work + GUARD);
        Numeric::new(rescaled(&value, work + GUARD, result_scale), result_scale)
    }

    /// Natural logarithm.
    pub fn logarithm(&self) -> Result<Numeric> {
        let Some((digits, scale)) = self.logarithm_argument()? else {
            return Ok(self.clone());
        };
        let result_scale = significant_scale(logarithm_weight(&digits, scale), scale);
        Ok(finite(ln_at(&digits, scale, result_scale), result_scale))
    }

    /// The parts of a positive number; None for NaN and Infinity.
    fn logarithm_argument(&self) -> Result<Option<(BigInt, i64)>> {
        if matches!(self, Numeric::NaN) {
            return Ok(None);
        }
        match self.signum() {
            ..0 => Err(domain(MathProblem::LogarithmOfNegative)),
            0 => Err(domain(MathProblem::LogarithmOfZero)),
            1.. => Ok(self.parts().map(|(digits, scale)| (digits.into_owned(), scale))),
        }
    }

    /// Logarithm to the base `self`.
    pub fn logarithm_of(&self, number: &Numeric) -> Result<Numeric> {
        if matches!(self, Numeric::NaN) || matches!(number, Numeric::NaN) {
            return Ok(Numeric::NaN);
        }
        let (base, argument) = (self.logarithm_argument()?, number.logarithm_argument()?);
        let (Some((base, base_scale)), Some((digits, scale))) = (base.clone(), argument.clone())
        else {
            return Ok(match (base, argument) {
                (Some(_), None) => Numeric::Infinity,
                (None, Some(_)) => finite(BigInt::zero(), 0),
                _ => Numeric::NaN,
            });
        };
        let base_weight = logarithm_weight(&base, base_scale);
        let weight = logarithm_weight(&digits, scale) - base_weight;
        let result_scale = significant_scale(weight, scale.max(base_scale));
        let work = result_scale + GUARD + weight.abs() + base_weight.abs();
        let divisor = ln_at(&base, base_scale, work);
        if divisor.is_zero() {
            return Err(DataError::DivisionByZero.into());
        }
        let quotient = ln_at(&digits, scale, work) * power_of_ten(work) / divisor;
        Ok(finite(rescaled(&quotient, work, result_scale), result_scale))
    }

    /// self ^ exponent
    pub fn power(&self, exponent: &Numeric) -> Result<Numeric> {
        let (Some((base, scale)), Some((power, power_scale))) = (self.parts(), exponent.parts())
        else {
            return self.power_special(exponent);
        };
        if base.is_zero() && power.is_negative() {
            return Err(domain(MathProblem::ZeroToNegative));
        }
        let whole = (exponent.least_scale() == 0).then(|| rescaled(&power, power_scale, 0));
        if base.is_negative() && whole.is_none() {
            return Err(domain(MathProblem::NegativeToFraction));
        }
        if let Some(small) = whole.as_ref().and_then(ToPrimitive::to_i32) {
            let result_scale = LEAST_SIGNIFICANT.max(scale).clamp(0, MOST_DISPLAY_SCALE);
            return power_whole(&base, scale, small, result_scale);
        }
        if base.is_zero() {
            return Ok(finite(BigInt::zero(), LEAST_SIGNIFICANT));
        }
        let odd = base.is_negative() && whole.is_some_and(|power| power.bit(0));
        let result = power_real(&base.abs(), scale, &power, power_scale)?;
        Ok(if odd { result.negate() } else { result })
    }

    fn power_special(&self, exponent: &Numeric) -> Result<Numeric> {
        let one = Numeric::integer(1);
        if *self == one || exponent.signum() == 0 {
            // Also of NaN.
            return Ok(one);
        }
        if matches!(self, Numeric::NaN) || matches!(exponent, Numeric::NaN) {
            return Ok(Numeric::NaN);
        }
        let zero = finite(BigInt::zero(), 0);
        if exponent.parts().is_none() {
            if self.signum() == 0 {
                return match exponent.signum() {
                    1 => Ok(zero),
                    _ => Err(domain(MathProblem::ZeroToNegative)),
                };
            }
            let magnitude = self.absolute();
            if magnitude == one {
                return Ok(one);
            }
            let grows = magnitude.compare(&one).is_gt() == (exponent.signum() > 0);
            return Ok(if grows { Numeric::Infinity } else { zero });
        }
        if exponent.signum() < 0 {
            return Ok(zero);
        }
        let whole = exponent.least_scale() == 0;
        match self {
            Numeric::NegativeInfinity if !whole => Err(domain(MathProblem::NegativeToFraction)),
            Numeric::NegativeInfinity
                if exponent.remainder(&Numeric::integer(2))?.signum() != 0 =>
            {
                Ok(Numeric::NegativeInfinity)
            }
            _ => Ok(Numeric::Infinity),
        }
    }
}

/// digits * 10^by, cut when `by` is negative.
fn shifted(digits: &BigInt, by: i64) -> BigInt {
    if by >= 0 { digits * power_of_ten(by) } else { digits / power_of_ten(-by) }
}

/// Decimal weight of ln(value), estimated from its first eight digits.
fn logarithm_weight(digits: &BigInt, scale: i64) -> i64 {
    let ten = power_of_ten(scale);
    let value = digits * BigInt::from(10);
    if value >= &ten * 9 && value <= &ten * 11 {
        let distance = digits - &ten;
        if distance.is_zero() {
            return 0;
        }
        let weight = Weight::of(&distance, scale);
        return weight.group * GROUP + (weight.first as f64).log10() as i64;
    }
    let weight = Weight::of(digits, scale);
    let count = digit_count(digits);
    let first_width = count - scale - weight.group * GROUP;
    let (top, exponent) = if count > first_width {
        (leading(digits, count, first_width + GROUP), (weight.group - 1) * GROUP)
    } else {
        (weight.first, weight.group * GROUP)
    };
    let logarithm = (top as f64).ln() + exponent as f64 * LN_10;
    logarithm.abs().log10() as i64
}

/// ln(digits * 10^-scale) at `at` digits after the point.
fn ln_at(digits: &BigInt, scale: i64, at: i64) -> BigInt {
    // value = m * 10^k with m in [0.1, 1): ln = ln(m) + k ln(10).
    let count = digit_count(digits);
    let exponent = count - scale;
    let work = at + GUARD + 8;
    let mantissa = shifted(digits, work - count);
    let mut result = ln_fixed(&mantissa, work);
    if exponent != 0 {
        let ten = power_of_ten(work + 1);
        result += ln_fixed(&ten, work) * exponent;
    }
    rescaled(&result, work, at)
}

/// ln of a fixed-point number of `scale` digits, by square roots towards 1 and the series of
/// ln(x) = 2 artanh((x - 1) / (x + 1)).
fn ln_fixed(value: &BigInt, scale: i64) -> BigInt {
    // Each root halves the logarithm; sixteen of them save as many terms as they cost.
    const ROOTS: u32 = 16;
    let work = scale + 10;
    let one = power_of_ten(work);
    let mut x = shifted(value, work - scale);
    for _ in 0..ROOTS {
        x = (x * &one).sqrt();
    }
    let ratio = (&x - &one) * &one / (&x + &one);
    let square = &ratio * &ratio / &one;
    let (mut term, mut sum, mut divisor) = (ratio.clone(), ratio, 1u32);
    while !term.is_zero() {
        term = term * &square / &one;
        divisor += 2;
        sum += &term / divisor;
    }
    shifted(&(sum << (ROOTS + 1)), scale - work)
}

/// e^value of a fixed-point number of `scale` digits, below e^6000.
fn exp_fixed(value: &BigInt, scale: i64) -> BigInt {
    const HALVINGS: u32 = 24;
    // Squaring doubles the relative error, and large results need as many digits more.
    let weight = (value / power_of_ten(scale)).to_i64().unwrap_or(0).abs() / 2 + 1;
    let work = scale + weight + 16;
    let one = power_of_ten(work);
    let x = shifted(value, work - scale) >> HALVINGS;
    let (mut term, mut sum, mut n) = (one.clone(), one.clone(), 0u32);
    while !term.is_zero() {
        n += 1;
        term = term * &x / &one / n;
        sum += &term;
    }
    for _ in 0..HALVINGS {
        sum = &sum * &sum / &one;
    }
    shifted(&sum, scale - work)
}

/// base ^ power, exactly where that is short enough.
fn power_whole(base: &BigInt, scale: i64, power: i32, result_scale: i64) -> Result<Numeric> {
    match power {
        0 => return Ok(finite(power_of_ten(result_scale), result_scale)),
        1 => return Numeric::new(rescaled(base, scale, result_scale), result_scale),
        -1 => {
            let one = power_of_ten(result_scale + scale);
            return Numeric::new(super::round_quotient(&one, base), result_scale);
        }
        _ => {}
    }
    if base.is_zero() {
        return Ok(finite(BigInt::zero(), result_scale));
    }
    let count = digit_count(base);
    let top = count.min(17);
    let first = leading(base, count, top) as f64;
    let weight = f64::from(power) * (first.log10() + (count - top - scale) as f64);
    if weight > (MOST_WHOLE_DIGITS + GROUP) as f64 {
        return Err(overflow());
    }
    if weight + 1.0 < -(result_scale as f64) {
        return Ok(finite(BigInt::zero(), result_scale));
    }
    // Relative precision: digits of the result that are kept, and some more for the steps.
    let digits = (weight.max(0.0) as i64 + result_scale).max(1) + 2 * GUARD + 8;
    let (mantissa, exponent) = power_floating(base, -scale, power.unsigned_abs(), digits);
    if power > 0 {
        return Numeric::new(rescaled(&mantissa, -exponent, result_scale), result_scale);
    }
    // 1 / (m * 10^e) at result_scale: 10^(result_scale - e) / m.
    let shift = result_scale - exponent;
    if shift < 0 {
        return Ok(finite(BigInt::zero(), result_scale));
    }
    Numeric::new(super::round_quotient(&power_of_ten(shift), &mantissa), result_scale)
}

/// (m, e) with m * 10^e = (base * 10^exponent) ^ power to `digits` significant digits.
fn power_floating(base: &BigInt, exponent: i64, power: u32, digits: i64) -> (BigInt, i64) {
    let cut = |value: BigInt, exponent: i64| {
        let excess = digit_count(&value) - digits;
        if excess > 0 {
            (value / power_of_ten(excess), exponent + excess)
        } else {
            (value, exponent)
        }
    };
    let mut result = (BigInt::one(), 0);
    for bit in (0..u32::BITS - power.leading_zeros()).rev() {
        result = cut(&result.0 * &result.0, result.1 * 2);
        if power >> bit & 1 == 1 {
            result = cut(result.0 * base, result.1 + exponent);
        }
    }
    result
}

/// exp(power * ln(base)) for a positive base.
fn power_real(base: &BigInt, scale: i64, power: &BigInt, power_scale: i64) -> Result<Numeric> {
    let base_weight = logarithm_weight(base, scale);
    let rough_scale = (8 - base_weight).clamp(0, MOST_DISPLAY_SCALE);
    let product = ln_at(base, scale, rough_scale) * power;
    let rough = rescaled(&product, rough_scale + power_scale, rough_scale);
    let estimate = finite(rough, rough_scale).to_double_saturating();
    if estimate.abs() > MOST_RESULT_SCALE * 3.01 {
        return if estimate > 0.0 {
            Err(overflow())
        } else {
            Ok(finite(BigInt::zero(), MOST_DISPLAY_SCALE))
        };
    }
    let weight = (estimate * LOG10_E) as i64;
    let result_scale = significant_scale(weight, scale.max(power_scale));
    // The absolute error of the exponent is the relative error of the result.
    let work = result_scale + weight.max(0) + 2 * GUARD;
    let power_digits = (digit_count(power) - power_scale).max(0);
    let exponent = ln_at(base, scale, work + power_digits) * power;
    let exponent = rescaled(&exponent, work + power_digits + power_scale, work);
    let value = exp_fixed(&exponent, work);
    Numeric::new(rescaled(&value, work, result_scale), result_scale)
}
