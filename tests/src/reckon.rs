//! A Reckon server of a test's own: started, killed, started again on the same data.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{Address, Session, condition, process};

/// A server, its data directory and where it listens.
#[derive(Debug)]
pub struct Reckon {
    child: Option<Child>,
    address: Address,
    /// Rules that do not hold, for the program `broken`; with commas.
    broken: Option<String>,
    data: PathBuf,
    settings: Vec<String>,
    dir: TempDir,
}

/// The program: `RECKON_BIN`, or `reckon` beside the test's own target directory.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("RECKON_BIN") {
        return path.into();
    }
    beside("reckon")
        .expect("the program reckon: run cargo build --release first, or set RECKON_BIN")
}

/// A program of the target directory that this one is in.
fn beside(name: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().expect("path of this program");
    own.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|path| path.is_file())
}

impl Reckon {
    /// A server with default settings on new data.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server with these settings, each `name=value`, on new data.
    pub fn start_with(settings: &[&str]) -> Self {
        Self::start_in(None, settings)
    }

    /// A server in which these rules do not hold: what it does wrong must be noticed.
    pub fn start_broken(rules: &str, settings: &[&str]) -> Self {
        // Its data are made by one in which they do.
        let mut server = Self::start_in(None, settings);
        server.stop();
        server.broken = Some(rules.to_owned());
        server.restart();
        server
    }

    /// A server whose data are in `data`, which need not exist.
    pub fn start_on(data: &Path, settings: &[&str]) -> Self {
        Self::start_in(Some(data), settings)
    }

    fn start_in(data: Option<&Path>, settings: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("reckon-").tempdir();
        let dir = dir.expect("temporary directory");
        let data = data.map_or_else(|| dir.path().join("data"), Path::to_owned);
        let sockets = dir.path().join("sockets");
        fs::DirBuilder::new().mode(0o755).create(&sockets).expect("directory of the socket");
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let address = Address::free(sockets);
        let mut server = Self { child: None, address, broken: None, data, settings, dir };
        server.restart();
        server
    }

    /// The command line of this server.
    pub fn command(&self) -> Command {
        let mut command = match &self.broken {
            None => Command::new(program()),
            Some(rules) => {
                let mut command = Command::new(beside("broken").expect("the program broken"));
                command.arg(rules);
                command
            }
        };
        // The tests' own variables would be unknown settings of the server.
        let names = std::env::vars_os().map(|(name, _)| name);
        for name in names.filter(|name| name.to_string_lossy().starts_with("RECKON_")) {
            command.env_remove(name);
        }
        command.arg("serve").arg("--data-dir").arg(&self.data);
        command.arg("--listen").arg(format!("127.0.0.1:{}", self.address.port));
        command.arg("--socket-dir").arg(&self.address.socket_dir);
        for setting in &self.settings {
            command.arg("--set").arg(setting);
        }
        command
    }

    /// Starts it (again) on its data and waits until it accepts connections.
    pub fn restart(&mut self) {
        assert!(self.try_restart(), "Reckon ended at its start:\n{}", self.log());
    }

    /// As [`Reckon::restart`]; false when it refused to start, which the log explains.
    pub fn try_restart(&mut self) -> bool {
        self.start_again();
        condition::until("Reckon to accept connections or to end", || {
            self.has_ended() || Session::try_connect(&self.address, "postgres").is_ok()
        });
        if self.has_ended() {
            self.child = None;
        }
        self.child.is_some()
    }

    /// Starts its process on its data, without waiting.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = OpenOptions::new().create(true).append(true).open(self.log_path());
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("log file"));
        self.child = Some(command.spawn().expect("start reckon"));
    }

    fn has_ended(&mut self) -> bool {
        let child = self.child.as_mut().expect("it was started");
        child.try_wait().expect("ask for its status").is_some()
    }

    /// Ends it with kill -9.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("kill -9");
        child.wait().expect("its status");
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        process::signal(self.id(), signal);
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let mut status = None;
        condition::until("Reckon to end", || {
            status = child.try_wait().expect("its status");
            status.is_some()
        });
        status.expect("set by the condition")
    }

    /// Waits until it has ended by itself; kills it when it has not after `limit`.
    pub fn end_within(&mut self, limit: Duration) {
        if condition::within(limit, || self.has_ended()) {
            self.child = None;
        } else {
            self.kill();
        }
    }

    /// Stops it with SIGTERM and waits.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whether its process runs.
    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Changes the settings of the next start.
    pub fn set(&mut self, settings: &[&str]) {
        self.settings = settings.iter().map(|&setting| setting.to_owned()).collect();
    }

    /// A new session as `postgres` in the database `postgres`.
    pub fn connect(&self) -> Session {
        Session::connect(&self.address, "postgres")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// What it wrote to stderr.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Empties the log.
    pub fn clear_log(&self) {
        File::create(self.log_path()).expect("truncate the log");
    }
}

impl Drop for Reckon {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ended = child.kill();
            let _status = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            eprintln!("--- the server's last lines");
            for line in tail.iter().rev() {
                eprintln!("{}", line.chars().take(300).collect::<String>());
            }
        }
    }
}
