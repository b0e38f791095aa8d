//! `uuid`: its text form.

use bytes::BytesMut;

use crate::error::{DataError, Result};

/// Reads 32 hexadecimal digits, with a hyphen after any group of four, and braces around.
pub(crate) fn input(text: &str) -> Result<[u8; 16]> {
    parse(text.as_bytes())
        .ok_or_else(|| DataError::InvalidText { type_name: "uuid", text: text.to_owned() }.into())
}

fn parse(text: &[u8]) -> Option<[u8; 16]> {
    let mut rest = match text {
        [b'{', inner @ .., b'}'] => inner,
        [b'{', ..] => return None,
        _ => text,
    };
    let mut uuid = [0; 16];
    for (at, byte) in uuid.iter_mut().enumerate() {
        let [high, low, after @ ..] = rest else { return None };
        *byte = super::bytea::hex_digit(*high)? << 4 | super::bytea::hex_digit(*low)?;
        rest = match after {
            [b'-', after @ ..] if at % 2 == 1 && at < 15 => after,
            _ => after,
        };
    }
    rest.is_empty().then_some(uuid)
}

/// Writes it in groups of 8, 4, 4, 4 and 12 digits.
pub(crate) fn output(uuid: &[u8; 16], out: &mut BytesMut) {
    for (at, byte) in uuid.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.extend_from_slice(b"-");
        }
        out.extend_from_slice(&super::bytea::hex_pair(*byte));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyphens_and_braces_are_read_where_postgresql_reads_them() {
        let expected = [
            0xA0, 0xEE, 0xBC, 0x99, 0x9C, 0x0B, 0x4E, 0xF8, 0xBB, 0x6D, 0x6B, 0xB9, 0xBD, 0x38,
            0x0A, 0x11,
        ];
        for text in [
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        ] {
            assert_eq!(input(text).unwrap(), expected);
        }
        for text in ["", "a0eebc99", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-", "{a0eebc99}"] {
            assert!(input(text).is_err(), "{text}");
        }
        let mut out = BytesMut::new();
        output(&expected, &mut out);
        assert_eq!(out.as_ref(), b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    }
}
