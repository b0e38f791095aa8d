//! What can go wrong below the transactions.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::store::{KeyspaceId, Timestamp};

/// An error of the store.
#[derive(Debug)]
pub enum Error {
    /// RocksDB would have to stall the writer: nothing was written. Wait with
    /// [`wait_until_writable`](crate::Store::wait_until_writable), then append again.
    Stalled,
    /// Free space is below the reserve. Reads go on; writes work again once space was made.
    DiskFull {
        /// Bytes that are free on the file system of the data directory.
        free_bytes: u64,
        /// Bytes that must stay free.
        reserve_bytes: u64,
    },
    /// A bulk load was given the same key twice.
    DuplicateKey {
        /// The key, without its keyspace.
        key: Vec<u8>,
    },
    /// A bulk load was asked for into a keyspace that holds something.
    NotEmpty {
        /// The keyspace.
        keyspace: KeyspaceId,
    },
    /// An append whose timestamp does not follow the last one.
    OutOfOrder {
        /// The timestamp of the refused append.
        at: Timestamp,
        /// The last timestamp of the store.
        last: Timestamp,
    },
    /// A read below the low mark: that history may be gone.
    HistoryCollected {
        /// The timestamp of the read.
        at: Timestamp,
        /// Reads from here on are answered.
        low_mark: Timestamp,
    },
    /// All keyspace ids have been given out.
    KeyspacesExhausted,
    /// A key that no encoder of [`key`](crate::key) wrote.
    MalformedKey {
        /// What was expected where decoding stopped.
        expected: &'static str,
    },
    /// A value of the store's own that does not decode.
    Corrupt {
        /// Which value.
        what: &'static str,
    },
    /// Another process has the data directory open.
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory is not empty and holds no store.
    ForeignDirectory {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory holds a store of a format this build does not read.
    FormatVersion {
        /// The directory.
        directory: PathBuf,
        /// The version found there.
        found: u32,
        /// The version this build reads and writes.
        supported: u32,
    },
    /// Users other than the owner can enter the data directory.
    ExposedDirectory {
        /// The directory.
        directory: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The log is damaged in a place that had been made durable. Opening would lose commits.
    DamagedLog {
        /// The log file.
        file: PathBuf,
        /// Where in the file the first unreadable record starts.
        offset: u64,
        /// The last commit before the damage.
        intact_until: Timestamp,
        /// The commit up to which a later intact record says that everything was durable.
        durable: Timestamp,
    },
    /// A table file is damaged: what it holds under these keys cannot be told.
    DamagedTable {
        /// The table file, if RocksDB named it.
        file: Option<PathBuf>,
        /// The keyspace.
        keyspace: KeyspaceId,
        /// The first key in doubt, without its keyspace.
        lower: Vec<u8>,
        /// The key behind the last in doubt. `None`: to the end of the keyspace.
        upper: Option<Vec<u8>>,
        /// RocksDB's own words.
        message: String,
    },
    /// RocksDB met damage in a table file while it rewrote it, and takes no more writes: nothing was
    /// written. Reads go on.
    WritesRefused {
        /// The table file.
        file: PathBuf,
        /// RocksDB's own words.
        message: String,
    },
    /// The operating system refused.
    Io {
        /// What was being done: a verb phrase.
        action: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// RocksDB failed where nothing of the log was at stake.
    Engine {
        /// What was being done: a verb phrase.
        action: &'static str,
        /// RocksDB's own words.
        message: String,
    },
    /// A write or sync of the log failed. What reached the disk is unknown: the process must end
    /// without acknowledging anything more, and recover at the next start.
    WriteFailed {
        /// What was being done: a verb phrase.
        action: &'static str,
        /// RocksDB's own words.
        message: String,
    },
    /// Refused because an earlier write failed.
    Failed,
}

impl Error {
    /// Whether the process must end: nothing it has not acknowledged yet may be acknowledged now.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::WriteFailed { .. } | Self::Failed)
    }

    /// What the message has no room for: the keys a damaged table file leaves in doubt, and RocksDB's words about it.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::DamagedTable { keyspace, lower, upper, message, .. } => {
                let end = match upper {
                    Some(upper) => format!("below {}", Hex(upper)),
                    None => "to its end".to_owned(),
                };
                Some(format!("Keyspace {keyspace}, keys from {} {end}: {message}", Hex(lower)))
            }
            Self::WritesRefused { message, .. } => Some(message.clone()),
            _ => None,
        }
    }

    /// What to do.
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::WritesRefused { .. }).then_some(
            "What other files hold can be read: copy it, or restore a backup. A restart takes writes \
             until the file is to be rewritten again.",
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalled => write!(f, "the store cannot take writes at the moment"),
            Self::DiskFull { free_bytes, reserve_bytes } => write!(
                f,
                "the disk is full: {free_bytes} bytes are free, {reserve_bytes} must stay free"
            ),
            Self::DuplicateKey { key } => write!(f, "duplicate key {}", Hex(key)),
            Self::NotEmpty { keyspace } => write!(f, "keyspace {keyspace} is not empty"),
            Self::OutOfOrder { at, last } => {
                write!(f, "timestamp {at} does not follow {last}, the last one")
            }
            Self::HistoryCollected { at, low_mark } => {
                write!(f, "history at {at} is gone; it is kept from {low_mark} on")
            }
            Self::KeyspacesExhausted => write!(f, "all keyspace ids are in use"),
            Self::MalformedKey { expected } => write!(f, "malformed key: expected {expected}"),
            Self::Corrupt { what } => write!(f, "the store's {what} cannot be read"),
            Self::InUse { directory } => {
                write!(f, "data directory {} is in use by another process", directory.display())
            }
            Self::ForeignDirectory { directory } => write!(
                f,
                "directory {} is not empty and is not a data directory",
                directory.display()
            ),
            Self::FormatVersion { directory, found, supported } => write!(
                f,
                "data directory {} has format version {found}, this program reads version \
                 {supported}",
                directory.display()
            ),
            Self::ExposedDirectory { directory, mode } => write!(
                f,
                "data directory {} has permissions {mode:03o}, they must be 700",
                directory.display()
            ),
            Self::DamagedLog { file, offset, intact_until, durable } => write!(
                f,
                "log file {} is damaged at byte {offset}: commits after {intact_until} were \
                 durable (at least until {durable}) and cannot be read",
                file.display()
            ),
            Self::DamagedTable { file: Some(file), .. } => {
                write!(f, "table file {} is damaged", file.display())
            }
            Self::DamagedTable { file: None, .. } => write!(f, "a table file is damaged"),
            Self::WritesRefused { file, .. } => {
                write!(f, "table file {} is damaged; nothing more can be written", file.display())
            }
            Self::Io { action, path, source } => {
                write!(f, "could not {action} {}: {source}", path.display())
            }
            Self::Engine { action, message } => write!(f, "could not {action}: {message}"),
            Self::WriteFailed { action, message } => {
                write!(f, "could not {action}: {message}; nothing more can be written")
            }
            Self::Failed => write!(f, "an earlier write failed; nothing more can be written"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
