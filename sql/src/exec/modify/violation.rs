//! The words of a broken constraint.

use crate::catalog::{Index, Table};
use crate::error::{ConstraintError, Result};
use crate::exec::entry;
use crate::types::{self, Datum, Formats, Type};

/// Longest form of a value in the text of a failing row, in bytes.
const VALUE_BYTES_MAX: usize = 64;

/// NULL in a NOT NULL column of a complete row.
pub(super) fn not_null(
    table: &Table,
    column: usize,
    row: &[Datum],
    formats: &Formats,
) -> ConstraintError {
    let columns = table.columns.iter().zip(row).filter(|(column, _)| !column.dropped);
    let values = columns.map(|(column, value)| clipped(text(value, column.ty, formats)));
    ConstraintError::NotNull {
        schema: table.schema_name.clone(),
        table: table.name.clone(),
        column: table.columns[column].name.clone(),
        row: values.collect::<Vec<_>>().join(", "),
    }
}

/// A second row with the key of a unique index.
pub(super) fn unique(
    table: &Table,
    index: &Index,
    row: &[Datum],
    formats: &Formats,
) -> ConstraintError {
    let values = index.columns.iter().map(|column| row[column.column].clone()).collect::<Vec<_>>();
    ConstraintError::Unique {
        schema: table.schema_name.clone(),
        table: table.name.clone(),
        constraint: index.name.clone(),
        columns: column_names(table, index),
        values: value_texts(table, index, &values, formats),
    }
}

/// Two rows with one key in a unique index, given that key.
pub(super) fn unique_key(
    table: &Table,
    index: &Index,
    key: &[u8],
    formats: &Formats,
) -> Result<ConstraintError> {
    let (columns, values) = key_text(table, index, key, formats)?;
    Ok(ConstraintError::Unique {
        schema: table.schema_name.clone(),
        table: table.name.clone(),
        constraint: index.name.clone(),
        columns,
        values,
    })
}

/// The columns of an index and, from `key`, their values, as DETAIL prints them. `key` is the key of
/// an entry or, for a primary key, of a row.
pub fn key_text(
    table: &Table,
    index: &Index,
    key: &[u8],
    formats: &Formats,
) -> Result<(String, String)> {
    let values = entry::key_values(table, index, key)?;
    Ok((column_names(table, index), value_texts(table, index, &values, formats)))
}

fn column_names(table: &Table, index: &Index) -> String {
    let names = index.columns.iter().map(|column| quoted(&table.columns[column.column].name));
    names.collect::<Vec<_>>().join(", ")
}

fn value_texts(table: &Table, index: &Index, values: &[Datum], formats: &Formats) -> String {
    let columns = index.columns.iter().zip(values);
    let values =
        columns.map(|(column, value)| text(value, table.columns[column.column].ty, formats));
    values.collect::<Vec<_>>().join(", ")
}

fn text(value: &Datum, ty: Type, formats: &Formats) -> String {
    if value.is_null() {
        return "null".to_owned();
    }
    types::to_text(value, ty, formats)
}

/// At most [`VALUE_BYTES_MAX`] bytes of whole characters, and then an ellipsis.
fn clipped(mut text: String) -> String {
    if text.len() > VALUE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(VALUE_BYTES_MAX));
        text.push_str("...");
    }
    text
}

/// The name as it would have to be written in SQL.
fn quoted(name: &str) -> String {
    let plain = |(place, byte): (usize, u8)| match byte {
        b'a'..=b'z' | b'_' => true,
        b'0'..=b'9' => place > 0,
        _ => false,
    };
    if !name.is_empty() && name.bytes().enumerate().all(plain) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_clipped_at_a_character() {
        assert_eq!(clipped("x".repeat(64)), "x".repeat(64));
        assert_eq!(clipped("x".repeat(65)), format!("{}...", "x".repeat(64)));
        assert_eq!(clipped(format!("{}é", "x".repeat(63))), format!("{}...", "x".repeat(63)));
    }

    #[test]
    fn names_are_quoted_where_sql_needs_it() {
        assert_eq!(quoted("id"), "id");
        assert_eq!(quoted("Id"), "\"Id\"");
        assert_eq!(quoted("1a"), "\"1a\"");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
