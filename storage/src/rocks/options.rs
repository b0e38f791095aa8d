//! What can be chosen, and how RocksDB is set up.

use std::fmt;
use std::sync::Arc;

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, Env,
    LogLevel, Options as RocksOptions,
};

use super::comparator;
use super::dropped::{Dropped, DroppedFilterFactory};
use super::meta;

const MB: usize = 1 << 20;

/// A block of a table file: with its trailer and the row that fills it up it fits an allocation of 4 KB, where one byte
/// more would take 5 KB.
const BLOCK_BYTES: usize = 3840;

/// Settings of a [`RocksStore`](super::RocksStore).
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of one memtable. Inserts slow down in larger ones than the default, 64 MB.
    pub write_buffer_bytes: usize,
    /// Bytes of uncompressed blocks kept in memory.
    pub block_cache_bytes: usize,
    /// Threads that flush and compact, at lower CPU priority.
    pub background_jobs: usize,
    /// Bytes a bulk load sorts in memory at a time.
    pub load_buffer_bytes: usize,
    /// Free bytes below which writes are refused. `None`: 1 GB or an eighth of the file system, whichever is
    /// less, or four write buffers if that is more.
    pub reserve_bytes: Option<u64>,
    /// Who tells how much space is free.
    pub free_space: FreeSpace,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            write_buffer_bytes: 64 * MB,
            block_cache_bytes: 128 * MB,
            background_jobs: std::thread::available_parallelism().map_or(2, usize::from).max(2),
            load_buffer_bytes: 64 * MB,
            reserve_bytes: None,
            free_space: FreeSpace::System,
        }
    }
}

impl Options {
    /// Settings for tests: small buffers, so that little data crosses every boundary, and no
    /// reserve.
    pub fn small() -> Self {
        Self {
            write_buffer_bytes: 4 * MB,
            block_cache_bytes: 8 * MB,
            load_buffer_bytes: MB,
            reserve_bytes: Some(0),
            ..Self::default()
        }
    }

    /// Free bytes below which writes are refused, on a file system of `total_bytes`.
    pub(super) fn reserve(&self, total_bytes: u64) -> u64 {
        let buffers = 4 * self.write_buffer_bytes as u64;
        self.reserve_bytes.unwrap_or(buffers.max((total_bytes / 8).min(1 << 30)))
    }
}

/// Where the number of free bytes comes from.
#[derive(Clone)]
pub enum FreeSpace {
    /// From the file system of the data directory, asked about ten times a second at most.
    System,
    /// From a test, asked each time.
    Given(Arc<dyn Fn() -> u64 + Send + Sync>),
}

impl fmt::Debug for FreeSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Given(_) => "Given",
        })
    }
}

/// Options of the whole database. A flush takes both families at once, so that a log file is
/// needed no longer than its data is in a memtable. The log was cut before opening if it had to
/// be: whatever is left must be intact.
pub(super) fn database(options: &Options) -> Result<RocksOptions, rocksdb::Error> {
    let mut env = Env::new()?;
    env.lower_thread_pool_cpu_priority();
    env.lower_high_priority_thread_pool_cpu_priority();
    let mut database = RocksOptions::default();
    database.set_env(&env);
    database.create_if_missing(true);
    database.create_missing_column_families(true);
    database.set_max_background_jobs(options.background_jobs.try_into().unwrap_or(i32::MAX));
    database.set_manual_wal_flush(true);
    database.set_atomic_flush(true);
    database.set_wal_recovery_mode(DBRecoveryMode::AbsoluteConsistency);
    database.set_log_level(LogLevel::Warn);
    database.set_max_log_file_size(10 * MB);
    database.set_keep_log_file_num(3);
    Ok(database)
}

/// Options of the timestamped family and of the one the store keeps for itself. Every commit
/// writes to both, so their memtables are of one size: the second must not be the one that fills.
pub(super) fn families(options: &Options, dropped: &Dropped) -> [ColumnFamilyDescriptor; 2] {
    let cache = Cache::new_hyper_clock_cache(options.block_cache_bytes, 0);
    let meta = family(options, &cache);
    [
        ColumnFamilyDescriptor::new(meta::DATA_FAMILY, data(options, &cache, dropped)),
        ColumnFamilyDescriptor::new(meta::META_FAMILY, meta),
    ]
}

/// Options of table files written outside the database, to be ingested.
pub(super) fn tables(options: &Options) -> RocksOptions {
    data(options, &Cache::new_lru_cache(0), &Dropped::default())
}

fn data(options: &Options, cache: &Cache, dropped: &Dropped) -> RocksOptions {
    let mut data = family(options, cache);
    comparator::install(&mut data);
    data.set_compaction_filter_factory(DroppedFilterFactory::new(dropped.clone()));
    data
}

/// Writers are refused rather than slowed down, so the marks are where refusing makes sense:
/// three full memtables, or tables of the first level that compaction is far behind with.
///
/// The filter of a memtable costs an insert 0.1 us and saves a read that misses it 3 to 6 us.
fn family(options: &Options, cache: &Cache) -> RocksOptions {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_block_size(BLOCK_BYTES);
    blocks.set_bloom_filter(10.0, false);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_format_version(6);
    let mut family = RocksOptions::default();
    family.set_block_based_table_factory(&blocks);
    family.set_write_buffer_size(options.write_buffer_bytes);
    family.set_max_write_buffer_number(4);
    family.set_memtable_prefix_bloom_ratio(0.02);
    family.set_memtable_whole_key_filtering(true);
    family.set_level_zero_file_num_compaction_trigger(4);
    family.set_level_zero_slowdown_writes_trigger(32);
    family.set_level_zero_stop_writes_trigger(40);
    family.set_target_file_size_base(options.write_buffer_bytes as u64);
    family.set_max_bytes_for_level_base(4 * options.write_buffer_bytes as u64);
    family.set_compression_type(DBCompressionType::Lz4);
    family
}
