//! Constants as SQL.

use bytes::BytesMut;

use crate::types::{self, Datum, Formats, Type};

/// A constant as PostgreSQL deparses it: `1`, `'x'::text`, `'-1'::integer`.
pub(super) fn constant(value: &Datum, ty: Type) -> String {
    let name = types::name(ty);
    match value {
        Datum::Null => return format!("NULL::{name}"),
        Datum::Bool(value) => return value.to_string(),
        Datum::Int4(value) if *value >= 0 && ty.oid == Type::INT4.oid => return value.to_string(),
        _ => {}
    }
    let mut text = BytesMut::new();
    types::output(value, ty, &Formats::default(), &mut text);
    let text = String::from_utf8_lossy(&text);
    let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if ty.oid == Type::NUMERIC.oid && digits && text.contains('.') {
        return text.into_owned();
    }
    format!("{}::{name}", quote(&text))
}

/// A string in quotes, with E'' when it has backslashes.
pub(super) fn quote(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        return format!("E'{}'", quoted.replace('\\', "\\\\"));
    }
    format!("'{quoted}'")
}
