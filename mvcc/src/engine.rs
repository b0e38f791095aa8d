//! The open engine: a store, the trees that cache it, sessions, and two threads.
//!
//! ```text
//! Engine ──► Shared ──► store, trees, watermarks, commit queue, locks, sessions
//!    └─ threads: log sync; upkeep (low mark, dropped keyspaces)
//! ```
//!
//! Handles are cheap to clone. When the last one goes (sessions have one each) everything appended is
//! synced and the threads end.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reckon_index::{Cache, TreeStatistics};
use reckon_storage::{KeyspaceId, Store, Timestamp};

use crate::blocking::Blocking;
use crate::broken::Broken;
use crate::commit::{Durable, LogSync, Queue, Watermarks};
use crate::error::Error;
use crate::exported::Exported;
use crate::interrupt::Interrupt;
use crate::keyspace::{Base, Keyspace, Keyspaces};
use crate::lock::{LockStatus, Locks};
use crate::prepared::PreparedTransactions;
use crate::serializable::{Certifier, PredicateLock};
use crate::session::{Session, SessionId, Sessions};
use crate::snapshot::Horizon;
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{AtomicU64, Mutex};
use crate::timestamp::Clock;
use crate::transaction::Counters;
use crate::upkeep::Upkeep;

/// Where the log is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SyncMode {
    /// By a thread of its own, for all commits that wait. `commit` returns before it is durable.
    Group,
    /// By the committer. `commit` returns when it is durable.
    Inline,
}

/// How an engine is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes that trees may hold.
    pub cache_size: usize,
    /// What may block runs inside it.
    pub blocking: Blocking,
    /// How long a lock is waited for before a deadlock is looked for.
    pub deadlock_timeout: Duration,
    /// How long versions are kept that no open snapshot needs.
    pub history_retention: Duration,
    /// Where the log is synced.
    pub sync: SyncMode,
    /// Whether syncing reaches the disk. Without it a power cut loses commits that were acknowledged;
    /// the end of the process does not.
    pub fsync: bool,
    /// The most a transaction may write, with what it overwrote of its own and a savepoint may bring back.
    pub max_transaction_bytes: usize,
    /// How many transactions may be prepared for two-phase commit at a time; 0: none. A store that has more
    /// does not open.
    pub max_prepared_transactions: usize,
    /// Whether leaves are built with models where these fit. Without, all are dense; for comparison.
    pub models: bool,
    /// Rules that do not hold; for tests that must notice.
    pub broken: Broken,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_size: 256 << 20,
            blocking: Blocking::straight(),
            deadlock_timeout: Duration::from_secs(1),
            history_retention: Duration::from_secs(300),
            sync: SyncMode::Group,
            fsync: true,
            max_transaction_bytes: 32 << 20,
            max_prepared_transactions: 0,
            models: true,
            broken: Broken::default(),
        }
    }
}

/// What everybody shares.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) marks: Arc<Watermarks>,
    pub(crate) queue: Queue,
    pub(crate) log: LogSync,
    pub(crate) horizon: Horizon,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) keyspaces: Keyspaces,
    pub(crate) locks: Locks,
    pub(crate) certifier: Certifier,
    pub(crate) exported: Exported,
    pub(crate) upkeep: Upkeep,
    pub(crate) prepared: PreparedTransactions,
    pub(crate) counts: Counts,
    opened_at: Timestamp,
    next_scan_us: Mutex<u64>,
}

/// What happened since the engine was opened.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) rollbacks: AtomicU64,
    pub(crate) write_conflicts: AtomicU64,
    pub(crate) last_transaction: AtomicU64,
}

/// The least time between two scans for the horizon, in microseconds.
const SCAN_US_MIN: u64 = 1_000;

/// A scan of many sessions is followed by a pause this many times as long.
const SCAN_PAUSE: u64 = 50;

impl Shared {
    /// Moves the horizon up, unless that was done a moment ago.
    pub(crate) fn scan_horizon(&self) {
        let Some(mut next_us) = self.next_scan_us.try_lock() else { return };
        if self.clock.now().0 >= *next_us {
            self.move_horizon(&mut next_us);
        }
    }

    /// Moves the horizon up now.
    pub(crate) fn scan_horizon_now(&self) {
        self.move_horizon(&mut self.next_scan_us.lock());
    }

    /// Does something while nobody looks at all slots.
    pub(crate) fn between_scans<R>(&self, work: impl FnOnce() -> R) -> R {
        let _scanning = self.next_scan_us.lock();
        work()
    }

