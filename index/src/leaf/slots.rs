//! The slots of a leaf, behind one interface whatever their layout.
//!
//! A *place* is a slot's number: comparable with other places of the same slots while they do not change, and nothing else.

use crossbeam_epoch::Guard;

use super::Fences;
use super::dense::{DENSE_SLOTS, Dense};
use super::gapped::{Gapped, Room};
use crate::projection::{HEAD_BYTES, Projection, common_prefix, fence_prefix};
use crate::record::{Record, RecordPtr};

/// How slots that have a model are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// Around the model's prediction.
    Guess,
    /// By halving all of them, as if there was no model.
    Halve,
}

/// See the module. The slots do not own their records.
pub(crate) enum Slots {
    /// Sorted, no gaps.
    Dense(Dense),
    /// Sorted, with gaps and a model.
    Gapped(Gapped),
}

impl Default for Slots {
    fn default() -> Self {
        Self::Dense(Dense::default())
    }
}

impl Slots {
    /// Slots for a run between these fences: with a model if `models` and a line fits, else dense. `None` when there are too
    /// many records for one leaf.
    pub(crate) fn fitted(fences: &Fences, run: Run<'_>, room: Room, models: bool) -> Option<Self> {
        let records = run.records;
        let fresh: Vec<u64>;
        let (projection, heads) = match run.kept_heads() {
            Some((projection, heads)) => (projection.clone(), heads),
            None => {
                let (projection, heads) = project(fences, records);
                fresh = heads;
                (projection, &*fresh)
            }
        };
        if models && let Some(gapped) = Gapped::build(&projection, records, heads, room) {
            return Some(Self::Gapped(gapped));
        }
        let dense_max = if room == Room::Little { DENSE_SLOTS } else { DENSE_SLOTS * 7 / 8 };
        (records.len() <= dense_max).then(|| Self::Dense(Dense::build(projection, records, heads)))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.len(),
            Self::Gapped(gapped) => gapped.len(),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Dense(dense) => dense.is_full(),
            Self::Gapped(gapped) => gapped.is_full(),
        }
    }

    pub(crate) fn is_learned(&self) -> bool {
        matches!(self, Self::Gapped(_))
    }

    /// The mean of log2(error + 1) of the model when it was built, times 256; without a model 0.
    pub(crate) fn error(&self) -> u32 {
        match self {
            Self::Dense(_) => 0,
            Self::Gapped(gapped) => gapped.error(),
        }
    }

    /// Slots, used and free.
    pub(crate) fn capacity(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.capacity(),
            Self::Gapped(gapped) => gapped.capacity(),
        }
    }

    /// What the arrays take.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.heap_bytes(),
            Self::Gapped(gapped) => gapped.heap_bytes(),
        }
    }

    /// The place of `key`, or else the one it belongs in.
    #[inline]
    pub(crate) fn find(&self, key: &[u8], search: Search) -> Result<usize, usize> {
        match self {
            Self::Dense(dense) => dense.find(key),
            Self::Gapped(gapped) => gapped.find(key, search),
        }
    }

    /// Asks for what `find` is going to read.
    #[inline]
    pub(crate) fn prefetch_slot(&self, key: &[u8], search: Search) {
        if let (Self::Gapped(gapped), Search::Guess) = (self, search) {
            gapped.prefetch_slot(key);
        }
    }

    /// Asks for the key's record, without a look at any.
    #[inline]
    pub(crate) fn prefetch_record(&self, key: &[u8], search: Search) {
        let likely = match self {
            Self::Dense(dense) => dense.likely(key),
            Self::Gapped(gapped) => gapped.likely(key, search),
        };
        if let Some(record) = likely {
            record.prefetch();
        }
    }

    /// The pointer at a place that `find` found.
    #[inline]
    fn pointer(&self, at: usize) -> Option<RecordPtr> {
        match self {
            Self::Dense(dense) => dense.records().get(at).copied(),
            Self::Gapped(gapped) => gapped.pointer(at),
        }
    }

    /// The record at a place that `find` found.
    #[inline]
    pub(crate) fn record(&self, at: usize) -> Option<Record<'_>> {
        self.pointer(at).map(|record| record.view())
    }

    /// The record at a place that `find` found, good beyond the latch.
    #[inline]
    pub(crate) fn pinned<'g>(&self, at: usize, _guard: &'g Guard) -> Option<Record<'g>> {
        self.pointer(at).map(|record| record.view())
    }

    /// Puts a record where `find` said it belongs. The slots are not full (but a loading leaf's may be).
    pub(crate) fn insert(&mut self, at: usize, key: &[u8], record: RecordPtr) {
        match self {
            Self::Dense(dense) => dense.insert(at, key, record),
            Self::Gapped(gapped) => gapped.insert(at, key, record),
        }
    }

    /// Puts `record` in the place of one with the same key, and gives that back.
    pub(crate) fn replace(&mut self, at: usize, record: RecordPtr) -> Option<RecordPtr> {
        let old = self.pointer(at);
        match self {
            Self::Dense(dense) => dense.replace(at, record),
            Self::Gapped(gapped) => gapped.replace(at, record),
        }
        old
    }

    /// Chooses a new projection if that makes searches cheaper. Only dense slots: others say that they are full.
    pub(crate) fn freshen(&mut self, fences: &Fences) {
        if let Self::Dense(dense) = self
            && dense.is_worn()
        {
            let (projection, heads) = project(fences, dense.records());
            dense.reproject(projection, heads);
        }
    }

    /// Where records are likely to go next, if the last one goes to this place.
    pub(crate) fn tendency(&self, at: usize) -> Room {
        match self {
            Self::Dense(dense) if at == dense.len() => Room::Behind,
            Self::Dense(_) if at == 0 => Room::Before,
            Self::Dense(_) => Room::Between,
            Self::Gapped(gapped) => gapped.tendency(),
        }
    }

    /// Copies up to `max` records from `from` (inclusive) up to `end` (exclusive); returns where to go on, if there may be more.
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
            Self::Gapped(gapped) => gapped.copy_forward(from, end, max, out),
        }
    }

    /// Copies up to `max` records below `from` (exclusive) down to `end` (inclusive), the highest first; returns
    /// where to go on, if there may be more.
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
            Self::Gapped(gapped) => gapped.copy_backward(from, end, max, out),
        }
    }

    /// The place behind the last one.
    pub(crate) fn end(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.len(),
            Self::Gapped(gapped) => gapped.capacity(),
        }
    }

    /// All records in key order.
    pub(crate) fn collect(&self) -> Vec<RecordPtr> {
        match self {
            Self::Dense(dense) => dense.records().to_vec(),
            Self::Gapped(gapped) => gapped.compact().0,
        }
    }

    /// All records in key order with their heads.
    pub(crate) fn contents(&self) -> Contents {
        let ((records, heads), projection) = match self {
            Self::Dense(dense) => {
                ((dense.records().to_vec(), dense.heads().to_vec()), dense.projection())
            }
            Self::Gapped(gapped) => (gapped.compact(), gapped.projection()),
        };
        Contents { records, heads, projection: projection.clone() }
    }

    /// Asserts the invariants.
    pub(crate) fn verify(&self) {
        match self {
            Self::Dense(dense) => dense.verify(),
            Self::Gapped(gapped) => gapped.verify(),
        }
    }
}

