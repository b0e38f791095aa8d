//! Upkeep: history that nobody can see any more goes.
//!
//! About once a second the *low mark* rises to the least of now - `history_retention` and the horizon;
//! below it the store may drop versions that are not the newest. A keyspace that a commit dropped is
//! removed once the low mark has passed that commit, one that a transaction created and rolled back at once.
//!
//! # Invariants
//!
//! 1. The low mark never passes a registered snapshot: it never passes the horizon.
//! 2. A keyspace is removed only when no snapshot can be taken any more that reaches it. What a crash
//!    leaves over is found by [`Engine::drop_orphans`](crate::Engine::drop_orphans).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use reckon_storage::{KeyspaceId, Timestamp};

use crate::engine::Shared;
use crate::error::Error;

/// How often the low mark rises. Each raise writes to the disk.
const INTERVAL: Duration = Duration::from_secs(1);

/// The low mark and the keyspaces that wait for it.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    low_mark: AtomicU64,
    /// Keyspaces to remove, with the commit that dropped them; [`Timestamp::ZERO`] for at once.
    dropped: Mutex<Vec<(Timestamp, KeyspaceId)>>,
    stopping: Mutex<bool>,
    woken: Condvar,
}

impl Upkeep {
    /// Removes a keyspace when nobody can reach it any more.
    pub(crate) fn drop_keyspace(&self, dropped_at: Timestamp, keyspace: KeyspaceId) {
        self.dropped.lock().push((dropped_at, keyspace));
    }

    /// The upkeep thread.
    pub(crate) fn run(&self, shared: &Shared) {
        let mut stopping = self.stopping.lock();
        while !*stopping {
            let timed_out = self.woken.wait_for(&mut stopping, INTERVAL).timed_out();
            if timed_out {
                parking_lot::MutexGuard::unlocked(&mut stopping, || self.tick(shared));
            }
        }
    }

    /// Ends the upkeep thread.
    pub(crate) fn stop(&self) {
        *self.stopping.lock() = true;
        self.woken.notify_all();
    }

    fn tick(&self, shared: &Shared) {
        shared.clock.slew();
        let done = self.raise_low_mark(shared).and_then(|()| self.remove_dropped(shared));
        if let Err(error) = done {
            tracing::warn!("history could not be collected: {error}");
        }
    }

    /// Raises the low mark as far as it may go.
    pub(crate) fn raise_low_mark(&self, shared: &Shared) -> Result<(), Error> {
        shared.scan_horizon_now();
        let retention_us = shared.options.history_retention.as_micros();
        let retention_us = u64::try_from(retention_us).unwrap_or(u64::MAX);
        let kept = shared.clock.now().0.saturating_sub(retention_us);
        let to = Timestamp(kept).min(shared.horizon.reached());
        let raised = Timestamp(self.low_mark.load(Ordering::Acquire));
        // With every commit below the mark already there is nothing a higher one would release.
        if to > raised && raised <= shared.marks.visible() {
            shared.store.raise_low_mark(to)?;
            self.low_mark.fetch_max(to.0, Ordering::AcqRel);
        }
        Ok(())
    }

    fn remove_dropped(&self, shared: &Shared) -> Result<(), Error> {
        let low_mark = Timestamp(self.low_mark.load(Ordering::Acquire));
        let removable =
            |(at, _): &(Timestamp, KeyspaceId)| *at == Timestamp::ZERO || *at < low_mark;
        loop {
            let next = {
                let mut dropped = self.dropped.lock();
                let next = dropped.iter().position(removable);
                next.map(|at| dropped.swap_remove(at))
            };
            let Some((at, keyspace)) = next else { return Ok(()) };
            shared.keyspaces.forget(keyspace);
            if let Err(error) = shared.store.drop_keyspace(keyspace) {
                self.drop_keyspace(at, keyspace);
                return Err(error.into());
            }
        }
    }
}
