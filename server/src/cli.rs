//! The command line: from arguments to a server that runs.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use reckon_sql::Broken;

use crate::config::{self, Config, Layers, Place};
use crate::error::Error;
use crate::server;

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
        let text = |os: OsString| os.to_string_lossy().into_owned();
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

/// Runs the program with these arguments, the first its name. `broken` names the rules that do not hold:
/// none, but in a test.
pub fn run(arguments: impl IntoIterator<Item = OsString>, broken: Broken) -> ExitCode {
    let Command::Serve(serve) = Cli::parse_from(arguments).command;
    let started = serve.config().map_err(Error::from).and_then(|config| {
        log_to_stderr(&config.log);
        server::run(&config, broken)
    });
    match started {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reckon: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("reckon: hint: {hint}");
            }
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
