//! [`RocksStore`]: the contract, call by call.
//!
//! # Concurrency
//!
//! Three latches: the writer's (one write), the allocation of keyspace ids (a synced write once in
//! a while, so it is taken before the writer's), raising the low mark (one write of RocksDB's
//! manifest). Reads take none of them.
//!
//! The low mark is published before RocksDB learns of it. So a read that RocksDB refuses for its
//! age finds the reason here.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rocksdb::{
    BottommostLevelCompaction, CompactOptions, DB, ErrorKind, FlushOptions, Range, ReadOptions,
    ReadTier,
};

use super::comparator::{self, keyspace_end, stored_key, stored_successor, stored_timestamp};
use super::cursor::RocksCursor;
use super::directory::Directory;
use super::dropped::Dropped;
use super::load::RocksLoad;
use super::meta::{self, failed_to};
use super::open;
use super::options::Options;
use super::space::SpaceWatch;
use super::table::{self, Asked};
use super::versions::{self, Versions};
use super::writer::Writer;
use crate::error::Error;
use crate::store::{
    Cursor, Direction, KeyRange, KeyspaceId, Load, Read, Statistics, Store, Tier, Timestamp,
    Version, Write,
};

/// Keyspace ids reserved by one synced write.
const RESERVED_KEYSPACES: u32 = 32;
/// Pause between looks at a store that refuses writes.
const STALL_PAUSE: Duration = Duration::from_millis(1);
/// Looks after which somebody who waits may see whether they are still to wait.
const STALL_LOOKS: usize = 100;
/// Longer than every key in use; bounds a keyspace from inside.
const LAST_KEY: [u8; 256] = [u8::MAX; 256];

/// A [`Store`] on RocksDB. Closing it flushes everything, so that the next start has nothing to
/// replay.
pub struct RocksStore {
    // Closed before the directory is released.
    pub(super) db: DB,
    pub(super) directory: Directory,
    pub(super) writer: Writer,
    pub(super) dropped: Dropped,
    pub(super) space: SpaceWatch,
    pub(super) allocation: Mutex<Allocation>,
    pub(super) low_mark: AtomicU64,
    pub(super) raising: Mutex<()>,
    /// How table files of a load are written.
    pub(super) tables: rocksdb::Options,
    pub(super) load_buffer_bytes: usize,
    pub(super) counters: Counters,
}

/// Keyspace ids from `next` to `limit` are ours to give out.
pub(super) struct Allocation {
    next: KeyspaceId,
    limit: KeyspaceId,
}

impl Allocation {
    pub(super) fn starting_at(first_free: KeyspaceId) -> Self {
        Self { next: first_free, limit: first_free }
    }
}

#[derive(Default)]
pub(super) struct Counters {
    appends: AtomicU64,
    stalls: AtomicU64,
    reads: AtomicU64,
    incomplete_reads: AtomicU64,
    cursors: AtomicU64,
    log_syncs: AtomicU64,
}

impl RocksStore {
    /// Opens the store in `directory`, and makes one if that is empty or does not exist.
    pub fn open(directory: &Path, options: Options) -> Result<Self, Error> {
        open::open(directory, &options)
    }

    /// Writes a record that belongs to no commit and waits until it is durable.
    fn note(&self, fill: impl Fn(&mut rocksdb::WriteBatch)) -> Result<(), Error> {
        loop {
            match self.writer.note(&self.db, &fill) {
                Err(Error::Stalled) => self.wait_until_writable(),
                Err(error) => return Err(error),
                Ok(()) => return self.flush_log(true),
            }
        }
    }

    /// One commit, and whatever else `also` puts into its batch.
    fn append_with(
        &self,
        writes: &mut dyn Iterator<Item = Write<'_>>,
        at: Timestamp,
        durable: Timestamp,
        also: impl FnOnce(&mut rocksdb::WriteBatch),
    ) -> Result<(), Error> {
        let family = meta::data(&self.db);
        let timestamp = stored_timestamp(at);
        let mut stored = comparator::StoredKey::new();
        let appended = self.writer.append(&self.db, at, durable, |batch| {
            for Write { keyspace, key, value } in writes {
                comparator::write_stored_key(&mut stored, keyspace, key);
                match value {
                    Some(value) => batch.put_cf_with_ts(family, &stored, timestamp, value),
                    None => batch.delete_cf_with_ts(family, &stored, timestamp),
                }
            }
            also(batch);
        });
        match &appended {
            Ok(()) => self.counters.appends.fetch_add(1, Ordering::Relaxed),
            Err(Error::Stalled) => self.counters.stalls.fetch_add(1, Ordering::Relaxed),
            Err(_) => 0,
        };
        appended
    }

    fn property(&self, name: &str) -> u64 {
        self.family_property(meta::data(&self.db), name)
            + self.family_property(meta::family(&self.db), name)
    }

