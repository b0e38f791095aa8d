//! Reckon's engine in this process.

use reckon_mvcc::SyncMode;
use reckon_sql::session::{Flow, Progress, RowEncoding, RowSink};
use reckon_sql::types::{Datum, Oid};
use reckon_sql::{ConnectOptions, Database, EngineOptions, Options, Session};
use tempfile::TempDir;

use super::engine::Engine;

/// `int8`, the type of every parameter.
const INT8: Oid = Oid(20);
/// The most parameters of a statement.
const PARAMETERS_MAX: usize = 3;
/// A format code of the protocol.
const BINARY: i16 = 1;

pub(crate) struct Reckon {
    session: Session,
    database: Database,
    _dir: TempDir,
}

impl Reckon {
    /// A new database with `cache` bytes of cache.
    pub(crate) fn open(cache: usize) -> Self {
        Self::open_with(EngineOptions { cache_size: cache, ..EngineOptions::default() })
    }

    /// A new database whose engine has these options; the log is synced by who commits.
    pub(crate) fn open_with(engine: EngineOptions) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let engine = EngineOptions { sync: SyncMode::Inline, ..engine };
        let options = Options { engine, ..Options::default() };
        let database = Database::open(&dir.path().join("data"), options).expect("open Reckon");
        let session = database
            .connect(ConnectOptions {
                user: "postgres".to_owned(),
                database: "postgres".to_owned(),
                settings: Vec::new(),
            })
            .expect("begin a session");
        Self { session, database, _dir: dir }
    }

    /// Runs a text of the simple protocol.
    pub(crate) fn text(&mut self, sql: &str) {
        let mut script = self.session.script(sql).expect("Reckon parses it");
        while self.session.next(&mut script).expect("Reckon plans it").is_some() {
            self.execute(&mut Sum(0));
        }
    }

    fn execute(&mut self, sum: &mut Sum) {
        let progress = self.session.execute("", 0, sum).expect("Reckon runs it");
        assert!(matches!(progress, Progress::Complete(_)), "{progress:?}");
        self.session.sync().expect("Reckon ends the statement");
        self.session.wait_until_durable();
    }
}

impl Drop for Reckon {
    fn drop(&mut self) {
        let _stopped = self.database.shutdown();
    }
}

impl Engine for Reckon {
    fn run(&mut self, sql: &str) {
        self.session.parse("", sql, &[]).expect("Reckon prepares a statement");
        self.session.bind("", "", &[], &[], &[]).expect("Reckon binds a statement");
        self.execute(&mut Sum(0));
    }

    fn repeat(&mut self, sql: &str, next: &mut dyn FnMut() -> Option<Vec<i64>>) -> i64 {
        self.session.close_statement("s");
        let types = vec![INT8; sql.matches('$').count()];
        self.session.parse("s", sql, &types).expect("Reckon prepares a statement");
        let mut sum = Sum(0);
        let mut bytes = [[0; 8]; PARAMETERS_MAX];
        while let Some(parameters) = next() {
            for (bytes, value) in bytes.iter_mut().zip(&parameters) {
                *bytes = value.to_be_bytes();
            }
            let values = bytes.each_ref().map(|bytes| Some(&bytes[..]));
            let values = &values[..parameters.len()];
            self.session.bind("", "s", &[BINARY], values, &[]).expect("Reckon binds it");
            self.execute(&mut sum);
        }
        sum.0
    }
}

/// Adds up the integers of all rows.
struct Sum(i64);

impl RowSink for Sum {
    fn row(&mut self, row: &[Datum], _encoding: &RowEncoding) -> Flow {
        for value in row {
            match value {
                Datum::Int4(value) => self.0 = self.0.wrapping_add(i64::from(*value)),
                Datum::Int8(value) => self.0 = self.0.wrapping_add(*value),
                _ => {}
            }
        }
        Flow::Go
    }

    fn copy_out(&mut self, _bytes: &[u8]) -> Flow {
        Flow::Go
    }
}
