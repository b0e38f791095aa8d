//! The memory budget that all trees of a cache share, and what they count.
//!
//! # Invariants
//!
//! 1. `used` is the footprint of everything that can be reached from a tree. It rises before or with the publication, and falls
//!    when the thing is retired, in one step with `retired`; `retired` falls when it is freed. With no tree left
//!    both return to zero.
//! 2. Counts are exact where installs of one key come one after the other, as commit order makes them.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::api::Statistics;
use crate::leaf::Search;
use crate::residency::Clock;
use crate::sync::Mutex;

/// What the allocator takes for an allocation of `bytes`. Its sizes are multiples of 16 up to 128, and from there on four between
/// a power of two and the next: 160, 192, 224, 256, 320. Those are jemalloc's, which the server has; others take about as much.
pub(crate) const fn footprint(bytes: usize) -> usize {
    if bytes <= 128 {
        return bytes.next_multiple_of(16);
    }
    let power = 1 << (bytes - 1).ilog2();
    bytes.next_multiple_of(power / 4)
}

/// A leaf's worth before any was loaded.
const TYPICAL_LEAF_BYTES: usize = 48 << 10;

/// One tag of a row asked for lately for so many bytes of memory: about as many as rows fit.
const BYTES_PER_TAG: usize = 512;

/// So many tags compete for one place, the oldest loses.
const TAGS_PER_BUCKET: usize = 4;

/// With the memory full, one load in so many requests: with a load at some 40 us and a request at 5 us or more of other
/// work, loads take at most a tenth of the CPU, and a hot range is asked for more often than a cold one.
const REQUESTS_PER_LOAD: u64 = 128;

/// The memory budget shared by all trees.
pub struct Cache {
    size: AtomicUsize,
    used: AtomicUsize,
    retired: AtomicUsize,
    typical_leaf: AtomicUsize,
    models: AtomicBool,
    models_used: Apart<AtomicBool>,
    requests: AtomicU64,
    /// Tags of rows that were asked for lately and not found in memory, each where its hash says.
    lately: Box<[AtomicU32]>,
    hasher: RandomState,
    /// Hits of trees that are gone.
    pub(crate) past_hits: AtomicU64,
    pub(crate) loads: AtomicU64,
    pub(crate) declined: AtomicU64,
    pub(crate) evictions: AtomicU64,
    pub(crate) clock: Mutex<Clock>,
}

impl Cache {
    /// A cache of at most `size_bytes`, all bookkeeping included.
    pub fn new(size_bytes: usize) -> Arc<Cache> {
        let lately = (size_bytes / BYTES_PER_TAG).clamp(1 << 8, 1 << 20).next_power_of_two();
        Arc::new(Cache {
            size: AtomicUsize::new(size_bytes),
            used: AtomicUsize::new(0),
            retired: AtomicUsize::new(0),
            typical_leaf: AtomicUsize::new(TYPICAL_LEAF_BYTES),
            models: AtomicBool::new(true),
            models_used: Apart(AtomicBool::new(true)),
            requests: AtomicU64::new(0),
            lately: (0..lately).map(|_| AtomicU32::new(0)).collect(),
            hasher: RandomState::new(),
            past_hits: AtomicU64::new(0),
            loads: AtomicU64::new(0),
            declined: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
            clock: Mutex::new(Clock::default()),
        })
    }

    /// Changes the budget; what is over it is evicted before this returns.
    pub fn set_size(&self, size_bytes: usize) {
        self.size.store(size_bytes, Ordering::Relaxed);
        self.make_room();
    }

    /// Whether leaves built from now on may carry models. For comparison: they do unless told otherwise.
    pub fn set_models(&self, on: bool) {
        self.models.store(on, Ordering::Relaxed);
    }

    /// Whether searches ask the models: they do unless told otherwise. Told not to, from the next search on every leaf is searched by
    /// halving alone, from its first slot to its last; leaves keep their models and new ones are built with them, so that told
    /// again all is as before. Costs nothing to change, and no answer depends on it: it shows what the models are worth.
    pub fn use_models(&self, on: bool) {
        self.models_used.0.store(on, Ordering::Relaxed);
    }

