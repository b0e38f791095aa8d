//! What a server sends, written straight into the buffer that goes to the socket.
//!
//! One function a message. Rows are written field by field:
//!
//! ```
//! let mut out = bytes::BytesMut::new();
//! let mut row = reckon_wire::backend::data_row(&mut out);
//! row.value(b"1");
//! row.null();
//! row.end();
//! assert_eq!(out[..], b"D\x00\x00\x00\x0f\x00\x02\x00\x00\x00\x01\x31\xff\xff\xff\xff"[..]);
//! ```

use bytes::{BufMut as _, BytesMut};

use crate::codec::{self, Format, message};
use crate::startup::PROTOCOL_VERSION;

/// How bad a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The statement failed.
    Error,
    /// The session ends.
    Fatal,
    /// Every session ends.
    Panic,
    /// Something is probably wrong.
    Warning,
    /// Worth knowing.
    Notice,
    /// For developers.
    Debug,
    /// Asked for by the statement.
    Info,
    /// For administrators.
    Log,
}

impl Severity {
    /// PostgreSQL's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Log => "LOG",
        }
    }

    fn is_error(self) -> bool {
        matches!(self, Self::Error | Self::Fatal | Self::Panic)
    }
}

/// An error or a notice. Empty texts are not sent.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Severity; it also decides between ErrorResponse and NoticeResponse.
    pub severity: Severity,
    /// Five characters.
    pub sqlstate: &'a str,
    /// One line.
    pub message: &'a str,
    /// DETAIL.
    pub detail: &'a str,
    /// HINT.
    pub hint: &'a str,
    /// Character of the statement's text, from 1; 0 for none.
    pub position: u32,
    /// Character of `internal_query`, from 1; 0 for none.
    pub internal_position: u32,
    /// A query that was run on behalf of the statement.
    pub internal_query: &'a str,
    /// CONTEXT, the innermost first.
    pub context: &'a str,
    /// Schema of the object meant.
    pub schema: &'a str,
    /// Table meant.
    pub table: &'a str,
    /// Column meant.
    pub column: &'a str,
    /// Data type meant.
    pub data_type: &'a str,
    /// Constraint meant.
    pub constraint: &'a str,
}

impl<'a> Report<'a> {
    /// A report with nothing but a message.
    pub fn new(severity: Severity, sqlstate: &'a str, message: &'a str) -> Self {
        Self {
            severity,
            sqlstate,
            message,
            detail: "",
            hint: "",
            position: 0,
            internal_position: 0,
            internal_query: "",
            context: "",
            schema: "",
            table: "",
            column: "",
            data_type: "",
            constraint: "",
        }
    }
}

/// ErrorResponse or NoticeResponse, as the severity says.
pub fn report(out: &mut BytesMut, report: &Report<'_>) {
    let tag = if report.severity.is_error() { b'E' } else { b'N' };
    message(out, tag, |out| {
        let position = |n: u32| if n == 0 { String::new() } else { n.to_string() };
        let severity = report.severity.name();
        let fields: [(u8, &str); 15] = [
            (b'S', severity),
            (b'V', severity),
            (b'C', report.sqlstate),
            (b'M', report.message),
            (b'D', report.detail),
            (b'H', report.hint),
            (b'P', &position(report.position)),
            (b'p', &position(report.internal_position)),
            (b'q', report.internal_query),
            (b'W', report.context),
            (b's', report.schema),
            (b't', report.table),
            (b'c', report.column),
            (b'd', report.data_type),
            (b'n', report.constraint),
        ];
        for (code, text) in fields {
            if !text.is_empty() || code == b'M' {
                out.put_u8(code);
                codec::string(out, text);
            }
        }
        out.put_u8(0);
    });
}

/// Whether a session is in a transaction block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// Outside of one.
    Idle,
    /// Inside.
    InBlock,
    /// Inside a failed one: everything is refused up to its end.
    Failed,
}

/// The server waits for a query.
pub fn ready_for_query(out: &mut BytesMut, status: TransactionStatus) {
    let status = match status {
        TransactionStatus::Idle => b'I',
        TransactionStatus::InBlock => b'T',
        TransactionStatus::Failed => b'E',
    };
    out.extend_from_slice(&[b'Z', 0, 0, 0, 5, status]);
}

