//! How a range comes into memory.
//!
//! ```text
//! before   |            absent            |
//! claimed  |            loading           |      takes installs, answers nothing
//!          the source is read from the key on: one leaf's worth
//! after    | absent |  resident  | absent |
//! ```
//!
//! The order makes it complete: the leaf is *loading* before the source's iterator is opened, so a commit either appended before
//! that, and the iterator sees it, or finds the loading leaf and installs there. Where both have a key, the higher
//! timestamp wins, and the older one goes behind it.
//!
//! # Invariants
//!
//! 1. One loader a range: who finds it loading waits until that loader is done, then looks again, or asks the source if memory is
//!    full.
//! 2. A loader that fails, or unwinds, leaves the range absent and wakes who waits.
//! 3. No latch, mutex or pin is held while the source is read.
//! 4. The rows added cover the loaded range without holes.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use crossbeam_epoch::pin;

use crate::api::{Direction, Error, Loading};
use crate::leaf::{Contents, DENSE_SLOTS, Fences, GAPPED_SLOTS, Room, Run, Slots, State};
use crate::projection::{common_prefix, separator, successor};
use crate::reclaim::retire_records;
use crate::record::RecordPtr;
use crate::residency::budget::Cache;
use crate::structure::Plan;
use crate::sync;
use crate::tree::{Inner, Seek};

/// One leaf's worth, as far as is known.
const LOAD_ROWS: usize = DENSE_SLOTS * 6 / 10;

/// What a scan brings that goes on where a leaf ended, while memory is plenty.
const SCAN_ROWS: usize = GAPPED_SLOTS * 4 / 10;

/// So many rows are loaded even if they are large: a leaf has fences, which may be as long as keys.
const LARGE_ROWS: usize = 8;

/// A harvest of fewer rows ends where it ends.
const TRIM_ROWS_MIN: usize = 64;

/// What a better end must save of what neighbours share there.
const TRIM_GAIN_BYTES: usize = 3;

/// What a wish to load found.
enum Claim {
    /// The range is ours to load: its fences, and the ticket that says so.
    Ours(Fences, u64),
    Resident,
    Declined,
    /// Somebody else loads it.
    Theirs,
    Obsolete,
}

impl Inner {
    pub(crate) fn load(&self, seek: Seek<'_>, direction: Direction) -> Result<Loading, Error> {
        let (fences, ticket) = loop {
            match self.claim(seek) {
                Claim::Ours(fences, ticket) => break (fences, ticket),
                Claim::Resident => return Ok(Loading::Done),
                Claim::Declined => return Ok(Loading::Declined),
                Claim::Theirs => self.source.wait(&mut || self.wait_for_loader(seek)),
                Claim::Obsolete => {}
            }
        };
        let mut attempt = Attempt { tree: self, lower: &fences.lower, ticket, is_over: false };
        let pivot = match (seek, direction) {
            (Seek::At(key), Direction::Forward) => Some(key.to_vec()),
            (Seek::At(key), Direction::Reverse) => Some(successor(key)),
            (Seek::Before(upper), _) => upper.map(<[u8]>::to_vec),
        };
        let goes_on = match seek {
            Seek::At(key) => !key.is_empty() && *key == *fences.lower,
            Seek::Before(upper) => upper.is_some() && upper == fences.upper.as_deref(),
        };
        let rows_max = if goes_on && !self.cache.is_tight() { SCAN_ROWS } else { LOAD_ROWS };
        let harvest = self.harvest(&fences, pivot, direction, rows_max)?;
        attempt.is_over = harvest.is_some_and(|harvest| self.publish(&attempt, harvest));
        let loading = if attempt.is_over { Loading::Done } else { Loading::Declined };
        drop(attempt);
        self.announce_load_end();
        self.cache.make_some_room();
        Ok(loading)
    }

    fn claim(&self, seek: Seek<'_>) -> Claim {
        let guard = pin();
        let leaf = self.leaf(seek, &guard);
        let mut body = leaf.write();
        match body.state {
            State::Resident => Claim::Resident,
            State::Loading(_) if self.cache.has_room() => Claim::Theirs,
            // It may be a large range of which little comes in: the source answers sooner.
            State::Loading(_) => Claim::Declined,
            State::Obsolete => Claim::Obsolete,
            State::Absent if !self.cache.admit() => Claim::Declined,
            State::Absent => {
                let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
                // Installs must find room while it loads.
                let slots = (body.slots.contents().into_dense(), body.dead());
                body.become_state(State::Loading(ticket), slots, &self.cache);
                Claim::Ours(leaf.fences.clone(), ticket)
            }
        }
    }

