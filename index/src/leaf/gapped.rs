//! Gapped slots: sorted, with gaps between them, found by a model and a short search around its prediction.
//!
//! A gap repeats the slot of the next record to its right, head and pointer. So every slot below the tail holds something
//! true, a search needs no notion of gaps, and a slot is a record's own exactly if the next slot holds another one:
//!
//! ```text
//! slot      0    1    2    3    4    5    6    7
//! head     10   12   15   15   15   21  MAX  MAX
//! record    a    b    c    c    c    d    -    -        c's own slot is 4; 2 and 3 are gaps; 6 and 7 are the tail
//! ```
//!
//! The model is a hint: whatever it says, the search finds the first slot whose head is not less, by doubling steps up to 64
//! slots and by halving from there.
//!
//! # Invariants
//!
//! 1. Heads never decrease along the slots; the tail's are `u64::MAX`, and only the tail has no records.
//! 2. Keys strictly increase along the records' own slots; a gap equals the slot to its right.
//! 3. `count` is the number of records. It stays below `count_max`, and that below the number of slots.

use super::model::Model;
use super::slots::Search;
use crate::ahead::prefetch;
use crate::projection::Projection;
use crate::record::RecordPtr;
use crate::residency::budget::footprint;

/// The most slots of a gapped leaf: an insert that rebuilds it should not be noticed.
pub(crate) const GAPPED_SLOTS: usize = if cfg!(shuttle) { 96 } else { 2048 };

/// Fewer records than this need no model.
const COUNT_MIN: usize = if cfg!(shuttle) { 8 } else { 64 };

/// A model is good when the mean of log2(error + 1) over the records, times 256, is at most this.
const MEAN_ERROR_MAX: u32 = 4 << 8;

/// How much of rebuilt slots is used, in percent, at least. Up to `USED_SPREAD` more, which differs from leaf to leaf: if they all
/// were to fill at the same time, at one time all of them would be at their emptiest.
const USED_PERCENT: usize = 66;
const USED_SPREAD: u64 = 8;

/// How much makes them full, in percent: the most that inserts anywhere see.
const FULL_PERCENT: usize = 84;

/// After so many records it is looked whether the model is good enough so far.
const PART_RECORDS: usize = 64;

/// So many slots are written at once when a leaf is filled.
const WRITTEN_SLOTS: usize = 4;

/// Steps double up to this distance from the prediction.
const GALLOP_MAX: usize = 64;

/// Where the gaps of rebuilt slots go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Between the records: inserts come anywhere.
    Between,
    /// Behind them: keys are appended.
    Behind,
    /// Before them: keys are prepended.
    Before,
    /// Hardly any: the leaf is left behind by a sequence.
    Little,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    head: u64,
    record: Option<RecordPtr>,
}

const TAIL: Slot = Slot { head: u64::MAX, record: None };

/// See the module. What a search reads comes first, side by side.
#[repr(C)]
pub(crate) struct Gapped {
    slots: Box<[Slot]>,
    model: Model,
    projection: Projection,
    count: u32,
    count_max: u32,
    /// Keys added since the build that the projection's prefix does not fit.
    misfits: u32,
    /// Of the records added since the build, those put first and those put last.
    prepended: u32,
    appended: u32,
    added: u32,
    /// The mean of log2(error + 1) when built, times 256.
    error: u32,
}

/// How many slots for so many records, how many of those records fill them, and how densely they lie where they lie.
struct Plan {
    slots: usize,
    count_max: usize,
    density: f64,
    /// The slot the first record goes to.
    first: usize,
}

