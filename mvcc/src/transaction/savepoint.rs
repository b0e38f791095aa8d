//! Savepoints, and the keyspaces that go away again when one is rolled back to.

use std::sync::Arc;

use reckon_storage::{KeyspaceId, Timestamp};

use super::{Mark, Savepoint, Transaction};
use crate::error::Error;
use crate::load::Load;
use crate::upkeep::DROPPED;

impl Transaction {
    /// Sets a point to roll back to.
    pub fn savepoint(&mut self) -> Savepoint {
        let advisory = self.core.advisory.lock().len();
        let state = self.state_mut();
        let mark = Mark {
            writes: state.writes.mark(state.command),
            rows: state.rows.len(),
            tables: state.tables.len(),
            advisory,
            created: state.created.len(),
            dropped: state.dropped.len(),
        };
        state.savepoints.push(mark);
        Savepoint(state.savepoints.len() - 1)
    }

    /// Takes back everything since a savepoint, locks included; it stays, those after it go.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        self.stop_waiting();
        let core = Arc::clone(&self.core);
        let (shared, member) = (&core.engine.shared, &core.member);
        let state = self.state_mut();
        let Some(mark) = state.savepoints.get(savepoint.0).copied() else { return };
        let newer = state.savepoints.len() - savepoint.0 - 1;
        state.savepoints.truncate(savepoint.0 + 1);
        state.writes.undo_to(mark.writes);
        state.writes.forget_marks(newer);
        for id in state.created.drain(mark.created..) {
            shared.upkeep.drop_keyspace(Timestamp::ZERO, id);
        }
        state.dropped.truncate(mark.dropped);
        let locks = &shared.locks;
        state.rows.drain(mark.rows..).rev().for_each(|held| locks.release_row(member, &held));
        while state.tables.len() > mark.tables
            && let Some(held) = state.tables.pop()
        {
            let twice = state.tables.contains(&held);
            locks.release_table(member, held, twice);
        }
        core.release_advisory(mark.advisory);
        if let Some(id) = self.state().certified {
            shared.certifier.undone(id);
        }
    }

    /// Forgets a savepoint and those after it; what was done since belongs to the one before.
    pub fn release(&mut self, savepoint: Savepoint) {
        let state = self.state_mut();
        let gone = state.savepoints.len().saturating_sub(savepoint.0);
        state.savepoints.truncate(savepoint.0);
        state.writes.forget_marks(gone);
    }

    /// Makes a keyspace that goes away again if this subtransaction is rolled back.
    pub fn create_keyspace(&mut self) -> Result<KeyspaceId, Error> {
        if self.read_only {
            return Err(Error::ReadOnly);
        }
        let id = self.shared().store.allocate_keyspace()?;
        self.shared().keyspaces.create(id);
        self.state_mut().created.push(id);
        Ok(id)
    }

    /// Drops a keyspace with the commit. It is removed once no snapshot can reach it.
    pub fn drop_keyspace(&mut self, keyspace: KeyspaceId) {
        self.mark_replaced(keyspace);
        let state = self.state_mut();
        state.dropped.push(keyspace);
        state.writes.write(DROPPED, &keyspace.0.to_be_bytes(), Some(&[]), state.command);
    }

    /// Whether this subtransaction created a keyspace, so that it may be loaded in bulk.
    pub fn created_here(&self, keyspace: KeyspaceId) -> bool {
        let state = self.state();
        let since = state.savepoints.last().map_or(0, |mark| mark.created);
        state.created.iter().skip(since).any(|id| *id == keyspace)
    }

    /// Loads rows in bulk into a keyspace that this subtransaction created and did not write to.
    pub fn load(&self, keyspace: KeyspaceId) -> Result<Load, Error> {
        if !self.created_here(keyspace) || self.state().writes.has(keyspace) {
            return Err(Error::NotLoadable { keyspace });
        }
        let shared = self.shared();
        Ok(Load {
            rows: Arc::clone(&shared.store).load(keyspace)?,
            keyspace: shared.keyspaces.find(keyspace),
            signal: Arc::clone(&self.core.member.signal),
        })
    }
}
