//! The transaction is not in a state for the statement; and how errors of transactions read.

use std::fmt;

use reckon_mvcc::{Error as Below, NotSerializable, PrepareProblem, Reason, StorageError};

use super::{Fields, SqlState};

/// The transaction is not in a state for the statement.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum TransactionError {
    /// Anything but ROLLBACK after an error inside a block.
    InFailedTransaction,
    /// SET TRANSACTION ISOLATION LEVEL behind a query.
    IsolationTooLate,
    /// SET TRANSACTION ISOLATION LEVEL behind a savepoint.
    IsolationInSubtransaction,
    /// SET TRANSACTION DEFERRABLE behind a query.
    DeferrableTooLate,
    /// SET TRANSACTION DEFERRABLE behind a savepoint.
    DeferrableInSubtransaction,
    /// SET TRANSACTION READ WRITE behind a query.
    ReadWriteTooLate,
    /// SET TRANSACTION READ WRITE behind a savepoint, in a READ ONLY transaction.
    ReadWriteInSubtransaction,
    /// No such savepoint.
    UndefinedSavepoint { name: String },
    /// A command for blocks, outside one.
    NotInBlock { command: &'static str },
    /// A command that must not be in a block, in one.
    InBlock { command: &'static str },
    /// The same behind other commands of a pipeline.
    InPipeline { command: &'static str },
    /// A writing statement in a READ ONLY transaction.
    ReadOnlyTransaction { command: &'static str },
    /// PREPARE TRANSACTION after LISTEN, UNLISTEN or NOTIFY.
    PreparedMail,
    /// COMMIT PREPARED or ROLLBACK PREPARED by somebody else.
    NotItsOwner,
    /// COMMIT PREPARED or ROLLBACK PREPARED in another database.
    PreparedElsewhere,
}

impl TransactionError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::InFailedTransaction => SqlState::IN_FAILED_SQL_TRANSACTION,
            Self::IsolationTooLate
            | Self::IsolationInSubtransaction
            | Self::DeferrableTooLate
            | Self::DeferrableInSubtransaction
            | Self::ReadWriteTooLate
            | Self::ReadWriteInSubtransaction
            | Self::InBlock { .. }
            | Self::InPipeline { .. } => SqlState::ACTIVE_SQL_TRANSACTION,
            Self::UndefinedSavepoint { .. } => SqlState::INVALID_SAVEPOINT_SPECIFICATION,
            Self::NotInBlock { .. } => SqlState::NO_ACTIVE_SQL_TRANSACTION,
            Self::ReadOnlyTransaction { .. } => SqlState::READ_ONLY_SQL_TRANSACTION,
            Self::PreparedMail | Self::PreparedElsewhere => SqlState::FEATURE_NOT_SUPPORTED,
            Self::NotItsOwner => SqlState::INSUFFICIENT_PRIVILEGE,
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        let hint = match self {
            Self::NotItsOwner => "Must be superuser or the user that prepared the transaction.",
            Self::PreparedElsewhere => {
                "Connect to the database where the transaction was prepared to finish it."
            }
            _ => return Fields::default(),
        };
        Fields { hint: Some(hint.to_owned()), ..Fields::default() }
    }
}

impl fmt::Display for TransactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFailedTransaction => f.write_str(
                "current transaction is aborted, commands ignored until end of transaction block",
            ),
            Self::IsolationTooLate => {
                f.write_str("SET TRANSACTION ISOLATION LEVEL must be called before any query")
            }
            Self::IsolationInSubtransaction => f.write_str(
                "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction",
            ),
            Self::DeferrableTooLate => {
                f.write_str("SET TRANSACTION [NOT] DEFERRABLE must be called before any query")
            }
            Self::ReadWriteTooLate => {
                f.write_str("transaction read-write mode must be set before any query")
            }
            Self::DeferrableInSubtransaction => f.write_str(
                "SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction",
            ),
            Self::ReadWriteInSubtransaction => {
                f.write_str("cannot set transaction read-write mode inside a read-only transaction")
            }
            Self::UndefinedSavepoint { name } => write!(f, "savepoint \"{name}\" does not exist"),
            Self::NotInBlock { command } => {
                write!(f, "{command} can only be used in transaction blocks")
            }
            Self::InBlock { command } => {
                write!(f, "{command} cannot run inside a transaction block")
            }
            Self::InPipeline { command } => {
                write!(f, "{command} cannot be executed within a pipeline")
            }
            Self::ReadOnlyTransaction { command } => {
                write!(f, "cannot execute {command} in a read-only transaction")
            }
            Self::PreparedMail => f.write_str(
                "cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY",
            ),
            Self::NotItsOwner => f.write_str("permission denied to finish prepared transaction"),
            Self::PreparedElsewhere => {
                f.write_str("prepared transaction belongs to another database")
            }
        }
    }
}