    fn wait_for_loader(&self, seek: Seek<'_>) {
        let (mutex, condvar) = &self.load_ends;
        let mut held = mutex.lock();
        loop {
            let guard = pin();
            let state = self.leaf(seek, &guard).read().state;
            drop(guard);
            if !matches!(state, State::Loading(_)) {
                return;
            }
            held = sync::wait(condvar, held);
        }
    }

    /// Wakes who waits for a loader. Called after the state changed.
    pub(crate) fn announce_load_end(&self) {
        let (mutex, condvar) = &self.load_ends;
        drop(mutex.lock());
        condvar.notify_all();
    }

    /// Reads one leaf's worth on one side of `pivot`, and if that is little, on the other side too. `None`: not even
    /// one row is fit for the cache.
    fn harvest(
        &self,
        fences: &Fences,
        pivot: Option<Vec<u8>>,
        direction: Direction,
        rows_max: usize,
    ) -> Result<Option<Harvest<'_>>, Error> {
        let lower = fences.lower.to_vec();
        let upper = fences.upper.as_deref().map(<[u8]>::to_vec);
        let pivot = pivot.filter(|pivot| upper.as_ref().is_none_or(|upper| pivot < upper));
        let pivot = pivot.or(upper.clone());
        let mut harvest = Harvest::new(&self.cache, pivot.clone(), rows_max);
        let sides = [direction, opposite(direction)];
        for (turn, side) in sides.into_iter().enumerate() {
            if turn > 0 && !harvest.is_small() {
                break;
            }
            let is_empty = match side {
                Direction::Forward => pivot.is_none() || pivot == upper,
                Direction::Reverse => pivot.as_ref().is_some_and(|pivot| *pivot <= lower),
            };
            if is_empty {
                continue;
            }
            let (from, to) = match side {
                Direction::Forward => (pivot.as_deref().unwrap_or_default(), upper.as_deref()),
                Direction::Reverse => (lower.as_slice(), pivot.as_deref()),
            };
            self.gather(&mut harvest, from, to, side)?;
        }
        Ok((!harvest.is_empty_range()).then_some(harvest))
    }

    /// Reads one side into the harvest.
    fn gather<'c>(
        &'c self,
        harvest: &mut Harvest<'c>,
        lower: &[u8],
        upper: Option<&[u8]>,
        side: Direction,
    ) -> Result<(), Error> {
        let mut stopped = None;
        let kept_before = harvest.rows.len();
        if side == Direction::Reverse {
            harvest.rows.reverse();
        }
        let mut add = |key: &[u8], timestamp: u64, value: &[u8]| {
            let in_range = key >= lower && upper.is_none_or(|upper| key < upper);
            debug_assert!(in_range, "the source gave a row outside of the range it was asked for");
            if !in_range {
                return ControlFlow::Continue(());
            }
            if harvest.is_enough(value) {
                stopped = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            harvest.add(key, timestamp, value);
            ControlFlow::Continue(())
        };
        let result = self.source.load(lower, upper, side, &mut add);
        if let Some(next) = &mut stopped {
            harvest.trim(kept_before, next);
        }
        let last = (harvest.rows.len() > kept_before).then(|| harvest.last_key().to_vec());
        if side == Direction::Reverse {
            harvest.rows.reverse();
        }
        harvest.complete_since = harvest.complete_since.max(result.map_err(Error::Source)?);
        match (side, stopped, last) {
            (Direction::Forward, None, _) => harvest.upper = upper.map(<[u8]>::to_vec),
            (Direction::Forward, Some(next), None) => harvest.upper = Some(next),
            (Direction::Forward, Some(next), Some(last)) => {
                harvest.upper = Some(separator(&last, &next).into_vec());
            }
            (Direction::Reverse, None, _) => harvest.lower = lower.to_vec(),
            (Direction::Reverse, Some(next), None) => harvest.lower = successor(&next),
            (Direction::Reverse, Some(next), Some(last)) => {
                harvest.lower = separator(&next, &last).into_vec();
            }
        }
        Ok(())
    }

    /// Makes the harvest, merged with what was installed meanwhile, the range's truth. False if the range is no longer ours.
    fn publish(&self, attempt: &Attempt<'_>, harvest: Harvest<'_>) -> bool {
        let guard = pin();
        let _held = self.structure.lock();
        let path = self.path(Seek::At(attempt.lower), &guard);
        let mut body = path.leaf.write();
        if body.state != State::Loading(attempt.ticket) {
            return false;
        }
        let complete_since = harvest.complete_since;
        let fences = Fences::new(&harvest.lower, harvest.upper.as_deref());
        let bytes = harvest.bytes;
        let (installed, kept, mut gone) = sort_out(body.slots.collect(), &fences);
        let contents = Contents::new(&fences, harvest.merge(installed, &mut gone));
        let run = contents.run();
        let whole = path.leaf.fences.clone();
        let plan = Plan {
            complete_since: Some(complete_since),
            any_dead: body.dead() > 0,
            models: self.cache.models(),
        };
        let fitted = || Slots::fitted(&fences, run, Room::Between, plan.models);
        if fences == whole
            && let Some(slots) = fitted()
        {
            let dead = if plan.any_dead { run.count_dead() } else { 0 };
            body.become_state(State::Resident, (slots, dead), &self.cache);
            body.complete_since = complete_since;
        } else {
            let rest = Plan { complete_since: None, any_dead: false, ..plan };
            let mut leaves = Vec::new();
            if whole.lower < fences.lower {
                let below = Fences::new(&whole.lower, Some(&fences.lower));
                leaves.extend(rest.leaves(below, Run::new(&kept[0]), Room::Between));
            }
            leaves.extend(plan.leaves(fences.clone(), run, Room::Between));
            if let Some(upper) = fences.upper.as_ref().filter(|_| fences.upper != whole.upper) {
                let above = Fences::new(upper, whole.upper.as_deref());
                leaves.extend(rest.leaves(above, Run::new(&kept[1]), Room::Between));
            }
            self.replace_leaf(&path, &mut body, leaves, &guard);
        }
        drop(body);
        // SAFETY: they were in the loading leaf, which is latched, and are in no other.
        unsafe { retire_records(gone, &self.cache, &guard) };
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.cache.loaded(bytes);
        let path = self.path(Seek::At(&fences.lower), &guard);
        // Large rows stay in small leaves: one that goes should not take much with it, nor be costly to merge.
        if bytes < self.cache.load_bytes_max() / 2 {
            self.merge_if_small(&path, &guard);
        }
        true
    }

    /// Back to absent, if the range is still this loader's.
    fn abandon(&self, lower: &[u8], ticket: u64) {
        let guard = pin();
        let leaf = self.leaf(Seek::At(lower), &guard);
        let mut body = leaf.write();
        if body.state == State::Loading(ticket) {
            let old = body.become_state(State::Absent, (Slots::default(), 0), &self.cache);
            // SAFETY: taken out of the slots under the exclusive latch.
            unsafe { retire_records(old.collect(), &self.cache, &guard) };
        }
    }
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Forward => Direction::Reverse,
        Direction::Reverse => Direction::Forward,
    }
}

