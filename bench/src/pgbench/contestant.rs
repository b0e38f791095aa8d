//! Who is measured: PostgreSQL 15, Reckon and the floor, each started and filled alike.

use std::process::{Child, Command, Stdio};

use reckon_tests::{Address, Postgres, Reckon, condition, pgbench};
use tempfile::TempDir;

use super::Plan;

/// PostgreSQL's settings besides initdb's: memory and log as for a server of its own.
const POSTGRES_SETTINGS: [&str; 3] =
    ["shared_buffers=4GB", "max_wal_size=8GB", "max_connections=200"];

/// A running server.
#[derive(Debug)]
pub(super) enum Contestant {
    Postgres(Postgres),
    Reckon(Reckon),
    Floor(Floor),
}

/// Starts and fills all.
pub(super) fn start(plan: &Plan) -> Vec<Contestant> {
    let settings: Vec<&str> = plan.settings.iter().map(String::as_str).collect();
    let contestants = vec![
        Contestant::Postgres(Postgres::start_with(&POSTGRES_SETTINGS)),
        Contestant::Reckon(Reckon::start_with(&settings)),
        Contestant::Floor(Floor::start(plan.scale)),
    ];
    for contestant in contestants.iter().filter(|one| one.has_data()) {
        pgbench::initialize(contestant.address(), plan.scale, &plan.steps);
        // Every page and every leaf is touched once before anything is measured.
        let warm = ["-n", "-S", "-M", "prepared", "-c", "2", "-T", "1"];
        pgbench::run(contestant.address(), &warm);
    }
    contestants
}

impl Contestant {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgresql 15",
            Self::Reckon(_) => "reckon",
            Self::Floor(_) => "floor",
        }
    }

    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Self::Reckon(_))
    }

    /// The floor has none.
    pub(super) fn has_data(&self) -> bool {
        !matches!(self, Self::Floor(_))
    }

    pub(super) fn address(&self) -> &Address {
        match self {
            Self::Postgres(server) => server.address(),
            Self::Reckon(server) => server.address(),
            Self::Floor(server) => &server.address,
        }
    }

    /// Process id, of the postmaster for PostgreSQL.
    pub(super) fn id(&self) -> u32 {
        match self {
            Self::Postgres(server) => server.id(),
            Self::Reckon(server) => server.id(),
            Self::Floor(server) => server.child.id(),
        }
    }
}

/// The floor in a process of its own: this program, started again.
#[derive(Debug)]
pub(super) struct Floor {
    child: Child,
    address: Address,
    _dir: TempDir,
}

impl Floor {
    fn start(scale: u32) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let address = Address::free(dir.path().to_owned());
        let own = std::env::current_exe().expect("path of this program");
        let mut command = Command::new(own);
        command.arg("floor").arg(address.socket()).arg(scale.to_string()).stdin(Stdio::null());
        let child = command.spawn().expect("start the floor");
        let socket = address.socket();
        condition::until("the floor to listen", || socket.exists());
        Self { child, address, _dir: dir }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
