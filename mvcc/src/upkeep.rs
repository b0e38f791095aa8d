//! Upkeep: history that nobody can see any more goes.
//!
//! About once a second the *low mark* rises to the least of now - `history_retention` and the horizon;
//! below it the store may drop versions that are not the newest. A keyspace that a commit dropped is
//! removed once the low mark has passed that commit, one that a transaction created and rolled back at once.
//!
//! # Invariants
//!
//! 1. The low mark never passes a registered snapshot: it never passes the horizon.
//!    It is announced before the slots are looked at, for those who register a snapshot of the past.
//! 2. A keyspace is removed only when no snapshot can be taken any more that reaches it. The commit that
//!    drops it leaves a record of that in the keyspace `DROPPED`, so that the next start knows how long it is
//!    needed. What a crash leaves over besides is found by [`Engine::drop_orphans`](crate::Engine::drop_orphans).

use std::collections::HashSet;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reckon_storage::{Direction, KeyRange, KeyspaceId, Store, Timestamp};

use crate::commit::Commit;
use crate::engine::Shared;
use crate::error::Error;
use crate::interrupt::Signal;
use crate::keyspace::Near;
use crate::snapshot::{Command, Horizon};
use crate::sync::{AtomicU64, Condvar, Mutex, MutexGuard};
use crate::write_set::WriteSet;

/// Keyspaces that commits have dropped and that are still there: the key is the id, big-endian.
pub(crate) const DROPPED: KeyspaceId = KeyspaceId(2);

/// How often the low mark rises. Each raise writes to the disk.
const INTERVAL: Duration = Duration::from_secs(1);

/// The low mark and the keyspaces that wait for it.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    /// Where the low mark may rise to.
    mark: Horizon,
    /// Where it is in the store.
    low_mark: AtomicU64,
    /// Keyspaces to remove, with the commit that dropped them; [`Timestamp::ZERO`] for at once.
    dropped: Mutex<Vec<(Timestamp, KeyspaceId)>>,
    stopping: Mutex<bool>,
    woken: Condvar,
    turns: AtomicU64,
    removed: Removed,
}

/// Whom to tell of a keyspace that was removed.
#[derive(Default)]
pub(crate) struct Removed(OnceLock<Box<dyn Fn(KeyspaceId) + Send + Sync>>);

impl fmt::Debug for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Removed({})", self.0.get().is_some())
    }
}

impl Upkeep {
    /// Goes on where an earlier process left a store.
    pub(crate) fn recovered(store: &dyn Store) -> Result<Self, Error> {
        let low_mark = store.statistics().low_mark;
        let mut dropped = Vec::new();
        let mut records =
            store.cursor(DROPPED, &KeyRange::ALL, Timestamp::MAX, Direction::Forward)?;
        while let Some(record) = records.next()? {
            if let Ok(id) = <[u8; 4]>::try_from(record.key) {
                // Below the low mark timestamps may be gone; zero is for those without a record.
                let at = record.timestamp.max(Timestamp::LOADED);
                dropped.push((at, KeyspaceId(u32::from_be_bytes(id))));
            }
        }
        Ok(Self {
            mark: Horizon::at(low_mark),
            low_mark: AtomicU64::new(low_mark.0),
            dropped: Mutex::new(dropped),
            ..Self::default()
        })
    }

    /// How often the thread did its work.
    pub(crate) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// What a snapshot of the past is registered against.
    pub(crate) fn low_mark(&self) -> &Horizon {
        &self.mark
    }

    /// Keyspaces that are dropped and not removed yet.
    pub(crate) fn dropped(&self) -> HashSet<KeyspaceId> {
        self.dropped.lock().iter().map(|(_, id)| *id).collect()
    }

    /// Removes a keyspace when nobody can reach it any more.
    pub(crate) fn drop_keyspace(&self, dropped_at: Timestamp, keyspace: KeyspaceId) {
        self.dropped.lock().push((dropped_at, keyspace));
    }

    /// What is told of each keyspace that is removed: nobody can reach it any more. Set once.
    pub(crate) fn when_removed(&self, tell: impl Fn(KeyspaceId) + Send + Sync + 'static) {
        // A second one would not be told.
        let _ = self.removed.0.set(Box::new(tell));
    }

    /// The upkeep thread.
    pub(crate) fn run(&self, shared: &Shared) {
        let mut stopping = self.stopping.lock();
        while !*stopping {
            let timed_out = self.woken.wait_for(&mut stopping, INTERVAL).timed_out();
            if timed_out {
                MutexGuard::unlocked(&mut stopping, || self.tick(shared));
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
        let done = self.raise_low_mark(shared).and_then(|_| self.remove_dropped(shared));
        if let Err(error) = done {
            tracing::warn!("history could not be collected: {error}");
        }
        shared.keyspaces.purge(shared.horizon.reached());
        shared.cache.make_room();
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// Raises the low mark as far as it may go. Returns where it is. It stays behind what is on disk: after a crash
    /// the last commit must not be before it.
    pub(crate) fn raise_low_mark(&self, shared: &Shared) -> Result<Timestamp, Error> {
        shared.scan_horizon_now();
        let retention_us = shared.options.history_retention.as_micros();
        let retention_us = u64::try_from(retention_us).unwrap_or(u64::MAX);
        let kept = shared.clock.now().0.saturating_sub(retention_us);
        let limit = Timestamp(kept).min(shared.horizon.reached()).min(shared.marks.synced());
        shared.between_scans(|| {
            self.mark.scan(limit, |see| shared.sessions.each(|member| see(&member.slot)));
        });
        let to = self.mark.reached();
        let raised = Timestamp(self.low_mark.load(Ordering::Acquire));
        // With every commit below the mark already there is nothing a higher one would release.
        if to > raised && raised <= shared.marks.visible() {
            shared.store.raise_low_mark(to)?;
            self.low_mark.fetch_max(to.0, Ordering::AcqRel);
        }
        Ok(Timestamp(self.low_mark.load(Ordering::Acquire)))
    }

    /// Removes what was dropped before the low mark when this turn began; who drops meanwhile does not hold it up.
    fn remove_dropped(&self, shared: &Shared) -> Result<(), Error> {
        let low_mark = Timestamp(self.low_mark.load(Ordering::Acquire));
        let removable =
            |(at, _): &mut (Timestamp, KeyspaceId)| *at == Timestamp::ZERO || *at < low_mark;
        let mut due: Vec<_> = self.dropped.lock().extract_if(.., removable).collect();
        let (mut records, mut result) = (WriteSet::default(), Ok(()));
        while let Some((at, keyspace)) = due.pop() {
            shared.keyspaces.forget(keyspace);
            if let Some(tell) = self.removed.0.get() {
                tell(keyspace);
            }
            if let Err(error) = shared.store.drop_keyspace(keyspace) {
                due.push((at, keyspace));
                self.dropped.lock().append(&mut due);
                result = Err(error.into());
            } else if at != Timestamp::ZERO {
                records.write(DROPPED, &keyspace.0.to_be_bytes(), None, Command(0));
            }
        }
        if !records.is_empty() {
            forget_records(shared, &records)?;
        }
        result
    }
}

/// Takes the records of removed keyspaces away.
fn forget_records(shared: &Shared, records: &WriteSet) -> Result<(), Error> {
    let commit = Commit {
        writes: records,
        near: &Near::default(),
        signal: &Signal::default(),
        certified: None,
        synchronous: false,
        prepared: None,
    };
    let at = shared.queue.commit(shared, &commit)?;
    shared.log.ask(at, false);
    Ok(())
}
