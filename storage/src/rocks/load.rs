//! Bulk load: rows in any order become sorted table files, ingested once.
//!
//! ```text
//! add ── buffer ── full: sort ──▶ run 0 ┐
//!                  full: sort ──▶ run 1 ├─ finish: merge ──▶ table 0, table 1, ... ──▶ ingest
//!                                 rest  ┘
//! ```
//!
//! A load that fits the buffer never writes a run. Ingesting is one atomic step of RocksDB and
//! durable when it returns; until then all is in a directory of the load's own, which goes away with it.
//!
//! # Invariants
//!
//! 1. A run is sorted by key, and so is the merge; equal keys come together.
//! 2. Tables do not overlap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rocksdb::{ErrorKind, IngestExternalFileOptions, SstFileWriter};

use super::comparator::{StoredKey, stored_timestamp, write_stored_key};
use super::directory::io_result;
use super::engine::RocksStore;
use super::meta::{self, failed_to};
use super::run::{Run, RunWriter, SortBuffer};
use super::versions;
use crate::error::Error;
use crate::store::{KeyspaceId, Load, Loaded, Store as _, Timestamp};

/// Bytes at which a table is finished and the next one begun.
const TABLE_BYTES: u64 = 128 << 20;
/// Pauses between attempts to ingest: an eighth longer each time, about a minute together.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LAST_PAUSE: Duration = Duration::from_secs(8);
const ACTION: &str = "write a table of a bulk load";

/// A [`Load`] into RocksDB.
pub(super) struct RocksLoad {
    store: Arc<RocksStore>,
    keyspace: KeyspaceId,
    workspace: Workspace,
    buffer: SortBuffer,
    runs: Vec<PathBuf>,
}

impl RocksLoad {
    pub(super) fn begin(store: Arc<RocksStore>, keyspace: KeyspaceId) -> Result<Self, Error> {
        if versions::holds_versions(&store.db, keyspace)? {
            return Err(Error::NotEmpty { keyspace });
        }
        store.writer.check(&store.db)?;
        let path = store.directory.loads().join(keyspace.to_string());
        io_result("create", &path, std::fs::create_dir(&path))?;
        let workspace = Workspace { path };
        Ok(Self { store, keyspace, workspace, buffer: SortBuffer::default(), runs: Vec::new() })
    }

    fn spill(&mut self) -> Result<(), Error> {
        self.store.check_space()?;
        let path = self.workspace.path.join(format!("run{}", self.runs.len()));
        let mut run = RunWriter::create(&path)?;
        self.buffer.drain_sorted(|key, value| run.write(key, value))?;
        run.finish()?;
        self.runs.push(path);
        Ok(())
    }

    fn write_tables<'a>(&mut self, store: &'a RocksStore) -> Result<Tables<'a>, Error> {
        let mut tables = Tables::new(store, self.keyspace, self.workspace.path.clone());
        if self.runs.is_empty() {
            self.buffer.drain_sorted(|key, value| tables.write(key, value))?;
        } else {
            self.spill()?;
            merge(&self.runs, |key, value| tables.write(key, value))?;
        }
        tables.finish_table()?;
        Ok(tables)
    }

    fn write_and_ingest(&mut self, store: &RocksStore) -> Result<Loaded, Error> {
        let tables = self.write_tables(store)?;
        if !tables.paths.is_empty() {
            ingest(store, self.keyspace, &tables.paths)?;
        }
        Ok(Loaded { rows: tables.rows })
    }
}

impl Load for RocksLoad {
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.buffer.push(key, value);
        if self.buffer.bytes() < self.store.load_buffer_bytes {
            return Ok(());
        }
        self.spill().map_err(|error| self.store.space.explain(error))
    }

    fn finish(mut self: Box<Self>) -> Result<Loaded, Error> {
        let store = Arc::clone(&self.store);
        self.write_and_ingest(&store).map_err(|error| store.space.explain(error))
    }
}

/// Makes the tables part of the store. RocksDB refuses while a compaction runs whose range encloses
/// the keyspace, though it has none of its keys; that passes.
fn ingest(store: &RocksStore, keyspace: KeyspaceId, tables: &[PathBuf]) -> Result<(), Error> {
    let mut options = IngestExternalFileOptions::default();
    options.set_move_files(true);
    let mut pause = FIRST_PAUSE;
    loop {
        let family = meta::data(&store.db);
        match store.db.ingest_external_file_cf_opts(family, &options, tables.to_vec()) {
            Ok(()) => return Ok(()),
            Err(error)
                if error.kind() == ErrorKind::InvalidArgument
                    && pause < LAST_PAUSE
                    && !versions::holds_versions(&store.db, keyspace)? =>
            {
                std::thread::park_timeout(pause);
                pause += pause / 8;
            }
            Err(error) => return Err(failed_to("ingest a bulk load")(error)),
        }
    }
}

/// Hands the rows of all runs to `take`, in key order.
fn merge(
    runs: &[PathBuf],
    mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut open = Vec::with_capacity(runs.len());
    let mut heads = BinaryHeap::with_capacity(runs.len());
    for path in runs {
        let mut run = Run::open(path)?;
        if let Some(key) = run.next()? {
            heads.push(Reverse((key, open.len())));
        }
        open.push(run);
    }
    while let Some(mut head) = heads.peek_mut() {
        let Reverse((key, index)) = &mut *head;
        let run = &mut open[*index];
        take(key, run.value())?;
        match run.next_into(key)? {
            true => {}
            false => drop(std::collections::binary_heap::PeekMut::pop(head)),
        }
    }
    Ok(())
}

/// The table files of a load.
struct Tables<'a> {
    store: &'a RocksStore,
    keyspace: KeyspaceId,
    directory: PathBuf,
    writer: Option<SstFileWriter<'a>>,
    paths: Vec<PathBuf>,
    rows: u64,
    /// Stored form of the row being written, and of the one before.
    stored: StoredKey,
    previous: StoredKey,
}

impl<'a> Tables<'a> {
    fn new(store: &'a RocksStore, keyspace: KeyspaceId, directory: PathBuf) -> Self {
        let (stored, previous) = (StoredKey::new(), StoredKey::new());
        Self { store, keyspace, directory, writer: None, paths: vec![], rows: 0, stored, previous }
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        write_stored_key(&mut self.stored, self.keyspace, key);
        if self.stored == self.previous {
            return Err(Error::DuplicateKey { key: key.to_vec() });
        }
        if self.writer.as_ref().is_some_and(|writer| writer.file_size() >= TABLE_BYTES) {
            self.finish_table()?;
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                self.store.check_space()?;
                let path = self.directory.join(format!("table{}.sst", self.paths.len()));
                let writer = SstFileWriter::create(&self.store.tables);
                writer.open(&path).map_err(failed_to(ACTION))?;
                self.paths.push(path);
                self.writer.insert(writer)
            }
        };
        let timestamp = stored_timestamp(Timestamp::LOADED);
        writer.put_with_ts(&self.stored, timestamp, value).map_err(failed_to(ACTION))?;
        std::mem::swap(&mut self.stored, &mut self.previous);
        self.rows += 1;
        Ok(())
    }

    fn finish_table(&mut self) -> Result<(), Error> {
        match self.writer.take() {
            Some(mut writer) => writer.finish().map_err(failed_to(ACTION)),
            None => Ok(()),
        }
    }
}

/// A directory that goes away with its load.
struct Workspace {
    path: PathBuf,
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "could not remove a load's files");
        }
    }
}
