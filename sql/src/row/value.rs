//! One value inside a row.

use std::sync::Arc;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::num_traits::ToPrimitive;

use crate::error::{DataError, Result};
use crate::types::{Array, Datum, Family, Interval, Numeric, Oid, Type, Varlena, utf8};

/// How a column's values are stored.
pub(super) type Shape = StoredFamily;

/// A family, and how wide it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct StoredFamily {
    family: Family,
    width: Option<u8>,
}

impl StoredFamily {
    pub(super) fn of(ty: Type) -> StoredFamily {
        let family = ty.family();
        let width = match family {
            Family::Bool => Some(1),
            Family::Int2 => Some(2),
            Family::Int4 | Family::Oid | Family::Float4 | Family::Date => Some(4),
            Family::Int8
            | Family::Float8
            | Family::Time
            | Family::Timestamp
            | Family::Timestamptz => Some(8),
            Family::Interval | Family::Uuid => Some(16),
            Family::Numeric
            | Family::Text
            | Family::Bytea
            | Family::Array
            | Family::Record
            | Family::Void
            | Family::None => None,
        };
        StoredFamily { family, width }
    }

    pub(super) fn family(self) -> Family {
        self.family
    }

    /// Bytes of a value; None when they vary.
    pub(super) fn width(self) -> Option<usize> {
        self.width.map(usize::from)
    }
}

/// Writes a value that is not NULL into exactly its width.
pub(super) fn encode_fixed(value: &Datum, shape: Shape, out: &mut [u8]) -> Result<()> {
    match (value, shape.family) {
        (Datum::Bool(value), Family::Bool) => out[0] = u8::from(*value),
        (Datum::Int2(value), Family::Int2) => out.copy_from_slice(&value.to_le_bytes()),
        (Datum::Int4(value), Family::Int4) | (Datum::Date(value), Family::Date) => {
            out.copy_from_slice(&value.to_le_bytes());
        }
        (Datum::Oid(value), Family::Oid) => out.copy_from_slice(&value.0.to_le_bytes()),
        (Datum::Float4(value), Family::Float4) => out.copy_from_slice(&value.to_le_bytes()),
        (Datum::Float8(value), Family::Float8) => out.copy_from_slice(&value.to_le_bytes()),
        (Datum::Int8(value), Family::Int8)
        | (Datum::Time(value), Family::Time)
        | (Datum::Timestamp(value), Family::Timestamp)
        | (Datum::Timestamptz(value), Family::Timestamptz) => {
            out.copy_from_slice(&value.to_le_bytes());
        }
        (Datum::Uuid(value), Family::Uuid) => out.copy_from_slice(&value[..]),
        (Datum::Interval(value), Family::Interval) => write_interval(value, out),
        _ => return Err(DataError::UnexpectedDatum { expected: "the column's type" }.into()),
    }
    Ok(())
}

fn write_interval(value: &Interval, out: &mut [u8]) {
    out[..8].copy_from_slice(&value.microseconds.to_le_bytes());
    out[8..12].copy_from_slice(&value.days.to_le_bytes());
    out[12..].copy_from_slice(&value.months.to_le_bytes());
}

fn read_interval(bytes: &[u8]) -> Option<Interval> {
    let (microseconds, rest) = bytes.split_first_chunk()?;
    let (days, rest) = rest.split_first_chunk()?;
    Some(Interval {
        microseconds: i64::from_le_bytes(*microseconds),
        days: i32::from_le_bytes(*days),
        months: i32::from_le_bytes(rest.try_into().ok()?),
    })
}

/// Reads a value of a fixed width; `bytes` has that width.
#[inline]
pub(super) fn decode_fixed(bytes: &[u8], shape: Shape) -> Option<Datum> {
    match shape.family {
        Family::Int4 => Some(Datum::Int4(i32::from_le_bytes(bytes.try_into().ok()?))),
        Family::Int8 => Some(Datum::Int8(i64::from_le_bytes(bytes.try_into().ok()?))),
        _ => decode_other_fixed(bytes, shape),
    }
}

fn decode_other_fixed(bytes: &[u8], shape: Shape) -> Option<Datum> {
    Some(match shape.family {
        Family::Bool => match bytes {
            [0] => Datum::Bool(false),
            [1] => Datum::Bool(true),
            _ => return None,
        },
        Family::Int2 => Datum::Int2(i16::from_le_bytes(bytes.try_into().ok()?)),
        Family::Oid => Datum::Oid(Oid(u32::from_le_bytes(bytes.try_into().ok()?))),
        Family::Float4 => Datum::Float4(f32::from_le_bytes(bytes.try_into().ok()?)),
        Family::Float8 => Datum::Float8(f64::from_le_bytes(bytes.try_into().ok()?)),
        Family::Date => Datum::Date(i32::from_le_bytes(bytes.try_into().ok()?)),
        Family::Time => Datum::Time(i64::from_le_bytes(bytes.try_into().ok()?)),
        Family::Timestamp => Datum::Timestamp(i64::from_le_bytes(bytes.try_into().ok()?)),
        Family::Timestamptz => Datum::Timestamptz(i64::from_le_bytes(bytes.try_into().ok()?)),
        Family::Uuid => Datum::Uuid(Arc::new(bytes.try_into().ok()?)),
        Family::Interval => Datum::interval(read_interval(bytes)?),
        _ => return None,
    })
}

