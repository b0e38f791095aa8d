//! Bytes and their texts: hex, base64, escape, digests, and the functions of bytea.

use md5::{Digest, Md5};

use super::super::declare::*;
use super::super::value::{map, map2, map3};
use super::search::window;
use super::{Function, STEPS_PER_CHECK, VALUE_BYTES_MAX, refuse};
use crate::error::{DataError, Result};
use crate::expr::function::Call;
use crate::types::{self, Datum, Varlena};

fn md5(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| types::hex_pair(*byte)).map(char::from).collect()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Characters on a line of base64.
const BASE64_LINE: usize = 76;

fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() / 3 * 4 + 8);
    let mut column = 0;
    for group in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|at| u32::from(group.get(at).copied().unwrap_or(0)));
        let bits = a << 16 | b << 8 | c;
        for place in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
        column += 4;
        if column == BASE64_LINE && group.len() == 3 {
            text.push('\n');
            column = 0;
        }
    }
    text
}

fn from_base64(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    // The first `=` says how many bytes a group of four characters gives from there on.
    let (mut bits, mut digits, mut kept) = (0u32, 0, None);
    for c in text.chars() {
        if matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        let value = match BASE64.iter().position(|digit| char::from(*digit) == c) {
            Some(value) => value as u32,
            None if c == '=' && (kept.is_some() || digits == 2 || digits == 3) => {
                kept = kept.or_else(|| Some(digits - 1));
                0
            }
            None if c == '=' => {
                return Err(refuse("unexpected \"=\" while decoding base64 sequence"));
            }
            None => {
                let message =
                    format!("invalid symbol \"{c}\" found while decoding base64 sequence");
                return Err(refuse(message));
            }
        };
        bits = bits << 6 | value;
        digits += 1;
        if digits == 4 {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..1 + kept.unwrap_or(3)]);
            (bits, digits) = (0, 0);
        }
    }
    if digits != 0 {
        return Err(DataError::InvalidArgument {
            message: "invalid base64 end sequence".to_owned(),
            hint: Some("Input data is missing padding, is truncated, or is otherwise corrupted."),
        }
        .into());
    }
    Ok(bytes)
}

/// How many characters stand for a byte in the form `escape`.
fn escaped_length(byte: u8) -> usize {
    match byte {
        b'\\' => 2,
        1..=0x7F => 1,
        _ => 4,
    }
}

/// Refuses an encoding of bytes that may be too long.
fn check_encoded(bytes: usize) -> Result<()> {
    if bytes > VALUE_BYTES_MAX {
        return Err(super::refuse_limit("result of encoding conversion is too large"));
    }
    Ok(())
}

fn encode(bytes: &[u8], form: &str) -> Result<String> {
    match form.to_ascii_lowercase().as_str() {
        "hex" => {
            check_encoded(bytes.len() * 2)?;
            Ok(hex(bytes))
        }
        "base64" => {
            check_encoded(bytes.len().div_ceil(3) * 4 + bytes.len() / BASE64_LINE)?;
            Ok(to_base64(bytes))
        }
        "escape" => {
            check_encoded(bytes.iter().map(|byte| escaped_length(*byte)).sum())?;
            let mut text = String::with_capacity(bytes.len());
            for &byte in bytes {
                match byte {
                    b'\\' => text.push_str("\\\\"),
                    1..=0x7F => text.push(char::from(byte)),
                    _ => text.extend(types::octal(byte).map(char::from)),
                }
            }
            Ok(text)
        }
        _ => Err(refuse(format!("unrecognized encoding: \"{form}\""))),
    }
}

fn decode(text: &str, form: &str) -> Result<Vec<u8>> {
    match form.to_ascii_lowercase().as_str() {
        "hex" => types::decode_hex(text),
        "base64" => from_base64(text),
        "escape" => {
            types::decode_escape(text.as_bytes()).ok_or_else(|| DataError::InvalidBytea.into())
        }
        _ => Err(refuse(format!("unrecognized encoding: \"{form}\""))),
    }
}

fn substring(bytes: &[u8], start: i32, length: Option<i32>) -> Result<Vec<u8>> {
    let (first, end) = window(start, length)?;
    let end = end.unwrap_or(bytes.len()).min(bytes.len());
    Ok(bytes.get(first..end).unwrap_or_default().to_vec())
}

