//! Memcomparable primitives: comparing two keys as bytes compares the values they hold.
//!
//! A key is its columns one after the other. Each encoding is self-delimiting, so no column can
//! reach into the next, and each exists in both directions: a descending column is the ascending
//! one with every bit inverted.
//!
//! ```text
//! (7::int4, 'a\0b')      80 00 00 07 | 61 00 FF 62 00 00
//! (7::int4 DESC, 'a')    7F FF FF F8 | 61 00 00
//! ```
//!
//! # Format
//!
//! | value | bytes, ascending |
//! |---|---|
//! | unsigned | big-endian |
//! | signed | big-endian with the sign bit flipped |
//! | float | IEEE bits; sign bit flipped if it was 0, all bits flipped if it was 1 |
//! | bool | `00` or `01` |
//! | byte string | each `00` written as `00 FF`, then `00 00` |
//! | fixed bytes | as they are: both sides know the length |
//! | null marker | see below; never inverted |
//!
//! A column that can be null starts with one marker byte: `01` before a value, `00` for a null
//! that sorts before values, `02` for one that sorts after them.
//!
//! # Invariants
//!
//! 1. For two values `a`, `b` of one column, `encode(a) < encode(b)` exactly if `a` sorts before
//!    `b`, and no encoding is a proper prefix of another.
//! 2. What decoding reads is what encoding wrote, but for floats: -0 reads back as 0 and every NaN
//!    as one NaN, because PostgreSQL counts them as equal. NaN sorts above everything.
//! 3. Decoders take any bytes and answer [`Error::MalformedKey`], never more.

use std::borrow::Cow;
use std::ops::Bound;

use crate::error::Error;

/// How a column of a key sorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// Small values first.
    pub ascending: bool,
    /// Nulls before every value, whatever `ascending` says.
    pub nulls_first: bool,
}

impl Order {
    /// `ASC`, whose default is NULLS LAST.
    pub const ASCENDING: Self = Self { ascending: true, nulls_first: false };
    /// `DESC`, whose default is NULLS FIRST.
    pub const DESCENDING: Self = Self { ascending: false, nulls_first: true };

    fn null(self) -> u8 {
        if self.nulls_first { NULL_FIRST } else { NULL_LAST }
    }
}

const NULL_FIRST: u8 = 0x00;
const PRESENT: u8 = 0x01;
const NULL_LAST: u8 = 0x02;
const _: () = assert!(NULL_FIRST < PRESENT && PRESENT < NULL_LAST);

const ZERO: u8 = 0x00;
const ESCAPED_ZERO: u8 = 0xFF;
const END: u8 = 0x00;

/// Appends the marker of a null.
pub fn append_null(key: &mut Vec<u8>, order: Order) {
    key.push(order.null());
}

/// Appends the marker that a value follows.
#[inline]
pub fn append_present(key: &mut Vec<u8>) {
    key.push(PRESENT);
}

/// Reads a marker: whether a value follows.
#[inline]
pub fn take_present(input: &mut &[u8], order: Order) -> Result<bool, Error> {
    match take::<1>(input, "a null marker")? {
        [PRESENT] => Ok(true),
        [marker] if marker == order.null() => Ok(false),
        _ => Err(Error::MalformedKey { expected: "a null marker" }),
    }
}

macro_rules! integers {
    ($($append:ident $take:ident $type:ty, $flip:expr, $name:literal;)*) => {$(
        #[doc = concat!("Appends ", $name, ".")]
        #[inline]
        pub fn $append(key: &mut Vec<u8>, value: $type, order: Order) {
            append_array(key, (value ^ $flip).to_be_bytes(), order);
        }

        #[doc = concat!("Reads ", $name, ".")]
        #[inline]
        pub fn $take(input: &mut &[u8], order: Order) -> Result<$type, Error> {
            Ok(<$type>::from_be_bytes(take_array(input, order, $name)?) ^ $flip)
        }
    )*};
}

integers! {
    append_u8   take_u8   u8,   0,         "an unsigned byte";
    append_u16  take_u16  u16,  0,         "an unsigned 16-bit integer";
    append_u32  take_u32  u32,  0,         "an unsigned 32-bit integer";
    append_u64  take_u64  u64,  0,         "an unsigned 64-bit integer";
    append_i16  take_i16  i16,  i16::MIN,  "a signed 16-bit integer";
    append_i32  take_i32  i32,  i32::MIN,  "a signed 32-bit integer";
    append_i64  take_i64  i64,  i64::MIN,  "a signed 64-bit integer";
    append_i128 take_i128 i128, i128::MIN, "a signed 128-bit integer";
}

/// Appends a double-precision float (invariant 2).
pub fn append_f64(key: &mut Vec<u8>, value: f64, order: Order) {
    let bits = if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() };
    let mask = if bits >> 63 == 0 { 1 << 63 } else { u64::MAX };
    append_array(key, (bits ^ mask).to_be_bytes(), order);
}

/// Reads a double-precision float.
pub fn take_f64(input: &mut &[u8], order: Order) -> Result<f64, Error> {
    let bits = u64::from_be_bytes(take_array(input, order, "a double-precision float")?);
    let mask = if bits >> 63 == 1 { 1 << 63 } else { u64::MAX };
    Ok(f64::from_bits(bits ^ mask))
}

