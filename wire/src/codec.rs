//! Fields and frames: how bytes of the stream become messages, and back.
//!
//! After startup every message is one type byte, a length that counts itself and the body:
//!
//! ```text
//! 0     1             5                    1 + length
//! | 'Q' | length: i32 | body ...           |
//! ```
//!
//! A startup packet has no type byte. Integers are big-endian, strings end with a zero byte.
//!
//! # Invariants
//!
//! 1. A length is compared with its limit before a byte of the body is waited for.
//! 2. Nothing is allocated for a count read from the stream: lists are read where they lie.

use bytes::{BufMut as _, BytesMut};

use crate::Error;

/// Bytes in front of a body: type and length.
pub const HEADER_LENGTH: usize = 5;

/// Text or binary form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// As PostgreSQL prints it.
    #[default]
    Text,
    /// As PostgreSQL's `send` functions write it.
    Binary,
}

impl Format {
    /// The format of `code`, 0 or 1.
    ///
    /// # Errors
    ///
    /// [`Error::FormatCode`] for another one.
    pub fn from_code(code: i16) -> Result<Self, Error> {
        match code {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            code => Err(Error::FormatCode(code)),
        }
    }

    /// The code on the wire.
    pub fn code(self) -> i16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }
}

/// A message found at the start of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// It is all there; it takes `HEADER_LENGTH + body.len()` bytes.
    Complete {
        /// Type byte.
        tag: u8,
        /// Everything behind the length.
        body: &'a [u8],
    },
    /// More bytes are needed: this many in the buffer before another look is worth it.
    Incomplete {
        /// Bytes the buffer must hold, those it holds now included.
        needed: usize,
    },
}

/// Finds the message at the start of `input`. `limit` gives the largest length field allowed for a
/// type byte and may refuse the type.
///
/// # Errors
///
/// [`Error::MessageLength`], or what `limit` says.
pub fn frame(
    input: &[u8],
    limit: impl FnOnce(u8) -> Result<usize, Error>,
) -> Result<Frame<'_>, Error> {
    let Some((&tag, rest)) = input.split_first() else {
        return Ok(Frame::Incomplete { needed: HEADER_LENGTH });
    };
    let limit = limit(tag)?;
    let Some((length, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(Frame::Incomplete { needed: HEADER_LENGTH });
    };
    let length = message_length(*length, limit)?;
    match rest.get(..length - 4) {
        Some(body) => Ok(Frame::Complete { tag, body }),
        None => Ok(Frame::Incomplete { needed: 1 + length }),
    }
}

fn message_length(bytes: [u8; 4], limit: usize) -> Result<usize, Error> {
    match usize::try_from(i32::from_be_bytes(bytes)) {
        Ok(length) if (4..=limit).contains(&length) => Ok(length),
        _ => Err(Error::MessageLength),
    }
}

/// Reads fields from the front of a body.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `body`.
    pub fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// One byte. Errors: [`Error::NoDataLeft`].
    pub fn byte(&mut self) -> Result<u8, Error> {
        let (&first, rest) = self.rest.split_first().ok_or(Error::NoDataLeft)?;
        self.rest = rest;
        Ok(first)
    }

    /// A 16-bit integer. Errors: [`Error::InsufficientData`].
    pub fn int16(&mut self) -> Result<i16, Error> {
        self.array().map(i16::from_be_bytes)
    }

    /// A 16-bit count, which the protocol reads as unsigned. Errors: [`Error::InsufficientData`].
    pub fn count(&mut self) -> Result<usize, Error> {
        self.array().map(|bytes| usize::from(u16::from_be_bytes(bytes)))
    }

    /// A 32-bit integer. Errors: [`Error::InsufficientData`].
    pub fn int32(&mut self) -> Result<i32, Error> {
        self.array().map(i32::from_be_bytes)
    }

    /// An object identifier. Errors: [`Error::InsufficientData`].
    pub fn oid(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    /// `length` bytes. Errors: [`Error::InsufficientData`].
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Error::InsufficientData)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A value with its length in front, -1 for NULL. Errors: [`Error::InsufficientData`].
    pub fn value(&mut self) -> Result<Option<&'a [u8]>, Error> {
        match self.int32()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| Error::InsufficientData)?;
                self.bytes(length).map(Some)
            }
        }
    }

    /// A string without its terminator. Errors: [`Error::InvalidString`],
    /// [`Error::InvalidEncoding`].
    pub fn string(&mut self) -> Result<&'a str, Error> {
        let end = self.rest.iter().position(|&b| b == 0).ok_or(Error::InvalidString)?;
        let text = text(&self.rest[..end])?;
        self.rest = &self.rest[end + 1..];
        Ok(text)
    }

    /// Nothing may be left. Errors: [`Error::InvalidFormat`].
    pub fn end(&self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::InvalidFormat) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Error::InsufficientData)?;
        self.rest = rest;
        Ok(*taken)
    }
}

/// `bytes` as text. Errors: [`Error::InvalidEncoding`] at the first broken character.
pub fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes)
        .map_err(|e| Error::encoding(bytes.get(e.valid_up_to()..).unwrap_or_default()))
}

/// Appends a message: `body` writes behind the header, whose length is filled in afterwards.
#[inline]
pub(crate) fn message(out: &mut BytesMut, tag: u8, body: impl FnOnce(&mut BytesMut)) {
    out.put_u8(tag);
    packet(out, body);
}

/// Appends a length and what `body` writes.
#[inline]
pub(crate) fn packet(out: &mut BytesMut, body: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = out.len() - start;
    patch(out, start, length);
}

/// Writes `length` over the four bytes at `start`. One that does not fit becomes -2, which no peer
/// accepts; the limits on rows and values are far below.
#[inline]
pub(crate) fn patch(out: &mut [u8], start: usize, length: usize) {
    let length = i32::try_from(length).unwrap_or(-2);
    if let Some(field) = out.get_mut(start..start + 4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

/// Appends a string and its terminator. A zero byte inside ends it there.
#[inline]
pub(crate) fn string(out: &mut BytesMut, text: &str) {
    let bytes = text.as_bytes();
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    out.extend_from_slice(&bytes[..end]);
    out.put_u8(0);
}

/// Appends a count. More than 65,535 cannot be told and are cut to it.
#[inline]
pub(crate) fn count(out: &mut BytesMut, n: usize) {
    out.extend_from_slice(&u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes());
}

#[inline]
pub(crate) fn int16(out: &mut BytesMut, n: i16) {
    out.extend_from_slice(&n.to_be_bytes());
}

#[inline]
pub(crate) fn int32(out: &mut BytesMut, n: i32) {
    out.extend_from_slice(&n.to_be_bytes());
}

#[inline]
pub(crate) fn oid(out: &mut BytesMut, n: u32) {
    out.extend_from_slice(&n.to_be_bytes());
}

/// Appends a value with its length, -1 for NULL.
#[inline]
pub(crate) fn value(out: &mut BytesMut, value: Option<&[u8]>) {
    match value {
        None => int32(out, -1),
        Some(bytes) => {
            int32(out, i32::try_from(bytes.len()).unwrap_or(-2));
            out.extend_from_slice(bytes);
        }
    }
}
