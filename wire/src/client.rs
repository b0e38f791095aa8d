//! The client's side: encodes what [`crate::frontend`] decodes and decodes what [`crate::backend`]
//! encodes. For tests and benchmarks, so it is plain rather than complete: notices and errors share
//! one shape, and rows are read where they lie.

use bytes::{BufMut as _, BytesMut};

use crate::Error;
use crate::codec::{self, Format, Frame, Reader, message};

pub use crate::startup::{
    encode as startup, encode_cancel_request as cancel_request,
    encode_gssenc_request as gssenc_request, encode_ssl_request as ssl_request,
    encode_version as startup_version,
};

/// Largest message taken from a server: as large as a server takes from a client.
pub const MESSAGE_LENGTH_MAX: usize = 0x3FFF_FFFF;

/// Appends a Query.
pub fn query(out: &mut BytesMut, sql: &str) {
    message(out, b'Q', |out| codec::string(out, sql));
}

/// Appends a Parse.
pub fn parse(out: &mut BytesMut, statement: &str, sql: &str, types: &[u32]) {
    message(out, b'P', |out| {
        codec::string(out, statement);
        codec::string(out, sql);
        codec::count(out, types.len());
        types.iter().for_each(|oid| codec::oid(out, *oid));
    });
}

/// Appends a Bind. Formats: none for all text, one for all, or one each.
pub fn bind(
    out: &mut BytesMut,
    portal: &str,
    statement: &str,
    formats: &[Format],
    parameters: &[Option<&[u8]>],
    result_formats: &[Format],
) {
    message(out, b'B', |out| {
        codec::string(out, portal);
        codec::string(out, statement);
        codec::count(out, formats.len());
        formats.iter().for_each(|format| codec::int16(out, format.code()));
        codec::count(out, parameters.len());
        parameters.iter().for_each(|value| codec::value(out, *value));
        codec::count(out, result_formats.len());
        result_formats.iter().for_each(|format| codec::int16(out, format.code()));
    });
}

/// Appends a Describe of a statement.
pub fn describe_statement(out: &mut BytesMut, name: &str) {
    target(out, b'D', b'S', name);
}

/// Appends a Describe of a portal.
pub fn describe_portal(out: &mut BytesMut, name: &str) {
    target(out, b'D', b'P', name);
}

/// Appends a Close of a statement.
pub fn close_statement(out: &mut BytesMut, name: &str) {
    target(out, b'C', b'S', name);
}

/// Appends a Close of a portal.
pub fn close_portal(out: &mut BytesMut, name: &str) {
    target(out, b'C', b'P', name);
}

fn target(out: &mut BytesMut, tag: u8, kind: u8, name: &str) {
    message(out, tag, |out| {
        out.put_u8(kind);
        codec::string(out, name);
    });
}

/// Appends an Execute; `max_rows` 0 means all.
pub fn execute(out: &mut BytesMut, portal: &str, max_rows: i32) {
    message(out, b'E', |out| {
        codec::string(out, portal);
        codec::int32(out, max_rows);
    });
}

/// Appends a Sync.
pub fn sync(out: &mut BytesMut) {
    message(out, b'S', |_| ());
}

/// Appends a Flush.
pub fn flush(out: &mut BytesMut) {
    message(out, b'H', |_| ());
}

/// Appends a Terminate.
pub fn terminate(out: &mut BytesMut) {
    message(out, b'X', |_| ());
}

/// Appends rows of a COPY.
pub fn copy_data(out: &mut BytesMut, rows: &[u8]) {
    message(out, b'd', |out| out.extend_from_slice(rows));
}

/// Appends a CopyDone.
pub fn copy_done(out: &mut BytesMut) {
    message(out, b'c', |_| ());
}

/// Appends a CopyFail.
pub fn copy_fail(out: &mut BytesMut, reason: &str) {
    message(out, b'f', |out| codec::string(out, reason));
}

/// Appends a PasswordMessage.
pub fn password(out: &mut BytesMut, password: &str) {
    message(out, b'p', |out| codec::string(out, password));
}

/// Appends a SASLInitialResponse.
pub fn sasl_initial_response(out: &mut BytesMut, mechanism: &str, response: &[u8]) {
    message(out, b'p', |out| {
        codec::string(out, mechanism);
        codec::value(out, Some(response));
    });
}

/// Appends a SASLResponse.
pub fn sasl_response(out: &mut BytesMut, response: &[u8]) {
    message(out, b'p', |out| out.extend_from_slice(response));
}

