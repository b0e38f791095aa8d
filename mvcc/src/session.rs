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
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use reckon_storage::Timestamp;

use crate::engine::Engine;
use crate::error::Error;
use crate::interrupt::{Interrupt, Signal};
use crate::lock::{AdvisoryKey, AdvisoryLock, SessionLocks, Wait};
use crate::snapshot::{Isolation, Slot};
use crate::transaction::{State, Transaction};

/// Names a session; grows, and is not used again while the engine is open. What `pg_backend_pid()` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u32);

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
}

impl Member {
    pub(crate) fn floor(&self) -> Timestamp {
        Timestamp(self.floor.load(Ordering::Relaxed))
    }

    pub(crate) fn raise_floor(&self, to: Timestamp) {
        if self.floor.load(Ordering::Relaxed) < to.0 {
            self.floor.fetch_max(to.0, Ordering::Relaxed);
        }
    }
}

/// The sessions that are open.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    members: RwLock<HashMap<SessionId, Arc<Member>, foldhash::fast::RandomState>>,
    last_id: AtomicU32,
}

impl Sessions {
    fn join(&self) -> Arc<Member> {
        let member = Arc::new(Member {
            id: SessionId(self.last_id.fetch_add(1, Ordering::Relaxed) + 1),
            slot: Slot::new(),
            signal: Arc::default(),
            locks: SessionLocks::default(),
            floor: AtomicU64::new(0),
        });
        self.members.write().insert(member.id, Arc::clone(&member));
        member
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
    /// The buffers of the next transaction; taken while one is open.
    pub(crate) spare: Mutex<Option<Box<State>>>,
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
        let spare = Mutex::new(Some(Box::default()));
        Self { core: Arc::new(Core { engine, member, spare }) }
    }

    /// Its name.
    pub fn id(&self) -> SessionId {
        self.core.member.id
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.core.engine
    }

    /// Begins a transaction. Nothing is registered or locked before its first snapshot.
    ///
    /// # Panics
    /// When the transaction before it is still open: a session runs one at a time.
    pub fn begin(&mut self, isolation: Isolation, read_only: bool) -> Transaction {
        let state = self.core.spare.lock().take();
        let state = state.expect("a session runs one transaction at a time");
        Transaction::begin(Arc::clone(&self.core), state, isolation, read_only)
    }

    /// Everything the session has seen or committed is at or before it. A reply after a failed commit
    /// waits until `durable` covers it.
    pub fn floor(&self) -> Timestamp {
        self.core.member.floor()
    }

    /// Makes the session see at least what another one has seen or committed.
    pub fn raise_floor(&self, to: Timestamp) {
        self.core.member.raise_floor(to.min(self.core.engine.visible()));
    }

    /// A handle to stop what the session does.
    pub fn interrupt(&self) -> Interrupt {
        let blocking = self.core.engine.shared.options.blocking.clone();
        Interrupt { signal: Arc::clone(&self.core.member.signal), blocking }
    }

    /// Takes an advisory lock that outlives transactions; counted, so it is released as often as it was
    /// taken. False with [`Wait::Skip`] when it is not free.
    pub fn lock_advisory(
        &self,
        key: AdvisoryKey,
        mode: AdvisoryLock,
        wait: Wait,
    ) -> Result<bool, Error> {
        let shared = &self.core.engine.shared;
        let granted = shared.locks.lock_advisory(&self.core.member, key, mode, wait)?;
        if granted {
            self.core.member.raise_floor(shared.marks.visible());
        }
        Ok(granted)
    }

    /// Gives an advisory lock back once. False when the session does not hold it.
    pub fn unlock_advisory(&self, key: AdvisoryKey, mode: AdvisoryLock) -> bool {
        self.core.engine.shared.locks.unlock_advisory(&self.core.member, key, mode)
    }

    /// Gives all advisory locks back that the session itself holds.
    pub fn unlock_all_advisory(&self) {
        self.core.engine.shared.locks.release_session(&self.core.member);
    }
}
