//! Changes of structure: leaves are split, merged, purged and replaced; nodes are copied.
//!
//! Whoever changes structure holds the tree's one structure mutex, walks down again under it, latches the leaves concerned,
//! builds what takes their place privately, publishes it by one store into a link (of a node above, or the root), marks
//! the old leaves obsolete and retires what is unlinked. A leaf that merely grows is rebuilt under its own latch. So the mutex
//! is taken for a split, once in some 700 inserts for 30 us at most, for a merge, a load's publication and an eviction, never across
//! a read of the source; and commits install one at a time. One mutex a tree is enough.
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

use crate::leaf::{Body, DENSE_SLOTS, Fences, GAPPED_SLOTS, Leaf, Room, Run, Slots, State};
use crate::node::{Child, ChildPtr, FANOUT, Held, Node, Piece};
use crate::projection::separator;
use crate::reclaim::{drain, retire_box, retire_records};
use crate::tree::{Inner, Seek};

/// A leaf or a node with fewer than this part of what it can hold looks for a sibling to merge with.
const SMALL_PART: usize = 8;

/// What a rebuilt leaf holds at most of its slots, in percent, if it is not at an edge that grows.
const FILL_PERCENT: usize = 60;

/// The way from the root to a leaf: nodes, and which child was taken.
pub(crate) struct Path<'g> {
    pub(crate) steps: Vec<(Held<'g, Node>, usize)>,
    pub(crate) leaf: Held<'g, Leaf>,
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

    /// Makes room for one more record near `key`: in place if the leaf may grow, else by a split.
    pub(crate) fn make_slot(&self, key: &[u8], horizon: u64, guard: &Guard) {
        if !self.grow(key, horizon, guard) {
            self.split(key, horizon, guard);
        }
    }

    /// Rebuilds the leaf around `key` with more slots: no link changes, so its latch is enough. False if it has to be split.
    fn grow(&self, key: &[u8], horizon: u64, guard: &Guard) -> bool {
        let leaf = self.leaf(Seek::At(key), guard);
        let mut body = leaf.write();
        if body.state != State::Resident || !body.slots.is_full() {
            return true;
        }
        let (Ok(place) | Err(place)) = body.slots.find(key, self.cache.search());
        let room = body.slots.tendency(place);
        let (kept, gone, newest_gone) = body.sift(horizon);
        let models = self.cache.models();
        let Some(slots) = Slots::fitted(&leaf.fences, kept.run(), room, models) else {
            return false;
        };
        body.complete_since = body.complete_since.max(newest_gone);
        let dead = body.dead() - gone.len();
        body.become_state(State::Resident, (slots, dead), &self.cache);
        // SAFETY: they were in this leaf, which is latched, and are not in its new slots.
        unsafe { retire_records(gone, &self.cache, guard) };
        true
    }

    fn split(&self, key: &[u8], horizon: u64, guard: &Guard) {
        let _held = self.structure.lock();
        let path = self.path(Seek::At(key), guard);
        let mut body = path.leaf.write();
        if body.state != State::Resident || !body.slots.is_full() {
            return;
        }
        let (Ok(place) | Err(place)) = body.slots.find(key, self.cache.search());
        let room = body.slots.tendency(place);
        let (kept, gone, newest_gone) = body.sift(horizon);
        body.complete_since = body.complete_since.max(newest_gone);
        self.rebuild(&path, &mut body, kept.run(), gone.len(), room, guard);
        // SAFETY: they were in this leaf, which is latched; the leaves that took its place do not have them.
        unsafe { retire_records(gone, &self.cache, guard) };
    }

    /// Gives a latched leaf new slots for the records kept (`gone` deletions are not among them), or puts several leaves
    /// in its place.
    pub(crate) fn rebuild(
        &self,
        path: &Path<'_>,
        body: &mut Body,
        kept: Run<'_>,
        gone: usize,
        room: Room,
        guard: &Guard,
    ) {
        let dead = body.dead() - gone;
        let fences = &path.leaf.fences;
        if let Some(slots) = Slots::fitted(fences, kept, room, self.cache.models()) {
            body.become_state(body.state, (slots, dead), &self.cache);
            return;
        }
        let plan = Plan {
            complete_since: (body.state == State::Resident).then_some(body.complete_since),
            any_dead: dead > 0,
            models: self.cache.models(),
        };
        let leaves = match room {
            Room::Behind => {
                plan.cut(fences, kept, kept.len() - kept.len() / 20, (Room::Little, room))
            }
            Room::Before => plan.cut(fences, kept, kept.len() / 20, (room, Room::Little)),
            Room::Between | Room::Little => plan.cut(fences, kept, kept.middle(), (room, room)),
        };
        self.replace_leaf(path, body, leaves, guard);
    }

    /// Merges a leaf with a resident sibling, if one of them is small and both have room in one.
    pub(crate) fn merge_if_small(&self, path: &Path<'_>, guard: &Guard) {
        let Some(&(node, at)) = path.steps.last() else { return };
        let starts = [at.checked_sub(1), (at + 1 < node.children()).then_some(at)];
        for start in starts.into_iter().flatten() {
            let pair = (node.link(start).load(guard), node.link(start + 1).load(guard));
            let (Child::Leaf(left), Child::Leaf(right)) = pair else { return };
            let (mut below, mut above) = (left.write(), right.write());
            if below.state != State::Resident || above.state != State::Resident {
                continue;
            }
            if !self.may_merge(&below.slots, &above.slots) {
                continue;
            }
            let fences =
                Fences { lower: left.fences.lower.clone(), upper: right.fences.upper.clone() };
            let complete_since = below.complete_since.max(above.complete_since);
            let mut records = below.slots.collect();
            records.extend(above.slots.collect());
            let models = self.cache.models();
            let fitted = Slots::fitted(&fences, Run::new(&records), Room::Between, models);
            let Some(slots) = fitted else { continue };
            let dead = below.dead() + above.dead();
            let merged = piece(self.charged(Leaf::resident(fences, complete_since, slots, dead)));
            self.splice(&path.steps, start..start + 2, &[merged], guard);
            self.give_up(left, &mut below, guard);
            self.give_up(right, &mut above, guard);
            return;
        }
    }

    /// Small leaves merge into one that is not full: dense ones always, ones with a model while memory is plenty (large leaves
    /// are faster, small ones can be evicted more precisely).
    fn may_merge(&self, below: &Slots, above: &Slots) -> bool {
        let (total, smaller) = (below.len() + above.len(), below.len().min(above.len()));
        let dense = DENSE_SLOTS;
        if smaller < dense / SMALL_PART && total <= dense * FILL_PERCENT / 100 {
            return true;
        }
        let gapped = GAPPED_SLOTS;
        let learned = |slots: &Slots| slots.is_learned() || slots.len() < dense / SMALL_PART;
        let both_learned = learned(below) && learned(above) && self.cache.models();
        let fits = smaller < gapped / SMALL_PART && total <= gapped * FILL_PERCENT / 100;
        both_learned && fits && !self.cache.is_tight()
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
    pub(crate) fn give_up(&self, leaf: Held<'_, Leaf>, body: &mut Body, guard: &Guard) {
        body.become_state(State::Obsolete, (Slots::default(), 0), &self.cache);
        // SAFETY: a leaf in a tree was boxed, it was unlinked by the caller, and `Obsolete` is set once.
        unsafe { retire_box(leaf.pointer(), leaf.own_bytes(), &self.cache, guard) };
    }

    /// Replaces the children `range` of the last node of `steps` (with no steps: the root).
    pub(crate) fn splice<'g>(
        &self,
        steps: &[(Held<'g, Node>, usize)],
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
        if let Some(copy) = node.copied(range.clone(), fresh) {
            self.cache.charge(copy.bytes());
            let link = above.last().map_or(&self.root, |(parent, at)| parent.get().link(*at));
            link.store(copy.into());
            self.retire_node(node, guard);
            return;
        }
        let all = node.get().spliced(lower, range, fresh);
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
        parent: Held<'g, Node>,
        at: usize,
        above: &[(Held<'g, Node>, usize)],
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
            let lower = sibling_at.checked_sub(1).map(|before| parent.get().separator(before));
            let mut merged = sibling.get().pieces(lower.unwrap_or_else(|| path_lower(to_parent)));
            let at_end = if sibling_at < at { merged.len() } else { 0 };
            merged.splice(at_end..at_end, all.iter().copied());
            let nodes = self.group(&merged);
            self.splice(above, start..start + 2, &nodes, guard);
            self.retire_node(sibling, guard);
            return true;
        }
        false
    }

    fn retire_node(&self, node: Held<'_, Node>, guard: &Guard) {
        // SAFETY: a node in a tree was boxed, and the caller just unlinked it.
        unsafe { retire_box(node.pointer(), node.bytes(), &self.cache, guard) };
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
        // Who takes the mutex from now on finds nothing of it.
        drop(held);
        self.dismantle(old, &guard);
        drop(guard);
        self.announce_load_end();
        drain(&self.cache);
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
        drop(guard);
        self.cache.past_hits.fetch_add(self.hits.sum(), Ordering::Relaxed);
        drain(&self.cache);
    }
}

/// The least key below the child that these steps lead to.
fn path_lower<'g>(steps: &[(Held<'g, Node>, usize)]) -> &'g [u8] {
    let not_first = steps.iter().rev().find(|(_, at)| *at > 0);
    not_first.map_or(&[], |&(node, at)| node.get().separator(at - 1))
}

