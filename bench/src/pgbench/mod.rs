//! pgbench against PostgreSQL 15, Reckon and the floor, in turns.
//!
//! Every round runs the same command against each server; the order is reversed from round to
//! round, so that nobody always runs into another's write-back. All use the Unix socket, and
//! PostgreSQL and Reckon sync every commit. CPU is user and system time of all processes of a
//! server, those that have ended included.

mod contestant;
mod work;

use contestant::Contestant;
use reckon_tests::{condition, pgbench, process};
use work::{Mode, Script};

use crate::report::{Better, Comparison, Series};

/// What to run.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Plan {
    /// pgbench's scale: 100,000 accounts each.
    #[arg(long, default_value_t = 50)]
    scale: u32,
    /// Seconds a run takes.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Rounds: runs of each command on each server.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Numbers of clients.
    #[arg(long, value_delimiter = ',', default_value = "8")]
    clients: Vec<u32>,
    /// Query modes.
    #[arg(long, value_delimiter = ',', default_value = "prepared")]
    modes: Vec<Mode>,
    /// Scripts.
    #[arg(long, value_delimiter = ',', default_value = "select,tpcb")]
    scripts: Vec<Script>,
    /// Settings of Reckon, each NAME=VALUE.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Steps of pgbench's initialisation.
    #[arg(long, default_value = "dtgvp")]
    steps: String,
}

/// Figures of one command on one server, a value a round.
#[derive(Clone, Debug, Default)]
struct Figures {
    per_second: Series,
    latency_ms: Series,
    cpu_us: Series,
}

/// Runs the plan.
pub(crate) fn run(plan: &Plan) -> Vec<Comparison> {
    let contestants = contestant::start(plan);
    let mut results = Vec::new();
    for &script in &plan.scripts {
        for &mode in plan.modes.iter().filter(|&&mode| script.runs_in(mode)) {
            for &clients in &plan.clients {
                let sums = |one: &Contestant| work::sums(one, script);
                let before: Vec<_> = contestants.iter().map(sums).collect();
                let figures = turns(plan, &contestants, script, mode, clients);
                let name = format!("{script} {mode} -c {clients}");
                for (one, before) in contestants.iter().zip(before) {
                    work::check_sums(one.name(), &before, &sums(one));
                }
                results.extend(compare(&name, &contestants, &figures));
            }
        }
    }
    results
}

/// All rounds of one command; figures in the order of `contestants`.
fn turns(
    plan: &Plan,
    contestants: &[Contestant],
    script: Script,
    mode: Mode,
    clients: u32,
) -> Vec<Figures> {
    let mut figures = vec![Figures::default(); contestants.len()];
    let file = script.file();
    for round in 0..plan.rounds {
        let mut order: Vec<usize> = (0..contestants.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for i in order {
            let seconds = plan.seconds.to_string();
            let arguments = work::arguments(script, mode, clients, &seconds, file.path());
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            turn(&contestants[i], &arguments, &mut figures[i]);
        }
    }
    figures
}

fn turn(contestant: &Contestant, arguments: &[&str], figures: &mut Figures) {
    let before = process::cpu(contestant.id());
    let report = pgbench::run(contestant.address(), arguments);
    // Ended processes are counted once their parent has noticed.
    condition::pause(std::time::Duration::from_millis(200));
    let cpu = process::cpu(contestant.id()) - before;
    figures.per_second.push(report.per_second);
    figures.latency_ms.push(report.latency_ms);
    figures.cpu_us.push(cpu.as_secs_f64() * 1e6 / report.transactions.max(1) as f64);
}

/// Reckon's figures beside each other's.
fn compare(name: &str, contestants: &[Contestant], figures: &[Figures]) -> Vec<Comparison> {
    let ours = contestants.iter().position(Contestant::is_ours).expect("Reckon takes part");
    let ours = &figures[ours];
    let mut results = Vec::new();
    for (peer, theirs) in contestants.iter().zip(figures).filter(|(peer, _)| !peer.is_ours()) {
        let mut add = |unit, better, ours, theirs| {
            results.push(Comparison::new(name, unit, better, ours, theirs, peer.name()));
        };
        add("transactions/s", Better::More, &ours.per_second, &theirs.per_second);
        add("ms latency", Better::Less, &ours.latency_ms, &theirs.latency_ms);
        add("us CPU/transaction", Better::Less, &ours.cpu_us, &theirs.cpu_us);
    }
    results
}
