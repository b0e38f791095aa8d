//! SQLite, as an application that wants durability and speed sets it up.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};
use tempfile::TempDir;

use super::engine::Engine;

#[derive(Debug)]
pub(super) struct Sqlite {
    connection: Connection,
    _dir: TempDir,
}

impl Sqlite {
    /// A new database with `cache` bytes of page cache.
    pub(super) fn open(cache: usize) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let connection = Connection::open(dir.path().join("sqlite.db")).expect("open SQLite");
        let settings = format!(
            "pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -{}; \
             pragma temp_store = memory;",
            cache / 1024
        );
        connection.execute_batch(&settings).expect("set SQLite up");
        Self { connection, _dir: dir }
    }
}

impl Engine for Sqlite {
    fn run(&mut self, sql: &str) {
        // Only this spelling makes the key the table's order.
        let sql = sql.replace("bigint primary key", "integer primary key");
        self.connection.execute_batch(&sql).expect("SQLite runs a statement");
    }

    fn repeat(&mut self, sql: &str, next: &mut dyn FnMut() -> Option<Vec<i64>>) -> i64 {
        let mut statement = self.connection.prepare(sql).expect("SQLite prepares a statement");
        let columns = statement.column_count();
        let mut sum = 0_i64;
        while let Some(parameters) = next() {
            let mut rows = statement.query(params_from_iter(parameters)).expect("SQLite runs it");
            while let Some(row) = rows.next().expect("SQLite returns a row") {
                for column in 0..columns {
                    if let Ok(ValueRef::Integer(value)) = row.get_ref(column) {
                        sum = sum.wrapping_add(value);
                    }
                }
            }
        }
        sum
    }
}
