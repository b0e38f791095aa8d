//! One value on a tape. The kind is written, so that a reader needs no types.

use std::sync::Arc;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;

use crate::types::{Array, Datum, Interval, Numeric, Oid, Text, Varlena};

const NULL: u8 = 0;
const VOID: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const INT2: u8 = 4;
const INT4: u8 = 5;
const INT8: u8 = 6;
const OID: u8 = 7;
const FLOAT4: u8 = 8;
const FLOAT8: u8 = 9;
const DECIMAL: u8 = 10;
const INFINITY: u8 = 11;
const NEGATIVE_INFINITY: u8 = 12;
const NAN: u8 = 13;
const TEXT: u8 = 14;
const BYTEA: u8 = 15;
const DATE: u8 = 16;
const TIME: u8 = 17;
const TIMESTAMP: u8 = 18;
const TIMESTAMPTZ: u8 = 19;
const INTERVAL: u8 = 20;
const UUID: u8 = 21;
const ARRAY: u8 = 22;
const RECORD: u8 = 23;

/// Appends a value.
pub(super) fn append(value: &Datum, out: &mut Vec<u8>) {
    match value {
        Datum::Null => out.push(NULL),
        Datum::Void => out.push(VOID),
        Datum::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
        Datum::Int2(value) => fixed(INT2, value.to_be_bytes(), out),
        Datum::Int4(value) => fixed(INT4, value.to_be_bytes(), out),
        Datum::Int8(value) => fixed(INT8, value.to_be_bytes(), out),
        Datum::Oid(value) => fixed(OID, value.0.to_be_bytes(), out),
        Datum::Float4(value) => fixed(FLOAT4, value.to_be_bytes(), out),
        Datum::Float8(value) => fixed(FLOAT8, value.to_be_bytes(), out),
        Datum::Numeric(value) => numeric(value, out),
        Datum::Text(value) => varying(TEXT, value.as_bytes(), out),
        Datum::Bytea(value) => varying(BYTEA, value.as_bytes(), out),
        Datum::Date(value) => fixed(DATE, value.to_be_bytes(), out),
        Datum::Time(value) => fixed(TIME, value.to_be_bytes(), out),
        Datum::Timestamp(value) => fixed(TIMESTAMP, value.to_be_bytes(), out),
        Datum::Timestamptz(value) => fixed(TIMESTAMPTZ, value.to_be_bytes(), out),
        Datum::Interval(value) => {
            fixed(INTERVAL, value.months.to_be_bytes(), out);
            out.extend_from_slice(&value.days.to_be_bytes());
            out.extend_from_slice(&value.microseconds.to_be_bytes());
        }
        Datum::Uuid(value) => fixed(UUID, **value, out),
        Datum::Array(array) => {
            fixed(ARRAY, array.element.0.to_be_bytes(), out);
            count(array.dimensions.len(), out);
            for (length, lower) in &array.dimensions {
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(&lower.to_be_bytes());
            }
            sequence(&array.elements, out);
        }
        Datum::Record(fields) => {
            out.push(RECORD);
            sequence(fields, out);
        }
    }
}

fn numeric(value: &Numeric, out: &mut Vec<u8>) {
    match value {
        Numeric::Finite(value) => {
            let (digits, scale) = value.as_bigint_and_exponent();
            fixed(DECIMAL, scale.to_be_bytes(), out);
            let digits = digits.to_signed_bytes_be();
            count(digits.len(), out);
            out.extend_from_slice(&digits);
        }
        Numeric::Infinity => out.push(INFINITY),
        Numeric::NegativeInfinity => out.push(NEGATIVE_INFINITY),
        Numeric::NaN => out.push(NAN),
    }
}

fn fixed<const N: usize>(kind: u8, bytes: [u8; N], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&bytes);
}

