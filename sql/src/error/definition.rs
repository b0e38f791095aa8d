//! A definition cannot be made, changed or dropped.

use std::fmt;

use super::{Fields, SqlState};

/// A definition cannot be made, changed or dropped.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum DefinitionError {
    /// No such schema.
    UndefinedSchema { name: String },
    /// The relation is no table.
    NotATable { name: String },
    /// DROP TABLE of an index.
    DropOfIndexAsTable { name: String },
    /// DROP TABLE of a relation that is always there.
    SystemCatalog { name: String },
    /// The relation is no index.
    NotAnIndex { name: String },
    /// DROP TABLE of nothing.
    UndefinedTable { name: String },
    /// DROP INDEX of nothing.
    UndefinedIndex { name: String },
    /// One column twice.
    DuplicateColumn { column: String },
    /// One column twice in a list of a table's columns.
    ColumnTwice { column: String, table: String },
    /// One column twice in a key; `what` is the constraint's kind.
    KeyColumnTwice { column: String, what: &'static str },
    /// A key over a column that is not there.
    UndefinedKeyColumn { column: String },
    /// A column of a table that is not there.
    UndefinedColumn { table: String, column: String },
    /// CREATE DATABASE of a database that is there.
    DuplicateDatabase { name: String },
    /// No such template.
    UndefinedTemplate { name: String },
    /// No such storage parameter.
    UnknownParameter { parameter: String },
    /// One storage parameter twice.
    ParameterTwice { parameter: String },
    /// A fill factor out of its range.
    FillFactorRange { value: String },
    /// A storage parameter that is no number.
    InvalidParameter { parameter: String, value: String },
    /// Too many columns in a key.
    TooManyKeyColumns { most: usize },
    /// Too many columns in a table.
    TooManyColumns { most: usize },
    /// A second primary key.
    SeveralPrimaryKeys { table: String },
    /// A column with the name of a system column.
    SystemColumn { column: String },
    /// ON COMMIT of a table that stays.
    OnCommitWithoutTemporary,
    /// DEFAULT twice.
    SeveralDefaults { table: String, column: String },
    /// COLLATE twice.
    SeveralCollations,
    /// COLLATE of a type without collations.
    NoCollation { type_name: String },
    /// NULL and NOT NULL.
    ConflictingNull { table: String, column: String },
    /// CREATE in pg_catalog.
    CatalogIsFixed { name: String },
    /// An empty search path.
    NoCreationSchema,
    /// DROP INDEX of a constraint's index.
    IndexOfConstraint { index: String, constraint: String, table: String },
    /// DROP DATABASE of one's own.
    DropOfCurrentDatabase,
    /// DROP DATABASE of a template.
    DropOfTemplate,
    /// DROP DATABASE with sessions in it.
    DatabaseInUse { name: String, others: usize },
    /// DROP DATABASE where there are prepared transactions.
    DatabasePrepared { name: String, prepared: usize },
}

impl DefinitionError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::UndefinedSchema { .. } | Self::NoCreationSchema => SqlState::INVALID_SCHEMA_NAME,
            Self::NotATable { .. }
            | Self::DropOfIndexAsTable { .. }
            | Self::NotAnIndex { .. }
            | Self::DropOfTemplate => SqlState::WRONG_OBJECT_TYPE,
            Self::UndefinedTable { .. } => SqlState::UNDEFINED_TABLE,
            Self::UndefinedIndex { .. } => SqlState::UNDEFINED_OBJECT,
            Self::DuplicateColumn { .. }
            | Self::ColumnTwice { .. }
            | Self::SystemColumn { .. }
            | Self::KeyColumnTwice { .. } => SqlState::DUPLICATE_COLUMN,
            Self::UndefinedKeyColumn { .. } | Self::UndefinedColumn { .. } => {
                SqlState::UNDEFINED_COLUMN
            }
            Self::DuplicateDatabase { .. } => SqlState::DUPLICATE_DATABASE,
            Self::UndefinedTemplate { .. } => SqlState::INVALID_CATALOG_NAME,
            Self::UnknownParameter { .. }
            | Self::ParameterTwice { .. }
            | Self::FillFactorRange { .. }
            | Self::InvalidParameter { .. } => SqlState::INVALID_PARAMETER_VALUE,
            Self::TooManyKeyColumns { .. } | Self::TooManyColumns { .. } => {
                SqlState::TOO_MANY_COLUMNS
            }
            Self::SeveralPrimaryKeys { .. } | Self::OnCommitWithoutTemporary => {
                SqlState::INVALID_TABLE_DEFINITION
            }
            Self::ConflictingNull { .. }
            | Self::SeveralDefaults { .. }
            | Self::SeveralCollations => SqlState::SYNTAX_ERROR,
            Self::NoCollation { .. } => SqlState::DATATYPE_MISMATCH,
            Self::CatalogIsFixed { .. } | Self::SystemCatalog { .. } => {
                SqlState::INSUFFICIENT_PRIVILEGE
            }
            Self::IndexOfConstraint { .. } => SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            Self::DropOfCurrentDatabase
            | Self::DatabaseInUse { .. }
            | Self::DatabasePrepared { .. } => SqlState::OBJECT_IN_USE,
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        match self {
            Self::DropOfIndexAsTable { .. } => Fields {
                hint: Some("Use DROP INDEX to remove an index.".to_owned()),
                ..Fields::default()
            },
            Self::NotAnIndex { .. } => Fields {
                hint: Some("Use DROP TABLE to remove a table.".to_owned()),
                ..Fields::default()
            },
            Self::FillFactorRange { .. } => Fields {
                detail: Some("Valid values are between \"10\" and \"100\".".to_owned()),
                ..Fields::default()
            },
            Self::CatalogIsFixed { .. } => Fields {
                detail: Some("System catalog modifications are currently disallowed.".to_owned()),
                ..Fields::default()
            },
            Self::IndexOfConstraint { constraint, table, .. } => Fields {
                hint: Some(format!(
                    "You can drop constraint {constraint} on table {table} instead."
                )),
                ..Fields::default()
            },
            Self::DatabaseInUse { others, .. } => Fields {
                detail: Some(match others {
                    1 => "There is 1 other session using the database.".to_owned(),
                    others => format!("There are {others} other sessions using the database."),
                }),
                ..Fields::default()
            },
            Self::DatabasePrepared { prepared, .. } => Fields {
                detail: Some(match prepared {
                    1 => "There is 1 prepared transaction using the database.".to_owned(),
                    more => format!("There are {more} prepared transactions using the database."),
                }),
                ..Fields::default()
            },
            _ => Fields::default(),
        }
    }
}

