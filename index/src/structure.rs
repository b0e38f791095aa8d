//! Changes of structure: leaves are split, merged, purged and replaced; nodes are copied.
//!
//! Whoever changes structure holds the tree's one structure mutex, walks down again under it, latches the leaves concerned,
//! builds what takes their place privately, publishes it by one store into a link (of a node above, or the root), marks
//! the old leaves obsolete and retires what is unlinked. Installs come one commit at a time and loads are bounded, so
//! one mutex a tree is enough; it is held for microseconds and never across a read of the source.
//!
//! Splits go by rank, never by key value: in the middle, but where keys are appended (or prepended) only a twentieth moves, so
//! that a sequence leaves full leaves behind. Small leaves and nodes merge with a sibling under the same parent.
//!
//! # Invariants
//!
//! 1. No record is in two leaves that are both resident or loading, seen from any thread that latches one after the other: the old
//!    leaf is latched until the new ones are published and it is obsolete.
//! 2. Every node but the root has at least two children, or came to have fewer by a merge that its siblings had no room for.

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use crossbeam_epoch::{Guard, pin};

use crate::leaf::{Body, DENSE_SLOTS, Fences, Leaf, Slots, State};
use crate::node::{Child, ChildPtr, FANOUT, Node, Piece};
use crate::projection::separator;
use crate::reclaim::{retire_box, retire_records};
use crate::record::RecordPtr;
use crate::tree::{Inner, Seek};

/// A leaf or a node with fewer than this part of what it can hold looks for a sibling to merge with.
const SMALL_PART: usize = 8;

/// What a rebuilt leaf holds at most of its slots, in percent, if it is not at an edge that grows.
const FILL_PERCENT: usize = 60;

/// The way from the root to a leaf: nodes, and which child was taken.
pub(crate) struct Path<'g> {
    pub(crate) steps: Vec<(&'g Node, usize)>,
    pub(crate) leaf: &'g Leaf,
}

/// A leaf that is built but not published, as a piece.
fn piece<'g>(leaf: Box<Leaf>) -> Piece<'g> {
    let at = NonNull::from(Box::leak(leaf));
    // SAFETY: alive at least until it is published and retired, which is after every guard pinned now.
    let lower = unsafe { &(*at.as_ptr()).fences.lower };
    Piece { lower, child: ChildPtr::Leaf(at) }
}

impl Inner {
    /// The way to a leaf. The caller holds the structure mutex, so nothing on it changes.
    pub(crate) fn path<'g>(&self, seek: Seek<'_>, guard: &'g Guard) -> Path<'g> {
        let mut steps = Vec::new();
        let mut child = self.root.load(guard);
        loop {
            let node = match child {
                Child::Leaf(leaf) => return Path { steps, leaf },
                Child::Node(node) => node,
            };
            let at = match seek {
                Seek::At(key) => node.position(key),
                Seek::Before(upper) => node.position_before(upper),
            };
            steps.push((node, at));
            child = node.link(at).load(guard);
        }
    }

    /// Makes room for one more record near `key`.
    pub(crate) fn split(&self, key: &[u8], horizon: u64, guard: &Guard) {
        let _held = self.structure.lock();
        let path = self.path(Seek::At(key), guard);
        let mut body = path.leaf.write();
        if body.state != State::Resident || !body.slots.is_full() {
            return;
        }
        let (kept, gone, newest_gone) = body.sift(horizon);
        if kept.len() <= DENSE_SLOTS - DENSE_SLOTS / SMALL_PART {
            self.purge_to(&mut body, path.leaf, &kept, gone, newest_gone, guard);
            return;
        }
        let rank = match body.slots.find(key) {
            Err(at) if at == body.slots.end() => kept.len() - kept.len() / 20,
            Err(at) if body.slots.rank(at) == 0 => kept.len() / 20,
            Ok(_) | Err(_) => kept.len() / 2,
        };
        body.complete_since = body.complete_since.max(newest_gone);
        let leaves = cut(&path.leaf.fences, body.complete_since, &kept, &[rank]);
        self.replace_leaf(&path, &mut body, leaves, guard);
        // SAFETY: they were in this leaf, which is latched and obsolete now; no new leaf has them.
        unsafe { retire_records(gone, &self.cache, guard) };
    }

    /// Drops deletions at or before `horizon` from the leaf around `key`, and merges it if that leaves it small.
    pub(crate) fn purge(&self, key: &[u8], horizon: u64, guard: &Guard) {
        let _held = self.structure.lock();
        let path = self.path(Seek::At(key), guard);
        let mut body = path.leaf.write();
        if body.state != State::Resident {
            return;
        }
        let (kept, gone, newest_gone) = body.sift(horizon);
        if gone.is_empty() {
            body.put_off_purge();
            return;
        }
        self.purge_to(&mut body, path.leaf, &kept, gone, newest_gone, guard);
        drop(body);
        self.merge_if_small(&path, guard);
    }

