//! A name means nothing, too much, or something of the wrong kind.

use std::fmt;

use super::{Fields, SqlState};

/// A name means nothing, too much, or something of the wrong kind.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum NameError {
    /// No such relation; `name` as written, with its schema when it had one.
    UndefinedTable { name: String },
    /// No such column, `table` when it was qualified; `hint` names one that is close.
    UndefinedColumn { table: Option<String>, column: String, hint: Option<String> },
    /// No such column of the table INSERT, UPDATE or DDL names.
    UndefinedTargetColumn { table: String, column: String },
    /// A USING column that one side does not have; `side` is left or right.
    UndefinedUsingColumn { column: String, side: &'static str },
    /// A qualified name whose table is not in FROM.
    MissingFromEntry { table: String },
    /// A table that is in FROM but out of reach; `hint` says why.
    InvalidFromEntry { table: String, hint: String },
    /// A LATERAL reference to the left side of a RIGHT or FULL JOIN.
    LateralJoin { table: String },
    /// FOR UPDATE OF of a table that is not in FROM.
    LockedTableNotInFrom { table: String, clause: &'static str },
    /// A column name that two FROM items have.
    AmbiguousColumn { column: String },
    /// An output name that stands for two columns.
    AmbiguousOutput { clause: &'static str, column: String },
    /// A USING column that one side has twice.
    AmbiguousUsingColumn { column: String, side: &'static str },
    /// Two FROM items of one name.
    DuplicateAlias { table: String },
    /// One column named twice in a list.
    DuplicateColumn { column: String },
    /// One column twice in USING.
    DuplicateUsingColumn { column: String },
    /// Two WITH queries of one name.
    DuplicateWith { name: String },
    /// CREATE of a relation that is there.
    DuplicateTable { name: String },
    /// No such schema.
    UndefinedSchema { name: String },
    /// No such database.
    UndefinedDatabase { name: String },
    /// No such role.
    UndefinedRole { name: String },
    /// No such type.
    UndefinedType { name: String },
    /// No such constraint of a table.
    UndefinedConstraint { table: String, constraint: String },
    /// No such collation.
    UndefinedCollation { name: String },
    /// COLLATE of a type that is no text.
    NoCollation { type_name: String },
    /// No parameter of this number.
    UndefinedParameter { number: String },
    /// No function of this name takes these arguments; `signature` is `name(types)`.
    UndefinedFunction { signature: String },
    /// Several functions would do.
    AmbiguousFunction { signature: String },
    /// No operator takes these operands; `signature` is `left op right` or `op right`.
    UndefinedOperator { signature: String, unary: bool },
    /// Several operators would do.
    AmbiguousOperator { signature: String },
    /// A type without equality or order; `what` is equality or ordering.
    NoComparison { what: &'static str, type_name: String },
    /// An index where a table is meant.
    IsIndex { name: String },
    /// A relation that INSERT, UPDATE and DELETE cannot change.
    NotWritable { name: String },
    /// An aggregate called as count() or with what only aggregates take.
    WrongFunctionKind { message: String },
}

impl NameError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::UndefinedTable { .. }
            | Self::MissingFromEntry { .. }
            | Self::InvalidFromEntry { .. }
            | Self::LockedTableNotInFrom { .. } => SqlState::UNDEFINED_TABLE,
            Self::UndefinedColumn { .. }
            | Self::UndefinedTargetColumn { .. }
            | Self::UndefinedUsingColumn { .. } => SqlState::UNDEFINED_COLUMN,
            Self::AmbiguousColumn { .. }
            | Self::AmbiguousOutput { .. }
            | Self::AmbiguousUsingColumn { .. } => SqlState::AMBIGUOUS_COLUMN,
            Self::LateralJoin { .. } => SqlState::INVALID_COLUMN_REFERENCE,
            Self::DuplicateAlias { .. } | Self::DuplicateWith { .. } => SqlState::DUPLICATE_ALIAS,
            Self::DuplicateColumn { .. } | Self::DuplicateUsingColumn { .. } => {
                SqlState::DUPLICATE_COLUMN
            }
            Self::DuplicateTable { .. } => SqlState::DUPLICATE_TABLE,
            Self::UndefinedSchema { .. } => SqlState::INVALID_SCHEMA_NAME,
            Self::UndefinedDatabase { .. } => SqlState::INVALID_CATALOG_NAME,
            Self::UndefinedRole { .. }
            | Self::UndefinedType { .. }
            | Self::UndefinedConstraint { .. }
            | Self::UndefinedCollation { .. } => SqlState::UNDEFINED_OBJECT,
            Self::NoCollation { .. } => SqlState::DATATYPE_MISMATCH,
            Self::UndefinedParameter { .. } => SqlState::UNDEFINED_PARAMETER,
            Self::UndefinedFunction { .. }
            | Self::UndefinedOperator { .. }
            | Self::NoComparison { .. } => SqlState::UNDEFINED_FUNCTION,
            Self::AmbiguousFunction { .. } | Self::AmbiguousOperator { .. } => {
                SqlState::AMBIGUOUS_FUNCTION
            }
            Self::IsIndex { .. } | Self::NotWritable { .. } | Self::WrongFunctionKind { .. } => {
                SqlState::WRONG_OBJECT_TYPE
            }
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        let (detail, hint) = match self {
            Self::UndefinedColumn { hint, .. } => (None, hint.clone()),
            Self::InvalidFromEntry { hint, .. } => (None, Some(hint.clone())),
            Self::LateralJoin { .. } => (Some("The combining JOIN type must be INNER or LEFT for a LATERAL reference.".to_owned()), None),
            Self::UndefinedFunction { .. } => (None, Some("No function matches the given name and argument types. You might need to add explicit type casts.".to_owned())),
            Self::AmbiguousFunction { .. } => (None, Some("Could not choose a best candidate function. You might need to add explicit type casts.".to_owned())),
            Self::UndefinedOperator { unary, .. } => (None, Some(if *unary { "No operator matches the given name and argument type. You might need to add an explicit type cast." } else { "No operator matches the given name and argument types. You might need to add explicit type casts." }.to_owned())),
            Self::AmbiguousOperator { .. } => (None, Some("Could not choose a best candidate operator. You might need to add explicit type casts.".to_owned())),
            Self::NoComparison { what, .. } => (None, (*what == "ordering").then(|| "Use an explicit ordering operator or modify the query.".to_owned())),
            _ => (None, None),
        };
        Fields { detail, hint, ..Fields::default() }
    }
}

impl fmt::Display for NameError {
    #[expect(clippy::too_many_lines, reason = "one line a message")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UndefinedTable { name } => write!(f, "relation \"{name}\" does not exist"),
            Self::UndefinedColumn { table, column, .. } => match table {
                Some(table) => write!(f, "column {table}.{column} does not exist"),
                None => write!(f, "column \"{column}\" does not exist"),
            },
            Self::UndefinedTargetColumn { table, column } => {
                write!(f, "column \"{column}\" of relation \"{table}\" does not exist")
            }
            Self::UndefinedUsingColumn { column, side } => write!(
                f,
                "column \"{column}\" specified in USING clause does not exist in {side} table"
            ),
            Self::MissingFromEntry { table } => {
                write!(f, "missing FROM-clause entry for table \"{table}\"")
            }
            Self::InvalidFromEntry { table, .. } | Self::LateralJoin { table } => {
                write!(f, "invalid reference to FROM-clause entry for table \"{table}\"")
            }
            Self::LockedTableNotInFrom { table, clause } => {
                write!(f, "relation \"{table}\" in {clause} clause not found in FROM clause")
            }
            Self::AmbiguousColumn { column } => {
                write!(f, "column reference \"{column}\" is ambiguous")
            }
            Self::AmbiguousOutput { clause, column } => {
                write!(f, "{clause} \"{column}\" is ambiguous")
            }
            Self::AmbiguousUsingColumn { column, side } => {
                write!(f, "common column name \"{column}\" appears more than once in {side} table")
            }
            Self::DuplicateAlias { table } => {
                write!(f, "table name \"{table}\" specified more than once")
            }
            Self::DuplicateColumn { column } => {
                write!(f, "column \"{column}\" specified more than once")
            }
            Self::DuplicateUsingColumn { column } => {
                write!(f, "column name \"{column}\" appears more than once in USING clause")
            }
            Self::DuplicateWith { name } => {
                write!(f, "WITH query name \"{name}\" specified more than once")
            }
            Self::DuplicateTable { name } => write!(f, "relation \"{name}\" already exists"),
            Self::UndefinedSchema { name } => write!(f, "schema \"{name}\" does not exist"),
            Self::UndefinedDatabase { name } => write!(f, "database \"{name}\" does not exist"),
            Self::UndefinedRole { name } => write!(f, "role \"{name}\" does not exist"),
            Self::UndefinedType { name } => write!(f, "type \"{name}\" does not exist"),
            Self::UndefinedConstraint { table, constraint } => {
                write!(f, "constraint \"{constraint}\" for table \"{table}\" does not exist")
            }
            Self::UndefinedCollation { name } => {
                write!(f, "collation \"{name}\" for encoding \"UTF8\" does not exist")
            }
            Self::NoCollation { type_name } => {
                write!(f, "collations are not supported by type {type_name}")
            }
            Self::UndefinedParameter { number } => write!(f, "there is no parameter ${number}"),
            Self::UndefinedFunction { signature } => {
                write!(f, "function {signature} does not exist")
            }
            Self::AmbiguousFunction { signature } => {
                write!(f, "function {signature} is not unique")
            }
            Self::UndefinedOperator { signature, .. } => {
                write!(f, "operator does not exist: {signature}")
            }
            Self::AmbiguousOperator { signature } => {
                write!(f, "operator is not unique: {signature}")
            }
            Self::NoComparison { what, type_name } => {
                write!(f, "could not identify an {what} operator for type {type_name}")
            }
            Self::IsIndex { name } => write!(f, "\"{name}\" is an index"),
            Self::NotWritable { name } => write!(f, "cannot change relation \"{name}\""),
            Self::WrongFunctionKind { message } => write!(f, "{message}"),
        }
    }
}
