//! What a client would see of a text.

use reckon_sql::session::Progress;
use reckon_sql::{Error, Session};

use crate::support;

/// Rows and tags.
pub(crate) fn run(session: &mut Session, sql: &str) -> Result<Vec<String>, Error> {
    support::script(session, sql, |rows, progress| match progress {
        Progress::Complete(tag) => rows.0.push(tag.into_owned()),
        other => rows.0.push(format!("{other:?}")),
    })
}

/// The same in lines, or the error with its code and position.
pub(crate) fn show(session: &mut Session, sql: &str) -> String {
    match run(session, sql) {
        Ok(rows) => rows.join("\n"),
        Err(error) => match error.position() {
            Some(position) => format!("{} {error} at {position}", error.sqlstate()),
            None => format!("{} {error}", error.sqlstate()),
        },
    }
}