/// Appends a value whose size varies.
pub(super) fn encode_variable(value: &Datum, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Datum::Text(value) => out.extend_from_slice(value.as_bytes()),
        Datum::Bytea(value) => out.extend_from_slice(value.as_bytes()),
        Datum::Numeric(value) => encode_numeric(value, out),
        Datum::Array(value) => encode_array(value, out)?,
        _ => return Err(DataError::UnexpectedDatum { expected: "the column's type" }.into()),
    }
    Ok(())
}

/// Reads a value whose size varies; it takes all of `bytes`.
pub(super) fn decode_variable(bytes: &[u8], shape: Shape) -> Option<Datum> {
    Some(match shape.family {
        Family::Text => Datum::text(utf8(bytes).ok()?),
        Family::Bytea => Datum::Bytea(Varlena::new(bytes)),
        Family::Numeric => Datum::numeric(decode_numeric(bytes)?),
        Family::Array => Datum::array(decode_array(bytes)?),
        _ => return None,
    })
}

/// First byte of a numeric that is finite; then u16 scale and the digits, two's complement.
const FINITE: u8 = 0;
const INFINITY: u8 = 1;
const NEGATIVE_INFINITY: u8 = 2;
const NAN: u8 = 3;

fn encode_numeric(value: &Numeric, out: &mut Vec<u8>) {
    let Some((digits, scale)) = value.parts() else {
        out.push(match value {
            Numeric::Infinity => INFINITY,
            Numeric::NegativeInfinity => NEGATIVE_INFINITY,
            Numeric::NaN | Numeric::Finite(_) => NAN,
        });
        return;
    };
    out.push(FINITE);
    out.extend_from_slice(&(scale as u16).to_le_bytes());
    match digits.to_i64() {
        Some(small) => {
            // As few bytes as keep the sign.
            let sign_bits = if small < 0 { small.leading_ones() } else { small.leading_zeros() };
            let used = 8 - (sign_bits as usize - 1) / 8;
            out.extend_from_slice(&small.to_le_bytes()[..used]);
        }
        None => out.extend_from_slice(&digits.to_signed_bytes_le()),
    }
}

fn decode_numeric(bytes: &[u8]) -> Option<Numeric> {
    match bytes {
        [INFINITY] => Some(Numeric::Infinity),
        [NEGATIVE_INFINITY] => Some(Numeric::NegativeInfinity),
        [NAN] => Some(Numeric::NaN),
        [FINITE, low, high, digits @ ..] if !digits.is_empty() => {
            let digits = if digits.len() <= 8 {
                let fill = if digits[digits.len() - 1] & 0x80 == 0 { 0 } else { 0xFF };
                let mut small = [fill; 8];
                small[..digits.len()].copy_from_slice(digits);
                BigInt::from(i64::from_le_bytes(small))
            } else {
                BigInt::from_signed_bytes_le(digits)
            };
            Numeric::new(digits, i64::from(u16::from_le_bytes([*low, *high]))).ok()
        }
        _ => None,
    }
}

/// u32 element type, u8 dimensions, (i32 length, i32 lower bound) each; then per element u32
/// length (all ones: NULL) and the bytes of a row of one column.
fn encode_array(array: &Array, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(&array.element.0.to_le_bytes());
    out.push(array.dimensions.len() as u8);
    for (length, lower) in &array.dimensions {
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&lower.to_le_bytes());
    }
    let shape = Shape::of(array.element_type());
    for element in &array.elements {
        let at = out.len();
        out.extend_from_slice(&NULL_ELEMENT.to_le_bytes());
        if element.is_null() {
            continue;
        }
        match shape.width() {
            Some(width) => {
                out.resize(at + 4 + width, 0);
                encode_fixed(element, shape, &mut out[at + 4..])?;
            }
            None => encode_variable(element, out)?,
        }
        let length = (out.len() - at - 4) as u32;
        out[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
    Ok(())
}

const NULL_ELEMENT: u32 = u32::MAX;

fn decode_array(bytes: &[u8]) -> Option<Array> {
    let mut rest = bytes;
    let element = Oid(u32::from_le_bytes(take(&mut rest)?));
    let [count] = take(&mut rest)?;
    let mut dimensions = Vec::with_capacity(usize::from(count).min(rest.len()));
    let mut total = usize::from(count > 0);
    for _ in 0..count {
        let length = i32::from_le_bytes(take(&mut rest)?);
        dimensions.push((length, i32::from_le_bytes(take(&mut rest)?)));
        total = total.checked_mul(usize::try_from(length).ok()?)?;
    }
    if total > rest.len() / 4 {
        return None;
    }
    let shape = Shape::of(Type { oid: element, modifier: -1 });
    let mut elements = Vec::with_capacity(total);
    for _ in 0..total {
        let length = u32::from_le_bytes(take(&mut rest)?);
        if length == NULL_ELEMENT {
            elements.push(Datum::Null);
            continue;
        }
        let (bytes, after) = rest.split_at_checked(length as usize)?;
        rest = after;
        elements.push(match shape.width() {
            Some(width) if width == bytes.len() => decode_fixed(bytes, shape)?,
            Some(_) => return None,
            None => decode_variable(bytes, shape)?,
        });
    }
    rest.is_empty().then_some(Array { element, dimensions, elements })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*bytes)
}
