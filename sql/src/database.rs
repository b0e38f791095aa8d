//! An open data directory, and how sessions begin.

use std::collections::{HashMap, HashSet};
#[cfg(feature = "rocks")]
use std::path::Path;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use reckon_mvcc::{
    Engine, Isolation, KeyspaceId, MemoryStore, Reason, SessionId, Store, Timestamp,
};

use crate::catalog::{self, Cache, Cluster, DatabaseDefinition, Role};
#[cfg(feature = "rocks")]
use crate::error::ExecutionError;
use crate::error::{Error, NameError, Result, StatementError};
use crate::exec::RowIds;
use crate::session::{Activities, Channels, ConnectOptions, Session};
use crate::types::Oid;

/// An open data directory. Clones share it.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) catalogs: Cache,
    /// Where sorts and hashes spill.
    pub(crate) spill_dir: PathBuf,
    pub(crate) row_ids: Arc<RowIds>,
    pub(crate) table_sizes: TableSizes,
    pub(crate) presence: Presence,
    pub(crate) activities: Activities,
    pub(crate) channels: Channels,
    stop: OnceLock<Box<Stop>>,
}

/// Stops a session from outside; false when there is none.
type Stop = dyn Fn(i32, Reason) -> bool + Send + Sync;

/// How a data directory is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The engine's own options.
    pub engine: reckon_mvcc::Options,
    /// RocksDB's write buffer in bytes; several of them exist.
    pub write_buffer_bytes: usize,
    /// RocksDB's block cache in bytes.
    pub block_cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            engine: reckon_mvcc::Options::default(),
            write_buffer_bytes: 64 << 20,
            block_cache_bytes: 64 << 20,
        }
    }
}

impl Database {
    /// Opens a data directory, or makes it when there is none.
    ///
    /// # Errors
    ///
    /// When the directory is in use, is something else, or is damaged; the message says what to do.
    #[cfg(feature = "rocks")]
    pub fn open(dir: &Path, options: Options) -> Result<Database> {
        let spill_dir = dir.join("spill");
        let rocks = reckon_mvcc::RocksOptions {
            write_buffer_bytes: options.write_buffer_bytes,
            block_cache_bytes: options.block_cache_bytes,
            ..reckon_mvcc::RocksOptions::default()
        };
        let store = reckon_mvcc::RocksStore::open(dir, rocks).map_err(reckon_mvcc::Error::from)?;
        make_empty(&spill_dir)?;
        Database::over(Arc::new(store), options, spill_dir)
    }

    /// A database that is gone when the last handle is dropped, for tests.
    ///
    /// # Errors
    ///
    /// As of [`Database::open`].
    pub fn open_in_memory(options: Options) -> Result<Database> {
        Database::over(Arc::new(MemoryStore::new()), options, std::env::temp_dir())
    }

    fn over(store: Arc<dyn Store>, options: Options, spill_dir: PathBuf) -> Result<Database> {
        let engine = Engine::open(store, options.engine)?;
        catalog::create_cluster(&engine)?;
        let database = Database(Arc::new(Inner {
            table_sizes: TableSizes::new(engine.clone()),
            presence: Presence::default(),
            activities: Activities::default(),
            channels: Channels::default(),
            stop: OnceLock::new(),
            engine,
            catalogs: Cache::default(),
            spill_dir,
            row_ids: Arc::new(RowIds::default()),
        }));
        database.sweep()?;
        let row_ids = &database.0.row_ids;
        database.engine().prepared_keys(|keyspace, key| row_ids.keep_back(keyspace, key));
        let row_ids = Arc::clone(row_ids);
        database.engine().when_removed(move |keyspace| row_ids.forget(keyspace));
        Ok(database)
    }

    /// Drops keyspaces that no catalog names: what a crash left behind.
    fn sweep(&self) -> Result<()> {
        let mut session = self.0.engine.session();
        let mut transaction = session.begin(Isolation::ReadCommitted, true);
        let snapshot = transaction.snapshot();
        let mut live = HashSet::from([catalog::record::CLUSTER]);
        for database in Cluster::load(&transaction, &snapshot)?.databases {
            live.insert(database.catalog);
            let contents = catalog::Catalog::load(&transaction, &snapshot, database.catalog)?;
            for table in contents.tables() {
                live.extend(table.keyspaces());
            }
        }
        transaction.rollback();
        self.0.engine.drop_orphans(&live)?;
        Ok(())
    }

