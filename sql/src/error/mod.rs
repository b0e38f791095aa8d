//! What can go wrong, in PostgreSQL's words.
//!
//! An [`Error`] is a cause with a place in the statement. Causes come in families, one file
//! each; every family decides its SQLSTATEs in one exhaustive match, so that a new cause does not
//! compile until its code has been looked up.

mod constraint;
mod copying;
mod data;
mod definition;
mod execution;
mod name;
mod query;
mod setting;
mod snapshot;
mod sqlstate;
mod statement;
mod syntax;
mod transaction;
mod typing;

use std::fmt;

pub use constraint::ConstraintError;
pub use copying::CopyError;
pub use data::{DataError, MathProblem};
pub use definition::DefinitionError;
pub use execution::ExecutionError;
pub use name::NameError;
pub use query::QueryError;
pub use setting::SettingError;
pub use snapshot::SnapshotError;
pub use sqlstate::SqlState;
pub use statement::StatementError;
pub use syntax::SyntaxError;
pub use transaction::TransactionError;
pub use typing::TypeError;

/// The result of anything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error a client sees.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    cause: Cause,
    position: Option<u32>,
    context: Option<String>,
}

/// The cause of an [`Error`].
#[derive(Debug)]
pub enum Cause {
    /// The text is not a statement, or not one that is supported.
    Syntax(SyntaxError),
    /// A name means nothing, too much, or something of the wrong kind.
    Name(NameError),
    /// A query says something it may not.
    Query(QueryError),
    /// Types do not go together.
    Typing(TypeError),
    /// Types and values: no such operator, bad text, out of range.
    Data(DataError),
    /// A row breaks a constraint.
    Constraint(ConstraintError),
    /// A definition cannot be made, changed or dropped.
    Definition(DefinitionError),
    /// COPY data that is not what the statement expects.
    Copy(CopyError),
    /// A plan cannot go on.
    Execution(ExecutionError),
    /// A setting that is not there, or cannot have the value.
    Setting(SettingError),
    /// The statement cannot run in this session now.
    Statement(StatementError),
    /// The snapshot that was asked for cannot be had.
    Snapshot(SnapshotError),
    /// The transaction is not in a state for the statement.
    Transaction(TransactionError),
    /// Transactions and storage.
    Mvcc(reckon_mvcc::Error),
}

/// The optional fields of an ErrorResponse.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fields {
    /// DETAIL
    pub detail: Option<String>,
    /// HINT
    pub hint: Option<String>,
    /// SCHEMA NAME
    pub schema: Option<String>,
    /// TABLE NAME
    pub table: Option<String>,
    /// COLUMN NAME
    pub column: Option<String>,
    /// DATATYPE NAME
    pub data_type: Option<String>,
    /// CONSTRAINT NAME
    pub constraint: Option<String>,
    /// CONTEXT
    pub context: Option<String>,
}

impl Error {
    /// What went wrong.
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match &self.0.cause {
            Cause::Syntax(e) => e.sqlstate(),
            Cause::Name(e) => e.sqlstate(),
            Cause::Query(e) => e.sqlstate(),
            Cause::Typing(e) => e.sqlstate(),
            Cause::Data(e) => e.sqlstate(),
            Cause::Constraint(e) => e.sqlstate(),
            Cause::Definition(e) => e.sqlstate(),
            Cause::Copy(e) => e.sqlstate(),
            Cause::Execution(e) => e.sqlstate(),
            Cause::Setting(e) => e.sqlstate(),
            Cause::Statement(e) => e.sqlstate(),
            Cause::Snapshot(e) => e.sqlstate(),
            Cause::Transaction(e) => e.sqlstate(),
            Cause::Mvcc(e) => transaction::mvcc_sqlstate(e),
        }
    }

    /// DETAIL, HINT and the names of the objects concerned.
    pub fn fields(&self) -> Fields {
        let fields = match &self.0.cause {
            Cause::Syntax(e) => e.fields(),
            Cause::Name(e) => e.fields(),
            Cause::Query(e) => e.fields(),
            Cause::Typing(e) => e.fields(),
            Cause::Data(e) => e.fields(),
            Cause::Constraint(e) => e.fields(),
            Cause::Definition(e) => e.fields(),
            Cause::Copy(e) => e.fields(),
            Cause::Execution(e) => e.fields(),
            Cause::Setting(e) => e.fields(),
            Cause::Statement(e) => e.fields(),
            Cause::Snapshot(e) => e.fields(),
            Cause::Transaction(e) => e.fields(),
            Cause::Mvcc(e) => transaction::mvcc_fields(e),
        };
        Fields { context: self.0.context.clone().or(fields.context), ..fields }
    }

    /// The 1-based character position in the statement's text, when there is one.
    pub fn position(&self) -> Option<u32> {
        self.0.position
    }

    /// Says what was being done, unless that is known already.
    pub fn in_context(mut self, context: String) -> Error {
        self.0.context.get_or_insert(context);
        self
    }

    /// Whether a READ COMMITTED statement is to start again with a new snapshot
    /// ([`ExecutionError::RowMoved`]).
    pub fn wants_new_snapshot(&self) -> bool {
        matches!(self.0.cause, Cause::Execution(ExecutionError::RowMoved))
    }

    /// The same error without a place: that of a text the client has not sent.
    pub fn without_position(mut self) -> Error {
        self.0.position = None;
        self
    }

    /// Puts the error at a place, unless it has one already.
    pub fn at(mut self, position: Option<u32>) -> Error {
        self.0.position = self.0.position.or(position);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.cause {
            Cause::Syntax(e) => e.fmt(f),
            Cause::Name(e) => e.fmt(f),
            Cause::Query(e) => e.fmt(f),
            Cause::Typing(e) => e.fmt(f),
            Cause::Data(e) => e.fmt(f),
            Cause::Constraint(e) => e.fmt(f),
            Cause::Definition(e) => e.fmt(f),
            Cause::Copy(e) => e.fmt(f),
            Cause::Execution(e) => e.fmt(f),
            Cause::Setting(e) => e.fmt(f),
            Cause::Statement(e) => e.fmt(f),
            Cause::Snapshot(e) => e.fmt(f),
            Cause::Transaction(e) => e.fmt(f),
            Cause::Mvcc(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

macro_rules! causes {
    ($($variant:ident($type:ty)),* $(,)?) => {
        $(impl From<$type> for Error {
            fn from(cause: $type) -> Error {
                Error(Box::new(Inner { cause: Cause::$variant(cause), position: None, context: None }))
            }
        })*
    };
}

causes! {
    Syntax(SyntaxError), Name(NameError), Query(QueryError), Typing(TypeError), Data(DataError),
    Constraint(ConstraintError), Definition(DefinitionError), Copy(CopyError),
    Execution(ExecutionError), Setting(SettingError), Statement(StatementError),
    Snapshot(SnapshotError), Transaction(TransactionError), Mvcc(reckon_mvcc::Error),
}
