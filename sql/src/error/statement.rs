//! The statement cannot run in this session now.

use std::fmt;

use super::{Fields, SqlState};

/// The statement cannot run in this session now.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum StatementError {
    /// Execute of a prepared statement that is not there.
    UndefinedPreparedStatement { name: String },
    /// A second prepared statement of one name.
    DuplicatePreparedStatement { name: String },
    /// Execute or Describe of a portal that is not there.
    UndefinedPortal { name: String },
    /// Execute of a portal that is at its end and gave no rows.
    SpentPortal { name: String },
    /// A role that may not log in, or is not there.
    UndefinedLogin { role: String },
    /// template0.
    NoConnectionsAllowed { database: String },
    /// Options of COPY that do not go together; `unsupported`: PostgreSQL answers 0A000.
    CopyOption { problem: String, unsupported: bool },
    /// Options of VACUUM that do not go together; PostgreSQL answers 0A000.
    MaintenanceOption { problem: &'static str },
    /// COPY ... FORMAT of something.
    CopyFormat { format: String },
    /// NOTIFY without a channel.
    NoChannelName,
    /// NOTIFY of a channel whose name is no identifier.
    ChannelNameTooLong,
    /// NOTIFY with too much to say.
    PayloadTooLong,
    /// NOTIFY of more than there is room for.
    TooManyNotifications,
    /// A parameter of a type that is not there.
    UndefinedParameterType { oid: u32 },
    /// A parameter without a type; `number` counts from 1.
    IndeterminateParameter { number: usize },
    /// Two statements in one Parse.
    SeveralCommands,
    /// A second portal of one name.
    DuplicatePortal { name: String },
    /// Bind with a wrong number of formats.
    ParameterFormats { formats: usize, parameters: usize },
    /// Bind with a wrong number of parameters.
    ParameterCount { given: usize, statement: String, wanted: usize },
    /// EXECUTE with a wrong number of arguments.
    ArgumentCount { name: String, wanted: usize, given: usize },
    /// Bind with a wrong number of result formats.
    ResultFormats { formats: usize, columns: usize },
    /// A format code that is neither text nor binary.
    FormatCode { code: i16 },
    /// `$1` in the simple protocol.
    NoParameter { number: usize },
    /// A prepared statement whose columns are others than when it was prepared.
    ResultTypeChanged,
    /// A function for superusers.
    FunctionDenied { function: &'static str },
}

impl StatementError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::UndefinedPreparedStatement { .. } => SqlState::INVALID_SQL_STATEMENT_NAME,
            Self::DuplicatePreparedStatement { .. } => SqlState::DUPLICATE_PREPARED_STATEMENT,
            Self::UndefinedPortal { .. } => SqlState::INVALID_CURSOR_NAME,
            Self::UndefinedLogin { .. } => SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            Self::SpentPortal { .. } | Self::NoConnectionsAllowed { .. } => {
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE
            }
            Self::CopyOption { unsupported: true, .. }
            | Self::MaintenanceOption { .. }
            | Self::ResultTypeChanged => SqlState::FEATURE_NOT_SUPPORTED,
            Self::FunctionDenied { .. } => SqlState::INSUFFICIENT_PRIVILEGE,
            Self::CopyOption { unsupported: false, .. } | Self::CopyFormat { .. } => {
                SqlState::INVALID_PARAMETER_VALUE
            }
            Self::NoChannelName | Self::ChannelNameTooLong | Self::PayloadTooLong => {
                SqlState::INVALID_PARAMETER_VALUE
            }
            Self::TooManyNotifications => SqlState::PROGRAM_LIMIT_EXCEEDED,
            Self::UndefinedParameterType { .. } => SqlState::UNDEFINED_OBJECT,
            Self::IndeterminateParameter { .. } => SqlState::INDETERMINATE_DATATYPE,
            Self::SeveralCommands | Self::ArgumentCount { .. } => SqlState::SYNTAX_ERROR,
            Self::DuplicatePortal { .. } => SqlState::DUPLICATE_CURSOR,
            Self::ParameterFormats { .. }
            | Self::ParameterCount { .. }
            | Self::ResultFormats { .. } => SqlState::PROTOCOL_VIOLATION,
            Self::FormatCode { .. } => SqlState::INVALID_PARAMETER_VALUE,
            Self::NoParameter { .. } => SqlState::UNDEFINED_PARAMETER,
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        match self {
            Self::ArgumentCount { wanted, given, .. } => Fields {
                detail: Some(format!("Expected {wanted} parameters but got {given}.")),
                ..Fields::default()
            },
            _ => Fields::default(),
        }
    }
}

impl fmt::Display for StatementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
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
            Self::SpentPortal { name } => write!(f, "portal \"{name}\" cannot be run"),
            Self::UndefinedLogin { role } => write!(f, "role \"{role}\" does not exist"),
            Self::NoConnectionsAllowed { database } => {
                write!(f, "database \"{database}\" is not currently accepting connections")
            }
            Self::MaintenanceOption { problem } => f.write_str(problem),
            Self::CopyOption { problem, .. } => f.write_str(problem),
            Self::CopyFormat { format } => {
                write!(f, "COPY format \"{format}\" not recognized")
            }
            Self::NoChannelName => f.write_str("channel name cannot be empty"),
            Self::ChannelNameTooLong => f.write_str("channel name too long"),
            Self::PayloadTooLong => f.write_str("payload string too long"),
            Self::TooManyNotifications => f.write_str("too many notifications in the NOTIFY queue"),
            Self::UndefinedParameterType { oid } => write!(f, "type with OID {oid} does not exist"),
            Self::IndeterminateParameter { number } => {
                write!(f, "could not determine data type of parameter ${number}")
            }
            Self::SeveralCommands => {
                f.write_str("cannot insert multiple commands into a prepared statement")
            }
            Self::DuplicatePortal { name } => write!(f, "cursor \"{name}\" already exists"),
            Self::ParameterFormats { formats, parameters } => write!(
                f,
                "bind message has {formats} parameter formats but {parameters} parameters"
            ),
            Self::ParameterCount { given, statement, wanted } => write!(
                f,
                "bind message supplies {given} parameters, but prepared statement \"{statement}\" \
                 requires {wanted}"
            ),
            Self::ArgumentCount { name, .. } => {
                write!(f, "wrong number of parameters for prepared statement \"{name}\"")
            }
            Self::ResultFormats { formats, columns } => write!(
                f,
                "bind message has {formats} result formats but query has {columns} columns"
            ),
            Self::FormatCode { code } => write!(f, "unsupported format code: {code}"),
            Self::NoParameter { number } => write!(f, "there is no parameter ${number}"),
            Self::FunctionDenied { function } => {
                write!(f, "permission denied for function {function}")
            }
            Self::ResultTypeChanged => f.write_str("cached plan must not change result type"),
        }
    }
}
