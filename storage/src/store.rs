//! The contract of a store.
//!
//! A store holds *versions*: (keyspace, key, timestamp) -> value or tombstone. A commit appends
//! its versions at one timestamp; a read at a timestamp sees, of each key, the newest version at or
//! before it.
//!
//! ```text
//! append     10       20       30
//! key a    "x" ●────────────● "y"
//! key b             ● "z" ─── ✕ tombstone
//! read at 25:  a = "x", b = "z"       read at 30:  a = "y", b absent
//! ```
//!
//! # Invariants
//!
//! 1. Appends have strictly growing timestamps, and one caller at a time.
//! 2. What [`Store::append`] wrote is seen by every read and cursor that starts after it returned,
//!    by none that started before it was called.
//! 3. After a crash the store holds exactly the appends up to some timestamp, and that is no
//!    earlier than the last append before the last successful `flush_log(true)`.
//! 4. A [`Store::load`] writes at timestamp 1 into a keyspace that no read can reach yet, and is
//!    durable when it returns.
//! 5. Versions that are not the newest at or below the low mark may disappear, and timestamps
//!    below it may read as [`Timestamp::ZERO`]; nothing else ever disappears. So timestamps are
//!    compared with a snapshot, never for equality.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use crate::error::Error;

/// One table's rows or one secondary index.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, bincode::Encode, bincode::Decode,
)]
pub struct KeyspaceId(pub u32);

impl KeyspaceId {
    /// Ids below this one are never allocated: the crates above give them fixed meanings. It is
    /// PostgreSQL's first OID of a user's object, so that one sequence can serve for both.
    pub const FIRST_ALLOCATED: Self = Self(16384);
}

impl fmt::Display for KeyspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Microseconds since the Unix epoch; names a commit, or a point between two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Before everything.
    pub const ZERO: Self = Self(0);
    /// Of every row that was bulk loaded.
    pub const LOADED: Self = Self(1);
    /// After everything.
    pub const MAX: Self = Self(u64::MAX);
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How far a read may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Memtables and block cache only: never waits for the disk.
    Memory,
    /// Wherever the answer is.
    Disk,
}

/// The answer of a read that may have been kept from the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read<T> {
    /// The answer.
    Done(T),
    /// It would take the disk; only with [`Tier::Memory`].
    Incomplete,
}

/// One version of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// When it was committed.
    pub timestamp: Timestamp,
    /// The value; `None` for a tombstone.
    pub value: Option<Vec<u8>>,
}

/// One write of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write<'a> {
    /// Where to.
    pub keyspace: KeyspaceId,
    /// The key, without its keyspace.
    pub key: &'a [u8],
    /// The value; `None` deletes.
    pub value: Option<&'a [u8]>,
}

/// Which way a cursor goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From small keys to large ones.
    Forward,
    /// From large keys to small ones.
    Reverse,
}

/// A range of keys of one keyspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// Where it starts.
    pub lower: Bound<Vec<u8>>,
    /// Where it ends.
    pub upper: Bound<Vec<u8>>,
}

impl KeyRange {
    /// Every key.
    pub const ALL: Self = Self { lower: Bound::Unbounded, upper: Bound::Unbounded };

    /// The keys that start with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        let (lower, upper) = crate::key::prefix_range(prefix);
        Self { lower, upper }
    }

    /// Whether `key` is inside.
    pub fn contains(&self, key: &[u8]) -> bool {
        let above = match &self.lower {
            Bound::Included(lower) => key >= lower.as_slice(),
            Bound::Excluded(lower) => key > lower.as_slice(),
            Bound::Unbounded => true,
        };
        let below = match &self.upper {
            Bound::Included(upper) => key <= upper.as_slice(),
            Bound::Excluded(upper) => key < upper.as_slice(),
            Bound::Unbounded => true,
        };
        above && below
    }
}

