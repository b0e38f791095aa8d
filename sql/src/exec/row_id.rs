//! Row ids: the hidden keys of tables without a primary key.
//!
//! A row id is eight bytes, counted from 1 in order of insertion. Each table has one counter in
//! memory. The first insert since the engine was opened seeds it with one more than the highest
//! key in the table. Nothing is written for it: a number whose row never committed is used by
//! nobody, and may be given out again after a restart.
//!
//! # Invariants
//!
//! 1. While the engine is open, no number is given out twice for one keyspace. So a counter is
//!    seeded before any number is given out, and every row written before that is visible to
//!    every snapshot since the engine was opened, or in a prepared transaction: the numbers of
//!    those are kept back when the engine is opened.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use reckon_mvcc::{Counters, Direction, KeyRange, KeyspaceId, Snapshot, Transaction};

use crate::error::{ExecutionError, Result};

/// The counters of an engine's tables.
#[derive(Debug, Default)]
pub struct RowIds {
    tables: Mutex<HashMap<KeyspaceId, Arc<Counter>>>,
}

/// The counter of one table.
#[derive(Debug)]
pub struct Counter {
    /// The next number; 0 before it is seeded.
    next: AtomicU64,
    /// The first number that may be given out.
    least: AtomicU64,
    seeding: Mutex<()>,
}

/// A row's hidden key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RowId(pub u64);

impl RowId {
    /// The key in the table's keyspace.
    pub fn to_key(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl RowIds {
    /// The counter of a table's keyspace.
    pub fn counter(&self, keyspace: KeyspaceId) -> Arc<Counter> {
        let mut tables = self.tables.lock();
        Arc::clone(tables.entry(keyspace).or_insert_with(|| {
            let (next, least) = (AtomicU64::new(0), AtomicU64::new(1));
            Arc::new(Counter { next, least, seeding: Mutex::new(()) })
        }))
    }

    /// Gives out no number up to that of a key, which a prepared transaction has: no snapshot shows
    /// its row yet. Keys of other kinds are keys of tables without row ids.
    pub(crate) fn keep_back(&self, keyspace: KeyspaceId, key: &[u8]) {
        if let Ok(key) = key.try_into() {
            let next = u64::from_be_bytes(key).saturating_add(1);
            self.counter(keyspace).least.fetch_max(next, Ordering::Relaxed);
        }
    }

    /// Drops the counter of a keyspace that nobody can reach any more. Not before: a rollback brings a table
    /// back that was dropped, and its numbers must go on where they were.
    pub fn forget(&self, keyspace: KeyspaceId) {
        self.tables.lock().remove(&keyspace);
    }
}

impl Counter {
    /// A number no other row of the table has.
    pub fn allocate(
        &self,
        keyspace: KeyspaceId,
        transaction: &Transaction,
        snapshot: &Snapshot,
    ) -> Result<RowId> {
        if self.next.load(Ordering::Acquire) == 0 {
            self.seed(keyspace, transaction, snapshot)?;
        }
        Ok(RowId(self.next.fetch_add(1, Ordering::Relaxed)))
    }

    fn seed(
        &self,
        keyspace: KeyspaceId,
        transaction: &Transaction,
        snapshot: &Snapshot,
    ) -> Result<()> {
        let _one_at_a_time = self.seeding.lock();
        if self.next.load(Ordering::Acquire) != 0 {
            return Ok(());
        }
        let mut cursor = transaction.cursor(keyspace, KeyRange::ALL, Direction::Reverse);
        let mut highest = Some(0);
        let mut counters = Counters::default();
        // Whose rows these are matters to no answer of the transaction.
        cursor.visit(transaction, &snapshot.untracked(), 1, &mut counters, |key, _| {
            highest = key.try_into().ok().map(u64::from_be_bytes);
            ControlFlow::Break(())
        })?;
        let highest = highest.ok_or(ExecutionError::Corrupted { what: "a row id" })?;
        let least = self.least.load(Ordering::Relaxed);
        self.next.store(least.max(highest + 1), Ordering::Release);
        Ok(())
    }
}
