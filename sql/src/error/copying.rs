//! COPY data that is not what the statement expects.

use std::fmt;

use super::{Fields, SqlState};

/// COPY data that is not what the statement expects.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum CopyError {
    /// More fields than columns.
    ExtraData,
    /// Fewer fields than columns.
    MissingData { column: String },
    /// A header of another width.
    HeaderWidth { found: usize, wanted: usize },
    /// A header with another name.
    HeaderName { field: usize, found: String, wanted: String },
    /// FREEZE of a table that others can see.
    FreezeOfOlderTable,
    /// CopyDone without COPY.
    NotCopying,
    /// CopyFail.
    Failed { reason: String },
    /// COPY of a statement without rows.
    WithoutRows,
}

impl CopyError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::ExtraData
            | Self::MissingData { .. }
            | Self::HeaderWidth { .. }
            | Self::HeaderName { .. } => SqlState::BAD_COPY_FILE_FORMAT,
            Self::FreezeOfOlderTable => SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            Self::NotCopying => SqlState::PROTOCOL_VIOLATION,
            Self::Failed { .. } => SqlState::QUERY_CANCELED,
            Self::WithoutRows => SqlState::FEATURE_NOT_SUPPORTED,
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        Fields::default()
    }
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExtraData => f.write_str("extra data after last expected column"),
            Self::MissingData { column } => write!(f, "missing data for column \"{column}\""),
            Self::HeaderWidth { found, wanted } => write!(f, "wrong number of fields in header line: got {found}, expected {wanted}"),
            Self::HeaderName { field, found, wanted } => write!(f, "column name mismatch in header line field {field}: got \"{found}\", expected \"{wanted}\""),
            Self::FreezeOfOlderTable => f.write_str("cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction"),
            Self::NotCopying => f.write_str("no COPY is in progress"),
            Self::Failed { reason } => write!(f, "COPY from stdin failed: {reason}"),
            Self::WithoutRows => f.write_str("COPY query must have a RETURNING clause"),
        }
    }
}
