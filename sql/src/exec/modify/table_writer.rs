//! Inserting many rows into one table, by the write set or in bulk.
//!
//! Rows go through the write set, unless the table's keyspaces were created in this very
//! subtransaction: nobody else can reach those, so from a certain number on the rows are loaded
//! straight into the store, without locks, log or write set, and their keys are compared when the
//! load is finished. Fewer rows than that are not worth the files a load makes.
//!
//! # Invariants
//!
//! 1. Once a load is open every row of the statement goes there, those that waited first.
//! 2. After [`TableWriter::finish`] every row is written; before, none that waits or is loaded is.

use std::sync::Arc;

use reckon_mvcc::{Load, StorageError};

use super::{RowWriter, violation};
use crate::catalog::{Index, Table};
use crate::error::{Error, Result};
use crate::exec::Context;
use crate::exec::entry::{EntryShape, KeyShape};
use crate::exec::row_id::Counter;
use crate::row::Layout;
use crate::types::Datum;

/// Rows that wait before a load is worth it.
const WAITING_ROWS: usize = 4096;

/// Writes the rows of one statement.
pub struct TableWriter {
    rows: RowWriter,
    mode: Mode,
}

enum Mode {
    /// No row has come yet.
    Undecided,
    /// Row by row into the write set.
    Rows,
    /// A load is possible, and not worth it yet.
    Waiting(Vec<Vec<Datum>>),
    Loading(Box<TableLoad>),
}

/// A load of a table with its indexes.
struct TableLoad {
    table: Arc<Table>,
    layout: Layout,
    key: Option<KeyShape>,
    row_ids: Arc<Counter>,
    rows: Load,
    entries: Vec<(EntryShape, Load)>,
    row_key: Vec<u8>,
    bytes: (Vec<u8>, Vec<u8>),
}

impl TableWriter {
    /// A writer of rows of `table`.
    pub fn new(table: &Arc<Table>) -> TableWriter {
        TableWriter { rows: RowWriter::new(table), mode: Mode::Undecided }
    }

    /// The writer of single rows.
    pub(super) fn rows(&mut self) -> &mut RowWriter {
        &mut self.rows
    }

    /// Forgets an unfinished statement.
    pub fn reset(&mut self) {
        self.mode = Mode::Undecided;
    }

    /// Inserts a row, given all of its columns.
    pub fn insert(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<()> {
        if matches!(self.mode, Mode::Undecided) {
            let loadable = cx.transaction()?.created_here(self.rows.table.keyspace);
            self.mode = if loadable { Mode::Waiting(Vec::new()) } else { Mode::Rows };
        }
        match &mut self.mode {
            Mode::Undecided | Mode::Rows => self.rows.insert(row, cx),
            Mode::Waiting(waiting) => {
                self.rows.check(row, cx)?;
                waiting.push(row.to_vec());
                if waiting.len() < WAITING_ROWS { Ok(()) } else { self.start_load(cx) }
            }
            Mode::Loading(load) => {
                self.rows.check(row, cx)?;
                load.add(row, cx)
            }
        }
    }

    /// Writes what waits and finishes a load.
    pub fn finish(&mut self, cx: &mut Context<'_>) -> Result<()> {
        match std::mem::replace(&mut self.mode, Mode::Undecided) {
            Mode::Undecided | Mode::Rows => Ok(()),
            Mode::Waiting(waiting) => waiting.iter().try_for_each(|row| self.rows.insert(row, cx)),
            Mode::Loading(load) => load.finish(cx),
        }
    }

    fn start_load(&mut self, cx: &mut Context<'_>) -> Result<()> {
        let Mode::Waiting(waiting) = std::mem::replace(&mut self.mode, Mode::Rows) else {
            return Ok(());
        };
        match TableLoad::open(&self.rows.table, cx)? {
            Some(mut load) => {
                waiting.iter().try_for_each(|row| load.add(row, cx))?;
                self.mode = Mode::Loading(Box::new(load));
                Ok(())
            }
            None => waiting.iter().try_for_each(|row| self.rows.insert(row, cx)),
        }
    }
}

impl TableLoad {
    /// None when one of the keyspaces holds something already.
    fn open(table: &Arc<Table>, cx: &mut Context<'_>) -> Result<Option<TableLoad>> {
        let transaction = cx.transaction()?;
        let mut loads = Vec::new();
        for keyspace in table.keyspaces() {
            match transaction.load(keyspace) {
                Ok(load) => loads.push(load),
                Err(
                    reckon_mvcc::Error::NotLoadable { .. }
                    | reckon_mvcc::Error::Storage(StorageError::NotEmpty { .. }),
                ) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        let rows = loads.remove(0);
        let shapes = table.indexes.iter().map(|index| EntryShape::new(table, index));
        Ok(Some(TableLoad {
            layout: Layout::new(&table.columns),
            key: KeyShape::new(table),
            row_ids: cx.row_ids.counter(table.keyspace),
            rows,
            entries: shapes.zip(loads).collect(),
            table: Arc::clone(table),
            row_key: Vec::new(),
            bytes: (Vec::new(), Vec::new()),
        }))
    }

    fn add(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<()> {
        self.row_key.clear();
        match &self.key {
            Some(shape) => shape.append(row, &mut self.row_key)?,
            None => {
                let snapshot = cx.snapshot;
                let transaction = cx.transaction()?;
                let row_id = self.row_ids.allocate(self.table.keyspace, transaction, &snapshot)?;
                self.row_key.extend_from_slice(&row_id.to_key());
            }
        }
        let (key, value) = &mut self.bytes;
        value.clear();
        self.layout.encode(row, value)?;
        self.rows.add(&self.row_key, value)?;
        for (shape, load) in &mut self.entries {
            key.clear();
            value.clear();
            shape.append_key(row, &self.row_key, key)?;
            shape.append_value(row, &self.row_key, value)?;
            load.add(key, value)?;
        }
        Ok(())
    }

    fn finish(self, cx: &Context<'_>) -> Result<()> {
        let TableLoad { table, rows, entries, .. } = self;
        finish(rows, &table, table.primary_key(), cx)?;
        for (index, (_, load)) in table.indexes.iter().zip(entries) {
            finish(load, &table, Some(index), cx)?;
        }
        Ok(())
    }
}

/// Finishes one load; two rows of one key break the index's constraint.
fn finish(load: Load, table: &Table, index: Option<&Index>, cx: &Context<'_>) -> Result<()> {
    match (load.finish(), index) {
        (Ok(_), _) => Ok(()),
        (Err(reckon_mvcc::Error::Storage(StorageError::DuplicateKey { key })), Some(index)) => {
            let formats = cx.environment.formats();
            Err(Error::from(violation::unique_key(table, index, &key, formats)?))
        }
        (Err(error), _) => Err(error.into()),
    }
}
