//! Filling a new keyspace from a table's rows: an index, or the table itself under a new key.

use std::ops::ControlFlow;

use reckon_mvcc::{Counters, Direction, KeyRange, KeyspaceId, StorageError};

use super::Edit;
use crate::catalog::{Index, Table};
use crate::error::{ConstraintError, Error, Result};
use crate::exec::{EntryShape, KeyShape, key_text};
use crate::row::Layout;
use crate::types::{Datum, Formats};

/// How many rows are read under one pin.
const BATCH: usize = 512;

/// Takes the key, the stored form and all columns of a row.
type RowVisitor<'v> = dyn FnMut(&[u8], &[u8], &[Datum]) -> Result<()> + 'v;

impl Edit<'_> {
    /// Visits every row of a table, newest state, own changes included: its key, its stored form
    /// and all columns.
    pub(super) fn each_row(&self, table: &Table, row: &mut RowVisitor<'_>) -> Result<()> {
        let layout = Layout::new(&table.columns);
        let columns: Vec<usize> = (0..table.columns.len()).collect();
        let mut cursor = self.transaction.cursor(table.keyspace, KeyRange::ALL, Direction::Forward);
        let mut counters = Counters::default();
        let mut batch: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut values = Vec::new();
        loop {
            self.interrupt.check()?;
            batch.clear();
            let more = cursor.visit(
                self.transaction,
                &self.snapshot,
                BATCH,
                &mut counters,
                |key, value| {
                    batch.push((key.to_vec(), value.to_vec()));
                    ControlFlow::Continue(())
                },
            )?;
            for (key, value) in &batch {
                values.clear();
                layout.decode(value, &columns, &mut values)?;
                row(key, value, &values)?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Fills the keyspace of a new index.
    ///
    /// # Errors
    ///
    /// 23505 when it is unique and the rows are not.
    pub(super) fn fill_index(&mut self, table: &Table, index: &Index) -> Result<()> {
        let shape = EntryShape::new(table, index);
        let mut load = self.transaction.load(index.keyspace)?;
        self.each_row(table, &mut |row_key, _, values| {
            let (mut key, mut value) = (Vec::new(), Vec::new());
            shape.append_key(values, row_key, &mut key)?;
            shape.append_value(values, row_key, &mut value)?;
            Ok(load.add(&key, &value)?)
        })?;
        self.finish(load, table, index)
    }

    /// Copies a table's rows into `keyspace` under the keys of its new identity.
    ///
    /// # Errors
    ///
    /// 23505 when two rows have one key.
    pub(super) fn fill_table(&mut self, from: &Table, to: &Table) -> Result<()> {
        let shape = KeyShape::new(to);
        let mut load = self.transaction.load(to.keyspace)?;
        let mut number = 0u64;
        self.each_row(from, &mut |_, row, values| {
            let mut key = Vec::new();
            match &shape {
                Some(shape) => shape.append(values, &mut key)?,
                None => {
                    number += 1;
                    key.extend_from_slice(&number.to_be_bytes());
                }
            }
            Ok(load.add(&key, row)?)
        })?;
        match to.primary_key() {
            Some(index) => self.finish(load, to, index),
            None => Ok(load.finish().map(drop)?),
        }
    }

    fn finish(&self, load: reckon_mvcc::Load, table: &Table, index: &Index) -> Result<()> {
        match load.finish() {
            Ok(_) => Ok(()),
            Err(reckon_mvcc::Error::Storage(StorageError::DuplicateKey { key })) => {
                let (columns, values) = key_text(table, index, &key, &Formats::default())?;
                Err(Error::from(ConstraintError::Duplicated {
                    schema: table.schema_name.clone(),
                    table: table.name.clone(),
                    constraint: index.name.clone(),
                    columns,
                    values,
                }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A keyspace that goes when the transaction rolls back.
    pub(super) fn new_keyspace(&mut self) -> Result<KeyspaceId> {
        Ok(self.transaction.create_keyspace()?)
    }
}
