//! What an old snapshot costs: one session holds a REPEATABLE READ snapshot open while others update, and
//! asks it the same question again and again.
//!
//! ```text
//! holder    begin ── sums ──────────── sums ──────────── sums ─── ...     always the same answer
//! pgbench         updates, updates, updates, updates, updates, ...
//! printed               minute 1          minute 2          ...           throughput, latency, memory
//! ```
//!
//! Memory is a cache and history is in RocksDB, so neither memory nor speed may depend on the age of the
//! oldest reader. The cache is smaller than the data, so that it is full long before the tenth line.

use std::fmt;
use std::io::{BufRead, BufReader, Error, Write};
use std::process::{Child, Stdio};

use reckon_tests::{Reckon, Session, condition, pgbench, process};

/// What to run.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Plan {
    /// Minutes that the snapshot stays open.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Seconds between two lines.
    #[arg(long, default_value_t = 60)]
    every: u64,
    /// pgbench's scale: 100,000 accounts each.
    #[arg(long, default_value_t = 10)]
    scale: u32,
    /// Sessions that update.
    #[arg(long, default_value_t = 4)]
    clients: u32,
    /// Transactions a second of all sessions together; 0: as many as there can be.
    #[arg(short = 'R', long, default_value_t = 0)]
    rate: u32,
    /// Settings of Reckon, each NAME=VALUE.
    #[arg(long = "set", value_name = "NAME=VALUE", default_values = SMALL)]
    settings: Vec<String>,
}

/// Memory that is full after minutes, and in small pieces.
const SMALL: [&str; 3] = ["cache_size=64MB", "block_cache_size=64MB", "write_buffer_size=16MB"];

/// The line that the last one is compared with: caches and buffers are full by then.
const REFERENCE: usize = 10;

/// What the snapshot is asked: every table that is updated.
const QUESTION: &str = "select (select sum(abalance) from pgbench_accounts), \
     (select sum(tbalance) from pgbench_tellers), (select sum(bbalance) from pgbench_branches), \
     (select count(*) from pgbench_history)";

/// One line.
#[derive(Clone, Copy, Debug)]
struct Line {
    seconds: f64,
    per_second: f64,
    latency_ms: f64,
    resident_mb: f64,
    answer_ms: f64,
}

/// Runs the plan.
///
/// # Errors
///
/// When the snapshot's answer changes, or pgbench fails.
pub(crate) fn run(plan: &Plan) -> std::io::Result<()> {
    let settings: Vec<&str> = plan.settings.iter().map(String::as_str).collect();
    let server = Reckon::start_with(&settings);
    pgbench::initialize(server.address(), plan.scale, "dtgvp");
    let arguments = ["-n", "-M", "prepared", "-c", "2", "-T", "2"];
    pgbench::run(server.address(), &arguments);

    let mut holder = server.connect();
    holder.run("begin isolation level repeatable read");
    let first = holder.rows(QUESTION);
    let mut updates = start(plan, &server)?;
    let progress = updates.stderr.take().ok_or_else(|| Error::other("pgbench's progress"))?;
    let mut lines = Vec::new();
    let mut out = std::io::stdout();
    writeln!(out, "   seconds       tps  latency ms    RSS MB  answer ms")?;
    for text in BufReader::new(progress).lines() {
        let Some((seconds, per_second, latency_ms)) = figures(&text?) else { continue };
        let answer_ms = ask_again(&mut holder, &first)?;
        let resident_mb = process::resident_bytes(server.id()) as f64 / f64::from(1 << 20);
        let line = Line { seconds, per_second, latency_ms, resident_mb, answer_ms };
        writeln!(out, "{line}")?;
        lines.push(line);
    }
    if !updates.wait()?.success() {
        return Err(Error::other("pgbench failed"));
    }
    ask_again(&mut holder, &first)?;
    let now = Session::connect(server.address(), "postgres").rows(QUESTION);
    if now == first {
        return Err(Error::other("nothing was updated"));
    }
    compare(&lines, &mut out)
}

fn start(plan: &Plan, server: &Reckon) -> std::io::Result<Child> {
    let [seconds, every, clients, rate] =
        [plan.minutes * 60, plan.every, plan.clients.into(), plan.rate.into()]
            .map(|number| number.to_string());
    let mut arguments =
        vec!["-n", "-M", "prepared", "-c", &clients, "-j", "1", "-T", &seconds, "-P", &every];
    if plan.rate > 0 {
        arguments.extend(["-R", &rate]);
    }
    let mut command = pgbench::command(server.address(), &arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
}

/// Asks the question; how long the answer took, in milliseconds.
fn ask_again(holder: &mut Session, first: &[Vec<Option<String>>]) -> std::io::Result<f64> {
    let watch = condition::Watch::start();
    let answer = holder.rows(QUESTION);
    if answer != first {
        return Err(Error::other(format!("the snapshot changed: {first:?}, now {answer:?}")));
    }
    Ok(watch.elapsed().as_secs_f64() * 1e3)
}

/// Seconds, transactions a second and milliseconds of a line like
/// `progress: 60.0 s, 499.8 tps, lat 1.901 ms stddev 0.7, 0 failed, lag 0.1 ms`.
fn figures(line: &str) -> Option<(f64, f64, f64)> {
    let mut parts = line.strip_prefix("progress: ")?.split(", ");
    let mut next = |before: &str, after: &str| -> Option<f64> {
        let part = parts.next()?.strip_prefix(before)?;
        part.split(after).next()?.parse().ok()
    };
    Some((next("", " s")?, next("", " tps")?, next("lat ", " ms")?))
}

/// The last line beside the tenth, or beside the first where there are not as many.
fn compare(lines: &[Line], out: &mut impl Write) -> std::io::Result<()> {
    let reference = lines.get(REFERENCE - 1).filter(|_| lines.len() > REFERENCE);
    let (Some(reference), Some(last)) = (reference.or(lines.first()), lines.last()) else {
        return Ok(());
    };
    writeln!(
        out,
        "at {:.0} s beside {:.0} s: RSS x {:.3}, throughput x {:.3}; the answer never changed",
        last.seconds,
        reference.seconds,
        last.resident_mb / reference.resident_mb,
        last.per_second / reference.per_second,
    )
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>10.0}{:>10.1}{:>12.3}{:>10.1}{:>11.0}",
            self.seconds, self.per_second, self.latency_ms, self.resident_mb, self.answer_ms
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_of_pgbench_is_read() {
        let line = "progress: 60.0 s, 499.8 tps, lat 1.901 ms stddev 0.7, 0 failed, lag 0.1 ms";
        assert_eq!(figures(line), Some((60.0, 499.8, 1.901)));
        assert_eq!(figures("pgbench (15.18)"), None);
    }
}
