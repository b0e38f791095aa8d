//! What one operation costs: lookups, inserts, updates, scans and loads, with models and without.
//!
//! `cargo bench -p reckon-index`: `operations` for each kind of operation, `distributions` for lookups and inserts of each distribution of
//! keys, `threads` for lookups by one thread and by two. What they must reach is in `examples/distributions`, which also
//! compares memory, the slow end of inserts and how cost grows.

#![allow(missing_docs, reason = "the macros make public functions")]

use std::hint::black_box;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use reckon_index::{Cache, Direction, Source, SourceError, Tree, pin};

#[allow(dead_code, reason = "the tables use more of it")]
#[path = "../examples/distributions/keys.rs"]
mod keys;

const KEYS: u64 = 1_000_000;

const LOOKUPS_A_THREAD: u64 = 1 << 18;

/// The keys of the even numbers below twice `KEYS`, spread over all heads.
struct Spread;

fn key(number: u64) -> [u8; 8] {
    (number * (u64::MAX / (2 * KEYS))).to_be_bytes()
}

impl Source for Spread {
    fn load(
        &self,
        lower: &[u8],
        upper: Option<&[u8]>,
        direction: Direction,
        add: &mut dyn FnMut(&[u8], u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<u64, SourceError> {
        let rank = |bound: &[u8]| {
            let (mut low, mut high) = (0, KEYS);
            while low < high {
                let middle = u64::midpoint(low, high);
                if &key(2 * middle)[..] < bound { low = middle + 1 } else { high = middle }
            }
            low
        };
        let (start, end) = (rank(lower), upper.map_or(KEYS, rank));
        for step in 0..end - start {
            let number = match direction {
                Direction::Forward => start + step,
                Direction::Reverse => end - 1 - step,
            };
            if add(&key(2 * number), 1, b"a row of some twenty bytes").is_break() {
                break;
            }
        }
        Ok(1)
    }
}

/// A tree over `Spread` with everything in memory.
fn loaded(models: bool) -> Tree {
    let cache = Cache::new(usize::MAX / 2);
    cache.set_models(models);
    let tree = Tree::new(&cache, Box::new(Spread));
    scan(&tree, &[], usize::MAX);
    tree
}

/// Visits `rows` rows from `lower` on, loading what is absent.
fn scan(tree: &Tree, lower: &[u8], rows: usize) -> usize {
    let mut cursor = tree.cursor(Bound::Included(lower), Bound::Unbounded, Direction::Forward);
    let mut seen = 0;
    let mut visit = || {
        cursor.visit(tree, 1, rows, |key, value| {
            black_box((key, value));
            seen += 1;
            ControlFlow::Continue(())
        })
    };
    while let reckon_index::Step::Gap { lower, upper, .. } = visit() {
        tree.load_gap(&lower, upper.as_deref(), Direction::Forward).expect("no errors here");
    }
    seen
}

/// Numbers below `bound`, the same every time.
fn numbers(bound: u64) -> impl FnMut() -> u64 {
    numbers_from(1, bound)
}

fn numbers_from(mut state: u64, bound: u64) -> impl FnMut() -> u64 {
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((u128::from(state) * u128::from(bound)) >> 64) as u64
    }
}

fn operations(criterion: &mut Criterion) {
    for (name, models) in [("learned", true), ("dense", false)] {
        let tree = Arc::new(loaded(models));
        let mut group = criterion.benchmark_group(name);
        group.measurement_time(Duration::from_secs(3)).sample_size(20);
        let mut next = numbers(KEYS);
        group.bench_function("lookup, present", |bencher| {
            bencher.iter_batched(
                || key(2 * next()),
                |key| {
                    let guard = pin();
                    black_box(tree.lookup(&key, 1, &guard));
                },
                BatchSize::SmallInput,
            );
        });
        group.bench_function("lookup, absent", |bencher| {
            bencher.iter_batched(
                || key(2 * next() + 1),
                |key| {
                    let guard = pin();
                    black_box(tree.lookup(&key, 1, &guard));
                },
                BatchSize::SmallInput,
            );
        });
        group.throughput(Throughput::Elements(100));
        group.bench_function("scan of 100", |bencher| {
            bencher.iter_batched(
                || key(2 * next()),
                |key| black_box(scan(&tree, &key, 100)),
                BatchSize::SmallInput,
            );
        });
        group.throughput(Throughput::Elements(1));
        let mut timestamp = 1;
        group.bench_function("update", |bencher| {
            bencher.iter_batched(
                || key(2 * next()),
                |key| {
                    timestamp += 1;
                    tree.install(&key, timestamp, Some(b"another row"), timestamp);
                },
                BatchSize::SmallInput,
            );
        });
        group.bench_function("insert", |bencher| {
            bencher.iter_batched(
                || [&key(2 * next())[..], &next().to_be_bytes()].concat(),
                |key| {
                    timestamp += 1;
                    tree.install(&key, timestamp, Some(b"another row"), timestamp);
                },
                BatchSize::SmallInput,
            );
        });
        group.throughput(Throughput::Elements(KEYS));
        group.sample_size(10);
        group.bench_function("load of everything", |bencher| bencher.iter(|| loaded(models)));
        group.finish();
    }
}

/// A tree in which these keys were inserted in this order.
fn grown(keys: &[keys::Key], models: bool) -> Tree {
    let cache = Cache::new(usize::MAX / 2);
    cache.set_models(models);
    let tree = Tree::empty(&cache, Box::new(Spread), 0);
    for (key, timestamp) in keys.iter().zip(1..) {
        tree.install(key, timestamp, Some(b"eight by"), timestamp - 1);
    }
    tree
}

fn distributions(criterion: &mut Criterion) {
    for name in keys::NAMES {
        let keys: Vec<keys::Key> = keys::keys(name, KEYS / 5).collect();
        let mut group = criterion.benchmark_group(name);
        group.measurement_time(Duration::from_secs(2)).sample_size(10);
        for (mode, models) in [("learned", true), ("dense", false)] {
            let tree = grown(&keys, models);
            let mut next = numbers(keys.len() as u64);
            group.throughput(Throughput::Elements(1));
            group.bench_function(format!("lookup, {mode}"), |bencher| {
                bencher.iter_batched(
                    || &keys[next() as usize],
                    |key| {
                        let guard = pin();
                        black_box(tree.lookup(key, u64::MAX, &guard));
                    },
                    BatchSize::SmallInput,
                );
            });
            group.throughput(Throughput::Elements(keys.len() as u64));
            group.bench_function(format!("insert of all, {mode}"), |bencher| {
                bencher.iter_with_large_drop(|| grown(&keys, models));
            });
        }
        group.finish();
    }
}

fn threads(criterion: &mut Criterion) {
    let tree = loaded(true);
    let lookups = |thread: u64| {
        // Far apart in the sequence: no thread brings to a cache what another one looks up next.
        let mut next = numbers_from((thread + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15), KEYS);
        for _ in 0..LOOKUPS_A_THREAD / 64 {
            let guard = pin();
            (0..64).for_each(|_| _ = black_box(tree.lookup(&key(2 * next()), 1, &guard)));
        }
    };
    let mut group = criterion.benchmark_group("threads");
    for threads in [1, 2] {
        group.throughput(Throughput::Elements(threads * LOOKUPS_A_THREAD));
        group.bench_function(format!("lookups, {threads}"), |bencher| {
            bencher.iter(|| {
                std::thread::scope(|scope| {
                    (0..threads).for_each(|thread| _ = scope.spawn(move || lookups(thread)));
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, operations, distributions, threads);
criterion_main!(benches);
