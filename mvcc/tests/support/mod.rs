//! What the tests of this crate share: engines over the store in memory, and a store whose syncs wait.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use reckon_mvcc::{
    Counters, Direction, Engine, Error, Isolation, KeyRange, KeyspaceId, Locked, MemoryStore,
    Options, RowLock, Session, Snapshot, StorageError, Store, Timestamp, Transaction, Wait,
};
use reckon_storage::{Cursor, Load, Read, Statistics, Tier, Version, Write};

pub(crate) const TABLE: KeyspaceId = KeyspaceId(2000);

/// Options that find deadlocks quickly and never collect by themselves.
pub(crate) fn options() -> Options {
    Options { deadlock_timeout: Duration::from_millis(20), ..Options::default() }
}

pub(crate) fn engine() -> Engine {
    Engine::open(Arc::new(MemoryStore::new()), options()).unwrap()
}

/// Commits one value in a session of its own, and waits until it is durable.
pub(crate) fn set(engine: &Engine, key: &[u8], value: &[u8]) -> Timestamp {
    let mut session = engine.session();
    let at = set_in(&mut session, key, value);
    engine.on_durable(at).wait();
    at
}

/// Commits one value, without waiting.
pub(crate) fn set_in(session: &mut Session, key: &[u8], value: &[u8]) -> Timestamp {
    let mut transaction = session.begin(Isolation::ReadCommitted, false);
    transaction.lock_key(TABLE, key, RowLock::ForUpdate, Wait::Block).unwrap();
    transaction.put(TABLE, key, value).unwrap();
    transaction.commit().unwrap().durable_needed
}

/// Locks a row of the table.
pub(crate) fn lock_row(
    transaction: &mut Transaction,
    snapshot: &Snapshot,
    key: &[u8],
    mode: RowLock,
    wait: Wait,
) -> Result<Locked, Error> {
    transaction.lock_row(snapshot, TABLE, key, mode, wait, &mut Counters::default())
}

pub(crate) fn read(transaction: &Transaction, snapshot: &Snapshot, key: &[u8]) -> Option<Vec<u8>> {
    transaction.read(snapshot, TABLE, key, &mut Counters::default(), <[u8]>::to_vec).unwrap()
}

pub(crate) fn newest(transaction: &Transaction, key: &[u8]) -> Option<Vec<u8>> {
    transaction.newest(TABLE, key, &mut Counters::default(), <[u8]>::to_vec).unwrap()
}

/// What a new READ COMMITTED statement of a session sees.
pub(crate) fn see(session: &mut Session, key: &[u8]) -> Option<Vec<u8>> {
    let mut transaction = session.begin(Isolation::ReadCommitted, true);
    let snapshot = transaction.snapshot();
    read(&transaction, &snapshot, key)
}

/// All rows a snapshot sees, visited `rows_max` at a time.
pub(crate) fn rows(
    transaction: &Transaction,
    snapshot: &Snapshot,
    range: KeyRange,
    direction: Direction,
    rows_max: usize,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut cursor = transaction.cursor(TABLE, range, direction);
    let mut rows = Vec::new();
    let mut counters = Counters::default();
    let mut give = |key: &[u8], value: &[u8]| {
        rows.push((key.to_vec(), value.to_vec()));
        std::ops::ControlFlow::Continue(())
    };
    while cursor.visit(transaction, snapshot, rows_max, &mut counters, &mut give).unwrap() {}
    rows
}

/// Gives way until `happened`.
pub(crate) fn until(happened: impl Fn() -> bool) {
    while !happened() {
        std::thread::yield_now();
    }
}

/// Random enough, and the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % limit
    }
}

/// A store in memory whose syncs wait while the gate is shut, and that can lose the disk or not read it.
pub(crate) struct GatedStore {
    pub(crate) store: Arc<MemoryStore>,
    shut: Mutex<bool>,
    opened: Condvar,
    pub(crate) waiting: AtomicBool,
    /// Reads of ranges fail.
    pub(crate) unreadable: AtomicBool,
}

