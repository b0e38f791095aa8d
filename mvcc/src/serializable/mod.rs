//! SERIALIZABLE: serializable snapshot isolation.
//!
//! Under snapshot isolation a transaction may read what a concurrent one overwrites: the reader then comes
//! *before* the writer in any serial order (an edge reader → writer). A history that no serial order
//! explains always has two such edges in a row between concurrent transactions, of which the last
//! transaction commits first:
//!
//! ```text
//!   in ──reads what──▶ pivot ──reads what──▶ out        out commits before the others
//!      is overwritten by      is overwritten by
//! ```
//!
//! So every SERIALIZABLE transaction marks what it reads, by key and by range of keys in row and index
//! keyspaces, and what it writes. A write meets the marks of reads, a read those of writes; each meeting is
//! an edge. The statement that completes the structure above fails; when another transaction is the one to
//! fail, it is *doomed* and fails at its next statement, at the latest when it commits.
//!
//! A transaction may put a new row where a concurrent one has deleted another since its snapshot. It then comes after that
//! one although they overlap, so the first edge of the structure may be missing: it fails when it has an edge
//! to somebody who had committed by then.
//!
//! Nothing here is touched by transactions of other levels, and what they write is not seen here.
//!
//! # Invariants
//!
//! 1. A snapshot of everything visible is taken and entered under the latch, and a commit counts from before
//!    it is visible until after that: so of two overlapping transactions the later one always finds the
//!    earlier one here.
//! 2. Marks outlive their transaction for as long as one runs that overlaps it. What is kept is bounded:
//!    marks are made coarser, and the oldest committed transactions are taken together.
//! 3. An error is never too few: where something is forgotten or taken together, the answer is that of the
//!    worst case.
//!
//! # Concurrency
//!
//! One latch, held for moments; waiters of safe snapshots are woken under it. The commit latch is taken
//! before it, never after.
//!
//! # References
//!
//! Cahill, Röhm, Fekete, *Serializable Isolation for Snapshot Databases* (2008); Ports and Grittner,
//! *Serializable Snapshot Isolation in PostgreSQL* (2012), whose choice of victims this follows. Here marks
//! are exact keys and ranges instead of rows, pages and relations.

mod graph;
mod marks;
mod past;
mod safe;
mod status;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reckon_storage::{KeyspaceId, Timestamp};

use crate::error::Error;
use crate::session::{Member, SessionId};
use crate::sync::Mutex;
use graph::Graph;
pub(crate) use graph::SerialRecord;
pub(crate) use marks::Span;
pub(crate) use safe::{Safety, Verdict};
pub use status::{Extent, PredicateLock};

/// Names a SERIALIZABLE transaction. 0 is what the oldest committed ones become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct XactId(u64);

/// Whose a transaction is: a session's, and which of those it has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    session: SessionId,
    transaction: u64,
}

impl Owner {
    fn of(member: &Member) -> Self {
        Self { session: member.id, transaction: member.transactions() }
    }
}

/// Why a transaction cannot be serialized. Display is PostgreSQL's DETAIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was doomed, and read.
    ConflictOutChecking,
    /// It was doomed, and wrote.
    ConflictInChecking,
    /// Its write completed the structure around it.
    PivotDuringWrite,
    /// Its read completed the structure around a committed transaction.
    ConflictOutToPivot {
        /// The committed transaction's number.
        pivot: u64,
    },
    /// It was doomed, and commits.
    CommitAttempt,
    /// Its commit completes a structure around a prepared transaction.
    PreparedPivot,
    /// It was to read at a time between two commits that every serial order has the other way round.
    TornPast,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reason code: Canceled on ")?;
        match self {
            Self::ConflictOutChecking => {
                f.write_str("identification as a pivot, during conflict out checking.")
            }
            Self::ConflictInChecking => {
                f.write_str("identification as a pivot, during conflict in checking.")
            }
            Self::PivotDuringWrite => f.write_str("identification as a pivot, during write."),
            Self::ConflictOutToPivot { pivot } => {
                write!(f, "conflict out to pivot {pivot}, during read.")
            }
            Self::CommitAttempt => f.write_str("identification as a pivot, during commit attempt."),
            Self::PreparedPivot => {
                f.write_str("commit attempt with conflict in from prepared pivot.")
            }
            Self::TornPast => f.write_str("conflict out to old pivot."),
        }
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Self::NotSerializable { reason }
    }
}

/// All SERIALIZABLE transactions of an engine.
#[derive(Debug)]
pub(crate) struct Certifier {
    graph: Mutex<Graph>,
}

impl Certifier {
    /// A certifier that knows of states up to `history_retention` ago whether they belong to a serial order.
    pub(crate) fn new(history_retention: Duration) -> Self {
        Self { graph: Mutex::new(Graph::new(history_retention)) }
    }

    /// Enters a transaction with the snapshot that `snapshot` takes.
    pub(crate) fn begin(
        &self,
        member: &Member,
        snapshot: impl FnOnce() -> Timestamp,
    ) -> (XactId, Timestamp) {
        let mut graph = self.graph.lock();
        let at = snapshot();
        (graph.begin(Owner::of(member), at, None), at)
    }

