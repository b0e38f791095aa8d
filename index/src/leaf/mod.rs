//! Leaves: what the tree knows about one range of keys.
//!
//! A leaf covers the keys between its fences, which never change. It is *absent* (the source has the truth), *loading* (it
//! takes installs and answers nothing), *resident* (it has everything) or *obsolete* (others cover its range now: start again
//! from the root). An absent leaf may hold single rows that are hot in a cold range; it is *partial* then: a hit is an answer,
//! a miss is not.
//!
//! # Invariants
//!
//! 1. A resident leaf has a record for every key in its range that is live at a snapshot >= `complete_since`, and for every
//!    version that was installed since.
//! 2. A loading leaf has every version that was installed since it began to load.
//! 3. A record of a partial leaf has every version that was installed since it was put there; its chain ends in *cut*. Obsolete
//!    leaves have no records.
//! 4. State, slots and `complete_since` change only under the exclusive latch; `revision` changes with the slots.
//!
//! # Concurrency
//!
//! The latch is held for one search or one change, never while something else is waited for. Readers take it shared, which writes to
//! its word. A version counter that they would only read could gain little: two threads do 1.96 times the lookups of one with the
//! latch, and without any latch at all (which is wrong, but bounds the gain) lookups among 1M uniform keys take 10 % less time
//! than with it. That does not pay for racing reads of slots and their proof.

mod dense;
mod gapped;
mod model;
mod slots;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_epoch::Guard;

use crate::ahead::prefetch;
use crate::api::{Lookup, Newest};
use crate::record::{Entry, Pushed, RecordPtr, Visible};
use crate::residency::budget::{Cache, footprint};
use crate::sync::{AtomicBool, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub(crate) use dense::DENSE_SLOTS;
pub(crate) use gapped::{GAPPED_SLOTS, Room};
pub(crate) use slots::{Contents, Run, Search, Slots};

/// A lookup reads hardly more of a leaf than its beginning.
const LOOKUP_BYTES: usize = 128;

/// With fewer deletions than this a leaf is not searched for what can go.
const PURGE_MIN: usize = 64;

/// The keys a leaf covers: `[lower, upper)`, `None` being the end of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fences {
    pub(crate) lower: Box<[u8]>,
    pub(crate) upper: Option<Box<[u8]>>,
}

impl Fences {
    /// All keys.
    pub(crate) fn all() -> Self {
        Self { lower: Box::default(), upper: None }
    }

    pub(crate) fn new(lower: &[u8], upper: Option<&[u8]>) -> Self {
        Self { lower: lower.into(), upper: upper.map(Into::into) }
    }

    fn heap_bytes(&self) -> usize {
        footprint(self.lower.len()) + footprint(self.upper.as_ref().map_or(0, |upper| upper.len()))
    }
}

/// What a leaf knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing, but for single rows.
    Absent,
    /// What was installed since the loader with this ticket began.
    Loading(u64),
    /// Everything since `complete_since`.
    Resident,
    /// It was replaced.
    Obsolete,
}

/// See the module. What a lookup reads comes first, on as few cache lines as hold it.
#[repr(C, align(64))]
pub(crate) struct Leaf {
    hot: AtomicBool,
    body: RwLock<Body>,
    pub(crate) fences: Fences,
}

/// What the latch guards.
#[repr(C)]
pub(crate) struct Body {
    pub(crate) state: State,
    pub(crate) complete_since: u64,
    pub(crate) slots: Slots,
    pub(crate) revision: u64,
    /// Records whose newest version is a deletion.
    dead: AtomicUsize,
    /// The least `dead` that makes a purge worth trying.
    purge_at: usize,
}

/// One committed version on its way into a leaf.
pub(crate) struct Change<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) timestamp: u64,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) horizon: u64,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Installed {
    /// It is in, or need not be: so many rows more are known of.
    Done(i64),
    /// It is in, a deletion, and half of the leaf is deletions.
    Crowded,
    /// There is no slot left: split, and again.
    Full,
    /// Start again from the root.
    Obsolete,
}

impl Leaf {
    fn new(fences: Fences, state: State, complete_since: u64, slots: Slots, dead: usize) -> Self {
        let purge_at = PURGE_MIN.max(dead * 2);
        let dead = AtomicUsize::new(dead);
        let body = Body { state, complete_since, revision: 0, slots, dead, purge_at };
        Self { fences, hot: AtomicBool::new(false), body: RwLock::new(body) }
    }

