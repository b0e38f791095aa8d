//! A row breaks a constraint.

use std::fmt;

use super::{Fields, SqlState};

/// A row breaks a constraint.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum ConstraintError {
    /// NULL in a NOT NULL column; `row` is the failing row in text form.
    NotNull { schema: String, table: String, column: String, row: String },
    /// NULLs in a column that is to be NOT NULL.
    ContainsNull { schema: String, table: String, column: String },
    /// A second row with the key; `columns` and `values` as in PostgreSQL's DETAIL.
    Unique { schema: String, table: String, constraint: String, columns: String, values: String },
    /// A unique index cannot be built over the rows that are there.
    Duplicated {
        schema: String,
        table: String,
        constraint: String,
        columns: String,
        values: String,
    },
}

impl ConstraintError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::NotNull { .. } | Self::ContainsNull { .. } => SqlState::NOT_NULL_VIOLATION,
            Self::Unique { .. } | Self::Duplicated { .. } => SqlState::UNIQUE_VIOLATION,
        }
    }

    /// DETAIL and the objects concerned.
    pub fn fields(&self) -> Fields {
        match self.clone() {
            Self::NotNull { schema, table, column, row } => Fields {
                detail: Some(format!("Failing row contains ({row}).")),
                schema: Some(schema),
                table: Some(table),
                column: Some(column),
                ..Fields::default()
            },
            Self::ContainsNull { schema, table, column } => Fields {
                schema: Some(schema),
                table: Some(table),
                column: Some(column),
                ..Fields::default()
            },
            Self::Unique { schema, table, constraint, columns, values } => Fields {
                detail: Some(format!("Key ({columns})=({values}) already exists.")),
                schema: Some(schema),
                table: Some(table),
                constraint: Some(constraint),
                ..Fields::default()
            },
            Self::Duplicated { schema, table, constraint, columns, values } => Fields {
                detail: Some(format!("Key ({columns})=({values}) is duplicated.")),
                schema: Some(schema),
                table: Some(table),
                constraint: Some(constraint),
                ..Fields::default()
            },
        }
    }
}

impl fmt::Display for ConstraintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNull { table, column, .. } => write!(
                f,
                "null value in column \"{column}\" of relation \"{table}\" violates not-null \
                 constraint"
            ),
            Self::ContainsNull { table, column, .. } => {
                write!(f, "column \"{column}\" of relation \"{table}\" contains null values")
            }
            Self::Unique { constraint, .. } => {
                write!(f, "duplicate key value violates unique constraint \"{constraint}\"")
            }
            Self::Duplicated { constraint, .. } => {
                write!(f, "could not create unique index \"{constraint}\"")
            }
        }
    }
}
