//! Transactions over versions: timestamps, snapshots, locks and ordered commit.
//!
//! A transaction keeps its writes to itself until it commits; a commit gets one timestamp, is appended to
//! the store, installed in the trees and made visible, in that order and one commit at a time. Whoever
//! reads at a snapshot sees the commits up to it and no others, from memory where a tree holds the range
//! and from the store where it does not.
//!
//! | module | what it is |
//! |---|---|
//! | [`engine`] | the open database: store, trees, sessions, threads |
//! | [`session`] | one client: its floor, its interrupt flag, its locks that outlive transactions |
//! | [`transaction`] | begin to commit: reads, writes, locks, savepoints |
//! | [`cursor`] | rows of a range in order, own writes merged |
//! | [`timestamp`] | the one clock |
//! | [`snapshot`] | what a statement can see, and what history somebody can still see |
//! | [`exported`] | snapshots that a transaction lends to others |
//! | [`write_set`] | a transaction's writes before it commits |
//! | [`keyspace`] | a keyspace's tree, and the store it is a cache of |
//! | `recent` | when keys were written last, roughly |
//! | [`commit`] | the ordered queue and the sync of the log |
//! | [`lock`] | row, table and advisory locks; deadlocks |
//! | `serializable` | SERIALIZABLE: who read what whom overwrote |
//! | [`prepared`] | two-phase commit: transactions that outlive their session and the process |
//! | [`load`] | rows in bulk into a keyspace nobody else can reach |
//! | [`interrupt`] | how a session is woken out of a wait |
//! | [`blocking`] | what may block tells whoever schedules threads |
//! | `sync` | latches and threads, the system's or a test's |
//! | [`upkeep`] | history that nobody can see any more goes |
//! | [`broken`] | rules that tests switch off |

#![forbid(unsafe_code)]

pub mod blocking;
pub mod broken;
pub mod commit;
pub mod cursor;
pub mod engine;
pub mod error;
pub mod exported;
pub mod interrupt;
pub mod keyspace;
pub mod load;
pub mod lock;
pub mod prepared;
mod recent;
mod serializable;
pub mod session;
pub mod snapshot;
mod sync;
pub mod timestamp;
pub mod transaction;
pub mod upkeep;
pub mod write_set;

pub use blocking::{Blocking, Pace};
pub use broken::Broken;
pub use commit::Durable;
pub use cursor::Cursor;
pub use engine::{Engine, Options, Statistics, SyncMode, Watch};
pub use error::Error;
pub use exported::{Export, Exporter};
pub use interrupt::{Interrupt, Reason};
pub use load::Load;
pub use lock::{
    AdvisoryKey, AdvisoryLock, Deadlock, DeadlockEdge, KeyName, LockStatus, LockSubject,
    LockTarget, RowLock, TableLock, TableLockId, Wait,
};
pub use prepared::{Claim, Prepared, Problem as PrepareProblem};
pub use serializable::{Extent, PredicateLock, Reason as NotSerializable};
pub use session::{Advisory, Session, SessionId};
pub use snapshot::{Command, Isolation, Snapshot};
pub use transaction::{Committed, Counters, Locked, Savepoint, Transaction, TransactionId};

pub use reckon_index::{Statistics as CacheStatistics, TreeStatistics};
pub use reckon_storage::{
    Direction, Error as StorageError, KeyRange, KeyspaceId, Loaded, MemoryStore,
    Statistics as StorageStatistics, Store, Timestamp, key,
};
#[cfg(feature = "rocks")]
pub use reckon_storage::{RocksStore, rocks::Options as RocksOptions};
