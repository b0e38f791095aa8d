//! A transaction, from begin to commit or rollback.
//!
//! It reads at snapshots, with its own writes merged in; writes into its write set under locks; and
//! commits through the ordered queue. Nothing of it is shared before it commits, so a rollback forgets.
//!
//! # Invariants
//!
//! 1. Who writes a key holds a row lock on it in a mode that excludes other writers: it was taken before
//!    the write, and is released after the commit is visible. The caller takes it.
//! 2. `seen` covers every commit whose effect the transaction showed its caller. No reply that tells of it
//!    goes out before `durable` covers that.
//! 3. While a transaction is open, its session's slot is at or below every snapshot it may still use.
//!
//! # Concurrency
//!
//! A transaction is used by one thread at a time. A read takes no latch and writes nothing shared but its
//! session's slot.

mod end;
mod historical;
mod locking;
mod prepare;
mod savepoint;
mod serial;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use reckon_storage::{Direction, KeyRange, KeyspaceId, Timestamp};

use crate::cursor::Cursor;
use crate::engine::Shared;
use crate::error::Error;
use crate::keyspace::Near;
use crate::lock::{HeldRow, HeldTable, Pending};
use crate::serializable::XactId;
use crate::session::{Core, SessionId};
use crate::snapshot::{Command, Isolation, Snapshot};
use crate::write_set::{UndoMark, WriteSet};

/// The number of a transaction that wrote or locked something; grows, starts at 1 with the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub u64);

/// Where answers came from. One a plan node; only ever counts up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Answers from memory: one for each key looked up, found or known to be missing, and one for each row
    /// of a scan.
    pub leaf_hits: u64,
    /// Ranges loaded into memory on the way.
    pub loads: u64,
    /// Answers from the store: one for each key looked up there, for each row of a scan, and for each
    /// stretch of a scan that turned out empty.
    pub store_reads: u64,
}

impl Counters {
    /// Adds another node's counts.
    #[inline]
    pub fn add(&mut self, other: &Self) {
        self.leaf_hits += other.leaf_hits;
        self.loads += other.loads;
        self.store_reads += other.store_reads;
    }
}

/// What became of a request to lock a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Locked {
    /// Locked, and as the snapshot sees it.
    Unchanged,
    /// Locked, and written or deleted by a commit after the snapshot: look at it again with
    /// [`Transaction::newest`].
    Changed,
    /// Not locked: it was not free, and the request was [`Wait::Skip`](crate::Wait::Skip).
    Skipped,
    /// Not locked yet, and the request was [`Wait::Suspend`](crate::Wait::Suspend): it stands in the queue. Ask for the row again once
    /// [`Transaction::look_again`] says that it is locked.
    Queued,
}

/// A committed transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Nothing may be said of the transaction before `durable` covers this.
    pub durable_needed: Timestamp,
    /// The commit's timestamp; `None` when it wrote nothing.
    pub timestamp: Option<Timestamp>,
}

/// A point to roll back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Savepoint(usize);

/// How far everything had come when a savepoint was set.
#[derive(Clone, Copy, Debug)]
struct Mark {
    writes: UndoMark,
    rows: usize,
    tables: usize,
    advisory: usize,
    created: usize,
    dropped: usize,
}

/// What a transaction holds; kept by its session for the next one.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) writes: WriteSet,
    near: Near,
    rows: Vec<HeldRow>,
    /// The row it stands in a queue for.
    waiting: Option<Pending>,
    tables: Vec<HeldTable>,
    created: Vec<KeyspaceId>,
    dropped: Vec<KeyspaceId>,
    savepoints: Vec<Mark>,
    command: Command,
    pub(crate) first: Option<Timestamp>,
    /// Its snapshot is of a time that was asked for.
    pub(crate) historical: bool,
    seen: Cell<Timestamp>,
    id: Option<TransactionId>,
    /// SERIALIZABLE, once it has a snapshot and as long as it is tracked.
    pub(crate) certified: Option<XactId>,
}

impl State {
    /// Empty again, buffers kept unless they are large.
    #[inline]
    fn clear(&mut self) {
        const KEPT: usize = 64;
        self.writes.clear();
        self.rows.clear();
        self.rows.shrink_to(KEPT);
        self.tables.clear();
        self.created.clear();
        self.dropped.clear();
        self.savepoints.clear();
        self.command = Command(0);
        self.first = None;
        self.historical = false;
        self.seen.set(Timestamp::ZERO);
        self.id = None;
    }
}

/// An open transaction. Dropped, it is rolled back.
pub struct Transaction {
    pub(crate) core: Arc<Core>,
    state: Option<Box<State>>,
    pub(crate) isolation: Isolation,
    pub(crate) read_only: bool,
    synchronous: bool,
}

impl Transaction {
    #[inline]
    pub(crate) fn begin(
        core: Arc<Core>,
        state: Box<State>,
        isolation: Isolation,
        read_only: bool,
    ) -> Self {
        Self { core, state: Some(state), isolation, read_only, synchronous: true }
    }

