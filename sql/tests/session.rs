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
    let options = ConnectOptions {
        user: "postgres".to_owned(),
        database: "postgres".to_owned(),
        backend_pid: None,
        settings: Vec::new(),
    };
    database.connect(options).expect("the superuser may connect")
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

/// What a client would see: rows and tags, or the error with its code and position.
fn show(session: &mut Session, sql: &str) -> String {
    match run(session, sql) {
        Ok(rows) => rows.join("\n"),
        Err(error) => match error.position() {
            Some(position) => format!("{} {error} at {position}", error.sqlstate()),
            None => format!("{} {error}", error.sqlstate()),
        },
    }
}

#[test]
fn statements_see_what_the_ones_before_them_did() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    for (sql, expected) in [
        ("create table t (id int primary key, v text)", "CREATE TABLE"),
        ("insert into t values (1, 'one'), (2, 'two')", "INSERT 0 2"),
        ("select v from t where id = 2", "two\nSELECT 1"),
        ("select * from t order by id desc", "2|two\n1|one\nSELECT 2"),
        ("update t set v = v || '!' where id = 1", "UPDATE 1"),
        ("select count(*), max(v) from t", "2|two\nSELECT 1"),
        (
            "insert into t values (1, 'x')",
            "23505 duplicate key value violates unique constraint \"t_pkey\"",
        ),
        ("delete from t where id = 2 returning *", "2|two\nDELETE 1"),
        ("select * from t", "1|one!\nSELECT 1"),
        ("select nope from t", "42703 column \"nope\" does not exist at 8"),
    ] {
        assert_eq!(show(&mut session, sql), expected, "{sql}");
    }
}

#[test]
fn a_definition_rolls_back_with_its_transaction() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    let made = "begin; create table t (id int primary key, v text); create index i on t (v); \
                insert into t values (3, 'three'); select id from t where v = 'three'; rollback";
    assert_eq!(
        show(&mut session, made),
        "BEGIN\nCREATE TABLE\nCREATE INDEX\nINSERT 0 1\n3\nSELECT 1\nROLLBACK"
    );
    assert_eq!(show(&mut session, "table t"), "42P01 relation \"t\" does not exist at 7");
}
