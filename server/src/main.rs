//! The program `reckon`: a server that speaks PostgreSQL's protocol.

#![forbid(unsafe_code)]

mod auth;
mod budget;
mod config;
mod connection;
mod copy;
mod error;
mod listener;
mod memory;
mod metrics;
mod password;
mod protocol;
mod response;
mod server;
mod sessions;
mod socket;
mod startup;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use config::{Config, Layers, Place};
use error::Error;

/// The caches are filled by one thread and emptied by another, and what may block moves to a thread of its own. An
/// allocator that keeps memory with threads holds several times what the caches count; this one keeps it with processors.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// An OLTP database server that speaks PostgreSQL's protocol and SQL.
#[derive(Debug, Parser)]
#[command(name = "reckon", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server in the foreground.
    Serve(Serve),
}

#[derive(Debug, Args)]
struct Serve {
    /// Where the data are; made if it is not there.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// TCP address to listen on [default: 127.0.0.1:5432].
    #[arg(long, value_name = "HOST:PORT")]
    listen: Vec<String>,
    /// Directory of the Unix socket [default: /tmp].
    #[arg(long, value_name = "DIR")]
    socket_dir: Option<PathBuf>,
    /// File whose first line is the password of the superuser.
    #[arg(long, value_name = "FILE")]
    superuser_password_file: Option<PathBuf>,
    /// Settings in TOML.
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// One setting; also as RECKON_NAME in the environment.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

impl Serve {
    /// The settings of the command line, the environment, the file and the defaults.
    fn config(&self) -> Result<Config, config::Error> {
        let mut layers = Layers::new();
        if let Some(file) = &self.config {
            layers.set_file(file)?;
        }
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        layers.set_environment(std::env::vars_os().map(|(n, v)| (text(n), text(v))))?;
        self.set.iter().try_for_each(|assignment| layers.assign(assignment))?;
        let paths = [
            ("data_dir", &self.data_dir),
            ("socket_dir", &self.socket_dir),
            ("superuser_password_file", &self.superuser_password_file),
        ];
        for (name, path) in paths {
            if let Some(path) = path {
                layers.set(name, &path.to_string_lossy(), Place::CommandLine)?;
            }
        }
        if !self.listen.is_empty() {
            layers.set("listen", &self.listen.join(","), Place::CommandLine)?;
        }
        layers.config()
    }
}

fn main() -> ExitCode {
    let Command::Serve(serve) = Cli::parse().command;
    let started = serve.config().map_err(Error::from).and_then(|config| {
        log_to_stderr(&config.log);
        server::run(&config)
    });
    match started {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reckon: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `filter` is a level, or `target=level` with commas.
fn log_to_stderr(filter: &str) {
    let filter = tracing_subscriber::EnvFilter::new(filter);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
