//! Locks: what a transaction keeps others from doing until it ends.
//!
//! Rows, tables and advisory keys each have a sharded table of locks. A request that conflicts with a
//! holder, or with somebody who waits already, waits in a queue and is served in its turn; one that asks
//! for more than it holds goes before those who wait for it, or it would wait for itself.
//!
//! # Invariants
//!
//! 1. Two holders of different sessions never hold conflicting modes; a session never conflicts with
//!    itself.
//! 2. A waiter is in exactly one queue and its session says so, until it was granted or withdrew.
//! 3. Whoever closes a circle of waiters finds it at its own check after `deadlock_timeout`: every edge of
//!    a circle exists before its last one.
//!
//! # Concurrency
//!
//! A shard's latch is held for one request or release. Nothing is taken under it, and waiters are woken
//! after it. A session's own latches come before it: a weak table lock moves to the shared table under the
//! one of `fast`, and advisory locks of the session are given back under the one of `advisory`. The list of
//! sessions comes before both.

mod advisory;
mod deadlock;
mod hand_over;
mod queue;
mod row;
mod status;
mod table;
mod wait;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::blocking::Blocking;
use crate::session::Sessions;
use crate::sync::{AtomicU64, Mutex};

pub(crate) use advisory::HeldAdvisory;
pub use advisory::{AdvisoryKey, AdvisoryLock};
pub use deadlock::{Deadlock, DeadlockEdge, LockTarget};
pub(crate) use hand_over::{HandedLocks, HeldLocks};
use queue::{LockTable, Waiter};
pub use row::RowLock;
pub(crate) use row::{HeldRow, RowAnswer, row_key};
pub use status::{KeyName, LockStatus, LockSubject};
pub(crate) use table::HeldTable;
use table::StrongLocks;
pub use table::{TableLock, TableLockId};
pub(crate) use wait::Pending;

/// What to do when a lock is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    /// Wait as long as it takes.
    Block,
    /// Fail with [`Error::LockNotAvailable`](crate::Error::LockNotAvailable).
    NoWait,
    /// Go on without it.
    Skip,
    /// Wait this long, then fail with [`Error::LockTimeout`](crate::Error::LockTimeout).
    Timeout(Duration),
    /// For a row: stand in the queue and come back at once with
    /// [`Locked::Queued`](crate::Locked::Queued). Anything else is waited for, as long as this says.
    Suspend(Option<Duration>),
}

/// What a session waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Target {
    /// A row, by [`row_key`].
    Row(Arc<[u8]>),
    Table(TableLockId),
    Advisory(AdvisoryKey),
}

/// What a session holds and waits for, as far as others must know.
#[derive(Debug, Default)]
pub(crate) struct SessionLocks {
    waiting: Mutex<Option<(Target, Arc<Waiter>, Instant)>>,
    /// Weak table locks that no strong one has moved to the shared table.
    fast: Mutex<SmallVec<[(TableLockId, u8); 4]>>,
    /// Advisory locks of the session itself, with how often it took them.
    advisory: Mutex<Vec<(AdvisoryKey, AdvisoryLock, u64)>>,
}

/// All locks of an engine.
#[derive(Debug)]
pub(crate) struct Locks {
    rows: LockTable<Arc<[u8]>>,
    tables: LockTable<TableLockId>,
    advisory: LockTable<AdvisoryKey>,
    strong: StrongLocks,
    sessions: Arc<Sessions>,
    blocking: Blocking,
    deadlock_timeout: Duration,
    detecting: Mutex<()>,
    waits: AtomicU64,
    deadlocks: AtomicU64,
}

impl Locks {
    pub(crate) fn new(
        sessions: Arc<Sessions>,
        blocking: Blocking,
        deadlock_timeout: Duration,
    ) -> Self {
        Self {
            rows: LockTable::new(row::PASSES_MAX),
            tables: LockTable::new(0),
            advisory: LockTable::new(0),
            strong: StrongLocks::new(),
            sessions,
            blocking,
            deadlock_timeout,
            detecting: Mutex::new(()),
            waits: AtomicU64::new(0),
            deadlocks: AtomicU64::new(0),
        }
    }

    /// Requests that had to wait since the engine was opened.
    pub(crate) fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Requests that ended in a deadlock since the engine was opened.
    pub(crate) fn deadlocks(&self) -> u64 {
        self.deadlocks.load(Ordering::Relaxed)
    }
}
