//! One client of the engine.
//!
//! A session runs one transaction at a time. It carries what outlives transactions: the *floor* below
//! which no snapshot of it may be, the interrupt flag, its advisory locks, and the buffers that the next
//! transaction uses again.
//!
//! # Invariants
//!
//! 1. The floor never falls and never exceeds `visible`: a session never sees less than it has seen, or
//!    than the last holder of a lock it was granted had committed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_utils::atomic::AtomicCell;
use reckon_storage::Timestamp;

use crate::engine::Engine;
use crate::error::Error;
use crate::exported::Exporter;
use crate::interrupt::{Interrupt, Signal};
use crate::lock::{AdvisoryKey, AdvisoryLock, HeldAdvisory, SessionLocks, Wait};
use crate::snapshot::{Isolation, Slot};
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Mutex, RandomState, RwLock};
use crate::transaction::{State, Transaction};

/// Names a session; grows, and is not used again for a long time. What `pg_backend_pid()` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u32);

impl SessionId {
    /// From here on names are those of prepared transactions, which hold locks and have no session.
    const PREPARED: u32 = 1 << 31;

    /// The name under which a prepared transaction holds its locks.
    pub(crate) fn of_prepared(number: u32) -> Self {
        Self(number | Self::PREPARED)
    }

    /// Whether nobody stands behind it but a prepared transaction.
    pub fn is_prepared(self) -> bool {
        self.0 >= Self::PREPARED
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What others need of a session: its slot, its signal, its locks.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: SessionId,
    pub(crate) slot: Slot,
    pub(crate) signal: Arc<Signal>,
    pub(crate) locks: SessionLocks,
    floor: AtomicU64,
    transactions: AtomicU64,
    deadlock_timeout_ms: AtomicU64,
}

impl Member {
    pub(crate) fn new(id: SessionId) -> Self {
        Self {
            id,
            slot: Slot::new(),
            signal: Arc::default(),
            locks: SessionLocks::default(),
            floor: AtomicU64::new(0),
            transactions: AtomicU64::new(0),
            deadlock_timeout_ms: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn floor(&self) -> Timestamp {
        Timestamp(self.floor.load(Ordering::Relaxed))
    }

    /// Called by the session's own thread alone, so that no atomic addition is needed.
    #[inline]
    fn count_transaction(&self) {
        let begun = self.transactions.load(Ordering::Relaxed);
        self.transactions.store(begun + 1, Ordering::Relaxed);
    }

    /// How many transactions it has begun.
    pub(crate) fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }

    /// How long it waits before it looks for a deadlock, when that is not the engine's time.
    pub(crate) fn deadlock_timeout(&self) -> Option<Duration> {
        match self.deadlock_timeout_ms.load(Ordering::Relaxed) {
            0 => None,
            ms => Some(Duration::from_millis(ms)),
        }
    }

    #[inline]
    pub(crate) fn raise_floor(&self, to: Timestamp) {
        if self.floor.load(Ordering::Relaxed) < to.0 {
            self.floor.fetch_max(to.0, Ordering::Relaxed);
        }
    }
}

/// The sessions that are open.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    members: RwLock<HashMap<SessionId, Arc<Member>, RandomState>>,
    last_id: AtomicU32,
}

impl Sessions {
    fn join(&self) -> Arc<Member> {
        let mut members = self.members.write();
        loop {
            let number = self.last_id.fetch_add(1, Ordering::Relaxed) % (SessionId::PREPARED - 1);
            // Numbers come again after two billion sessions, of which some may still be there.
            if let Entry::Vacant(vacant) = members.entry(SessionId(number + 1)) {
                let member = Arc::new(Member::new(SessionId(number + 1)));
                return Arc::clone(vacant.insert(member));
            }
        }
    }

    fn leave(&self, id: SessionId) {
        self.members.write().remove(&id);
    }

    pub(crate) fn find(&self, id: SessionId) -> Option<Arc<Member>> {
        self.members.read().get(&id).cloned()
    }

    pub(crate) fn each(&self, mut see: impl FnMut(&Arc<Member>)) {
        self.members.read().values().for_each(&mut see);
    }

    pub(crate) fn len(&self) -> usize {
        self.members.read().len()
    }
}

/// What a session and its transaction share.
pub(crate) struct Core {
    pub(crate) engine: Engine,
    pub(crate) member: Arc<Member>,
    /// Snapshots that the open transaction has exported.
    pub(crate) exports: AtomicU32,
    /// The buffers of the next transaction; taken while one is open.
    pub(crate) spare: AtomicCell<Option<Box<State>>>,
    /// Advisory locks of the open transaction.
    pub(crate) advisory: Mutex<Vec<HeldAdvisory>>,
    /// Whether there are any; written and read by the session's own thread.
    has_advisory: AtomicBool,
}

impl Core {
    /// Takes an advisory lock until the open transaction ends.
    pub(crate) fn lock_advisory(
        &self,
        transaction: u64,
        key: AdvisoryKey,
        mode: AdvisoryLock,
        wait: Wait,
    ) -> Result<bool, Error> {
        let shared = &self.engine.shared;
        let locks = &shared.locks;
        let Some(held) = locks.lock_advisory_in(&self.member, transaction, key, mode, wait)? else {
            return Ok(false);
        };
        self.advisory.lock().extend(held);
        self.has_advisory.store(true, Ordering::Relaxed);
        self.member.raise_floor(shared.marks.visible());
        Ok(true)
    }

