//! How a transaction ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use reckon_storage::Timestamp;

use super::{Committed, Transaction};
use crate::commit::Commit;
use crate::error::Error;

impl Transaction {
    /// Commits. On an error nothing was written and the transaction is rolled back; what it saw is then
    /// covered by [`Session::floor`](crate::Session::floor).
    pub fn commit(mut self) -> Result<Committed, Error> {
        let seen = self.state().seen.get();
        if !self.is_writing() {
            self.core.withdraw_exports();
            if let Some(id) = self.state().certified {
                self.shared().certifier.commit_read_only(id)?;
            }
            self.finish_created(Some(seen));
            self.end();
            return Ok(Committed { durable_needed: seen, timestamp: None });
        }
        let core = Arc::clone(&self.core);
        let shared = &core.engine.shared;
        let commit = Commit {
            writes: &self.state().writes,
            near: &self.state().near,
            signal: &core.member.signal,
            certified: self.state().certified,
            synchronous: self.synchronous,
            prepared: None,
        };
        let at = shared.queue.commit(shared, &commit)?;
        core.member.raise_floor(at);
        self.finish_created(Some(at));
        let synchronous = self.synchronous;
        self.end();
        shared.log.committed(shared, at, synchronous);
        shared.make_room();
        // One that does not wait is told of when others see it: at once, unless a commit before it waits.
        let is_seen = !synchronous && shared.marks.durable() >= at;
        let durable_needed = if is_seen { seen } else { at };
        Ok(Committed { durable_needed, timestamp: Some(at) })
    }

    /// Forgets everything. Returns what `durable` must cover before anything is said of the transaction.
    pub fn rollback(mut self) -> Timestamp {
        let seen = self.state().seen.get();
        self.abandon();
        seen
    }

    fn abandon(&mut self) {
        self.stop_waiting();
        self.shared().counts.rollbacks.fetch_add(1, Ordering::Relaxed);
        self.finish_created(None);
        self.end();
    }

    /// Keyspaces that a commit dropped go once history allows, those a rollback leaves at once.
    fn finish_created(&mut self, committed: Option<Timestamp>) {
        let state = self.state();
        let upkeep = &self.shared().upkeep;
        match committed {
            Some(at) => state.dropped.iter().for_each(|id| upkeep.drop_keyspace(at, *id)),
            None => {
                state.created.iter().for_each(|id| upkeep.drop_keyspace(Timestamp::ZERO, *id));
            }
        }
    }

    /// Releases locks and slot, and gives the buffers back.
    fn end(&mut self) {
        let Some(mut state) = self.state.take() else { return };
        self.core.withdraw_exports();
        if let Some(id) = state.certified.take() {
            self.core.engine.shared.certifier.end(id);
        }
        let (locks, member) = (&self.core.engine.shared.locks, &self.core.member);
        locks.release_rows(member, &state.rows);
        state.tables.iter().rev().for_each(|held| locks.release_table(member, *held, false));
        self.core.release_advisory(0);
        member.slot.clear();
        state.clear();
        self.core.spare.store(Some(state));
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.state.is_some() {
            self.abandon();
        }
    }
}
