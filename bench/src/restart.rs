//! How soon a server answers after a clean stop: the time from the start of its process to the first
//! row read by key on a new connection, with many rows on disk and nothing in memory.

use std::time::Duration;

use reckon_tests::{Address, Postgres, Reckon, Session, condition, pgbench};

use crate::report::{Better, Comparison, Series};

/// What to run.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Plan {
    /// pgbench's scale: 100,000 accounts each.
    #[arg(long, default_value_t = 100)]
    scale: u32,
    /// Stops and starts of each server.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Runs the plan.
pub(crate) fn run(plan: &Plan) -> Vec<Comparison> {
    let mut postgres = Postgres::start_with(&["max_wal_size=8GB"]);
    let mut reckon = Reckon::start();
    for address in [postgres.address(), reckon.address()] {
        pgbench::initialize(address, plan.scale, "dtGvp");
    }
    let (mut ours, mut theirs) = (Series::default(), Series::default());
    for round in 0..plan.rounds {
        let aid = 1 + round as u32 * 99_991 % (plan.scale * 100_000);
        reckon.stop();
        let watch = condition::Watch::start();
        reckon.start_again();
        ours.push(milliseconds(first_answer(reckon.address(), aid, watch)));
        postgres.stop();
        let watch = condition::Watch::start();
        postgres.start_again();
        theirs.push(milliseconds(first_answer(postgres.address(), aid, watch)));
    }
    let name = format!("restart, {} rows", plan.scale * 100_000);
    let unit = "ms to first row";
    vec![Comparison::new(&name, unit, Better::Less, &ours, &theirs, "postgresql 15")]
}

/// Time on `watch` when the first row is read.
fn first_answer(address: &Address, aid: u32, watch: condition::Watch) -> Duration {
    let sql = format!("select abalance from pgbench_accounts where aid = {aid}");
    loop {
        if let Ok(mut session) = Session::try_connect(address, "postgres") {
            assert_eq!(session.value(&sql), "0");
            return watch.elapsed();
        }
        condition::pause(Duration::from_millis(1));
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