    /// Rebuilds a latched leaf in place with the records kept.
    fn purge_to(
        &self,
        body: &mut Body,
        leaf: &Leaf,
        kept: &[RecordPtr],
        gone: Vec<RecordPtr>,
        newest_gone: u64,
        guard: &Guard,
    ) {
        let slots = Slots::build(&leaf.fences, kept);
        body.become_state(State::Resident, slots, &self.cache);
        body.complete_since = body.complete_since.max(newest_gone);
        // SAFETY: no longer in the slots, under the exclusive latch.
        unsafe { retire_records(gone, &self.cache, guard) };
    }

    /// Merges a leaf with a resident sibling, if one of them is small and both have room in one.
    pub(crate) fn merge_if_small(&self, path: &Path<'_>, guard: &Guard) {
        let Some(&(node, at)) = path.steps.last() else { return };
        let starts = [at.checked_sub(1), (at + 1 < node.children()).then_some(at)];
        for start in starts.into_iter().flatten() {
            let pair = (node.link(start).load(guard), node.link(start + 1).load(guard));
            let (Child::Leaf(left), Child::Leaf(right)) = pair else { return };
            let (mut below, mut above) = (left.write(), right.write());
            let total = below.slots.len() + above.slots.len();
            let smaller = below.slots.len().min(above.slots.len());
            let both_resident = below.state == State::Resident && above.state == State::Resident;
            let fits = total <= DENSE_SLOTS * FILL_PERCENT / 100;
            if !both_resident || !fits || smaller >= DENSE_SLOTS / SMALL_PART {
                continue;
            }
            let fences =
                Fences { lower: left.fences.lower.clone(), upper: right.fences.upper.clone() };
            let complete_since = below.complete_since.max(above.complete_since);
            let mut records = below.slots.collect();
            records.extend(above.slots.collect());
            let merged = piece(self.charged(Leaf::resident(fences, complete_since, &records)));
            self.splice(&path.steps, start..start + 2, &[merged], guard);
            self.give_up(left, &mut below, guard);
            self.give_up(right, &mut above, guard);
            return;
        }
    }

    /// Counts a new leaf and makes it publishable.
    pub(crate) fn charged(&self, leaf: Leaf) -> Box<Leaf> {
        self.cache.charge(leaf.own_bytes() + leaf.read().slots.heap_bytes());
        Box::new(leaf)
    }

    /// Puts `leaves` in the place of the path's leaf, whose latched body is `body`. They hold the records it gives up.
    pub(crate) fn replace_leaf(
        &self,
        path: &Path<'_>,
        body: &mut Body,
        leaves: Vec<Leaf>,
        guard: &Guard,
    ) {
        let fresh: Vec<Piece<'_>> =
            leaves.into_iter().map(|leaf| piece(self.charged(leaf))).collect();
        let at = path.steps.last().map_or(0, |&(_, at)| at);
        self.splice(&path.steps, at..at + 1, &fresh, guard);
        self.give_up(path.leaf, body, guard);
    }

    /// Marks an unlinked leaf obsolete and retires it. Its records are somebody else's by now.
    pub(crate) fn give_up(&self, leaf: &Leaf, body: &mut Body, guard: &Guard) {
        body.become_state(State::Obsolete, Slots::default(), &self.cache);
        // SAFETY: a leaf in a tree was boxed, it was unlinked by the caller, and `Obsolete` is set once.
        unsafe { retire_box(NonNull::from(leaf), leaf.own_bytes(), &self.cache, guard) };
    }