    /// The engine below, for durability and figures.
    #[inline]
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// How sessions are stopped by `pg_cancel_backend` and `pg_terminate_backend`, for whoever knows more of
    /// them than the engine does. Set once.
    pub fn stop_sessions_by(&self, stop: impl Fn(i32, Reason) -> bool + Send + Sync + 'static) {
        // A second one would not be asked.
        let _ = self.0.stop.set(Box::new(stop));
    }

    /// Stops a session's statement, or the session; false when there is none.
    pub(crate) fn stop_session(&self, pid: i32, reason: Reason) -> bool {
        if let Some(stop) = self.0.stop.get() {
            return stop(pid, reason);
        }
        let session = u32::try_from(pid).ok().map(SessionId);
        let interrupt = session.and_then(|session| self.0.engine.interrupt(session));
        interrupt.is_some_and(|interrupt| {
            interrupt.set(reason);
            true
        })
    }

    #[inline]
    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// What belongs to all databases, as of now.
    ///
    /// # Errors
    ///
    /// What reading may give.
    pub fn cluster(&self) -> Result<Cluster> {
        let mut session = self.0.engine.session();
        let mut transaction = session.begin(Isolation::ReadCommitted, true);
        let snapshot = transaction.snapshot();
        let cluster = Cluster::load(&transaction, &snapshot);
        transaction.rollback();
        cluster
    }

    /// A role by name, for authentication.
    ///
    /// # Errors
    ///
    /// What reading may give.
    pub fn role(&self, name: &str) -> Result<Option<Role>> {
        Ok(self.cluster()?.role(name).cloned())
    }

    /// Sets a role's SCRAM verifier, durably.
    ///
    /// # Errors
    ///
    /// 42704 when there is no such role, and what writing may give.
    pub fn set_password(&self, role: &str, verifier: &str) -> Result<()> {
        let mut found =
            self.role(role)?.ok_or_else(|| NameError::UndefinedRole { name: role.to_owned() })?;
        found.password = Some(verifier.to_owned());
        let mut session = self.0.engine.session();
        let mut transaction = session.begin(Isolation::ReadCommitted, false);
        catalog::put(&mut transaction, catalog::record::CLUSTER, &found)?;
        let committed = transaction.commit()?;
        self.0.engine.on_durable(committed.durable_needed).wait();
        Ok(())
    }

    /// Begins a session. Authentication is the caller's.
    ///
    /// # Errors
    ///
    /// 28000 for an unknown role, 3D000 for an unknown database, and what a setting in `options`
    /// may give.
    pub fn connect(&self, options: ConnectOptions) -> Result<Session> {
        let (user, database) = self.admit(&options)?;
        Session::new(self.clone(), user, database, options)
    }

    fn admit(&self, options: &ConnectOptions) -> Result<(Role, DatabaseDefinition)> {
        let cluster = self.cluster()?;
        let user = cluster
            .role(&options.user)
            .ok_or_else(|| StatementError::UndefinedLogin { role: options.user.clone() })?;
        let database = cluster
            .database(&options.database)
            .ok_or_else(|| NameError::UndefinedDatabase { name: options.database.clone() })?;
        if !database.allow_connections {
            let name = database.name.clone();
            return Err(Error::from(StatementError::NoConnectionsAllowed { database: name }));
        }
        Ok((user.clone(), database.clone()))
    }

    /// Syncs everything and stops the engine's threads.
    ///
    /// # Errors
    ///
    /// What the last sync may give.
    pub fn shutdown(&self) -> Result<()> {
        Ok(self.0.engine.shutdown()?)
    }
}

/// Makes the directory of temporary files, without what a crash left in it.
#[cfg(feature = "rocks")]
fn make_empty(dir: &Path) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::from(ExecutionError::TemporaryFile { error: error.to_string(), full: false })
    };
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
        _ => std::fs::create_dir(dir).map_err(failed),
    }
}

/// How many sessions each database has, and which are being dropped: nobody enters these. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presence(Arc<Mutex<HashMap<Oid, Doors>>>);

#[derive(Debug, Default)]
struct Doors {
    inside: usize,
    closed: bool,
}

/// Keeps sessions out of a database, until it is dropped if it is not gone.
#[derive(Debug)]
pub(crate) struct Closed {
    presence: Presence,
    database: Oid,
    is_gone: bool,
}

impl Presence {
    /// A session begins. False: the database is closed.
    pub(crate) fn enter(&self, database: Oid) -> bool {
        let mut databases = self.0.lock();
        let doors = databases.entry(database).or_default();
        doors.inside += usize::from(!doors.closed);
        !doors.closed
    }

