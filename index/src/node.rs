//! Inner nodes: up to 256 children and the separators between them.
//!
//! Child i covers the keys from separator i - 1 (inclusive) to separator i (exclusive). Separators are as short as tells
//! neighbours apart. A search compares heads (see `projection`), then whole separators among ties.
//!
//! # Invariants
//!
//! 1. A node's separators and the number of its children never change: a change makes a new node.
//! 2. Links are stored only by who holds the tree's structure mutex, and only into nodes that the root reaches.
//! 3. What a link points at is alive for everybody who loads it while pinned (reclaim invariant 2).

use std::marker::PhantomData;
use std::mem::offset_of;
use std::ops::{Deref, Range};
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use crossbeam_epoch::Guard;

use crate::ahead::LINE_BYTES;
use crate::leaf::Leaf;
use crate::projection::{PLAIN_BYTES, Projection, common_prefix};
use crate::residency::budget::footprint;
use crate::sync::AtomicPtr;

/// The most children of a node.
pub(crate) const FANOUT: usize = if cfg!(shuttle) { 8 } else { 256 };

/// The link's bit that says: a leaf.
const LEAF: usize = 1;
const _: () = assert!(align_of::<Leaf>() > LEAF && align_of::<Node>() > LEAF);

/// See the module. What most searches read comes first, on one cache line.
#[repr(C, align(64))]
pub(crate) struct Node {
    heads: Box<[u64]>,
    links: Box<[Link]>,
    projection: Projection,
    /// Where in `bytes` each separator ends.
    ends: Box<[usize]>,
    bytes: Box<[u8]>,
}

const _: () = assert!(offset_of!(Node, projection) + PLAIN_BYTES <= LINE_BYTES);

/// An owned node or leaf, on its way into a link or out of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChildPtr {
    Node(NonNull<Node>),
    Leaf(NonNull<Leaf>),
}

impl From<Box<Leaf>> for ChildPtr {
    fn from(leaf: Box<Leaf>) -> Self {
        Self::Leaf(NonNull::from(Box::leak(leaf)))
    }
}

impl From<Box<Node>> for ChildPtr {
    fn from(node: Box<Node>) -> Self {
        Self::Node(NonNull::from(Box::leak(node)))
    }
}

/// What a link points at.
#[derive(Clone, Copy)]
pub(crate) enum Child<'g> {
    Node(Held<'g, Node>),
    Leaf(Held<'g, Leaf>),
}

/// A reference to a node or a leaf that remembers the pointer it came from: a box is freed through that, not through a shared
/// reference.
pub(crate) struct Held<'g, T> {
    at: NonNull<T>,
    lifetime: PhantomData<&'g T>,
}

impl<T> Clone for Held<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Held<'_, T> {}

impl<'g, T> Held<'g, T> {
    #[inline]
    pub(crate) fn get(self) -> &'g T {
        // SAFETY: made by `Link::load`: alive while pinned (invariant 3), and changed only through what may be shared.
        unsafe { self.at.as_ref() }
    }

    pub(crate) fn pointer(self) -> NonNull<T> {
        self.at
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.get()
    }
}

/// A pointer to a node or a leaf, told apart by the lowest bit.
pub(crate) struct Link {
    at: AtomicPtr<u8>,
    target: PhantomData<(Box<Node>, Box<Leaf>)>,
}

impl Link {
    pub(crate) fn new(child: ChildPtr) -> Self {
        Self { at: AtomicPtr::new(Self::pack(child)), target: PhantomData }
    }

    fn pack(child: ChildPtr) -> *mut u8 {
        match child {
            ChildPtr::Node(node) => node.as_ptr().cast(),
            ChildPtr::Leaf(leaf) => leaf.as_ptr().cast::<u8>().map_addr(|at| at | LEAF),
        }
    }

    #[inline]
    fn unpack(at: *mut u8) -> ChildPtr {
        let is_leaf = at.addr() & LEAF != 0;
        let at = at.map_addr(|at| at & !LEAF);
        // SAFETY: made from a box by `pack`, so not null.
        let at = unsafe { NonNull::new_unchecked(at) };
        if is_leaf { ChildPtr::Leaf(at.cast()) } else { ChildPtr::Node(at.cast()) }
    }

