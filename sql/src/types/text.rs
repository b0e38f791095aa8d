//! The text family: what may stand in a text, and the types that hold less than any text.

use bytes::{BufMut, BytesMut};

use super::{Datum, Text};
use crate::error::{DataError, Result};

/// Bytes of a `name`, without the NUL that ends it in PostgreSQL.
const NAME_BYTES: usize = 63;

/// What `typmod` adds to a declared length.
pub(crate) const MODIFIER_OFFSET: i32 = 4;

/// Bytes from a client as text: UTF-8 without NUL.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => check(text),
        Err(error) => {
            let from = &bytes[error.valid_up_to()..];
            // PostgreSQL prints as many bytes as the first one announces.
            let announced = match from.first() {
                Some(0xC0..=0xDF) => 2,
                Some(0xE0..=0xEF) => 3,
                Some(0xF0..=0xF7) => 4,
                _ => 1,
            };
            let bytes = from[..announced.min(from.len())].to_vec();
            Err(DataError::InvalidBytes { bytes }.into())
        }
    }
}

/// Refuses a NUL.
fn check(text: &str) -> Result<&str> {
    if text.as_bytes().contains(&0) {
        return Err(DataError::InvalidBytes { bytes: vec![0] }.into());
    }
    Ok(text)
}

/// Reads `text` and `varchar`.
pub(crate) fn input(text: &str) -> Result<Datum> {
    check(text).map(Datum::text)
}

/// Reads a `name`: cut to what fits, at a character.
pub(crate) fn input_name(text: &str) -> Result<Datum> {
    check(text).map(|text| Datum::text(clip_name(text)))
}

/// As much of `text` as a `name` can hold.
pub fn clip_name(text: &str) -> &str {
    &text[..text.floor_char_boundary(NAME_BYTES)]
}

/// Reads a `"char"`: one byte, or `\ooo`. A byte above 127 is kept as the character of that code.
pub(crate) fn input_char(text: &str) -> Datum {
    let byte = match text.as_bytes() {
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] => {
            (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0')
        }
        bytes => bytes.first().copied().unwrap_or(0),
    };
    char_datum(byte)
}

/// The `"char"` of a byte; zero is the empty one.
pub(crate) fn char_datum(byte: u8) -> Datum {
    if byte == 0 {
        return Datum::text("");
    }
    Datum::text(char::from(byte).encode_utf8(&mut [0; 2]))
}

/// The byte of a `"char"`.
pub(crate) fn char_byte(text: &Text) -> u8 {
    text.as_str().chars().next().map_or(0, |c| u8::try_from(c).unwrap_or(b'?'))
}

/// Writes a `"char"`.
pub(crate) fn output_char(text: &Text, out: &mut BytesMut) {
    match char_byte(text) {
        0 => {}
        byte @ 1..=127 => out.put_u8(byte),
        byte => out.put_slice(&super::bytea::octal(byte)),
    }
}

/// `varchar(n)`: cut when explicit or when only blanks go, refused else.
pub(crate) fn coerce_varchar(text: &Text, modifier: i32, explicit: bool) -> Result<Option<Datum>> {
    let Some(length) = declared(modifier) else { return Ok(None) };
    cut(text.as_str(), length, explicit, "character varying").map(|cut| cut.map(Datum::text))
}

/// `char(n)`: filled with blanks, or cut like `varchar(n)`.
pub(crate) fn coerce_bpchar(text: &Text, modifier: i32, explicit: bool) -> Result<Option<Datum>> {
    let Some(length) = declared(modifier) else { return Ok(None) };
    let value = text.as_str();
    if let Some(cut) = cut(value, length, explicit, "character")? {
        return Ok(Some(Datum::text(cut)));
    }
    let missing = length - value.chars().count();
    if missing == 0 {
        return Ok(None);
    }
    let mut padded = String::with_capacity(value.len() + missing);
    padded.push_str(value);
    padded.extend(std::iter::repeat_n(' ', missing));
    Ok(Some(Datum::text(&padded)))
}

fn declared(modifier: i32) -> Option<usize> {
    usize::try_from(modifier.checked_sub(MODIFIER_OFFSET)?).ok()
}

/// The first `length` characters, None when there are no more anyway.
fn cut<'a>(
    value: &'a str,
    length: usize,
    explicit: bool,
    type_name: &str,
) -> Result<Option<&'a str>> {
    if value.len() <= length {
        return Ok(None);
    }
    let Some((end, _)) = value.char_indices().nth(length) else { return Ok(None) };
    if !explicit && value[end..].bytes().any(|byte| byte != b' ') {
        return Err(DataError::TooLong { type_name: format!("{type_name}({length})") }.into());
    }
    Ok(Some(&value[..end]))
}

/// A `char(n)` as it compares: without its trailing blanks.
pub(crate) fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte != b' ').map_or(0, |at| at + 1);
    &bytes[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coerced(
        coerce: fn(&Text, i32, bool) -> Result<Option<Datum>>,
        value: &str,
        length: i32,
        explicit: bool,
    ) -> String {
        match coerce(&Text::new(value), length + MODIFIER_OFFSET, explicit) {
            Ok(Some(Datum::Text(text))) => text.as_str().to_owned(),
            Ok(_) => value.to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn varchar_cuts_blanks_and_explicit_casts_only() {
        assert_eq!(coerced(coerce_varchar, "häß", 3, false), "häß");
        assert_eq!(coerced(coerce_varchar, "ab   ", 3, false), "ab ");
        assert_eq!(
            coerced(coerce_varchar, "abcd", 3, false),
            "value too long for type character varying(3)"
        );
        assert_eq!(coerced(coerce_varchar, "abcd", 3, true), "abc");
    }

    #[test]
    fn bpchar_fills_with_blanks() {
        assert_eq!(coerced(coerce_bpchar, "ä", 3, false), "ä  ");
        assert_eq!(coerced(coerce_bpchar, "abc ", 3, false), "abc");
        assert_eq!(
            coerced(coerce_bpchar, "abcd", 3, false),
            "value too long for type character(3)"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_named() {
        let message = |bytes: &[u8]| utf8(bytes).unwrap_err().to_string();
        assert_eq!(message(b"a\0"), "invalid byte sequence for encoding \"UTF8\": 0x00");
        assert_eq!(message(b"\xff"), "invalid byte sequence for encoding \"UTF8\": 0xff");
        assert_eq!(
            message(b"\xe4bc"),
            "invalid byte sequence for encoding \"UTF8\": 0xe4 0x62 0x63"
        );
    }

    #[test]
    fn char_keeps_one_byte() {
        let text = |input: &str| {
            let Datum::Text(value) = input_char(input) else { unreachable!("text") };
            let mut out = BytesMut::new();
            output_char(&value, &mut out);
            String::from_utf8(out.to_vec()).unwrap()
        };
        assert_eq!(text("abc"), "a");
        assert_eq!(text(""), "");
        assert_eq!(text("\\377"), "\\377");
    }
}
