//! COMMIT PREPARED and ROLLBACK PREPARED.

use std::fmt;
use std::sync::atomic::Ordering;

use reckon_storage::Timestamp;

use super::{Body, Prepared, control_name, set_control};
use crate::commit::Commit;
use crate::engine::Engine;
use crate::error::Error;
use crate::keyspace::Near;
use crate::session::Session;
use crate::transaction::Committed;

/// What the commit of a transaction says that wrote nothing.
const NOTHING: Committed = Committed { durable_needed: Timestamp::ZERO, timestamp: None };

/// The right to finish a prepared transaction. Dropped, it leaves the transaction as it is.
pub struct Claim {
    pub(super) engine: Engine,
    pub(super) about: Prepared,
    pub(super) body: Option<Box<Body>>,
}

impl Claim {
    /// What is finished.
    pub fn about(&self) -> &Prepared {
        &self.about
    }

    /// COMMIT PREPARED, by a session that runs no transaction. On an error it is as it was.
    pub fn commit(mut self, session: &Session) -> Result<Committed, Error> {
        let engine = self.engine.clone();
        let shared = &engine.shared;
        let Some(body) = &self.body else { return Ok(NOTHING) };
        let identifier = &self.about.identifier;
        if body.writes.is_empty() {
            set_control(shared, identifier, None)?;
            self.end(Outcome::Committed(shared.marks.visible()));
            return Ok(NOTHING);
        }
        let name = control_name(identifier);
        let commit = Commit {
            writes: &body.writes,
            near: &Near::default(),
            signal: &session.member().signal,
            certified: body.certified,
            synchronous: true,
            prepared: Some(&name),
        };
        let at = shared.queue.commit(shared, &commit)?;
        session.member().raise_floor(at);
        self.end(Outcome::Committed(at));
        shared.log.committed(shared, at, true);
        shared.make_room();
        Ok(Committed { durable_needed: at, timestamp: Some(at) })
    }

    /// ROLLBACK PREPARED. On an error it is as it was.
    pub fn rollback(mut self) -> Result<(), Error> {
        let engine = self.engine.clone();
        set_control(&engine.shared, &self.about.identifier, None)?;
        engine.shared.counts.rollbacks.fetch_add(1, Ordering::Relaxed);
        self.end(Outcome::RolledBack);
        Ok(())
    }

    fn end(&mut self, outcome: Outcome) {
        let shared = &self.engine.shared;
        let Some(body) = self.body.take() else { return };
        let (gone, at) = match outcome {
            Outcome::Committed(at) => (&body.dropped, at),
            Outcome::RolledBack => (&body.created, Timestamp::ZERO),
        };
        gone.iter().for_each(|id| shared.upkeep.drop_keyspace(at, *id));
        // Gone before its locks are: who was waiting for them does not find it any more.
        shared.prepared.remove(&self.about.identifier);
        body.end(shared);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            self.engine.shared.prepared.put_back(&self.about.identifier, body);
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claim({})", self.about.identifier)
    }
}

/// How a prepared transaction ends.
enum Outcome {
    Committed(Timestamp),
    RolledBack,
}
