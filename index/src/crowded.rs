//! Purges: deletions that nobody can see any more leave the leaves that they crowd.
//!
//! A deletion that makes a leaf half deletions purges it. What is newer than the horizon stays then, and no later write may come there:
//! so the leaf is remembered, and looked at again once the horizon is higher. If there are too many such leaves to remember
//! all, the tree is swept from its lowest key to its highest. Either way one call looks at a bounded number of leaves.

use std::collections::BTreeMap;

use crossbeam_epoch::{Guard, pin};

use crate::leaf::{Room, State};
use crate::reclaim::retire_records;
use crate::tree::{Inner, Seek};

type Key = Box<[u8]>;

/// So many crowded leaves are remembered.
const CROWDED_MAX: usize = if cfg!(test) { 4 } else { 4096 };

/// So many leaves are looked at again at once.
const LEAVES_AT_ONCE: usize = if cfg!(test) { 8 } else { 512 };

/// Leaves that are full of deletions which the horizon had not reached.
#[derive(Debug, Default)]
pub(crate) struct Crowded {
    /// A key of each, and the horizon that did not help.
    leaves: BTreeMap<Key, u64>,
    /// The highest horizon that did not help one that is not among them.
    missed: Option<u64>,
    /// Where the sweep for those goes on.
    sweep: Option<Key>,
}

impl Crowded {
    fn add(&mut self, key: &[u8], horizon: u64) {
        if self.leaves.len() < CROWDED_MAX {
            self.leaves.insert(key.into(), horizon);
        } else {
            self.missed = self.missed.max(Some(horizon));
        }
    }

    /// Some that a horizon may help, no longer remembered, and where to sweep from.
    fn take(&mut self, horizon: u64) -> (Vec<Key>, Option<Key>) {
        let due = self.leaves.extract_if(.., |_, tried| *tried < horizon);
        let leaves = due.take(LEAVES_AT_ONCE).map(|(key, _)| key).collect();
        if self.sweep.is_none() && self.missed.is_some_and(|tried| tried < horizon) {
            (self.missed, self.sweep) = (None, Some(Box::default()));
        }
        (leaves, self.sweep.take())
    }
}

impl Inner {
    /// Drops deletions at or before `horizon` from the leaf around `key`, and merges it if that leaves it small. Remembers
    /// a leaf that newer ones crowd: no further deletion need come there.
    pub(crate) fn purge(&self, key: &[u8], horizon: u64, guard: &Guard) {
        let _held = self.structure.lock();
        let path = self.path(Seek::At(key), guard);
        let mut body = path.leaf.write();
        if body.state != State::Resident || body.dead() == 0 {
            return;
        }
        let (kept, gone, newest_gone) = body.sift(horizon);
        if body.is_crowded_without(gone.len()) {
            self.crowded.lock().add(&path.leaf.fences.lower, horizon);
        }
        if gone.is_empty() {
            body.put_off_purge();
            return;
        }
        body.complete_since = body.complete_since.max(newest_gone);
        self.rebuild(&path, &mut body, kept.run(), gone.len(), Room::Between, guard);
        drop(body);
        // SAFETY: they were in this leaf, which was latched; what took its place does not have them.
        unsafe { retire_records(gone, &self.cache, guard) };
        self.merge_if_small(&self.path(Seek::At(key), guard), guard);
    }

    /// Purges leaves that were too crowded with deletions after the horizon that was then.
    pub(crate) fn purge_crowded(&self, horizon: u64) {
        let (leaves, sweep) = self.crowded.lock().take(horizon);
        leaves.iter().for_each(|key| self.purge(key, horizon, &pin()));
        let Some(mut from) = sweep else { return };
        for _ in leaves.len()..LEAVES_AT_ONCE {
            let guard = pin();
            let upper = &self.leaf(Seek::At(&from), &guard).fences.upper;
            self.purge(&from, horizon, &guard);
            let Some(upper) = upper else { return };
            from.clone_from(upper);
        }
        self.crowded.lock().sweep = Some(from);
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::api::{Direction, Source, SourceError};
    use crate::residency::budget::Cache;
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

    /// A tree of many leaves full of deletions at time 2 that no horizon has reached.
    fn deleted() -> Tree {
        const ROWS: u64 = 20_000;
        let cache = Cache::new(1 << 30);
        cache.set_models(false);
        let tree = Tree::empty(&cache, Box::new(Empty), 0);
        for (time, value) in [(1, Some(&b"row"[..])), (2, None)] {
            for number in 0..ROWS {
                let key = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
                tree.install(&key, time, value, 1);
            }
        }
        assert!(tree.statistics().records > ROWS / 2);
        assert!(tree.statistics().resident_leaves > 40);
        tree
    }

    #[test]
    fn all_deletions_go_although_more_leaves_are_crowded_than_are_remembered() {
        let tree = deleted();
        for _ in 0..20 {
            tree.purge(2);
        }
        assert!(tree.statistics().records < 64 * CROWDED_MAX as u64, "{:?}", tree.statistics());
        tree.verify();
    }

    #[test]
    fn a_purge_looks_at_a_bounded_number_of_leaves() {
        let tree = deleted();
        let before = tree.statistics();
        tree.purge(2);
        let gone = before.records - tree.statistics().records;
        let a_leaf = 512;
        assert!(0 < gone && gone <= LEAVES_AT_ONCE as u64 * a_leaf, "{gone} of {before:?}");
    }
}
