//! What a transaction locks.
//!
//! A lock that is granted raises the session's floor to `visible`: its last holder may have committed up to
//! there, and the next statement must see that.

use std::sync::atomic::Ordering;

use reckon_storage::KeyspaceId;

use super::{Counters, Locked, Transaction, TransactionId};
use crate::error::Error;
use crate::lock::{AdvisoryKey, AdvisoryLock, RowLock, TableLock, TableLockId, Wait, row_key};
use crate::snapshot::{Isolation, Snapshot};

impl Transaction {
    /// Locks a row, waiting fairly, and says whether a commit after `snapshot` changed it. REPEATABLE
    /// READ: [`Error::WriteConflict`] if one did. FOR KEY SHARE keeps the key alone: a row that is still there
    /// is unchanged.
    pub fn lock_row(
        &mut self,
        snapshot: &Snapshot,
        keyspace: KeyspaceId,
        key: &[u8],
        mode: RowLock,
        wait: Wait,
    ) -> Result<Locked, Error> {
        if !self.acquire_row(keyspace, key, mode, wait)? {
            return Ok(Locked::Skipped);
        }
        let (state, shared) = (self.state(), self.shared());
        let mut counters = Counters::default();
        let changed = state.near.with(&shared.keyspaces, keyspace, |keyspace| {
            keyspace.changed_since(key, snapshot.timestamp, &mut counters)
        })?;
        if !changed {
            return Ok(Locked::Unchanged);
        }
        self.see(shared.marks.visible());
        let mut newest = || {
            state.near.with(&shared.keyspaces, keyspace, |keyspace| {
                keyspace.newest(key, &mut counters, |_| ())
            })
        };
        if mode == RowLock::ForKeyShare && newest()?.is_some() {
            return Ok(Locked::Unchanged);
        }
        if self.isolation == Isolation::ReadCommitted {
            return Ok(Locked::Changed);
        }
        shared.counts.write_conflicts.fetch_add(1, Ordering::Relaxed);
        let newest = newest()?;
        Err(Error::WriteConflict { deleted: newest.is_none() })
    }

    /// Locks a key without asking what is there: a unique entry's before [`newest`](Self::newest), a new
    /// row's. False with [`Wait::Skip`] when it is not free.
    pub fn lock_key(
        &mut self,
        keyspace: KeyspaceId,
        key: &[u8],
        mode: RowLock,
        wait: Wait,
    ) -> Result<bool, Error> {
        let locked = self.acquire_row(keyspace, key, mode, wait)?;
        if let Some(id) = self.state().certified
            && locked
            && mode == RowLock::ForUpdate
        {
            // Met here, a duplicate that a concurrent transaction left is a dependency, not a duplicate.
            self.shared().certifier.intend(id, keyspace, key)?;
        }
        Ok(locked)
    }

    fn acquire_row(
        &mut self,
        keyspace: KeyspaceId,
        key: &[u8],
        mode: RowLock,
        wait: Wait,
    ) -> Result<bool, Error> {
        let id = self.id();
        let row = row_key(keyspace, key);
        let core = &self.core;
        let locks = &core.engine.shared.locks;
        let Some(held) = locks.lock_row(&core.member, id.0, &row, mode, wait)? else {
            return Ok(false);
        };
        self.state_mut().rows.extend(held);
        self.raise_floor();
        Ok(true)
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
