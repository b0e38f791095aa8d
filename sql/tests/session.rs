//! Statements through a session, over the store in memory.

use reckon_sql::session::{Flow, Progress, RowEncoding, RowSink};
use reckon_sql::types::Datum;
use reckon_sql::{ConnectOptions, Database, Error, Options, Session};

/// Rows in text form.
#[derive(Default)]
struct Rows(Vec<String>);

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

fn session(database: &Database) -> Session {
    database
        .connect(ConnectOptions {
            user: "postgres".to_owned(),
            database: "postgres".to_owned(),
            backend_pid: None,
            settings: Vec::new(),
        })
        .unwrap()
}

fn run(session: &mut Session, sql: &str) -> Result<Vec<String>, Error> {
    let mut script = session.script(sql)?;
    let mut rows = Rows::default();
    while session.next(&mut script)?.is_some() {
        match session.execute("", 0, &mut rows)? {
            Progress::Complete(tag) => rows.0.push(tag),
            other => rows.0.push(format!("{other:?}")),
        }
    }
    Ok(rows.0)
}

fn show(session: &mut Session, sql: &str) -> String {
    match run(session, sql) {
        Ok(rows) => rows.join("\n"),
        Err(error) => format!("{} {error} {:?}", error.sqlstate(), error.position()),
    }
}

#[test]
fn a_row_is_written_and_found_by_its_key() {
    let database = Database::open_in_memory(Options::default()).unwrap();
    let mut session = session(&database);
    for sql in [
        "create table t (id int primary key, v text)",
        "insert into t values (1, 'one'), (2, 'two')",
        "select v from t where id = 2",
        "select * from t order by id desc",
        "update t set v = v || '!' where id = 1",
        "select count(*), max(v) from t",
        "insert into t values (1, 'x')",
        "delete from t where id = 2 returning *",
        "select * from t",
        "begin; create index i on t (v); insert into t values (3, 'three'); select * from t where v = 'three'; rollback",
        "select nope from t",
        "select * from t where id in (select generate_series(1, 10))",
    ] {
        println!("> {sql}\n{}", show(&mut session, sql));
    }
}