impl GatedStore {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            store: Arc::new(MemoryStore::new()),
            shut: Mutex::new(false),
            opened: Condvar::new(),
            waiting: AtomicBool::new(false),
            unreadable: AtomicBool::new(false),
        })
    }

    pub(crate) fn shut(&self) {
        *self.shut.lock() = true;
    }

    pub(crate) fn open(&self) {
        *self.shut.lock() = false;
        self.opened.notify_all();
    }
}

impl Store for GatedStore {
    fn read(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        at: Timestamp,
        tier: Tier,
    ) -> Result<Read<Option<Vec<u8>>>, StorageError> {
        self.store.read(keyspace, key, at, tier)
    }

    fn newest(&self, keyspace: KeyspaceId, key: &[u8]) -> Result<Option<Version>, StorageError> {
        self.store.newest(keyspace, key)
    }

    fn changed_since(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        since: Timestamp,
    ) -> Result<bool, StorageError> {
        self.store.changed_since(keyspace, key, since)
    }

    fn cursor(
        &self,
        keyspace: KeyspaceId,
        range: &KeyRange,
        at: Timestamp,
        direction: Direction,
    ) -> Result<Box<dyn Cursor + '_>, StorageError> {
        if self.unreadable.load(Ordering::Acquire) {
            return Err(StorageError::Corrupt { what: "row" });
        }
        self.store.cursor(keyspace, range, at, direction)
    }

    fn append(
        &self,
        writes: &mut dyn Iterator<Item = Write<'_>>,
        at: Timestamp,
        durable: Timestamp,
    ) -> Result<(), StorageError> {
        self.store.append(writes, at, durable)
    }

    fn append_removing(
        &self,
        writes: &mut dyn Iterator<Item = Write<'_>>,
        control: &str,
        at: Timestamp,
        durable: Timestamp,
    ) -> Result<(), StorageError> {
        self.store.append_removing(writes, control, at, durable)
    }

    fn wait_until_writable(&self) {
        self.store.wait_until_writable();
    }

    fn flush_log(&self, sync: bool) -> Result<(), StorageError> {
        let mut shut = self.shut.lock();
        while *shut {
            self.waiting.store(true, Ordering::Release);
            self.opened.wait(&mut shut);
        }
        self.waiting.store(false, Ordering::Release);
        self.store.flush_log(sync)
    }

    fn last_timestamp(&self) -> Timestamp {
        self.store.last_timestamp()
    }

    fn allocate_keyspace(&self) -> Result<KeyspaceId, StorageError> {
        self.store.allocate_keyspace()
    }

    fn drop_keyspace(&self, keyspace: KeyspaceId) -> Result<(), StorageError> {
        self.store.drop_keyspace(keyspace)
    }

    fn load(self: Arc<Self>, keyspace: KeyspaceId) -> Result<Box<dyn Load>, StorageError> {
        Arc::clone(&self.store).load(keyspace)
    }

    fn raise_low_mark(&self, to: Timestamp) -> Result<(), StorageError> {
        self.store.raise_low_mark(to)
    }

    fn compact(&self, keyspace: KeyspaceId) -> Result<(), StorageError> {
        self.store.compact(keyspace)
    }

    fn size(&self, keyspace: KeyspaceId) -> Result<u64, StorageError> {
        self.store.size(keyspace)
    }

    fn control(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
        self.store.control(name)
    }

    fn set_control(&self, name: &str, value: Option<&[u8]>) -> Result<(), StorageError> {
        self.store.set_control(name, value)
    }

    fn controls(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StorageError> {
        self.store.controls(prefix)
    }

    fn keyspaces(&self) -> Result<Vec<KeyspaceId>, StorageError> {
        self.store.keyspaces()
    }

    fn check_space(&self) -> Result<(), StorageError> {
        self.store.check_space()
    }

    fn statistics(&self) -> Statistics {
        self.store.statistics()
    }
}
