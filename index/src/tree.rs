//! A tree in which every range is absent: the source answers everything.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::{Direction, Error, Loading, Lookup, Newest, Source, Statistics, TreeStatistics};
use crate::cursor::Cursor;
use crossbeam_epoch::Guard;

/// The memory budget shared by all trees.
pub struct Cache {
    size: AtomicUsize,
}

impl Cache {
    /// A cache of at most `size_bytes`.
    pub fn new(size_bytes: usize) -> Arc<Cache> {
        Arc::new(Cache { size: AtomicUsize::new(size_bytes) })
    }

    /// Changes the budget; what is over it is evicted.
    pub fn set_size(&self, size_bytes: usize) {
        self.size.store(size_bytes, Ordering::Relaxed);
    }

    /// What all its trees did and hold.
    pub fn statistics(&self) -> Statistics {
        Statistics { size_bytes: self.size.load(Ordering::Relaxed) as u64, ..Statistics::default() }
    }
}

/// An ordered map from keys to versions that holds in memory what is hot of its [`Source`].
pub struct Tree {
    _source: Box<dyn Source>,
}

impl Tree {
    /// A tree over a source about which nothing is known yet: everything is absent.
    pub fn new(_cache: &Arc<Cache>, source: Box<dyn Source>) -> Tree {
        Tree { _source: source }
    }

    /// A tree over a source known to be empty at `complete_since`: resident at once.
    pub fn empty(cache: &Arc<Cache>, source: Box<dyn Source>, _complete_since: u64) -> Tree {
        Self::new(cache, source)
    }

    /// What `snapshot` sees under `key`.
    pub fn lookup<'g>(&self, _key: &[u8], _snapshot: u64, _guard: &'g Guard) -> Lookup<'g> {
        Lookup::Absent
    }

    /// The newest version under `key`.
    pub fn newest<'g>(&self, _key: &[u8], _guard: &'g Guard) -> Newest<'g> {
        Newest::Absent
    }

    /// Adds a committed version, `None` for a deletion. Called after the append to the source, in commit order.
    /// Does nothing where the range is absent. `horizon`: no reader is below it, older versions may be cut.
    pub fn install(&self, _key: &[u8], _timestamp: u64, _value: Option<&[u8]>, _horizon: u64) {}

    /// Makes the range around `key` resident if it is worth it, reading from it in `direction` first. Waits for
    /// another loader of the same range.
    pub fn load(&self, _key: &[u8], _direction: Direction) -> Result<Loading, Error> {
        Ok(Loading::Declined)
    }

    /// Makes the beginning (reverse: the end) of a cursor's gap resident if it is worth it.
    pub fn load_gap(
        &self,
        _lower: &[u8],
        _upper: Option<&[u8]>,
        _direction: Direction,
    ) -> Result<Loading, Error> {
        Ok(Loading::Declined)
    }

    /// A cursor over a range; it owns its position and may outlive every pin.
    pub fn cursor(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>, direction: Direction) -> Cursor {
        Cursor::new(lower, upper, direction)
    }

    /// What it is made of. Walks all leaves.
    pub fn statistics(&self) -> TreeStatistics {
        TreeStatistics::default()
    }

    /// Forgets everything: back to one absent stub.
    pub fn clear(&self) {}
}
