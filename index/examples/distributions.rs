//! One table: how the index does on easy and hard key distributions, beside what else could hold the keys.
//!
//! `cargo run --release -p reckon-index --example distributions -- [KEYS] [NAME...]`
//!
//! For each distribution and structure: nanoseconds a lookup (of present keys, in random order, to the value), an insert (in the
//! distribution's order, with the 99.9th percentile), a row of ranges of 100, a row of a bulk build from sorted rows; bytes of
//! index a key (for the others: not known), and the part of leaves with a model. The `dense` rows are the same tree with
//! models switched off.

#![allow(clippy::print_stdout, reason = "it prints a table")]
#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::ops::{Bound, ControlFlow};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_skiplist::SkipMap;
use reckon_index::{Cache, Direction, Lookup, Source, SourceError, Step, Tree, pin};

type Key = Box<[u8]>;

/// A generator that gives the same numbers every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// In (0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64 + f64::EPSILON / 4.0
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

const NAMES: [&str; 17] = [
    "uniform",
    "sequential",
    "lognormal",
    "reverse",
    "zigzag",
    "bursts",
    "exponential",
    "one-gap",
    "easy-then-hard",
    "customers",
    "composite",
    "urls",
    "uuid4",
    "uuid7",
    "equal-heads",
    "dense-ints",
    "long-prefix",
];

fn number(number: u64) -> Key {
    number.to_be_bytes().into()
}

/// The keys of a distribution in the order in which they are inserted; not all need be different.
fn keys(name: &str, count: u64) -> Vec<Key> {
    let mut random = Random(1);
    let count = if name == "long-prefix" { count.min(1000) } else { count };
    let key = |at| {
        text(name, at, &mut random).unwrap_or_else(|| number(integer(name, at, count, &mut random)))
    };
    (0..count).map(key).collect()
}

/// The key at a position of a distribution of integers.
fn integer(name: &str, at: u64, count: u64, random: &mut Random) -> u64 {
    let top = 1u64 << 63;
    match name {
        "sequential" => top + at,
        "lognormal" => ((random.normal() * 2.0).exp() * 1e9) as u64,
        "reverse" => top + count - at,
        "zigzag" if at.is_multiple_of(2) => top + at,
        "zigzag" => top - at,
        "bursts" => (at % 100) * (u64::MAX / 100) + random.below(65_536) * (1 + count / 4_000_000),
        "exponential" if at == 0 => u64::MAX,
        "exponential" => 2f64.powf(random.unit() * 60.0) as u64,
        "one-gap" if at < 1000 => at << 54,
        "one-gap" => (500 << 54) + random.below(count * 16),
        "easy-then-hard" if at < count / 2 => at << 40,
        "easy-then-hard" => ((count / 4) << 40) + 2f64.powf(random.unit() * 40.0) as u64,
        "customers" => (random.below(1000) << 44) + at,
        "dense-ints" => at.wrapping_mul(7_368_787) % count,
        _ => random.next(),
    }
}

/// The key at a position of a distribution of other keys, if it is one.
fn text(name: &str, at: u64, random: &mut Random) -> Option<Key> {
    let key = match name {
        "composite" => {
            let (order, rest) = (at / 100, at % 100);
            let columns = [(rest / 10) as u32, (rest % 10) as u32, order as u32];
            columns.iter().flat_map(|column| [&[1], &column.to_be_bytes()[..]].concat()).collect()
        }
        "urls" => {
            let (host, path) = (random.below(1000) * 7919 % 1000, random.next());
            format!("https://www.{host}.example/{:x}/{path:x}", path % 17).into_bytes()
        }
        "uuid4" => {
            let (high, low) = (random.next(), random.next());
            let (first, second) = (high >> 32, high & 0xFFFF);
            format!("{first:08x}-{second:04x}-4{:03x}-{low:016x}", high >> 16 & 0xFFF).into_bytes()
        }
        "uuid7" => {
            let milliseconds = 0x0190_0000_0000 + at / 10;
            let (first, second) = (milliseconds >> 16, milliseconds & 0xFFFF);
            let (third, low) = (random.below(4096), random.next());
            format!("{first:08x}-{second:04x}-7{third:03x}-{low:016x}").into_bytes()
        }
        "equal-heads" => {
            let (cluster, low) = ((at / 10_000).to_be_bytes(), random.next().to_be_bytes());
            [&[7; 16][..], &cluster, &[9; 8], &low].concat()
        }
        "long-prefix" => [&vec![b'x'; 1 << 20][..], &random.next().to_be_bytes()].concat(),
        _ => return None,
    };
    Some(key.into())
}

