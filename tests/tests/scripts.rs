//! Every script agrees with PostgreSQL 15, with the cache at its default and at its least.
//!
//! `tests/PENDING` lists those that do not yet. They run all the same, and one that agrees
//! must be taken off the list: it only ever gets shorter.
//!
//! A run of all of them must have answered from memory, and with the least cache it must have
//! gone to the store, loaded and evicted: `reckon_counters` says so.
//!
//! Arguments that are no options choose scripts by a part of `<cache>/<area>/<case>`.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use reckon_tests::{Reckon, Session, script};

/// Names of the scripts that do not agree yet, one a line.
const PENDING: &str = include_str!("../PENDING");

/// What a cache counts that holds less than is used; the first, what any cache counts.
const EVICTING: &[&str] = &["cache_hits", "cache_loads", "cache_evictions", "store_reads"];

const AGREES: &str = "it agrees now: take it off tests/PENDING";

/// Those of the counters that are still 0.
fn uncounted<'n>(server: &Reckon, names: &[&'n str]) -> Vec<&'n str> {
    let mut session = Session::connect(server.address(), "postgres");
    let mut is_zero = |name: &&&str| {
        let counter = format!("select value from reckon_counters where name = '{name}'");
        session.value(&counter) == "0"
    };
    names.iter().filter(|name| is_zero(name)).copied().collect()
}

fn main() -> ExitCode {
    let filter: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let mut out = std::io::stdout().lock();
    let pending: Vec<&str> = PENDING.lines().collect();
    let mut failed = Vec::new();
    let (mut passed, mut waiting) = (0, 0);
    for (cache, settings) in [("default", &[][..]), ("smallest", &["cache_size=1MB"][..])] {
        let scripts = script::all("");
        let chosen =
            |name: &str| filter.is_empty() || filter.iter().any(|part| name.contains(part));
        let whole = filter.is_empty();
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
            let listed = pending.contains(&script.name.as_str());
            let verdict = match (&result, listed) {
                (Ok(()), false) => "ok",
                (Err(_), true) => "pending",
                (Ok(()), true) | (Err(_), false) => "FAILED",
            };
            let _closed = writeln!(out, "test {name} ... {verdict}");
            match result {
                Ok(()) if listed => failed.push((name, AGREES.to_owned())),
                Ok(()) => passed += 1,
                Err(_) if listed => waiting += 1,
                Err(report) => failed.push((name, report)),
            }
        }
        if let Some(server) = server.filter(|_| whole) {
            let needed: &[&str] = if cache == "smallest" { EVICTING } else { &EVICTING[..1] };
            let idle = uncounted(&server, needed);
            let verdict = if idle.is_empty() { "ok" } else { "FAILED" };
            let _closed = writeln!(out, "test {cache}/counters ... {verdict}");
            if idle.is_empty() {
                passed += 1;
            } else {
                failed.push((format!("{cache}/counters"), format!("never counted: {idle:?}")));
            }
        }
    }
    for (name, report) in &failed {
        let _closed = writeln!(out, "\n---- {name} ----\n{report}");
    }
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    let _closed = writeln!(
        out,
        "\ntest result: {verdict}. {passed} passed; {} failed; {waiting} pending",
        failed.len()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
