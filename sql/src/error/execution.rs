//! A plan cannot go on.

use std::fmt;

use super::{Fields, SqlState};

/// A plan cannot go on.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum ExecutionError {
    /// A row that a READ COMMITTED statement wants to change or lock is gone from its place, and
    /// may be elsewhere. The session takes the statement's changes back and starts it again with a
    /// new snapshot; a client never sees this.
    RowMoved,
    /// The statement must wait for a row, and its transaction stands in the queue. The session runs it from
    /// the beginning once the row is locked; a client never sees this.
    RowQueued,
    /// NOWAIT, and somebody holds the row.
    RowLockNotAvailable { relation: String },
    /// NOWAIT, and somebody holds the table.
    TableLockNotAvailable { relation: String },
    /// LIMIT below 0.
    NegativeLimit,
    /// OFFSET below 0.
    NegativeOffset,
    /// More than one row where a subquery stands for a value.
    SubqueryRows,
    /// ON CONFLICT DO UPDATE of a row that this statement inserted or updated.
    ConflictTwice,
    /// ARRAY[] of arrays of different shapes.
    ArrayShape,
    /// More than what does not spill may take; `operation` as in "memory for ...".
    OutOfMemory { operation: &'static str },
    /// A temporary file could not be made, written or read; `full`: for want of space.
    TemporaryFile { error: String, full: bool },
    /// Stored bytes that are not what they should be.
    Corrupted { what: &'static str },
    /// Parts of this program disagree.
    Internal { what: &'static str },
}

impl ExecutionError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::RowMoved => SqlState::SERIALIZATION_FAILURE,
            Self::RowQueued => SqlState::INTERNAL_ERROR,
            Self::RowLockNotAvailable { .. } | Self::TableLockNotAvailable { .. } => {
                SqlState::LOCK_NOT_AVAILABLE
            }
            Self::NegativeLimit => SqlState::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
            Self::NegativeOffset => SqlState::INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE,
            Self::SubqueryRows | Self::ConflictTwice => SqlState::CARDINALITY_VIOLATION,
            Self::ArrayShape => SqlState::ARRAY_SUBSCRIPT_ERROR,
            Self::OutOfMemory { .. } => SqlState::OUT_OF_MEMORY,
            Self::TemporaryFile { full: true, .. } => SqlState::DISK_FULL,
            Self::TemporaryFile { full: false, .. } => SqlState::IO_ERROR,
            Self::Corrupted { .. } => SqlState::DATA_CORRUPTED,
            Self::Internal { .. } => SqlState::INTERNAL_ERROR,
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        let hint = match self {
            Self::ConflictTwice => Some(
                "Ensure that no rows proposed for insertion within the same command have \
                 duplicate constrained values.",
            ),
            Self::OutOfMemory { .. } => Some("Raise work_mem, or make the query smaller."),
            _ => None,
        };
        Fields { hint: hint.map(str::to_owned), ..Fields::default() }
    }
}

impl fmt::Display for ExecutionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RowMoved => f.write_str("could not serialize access due to concurrent delete"),
            Self::RowQueued => f.write_str("a row is not locked yet"),
            Self::RowLockNotAvailable { relation } => {
                write!(f, "could not obtain lock on row in relation \"{relation}\"")
            }
            Self::TableLockNotAvailable { relation } => {
                write!(f, "could not obtain lock on relation \"{relation}\"")
            }
            Self::NegativeLimit => f.write_str("LIMIT must not be negative"),
            Self::NegativeOffset => f.write_str("OFFSET must not be negative"),
            Self::SubqueryRows => {
                f.write_str("more than one row returned by a subquery used as an expression")
            }
            Self::ConflictTwice => {
                f.write_str("ON CONFLICT DO UPDATE command cannot affect row a second time")
            }
            Self::ArrayShape => f.write_str(
                "multidimensional arrays must have array expressions with matching dimensions",
            ),
            Self::OutOfMemory { operation } => {
                write!(f, "memory for {operation} exceeds what does not spill to disk")
            }
            Self::TemporaryFile { error, .. } => write!(f, "temporary file: {error}"),
            Self::Corrupted { what } => write!(f, "stored bytes are not {what}"),
            Self::Internal { what } => write!(f, "unexpected: {what}"),
        }
    }
}
