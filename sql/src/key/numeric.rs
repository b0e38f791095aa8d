//! `numeric` in a key.
//!
//! **Format**, ascending: a class byte; for finite values other than zero the exponent of the
//! first digit as i32, then the digits without trailing zeros, two a byte as pair + 1, then 00.
//! Behind the class of negative values every bit is inverted.
//!
//! ```text
//! 12.5   = 0.125 * 10^2    04 | 80 00 00 02 | 0D (12) 33 (50) 00
//! ```

use reckon_mvcc::key::{self, Order};

use bigdecimal::num_bigint::{BigInt, Sign};
use bigdecimal::num_traits::ToPrimitive;

use super::{corrupted, malformed};
use crate::error::Result;
use crate::types::Numeric;

const NEGATIVE_INFINITY: u8 = 1;
const NEGATIVE: u8 = 2;
const ZERO: u8 = 3;
const POSITIVE: u8 = 4;
const INFINITY: u8 = 5;
const NAN: u8 = 6;
const END: u8 = 0;

/// More digits than any numeric has: where a damaged key stops.
const MOST_PAIRS: usize = 80_000;

pub(super) fn append(value: &Numeric, order: Order, key: &mut Vec<u8>) {
    let class = match value {
        Numeric::NegativeInfinity => NEGATIVE_INFINITY,
        Numeric::Infinity => INFINITY,
        Numeric::NaN => NAN,
        Numeric::Finite(_) => match value.signum() {
            ..0 => NEGATIVE,
            0 => ZERO,
            1.. => POSITIVE,
        },
    };
    key::append_u8(key, class, order);
    let Some((digits, scale)) = value.parts().filter(|_| matches!(class, NEGATIVE | POSITIVE))
    else {
        return;
    };
    let inner = within(order, class);
    let mut buffer = [0; 40];
    let text;
    let decimal = match digits.magnitude().to_u128() {
        Some(small) => decimal_digits(small, &mut buffer),
        None => {
            text = digits.magnitude().to_str_radix(10).into_bytes();
            &text[..]
        }
    };
    key::append_i32(key, (decimal.len() as i64 - scale) as i32, inner);
    let kept = decimal.iter().rposition(|digit| *digit != b'0').map_or(0, |at| at + 1);
    for pair in decimal[..kept].chunks(2) {
        let (tens, units) = (pair[0] - b'0', pair.get(1).map_or(0, |digit| digit - b'0'));
        key::append_u8(key, tens * 10 + units + 1, inner);
    }
    key::append_u8(key, END, inner);
}

/// Negative values sort the other way behind their class.
fn within(order: Order, class: u8) -> Order {
    Order { ascending: order.ascending == (class == POSITIVE), ..order }
}

fn decimal_digits(mut value: u128, buffer: &mut [u8; 40]) -> &[u8] {
    let mut start = buffer.len();
    while value > 0 {
        start -= 1;
        buffer[start] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    &buffer[start..]
}

pub(super) fn decode(order: Order, key: &mut &[u8]) -> Result<Numeric> {
    let class = key::take_u8(key, order).map_err(malformed)?;
    match class {
        NEGATIVE_INFINITY => return Ok(Numeric::NegativeInfinity),
        ZERO => return Ok(Numeric::integer(0)),
        INFINITY => return Ok(Numeric::Infinity),
        NAN => return Ok(Numeric::NaN),
        NEGATIVE | POSITIVE => {}
        _ => return Err(corrupted()),
    }
    let inner = within(order, class);
    let exponent = i64::from(key::take_i32(key, inner).map_err(malformed)?);
    let mut text = Vec::new();
    loop {
        match key::take_u8(key, inner).map_err(malformed)? {
            END => break,
            pair @ 1..=100 if text.len() < 2 * MOST_PAIRS => {
                text.extend([b'0' + (pair - 1) / 10, b'0' + (pair - 1) % 10]);
            }
            _ => return Err(corrupted()),
        }
    }
    if text.last() == Some(&b'0') {
        // The last pair brought a zero, which may be one place too many.
        text.pop();
    }
    let scale = text.len() as i64 - exponent;
    let mut digits = BigInt::parse_bytes(&text, 10).ok_or_else(corrupted)?;
    if class == NEGATIVE {
        digits = -digits;
    }
    debug_assert_ne!(digits.sign(), Sign::NoSign);
    if scale >= 0 {
        return Numeric::new(digits, scale).map_err(|_| corrupted());
    }
    let zeros =
        u32::try_from(-scale).ok().filter(|zeros| *zeros < 200_000).ok_or_else(corrupted)?;
    Numeric::new(digits * BigInt::from(10).pow(zeros), 0).map_err(|_| corrupted())
}
