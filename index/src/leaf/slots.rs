//! The slots of a leaf, behind one interface whatever their layout.
//!
//! A *place* is a slot's number: comparable with other places of the same slots while they do not change, and nothing else.

use crossbeam_epoch::Guard;

use super::Fences;
use super::dense::Dense;
use crate::projection::{HEAD_BYTES, Projection, common_prefix, fence_prefix};
use crate::record::{Record, RecordPtr};

/// See the module. The slots do not own their records.
pub(crate) enum Slots {
    /// Sorted, no gaps.
    Dense(Dense),
}

impl Default for Slots {
    fn default() -> Self {
        Self::Dense(Dense::default())
    }
}

impl Slots {
    /// Slots for `records`, which are in key order and between the fences.
    pub(crate) fn build(fences: &Fences, records: &[RecordPtr]) -> Self {
        Self::Dense(Dense::build(choose_projection(fences, records), records))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.len(),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Dense(dense) => dense.is_full(),
        }
    }

    /// Slots, used and free.
    pub(crate) fn capacity(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.capacity(),
        }
    }

    /// Whether a rebuild would make searches cheaper.
    pub(crate) fn is_worn(&self) -> bool {
        match self {
            Self::Dense(dense) => dense.is_worn(),
        }
    }

    /// What the arrays take.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.heap_bytes(),
        }
    }

    /// The place of `key`, or else the one it belongs in.
    #[inline]
    pub(crate) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        match self {
            Self::Dense(dense) => dense.find(key),
        }
    }

    /// The record at a place that holds one.
    #[inline]
    pub(crate) fn record(&self, at: usize) -> Record<'_> {
        match self {
            Self::Dense(dense) => dense.record(at),
        }
    }

    /// The record at a place that holds one, good beyond the latch.
    #[inline]
    pub(crate) fn pinned<'g>(&self, at: usize, _guard: &'g Guard) -> Record<'g> {
        match self {
            // SAFETY: in the slots while the guard is pinned (record invariant 1).
            Self::Dense(dense) => unsafe { dense.records()[at].borrow() },
        }
    }

    /// Puts a record where `find` said it belongs.
    pub(crate) fn insert(&mut self, at: usize, key: &[u8], record: RecordPtr) {
        match self {
            Self::Dense(dense) => dense.insert(at, key, record),
        }
    }

    /// How many records come before a place.
    pub(crate) fn rank(&self, at: usize) -> usize {
        match self {
            Self::Dense(_) => at,
        }
    }

    /// Copies up to `max` records from `from` (inclusive) up to `end` (exclusive); returns where to go on, if not at the end.
    pub(crate) fn copy_forward(
        &self,
        from: usize,
        end: usize,
        max: usize,
        out: &mut Vec<RecordPtr>,
    ) -> Option<usize> {
        match self {
            Self::Dense(dense) => {
                let stop = end.min(from.saturating_add(max));
                out.extend_from_slice(dense.records().get(from..stop).unwrap_or_default());
                (stop < end).then_some(stop)
            }
        }
    }

    /// Copies up to `max` records below `from` (exclusive) down to `end` (inclusive), the highest first; returns
    /// where to go on, if not at the end.
    pub(crate) fn copy_backward(
        &self,
        from: usize,
        end: usize,
        max: usize,
        out: &mut Vec<RecordPtr>,
    ) -> Option<usize> {
        match self {
            Self::Dense(dense) => {
                let stop = end.max(from.saturating_sub(max));
                out.extend(dense.records().get(stop..from).unwrap_or_default().iter().rev());
                (stop > end).then_some(stop)
            }
        }
    }

    /// The place behind the last one.
    pub(crate) fn end(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.len(),
        }
    }

    /// All records in key order.
    pub(crate) fn collect(&self) -> Vec<RecordPtr> {
        match self {
            Self::Dense(dense) => dense.records().to_vec(),
        }
    }

    /// How many records are deletions now.
    pub(crate) fn count_dead(&self) -> usize {
        match self {
            Self::Dense(dense) => {
                (0..dense.len()).filter(|&at| dense.record(at).newest().value.is_none()).count()
            }
        }
    }

    /// Asserts the invariants.
    pub(crate) fn verify(&self) {
        match self {
            Self::Dense(dense) => dense.verify(),
        }
    }
}

/// The prefix is what the fences say begins every key, and beyond that what these records happen to share, but no more than
/// lets a head reach the longest key's end: a shorter prefix leaves room for neighbours to come.
fn choose_projection(fences: &Fences, records: &[RecordPtr]) -> Projection {
    let known = fence_prefix(&fences.lower, fences.upper.as_deref());
    let (Some(first), Some(last)) = (records.first(), records.last()) else {
        return Projection::new(&fences.lower[..known], known);
    };
    // SAFETY: the caller has the records, so they are alive (record invariant 1).
    let key = |record: &RecordPtr| unsafe { record.borrow() }.key();
    let (first, last): (&[u8], &[u8]) = (key(first), key(last));
    let shared = common_prefix(first, last);
    if shared <= known {
        return Projection::new(&first[..known], known);
    }
    let longest = records.iter().map(|record| key(record).len()).max().unwrap_or(0);
    let length = shared.min(longest.saturating_sub(HEAD_BYTES)).max(known);
    Projection::new(&first[..length], known)
}