/// A load under way. Dropped before it is over, it gives the range back.
struct Attempt<'a> {
    tree: &'a Inner,
    lower: &'a [u8],
    ticket: u64,
    is_over: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.tree.abandon(self.lower, self.ticket);
            self.tree.announce_load_end();
        }
    }
}

/// Rows read from the source, in key order, and the range they cover without holes.
struct Harvest<'c> {
    cache: &'c std::sync::Arc<Cache>,
    rows: Vec<RecordPtr>,
    bytes: usize,
    bytes_max: usize,
    rows_max: usize,
    lower: Vec<u8>,
    upper: Option<Vec<u8>>,
    complete_since: u64,
}

impl<'c> Harvest<'c> {
    /// Nothing yet: the empty range at `pivot`.
    fn new(cache: &'c std::sync::Arc<Cache>, pivot: Option<Vec<u8>>, rows_max: usize) -> Self {
        let bytes_max = cache.load_bytes_max();
        // With no pivot the range ends where the keys end; its lower end is set by the reverse read that must follow.
        let lower = pivot.clone().unwrap_or_default();
        Self {
            cache,
            rows: Vec::new(),
            bytes: 0,
            bytes_max,
            rows_max,
            lower,
            upper: pivot,
            complete_since: 0,
        }
    }

    /// Whether this row is one too many.
    fn is_enough(&self, value: &[u8]) -> bool {
        let too_large = value.len() > self.cache.size() / 4;
        let few = self.rows.len() < LARGE_ROWS && self.bytes < self.cache.size() / 8;
        let heavy = self.bytes >= self.bytes_max && !few;
        too_large || self.rows.len() >= self.rows_max || heavy
    }

