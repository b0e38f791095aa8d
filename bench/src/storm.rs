//! What a storm of new connections does to sessions that run: their 99th percentile during the storm
//! beside the one before it.
//!
//! The storm comes from one thread that opens all sockets and sends all startup packets before it
//! reads an answer, then closes all and starts again, as long as the sessions are measured.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use reckon_tests::{Address, Reckon, Session, condition, random::Random};
use reckon_wire::client;

use crate::report::{Better, Comparison, Series};

/// What to run.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Plan {
    /// Connections of one storm.
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// Sessions that run.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Measurements of each kind.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

const ROWS: usize = 10_000;

/// Runs the plan.
///
/// # Errors
///
/// When a connection of the storm is not let in.
pub(crate) fn run(plan: &Plan) -> std::io::Result<Vec<Comparison>> {
    // Those of the last storm may still be leaving.
    let places = 2 * plan.connections + plan.clients + 100;
    let server = Reckon::start_with(&[&format!("max_connections={places}")]);
    let mut session = server.connect();
    session.run("create table t (id int primary key, v int)");
    session.run(&format!("insert into t select i, i from generate_series(1, {ROWS}) i"));
    let (mut before, mut during) = (Series::default(), Series::default());
    for _ in 0..plan.rounds {
        before.push(percentile_99(measure(server.address(), plan)));
        let ended = AtomicBool::new(false);
        let times = thread::scope(|scope| {
            let storms = scope.spawn(|| storms(server.address(), plan.connections, &ended));
            let times = measure(server.address(), plan);
            ended.store(true, Ordering::Relaxed);
            storms.join().expect("the storm").map(|()| times)
        })?;
        during.push(percentile_99(times));
    }
    let name = format!("storm of {} connections, -c {}", plan.connections, plan.clients);
    let unit = "us p99 of a select";
    Ok(vec![Comparison::new(&name, unit, Better::Less, &during, &before, "before it")])
}

/// Storm after storm until `ended`, at least one.
fn storms(address: &Address, connections: usize, ended: &AtomicBool) -> std::io::Result<()> {
    let mut startup = BytesMut::new();
    client::startup(&mut startup, [("user", "postgres"), ("database", "postgres")]);
    loop {
        let mut arriving = Vec::with_capacity(connections);
        for _ in 0..connections {
            let mut session = Session::open(address)?;
            session.write(&startup)?;
            arriving.push(session);
        }
        for session in &mut arriving {
            let tags = session.read_until(b'Z');
            if !tags.ends_with('Z') {
                return Err(std::io::Error::other(format!("not let in: {tags}")));
            }
        }
        if ended.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
}

/// Times of all selects of all sessions.
fn measure(address: &Address, plan: &Plan) -> Vec<Duration> {
    let limit = Duration::from_secs(plan.seconds);
    thread::scope(|scope| {
        let runs: Vec<_> =
            (0..plan.clients).map(|i| scope.spawn(move || select(address, i, limit))).collect();
        runs.into_iter().flat_map(|run| run.join().expect("a session")).collect()
    })
}

/// One session that selects by key for so long.
fn select(address: &Address, seed: usize, limit: Duration) -> Vec<Duration> {
    let mut session = Session::connect(address, "postgres");
    let mut random = Random::new(seed as u64);
    let mut times = Vec::new();
    let all = condition::Watch::start();
    while all.elapsed() < limit {
        let id = 1 + random.below(ROWS);
        let one = condition::Watch::start();
        assert_eq!(session.value(&format!("select v from t where id = {id}")), id.to_string());
        times.push(one.elapsed());
    }
    times
}

/// In microseconds.
fn percentile_99(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let place = times.len() * 99 / 100;
    times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}
