//! The invariants of a whole tree, asserted. For tests.

use crossbeam_epoch::{Guard, pin};

use crate::leaf::{Leaf, Run, Search, State};
use crate::node::{Child, FANOUT};
use crate::tree::{Inner, Seek};

/// What a walk over the tree has seen so far.
#[derive(Default)]
struct Walk<'g> {
    bytes: usize,
    leaves: usize,
    height: Option<usize>,
    /// Where the next leaf must begin.
    next: Option<&'g [u8]>,
}

impl Inner {
    /// Asserts the invariants, and returns the bytes reached from the root.
    pub(crate) fn verify(&self) -> usize {
        let guard = pin();
        let _held = self.structure.lock();
        let mut walk = Walk { next: Some(&[]), ..Walk::default() };
        self.verify_child(self.root.load(&guard), &[], None, 0, &mut walk, &guard);
        assert_eq!(walk.next, None, "tree invariant 1: the last leaf ends before the keys do");
        let height_max = walk.leaves.ilog2() as usize + 2;
        assert!(
            walk.height <= Some(height_max),
            "{:?} levels, {} leaves",
            walk.height,
            walk.leaves
        );
        walk.bytes
    }

    fn verify_child<'g>(
        &self,
        child: Child<'g>,
        lower: &[u8],
        upper: Option<&[u8]>,
        depth: usize,
        walk: &mut Walk<'g>,
        guard: &'g Guard,
    ) {
        let node = match child {
            Child::Leaf(leaf) => {
                assert_eq!(&*leaf.fences.lower, lower, "tree invariant 1");
                assert_eq!(leaf.fences.upper.as_deref(), upper, "tree invariant 1");
                return self.verify_leaf(leaf.get(), depth, walk, guard);
            }
            Child::Node(node) => node.get(),
        };
        assert!((1..=FANOUT).contains(&node.children()));
        walk.bytes += node.bytes();
        for at in 0..node.children() {
            let lower = if at == 0 { lower } else { node.separator(at - 1) };
            let upper = if at + 1 == node.children() { upper } else { Some(node.separator(at)) };
            self.verify_child(node.link(at).load(guard), lower, upper, depth + 1, walk, guard);
        }
    }

    fn verify_leaf<'g>(&self, leaf: &'g Leaf, depth: usize, walk: &mut Walk<'g>, guard: &Guard) {
        assert_eq!(Some(&*leaf.fences.lower), walk.next, "tree invariant 1");
        walk.next = leaf.fences.upper.as_deref();
        assert_eq!(*walk.height.get_or_insert(depth), depth, "tree invariant 2");
        walk.leaves += 1;
        // Exclusive: a version and the count of deletions do not change in one step.
        let body = leaf.write();
        assert_ne!(body.state, State::Obsolete, "an obsolete leaf is linked");
        body.slots.verify();
        walk.bytes += leaf.own_bytes() + body.slots.heap_bytes();
        let records = body.slots.collect();
        for (at, record) in records.iter().enumerate() {
            let record = record.view();
            let key = record.key();
            walk.bytes += record.bytes();
            record.verify(body.state == State::Absent);
            assert!(key >= &*leaf.fences.lower, "below the fence");
            assert!(leaf.fences.upper.as_ref().is_none_or(|upper| key < &**upper), "above it");
            for search in [Search::Guess, Search::Halve] {
                let found = body.slots.find(key, search).ok();
                let found = found.and_then(|at| body.slots.record(at));
                assert!(found.is_some_and(|found| found.key() == key), "record {at}: {search:?}");
            }
            let found = std::ptr::eq(self.leaf(Seek::At(key), guard), leaf);
            assert!(found, "record {at} is not found from the root");
        }
        assert_eq!(body.dead(), Run::new(&records).count_dead(), "deletions miscounted");
    }
}
