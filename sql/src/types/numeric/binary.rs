//! Binary form of `numeric`, as clients exchange it.
//!
//! **Format**, all big-endian: u16 groups, i16 weight of the first group, u16 sign (0000 plus,
//! 4000 minus, C000 NaN, D000 Infinity, F000 -Infinity), u16 display scale, then the groups:
//! value = sum of group\[i\] * 10000^(weight - i).

use std::cmp::Ordering;

use bigdecimal::num_bigint::{BigInt, BigUint, Sign};
use bigdecimal::num_traits::{ToPrimitive, Zero};
use bytes::{BufMut, BytesMut};

use super::{GROUP, Numeric, power_of_ten, rescaled};
use crate::error::{DataError, Result};

const PLUS: u16 = 0x0000;
const MINUS: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
const INFINITE_SCALE: u16 = 0x20;

impl Numeric {
    /// Writes the binary form.
    pub fn send(&self, out: &mut BytesMut) {
        let Some((digits, scale)) = self.parts() else {
            let sign = match self {
                Numeric::Infinity => INFINITY,
                Numeric::NegativeInfinity => NEGATIVE_INFINITY,
                Numeric::NaN | Numeric::Finite(_) => NAN,
            };
            // PostgreSQL reads the scale out of the bits that say infinity.
            let scale = if sign == NAN { 0 } else { INFINITE_SCALE };
            [0, 0, sign, scale].iter().for_each(|field| out.put_u16(*field));
            return;
        };
        // Whole groups after the point.
        let fraction_groups = (scale + GROUP - 1) / GROUP;
        let aligned = rescaled(&digits, scale, fraction_groups * GROUP);
        let groups = groups(aligned.magnitude());
        let weight = groups.len() as i64 - 1 - fraction_groups;
        let kept = groups.len() - groups.iter().rev().take_while(|group| **group == 0).count();
        out.put_u16(kept as u16);
        out.put_i16(if kept == 0 { 0 } else { weight as i16 });
        out.put_u16(if digits.sign() == Sign::Minus { MINUS } else { PLUS });
        out.put_u16(scale as u16);
        groups[..kept].iter().for_each(|group| out.put_u16(*group));
    }

    /// Reads the binary form.
    pub fn receive(bytes: &[u8]) -> Result<Numeric> {
        let mut fields = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        let mut field = || fields.next().ok_or(DataError::BinaryTooShort);
        let (count, weight, sign, scale) = (field()?, field()?, field()?, field()?);
        let all_read = match bytes.len().cmp(&(8 + 2 * usize::from(count))) {
            Ordering::Less => Err(DataError::BinaryTooShort.into()),
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(invalid("incorrect binary data format")),
        };
        match sign {
            PLUS | MINUS => {}
            NAN => return all_read.map(|()| Numeric::NaN),
            INFINITY => return all_read.map(|()| Numeric::Infinity),
            NEGATIVE_INFINITY => return all_read.map(|()| Numeric::NegativeInfinity),
            _ => return Err(invalid("invalid sign in external \"numeric\" value")),
        }
        let scale = i64::from(scale);
        if scale > super::MOST_SCALE {
            return Err(invalid("invalid scale in external \"numeric\" value"));
        }
        let mut text = Vec::with_capacity(usize::from(count) * 4);
        for _ in 0..count {
            let group = field()?;
            if group >= 10_000 {
                return Err(invalid("invalid digit in external \"numeric\" value"));
            }
            text.extend([1000, 100, 10, 1].map(|unit| b'0' + (group / unit % 10) as u8));
        }
        all_read?;
        let magnitude = BigUint::parse_bytes(&text, 10).unwrap_or_default();
        let sign = if sign == MINUS { Sign::Minus } else { Sign::Plus };
        let digits = BigInt::from_biguint(sign, magnitude);
        let sent_scale = (i64::from(count) - 1 - i64::from(weight.cast_signed())) * GROUP;
        let digits = if sent_scale >= scale {
            // Digits beyond the display scale are cut, as PostgreSQL cuts them.
            digits / power_of_ten(sent_scale - scale)
        } else {
            digits * power_of_ten(scale - sent_scale)
        };
        Numeric::new(digits, scale)
    }
}

fn invalid(message: &str) -> crate::Error {
    DataError::InvalidBinary { message: message.to_owned() }.into()
}

/// Groups of four digits, the most significant first, none for zero.
fn groups(magnitude: &BigUint) -> Vec<u16> {
    if let Some(mut small) = magnitude.to_u128() {
        let mut groups = Vec::new();
        while small > 0 {
            groups.push((small % 10_000) as u16);
            small /= 10_000;
        }
        groups.reverse();
        return groups;
    }
    if magnitude.is_zero() {
        return Vec::new();
    }
    let text = magnitude.to_str_radix(10).into_bytes();
    text.rchunks(4)
        .rev()
        .map(|group| group.iter().fold(0, |n, digit| n * 10 + u16::from(digit - b'0')))
        .collect()
}
