//! Rows as values: their text form, `(1,"a b",)`.

use bytes::{BufMut, BytesMut};

use super::{Datum, Formats, VALUE_BYTES_MAX, codec};
use crate::error::{DataError, Result};

/// Bytes of a field beside what it holds.
const FIELD_BYTES: usize = 4;

/// A row of these fields.
///
/// # Errors
///
/// 54000 for more than a gigabyte, with rows in rows counted wherever they stand: so their text form
/// and a comparison of them end.
pub(crate) fn record_of(fields: Vec<Datum>) -> Result<Datum> {
    let mut room = VALUE_BYTES_MAX;
    if !take(&fields, &mut room) {
        return Err(DataError::TooLarge { message: "tuple is too big".to_owned() }.into());
    }
    Ok(Datum::Record(fields.into()))
}

/// Takes from `room` what these fields hold. Whether there was enough.
fn take(fields: &[Datum], room: &mut usize) -> bool {
    fields.iter().all(|field| {
        let bytes = match field {
            Datum::Text(text) => text.as_bytes().len(),
            Datum::Bytea(bytes) => bytes.as_bytes().len(),
            Datum::Record(fields) if !take(fields, room) => return false,
            Datum::Array(array) if !take(&array.elements, room) => return false,
            _ => 0,
        };
        let left = room.checked_sub(bytes + FIELD_BYTES);
        *room = left.unwrap_or_default();
        left.is_some()
    })
}

/// Writes a row; each field in the form of its own datum's type. Beyond the length of any value it
/// stops: whoever wants more than that fails.
pub(crate) fn output(fields: &[Datum], formats: &Formats, out: &mut BytesMut) {
    out.put_u8(b'(');
    for (at, field) in fields.iter().enumerate() {
        if out.len() > VALUE_BYTES_MAX {
            return;
        }
        if at > 0 {
            out.put_u8(b',');
        }
        output_field(field, formats, out);
    }
    out.put_u8(b')');
}

fn output_field(field: &Datum, formats: &Formats, out: &mut BytesMut) {
    if field.is_null() {
        return;
    }
    let start = out.len();
    codec::output(field, field.natural_type(), formats, out);
    if out.len() > VALUE_BYTES_MAX {
        return;
    }
    let special = |byte: &u8| {
        matches!(byte, b'"' | b'\\' | b'(' | b')' | b',') || super::is_blank(char::from(*byte))
    };
    if out.len() == start || out[start..].iter().any(special) {
        let written = out.split_off(start);
        out.put_u8(b'"');
        for &byte in written.iter() {
            if matches!(byte, b'"' | b'\\') {
                out.put_u8(byte);
            }
            out.put_u8(byte);
        }
        out.put_u8(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_needed_and_null_is_empty() {
        let fields = [
            Datum::Int4(1),
            Datum::text("a b"),
            Datum::Null,
            Datum::text(""),
            Datum::text("q\"\\"),
        ];
        let mut out = BytesMut::new();
        output(&fields, &Formats::default(), &mut out);
        assert_eq!(out.as_ref(), br#"(1,"a b",,"","q""\\")"#);
    }
}
