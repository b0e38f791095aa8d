//! The tree: from the root to a leaf, and what is asked of it there.
//!
//! ```text
//!                  root ──▶ node [ g · m · t ]            nodes: separators, copied on change
//!                         ╱     │      │     ╲
//!                  leaf ..g   g..m    m..t    t..         leaves: tile the keys
//!                  resident   absent  loading resident
//!                     │                  │        │
//!                  records            records   records  versions, newest first
//! ```
//!
//! Readers pin an epoch and walk down without latches; at the leaf they take its latch (shared) for one search. A leaf that was
//! replaced meanwhile says so, and they start again.
//!
//! # Invariants
//!
//! 1. The leaves' fences tile the keys. The fences of neighbours meet, and nodes' separators are the fences between.
//! 2. All leaves are at one height.
//! 3. A commit appends to the source, then installs. So what is installed nowhere, because its range was absent, is found by
//!    every loader that begins later.
//!
//! # Concurrency
//!
//! Order: a cache's clock, then one tree's structure mutex, then leaf latches, then the list of crowded leaves. Who holds the
//! structure mutex may latch several leaves; everybody else holds one latch and waits for nothing meanwhile.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_epoch::{Guard, pin};

use crate::api::{Direction, Error, Loading, Lookup, Newest, Source, TreeStatistics};
use crate::crowded::Crowded;
use crate::cursor::Cursor;
use crate::leaf::{Change, Fences, Installed, Leaf, Slots, State};
use crate::node::{Child, Link};
use crate::residency::budget::{Cache, Tally};
use crate::sync::{Condvar, Mutex};

/// An ordered map from keys to versions that holds in memory what is hot of its [`Source`].
pub struct Tree {
    pub(crate) inner: Arc<Inner>,
}

/// A tree, as its cache's clock sees it too.
pub(crate) struct Inner {
    pub(crate) cache: Arc<Cache>,
    pub(crate) source: Box<dyn Source>,
    pub(crate) root: Link,
    /// Held by who changes links, nodes or fences.
    pub(crate) structure: Mutex<()>,
    /// Who waits for a loader waits here; every loader that ends says so.
    pub(crate) load_ends: (Mutex<()>, Condvar),
    pub(crate) tickets: AtomicU64,
    pub(crate) crowded: Mutex<Crowded>,
    pub(crate) hits: Tally,
    pub(crate) loads: AtomicU64,
    pub(crate) evictions: AtomicU64,
}

