//! Cursors: the rows of a range, in order, as one snapshot sees them.
//!
//! A cursor is what is left of its range, `[lower, upper)`, and nothing else: no pin, no latch, no pointer outlives a visit. A visit
//! pins once, copies a batch of record pointers out of a leaf under its latch, and judges them outside. The next batch goes on in
//! the same leaf if that did not change, else it seeks what is left.
//!
//! # Invariants
//!
//! 1. What is left begins (reverse: ends) just behind the last row consumed, or at a fence all of whose side was judged. So a
//!    row is never given twice, and none is passed over, whatever the tree does between two batches.
//! 2. A leaf is judged only if it is resident and complete for the snapshot; a record that came into it later is newer than
//!    the snapshot, so a batch taken before loses nothing.

use std::ops::{Bound, ControlFlow};

use crossbeam_epoch::pin;

use crate::api::{Direction, Step};
use crate::leaf::{Body, Leaf, Search, State};
use crate::projection::successor;
use crate::record::{Record, RecordPtr, Visible};
use crate::tree::{Seek, Tree};

/// Records judged between two holds of a latch.
const BATCH_RECORDS: usize = 64;

/// How far ahead of the row in hand records are prefetched.
const PREFETCH_DISTANCE: usize = 16;

/// A cursor that has read more leaves than this is a scan: it no longer marks leaves and rows as hot.
const LEAVES_HOT_MAX: u32 = 4;

/// A position in a range of keys. It borrows nothing, so it can be kept between calls and moved to another thread.
#[derive(Clone, Debug)]
pub struct Cursor {
    lower: Vec<u8>,
    upper: Option<Vec<u8>>,
    direction: Direction,
    leaves: u32,
    /// Empty between visits; kept for its allocation.
    batch: Vec<RecordPtr>,
}

/// Why a leaf was left.
enum Left {
    /// Everything in it was judged.
    Done,
    /// It changed or was replaced: seek again.
    Changed,
    /// The visit is over.
    Stop(Step),
}

/// What is the same for all leaves of a visit.
struct Visit<F> {
    snapshot: u64,
    search: Search,
    rows_left: usize,
    row: F,
}

/// Where in a leaf a visit is.
struct Span {
    revision: u64,
    /// The next place, and where the range ends in this leaf.
    next: Option<usize>,
    end: usize,
}

impl Cursor {
    pub(crate) fn new(lower: Bound<&[u8]>, upper: Bound<&[u8]>, direction: Direction) -> Self {
        let (lower, upper) = ends(lower, upper);
        Self { lower, upper, direction, leaves: 0, batch: Vec::new() }
    }

    /// Goes on with another range, as the scan it has been so far.
    pub fn restart(&mut self, lower: Bound<&[u8]>, upper: Bound<&[u8]>) {
        (self.lower, self.upper) = ends(lower, upper);
    }

