//! Locks, commits, snapshots and the certifier in many orders of threads, each order chosen by a scheduler:
//! at random, and by priorities that change at few places (PCT), which finds what needs a rare order of
//! few events.
//!
//! `RUSTFLAGS='--cfg shuttle' cargo test -p reckon-mvcc --no-default-features --test shuttle`.
//! `RECKON_SHUTTLE_ORDERS` says how many orders of each, `RECKON_SEED` repeats a run. A failure prints
//! the order that led to it.

#![cfg(shuttle)]
#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod commits;
mod locks;
mod serializable;
mod snapshots;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reckon_mvcc::{
    Counters, Engine, Error, Isolation, KeyspaceId, Locked, MemoryStore, Options, RowLock, Session,
    Snapshot, Store, Timestamp, Transaction, Wait,
};
use reckon_storage::{Read, Tier};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread;
use shuttle::{Config, MaxSteps, Runner};

const TABLE: KeyspaceId = KeyspaceId(2000);
const RC: Isolation = Isolation::ReadCommitted;

/// Orders of each test and scheduler, unless told otherwise.
const ORDERS: usize = 100;

/// Orders among which there is one that shows what a control must catch.
const CONTROL_ORDERS: usize = 1000;

/// How many changes of priority a rare order needs.
const DEPTH: usize = 3;

/// A test that takes more steps than this waits for something that never comes.
const STEPS_MAX: usize = 200_000;

/// An engine over a store in memory, and that store, which knows every version and what was synced.
#[derive(Clone)]
struct World {
    store: Arc<MemoryStore>,
    engine: Engine,
}

type Work = fn(&World);

impl World {
    fn new(options: Options) -> Self {
        let store = Arc::new(MemoryStore::new());
        let engine = Engine::open(Arc::clone(&store) as _, options).unwrap();
        Self { store, engine }
    }

    /// What the store has of a key at a time.
    fn stored(&self, key: &[u8], at: Timestamp) -> Option<Vec<u8>> {
        value(&self.store, key, at)
    }

    /// What a crash now would leave of a key at a time.
    fn survives(&self, key: &[u8], at: Timestamp) -> Option<Vec<u8>> {
        value(&self.store.after_crash(), key, at)
    }

    /// The last commit that a crash now would leave.
    fn synced(&self) -> Timestamp {
        self.store.after_crash().last_timestamp()
    }
}

fn value(store: &MemoryStore, key: &[u8], at: Timestamp) -> Option<Vec<u8>> {
    match store.read(TABLE, key, at, Tier::Disk).unwrap() {
        Read::Done(value) => value,
        Read::Incomplete => panic!("memory is all there is"),
    }
}

/// No lock is waited for so long that a deadlock is looked for: who is forgotten waits for ever, which
/// the scheduler tells.
fn patient() -> Options {
    Options { deadlock_timeout: Duration::MAX, history_retention: Duration::ZERO, ..small() }
}

/// Whoever waits for a lock looks for a deadlock some time.
fn impatient() -> Options {
    Options { deadlock_timeout: Duration::from_secs(1), ..patient() }
}

fn small() -> Options {
    Options { cache_size: 1 << 20, ..Options::default() }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Runs `one` in many orders.
fn explore(one: impl Fn() + Clone + Send + Sync + 'static) {
    let seed = from_environment("RECKON_SEED").unwrap_or_else(rand_seed);
    eprintln!("RECKON_SEED={seed}");
    let orders = from_environment("RECKON_SHUTTLE_ORDERS").map_or(ORDERS, |many| many as usize);
    explore_so_many(one, seed, orders);
}

fn explore_so_many(one: impl Fn() + Clone + Send + Sync + 'static, seed: u64, orders: usize) {
    // What one test frees late must not be freed under another one's scheduler.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let one = move || {
        one();
        settle();
    };
    let config = || {
        let mut config = Config::new();
        config.stack_size = 512 << 10;
        config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
        config
    };
    let random = RandomScheduler::new_from_seed(seed, orders);
    Runner::new(random, config()).run(one.clone());
    let few_changes = PctScheduler::new_from_seed(seed, DEPTH, orders);
    Runner::new(few_changes, config()).run(one);
}

fn rand_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

/// Runs the threads in many orders over a world of its own each time; `before` fills it, `after` looks at it.
fn run(options: fn() -> Options, before: Work, threads: &'static [Work], after: Work) {
    explore(move || {
        let world = World::new(options());
        before(&world);
        let start = |work: &'static Work| {
            let world = world.clone();
            thread::spawn(move || work(&world))
        };
        let running: Vec<_> = threads.iter().map(start).collect();
        for thread in running {
            thread.join().expect("no panic");
        }
        after(&world);
    });
}

fn nothing(_: &World) {}

/// Frees what the trees have retired.
fn settle() {
    for _ in 0..64 {
        reckon_index::pin().flush();
    }
}

/// Whether the scheduler finds an order in which `one` fails: for what must be caught.
fn is_caught(one: impl Fn() + Clone + Send + Sync + 'static) -> bool {
    let failed = || explore_so_many(one, 1, CONTROL_ORDERS);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(failed)).is_err();
    explore_so_many(|| (), 1, 1);
    caught
}

fn lock_row(
    transaction: &mut Transaction,
    snapshot: &Snapshot,
    key: &[u8],
    mode: RowLock,
    wait: Wait,
) -> Result<Locked, Error> {
    transaction.lock_row(snapshot, TABLE, key, mode, wait, &mut Counters::default())
}

fn read(transaction: &Transaction, snapshot: &Snapshot, key: &[u8]) -> Option<Vec<u8>> {
    transaction.read(snapshot, TABLE, key, &mut Counters::default(), <[u8]>::to_vec).unwrap()
}

/// Commits one value and returns what must be durable before that is told.
fn set(session: &mut Session, key: &[u8], value: &[u8], synchronous: bool) -> Timestamp {
    let mut transaction = session.begin(RC, false);
    transaction.set_synchronous_commit(synchronous);
    transaction.lock_key(TABLE, key, RowLock::ForUpdate, Wait::Block).unwrap();
    transaction.put(TABLE, key, value).unwrap();
    transaction.commit().unwrap().durable_needed
}
