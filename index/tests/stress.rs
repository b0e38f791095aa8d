//! Readers, writers, loaders and evictions at once: every answer is that of the store at the reader's snapshot.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reckon_index::{Cache, Direction};
use support::{Engine, Random, settle};

const KEYS: u64 = 20_000;

fn key(number: u64, spread: bool) -> Vec<u8> {
    let number = if spread { number.wrapping_mul(0x9E37_79B9_7F4A_7C15) } else { number };
    number.to_be_bytes().to_vec()
}

/// Commits runs of inserts, updates and deletions.
fn write(engine: &Engine, random: &mut Random, spread: bool, commits: u64) {
    for _ in 0..commits {
        let hot = random.below(4) == 0;
        let first = if hot { random.below(20) * (KEYS / 20) } else { random.below(KEYS) };
        let (count, deletes) = (1 + random.below(40), random.below(3) == 0);
        let write = |number: u64| {
            let value = (!deletes).then(|| random.next().to_be_bytes().repeat(4));
            (key(number, spread), value)
        };
        engine.commit((first..first + count).map(write).collect(), 2);
    }
}

/// Reads keys and ranges at the newest snapshot and at slightly older ones.
fn read(engine: &Engine, random: &mut Random, spread: bool, until: &AtomicBool) {
    let mut reads = 0;
    while !until.load(Ordering::Relaxed) || reads < 200 {
        let snapshot = engine.store.visible().saturating_sub(random.below(4));
        let hot = random.below(2) == 0;
        let number = if hot { random.below(20) * (KEYS / 20) } else { random.below(KEYS) };
        let from = key(number, spread);
        if random.below(4) > 0 {
            assert_eq!(engine.read(&from, snapshot), engine.store.read(&from, snapshot));
        } else {
            let to = key(random.below(KEYS), spread);
            let direction = [Direction::Forward, Direction::Reverse][random.below(2) as usize];
            let (step, loads) = (1 + random.below(300) as usize, random.below(2) == 0);
            let seen = engine.scan(&from, Some(&to), direction, snapshot, step, loads);
            assert!(seen == engine.store.scan(&from, Some(&to), direction, snapshot));
        }
        reads += 1;
    }
}

/// Tells the others when the writer is done, or has failed.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn stress(seed: u64, spread: bool, size: usize, commits: u64) {
    let cache = Cache::new(size);
    let engine = Arc::new(Engine::new(&cache));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for reader in 0..3 {
            let (engine, is_over) = (&engine, &is_over);
            scope.spawn(move || read(engine, &mut Random(seed + 100 + reader), spread, is_over));
        }
        scope.spawn(|| {
            let mut random = Random(seed + 7);
            while !is_over.load(Ordering::Relaxed) {
                cache.set_size(size / 2 + random.below(size as u64) as usize);
                if random.below(50) == 0 {
                    engine.tree.clear();
                }
                engine.tree.verify();
                std::thread::yield_now();
            }
        });
        let _over = Over(&is_over);
        write(&engine, &mut Random(seed), spread, commits);
    });
    let statistics = cache.statistics();
    assert!(statistics.loads > 0 && statistics.leaf_hits > 0, "seed {seed}: {statistics:?}");
    assert!(size > 1 << 20 || statistics.evictions > 0, "seed {seed}: {statistics:?}");
    assert_eq!(engine.tree.verify(), statistics.bytes);
    drop(engine);
    settle(&cache);
    assert_eq!((cache.statistics().bytes, cache.statistics().retired_bytes), (0, 0));
}

#[test]
fn every_answer_is_the_stores_with_a_few_leaves_in_memory() {
    stress(1, true, 100 << 10, 2_000);
    stress(2, false, 100 << 10, 2_000);
}

#[test]
fn every_answer_is_the_stores_with_most_of_it_in_memory() {
    stress(3, true, 2 << 20, 2_000);
    stress(4, false, 2 << 20, 2_000);
}

#[test]
fn many_readers_of_one_absent_range_load_it_once() {
    let cache = Cache::new(64 << 20);
    let engine = Engine::new(&cache);
    engine.commit((0..100).map(|number| (key(number, false), Some(vec![1]))).collect(), 0);
    let snapshot = engine.store.visible();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let engine = &engine;
            scope.spawn(move || {
                assert_eq!(engine.read(&key(number, false), snapshot), Some(vec![1]))
            });
        }
    });
    assert_eq!(cache.statistics().loads, 1);
}
