//! A name means nothing, too much, or something of the wrong kind.

use std::fmt;

use super::{Fields, SqlState};

/// A name means nothing, too much, or something of the wrong kind.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum NameError {
    /// No such relation; `name` as written, with its schema when it had one.
    UndefinedTable { name: String },
    /// No such column, `table` when it was qualified.
    UndefinedColumn { table: Option<String>, column: String },
    /// CREATE of a relation that is there.
    DuplicateTable { name: String },
    /// No such database.
    UndefinedDatabase { name: String },
    /// No such role.
    UndefinedRole { name: String },
}

impl NameError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::UndefinedTable { .. } => SqlState::UNDEFINED_TABLE,
            Self::UndefinedColumn { .. } => SqlState::UNDEFINED_COLUMN,
            Self::DuplicateTable { .. } => SqlState::DUPLICATE_TABLE,
            Self::UndefinedDatabase { .. } => SqlState::INVALID_CATALOG_NAME,
            Self::UndefinedRole { .. } => SqlState::UNDEFINED_OBJECT,
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        Fields::default()
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UndefinedTable { name } => write!(f, "relation \"{name}\" does not exist"),
            Self::UndefinedColumn { table: Some(table), column } => {
                write!(f, "column {table}.{column} does not exist")
            }
            Self::UndefinedColumn { table: None, column } => {
                write!(f, "column \"{column}\" does not exist")
            }
            Self::DuplicateTable { name } => write!(f, "relation \"{name}\" already exists"),
            Self::UndefinedDatabase { name } => write!(f, "database \"{name}\" does not exist"),
            Self::UndefinedRole { name } => write!(f, "role \"{name}\" does not exist"),
        }
    }
}
