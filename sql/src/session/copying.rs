//! COPY FROM STDIN and COPY TO STDOUT.
//!
//! Data comes in pieces of any size; every whole line becomes a row at once, so a COPY of any
//! length needs memory for one line and for what the transaction has written.

use std::sync::Arc;

use bytes::BytesMut;

use super::Session;
use super::portal::{
    Flow, MESSAGE_BYTES_MAX, PlanRun, Portal, Progress, RowEncoding, RowSink, Run,
};
use super::prepared::Prepared;
use crate::catalog::Table;
use crate::copy::{CopyFormat, CopyOptions, Decoder, Encoder, Fields, Header};
use crate::error::{
    Cause, ConstraintError, CopyError, DefinitionError, Error, ExecutionError, Result, SyntaxError,
    TransactionError,
};
use crate::exec::TableWriter;
use crate::expr::Compiled;
use crate::parser::{self, Copy, CopyEndpoint, CopyRelation, Name};
use crate::types::{self, Datum};

/// COPY FROM in the middle of its data.
pub(super) struct CopyIn {
    table: Arc<Table>,
    options: CopyOptions,
    decoder: Decoder,
    fields: Fields,
    /// Positions in the table of the fields of a line.
    columns: Vec<usize>,
    /// Defaults of the columns that lines do not have.
    defaults: Vec<(usize, Compiled)>,
    writer: TableWriter,
    snapshot: reckon_mvcc::Snapshot,
    row: Vec<Datum>,
    rows: u64,
    /// Whether the next line is the header.
    header: bool,
    commits_at_end: bool,
}

/// COPY TO in the middle of its rows.
pub(super) struct CopyOut {
    run: Box<PlanRun>,
    encoder: Encoder,
    columns: Vec<String>,
    header: bool,
    started: bool,
}

impl Session {
    /// How many columns each line has.
    pub(super) fn copy_columns(&mut self, copy: &Copy) -> Result<usize> {
        match &copy.relation {
            CopyRelation::Table { name, columns } => {
                let catalog = self.definitions()?;
                self.surroundings.set_catalog(&catalog);
                let table = self.surroundings.table(name)?;
                Ok(positions(&table, columns)?.len())
            }
            CopyRelation::Query(statement) => {
                let prepared = Prepared::new(Some(Clone::clone(statement)));
                let planning = self.planning(&prepared)?;
                let columns = planning.as_ref().and_then(|p| p.planned.columns.as_ref());
                Ok(columns.map_or(0, Vec::len))
            }
        }
    }

    pub(super) fn start_copy(
        &mut self,
        copy: &Copy,
        portal: &mut Portal,
    ) -> Result<Option<Progress>> {
        match &copy.endpoint {
            CopyEndpoint::Client => {}
            CopyEndpoint::File(_) => {
                return Err(SyntaxError::unsupported("COPY with a file of the server").into());
            }
            CopyEndpoint::Program(_) => {
                return Err(SyntaxError::unsupported("COPY with a program of the server").into());
            }
        }
        let options = CopyOptions::new(&copy.options, copy.from)?;
        match (&copy.relation, copy.from) {
            (CopyRelation::Table { name, columns }, true) => {
                let columns = self.start_copy_in(name, columns, options)?;
                portal.run = Run::Done(None);
                Ok(Some(Progress::CopyIn { columns }))
            }
            (CopyRelation::Query(_), true) => {
                Err(ExecutionError::Internal { what: "COPY FROM of a query" }.into())
            }
            (relation, false) => {
                let run = self.start_copy_out(relation, options)?;
                portal.run = Run::CopyOut(Box::new(run));
                Ok(None)
            }
        }
    }

