//! `bytea`: its text forms, hex and escape.

use bytes::{BufMut, BytesMut};

use super::{ByteaOutput, Varlena};
use crate::error::{DataError, Result};

/// Reads either form; hex starts with `\x`.
pub(crate) fn input(text: &str) -> Result<Varlena> {
    let bytes = match text.strip_prefix("\\x") {
        Some(digits) => decode_hex(digits)?,
        None => decode_escape(text.as_bytes()).ok_or(DataError::InvalidBytea)?,
    };
    Ok(Varlena::new(&bytes))
}

/// Writes the form that `bytea_output` asks for.
pub(crate) fn output(bytes: &[u8], form: ByteaOutput, out: &mut BytesMut) {
    match form {
        ByteaOutput::Hex => {
            out.reserve(2 + 2 * bytes.len());
            out.put_slice(b"\\x");
            bytes.iter().for_each(|byte| out.put_slice(&hex_pair(*byte)));
        }
        ByteaOutput::Escape => encode_escape(bytes, out),
    }
}

/// Two lowercase digits.
pub(crate) fn hex_pair(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// The value of a hexadecimal digit.
pub(crate) fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// Pairs of hexadecimal digits, with blanks between pairs.
pub(crate) fn decode_hex(text: &str) -> Result<Vec<u8>> {
    let argument = |message: String| DataError::InvalidArgument { message, hint: None };
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut chars = text.chars();
    let digit = |c: char| {
        let invalid = || argument(format!("invalid hexadecimal digit: \"{c}\""));
        c.to_digit(16).map(|value| value as u8).ok_or_else(invalid)
    };
    while let Some(first) = chars.next() {
        if matches!(first, ' ' | '\n' | '\t' | '\r') {
            continue;
        }
        let high = digit(first)?;
        let odd = || argument("invalid hexadecimal data: odd number of digits".to_owned());
        let low = digit(chars.next().ok_or_else(odd)?)?;
        bytes.push(high << 4 | low);
    }
    Ok(bytes)
}

/// `\\` is a backslash and `\ooo` any byte. None: another backslash.
pub(crate) fn decode_escape(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    while let [first, rest @ ..] = text {
        text = rest;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        match rest {
            [b'\\', rest @ ..] => {
                bytes.push(b'\\');
                text = rest;
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..] => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                text = rest;
            }
            _ => return None,
        }
    }
    Some(bytes)
}

/// The inverse of [`decode_escape`]; everything that is not printable ASCII becomes `\ooo`.
pub(crate) fn encode_escape(bytes: &[u8], out: &mut BytesMut) {
    for &byte in bytes {
        match byte {
            b'\\' => out.put_slice(b"\\\\"),
            0x20..=0x7E => out.put_u8(byte),
            _ => out.put_slice(&octal(byte)),
        }
    }
}

/// `\ooo`
pub(crate) fn octal(byte: u8) -> [u8; 4] {
    [b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_forms_read_back(bytes: Vec<u8>) {
            for form in [ByteaOutput::Hex, ByteaOutput::Escape] {
                let mut out = BytesMut::new();
                output(&bytes, form, &mut out);
                let text = std::str::from_utf8(&out).unwrap();
                let value = input(text).unwrap();
                prop_assert_eq!(value.as_bytes(), &bytes[..]);
            }
        }
    }

    #[test]
    fn messages_are_postgresqls() {
        let message = |text: &str| input(text).unwrap_err().to_string();
        assert_eq!(message("\\xg0"), "invalid hexadecimal digit: \"g\"");
        assert_eq!(message("\\x0"), "invalid hexadecimal data: odd number of digits");
        assert_eq!(message("\\8"), "invalid input syntax for type bytea");
        assert_eq!(input("\\x 0a 0B").unwrap().as_bytes(), b"\x0a\x0b");
    }
}