    /// Enters a READ ONLY transaction. Its session's signal is raised once its snapshot is known to be safe or not.
    pub(crate) fn begin_read_only(
        &self,
        member: &Member,
        snapshot: impl FnOnce() -> Timestamp,
    ) -> (XactId, Timestamp, Arc<Safety>) {
        let safety = Safety::unknown(Arc::clone(&member.signal));
        let mut graph = self.graph.lock();
        let at = snapshot();
        let id = graph.begin(Owner::of(member), at, Some(Arc::clone(&safety)));
        (id, at, safety)
    }

    /// Enters a READ ONLY transaction that sees what was committed up to `at`, and nothing more will be; `None`
    /// when that belongs to no serial order.
    pub(crate) fn begin_past(
        &self,
        member: &Member,
        at: Timestamp,
    ) -> Option<(XactId, Arc<Safety>)> {
        let safety = Safety::unknown(Arc::clone(&member.signal));
        let id = self.graph.lock().begin_past(Owner::of(member), at, Arc::clone(&safety))?;
        Some((id, safety))
    }

    /// Enters a transaction with the snapshot of another one; `None` when that one is not tracked any more,
    /// because its snapshot is safe.
    pub(crate) fn begin_imported(
        &self,
        member: &Member,
        exporter: SessionId,
        at: Timestamp,
    ) -> Option<XactId> {
        let mut graph = self.graph.lock();
        graph.runs_at(exporter, at).then(|| graph.begin_imported(Owner::of(member), at))
    }

    /// Its session waits until its snapshot is known to be safe or not, if it is not known yet.
    pub(crate) fn waits(&self, id: XactId) -> Result<Arc<Safety>, Verdict> {
        self.graph.lock().waits(id)
    }

    /// The sessions whose writers a session waits for.
    pub(crate) fn threats_of(&self, session: SessionId) -> Vec<SessionId> {
        self.graph.lock().threats_of(session)
    }

    /// It read a range, whatever was there.
    pub(crate) fn read(&self, id: XactId, keyspace: KeyspaceId, span: &Span) -> Result<(), Error> {
        self.graph.lock().read(id, keyspace, span)
    }

    /// It read a key, whatever was there.
    pub(crate) fn read_point(
        &self,
        id: XactId,
        keyspace: KeyspaceId,
        key: &[u8],
    ) -> Result<(), Error> {
        self.graph.lock().read_point(id, keyspace, key)
    }

    /// It wrote a key.
    pub(crate) fn write(&self, id: XactId, keyspace: KeyspaceId, key: &[u8]) -> Result<(), Error> {
        self.graph.lock().write(id, keyspace, key, false)
    }

    /// It locked a key to write it, unless it meets a duplicate there.
    pub(crate) fn intend(&self, id: XactId, keyspace: KeyspaceId, key: &[u8]) -> Result<(), Error> {
        self.graph.lock().write(id, keyspace, key, true)
    }

    /// It rolled back to a savepoint: its marks stay, and not all it marked as written is.
    pub(crate) fn undone(&self, id: XactId) {
        self.graph.lock().blur(id);
    }

    /// It is about to write a key that was changed after its snapshot, by a commit up to `at`.
    pub(crate) fn follow(&self, id: XactId, at: Timestamp) -> Result<(), Error> {
        self.graph.lock().follow(id, at)
    }

    /// It dropped or replaced a keyspace. What is wrong with that its commit says.
    pub(crate) fn replace(&self, id: XactId, keyspace: KeyspaceId) {
        self.graph.lock().replace(id, keyspace);
    }

    /// The last check, before anything of a commit is visible. Followed by [`end`](Self::end), or by
    /// [`take_back`](Self::take_back) under the same commit latch.
    pub(crate) fn prepare(&self, id: XactId, at: Timestamp) -> Result<(), Error> {
        self.graph.lock().prepare(id, at)
    }

    /// PREPARE TRANSACTION: the last check, now that it can still fail. It runs on for others until it is
    /// committed or [`end`](Self::end)s, under the name `session`, and cannot be doomed any more.
    pub(crate) fn prepare_two_phase(
        &self,
        id: XactId,
        session: SessionId,
        at: Timestamp,
    ) -> Result<SerialRecord, Error> {
        let mut graph = self.graph.lock();
        graph.prepare_two_phase(id, session, at)?;
        Ok(graph.write_down(id))
    }

    /// Enters a transaction that was prepared before a restart. What edges it had is not known.
    pub(crate) fn restore(
        &self,
        session: SessionId,
        at: Timestamp,
        record: SerialRecord,
    ) -> XactId {
        self.graph.lock().restore(session, at, record)
    }

    /// What was prepared could not be appended yet.
    pub(crate) fn take_back(&self, id: XactId) {
        self.graph.lock().take_back(id);
    }

    /// A transaction that wrote nothing commits.
    pub(crate) fn commit_read_only(&self, id: XactId) -> Result<(), Error> {
        self.graph.lock().commit_read_only(id)
    }

    /// It ended: committed if it was prepared and not taken back.
    pub(crate) fn end(&self, id: XactId) {
        self.graph.lock().end(id);
    }
}
