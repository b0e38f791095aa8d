//! What a transaction locks.
//!
//! A lock that is granted raises the session's floor to `visible`: its last holder may have committed up to
//! there, and the next statement must see that.

use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::time::Instant;

use reckon_storage::KeyspaceId;

use super::{Counters, Locked, Transaction, TransactionId};
use crate::error::Error;
use crate::lock::{
    AdvisoryKey, AdvisoryLock, Pending, RowAnswer, RowLock, TableLock, TableLockId, Wait, row_key,
};
use crate::serializable::XactId;
use crate::snapshot::{Command, Isolation, Snapshot};

/// What became of a request for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acquired {
    Yes,
    Skipped,
    Queued,
}

impl Transaction {
    /// Locks a row, waiting fairly, and says whether a commit after `snapshot` changed it; REPEATABLE
    /// READ: [`Error::WriteConflict`] if one did. One that this transaction wrote is unchanged: it has been
    /// locked since. FOR KEY SHARE keeps the keys alone: whether those changed, of a row that did and is still
    /// there, and what comes of it, is the caller's to say. `counters` are raised by what that reads.
    pub fn lock_row(
        &mut self,
        snapshot: &Snapshot,
        keyspace: KeyspaceId,
        key: &[u8],
        mode: RowLock,
        wait: Wait,
        counters: &mut Counters,
    ) -> Result<Locked, Error> {
        match self.acquire_row(keyspace, key, mode, wait)? {
            Acquired::Yes => {}
            Acquired::Skipped => return Ok(Locked::Skipped),
            Acquired::Queued => return Ok(Locked::Queued),
        }
        let (state, shared) = (self.state(), self.shared());
        let changed = state.near.with(&shared.keyspaces, keyspace, |keyspace| {
            keyspace.changed_since(key, snapshot.timestamp, counters)
        })?;
        if !changed || state.writes.written_since(keyspace, key, Command(0)) {
            return Ok(Locked::Unchanged);
        }
        self.see(shared.marks.visible());
        let mut newest = || {
            state.near.with(&shared.keyspaces, keyspace, |keyspace| {
                keyspace.newest(key, counters, |_| ())
            })
        };
        if self.isolation == Isolation::ReadCommitted
            || (mode == RowLock::ForKeyShare && newest()?.is_some())
        {
            return Ok(Locked::Changed);
        }
        shared.counts.write_conflicts.fetch_add(1, Ordering::Relaxed);
        let newest = newest()?;
        Err(Error::WriteConflict { deleted: newest.is_none() })
    }

    /// Whether the row that [`Locked::Queued`] told of is locked now, or none is waited for. Fails, and waits no longer, when
    /// the session is interrupted, the time is over, or nothing else ends a deadlock.
    pub fn look_again(&mut self) -> Result<bool, Error> {
        let Some(pending) = self.state_mut().waiting.take() else { return Ok(true) };
        let core = &self.core;
        let answer = core.engine.shared.locks.look_again(&core.member, pending)?;
        Ok(self.take_row(answer) != Acquired::Queued)
    }

    /// Ready when it is worth to [`look_again`](Self::look_again); until then the waker is kept.
    pub fn poll_lock(&self, waker: &Waker) -> Poll<()> {
        match &self.state().waiting {
            Some(pending) => pending.poll(&self.core.member, waker),
            None => Poll::Ready(()),
        }
    }

    /// When to [`look_again`](Self::look_again) though nothing has happened; `None`: never.
    pub fn look_at(&self) -> Option<Instant> {
        self.state().waiting.as_ref().and_then(Pending::look_at)
    }

    /// Leaves the queue. What was granted before that is held.
    pub(super) fn stop_waiting(&mut self) {
        let Some(pending) = self.state_mut().waiting.take() else { return };
        let core = &self.core;
        let held = core.engine.shared.locks.give_up(&core.member, pending);
        self.state_mut().rows.extend(held);
    }

