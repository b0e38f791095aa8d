//! What the server counts. Read without a latch; every figure only grows, except the gauges.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts since the start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Sockets accepted.
    pub(crate) accepted: Counter,
    /// Sessions that reached their first ReadyForQuery.
    pub(crate) sessions: Counter,
    /// Connections refused because there were too many.
    pub(crate) refused: Counter,
    /// Wrong passwords and peers.
    pub(crate) failed_logins: Counter,
    /// Cancel requests that found their session.
    pub(crate) cancels: Counter,
    /// Sessions whose client went away while a statement ran.
    pub(crate) disconnects: Counter,
    /// Sessions ended by a panic.
    pub(crate) panics: Counter,
}

impl std::fmt::Display for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "accepted={} sessions={} refused={} failed_logins={} cancels={} disconnects={} panics={}",
            self.accepted.value(),
            self.sessions.value(),
            self.refused.value(),
            self.failed_logins.value(),
            self.cancels.value(),
            self.disconnects.value(),
            self.panics.value(),
        )
    }
}