    /// Replaces the children `range` of the last node of `steps` (with no steps: the root).
    pub(crate) fn splice<'g>(
        &self,
        steps: &[(&'g Node, usize)],
        range: Range<usize>,
        fresh: &[Piece<'g>],
        guard: &'g Guard,
    ) {
        let Some((&(node, _), above)) = steps.split_last() else {
            self.root.store(self.stack(fresh));
            return;
        };
        let lower = path_lower(above);
        if range.len() == 1 && fresh.len() == 1 {
            node.link(range.start).store(fresh[0].child);
            return;
        }
        let all = node.spliced(lower, range, fresh);
        match above.last() {
            None => self.root.store(self.stack(&all)),
            Some(&(parent, at)) => {
                let is_small = all.len() < FANOUT / SMALL_PART;
                if !(is_small && self.merge_node(&all, parent, at, above, guard)) {
                    let nodes = self.group(&all);
                    self.splice(above, at..at + 1, &nodes, guard);
                }
            }
        }
        self.retire_node(node, guard);
    }

    /// Puts `all`, the children of child `at` of `parent`, into one node with those of a sibling that has room.
    fn merge_node<'g>(
        &self,
        all: &[Piece<'g>],
        parent: &'g Node,
        at: usize,
        above: &[(&'g Node, usize)],
        guard: &'g Guard,
    ) -> bool {
        let starts = [at.checked_sub(1), (at + 1 < parent.children()).then_some(at)];
        for start in starts.into_iter().flatten() {
            let sibling_at = if start == at { at + 1 } else { start };
            let Child::Node(sibling) = parent.link(sibling_at).load(guard) else { return false };
            if sibling.children() + all.len() > FANOUT * 3 / 4 {
                continue;
            }
            let to_parent = &above[..above.len() - 1];
            let lower = sibling_at.checked_sub(1).map(|before| parent.separator(before));
            let mut merged = sibling.pieces(lower.unwrap_or_else(|| path_lower(to_parent)));
            let at_end = if sibling_at < at { merged.len() } else { 0 };
            merged.splice(at_end..at_end, all.iter().copied());
            let nodes = self.group(&merged);
            self.splice(above, start..start + 2, &nodes, guard);
            self.retire_node(sibling, guard);
            return true;
        }
        false
    }

    fn retire_node(&self, node: &Node, guard: &Guard) {
        // SAFETY: a node in a tree was boxed, and the caller just unlinked it.
        unsafe { retire_box(NonNull::from(node), node.bytes(), &self.cache, guard) };
    }

    /// Nodes over `pieces`: one, or as many as it takes, of equal size.
    fn group<'g>(&self, pieces: &[Piece<'g>]) -> Vec<Piece<'g>> {
        let nodes = pieces.len().div_ceil(FANOUT);
        let size = pieces.len().div_ceil(nodes);
        let node = |part: &[Piece<'g>]| {
            let node = Node::build(part);
            self.cache.charge(node.bytes());
            Piece { lower: part[0].lower, child: node.into() }
        };
        pieces.chunks(size).map(node).collect()
    }

    /// One child over `pieces`, through as many levels as it takes.
    fn stack(&self, pieces: &[Piece<'_>]) -> ChildPtr {
        match pieces {
            [only] => only.child,
            _ => self.stack(&self.group(pieces)),
        }
    }

    /// Back to one absent stub.
    pub(crate) fn clear(&self) {
        let guard = pin();
        let held = self.structure.lock();
        let old = self.root.load(&guard);
        self.root.store(self.charged(Leaf::absent(Fences::all())).into());
        self.dismantle(old, &guard);
        drop(held);
        self.announce_load_end();
        guard.flush();
    }

    /// Retires an unlinked subtree with its records.
    fn dismantle(&self, child: Child<'_>, guard: &Guard) {
        match child {
            Child::Leaf(leaf) => {
                let mut body = leaf.write();
                let records = body.slots.collect();
                self.give_up(leaf, &mut body, guard);
                // SAFETY: the leaf gave them up, under its exclusive latch.
                unsafe { retire_records(records, &self.cache, guard) };
            }
            Child::Node(node) => {
                for at in 0..node.children() {
                    self.dismantle(node.link(at).load(guard), guard);
                }
                self.retire_node(node, guard);
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Values that were read may be in use as long as their guards: nothing is freed at once.
        let guard = pin();
        self.dismantle(self.root.load(&guard), &guard);
        self.cache.past_hits.fetch_add(self.hits.sum(), Ordering::Relaxed);
        guard.flush();
    }
}

/// The least key below the child that these steps lead to.
fn path_lower<'g>(steps: &[(&'g Node, usize)]) -> &'g [u8] {
    let not_first = steps.iter().rev().find(|(_, at)| *at > 0);
    not_first.map_or(&[], |&(node, at)| node.separator(at - 1))
}

/// Leaves over `records`, which are in key order, cut before each of `ranks`.
fn cut(fences: &Fences, complete_since: u64, records: &[RecordPtr], ranks: &[usize]) -> Vec<Leaf> {
    let mut leaves = Vec::with_capacity(ranks.len() + 1);
    let mut lower = fences.lower.clone();
    let mut start = 0;
    for &rank in ranks {
        // SAFETY: the caller has them latched, or to itself (record invariant 1).
        let key = |at: usize| unsafe { records[at].borrow() }.key();
        let between = separator(key(rank - 1), key(rank));
        let part = Fences { lower, upper: Some(between.clone()) };
        leaves.push(Leaf::resident(part, complete_since, &records[start..rank]));
        (lower, start) = (between, rank);
    }
    let last = Fences { lower, upper: fences.upper.clone() };
    leaves.push(Leaf::resident(last, complete_since, &records[start..]));
    leaves
}

/// As few resident leaves over `records` as leave room to grow.
pub(crate) fn leaves_over(
    fences: &Fences,
    complete_since: u64,
    records: &[RecordPtr],
) -> Vec<Leaf> {
    let size_max = DENSE_SLOTS * 3 / 4;
    let count = records.len().div_ceil(size_max).max(1);
    let ranks: Vec<usize> = (1..count).map(|part| part * records.len() / count).collect();
    cut(fences, complete_since, records, &ranks)
}
