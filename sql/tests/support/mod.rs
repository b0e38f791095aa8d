//! Sessions of the superuser, and what they answer as text.

use reckon_sql::session::{Flow, Progress, RowEncoding, RowSink};
use reckon_sql::types::Datum;
use reckon_sql::{ConnectOptions, Database, Error, Session};

/// Rows and lines of COPY as text, each column between bars.
#[derive(Default)]
pub(crate) struct Rows(pub(crate) Vec<String>);

impl RowSink for Rows {
    fn row(&mut self, row: &[Datum], encoding: &RowEncoding) -> Flow {
        let mut line = Vec::new();
        for (column, value) in row.iter().enumerate() {
            let mut text = bytes::BytesMut::new();
            if value.is_null() {
                line.push("NULL".to_owned());
                continue;
            }
            encoding.write(column, value, &mut text);
            line.push(String::from_utf8_lossy(&text).into_owned());
        }
        self.0.push(line.join("|"));
        Flow::Go
    }

    fn copy_out(&mut self, bytes: &[u8]) -> Flow {
        self.0.push(String::from_utf8_lossy(bytes).trim_end().to_owned());
        Flow::Go
    }
}

pub(crate) fn session(database: &Database) -> Session {
    let options = ConnectOptions {
        user: "postgres".to_owned(),
        database: "postgres".to_owned(),
        settings: Vec::new(),
    };
    database.connect(options).expect("the superuser may connect")
}

/// The rows of a text's statements, with what `ended` adds behind each. When it returns, other sessions
/// see what was done, as they do when a client has its answer.
pub(crate) fn script(
    session: &mut Session,
    sql: &str,
    ended: impl FnMut(&mut Rows, Progress),
) -> Result<Vec<String>, Error> {
    let mut rows = Rows::default();
    let ran = statements(session, sql, &mut rows, ended);
    session.wait_until_durable();
    ran.map(|()| rows.0)
}

fn statements(
    session: &mut Session,
    sql: &str,
    rows: &mut Rows,
    mut ended: impl FnMut(&mut Rows, Progress),
) -> Result<(), Error> {
    let mut script = session.script(sql)?;
    while session.next(&mut script)?.is_some() {
        let progress = session.execute("", 0, rows)?;
        ended(rows, progress);
    }
    Ok(())
}