/// One message of a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Message<'a> {
    /// An authentication request.
    Authentication(Authentication<'a>),
    /// What a CancelRequest must carry.
    BackendKeyData {
        /// Process id.
        process: i32,
        /// Secret.
        secret: i32,
    },
    /// Bind succeeded.
    BindComplete,
    /// Close succeeded.
    CloseComplete,
    /// A statement is complete, with its tag.
    CommandComplete(&'a str),
    /// Rows of a COPY.
    CopyData(&'a [u8]),
    /// All rows of a COPY were sent.
    CopyDone,
    /// The server waits for the rows of a COPY.
    CopyInResponse,
    /// The rows of a COPY follow.
    CopyOutResponse,
    /// A row.
    DataRow(Row<'a>),
    /// The text held no statement.
    EmptyQueryResponse,
    /// An error.
    ErrorResponse(Fields<'a>),
    /// The protocol is spoken at another minor version.
    NegotiateProtocolVersion {
        /// (major << 16) | minor.
        version: i32,
        /// How many options are unknown.
        unknown_options: i32,
    },
    /// The statement has no result.
    NoData,
    /// A notice.
    NoticeResponse(Fields<'a>),
    /// Another session's notification.
    NotificationResponse {
        /// Its process id.
        process: i32,
        /// Channel.
        channel: &'a str,
        /// Payload.
        payload: &'a str,
    },
    /// Types of parameters.
    ParameterDescription(&'a [u8]),
    /// A setting and its value.
    ParameterStatus(&'a str, &'a str),
    /// Parse succeeded.
    ParseComplete,
    /// The row limit was reached.
    PortalSuspended,
    /// The server waits for a query: `I`, `T` or `E`.
    ReadyForQuery(u8),
    /// Columns, to be read with [`Message::columns`].
    RowDescription(&'a [u8]),
}

/// An authentication request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Authentication<'a> {
    /// Complete.
    Ok,
    /// The password as it is.
    Cleartext,
    /// One of these SASL mechanisms, each ended by a zero byte.
    Sasl(&'a [u8]),
    /// A challenge.
    SaslContinue(&'a [u8]),
    /// The server's proof.
    SaslFinal(&'a [u8]),
    /// Something this client does not speak.
    Other(i32),
}

/// A row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    count: usize,
    values: &'a [u8],
}

impl<'a> Row<'a> {
    /// Number of columns.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has no column.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Values, `None` for NULL.
    pub fn iter(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let mut reader = Reader::new(self.values);
        (0..self.count).map(move |_| reader.value().unwrap_or_default())
    }
}

/// The fields of an error or a notice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The field with this code, for example `C` for the SQLSTATE.
    pub fn field(&self, code: u8) -> Option<&'a str> {
        self.iter().find(|(c, _)| *c == code).map(|(_, text)| text)
    }

    /// SQLSTATE, empty when there is none.
    pub fn sqlstate(&self) -> &'a str {
        self.field(b'C').unwrap_or_default()
    }

    /// Message, empty when there is none.
    pub fn message(&self) -> &'a str {
        self.field(b'M').unwrap_or_default()
    }

    /// Codes and texts.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &'a str)> + use<'a> {
        let mut reader = Reader::new(self.0);
        std::iter::from_fn(move || {
            let code = reader.byte().ok().filter(|code| *code != 0)?;
            Some((code, reader.string().ok()?))
        })
    }
}

/// A column of a result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub data_type: u32,
    /// Its type modifier.
    pub type_modifier: i32,
    /// How its values are sent.
    pub format: Format,
}

impl<'a> Message<'a> {
    /// The columns of a RowDescription, none of another message.
    pub fn columns(&self) -> Result<Vec<Column<'a>>, Error> {
        let Self::RowDescription(body) = self else { return Ok(Vec::new()) };
        let mut reader = Reader::new(body);
        let count = reader.count()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let name = reader.string()?;
            reader.bytes(6)?;
            let data_type = reader.oid()?;
            reader.int16()?;
            let type_modifier = reader.int32()?;
            let format = Format::from_code(reader.int16()?)?;
            columns.push(Column { name, data_type, type_modifier, format });
        }
        Ok(columns)
    }
}

/// Finds the message at the start of `input`.
///
/// # Errors
///
/// [`Error::MessageLength`].
pub fn frame(input: &[u8]) -> Result<Frame<'_>, Error> {
    codec::frame(input, |_| Ok(MESSAGE_LENGTH_MAX))
}

/// Decodes the body of a message.
///
/// # Errors
///
/// What is wrong with it.
pub fn decode(tag: u8, body: &[u8]) -> Result<Message<'_>, Error> {
    let mut reader = Reader::new(body);
    Ok(match tag {
        b'R' => Message::Authentication(authentication(&mut reader)?),
        b'K' => Message::BackendKeyData { process: reader.int32()?, secret: reader.int32()? },
        b'1' => Message::ParseComplete,
        b'2' => Message::BindComplete,
        b'3' => Message::CloseComplete,
        b'C' => Message::CommandComplete(reader.string()?),
        b'd' => Message::CopyData(body),
        b'c' => Message::CopyDone,
        b'G' => Message::CopyInResponse,
        b'H' => Message::CopyOutResponse,
        b'D' => Message::DataRow(row(&mut reader)?),
        b'I' => Message::EmptyQueryResponse,
        b'E' => Message::ErrorResponse(Fields(body)),
        b'N' => Message::NoticeResponse(Fields(body)),
        b'v' => Message::NegotiateProtocolVersion {
            version: reader.int32()?,
            unknown_options: reader.int32()?,
        },
        b'n' => Message::NoData,
        b'A' => Message::NotificationResponse {
            process: reader.int32()?,
            channel: reader.string()?,
            payload: reader.string()?,
        },
        b't' => {
            let count = reader.count()?;
            Message::ParameterDescription(reader.bytes(count * 4)?)
        }
        b'S' => Message::ParameterStatus(reader.string()?, reader.string()?),
        b's' => Message::PortalSuspended,
        b'Z' => Message::ReadyForQuery(reader.byte()?),
        b'T' => Message::RowDescription(body),
        tag => return Err(Error::MessageType(tag)),
    })
}

fn authentication<'a>(reader: &mut Reader<'a>) -> Result<Authentication<'a>, Error> {
    Ok(match reader.int32()? {
        0 => Authentication::Ok,
        3 => Authentication::Cleartext,
        10 => Authentication::Sasl(reader.rest()),
        11 => Authentication::SaslContinue(reader.rest()),
        12 => Authentication::SaslFinal(reader.rest()),
        other => Authentication::Other(other),
    })
}

fn row<'a>(reader: &mut Reader<'a>) -> Result<Row<'a>, Error> {
    let count = reader.count()?;
    let values = reader.rest();
    for _ in 0..count {
        reader.value()?;
    }
    reader.end()?;
    Ok(Row { count, values })
}