    /// Whether searches ask the models.
    pub fn uses_models(&self) -> bool {
        self.models_used.0.load(Ordering::Relaxed)
    }

    /// What all its trees did and hold. Waits for an eviction under way.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            size_bytes: self.size() as u64,
            bytes: self.used() as u64,
            retired_bytes: self.retired() as u64,
            leaf_hits: self.past_hits.load(Ordering::Relaxed) + self.clock.lock().hits(),
            loads: self.loads.load(Ordering::Relaxed),
            declined: self.declined.load(Ordering::Relaxed),
            evictions: self.evictions.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn models(&self) -> bool {
        self.models.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn search(&self) -> Search {
        if self.uses_models() { Search::Guess } else { Search::Halve }
    }

    /// Whether memory is short, so that what is kept should be chosen finely.
    pub(crate) fn is_tight(&self) -> bool {
        self.used() > self.size() / 4 * 3
    }

    /// What waits for its readers to move on.
    pub(crate) fn retired(&self) -> usize {
        self.retired.load(Ordering::Relaxed)
    }

    /// Whether trees hold more than they may.
    pub fn is_over(&self) -> bool {
        self.used() > self.size()
    }

    /// Counts what was made.
    pub(crate) fn charge(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts what was freed on the spot, because nobody else could reach it.
    pub(crate) fn discharge(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts what was unlinked and waits for its readers.
    pub(crate) fn retire(&self, bytes: usize) {
        self.retired.fetch_add(bytes, Ordering::Relaxed);
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts what was retired and is now freed.
    pub(crate) fn freed(&self, bytes: usize) {
        self.retired.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether a load would exceed nothing.
    pub(crate) fn has_room(&self) -> bool {
        self.used() + self.typical_leaf.load(Ordering::Relaxed) <= self.size()
    }

    /// Whether a load is worth it: always while there is room, else now and then (see [`REQUESTS_PER_LOAD`]).
    pub(crate) fn admit(&self) -> bool {
        let request = || self.requests.fetch_add(1, Ordering::Relaxed);
        let admitted = self.has_room() || request().is_multiple_of(REQUESTS_PER_LOAD);
        if !admitted {
            self.declined.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// Whether a row was asked for before, not too long ago. From now on it was.
    pub(crate) fn is_returning(&self, key: &[u8]) -> bool {
        let hash = self.hasher.hash_one(key);
        let mut tag = (hash >> 32) as u32;
        let bucket = hash as usize % (self.lately.len() / TAGS_PER_BUCKET) * TAGS_PER_BUCKET;
        let bucket = &self.lately[bucket..bucket + TAGS_PER_BUCKET];
        if bucket.iter().any(|place| place.load(Ordering::Relaxed) == tag) {
            return true;
        }
        // The newest comes first, the oldest falls out.
        for place in bucket {
            tag = place.swap(tag, Ordering::Relaxed);
        }
        false
    }

    /// Learns what a load brings, as a moving average over some eight of them.
    pub(crate) fn loaded(&self, bytes: usize) {
        self.loads.fetch_add(1, Ordering::Relaxed);
        let before = self.typical_leaf.load(Ordering::Relaxed);
        self.typical_leaf.store(before - before / 8 + bytes / 8, Ordering::Relaxed);
    }

    /// The most bytes of rows one load may bring: a leaf of ordinary rows, and never a large part of the budget.
    pub(crate) fn load_bytes_max(&self) -> usize {
        (self.size() / 8).clamp(4 << 10, 1 << 20)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("size", &self.size).field("used", &self.used).finish()
    }
}

/// What is read often, on a cache line that nobody writes.
#[repr(align(64))]
struct Apart<T>(T);

/// A counter that many threads raise without sharing a cache line.
#[derive(Default)]
pub(crate) struct Tally {
    stripes: [Stripe; STRIPES],
}

const STRIPES: usize = 8;

#[derive(Default)]
#[repr(align(64))]
struct Stripe(AtomicU64);

thread_local! {
    static STRIPE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES
    };
}

impl Tally {
    #[inline]
    pub(crate) fn raise(&self) {
        let stripe = STRIPE.with(|stripe| *stripe);
        self.stripes[stripe].0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sum(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}
