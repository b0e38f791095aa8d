//! Every script agrees with PostgreSQL 15, with the cache at its default and at its least.
//!
//! A run of all of them must have answered from memory, and with the least cache it must have
//! gone to the store, loaded and evicted: `reckon_counters` says so.
//!
//! Arguments that are no options choose scripts by a part of `<cache>/<area>/<case>`.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use reckon_tests::{Reckon, Session, script};

/// What a cache counts that holds less than is used; the first, what any cache counts.
const EVICTING: &[&str] = &["cache_hits", "cache_loads", "cache_evictions", "store_reads"];

/// As many prepared transactions as the oracle allows.
const TWO_PHASE: &str = "max_prepared_transactions=10";

/// Those of the counters that are still 0.
fn uncounted<'n>(server: &Reckon, names: &[&'n str]) -> Vec<&'n str> {
    let mut session = Session::connect(server.address(), "postgres");
    let mut is_zero = |name: &&&str| {
        let counter = format!("select value from reckon_counters where name = '{name}'");
        session.value(&counter) == "0"
    };
    names.iter().filter(|name| is_zero(name)).copied().collect()
}

/// What has passed and what has not, told test by test.
#[derive(Default)]
struct Outcome {
    passed: usize,
    failed: Vec<(String, String)>,
}

impl Outcome {
    fn tell(&mut self, name: String, result: Result<(), String>) {
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        let _closed = writeln!(std::io::stdout(), "test {name} ... {verdict}");
        match result {
            Ok(()) => self.passed += 1,
            Err(report) => self.failed.push((name, report)),
        }
    }

    fn end(self) -> ExitCode {
        let mut out = std::io::stdout().lock();
        for (name, report) in &self.failed {
            let _closed = writeln!(out, "\n---- {name} ----\n{report}");
        }
        let failed = self.failed.len();
        let verdict = if failed == 0 { "ok" } else { "FAILED" };
        let passed = self.passed;
        let _closed = writeln!(out, "\ntest result: {verdict}. {passed} passed; {failed} failed");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn main() -> ExitCode {
    let filter: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let chosen = |name: &str| filter.is_empty() || filter.iter().any(|part| name.contains(part));
    let mut outcome = Outcome::default();
    for (cache, settings) in
        [("default", &[TWO_PHASE][..]), ("smallest", &[TWO_PHASE, "cache_size=1MB"][..])]
    {
        let mut server = None;
        for script in script::all("") {
            let name = format!("{cache}/{}", script.name);
            if !chosen(&name) {
                continue;
            }
            let server: &Reckon = server.get_or_insert_with(|| Reckon::start_with(settings));
            server.clear_log();
            let result = std::panic::catch_unwind(|| script.check(server.address()));
            let lost = |_| Err(format!("lost it\n{}", server.log()));
            outcome.tell(name, result.unwrap_or_else(lost));
        }
        if let Some(server) = server.filter(|_| filter.is_empty()) {
            let needed = if cache == "smallest" { EVICTING } else { &EVICTING[..1] };
            let idle = uncounted(&server, needed);
            let counted =
                if idle.is_empty() { Ok(()) } else { Err(format!("never counted: {idle:?}")) };
            outcome.tell(format!("{cache}/counters"), counted);
        }
    }
    outcome.end()
}
