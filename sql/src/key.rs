//! Values inside keys: which primitive of [`reckon_mvcc::key`] each type uses.
//!
//! # Format
//!
//! A null marker, then for a value that is not NULL:
//!
//! | type | primitive |
//! |---|---|
//! | bool, int2, int4, int8, float4, float8 | the one of that name |
//! | oid and the reg-types | u32 |
//! | text, varchar, name, "char", bytea | byte string |
//! | char(n) | byte string without trailing blanks |
//! | date, time, timestamp(tz) | i32, i64 |
//! | uuid | 16 fixed bytes |
//! | interval | its span as i128: 1 mon = 30 days |
//! | numeric | class; finite and not zero: exponent and digits, see `key/numeric.rs` |
//! | arrays | per element 01 and its value as above or 02 for NULL; 00; the dimensions |
//!
//! # Invariants
//!
//! 1. For two values of one type, the order of their keys is the order of
//!    [`TypeOrder`](crate::types::TypeOrder).
//! 2. Equal values have one encoding. So decoding gives an *equal* value, and where
//!    [`is_exact`] says so the same one.
//! 3. Decoding takes any bytes and answers a value or an error.

mod array;
mod numeric;

use std::sync::Arc;

use reckon_mvcc::key::{self, Order};

use crate::catalog::IndexColumn;
use crate::error::{DataError, Result};
use crate::types::{self, Datum, Family, Interval, Oid, Type, Varlena};

/// How a key column sorts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct IndexOrder {
    /// DESC
    pub descending: bool,
    /// NULLS FIRST
    pub nulls_first: bool,
}

impl From<&IndexColumn> for IndexOrder {
    fn from(column: &IndexColumn) -> IndexOrder {
        IndexOrder { descending: column.descending, nulls_first: column.nulls_first }
    }
}

impl From<IndexOrder> for Order {
    fn from(order: IndexOrder) -> Order {
        Order { ascending: !order.descending, nulls_first: order.nulls_first }
    }
}

/// Whether values of the type can be part of a key.
pub fn is_supported(ty: Type) -> bool {
    match ty.family() {
        Family::Record | Family::Void | Family::None => false,
        Family::Array => ty.element().is_some_and(is_supported),
        _ => true,
    }
}

/// Whether decoding a key of the type gives the very value that was encoded: a numeric of no
/// declared scale loses the one it has, a float the sign of zero, an interval its units, and a
/// `char` of no declared length its trailing blanks.
pub fn is_exact(ty: Type) -> bool {
    match ty.family() {
        Family::Interval | Family::Float4 | Family::Float8 | Family::Array => false,
        Family::Numeric => ty.modifier >= 0,
        Family::Text => ty.oid != Type::BPCHAR.oid || ty.modifier >= 0,
        _ => is_supported(ty),
    }
}

/// Appends a value of `ty`.
#[inline]
pub fn append(value: &Datum, ty: Type, order: IndexOrder, key: &mut Vec<u8>) -> Result<()> {
    let order = Order::from(order);
    if value.is_null() {
        key::append_null(key, order);
        return Ok(());
    }
    key::append_present(key);
    append_value(value, ty, order, key)
}

#[inline]
fn append_value(value: &Datum, ty: Type, order: Order, key: &mut Vec<u8>) -> Result<()> {
    match value {
        Datum::Int4(value) | Datum::Date(value) => key::append_i32(key, *value, order),
        Datum::Int8(value)
        | Datum::Time(value)
        | Datum::Timestamp(value)
        | Datum::Timestamptz(value) => key::append_i64(key, *value, order),
        Datum::Text(value) if ty.oid == Type::BPCHAR.oid => {
            key::append_bytes(key, types::trimmed(value.as_bytes()), order);
        }
        Datum::Text(value) => key::append_bytes(key, value.as_bytes(), order),
        Datum::Int2(value) => key::append_i16(key, *value, order),
        Datum::Oid(value) => key::append_u32(key, value.0, order),
        Datum::Bool(value) => key::append_bool(key, *value, order),
        Datum::Float4(value) => key::append_f32(key, *value, order),
        Datum::Float8(value) => key::append_f64(key, *value, order),
        Datum::Bytea(value) => key::append_bytes(key, value.as_bytes(), order),
        Datum::Uuid(value) => key::append_fixed(key, &value[..], order),
        Datum::Interval(value) => key::append_i128(key, value.span(), order),
        Datum::Numeric(value) => numeric::append(value, order, key),
        Datum::Array(value) => array::append(value, order, key)?,
        Datum::Null | Datum::Void | Datum::Record(_) => {
            return Err(DataError::UnexpectedDatum { expected: "a type with an order" }.into());
        }
    }
    Ok(())
}

