//! What a tree gives up is freed soon, and never much of it by somebody who happens to pin. A process of its own: nobody else pins.

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use reckon_index::{Cache, pin};
use support::Engine;

/// Rows a commit.
const ROWS: u64 = 1000;

/// A pin frees what was retired as 512 things at most, a thing being four records at most.
const RECORDS_A_PIN: u64 = 512 * 4;

/// One test at a time: what one retires another might free.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A tree of 20,000 rows.
fn full(cache: &std::sync::Arc<Cache>) -> Engine {
    let engine = Engine::empty(cache);
    for first in (0..20 * ROWS).step_by(ROWS as usize) {
        let row = |number: u64| (number.to_be_bytes().to_vec(), Some(vec![7; 100]));
        engine.commit((first..first + ROWS).map(row).collect(), 0);
    }
    engine
}

#[test]
fn who_pins_frees_little_of_what_others_gave_up() {
    let _alone = alone();
    let cache = Cache::new(1 << 30);
    let engine = full(&cache);
    let record_bytes = engine.tree.statistics().record_bytes / engine.tree.statistics().records;
    let reader = pin();
    engine.tree.clear();
    drop(reader);
    let retired = || cache.statistics().retired_bytes;
    assert!(retired() >= 20 * ROWS * record_bytes, "a reader was in the way");
    let mut pins = 0;
    while retired() > 1 << 20 {
        let before = retired();
        drop(pin());
        let freed = (before - retired()) / record_bytes;
        assert!(freed <= RECORDS_A_PIN * 11 / 10, "{freed} records");
        pins += 1;
        assert!(pins < 1_000_000, "{} bytes left", retired());
    }
}

#[test]
fn who_clears_a_tree_frees_what_was_in_it() {
    let _alone = alone();
    let cache = Cache::new(1 << 30);
    let engine = full(&cache);
    engine.tree.clear();
    let statistics = cache.statistics();
    assert!(statistics.retired_bytes <= 64 << 10, "{statistics:?}");
}

#[test]
fn who_evicts_much_frees_it() {
    let _alone = alone();
    let cache = Cache::new(1 << 30);
    let _engine = full(&cache);
    cache.set_size(1 << 20);
    let statistics = cache.statistics();
    assert!(statistics.retired_bytes <= 64 << 10, "{statistics:?}");
}
