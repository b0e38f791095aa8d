//! How ranges leave memory: a clock over all leaves of all trees.
//!
//! A leaf that answers is *hot*, and so is the row. When the budget is exceeded the hand goes on, tree by tree and leaf by leaf in
//! key order. A resident leaf that is hot, with a fair part of its rows hot, is cooled and passed. Any other goes, an empty one too, which leaves memory with the stubs it is joined with; of its rows, and of
//! those of a partial leaf, only the hot ones stay, cooled, in a partial leaf. Absent neighbours are joined. Rows come in cold
//! and long scans leave them so: what a scan brings goes first.
//!
//! Who makes memory grow moves the hand: a committer after his commit, when he holds nothing that others wait for, and a loader. He
//! looks at some leaves, and goes on after that only if the budget is far exceeded. So memory exceeds it by that, and by
//! what is installed between two such calls.
//!
//! # Invariants
//!
//! 1. One thread moves the hand, for a few leaves at a time. Others that find it busy go on with their work, unless the budget is far
//!    exceeded: then they wait, as who makes it grow must not be faster than who makes room.
//! 2. An evicted leaf's records are retired at once, and freed by who evicted it once he has let go of the clock.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use crossbeam_epoch::{Guard, pin};

use crate::leaf::{Body, Fences, Leaf, Room, Run, Slots, State};
use crate::node::{Child, Piece};
use crate::reclaim::{drain, retire_records};
use crate::record::RecordPtr;
use crate::residency::budget::Cache;
use crate::structure::Path;
use crate::sync::RwLockWriteGuard;
use crate::tree::{Inner, Seek};

/// The hand: which tree, and from which key on.
#[derive(Default)]
pub(crate) struct Clock {
    trees: Vec<Weak<Inner>>,
    /// With so many entries those whose trees are gone are dropped; a weak one keeps its tree's memory.
    prune_at: usize,
    at: usize,
    key: Vec<u8>,
    /// Full turns so far.
    turns: usize,
    /// In which of them something was evicted last.
    turn_useful: usize,
    /// After turns in vain: nothing to do until this much is used.
    futile_below: usize,
}

/// A leaf is worth keeping whole while one row in so many is hot.
const WARM_PART: usize = 8;

/// Absent neighbours are joined while they hold no more rows than this.
const PARTIAL_ROWS_MAX: usize = 128;

/// Fewer trees than this are not looked through for those that are gone.
const PRUNE_MIN: usize = 64;

/// So many leaves are looked at by one holder of the clock.
const STEPS_AT_ONCE: usize = 64;

/// After so many full turns in vain nothing is left to evict: the first one may begin in the middle, one only cools.
const TURNS_IN_VAIN: usize = 3;

/// The budget is far exceeded by this part of it.
const FAR_PART: usize = 64;

/// More than this above what was found to be the least is tried again.
const FUTILE_SLACK_BYTES: usize = 64 << 10;

impl Clock {
    pub(crate) fn add(&mut self, tree: &Arc<Inner>) {
        if self.trees.len() >= self.prune_at {
            self.trees.retain(|tree| tree.strong_count() > 0);
            self.prune_at = PRUNE_MIN.max(2 * self.trees.len());
            (self.at, self.key) = (0, Vec::new());
        }
        self.trees.push(Arc::downgrade(tree));
    }

    /// How often the trees answered.
    pub(crate) fn hits(&self) -> u64 {
        self.trees.iter().filter_map(Weak::upgrade).map(|tree| tree.hits.sum()).sum()
    }

    /// Looks at one leaf. False when there is no tree.
    fn advance(&mut self) -> bool {
        if self.at >= self.trees.len() {
            self.at = 0;
            self.turns += 1;
        }
        let Some(tree) = self.trees.get(self.at) else { return false };
        let Some(tree) = tree.upgrade() else {
            self.trees.swap_remove(self.at);
            self.key.clear();
            return true;
        };
        let (evicted, next) = tree.evict_at(&self.key);
        if evicted {
            self.turn_useful = self.turns;
        }
        match next {
            Some(next) => self.key = next,
            None => {
                self.key.clear();
                self.at += 1;
            }
        }
        true
    }
}

