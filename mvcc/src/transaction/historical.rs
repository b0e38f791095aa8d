//! Transactions that read the past.
//!
//! Any time that history reaches back to can be read at, rows and definitions alike. Memory answers as far
//! as its chains go back, the store beyond.
//!
//! # Invariants
//!
//! 1. The answer at a time never changes: before the first read at it the log has a commit at or after it,
//!    so that no other can come at or before it, not even after a restart with a clock that went back.
//! 2. The snapshot is in the session's slot before the low mark is looked at, and the mark is announced
//!    before the slots are: so either the mark stops at the snapshot, or the snapshot is refused.

use std::sync::Arc;

use reckon_storage::Timestamp;

use super::Transaction;
use crate::error::Error;

impl Transaction {
    /// From here on the transaction sees what was committed up to `at`, and writes nothing. It has read
    /// and written nothing so far.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotInFuture`], [`Error::SnapshotTooOld`], and what appending to the log may give. If it is
    /// SERIALIZABLE also [`Error::NotSerializable`] for a time at which no serial order need have been, and
    /// [`Error::PastNotCertified`].
    pub fn read_as_of(&mut self, at: Timestamp) -> Result<(), Error> {
        let core = Arc::clone(&self.core);
        let shared = &core.engine.shared;
        let now = shared.clock.now();
        if at > now {
            return Err(Error::SnapshotInFuture);
        }
        self.forget_snapshot();
        let retention = shared.options.history_retention;
        let retention_us = u64::try_from(retention.as_micros()).unwrap_or(u64::MAX);
        let is_kept = at.0 >= now.0.saturating_sub(retention_us)
            && core.member.slot.register(at, shared.upkeep.low_mark());
        if !is_kept {
            return Err(Error::SnapshotTooOld { retention });
        }
        shared.queue.pass(shared, &core.member.signal, at)?;
        core.member.raise_floor(at);
        self.enter_past(at)?;
        self.read_only = true;
        let state = self.state_mut();
        state.first = Some(at);
        state.historical = true;
        self.see(at);
        Ok(())
    }

    /// Takes [`read_as_of`](Self::read_as_of) back, before anything was read.
    pub fn read_as_of_now(&mut self, read_only: bool) {
        if self.is_historical() {
            self.forget_snapshot();
            self.read_only = read_only;
        }
    }

    /// Whether it reads at a time that was asked for.
    #[inline]
    pub fn is_historical(&self) -> bool {
        self.state().historical
    }
}