/// Authentication is complete.
pub fn authentication_ok(out: &mut BytesMut) {
    message(out, b'R', |out| codec::int32(out, 0));
}

/// Send the password as it is.
pub fn authentication_cleartext(out: &mut BytesMut) {
    message(out, b'R', |out| codec::int32(out, 3));
}

/// Choose one of these SASL mechanisms.
pub fn authentication_sasl(out: &mut BytesMut, mechanisms: &[&str]) {
    message(out, b'R', |out| {
        codec::int32(out, 10);
        mechanisms.iter().for_each(|name| codec::string(out, name));
        out.put_u8(0);
    });
}

/// A SASL challenge.
pub fn authentication_sasl_continue(out: &mut BytesMut, challenge: &[u8]) {
    message(out, b'R', |out| {
        codec::int32(out, 11);
        out.extend_from_slice(challenge);
    });
}

/// SASL is complete; `outcome` proves the server.
pub fn authentication_sasl_final(out: &mut BytesMut, outcome: &[u8]) {
    message(out, b'R', |out| {
        codec::int32(out, 12);
        out.extend_from_slice(outcome);
    });
}

/// What is spoken here, and which options of the client are unknown.
pub fn negotiate_protocol_version<'a>(
    out: &mut BytesMut,
    unknown_options: impl Iterator<Item = &'a str>,
) {
    message(out, b'v', |out| {
        codec::int32(out, PROTOCOL_VERSION);
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        let mut n = 0;
        for option in unknown_options {
            codec::string(out, option);
            n += 1;
        }
        codec::patch(out, start, n);
    });
}

/// What a CancelRequest for this session must carry.
pub fn backend_key_data(out: &mut BytesMut, process: i32, secret: i32) {
    message(out, b'K', |out| {
        codec::int32(out, process);
        codec::int32(out, secret);
    });
}

/// A setting the client wants to know, and its value.
pub fn parameter_status(out: &mut BytesMut, name: &str, value: &str) {
    message(out, b'S', |out| {
        codec::string(out, name);
        codec::string(out, value);
    });
}

/// A notification another session sent.
pub fn notification_response(out: &mut BytesMut, process: i32, channel: &str, payload: &str) {
    message(out, b'A', |out| {
        codec::int32(out, process);
        codec::string(out, channel);
        codec::string(out, payload);
    });
}

/// One column of a result.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'a str,
    /// Table it comes from, or 0.
    pub table: u32,
    /// Number of the column in that table, or 0.
    pub column: i16,
    /// Type.
    pub data_type: u32,
    /// Bytes of a value, negative when they vary.
    pub type_size: i16,
    /// Type modifier, -1 for none.
    pub type_modifier: i32,
    /// How its values are sent.
    pub format: Format,
}

/// The columns of the rows that follow.
pub fn row_description<'a>(out: &mut BytesMut, fields: impl IntoIterator<Item = Field<'a>>) {
    message(out, b'T', |out| {
        let start = out.len();
        codec::count(out, 0);
        let mut n = 0;
        for field in fields {
            codec::string(out, field.name);
            codec::oid(out, field.table);
            codec::int16(out, field.column);
            codec::oid(out, field.data_type);
            codec::int16(out, field.type_size);
            codec::int32(out, field.type_modifier);
            codec::int16(out, field.format.code());
            n += 1;
        }
        patch_count(out, start, n);
    });
}

fn patch_count(out: &mut [u8], start: usize, n: usize) {
    let n = u16::try_from(n).unwrap_or(u16::MAX);
    if let Some(field) = out.get_mut(start..start + 2) {
        field.copy_from_slice(&n.to_be_bytes());
    }
}

/// The statement has no result.
pub fn no_data(out: &mut BytesMut) {
    empty(out, b'n');
}

/// The types of a statement's parameters.
pub fn parameter_description(out: &mut BytesMut, types: impl ExactSizeIterator<Item = u32>) {
    message(out, b't', |out| {
        codec::count(out, types.len());
        types.for_each(|oid| codec::oid(out, oid));
    });
}

