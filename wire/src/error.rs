//! What can be wrong with the bytes of a peer, in PostgreSQL's words.

use std::fmt;

/// A message that breaks the protocol.
///
/// [`Error::is_fatal`] says whether the stream can still be trusted: a bad body inside a good frame
/// is an ordinary error, a bad frame ends the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A startup packet shorter than its header or longer than the limit.
    StartupLength,
    /// The parameters of a startup packet do not end where the packet does.
    StartupLayout,
    /// A startup packet of another major version.
    UnsupportedVersion {
        /// Major version asked for.
        major: u16,
        /// Minor version asked for.
        minor: u16,
    },
    /// A startup packet without `user`.
    NoUser,
    /// A message whose length is below 4 or above the limit.
    MessageLength,
    /// An unknown message type.
    MessageType(u8),
    /// A byte was expected behind the end of the message.
    NoDataLeft,
    /// A field reaches behind the end of the message.
    InsufficientData,
    /// A string without its terminator.
    InvalidString,
    /// Bytes are left after the last field.
    InvalidFormat,
    /// Text that is not UTF-8. Holds the bytes of the broken character.
    InvalidEncoding {
        /// The broken sequence, filled from the left.
        bytes: [u8; 4],
        /// How many of `bytes` count.
        length: u8,
    },
    /// Describe of neither a statement nor a portal.
    DescribeSubtype(u8),
    /// Close of neither a statement nor a portal.
    CloseSubtype(u8),
    /// A format code other than 0 and 1.
    FormatCode(i16),
    /// A Bind message with as many parameter formats as fit neither rule.
    ParameterFormats {
        /// Format codes sent.
        formats: usize,
        /// Parameters sent.
        parameters: usize,
    },
    /// Something else than an answer to an authentication request.
    ExpectedPassword(u8),
    /// Something else than an answer to a SASL request.
    ExpectedSasl(u8),
    /// A mechanism that was not offered.
    Mechanism,
    /// A SCRAM message that does not follow its grammar; says why.
    MalformedScram(ScramFault),
    /// The client wants to act as somebody else.
    AuthorizationIdentity,
    /// The client asks for a mandatory SCRAM extension.
    ScramExtension,
    /// The client's nonce holds characters that cannot be printed.
    ScramNonce,
    /// The final message repeats another channel-binding header than the first.
    ScramChannelBinding,
    /// The final message carries another nonce than the challenge.
    ScramNonceMismatch,
    /// A password verifier that is not in PostgreSQL's form.
    Verifier,
    /// The server's last SCRAM message does not prove that it knows the verifier.
    ServerSignature,
}

/// How a SCRAM message breaks its grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScramFault {
    /// Nothing was sent.
    Empty,
    /// The message holds a zero byte or is not text.
    Length,
    /// Another attribute than this one was found.
    Attribute(char),
    /// The channel-binding flag is none of `n`, `y` and `p`.
    BindingFlag,
    /// Channel binding without the mechanism for it.
    UnwantedBinding,
    /// A comma is missing.
    Comma,
    /// The proof is not 32 bytes of base64.
    Proof,
    /// Something follows the last attribute.
    Garbage,
    /// Salt or iteration count cannot be read.
    Challenge,
}

