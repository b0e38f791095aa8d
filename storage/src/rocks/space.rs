//! The watch on free disk space.
//!
//! Writers ask before every commit, so the answer of the file system is kept for a while. This file
//! owns the clock that says how long.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rustix::fs::StatVfs;

use super::options::FreeSpace;
use crate::error::Error;

/// How long an answer of the file system is believed.
const KEPT_MS: u64 = 100;
const NEVER: u64 = u64::MAX;
/// What the C library calls it; RocksDB passes the words on and not the number.
const NO_SPACE: &str = "No space left on device";

/// Knows whether there is room to write.
#[derive(Debug)]
pub(super) struct SpaceWatch {
    directory: PathBuf,
    source: FreeSpace,
    reserve_bytes: u64,
    started: Instant,
    asked_ms: AtomicU64,
    free_bytes: AtomicU64,
}

impl SpaceWatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "the age of a cached answer decides nothing else"
    )]
    pub(super) fn new(directory: PathBuf, source: FreeSpace, reserve_bytes: u64) -> Self {
        Self {
            directory,
            source,
            reserve_bytes,
            started: Instant::now(),
            asked_ms: AtomicU64::new(NEVER),
            free_bytes: AtomicU64::new(0),
        }
    }

    /// [`Error::DiskFull`] when less than the reserve is free.
    pub(super) fn check(&self) -> Result<(), Error> {
        let free_bytes = match &self.source {
            FreeSpace::System => self.system()?,
            FreeSpace::Given(given) => given(),
        };
        if free_bytes < self.reserve_bytes {
            return Err(Error::DiskFull { free_bytes, reserve_bytes: self.reserve_bytes });
        }
        Ok(())
    }

    /// Why a write to a file failed: [`Error::DiskFull`] if that is the reason. Not for the log, where
    /// any failure is fatal.
    pub(super) fn explain(&self, error: Error) -> Error {
        let full = match &error {
            Error::Io { source, .. } => source.kind() == ErrorKind::StorageFull,
            Error::Engine { message, .. } => message.contains(NO_SPACE),
            _ => false,
        };
        if !full {
            return error;
        }
        let free_bytes = self.free_bytes.load(Ordering::Relaxed);
        Error::DiskFull { free_bytes, reserve_bytes: self.reserve_bytes }
    }

    fn system(&self) -> Result<u64, Error> {
        let now_ms = self.started.elapsed().as_millis() as u64;
        let asked_ms = self.asked_ms.load(Ordering::Acquire);
        if asked_ms != NEVER && now_ms.saturating_sub(asked_ms) < KEPT_MS {
            return Ok(self.free_bytes.load(Ordering::Relaxed));
        }
        let answer = ask(&self.directory)?;
        let free_bytes = answer.f_bavail.saturating_mul(answer.f_frsize);
        self.free_bytes.store(free_bytes, Ordering::Relaxed);
        self.asked_ms.store(now_ms, Ordering::Release);
        Ok(free_bytes)
    }
}

/// Bytes of the file system that `directory` is in, free or not.
pub(super) fn total_bytes(directory: &Path) -> Result<u64, Error> {
    let answer = ask(directory)?;
    Ok(answer.f_blocks.saturating_mul(answer.f_frsize))
}

fn ask(directory: &Path) -> Result<StatVfs, Error> {
    rustix::fs::statvfs(directory).map_err(|errno| Error::Io {
        action: "ask for the free space of",
        path: directory.to_owned(),
        source: errno.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn writing_stops_below_the_reserve_and_goes_on_above_it() {
        let free = Arc::new(AtomicU64::new(10));
        let given = Arc::clone(&free);
        let source = FreeSpace::Given(Arc::new(move || given.load(Ordering::Relaxed)));
        let watch = SpaceWatch::new(PathBuf::from("/"), source, 10);
        assert!(watch.check().is_ok());
        free.store(9, Ordering::Relaxed);
        let refused = watch.check().unwrap_err();
        assert!(matches!(refused, Error::DiskFull { free_bytes: 9, reserve_bytes: 10 }));
        free.store(11, Ordering::Relaxed);
        assert!(watch.check().is_ok());
    }

    #[test]
    fn a_file_that_found_no_space_means_a_full_disk() {
        let watch = SpaceWatch::new(PathBuf::from("/"), FreeSpace::System, 5);
        let source = ErrorKind::StorageFull.into();
        let full = Error::Io { action: "write", path: PathBuf::new(), source };
        assert!(matches!(watch.explain(full), Error::DiskFull { reserve_bytes: 5, .. }));
        let message = format!("IO error: {NO_SPACE}: While appending to file: x.sst");
        let full = Error::Engine { action: "write", message };
        assert!(matches!(watch.explain(full), Error::DiskFull { .. }));
        let other = Error::DuplicateKey { key: vec![] };
        assert!(matches!(watch.explain(other), Error::DuplicateKey { .. }));
    }

    #[test]
    fn the_file_system_is_asked() {
        let nothing = SpaceWatch::new(PathBuf::from("/"), FreeSpace::System, 0);
        assert!(nothing.check().is_ok());
        let everything = SpaceWatch::new(PathBuf::from("/"), FreeSpace::System, u64::MAX);
        assert!(matches!(everything.check(), Err(Error::DiskFull { .. })));
    }
}
