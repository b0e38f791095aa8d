//! The commit latch: one commit at a time gets its timestamp, is appended, installed and made visible.
//!
//! # Concurrency
//!
//! The latch is held for one append and its installs. Nothing is waited for under it: when the store
//! would stall it is released first. The certifier's latch is taken under it. Locks of rows and tables
//! are never taken under it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reckon_storage::{Error as StorageError, Timestamp, Write};

use super::{Watermarks, fatal};
use crate::blocking::Blocking;
use crate::engine::Shared;
use crate::error::Error;
use crate::interrupt::Signal;
use crate::keyspace::Near;
use crate::serializable::XactId;
use crate::sync::{AtomicU64, Mutex, MutexGuard};
use crate::write_set::{InOrder, WriteSet};

/// How long a committer waits for the latch before it tells the scheduler that it blocks.
const PATIENCE: Duration = Duration::from_micros(100);

/// A commit of more bytes than this blocks for long itself.
const LARGE_BYTES: usize = 256 << 10;

/// What is to be committed.
pub(crate) struct Commit<'a> {
    pub(crate) writes: &'a WriteSet,
    pub(crate) near: &'a Near,
    pub(crate) signal: &'a Signal,
    /// A SERIALIZABLE transaction's name, for the last check.
    pub(crate) certified: Option<XactId>,
    /// Whether somebody waits for it to be on disk.
    pub(crate) synchronous: bool,
    /// Of a prepared transaction: the control value that goes with the commit.
    pub(crate) prepared: Option<&'a str>,
}

/// The commit latch and its figures.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    latch: Mutex<()>,
    /// When something was prepared last; what is committed afterwards is later. Changed under the latch.
    prepared: AtomicU64,
    commits: AtomicU64,
    held_us_max: AtomicU64,
}

impl Queue {
    /// Commits since the engine was opened.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// The longest time the latch was held, in microseconds.
    pub(crate) fn held_us_max(&self) -> u64 {
        self.held_us_max.load(Ordering::Relaxed)
    }

    /// Commits. Returns the timestamp once the commit is visible; on an error nothing was written.
    pub(crate) fn commit(&self, shared: &Shared, commit: &Commit<'_>) -> Result<Timestamp, Error> {
        shared.store.check_space()?;
        if commit.writes.bytes() <= LARGE_BYTES {
            return self.commit_here(shared, commit, Timestamp::ZERO);
        }
        shared.options.blocking.run(|| self.commit_here(shared, commit, Timestamp::ZERO))
    }

    /// Prepares a transaction between two commits: `certify` is given a time after all that were
    /// committed and not after any that will be.
    pub(crate) fn prepare<R>(
        &self,
        shared: &Shared,
        certify: impl FnOnce(Timestamp) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let _latch = self.enter(&shared.options.blocking);
        let at = shared.clock.next(self.last(shared));
        self.prepared.store(at.0, Ordering::Relaxed);
        certify(at)
    }

    /// What was prepared before a restart is before all commits from now on.
    pub(crate) fn recover(&self, prepared: Timestamp) {
        self.prepared.fetch_max(prepared.0, Ordering::Relaxed);
    }

    /// Sees to it that every commit from here on is after `at`; the log says so too.
    pub(crate) fn pass(
        &self,
        shared: &Shared,
        signal: &Signal,
        at: Timestamp,
    ) -> Result<(), Error> {
        if at <= shared.marks.visible() {
            return Ok(());
        }
        shared.store.check_space()?;
        let nothing = Commit {
            writes: &WriteSet::default(),
            near: &Near::default(),
            signal,
            certified: None,
            synchronous: true,
            prepared: None,
        };
        let passed = self.commit_here(shared, &nothing, at)?;
        shared.log.ask(passed, true);
        Ok(())
    }

