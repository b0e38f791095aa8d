//! What transactions cost on top of index and store: the same work with them and without.
//!
//! A point read by itself takes a snapshot, looks its key up and ends; without a transaction it looks the key
//! up in a tree. An update locks its row, reads it, writes, and commits; without a transaction it looks the
//! key up, appends one row to a store and installs it in a tree. Both hand the log to the operating system
//! then, in this thread, and do not wait for the disk. Keys, values, trees and stores are alike. The two do
//! so in turns, and what is counted is the time this thread had a processor, so that other programs on the
//! machine change little.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;

use reckon_index::{Cache, Lookup, Source, SourceError, Tree};
use reckon_mvcc::{
    Counters, Engine, Isolation, KeyspaceId, Options, RocksOptions, RocksStore, RowLock, Session,
    Store, SyncMode, Timestamp, Wait,
};
use reckon_storage::Write;
use reckon_tests::process::thread_cpu;
use reckon_tests::random::Random;

use crate::report::Series;

/// How to measure.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Plan {
    /// Rows of the table.
    #[arg(long, default_value_t = 100_000)]
    rows: u64,
    /// Operations of a round.
    #[arg(long, default_value_t = 20_000)]
    operations: u64,
    /// Rounds of each.
    #[arg(long, default_value_t = 15)]
    rounds: u64,
}

const VALUE: [u8; 48] = [7; 48];

/// Memory of an index: all rows fit.
const CACHE_BYTES: usize = 1 << 30;

/// Does the operation under a key, with transactions and without.
type Contestants<'a> = [&'a mut dyn FnMut(&[u8]); 2];

/// Measures and prints.
///
/// # Errors
///
/// Standard output is closed.
pub(crate) fn run(plan: &Plan) -> std::io::Result<()> {
    let directory = tempfile::tempdir().expect("temporary directory");
    let store = |name: &str| -> Arc<dyn Store> {
        let store = RocksStore::open(&directory.path().join(name), RocksOptions::default());
        Arc::new(store.expect("open RocksDB"))
    };
    let mut with = Transactions::fill(store("with"), plan.rows);
    let mut without = Bare::fill(store("without"), plan.rows);
    let mut out = std::io::stdout().lock();
    let mut compare = |name: &str, work: Contestants<'_>| {
        let [with, without] = measure(plan, work);
        let share = 100.0 * (with - without) / with;
        writeln!(
            out,
            "{name:<12} {with:>7.0} ns, without transactions {without:>7.0} ns: {share:>3.0} %"
        )
    };
    compare("point read", [&mut |key| with.read(key), &mut |key| without.read(key)])?;
    compare("update", [&mut |key| with.update(key), &mut |key| without.update(key)])
}

/// Median nanoseconds of an operation, of both, which work in turns.
fn measure(plan: &Plan, mut work: Contestants<'_>) -> [f64; 2] {
    let mut series = [Series::default(), Series::default()];
    // The first round is a rehearsal.
    for round in 0..=plan.rounds {
        for (work, series) in work.iter_mut().zip(&mut series) {
            let mut random = Random::new(round);
            let before = thread_cpu();
            for _ in 0..plan.operations {
                work(&key(random.number() % plan.rows));
            }
            if round > 0 {
                let took = thread_cpu().saturating_sub(before);
                series.push(took.as_nanos() as f64 / plan.operations as f64);
            }
        }
    }
    series.map(|series| series.median())
}

fn key(row: u64) -> [u8; 9] {
    let mut key = [1; 9];
    key[1..].copy_from_slice(&row.to_be_bytes());
    key
}

/// A table behind transactions.
struct Transactions {
    session: Session,
    keyspace: KeyspaceId,
    counters: Counters,
}

impl Transactions {
    fn fill(store: Arc<dyn Store>, rows: u64) -> Self {
        let (sync, fsync) = (SyncMode::Inline, false);
        let options = Options { cache_size: CACHE_BYTES, sync, fsync, ..Options::default() };
        let engine = Engine::open(store, options).expect("open an engine");
        let mut session = engine.session();
        let mut transaction = session.begin(Isolation::ReadCommitted, false);
        let keyspace = transaction.create_keyspace().expect("a keyspace");
        for row in 0..rows {
            transaction.put(keyspace, &key(row), &VALUE).expect("a write");
        }
        let committed = transaction.commit().expect("a commit");
        engine.on_durable(committed.durable_needed).wait();
        Self { session, keyspace, counters: Counters::default() }
    }

    fn read(&mut self, key: &[u8]) {
        let mut transaction = self.session.begin(Isolation::ReadCommitted, false);
        let snapshot = transaction.snapshot();
        let found =
            transaction.read(&snapshot, self.keyspace, key, &mut self.counters, <[u8]>::len);
        assert_eq!(found.expect("a read"), Some(VALUE.len()));
        transaction.commit().expect("a commit");
    }

    fn update(&mut self, key: &[u8]) {
        let mut transaction = self.session.begin(Isolation::ReadCommitted, false);
        let snapshot = transaction.snapshot();
        let found =
            transaction.read(&snapshot, self.keyspace, key, &mut self.counters, <[u8]>::len);
        assert_eq!(found.expect("a read"), Some(VALUE.len()));
        let mode = RowLock::ForNoKeyUpdate;
        transaction
            .lock_row(&snapshot, self.keyspace, key, mode, Wait::Block, &mut self.counters)
            .expect("a lock");
        transaction.put(self.keyspace, key, &VALUE).expect("a write");
        transaction.commit().expect("a commit");
    }
}

/// A table of an index and a store alone.
struct Bare {
    store: Arc<dyn Store>,
    keyspace: KeyspaceId,
    tree: Tree,
    last: u64,
}

/// Is never asked: everything is in memory.
struct Nothing;

impl Source for Nothing {
    fn load(
        &self,
        _: &[u8],
        _: Option<&[u8]>,
        _: reckon_index::Direction,
        _: &mut dyn FnMut(&[u8], u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<u64, SourceError> {
        Ok(0)
    }
}

impl Bare {
    fn fill(store: Arc<dyn Store>, rows: u64) -> Self {
        let keyspace = store.allocate_keyspace().expect("a keyspace");
        let tree = Tree::empty(&Cache::new(CACHE_BYTES), Box::new(Nothing), 0);
        let last = 1000;
        let keys: Vec<_> = (0..rows).map(key).collect();
        let mut writes = keys.iter().map(|key| Write { keyspace, key, value: Some(&VALUE) });
        store.append(&mut writes, Timestamp(last), Timestamp(last)).expect("an append");
        for key in &keys {
            tree.install(key, last, Some(&VALUE), last);
        }
        Self { store, keyspace, tree, last }
    }

    fn read(&self, key: &[u8]) {
        let guard = reckon_index::pin();
        let Lookup::Found { value, .. } = self.tree.lookup(key, self.last, &guard) else {
            panic!("the row is in memory")
        };
        assert_eq!(value.len(), VALUE.len());
    }

    fn update(&mut self, key: &[u8]) {
        self.read(key);
        self.last += 1;
        let mut writes =
            std::iter::once(Write { keyspace: self.keyspace, key, value: Some(&VALUE) });
        let before = Timestamp(self.last - 1);
        self.store.append(&mut writes, Timestamp(self.last), before).expect("an append");
        self.tree.install(key, self.last, Some(&VALUE), before.0);
        self.store.flush_log(false).expect("a flush");
    }
}