    /// Visits up to `max_rows` rows that `snapshot` sees, under one pin. A row whose callback breaks is consumed.
    ///
    /// The callback runs under no latch and may ask the tree; it must not wait for the source.
    pub fn visit(
        &mut self,
        tree: &Tree,
        snapshot: u64,
        max_rows: usize,
        row: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Step {
        let guard = pin();
        let search = tree.inner.cache.search();
        let mut visit = Visit { snapshot, search, rows_left: max_rows, row };
        loop {
            if self.is_over() {
                return Step::End;
            }
            if visit.rows_left == 0 {
                return Step::More;
            }
            let seek = match self.direction {
                Direction::Forward => Seek::At(&self.lower),
                Direction::Reverse => Seek::Before(self.upper.as_deref()),
            };
            let leaf = tree.inner.leaf(seek, &guard);
            match self.visit_leaf(leaf, &mut visit) {
                Left::Done => {
                    self.leave(leaf);
                    tree.inner.hits.raise();
                }
                Left::Changed => {}
                Left::Stop(step) => {
                    if matches!(step, Step::More) {
                        tree.inner.hits.raise();
                    }
                    return step;
                }
            }
        }
    }

    /// Goes on from `key`: forward, rows at or after it; reverse, rows before it (so that a gap's `upper`
    /// and `lower` ends are what to seek). Never widens what is left of the range.
    pub fn seek(&mut self, key: &[u8]) {
        match self.direction {
            Direction::Forward if key > self.lower.as_slice() => set(&mut self.lower, key),
            Direction::Reverse
                if self.upper.as_ref().is_none_or(|upper| key < upper.as_slice()) =>
            {
                set(self.upper.get_or_insert_default(), key);
            }
            Direction::Forward | Direction::Reverse => {}
        }
    }

    fn is_over(&self) -> bool {
        self.upper.as_ref().is_some_and(|upper| *upper <= self.lower)
    }

    /// What is left no longer includes `key` and what lies before it.
    fn consume(&mut self, key: &[u8]) {
        match self.direction {
            Direction::Forward => {
                set(&mut self.lower, key);
                self.lower.push(0);
            }
            Direction::Reverse => set(self.upper.get_or_insert_default(), key),
        }
    }

    /// What is left no longer includes the leaf.
    fn leave(&mut self, leaf: &Leaf) {
        self.leaves = self.leaves.saturating_add(1);
        match (self.direction, &leaf.fences.upper) {
            (Direction::Forward, Some(upper)) => set(&mut self.lower, upper),
            // Nothing is above the last leaf: what is left becomes empty.
            (Direction::Forward, None) => self.upper = Some(self.lower.clone()),
            (Direction::Reverse, _) => {
                set(self.upper.get_or_insert_default(), &leaf.fences.lower);
            }
        }
    }

    fn visit_leaf<F>(&mut self, leaf: &Leaf, visit: &mut Visit<F>) -> Left
    where
        F: FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    {
        let mut span: Option<Span> = None;
        loop {
            let body = leaf.read();
            match body.state {
                State::Resident if body.complete_since <= visit.snapshot => {}
                State::Obsolete => return Left::Changed,
                State::Resident | State::Absent | State::Loading(_) => {
                    return Left::Stop(self.gap(leaf, body.state != State::Resident));
                }
            }
            let mut at = match span.take() {
                Some(span) if span.revision == body.revision => span,
                Some(_) | None => self.span(leaf, &body, visit.search),
            };
            let mut batch = std::mem::take(&mut self.batch);
            if let Some(from) = at.next {
                let max = BATCH_RECORDS.min(visit.rows_left);
                batch.reserve(max.min(at.end.abs_diff(from)));
                at.next = match self.direction {
                    Direction::Forward => body.slots.copy_forward(from, at.end, max, &mut batch),
                    Direction::Reverse => body.slots.copy_backward(from, at.end, max, &mut batch),
                };
            }
            drop(body);
            let stopped = self.judge(&batch, visit);
            batch.clear();
            self.batch = batch;
            if self.leaves < LEAVES_HOT_MAX {
                leaf.touch();
            }
            match stopped {
                Some(step) => return Left::Stop(step),
                None if at.next.is_none() => return Left::Done,
                None => span = Some(at),
            }
        }
    }

    /// Where what is left of the range lies in a leaf.
    fn span(&self, leaf: &Leaf, body: &Body, search: Search) -> Span {
        let place = |key: &[u8]| match body.slots.find(key, search) {
            Ok(at) | Err(at) => at,
        };
        let ends_inside = match (&self.upper, &leaf.fences.upper) {
            (None, _) => None,
            (Some(upper), None) => Some(upper),
            (Some(upper), Some(fence)) => Some(upper).filter(|upper| upper.as_slice() < fence),
        };
        let low = if *self.lower > *leaf.fences.lower { place(&self.lower) } else { 0 };
        let high = ends_inside.map_or(body.slots.end(), |upper| place(upper));
        let (next, end) = match self.direction {
            Direction::Forward => (low, high),
            Direction::Reverse => (high, low),
        };
        Span { revision: body.revision, next: (low < high).then_some(next), end }
    }

    /// Gives the rows of a batch that the snapshot sees.
    fn judge<F>(&mut self, batch: &[RecordPtr], visit: &mut Visit<F>) -> Option<Step>
    where
        F: FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    {
        for record in batch.iter().take(PREFETCH_DISTANCE) {
            record.prefetch();
        }
        let mut last = None;
        let mut stopped = None;
        for (at, record) in batch.iter().enumerate() {
            if let Some(ahead) = batch.get(at + PREFETCH_DISTANCE) {
                ahead.prefetch();
            }
            let record: Record<'_> = record.view();
            last = Some(record);
            let entry = match record.visible(visit.snapshot) {
                Visible::Version(entry) => entry,
                Visible::Nothing => continue,
                Visible::Cut => {
                    stopped = Some(Step::Older { key: record.key().to_vec() });
                    break;
                }
            };
            let Some(value) = entry.value else { continue };
            if self.leaves < LEAVES_HOT_MAX {
                record.touch();
            }
            visit.rows_left -= 1;
            if (visit.row)(record.key(), value).is_break() || visit.rows_left == 0 {
                stopped = Some(Step::More);
                break;
            }
        }
        if let Some(last) = last {
            self.consume(last.key());
        }
        stopped
    }

    /// The part of what is left that this leaf covers.
    fn gap(&self, leaf: &Leaf, loadable: bool) -> Step {
        let lower = self.lower.as_slice().max(&leaf.fences.lower).to_vec();
        let upper = match (&self.upper, &leaf.fences.upper) {
            (Some(ours), Some(fence)) => Some(ours.as_slice().min(fence).to_vec()),
            (Some(only), None) => Some(only.clone()),
            (None, fence) => fence.as_ref().map(|fence| fence.to_vec()),
        };
        Step::Gap { lower, upper, loadable }
    }
}

/// The range as keys, inclusive and exclusive.
fn ends(lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> (Vec<u8>, Option<Vec<u8>>) {
    let lower = match lower {
        Bound::Included(key) => key.to_vec(),
        Bound::Excluded(key) => successor(key),
        Bound::Unbounded => Vec::new(),
    };
    let upper = match upper {
        Bound::Included(key) => Some(successor(key)),
        Bound::Excluded(key) => Some(key.to_vec()),
        Bound::Unbounded => None,
    };
    (lower, upper)
}

fn set(buffer: &mut Vec<u8>, key: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(key);
}
