//! What a statement tells the client besides its result.

use std::mem::take;

use crate::error::{Fields, SqlState};

/// What warnings may take until they are handed over, in bytes.
const WARNING_BYTES: usize = 4 << 20;

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

/// Warnings of functions, which may be called any number of times by one statement. Those that are too many are only
/// counted.
#[derive(Default)]
pub(super) struct Warnings {
    kept: Vec<Notice>,
    bytes: usize,
    more: u64,
}

impl Warnings {
    pub(super) fn add(&mut self, message: String) {
        if self.bytes >= WARNING_BYTES {
            self.more += 1;
            return;
        }
        self.bytes += size_of::<Notice>() + message.len();
        self.kept.push(Notice::warning(SqlState::WARNING, message));
    }

    /// All since the last call, and how many more there were.
    pub(super) fn take(&mut self) -> Vec<Notice> {
        let Warnings { mut kept, more, .. } = take(self);
        if more > 0 {
            let message = format!("{more} more warnings are not shown");
            kept.push(Notice::warning(SqlState::WARNING, message));
        }
        kept
    }
}
