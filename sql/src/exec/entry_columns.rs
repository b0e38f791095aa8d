//! Columns of a table read from the entries of an index, without the row.
//!
//! An entry carries the index's columns, the primary key and the included columns (see
//! [`entry`](super::entry)). A column in a key counts only if its type loses nothing there: `1.50`
//! and `1.5` have one encoding, so an index on a numeric finds its rows but does not answer for
//! them. An included column is stored as in the row.
//!
//! # Invariants
//!
//! 1. An entry is visible to a snapshot exactly when its row is, with the values the row then has:
//!    both are written by the same commit, and a row whose columns here change has a new entry.

use super::entry::EntryShape;
use crate::catalog::{Index, RowIdentity, Table};
use crate::error::{ExecutionError, Result};
use crate::key::{self, IndexOrder};
use crate::row::{Layout, Projection};
use crate::types::{Datum, Type};

/// Whether the entries of an index carry a table's column as it is.
pub(crate) fn entry_carries(table: &Table, index: &Index, column: usize) -> bool {
    let keyed = |index: &Index| index.columns.iter().any(|part| part.column == column);
    let in_key = keyed(index) || table.primary_key().is_some_and(keyed);
    index.include.contains(&column) || in_key && key::is_exact(table.columns[column].ty)
}

/// Reads some columns of a table from entries.
pub(super) struct EntryColumns {
    shape: EntryShape,
    /// The columns of the entry's key, up to the last that is wanted.
    key: Vec<Part>,
    /// The columns of the row's key, up to the last that is wanted.
    row_key: Vec<Part>,
    /// The included columns that are wanted, and the position of each in the result.
    included: Option<(Projection, Vec<usize>)>,
    width: usize,
}

/// One column of a key.
struct Part {
    ty: Type,
    order: IndexOrder,
    /// Position in the result; None: it is passed over.
    place: Option<usize>,
}

impl EntryColumns {
    /// `columns` are positions in the table; the index carries all of them.
    pub(super) fn new(table: &Table, index: &Index, columns: &[usize]) -> EntryColumns {
        let mut missing: Vec<Option<usize>> = columns.iter().copied().map(Some).collect();
        let key = parts(table, index, &mut missing);
        let included = index.include.iter().enumerate();
        let (from, places): (Vec<usize>, Vec<usize>) = included
            .filter_map(|(from, column)| Some((from, take(&mut missing, *column)?)))
            .unzip();
        let row_key = match &table.identity {
            RowIdentity::PrimaryKey(primary) => parts(table, primary, &mut missing),
            RowIdentity::RowId => Vec::new(),
        };
        debug_assert!(missing.iter().all(Option::is_none), "a column that is not in the entry");
        let layout = || Layout::of_types(index.include.iter().map(|at| table.columns[*at].ty));
        EntryColumns {
            shape: EntryShape::new(table, index),
            key,
            row_key,
            included: (!from.is_empty()).then(|| (Projection::new(layout(), &from), places)),
            width: columns.len(),
        }
    }

    /// Appends the columns of an entry, in the order they were asked for.
    pub(super) fn decode(&self, key: &[u8], value: &[u8], row: &mut Vec<Datum>) -> Result<()> {
        let start = row.len();
        row.resize(start + self.width, Datum::Null);
        let places = &mut row[start..];
        fill(&self.key, key, places)?;
        if !self.row_key.is_empty() {
            fill(&self.row_key, self.shape.row_key(key, value)?, places)?;
        }
        if let Some((projection, wanted)) = &self.included {
            let stored = projection.open(self.shape.included(value).ok_or_else(corrupted)?)?;
            for (position, place) in wanted.iter().enumerate() {
                places[*place] = stored.column(position)?;
            }
        }
        Ok(())
    }
}

/// The columns of an index's key, up to the last that is wanted. A column that loses something in
/// a key may still be in this one, included a second time: then it is read there.
fn parts(table: &Table, index: &Index, missing: &mut [Option<usize>]) -> Vec<Part> {
    let part = |column: &crate::catalog::IndexColumn| {
        let ty = table.columns[column.column].ty;
        let place = if key::is_exact(ty) { take(missing, column.column) } else { None };
        Part { ty, order: IndexOrder::from(column), place }
    };
    let mut parts: Vec<Part> = index.columns.iter().map(part).collect();
    while parts.last().is_some_and(|part| part.place.is_none()) {
        parts.pop();
    }
    parts
}

/// Where a column is wanted and not found yet; found from now on.
fn take(missing: &mut [Option<usize>], column: usize) -> Option<usize> {
    let place = missing.iter().position(|wanted| *wanted == Some(column))?;
    missing[place] = None;
    Some(place)
}

fn fill(parts: &[Part], mut key: &[u8], places: &mut [Datum]) -> Result<()> {
    for Part { ty, order, place } in parts {
        match place {
            Some(place) => places[*place] = key::decode(*ty, *order, &mut key)?,
            None => {
                let passed = key::skip(*ty, *order, key)?;
                key = key.get(passed..).ok_or_else(corrupted)?;
            }
        }
    }
    Ok(())
}

fn corrupted() -> crate::Error {
    ExecutionError::Corrupted { what: "an index entry" }.into()
}