    fn start_copy_in(
        &mut self,
        name: &Name,
        columns: &[String],
        options: CopyOptions,
    ) -> Result<usize> {
        let wait = self.lock_wait();
        let database = self.definition.oid;
        let (table, snapshot) = loop {
            let catalog = self.definitions()?;
            self.surroundings.set_catalog(&catalog);
            let table = self.surroundings.table(name)?;
            let open = self.open_transaction()?;
            if open.transaction.is_read_only() {
                return Err(TransactionError::ReadOnlyTransaction { command: "COPY FROM" }.into());
            }
            let lock = super::table_lock(database, table.oid);
            open.transaction.lock_table(lock, reckon_mvcc::TableLock::RowExclusive, wait)?;
            let snapshot = open.transaction.snapshot();
            open.has_queried = true;
            if Arc::ptr_eq(&self.definitions_at(&snapshot)?, &catalog) {
                let locked = [(table.oid, reckon_mvcc::TableLock::RowExclusive)];
                self.check_not_redefined(&snapshot, &catalog, &locked)?;
                break (table, snapshot);
            }
        };
        let columns = positions(&table, columns)?;
        if options.freeze {
            self.check_freeze(&table)?;
        }
        let defaults = self.column_defaults(&table, &columns)?;
        let commits_at_end = std::mem::take(&mut self.commits_at_end);
        let count = columns.len();
        self.copy_in = Some(CopyIn {
            writer: TableWriter::new(&table),
            row: vec![Datum::Null; table.columns.len()],
            decoder: Decoder::new(options.clone()),
            header: options.header != Header::No,
            fields: Fields::default(),
            table,
            options,
            columns,
            defaults,
            snapshot,
            rows: 0,
            commits_at_end,
        });
        Ok(count)
    }

    /// FREEZE is for a table made or truncated in the same subtransaction, as in PostgreSQL.
    fn check_freeze(&mut self, table: &Table) -> Result<()> {
        let open = self.open_transaction()?;
        if open.transaction.created_here(table.keyspace) {
            return Ok(());
        }
        Err(CopyError::FreezeOfOlderTable.into())
    }

    /// CopyData from the client.
    ///
    /// # Errors
    ///
    /// 22P04 and whatever a row gives, with its line.
    pub fn copy_data(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(mut copy) = self.copy_in.take() else {
            // After an error the rest of the data is thrown away.
            return Ok(());
        };
        copy.decoder.push(bytes);
        let result = self.take_lines(&mut copy, false);
        self.copy_in = Some(copy);
        self.settle(result)
    }

    /// CopyDone from the client.
    ///
    /// # Errors
    ///
    /// As of [`Session::copy_data`], and what committing may give.
    pub fn copy_done(&mut self) -> Result<Progress> {
        let result = self.finish_copy();
        self.settle(result)
    }

    fn finish_copy(&mut self) -> Result<Progress> {
        let Some(mut copy) = self.copy_in.take() else {
            return Err(CopyError::NotCopying.into());
        };
        self.take_lines(&mut copy, true)?;
        let finished = copy.writer.finish(&mut self.context(copy.snapshot, &[])?);
        finished.map_err(|error| in_line(error, &copy))?;
        self.end_command();
        if copy.commits_at_end {
            self.end_implicit()?;
        }
        Ok(Progress::Complete(format!("COPY {}", copy.rows).into()))
    }

    /// CopyFail from the client: the error to report.
    pub fn copy_fail(&mut self, reason: &str) -> Error {
        self.copy_in = None;
        self.fail();
        CopyError::Failed { reason: reason.to_owned() }.into()
    }

    fn take_lines(&mut self, copy: &mut CopyIn, last: bool) -> Result<()> {
        let mut fields = std::mem::take(&mut copy.fields);
        loop {
            let next = copy.decoder.next(last, &mut fields);
            if next.map_err(|error| in_line(error, copy))?.is_none() {
                break;
            }
            let result = match std::mem::take(&mut copy.header) {
                true => check_header(copy, &fields),
                false => self.take_line(copy, &fields),
            };
            result.map_err(|error| in_line(error, copy))?;
        }
        copy.fields = fields;
        Ok(())
    }