impl Cache {
    /// Evicts until the budget is kept, or nothing is left to evict.
    pub fn make_room(&self) {
        let mut begun = None;
        while self.is_over() {
            let mut clock = self.clock.lock();
            let begun = *begun.get_or_insert(clock.turns);
            if !self.go_on(&mut clock, begun) {
                break;
            }
        }
        drain(self);
    }

    /// Evicts if the budget is exceeded. To be called after installs by who is not pinned and holds nothing that others wait for: with
    /// the budget far exceeded it lasts until that is kept, else for a few leaves, if nobody else is at it.
    pub fn make_some_room(&self) {
        if !self.is_over() {
            return;
        }
        let is_far = self.used().saturating_sub(self.size()) > self.size() / FAR_PART;
        let clock = if is_far { Some(self.clock.lock()) } else { self.clock.try_lock() };
        let Some(mut clock) = clock.filter(|clock| self.used() > clock.futile_below) else {
            return;
        };
        let begun = clock.turns;
        self.go_on(&mut clock, begun);
        drop(clock);
        if is_far { self.make_room() } else { drain(self) }
    }

    /// Moves the hand over some leaves while the budget is exceeded. False if nothing is left to evict, as far as is known since the turn
    /// `begun`.
    fn go_on(&self, clock: &mut Clock, begun: usize) -> bool {
        clock.futile_below = 0;
        for _ in 0..STEPS_AT_ONCE {
            if !self.is_over() {
                break;
            }
            if !clock.advance() {
                return false;
            }
            if clock.turns - clock.turn_useful.max(begun) > TURNS_IN_VAIN {
                clock.futile_below = self.used() + FUTILE_SLACK_BYTES;
                return false;
            }
        }
        true
    }
}

