//! The settings as the engine reads them: parsed once when they change, not where they are used.

use jiff::tz::TimeZone;

use super::Level;
use super::value::{parse_kilobytes, parse_milliseconds, path_names, zone_of};
use crate::session::Severity;
use crate::types::{ByteaOutput, DateOrder, DateStyle, Formats, IntervalStyle};

/// Parsed values.
#[derive(Clone, Debug)]
pub struct Effective {
    /// How values are written and read.
    pub formats: Formats,
    /// search_path, `"$user"` included.
    pub search_path: Vec<String>,
    /// statement_timeout; 0: none.
    pub statement_timeout_ms: u64,
    /// lock_timeout; 0: none.
    pub lock_timeout_ms: u64,
    /// deadlock_timeout; 0: the engine's own.
    pub deadlock_timeout_ms: u64,
    /// idle_in_transaction_session_timeout; 0: none.
    pub idle_in_transaction_timeout_ms: u64,
    /// client_min_messages, as the least severity that is told.
    pub least_notice: Severity,
    /// synchronous_commit.
    pub synchronous_commit: bool,
    /// work_mem in bytes.
    pub work_mem_bytes: usize,
    /// default_transaction_isolation.
    pub default_isolation: Level,
    /// default_transaction_deferrable.
    pub default_deferrable: bool,
    /// default_transaction_read_only.
    pub default_read_only: bool,
}

impl Default for Effective {
    fn default() -> Effective {
        Effective {
            formats: Formats::default(),
            search_path: Vec::new(),
            statement_timeout_ms: 0,
            lock_timeout_ms: 0,
            deadlock_timeout_ms: 0,
            idle_in_transaction_timeout_ms: 0,
            least_notice: Severity::Notice,
            synchronous_commit: true,
            work_mem_bytes: 0,
            default_isolation: Level::ReadCommitted,
            default_deferrable: false,
            default_read_only: false,
        }
    }
}

impl Effective {
    /// Takes over one checked value.
    pub(super) fn apply(&mut self, name: &str, value: &str) {
        let formats = &mut self.formats;
        match name {
            "bytea_output" => {
                formats.bytea_output =
                    if value == "hex" { ByteaOutput::Hex } else { ByteaOutput::Escape };
            }
            "DateStyle" => (formats.date_style, formats.date_order) = parse_date_style(value),
            "extra_float_digits" => formats.extra_float_digits = value.parse().unwrap_or(1),
            "IntervalStyle" => formats.interval_style = parse_interval_style(value),
            "TimeZone" => formats.time_zone = zone_of(value).unwrap_or(TimeZone::UTC),
            "search_path" => self.search_path = path_names(value).unwrap_or_default(),
            "statement_timeout" => self.statement_timeout_ms = parse_milliseconds(value),
            "deadlock_timeout" => self.deadlock_timeout_ms = parse_milliseconds(value),
            "client_min_messages" => {
                self.least_notice = match value {
                    "notice" => Severity::Notice,
                    "warning" => Severity::Warning,
                    "error" => Severity::Info,
                    _ => Severity::Log,
                };
            }
            "lock_timeout" => self.lock_timeout_ms = parse_milliseconds(value),
            "idle_in_transaction_session_timeout" => {
                self.idle_in_transaction_timeout_ms = parse_milliseconds(value);
            }
            // There are no standbys, so whatever is not off waits for the own disk.
            "synchronous_commit" => self.synchronous_commit = value != "off",
            "work_mem" => self.work_mem_bytes = parse_kilobytes(value) * 1024,
            "default_transaction_isolation" => {
                self.default_isolation = Level::named(value).unwrap_or(Level::ReadCommitted);
            }
            "default_transaction_deferrable" => self.default_deferrable = value == "on",
            "default_transaction_read_only" => self.default_read_only = value == "on",
            // Read as text where they are asked for.
            _ => {}
        }
    }
}

fn parse_date_style(canonical: &str) -> (DateStyle, DateOrder) {
    let (style, order) = canonical.split_once(", ").unwrap_or((canonical, "MDY"));
    let style = match style {
        "SQL" => DateStyle::Sql,
        "Postgres" => DateStyle::Postgres,
        "German" => DateStyle::German,
        _ => DateStyle::Iso,
    };
    let order = match order {
        "DMY" => DateOrder::Dmy,
        "YMD" => DateOrder::Ymd,
        _ => DateOrder::Mdy,
    };
    (style, order)
}

fn parse_interval_style(canonical: &str) -> IntervalStyle {
    match canonical {
        "postgres_verbose" => IntervalStyle::PostgresVerbose,
        "sql_standard" => IntervalStyle::SqlStandard,
        "iso_8601" => IntervalStyle::Iso8601,
        _ => IntervalStyle::Postgres,
    }
}