/// Records taken out of slots, in key order, with their heads there.
pub(crate) struct Contents {
    pub(crate) records: Vec<RecordPtr>,
    pub(crate) heads: Vec<u64>,
    pub(crate) projection: Projection,
}

impl Contents {
    /// Records, which are in key order, and the heads that suit them between these fences.
    pub(crate) fn new(fences: &Fences, records: Vec<RecordPtr>) -> Self {
        let (projection, heads) = project(fences, &records);
        Self { records, heads, projection }
    }

    /// Dense slots, which take any number of records.
    pub(crate) fn into_dense(self) -> Slots {
        Slots::Dense(Dense::build(self.projection, &self.records, &self.heads))
    }

    pub(crate) fn run(&self) -> Run<'_> {
        Run { records: &self.records, heads: Some((&self.projection, &self.heads)) }
    }
}

/// Records that slots are to be built for, in key order. They come with heads if they were in slots whose fences were
/// the same or wider; these are good for the new slots too, if their projection still suits.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) records: &'a [RecordPtr],
    heads: Option<(&'a Projection, &'a [u64])>,
}

impl<'a> Run<'a> {
    /// Records whose heads are not known.
    pub(crate) fn new(records: &'a [RecordPtr]) -> Self {
        Self { records, heads: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// The key of a record.
    pub(crate) fn key(&self, at: usize) -> &'a [u8] {
        key(&self.records[at])
    }

    /// A rank before which to cut: near the middle, where neighbours differ most, so that what is on either side shares more.
    /// Where most heads are equal it may be further off: then a boundary between clusters is worth more than balance.
    pub(crate) fn middle(&self) -> usize {
        let (count, half) = (self.len(), self.len() / 2);
        let Some((_, heads)) = self.heads.filter(|_| count >= 8) else { return half };
        let ties = heads.windows(2).filter(|pair| pair[0] == pair[1]).count();
        let margin = if ties * 4 > count * 3 { count / 32 + 1 } else { count * 3 / 8 };
        let shared = |at: &usize| (heads[at - 1] ^ heads[*at]).leading_zeros() / 8;
        let best = (margin..count - margin).min_by_key(|at| (shared(at), at.abs_diff(half)));
        best.unwrap_or(half)
    }

    /// The records before `rank`, and those from there on.
    pub(crate) fn split_at(&self, rank: usize) -> (Self, Self) {
        let (below, above) = self.records.split_at(rank);
        let heads = self.heads.map(|(projection, heads)| {
            let (below, above) = heads.split_at(rank);
            ((projection, below), (projection, above))
        });
        let (low, high) = heads.unzip();
        (Self { records: below, heads: low }, Self { records: above, heads: high })
    }

    /// The heads, if they are known and their projection suits.
    fn kept_heads(&self) -> Option<(&'a Projection, &'a [u64])> {
        let (projection, heads) = self.heads?;
        let (first, last) = (self.records.first()?, self.records.last()?);
        projection.suits(key(first), key(last), heads).then_some((projection, heads))
    }

    /// How many of the records are deletions now.
    pub(crate) fn count_dead(&self) -> usize {
        let is_dead = |record: &&RecordPtr| record.view().is_dead();
        self.records.iter().filter(is_dead).count()
    }
}

/// The key of a record that is in latched slots, or that nobody else has.
fn key(record: &RecordPtr) -> &[u8] {
    record.view().key()
}

/// The projection that suits these records, which are in key order, and their heads.
fn project(fences: &Fences, records: &[RecordPtr]) -> (Projection, Vec<u64>) {
    let mut projection = choose_projection(fences, records);
    let heads = projection.settle(records.iter().map(key));
    (projection, heads)
}

/// The prefix is what the fences say begins every key, and beyond that what these records happen to share, but no more than
/// lets a head reach the longest key's end: a shorter prefix leaves room for neighbours to come.
fn choose_projection(fences: &Fences, records: &[RecordPtr]) -> Projection {
    let known = fence_prefix(&fences.lower, fences.upper.as_deref());
    let (Some(first), Some(last)) = (records.first(), records.last()) else {
        return Projection::new(&fences.lower[..known], known, 0);
    };
    let (first, last): (&[u8], &[u8]) = (key(first), key(last));
    let shared = common_prefix(first, last);
    let longest = records.iter().map(|record| key(record).len()).max().unwrap_or(0);
    let length = shared.min(longest.saturating_sub(HEAD_BYTES)).max(known);
    Projection::new(&first[..length], known, longest)
}