impl Inner {
    /// Looks at the leaf around `key`: cools it if it is hot, evicts it if it is cold, but for the rows that were read. Says whether
    /// that freed something, and where the next leaf begins.
    fn evict_at(&self, key: &[u8]) -> (bool, Option<Vec<u8>>) {
        let guard = pin();
        let leaf = self.leaf(Seek::At(key), &guard);
        let next = leaf.fences.upper.as_deref().map(<[u8]>::to_vec);
        let (state, revision, records) = {
            let body = leaf.read();
            (body.state, body.revision, body.slots.collect())
        };
        let total = records.len();
        match state {
            State::Loading(_) | State::Obsolete => return (false, next),
            State::Absent if total == 0 => return (false, next),
            State::Absent | State::Resident => {}
        }
        let view = |record: &RecordPtr| record.view();
        let (warm, cold): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|record| view(record).was_touched());
        let is_dense = state == State::Resident && warm.len() * WARM_PART >= total;
        if (leaf.was_hot() && is_dense) || (cold.is_empty() && total > 0) {
            return (false, next);
        }
        let _held = self.structure.lock();
        let path = self.path(Seek::At(key), &guard);
        if total == 0 && path.steps.is_empty() {
            // An empty tree takes no less when it is absent.
            return (false, next);
        }
        let mut body = leaf.write();
        if !std::ptr::eq(path.leaf.get(), leaf) || body.revision != revision || body.state != state
        {
            return (false, next);
        }
        let (kept, dead) = warm.into_iter().partition(|record| !view(record).is_dead());
        self.demote(leaf, &mut body, kept, [dead, cold].concat(), &guard);
        drop(body);
        // What was joined is behind the hand: it has had its chance.
        let joined_upper = self.join_stubs(&path, &guard);
        (true, joined_upper.unwrap_or(next))
    }

    /// Makes a latched leaf partial, with the rows `kept` (none, if they are too many); the others are retired.
    fn demote(
        &self,
        leaf: &Leaf,
        body: &mut Body,
        kept: Vec<RecordPtr>,
        mut gone: Vec<RecordPtr>,
        guard: &Guard,
    ) {
        let run = Run::new(&kept);
        let slots = Slots::fitted(&leaf.fences, run, Room::Between, self.cache.models());
        let slots = if let Some(slots) = slots {
            kept.iter().for_each(|record| record.view().cut_end());
            (slots, run.count_dead())
        } else {
            gone.extend(kept);
            (Slots::default(), 0)
        };
        if body.state == State::Resident {
            self.evictions.fetch_add(1, Ordering::Relaxed);
            self.cache.evictions.fetch_add(1, Ordering::Relaxed);
        }
        body.become_state(State::Absent, slots, &self.cache);
        // SAFETY: taken out of the slots under the exclusive latch.
        unsafe { retire_records(gone, &self.cache, guard) };
    }

    /// Puts one stub in the place of an absent leaf and its absent neighbours under the same node, if what they hold fits. Returns the
    /// upper fence of what it made.
    fn join_stubs(&self, path: &Path<'_>, guard: &Guard) -> Option<Option<Vec<u8>>> {
        let &(node, at) = path.steps.last()?;
        let absent = |at: usize| match node.link(at).load(guard) {
            Child::Leaf(leaf) => {
                Some((leaf, leaf.get().write())).filter(|(_, body)| body.state == State::Absent)
            }
            Child::Node(_) => None,
        };
        let own = absent(at)?;
        let before = at.checked_sub(1).and_then(&absent);
        let after = Some(at + 1).filter(|&at| at < node.children()).and_then(&absent);
        let mut room = PARTIAL_ROWS_MAX.saturating_sub(own.1.slots.len());
        let mut fits = |(_, body): &(_, RwLockWriteGuard<'_, Body>)| {
            let rows = body.slots.len();
            let fits = rows <= room;
            room -= if fits { rows } else { 0 };
            fits
        };
        let (before, after) = (before.filter(&mut fits), after.filter(&mut fits));
        if before.is_none() && after.is_none() {
            return None;
        }
        let start = at - usize::from(before.is_some());
        let end = at + 1 + usize::from(after.is_some());
        let joined: Vec<_> = [before, Some(own), after].into_iter().flatten().collect();
        let (lower, upper) =
            (&joined.first()?.0.get().fences.lower, &joined.last()?.0.get().fences.upper);
        let fences = Fences { lower: lower.clone(), upper: upper.clone() };
        let upper = upper.as_deref().map(<[u8]>::to_vec);
        let rows: Vec<_> = joined.iter().flat_map(|(_, body)| body.slots.collect()).collect();
        let run = Run::new(&rows);
        let slots = Slots::fitted(&fences, run, Room::Between, self.cache.models())?;
        let stub = self.charged(Leaf::partial(fences, slots, run.count_dead()));
        self.splice(&path.steps, start..end, &[Piece { lower, child: stub.into() }], guard);
        for (leaf, mut body) in joined {
            self.give_up(leaf, &mut body, guard);
        }
        Some(upper)
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::api::{Direction, Source, SourceError};
    use crate::tree::Tree;

    struct Empty;

    impl Source for Empty {
        fn load(
            &self,
            _lower: &[u8],
            _upper: Option<&[u8]>,
            _direction: Direction,
            _add: &mut dyn FnMut(&[u8], u64, &[u8]) -> ControlFlow<()>,
        ) -> Result<u64, SourceError> {
            Ok(1)
        }
    }

    #[test]
    fn trees_that_are_gone_leave_nothing_behind() {
        let cache = Cache::new(1 << 20);
        let kept = Tree::empty(&cache, Box::new(Empty), 0);
        for _ in 0..10 * PRUNE_MIN {
            drop(Tree::empty(&cache, Box::new(Empty), 0));
        }
        assert!(cache.clock.lock().trees.len() <= PRUNE_MIN);
        drop(kept);
    }
}