    /// Lets something go for what a commit brought into memory: at its end, when nobody waits for it any more.
    pub(crate) fn make_room(&self) {
        if self.cache.is_over() {
            self.options.blocking.run(|| self.cache.make_some_room());
        }
    }

    fn move_horizon(&self, next_us: &mut u64) {
        let start_us = self.clock.now().0;
        self.horizon.scan(self.marks.durable(), |see| {
            self.sessions.each(|member| see(&member.slot));
        });
        let end_us = self.clock.now().0;
        *next_us = end_us + SCAN_US_MIN.max(end_us.saturating_sub(start_us) * SCAN_PAUSE);
    }
}

/// An open engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    threads: Arc<Threads>,
}

impl Engine {
    /// Opens an engine over a store. What the store recovered is durable and visible, and what was prepared
    /// has its locks.
    pub fn open(store: Arc<dyn Store>, options: Options) -> Result<Self, Error> {
        let marks = Arc::new(Watermarks::recovered(store.last_timestamp()));
        let cache = Cache::new(options.cache_size);
        cache.set_models(options.models);
        let blocking = options.blocking.clone();
        let base = Base {
            store: Arc::clone(&store),
            blocking: blocking.clone(),
            marks: Arc::clone(&marks),
        };
        let sessions = Arc::new(Sessions::default());
        let shared = Arc::new(Shared {
            keyspaces: Keyspaces::new(Arc::clone(&cache), base),
            locks: Locks::new(Arc::clone(&sessions), blocking, options.deadlock_timeout),
            certifier: Certifier::new(options.history_retention),
            exported: Exported::default(),
            upkeep: Upkeep::recovered(&*store)?,
            prepared: PreparedTransactions::default(),
            clock: Clock::start(),
            queue: Queue::default(),
            log: LogSync::default(),
            horizon: Horizon::default(),
            counts: Counts::default(),
            opened_at: marks.visible(),
            next_scan_us: Mutex::new(0),
            store,
            cache,
            options,
            marks,
            sessions,
        });
        shared.prepared.restore(&shared)?;
        let threads = Arc::new(Threads::start(&shared)?);
        Ok(Self { shared, threads })
    }

    /// The last commit that was installed.
    pub fn visible(&self) -> Timestamp {
        self.shared.marks.visible()
    }

    /// The last commit that a reply may show. See [`on_durable`](Self::on_durable).
    #[inline]
    pub fn durable(&self) -> Timestamp {
        self.shared.marks.durable()
    }

    /// What time it is, in the clock that timestamps are from.
    #[inline]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The last commit before it was opened. [`last_change`](Self::last_change) knows of none up to it.
    #[inline]
    pub fn opened_at(&self) -> Timestamp {
        self.shared.opened_at
    }

    /// A new session.
    pub fn session(&self) -> Session {
        Session::open(self.clone())
    }

    /// Whom a session waits for: for a lock, or for its snapshot to be safe. Empty when it does not wait.
    /// A prepared transaction has a name that [`is_prepared`](SessionId::is_prepared).
    pub fn blockers(&self, session: SessionId) -> Vec<SessionId> {
        let mut blockers = self.shared.locks.blockers_of(session);
        blockers.extend(self.shared.certifier.threats_of(session));
        blockers
    }

    /// The locks that are held and wanted.
    pub fn locks(&self) -> Vec<LockStatus> {
        let keyspaces = &self.shared.keyspaces;
        self.shared.locks.status(|keyspace, key| {
            let found = keyspaces.find(keyspace).newest(key, &mut Counters::default(), |_| ());
            // A row that cannot be read is one.
            !matches!(found, Ok(None))
        })
    }

    /// What SERIALIZABLE transactions have read and others may not have overwritten, also those that have
    /// ended and still matter.
    pub fn predicate_locks(&self) -> Vec<PredicateLock> {
        self.shared.certifier.predicate_locks()
    }

    /// The sessions that are open, each with how many transactions it has begun.
    pub fn sessions(&self) -> Vec<(SessionId, u64)> {
        let mut sessions = Vec::new();
        self.shared.sessions.each(|member| sessions.push((member.id, member.transactions())));
        sessions
    }

    /// Whose writers keep a session from getting a safe snapshot, which it waits for.
    pub fn snapshot_blockers(&self, session: SessionId) -> Vec<SessionId> {
        self.shared.certifier.threats_of(session)
    }