/// Appends a single-precision float (invariant 2).
pub fn append_f32(key: &mut Vec<u8>, value: f32, order: Order) {
    let bits = if value.is_nan() { f32::NAN.to_bits() } else { (value + 0.0).to_bits() };
    let mask = if bits >> 31 == 0 { 1 << 31 } else { u32::MAX };
    append_array(key, (bits ^ mask).to_be_bytes(), order);
}

/// Reads a single-precision float.
pub fn take_f32(input: &mut &[u8], order: Order) -> Result<f32, Error> {
    let bits = u32::from_be_bytes(take_array(input, order, "a single-precision float")?);
    let mask = if bits >> 31 == 1 { 1 << 31 } else { u32::MAX };
    Ok(f32::from_bits(bits ^ mask))
}

/// Appends a boolean; false sorts before true.
pub fn append_bool(key: &mut Vec<u8>, value: bool, order: Order) {
    append_array(key, [u8::from(value)], order);
}

/// Reads a boolean.
pub fn take_bool(input: &mut &[u8], order: Order) -> Result<bool, Error> {
    match take_array(input, order, "a boolean")? {
        [0] => Ok(false),
        [1] => Ok(true),
        [_] => Err(Error::MalformedKey { expected: "a boolean" }),
    }
}

/// Appends bytes of a length that the reader knows: no escapes, no end.
pub fn append_fixed(key: &mut Vec<u8>, value: &[u8], order: Order) {
    let start = key.len();
    key.extend_from_slice(value);
    orient(&mut key[start..], order);
}

/// Reads `N` bytes written by [`append_fixed`].
pub fn take_fixed<const N: usize>(input: &mut &[u8], order: Order) -> Result<[u8; N], Error> {
    take_array(input, order, "bytes of fixed length")
}

/// Appends a byte string of any length.
pub fn append_bytes(key: &mut Vec<u8>, value: &[u8], order: Order) {
    let start = key.len();
    append_escaped(key, value);
    key.extend_from_slice(&[ZERO, END]);
    orient(&mut key[start..], order);
}

/// Appends what every byte string that starts with `value` starts with in a key: the bounds of
/// a search by prefix are this and its [`prefix_end`].
pub fn append_bytes_prefix(key: &mut Vec<u8>, value: &[u8], order: Order) {
    let start = key.len();
    append_escaped(key, value);
    orient(&mut key[start..], order);
}

/// Reads a byte string; borrowed where it was stored as it is.
pub fn take_bytes<'a>(input: &mut &'a [u8], order: Order) -> Result<Cow<'a, [u8]>, Error> {
    let malformed = Error::MalformedKey { expected: "a byte string" };
    let flip = if order.ascending { 0x00 } else { 0xFF };
    let bytes = *input;
    let mut plain_from = 0;
    let mut copied: Option<Vec<u8>> = None;
    loop {
        let zero = bytes[plain_from..].iter().position(|byte| byte ^ flip == ZERO);
        let Some(zero) = zero.map(|at| plain_from + at) else { return Err(malformed) };
        let Some(code) = bytes.get(zero + 1).map(|byte| byte ^ flip) else { return Err(malformed) };
        let plain = &bytes[plain_from..zero];
        if code == END && copied.is_none() && order.ascending {
            *input = &bytes[zero + 2..];
            return Ok(Cow::Borrowed(plain));
        }
        let value = copied.get_or_insert_default();
        value.extend(plain.iter().map(|byte| byte ^ flip));
        match code {
            ESCAPED_ZERO => value.push(ZERO),
            END => {
                *input = &bytes[zero + 2..];
                return Ok(Cow::Owned(copied.unwrap_or_default()));
            }
            _ => return Err(malformed),
        }
        plain_from = zero + 2;
    }
}

/// The smallest key above every key that starts with `prefix`; none if there is no such key.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// The bounds that enclose exactly the keys that start with `prefix`.
pub fn prefix_range(prefix: &[u8]) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let upper = prefix_end(prefix).map_or(Bound::Unbounded, Bound::Excluded);
    (Bound::Included(prefix.to_vec()), upper)
}

/// The smallest key above `key`.
pub fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

fn append_escaped(key: &mut Vec<u8>, mut value: &[u8]) {
    key.reserve(value.len() + 2);
    while let Some(zero) = value.iter().position(|&byte| byte == ZERO) {
        key.extend_from_slice(&value[..zero]);
        key.extend_from_slice(&[ZERO, ESCAPED_ZERO]);
        value = &value[zero + 1..];
    }
    key.extend_from_slice(value);
}

#[inline]
fn append_array<const N: usize>(key: &mut Vec<u8>, mut bytes: [u8; N], order: Order) {
    orient(&mut bytes, order);
    key.extend_from_slice(&bytes);
}

#[inline]
fn take_array<const N: usize>(
    input: &mut &[u8],
    order: Order,
    expected: &'static str,
) -> Result<[u8; N], Error> {
    let mut bytes = take(input, expected)?;
    orient(&mut bytes, order);
    Ok(bytes)
}

#[inline]
fn take<const N: usize>(input: &mut &[u8], expected: &'static str) -> Result<[u8; N], Error> {
    let (bytes, rest) = input.split_first_chunk().ok_or(Error::MalformedKey { expected })?;
    *input = rest;
    Ok(*bytes)
}

#[inline]
fn orient(bytes: &mut [u8], order: Order) {
    if !order.ascending {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    }
}
