//! Why the server does not start.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A reason not to start, and what to do.
#[derive(Debug)]
pub(crate) enum Error {
    /// The settings cannot be used.
    Config(crate::config::Error),
    /// The data directory cannot be made or looked at.
    DataDir { dir: PathBuf, error: io::Error },
    /// An address cannot be listened on.
    Listen { address: String, error: io::Error },
    /// Another server listens on the Unix socket.
    SocketInUse { socket: PathBuf, process: i32 },
    /// The path is longer than a Unix socket's may be.
    SocketPath { socket: PathBuf },
    /// A file of the Unix socket cannot be made.
    Socket { file: PathBuf, error: io::Error },
    /// The superuser's password cannot be read or written.
    PasswordFile { file: PathBuf, error: io::Error },
    /// The file with the superuser's password is empty.
    EmptyPassword { file: PathBuf },
    /// The database does not open.
    Database(reckon_sql::Error),
    /// Threads cannot be started.
    Threads(io::Error),
    /// The system has no randomness to give.
    Random(getrandom::Error),
}

impl Error {
    /// What to do, where the words of the error do not say it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Database(error) => error.fields().hint,
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::DataDir { dir, error } => {
                write!(f, "cannot use data directory \"{}\": {error}", dir.display())
            }
            Self::Listen { address, error } => {
                write!(f, "cannot listen on {address}: {error}; give another --listen HOST:PORT")
            }
            Self::SocketInUse { socket, process } => write!(
                f,
                "process {process} listens on \"{}\"; stop it, or give another --socket-dir or \
                 port",
                socket.display()
            ),
            Self::SocketPath { socket } => write!(
                f,
                "\"{}\" is too long for a Unix socket; give a shorter --socket-dir",
                socket.display()
            ),
            Self::Socket { file, error } => {
                write!(f, "cannot make \"{}\": {error}", file.display())
            }
            Self::PasswordFile { file, error } => {
                write!(f, "superuser password file \"{}\": {error}", file.display())
            }
            Self::EmptyPassword { file } => {
                write!(f, "superuser password file \"{}\" is empty", file.display())
            }
            Self::Database(error) => error.fmt(f),
            Self::Threads(error) => write!(f, "cannot start threads: {error}"),
            Self::Random(error) => write!(f, "no randomness from the system: {error}"),
        }
    }
}

impl From<crate::config::Error> for Error {
    fn from(error: crate::config::Error) -> Self {
        Self::Config(error)
    }
}

impl From<reckon_sql::Error> for Error {
    fn from(error: reckon_sql::Error) -> Self {
        Self::Database(error)
    }
}
