//! Rows as values: their text form, `(1,"a b",)`.

use bytes::{BufMut, BytesMut};

use super::{Datum, Formats, codec};

/// Writes a row; each field in the form of its own datum's type.
pub(crate) fn output(fields: &[Datum], formats: &Formats, out: &mut BytesMut) {
    out.put_u8(b'(');
    for (at, field) in fields.iter().enumerate() {
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