    /// The isolation level it was begun at.
    #[inline]
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Changes the level. Nothing may have been read yet: the next snapshot is the first.
    pub fn set_isolation(&mut self, isolation: Isolation) {
        if isolation != self.isolation {
            if !self.is_historical() {
                self.forget_snapshot();
            }
            self.isolation = isolation;
        }
    }

    /// Whether writes are refused.
    #[inline]
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Refuses writes from here on, or allows them again; that only before anything was read: a SERIALIZABLE
    /// transaction takes another snapshot then.
    pub fn set_read_only(&mut self, read_only: bool) {
        if self.read_only && !read_only && self.isolation == Isolation::Serializable {
            // A snapshot that is safe for a reader is not for a writer.
            self.forget_snapshot();
        }
        self.read_only = read_only;
    }

    /// `synchronous_commit`: whether the commit waits for the disk. One that does not still comes after those
    /// before it that do.
    #[inline]
    pub fn set_synchronous_commit(&mut self, synchronous: bool) {
        self.synchronous = synchronous;
    }

    /// Whether a snapshot was taken.
    pub fn has_snapshot(&self) -> bool {
        self.state().first.is_some()
    }

    /// Whether it wrote something that a commit would append.
    #[inline]
    pub fn is_writing(&self) -> bool {
        !self.state().writes.is_empty()
    }

    /// The session it belongs to.
    pub fn session(&self) -> SessionId {
        self.core.member.id
    }

    /// Its number, given out when first asked for.
    pub fn id(&mut self) -> TransactionId {
        if let Some(id) = self.state().id {
            return id;
        }
        let last = &self.shared().counts.last_transaction;
        let id = TransactionId(last.fetch_add(1, Ordering::Relaxed) + 1);
        self.state_mut().id = Some(id);
        id
    }

    /// What the next statement sees: READ COMMITTED, what is answerable now; else what the first statement
    /// saw, with the own writes of the commands since.
    #[inline]
    pub fn snapshot(&mut self) -> Snapshot {
        let command = self.state().command;
        let first = self.state().first;
        let timestamp = match first {
            Some(first) if self.keeps_snapshot() => first,
            None if self.isolation == Isolation::Serializable => self.take_serial_snapshot(),
            _ => self.take_snapshot(),
        };
        let state = self.state_mut();
        state.first.get_or_insert(timestamp);
        Snapshot { timestamp, command, tracked: state.certified.is_some() }
    }

    /// The newest state whatever the isolation level, own writes included: for definitions, and for
    /// filling what must hold every row.
    pub fn newest_snapshot(&mut self) -> Snapshot {
        self.raise_floor();
        let own = self.snapshot();
        if !self.keeps_snapshot() {
            return own;
        }
        // The transaction's own snapshot is older and registered, so history stays for this one too.
        let timestamp = self.shared().marks.visible();
        self.see(timestamp);
        Snapshot { timestamp, command: own.command, tracked: false }
    }

    /// The caller uses none of the snapshots it took so far any more: a long transaction need not keep what
    /// it overwrote itself, nor, if it is READ COMMITTED, history that no statement of it can see.
    #[inline]
    pub fn release_snapshots(&mut self) {
        let state = self.state_mut();
        state.writes.release_before(state.command);
        if !self.keeps_snapshot() && !self.has_exported() {
            self.core.member.slot.clear();
        }
    }

    /// Whether others may import a snapshot of it.
    #[inline]
    pub fn has_exported(&self) -> bool {
        self.core.exports.load(Ordering::Relaxed) > 0
    }

    /// Whether all of its statements see the same.
    #[inline]
    fn keeps_snapshot(&self) -> bool {
        self.isolation != Isolation::ReadCommitted || self.state().historical
    }

    #[inline]
    fn take_snapshot(&self) -> Timestamp {
        let (shared, member) = (self.shared(), &self.core.member);
        loop {
            let floor = if shared.options.broken.floor { Timestamp::ZERO } else { member.floor() };
            let at = shared.marks.durable().max(floor);
            if member.slot.register(at, &shared.horizon) {
                member.raise_floor(at);
                self.see(at);
                return at;
            }
        }
    }

    /// After a statement, or a part of one that writes: what it wrote is visible to later snapshots of
    /// this transaction.
    #[inline]
    pub fn next_command(&mut self) {
        let command = &mut self.state_mut().command;
        *command = Command(command.0.saturating_add(1));
    }