fn varying(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    count(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// No value is longer than 1 GB.
fn count(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(count as u32).to_be_bytes());
}

fn sequence(values: &[Datum], out: &mut Vec<u8>) {
    count(values.len(), out);
    for value in values {
        append(value, out);
    }
}

/// Reads a value; None when the bytes are none.
pub(super) fn take(input: &mut &[u8]) -> Option<Datum> {
    let [kind] = array(input)?;
    Some(match kind {
        NULL => Datum::Null,
        VOID => Datum::Void,
        FALSE => Datum::Bool(false),
        TRUE => Datum::Bool(true),
        INT2 => Datum::Int2(i16::from_be_bytes(array(input)?)),
        INT4 => Datum::Int4(i32::from_be_bytes(array(input)?)),
        INT8 => Datum::Int8(i64::from_be_bytes(array(input)?)),
        OID => Datum::Oid(Oid(u32::from_be_bytes(array(input)?))),
        FLOAT4 => Datum::Float4(f32::from_be_bytes(array(input)?)),
        FLOAT8 => Datum::Float8(f64::from_be_bytes(array(input)?)),
        DECIMAL => {
            let scale = i64::from_be_bytes(array(input)?);
            let digits = BigInt::from_signed_bytes_be(bytes(input)?);
            Datum::Numeric(Arc::new(Numeric::Finite(BigDecimal::new(digits, scale))))
        }
        INFINITY => Datum::Numeric(Arc::new(Numeric::Infinity)),
        NEGATIVE_INFINITY => Datum::Numeric(Arc::new(Numeric::NegativeInfinity)),
        NAN => Datum::Numeric(Arc::new(Numeric::NaN)),
        TEXT => Datum::Text(Text::new(std::str::from_utf8(bytes(input)?).ok()?)),
        BYTEA => Datum::Bytea(Varlena::new(bytes(input)?)),
        DATE => Datum::Date(i32::from_be_bytes(array(input)?)),
        TIME => Datum::Time(i64::from_be_bytes(array(input)?)),
        TIMESTAMP => Datum::Timestamp(i64::from_be_bytes(array(input)?)),
        TIMESTAMPTZ => Datum::Timestamptz(i64::from_be_bytes(array(input)?)),
        INTERVAL => Datum::Interval(Arc::new(Interval {
            months: i32::from_be_bytes(array(input)?),
            days: i32::from_be_bytes(array(input)?),
            microseconds: i64::from_be_bytes(array(input)?),
        })),
        UUID => Datum::Uuid(Arc::new(array(input)?)),
        ARRAY => {
            let element = Oid(u32::from_be_bytes(array(input)?));
            let dimensions = u32::from_be_bytes(array(input)?);
            let dimensions = (0..dimensions).map(|_| {
                Some((i32::from_be_bytes(array(input)?), i32::from_be_bytes(array(input)?)))
            });
            let dimensions = dimensions.collect::<Option<Vec<_>>>()?;
            Datum::Array(Arc::new(Array { element, dimensions, elements: values(input)? }))
        }
        RECORD => Datum::Record(Arc::new(values(input)?)),
        _ => return None,
    })
}

fn array<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*head)
}

fn bytes<'i>(input: &mut &'i [u8]) -> Option<&'i [u8]> {
    let length = u32::from_be_bytes(array(input)?) as usize;
    let (head, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(head)
}

fn values(input: &mut &[u8]) -> Option<Vec<Datum>> {
    let count = u32::from_be_bytes(array(input)?);
    (0..count).map(|_| take(input)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_back_as_it_was() {
        let decimal = BigDecimal::new(BigInt::from(-12_345), 3);
        let values = vec![
            Datum::Null,
            Datum::Void,
            Datum::Bool(true),
            Datum::Bool(false),
            Datum::Int2(-2),
            Datum::Int4(i32::MIN),
            Datum::Int8(i64::MAX),
            Datum::Oid(Oid(7)),
            Datum::Float4(1.5),
            Datum::Float8(-0.0),
            Datum::Numeric(Arc::new(Numeric::Finite(decimal))),
            Datum::Numeric(Arc::new(Numeric::NaN)),
            Datum::text("naïve"),
            Datum::Bytea(Varlena::new(&[0, 255])),
            Datum::Date(-1),
            Datum::Time(1),
            Datum::Timestamp(i64::MIN),
            Datum::Timestamptz(2),
            Datum::Interval(Arc::new(Interval { months: 1, days: -2, microseconds: 3 })),
            Datum::Uuid(Arc::new([9; 16])),
            Datum::Array(Arc::new(Array {
                element: Oid(23),
                dimensions: vec![(2, 1)],
                elements: vec![Datum::Int4(1), Datum::Null],
            })),
            Datum::Record(Arc::new(vec![Datum::Int4(1), Datum::text("")])),
        ];
        let mut stored = Vec::new();
        sequence(&values, &mut stored);
        let mut input = stored.as_slice();
        let found = super::values(&mut input).unwrap();
        assert!(input.is_empty());
        assert_eq!(format!("{found:?}"), format!("{values:?}"));
    }

    #[test]
    fn damaged_bytes_are_no_value() {
        assert!(take(&mut &[][..]).is_none());
        assert!(take(&mut &[99][..]).is_none());
        assert!(take(&mut &[TEXT, 0, 0, 0, 9, b'x'][..]).is_none());
    }
}
