//! `int2`, `int4`, `int8` and `oid`: their text forms.
//!
//! Both directions are on the path of every row: they neither allocate nor call the formatter.

use bytes::{BufMut, BytesMut};

use crate::error::{DataError, Result};

/// An integer type of SQL.
pub(crate) trait Integer: Copy + TryFrom<i64> {
    /// The type's name in messages.
    const NAME: &'static str;
}

impl Integer for i16 {
    const NAME: &'static str = "smallint";
}

impl Integer for i32 {
    const NAME: &'static str = "integer";
}

impl Integer for i64 {
    const NAME: &'static str = "bigint";
}

/// Reads an optional sign and decimal digits, with blanks around them.
pub(crate) fn input<T: Integer>(text: &str) -> Result<T> {
    match digits(super::trim(text).as_bytes()) {
        Parsed::Value(value) => T::try_from(value).map_err(|_| out_of_range(T::NAME, text)),
        Parsed::Overflow => Err(out_of_range(T::NAME, text)),
        Parsed::Invalid => Err(invalid(T::NAME, text)),
    }
}

/// Reads an OID. As in PostgreSQL, a negative `int4` stands for the OID with the same bits.
pub(crate) fn input_oid(text: &str) -> Result<u32> {
    match digits(super::trim(text).as_bytes()) {
        Parsed::Value(value) => u32::try_from(value)
            .or_else(|_| i32::try_from(value).map(i32::cast_unsigned))
            .map_err(|_| out_of_range("oid", text)),
        Parsed::Overflow => Err(out_of_range("oid", text)),
        Parsed::Invalid => Err(invalid("oid", text)),
    }
}

/// Reads the number of a transaction or a command. PostgreSQL leaves it to C: `0x` and `0` in
/// front mean the bases 16 and 8, it ends at the first other character, and what is no number is 0.
pub(crate) fn input_transaction(text: &str) -> u32 {
    let text = text.trim_start_matches(super::is_blank);
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let hexadecimal = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_hexdigit()));
    let (radix, digits) = match hexadecimal {
        Some(rest) => (16, rest),
        None if digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    let mut value = 0u64;
    for digit in digits.chars().map_while(|c| c.to_digit(radix)) {
        let grown = value.checked_mul(u64::from(radix));
        match grown.and_then(|value| value.checked_add(u64::from(digit))) {
            Some(grown) => value = grown,
            None => return u32::MAX,
        }
    }
    (if text.starts_with('-') { value.wrapping_neg() } else { value }) as u32
}

enum Parsed {
    Value(i64),
    Overflow,
    Invalid,
}

/// Counts downwards, so that the smallest value needs no special case.
fn digits(text: &[u8]) -> Parsed {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return Parsed::Invalid;
    }
    let mut value = Some(0i64);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Parsed::Invalid;
        }
        value = value.and_then(|v| v.checked_mul(10)?.checked_sub(i64::from(digit)));
    }
    match value.and_then(|v| if negative { Some(v) } else { v.checked_neg() }) {
        Some(value) => Parsed::Value(value),
        None => Parsed::Overflow,
    }
}

fn out_of_range(type_name: &'static str, text: &str) -> crate::Error {
    DataError::ValueOutOfRange { type_name, text: text.to_owned() }.into()
}

fn invalid(type_name: &'static str, text: &str) -> crate::Error {
    DataError::InvalidText { type_name, text: text.to_owned() }.into()
}

const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut at = 0;
    while at < 100 {
        pairs[at as usize] = [b'0' + at / 10, b'0' + at % 10];
        at += 1;
    }
    pairs
};

/// Digits of a `u64`, at most twenty.
const MOST_DIGITS: usize = 20;

/// Writes a number in decimal.
pub(crate) fn output(value: i64, out: &mut BytesMut) {
    if value < 0 {
        out.put_u8(b'-');
    }
    output_unsigned(value.unsigned_abs(), out);
}

/// Writes a number in decimal.
pub(crate) fn output_unsigned(mut value: u64, out: &mut BytesMut) {
    let mut buffer = [0; MOST_DIGITS];
    let mut start = MOST_DIGITS;
    while value >= 10 {
        start -= 2;
        buffer[start..start + 2].copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    if value > 0 || start == MOST_DIGITS {
        start -= 1;
        buffer[start] = b'0' + value as u8;
    }
    out.extend_from_slice(&buffer[start..]);
}

/// Writes at least `width` digits, with zeros in front.
pub(crate) fn output_padded(value: u64, width: usize, out: &mut BytesMut) {
    let start = out.len();
    output_unsigned(value, out);
    let written = out.len() - start;
    if written < width {
        let missing = width - written;
        out.resize(out.len() + missing, 0);
        out.copy_within(start..start + written, start + missing);
        out[start..start + missing].fill(b'0');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: i64) -> String {
        let mut out = BytesMut::new();
        output(value, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    proptest! {
        #[test]
        fn output_is_what_the_formatter_writes_and_reads_back(value: i64, shift in 0u32..64) {
            let value = value >> shift;
            prop_assert_eq!(text(value), value.to_string());
            prop_assert_eq!(input::<i64>(&text(value)).unwrap(), value);
        }

        #[test]
        fn padding_puts_zeros_in_front(value in 0u64..1_000_000, width in 0usize..9) {
            let mut out = BytesMut::from(&b"x"[..]);
            output_padded(value, width, &mut out);
            let expected = format!("x{value:0width$}");
            prop_assert_eq!(out.as_ref(), expected.as_bytes());
        }
    }

    #[test]
    fn messages_are_postgresqls() {
        let message = |text: &str| input::<i32>(text).unwrap_err().to_string();
        assert_eq!(message("x"), "invalid input syntax for type integer: \"x\"");
        assert_eq!(message(""), "invalid input syntax for type integer: \"\"");
        assert_eq!(message("2147483648"), "value \"2147483648\" is out of range for type integer");
        assert_eq!(
            message("99999999999999999999"),
            "value \"99999999999999999999\" is out of range for type integer"
        );
        assert_eq!(input::<i32>(" -2147483648\n").unwrap(), i32::MIN);
        assert_eq!(input::<i64>("-9223372036854775808").unwrap(), i64::MIN);
        assert!(input::<i64>("9223372036854775808").is_err());
        assert_eq!(input_oid("-1").unwrap(), u32::MAX);
    }
}