/// Where in the keys a walk goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seek<'a> {
    /// To the leaf that covers this key.
    At(&'a [u8]),
    /// To the leaf that covers the keys just below this one; `None` is the end of the keys.
    Before(Option<&'a [u8]>),
}

impl Tree {
    /// A tree over a source about which nothing is known yet: everything is absent.
    pub fn new(cache: &Arc<Cache>, source: Box<dyn Source>) -> Tree {
        Self::over(cache, source, Leaf::absent(Fences::all()))
    }

    /// A tree over a source known to be empty at `complete_since`: resident at once.
    pub fn empty(cache: &Arc<Cache>, source: Box<dyn Source>, complete_since: u64) -> Tree {
        Self::over(
            cache,
            source,
            Leaf::resident(Fences::all(), complete_since, Slots::default(), 0),
        )
    }

    fn over(cache: &Arc<Cache>, source: Box<dyn Source>, leaf: Leaf) -> Tree {
        cache.charge(leaf.own_bytes() + leaf.read().slots.heap_bytes());
        let inner = Arc::new(Inner {
            cache: Arc::clone(cache),
            source,
            root: Link::new(Box::new(leaf).into()),
            structure: Mutex::new(()),
            load_ends: (Mutex::new(()), Condvar::new()),
            tickets: AtomicU64::new(0),
            crowded: Mutex::default(),
            hits: Tally::default(),
            loads: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
        });
        cache.clock.lock().add(&inner);
        Tree { inner }
    }

    /// What `snapshot` sees under `key`.
    #[inline]
    pub fn lookup<'g>(&self, key: &[u8], snapshot: u64, guard: &'g Guard) -> Lookup<'g> {
        let search = self.inner.cache.search();
        loop {
            let leaf = self.inner.leaf(Seek::At(key), guard);
            let Some(answer) = leaf.lookup(key, snapshot, search, guard) else { continue };
            if matches!(answer, Lookup::Found { .. } | Lookup::Missing) {
                leaf.touch();
                self.inner.hits.raise();
            }
            return answer;
        }
    }

    /// The newest version under `key`.
    pub fn newest<'g>(&self, key: &[u8], guard: &'g Guard) -> Newest<'g> {
        let search = self.inner.cache.search();
        loop {
            let leaf = self.inner.leaf(Seek::At(key), guard);
            let Some(answer) = leaf.newest(key, search, guard) else { continue };
            if answer != Newest::Absent {
                leaf.touch();
                self.inner.hits.raise();
            }
            return answer;
        }
    }

    /// Adds a committed version, `None` for a deletion.
    ///
    /// Called after the append to the source; versions of one key come in the order of their timestamps, one after the other.
    /// Evicts nothing, since others may wait for the caller: call [`make_some_room`](Cache::make_some_room) when they no longer do.
    ///
    /// Does nothing where the range is absent, or where a version as new is there already. `horizon`: of the
    /// versions at or before it only the newest is kept; who reads further back is told to ask the source. Raise it to the
    /// least snapshot that is worth answering from memory; no answer is wrong if it is too high.
    ///
    /// Returns by how many rows the keyspace has grown, as far as memory knows: -1, 0 or 1.
    pub fn install(&self, key: &[u8], timestamp: u64, value: Option<&[u8]>, horizon: u64) -> i64 {
        let guard = pin();
        let change = Change { key, timestamp, value, horizon };
        loop {
            let leaf = self.inner.leaf(Seek::At(key), &guard);
            match leaf.install(&change, &self.inner.cache, &guard) {
                Installed::Done(grown) => return grown,
                Installed::Crowded => {
                    self.inner.purge(key, horizon, &guard);
                    return -1;
                }
                Installed::Full => self.inner.make_slot(key, horizon, &guard),
                Installed::Obsolete => {}
            }
        }
    }

    /// Drops deletions that crowd leaves and were newer than the horizon when they came; to be called now and then.
    pub fn purge(&self, horizon: u64) {
        self.inner.purge_crowded(horizon);
    }

    /// Makes the range around `key` resident if it is worth it: forward, `key` and what follows; reverse, `key` and what
    /// precedes it; a short range is filled up from the other side. If only the row itself is worth it, just that. Waits for
    /// another loader of the same range.
    ///
    /// Call it without a pin: it waits for the source.
    pub fn load(&self, key: &[u8], direction: Direction) -> Result<Loading, Error> {
        match self.inner.load(Seek::At(key), direction)? {
            Loading::Done => Ok(Loading::Done),
            Loading::Declined => self.inner.load_row(key),
        }
    }

    /// Makes the beginning (reverse: the end) of a cursor's gap resident if it is worth it.
    pub fn load_gap(
        &self,
        lower: &[u8],
        upper: Option<&[u8]>,
        direction: Direction,
    ) -> Result<Loading, Error> {
        match direction {
            Direction::Forward => self.inner.load(Seek::At(lower), direction),
            Direction::Reverse => self.inner.load(Seek::Before(upper), direction),
        }
    }

    /// While memory is plenty, makes the range around `key` resident and returns where the next one begins. `None`: memory is
    /// not plenty, or this was the last one.
    pub fn load_ahead(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if self.inner.cache.is_tight() {
            return Ok(None);
        }
        self.inner.load(Seek::At(key), Direction::Forward)?;
        let guard = pin();
        let leaf = self.inner.leaf(Seek::At(key), &guard);
        Ok(leaf.fences.upper.as_deref().map(<[u8]>::to_vec))
    }

    /// A cursor over a range; it owns its position and may outlive every pin.
    pub fn cursor(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>, direction: Direction) -> Cursor {
        Cursor::new(lower, upper, direction)
    }

    /// What it is made of. Walks all leaves.
    pub fn statistics(&self) -> TreeStatistics {
        self.inner.statistics()
    }

    /// It as text: a line for each node and leaf, with what the leaf knows. Walks all leaves.
    pub fn outline(&self) -> String {
        self.inner.outline()
    }

    /// Forgets everything: back to one absent stub.
    pub fn clear(&self) {
        self.inner.clear();
    }

    /// Asserts every structural invariant, and returns the bytes found. For tests: it stops all changes of structure meanwhile.
    ///
    /// # Panics
    /// When one does not hold.
    #[doc(hidden)]
    pub fn verify(&self) -> u64 {
        self.inner.verify() as u64
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("statistics", &self.statistics()).finish()
    }
}