impl Error {
    /// The SQLSTATE clients branch on.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::StartupLength
            | Self::StartupLayout
            | Self::MessageLength
            | Self::MessageType(_)
            | Self::NoDataLeft
            | Self::InsufficientData
            | Self::InvalidString
            | Self::InvalidFormat
            | Self::DescribeSubtype(_)
            | Self::CloseSubtype(_)
            | Self::ParameterFormats { .. }
            | Self::ExpectedPassword(_)
            | Self::ExpectedSasl(_)
            | Self::Mechanism
            | Self::MalformedScram(_)
            | Self::ScramNonce
            | Self::ScramChannelBinding
            | Self::ScramNonceMismatch
            | Self::ServerSignature => "08P01",
            Self::UnsupportedVersion { .. }
            | Self::AuthorizationIdentity
            | Self::ScramExtension => "0A000",
            Self::NoUser => "28000",
            Self::InvalidEncoding { .. } => "22021",
            Self::FormatCode(_) | Self::Verifier => "22023",
        }
    }

    /// Whether the connection must end: everything but a bad body inside a good frame.
    pub fn is_fatal(&self) -> bool {
        !matches!(
            self,
            Self::NoDataLeft
                | Self::InsufficientData
                | Self::InvalidString
                | Self::InvalidFormat
                | Self::InvalidEncoding { .. }
                | Self::DescribeSubtype(_)
                | Self::CloseSubtype(_)
                | Self::FormatCode(_)
                | Self::ParameterFormats { .. }
        )
    }

    /// The DETAIL line, where PostgreSQL has one.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::MalformedScram(fault) => Some(fault.to_string()),
            Self::ScramNonceMismatch => Some("Nonce does not match.".into()),
            _ => None,
        }
    }

    /// The error for text whose first broken character starts at `bytes`.
    pub(crate) fn encoding(bytes: &[u8]) -> Self {
        let width = match bytes.first() {
            Some(0xC0..=0xDF) => 2,
            Some(0xE0..=0xEF) => 3,
            Some(0xF0..=0xF7) => 4,
            _ => 1,
        };
        let mut kept = [0; 4];
        let mut length = 0;
        for (slot, byte) in kept.iter_mut().zip(bytes).take(width) {
            *slot = *byte;
            length += 1;
        }
        Self::InvalidEncoding { bytes: kept, length }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartupLength => f.write_str("invalid length of startup packet"),
            Self::StartupLayout => {
                f.write_str("invalid startup packet layout: expected terminator as last byte")
            }
            Self::UnsupportedVersion { major, minor } => write!(
                f,
                "unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.0"
            ),
            Self::NoUser => f.write_str("no PostgreSQL user name specified in startup packet"),
            Self::MessageLength => f.write_str("invalid message length"),
            Self::MessageType(tag) => write!(f, "invalid frontend message type {tag}"),
            Self::NoDataLeft => f.write_str("no data left in message"),
            Self::InsufficientData => f.write_str("insufficient data left in message"),
            Self::InvalidString => f.write_str("invalid string in message"),
            Self::InvalidFormat => f.write_str("invalid message format"),
            Self::InvalidEncoding { bytes, length } => {
                f.write_str("invalid byte sequence for encoding \"UTF8\":")?;
                bytes.iter().take(usize::from(*length)).try_for_each(|b| write!(f, " 0x{b:02x}"))
            }
            Self::DescribeSubtype(tag) => write!(f, "invalid DESCRIBE message subtype {tag}"),
            Self::CloseSubtype(tag) => write!(f, "invalid CLOSE message subtype {tag}"),
            Self::FormatCode(code) => write!(f, "unsupported format code: {code}"),
            Self::ParameterFormats { formats, parameters } => write!(
                f,
                "bind message has {formats} parameter formats but {parameters} parameters"
            ),
            Self::ExpectedPassword(tag) => {
                write!(f, "expected password response, got message type {tag}")
            }
            Self::ExpectedSasl(tag) => {
                write!(f, "expected SASL response, got message type {tag}")
            }
            Self::Mechanism => {
                f.write_str("client selected an invalid SASL authentication mechanism")
            }
            Self::MalformedScram(_) => f.write_str("malformed SCRAM message"),
            Self::AuthorizationIdentity => {
                f.write_str("client uses authorization identity, but it is not supported")
            }
            Self::ScramExtension => f.write_str("client requires an unsupported SCRAM extension"),
            Self::ScramNonce => f.write_str("non-printable characters in SCRAM nonce"),
            Self::ScramChannelBinding => {
                f.write_str("unexpected SCRAM channel-binding attribute in client-final-message")
            }
            Self::ScramNonceMismatch => f.write_str("invalid SCRAM response"),
            Self::Verifier => f.write_str("invalid SCRAM secret"),
            Self::ServerSignature => f.write_str("incorrect server signature"),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for ScramFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("The message is empty."),
            Self::Length => f.write_str("Message length does not match input length."),
            Self::Attribute(name) => write!(f, "Expected attribute \"{name}\"."),
            Self::BindingFlag => f.write_str("Unexpected channel-binding flag."),
            Self::UnwantedBinding => f.write_str(
                "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message \
                 includes channel binding data.",
            ),
            Self::Comma => f.write_str("Comma expected."),
            Self::Proof => f.write_str("Malformed proof in client-final-message."),
            Self::Garbage => f.write_str("Garbage found at the end of client-final-message."),
            Self::Challenge => f.write_str("The challenge cannot be read."),
        }
    }
}
