//! What can go wrong in a transaction. Where PostgreSQL has words for it, Display uses them.

use std::fmt;
use std::time::Duration;

use reckon_storage::KeyspaceId;

use crate::interrupt::Reason;
use crate::lock::Deadlock;
use crate::prepared;
use crate::serializable;

/// An error of a transaction. After any of them but [`Error::LockNotAvailable`] and a refused
/// [`Error::ReadOnly`] write the caller rolls back, to a savepoint or altogether.
#[derive(Debug)]
pub enum Error {
    /// The store refused or failed.
    Storage(reckon_storage::Error),
    /// A range could not be loaded into memory, for a reason that is not the store's.
    Index(reckon_index::Error),
    /// A row changed after the snapshot of a REPEATABLE READ transaction that wants to lock it (40001).
    WriteConflict {
        /// Whether the change was its deletion.
        deleted: bool,
    },
    /// A SERIALIZABLE transaction that no serial order may explain together with others (40001).
    NotSerializable {
        /// What was found, and when.
        reason: serializable::Reason,
    },
    /// This session waited in a circle, and was chosen to end it (40P01).
    Deadlock(Box<Deadlock>),
    /// The lock was not free and the request was not to wait (55P03).
    LockNotAvailable,
    /// `lock_timeout` passed (55P03).
    LockTimeout,
    /// Somebody wants this session to stop (57014, 57P01, 25P03).
    Interrupted(Reason),
    /// The transaction's writes take more memory than one commit may (53400).
    TransactionTooLarge {
        /// `max_transaction_bytes`.
        limit_bytes: usize,
    },
    /// A write in a transaction that was begun read-only (25006).
    ReadOnly,
    /// A snapshot from before what history is kept of (72000).
    SnapshotTooOld {
        /// [`Options::history_retention`](crate::Options::history_retention).
        retention: Duration,
    },
    /// A snapshot of a time that is yet to come (22023).
    SnapshotInFuture,
    /// A SERIALIZABLE snapshot of a time before the engine was opened: which transactions ran then is not
    /// known any more (0A000).
    PastNotCertified,
    /// A bulk load into a keyspace that this subtransaction did not create, or wrote to before.
    NotLoadable {
        /// The keyspace.
        keyspace: KeyspaceId,
    },
    /// A transaction cannot be prepared, or a prepared one not be found.
    Prepare(prepared::Problem),
    /// The operating system did not give the engine a thread.
    Thread(std::io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Index(error) => error.fmt(f),
            Self::WriteConflict { deleted: false } => {
                write!(f, "could not serialize access due to concurrent update")
            }
            Self::WriteConflict { deleted: true } => {
                write!(f, "could not serialize access due to concurrent delete")
            }
            Self::NotSerializable { .. } => f.write_str(
                "could not serialize access due to read/write dependencies among transactions",
            ),
            Self::Deadlock(_) => write!(f, "deadlock detected"),
            Self::LockNotAvailable => write!(f, "could not obtain lock"),
            Self::LockTimeout => write!(f, "canceling statement due to lock timeout"),
            Self::Interrupted(reason) => reason.fmt(f),
            Self::TransactionTooLarge { limit_bytes } => {
                write!(f, "transaction writes more than max_transaction_size ({limit_bytes} bytes)")
            }
            Self::ReadOnly => write!(f, "cannot write in a read-only transaction"),
            Self::SnapshotTooOld { .. } => write!(f, "snapshot too old"),
            Self::SnapshotInFuture => write!(f, "AS OF SYSTEM TIME must not be in the future"),
            Self::PastNotCertified => f.write_str(
                "AS OF SYSTEM TIME before the server's start in a SERIALIZABLE transaction is not supported",
            ),
            Self::NotLoadable { keyspace } => {
                write!(f, "keyspace {keyspace} cannot be loaded in bulk in this transaction")
            }
            Self::Prepare(problem) => problem.fmt(f),
            Self::Thread(error) => write!(f, "could not start a thread: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Storage(error) => Some(error),
            Self::Index(error) => Some(error),
            Self::Deadlock(deadlock) => Some(deadlock.as_ref()),
            Self::Thread(error) => Some(error),
            _ => None,
        }
    }
}

impl From<reckon_storage::Error> for Error {
    fn from(error: reckon_storage::Error) -> Self {
        Self::Storage(error)
    }
}

impl From<reckon_index::Error> for Error {
    /// A load fails with what the store failed with, so that it reads the same on both ways.
    fn from(error: reckon_index::Error) -> Self {
        let reckon_index::Error::Source(source) = error;
        match source.downcast::<reckon_storage::Error>() {
            Ok(error) => Self::Storage(*error),
            Err(source) => Self::Index(reckon_index::Error::Source(source)),
        }
    }
}