    /// A stub: the source has the truth.
    pub(crate) fn absent(fences: Fences) -> Self {
        Self::new(fences, State::Absent, 0, Slots::default(), 0)
    }

    /// A leaf that has everything in its range; `dead` of its records are deletions.
    pub(crate) fn resident(fences: Fences, complete_since: u64, slots: Slots, dead: usize) -> Self {
        Self::new(fences, State::Resident, complete_since, slots, dead)
    }

    /// A stub with single rows; `dead` of them are deletions.
    pub(crate) fn partial(fences: Fences, slots: Slots, dead: usize) -> Self {
        Self::new(fences, State::Absent, 0, slots, dead)
    }

    /// Asks for what a lookup reads of the leaf itself.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch(&raw const *self, LOOKUP_BYTES);
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Body> {
        self.body.read()
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Body> {
        self.body.write()
    }

    /// Notes that it was of use.
    #[inline]
    pub(crate) fn touch(&self) {
        if !self.hot.load(Ordering::Relaxed) {
            self.hot.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was of use since the last time this was asked.
    pub(crate) fn was_hot(&self) -> bool {
        self.hot.load(Ordering::Relaxed) && self.hot.swap(false, Ordering::Relaxed)
    }

    /// What it takes without its slots.
    pub(crate) fn own_bytes(&self) -> usize {
        footprint(size_of::<Self>()) + self.fences.heap_bytes()
    }

    /// What `snapshot` sees under `key`; `None` when the leaf is obsolete.
    #[inline]
    pub(crate) fn lookup<'g>(
        &self,
        key: &[u8],
        snapshot: u64,
        search: Search,
        guard: &'g Guard,
    ) -> Option<Lookup<'g>> {
        let body = self.body.read();
        let nothing = match body.state {
            State::Resident if body.complete_since <= snapshot => Lookup::Missing,
            State::Resident => Lookup::Older,
            State::Absent if body.slots.len() > 0 => Lookup::Absent,
            State::Absent | State::Loading(_) => return Some(Lookup::Absent),
            State::Obsolete => return None,
        };
        let Ok(at) = body.slots.find(key, search) else { return Some(nothing) };
        let record = body.slots.pinned(at, guard)?;
        drop(body);
        record.touch();
        Some(match record.visible(snapshot) {
            Visible::Version(entry) => match entry.value {
                Some(value) => Lookup::Found { timestamp: entry.timestamp, value },
                None => Lookup::Missing,
            },
            Visible::Nothing => nothing,
            Visible::Cut => Lookup::Older,
        })
    }

    /// The newest version under `key`; `None` when the leaf is obsolete.
    pub(crate) fn newest<'g>(
        &self,
        key: &[u8],
        search: Search,
        guard: &'g Guard,
    ) -> Option<Newest<'g>> {
        let body = self.body.read();
        let nothing = match body.state {
            State::Resident => Newest::Missing { since: body.complete_since },
            State::Absent if body.slots.len() > 0 => Newest::Absent,
            State::Absent | State::Loading(_) => return Some(Newest::Absent),
            State::Obsolete => return None,
        };
        let Ok(at) = body.slots.find(key, search) else { return Some(nothing) };
        let record = body.slots.pinned(at, guard)?;
        drop(body);
        record.touch();
        let Some(Entry { timestamp, value }) = record.newest() else { return Some(nothing) };
        Some(Newest::Version { timestamp, value })
    }

    /// Adds a version where the range is resident or loading, or where the row is in memory by itself.
    pub(crate) fn install(
        &self,
        change: &Change<'_>,
        cache: &Arc<Cache>,
        guard: &Guard,
    ) -> Installed {
        let (revision, place) = {
            let body = self.body.read();
            match body.place(change, cache, guard) {
                Ok(installed) => return installed,
                Err(place) => (body.revision, place),
            }
        };
        let mut body = self.body.write();
        let place = if body.revision == revision {
            place
        } else {
            match body.place(change, cache, guard) {
                Ok(installed) => return installed,
                Err(place) => place,
            }
        };
        if body.state == State::Resident && body.slots.is_full() {
            return Installed::Full;
        }
        body.insert(place, change, &self.fences, cache);
        Installed::Done(i64::from(change.value.is_some()))
    }
}

