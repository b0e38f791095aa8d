//! A sharded table of locks with fair queues; what a mode is, the caller says.
//!
//! A lock exists while somebody holds it or waits for it. A free one costs nothing, and taking it is one
//! latch and one insertion.
//!
//! Who comes later stands behind those who wait. There are two exceptions. One who holds the lock and wants
//! more of it stands in front of the first who waits for what he holds: they would wait for each other. And
//! one who shares a row with its holders *passes* those who wait for them, as in PostgreSQL; so a key that
//! is referenced all the time does not stop because somebody wants to delete it. Here that has an end.
//!
//! # Invariants
//!
//! 1. Waiters stand in the order in which they will be served; `position` grows along the queue and does
//!    not change while a waiter is in it.
//! 2. No waiter is left that conflicts neither with a holder nor with a waiter before it.
//! 3. Between two times that the first of a queue is served, or that the queue is empty, at most `passes_max`
//!    requests pass it: nobody starves.

mod sight;

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashTable;
use hashbrown::hash_table::{Entry, OccupiedEntry};
use smallvec::SmallVec;

use crate::interrupt::Signal;
use crate::session::{Member, SessionId};
use crate::sync::{AtomicBool, Mutex, MutexGuard, RandomState};
pub(crate) use sight::{Place, Sight};

const SHARDS: usize = 64;

/// What a shard keeps room for when nothing is locked. One transaction may have locked any number of rows.
const IDLE_LOCKS_MAX: usize = 64;

/// How far apart waiters stand who came one after the other, so that others find a place between them.
const STRIDE: i64 = 1 << 20;

/// One mode of a kind of lock, as bits: which it is, and which ones conflict with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) bit: u8,
    pub(crate) conflicts: u8,
    /// Modes that allow everything this one does.
    pub(crate) covered_by: u8,
}

/// Until when a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Transaction,
    Session,
}

/// Who wants a lock.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) member: &'a Member,
    pub(crate) scope: Scope,
    /// The number of its transaction, for deadlock reports.
    pub(crate) transaction: u64,
    pub(crate) mode: Mode,
}

#[derive(Clone, Copy, Debug)]
struct Holder {
    transaction: u64,
    session: SessionId,
    scope: Scope,
    modes: u8,
}

/// A request in a queue.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) mode: Mode,
    pub(crate) position: i64,
    holder: Holder,
    signal: Arc<Signal>,
    granted: AtomicBool,
}

impl Waiter {
    pub(crate) fn is_granted(&self) -> bool {
        self.granted.load(Ordering::Acquire)
    }
}

/// The answer to a request.
pub(crate) enum Answer {
    /// Granted; the modes held before.
    Granted { previous: u8 },
    /// Conflicts, and was not to wait.
    Busy,
    /// In the queue; the modes held before.
    Queued { waiter: Arc<Waiter>, previous: u8 },
}

/// Whom a waiter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocker {
    pub(crate) session: SessionId,
    pub(crate) transaction: u64,
    /// Holds the lock; else it waits in front and would be granted first.
    pub(crate) holds: bool,
}

#[derive(Debug, Default)]
struct Lock {
    holders: SmallVec<[Holder; 1]>,
    waiters: Vec<Arc<Waiter>>,
    /// Requests that passed since the first one who waits stands there.
    passed: u32,
}

/// A key that is locked, with its hash: a shard that grows does not look at keys.
#[derive(Debug)]
struct Named<K> {
    hash: u64,
    key: K,
    lock: Lock,
}

type Shard<K> = HashTable<Named<K>>;
type Woken = SmallVec<[Arc<Waiter>; 2]>;

/// Locks by key.
#[derive(Debug)]
pub(crate) struct LockTable<K> {
    shards: Box<[Mutex<Shard<K>>]>,
    hasher: RandomState,
    passes_max: u32,
}

