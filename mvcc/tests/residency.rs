//! What transactions keep in memory.

#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reckon_mvcc::{
    Blocking, Counters, Direction, Engine, Isolation, KeyRange, MemoryStore, Options, Snapshot,
    Store, Timestamp, Transaction,
};
use reckon_storage::Write;
use support::{TABLE, options, rows, see, set_in};

const ROWS: u32 = 20_000;

/// An engine over a store of `ROWS` rows of a hundred bytes, none of them in memory.
fn cold(options: Options) -> Engine {
    let store = MemoryStore::new();
    let keys: Vec<_> = (0..ROWS).map(u32::to_be_bytes).collect();
    let mut writes = keys.iter().map(|key| Write { keyspace: TABLE, key, value: Some(&[7; 100]) });
    store.append(&mut writes, Timestamp(5), Timestamp(0)).unwrap();
    Engine::open(Arc::new(store), options).unwrap()
}

/// How many of these rows are read from memory.
fn hits(transaction: &Transaction, snapshot: &Snapshot, keys: &[u32]) -> u64 {
    let mut counters = Counters::default();
    for key in keys {
        let key = key.to_be_bytes();
        transaction.read(snapshot, TABLE, &key, &mut counters, |_| ()).unwrap();
    }
    counters.leaf_hits - counters.loads
}

#[test]
fn a_scan_that_stops_in_gaps_leaves_cold_what_it_passes() {
    let engine = cold(options());
    let mut session = engine.session();
    let mut transaction = session.begin(Isolation::ReadCommitted, true);
    let snapshot = transaction.snapshot();
    // A row in a thousand is hot, and the next two hundred are in memory too.
    let hot: Vec<u32> = (0..ROWS).step_by(1000).collect();
    hits(&transaction, &snapshot, &hot);
    assert_eq!(hits(&transaction, &snapshot, &hot), hot.len() as u64);
    let full = engine.statistics().cache.bytes as usize;
    engine.set_cache_size(full);
    for direction in [Direction::Forward, Direction::Reverse] {
        let seen = rows(&transaction, &snapshot, KeyRange::ALL, direction, 97);
        assert_eq!(seen.len(), ROWS as usize);
    }
    engine.set_cache_size(full / 8 * 5);
    let kept = hits(&transaction, &snapshot, &hot);
    assert!(kept * 10 >= hot.len() as u64 * 9, "{kept} of {}", hot.len());
}

#[test]
fn who_commits_makes_room_for_what_he_brought() {
    let size = 1 << 20;
    let engine = Engine::open(
        Arc::new(MemoryStore::new()),
        Options { cache_size: size as usize, ..options() },
    )
    .unwrap();
    let mut session = engine.session();
    // The table is empty, and known to be from now on.
    assert_eq!(see(&mut session, b"a"), None);
    for number in 0..ROWS {
        set_in(&mut session, &number.to_be_bytes(), &[7; 100]);
        let statistics = engine.statistics().cache;
        assert!(statistics.bytes <= size + size / 20, "{statistics:?}");
    }
    assert!(engine.statistics().cache.evictions > 0);
}

#[test]
fn who_looks_at_all_leaves_says_that_it_takes_long() {
    let told = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&told);
    let blocking = Blocking::new(move |work| {
        count.fetch_add(1, Ordering::Relaxed);
        work();
    });
    let engine = cold(Options { blocking, ..options() });
    assert!(engine.tree_outline(TABLE).contains("absent"));
    assert_eq!(told.load(Ordering::Relaxed), 1);
    assert_eq!(engine.tree_statistics(TABLE).absent_leaves, 1);
    assert_eq!(told.load(Ordering::Relaxed), 2);
}
