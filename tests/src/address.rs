//! Where a server listens, in the words of its clients.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

/// A Unix socket and a TCP port on loopback, with the same number.
#[derive(Clone, Debug)]
pub struct Address {
    /// Directory of the socket `.s.PGSQL.<port>`.
    pub socket_dir: PathBuf,
    /// Port on 127.0.0.1.
    pub port: u16,
}

impl Address {
    /// A port that nobody listens on, and the sockets' directory.
    pub fn free(socket_dir: PathBuf) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind a free port");
        let port = listener.local_addr().expect("address of a bound socket").port();
        Self { socket_dir, port }
    }

    /// The socket's path.
    pub fn socket(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{}", self.port))
    }

    /// A PostgreSQL client program that connects here, over the Unix socket, as `postgres`.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new(crate::postgres::bin_dir().join(program));
        command.arg("-h").arg(&self.socket_dir).arg("-p").arg(self.port.to_string());
        command.args(["-U", "postgres"]).env("PGTZ", "UTC").env("PGCLIENTENCODING", "UTF8");
        for name in ["PGOPTIONS", "PGDATESTYLE", "PGDATABASE", "PGSERVICE", "PGPASSWORD"] {
            command.env_remove(name);
        }
        command
    }
}
