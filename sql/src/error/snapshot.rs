//! A transaction or a statement cannot have the snapshot it asks for.

use std::fmt;

use super::{Fields, SqlState};

/// A transaction or a statement cannot have the snapshot it asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum SnapshotError {
    /// SET TRANSACTION AS OF SYSTEM TIME behind a query.
    SystemTimeTooLate,
    /// SET TRANSACTION AS OF SYSTEM TIME behind a savepoint.
    SystemTimeInSubtransaction,
    /// A statement's AS OF SYSTEM TIME in a transaction that reads at another time.
    OtherSystemTime,
    /// Another statement while one with AS OF SYSTEM TIME has rows left.
    SystemTimeInUse,
    /// A statement with AS OF SYSTEM TIME in an implicit transaction that has other work to commit.
    SystemTimeNotAlone,
    /// AS OF SYSTEM TIME calls a volatile function.
    VolatileSystemTime,
    /// At the time given as a parameter the statement has other columns than when it was prepared.
    ColumnsOfOtherTime,
    /// READ WRITE of a transaction that reads the past.
    ReadWriteSystemTime,
    /// AS OF SYSTEM TIME NULL.
    NoSystemTime,
    /// SET TRANSACTION SNAPSHOT behind a query.
    SnapshotTooLate,
    /// SET TRANSACTION SNAPSHOT in a transaction with AS OF SYSTEM TIME.
    SnapshotOfOtherTime,
    /// SET TRANSACTION SNAPSHOT in READ COMMITTED.
    SnapshotIsolation,
    /// SET TRANSACTION SNAPSHOT of a SERIALIZABLE READ ONLY DEFERRABLE transaction.
    SnapshotDeferrable,
    /// SET TRANSACTION SNAPSHOT from another database.
    SnapshotOfOtherDatabase,
    /// SERIALIZABLE, and the exporter is not.
    SnapshotNotSerializable,
    /// SERIALIZABLE READ WRITE, and the exporter is READ ONLY.
    SnapshotReadOnly,
    /// No such snapshot.
    UndefinedSnapshot { id: String },
    /// pg_export_snapshot() behind a savepoint.
    ExportInSubtransaction,
    /// PREPARE TRANSACTION after pg_export_snapshot().
    PreparedExports,
}

impl SnapshotError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::SystemTimeTooLate
            | Self::SystemTimeInSubtransaction
            | Self::SystemTimeInUse
            | Self::SystemTimeNotAlone
            | Self::SnapshotTooLate
            | Self::ExportInSubtransaction => SqlState::ACTIVE_SQL_TRANSACTION,
            Self::OtherSystemTime | Self::ReadWriteSystemTime | Self::SnapshotOfOtherTime => {
                SqlState::SYNTAX_ERROR
            }
            Self::NoSystemTime | Self::UndefinedSnapshot { .. } => {
                SqlState::INVALID_PARAMETER_VALUE
            }
            Self::VolatileSystemTime
            | Self::ColumnsOfOtherTime
            | Self::SnapshotIsolation
            | Self::SnapshotDeferrable
            | Self::SnapshotOfOtherDatabase
            | Self::SnapshotNotSerializable
            | Self::SnapshotReadOnly
            | Self::PreparedExports => SqlState::FEATURE_NOT_SUPPORTED,
        }
    }

    /// DETAIL and HINT.
    pub fn fields(&self) -> Fields {
        let hint = match self {
            Self::OtherSystemTime => {
                "Begin a transaction with AS OF SYSTEM TIME, or run the statement outside of one."
            }
            Self::SystemTimeNotAlone => {
                "Run the statement by itself, or begin a transaction with AS OF SYSTEM TIME."
            }
            Self::ColumnsOfOtherTime => "Write the time into the statement instead of a parameter.",
            _ => return Fields::default(),
        };
        Fields { hint: Some(hint.to_owned()), ..Fields::default() }
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SystemTimeTooLate => {
                f.write_str("AS OF SYSTEM TIME of a transaction must be given before any query")
            }
            Self::SystemTimeInSubtransaction => f.write_str(
                "AS OF SYSTEM TIME of a transaction must not be given in a subtransaction",
            ),
            Self::OtherSystemTime => f.write_str(
                "AS OF SYSTEM TIME of a statement must not differ from the time of its transaction",
            ),
            Self::SystemTimeInUse => {
                f.write_str("a statement with AS OF SYSTEM TIME has rows left in this transaction")
            }
            Self::SystemTimeNotAlone => f.write_str(
                "a statement with AS OF SYSTEM TIME must not share a transaction with others",
            ),
            Self::VolatileSystemTime => {
                f.write_str("AS OF SYSTEM TIME must not call volatile functions")
            }
            Self::ColumnsOfOtherTime => f.write_str(
                "a prepared statement must have the same columns at the time of its AS OF SYSTEM TIME",
            ),
            Self::ReadWriteSystemTime => {
                f.write_str("a transaction with AS OF SYSTEM TIME cannot be READ WRITE")
            }
            Self::NoSystemTime => f.write_str("AS OF SYSTEM TIME must not be null"),
            Self::SnapshotTooLate => {
                f.write_str("SET TRANSACTION SNAPSHOT must be called before any query")
            }
            Self::SnapshotOfOtherTime => {
                f.write_str("a transaction with AS OF SYSTEM TIME cannot import a snapshot")
            }
            Self::SnapshotIsolation => f.write_str(
                "a snapshot-importing transaction must have isolation level SERIALIZABLE or \
                 REPEATABLE READ",
            ),
            Self::SnapshotDeferrable => {
                f.write_str("a snapshot-importing transaction must not be READ ONLY DEFERRABLE")
            }
            Self::SnapshotOfOtherDatabase => {
                f.write_str("cannot import a snapshot from a different database")
            }
            Self::SnapshotNotSerializable => f.write_str(
                "a serializable transaction cannot import a snapshot from a non-serializable \
                 transaction",
            ),
            Self::SnapshotReadOnly => f.write_str(
                "a non-read-only serializable transaction cannot import a snapshot from a read-only \
                 transaction",
            ),
            Self::UndefinedSnapshot { id } => write!(f, "invalid snapshot identifier: \"{id}\""),
            Self::PreparedExports => {
                f.write_str("cannot PREPARE a transaction that has exported snapshots")
            }
            Self::ExportInSubtransaction => {
                f.write_str("cannot export a snapshot from a subtransaction")
            }
        }
    }
}