impl<K: Hash + Eq> LockTable<K> {
    /// An empty table. A request that conflicts with no holder passes those who wait, `passes_max` times.
    pub(crate) fn new(passes_max: u32) -> Self {
        let hasher = RandomState::default();
        let shard = |_| Mutex::new(HashTable::new());
        Self { shards: (0..SHARDS).map(shard).collect(), hasher, passes_max }
    }

    /// Takes a lock, or with `wait` a place in its queue.
    pub(crate) fn request<Q>(
        &self,
        key: &Q,
        own: impl FnOnce() -> K,
        request: Request<'_>,
        wait: bool,
    ) -> Answer
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (hash, mut shard) = self.shard(key);
        let mut entry = match shard.entry(hash, is(key), |named| named.hash) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => {
                let mut lock = Lock::default();
                lock.grant(request.holder(), request.mode);
                entry.insert(Named { hash, key: own(), lock });
                return Answer::Granted { previous: 0 };
            }
        };
        let lock = &mut entry.get_mut().lock;
        let previous = lock.modes_of(request.member.id, Some(request.scope));
        if previous & request.mode.covered_by != 0 {
            return Answer::Granted { previous };
        }
        let place = lock.place_of(request.member.id);
        if lock.admits(&request, place, self.passes_max) {
            lock.grant(request.holder(), request.mode);
            return Answer::Granted { previous };
        }
        if !wait {
            return Answer::Busy;
        }
        Answer::Queued { waiter: lock.enqueue(request, place), previous }
    }

    /// Leaves a holder with `modes`, none of them new; with 0 it holds the lock no longer.
    pub(crate) fn release<Q>(&self, key: &Q, session: SessionId, scope: Scope, modes: u8)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let woken = {
            let (hash, mut shard) = self.shard(key);
            let Ok(mut entry) = shard.find_entry(hash, is(key)) else { return };
            entry.get_mut().lock.keep(session, scope, modes);
            settle(entry)
        };
        wake(woken);
    }

    /// Takes one mode from a transaction's holder.
    pub(crate) fn release_mode<Q>(&self, key: &Q, session: SessionId, bit: u8)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let woken = {
            let (hash, mut shard) = self.shard(key);
            let Ok(mut entry) = shard.find_entry(hash, is(key)) else { return };
            let lock = &mut entry.get_mut().lock;
            let modes = lock.modes_of(session, Some(Scope::Transaction)) & !bit;
            lock.keep(session, Scope::Transaction, modes);
            settle(entry)
        };
        wake(woken);
    }

    /// Leaves the queue. True: it was granted before it could.
    pub(crate) fn withdraw<Q>(&self, key: &Q, waiter: &Arc<Waiter>) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let woken = {
            let (hash, mut shard) = self.shard(key);
            if waiter.is_granted() {
                return true;
            }
            let Ok(mut entry) = shard.find_entry(hash, is(key)) else { return false };
            entry.get_mut().lock.waiters.retain(|other| !Arc::ptr_eq(other, waiter));
            settle(entry)
        };
        wake(woken);
        false
    }

    /// Whom a waiter waits for, of others in the queue the latest first; empty once it was granted.
    pub(crate) fn blockers<Q>(&self, key: &Q, waiter: &Arc<Waiter>) -> Vec<Blocker>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (hash, shard) = self.shard(key);
        match shard.find(hash, is(key)) {
            Some(named) if !waiter.is_granted() => named.lock.blockers(waiter),
            _ => Vec::new(),
        }
    }

    /// Serves a waiter out of its turn if no holder is against it.
    pub(crate) fn grant_now<Q>(&self, key: &Q, waiter: &Arc<Waiter>) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        {
            let (hash, mut shard) = self.shard(key);
            let Some(named) = shard.find_mut(hash, is(key)) else { return false };
            let lock = &mut named.lock;
            let at = lock.waiters.iter().position(|other| Arc::ptr_eq(other, waiter));
            let Some(at) = at else { return waiter.is_granted() };
            if lock.is_held_against(waiter.holder.session, waiter.mode) {
                return false;
            }
            let waiter = lock.waiters.remove(at);
            lock.grant(waiter.holder, waiter.mode);
            waiter.granted.store(true, Ordering::Release);
        }
        waiter.signal.raise();
        true
    }

    /// Enters a holder who is known not to conflict with any.
    pub(crate) fn enter(&self, key: K, request: Request<'_>) {
        let (hash, mut shard) = self.shard(&key);
        let mut entry = match shard.entry(hash, is(&key), |named| named.hash) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert(Named { hash, key, lock: Lock::default() }),
        };
        entry.get_mut().lock.grant(request.holder(), request.mode);
    }

    /// The modes a session holds in one scope.
    pub(crate) fn modes_of<Q>(&self, key: &Q, session: SessionId, scope: Scope) -> u8
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (hash, shard) = self.shard(key);
        shard.find(hash, is(key)).map_or(0, |named| named.lock.modes_of(session, Some(scope)))
    }

    /// Gives what one session's transaction holds to another one. Whoever waits for it goes on waiting.
    pub(crate) fn hand_over<Q>(&self, key: &Q, from: SessionId, to: SessionId)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (hash, mut shard) = self.shard(key);
        let Some(named) = shard.find_mut(hash, is(key)) else { return };
        let lock = &mut named.lock;
        let own = |holder: &Holder| holder.session == from && holder.scope == Scope::Transaction;
        let Some(at) = lock.holders.iter().position(own) else { return };
        let handed = lock.holders.swap_remove(at);
        let holder = Holder { session: to, ..handed };
        let has = |other: &&mut Holder| other.session == to && other.scope == handed.scope;
        match lock.holders.iter_mut().find(has) {
            Some(other) => other.modes |= handed.modes,
            None => lock.holders.push(holder),
        }
    }

    /// The hash of a key, and its shard.
    fn shard<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> (u64, MutexGuard<'_, Shard<K>>) {
        // The low bits of the hash choose the place inside the shard, the highest mark it there.
        let hash = self.hasher.hash_one(key);
        (hash, self.shards[(hash >> 48) as usize % SHARDS].lock())
    }
}

