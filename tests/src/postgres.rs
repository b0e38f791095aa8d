//! A private PostgreSQL 15, gone when dropped: the oracle for what a client sees.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{Address, condition, process};

/// Where Debian puts the programs; `PG15_BIN` names another directory.
const DEBIAN_BIN: &str = "/usr/lib/postgresql/15/bin";

/// Directory of PostgreSQL 15's programs.
pub fn bin_dir() -> PathBuf {
    std::env::var_os("PG15_BIN").map_or_else(|| DEBIAN_BIN.into(), PathBuf::from)
}

/// A running cluster.
#[derive(Debug)]
pub struct Postgres {
    child: Child,
    address: Address,
    dir: TempDir,
    settings: Vec<String>,
}

impl Postgres {
    /// A cluster for comparing results: no syncs, settings as initdb leaves them.
    pub fn start() -> Self {
        Self::start_with(&["fsync=off", "max_connections=200", "max_prepared_transactions=10"])
    }

    /// A cluster in C locale and UTC with these settings, each `name=value`.
    pub fn start_with(settings: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("pg-").tempdir().expect("temporary directory");
        let owner = owner();
        if let Some((uid, gid)) = owner {
            chown(dir.path(), Some(uid), Some(gid)).expect("chown to postgres");
        }
        let data = dir.path().join("data");
        let mut initdb = program("initdb", owner, dir.path());
        initdb.args(["--locale=C", "-E", "UTF8", "-A", "trust", "-U", "postgres", "--no-sync"]);
        let made = initdb.arg("-D").arg(&data).stdout(Stdio::null()).status();
        assert!(made.expect("run initdb").success(), "initdb failed");

        let address = Address::free(dir.path().to_owned());
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect::<Vec<_>>();
        let child = launch(dir.path(), &address, &settings);
        let postgres = Self { child, address, dir, settings };
        condition::until("PostgreSQL to accept connections", || postgres.accepts());
        postgres
    }

    /// Stops it as `pg_ctl stop -m fast` does, and waits.
    pub fn stop(&mut self) {
        process::signal(self.child.id(), Signal::INT);
        let _status = self.child.wait();
    }

    /// Starts it again after [`Postgres::stop`], without waiting.
    pub fn start_again(&mut self) {
        self.child = launch(self.dir.path(), &self.address, &self.settings);
    }

    fn accepts(&self) -> bool {
        let status = self.dir.path().join("data/postmaster.pid");
        let ready = fs::read_to_string(status).is_ok_and(|text| text.contains("ready"));
        ready && UnixStream::connect(self.address.socket()).is_ok()
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Process id of the postmaster.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        process::signal(self.child.id(), Signal::QUIT);
        let _ended = self.child.wait();
    }
}

fn launch(dir: &Path, address: &Address, settings: &[String]) -> Child {
    let log = File::options().create(true).append(true).open(dir.join("log")).expect("log file");
    let mut server = program("postgres", owner(), dir);
    server.arg("-D").arg(dir.join("data")).arg("-k").arg(dir);
    server.args(["-p", &address.port.to_string()]);
    let always = ["timezone=UTC", "log_timezone=UTC"];
    for setting in always.into_iter().chain(settings.iter().map(String::as_str)) {
        server.arg("-c").arg(setting);
    }
    server.stdout(Stdio::null()).stderr(log).spawn().expect("start postgres")
}

fn program(name: &str, owner: Option<(u32, u32)>, dir: &Path) -> Command {
    let mut command = Command::new(bin_dir().join(name));
    if let Some((uid, gid)) = owner {
        command.uid(uid).gid(gid);
    }
    command.current_dir(dir).env("TZ", "UTC");
    command
}

/// PostgreSQL refuses to run as root: then it runs as the user `postgres`.
fn owner() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("read /etc/passwd");
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let mut fields = line.expect("a user postgres, made by Debian's package").split(':').skip(2);
    let mut id = || fields.next().and_then(|field| field.parse::<u32>().ok());
    Some((id().expect("user id of postgres"), id().expect("group id of postgres")))
}