fn position(call: &mut Call<'_>) -> Result<Datum> {
    let (bytes, part): (&[u8], &[u8]) = (call.arg(0)?, call.arg(1)?);
    if part.is_empty() {
        return Ok(Datum::Int4(1));
    }
    let mut steps = 0;
    for (at, window) in bytes.windows(part.len()).enumerate() {
        if window == part {
            return Ok(Datum::Int4(at as i32 + 1));
        }
        // Most windows differ at once; those that do not are as long as the part.
        steps += if window[0] == part[0] { part.len() } else { 1 };
        if steps > STEPS_PER_CHECK {
            call.check()?;
            steps = 0;
        }
    }
    Ok(Datum::Int4(0))
}

/// A place in `length` of something, or PostgreSQL's error.
fn index(at: i64, length: usize) -> Result<usize> {
    usize::try_from(at).ok().filter(|at| *at < length).ok_or_else(|| {
        let last = length as i64 - 1;
        DataError::IndexOutOfRange { index: at, last }.into()
    })
}

fn set_byte(bytes: &[u8], at: i32, value: i32) -> Result<Vec<u8>> {
    let mut changed = bytes.to_vec();
    changed[index(i64::from(at), bytes.len())?] = value as u8;
    Ok(changed)
}

/// Bit 0 is the lowest of the first byte.
fn bit_index(at: i64, length: usize) -> Result<(usize, u32)> {
    let bit = index(at, length * 8)?;
    Ok((bit / 8, (bit % 8) as u32))
}

fn bit_of(bytes: &[u8], at: i64) -> Result<i32> {
    let (byte, bit) = bit_index(at, bytes.len())?;
    Ok(i32::from(bytes[byte] >> bit & 1))
}

fn set_bit(bytes: &[u8], at: i64, value: i32) -> Result<Vec<u8>> {
    let (byte, bit) = bit_index(at, bytes.len())?;
    if !matches!(value, 0 | 1) {
        return Err(refuse("new bit must be 0 or 1"));
    }
    let mut changed = bytes.to_vec();
    changed[byte] = changed[byte] & !(1 << bit) | (value as u8) << bit;
    Ok(changed)
}

/// The bytes with those from a place on, a number of them or as many as are new, replaced.
fn overlay(call: &mut Call<'_>) -> Result<Datum> {
    let (bytes, new): (&[u8], &[u8]) = (call.arg(0)?, call.arg(1)?);
    let start: i32 = call.arg(2)?;
    let length = call.optional(3)?.unwrap_or(new.len() as i32);
    if start <= 0 {
        return Err(DataError::NegativeSubstring.into());
    }
    let behind = start.checked_add(length).ok_or(DataError::OutOfRange { type_name: "integer" })?;
    let before = substring(bytes, 1, Some(start - 1))?;
    let behind = substring(bytes, behind, None)?;
    types::check_length(before.len() + new.len() + behind.len())?;
    Ok(Datum::Bytea(Varlena::new(&[&before, new, &behind].concat())))
}

fn concatenate(a: &[u8], b: &[u8]) -> Result<Vec<u8>> {
    types::check_length(a.len() + b.len())?;
    Ok([a, b].concat())
}

fn trim(bytes: &[u8], set: &[u8]) -> Vec<u8> {
    let mut is_in = [false; 256];
    set.iter().for_each(|byte| is_in[usize::from(*byte)] = true);
    let keep = |byte: &u8| !is_in[usize::from(*byte)];
    match (bytes.iter().position(keep), bytes.iter().rposition(keep)) {
        (Some(from), Some(to)) => bytes[from..=to].to_vec(),
        _ => Vec::new(),
    }
}

/// The encodings that need no conversion here.
fn check_encoding(name: &str) -> Result<()> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_ascii_lowercase().as_str() {
        "utf8" | "unicode" | "sqlascii" => Ok(()),
        _ => Err(crate::error::SyntaxError::Unsupported {
            feature: format!("conversion between UTF8 and {name}"),
        }
        .into()),
    }
}

