//! Snapshots: what a statement can see.
//!
//! A snapshot is one [`Timestamp`]. A version is visible when it was committed at or before it:
//!
//! ```text
//! commits       10        20        30
//! row 7     v1 ●─────────────────● v2
//! row 8               ● v1 ──────── ✕ deleted
//! at 25     row 7 = v1, row 8 = v1      at 30     row 7 = v2, row 8 gone
//! ```
//!
//! Each session has a *slot* in which it writes the oldest timestamp it may still read at. The minimum of
//! the slots and of `durable` is the *horizon*: nobody will read below it, so memory and store may forget.
//!
//! # Invariants
//!
//! 1. A snapshot is max(`durable`, the session's floor) and never exceeds `visible`.
//! 2. It does not change: READ COMMITTED takes a new one for each statement.
//! 3. A timestamp is in its session's slot before it is read at, and a reader looks at `announced` after
//!    writing its slot; a scan of the slots writes `announced` first. So either the scan sees the slot, or
//!    the reader sees the announcement and takes a newer snapshot: the horizon passes nobody.
//!
//! # Concurrency
//!
//! Slot and announcement are written and read in the one order of `SeqCst`. Nothing waits.

use std::sync::atomic::Ordering;

use reckon_storage::Timestamp;

use crate::sync::AtomicU64;

/// How much of other transactions' work a transaction meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// A new snapshot for each statement.
    ReadCommitted,
    /// One snapshot, and no write to what changed after it.
    RepeatableRead,
    /// As if one after another: REPEATABLE READ, and what is read and written is tracked.
    Serializable,
}

/// The number of a command inside its transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Command(pub u32);

/// What a statement sees: the commits up to `timestamp`, and its own transaction's writes by commands
/// before `command`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Commits at or before it are visible.
    pub timestamp: Timestamp,
    /// Own writes by commands before it are visible, so that UPDATE does not meet its own rows.
    pub command: Command,
    /// SERIALIZABLE: what is read at it is marked as read by the transaction.
    pub(crate) tracked: bool,
}

impl Snapshot {
    /// The same, for reads that are not the transaction's own: of definitions, which table locks protect.
    pub fn untracked(self) -> Self {
        Self { tracked: false, ..self }
    }
}

/// The oldest timestamp a session may still read at; `u64::MAX` when it reads nothing.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Slot(AtomicU64);

impl Slot {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    /// Nothing is read any more.
    #[inline]
    pub(crate) fn clear(&self) {
        self.0.store(u64::MAX, Ordering::Release);
    }

    /// Registers a snapshot that another slot holds and goes on to hold meanwhile, between two scans.
    pub(crate) fn hold(&self, snapshot: Timestamp) {
        self.0.fetch_min(snapshot.0, Ordering::SeqCst);
    }

    /// Registers a snapshot. False: the horizon has passed it or is about to; take a newer one.
    #[inline]
    pub(crate) fn register(&self, snapshot: Timestamp, horizon: &Horizon) -> bool {
        let held = self.0.load(Ordering::Relaxed);
        if held <= snapshot.0 {
            return true;
        }
        self.0.store(snapshot.0, Ordering::SeqCst);
        let safe = horizon.announced.load(Ordering::SeqCst) <= snapshot.0;
        if !safe {
            self.0.store(held, Ordering::SeqCst);
        }
        safe
    }

    fn oldest(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Below it nobody reads.
#[derive(Debug, Default)]
pub(crate) struct Horizon {
    announced: AtomicU64,
    reached: AtomicU64,
}

impl Horizon {
    /// One that was moved up to `reached` before.
    pub(crate) fn at(reached: Timestamp) -> Self {
        Self { announced: AtomicU64::new(reached.0), reached: AtomicU64::new(reached.0) }
    }

    /// The horizon as of the last scan; may lag.
    pub(crate) fn reached(&self) -> Timestamp {
        Timestamp(self.reached.load(Ordering::Acquire))
    }

    /// Moves the horizon up to the minimum of `durable` and all slots. One caller at a time.
    pub(crate) fn scan(&self, durable: Timestamp, slots: impl FnOnce(&mut dyn FnMut(&Slot))) {
        self.announced.fetch_max(durable.0, Ordering::SeqCst);
        let mut oldest = durable;
        slots(&mut |slot| oldest = oldest.min(slot.oldest()));
        self.reached.fetch_max(oldest.0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_horizon_stops_at_the_oldest_registered_snapshot() {
        let (horizon, old, new) = (Horizon::default(), Slot::new(), Slot::new());
        assert!(old.register(Timestamp(10), &horizon));
        assert!(new.register(Timestamp(20), &horizon));
        let scan = |durable| {
            horizon.scan(Timestamp(durable), |see| [&old, &new].into_iter().for_each(see));
        };
        scan(30);
        assert_eq!(horizon.reached(), Timestamp(10));
        old.clear();
        scan(30);
        assert_eq!(horizon.reached(), Timestamp(20));
    }

    #[test]
    fn a_snapshot_below_the_announced_horizon_is_refused() {
        let (horizon, slot) = (Horizon::default(), Slot::new());
        horizon.scan(Timestamp(30), |_| {});
        assert!(!slot.register(Timestamp(20), &horizon));
        assert!(!slot.register(Timestamp(25), &horizon));
        assert!(slot.register(Timestamp(30), &horizon));
    }

    #[test]
    fn a_session_that_holds_an_older_snapshot_keeps_it() {
        let (horizon, slot) = (Horizon::default(), Slot::new());
        assert!(slot.register(Timestamp(10), &horizon));
        assert!(slot.register(Timestamp(20), &horizon));
        horizon.scan(Timestamp(30), |see| see(&slot));
        assert_eq!(horizon.reached(), Timestamp(10));
    }
}
