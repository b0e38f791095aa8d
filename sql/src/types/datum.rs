//! One value in memory: sixteen bytes, so that a row of them is an array.
//!
//! Fixed-width values stand in the datum itself; the others are shared behind one pointer, so
//! that copying a datum never copies its bytes.
//!
//! # Invariants
//!
//! 1. `size_of::<Datum>() == 16`.
//! 2. A [`Text`] is valid UTF-8 without NUL bytes.
//! 3. Dates count days and timestamps microseconds from 2000-01-01, as in PostgreSQL; the
//!    extreme values of their integers are `-infinity` and `infinity`.

use std::sync::Arc;

use bigdecimal::BigDecimal;
use triomphe::ThinArc;

use super::{Oid, Type};

const _: () = assert!(size_of::<Datum>() == 16);

/// Bytes a text, a `bytea` or an array may have, as in PostgreSQL.
pub(crate) const VALUE_BYTES_MAX: usize = (1 << 30) - 1;

/// Bytes from which a value is a long one.
const LONG_BYTES: usize = 64 << 10;

/// A value of any type, or NULL.
#[derive(Clone, Debug)]
pub enum Datum {
    /// SQL NULL, of every type.
    Null,
    /// The result of a `void` function.
    Void,
    /// `bool`
    Bool(bool),
    /// `int2`
    Int2(i16),
    /// `int4`
    Int4(i32),
    /// `int8`
    Int8(i64),
    /// `oid`, `regclass` and the other reg-types
    Oid(Oid),
    /// `float4`
    Float4(f32),
    /// `float8`
    Float8(f64),
    /// `numeric`
    Numeric(Arc<Numeric>),
    /// `text`, `varchar`, `char(n)` (padded), `name`, `"char"`, and literals not yet typed
    Text(Text),
    /// `bytea`
    Bytea(Varlena),
    /// `date`: days
    Date(i32),
    /// `time`: microseconds of the day
    Time(i64),
    /// `timestamp`: microseconds, no time zone
    Timestamp(i64),
    /// `timestamptz`: microseconds, UTC
    Timestamptz(i64),
    /// `interval`
    Interval(Arc<Interval>),
    /// `uuid`
    Uuid(Arc<[u8; 16]>),
    /// any array type
    Array(Arc<Array>),
    /// a row
    Record(Arc<Vec<Datum>>),
}

impl Datum {
    /// Whether this is SQL NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Null)
    }

    /// Whether it is so long that to compute with it is long work.
    #[inline]
    pub(crate) fn is_long(&self) -> bool {
        match self {
            Datum::Text(text) => text.as_bytes().len() > LONG_BYTES,
            Datum::Bytea(bytes) => bytes.as_bytes().len() > LONG_BYTES,
            Datum::Array(array) => array.elements.len() > LONG_BYTES / size_of::<Datum>(),
            _ => false,
        }
    }

    /// Drops the value. Most own nothing, and to look at one is cheaper than to call for its end.
    #[inline]
    pub(crate) fn release(self) {
        match self {
            Datum::Null
            | Datum::Void
            | Datum::Bool(_)
            | Datum::Int2(_)
            | Datum::Int4(_)
            | Datum::Int8(_)
            | Datum::Oid(_)
            | Datum::Float4(_)
            | Datum::Float8(_)
            | Datum::Date(_)
            | Datum::Time(_)
            | Datum::Timestamp(_)
            | Datum::Timestamptz(_) => std::mem::forget(self),
            owning => drop(owning),
        }
    }

    /// The type a datum has when nothing else is known about it.
    pub fn natural_type(&self) -> Type {
        match self {
            Datum::Null => Type::UNKNOWN,
            Datum::Void => Type::VOID,
            Datum::Bool(_) => Type::BOOL,
            Datum::Int2(_) => Type::INT2,
            Datum::Int4(_) => Type::INT4,
            Datum::Int8(_) => Type::INT8,
            Datum::Oid(_) => Type::OID,
            Datum::Float4(_) => Type::FLOAT4,
            Datum::Float8(_) => Type::FLOAT8,
            Datum::Numeric(_) => Type::NUMERIC,
            Datum::Text(_) => Type::TEXT,
            Datum::Bytea(_) => Type::BYTEA,
            Datum::Date(_) => Type::DATE,
            Datum::Time(_) => Type::TIME,
            Datum::Timestamp(_) => Type::TIMESTAMP,
            Datum::Timestamptz(_) => Type::TIMESTAMPTZ,
            Datum::Interval(_) => Type::INTERVAL,
            Datum::Uuid(_) => Type::UUID,
            Datum::Array(array) => array.element_type().array().unwrap_or(Type::ANYARRAY),
            Datum::Record(_) => Type::RECORD,
        }
    }

    /// A numeric value.
    pub fn numeric(value: Numeric) -> Datum {
        Datum::Numeric(Arc::new(value))
    }

    /// An array value.
    pub fn array(value: Array) -> Datum {
        Datum::Array(Arc::new(value))
    }

    /// An interval value.
    pub fn interval(value: Interval) -> Datum {
        Datum::Interval(Arc::new(value))
    }

    /// A text value. `value` must not contain NUL bytes; input functions refuse them.
    pub fn text(value: &str) -> Datum {
        Datum::Text(Text::new(value))
    }
}

/// A shared byte string behind one pointer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Varlena(ThinArc<(), u8>);

impl Varlena {
    /// Copies `bytes`.
    pub fn new(bytes: &[u8]) -> Varlena {
        Varlena(ThinArc::from_header_and_slice((), bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.slice
    }
}

/// A shared string behind one pointer. Orders by byte: the "C" collation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Text(Varlena);

impl Text {
    /// Copies `value`.
    pub fn new(value: &str) -> Text {
        Text(Varlena::new(value.as_bytes()))
    }

    /// The string.
    pub fn as_str(&self) -> &str {
        // Invariant 2: only `new` makes a `Text`, from a `str`. The check costs less than a
        // nanosecond on short strings, and keeps this crate free of `unsafe`.
        std::str::from_utf8(self.0.as_bytes()).unwrap_or_default()
    }

    /// The bytes of the string.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// `numeric`: exact, with its own display scale.
#[derive(Clone, Debug)]
pub enum Numeric {
    /// Finite; the scale of the decimal is the display scale and never negative.
    Finite(BigDecimal),
    /// `Infinity`
    Infinity,
    /// `-Infinity`
    NegativeInfinity,
    /// `NaN`, equal to itself and above everything
    NaN,
}

/// `interval`: three independent parts, as in PostgreSQL.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Interval {
    /// Whole months.
    pub months: i32,
    /// Whole days.
    pub days: i32,
    /// Microseconds.
    pub microseconds: i64,
}

/// An array value of any number of dimensions.
#[derive(Clone, Debug)]
pub struct Array {
    /// The type of the elements.
    pub element: Oid,
    /// (length, lower bound) of each dimension; empty for `{}`.
    pub dimensions: Vec<(i32, i32)>,
    /// The elements in row-major order.
    pub elements: Vec<Datum>,
}