    /// A session ends.
    pub(crate) fn leave(&self, database: Oid) {
        if let Some(doors) = self.0.lock().get_mut(&database) {
            doors.inside = doors.inside.saturating_sub(1);
        }
    }

    /// Closes a database without sessions.
    ///
    /// # Errors
    ///
    /// How many sessions it has.
    pub(crate) fn close(&self, database: Oid) -> std::result::Result<Closed, usize> {
        let mut databases = self.0.lock();
        let doors = databases.entry(database).or_default();
        if doors.inside > 0 {
            return Err(doors.inside);
        }
        doors.closed = true;
        Ok(Closed { presence: self.clone(), database, is_gone: false })
    }
}

impl Closed {
    /// The database is gone: who has looked it up before does not come in any more. Its OID is not
    /// given out again.
    pub(crate) fn forever(mut self) {
        self.is_gone = true;
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        if let Some(doors) = self.presence.0.lock().get_mut(&self.database) {
            doors.closed = self.is_gone;
        }
    }
}

/// Row counts from the bytes a table takes.
pub(crate) struct TableSizes {
    engine: Engine,
    known: Mutex<HashMap<KeyspaceId, (Timestamp, u64)>>,
}

/// How long a size is good for, in microseconds: asking the store costs more than a simple plan.
const SIZE_AGE_MAX: u64 = 1_000_000;

/// Bytes of a row besides its columns, and of a column, as stored.
const ROW_BYTES: f64 = 24.0;
const COLUMN_BYTES: f64 = 8.0;

/// Up to this factor sizes are the same: how many bytes a row takes changes with compression.
const SAME_SIZE: f64 = 4.0;

impl TableSizes {
    fn new(engine: Engine) -> TableSizes {
        TableSizes { engine, known: Mutex::default() }
    }

    /// Bytes of a keyspace, at most [`SIZE_AGE_MAX`] old.
    fn bytes(&self, keyspace: KeyspaceId) -> Option<u64> {
        let now = self.engine.now();
        if let Some((at, bytes)) = self.known.lock().get(&keyspace)
            && now.0.saturating_sub(at.0) < SIZE_AGE_MAX
        {
            return Some(*bytes);
        }
        let bytes = self.engine.size(keyspace).ok()?;
        self.note(keyspace, bytes);
        Some(bytes)
    }

    /// The size of a keyspace as of now.
    pub(crate) fn note(&self, keyspace: KeyspaceId, bytes: u64) {
        self.known.lock().insert(keyspace, (self.engine.now(), bytes));
    }

    /// Rows of a table: as many as ANALYZE counted, unless it has grown far beyond them since; else
    /// as its size says, or as many as came since the start: new rows are in no file yet, and those
    /// that are in one were new once.
    pub(crate) fn rows(
        &self,
        table: &catalog::Table,
        analyzed: Option<&catalog::TableStatistics>,
    ) -> Option<f64> {
        let bytes = self.bytes(table.keyspace)? as f64;
        let row_bytes = ROW_BYTES + COLUMN_BYTES * table.columns.len() as f64;
        let added = self.engine.rows_added(table.keyspace) as f64;
        let Some(analyzed) = analyzed else { return Some(added.max(bytes / row_bytes)) };
        let rows = analyzed.rows as f64;
        if added > SAME_SIZE * rows {
            return Some(added);
        }
        let then = (analyzed.bytes as f64).max(rows * row_bytes).max(row_bytes);
        Some(if bytes > SAME_SIZE * then { rows.max(1.0) * bytes / then } else { rows })
    }
}

impl catalog::Table {
    /// Every keyspace that holds rows or entries of the table.
    pub fn keyspaces(&self) -> impl Iterator<Item = KeyspaceId> {
        std::iter::once(self.keyspace).chain(self.indexes.iter().map(|index| index.keyspace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_enters_a_database_that_is_being_dropped() {
        let (presence, database) = (Presence::default(), Oid(5));
        assert!(presence.enter(database));
        assert_eq!(presence.close(database).err(), Some(1));
        presence.leave(database);
        let closed = presence.close(database).expect("everybody has left");
        assert!(!presence.enter(database));
        drop(closed);
        assert!(presence.enter(database), "it was not dropped after all");
        presence.leave(database);
        presence.close(database).expect("everybody has left").forever();
        assert!(!presence.enter(database), "it was looked up before it was dropped");
    }
}
