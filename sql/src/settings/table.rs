//! The settings there are, as data. Names, defaults and descriptions are PostgreSQL's.

use super::value::{
    always_on, bool_value, byte_size, client_encoding, date_style, enumeration, integer,
    interval_style, isolation, milliseconds, read_only_text, search_path, text, time_zone,
};
use crate::error::Result;

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// Name, as SHOW ALL prints it.
    pub name: &'static str,
    /// The value without any SET.
    pub default: &'static str,
    /// Who may change it.
    pub context: Context,
    /// Whether a client is told of every change (ParameterStatus).
    pub report: bool,
    /// Allowed words, for enumerations.
    pub words: &'static [&'static str],
    /// Smallest and largest value, for numbers, in the base unit.
    pub range: (i64, i64),
    /// The base unit, for numbers.
    pub unit: Unit,
    /// Brings a value into canonical form.
    pub(super) check: fn(&Setting, &str) -> Result<String>,
    /// What it is for, as in `pg_settings`.
    pub description: &'static str,
}

/// Who may change a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// Any user, any time.
    User,
    /// Nobody: it tells a fact.
    Internal,
    /// Whoever starts the server.
    Server,
}

/// The unit a number without one is taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// A plain number.
    None,
    /// Milliseconds.
    Milliseconds,
    /// Kilobytes of 1024 bytes.
    Kilobytes,
}

impl Setting {
    /// The settings that belong to the current transaction are not RESET ALL's.
    pub(super) fn survives_reset_all(&self) -> bool {
        matches!(
            self.name,
            "transaction_deferrable" | "transaction_isolation" | "transaction_read_only"
        )
    }
}

const TEXT: Setting = Setting {
    name: "",
    default: "",
    context: Context::User,
    report: false,
    words: &[],
    range: (0, 0),
    unit: Unit::None,
    check: text,
    description: "",
};
const FACT: Setting = Setting { context: Context::Internal, check: read_only_text, ..TEXT };
const BOOL: Setting = Setting { check: bool_value, ..TEXT };
const WORD: Setting = Setting { check: enumeration, ..TEXT };
const TIME: Setting = Setting {
    check: milliseconds,
    range: (0, i32::MAX as i64),
    unit: Unit::Milliseconds,
    default: "0",
    ..TEXT
};
const ISOLATION: Setting = Setting {
    check: isolation,
    default: "read committed",
    words: &["serializable", "repeatable read", "read committed", "read uncommitted"],
    ..TEXT
};