    fn is_small(&self) -> bool {
        self.rows.len() < LOAD_ROWS / 2 && self.bytes < self.bytes_max / 2
    }

    fn is_empty_range(&self) -> bool {
        self.upper.as_ref().is_some_and(|upper| *upper <= self.lower)
    }

    fn add(&mut self, key: &[u8], timestamp: u64, value: &[u8]) {
        let record = RecordPtr::new(key, timestamp, Some(value), true);
        let bytes = record.view().bytes();
        self.cache.charge(bytes);
        self.bytes += bytes;
        self.rows.push(record);
    }

    /// Moves the end to where neighbours share least, if that is near: then the fence is short, and all keys behind it share
    /// more. `next` is the first key not among the rows; rows before `from` stay.
    fn trim(&mut self, from: usize, next: &mut Vec<u8>) {
        let key = |at: usize| self.rows[at].view().key();
        let (count, end) = (self.rows.len() - from, self.rows.len());
        if count < TRIM_ROWS_MIN {
            return;
        }
        let now = common_prefix(key(end - 1), next);
        let shared = |at: &usize| common_prefix(key(at - 1), key(*at));
        let Some(best) = (end - count / 4..end).min_by_key(shared) else { return };
        if shared(&best) + TRIM_GAIN_BYTES > now {
            return;
        }
        *next = key(best).to_vec();
        for record in self.rows.drain(best..) {
            // SAFETY: never published.
            unsafe { discard(record, self.cache) };
        }
    }

    fn last_key(&self) -> &[u8] {
        self.rows.last().map_or(&[], |record| record.view().key())
    }

    /// The records for the range, out of what was read and what was `installed` meanwhile. What of this is not needed is `gone`.
    fn merge(mut self, installed: Vec<RecordPtr>, gone: &mut Vec<RecordPtr>) -> Vec<RecordPtr> {
        let view = |record: &RecordPtr| record.view();
        let mut merged = Vec::with_capacity(self.rows.len() + installed.len());
        let mut read = std::mem::take(&mut self.rows).into_iter().peekable();
        for ours in installed {
            while let Some(row) = read.next_if(|row| view(row).key() < view(&ours).key()) {
                merged.push(row);
            }
            let Some(row) = read.next_if(|row| view(row).key() == view(&ours).key()) else {
                merged.push(ours);
                continue;
            };
            let (found, newest) = (view(&row).newest(), view(&ours).newest());
            if let (Some(found), Some(newest)) = (found, newest)
                && found.timestamp <= newest.timestamp
            {
                let value = found.value.unwrap_or_default();
                self.cache.charge(view(&ours).append_oldest(found.timestamp, value));
                self.rows.push(row);
                merged.push(ours);
            } else {
                gone.push(ours);
                merged.push(row);
            }
        }
        merged.extend(read);
        merged
    }
}

/// A loading leaf's records: those between `fences`; the live ones below and above, which stay by themselves; and what can go, placeholders
/// above all, since what was read says more.
fn sort_out(
    records: Vec<RecordPtr>,
    fences: &Fences,
) -> (Vec<RecordPtr>, [Vec<RecordPtr>; 2], Vec<RecordPtr>) {
    let (mut inside, mut kept, mut gone) = (Vec::new(), [Vec::new(), Vec::new()], Vec::new());
    for pointer in records {
        let record = pointer.view();
        let is_below = record.key() < &*fences.lower;
        let is_above = fences.upper.as_ref().is_some_and(|upper| record.key() >= &**upper);
        match record.newest() {
            None => gone.push(pointer),
            Some(_) if !is_below && !is_above => inside.push(pointer),
            Some(newest) if newest.value.is_none() => gone.push(pointer),
            Some(_) => {
                record.cut_end();
                kept[usize::from(is_above)].push(pointer);
            }
        }
    }
    (inside, kept, gone)
}

impl Drop for Harvest<'_> {
    fn drop(&mut self) {
        for record in self.rows.drain(..) {
            // SAFETY: never published.
            unsafe { discard(record, self.cache) };
        }
    }
}

/// Frees a record at once.
///
/// # Safety
/// It is the caller's alone.
unsafe fn discard(record: RecordPtr, cache: &Cache) {
    // SAFETY: the caller's promise.
    unsafe {
        cache.discharge(record.view().bytes());
        record.free();
    }
}
