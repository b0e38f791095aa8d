//! Types and their values.
//!
//! A [`Type`] is PostgreSQL's: an OID and a modifier. A [`Datum`] is one value in memory. Every
//! family of types has a file that owns its text form, its binary form, its order and its
//! arithmetic.

mod datum;
mod formats;

pub use datum::{Array, Datum, Interval, Numeric, Text, Varlena};
pub use formats::{ByteaOutput, DateOrder, DateStyle, Formats, IntervalStyle};

/// A PostgreSQL object identifier.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    bincode::Encode,
    bincode::Decode,
)]
pub struct Oid(pub u32);

impl std::fmt::Display for Oid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A type and its modifier, as in `pg_attribute.atttypid` and `atttypmod` (-1: none).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, bincode::Encode, bincode::Decode)]
pub struct Type {
    /// The OID in `pg_type`.
    pub oid: Oid,
    /// The declared length, precision or scale in PostgreSQL's packing; -1 when there is none.
    pub modifier: i32,
}

macro_rules! builtin_types {
    ($($name:ident = $oid:literal),* $(,)?) => {
        impl Type {
            $(
                #[doc = concat!("`pg_type` OID ", stringify!($oid), ", no modifier.")]
                pub const $name: Type = Type { oid: Oid($oid), modifier: -1 };
            )*
        }
    };
}

builtin_types! {
    BOOL = 16, BYTEA = 17, CHAR = 18, NAME = 19, INT8 = 20, INT2 = 21, INT4 = 23, REGPROC = 24,
    TEXT = 25, OID = 26, FLOAT4 = 700, FLOAT8 = 701, UNKNOWN = 705, INT2_ARRAY = 1005,
    INT4_ARRAY = 1007, TEXT_ARRAY = 1009, BPCHAR = 1042, VARCHAR = 1043, DATE = 1082, TIME = 1083,
    TIMESTAMP = 1114, TIMESTAMPTZ = 1184, INTERVAL = 1186, NUMERIC = 1700, REGCLASS = 2205,
    RECORD = 2249, ANY = 2276, ANYARRAY = 2277, VOID = 2278, ANYELEMENT = 2283, UUID = 2950,
}

impl Type {
    /// The same type with another modifier.
    pub const fn with_modifier(self, modifier: i32) -> Type {
        Type { oid: self.oid, modifier }
    }
}