    /// Locks a key without asking what is there: a unique entry's before [`newest`](Self::newest), a new
    /// row's. False with [`Wait::Skip`] when it is not free. It is waited for here.
    pub fn lock_key(
        &mut self,
        keyspace: KeyspaceId,
        key: &[u8],
        mode: RowLock,
        wait: Wait,
    ) -> Result<bool, Error> {
        let locked = self.acquire_row(keyspace, key, mode, wait.here())? == Acquired::Yes;
        if let Some(id) = self.state().certified
            && locked
            && mode >= RowLock::ForUpdate
        {
            // Met here, a duplicate that a concurrent transaction left is a dependency, not a duplicate.
            self.shared().certifier.intend(id, keyspace, key)?;
            self.certify_absence(id, keyspace, key)?;
        }
        Ok(locked)
    }

    /// [`newest`](Self::newest) of a key that is not locked: waits here until nobody is about to let it come or
    /// go, as somebody may again when this returns. Not with [`Wait::Skip`].
    pub fn newest_at_rest<R>(
        &mut self,
        keyspace: KeyspaceId,
        key: &[u8],
        wait: Wait,
        counters: &mut Counters,
        found: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Error> {
        let id = self.id();
        let row = row_key(keyspace, key);
        let core = &self.core;
        let locks = &core.engine.shared.locks;
        let look = || self.newest(keyspace, key, counters, found);
        let newest = locks.while_present(&core.member, id.0, &row, wait.here(), look)?;
        self.raise_floor();
        newest
    }

    /// A SERIALIZABLE transaction may put a row where there is none any more, though its snapshot has one. What it does
    /// about one that is there the caller says.
    fn certify_absence(&self, id: XactId, keyspace: KeyspaceId, key: &[u8]) -> Result<(), Error> {
        let (state, shared) = (self.state(), self.shared());
        let Some(snapshot) = state.first else { return Ok(()) };
        if state.writes.written_since(keyspace, key, Command(0)) {
            return Ok(());
        }
        let deletion = state.near.with(&shared.keyspaces, keyspace, |keyspace| {
            keyspace.deletion_since(key, snapshot, &mut Counters::default())
        })?;
        match deletion {
            Some(at) => shared.certifier.follow(id, at.min(shared.marks.visible())),
            None => Ok(()),
        }
    }

    fn acquire_row(
        &mut self,
        keyspace: KeyspaceId,
        key: &[u8],
        mode: RowLock,
        wait: Wait,
    ) -> Result<Acquired, Error> {
        let id = self.id();
        let row = row_key(keyspace, key);
        let core = &self.core;
        let locks = &core.engine.shared.locks;
        let answer = locks.lock_row(&core.member, id.0, &row, mode, wait)?;
        Ok(self.take_row(answer))
    }

    /// Keeps the row, or the request for it.
    fn take_row(&mut self, answer: RowAnswer) -> Acquired {
        match answer {
            RowAnswer::Held(held) => {
                self.state_mut().rows.extend(held);
                self.raise_floor();
                Acquired::Yes
            }
            RowAnswer::Skipped => Acquired::Skipped,
            RowAnswer::Queued(pending) => {
                self.state_mut().waiting = Some(pending);
                Acquired::Queued
            }
        }
    }

    /// Locks a table. False with [`Wait::Skip`] when it is not free. ACCESS SHARE costs little when nobody
    /// holds or wants a strong mode.
    pub fn lock_table(
        &mut self,
        table: TableLockId,
        mode: TableLock,
        wait: Wait,
    ) -> Result<bool, Error> {
        let id = match mode {
            TableLock::AccessShare => self.state().id.unwrap_or(TransactionId(0)),
            _ => self.id(),
        };
        let core = &self.core;
        let locks = &core.engine.shared.locks;
        let Some(granted) = locks.lock_table(&core.member, id.0, table, mode, wait)? else {
            return Ok(false);
        };
        if mode != TableLock::AccessShare || granted.waited {
            self.raise_floor();
        }
        self.state_mut().tables.extend(granted.held);
        Ok(true)
    }

    /// Takes an advisory lock until the transaction ends. False with [`Wait::Skip`] when it is not free.
    pub fn lock_advisory(
        &mut self,
        key: AdvisoryKey,
        mode: AdvisoryLock,
        wait: Wait,
    ) -> Result<bool, Error> {
        let id = self.id();
        self.core.lock_advisory(id.0, key, mode, wait)
    }
}