/// In order of name.
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "application_name",
        report: true,
        description: "Sets the application name to be reported in statistics and logs.",
        ..TEXT
    },
    Setting {
        name: "bytea_output",
        default: "hex",
        words: &["escape", "hex"],
        description: "Sets the output format for bytea.",
        ..WORD
    },
    Setting {
        name: "client_encoding",
        default: "UTF8",
        report: true,
        check: client_encoding,
        description: "Sets the client's character set encoding.",
        ..TEXT
    },
    Setting {
        name: "client_min_messages",
        default: "notice",
        words: &[
            "debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error",
        ],
        description: "Sets the message levels that are sent to the client.",
        ..WORD
    },
    Setting {
        name: "DateStyle",
        default: "ISO, MDY",
        report: true,
        check: date_style,
        description: "Sets the display format for date and time values.",
        ..TEXT
    },
    Setting {
        name: "deadlock_timeout",
        default: "1s",
        range: (1, i32::MAX as i64),
        description: "Sets the time to wait on a lock before checking for deadlock.",
        ..TIME
    },
    Setting {
        name: "default_transaction_deferrable",
        default: "off",
        description: "Sets the default deferrable status of new transactions.",
        ..BOOL
    },
    Setting {
        name: "default_transaction_isolation",
        description: "Sets the transaction isolation level of each new transaction.",
        ..ISOLATION
    },
    Setting {
        name: "default_transaction_read_only",
        default: "off",
        report: true,
        description: "Sets the default read-only status of new transactions.",
        ..BOOL
    },
    Setting {
        name: "extra_float_digits",
        default: "1",
        range: (-15, 3),
        check: integer,
        description: "Sets the number of digits displayed for floating-point values.",
        ..TEXT
    },
    Setting {
        name: "idle_in_transaction_session_timeout",
        description: "Sets the maximum allowed idle time between queries, when in a transaction.",
        ..TIME
    },
    Setting {
        name: "in_hot_standby",
        default: "off",
        report: true,
        description: "Shows whether hot standby is currently active.",
        ..FACT
    },
    Setting {
        name: "integer_datetimes",
        default: "on",
        report: true,
        description: "Shows whether datetimes are integer based.",
        ..FACT
    },
    Setting {
        name: "IntervalStyle",
        default: "postgres",
        words: &["postgres", "postgres_verbose", "sql_standard", "iso_8601"],
        report: true,
        check: interval_style,
        description: "Sets the display format for interval values.",
        ..TEXT
    },
    Setting {
        name: "is_superuser",
        default: "off",
        report: true,
        description: "Shows whether the current user is a superuser.",
        ..FACT
    },
    Setting {
        name: "lc_collate",
        default: "C",
        description: "Shows the collation order locale.",
        ..FACT
    },
    Setting {
        name: "lc_ctype",
        default: "C",
        description: "Shows the character classification and case conversion locale.",
        ..FACT
    },
    Setting {
        name: "lock_timeout",
        description: "Sets the maximum allowed duration of any wait for a lock.",
        ..TIME
    },
    Setting {
        name: "max_identifier_length",
        default: "63",
        description: "Shows the maximum identifier length.",
        ..FACT
    },
    Setting {
        name: "max_prepared_transactions",
        default: "0",
        context: Context::Server,
        range: (0, 262_143),
        check: integer,
        description: "Sets the maximum number of simultaneously prepared transactions.",
        ..TEXT
    },
    Setting {
        name: "reckon.version",
        default: env!("CARGO_PKG_VERSION"),
        description: "Shows the version of Reckon itself.",
        ..FACT
    },
    Setting {
        name: "search_path",
        default: "\"$user\", public",
        check: search_path,
        description: "Sets the schema search order for names that are not schema-qualified.",
        ..TEXT
    },
    Setting {
        name: "server_encoding",
        default: "UTF8",
        report: true,
        description: "Shows the server (database) character set encoding.",
        ..FACT
    },
    Setting {
        name: "server_version",
        default: "15.18",
        report: true,
        description: "Shows the server version.",
        ..FACT
    },
    Setting {
        name: "server_version_num",
        default: "150018",
        description: "Shows the server version as an integer.",
        ..FACT
    },
    Setting {
        name: "session_authorization",
        report: true,
        description: "Sets the session user name.",
        ..FACT
    },
    Setting {
        name: "standard_conforming_strings",
        default: "on",
        report: true,
        check: always_on,
        description: "Causes '...' strings to treat backslashes literally.",
        ..TEXT
    },
    Setting {
        name: "statement_timeout",
        description: "Sets the maximum allowed duration of any statement.",
        ..TIME
    },
    Setting {
        name: "synchronous_commit",
        default: "on",
        words: &["local", "remote_write", "remote_apply", "on", "off"],
        description: "Sets the current transaction's synchronization level.",
        ..WORD
    },
    Setting {
        name: "TimeZone",
        default: "UTC",
        report: true,
        check: time_zone,
        description: "Sets the time zone for displaying and interpreting time stamps.",
        ..TEXT
    },
    Setting {
        name: "transaction_deferrable",
        default: "off",
        description: "Whether to defer a read-only serializable transaction until it can be executed \
                      with no possible serialization failures.",
        ..BOOL
    },
    Setting {
        name: "transaction_isolation",
        description: "Sets the current transaction's isolation level.",
        ..ISOLATION
    },
    Setting {
        name: "transaction_read_only",
        default: "off",
        description: "Sets the current transaction's read-only status.",
        ..BOOL
    },
    Setting {
        name: "work_mem",
        default: "4MB",
        range: (64, i32::MAX as i64),
        unit: Unit::Kilobytes,
        check: byte_size,
        description: "Sets the maximum memory to be used for query workspaces.",
        ..TEXT
    },
];