/// What leaves that are built together have in common.
pub(crate) struct Plan {
    /// `None`: the leaves are partial.
    pub(crate) complete_since: Option<u64>,
    /// Some of the records may be deletions.
    pub(crate) any_dead: bool,
    pub(crate) models: bool,
}

impl Plan {
    /// As few leaves over `records`, which are in key order, as leave such room to grow.
    pub(crate) fn leaves(&self, fences: Fences, records: Run<'_>, room: Room) -> Vec<Leaf> {
        if let Some(slots) = Slots::fitted(&fences, records, room, self.models) {
            let dead = if self.any_dead { records.count_dead() } else { 0 };
            return vec![match self.complete_since {
                Some(since) => Leaf::resident(fences, since, slots, dead),
                None => Leaf::partial(fences, slots, dead),
            }];
        }
        self.cut(&fences, records, records.middle(), (room, room))
    }

    /// Leaves over the records before `rank`, and over those from there on.
    fn cut(
        &self,
        fences: &Fences,
        records: Run<'_>,
        rank: usize,
        rooms: (Room, Room),
    ) -> Vec<Leaf> {
        let between = separator(records.key(rank - 1), records.key(rank));
        let (low, high) = records.split_at(rank);
        let below = Fences { lower: fences.lower.clone(), upper: Some(between.clone()) };
        let above = Fences { lower: between, upper: fences.upper.clone() };
        let mut leaves = self.leaves(below, low, rooms.0);
        leaves.extend(self.leaves(above, high, rooms.1));
        leaves
    }
}
