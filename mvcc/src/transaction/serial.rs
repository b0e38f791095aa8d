//! What a SERIALIZABLE transaction says of what it reads. Transactions of other levels never come here.

use std::sync::Arc;

use reckon_storage::{KeyRange, KeyspaceId, Timestamp};

use super::Transaction;
use crate::error::Error;
use crate::serializable::{Reason, Safety, Span, Verdict, XactId};
use crate::snapshot::Isolation;

impl Transaction {
    /// The first snapshot: everything visible, and known to the certifier.
    pub(super) fn take_serial_snapshot(&mut self) -> Timestamp {
        if self.shared().options.broken.certification {
            return self.take_newest();
        }
        let core = Arc::clone(&self.core);
        let certifier = &core.engine.shared.certifier;
        if self.read_only {
            let (id, at, safety) = certifier.begin_read_only(&core.member, || self.take_newest());
            self.watch(id, &safety);
            return at;
        }
        let (id, at) = certifier.begin(&core.member, || self.take_newest());
        self.state_mut().certified = Some(id);
        at
    }

    /// What it reads is tracked, unless its snapshot is safe already.
    fn watch(&mut self, id: XactId, safety: &Safety) {
        let is_tracked = safety.verdict() != Some(Verdict::Safe);
        self.state_mut().certified = is_tracked.then_some(id);
    }

    /// Enters the certifier at a time in the past.
    pub(super) fn enter_past(&mut self, at: Timestamp) -> Result<(), Error> {
        let core = Arc::clone(&self.core);
        let shared = &core.engine.shared;
        if self.isolation != Isolation::Serializable || shared.options.broken.certification {
            return Ok(());
        }
        if at < core.engine.opened_at() {
            return Err(Error::PastNotCertified);
        }
        let entered = shared.certifier.begin_past(&core.member, at);
        let (id, safety) = entered.ok_or(Reason::TornPast)?;
        self.watch(id, &safety);
        Ok(())
    }

    /// SERIALIZABLE READ ONLY DEFERRABLE: takes the first snapshot once there is one that no concurrent
    /// commit can make wrong; from then on nothing is tracked. The past is read at the time that was asked for: if
    /// a commit makes it wrong, the transaction fails. Otherwise, or with a snapshot, does nothing.
    pub fn await_safe_snapshot(&mut self) -> Result<(), Error> {
        let applies = self.isolation == Isolation::Serializable && self.read_only;
        if !applies || self.shared().options.broken.certification {
            return Ok(());
        }
        if self.is_historical() {
            return match self.await_verdict()? {
                Verdict::Safe => Ok(()),
                Verdict::Unsafe => Err(Reason::TornPast.into()),
            };
        }
        while !self.has_snapshot() {
            let at = self.take_serial_snapshot();
            match self.await_verdict() {
                Ok(Verdict::Safe) => self.state_mut().first = Some(at),
                Ok(Verdict::Unsafe) => self.forget_snapshot(),
                Err(error) => {
                    self.forget_snapshot();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Waits until it is known whether the snapshot is safe. If it is, nothing is tracked from here on.
    fn await_verdict(&mut self) -> Result<Verdict, Error> {
        let Some(id) = self.state().certified else { return Ok(Verdict::Safe) };
        let core = Arc::clone(&self.core);
        let (shared, signal) = (&core.engine.shared, &core.member.signal);
        let verdict = loop {
            let safety = match shared.certifier.waits(id) {
                Ok(safety) => safety,
                Err(verdict) => break verdict,
            };
            signal.check()?;
            shared.options.blocking.run(|| signal.wait(None, || safety.verdict().is_some()));
        };
        if verdict == Verdict::Safe {
            self.state_mut().certified = None;
        }
        Ok(verdict)
    }

    /// A snapshot of everything that is visible at this moment. Under the certifier's latch: what was forgotten
    /// there is in it.
    fn take_newest(&self) -> Timestamp {
        self.raise_floor();
        self.take_snapshot()
    }

    /// Back to before the first snapshot.
    pub(crate) fn forget_snapshot(&mut self) {
        if let Some(id) = self.state_mut().certified.take() {
            self.shared().certifier.end(id);
        }
        self.state_mut().first = None;
        self.state_mut().historical = false;
        self.core.member.slot.clear();
    }

    pub(super) fn mark_read(&self, keyspace: KeyspaceId, key: &[u8]) -> Result<(), Error> {
        let Some(id) = self.state().certified else { return Ok(()) };
        self.shared().certifier.read_point(id, keyspace, key)
    }

    /// Marks a range as read, once it was: a writer that came between is found here.
    pub(crate) fn mark_range(&self, keyspace: KeyspaceId, range: KeyRange) -> Result<(), Error> {
        let Some(id) = self.state().certified else { return Ok(()) };
        self.shared().certifier.read(id, keyspace, &Span::of(&range))
    }

    /// A keyspace goes, with every row that anybody has read in it.
    pub(super) fn mark_replaced(&mut self, keyspace: KeyspaceId) {
        if let Some(id) = self.state().certified {
            self.shared().certifier.replace(id, keyspace);
        }
    }
}
