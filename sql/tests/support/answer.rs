//! What a text answers, in one line.

use reckon_sql::{Error, Session};

use crate::support;

/// Rows, with spaces between them.
pub(crate) fn try_run(session: &mut Session, sql: &str) -> Result<String, Error> {
    support::script(session, sql, |_, _| ()).map(|rows| rows.join(" "))
}

/// The same, or the SQLSTATE.
pub(crate) fn run(session: &mut Session, sql: &str) -> String {
    try_run(session, sql).unwrap_or_else(|error| error.sqlstate().to_string())
}
