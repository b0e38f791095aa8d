//! What a SERIALIZABLE transaction says of what it reads. Transactions of other levels never come here.

use std::sync::Arc;

use reckon_storage::{KeyRange, KeyspaceId, Timestamp};

use super::Transaction;
use crate::error::Error;
use crate::serializable::{Safety, Span, Verdict};
use crate::snapshot::Isolation;

impl Transaction {
    /// The first snapshot: everything visible, and known to the certifier.
    pub(super) fn take_serial_snapshot(&mut self) -> Timestamp {
        if self.shared().options.broken.certification {
            return self.take_newest();
        }
        let (at, _) = self.enter_certifier();
        at
    }

    /// SERIALIZABLE READ ONLY DEFERRABLE: takes the first snapshot once there is one that no concurrent
    /// commit can make wrong; from then on nothing is tracked. Otherwise, or with a snapshot, does nothing.
    pub fn await_safe_snapshot(&mut self) -> Result<(), Error> {
        let applies = self.isolation == Isolation::Serializable && self.read_only;
        if !applies || self.has_snapshot() || self.shared().options.broken.certification {
            return Ok(());
        }
        loop {
            let (at, Some(safety)) = self.enter_certifier() else { return Ok(()) };
            let core = Arc::clone(&self.core);
            let blocking = &core.engine.shared.options.blocking;
            let signal = &core.member.signal;
            if let Some(id) = self.state().certified
                && safety.verdict().is_none()
            {
                core.engine.shared.certifier.waits(id);
                blocking.run(|| signal.wait(None, || safety.verdict().is_some()));
            }
            if safety.verdict() == Some(Verdict::Safe) {
                let state = self.state_mut();
                state.certified = None;
                state.first = Some(at);
                return Ok(());
            }
            self.forget_snapshot();
            core.member.signal.check()?;
        }
    }

    fn enter_certifier(&mut self) -> (Timestamp, Option<Arc<Safety>>) {
        let core = Arc::clone(&self.core);
        let certifier = &core.engine.shared.certifier;
        if !self.read_only {
            let (id, at) = certifier.begin(&core.member, || self.take_newest());
            self.state_mut().certified = Some(id);
            return (at, None);
        }
        let (id, at, safety) = certifier.begin_read_only(&core.member, || self.take_newest());
        let tracked = safety.verdict() != Some(Verdict::Safe);
        self.state_mut().certified = tracked.then_some(id);
        (at, Some(safety))
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
