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
    /// SET or SHOW of a setting that is not there.
    UnknownSetting { name: String },
    /// SET of a setting that tells a fact.
    FixedSetting { name: &'static str },
    /// A value the setting cannot have; `words` are those it can, if it is an enumeration.
    InvalidSetting { name: &'static str, value: String, words: &'static [&'static str] },
    /// A Boolean setting was given something else.
    NotBoolean { name: &'static str },
    /// A number outside its setting's range.
    SettingOutOfRange { name: &'static str, number: i64, unit: &'static str, least: i64, most: i64 },
    /// A client encoding other than UTF8.
    UnsupportedEncoding { encoding: String },
    /// SERIALIZABLE.
    UnsupportedSerializable,
    /// A role that may not log in, or is not there.
    UndefinedLogin { role: String },
    /// template0.
    NoConnectionsAllowed { database: String },
    /// Options of COPY that do not go together; `unsupported`: PostgreSQL answers 0A000.
    CopyOption { problem: String, unsupported: bool },
    /// COPY ... FORMAT of something.
    CopyFormat { format: String },
}

impl StatementError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::InFailedTransaction => SqlState::IN_FAILED_SQL_TRANSACTION,
            Self::UndefinedPreparedStatement { .. } => SqlState::INVALID_SQL_STATEMENT_NAME,
            Self::DuplicatePreparedStatement { .. } => SqlState::DUPLICATE_PREPARED_STATEMENT,
            Self::UndefinedPortal { .. } => SqlState::INVALID_CURSOR_NAME,
            Self::UnknownSetting { .. } => SqlState::UNDEFINED_OBJECT,
            Self::FixedSetting { .. } => SqlState::CANT_CHANGE_RUNTIME_PARAM,
            Self::InvalidSetting { .. }
            | Self::NotBoolean { .. }
            | Self::SettingOutOfRange { .. } => SqlState::INVALID_PARAMETER_VALUE,
            Self::UnsupportedEncoding { .. } | Self::UnsupportedSerializable => {
                SqlState::FEATURE_NOT_SUPPORTED
            }
            Self::UndefinedLogin { .. } => SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            Self::NoConnectionsAllowed { .. } => SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            Self::CopyOption { unsupported: true, .. } => SqlState::FEATURE_NOT_SUPPORTED,
            Self::CopyOption { unsupported: false, .. } | Self::CopyFormat { .. } => {
                SqlState::INVALID_PARAMETER_VALUE
            }
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        match self {
            Self::InvalidSetting { words, .. } if !words.is_empty() => Fields {
                hint: Some(format!("Available values: {}.", words.join(", "))),
                ..Fields::default()
            },
            _ => Fields::default(),
        }
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
            Self::UnknownSetting { name } => {
                write!(f, "unrecognized configuration parameter \"{name}\"")
            }
            Self::FixedSetting { name } => {
                write!(f, "parameter \"{name}\" cannot be changed")
            }
            Self::InvalidSetting { name, value, .. } => {
                write!(f, "invalid value for parameter \"{name}\": \"{value}\"")
            }
            Self::NotBoolean { name } => {
                write!(f, "parameter \"{name}\" requires a Boolean value")
            }
            Self::SettingOutOfRange { name, number, unit, least, most } => write!(
                f,
                "{number}{unit} is outside the valid range for parameter \"{name}\" ({least} .. \
                 {most})"
            ),
            Self::UnsupportedEncoding { encoding } => {
                write!(f, "client encoding \"{encoding}\" is not supported")
            }
            Self::UnsupportedSerializable => {
                f.write_str("isolation level SERIALIZABLE is not supported")
            }
            Self::UndefinedLogin { role } => write!(f, "role \"{role}\" does not exist"),
            Self::NoConnectionsAllowed { database } => {
                write!(f, "database \"{database}\" is not currently accepting connections")
            }
            Self::CopyOption { problem, .. } => f.write_str(problem),
            Self::CopyFormat { format } => {
                write!(f, "COPY format \"{format}\" not recognized")
            }
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
pub(super) fn mvcc_message(error: &reckon_mvcc::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    fmt::Display::fmt(error, f)
}