impl Plan {
    /// `seed` makes leaves differ.
    fn new(count: usize, room: Room, seed: u64) -> Option<Self> {
        let spread = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let used = USED_PERCENT + (spread % (USED_SPREAD + 1)) as usize;
        let roomy = (count * 100).div_ceil(used).next_multiple_of(32).min(GAPPED_SLOTS);
        // Where a sequence goes on there are few such leaves, and it fills them.
        let edge = (count * 2).next_multiple_of(32).min(GAPPED_SLOTS);
        let full = |slots: usize| slots * 95 / 100;
        let packed = (count * 100).div_ceil(95);
        let plan = match room {
            Room::Between => {
                let density = count as f64 / roomy as f64;
                Self { slots: roomy, count_max: roomy * FULL_PERCENT / 100, density, first: 0 }
            }
            Room::Behind => Self { slots: edge, count_max: full(edge), density: 0.95, first: 0 },
            Room::Before => {
                let first = edge.saturating_sub(packed + 1);
                Self { slots: edge, count_max: full(edge), density: 0.95, first }
            }
            Room::Little => {
                let slots = (packed + 2).next_multiple_of(8);
                Self { slots, count_max: slots - 2, density: 0.95, first: 0 }
            }
        };
        let grows = plan.count_max >= count + (count / 16).max(16) || room == Room::Little;
        (grows && plan.slots <= GAPPED_SLOTS && plan.slots > count + 1).then_some(plan)
    }
}