/// Sorted rows to build from.
struct Sorted(Arc<Vec<Key>>);

impl Source for Sorted {
    fn load(
        &self,
        lower: &[u8],
        upper: Option<&[u8]>,
        direction: Direction,
        add: &mut dyn FnMut(&[u8], u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<u64, SourceError> {
        let start = self.0.partition_point(|key| &**key < lower);
        let end = upper.map_or(self.0.len(), |upper| self.0.partition_point(|key| &**key < upper));
        let mut rows = self.0[start..end].iter();
        while let Some(key) =
            if direction == Direction::Forward { rows.next() } else { rows.next_back() }
        {
            if add(key, 1, b"eight by").is_break() {
                break;
            }
        }
        Ok(1)
    }
}

/// What was measured of one structure.
#[derive(Default)]
struct Row {
    lookup: f64,
    insert: f64,
    slowest: f64,
    scan: f64,
    build: f64,
    bytes: f64,
    learned: f64,
}

/// The CPU time this thread has used, so that a busy machine does not count; where the system does not say, time itself.
fn now() -> f64 {
    let used = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let used = used.and_then(|used| used.split(' ').next()?.parse().ok());
    used.unwrap_or_else(|| START.get_or_init(Instant::now).elapsed().as_nanos() as f64)
}

static START: OnceLock<Instant> = OnceLock::new();

fn nanoseconds(since: f64, count: usize) -> f64 {
    (now() - since) / count.max(1) as f64
}

/// The mean, and the 99.9th percentile, of doing something once for each key.
fn each(keys: &[Key], mut insert: impl FnMut(&Key)) -> (f64, f64) {
    let mut times: Vec<Duration> = Vec::with_capacity(keys.len());
    let start = now();
    let mut before = Instant::now();
    for key in keys {
        insert(key);
        let after = Instant::now();
        times.push(after - before);
        before = after;
    }
    let mean = nanoseconds(start, keys.len());
    let rank = times.len() - 1 - times.len() / 1000;
    let (_, slowest, _) = times.select_nth_unstable(rank);
    (mean, slowest.as_nanos() as f64)
}

const SCAN_ROWS: usize = 100;

fn build(cache: &Arc<Cache>, sorted: &Arc<Vec<Key>>) -> f64 {
    let start = now();
    let tree = Tree::new(cache, Box::new(Sorted(Arc::clone(sorted))));
    let mut cursor = tree.cursor(Bound::Unbounded, Bound::Unbounded, Direction::Forward);
    let mut visit = || cursor.visit(&tree, 1, usize::MAX, |_, _| ControlFlow::Continue(()));
    while let Step::Gap { lower, upper, .. } = visit() {
        tree.load_gap(&lower, upper.as_deref(), Direction::Forward).expect("no errors here");
    }
    nanoseconds(start, sorted.len())
}

fn tree(keys: &[Key], probes: &[Key], sorted: &Arc<Vec<Key>>, models: bool) -> Row {
    let mut row = Row::default();
    let cache = Cache::new(usize::MAX / 2);
    cache.set_models(models);
    // Twice: the first one pays for fresh pages.
    for _ in 0..2 {
        row.build = build(&cache, sorted);
    }
    let tree = Tree::empty(&cache, Box::new(Sorted(Arc::default())), 0);
    let mut timestamp = 1;
    (row.insert, row.slowest) = each(keys, |key| {
        timestamp += 1;
        tree.install(key, timestamp, Some(b"eight by"), timestamp - 1);
    });
    let start = now();
    for probes in probes.chunks(64) {
        let guard = pin();
        for key in probes {
            match tree.lookup(key, timestamp, &guard) {
                Lookup::Found { value, .. } => black_box(value),
                other => panic!("{other:?}"),
            };
        }
    }
    row.lookup = nanoseconds(start, probes.len());
    let starts = &probes[..(probes.len() / 50).max(1)];
    let mut rows = 0;
    let start = now();
    for key in starts {
        let mut cursor = tree.cursor(Bound::Included(key), Bound::Unbounded, Direction::Forward);
        cursor.visit(&tree, timestamp, SCAN_ROWS, |key, value| {
            black_box((key, value));
            rows += 1;
            ControlFlow::Continue(())
        });
    }
    row.scan = nanoseconds(start, rows);
    let statistics = tree.statistics();
    row.bytes = statistics.index_bytes as f64 / statistics.records as f64;
    row.learned = statistics.learned_leaves as f64 / statistics.resident_leaves as f64;
    row
}

fn b_tree_map(keys: &[Key], probes: &[Key], sorted: &Arc<Vec<Key>>) -> Row {
    let start = now();
    let built: BTreeMap<Key, [u8; 8]> =
        sorted.iter().map(|key| (key.clone(), *b"eight by")).collect();
    let mut row = Row { build: nanoseconds(start, built.len()), ..Row::default() };
    drop(built);
    let mut map: BTreeMap<Key, [u8; 8]> = BTreeMap::new();
    (row.insert, row.slowest) = each(keys, |key| {
        map.insert(key.clone(), *b"eight by");
    });
    let start = now();
    for key in probes {
        black_box(map.get(key));
    }
    row.lookup = nanoseconds(start, probes.len());
    let mut rows = 0;
    let start = now();
    for key in &probes[..(probes.len() / 50).max(1)] {
        rows += map.range(key.clone()..).take(SCAN_ROWS).map(black_box).count();
    }
    row.scan = nanoseconds(start, rows);
    row
}

fn skip_list(keys: &[Key], probes: &[Key], sorted: &Arc<Vec<Key>>) -> Row {
    let start = now();
    let built: SkipMap<Key, [u8; 8]> =
        sorted.iter().map(|key| (key.clone(), *b"eight by")).collect();
    let mut row = Row { build: nanoseconds(start, built.len()), ..Row::default() };
    drop(built);
    let map: SkipMap<Key, [u8; 8]> = SkipMap::new();
    (row.insert, row.slowest) = each(keys, |key| {
        map.insert(key.clone(), *b"eight by");
    });
    let start = now();
    for key in probes {
        black_box(map.get(key));
    }
    row.lookup = nanoseconds(start, probes.len());
    let mut rows = 0;
    let start = now();
    for key in &probes[..(probes.len() / 50).max(1)] {
        rows += map.range(key.clone()..).take(SCAN_ROWS).map(black_box).count();
    }
    row.scan = nanoseconds(start, rows);
    row
}

fn print(distribution: &str, structure: &str, row: &Row) {
    let known = |number: f64| if number == 0.0 { "-".to_owned() } else { format!("{number:.1}") };
    println!(
        "{distribution:<15} {structure:<9} {:>8.0} {:>8.0} {:>9.0} {:>8.1} {:>8.1} {:>8} {:>7.0}%",
        row.lookup,
        row.insert,
        row.slowest,
        row.scan,
        row.build,
        known(row.bytes),
        row.learned * 100.0
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let chosen: Vec<String> = arguments.collect();
    println!(
        "{:<15} {:<9} {:>8} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8}",
        "keys", "structure", "lookup", "insert", "p99.9", "scan/row", "build", "bytes", "learned"
    );
    for name in NAMES
        .into_iter()
        .filter(|name| chosen.is_empty() || chosen.iter().any(|wanted| wanted == name))
    {
        let keys = keys(name, count);
        let mut order: Vec<usize> = (0..keys.len()).collect();
        let mut random = Random(2);
        for at in (1..order.len()).rev() {
            order.swap(at, random.below(at as u64 + 1) as usize);
        }
        // Cloned in the order of use: finding the probe should cost nothing.
        let probes: Vec<Key> = order.iter().take(2_000_000).map(|&at| keys[at].clone()).collect();
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let sorted = Arc::new(sorted);
        print(name, "learned", &tree(&keys, &probes, &sorted, true));
        print(name, "dense", &tree(&keys, &probes, &sorted, false));
        if std::env::var_os("OURS_ONLY").is_none() {
            print(name, "BTreeMap", &b_tree_map(&keys, &probes, &sorted));
            print(name, "SkipMap", &skip_list(&keys, &probes, &sorted));
        }
    }
}
