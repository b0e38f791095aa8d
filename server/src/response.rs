//! What the engine says, in the protocol's words.

use bytes::BytesMut;
use reckon_sql::error::Fields;
use reckon_sql::plan::OutputColumn;
use reckon_sql::session::{
    Flow, MESSAGE_BYTES_MAX, Notice, RowEncoding, RowSink, Severity as NoticeSeverity,
};
use reckon_sql::types::{self, Datum};
use reckon_wire::Format;
use reckon_wire::backend::{self, Field, Report, Severity, TransactionStatus};

/// Bytes waiting for the socket at which a statement is stopped until they are gone.
pub(crate) const HIGH_WATER: usize = 64 * 1024;

/// Rows on their way into the buffer of the socket.
pub(crate) struct Rows<'a> {
    pub(crate) out: &'a mut BytesMut,
    /// Whether they are the lines of a COPY.
    pub(crate) copying: bool,
}

impl Rows<'_> {
    fn flow(&mut self, before: usize) -> Flow {
        if self.out.len() < HIGH_WATER {
            return Flow::Go;
        }
        if self.out.len() > MESSAGE_BYTES_MAX {
            self.out.truncate(before);
            return Flow::TooLong;
        }
        Flow::Full
    }
}

impl RowSink for Rows<'_> {
    #[inline]
    fn row(&mut self, row: &[Datum], encoding: &RowEncoding) -> Flow {
        let before = self.out.len();
        let mut data_row = backend::data_row(self.out);
        for (column, value) in row.iter().enumerate() {
            match value {
                Datum::Null => data_row.null(),
                value if data_row.buffered() <= MESSAGE_BYTES_MAX => {
                    data_row.write(|out| encoding.write(column, value, out));
                }
                _ => break,
            }
        }
        data_row.end();
        self.flow(before)
    }

    fn start_copy_out(&mut self, columns: usize) {
        self.copying = true;
        backend::copy_out_response(self.out, Format::Text, columns);
    }

    fn copy_out(&mut self, bytes: &[u8]) -> Flow {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Flow::TooLong;
        }
        let before = self.out.len();
        backend::copy_data(self.out, |out| out.extend_from_slice(bytes));
        self.flow(before)
    }
}

/// RowDescription. `formats` as in Bind: none is all text, one is for all.
pub(crate) fn row_description(out: &mut BytesMut, columns: &[OutputColumn], formats: &[i16]) {
    let fields = columns.iter().enumerate().map(|(index, column)| {
        let code = match formats {
            [one] => *one,
            many => many.get(index).copied().unwrap_or_default(),
        };
        let (table, number) = column.origin.map_or((0, 0), |(table, number)| (table.0, number));
        Field {
            name: &column.name,
            table,
            column: number,
            data_type: column.ty.oid.0,
            type_size: types::catalog::by_oid(column.ty.oid).map_or(-1, |entry| entry.length),
            type_modifier: column.ty.modifier,
            format: Format::from_code(code).unwrap_or_default(),
        }
    });
    backend::row_description(out, fields);
}

/// The status in ReadyForQuery.
pub(crate) fn ready(out: &mut BytesMut, status: u8) {
    let status = match status {
        b'T' => TransactionStatus::InBlock,
        b'E' => TransactionStatus::Failed,
        _ => TransactionStatus::Idle,
    };
    backend::ready_for_query(out, status);
}

/// An error of the engine.
pub(crate) fn error(out: &mut BytesMut, severity: Severity, error: &reckon_sql::Error) {
    let (message, fields) = (error.to_string(), error.fields());
    let sqlstate = error.sqlstate();
    let mut report = Report::new(severity, sqlstate.as_str(), &message);
    report.position = error.position().unwrap_or_default();
    write(out, report, &fields);
}

/// A notice.
pub(crate) fn notice(out: &mut BytesMut, notice: &Notice) {
    let severity = match notice.severity {
        NoticeSeverity::Log => Severity::Log,
        NoticeSeverity::Notice => Severity::Notice,
        NoticeSeverity::Warning => Severity::Warning,
        NoticeSeverity::Info => Severity::Info,
    };
    write(out, Report::new(severity, notice.sqlstate.as_str(), &notice.message), &notice.fields);
}

fn write(out: &mut BytesMut, report: Report<'_>, fields: &Fields) {
    let text = |field: &'_ Option<String>| field.clone().unwrap_or_default();
    let (detail, hint, context) = (text(&fields.detail), text(&fields.hint), text(&fields.context));
    let (schema, table, column) = (text(&fields.schema), text(&fields.table), text(&fields.column));
    let (data_type, constraint) = (text(&fields.data_type), text(&fields.constraint));
    let report = Report {
        detail: &detail,
        hint: &hint,
        context: &context,
        schema: &schema,
        table: &table,
        column: &column,
        data_type: &data_type,
        constraint: &constraint,
        ..report
    };
    backend::report(out, &report);
}

/// A broken message.
pub(crate) fn violation(out: &mut BytesMut, severity: Severity, error: &reckon_wire::Error) {
    let (message, detail) = (error.to_string(), error.detail().unwrap_or_default());
    let report = Report::new(severity, error.sqlstate(), &message);
    backend::report(out, &Report { detail: &detail, ..report });
}
