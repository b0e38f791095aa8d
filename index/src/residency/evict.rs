//! How ranges leave memory: a clock over all leaves of all trees.
//!
//! A leaf that answers is *hot*. When the budget is exceeded the hand goes on, tree by tree and leaf by leaf in key order: it
//! cools a hot leaf and passes; a resident leaf that is cold goes absent, and one stub takes its place and that of absent
//! neighbours. Leaves come in cold and long scans leave them so: what a scan brings goes first.
//!
//! # Invariants
//!
//! 1. One thread moves the hand; others that find it busy go on with their work.
//! 2. An evicted leaf's records are retired as one batch. Nobody is waited for.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use crossbeam_epoch::{Guard, pin};

use crate::leaf::{Fences, Leaf, Slots, State};
use crate::node::{Child, Piece};
use crate::reclaim::retire_records;
use crate::residency::budget::Cache;
use crate::structure::Path;
use crate::tree::{Inner, Seek};

/// The hand: which tree, and from which key on.
#[derive(Default)]
pub(crate) struct Clock {
    trees: Vec<Weak<Inner>>,
    at: usize,
    key: Vec<u8>,
    /// Full turns since something was evicted.
    idle_turns: usize,
    /// After turns in vain: nothing to do until this much is used.
    futile_below: usize,
}

/// More than this above what was found to be the least is tried again.
const FUTILE_SLACK_BYTES: usize = 64 << 10;

impl Clock {
    pub(crate) fn add(&mut self, tree: &Arc<Inner>) {
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
            self.idle_turns += 1;
        }
        let Some(tree) = self.trees.get(self.at) else { return false };
        let Some(tree) = tree.upgrade() else {
            self.trees.swap_remove(self.at);
            self.key.clear();
            return true;
        };
        let (evicted, next) = tree.evict_at(&self.key);
        if evicted {
            self.idle_turns = 0;
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
    pub(crate) fn make_room(&self) {
        let mut clock = self.clock.lock();
        self.turn(&mut clock, usize::MAX);
    }

    /// Evicts if the budget is exceeded and nobody else is at it, looking at no more than `steps` leaves.
    pub(crate) fn make_some_room(&self, steps: usize) {
        if !self.is_over() {
            return;
        }
        let Some(mut clock) = self.clock.try_lock() else { return };
        if self.used() > clock.futile_below {
            self.turn(&mut clock, steps);
        }
    }

    fn turn(&self, clock: &mut Clock, steps: usize) {
        clock.idle_turns = 0;
        clock.futile_below = 0;
        let mut left = steps;
        while self.is_over() && left > 0 && clock.advance() {
            left -= 1;
            // One turn may have begun in the middle, one only cools.
            if clock.idle_turns > 3 {
                clock.futile_below = self.used() + FUTILE_SLACK_BYTES;
                break;
            }
        }
        pin().flush();
    }
}

impl Inner {
    /// Looks at the leaf around `key`: cools it if it is hot, evicts it if it is cold. Says whether it did, and where the next leaf
    /// begins.
    fn evict_at(&self, key: &[u8]) -> (bool, Option<Vec<u8>>) {
        let guard = pin();
        let leaf = self.leaf(Seek::At(key), &guard);
        let next = leaf.fences.upper.as_deref().map(<[u8]>::to_vec);
        let is_candidate = {
            let body = leaf.read();
            body.state == State::Resident && body.slots.len() > 0
        };
        if !is_candidate || leaf.was_hot() {
            return (false, next);
        }
        let _held = self.structure.lock();
        let path = self.path(Seek::At(key), &guard);
        if !std::ptr::eq(path.leaf, leaf) {
            return (false, next);
        }
        let mut body = leaf.write();
        if body.state != State::Resident {
            return (false, next);
        }
        let records = body.become_state(State::Absent, (Slots::default(), 0), &self.cache);
        drop(body);
        self.evictions.fetch_add(1, Ordering::Relaxed);
        self.cache.evictions.fetch_add(1, Ordering::Relaxed);
        // SAFETY: taken out of the slots under the exclusive latch.
        unsafe { retire_records(records, &self.cache, &guard) };
        self.join_stubs(&path, &guard);
        (true, next)
    }

    /// Puts one stub in the place of an absent leaf and its absent neighbours under the same node.
    fn join_stubs(&self, path: &Path<'_>, guard: &Guard) {
        let Some(&(node, at)) = path.steps.last() else { return };
        let absent = |at: usize| match node.link(at).load(guard) {
            Child::Leaf(leaf) => {
                Some((leaf, leaf.write())).filter(|(_, body)| body.state == State::Absent)
            }
            Child::Node(_) => None,
        };
        let Some(own) = absent(at) else { return };
        let before = at.checked_sub(1).and_then(&absent);
        let after = Some(at + 1).filter(|&at| at < node.children()).and_then(&absent);
        if before.is_none() && after.is_none() {
            return;
        }
        let start = at - usize::from(before.is_some());
        let end = at + 1 + usize::from(after.is_some());
        let first = before.as_ref().map_or(own.0, |(leaf, _)| leaf);
        let last = after.as_ref().map_or(own.0, |(leaf, _)| leaf);
        let (lower, upper) = (&first.fences.lower, &last.fences.upper);
        let fences = Fences { lower: lower.clone(), upper: upper.clone() };
        let stub = self.charged(Leaf::absent(fences));
        self.splice(&path.steps, start..end, &[Piece { lower, child: stub.into() }], guard);
        for (leaf, mut body) in [before, Some(own), after].into_iter().flatten() {
            self.give_up(leaf, &mut body, guard);
        }
    }
}
