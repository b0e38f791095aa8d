//! The default order of every type, its equality and its hash.
//!
//! # Invariants
//!
//! 1. `compare` is a total order: NaN equals itself and stands above every number, NULL above
//!    everything.
//! 2. `equal(a, b)` exactly if `compare(a, b)` is `Equal`, and then `hash(a) == hash(b)`.
//! 3. Text compares by byte. A `char(n)` compares without its trailing blanks, which its datum
//!    cannot know: ask [`TypeOrder`] for the functions of a type.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::{Array, Datum, Type, text};

/// Compares two values of one type; NULL is last.
pub fn compare(a: &Datum, b: &Datum) -> Ordering {
    match (a, b) {
        (Datum::Int4(a), Datum::Int4(b)) => a.cmp(b),
        (Datum::Int8(a), Datum::Int8(b)) => a.cmp(b),
        (Datum::Text(a), Datum::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Datum::Int2(a), Datum::Int2(b)) => a.cmp(b),
        (Datum::Oid(a), Datum::Oid(b)) => a.cmp(b),
        (Datum::Bool(a), Datum::Bool(b)) => a.cmp(b),
        (Datum::Float4(a), Datum::Float4(b)) => compare_floats(f64::from(*a), f64::from(*b)),
        (Datum::Float8(a), Datum::Float8(b)) => compare_floats(*a, *b),
        (Datum::Numeric(a), Datum::Numeric(b)) => a.compare(b),
        (Datum::Bytea(a), Datum::Bytea(b)) => a.cmp(b),
        (Datum::Date(a), Datum::Date(b)) => a.cmp(b),
        (Datum::Time(a), Datum::Time(b))
        | (Datum::Timestamp(a), Datum::Timestamp(b))
        | (Datum::Timestamptz(a), Datum::Timestamptz(b)) => a.cmp(b),
        (Datum::Interval(a), Datum::Interval(b)) => a.span().cmp(&b.span()),
        (Datum::Uuid(a), Datum::Uuid(b)) => a.cmp(b),
        (Datum::Array(a), Datum::Array(b)) => compare_arrays(a, b),
        (Datum::Record(a), Datum::Record(b)) => compare_records(a, b),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// Whether two values of one type are equal; NULL equals NULL here.
pub fn equal(a: &Datum, b: &Datum) -> bool {
    match (a, b) {
        (Datum::Text(a), Datum::Text(b)) => a.as_bytes() == b.as_bytes(),
        _ => compare(a, b) == Ordering::Equal,
    }
}

/// Feeds `state` so that equal values give equal hashes.
pub fn hash<H: Hasher>(value: &Datum, state: &mut H) {
    match value {
        Datum::Null | Datum::Void => state.write_u8(u8::from(value.is_null())),
        Datum::Bool(value) => value.hash(state),
        Datum::Int2(value) => state.write_i64(i64::from(*value)),
        Datum::Int4(value) => state.write_i64(i64::from(*value)),
        Datum::Date(value) => state.write_i64(i64::from(*value)),
        Datum::Int8(value)
        | Datum::Time(value)
        | Datum::Timestamp(value)
        | Datum::Timestamptz(value) => state.write_i64(*value),
        Datum::Oid(value) => state.write_u32(value.0),
        Datum::Float4(value) => hash_float(f64::from(*value), state),
        Datum::Float8(value) => hash_float(*value, state),
        Datum::Numeric(value) => value.hash_value(state),
        Datum::Text(value) => hash_bytes(value.as_bytes(), state),
        Datum::Bytea(value) => hash_bytes(value.as_bytes(), state),
        Datum::Interval(value) => state.write_i128(value.span()),
        Datum::Uuid(value) => state.write(&value[..]),
        Datum::Array(array) => {
            array.dimensions.hash(state);
            array.elements.iter().for_each(|element| hash(element, state));
        }
        Datum::Record(fields) => fields.iter().for_each(|field| hash(field, state)),
    }
}

fn hash_bytes<H: Hasher>(bytes: &[u8], state: &mut H) {
    state.write_usize(bytes.len());
    state.write(bytes);
}

fn hash_float<H: Hasher>(value: f64, state: &mut H) {
    let same = if value.is_nan() { f64::NAN } else { value + 0.0 };
    state.write_u64(same.to_bits());
}

/// NaN above everything, -0 like 0.
pub(crate) fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Element by element, then by number of elements, of dimensions, and by their bounds.
fn compare_arrays(a: &Array, b: &Array) -> Ordering {
    let compare_elements: fn(&Datum, &Datum) -> Ordering =
        if a.element == Type::BPCHAR.oid { compare_bpchar } else { compare };
    a.elements
        .iter()
        .zip(&b.elements)
        .map(|(a, b)| compare_elements(a, b))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| {
            let sizes = a.elements.len().cmp(&b.elements.len());
            let shapes = a.dimensions.len().cmp(&b.dimensions.len());
            sizes.then(shapes).then_with(|| a.dimensions.cmp(&b.dimensions))
        })
}

fn compare_records(a: &[Datum], b: &[Datum]) -> Ordering {
    a.iter()
        .zip(b)
        .map(|(a, b)| compare(a, b))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// Only NULL against a value is asked for; the rest keeps the order total on mixed input.
fn rank(value: &Datum) -> u8 {
    match value {
        Datum::Void => 0,
        Datum::Bool(_) => 1,
        Datum::Int2(_) => 2,
        Datum::Int4(_) => 3,
        Datum::Int8(_) => 4,
        Datum::Oid(_) => 5,
        Datum::Float4(_) => 6,
        Datum::Float8(_) => 7,
        Datum::Numeric(_) => 8,
        Datum::Text(_) => 9,
        Datum::Bytea(_) => 10,
        Datum::Date(_) => 11,
        Datum::Time(_) => 12,
        Datum::Timestamp(_) => 13,
        Datum::Timestamptz(_) => 14,
        Datum::Interval(_) => 15,
        Datum::Uuid(_) => 16,
        Datum::Array(_) => 17,
        Datum::Record(_) => 18,
        Datum::Null => u8::MAX,
    }
}

/// The default order of a type.
#[derive(Clone, Copy, Debug)]
pub struct TypeOrder {
    /// NULL last.
    pub compare: fn(&Datum, &Datum) -> Ordering,
    /// As [`compare`](Self::compare) says.
    pub equal: fn(&Datum, &Datum) -> bool,
    /// Equal values hash alike.
    pub hash: fn(&Datum, &mut foldhash::fast::FoldHasher<'static>),
}

impl TypeOrder {
    /// The order of `ty`.
    pub fn of(ty: Type) -> TypeOrder {
        if ty.oid == Type::BPCHAR.oid {
            return TypeOrder { compare: compare_bpchar, equal: equal_bpchar, hash: hash_bpchar };
        }
        TypeOrder { compare, equal, hash }
    }
}

fn compare_bpchar(a: &Datum, b: &Datum) -> Ordering {
    match (a, b) {
        (Datum::Text(a), Datum::Text(b)) => {
            text::trimmed(a.as_bytes()).cmp(text::trimmed(b.as_bytes()))
        }
        _ => compare(a, b),
    }
}

fn equal_bpchar(a: &Datum, b: &Datum) -> bool {
    compare_bpchar(a, b).is_eq()
}

fn hash_bpchar<H: Hasher>(value: &Datum, state: &mut H) {
    match value {
        Datum::Text(value) => hash_bytes(text::trimmed(value.as_bytes()), state),
        _ => hash(value, state),
    }
}
