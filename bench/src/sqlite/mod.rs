//! The embedded engine against SQLite: one process, one session each, prepared against prepared.
//!
//! Both sync every commit: SQLite with a write-ahead log and `synchronous = FULL`, Reckon with its
//! log synced by the committer. Both have the same memory for their cache. Every work runs on both
//! in turns, and both must come to the same result.

mod engine;
mod peer;
mod reckon;

use std::ops::Range;

pub(crate) use engine::Engine;
use peer::Sqlite;
pub(crate) use reckon::Reckon;
use reckon_tests::{condition::Watch, random::Random};

use crate::report::{Better, Comparison, Series};

/// What to run.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Plan {
    /// Rows of the table; each number is a run of its own.
    #[arg(long, value_delimiter = ',', default_value = "1000000,10000000")]
    rows: Vec<i64>,
    /// Rounds of everything but the bulk insert.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only works whose name contains one of these; the bulk insert always runs.
    #[arg(long, value_delimiter = ',')]
    works: Vec<String>,
    /// Bytes of cache of each engine.
    #[arg(long, default_value_t = 2 << 30)]
    cache: usize,
}

/// Rows of a transaction of the bulk insert.
const BATCH: i64 = 10_000;

/// A work: how often its statement runs, and with what.
struct Work {
    name: &'static str,
    unit: &'static str,
    sql: &'static str,
    /// Operations of a round, of a table with so many rows.
    count: fn(rows: i64) -> i64,
    parameters: fn(random: &mut Random, rows: i64) -> Vec<i64>,
    /// Whether all of them are one transaction.
    in_transaction: bool,
}

fn key(random: &mut Random, rows: i64) -> i64 {
    (random.number() % rows.unsigned_abs()) as i64
}

const WORKS: [Work; 6] = [
    Work {
        name: "point select",
        unit: "selects/s",
        sql: "select v from t where id = $1",
        count: |_| 200_000,
        parameters: |random, rows| vec![key(random, rows)],
        in_transaction: false,
    },
    Work {
        name: "range of 100",
        unit: "ranges/s",
        sql: "select id, v from t where id >= $1 and id < $2 order by id",
        count: |_| 20_000,
        parameters: |random, rows| {
            let first = key(random, rows);
            vec![first, first + 100]
        },
        in_transaction: false,
    },
    Work {
        name: "full scan sum",
        unit: "scans/s",
        sql: "select sum(v) from t",
        count: |_| 1,
        parameters: |_, _| Vec::new(),
        in_transaction: false,
    },
    Work {
        name: "group by",
        unit: "statements/s",
        sql: "select g, count(*), sum(v) from t group by g",
        count: |_| 1,
        parameters: |_, _| Vec::new(),
        in_transaction: false,
    },
    Work {
        name: "updates in one transaction",
        unit: "updates/s",
        sql: "update t set v = v + $2 where id = $1",
        count: |rows| 50_000.min(rows),
        parameters: |random, rows| vec![key(random, rows), 1],
        in_transaction: true,
    },
    Work {
        name: "autocommit, full sync",
        unit: "updates/s",
        sql: "update t set v = v + $2 where id = $1",
        count: |_| 500,
        parameters: |random, rows| vec![key(random, rows), 1],
        in_transaction: false,
    },
];

/// Runs the plan.
pub(crate) fn run(plan: &Plan) -> Vec<Comparison> {
    let mut results = Vec::new();
    for &rows in &plan.rows {
        let mut ours = Reckon::open(plan.cache);
        let mut theirs = Sqlite::open(plan.cache);
        let name = |work: &str| format!("{work}, {} rows", short(rows));
        let (mut our_speed, mut their_speed) = (Series::default(), Series::default());
        our_speed.push(fill(&mut ours, rows));
        their_speed.push(fill(&mut theirs, rows));
        results.push(compare(&name("bulk insert"), "rows/s", &our_speed, &their_speed));
        let chosen = |work: &&Work| {
            plan.works.is_empty() || plan.works.iter().any(|part| work.name.contains(part.as_str()))
        };
        for work in WORKS.iter().filter(chosen) {
            let (ours, theirs) = turns(work, rows, plan.rounds, &mut ours, &mut theirs);
            results.push(compare(&name(work.name), work.unit, &ours, &theirs));
        }
    }
    results
}

fn compare(work: &str, unit: &str, ours: &Series, theirs: &Series) -> Comparison {
    Comparison::new(work, unit, Better::More, ours, theirs, "sqlite")
}

/// Fills the table; rows a second.
pub(crate) fn fill(engine: &mut dyn Engine, rows: i64) -> f64 {
    engine.run("create table t (id bigint primary key, g int not null, v int not null, s text)");
    let watch = Watch::start();
    for first in (0..rows).step_by(usize::try_from(BATCH).expect("a small number")) {
        engine.run("begin");
        insert(engine, first..rows.min(first + BATCH));
        engine.run("commit");
    }
    rows as f64 / watch.elapsed().as_secs_f64()
}

fn insert(engine: &mut dyn Engine, mut ids: Range<i64>) {
    let sql = "insert into t values ($1, $2, $3, 'a text of thirty characters...')";
    engine.repeat(sql, &mut || ids.next().map(|id| vec![id, id % 100, id % 1000]));
}

/// All rounds of a work on both; the speed of each round.
fn turns(
    work: &Work,
    rows: i64,
    rounds: usize,
    ours: &mut Reckon,
    theirs: &mut Sqlite,
) -> (Series, Series) {
    let (mut our_speed, mut their_speed) = (Series::default(), Series::default());
    for round in 0..rounds {
        let seed = round as u64;
        let (our_result, their_result);
        if round % 2 == 0 {
            our_result = turn(work, rows, seed, ours, &mut our_speed);
            their_result = turn(work, rows, seed, theirs, &mut their_speed);
        } else {
            their_result = turn(work, rows, seed, theirs, &mut their_speed);
            our_result = turn(work, rows, seed, ours, &mut our_speed);
        }
        assert_eq!(our_result, their_result, "{}: different results", work.name);
    }
    (our_speed, their_speed)
}

/// One round on one engine; the sum of everything it returned.
fn turn(work: &Work, rows: i64, seed: u64, engine: &mut dyn Engine, speed: &mut Series) -> i64 {
    let mut random = Random::new(seed);
    let count = (work.count)(rows);
    let mut left = count;
    let watch = Watch::start();
    if work.in_transaction {
        engine.run("begin");
    }
    let sum = engine.repeat(work.sql, &mut || {
        left -= 1;
        (left >= 0).then(|| (work.parameters)(&mut random, rows))
    });
    if work.in_transaction {
        engine.run("commit");
    }
    speed.push(count as f64 / watch.elapsed().as_secs_f64());
    sum
}

/// 1M for a million.
fn short(rows: i64) -> String {
    match rows {
        millions if millions % 1_000_000 == 0 => format!("{}M", millions / 1_000_000),
        thousands if thousands % 1_000 == 0 => format!("{}K", thousands / 1_000),
        rows => rows.to_string(),
    }
}