    /// Flushes and compactions that failed since the store was opened. RocksDB counts them on no family of ours.
    fn background_errors(&self) -> u64 {
        self.db.property_int_value("rocksdb.background-errors").ok().flatten().unwrap_or(0)
    }

    fn family_property(&self, family: &rocksdb::ColumnFamily, name: &str) -> u64 {
        self.db.property_int_value_cf(family, name).ok().flatten().unwrap_or(0)
    }

    /// An error of a read at `at`, which may have come too late for that timestamp.
    fn read_error(
        &self,
        at: Timestamp,
        keyspace: KeyspaceId,
        key: &[u8],
        error: rocksdb::Error,
    ) -> Error {
        match self.refuse_if_collected(at) {
            Err(collected) if error.kind() == ErrorKind::InvalidArgument => collected,
            _ => {
                let lower = stored_key(keyspace, key);
                let upper = stored_successor(keyspace, key);
                let asked = Asked { keyspace, lower: &lower, upper: Some(&upper) };
                table::read_failed(&self.db, "read a row", &asked, error)
            }
        }
    }

    fn low_mark(&self) -> Timestamp {
        Timestamp(self.low_mark.load(Ordering::Acquire))
    }

    fn refuse_if_collected(&self, at: Timestamp) -> Result<(), Error> {
        let low_mark = self.low_mark();
        if at < low_mark { Err(Error::HistoryCollected { at, low_mark }) } else { Ok(()) }
    }

    fn close(&self) -> Result<(), Error> {
        self.flush_log(true)?;
        let mut flush = FlushOptions::default();
        flush.set_wait(true);
        let families = [meta::data(&self.db), meta::family(&self.db)];
        self.db.flush_cfs_opt(&families, &flush).map_err(failed_to("flush the memtables"))
    }
}

impl Drop for RocksStore {
    fn drop(&mut self) {
        if !self.writer.has_failed()
            && let Err(error) = self.close()
        {
            tracing::error!(%error, "could not close the store cleanly; the log has everything");
        }
    }
}

impl Store for RocksStore {
    fn read(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        at: Timestamp,
        tier: Tier,
    ) -> Result<Read<Option<Vec<u8>>>, Error> {
        self.counters.reads.fetch_add(1, Ordering::Relaxed);
        let mut options = ReadOptions::default();
        options.set_timestamp(stored_timestamp(at));
        if tier == Tier::Memory {
            options.set_read_tier(ReadTier::BlockCache);
        }
        let stored = stored_key(keyspace, key);
        match self.db.get_pinned_cf_opt(meta::data(&self.db), &stored, &options) {
            Ok(value) => Ok(Read::Done(value.map(|value| value.to_vec()))),
            Err(error) if tier == Tier::Memory && error.kind() == ErrorKind::Incomplete => {
                self.counters.incomplete_reads.fetch_add(1, Ordering::Relaxed);
                Ok(Read::Incomplete)
            }
            Err(error) => Err(self.read_error(at, keyspace, key, error)),
        }
    }

    fn newest(&self, keyspace: KeyspaceId, key: &[u8]) -> Result<Option<Version>, Error> {
        self.counters.reads.fetch_add(1, Ordering::Relaxed);
        let versions = Versions::of_key(&self.db, keyspace, key, Timestamp::ZERO);
        Ok(versions.first()?.map(|version| Version {
            timestamp: version.timestamp,
            value: version.value.map(<[u8]>::to_vec),
        }))
    }

    fn changed_since(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        since: Timestamp,
    ) -> Result<bool, Error> {
        self.counters.reads.fetch_add(1, Ordering::Relaxed);
        let Some(from) = since.0.checked_add(1).map(Timestamp) else { return Ok(false) };
        Ok(Versions::of_key(&self.db, keyspace, key, from).first()?.is_some())
    }

