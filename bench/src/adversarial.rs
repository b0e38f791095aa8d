//! Orders of keys that are bad for models, through the whole embedded engine: prepared inserts in transactions, then prepared
//! reads in random order. The same keys go into an engine whose leaves are all dense, in turns with the other; learned leaves
//! may cost twice that at most.

use std::fmt;

use clap::ValueEnum;
use reckon_sql::EngineOptions;
use reckon_tests::{condition::Watch, random::Random};

use crate::report::{Better, Comparison, Series};
use crate::sqlite::{Engine, Reckon};

/// How to measure.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Plan {
    /// Keys of each order.
    #[arg(long, default_value_t = 100_000)]
    keys: u64,
    /// Rounds of each.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Orders.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "uniform,ascending,zig-zag,bursts,exponential,one-gap,easy-then-hard,border"
    )]
    orders: Vec<Order>,
}

/// An order of distinct keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// Random: what the others are compared with.
    Uniform,
    /// One after the other.
    Ascending,
    /// From the middle outwards, on both sides in turns.
    ZigZag,
    /// Runs of neighbours at a hundred random places.
    Bursts,
    /// Gaps that double every so often, and one key far away.
    Exponential,
    /// Random keys first; then everything into one gap between two of them.
    OneGap,
    /// A sequence first, then squares of random numbers among it.
    EasyThenHard,
    /// A sequence whose last rows are deleted and inserted over and over.
    Border,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uniform => "uniform",
            Self::Ascending => "ascending",
            Self::ZigZag => "zig-zag",
            Self::Bursts => "bursts",
            Self::Exponential => "exponential",
            Self::OneGap => "one gap",
            Self::EasyThenHard => "easy, then hard",
            Self::Border => "deletes at the border",
        })
    }
}

impl Order {
    /// `count` keys, each once.
    fn keys(self, count: u64) -> Vec<i64> {
        let mut random = Random::new(count);
        let mut seen = std::collections::HashSet::new();
        let mut keys = Vec::new();
        let mut at = 0;
        while keys.len() < count as usize {
            let key = self.key(at, count, &mut random);
            at += 1;
            if seen.insert(key) {
                keys.push(key);
            }
        }
        keys
    }

    /// The key at a place of the order; rarely one that was there before.
    fn key(self, at: u64, count: u64, random: &mut Random) -> i64 {
        let signed = at as i64;
        match self {
            Self::Uniform => random.number() as i64,
            Self::Ascending | Self::Border => signed,
            Self::ZigZag => {
                if at.is_multiple_of(2) {
                    signed
                } else {
                    -signed
                }
            }
            Self::Bursts => {
                let burst = at * 100 / count;
                (Random::new(burst).number() as i64 >> 1) + signed
            }
            Self::Exponential if at == 0 => i64::MAX,
            Self::Exponential => (2f64.powf(at as f64 * 60.0 / count as f64)) as i64 + signed,
            Self::OneGap if at < count / 10 => (random.number() >> 24 << 23) as i64,
            Self::OneGap => 1 + (random.number() % (1 << 22)) as i64,
            Self::EasyThenHard if at < count / 2 => signed << 24,
            Self::EasyThenHard => {
                let root = random.number() % (1 << 20);
                (root * root) as i64
            }
        }
    }
}

/// Reads and writes of one engine, nanoseconds each, a value a round.
#[derive(Default)]
struct Figures {
    write: Series,
    read: Series,
}

/// Runs the plan.
pub(crate) fn run(plan: &Plan) -> Vec<Comparison> {
    let mut results = Vec::new();
    for &order in &plan.orders {
        let keys = order.keys(plan.keys);
        let (mut learned, mut dense) = (Figures::default(), Figures::default());
        for round in 0..plan.rounds {
            for turn in 0..2 {
                let models = (turn + round) % 2 == 0;
                turn_of(order, &keys, models, if models { &mut learned } else { &mut dense });
            }
        }
        for (what, ours, theirs) in
            [("writes", &learned.write, &dense.write), ("reads", &learned.read, &dense.read)]
        {
            let name = format!("{what}, {order}");
            results.push(Comparison::new(&name, "ns", Better::Less, ours, theirs, "dense only"));
        }
    }
    results
}

/// Keys of one transaction.
const BATCH: usize = 5_000;

fn turn_of(order: Order, keys: &[i64], models: bool, figures: &mut Figures) {
    let options = EngineOptions { cache_size: 1 << 30, models, ..EngineOptions::default() };
    let mut engine = Reckon::open_with(options);
    engine.run("create table t (id bigint primary key, v bigint)");
    let watch = Watch::start();
    let mut writes = 0;
    for batch in keys.chunks(BATCH) {
        let mut each = batch.iter();
        engine.run("begin");
        engine.repeat("insert into t values ($1, $2)", &mut || {
            each.next().map(|&key| vec![key, key])
        });
        engine.run("commit");
        writes += batch.len();
        if order == Order::Border {
            writes += border(&mut engine, batch);
        }
    }
    figures.write.push(watch.elapsed().as_nanos() as f64 / writes as f64);
    let mut random = Random::new(7);
    let mut left = keys.len();
    let watch = Watch::start();
    engine.repeat("select v from t where id = $1", &mut || {
        left = left.checked_sub(1)?;
        Some(vec![keys[random.below(keys.len())]])
    });
    figures.read.push(watch.elapsed().as_nanos() as f64 / keys.len() as f64);
}

/// Deletes the last eight keys and inserts them again, a hundred times, each a transaction. Returns how many writes.
fn border(engine: &mut Reckon, batch: &[i64]) -> usize {
    let last = &batch[batch.len().saturating_sub(8)..];
    for _ in 0..100 {
        for sql in ["delete from t where id = $1", "insert into t values ($1, 0)"] {
            let mut each = last.iter();
            engine.run("begin");
            engine.repeat(sql, &mut || each.next().map(|&key| vec![key]));
            engine.run("commit");
        }
    }
    100 * 2 * last.len()
}