/// How many bytes at the start of `key` hold the column.
pub fn skip(ty: Type, order: IndexOrder, key: &[u8]) -> Result<usize> {
    let order = Order::from(order);
    let mut rest = key;
    if key::take_present(&mut rest, order).map_err(malformed)? {
        match fixed_width(ty) {
            Some(width) => rest = rest.get(width..).ok_or_else(corrupted)?,
            None => {
                decode_value(ty, order, &mut rest)?;
            }
        }
    }
    Ok(key.len() - rest.len())
}

/// Reads a column and moves `key` behind it.
pub fn decode(ty: Type, order: IndexOrder, key: &mut &[u8]) -> Result<Datum> {
    let order = Order::from(order);
    if key::take_present(key, order).map_err(malformed)? {
        decode_value(ty, order, key)
    } else {
        Ok(Datum::Null)
    }
}

fn decode_value(ty: Type, order: Order, key: &mut &[u8]) -> Result<Datum> {
    let primitive = |key: &mut &[u8]| {
        Ok(Some(match ty.family() {
            Family::Bool => Datum::Bool(key::take_bool(key, order)?),
            Family::Int2 => Datum::Int2(key::take_i16(key, order)?),
            Family::Int4 => Datum::Int4(key::take_i32(key, order)?),
            Family::Int8 => Datum::Int8(key::take_i64(key, order)?),
            Family::Oid => Datum::Oid(Oid(key::take_u32(key, order)?)),
            Family::Float4 => Datum::Float4(key::take_f32(key, order)?),
            Family::Float8 => Datum::Float8(key::take_f64(key, order)?),
            Family::Date => Datum::Date(key::take_i32(key, order)?),
            Family::Time => Datum::Time(key::take_i64(key, order)?),
            Family::Timestamp => Datum::Timestamp(key::take_i64(key, order)?),
            Family::Timestamptz => Datum::Timestamptz(key::take_i64(key, order)?),
            Family::Uuid => Datum::Uuid(Arc::new(key::take_fixed(key, order)?)),
            Family::Bytea => Datum::Bytea(Varlena::new(&key::take_bytes(key, order)?)),
            _ => return Ok(None),
        }))
    };
    if let Some(value) = primitive(key).map_err(malformed)? {
        return Ok(value);
    }
    match ty.family() {
        Family::Text => {
            let bytes = key::take_bytes(key, order).map_err(malformed)?;
            let text = types::utf8(&bytes).map_err(|_| corrupted())?;
            types::coerce_length(Datum::text(text), ty, true)
        }
        Family::Interval => {
            let span = key::take_i128(key, order).map_err(malformed)?;
            Interval::from_span(span).map(Datum::interval).ok_or_else(corrupted)
        }
        Family::Numeric => {
            let value = numeric::decode(order, key)?;
            types::coerce_length(Datum::numeric(value), ty, true)
        }
        Family::Array => {
            let element = ty.element().ok_or_else(corrupted)?;
            array::decode(element, order, key).map(Datum::array)
        }
        _ => Err(DataError::UnexpectedDatum { expected: "a type with an order" }.into()),
    }
}

fn fixed_width(ty: Type) -> Option<usize> {
    match ty.family() {
        Family::Bool => Some(1),
        Family::Int2 => Some(2),
        Family::Int4 | Family::Oid | Family::Float4 | Family::Date => Some(4),
        Family::Int8 | Family::Float8 | Family::Time | Family::Timestamp | Family::Timestamptz => {
            Some(8)
        }
        Family::Uuid | Family::Interval => Some(16),
        _ => None,
    }
}

fn corrupted() -> crate::Error {
    DataError::Corrupted { what: "a key" }.into()
}

fn malformed(_: reckon_mvcc::StorageError) -> crate::Error {
    corrupted()
}

#[cfg(test)]
mod tests;