    /// The value a snapshot sees under a key. `found` runs under a pin: it must not take long.
    #[inline]
    pub fn read<R>(
        &self,
        snapshot: &Snapshot,
        keyspace: KeyspaceId,
        key: &[u8],
        counters: &mut Counters,
        found: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Error> {
        let state = self.state();
        if !state.writes.is_empty()
            && let Some(own) = state.writes.visible(keyspace, key, snapshot.command)
        {
            return Ok(own.map(found));
        }
        if snapshot.tracked {
            self.mark_read(keyspace, key)?;
        }
        let at = snapshot.timestamp;
        state.near.with(&self.shared().keyspaces, keyspace, |keyspace| {
            keyspace.read(key, at, counters, found)
        })
    }

    /// Says that these keys are about to be read. No answer depends on it; several reads wait for memory together then.
    pub fn announce<'k>(&self, keyspace: KeyspaceId, keys: impl IntoIterator<Item = &'k [u8]>) {
        let keyspaces = &self.shared().keyspaces;
        self.state().near.with(keyspaces, keyspace, |keyspace| keyspace.announce(keys));
    }

    /// The newest value under a key: the own write, whatever its command, else the newest committed one.
    /// The key must be locked.
    pub fn newest<R>(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        counters: &mut Counters,
        found: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Error> {
        let state = self.state();
        if let Some(own) = state.writes.newest(keyspace, key) {
            return Ok(own.map(found));
        }
        self.see(self.shared().marks.visible());
        state.near.with(&self.shared().keyspaces, keyspace, |keyspace| {
            keyspace.newest(key, counters, found)
        })
    }

    /// Whether the newest value under a key is the one that a snapshot sees, or an own write.
    pub fn sees_newest(
        &self,
        snapshot: &Snapshot,
        keyspace: KeyspaceId,
        key: &[u8],
        counters: &mut Counters,
    ) -> Result<bool, Error> {
        let state = self.state();
        if state.writes.written_since(keyspace, key, Command(0)) {
            return Ok(true);
        }
        let changed = state.near.with(&self.shared().keyspaces, keyspace, |keyspace| {
            keyspace.changed_since(key, snapshot.timestamp, counters)
        })?;
        Ok(!changed)
    }

    /// Whether the statement of `snapshot`, or a later one, wrote a key: then the statement does not
    /// write it again.
    pub fn written_since(&self, snapshot: &Snapshot, keyspace: KeyspaceId, key: &[u8]) -> bool {
        self.state().writes.written_since(keyspace, key, snapshot.command)
    }

    /// The rows of a range, in order.
    pub fn cursor(&self, keyspace: KeyspaceId, range: KeyRange, direction: Direction) -> Cursor {
        Cursor::new(self.shared().keyspaces.find(keyspace), range, direction)
    }

    /// Writes a row. Its key must be locked, or be one that nobody else can write.
    pub fn put(&mut self, keyspace: KeyspaceId, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.write(keyspace, key, Some(value))
    }

    /// Deletes a row. Its key must be locked.
    pub fn delete(&mut self, keyspace: KeyspaceId, key: &[u8]) -> Result<(), Error> {
        self.write(keyspace, key, None)
    }

    /// Writes a row that only tells of others, as statistics do: READ ONLY does not protect it, and
    /// SERIALIZABLE does not look at it. Its key must be locked, or be one that nobody else can write.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`] of a transaction that reads the past, and [`Error::TransactionTooLarge`].
    pub fn annotate(
        &mut self,
        keyspace: KeyspaceId,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), Error> {
        if self.is_historical() {
            return Err(Error::ReadOnly);
        }
        self.append(keyspace, key, Some(value), None)
    }

    fn write(
        &mut self,
        keyspace: KeyspaceId,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), Error> {
        if self.read_only {
            return Err(Error::ReadOnly);
        }
        self.append(keyspace, key, value, self.state().certified)
    }

    fn append(
        &mut self,
        keyspace: KeyspaceId,
        key: &[u8],
        value: Option<&[u8]>,
        certified: Option<XactId>,
    ) -> Result<(), Error> {
        let limit_bytes = self.shared().options.max_transaction_bytes;
        let state = self.state_mut();
        let more = key.len() + value.map_or(0, <[u8]>::len);
        if state.writes.memory_bytes().saturating_add(more) > limit_bytes {
            return Err(Error::TransactionTooLarge { limit_bytes });
        }
        let command = state.command;
        if let Some(id) = certified {
            self.shared().certifier.write(id, keyspace, key)?;
        }
        let state = self.state_mut();
        state.writes.write(keyspace, key, value, command);
        self.raise_floor();
        Ok(())
    }

    /// The session sees from here on what is visible now: it wrote, or was granted a lock whose last holder
    /// may have committed up to there.
    fn raise_floor(&self) {
        self.core.member.raise_floor(self.shared().marks.visible());
    }

    #[inline]
    pub(crate) fn see(&self, at: Timestamp) {
        let seen = &self.state().seen;
        seen.set(seen.get().max(at));
    }

    #[inline]
    fn shared(&self) -> &Shared {
        &self.core.engine.shared
    }

    #[inline]
    pub(crate) fn state(&self) -> &State {
        self.state.as_deref().expect("an open transaction has its state")
    }

    #[inline]
    pub(crate) fn state_mut(&mut self) -> &mut State {
        self.state.as_deref_mut().expect("an open transaction has its state")
    }
}