/// Whether an entry is of this key.
fn is<K: Borrow<Q>, Q: Eq + ?Sized>(key: &Q) -> impl Fn(&Named<K>) -> bool {
    move |named| named.key.borrow() == key
}

/// After holders or waiters went: serves whom nothing is in the way of any more, and drops a lock that
/// nobody wants.
fn settle<K>(mut entry: OccupiedEntry<'_, Named<K>>) -> Woken {
    let lock = &mut entry.get_mut().lock;
    let woken = lock.serve();
    if lock.holders.is_empty() && lock.waiters.is_empty() {
        let (_, place) = entry.remove();
        let shard = place.into_table();
        if shard.is_empty() && shard.capacity() > IDLE_LOCKS_MAX {
            *shard = HashTable::new();
        }
    }
    woken
}

fn wake(woken: Woken) {
    woken.iter().for_each(|waiter| waiter.signal.raise());
}

impl Request<'_> {
    fn holder(&self) -> Holder {
        Holder {
            transaction: self.transaction,
            session: self.member.id,
            scope: self.scope,
            modes: 0,
        }
    }
}

impl Lock {
    /// What a session holds, in one scope or all.
    fn modes_of(&self, session: SessionId, scope: Option<Scope>) -> u8 {
        let own = |holder: &&Holder| {
            holder.session == session && scope.is_none_or(|scope| scope == holder.scope)
        };
        self.holders.iter().filter(own).fold(0, |modes, holder| modes | holder.modes)
    }

    fn is_held_against(&self, session: SessionId, mode: Mode) -> bool {
        self.holders
            .iter()
            .any(|holder| holder.session != session && holder.modes & mode.conflicts != 0)
    }