impl Gapped {
    /// Slots for `records`, which are in key order and have these heads; `None` when a line does not fit them, or
    /// they would soon be too many.
    pub(crate) fn build(
        projection: &Projection,
        records: &[RecordPtr],
        heads: &[u64],
        room: Room,
    ) -> Option<Self> {
        let count = records.len();
        if count < COUNT_MIN {
            return None;
        }
        let plan = Plan::new(count, room, heads[0] ^ heads[count / 2].rotate_left(32))?;
        let (lowest, highest) = (heads[0], heads[count - 1]);
        // Keys to be prepended lie as far below as the slots before the first one reach.
        let reach = (highest - lowest) / count as u64;
        let base = lowest.saturating_sub(reach.saturating_mul(plan.first as u64));
        let model = Model::fit(heads, base, plan.first as f64, plan.density, plan.slots)?;
        let (places, error) = places(plan.slots, &model, heads)?;
        let slots = filled(plan.slots, &places, records, heads);
        Some(Self {
            projection: projection.clone(),
            model,
            slots,
            count: count as u32,
            count_max: plan.count_max as u32,
            misfits: 0,
            prepended: 0,
            appended: 0,
            added: 0,
            error,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Whether it must be rebuilt before the next record is put in.
    pub(crate) fn is_full(&self) -> bool {
        self.count >= self.count_max || (self.misfits >= 32 && self.misfits * 4 > self.count)
    }

    /// Where the next records are likely to go, judged by where the last ones went.
    pub(crate) fn tendency(&self) -> Room {
        if self.appended * 4 > self.added * 3 {
            Room::Behind
        } else if self.prepended * 4 > self.added * 3 {
            Room::Before
        } else {
            Room::Between
        }
    }

    /// The mean of log2(error + 1) when it was built, times 256.
    pub(crate) fn error(&self) -> u32 {
        self.error
    }

    /// Whether a slot is its record's own, not a gap.
    #[inline]
    fn is_own(&self, at: usize) -> bool {
        let record = self.slots[at].record;
        record.is_some() && self.slots.get(at + 1).is_none_or(|next| next.record != record)
    }

    /// The pointer in a slot that `find` found.
    #[inline]
    pub(crate) fn pointer(&self, at: usize) -> Option<RecordPtr> {
        self.slots[at].record
    }

    #[inline]
    fn key(&self, at: usize) -> Option<&[u8]> {
        self.slots[at].record.map(|record| record.view().key())
    }

    pub(crate) fn projection(&self) -> &Projection {
        &self.projection
    }

    /// The records in key order, and their heads, each in an array. Without a branch for each slot: where gaps are cannot be foreseen.
    pub(crate) fn compact(&self) -> (Vec<RecordPtr>, Vec<u64>) {
        let Some(filler) = self.slots[0].record else { return (Vec::new(), Vec::new()) };
        let mut records = vec![filler; self.len() + 1];
        let mut heads = vec![0; self.len() + 1];
        let mut count = 0;
        for pair in self.slots.windows(2) {
            let Some(record) = pair[0].record else { break };
            records[count] = record;
            heads[count] = pair[0].head;
            count += usize::from(pair[0].record != pair[1].record);
        }
        // The last slot has no next one to differ from.
        if let Some(Slot { head, record: Some(record) }) = self.slots.last() {
            (records[count], heads[count]) = (*record, *head);
            count += 1;
        }
        records.truncate(count);
        heads.truncate(count);
        (records, heads)
    }

    /// A slot that holds `key`'s record, or else the first slot behind which nothing is less.
    #[inline]
    pub(crate) fn find(&self, key: &[u8], search: Search) -> Result<usize, usize> {
        let head = self.projection.head(key);
        let start = match search {
            Search::Guess => {
                let guess = self.model.predict(head);
                if self.slots[guess].head == head && self.holds(guess, key) {
                    return Ok(guess);
                }
                self.first_not_below(head, guess)
            }
            Search::Halve => self.slots.partition_point(|slot| slot.head < head),
        };
        match self.slots.get(start) {
            Some(slot) if slot.head == head && slot.record.is_some() => {
                if self.holds(start, key) {
                    Ok(start)
                } else {
                    self.find_among_ties(start, head, key)
                }
            }
            Some(_) | None => Err(start),
        }
    }

    /// Asks for the slots around the one where the key should be.
    #[inline]
    pub(crate) fn prefetch_slot(&self, key: &[u8]) {
        let guess = self.model.predict(self.projection.head(key));
        prefetch(&raw const self.slots[guess], size_of::<Slot>());
    }

    /// The first record with the key's head: the key's own, if no other has this head.
    #[inline]
    pub(crate) fn likely(&self, key: &[u8], search: Search) -> Option<RecordPtr> {
        let head = self.projection.head(key);
        let at = match search {
            Search::Guess => self.first_not_below(head, self.model.predict(head)),
            Search::Halve => self.slots.partition_point(|slot| slot.head < head),
        };
        self.slots.get(at).and_then(|slot| slot.record)
    }

    /// Whether a slot with this key's head is this key's.
    #[inline]
    fn holds(&self, at: usize, key: &[u8]) -> bool {
        let found = self.key(at);
        let told_apart = self.projection.tells_apart(key.len());
        found.is_some_and(|found| found.len() == key.len() && (told_apart || found == key))
    }

    /// The first slot whose head is not less than `head`, searched around `guess`.
    #[inline]
    fn first_not_below(&self, head: u64, guess: usize) -> usize {
        let mut step = 1;
        // Everything before `low` is less, nothing from `high` on is.
        let (mut low, mut high);
        if self.slots[guess].head < head {
            low = guess + 1;
            high = self.slots.len();
            while step <= GALLOP_MAX && low + step <= high {
                if self.slots[low + step - 1].head >= head {
                    high = low + step - 1;
                    break;
                }
                low += step;
                step *= 2;
            }
        } else {
            low = 0;
            high = guess;
            while step <= GALLOP_MAX && step <= high {
                if self.slots[high - step].head < head {
                    low = high - step + 1;
                    break;
                }
                high -= step;
                step *= 2;
            }
        }
        low + self.slots[low..high].partition_point(|slot| slot.head < head)
    }

    /// Goes on from `start`, the first of the slots with this head.
    fn find_among_ties(&self, start: usize, head: u64, key: &[u8]) -> Result<usize, usize> {
        let run = &self.slots[start..];
        // Mostly there is one record; its gaps and itself are few.
        let mut end = 1;
        while end < run.len() && run[end].head == head && run[end].record.is_some() {
            if end >= GALLOP_MAX {
                end = run.partition_point(|slot| slot.head == head && slot.record.is_some());
                break;
            }
            end += 1;
        }
        let below = |slot: &Slot| slot.record.is_some_and(|record| record.view().key() < key);
        let at = start + run[..end].partition_point(below);
        if at < start + end && self.key(at) == Some(key) { Ok(at) } else { Err(at) }
    }

    /// Puts a record where `find` said it belongs. The slots are not full.
    pub(crate) fn insert(&mut self, at: usize, key: &[u8], record: RecordPtr) {
        let head = self.projection.head(key);
        self.added += 1;
        self.misfits += u32::from(!self.projection.admit(key));
        self.prepended += u32::from(at == 0);
        self.appended += u32::from(self.is_end(at));
        self.count += 1;
        let fresh = Slot { head, record: Some(record) };
        if at < self.slots.len() && !self.is_own(at) {
            // The gaps from here on are the next record's; those up to the prediction become this one's.
            let last = self.model.predict(head).max(at);
            let owner = self.slots[at].record;
            let free = self.slots[at..=last].partition_point(|slot| slot.record == owner).max(1);
            let mut end = at + free;
            if owner.is_some() && self.is_own(end - 1) {
                end = (end - 1).max(at + 1);
            }
            self.slots[at..end].fill(fresh);
            return;
        }
        let right = (at..self.slots.len()).find(|&slot| !self.is_own(slot));
        let reach = right.map_or(at, |right| right - at);
        let left = (at.saturating_sub(reach)..at).rev().find(|&slot| !self.is_own(slot));
        match (left, right) {
            (Some(left), right) if right.is_none_or(|right| at - left < right - at) => {
                self.slots.copy_within(left + 1..at, left);
                self.slots[at - 1] = fresh;
            }
            (_, Some(right)) => {
                self.slots.copy_within(at..right, at + 1);
                self.slots[at] = fresh;
            }
            (_, None) => unreachable!("gapped invariant 3: there is a gap"),
        }
    }

    /// Puts `record` in the place of one with the same key, in its own slot and the gaps before it.
    pub(crate) fn replace(&mut self, at: usize, record: RecordPtr) {
        let old = self.slots[at].record;
        let before = self.slots[..at].iter().rev().take_while(|slot| slot.record == old).count();
        let run = self.slots[at - before..].iter_mut().take_while(|slot| slot.record == old);
        run.for_each(|slot| slot.record = Some(record));
    }

    /// Whether nothing is at or behind this place.
    pub(crate) fn is_end(&self, at: usize) -> bool {
        self.slots.get(at).is_none_or(|slot| slot.record.is_none())
    }

    /// See [`super::Slots::copy_forward`].
    pub(crate) fn copy_forward(
        &self,
        from: usize,
        end: usize,
        max: usize,
        out: &mut Vec<RecordPtr>,
    ) -> Option<usize> {
        let end = self.before_tail(end);
        self.copy_own(from..end, max, out).map(|at| at + 1).filter(|next| *next < end)
    }

    /// See [`super::Slots::copy_backward`].
    pub(crate) fn copy_backward(
        &self,
        from: usize,
        end: usize,
        max: usize,
        out: &mut Vec<RecordPtr>,
    ) -> Option<usize> {
        let from = self.before_tail(from);
        self.copy_own((end..from).rev(), max, out).filter(|next| *next > end)
    }

    /// The end of the slots before `end` that hold something.
    fn before_tail(&self, end: usize) -> usize {
        let slots = &self.slots[..end.min(self.slots.len())];
        match slots.last() {
            Some(Slot { record: None, .. }) => slots.partition_point(|slot| slot.record.is_some()),
            Some(_) | None => slots.len(),
        }
    }

    /// Copies records from their own slots among these, in this order, at most `max`; returns the slot of the last one if they are so
    /// many. Without a branch for each slot: where gaps are cannot be foreseen.
    fn copy_own(
        &self,
        slots: impl ExactSizeIterator<Item = usize>,
        max: usize,
        out: &mut Vec<RecordPtr>,
    ) -> Option<usize> {
        let max = max.min(slots.len());
        let start = out.len();
        let filler = self.slots[0].record.filter(|_| max > 0)?;
        out.resize(start + max + 1, filler);
        let mut count = 0;
        let mut last = None;
        for at in slots {
            out[start + count] = self.slots[at].record.unwrap_or(filler);
            count += usize::from(self.is_own(at));
            if count == max {
                last = Some(at);
                break;
            }
        }
        out.truncate(start + count);
        last
    }

    /// What the arrays take.
    pub(crate) fn heap_bytes(&self) -> usize {
        footprint(self.slots.len() * size_of::<Slot>()) + footprint(self.projection.heap_bytes())
    }

    /// Asserts the invariants.
    pub(crate) fn verify(&self) {
        assert!(
            self.slots.windows(2).all(|pair| pair[0].head <= pair[1].head),
            "gapped invariant 1"
        );
        let mut previous: Option<&[u8]> = None;
        let mut count = 0;
        for (at, slot) in self.slots.iter().enumerate() {
            let Some(key) = self.key(at) else {
                assert_eq!(*slot, TAIL, "gapped invariant 1");
                continue;
            };
            assert!(at == 0 || self.slots[at - 1].record.is_some(), "gapped invariant 1");
            assert_eq!(slot.head, self.projection.head(key), "gapped invariant 2");
            if self.is_own(at) {
                assert!(previous.is_none_or(|previous| previous < key), "gapped invariant 2");
                previous = Some(key);
                count += 1;
            }
        }
        assert_eq!(count, self.len(), "gapped invariant 3");
        assert!(
            self.count <= self.count_max && self.len() < self.slots.len(),
            "gapped invariant 3"
        );
    }
}

/// Where the model says that the records with these heads should be, as near as order and room allow, and the mean of
/// log2(error + 1) times 256; `None` if that is too much.
fn places(capacity: usize, model: &Model, heads: &[u64]) -> Option<(Vec<usize>, u32)> {
    let count = heads.len();
    let error_max = u64::from(MEAN_ERROR_MAX) * count as u64;
    // One slot at least stays free, behind the last record if nowhere else.
    let mut highest = capacity - 1 - count;
    let (mut places, mut error, mut next) = (Vec::with_capacity(count), 0, 0);
    for part in heads.chunks(PART_RECORDS) {
        for &head in part {
            let wanted = model.predict(head);
            let slot = wanted.max(next).min(highest);
            let distance = (slot.abs_diff(wanted) + 1) as u64;
            // The whole part of the logarithm, and what the bits below it add.
            let whole = distance.ilog2();
            error += (u64::from(whole) << 8) + ((distance << 8) >> whole) - 256;
            places.push(slot);
            (next, highest) = (slot + 1, highest + 1);
        }
        if error > error_max {
            return None;
        }
    }
    let mean = u32::try_from(error / count as u64).ok()?;
    Some((places, mean))
}

/// Slots with the records in these places and their gaps before them.
fn filled(capacity: usize, places: &[usize], records: &[RecordPtr], heads: &[u64]) -> Box<[Slot]> {
    let mut slots = vec![TAIL; capacity].into_boxed_slice();
    let mut next = 0;
    for ((&slot, &record), &head) in places.iter().zip(records).zip(heads) {
        let fresh = Slot { head, record: Some(record) };
        // How many gaps come next is hard to foresee, and a wrong guess costs more than a write: so many slots are written whether they
        // are the record's or not; the next one writes over what is its own.
        match slots[next..].first_chunk_mut::<WRITTEN_SLOTS>() {
            Some(some) => *some = [fresh; WRITTEN_SLOTS],
            None => slots[next..=slot].fill(fresh),
        }
        if slot >= next + WRITTEN_SLOTS {
            slots[next + WRITTEN_SLOTS..=slot].fill(fresh);
        }
        next = slot + 1;
    }
    let written = capacity.min(next + WRITTEN_SLOTS);
    slots[next..written].fill(TAIL);
    slots
}
