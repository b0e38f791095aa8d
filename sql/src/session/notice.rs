//! What a statement tells the client besides its result.

use crate::error::{Fields, SqlState};

/// A NoticeResponse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// WARNING, NOTICE, INFO or LOG.
    pub severity: Severity,
    /// The code.
    pub sqlstate: SqlState,
    /// The message.
    pub message: String,
    /// DETAIL, HINT and the rest.
    pub fields: Fields,
}

/// How much a [`Notice`] matters, least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// For the server's log, unless the client asks for it.
    Log,
    /// Likely of interest.
    Notice,
    /// Something is probably wrong.
    Warning,
    /// Asked for by the statement (VERBOSE): always sent.
    Info,
}

impl Severity {
    /// The word in the message.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Log => "LOG",
            Severity::Notice => "NOTICE",
            Severity::Warning => "WARNING",
            Severity::Info => "INFO",
        }
    }
}

impl Notice {
    /// A WARNING.
    pub(crate) fn warning(sqlstate: SqlState, message: impl Into<String>) -> Notice {
        let message = message.into();
        Notice { severity: Severity::Warning, sqlstate, message, fields: Fields::default() }
    }

    /// An INFO.
    pub(crate) fn info(message: impl Into<String>) -> Notice {
        let (sqlstate, message) = (SqlState::SUCCESSFUL_COMPLETION, message.into());
        Notice { severity: Severity::Info, sqlstate, message, fields: Fields::default() }
    }

    /// A NOTICE.
    pub(crate) fn new(sqlstate: SqlState, message: impl Into<String>) -> Notice {
        let message = message.into();
        Notice { severity: Severity::Notice, sqlstate, message, fields: Fields::default() }
    }
}
