//! PREPARE TRANSACTION: the transaction leaves its session.

use std::sync::Arc;

use reckon_storage::{KeyspaceId, Timestamp, Write};

use super::{State, Transaction};
use crate::error::Error;
use crate::lock::{HeldAdvisory, HeldLocks};
use crate::prepared::{Body, Problem, Record, WrittenRow};
use crate::session::{Member, SessionId};

impl Transaction {
    /// Prepares it for two-phase commit under an identifier; `note` is kept with it. Returns what `durable`
    /// must cover before anything is said of it; the transaction itself is on disk by then. On an error it
    /// is rolled back.
    pub fn prepare(mut self, identifier: &str, note: &[u8]) -> Result<Timestamp, Error> {
        let core = Arc::clone(&self.core);
        core.withdraw_exports();
        let shared = &core.engine.shared;
        let max = shared.options.max_prepared_transactions;
        let place = shared.prepared.reserve(identifier, max).map_err(Error::Prepare)?;
        let held_twice = {
            let advisory = core.advisory.lock();
            HeldLocks::is_held_by_session_too(&advisory, &shared.locks, core.member.id)
        };
        if held_twice {
            return Err(Error::Prepare(Problem::SessionLock));
        }
        let id = self.id();
        let record = self.write_down(place.name(), note)?;
        place.write(shared, &record)?;

        let seen = self.state().seen.get();
        let Some(mut state) = self.state.take() else { return Ok(seen) };
        let body =
            state.leave(Member::new(place.name()), std::mem::take(&mut core.advisory.lock()));
        shared.locks.hand_over(&core.member, &body.member, &body.locks);
        place.fill(id, record, body);
        core.member.slot.clear();
        state.clear();
        core.spare.store(Some(state));
        Ok(seen)
    }

    /// The last check of a SERIALIZABLE transaction, and the record.
    fn write_down(&mut self, name: SessionId, note: &[u8]) -> Result<Record, Error> {
        let core = Arc::clone(&self.core);
        let shared = &core.engine.shared;
        let certifier = &shared.certifier;
        let transaction = self.id().0;
        if let Some(id) = self.state().certified
            && !self.is_writing()
        {
            // It appears to have run at its snapshot, whatever becomes of it.
            certifier.commit_read_only(id)?;
            self.state_mut().certified = None;
        }
        let certified = self.state().certified;
        let (at, serial) = shared.queue.prepare(shared, |at| match certified {
            Some(id) => Ok((at, Some(certifier.prepare_two_phase(id, name, at)?))),
            None => Ok((at, None)),
        })?;
        let state = self.state();
        let advisory = core.advisory.lock();
        let locks = &shared.locks;
        Ok(Record {
            transaction,
            prepared_us: at.0,
            note: note.to_vec(),
            writes: state.written(),
            locks: locks.write_down(core.member.id, &state.rows, &state.tables, &advisory),
            created: state.created.clone(),
            dropped: state.dropped.clone(),
            serial,
        })
    }
}

impl State {
    /// The last write of each key, by keyspace.
    fn written(&self) -> Vec<(KeyspaceId, Vec<WrittenRow>)> {
        let writes = self.writes.in_order();
        let row = |write: Write<'_>| (write.key.to_vec(), write.value.map(<[u8]>::to_vec));
        writes
            .keyspaces()
            .map(|keyspace| (keyspace, writes.of(keyspace).map(row).collect()))
            .collect()
    }

    /// What a prepared transaction takes along.
    fn leave(&mut self, member: Member, advisory: Vec<HeldAdvisory>) -> Body {
        let rows = std::mem::take(&mut self.rows);
        let tables = std::mem::take(&mut self.tables);
        Body {
            member,
            writes: std::mem::take(&mut self.writes),
            locks: HeldLocks { rows, tables, advisory },
            created: std::mem::take(&mut self.created),
            dropped: std::mem::take(&mut self.dropped),
            certified: self.certified.take(),
        }
    }
}
