//! The statement cannot run in this session now; and how errors of transactions read.

use std::fmt;

use super::{Fields, SqlState};

/// The statement cannot run in this session now.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum StatementError {
    /// Anything but ROLLBACK after an error inside a block.
    InFailedTransaction,
    /// Execute of a prepared statement that is not there.
    UndefinedPreparedStatement { name: String },
    /// A second prepared statement of one name.
    DuplicatePreparedStatement { name: String },
    /// Execute or Describe of a portal that is not there.
    UndefinedPortal { name: String },
}

impl StatementError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::InFailedTransaction => SqlState::IN_FAILED_SQL_TRANSACTION,
            Self::UndefinedPreparedStatement { .. } => SqlState::INVALID_SQL_STATEMENT_NAME,
            Self::DuplicatePreparedStatement { .. } => SqlState::DUPLICATE_PREPARED_STATEMENT,
            Self::UndefinedPortal { .. } => SqlState::INVALID_CURSOR_NAME,
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        Fields::default()
    }
}

impl fmt::Display for StatementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFailedTransaction => f.write_str(
                "current transaction is aborted, commands ignored until end of transaction block",
            ),
            Self::UndefinedPreparedStatement { name } if name.is_empty() => {
                f.write_str("unnamed prepared statement does not exist")
            }
            Self::UndefinedPreparedStatement { name } => {
                write!(f, "prepared statement \"{name}\" does not exist")
            }
            Self::DuplicatePreparedStatement { name } => {
                write!(f, "prepared statement \"{name}\" already exists")
            }
            Self::UndefinedPortal { name } => write!(f, "portal \"{name}\" does not exist"),
        }
    }
}

/// The code of an error from below.
pub(super) fn mvcc_sqlstate(_error: &reckon_mvcc::Error) -> SqlState {
    SqlState::INTERNAL_ERROR
}

/// DETAIL and HINT of an error from below.
pub(super) fn mvcc_fields(_error: &reckon_mvcc::Error) -> Fields {
    Fields::default()
}

/// The message of an error from below.
pub(super) fn mvcc_message(
    error: &reckon_mvcc::Error,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    error.fmt(f)
}
