//! pgbench, PostgreSQL 15's own, against any server.

use std::path::Path;
use std::process::{Command, Output};

use crate::Address;

/// What a run reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Transactions processed.
    pub transactions: u64,
    /// Transactions failed.
    pub failed: u64,
    /// Average latency in milliseconds.
    pub latency_ms: f64,
    /// Transactions a second, without the time of connecting.
    pub per_second: f64,
}

/// pgbench with these arguments on the database `postgres`.
pub fn command(address: &Address, arguments: &[&str]) -> Command {
    let mut command = address.client("pgbench");
    command.args(arguments).arg("postgres");
    command
}

/// Fills the tables; `steps` as `-I` takes them.
///
/// # Panics
///
/// When pgbench fails, with what it printed.
pub fn initialize(address: &Address, scale: u32, steps: &str) {
    let scale = scale.to_string();
    let output = command(address, &["-i", "-q", "-s", &scale, "-I", steps]).output();
    succeeded(&output.expect("start pgbench"));
}

/// Runs with these arguments.
///
/// # Panics
///
/// When pgbench fails, with what it printed.
pub fn run(address: &Address, arguments: &[&str]) -> Report {
    let output = command(address, arguments).output().expect("start pgbench");
    succeeded(&output);
    Report::read(&String::from_utf8_lossy(&output.stdout))
}

/// Runs a script file with these arguments.
pub fn run_script(address: &Address, script: &Path, arguments: &[&str]) -> Report {
    let file = script.to_str().expect("a path in UTF-8");
    run(address, &[&["-f", file], arguments].concat())
}

#[track_caller]
fn succeeded(output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "pgbench failed:\n{errors}");
    assert!(!errors.contains("aborted"), "a client was aborted:\n{errors}");
}

impl Report {
    fn read(text: &str) -> Self {
        let number = |name: &str, end: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            let value = line.split(end).next().unwrap_or_default().trim();
            value.split('/').next().unwrap_or_default().parse::<f64>().unwrap_or(0.0)
        };
        Self {
            transactions: number("number of transactions actually processed: ", " ") as u64,
            failed: number("number of failed transactions: ", " ") as u64,
            latency_ms: number("latency average = ", " ms"),
            per_second: number("tps = ", " "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let text = "number of transactions actually processed: 1234/2000\n\
                    number of failed transactions: 3 (0.1%)\n\
                    latency average = 0.125 ms\ntps = 8000.5 (without initial connection time)\n";
        let report =
            Report { transactions: 1234, failed: 3, latency_ms: 0.125, per_second: 8000.5 };
        assert_eq!(Report::read(text), report);
    }
}
