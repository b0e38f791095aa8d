//! Measuring in turns: each contestant does a part of the work, then the next one, and so on, so that whatever else the machine does
//! meets all of them. Times are of this thread's CPU.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

use crate::contestants::{Contestant, Ours};
use crate::keys::{self, Key, Random};

/// Parts that inserts are done in.
const INSERT_TURNS: usize = 100;

/// Keys that are made before they are inserted, all at once.
const KEYS_A_TURN: usize = 1 << 14;

/// Lookups a turn.
const LOOKUPS_A_TURN: usize = 8192;

/// Scans a turn.
const SCANS_A_TURN: usize = 256;

/// The most lookups, and inserts whose times are kept one by one.
const SAMPLES_MAX: usize = 1_000_000;

/// How often inserts are repeated whose times are kept one by one.
const TAIL_RUNS: usize = 3;

/// Above this many keys one build must do.
const REPEATED_KEYS_MAX: usize = 2_000_000;

/// What was measured of one contestant: nanoseconds a lookup, insert, row, and so on.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) lookup: f64,
    /// A lookup that was announced with others.
    pub(crate) announced: f64,
    pub(crate) insert: f64,
    /// Inserts of all keys by those of the first tenth.
    pub(crate) growth: f64,
    pub(crate) scan: f64,
    pub(crate) build: f64,
    /// Bytes of index a key.
    pub(crate) bytes: f64,
    /// The part of the leaves with a model.
    pub(crate) learned: f64,
    pub(crate) p99_9: f64,
    pub(crate) p99_99: f64,
}

/// Nanoseconds an insert of the first tenth of many keys, of the last, and of all, and bytes of index a key.
#[derive(Default)]
pub(crate) struct Growth {
    pub(crate) first: f64,
    pub(crate) last: f64,
    pub(crate) all: f64,
    pub(crate) bytes: f64,
}

/// The CPU time this thread has used, in nanoseconds.
fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn time(work: impl FnOnce()) -> f64 {
    let start = now();
    work();
    now() - start
}

fn median(times: &mut [f64]) -> f64 {
    let middle = times.len() / 2;
    *times.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Keys to ask for, in random order; cloned in the order of use, so that finding the probe costs nothing.
pub(crate) fn probes(keys: &[Key]) -> Vec<Key> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    let mut random = Random(2);
    for at in (1..order.len()).rev() {
        order.swap(at, random.below(at as u64 + 1) as usize);
    }
    order.iter().take(SAMPLES_MAX).map(|&at| keys[at].clone()).collect()
}

/// Inserts the keys into all contestants, then measures the rest.
pub(crate) fn run(contestants: &mut [Box<dyn Contestant>], keys: &[Key]) -> Vec<Row> {
    let mut rows: Vec<Row> = contestants.iter().map(|_| Row::default()).collect();
    insert(contestants, keys, &mut rows);
    let probes = probes(keys);
    let turns = |size: usize| probes.chunks(size).filter(move |turn| turn.len() * 2 > size);
    let whole = |size: usize| size.min(probes.len());
    let lookups = || turns(whole(LOOKUPS_A_TURN));
    let times = in_turns(contestants, lookups(), |contestant, probes| {
        contestant.lookup(probes);
        probes.len()
    });
    times.iter().zip(&mut rows).for_each(|(time, row)| row.lookup = *time);
    let times = in_turns(contestants, lookups(), |contestant, probes| {
        contestant.lookup_announced(probes);
        probes.len()
    });
    times.iter().zip(&mut rows).for_each(|(time, row)| row.announced = *time);
    let scans = turns(whole(SCANS_A_TURN)).take(100);
    let times = in_turns(contestants, scans, |contestant, starts| contestant.scan(starts));
    times.iter().zip(&mut rows).for_each(|(time, row)| row.scan = *time);
    build(contestants, keys, &mut rows);
    for (contestant, row) in contestants.iter().zip(&mut rows) {
        row.name = contestant.name();
        let Some(statistics) = contestant.statistics() else { continue };
        row.bytes = statistics.index_bytes as f64 / statistics.records as f64;
        row.learned = statistics.learned_leaves as f64 / statistics.resident_leaves as f64;
        let tail = tail(&keys[..keys.len().min(SAMPLES_MAX)], row.name == "learned");
        (row.p99_9, row.p99_99) = tail;
    }
    rows
}

/// Reads the keys of a turn, so that the first contestant does not pay for all.
fn warm(turn: &[Key]) {
    black_box(turn.iter().map(|key| usize::from(key.last().copied().unwrap_or(0))).sum::<usize>());
}