    fn take_line(&mut self, copy: &mut CopyIn, fields: &Fields) -> Result<()> {
        if fields.len() > copy.columns.len() {
            return Err(CopyError::ExtraData.into());
        }
        let formats = &self.surroundings.settings.effective().formats;
        for (index, &position) in copy.columns.iter().enumerate() {
            let column = &copy.table.columns[position];
            if index >= fields.len() {
                let column = column.name.clone();
                return Err(CopyError::MissingData { column }.into());
            }
            let field = field(&copy.options, fields, index, &column.name);
            copy.row[position] = match field {
                None => Datum::Null,
                Some(bytes) => types::utf8(bytes)
                    .and_then(|text| types::input(text, column.ty, formats))
                    .map_err(|error| {
                        let line = copy.decoder.line_number();
                        in_column(error, &copy.table, line, &column.name, bytes)
                    })?,
            };
        }
        let parameters = [];
        let mut cx = self.context(copy.snapshot, &parameters)?;
        for (position, default) in &mut copy.defaults {
            copy.row[*position] = default.eval(&[], &mut cx)?;
        }
        copy.writer.insert(&copy.row, &mut cx)?;
        copy.rows += 1;
        cx.check()
    }

    fn start_copy_out(&mut self, relation: &CopyRelation, options: CopyOptions) -> Result<CopyOut> {
        let statement = match relation {
            CopyRelation::Query(statement) => Clone::clone(statement),
            CopyRelation::Table { name, columns } => {
                let catalog = self.definitions()?;
                self.surroundings.set_catalog(&catalog);
                let table = self.surroundings.table(name)?;
                select_of(&table, &positions(&table, columns)?)?
            }
        };
        let prepared = Prepared::new(Some(*statement));
        let run = self.start_plan(&prepared, None, &[], &[])?;
        let columns = run.planning.planned.columns.as_ref();
        let columns = columns.ok_or(CopyError::WithoutRows)?;
        let columns: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let header = options.header != Header::No;
        let encoder = Encoder::new(options, &columns);
        Ok(CopyOut { run, encoder, columns, header, started: false })
    }

    pub(super) fn run_copy_out(
        &mut self,
        copy: &mut CopyOut,
        sink: &mut dyn RowSink,
    ) -> Result<Progress> {
        if !std::mem::replace(&mut copy.started, true) {
            sink.start_copy_out(copy.columns.len());
        }
        if std::mem::take(&mut copy.header) {
            let mut line = Vec::new();
            copy.encoder.header(&copy.columns, &mut line);
            sink.copy_out(&line);
        }
        let mut lines =
            Lines { encoder: &copy.encoder, sink, field: BytesMut::new(), line: Vec::new() };
        match self.run_plan(&mut copy.run, &[], 0, &mut lines)? {
            Progress::Complete(_) => {
                Ok(Progress::Complete(format!("COPY {}", copy.run.sent).into()))
            }
            other => Ok(other),
        }
    }
}

/// Turns rows into CopyData.
struct Lines<'a> {
    encoder: &'a Encoder,
    sink: &'a mut dyn RowSink,
    field: BytesMut,
    line: Vec<u8>,
}

impl RowSink for Lines<'_> {
    fn row(&mut self, row: &[Datum], encoding: &RowEncoding) -> Flow {
        self.field.clear();
        self.line.clear();
        let mut ends = Vec::with_capacity(row.len());
        for (column, value) in row.iter().enumerate() {
            if !value.is_null() {
                encoding.write(column, value, &mut self.field);
            }
            if self.field.len() > MESSAGE_BYTES_MAX {
                return Flow::TooLong;
            }
            ends.push((!value.is_null()).then_some(self.field.len()));
        }
        let mut start = 0;
        let fields = ends.into_iter().map(|end| {
            let end = end?;
            Some(&self.field[std::mem::replace(&mut start, end)..end])
        });
        self.encoder.line(fields, &mut self.line);
        self.sink.copy_out(&self.line)
    }

    fn copy_out(&mut self, bytes: &[u8]) -> Flow {
        self.sink.copy_out(bytes)
    }
}