impl fmt::Display for DefinitionError {
    #[expect(clippy::too_many_lines, reason = "one line a message")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UndefinedSchema { name } => write!(f, "schema \"{name}\" does not exist"),
            Self::SystemCatalog { name } => {
                write!(f, "permission denied: \"{name}\" is a system catalog")
            }
            Self::NotATable { name } | Self::DropOfIndexAsTable { name } => {
                write!(f, "\"{name}\" is not a table")
            }
            Self::NotAnIndex { name } => write!(f, "\"{name}\" is not an index"),
            Self::UndefinedTable { name } => write!(f, "table \"{name}\" does not exist"),
            Self::UndefinedIndex { name } => write!(f, "index \"{name}\" does not exist"),
            Self::DuplicateColumn { column } => {
                write!(f, "column \"{column}\" specified more than once")
            }
            Self::ColumnTwice { column, table } => {
                write!(f, "column \"{column}\" of relation \"{table}\" appears more than once")
            }
            Self::KeyColumnTwice { column, what } => {
                write!(f, "column \"{column}\" appears twice in {what} constraint")
            }
            Self::UndefinedKeyColumn { column } => {
                write!(f, "column \"{column}\" named in key does not exist")
            }
            Self::UndefinedColumn { table, column } => {
                write!(f, "column \"{column}\" of relation \"{table}\" does not exist")
            }
            Self::DuplicateDatabase { name } => write!(f, "database \"{name}\" already exists"),
            Self::UndefinedTemplate { name } => {
                write!(f, "template database \"{name}\" does not exist")
            }
            Self::UnknownParameter { parameter } => {
                write!(f, "unrecognized parameter \"{parameter}\"")
            }
            Self::FillFactorRange { value } => {
                write!(f, "value {value} out of bounds for option \"fillfactor\"")
            }
            Self::InvalidParameter { parameter, value } => {
                write!(f, "invalid value for integer option \"{parameter}\": {value}")
            }
            Self::TooManyKeyColumns { most } => {
                write!(f, "cannot use more than {most} columns in an index")
            }
            Self::TooManyColumns { most } => write!(f, "tables can have at most {most} columns"),
            Self::SeveralPrimaryKeys { table } => {
                write!(f, "multiple primary keys for table \"{table}\" are not allowed")
            }
            Self::SeveralDefaults { table, column } => write!(
                f,
                "multiple default values specified for column \"{column}\" of table \"{table}\""
            ),
            Self::ParameterTwice { parameter } => {
                write!(f, "parameter \"{parameter}\" specified more than once")
            }
            Self::SystemColumn { column } => {
                write!(f, "column name \"{column}\" conflicts with a system column name")
            }
            Self::OnCommitWithoutTemporary => {
                f.write_str("ON COMMIT can only be used on temporary tables")
            }
            Self::SeveralCollations => f.write_str("multiple COLLATE clauses not allowed"),
            Self::NoCollation { type_name } => {
                write!(f, "collations are not supported by type {type_name}")
            }
            Self::ConflictingNull { table, column } => write!(
                f,
                "conflicting NULL/NOT NULL declarations for column \"{column}\" of table \"{table}\""
            ),
            Self::CatalogIsFixed { name } => write!(f, "permission denied to create \"{name}\""),
            Self::NoCreationSchema => f.write_str("no schema has been selected to create in"),
            Self::IndexOfConstraint { index, constraint, table } => write!(
                f,
                "cannot drop index {index} because constraint {constraint} on table {table} requires it"
            ),
            Self::DropOfCurrentDatabase => f.write_str("cannot drop the currently open database"),
            Self::DropOfTemplate => f.write_str("cannot drop a template database"),
            Self::DatabaseInUse { name, .. } | Self::DatabasePrepared { name, .. } => {
                write!(f, "database \"{name}\" is being accessed by other users")
            }
        }
    }
}