    /// Points it elsewhere (invariant 2).
    pub(crate) fn store(&self, child: ChildPtr) {
        self.at.store(Self::pack(child), Ordering::Release);
    }

    #[inline]
    pub(crate) fn pointer(&self) -> ChildPtr {
        Self::unpack(self.at.load(Ordering::Acquire))
    }

    #[inline]
    pub(crate) fn load<'g>(&self, _guard: &'g Guard) -> Child<'g> {
        match self.pointer() {
            ChildPtr::Node(at) => Child::Node(Held { at, lifetime: PhantomData }),
            ChildPtr::Leaf(at) => Child::Leaf(Held { at, lifetime: PhantomData }),
        }
    }
}

/// A child and the least key it covers: what nodes are built from.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'g> {
    pub(crate) lower: &'g [u8],
    pub(crate) child: ChildPtr,
}

impl Node {
    /// A node over `pieces`; the first one's lower end is not a separator of its own.
    pub(crate) fn build(pieces: &[Piece<'_>]) -> Box<Node> {
        debug_assert!((1..=FANOUT).contains(&pieces.len()));
        let separators = pieces.get(1..).unwrap_or_default();
        let mut projection = match separators {
            [first, .., last] => {
                let shared = common_prefix(first.lower, last.lower);
                Projection::new(&first.lower[..shared], 0, usize::MAX)
            }
            [] | [_] => Projection::default(),
        };
        let heads = projection.settle(separators.iter().map(|piece| piece.lower)).into();
        let mut bytes = Vec::new();
        let mut ends = Vec::with_capacity(separators.len());
        for piece in separators {
            bytes.extend_from_slice(piece.lower);
            ends.push(bytes.len());
        }
        let links = pieces.iter().map(|piece| Link::new(piece.child)).collect();
        let (ends, bytes) = (ends.into_boxed_slice(), bytes.into_boxed_slice());
        Box::new(Node { heads, links, projection, ends, bytes })
    }

    pub(crate) fn children(&self) -> usize {
        self.links.len()
    }

    #[inline]
    pub(crate) fn link(&self, at: usize) -> &Link {
        &self.links[at]
    }

    /// What lies between child `at` and the next one.
    pub(crate) fn separator(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[at]]
    }

    /// The child that covers `key`.
    #[inline]
    pub(crate) fn position(&self, key: &[u8]) -> usize {
        self.separators_below(key, true)
    }

    /// The child that covers the keys just below `upper`; `None` is the end of the keys.
    pub(crate) fn position_before(&self, upper: Option<&[u8]>) -> usize {
        upper.map_or(self.heads.len(), |upper| self.separators_below(upper, false))
    }

