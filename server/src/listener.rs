//! Where clients come in: TCP addresses and one Unix socket.
//!
//! The Unix socket `.s.PGSQL.PORT` has a lock file beside it, as PostgreSQL's has, so that neither
//! of the two programs takes the other's socket away. Its first line is the process id; the socket
//! of a process that is gone is replaced.

use std::fs;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::process::Pid;
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use crate::error::Error;
use crate::socket::Stream;

/// Connections the kernel keeps until they are accepted.
const BACKLOG: u32 = 4096;
/// The port in the Unix socket's name when nothing listens on TCP.
const PORT: u16 = 5432;
/// `sun_path` holds one byte more.
const SOCKET_PATH_MAX: usize = 107;

/// Something that accepts connections.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Everything that is listened on.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) all: Vec<Listener>,
    /// As the accepting line names them.
    pub(crate) names: Vec<String>,
    /// Addresses others than this machine can reach.
    pub(crate) open: Vec<SocketAddr>,
    pub(crate) socket: Option<SocketFile>,
}

impl Listeners {
    /// Listens on every address, and on the Unix socket if there is a directory for it.
    pub(crate) fn bind(
        addresses: &[String],
        socket_dir: Option<&Path>,
        data_dir: &Path,
    ) -> Result<Self, Error> {
        let mut listeners =
            Self { all: Vec::new(), names: Vec::new(), open: Vec::new(), socket: None };
        let mut port = None;
        for address in addresses {
            let wrap = |error| Error::Listen { address: address.clone(), error };
            for resolved in resolve(address).map_err(wrap)? {
                let listener = listen(resolved).map_err(wrap)?;
                let local = listener.local_addr().map_err(wrap)?;
                port.get_or_insert(local.port());
                listeners.names.push(local.to_string());
                if !is_loopback(local.ip()) {
                    listeners.open.push(local);
                }
                listeners.all.push(Listener::Tcp(listener));
            }
        }
        if let Some(dir) = socket_dir {
            let file = SocketFile::lock(dir, port.unwrap_or(PORT), data_dir)?;
            let wrap = |error| Error::Socket { file: file.path.clone(), error };
            let listener = UnixListener::bind(&file.path).map_err(wrap)?;
            // Everybody may knock: who is let in is decided by credentials.
            let everybody = fs::Permissions::from_mode(0o777);
            fs::set_permissions(&file.path, everybody).map_err(wrap)?;
            listeners.names.push(file.path.display().to_string());
            listeners.all.push(Listener::Unix(listener));
            listeners.socket = Some(file);
        }
        Ok(listeners)
    }
}

fn resolve(address: &str) -> io::Result<Vec<SocketAddr>> {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    let port = port.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    match host {
        "*" => Ok(vec![SocketAddr::from(([0, 0, 0, 0], port))]),
        host => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let mut resolved: Vec<_> = (host, port).to_socket_addrs()?.collect();
            resolved.sort_unstable();
            resolved.dedup();
            Ok(resolved)
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

impl Listener {
    /// The next connection. Statements are answered at once: small packets are not held back.
    pub(crate) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                socket2::SockRef::from(&stream).set_keepalive(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

/// The files of the Unix socket, removed at the end.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    lock: PathBuf,
}

impl SocketFile {
    /// Takes the name, from a server that is gone if need be.
    fn lock(dir: &Path, port: u16, data_dir: &Path) -> Result<Self, Error> {
        let path = dir.join(format!(".s.PGSQL.{port}"));
        if path.as_os_str().len() > SOCKET_PATH_MAX {
            return Err(Error::SocketPath { socket: path });
        }
        let lock = dir.join(format!(".s.PGSQL.{port}.lock"));
        let wrap = |error| Error::Socket { file: lock.clone(), error };
        let options = || {
            let mut options = fs::File::options();
            options.write(true).create_new(true).mode(0o600);
            options.open(&lock)
        };
        let mut file = match options() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if let Some(process) = holder(&lock) {
                    return Err(Error::SocketInUse { socket: path, process });
                }
                fs::remove_file(&lock).map_err(wrap)?;
                options().map_err(wrap)?
            }
            other => other.map_err(wrap)?,
        };
        let id = std::process::id();
        let lines = format!("{id}\n{}\n0\n{port}\n{}\n", data_dir.display(), dir.display());
        file.write_all(lines.as_bytes()).map_err(wrap)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::Socket { file: path, error })
            }
            _ => Ok(Self { path, lock }),
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // What cannot be removed is replaced by the next server.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.lock);
    }
}

/// The process that holds a lock file, if it is alive.
fn holder(lock: &Path) -> Option<i32> {
    let text = fs::read_to_string(lock).ok()?;
    let process: i32 = text.lines().next()?.trim().parse().ok()?;
    let process = process.checked_abs()?;
    if u32::try_from(process) == Ok(std::process::id()) {
        return None;
    }
    match rustix::process::test_kill_process(Pid::from_raw(process)?) {
        Err(rustix::io::Errno::SRCH) => None,
        _ => Some(process),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_live_socket_is_kept_and_a_dead_one_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let bind = || Listeners::bind(&[], Some(dir.path()), Path::new("/data"));
        let lock = dir.path().join(".s.PGSQL.5432.lock");
        let first = bind().unwrap();
        assert_eq!(first.names, [dir.path().join(".s.PGSQL.5432").display().to_string()]);
        drop(first);
        assert!(!lock.exists());
        fs::write(&lock, "1\n/elsewhere\n").unwrap();
        assert!(matches!(bind(), Err(Error::SocketInUse { process: 1, .. })));
        fs::write(&lock, "999999999\n/elsewhere\n").unwrap();
        fs::write(dir.path().join(".s.PGSQL.5432"), "").unwrap();
        bind().unwrap();
    }

    #[tokio::test]
    async fn other_addresses_than_loopback_are_named() {
        let listen = ["127.0.0.1:0".to_owned(), "0.0.0.0:0".to_owned()];
        let listeners = Listeners::bind(&listen, None, Path::new("/data")).unwrap();
        assert_eq!((listeners.all.len(), listeners.open.len()), (2, 1));
    }
}