    /// Commits after everything that was committed or prepared, and after `after`.
    fn commit_here(
        &self,
        shared: &Shared,
        commit: &Commit<'_>,
        after: Timestamp,
    ) -> Result<Timestamp, Error> {
        let blocking = &shared.options.blocking;
        let writes = commit.writes.in_order();
        loop {
            let latch = self.enter(blocking);
            let marks = &*shared.marks;
            let at = shared.clock.next(self.last(shared).max(after));
            marks.applied.issued.store(at.0, Ordering::SeqCst);
            if let Some(id) = commit.certified {
                shared.certifier.prepare(id, at)?;
            }
            let (store, synced) = (&shared.store, marks.synced());
            let appended = match commit.prepared {
                None => store.append(&mut writes.all(), at, synced),
                Some(name) => store.append_removing(&mut writes.all(), name, at, synced),
            };
            if let (Err(_), Some(id)) = (&appended, commit.certified) {
                shared.certifier.take_back(id);
            }
            match appended {
                Ok(()) => {
                    let whole = WholeOrNothing;
                    apply(shared, commit, &writes, at);
                    std::mem::forget(whole);
                    let held_us = shared.clock.now().0.saturating_sub(at.0);
                    self.held_us_max.fetch_max(held_us, Ordering::Relaxed);
                    let counts = !commit.writes.is_empty();
                    self.commits.fetch_add(u64::from(counts), Ordering::Relaxed);
                    return Ok(at);
                }
                Err(StorageError::Stalled) => {
                    drop(latch);
                    commit.signal.check()?;
                    blocking.run(|| shared.store.wait_until_writable());
                }
                Err(error) if error.is_fatal() => fatal(&error),
                Err(error) => return Err(Error::Storage(error)),
            }
        }
    }

    /// The last time that was given out. The latch is held.
    fn last(&self, shared: &Shared) -> Timestamp {
        shared.marks.issued().max(Timestamp(self.prepared.load(Ordering::Relaxed)))
    }

    fn enter(&self, blocking: &Blocking) -> MutexGuard<'_, ()> {
        match self.latch.try_lock_for(PATIENCE) {
            Some(latch) => latch,
            None => blocking.run(|| self.latch.lock()),
        }
    }
}

/// Installs what was appended and makes it visible.
fn apply(shared: &Shared, commit: &Commit<'_>, writes: &InOrder<'_>, at: Timestamp) {
    let horizon = shared.horizon.reached();
    for id in writes.keyspaces() {
        commit.near.with(&shared.keyspaces, id, |keyspace| {
            let mut grown = 0;
            for Write { key, value, .. } in writes.of(id) {
                grown += keyspace.tree.install(key, at.0, value, horizon.0);
                keyspace.recent.note(key, at);
            }
            keyspace.add_rows(grown);
            keyspace.set_last_change(at);
        });
    }
    shared.marks.show(at, commit.synchronous);
}

impl Watermarks {
    /// Makes a commit visible, and durable too if nobody waits for it nor for any before it.
    fn show(&self, at: Timestamp, synchronous: bool) {
        if synchronous {
            self.applied.last_synchronous.store(at.0, Ordering::Release);
        }
        self.applied.visible.store(at.0, Ordering::Release);
        if !synchronous && self.last_synchronous() <= self.synced() {
            self.answerable.durable.fetch_max(at.0, Ordering::AcqRel);
        }
    }
}

/// Between append and visible a panic must not unwind: memory would not have what the log has.
struct WholeOrNothing;

impl Drop for WholeOrNothing {
    fn drop(&mut self) {
        fatal(&"a commit was appended and could not be installed");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use reckon_storage::MemoryStore;

    use super::*;
    use crate::engine::{Engine, Options};

    fn engine() -> Engine {
        Engine::open(Arc::new(MemoryStore::new()), Options::default()).unwrap()
    }

    #[test]
    fn whatever_the_clock_says_a_time_that_was_passed_is_behind_everything() {
        let engine = engine();
        let shared = &engine.shared;
        let at = Timestamp(engine.now().0 + 3_600_000_000);
        shared.queue.pass(shared, &Signal::default(), at).unwrap();
        assert!(engine.visible() > at);
    }

    #[test]
    fn whatever_the_clock_says_what_is_prepared_later_has_a_later_time() {
        let engine = engine();
        let shared = &engine.shared;
        shared.queue.recover(Timestamp(engine.now().0 + 3_600_000_000));
        let prepare = || shared.queue.prepare(shared, Ok).unwrap();
        let (first, second) = (prepare(), prepare());
        assert!(first < second, "{first} {second}");
    }
}
