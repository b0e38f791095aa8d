//! The commands: scripts, query modes, and the sums that must be equal afterwards.

use std::fmt;
use std::io::Write;
use std::path::Path;

use clap::ValueEnum;
use reckon_tests::Session;
use tempfile::NamedTempFile;

use super::contestant::Contestant;

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Script {
    /// One account is read (`-S`).
    Select,
    /// pgbench's own transaction, after TPC-B.
    Tpcb,
    /// The same without tellers and branches (`-N`).
    SimpleUpdate,
    /// Ten reads of one account in one pipeline.
    Pipeline,
    /// A hundred accounts in a row are summed.
    Range,
}

/// How queries are sent (`-M`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// As text, one message.
    Simple,
    /// Parsed anew each time.
    Extended,
    /// Parsed once.
    Prepared,
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Select => "select",
            Self::Tpcb => "tpcb",
            Self::SimpleUpdate => "simple-update",
            Self::Pipeline => "pipeline",
            Self::Range => "range",
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simple => "simple",
            Self::Extended => "extended",
            Self::Prepared => "prepared",
        })
    }
}

const READ: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n";
const SET_ACCOUNT: &str = "\\set aid random(1, 100000)\n";

impl Script {
    /// The sums that it changes by the same amount.
    fn sums(self) -> &'static [&'static str] {
        match self {
            Self::Tpcb => &[
                "select sum(abalance) from pgbench_accounts",
                "select sum(delta) from pgbench_history",
                "select sum(tbalance) from pgbench_tellers",
                "select sum(bbalance) from pgbench_branches",
            ],
            Self::SimpleUpdate => &[
                "select sum(abalance) from pgbench_accounts",
                "select sum(delta) from pgbench_history",
            ],
            Self::Select | Self::Pipeline | Self::Range => &[],
        }
    }

    /// pgbench sends pipelines in the extended protocol alone.
    pub(super) fn runs_in(self, mode: Mode) -> bool {
        self != Self::Pipeline || mode != Mode::Simple
    }

    /// Its text in a file; empty for pgbench's own.
    pub(super) fn file(self) -> NamedTempFile {
        let mut file = NamedTempFile::new().expect("a temporary file");
        let text = match self {
            Self::Pipeline => {
                format!("{SET_ACCOUNT}\\startpipeline\n{}\\endpipeline\n", READ.repeat(10))
            }
            Self::Range => format!(
                "{SET_ACCOUNT}SELECT sum(abalance) FROM pgbench_accounts \
                 WHERE aid BETWEEN :aid AND :aid + 99;\n"
            ),
            Self::Select | Self::Tpcb | Self::SimpleUpdate => String::new(),
        };
        file.write_all(text.as_bytes()).expect("write the script");
        file
    }
}

/// pgbench's arguments.
pub(super) fn arguments(
    script: Script,
    mode: Mode,
    clients: u32,
    seconds: &str,
    file: &Path,
) -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(clients as usize).to_string();
    let mode = mode.to_string();
    let clients = clients.to_string();
    let common = ["-n", "-M", &mode, "-c", &clients, "-j", &threads, "-T", seconds];
    let mut all: Vec<String> = common.map(str::to_owned).to_vec();
    match script {
        Script::Select => all.push("-S".to_owned()),
        Script::SimpleUpdate => all.push("-N".to_owned()),
        Script::Tpcb => {}
        Script::Pipeline | Script::Range => {
            all.push("-f".to_owned());
            all.push(file.to_str().expect("a path in UTF-8").to_owned());
        }
    }
    all
}

/// The sums that `script` must change alike, as they are now; none on the floor.
pub(super) fn sums(contestant: &Contestant, script: Script) -> Vec<i64> {
    if !contestant.has_data() || script.sums().is_empty() {
        return Vec::new();
    }
    let mut session = Session::connect(contestant.address(), "postgres");
    let sums = script.sums().iter().map(|sql| session.value(sql));
    // Without history there is no sum.
    sums.map(|sum| sum.parse().unwrap_or(0)).collect()
}

/// The changes from `before` to `after` are one.
///
/// # Panics
///
/// When they are not: then the figures mean nothing.
pub(super) fn check_sums(name: &str, before: &[i64], after: &[i64]) {
    let changes: Vec<i64> =
        after.iter().zip(before).map(|(after, before)| after - before).collect();
    assert!(changes.iter().all(|one| *one == changes[0]), "{name}: sums differ: {changes:?}");
}