    /// Takes the transaction's advisory locks back, but for the first `kept`.
    #[inline]
    pub(crate) fn release_advisory(&self, kept: usize) {
        if !self.has_advisory.load(Ordering::Relaxed) {
            return;
        }
        let mut held = self.advisory.lock();
        for held in held.drain(kept..).rev() {
            self.engine.shared.locks.release_advisory(&self.member, &held);
        }
        self.has_advisory.store(!held.is_empty(), Ordering::Relaxed);
    }
}

impl Core {
    /// Takes exported snapshots back, before their transaction gives them up.
    pub(crate) fn withdraw_exports(&self) {
        if self.exports.load(Ordering::Relaxed) > 0 {
            self.exports.store(0, Ordering::Relaxed);
            self.engine.shared.exported.withdraw(self.member.id);
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        let shared = &self.engine.shared;
        shared.locks.release_session(&self.member);
        shared.sessions.leave(self.member.id);
    }
}

/// One client of the engine. Dropping it releases its advisory locks.
pub struct Session {
    core: Arc<Core>,
}

impl Session {
    pub(crate) fn open(engine: Engine) -> Self {
        let member = engine.shared.sessions.join();
        let spare = AtomicCell::new(Some(Box::default()));
        let (exports, advisory) = (AtomicU32::new(0), Mutex::default());
        let has_advisory = AtomicBool::new(false);
        Self { core: Arc::new(Core { engine, member, exports, spare, advisory, has_advisory }) }
    }

    /// Its name.
    pub fn id(&self) -> SessionId {
        self.core.member.id
    }

    /// The engine it belongs to.
    #[inline]
    pub fn engine(&self) -> &Engine {
        &self.core.engine
    }

    pub(crate) fn member(&self) -> &Member {
        &self.core.member
    }

    /// Begins a transaction. Nothing is registered or locked before its first snapshot.
    ///
    /// # Panics
    /// When the transaction before it is still open: a session runs one at a time.
    #[inline]
    pub fn begin(&mut self, isolation: Isolation, read_only: bool) -> Transaction {
        self.core.member.count_transaction();
        let state = self.core.spare.take();
        let state = state.expect("a session runs one transaction at a time");
        Transaction::begin(Arc::clone(&self.core), state, isolation, read_only)
    }

    /// Everything the session has seen or committed is at or before it. A reply after a failed commit
    /// waits until `durable` covers it.
    #[inline]
    pub fn floor(&self) -> Timestamp {
        self.core.member.floor()
    }

    /// Makes the session see at least what another one has seen or committed.
    #[inline]
    pub fn raise_floor(&self, to: Timestamp) {
        self.core.member.raise_floor(to.min(self.core.engine.visible()));
    }

    /// A handle to stop what the session does.
    pub fn interrupt(&self) -> Interrupt {
        let blocking = self.core.engine.shared.options.blocking.clone();
        Interrupt { signal: Arc::clone(&self.core.member.signal), blocking }
    }

    /// A handle to export its snapshots.
    pub fn exporter(&self) -> Exporter {
        Exporter { core: Arc::clone(&self.core) }
    }

    /// A handle on its advisory locks, for whoever runs its functions.
    pub fn advisory(&self) -> Advisory {
        Advisory { core: Arc::clone(&self.core) }
    }
}

/// The advisory locks of one session, and of the transaction it is in. Not for other threads' use while
/// the session runs.
#[derive(Clone)]
pub struct Advisory {
    core: Arc<Core>,
}

impl Advisory {
    /// How long this session waits for a lock before it looks for a deadlock; zero: as long as the engine's
    /// [`Options`](crate::Options) say.
    pub fn set_deadlock_timeout(&self, timeout: Duration) {
        let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.core.member.deadlock_timeout_ms.store(ms, Ordering::Relaxed);
    }

    /// Takes a lock that outlives transactions; counted, so it is released as often as it was taken. False
    /// with [`Wait::Skip`] when it is not free.
    pub fn lock(&self, key: AdvisoryKey, mode: AdvisoryLock, wait: Wait) -> Result<bool, Error> {
        let shared = &self.core.engine.shared;
        let granted = shared.locks.lock_advisory(&self.core.member, key, mode, wait)?;
        if granted {
            self.core.member.raise_floor(shared.marks.visible());
        }
        Ok(granted)
    }

    /// Takes a lock until the open transaction ends, or is rolled back to before it. False with
    /// [`Wait::Skip`] when it is not free.
    pub fn lock_in_transaction(
        &self,
        key: AdvisoryKey,
        mode: AdvisoryLock,
        wait: Wait,
    ) -> Result<bool, Error> {
        self.core.lock_advisory(0, key, mode, wait)
    }

    /// Gives a lock of the session back once. False when the session does not hold it.
    pub fn unlock(&self, key: AdvisoryKey, mode: AdvisoryLock) -> bool {
        self.core.engine.shared.locks.unlock_advisory(&self.core.member, key, mode)
    }

    /// Gives all locks back that the session itself holds.
    pub fn unlock_all(&self) {
        self.core.engine.shared.locks.release_session(&self.core.member);
    }
}

impl fmt::Debug for Advisory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Advisory(session {})", self.core.member.id)
    }
}