impl Inner {
    /// The leaf there, which may be replaced at any moment: its state says so.
    #[inline]
    pub(crate) fn leaf<'g>(&self, seek: Seek<'_>, guard: &'g Guard) -> &'g Leaf {
        let mut child = self.root.load(guard);
        loop {
            let node = match child {
                Child::Leaf(leaf) => return leaf.get(),
                Child::Node(node) => node,
            };
            let at = match seek {
                Seek::At(key) => node.position(key),
                Seek::Before(upper) => node.position_before(upper),
            };
            child = node.link(at).load(guard);
        }
    }

    fn statistics(&self) -> TreeStatistics {
        let mut statistics = TreeStatistics {
            leaf_hits: self.hits.sum(),
            loads: self.loads.load(Ordering::Relaxed),
            evictions: self.evictions.load(Ordering::Relaxed),
            ..TreeStatistics::default()
        };
        {
            let _held = self.structure.lock();
            let guard = pin();
            count_nodes(self.root.load(&guard), 0, &mut statistics, &guard);
        }
        let mut next = Some(Vec::new());
        while let Some(key) = next.take() {
            let guard = pin();
            let leaf = self.leaf(Seek::At(&key), &guard);
            next = if count_leaf(leaf, &mut statistics) {
                leaf.fences.upper.as_deref().map(<[u8]>::to_vec)
            } else {
                Some(key)
            };
        }
        statistics.model_error /= statistics.learned_leaves.max(1);
        statistics
    }
}

/// Adds the nodes of a subtree to `into`; `depth` nodes are above it.
fn count_nodes(child: Child<'_>, depth: u32, into: &mut TreeStatistics, guard: &Guard) {
    into.height = into.height.max(depth);
    if let Child::Node(node) = child {
        into.index_bytes += node.bytes() as u64;
        for at in 0..node.children() {
            count_nodes(node.link(at).load(guard), depth + 1, into, guard);
        }
    }
}

/// Adds a leaf to `into`. False if it is obsolete. Its records are looked at outside of the latch.
fn count_leaf(leaf: &Leaf, into: &mut TreeStatistics) -> bool {
    let body = leaf.read();
    let rows = body.slots.len() as u64;
    match body.state {
        State::Obsolete => return false,
        State::Absent if rows > 0 => into.partial_leaves += 1,
        State::Absent => into.absent_leaves += 1,
        State::Loading(_) => into.loading_leaves += 1,
        State::Resident => {
            into.resident_leaves += 1;
            into.resident_records += rows;
            into.slots += body.slots.capacity() as u64;
            into.learned_leaves += u64::from(body.slots.is_learned());
            into.dense_leaves += u64::from(!body.slots.is_learned());
            into.model_error += u64::from(body.slots.error());
        }
    }
    into.records += rows;
    into.index_bytes += (leaf.own_bytes() + body.slots.heap_bytes()) as u64;
    let records = body.slots.collect();
    drop(body);
    into.record_bytes += records.iter().map(|record| record.view().bytes() as u64).sum::<u64>();
    true
}