impl Body {
    /// Adds a version if there is a record for it or none is wanted; else says where the record belongs.
    fn place(
        &self,
        change: &Change<'_>,
        cache: &Arc<Cache>,
        guard: &Guard,
    ) -> Result<Installed, usize> {
        match (self.state, self.slots.find(change.key, cache.search())) {
            (State::Obsolete, _) => Ok(Installed::Obsolete),
            (_, Ok(at)) => Ok(self.push(at, change, cache, guard)),
            (State::Absent, Err(_)) => Ok(Installed::Done(0)),
            (State::Resident | State::Loading(_), Err(at)) => Err(at),
        }
    }

    /// Adds a version to a record that is here.
    fn push(&self, at: usize, change: &Change<'_>, cache: &Arc<Cache>, guard: &Guard) -> Installed {
        let Some(record) = self.slots.record(at) else { return Installed::Done(0) };
        let pushed = record.push(change.timestamp, change.value, change.horizon, cache, guard);
        match (pushed, change.value) {
            (Pushed::Added { replaced_tombstone: false }, None) => {
                let dead = self.dead.fetch_add(1, Ordering::Relaxed) + 1;
                let crowded = dead >= self.purge_at && dead * 2 >= self.slots.len();
                if crowded && self.state == State::Resident {
                    return Installed::Crowded;
                }
                Installed::Done(-1)
            }
            (Pushed::Added { replaced_tombstone: true }, Some(_)) => {
                self.dead.fetch_sub(1, Ordering::Relaxed);
                Installed::Done(1)
            }
            (Pushed::Added { .. } | Pushed::Known, _) => Installed::Done(0),
        }
    }

    /// Adds a record for a key that is not here. A deletion gets one too: it must win over what a loader finds, and
    /// answer who asks what changed.
    fn insert(&mut self, at: usize, change: &Change<'_>, fences: &Fences, cache: &Cache) {
        let record = RecordPtr::new(change.key, change.timestamp, change.value, false);
        if change.value.is_none() {
            *self.dead.get_mut() += 1;
        }
        self.put(at, change.key, record, fences, cache);
    }

    /// Puts a new record where `find` said it belongs.
    pub(crate) fn put(
        &mut self,
        at: usize,
        key: &[u8],
        record: RecordPtr,
        fences: &Fences,
        cache: &Cache,
    ) {
        let record_bytes = record.view().bytes();
        let before = self.slots.heap_bytes();
        self.slots.insert(at, key, record);
        self.slots.freshen(fences);
        self.revision += 1;
        cache.charge(record_bytes + self.slots.heap_bytes());
        cache.discharge(before);
    }

    /// Changes state and slots (with how many deletions are in them), and gives back the old slots.
    pub(crate) fn become_state(
        &mut self,
        state: State,
        (slots, dead): (Slots, usize),
        cache: &Cache,
    ) -> Slots {
        cache.charge(slots.heap_bytes());
        let old = std::mem::replace(&mut self.slots, slots);
        cache.discharge(old.heap_bytes());
        self.state = state;
        self.revision += 1;
        self.purge_at = PURGE_MIN.max(dead * 2);
        self.dead = AtomicUsize::new(dead);
        old
    }

    /// The records a rebuilt leaf needs, those it does not (deleted at or before `horizon`), and the newest time among these.
    pub(crate) fn sift(&self, horizon: u64) -> (Contents, Vec<RecordPtr>, u64) {
        let mut contents = self.slots.contents();
        if self.dead() == 0 {
            return (contents, Vec::new(), 0);
        }
        let (mut gone, mut newest_gone, mut kept) = (Vec::new(), 0, 0);
        for at in 0..contents.records.len() {
            let record = contents.records[at];
            match record.view().newest() {
                Some(Entry { timestamp, value: None }) if timestamp <= horizon => {
                    gone.push(record);
                    newest_gone = newest_gone.max(timestamp);
                }
                Some(_) | None => {
                    contents.records[kept] = record;
                    contents.heads[kept] = contents.heads[at];
                    kept += 1;
                }
            }
        }
        contents.records.truncate(kept);
        contents.heads.truncate(kept);
        (contents, gone, newest_gone)
    }

    /// How many of its records are deletions, as counted while they came.
    pub(crate) fn dead(&self) -> usize {
        self.dead.load(Ordering::Relaxed)
    }

    /// Whether half of what is left is deletions when some of them are gone.
    pub(crate) fn is_crowded_without(&self, gone: usize) -> bool {
        let (dead, left) = (self.dead() - gone, self.slots.len() - gone);
        dead >= PURGE_MIN && dead * 2 >= left
    }

    /// Notes that a purge found nothing more to drop now.
    pub(crate) fn put_off_purge(&mut self) {
        self.purge_at = PURGE_MIN.max(self.dead() * 2);
    }
}
