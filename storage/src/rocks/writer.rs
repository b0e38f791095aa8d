//! The way into the log.
//!
//! # Invariants
//!
//! 1. Records are numbered without gaps: a number is used up only by a write that succeeded.
//! 2. Numbers in `synced` were in the log before a sync began that succeeded.
//! 3. After the first failed write or sync nothing is written any more.
//! 4. A write that is refused leaves no trace. Once a compaction has met a damaged table file, RocksDB
//!    refuses every write before it looks at it; that this was the reason is known by the file it names
//!    and by its count of writes, which stands still.
//!
//! # Concurrency
//!
//! One latch, held for one write to RocksDB. It keeps RocksDB from merging two batches into one
//! record, which would hide the second stamp. Syncs do not take it for longer than a look.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use rocksdb::{DB, ErrorKind, WriteBatch, WriteOptions};

use super::meta;
use super::record::{LogEnd, Stamp};
use super::table::named_file;
use crate::error::Error;
use crate::store::Timestamp;

/// Room a batch starts with: header, stamp, end of the log and a few small rows.
const BATCH_BYTES: usize = 1024;

/// Writes records and syncs them.
pub(super) struct Writer {
    store: u64,
    options: WriteOptions,
    end: Mutex<LogEnd>,
    last: AtomicU64,
    synced: AtomicU64,
    failed: AtomicBool,
    /// Whether RocksDB has refused a write for damage; for the log.
    refused: AtomicBool,
}

impl Writer {
    /// Goes on from `end`, all of which is durable.
    pub(super) fn new(store: u64, end: LogEnd) -> Self {
        let mut options = WriteOptions::default();
        options.set_no_slowdown(true);
        Self {
            store,
            options,
            end: Mutex::new(end),
            last: AtomicU64::new(end.last.0),
            synced: AtomicU64::new(end.record),
            failed: AtomicBool::new(false),
            refused: AtomicBool::new(false),
        }
    }

    /// The last timestamp written.
    pub(super) fn last(&self) -> Timestamp {
        Timestamp(self.last.load(Ordering::Acquire))
    }

    /// Whether a write or sync has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Writes one record at a new timestamp.
    pub(super) fn append(
        &self,
        db: &DB,
        at: Timestamp,
        durable: Timestamp,
        fill: impl FnOnce(&mut WriteBatch),
    ) -> Result<(), Error> {
        let mut end = self.end.lock();
        self.refuse_if_failed()?;
        if at <= end.last {
            return Err(Error::OutOfOrder { at, last: end.last });
        }
        *end = self.write(db, LogEnd { record: end.record + 1, last: at }, durable, fill)?;
        self.last.store(at.0, Ordering::Release);
        Ok(())
    }

    /// Writes one record that belongs to no commit.
    pub(super) fn note(&self, db: &DB, fill: impl FnOnce(&mut WriteBatch)) -> Result<(), Error> {
        let mut end = self.end.lock();
        self.refuse_if_failed()?;
        let next = LogEnd { record: end.record + 1, last: end.last };
        *end = self.write(db, next, Timestamp::ZERO, fill)?;
        Ok(())
    }

    /// Fails if RocksDB takes no more writes because it met a damaged table file.
    pub(super) fn check(&self, db: &DB) -> Result<(), Error> {
        let mut options = WriteOptions::default();
        options.set_no_slowdown(true);
        options.disable_wal(true);
        let _end = self.end.lock();
        let before = db.latest_sequence_number();
        let answer = db.write_opt(WriteBatch::default(), &options);
        let refusal = answer.err().and_then(|error| self.refusal(db, before, &error));
        refusal.map_or(Ok(()), Err)
    }

    /// Hands the log to the operating system, and with `sync` to the disk.
    pub(super) fn flush(&self, db: &DB, sync: bool) -> Result<(), Error> {
        self.refuse_if_failed()?;
        let written = self.end.lock().record;
        db.flush_wal(sync).map_err(|error| self.fail("sync the log", &error))?;
        if sync {
            self.synced.fetch_max(written, Ordering::AcqRel);
        }
        Ok(())
    }

    fn write(
        &self,
        db: &DB,
        end: LogEnd,
        durable: Timestamp,
        fill: impl FnOnce(&mut WriteBatch),
    ) -> Result<LogEnd, Error> {
        let synced = self.synced.load(Ordering::Acquire);
        let mut batch = WriteBatch::with_capacity_bytes(BATCH_BYTES);
        batch.put_log_data(Stamp { store: self.store, end, durable, synced }.encode());
        fill(&mut batch);
        batch.put_cf(meta::family(db), meta::LAST, end.encode());
        let before = db.latest_sequence_number();
        match db.write_opt(batch, &self.options) {
            Ok(()) => Ok(end),
            Err(error) if error.kind() == ErrorKind::Incomplete => Err(Error::Stalled),
            Err(error) => {
                let refusal = self.refusal(db, before, &error);
                Err(refusal.unwrap_or_else(|| self.fail("write to the log", &error)))
            }
        }
    }

    /// What a write came to that found RocksDB refusing all of them for a damaged file, with `before` writes
    /// in it (invariant 4); `None` when it failed otherwise.
    fn refusal(&self, db: &DB, before: u64, error: &rocksdb::Error) -> Option<Error> {
        let message = error.to_string();
        let is_refused =
            error.kind() == ErrorKind::Corruption && db.latest_sequence_number() == before;
        let file = named_file(db.path(), &message).filter(|_| is_refused)?;
        if !self.refused.swap(true, Ordering::AcqRel) {
            let file = file.display();
            tracing::error!("table file {file} is damaged; writes are refused: {message}");
        }
        Some(Error::WritesRefused { file, message })
    }

    fn refuse_if_failed(&self) -> Result<(), Error> {
        if self.has_failed() { Err(Error::Failed) } else { Ok(()) }
    }

    fn fail(&self, action: &'static str, error: &rocksdb::Error) -> Error {
        if !self.failed.swap(true, Ordering::AcqRel) {
            // Whoever meets it next may end the process before the one who is told now.
            tracing::error!(%error, "could not {action}");
        }
        Error::WriteFailed { action, message: error.to_string() }
    }
}
