//! Commit: one ordered queue, early lock release, group sync.
//!
//! ```text
//! committer A   ──[ timestamp, append, install, visible ]── release locks ──────────── acknowledged
//! committer B                                               ──[ timestamp, ... ]── ...
//! sync thread   ─────────────────────────────────────────────────────[ sync ]── durable ─┘
//!                  └──────── under the commit latch ────────┘
//! ```
//!
//! The next writer of a row need not wait for the disk: locks go as soon as a commit is visible. That is
//! safe because the log is one sequence (a crash that loses a commit loses all that came after it), and
//! because nobody is answered before `durable` covers what he saw.
//!
//! # Invariants
//!
//! 1. Order of timestamps = order of appends = order of installs = order in which commits become visible.
//! 2. `synced` <= `durable` <= `visible` <= `issued`. They never fall.
//! 3. Every commit at or before `durable` is on disk, or its owner asked not to wait for that
//!    (`synchronous_commit` off), and then no commit whose owner waits is before it and not on disk.
//! 4. A commit that was appended cannot fail any more: whatever goes wrong until it is visible ends the
//!    process, and so does any failed write or sync of the log.

mod queue;
mod sync;

use std::sync::atomic::Ordering;

use reckon_storage::Timestamp;

use crate::sync::AtomicU64;
pub(crate) use queue::{Commit, Queue};
pub use sync::Durable;
pub(crate) use sync::LogSync;

/// How far commits have come.
#[derive(Debug)]
pub(crate) struct Watermarks {
    applied: Applied,
    answerable: Answerable,
}

/// Written by committers.
#[derive(Debug)]
#[repr(align(128))]
struct Applied {
    issued: AtomicU64,
    visible: AtomicU64,
    last_synchronous: AtomicU64,
}

/// Written once a sync.
#[derive(Debug)]
#[repr(align(128))]
struct Answerable {
    synced: AtomicU64,
    durable: AtomicU64,
}

impl Watermarks {
    /// All at the last commit that a store recovered; in an empty store, where bulk loaded rows are seen.
    pub(crate) fn recovered(last: Timestamp) -> Self {
        let at = || AtomicU64::new(last.max(Timestamp::LOADED).0);
        Self {
            applied: Applied { issued: at(), visible: at(), last_synchronous: at() },
            answerable: Answerable { synced: at(), durable: at() },
        }
    }

    /// The last timestamp given out. Its commit may not be appended yet.
    pub(crate) fn issued(&self) -> Timestamp {
        Timestamp(self.applied.issued.load(Ordering::SeqCst))
    }

    /// The last commit that was installed.
    #[inline]
    pub(crate) fn visible(&self) -> Timestamp {
        Timestamp(self.applied.visible.load(Ordering::Acquire))
    }

    /// The last commit that a reply may show.
    #[inline]
    pub(crate) fn durable(&self) -> Timestamp {
        Timestamp(self.answerable.durable.load(Ordering::Acquire))
    }

    /// The last commit known to be on disk.
    pub(crate) fn synced(&self) -> Timestamp {
        Timestamp(self.answerable.synced.load(Ordering::Acquire))
    }

    fn last_synchronous(&self) -> Timestamp {
        Timestamp(self.applied.last_synchronous.load(Ordering::Acquire))
    }
}

/// Ends the process: what is on disk is unknown, or shared memory is half changed, and going on could
/// acknowledge what a restart takes back. The next start recovers.
pub(crate) fn fatal(what: &dyn std::fmt::Display) -> ! {
    tracing::error!("PANIC: {what}");
    if !tracing::dispatcher::has_been_set() {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "PANIC: {what}");
    }
    std::process::abort()
}