    /// A handle to stop an open session.
    pub fn interrupt(&self, session: SessionId) -> Option<Interrupt> {
        let signal = Arc::clone(&self.shared.sessions.find(session)?.signal);
        Some(Interrupt { signal, blocking: self.shared.options.blocking.clone() })
    }

    /// Resolves once `durable` covers `at`. Cheaper when asked for only if [`durable`](Self::durable)
    /// does not yet.
    pub fn on_durable(&self, at: Timestamp) -> Durable {
        Durable::new(Arc::clone(&self.shared), at)
    }

    /// The newest commit that wrote to a keyspace since the engine was opened, [`Timestamp::ZERO`] if
    /// none did. A snapshot at or after that commit is never told an older one.
    #[inline]
    pub fn last_change(&self, keyspace: KeyspaceId) -> Timestamp {
        self.shared.keyspaces.find(keyspace).last_change()
    }

    /// What memory holds of a keyspace. Looks at every record there.
    pub fn tree_statistics(&self, keyspace: KeyspaceId) -> TreeStatistics {
        self.walk(keyspace, |keyspace| keyspace.tree.statistics())
    }

    /// What memory holds of a keyspace, as text: a line for each node and leaf. Shows keys.
    pub fn tree_outline(&self, keyspace: KeyspaceId) -> String {
        self.walk(keyspace, |keyspace| keyspace.tree.outline())
    }

    /// Looks at all leaves of a keyspace, which takes long.
    fn walk<R>(&self, keyspace: KeyspaceId, look: impl FnOnce(&Keyspace) -> R) -> R {
        self.shared.options.blocking.run(|| look(&self.shared.keyspaces.find(keyspace)))
    }

    /// Says whether searches in trees ask the models, from the next one on, and returns whether they did. They do unless told
    /// otherwise; no answer depends on it.
    pub fn use_models(&self, on: bool) -> bool {
        let before = self.uses_models();
        self.shared.cache.use_models(on);
        before
    }

    /// Whether searches in trees ask the models.
    pub fn uses_models(&self) -> bool {
        self.shared.cache.uses_models()
    }

    /// [`last_change`](Self::last_change) of one keyspace, to be asked often.
    pub fn watch(&self, keyspace: KeyspaceId) -> Watch {
        Watch(self.shared.keyspaces.find(keyspace))
    }

    /// A keyspace id never given out before. For keyspaces that no transaction creates.
    pub fn allocate_keyspace(&self) -> Result<KeyspaceId, Error> {
        Ok(self.shared.store.allocate_keyspace()?)
    }

    /// What is told of each keyspace that is removed, once nobody can reach it any more. Set once.
    pub fn when_removed(&self, tell: impl Fn(KeyspaceId) + Send + Sync + 'static) {
        self.shared.upkeep.when_removed(tell);
    }

    /// Drops the allocated keyspaces that hold rows, are not `named`, were not loaded by a prepared
    /// transaction, nor dropped by a commit that history reaches back to: what transactions left that a
    /// crash kept from cleaning up. For the start, before there are sessions. Returns what it dropped.
    pub fn drop_orphans(&self, named: &HashSet<KeyspaceId>) -> Result<Vec<KeyspaceId>, Error> {
        let store = &self.shared.store;
        let dropped = self.shared.upkeep.dropped();
        let known = |id: &KeyspaceId| named.contains(id) || dropped.contains(id);
        let orphans: Vec<_> = store
            .keyspaces()?
            .into_iter()
            .filter(|id| *id >= KeyspaceId::FIRST_ALLOCATED && !known(id))
            .filter(|id| !self.shared.prepared.has_created(*id))
            .collect();
        for id in &orphans {
            self.shared.keyspaces.forget(*id);
            store.drop_keyspace(*id)?;
        }
        Ok(orphans)
    }

    /// Collects the history of a keyspace that nobody can see any more. Takes long where there is any.
    pub fn compact(&self, id: KeyspaceId) -> Result<(), Error> {
        let shared = &self.shared;
        let low_mark = shared.upkeep.raise_low_mark(shared)?;
        let keyspace = shared.keyspaces.find(id);
        keyspace.purge(shared.horizon.reached());
        if keyspace.has_history(low_mark) {
            shared.options.blocking.run(|| shared.store.compact(id))?;
            keyspace.set_collected(low_mark);
        }
        Ok(())
    }

    /// Rows a keyspace has at least, about: those that came since the engine was opened and are not in
    /// [`size`](Self::size) before they are in files.
    pub fn rows_added(&self, keyspace: KeyspaceId) -> u64 {
        self.shared.keyspaces.find(keyspace).rows_added()
    }