fn insert(contestants: &mut [Box<dyn Contestant>], keys: &[Key], rows: &mut [Row]) {
    let mut done = 0;
    for turn in keys.chunks(keys.len().div_ceil(INSERT_TURNS)) {
        let is_early = done < keys.len().div_ceil(10);
        done += turn.len();
        warm(turn);
        for (contestant, row) in contestants.iter_mut().zip(&mut *rows) {
            let time = time(|| turn.iter().for_each(|key| contestant.insert(key)));
            row.insert += time / keys.len() as f64;
            row.growth += if is_early { time } else { 0.0 };
        }
    }
    for row in rows {
        row.growth = row.insert * (keys.len() as f64 / 10.0) / row.growth;
    }
}

/// The median over the turns of what one unit of work took.
fn in_turns<'k>(
    contestants: &[Box<dyn Contestant>],
    turns: impl Iterator<Item = &'k [Key]>,
    work: impl Fn(&dyn Contestant, &[Key]) -> usize,
) -> Vec<f64> {
    let mut times: Vec<Vec<f64>> = contestants.iter().map(|_| Vec::new()).collect();
    for turn in turns {
        warm(turn);
        for (contestant, times) in contestants.iter().zip(&mut times) {
            let mut done = 0;
            let time = time(|| done = work(&**contestant, turn));
            times.push(time / done.max(1) as f64);
        }
    }
    times.iter_mut().map(|times| median(times)).collect()
}

fn build(contestants: &[Box<dyn Contestant>], keys: &[Key], rows: &mut [Row]) {
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let sorted = Arc::new(sorted);
    // The first one pays for fresh pages.
    let turns = if keys.len() > REPEATED_KEYS_MAX { 1 } else { 3 };
    let mut times = vec![f64::INFINITY; rows.len()];
    for _ in 0..turns {
        for (contestant, best) in contestants.iter().zip(&mut times) {
            let mut built = None;
            *best = best.min(time(|| built = Some(contestant.build(&sorted))));
            drop(built);
        }
    }
    let each = times.iter().map(|time| time / sorted.len() as f64);
    rows.iter_mut().zip(each).for_each(|(row, time)| row.build = time);
}

/// The 99.9th and 99.99th percentile of inserts, one by one, in nanoseconds. The same inserts are done three times and of each the
/// least time counts: an insert that is slow by itself, because it rebuilds a leaf, is slow every time; one that something
/// else interrupted is not.
fn tail(keys: &[Key], models: bool) -> (f64, f64) {
    let mut least = vec![f64::INFINITY; keys.len()];
    for _ in 0..TAIL_RUNS {
        let mut ours = Ours::new(models);
        for (key, least) in keys.iter().zip(&mut least) {
            *least = least.min(time(|| ours.insert(key)));
        }
    }
    let mut percentile = |part: usize| {
        let rank = least.len() - 1 - least.len() / part;
        *least.select_nth_unstable_by(rank, f64::total_cmp).1
    };
    (percentile(1_000), percentile(10_000))
}

/// Inserts so many keys of a distribution; only a few of them exist outside of the tree at a time.
pub(crate) fn growth(name: &str, count: u64) -> Growth {
    let mut ours = Ours::new(true);
    let mut keys = keys::keys(name, count);
    let (mut growth, mut done, mut counted) = (Growth::default(), 0, [0.0, 0.0]);
    loop {
        let turn: Vec<Key> = keys.by_ref().take(KEYS_A_TURN).collect();
        if turn.is_empty() {
            break;
        }
        let time = time(|| turn.iter().for_each(|key| ours.insert(key)));
        growth.all += time;
        let length = turn.len() as f64;
        if done < count / 10 {
            growth.first += time;
            counted[0] += length;
        } else if done >= count - count / 10 {
            growth.last += time;
            counted[1] += length;
        }
        done += turn.len() as u64;
    }
    growth.first /= f64::max(counted[0], 1.0);
    growth.last /= f64::max(counted[1], 1.0);
    growth.all /= done as f64;
    let statistics = ours.statistics().unwrap_or_default();
    growth.bytes = statistics.index_bytes as f64 / statistics.records as f64;
    growth
}

/// Lookups a second of two threads by those of one, the median of some rounds.
pub(crate) fn threads(keys: &[Key]) -> f64 {
    let mut ours = Ours::new(true);
    keys.iter().for_each(|key| ours.insert(key));
    let probes = probes(keys);
    let (below, above) = probes.split_at(probes.len() / 2);
    let round = || {
        let start = Instant::now();
        ours.lookup(below);
        let one = start.elapsed().as_secs_f64();
        let start = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| ours.lookup(above));
            ours.lookup(below);
        });
        2.0 * one / start.elapsed().as_secs_f64()
    };
    median(&mut (0..9).map(|_| round()).collect::<Vec<f64>>())
}
