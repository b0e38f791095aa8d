//! Safe snapshots: what a READ ONLY transaction sees that no later commit can make wrong.
//!
//! A READ ONLY transaction can only be part of an anomaly when a writer that ran while it took its snapshot
//! commits with an edge to a transaction that committed before that snapshot. Once all those writers have
//! ended and none did, the snapshot is safe, and nothing need be tracked. DEFERRABLE waits for that before
//! the first read, and takes another snapshot when it turns out unsafe.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::interrupt::Signal;
use crate::sync::AtomicU8;

/// What became of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Verdict {
    /// No commit can make it wrong.
    Safe = 1,
    /// It may be part of an anomaly.
    Unsafe = 2,
}

/// Whether a snapshot is safe, once that is known.
#[derive(Debug)]
pub(crate) struct Safety {
    verdict: AtomicU8,
    signal: Arc<Signal>,
}

impl Safety {
    /// Not known yet; `signal` is raised once it is.
    pub(super) fn unknown(signal: Arc<Signal>) -> Arc<Self> {
        Arc::new(Self { verdict: AtomicU8::new(0), signal })
    }

    pub(super) fn decide(&self, verdict: Verdict) {
        self.verdict.store(verdict as u8, Ordering::Release);
        self.signal.raise();
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        match self.verdict.load(Ordering::Acquire) {
            1 => Some(Verdict::Safe),
            2 => Some(Verdict::Unsafe),
            _ => None,
        }
    }
}