/// A store of versions. All methods may be called from any thread; [`append`](Self::append) from
/// one at a time.
pub trait Store: Send + Sync + 'static {
    /// The newest value at or before `at`; `None` when absent or deleted.
    fn read(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        at: Timestamp,
        tier: Tier,
    ) -> Result<Read<Option<Vec<u8>>>, Error>;

    /// The newest version, tombstones too. A tombstone may have been collected: then `None`.
    fn newest(&self, keyspace: KeyspaceId, key: &[u8]) -> Result<Option<Version>, Error>;

    /// Whether any version of `key`, tombstones too, is newer than `since`.
    fn changed_since(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        since: Timestamp,
    ) -> Result<bool, Error>;

    /// The rows visible at `at`, in key order. What is appended later is not seen.
    fn cursor(
        &self,
        keyspace: KeyspaceId,
        range: &KeyRange,
        at: Timestamp,
        direction: Direction,
    ) -> Result<Box<dyn Cursor + '_>, Error>;

    /// Appends one commit to the log and the memtable; durable once [`flush_log`](Self::flush_log)
    /// has synced it. Writes come in (keyspace, key) order, each key once. `durable` is recorded
    /// beside them: the caller knows that everything up to it is on disk. `at` becomes the last
    /// timestamp. [`Error::Stalled`]: nothing was written.
    fn append(
        &self,
        writes: &mut dyn Iterator<Item = Write<'_>>,
        at: Timestamp,
        durable: Timestamp,
    ) -> Result<(), Error>;

    /// As [`append`](Self::append), and removes the control value `control` with it: after a crash either
    /// the writes are there or the control value is.
    fn append_removing(
        &self,
        writes: &mut dyn Iterator<Item = Write<'_>>,
        control: &str,
        at: Timestamp,
        durable: Timestamp,
    ) -> Result<(), Error>;

    /// After [`Error::Stalled`]: waits until an append is likely to go through, for no longer than a moment.
    fn wait_until_writable(&self);

    /// Hands what was appended to the operating system; with `sync`, waits until it is on disk.
    /// Any error is fatal.
    fn flush_log(&self, sync: bool) -> Result<(), Error>;

    /// The timestamp of the last append, those before the store was opened included.
    fn last_timestamp(&self) -> Timestamp;

    /// An id never given out before, at least [`KeyspaceId::FIRST_ALLOCATED`]. Durable: no crash
    /// makes it be given out again.
    fn allocate_keyspace(&self) -> Result<KeyspaceId, Error>;

    /// Removes a keyspace with all its history. The caller knows that nobody can read it any
    /// more and that nothing will be written to it.
    fn drop_keyspace(&self, keyspace: KeyspaceId) -> Result<(), Error>;

    /// A bulk load into a keyspace that is empty and that nobody can reach.
    fn load(self: Arc<Self>, keyspace: KeyspaceId) -> Result<Box<dyn Load>, Error>;

    /// No read below `to` will come any more. Never lowers the mark.
    fn raise_low_mark(&self, to: Timestamp) -> Result<(), Error>;

    /// Rewrites a keyspace without the history that the low mark has released. Takes long.
    fn compact(&self, keyspace: KeyspaceId) -> Result<(), Error>;

    /// Bytes that a keyspace takes, estimated.
    fn size(&self, keyspace: KeyspaceId) -> Result<u64, Error>;

    /// The control value `name`, as [`set_control`](Self::set_control) left it.
    fn control(&self, name: &str) -> Result<Option<Vec<u8>>, Error>;

    /// Sets or removes a control value; durable when it returns, and so is every append before it.
    fn set_control(&self, name: &str, value: Option<&[u8]>) -> Result<(), Error>;

    /// The control values whose names start with `prefix`, by name.
    fn controls(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, Error>;

    /// The keyspaces that hold versions, in order.
    fn keyspaces(&self) -> Result<Vec<KeyspaceId>, Error>;

    /// [`Error::DiskFull`] when free space is below the reserve. Cheap: asks the system rarely.
    fn check_space(&self) -> Result<(), Error>;

    /// Counters since the store was opened, and sizes now.
    fn statistics(&self) -> Statistics;
}

/// A position in the rows of a keyspace at one timestamp.
pub trait Cursor: Send {
    /// The next row, `None` after the last.
    fn next(&mut self) -> Result<Option<Entry<'_>>, Error>;

    /// Goes on from `key`, inclusive, in the cursor's direction and within its range. May go back.
    fn seek(&mut self, key: &[u8]) -> Result<(), Error>;
}

/// One visible row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key, without its keyspace.
    pub key: &'a [u8],
    /// When this version was committed.
    pub timestamp: Timestamp,
    /// Its value.
    pub value: &'a [u8],
}

/// A bulk load under way. Dropping it unfinished leaves the keyspace empty.
pub trait Load: Send {
    /// Adds a row. Rows may come in any order.
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error>;

    /// Writes all rows, at [`Timestamp::LOADED`], durably. [`Error::DuplicateKey`] if a key was
    /// added twice: nothing was written then.
    fn finish(self: Box<Self>) -> Result<Loaded, Error>;
}

/// What a bulk load wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Number of rows.
    pub rows: u64,
}

/// Counters since the store was opened, and sizes now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Successful appends.
    pub appends: u64,
    /// Appends refused with [`Error::Stalled`].
    pub stalls: u64,
    /// Calls of `read`, `newest` and `changed_since`.
    pub reads: u64,
    /// Reads that [`Tier::Memory`] could not answer.
    pub incomplete_reads: u64,
    /// Cursors opened.
    pub cursors: u64,
    /// Syncs of the log.
    pub log_syncs: u64,
    /// Bytes in memtables.
    pub memtable_bytes: u64,
    /// Bytes in the block cache.
    pub block_cache_bytes: u64,
    /// Bytes in table files that are in use.
    pub table_bytes: u64,
    /// The low mark.
    pub low_mark: Timestamp,
}
