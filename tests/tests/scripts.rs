//! Every script agrees with PostgreSQL 15, with the cache at its default and at its least.
//!
//! Arguments that are no options choose scripts by a part of `<cache>/<area>/<case>`.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use reckon_tests::{Reckon, script};

fn main() -> ExitCode {
    let filter: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let mut out = std::io::stdout().lock();
    let mut failed = Vec::new();
    let mut passed = 0;
    for (cache, settings) in [("default", &[][..]), ("smallest", &["cache_size=1MB"][..])] {
        let scripts = script::all("");
        let chosen =
            |name: &str| filter.is_empty() || filter.iter().any(|part| name.contains(part));
        let mut server = None;
        for script in scripts {
            let name = format!("{cache}/{}", script.name);
            if !chosen(&name) {
                continue;
            }
            let server: &Reckon = server.get_or_insert_with(|| Reckon::start_with(settings));
            server.clear_log();
            let result = std::panic::catch_unwind(|| script.check(server.address()));
            let result = result.unwrap_or_else(|_| Err(format!("lost it\n{}", server.log())));
            let verdict = if result.is_ok() { "ok" } else { "FAILED" };
            let _closed = writeln!(out, "test {name} ... {verdict}");
            match result {
                Ok(()) => passed += 1,
                Err(report) => failed.push((name, report)),
            }
        }
    }
    for (name, report) in &failed {
        let _closed = writeln!(out, "\n---- {name} ----\n{report}");
    }
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    let _closed =
        writeln!(out, "\ntest result: {verdict}. {passed} passed; {} failed", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
