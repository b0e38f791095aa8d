//! Types and their values.
//!
//! A [`Type`] is PostgreSQL's: an OID and a modifier. A [`Datum`] is one value in memory. Every
//! family of types has a file that owns its text form, its binary form, its order and its
//! arithmetic.

#[cfg(test)]
pub(crate) mod arbitrary;
mod array;
mod boolean;
mod bytea;
pub mod catalog;
mod codec;
pub(crate) mod datetime;
mod datum;
mod float;
mod formats;
mod identifier;
mod integer;
mod interval;
mod length;
mod name;
mod numeric;
mod order;
mod record;
mod registered;
mod text;
mod uuid;

pub(crate) use array::{
    MOST_DIMENSIONS, MOST_ELEMENTS, array_too_large, check_bound, relabelled, too_many_dimensions,
};
pub(crate) use bytea::{decode_escape, decode_hex, hex_pair, octal};
pub use catalog::Family;
pub(crate) use codec::{check_length, checked_text};
pub use codec::{input, output, receive, receive_integer, send, to_text};
pub(crate) use datum::VALUE_BYTES_MAX;
pub use datum::{Array, Datum, Interval, Numeric, Text, Varlena};
pub use formats::{ByteaOutput, DateOrder, DateStyle, Formats, IntervalStyle, Names};
pub use identifier::{quote_identifier, quote_literal, split_identifiers};
pub use length::coerce_length;
pub use name::{interval_modifier_of, name, numeric_modifier_of};
pub use numeric::NumericSum;
pub use order::{TypeOrder, compare, equal, hash};
pub(crate) use record::record_of;
pub(crate) use registered::format_type;
pub use registered::type_named;
pub(crate) use text::{char_byte, char_datum, trimmed};
pub use text::{clip_name, utf8};

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
    RECORD = 2249, CSTRING = 2275, ANY = 2276, ANYARRAY = 2277, VOID = 2278, INTERNAL = 2281,
    ANYELEMENT = 2283, ANYNONARRAY = 2776, UUID = 2950, ANYCOMPATIBLE = 5077,
    ANYCOMPATIBLEARRAY = 5078, ANYCOMPATIBLENONARRAY = 5079, XID = 28, CID = 29,
    INT2VECTOR = 22, OIDVECTOR = 30, REGTYPE = 2206, REGPROCEDURE = 2202, REGNAMESPACE = 4089,
    REGROLE = 4096, BOOL_ARRAY = 1000, BYTEA_ARRAY = 1001, CHAR_ARRAY = 1002, NAME_ARRAY = 1003,
    INT8_ARRAY = 1016, FLOAT4_ARRAY = 1021, FLOAT8_ARRAY = 1022, OID_ARRAY = 1028,
    BPCHAR_ARRAY = 1014, VARCHAR_ARRAY = 1015, TIMESTAMP_ARRAY = 1115, DATE_ARRAY = 1182,
    TIME_ARRAY = 1183, TIMESTAMPTZ_ARRAY = 1185, INTERVAL_ARRAY = 1187, NUMERIC_ARRAY = 1231,
    UUID_ARRAY = 2951,
}

/// Whether texts of this type, or of its elements, have a collation.
pub(crate) fn has_collation(ty: Type) -> bool {
    catalog::by_oid(ty.element().unwrap_or(ty).oid).is_some_and(|entry| entry.collation.0 != 0)
}

impl Type {
    /// The same type with another modifier.
    pub const fn with_modifier(self, modifier: i32) -> Type {
        Type { oid: self.oid, modifier }
    }
}

/// What C calls a space.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0B' | '\x0C' | '\r')
}

/// Without the blanks around it.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}
