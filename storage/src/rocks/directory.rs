//! The data directory: who may enter, who is in, and what format it has.
//!
//! | name | what |
//! |---|---|
//! | `FORMAT` | format version and identity of the store; its presence makes it a data directory |
//! | `LOCK` | locked while a process has the store open |
//! | `store/` | RocksDB's files, its log included |
//! | `load/` | runs and tables of bulk loads under way; emptied at open |
//!
//! `FORMAT` is text, so that any build can tell why it refuses:
//!
//! ```text
//! reckon data directory
//! format 1
//! id 9f86d081884c7d65
//! ```
//!
//! # Invariants
//!
//! 1. Nothing is changed in a directory that is refused.
//! 2. `FORMAT` is written once, whole, before anything else of the store.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The version this build reads and writes.
const FORMAT_VERSION: u32 = 1;

const FORMAT: &str = "FORMAT";
const FORMAT_NEW: &str = "FORMAT.new";
const LOCK: &str = "LOCK";
const TITLE: &str = "reckon data directory";
/// What may lie in a directory that still counts as empty.
const IGNORED: [&str; 3] = [LOCK, FORMAT_NEW, "lost+found"];

/// A data directory that is ours alone until this value is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    id: u64,
    _lock: File,
}

impl Directory {
    /// Claims `path`, and makes it a data directory if it is empty or does not exist.
    pub(super) fn claim(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            create(path)?;
        }
        if is_vacant(path)? {
            let private = Permissions::from_mode(0o700);
            io_result("set the permissions of", path, fs::set_permissions(path, private))?;
        }
        let mode = io_result("look at", path, fs::metadata(path))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Error::ExposedDirectory { directory: path.to_owned(), mode });
        }
        let lock = lock(path)?;
        if !path.join(FORMAT).exists() {
            write_format(path)?;
        }
        let id = read_format(path)?;
        let directory = Self { path: path.to_owned(), id, _lock: lock };
        directory.empty_loads()?;
        Ok(directory)
    }

    /// A number that marks what this store wrote; nobody outside can know it.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Where RocksDB lives.
    pub(super) fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Where bulk loads work.
    pub(super) fn loads(&self) -> PathBuf {
        self.path.join("load")
    }

    fn empty_loads(&self) -> Result<(), Error> {
        let loads = self.loads();
        if loads.exists() {
            io_result("empty", &loads, fs::remove_dir_all(&loads))?;
        }
        create(&loads)
    }
}

/// Names the file and the attempt in an error of the operating system.
pub(super) fn io_result<T>(
    action: &'static str,
    path: &Path,
    result: io::Result<T>,
) -> Result<T, Error> {
    result.map_err(|source| Error::Io { action, path: path.to_owned(), source })
}

/// Makes the entries of a directory durable.
pub(super) fn sync_directory(path: &Path) -> Result<(), Error> {
    io_result("sync", path, File::open(path).and_then(|directory| directory.sync_all()))
}

fn create(path: &Path) -> Result<(), Error> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(path);
    io_result("create", path, created)
}

/// Whether nothing is in the directory. [`Error::ForeignDirectory`] if something is that is not
/// a store.
fn is_vacant(path: &Path) -> Result<bool, Error> {
    if path.join(FORMAT).exists() {
        return Ok(false);
    }
    for entry in io_result("list", path, fs::read_dir(path))? {
        let name = io_result("list", path, entry)?.file_name();
        if !IGNORED.iter().any(|ignored| name == *ignored) {
            return Err(Error::ForeignDirectory { directory: path.to_owned() });
        }
    }
    Ok(true)
}

fn lock(path: &Path) -> Result<File, Error> {
    let name = path.join(LOCK);
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = io_result("open", &name, options.open(&name))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { directory: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(Error::Io { action: "lock", path: name, source }),
    }
}

fn write_format(path: &Path) -> Result<(), Error> {
    let mut id = [0; 8];
    getrandom::fill(&mut id).map_err(|error| Error::Io {
        action: "draw a random identity for",
        path: path.to_owned(),
        source: io::Error::other(error.to_string()),
    })?;
    let id = u64::from_be_bytes(id);
    let new = path.join(FORMAT_NEW);
    let written = File::create(&new).and_then(|mut file| {
        write!(file, "{TITLE}\nformat {FORMAT_VERSION}\nid {id:016x}\n")?;
        file.sync_all()
    });
    io_result("write", &new, written)?;
    io_result("rename", &new, fs::rename(&new, path.join(FORMAT)))?;
    sync_directory(path)?;
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), sync_directory)
}

fn read_format(path: &Path) -> Result<u64, Error> {
    let name = path.join(FORMAT);
    let text = io_result("read", &name, fs::read_to_string(&name))?;
    let malformed = Error::Corrupt { what: "format file" };
    let Some(rest) = text.strip_prefix(TITLE) else { return Err(malformed) };
    let mut words = rest.split_ascii_whitespace();
    let found = match (words.next(), words.next().and_then(|version| version.parse().ok())) {
        (Some("format"), Some(version)) => version,
        _ => return Err(malformed),
    };
    if found != FORMAT_VERSION {
        let directory = path.to_owned();
        return Err(Error::FormatVersion { directory, found, supported: FORMAT_VERSION });
    }
    match (words.next(), words.next().and_then(|id| u64::from_str_radix(id, 16).ok())) {
        (Some("id"), Some(id)) => Ok(id),
        _ => Err(malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_directory_becomes_private_and_keeps_its_identity() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let id = Directory::claim(&path).unwrap().id();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(Directory::claim(&path).unwrap().id(), id);
    }

    #[test]
    fn a_directory_is_claimed_once() {
        let path = tempfile::tempdir().unwrap();
        let _first = Directory::claim(path.path()).unwrap();
        assert!(matches!(Directory::claim(path.path()), Err(Error::InUse { .. })));
    }

    #[test]
    fn a_directory_of_something_else_is_left_alone() {
        let path = tempfile::tempdir().unwrap();
        fs::write(path.path().join("letter.txt"), "dear all").unwrap();
        assert!(matches!(Directory::claim(path.path()), Err(Error::ForeignDirectory { .. })));
        assert_eq!(fs::read_dir(path.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused() {
        let path = tempfile::tempdir().unwrap();
        drop(Directory::claim(path.path()).unwrap());
        fs::set_permissions(path.path(), Permissions::from_mode(0o750)).unwrap();
        let refused = Directory::claim(path.path()).unwrap_err();
        assert!(matches!(refused, Error::ExposedDirectory { mode: 0o750, .. }));
    }

    #[test]
    fn another_format_version_is_named() {
        let path = tempfile::tempdir().unwrap();
        drop(Directory::claim(path.path()).unwrap());
        let text = format!("{TITLE}\nformat 7\nsomething new\n");
        fs::write(path.path().join(FORMAT), text).unwrap();
        let refused = Directory::claim(path.path()).unwrap_err();
        assert!(matches!(refused, Error::FormatVersion { found: 7, supported: 1, .. }));
        fs::write(path.path().join(FORMAT), "garbage").unwrap();
        assert!(matches!(Directory::claim(path.path()), Err(Error::Corrupt { .. })));
    }
}
