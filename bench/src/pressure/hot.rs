//! How often what is hot is answered from memory, in percent of the reads.

use std::io::Write;

use reckon_tests::{Session, random::Random};

use super::Plan;

/// Runs the scenario.
pub(super) fn run(plan: &Plan) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let rows = plan.rows(plan.cache_mb, 10);
    let server = plan.server();
    let mut session = server.connect();
    super::fill(&mut session, rows);

    // A twentieth of the keys, side by side.
    let hot = || (rows / 2..).take((rows / 20) as usize);
    for _ in 0..3 {
        hit_percent(&mut session, hot());
    }
    let before = hit_percent(&mut session, hot());
    let mut scanning = server.connect();
    scanning.send("select count(*) from t where pad <> ''");
    let during = hit_percent(&mut session, hot());
    scanning.finish().expect("a scan");
    let after = hit_percent(&mut session, hot());
    writeln!(
        out,
        "hot twentieth of the keys: {before:.1} % hits before a full scan, {during:.1} % during, {after:.1} % after"
    )?;

    // One row in so many, so that a leaf has one or two.
    let spread = || (1..rows).step_by(200);
    let mut random = Random::new(1);
    let mut hits = Vec::new();
    for _ in 0..8 {
        hits.push(format!("{:.1}", hit_percent(&mut session, spread())));
        let others = (0..rows / 100).map(|_| 1 + random.number() % rows);
        hit_percent(&mut session, others);
    }
    writeln!(out, "hot rows one in a leaf, turn by turn: {} % hits", hits.join(" "))
}

/// The part of `ids` answered from memory when each is read once, in percent; each statement says so of itself.
fn hit_percent(session: &mut Session, ids: impl Iterator<Item = u64>) -> f64 {
    let (mut reads, mut hits) = (0, 0);
    for id in ids {
        let sql = format!("explain (analyze, buffers) select n from t where id = {id}");
        let lines = session.rows(&sql);
        let mut lines = lines.iter().flatten().flatten();
        reads += 1;
        hits += u32::from(lines.any(|line| line.contains("loads=0 store reads=0")));
    }
    100.0 * f64::from(hits) / f64::from(reads)
}
