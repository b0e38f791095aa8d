//! The packets that open a connection.
//!
//! ```text
//! 0             4                8
//! | length: i32 | code: i32      | ...
//!                 1234.5678        CancelRequest: process i32, secret i32
//!                 1234.5679        SSLRequest
//!                 1234.5680        GSSENCRequest
//!                 3.minor          StartupMessage: (name, value)*, one zero byte
//! ```
//!
//! A minor version above ours, or an option `_pq_.*` we do not know, is answered with
//! NegotiateProtocolVersion and the connection goes on at 3.0.

use bytes::{BufMut as _, BytesMut};

use crate::Error;
use crate::codec::{Reader, packet};

/// The largest packet taken before a client has proved who it is, in bytes.
pub const STARTUP_LENGTH_MAX: usize = 10_000;
/// The version spoken here, as sent in NegotiateProtocolVersion.
pub const PROTOCOL_VERSION: i32 = 3 << 16;

const CANCEL_CODE: i32 = (1234 << 16) | 5678;
const SSL_CODE: i32 = (1234 << 16) | 5679;
const GSSENC_CODE: i32 = (1234 << 16) | 5680;
const OPTION_PREFIX: &str = "_pq_.";

/// What a client may open a connection with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Startup<'a> {
    /// May we speak TLS? One byte answers: `S` or `N`.
    SslRequest,
    /// May we encrypt by GSSAPI? One byte answers: `G` or `N`.
    GssEncRequest,
    /// Cancel what that session runs. Nothing answers.
    CancelRequest {
        /// Process id from BackendKeyData.
        process: i32,
        /// Secret from BackendKeyData.
        secret: i32,
    },
    /// A session begins.
    Session(Parameters<'a>),
}

/// The parameters of a StartupMessage, checked and read where they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters<'a> {
    minor: u16,
    list: &'a [u8],
}

/// Length of the packet at the start of `input`, its length field included, once its length is
/// known; it may not have arrived completely.
///
/// # Errors
///
/// [`Error::StartupLength`] below 8 or above `limit` bytes.
pub fn packet_length(input: &[u8], limit: usize) -> Result<Option<usize>, Error> {
    let Some(length) = input.first_chunk::<4>() else { return Ok(None) };
    match usize::try_from(i32::from_be_bytes(*length)) {
        Ok(length) if (8..=limit).contains(&length) => Ok(Some(length)),
        _ => Err(Error::StartupLength),
    }
}

/// Decodes one whole packet, its length field included.
///
/// # Errors
///
/// [`Error::StartupLength`], [`Error::StartupLayout`], [`Error::UnsupportedVersion`],
/// [`Error::InvalidEncoding`].
pub fn decode(packet: &[u8]) -> Result<Startup<'_>, Error> {
    let mut reader = Reader::new(packet);
    let code = (reader.int32().and_then(|_| reader.int32())).map_err(|_| Error::StartupLength)?;
    match code {
        CANCEL_CODE => {
            let cancel = (reader.int32(), reader.int32(), reader.end());
            let (Ok(process), Ok(secret), Ok(())) = cancel else {
                return Err(Error::StartupLength);
            };
            Ok(Startup::CancelRequest { process, secret })
        }
        SSL_CODE => Ok(Startup::SslRequest),
        GSSENC_CODE => Ok(Startup::GssEncRequest),
        version => session(version, reader.rest()).map(Startup::Session),
    }
}

/// Decodes a packet that must be a StartupMessage: after a refused SSLRequest the same request once
/// more is an unknown protocol version.
///
/// # Errors
///
/// As [`decode`], [`Error::UnsupportedVersion`] for the requests.
pub fn unsupported(packet: &[u8]) -> Error {
    let mut reader = Reader::new(packet);
    match reader.int32().and_then(|_| reader.int32()) {
        Ok(version) => version_error(version),
        Err(_) => Error::StartupLength,
    }
}

fn version_error(version: i32) -> Error {
    let [a, b, c, d] = version.to_be_bytes();
    Error::UnsupportedVersion {
        major: u16::from_be_bytes([a, b]),
        minor: u16::from_be_bytes([c, d]),
    }
}

fn session(version: i32, list: &[u8]) -> Result<Parameters<'_>, Error> {
    if version >> 16 != PROTOCOL_VERSION >> 16 {
        return Err(version_error(version));
    }
    let [_, _, c, d] = version.to_be_bytes();
    let mut reader = Reader::new(list);
    loop {
        let name = layout(reader.string())?;
        if name.is_empty() {
            break;
        }
        layout(reader.string())?;
    }
    reader.end().map_err(|_| Error::StartupLayout)?;
    Ok(Parameters { minor: u16::from_be_bytes([c, d]), list })
}

fn layout<T>(field: Result<T, Error>) -> Result<T, Error> {
    field.map_err(|e| if e == Error::InvalidString { Error::StartupLayout } else { e })
}

impl<'a> Parameters<'a> {
    /// Names and values in the order sent, protocol options included.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut reader = Reader::new(self.list);
        std::iter::from_fn(move || {
            let name = reader.string().ok().filter(|name| !name.is_empty())?;
            Some((name, reader.string().ok()?))
        })
    }

    /// The last value sent for `name`.
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.iter().filter(|(n, _)| *n == name).last().map(|(_, value)| value)
    }

    /// The role to act as. Errors: [`Error::NoUser`].
    pub fn user(&self) -> Result<&'a str, Error> {
        self.value("user").filter(|user| !user.is_empty()).ok_or(Error::NoUser)
    }

    /// Protocol options sent, none of which is known here.
    pub fn options(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.iter().map(|(name, _)| name).filter(|name| name.starts_with(OPTION_PREFIX))
    }

    /// Whether the client has to be told by NegotiateProtocolVersion what is spoken here.
    pub fn needs_negotiation(&self) -> bool {
        self.minor > 0 || self.options().next().is_some()
    }
}

/// Appends a StartupMessage with these parameters.
pub fn encode<'a>(out: &mut BytesMut, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) {
    encode_version(out, PROTOCOL_VERSION, parameters);
}

/// Appends a StartupMessage of `version`, (major << 16) | minor.
pub fn encode_version<'a>(
    out: &mut BytesMut,
    version: i32,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    packet(out, |out| {
        crate::codec::int32(out, version);
        for (name, value) in parameters {
            crate::codec::string(out, name);
            crate::codec::string(out, value);
        }
        out.put_u8(0);
    });
}

/// Appends an SSLRequest.
pub fn encode_ssl_request(out: &mut BytesMut) {
    packet(out, |out| crate::codec::int32(out, SSL_CODE));
}

/// Appends a GSSENCRequest.
pub fn encode_gssenc_request(out: &mut BytesMut) {
    packet(out, |out| crate::codec::int32(out, GSSENC_CODE));
}

/// Appends a CancelRequest for the session that was given this process id and secret.
pub fn encode_cancel_request(out: &mut BytesMut, process: i32, secret: i32) {
    packet(out, |out| {
        crate::codec::int32(out, CANCEL_CODE);
        crate::codec::int32(out, process);
        crate::codec::int32(out, secret);
    });
}