/// One field of a line, with FORCE_NULL and FORCE_NOT_NULL applied.
fn field<'f>(
    options: &CopyOptions,
    fields: &'f Fields,
    index: usize,
    column: &str,
) -> Option<&'f [u8]> {
    let field = fields.field(index);
    if options.format != CopyFormat::Csv {
        return field;
    }
    match field {
        None if options.force_not_null.has(column) => fields.raw(index),
        Some(bytes)
            if fields.is_quoted(index)
                && bytes == options.null.as_bytes()
                && options.force_null.has(column) =>
        {
            None
        }
        field => field,
    }
}

/// Positions in the table of the columns named; all that are not dropped when none are.
fn positions(table: &Table, columns: &[String]) -> Result<Vec<usize>> {
    if columns.is_empty() {
        let live = |position: &usize| !table.columns[*position].dropped;
        return Ok((0..table.columns.len()).filter(live).collect());
    }
    let mut positions = Vec::with_capacity(columns.len());
    for column in columns {
        let position = table.column(column).ok_or_else(|| DefinitionError::UndefinedColumn {
            table: table.name.clone(),
            column: column.clone(),
        })?;
        if positions.contains(&position) {
            return Err(DefinitionError::DuplicateColumn { column: column.clone() }.into());
        }
        positions.push(position);
    }
    Ok(positions)
}

/// `SELECT columns FROM table`.
fn select_of(table: &Table, columns: &[usize]) -> Result<Box<parser::Statement>> {
    let quote = parser::quote_identifier;
    let names = columns.iter().map(|column| quote(&table.columns[*column].name).into_owned());
    let names = names.collect::<Vec<_>>().join(", ");
    let (schema, name) = (quote(&table.schema_name), quote(&table.name));
    let mut parsed = parser::parse(&format!("SELECT {names} FROM {schema}.{name}"))?;
    let statement = parsed.pop();
    let missing = ExecutionError::Internal { what: "COPY made no statement" };
    Ok(Box::new(statement.ok_or(missing)?))
}

/// HEADER MATCH: the first line must be the names of the columns.
fn check_header(copy: &CopyIn, fields: &Fields) -> Result<()> {
    if copy.options.header != Header::Match {
        return Ok(());
    }
    if fields.len() != copy.columns.len() {
        let (found, wanted) = (fields.len(), copy.columns.len());
        return Err(CopyError::HeaderWidth { found, wanted }.into());
    }
    for (index, position) in copy.columns.iter().enumerate() {
        let wanted = &copy.table.columns[*position].name;
        if fields.field(index) != Some(wanted.as_bytes()) {
            let found = fields.field(index).unwrap_or_default();
            let found = String::from_utf8_lossy(found).into_owned();
            let (field, wanted) = (index + 1, wanted.clone());
            return Err(CopyError::HeaderName { field, found, wanted }.into());
        }
    }
    Ok(())
}

/// The line, and what it says: unless it is about other rows too, which a duplicate is.
fn in_line(error: Error, copy: &CopyIn) -> Error {
    let place = format!("COPY {}, line {}", copy.table.name, copy.decoder.line_number());
    let duplicate = matches!(
        error.cause(),
        Cause::Constraint(ConstraintError::Duplicated { .. } | ConstraintError::Unique { .. })
    );
    match copy.decoder.line_text() {
        Some(text) if !duplicate => error.in_context(format!("{place}: \"{}\"", shown(text))),
        _ => error.in_context(place),
    }
}

fn in_column(error: Error, table: &Table, line: u64, column: &str, field: &[u8]) -> Error {
    let table = &table.name;
    error.in_context(format!("COPY {table}, line {line}, column {column}: \"{}\"", shown(field)))
}

/// As in PostgreSQL, at most a hundred bytes.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let shown = &text[..text.floor_char_boundary(100)];
    let dots = if shown.len() < text.len() { "..." } else { "" };
    format!("{shown}{dots}")
}
