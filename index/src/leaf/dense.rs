//! Dense slots: sorted, side by side, room at the tail, found by halving the heads, three steps to a wait for memory.
//!
//! # Invariants
//!
//! 1. `heads[i]` is the head of the key of `records[i]`; both have one length.
//! 2. Keys strictly increase, so heads never decrease.

use crate::ahead::{LINE_BYTES, prefetch};
use crate::projection::Projection;
use crate::record::{Record, RecordPtr};
use crate::residency::budget::footprint;

/// The most slots of a resident dense leaf. While a leaf is loading it may hold more.
/// Few when all orders of threads are tried: then structure changes often.
pub(crate) const DENSE_SLOTS: usize = if cfg!(shuttle) { 32 } else { 512 };

/// Heads in a line of memory.
const HEADS_A_LINE: usize = LINE_BYTES / size_of::<u64>();

/// Slots are allocated in steps of this many.
const STEP: usize = 32;

/// See the module. What a search reads comes first, side by side.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Dense {
    heads: Vec<u64>,
    records: Vec<RecordPtr>,
    projection: Projection,
    /// Keys added since the projection was chosen that it does not suit: they do not fit it, or have a neighbour's head. The latter are
    /// all that shows where no key could choose a projection, as when the leaf began empty.
    misfits: usize,
}

impl Dense {
    /// Slots for `records`, which are in key order and have these heads.
    pub(crate) fn build(projection: Projection, records: &[RecordPtr], heads: &[u64]) -> Self {
        let capacity = records.len().next_multiple_of(STEP);
        let mut slots = Self { heads: Vec::new(), records: Vec::new(), projection, misfits: 0 };
        slots.heads.reserve_exact(capacity);
        slots.heads.extend_from_slice(heads);
        slots.records.reserve_exact(capacity);
        slots.records.extend_from_slice(records);
        slots
    }

    /// The same records under another projection, with their heads there.
    pub(crate) fn reproject(&mut self, projection: Projection, heads: Vec<u64>) {
        debug_assert_eq!(heads.len(), self.records.len());
        self.projection = projection;
        self.misfits = 0;
        self.heads.copy_from_slice(&heads);
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= DENSE_SLOTS
    }

    pub(crate) fn capacity(&self) -> usize {
        self.records.capacity()
    }

    /// The record in a slot.
    #[inline]
    pub(crate) fn record(&self, at: usize) -> Record<'_> {
        self.records[at].view()
    }

    pub(crate) fn heads(&self) -> &[u64] {
        &self.heads
    }

    pub(crate) fn projection(&self) -> &Projection {
        &self.projection
    }

    pub(crate) fn records(&self) -> &[RecordPtr] {
        &self.records
    }

    /// The slot that holds `key`, or else the one it belongs in.
    #[inline]
    pub(crate) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        let head = self.projection.head(key);
        let start = self.first_not_below(head);
        if self.heads.get(start).is_none_or(|&other| other != head) {
            return Err(start);
        }
        let found = self.record(start).key();
        if self.projection.tells_apart(key.len()) && found.len() == key.len() {
            return Ok(start);
        }
        match found.cmp(key) {
            std::cmp::Ordering::Equal => Ok(start),
            std::cmp::Ordering::Greater => Err(start),
            std::cmp::Ordering::Less => self.find_among_ties(start + 1, head, key),
        }
    }

    /// The first record with the key's head: the key's own, if no other has this head.
    #[inline]
    pub(crate) fn likely(&self, key: &[u8]) -> Option<RecordPtr> {
        let head = self.projection.head(key);
        self.records.get(self.first_not_below(head)).copied()
    }

    /// The first slot whose head is not below this one. Halves what is left, and asks for what the next three steps may read at
    /// once: among many leaves each step would wait for memory by itself.
    #[inline]
    fn first_not_below(&self, head: u64) -> usize {
        let (mut from, mut left) = (0, self.heads.len());
        while left > HEADS_A_LINE {
            for part in 1..8 {
                prefetch(&raw const self.heads[from + left * part / 8], size_of::<u64>());
            }
            for _ in 0..3 {
                let half = left / 2;
                from = if self.heads[from + half] < head { from + half } else { from };
                left -= half;
            }
        }
        from + self.heads[from..from + left].partition_point(|&other| other < head)
    }

    /// Goes on from `start` in the run of slots with one head.
    #[cold]
    fn find_among_ties(&self, start: usize, head: u64, key: &[u8]) -> Result<usize, usize> {
        let run = self.heads[start..].partition_point(|&other| other == head);
        let ties = &self.records[start..start + run];
        ties.binary_search_by(|other| other.view().key().cmp(key))
            .map(|at| start + at)
            .map_err(|at| start + at)
    }

    /// Puts a record where `find` said it belongs.
    pub(crate) fn insert(&mut self, at: usize, key: &[u8], record: RecordPtr) {
        if self.records.len() == self.records.capacity() {
            let more = (self.records.len() / 2).next_multiple_of(STEP).max(STEP);
            let left = DENSE_SLOTS.saturating_sub(self.records.len());
            let more = if left > 0 { more.min(left.max(STEP)) } else { more };
            self.heads.reserve_exact(more);
            self.records.reserve_exact(more);
        }
        let head = self.projection.head(key);
        let behind = self.heads.get(at.wrapping_sub(1)) == Some(&head);
        let is_tie = behind || self.heads.get(at) == Some(&head);
        self.misfits += usize::from(!self.projection.admit(key) || is_tie);
        self.heads.insert(at, head);
        self.records.insert(at, record);
    }

    /// Puts `record` in the place of one with the same key.
    pub(crate) fn replace(&mut self, at: usize, record: RecordPtr) {
        self.records[at] = record;
    }

    /// Whether the projection no longer suits the keys, so that ties are likely and a rebuild pays.
    pub(crate) fn is_worn(&self) -> bool {
        self.misfits >= STEP && self.misfits * 4 > self.len()
    }

    /// What the arrays take.
    pub(crate) fn heap_bytes(&self) -> usize {
        footprint(self.heads.capacity() * size_of::<u64>())
            + footprint(self.records.capacity() * size_of::<RecordPtr>())
            + footprint(self.projection.heap_bytes())
    }

    /// Asserts the invariants.
    pub(crate) fn verify(&self) {
        assert_eq!(self.heads.len(), self.records.len(), "dense invariant 1");
        for at in 0..self.len() {
            let key = self.record(at).key();
            assert_eq!(self.heads[at], self.projection.head(key), "dense invariant 1");
            assert!(at == 0 || self.record(at - 1).key() < key, "dense invariant 2");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_slot_not_below_a_head_is_found_among_any_number() {
        for count in 0..=DENSE_SLOTS as u64 {
            // Each even number three times.
            let slots =
                Dense { heads: (0..count).map(|at| at / 3 * 2).collect(), ..Dense::default() };
            for head in 0..=count {
                let plain = slots.heads.partition_point(|&other| other < head);
                assert_eq!(slots.first_not_below(head), plain, "{head} among {count}");
            }
        }
    }
}