    /// Bytes a keyspace takes on disk, estimated.
    pub fn size(&self, keyspace: KeyspaceId) -> Result<u64, Error> {
        Ok(self.shared.store.size(keyspace)?)
    }

    /// The store below, for backups and metrics.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// Changes how much trees may hold.
    pub fn set_cache_size(&self, bytes: usize) {
        self.shared.cache.set_size(bytes);
    }

    /// The limit of [`Options::max_transaction_bytes`].
    pub fn max_transaction_bytes(&self) -> usize {
        self.shared.options.max_transaction_bytes
    }

    /// The limit of [`Options::max_prepared_transactions`].
    pub fn max_prepared_transactions(&self) -> usize {
        self.shared.options.max_prepared_transactions
    }

    /// The time of [`Options::deadlock_timeout`].
    pub fn deadlock_timeout(&self) -> Duration {
        self.shared.options.deadlock_timeout
    }

    /// What the engine did and holds.
    pub fn statistics(&self) -> Statistics {
        let shared = &self.shared;
        Statistics {
            visible: shared.marks.visible(),
            durable: shared.marks.durable(),
            horizon: shared.horizon.reached(),
            sessions: shared.sessions.len() as u64,
            commits: shared.queue.commits(),
            rollbacks: shared.counts.rollbacks.load(Ordering::Relaxed),
            write_conflicts: shared.counts.write_conflicts.load(Ordering::Relaxed),
            lock_waits: shared.locks.waits(),
            deadlocks: shared.locks.deadlocks(),
            syncs: shared.log.syncs(),
            upkeep_turns: shared.upkeep.turns(),
            commit_latch_us_max: shared.queue.held_us_max(),
            cache: shared.cache.statistics(),
            store: shared.store.statistics(),
        }
    }

    /// Puts everything on disk and ends the threads. Nothing may be committed after it.
    pub fn shutdown(&self) -> Result<(), Error> {
        self.threads.stop();
        Ok(())
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine(visible {}, durable {})", self.visible(), self.durable())
    }
}

/// Tells when a keyspace last changed, for the price of a load.
#[derive(Clone)]
pub struct Watch(Arc<Keyspace>);

impl Watch {
    /// As [`Engine::last_change`].
    #[inline]
    pub fn last_change(&self) -> Timestamp {
        self.0.last_change()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({} changed at {})", self.0.id, self.last_change())
    }
}

/// The threads, which end with the last handle.
struct Threads {
    shared: Arc<Shared>,
    running: Mutex<Vec<JoinHandle<()>>>,
}

impl Threads {
    fn start(shared: &Arc<Shared>) -> Result<Self, Error> {
        let spawn = |name: &str, run: fn(&Shared)| {
            let shared = Arc::clone(shared);
            let thread = thread::Builder::new().name(name.to_owned());
            thread.spawn(move || run(&shared)).map_err(Error::Thread)
        };
        let threads = Self { shared: Arc::clone(shared), running: Mutex::default() };
        threads.running.lock().push(spawn("log sync", |shared| shared.log.run(shared))?);
        threads.running.lock().push(spawn("upkeep", |shared| shared.upkeep.run(shared))?);
        Ok(threads)
    }

    fn stop(&self) {
        let mut running = self.running.lock();
        self.shared.log.stop();
        self.shared.upkeep.stop();
        for thread in running.drain(..) {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
        self.shared.log.sync(&self.shared);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What an engine did since it was opened, and holds.
#[derive(Clone, Copy, Debug)]
pub struct Statistics {
    /// The last commit that was installed.
    pub visible: Timestamp,
    /// The last commit that a reply may show.
    pub durable: Timestamp,
    /// No reader is below it.
    pub horizon: Timestamp,
    /// Open sessions.
    pub sessions: u64,
    /// Transactions that committed writes.
    pub commits: u64,
    /// Transactions that were rolled back.
    pub rollbacks: u64,
    /// Rows refused to REPEATABLE READ transactions because they had changed.
    pub write_conflicts: u64,
    /// Lock requests that had to wait.
    pub lock_waits: u64,
    /// Lock requests that ended in a deadlock.
    pub deadlocks: u64,
    /// Syncs of the log.
    pub syncs: u64,
    /// How often history was looked at that could be collected: about once a second.
    pub upkeep_turns: u64,
    /// The longest time the commit latch was held, in microseconds.
    pub commit_latch_us_max: u64,
    /// The trees.
    pub cache: reckon_index::Statistics,
    /// The store.
    pub store: reckon_storage::Statistics,
}