/// Begins a row; [`DataRow::end`] completes it. One that is dropped before leaves half a message:
/// call [`DataRow::cancel`] to take it back.
#[inline]
pub fn data_row(out: &mut BytesMut) -> DataRow<'_> {
    let start = out.len();
    out.extend_from_slice(&[b'D', 0, 0, 0, 0, 0, 0]);
    DataRow { out, start, columns: 0 }
}

/// A row being written.
#[derive(Debug)]
pub struct DataRow<'a> {
    out: &'a mut BytesMut,
    start: usize,
    columns: u16,
}

impl DataRow<'_> {
    /// Appends a NULL.
    #[inline]
    pub fn null(&mut self) {
        self.columns = self.columns.saturating_add(1);
        self.out.extend_from_slice(&[0xFF; 4]);
    }

    /// Appends a value.
    #[inline]
    pub fn value(&mut self, bytes: &[u8]) {
        self.columns = self.columns.saturating_add(1);
        codec::value(self.out, Some(bytes));
    }

    /// Appends what `write` writes as one value.
    #[inline]
    pub fn write<R>(&mut self, write: impl FnOnce(&mut BytesMut) -> R) -> R {
        self.columns = self.columns.saturating_add(1);
        let start = self.out.len();
        self.out.extend_from_slice(&[0; 4]);
        let result = write(self.out);
        let length = self.out.len() - start - 4;
        codec::patch(self.out, start, length);
        result
    }

    /// Bytes in the buffer, those in front of the row among them.
    #[inline]
    pub fn buffered(&self) -> usize {
        self.out.len()
    }

    /// Completes the row.
    #[inline]
    pub fn end(self) {
        let Self { out, start, columns } = self;
        let length = out.len() - start - 1;
        codec::patch(out, start + 1, length);
        patch_count(out, start + 5, usize::from(columns));
    }

    /// Takes the row back.
    pub fn cancel(self) {
        self.out.truncate(self.start);
    }
}

/// A statement is complete.
pub fn command_complete(out: &mut BytesMut, tag: &str) {
    message(out, b'C', |out| codec::string(out, tag));
}

/// The text held no statement.
pub fn empty_query_response(out: &mut BytesMut) {
    empty(out, b'I');
}

/// The row limit of Execute was reached.
pub fn portal_suspended(out: &mut BytesMut) {
    empty(out, b's');
}

/// Parse succeeded.
pub fn parse_complete(out: &mut BytesMut) {
    empty(out, b'1');
}

/// Bind succeeded.
pub fn bind_complete(out: &mut BytesMut) {
    empty(out, b'2');
}

/// Close succeeded.
pub fn close_complete(out: &mut BytesMut) {
    empty(out, b'3');
}

#[inline]
fn empty(out: &mut BytesMut, tag: u8) {
    out.extend_from_slice(&[tag, 0, 0, 0, 4]);
}

/// Send the rows of a COPY, `columns` each, all in one format.
pub fn copy_in_response(out: &mut BytesMut, format: Format, columns: usize) {
    copy_response(out, b'G', format, columns);
}

/// The rows of a COPY follow, `columns` each, all in one format.
pub fn copy_out_response(out: &mut BytesMut, format: Format, columns: usize) {
    copy_response(out, b'H', format, columns);
}

fn copy_response(out: &mut BytesMut, tag: u8, format: Format, columns: usize) {
    message(out, tag, |out| {
        out.put_u8(u8::from(format == Format::Binary));
        codec::count(out, columns);
        (0..columns.min(usize::from(u16::MAX))).for_each(|_| codec::int16(out, format.code()));
    });
}

/// Rows of a COPY: what `write` writes.
pub fn copy_data<R>(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> R) -> R {
    let start = out.len();
    out.extend_from_slice(&[b'd', 0, 0, 0, 0]);
    let result = write(out);
    let length = out.len() - start - 1;
    codec::patch(out, start + 1, length);
    result
}

/// All rows of a COPY were sent.
pub fn copy_done(out: &mut BytesMut) {
    empty(out, b'c');
}