    fn cursor(
        &self,
        keyspace: KeyspaceId,
        range: &KeyRange,
        at: Timestamp,
        direction: Direction,
    ) -> Result<Box<dyn Cursor + '_>, Error> {
        self.counters.cursors.fetch_add(1, Ordering::Relaxed);
        let cursor = RocksCursor::open(&self.db, keyspace, range, at, direction);
        self.refuse_if_collected(at)?;
        Ok(Box::new(cursor))
    }

    fn append(
        &self,
        writes: &mut dyn Iterator<Item = Write<'_>>,
        at: Timestamp,
        durable: Timestamp,
    ) -> Result<(), Error> {
        self.append_with(writes, at, durable, |_| {})
    }

    fn append_removing(
        &self,
        writes: &mut dyn Iterator<Item = Write<'_>>,
        control: &str,
        at: Timestamp,
        durable: Timestamp,
    ) -> Result<(), Error> {
        let (family, key) = (meta::family(&self.db), meta::control_key(control));
        self.append_with(writes, at, durable, |batch| batch.delete_cf(family, &key))
    }

    fn wait_until_writable(&self) {
        for _ in 0..STALL_LOOKS {
            std::thread::park_timeout(STALL_PAUSE);
            let delayed = self.property("rocksdb.actual-delayed-write-rate") > 0;
            if !delayed && self.property("rocksdb.is-write-stopped") == 0 {
                return;
            }
        }
    }

    fn flush_log(&self, sync: bool) -> Result<(), Error> {
        self.writer.flush(&self.db, sync)?;
        self.counters.log_syncs.fetch_add(u64::from(sync), Ordering::Relaxed);
        Ok(())
    }

    fn last_timestamp(&self) -> Timestamp {
        self.writer.last()
    }

    fn allocate_keyspace(&self) -> Result<KeyspaceId, Error> {
        let mut allocation = self.allocation.lock();
        let id = allocation.next;
        let next = KeyspaceId(id.0.checked_add(1).ok_or(Error::KeyspacesExhausted)?);
        if id == allocation.limit {
            let limit = KeyspaceId(id.0.saturating_add(RESERVED_KEYSPACES));
            let family = meta::family(&self.db);
            self.note(|batch| batch.put_cf(family, meta::KEYSPACES, limit.0.to_be_bytes()))?;
            allocation.limit = limit;
        }
        allocation.next = next;
        Ok(id)
    }

    fn drop_keyspace(&self, keyspace: KeyspaceId) -> Result<(), Error> {
        let family = meta::family(&self.db);
        self.note(|batch| batch.put_cf(family, meta::dropped_key(keyspace), []))?;
        self.dropped.insert(keyspace);
        // Files that end with the bound itself go too, so it must not be a key of the next one.
        let (first, last) = (stored_key(keyspace, &[]), stored_key(keyspace, &LAST_KEY));
        let family = meta::data(&self.db);
        let deleted = self.db.delete_file_in_range_cf(family, first, last);
        deleted.map_err(failed_to("delete the files of a dropped keyspace"))
    }

    fn load(self: Arc<Self>, keyspace: KeyspaceId) -> Result<Box<dyn Load>, Error> {
        Ok(Box::new(RocksLoad::begin(self, keyspace)?))
    }

    fn raise_low_mark(&self, to: Timestamp) -> Result<(), Error> {
        let _raising = self.raising.lock();
        if to > self.low_mark() {
            self.low_mark.store(to.0, Ordering::Release);
            let family = meta::data(&self.db);
            let raised = self.db.increase_full_history_ts_low(family, stored_timestamp(to));
            raised.map_err(failed_to("raise the low mark"))?;
        }
        // Where nobody writes, nobody would learn of what a compaction met.
        match self.background_errors() {
            0 => Ok(()),
            _ => self.writer.check(&self.db),
        }
    }

    fn compact(&self, keyspace: KeyspaceId) -> Result<(), Error> {
        let mut options = CompactOptions::default();
        options.set_exclusive_manual_compaction(false);
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        let (first, end) = (stored_key(keyspace, &[]), keyspace_end(keyspace));
        self.db.compact_range_cf_opt(meta::data(&self.db), Some(first), end, &options);
        // Of itself that does not say whether it could.
        self.writer.check(&self.db)
    }

    fn size(&self, keyspace: KeyspaceId) -> Result<u64, Error> {
        let (first, last) = (stored_key(keyspace, &[]), stored_key(keyspace, &LAST_KEY));
        let ranges = [Range::new(&first, &last)];
        Ok(self.db.get_approximate_sizes_cf(meta::data(&self.db), &ranges).iter().sum())
    }

    fn control(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        meta::read(&self.db, &meta::control_key(name))
    }

    fn set_control(&self, name: &str, value: Option<&[u8]>) -> Result<(), Error> {
        let (family, key) = (meta::family(&self.db), meta::control_key(name));
        self.note(|batch| match value {
            Some(value) => batch.put_cf(family, &key, value),
            None => batch.delete_cf(family, &key),
        })
    }

    fn controls(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, Error> {
        meta::controls(&self.db, prefix)
    }

    fn keyspaces(&self) -> Result<Vec<KeyspaceId>, Error> {
        let mut keyspaces = versions::keyspaces(&self.db)?;
        keyspaces.retain(|keyspace| !self.dropped.contains(*keyspace));
        Ok(keyspaces)
    }

    fn check_space(&self) -> Result<(), Error> {
        self.space.check()
    }

    fn statistics(&self) -> Statistics {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            appends: load(&self.counters.appends),
            stalls: load(&self.counters.stalls),
            reads: load(&self.counters.reads),
            incomplete_reads: load(&self.counters.incomplete_reads),
            cursors: load(&self.counters.cursors),
            log_syncs: load(&self.counters.log_syncs),
            memtable_bytes: self.property("rocksdb.cur-size-all-mem-tables"),
            block_cache_bytes: self
                .family_property(meta::data(&self.db), "rocksdb.block-cache-usage"),
            table_bytes: self.property("rocksdb.live-sst-files-size"),
            low_mark: self.low_mark(),
        }
    }
}
