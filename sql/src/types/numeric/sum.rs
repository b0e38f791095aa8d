//! Adding up many numerics without a big integer for each.

use bigdecimal::num_bigint::BigInt;
use bigdecimal::num_traits::{ToPrimitive, Zero};

use super::{Numeric, power_of_ten};
use crate::error::Result;

/// A running sum.
///
/// Invariant: the finite part is `small + large`, both at `scale`, the largest scale so far.
#[derive(Clone, Debug, Default)]
pub struct NumericSum {
    scale: i64,
    small: i128,
    large: BigInt,
    infinite: [bool; 2],
    nan: bool,
}

impl NumericSum {
    /// Adds a value.
    pub fn add(&mut self, value: &Numeric) {
        let Some((digits, scale)) = value.parts() else {
            match value {
                Numeric::Infinity => self.infinite[0] = true,
                Numeric::NegativeInfinity => self.infinite[1] = true,
                Numeric::NaN | Numeric::Finite(_) => self.nan = true,
            }
            return;
        };
        if scale > self.scale {
            self.spill();
            self.large *= power_of_ten(scale - self.scale);
            self.scale = scale;
        }
        // Beyond 10^18 an i64 factor does not fit.
        let shift = (self.scale - scale).to_u32().filter(|shift| *shift <= 18);
        if let (Some(digits), Some(shift)) = (digits.to_i64(), shift) {
            let scaled = i128::from(digits) * 10i128.pow(shift);
            match self.small.checked_add(scaled) {
                Some(sum) => self.small = sum,
                None => {
                    self.spill();
                    self.small = scaled;
                }
            }
            return;
        }
        self.large += digits.as_ref() * power_of_ten(self.scale - scale);
    }

    fn spill(&mut self) {
        if self.small != 0 {
            self.large += std::mem::take(&mut self.small);
        }
    }

    /// The sum so far, at the largest scale that was added.
    pub fn value(&self) -> Result<Numeric> {
        match (self.nan, self.infinite) {
            (true, _) | (_, [true, true]) => Ok(Numeric::NaN),
            (_, [true, false]) => Ok(Numeric::Infinity),
            (_, [false, true]) => Ok(Numeric::NegativeInfinity),
            _ if self.large.is_zero() => Numeric::new(BigInt::from(self.small), self.scale),
            _ => Numeric::new(&self.large + self.small, self.scale),
        }
    }
}
