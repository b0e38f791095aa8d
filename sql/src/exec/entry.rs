//! Keys of rows and entries of indexes, as they are stored.
//!
//! # Format
//!
//! A row's key is its primary key, column by column in the order of the index, or its row id:
//! eight bytes, big-endian.
//!
//! | index | key of the entry | value of the entry |
//! |---|---|---|
//! | not unique | columns, row's key | included columns as a row; nothing without |
//! | unique | columns | length of the row's key (u32, big-endian), row's key, included columns as a row |
//! | unique, a column NULL | columns, row's key | the same |
//!
//! # Invariants
//!
//! 1. A unique index has at most one entry for columns that are all not NULL, because they are the
//!    whole key.
//! 2. An entry is a function of its row and the row's key alone, so the entry of a row that
//!    changes can be computed instead of searched for.

use crate::catalog::{Column, Index, RowIdentity, Table};
use crate::error::{ExecutionError, Result};
use crate::key::{self, IndexOrder};
use crate::row::Layout;
use crate::types::{Datum, Type};

/// How the entries of one index are made and read.
#[derive(Clone)]
pub struct EntryShape {
    /// Position in the table, type and order of each key column.
    columns: Vec<(usize, Type, IndexOrder)>,
    include: Vec<usize>,
    include_layout: Option<Layout>,
    unique: bool,
}

/// The primary key of a row, in the order of its index.
#[derive(Clone)]
pub struct KeyShape {
    columns: Vec<(usize, Type, IndexOrder)>,
}

impl KeyShape {
    /// The shape of a table's keys; None when they are row ids.
    pub fn new(table: &Table) -> Option<KeyShape> {
        match &table.identity {
            RowIdentity::PrimaryKey(index) => Some(KeyShape { columns: key_columns(table, index) }),
            RowIdentity::RowId => None,
        }
    }

    /// Appends the key of a row, given all of its columns.
    pub fn append(&self, row: &[Datum], bytes: &mut Vec<u8>) -> Result<()> {
        append_columns(&self.columns, row, bytes).map(|_| ())
    }

    /// Positions in the table of the columns of the key.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|(column, ..)| *column)
    }
}

impl EntryShape {
    /// The shape of a secondary index's entries.
    pub fn new(table: &Table, index: &Index) -> EntryShape {
        let included = index.include.iter().map(|column| table.columns[*column].clone());
        let included = included.collect::<Vec<Column>>();
        EntryShape {
            columns: key_columns(table, index),
            include: index.include.clone(),
            include_layout: (!included.is_empty()).then(|| Layout::new(&included)),
            unique: index.unique,
        }
    }

    /// Appends the key of the entry of a row, given all of its columns. Says whether the entry's
    /// key must be the only one: the index is unique and no column is NULL.
    pub fn append_key(&self, row: &[Datum], row_key: &[u8], bytes: &mut Vec<u8>) -> Result<bool> {
        let null = append_columns(&self.columns, row, bytes)?;
        let only = self.unique && !null;
        if !only {
            bytes.extend_from_slice(row_key);
        }
        Ok(only)
    }

    /// Appends the value of the entry.
    pub fn append_value(&self, row: &[Datum], row_key: &[u8], bytes: &mut Vec<u8>) -> Result<()> {
        if self.unique {
            let length = u32::try_from(row_key.len());
            let length = length.map_err(|_| ExecutionError::Internal { what: "a key of 4 GB" })?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(row_key);
        }
        if let Some(layout) = &self.include_layout {
            let included = self.include.iter().map(|column| row[*column].clone());
            layout.encode(&included.collect::<Vec<_>>(), bytes)?;
        }
        Ok(())
    }

    /// The key of the row that a stored entry leads to.
    pub fn row_key<'e>(&self, key: &'e [u8], value: &'e [u8]) -> Result<&'e [u8]> {
        let row_key = if self.unique { unique_row_key(value) } else { self.behind_columns(key) };
        row_key.ok_or_else(|| ExecutionError::Corrupted { what: "an index entry" }.into())
    }

    /// The included columns, as a row, in the value of a stored entry.
    pub(super) fn included<'e>(&self, value: &'e [u8]) -> Option<&'e [u8]> {
        if !self.unique {
            return Some(value);
        }
        let (length, rest) = value.split_first_chunk::<4>()?;
        rest.get(u32::from_be_bytes(*length) as usize..)
    }

    /// Positions in the table of every column that the entry is made of.
    pub fn uses(&self, column: usize) -> bool {
        self.columns.iter().any(|(used, ..)| *used == column) || self.include.contains(&column)
    }

    /// Whether the column is part of the entry's key.
    pub fn is_key(&self, column: usize) -> bool {
        self.columns.iter().any(|(used, ..)| *used == column)
    }

    /// Whether two rows may not share the entry's key.
    pub fn is_unique(&self) -> bool {
        self.unique
    }

    fn behind_columns<'e>(&self, key: &'e [u8]) -> Option<&'e [u8]> {
        self.columns
            .iter()
            .try_fold(key, |rest, (_, ty, order)| rest.get(key::skip(*ty, *order, rest).ok()?..))
    }
}

/// The row's key in the value of a unique entry.
pub(super) fn unique_row_key(value: &[u8]) -> Option<&[u8]> {
    let (length, rest) = value.split_first_chunk::<4>()?;
    rest.get(..u32::from_be_bytes(*length) as usize)
}

/// Decodes the values of an index's key columns from a stored key.
pub(super) fn key_values(table: &Table, index: &Index, key: &[u8]) -> Result<Vec<Datum>> {
    let mut rest = key;
    let mut values = Vec::with_capacity(index.columns.len());
    for (_, ty, order) in key_columns(table, index) {
        values.push(key::decode(ty, order, &mut rest)?);
    }
    Ok(values)
}

fn key_columns(table: &Table, index: &Index) -> Vec<(usize, Type, IndexOrder)> {
    let columns = index.columns.iter();
    let columns = columns
        .map(|column| (column.column, table.columns[column.column].ty, IndexOrder::from(column)));
    columns.collect()
}

/// Appends the columns; whether one is NULL.
fn append_columns(
    columns: &[(usize, Type, IndexOrder)],
    row: &[Datum],
    bytes: &mut Vec<u8>,
) -> Result<bool> {
    let mut null = false;
    for (column, ty, order) in columns {
        null |= row[*column].is_null();
        key::append(&row[*column], *ty, *order, bytes)?;
    }
    Ok(null)
}