    /// How many separators are less than `key`, or equal to it if `inclusive`.
    #[inline]
    fn separators_below(&self, key: &[u8], inclusive: bool) -> usize {
        let head = self.projection.head(key);
        let start = self.heads.partition_point(|&other| other < head);
        if self.heads.get(start).is_none_or(|&other| other != head) {
            return start;
        }
        let mut low = start;
        let mut high = start + self.heads[start..].partition_point(|&other| other == head);
        while low < high {
            let middle = usize::midpoint(low, high);
            let separator = self.separator(middle);
            if separator < key || (inclusive && separator == key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// A copy with the children in `range` replaced: what a rebuild from pieces would make, for the price of copying arrays. `None` if
    /// there would be too many or hardly any children, or the heads would have to be other ones.
    pub(crate) fn copied(&self, range: Range<usize>, fresh: &[Piece<'_>]) -> Option<Box<Node>> {
        let children = self.children() - range.len() + fresh.len();
        let separators = fresh.get(1..).unwrap_or_default();
        let fits = separators.iter().all(|piece| self.projection.fits(piece.lower));
        if !fits || !(FANOUT / 8..=FANOUT).contains(&children) || range.is_empty() {
            return None;
        }
        // The separators before `below` and those from `above` on stay.
        let (below, above) = (range.start, range.end - 1);
        let start = |at: usize| at.checked_sub(1).map_or(0, |before| self.ends[before]);
        let mut heads = Vec::with_capacity(children - 1);
        heads.extend_from_slice(&self.heads[..below]);
        heads.extend(separators.iter().map(|piece| self.projection.head(piece.lower)));
        heads.extend_from_slice(&self.heads[above..]);
        let added: usize = separators.iter().map(|piece| piece.lower.len()).sum();
        let (kept_below, kept_above) = (&self.bytes[..start(below)], &self.bytes[start(above)..]);
        let mut bytes = Vec::with_capacity(kept_below.len() + added + kept_above.len());
        bytes.extend_from_slice(kept_below);
        let mut ends = Vec::with_capacity(children - 1);
        ends.extend_from_slice(&self.ends[..below]);
        for piece in separators {
            bytes.extend_from_slice(piece.lower);
            ends.push(bytes.len());
        }
        let (from, to) = (start(above), bytes.len());
        ends.extend(self.ends[above..].iter().map(|end| end - from + to));
        bytes.extend_from_slice(kept_above);
        let mut links = Vec::with_capacity(children);
        links.extend(self.links[..range.start].iter().map(|link| Link::new(link.pointer())));
        links.extend(fresh.iter().map(|piece| Link::new(piece.child)));
        links.extend(self.links[range.end..].iter().map(|link| Link::new(link.pointer())));
        Some(Box::new(Node {
            heads: heads.into(),
            links: links.into(),
            projection: self.projection.clone(),
            ends: ends.into(),
            bytes: bytes.into(),
        }))
    }

    /// The children as pieces; `lower` is the least key the node covers.
    pub(crate) fn pieces<'g>(&'g self, lower: &'g [u8]) -> Vec<Piece<'g>> {
        let piece = |at: usize| Piece {
            lower: at.checked_sub(1).map_or(lower, |before| self.separator(before)),
            child: self.links[at].pointer(),
        };
        (0..self.children()).map(piece).collect()
    }

    /// The children with those in `range` replaced.
    pub(crate) fn spliced<'g>(
        &'g self,
        lower: &'g [u8],
        range: Range<usize>,
        fresh: &[Piece<'g>],
    ) -> Vec<Piece<'g>> {
        let mut pieces = self.pieces(lower);
        pieces.splice(range, fresh.iter().copied());
        pieces
    }

    /// What it takes.
    pub(crate) fn bytes(&self) -> usize {
        footprint(size_of::<Self>())
            + footprint(self.projection.heap_bytes())
            + footprint(self.heads.len() * size_of::<u64>())
            + footprint(self.ends.len() * size_of::<usize>())
            + footprint(self.bytes.len())
            + footprint(self.links.len() * size_of::<Link>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A child that is never looked at.
    fn child(number: usize) -> ChildPtr {
        ChildPtr::Leaf(NonNull::dangling().map_addr(|at| at.saturating_add(number * 64)))
    }

    fn pieces(keys: &[Vec<u8>]) -> Vec<Piece<'_>> {
        keys.iter().enumerate().map(|(at, key)| Piece { lower: key, child: child(at) }).collect()
    }

    proptest! {
        #[test]
        fn a_copy_is_what_a_rebuild_would_be(
            keys in proptest::collection::btree_set(proptest::collection::vec(any::<u8>(), 1..12), 60..200),
            start in 0..40usize,
            replaced in 1..4usize,
            added in 1..4usize,
        ) {
            // Keys before the place, those that go, those that come, and those behind.
            let keys: Vec<Vec<u8>> = keys.into_iter().collect();
            let all = pieces(&keys);
            let old: Vec<_> = [&all[..start + replaced], &all[start + replaced + added..]].concat();
            let mut fresh = all[start..=start].to_vec();
            fresh.extend_from_slice(&all[start + replaced..start + replaced + added - 1]);
            let node = Node::build(&old);
            let copy = node.copied(start..start + replaced, &fresh);
            let mut wanted = node.pieces(&keys[0]);
            wanted.splice(start..start + replaced, fresh.iter().copied());
            let Some(copy) = copy else { return Err(TestCaseError::reject("another projection")) };
            let made = copy.pieces(&keys[0]);
            let parts = |pieces: &[Piece<'_>]| -> Vec<(Vec<u8>, ChildPtr)> {
                pieces.iter().map(|piece| (piece.lower.to_vec(), piece.child)).collect()
            };
            prop_assert_eq!(parts(&made), parts(&wanted));
            for key in &keys {
                let below = made[1..].iter().filter(|piece| piece.lower <= &**key).count();
                prop_assert_eq!(copy.position(key), below);
            }
        }
    }
}
