//! What a caller says to a tree and what the tree answers.
//!
//! The tree is a cache of something complete, its [`Source`]. Every answer is one of three kinds: the answer
//! itself (`Found`, `Missing`), "the source knows, and loading would help next time" (`Absent`, a loadable
//! `Gap`), or "the source knows and loading would not help", because the question is about a time before
//! what memory holds (`Older`, a `Gap` that is not loadable).

use std::fmt;
use std::ops::ControlFlow;

/// What a source fails with; it comes back to the caller of `load` as it is.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// The order in which rows are visited or loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the lowest key up.
    Forward,
    /// From the highest key down.
    Reverse,
}

/// The complete, ordered map that a tree is a cache of.
pub trait Source: Send + Sync {
    /// Calls `add(key, timestamp, value)` for the newest live row of each key in `[lower, upper)`, in
    /// `direction`, until it breaks or the range ends; `upper` of `None` is the end of the keys.
    ///
    /// The iterator must be opened at the largest timestamp, inside this call. Returns the last timestamp that
    /// had been issued at some moment after it was open (`complete_since`).
    #[expect(clippy::type_complexity, reason = "an alias would hide what a row is made of")]
    fn load(
        &self,
        lower: &[u8],
        upper: Option<&[u8]>,
        direction: Direction,
        add: &mut dyn FnMut(&[u8], u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<u64, SourceError>;

    /// Runs `wait`, which waits for another thread's `load`.
    fn wait(&self, wait: &mut dyn FnMut()) {
        wait();
    }
}

/// What a snapshot sees under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'g> {
    /// The version the snapshot sees.
    Found {
        /// When it was committed.
        timestamp: u64,
        /// Its bytes, good as long as the guard.
        value: &'g [u8],
    },
    /// The snapshot sees no row: an answer.
    Missing,
    /// In memory, but not as far back as this snapshot: the source knows.
    Older,
    /// Not in memory: the source knows, and loading would help.
    Absent,
}

/// The newest version under one key, whatever the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newest<'g> {
    /// The newest version.
    Version {
        /// When it was committed.
        timestamp: u64,
        /// Its bytes, or `None` when it is a deletion.
        value: Option<&'g [u8]>,
    },
    /// There is no live version, and no version of any kind is newer than `since`.
    Missing {
        /// The leaf knows every change after this time.
        since: u64,
    },
    /// Not in memory: the source knows.
    Absent,
}

/// What became of a request to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loading {
    /// The range around the key is, or a moment ago was, resident. Ask again, once; if it is absent
    /// again (evicted meanwhile), read the source.
    Done,
    /// Not worth the memory now: read the source.
    Declined,
}

/// Why a cursor's visit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// As many rows as asked for, or the callback broke; the last row given was consumed.
    More,
    /// No more rows in the range.
    End,
    /// The tree cannot answer over this range for this snapshot. The cursor stands before it: load and
    /// visit again, or read the source over it and go on with `seek` (forward: to `upper`; reverse: to `lower`).
    Gap {
        /// The range's lower end, inclusive.
        lower: Vec<u8>,
        /// The range's upper end, exclusive; `None` is the end of the keys.
        upper: Option<Vec<u8>>,
        /// Whether loading would help. Not when the snapshot is older than what the leaf knows.
        loadable: bool,
    },
    /// What the snapshot sees under this key must come from the source. The cursor stands behind it.
    Older {
        /// The key of the row.
        key: Vec<u8>,
    },
}

/// What all trees of a cache did and hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The budget.
    pub size_bytes: u64,
    /// What the trees hold, bookkeeping included.
    pub bytes: u64,
    /// What was given up and waits for readers to move on.
    pub retired_bytes: u64,
    /// Reads answered from memory (one for each leaf a cursor reads).
    pub leaf_hits: u64,
    /// Ranges loaded.
    pub loads: u64,
    /// Loads not worth the memory.
    pub declined: u64,
    /// Leaves evicted.
    pub evictions: u64,
}

/// What one tree is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeStatistics {
    /// Levels of inner nodes above the leaves.
    pub height: u32,
    /// Leaves whose range is in memory.
    pub resident_leaves: u64,
    /// Of those, how many carry a model.
    pub learned_leaves: u64,
    /// Of those, how many carry none.
    pub dense_leaves: u64,
    /// How far the models are off: the mean over the leaves of the mean of log2(slots off + 1), times 256.
    pub model_error: u64,
    /// Leaves being loaded.
    pub loading_leaves: u64,
    /// Leaves of which only single rows are in memory.
    pub partial_leaves: u64,
    /// Stubs of ranges that are not in memory.
    pub absent_leaves: u64,
    /// Keys with a record in memory.
    pub records: u64,
    /// Of those, how many are in resident leaves.
    pub resident_records: u64,
    /// Slots in resident leaves, used and free.
    pub slots: u64,
    /// What leaves and nodes take.
    pub index_bytes: u64,
    /// What records and versions take.
    pub record_bytes: u64,
    /// Reads answered from memory.
    pub leaf_hits: u64,
    /// Ranges loaded.
    pub loads: u64,
    /// Leaves evicted.
    pub evictions: u64,
}

impl TreeStatistics {
    /// The part of the resident leaves that carry a model, from 0 to 1.
    pub fn learned_part(&self) -> f64 {
        self.learned_leaves as f64 / self.resident_leaves.max(1) as f64
    }

    /// The part of the resident leaves' slots that holds records, from 0 to 1.
    pub fn fill(&self) -> f64 {
        if self.slots == 0 { 0.0 } else { self.resident_records as f64 / self.slots as f64 }
    }
}

/// Why a range could not be loaded.
#[derive(Debug)]
pub enum Error {
    /// The source failed; nothing was loaded.
    Source(SourceError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(source) => write!(f, "could not load a range into the index: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Source(source) => Some(source.as_ref()),
        }
    }
}