    /// Where a session stands in the queue: in front of the first who waits for what it holds.
    fn place_of(&self, session: SessionId) -> usize {
        let held = self.modes_of(session, None);
        let waits = |waiter: &Arc<Waiter>| waiter.mode.conflicts & held != 0;
        self.waiters.iter().position(waits).unwrap_or(self.waiters.len())
    }

    /// Whether a request for that place in the queue is served at once.
    fn admits(&mut self, request: &Request<'_>, place: usize, passes_max: u32) -> bool {
        let mode = request.mode;
        if self.is_held_against(request.member.id, mode) {
            return false;
        }
        let ahead = &self.waiters[..place];
        if ahead.iter().any(|waiter| waiter.mode.bit & mode.conflicts != 0) {
            if self.passed >= passes_max {
                return false;
            }
            self.passed += 1;
        }
        true
    }

    fn grant(&mut self, holder: Holder, mode: Mode) {
        let own = self
            .holders
            .iter_mut()
            .find(|other| other.session == holder.session && other.scope == holder.scope);
        match own {
            Some(own) => own.modes |= mode.bit,
            None => self.holders.push(Holder { modes: mode.bit, ..holder }),
        }
    }

    fn keep(&mut self, session: SessionId, scope: Scope, modes: u8) {
        let own = |holder: &Holder| holder.session == session && holder.scope == scope;
        if let Some(at) = self.holders.iter().position(own) {
            self.holders[at].modes = modes;
            if modes == 0 {
                self.holders.swap_remove(at);
            }
        }
    }

    fn enqueue(&mut self, request: Request<'_>, place: usize) -> Arc<Waiter> {
        let position = |at: usize| self.waiters.get(at).map(|waiter| waiter.position);
        let before = place.checked_sub(1).and_then(position);
        let (place, position) = match (before, position(place)) {
            (None, None) => (place, 0),
            (Some(before), None) => (place, before + STRIDE),
            (None, Some(behind)) => (place, behind - STRIDE),
            (Some(before), Some(behind)) if behind - before > 1 => {
                (place, before + (behind - before) / 2)
            }
            // No room there any more: in front of all.
            _ => (0, self.waiters[0].position - STRIDE),
        };
        let waiter = Arc::new(Waiter {
            mode: request.mode,
            position,
            holder: request.holder(),
            signal: Arc::clone(&request.member.signal),
            granted: AtomicBool::new(false),
        });
        self.waiters.insert(place, Arc::clone(&waiter));
        waiter
    }

    fn serve(&mut self) -> Woken {
        let mut woken = Woken::new();
        let (mut at, mut ahead) = (0, 0);
        while let Some(waiter) = self.waiters.get(at) {
            let (holder, mode) = (waiter.holder, waiter.mode);
            if mode.conflicts & ahead != 0 || self.is_held_against(holder.session, mode) {
                ahead |= mode.bit;
                at += 1;
                continue;
            }
            if at == 0 {
                self.passed = 0;
            }
            let waiter = self.waiters.remove(at);
            self.grant(holder, mode);
            waiter.granted.store(true, Ordering::Release);
            woken.push(waiter);
        }
        if self.waiters.is_empty() {
            self.passed = 0;
        }
        woken
    }

    fn blockers(&self, waiter: &Waiter) -> Vec<Blocker> {
        let held = self.holders.iter().filter(|holder| {
            holder.session != waiter.holder.session && holder.modes & waiter.mode.conflicts != 0
        });
        let ahead = self.waiters.partition_point(|other| other.position < waiter.position);
        let ahead = self.waiters[..ahead].iter().rev();
        let ahead = ahead.filter(|other| other.mode.bit & waiter.mode.conflicts != 0);
        let blocker = |holder: &Holder, holds| Blocker {
            session: holder.session,
            transaction: holder.transaction,
            holds,
        };
        held.map(|holder| blocker(holder, true))
            .chain(ahead.map(|other| blocker(&other.holder, false)))
            .collect()
    }
}