fn convert_from(bytes: &[u8], encoding: &str) -> Result<String> {
    check_encoding(encoding)?;
    Ok(types::utf8(bytes)?.to_owned())
}

fn convert_to(text: &str, encoding: &str) -> Result<Vec<u8>> {
    check_encoding(encoding)?;
    Ok(text.as_bytes().to_vec())
}

/// Version 4: random but for the six bits that say so.
fn random_uuid(call: &mut Call<'_>) -> Result<Datum> {
    let mut uuid = call.environment.random();
    uuid[6] = uuid[6] & 0x0F | 0x40;
    uuid[8] = uuid[8] & 0x3F | 0x80;
    Ok(Datum::Uuid(std::sync::Arc::new(uuid)))
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(2311, "md5", &[TEXT], TEXT, |call| map(call, |a: &str| md5(a.as_bytes()))),
    immutable(2321, "md5", &[BYTEA], TEXT, |call| map(call, md5)),
    immutable(2089, "to_hex", &[INT4], TEXT, |call| map(call, |a: i32| format!("{a:x}"))),
    immutable(2090, "to_hex", &[INT8], TEXT, |call| map(call, |a: i64| format!("{a:x}"))),
    immutable(1946, "encode", &[BYTEA, TEXT], TEXT, |call| map2(call, encode)),
    immutable(1947, "decode", &[TEXT, TEXT], BYTEA, |call| map2(call, decode)),
    immutable(2011, "byteacat", &[BYTEA, BYTEA], BYTEA, |call| map2(call, concatenate)),
    immutable(2010, "length", &[BYTEA], INT4, |call| map(call, |a: &[u8]| a.len() as i32)),
    immutable(720, "octet_length", &[BYTEA], INT4, |call| map(call, |a: &[u8]| a.len() as i32)),
    immutable(1810, "bit_length", &[BYTEA], INT4, |call| {
        map(call, |a: &[u8]| super::basic::bits(a.len()))
    }),
    immutable(2013, "substring", &[BYTEA, INT4], BYTEA, |call| {
        map2(call, |a: &[u8], from: i32| substring(a, from, None))
    }),
    immutable(2012, "substring", &[BYTEA, INT4, INT4], BYTEA, |call| {
        map3(call, |a: &[u8], from: i32, n: i32| substring(a, from, Some(n)))
    }),
    immutable(2086, "substr", &[BYTEA, INT4], BYTEA, |call| {
        map2(call, |a: &[u8], from: i32| substring(a, from, None))
    }),
    immutable(2085, "substr", &[BYTEA, INT4, INT4], BYTEA, |call| {
        map3(call, |a: &[u8], from: i32, n: i32| substring(a, from, Some(n)))
    }),
    immutable(2014, "position", &[BYTEA, BYTEA], INT4, position),
    immutable(749, "overlay", &[BYTEA, BYTEA, INT4, INT4], BYTEA, overlay),
    immutable(752, "overlay", &[BYTEA, BYTEA, INT4], BYTEA, overlay),
    immutable(723, "get_bit", &[BYTEA, INT8], INT4, |call| map2(call, bit_of)),
    immutable(724, "set_bit", &[BYTEA, INT8, INT4], BYTEA, |call| map3(call, set_bit)),
    immutable(6163, "bit_count", &[BYTEA], INT8, |call| {
        map(call, |a: &[u8]| a.iter().map(|byte| i64::from(byte.count_ones())).sum::<i64>())
    }),
    immutable(2015, "btrim", &[BYTEA, BYTEA], BYTEA, |call| map2(call, trim)),
    immutable(721, "get_byte", &[BYTEA, INT4], INT4, |call| {
        map2(call, |a: &[u8], at: i32| index(i64::from(at), a.len()).map(|at| i32::from(a[at])))
    }),
    immutable(722, "set_byte", &[BYTEA, INT4, INT4], BYTEA, |call| map3(call, set_byte)),
    stable(1714, "convert_from", &[BYTEA, NAME], TEXT, |call| map2(call, convert_from)),
    stable(1717, "convert_to", &[TEXT, NAME], BYTEA, |call| map2(call, convert_to)),
    volatile(3432, "gen_random_uuid", &[], UUID, random_uuid),
];
