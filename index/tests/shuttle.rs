//! Inserts, splits, loads, scans, evictions and reclamation in many orders of threads, each order chosen by a scheduler. Leaves are
//! small here, so that structure changes all the time.
//!
//! `RUSTFLAGS='--cfg shuttle' cargo test -p reckon-index --test shuttle`. A failure prints the order that led to it.

#![cfg(shuttle)]

mod support;

use std::sync::Arc;

use reckon_index::{Cache, Direction};
use shuttle::thread;
use support::{Engine, settle};

const ORDERS: usize = 300;

fn key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// A row, or its deletion.
fn write(number: u64, version: u8) -> (Vec<u8>, Option<Vec<u8>>) {
    (key(number), (version > 0).then(|| vec![version; 16]))
}

/// Runs the threads in many orders over an engine whose store has `rows` rows; afterwards every invariant holds and all memory is freed.
fn explore(rows: u64, cache_bytes: usize, threads: &'static [fn(&Engine, &Cache)]) {
    let one = move || {
        let cache = Cache::new(cache_bytes);
        let engine = Arc::new(Engine::new(&cache));
        engine.commit((0..rows).map(|number| write(number * 8, 1)).collect(), 0);
        let run = |work: &'static fn(&Engine, &Cache)| {
            let (engine, cache) = (Arc::clone(&engine), Arc::clone(&cache));
            thread::spawn(move || work(&engine, &cache))
        };
        let running: Vec<_> = threads.iter().map(run).collect();
        for thread in running {
            thread.join().expect("no panic");
        }
        assert_eq!(engine.tree.verify(), cache.statistics().bytes);
        drop(engine);
        settle(&cache);
        assert_eq!((cache.statistics().bytes, cache.statistics().retired_bytes), (0, 0));
    };
    shuttle::check_random(one, ORDERS);
}

/// Reads some rows at the newest snapshot and at one before.
fn read(engine: &Engine, _: &Cache) {
    for number in [0, 9, 160, 161, 400] {
        for age in 0..2 {
            let snapshot = engine.store.visible().saturating_sub(age);
            let found = engine.read(&key(number), snapshot);
            assert_eq!(found, engine.store.read(&key(number), snapshot));
        }
    }
}

/// Reads everything, upwards and downwards.
fn scan(engine: &Engine, _: &Cache) {
    for direction in [Direction::Forward, Direction::Reverse] {
        let snapshot = engine.store.visible();
        let seen = engine.scan(&[], None, direction, snapshot, 7, true);
        assert!(seen == engine.store.scan(&[], None, direction, snapshot));
    }
}

/// Fills the gaps between the rows, so that leaves split.
fn insert(engine: &Engine, _: &Cache) {
    for first in (0..480).step_by(48) {
        engine.commit((first..first + 24).step_by(3).map(|number| write(number, 2)).collect(), 1);
    }
}

/// Deletes most rows, so that leaves are purged and merge.
fn delete(engine: &Engine, _: &Cache) {
    for first in (0..480).step_by(60) {
        engine.commit((first..first + 60).map(|number| write(number, 0)).collect(), 0);
    }
}

/// Updates one row again and again, so that its old versions are cut off while they are read.
fn update(engine: &Engine, _: &Cache) {
    for version in 3..12 {
        engine.commit(vec![write(160, version)], u64::from(version % 3));
    }
}

/// Makes memory too small, then large again.
fn evict(_: &Engine, cache: &Cache) {
    for bytes in [1 << 10, 1 << 20, 4 << 10, 1 << 20] {
        cache.set_size(bytes);
        thread::yield_now();
    }
}

/// Forgets everything.
fn clear(engine: &Engine, _: &Cache) {
    engine.tree.clear();
    thread::yield_now();
    engine.tree.clear();
}

#[test]
fn readers_see_their_snapshot_while_leaves_split() {
    explore(60, 1 << 20, &[insert, scan, read]);
}

#[test]
fn readers_see_their_snapshot_while_leaves_merge() {
    explore(60, 1 << 20, &[delete, scan, read]);
}

#[test]
fn readers_see_their_snapshot_while_ranges_come_and_go() {
    explore(60, 8 << 10, &[insert, evict, scan, read]);
}

#[test]
fn readers_see_their_snapshot_while_everything_is_forgotten() {
    explore(60, 1 << 20, &[update, clear, read, read]);
}

#[test]
fn old_versions_are_there_for_who_reads_them() {
    explore(60, 1 << 20, &[update, read, read]);
}

#[test]
fn hot_rows_of_cold_ranges_take_commits_while_they_are_loaded() {
    explore(60, 3 << 10, &[update, read, read, evict]);
}