/// The code of an error from below.
pub(super) fn mvcc_sqlstate(error: &Below) -> SqlState {
    match error {
        Below::Storage(error) => storage_sqlstate(error),
        Below::Index(_) => SqlState::IO_ERROR,
        Below::WriteConflict { .. } | Below::NotSerializable { .. } => {
            SqlState::SERIALIZATION_FAILURE
        }
        Below::Deadlock(_) => SqlState::DEADLOCK_DETECTED,
        Below::LockNotAvailable | Below::LockTimeout => SqlState::LOCK_NOT_AVAILABLE,
        Below::Interrupted(Reason::Cancel | Reason::StatementTimeout) => SqlState::QUERY_CANCELED,
        Below::Interrupted(Reason::IdleInTransactionTimeout) => {
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        }
        Below::Interrupted(Reason::Disconnect) => SqlState::CONNECTION_FAILURE,
        Below::Interrupted(Reason::Terminate) => SqlState::ADMIN_SHUTDOWN,
        Below::TransactionTooLarge { .. } => SqlState::CONFIGURATION_LIMIT_EXCEEDED,
        Below::SnapshotTooOld { .. } => SqlState::SNAPSHOT_TOO_OLD,
        Below::SnapshotInFuture => SqlState::INVALID_PARAMETER_VALUE,
        Below::PastNotCertified => SqlState::FEATURE_NOT_SUPPORTED,
        Below::ReadOnly => SqlState::READ_ONLY_SQL_TRANSACTION,
        Below::NotLoadable { .. } => SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        Below::Prepare(problem) => prepare_sqlstate(problem),
        Below::Thread(_) => SqlState::INSUFFICIENT_RESOURCES,
    }
}

fn prepare_sqlstate(problem: &PrepareProblem) -> SqlState {
    match problem {
        PrepareProblem::IdentifierTooLong { .. } => SqlState::INVALID_PARAMETER_VALUE,
        PrepareProblem::Disabled | PrepareProblem::Busy { .. } => {
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE
        }
        PrepareProblem::IdentifierInUse { .. } => SqlState::DUPLICATE_OBJECT,
        PrepareProblem::TooMany { .. } => SqlState::OUT_OF_MEMORY,
        PrepareProblem::SessionLock => SqlState::FEATURE_NOT_SUPPORTED,
        PrepareProblem::Undefined { .. } => SqlState::UNDEFINED_OBJECT,
    }
}

fn storage_sqlstate(error: &StorageError) -> SqlState {
    match error {
        StorageError::DiskFull { .. } => SqlState::DISK_FULL,
        StorageError::HistoryCollected { .. } => SqlState::SNAPSHOT_TOO_OLD,
        StorageError::MalformedKey { .. }
        | StorageError::Corrupt { .. }
        | StorageError::DamagedTable { .. }
        | StorageError::WritesRefused { .. } => SqlState::DATA_CORRUPTED,
        _ => SqlState::IO_ERROR,
    }
}

/// DETAIL and HINT of an error from below.
pub(super) fn mvcc_fields(error: &Below) -> Fields {
    match error {
        Below::Deadlock(deadlock) => {
            Fields { detail: Some(deadlock.to_string()), ..Fields::default() }
        }
        Below::NotSerializable { reason } => Fields {
            detail: Some(reason.to_string()),
            hint: Some(
                match reason {
                    NotSerializable::TornPast => {
                        "Read at another time, or at isolation level REPEATABLE READ."
                    }
                    _ => "The transaction might succeed if retried.",
                }
                .to_owned(),
            ),
            ..Fields::default()
        },
        Below::Prepare(PrepareProblem::Disabled) => Fields {
            hint: Some("Set max_prepared_transactions to a nonzero value.".to_owned()),
            ..Fields::default()
        },
        Below::Prepare(PrepareProblem::TooMany { max }) => Fields {
            hint: Some(format!("Increase max_prepared_transactions (currently {max}).")),
            ..Fields::default()
        },
        Below::TransactionTooLarge { .. } => Fields {
            hint: Some(
                "Write it in several transactions, load it with COPY into a table that the \
                 transaction creates, or raise max_transaction_size."
                    .to_owned(),
            ),
            ..Fields::default()
        },
        Below::SnapshotTooOld { retention } => Fields {
            detail: Some(format!(
                "History is kept for {} seconds (history_retention).",
                retention.as_secs_f64()
            )),
            hint: Some("Ask for a later time, or raise history_retention.".to_owned()),
            ..Fields::default()
        },
        Below::Storage(error) => Fields {
            detail: error.detail(),
            hint: error.hint().map(str::to_owned),
            ..Fields::default()
        },
        _ => Fields::default(),
    }
}
