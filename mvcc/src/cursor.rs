//! Rows of a range in order, at a snapshot, own writes merged in.
//!
//! Rows come from the tree as long as it can answer; over a gap the range is loaded, or, where that is not
//! worth it or the snapshot is older than memory, read from the store at the snapshot:
//!
//! ```text
//! tree        ▪▪▪▪▪▪▪▪        ▪▪▪▪▪▪▪
//! store               ▫▫▫▫▫▫▫▫
//! own writes     ▴      ▴        ▾         written, written, deleted
//! visited     ▪▪▪▴▪▪▪▪▪▫▴▫▫▫▫▫▫▪▪ ▪▪▪▪
//! ```
//!
//! # Invariants
//!
//! 1. `rest` is the part of the range that was not visited, except for rows that `tree` has passed.
//!    Whenever rows were read past the tree's position, `strayed` is set, and `tree` goes on with `rest`.
//! 2. A row is given once, and rows are given in order, whatever is installed, loaded or evicted between
//!    two visits: the snapshot does not change, and a position is a key, not a place.
//!
//! # Concurrency
//!
//! Rows of the tree are given under a pin, one a call of the tree; rows of the store under none.

use std::cmp::Ordering;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use reckon_index::{Direction as TreeDirection, Loading, Step};
use reckon_storage::{Direction, KeyRange};

use crate::error::Error;
use crate::keyspace::Keyspace;
use crate::snapshot::Snapshot;
use crate::transaction::{Counters, Transaction};
use crate::write_set;

/// The most rows read from the store at once because memory did not go back to the snapshot.
const OLDER_ROWS_MAX: usize = 256;

/// Rows that memory must answer in a row before it is trusted again to go back to the snapshot.
const FRESH_ROWS_MIN: u64 = 16;

/// A position in a range. It borrows nothing; visit it with the transaction and the snapshot it is for.
pub struct Cursor {
    keyspace: Arc<Keyspace>,
    rest: KeyRange,
    direction: Direction,
    tree: Option<reckon_index::Cursor>,
    strayed: bool,
    /// The tree and the store have no more rows; own writes may be left.
    ended: bool,
    /// The gap at hand was loaded a moment ago.
    loaded: bool,
    /// How many rows to read from the store when the next row is older than memory.
    older_rows: usize,
}

/// What one step of a visit came to.
enum Progress {
    /// As many rows as wanted were given.
    Stopped,
    /// There may be more.
    More,
    /// The range ended.
    Ended,
}

impl Cursor {
    pub(crate) fn new(keyspace: Arc<Keyspace>, range: KeyRange, direction: Direction) -> Self {
        Self {
            keyspace,
            rest: range,
            direction,
            tree: None,
            strayed: false,
            ended: false,
            loaded: false,
            older_rows: 1,
        }
    }

    /// Gives up to `rows_max` rows that `snapshot` sees to `row`, until it breaks; the row it broke at was
    /// given. True: there may be more. `row` runs under a pin, it must not take long.
    pub fn visit(
        &mut self,
        transaction: &Transaction,
        snapshot: &Snapshot,
        rows_max: usize,
        counters: &mut Counters,
        row: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<bool, Error> {
        let start = snapshot.tracked.then(|| self.rest.clone());
        let writes = &transaction.state().writes;
        let own = writes
            .has(self.keyspace.id)
            .then(|| writes.range(self.keyspace.id, &self.rest, self.direction, snapshot.command));
        let mut visit = Visit {
            own,
            direction: self.direction,
            row,
            left: rows_max,
            stopped: rows_max == 0,
            overran: false,
            last: Vec::new(),
        };
        let stopped = loop {
            if visit.stopped {
                break true;
            }
            if self.ended {
                break visit.rest().is_break();
            }
            match self.step(&mut visit, snapshot, counters)? {
                Progress::Stopped => break true,
                Progress::More => {}
                Progress::Ended => self.ended = true,
            }
        };
        if stopped && rows_max > 0 {
            self.go_on_after(&visit.last);
            self.strayed |= visit.overran;
        }
        if let Some(start) = start
            && rows_max > 0
        {
            let last = stopped.then_some(visit.last);
            transaction.mark_range(self.keyspace.id, self.visited(start, last))?;
        }
        Ok(stopped)
    }

    fn step<F: FnMut(&[u8], &[u8]) -> ControlFlow<()>>(
        &mut self,
        visit: &mut Visit<'_, F>,
        snapshot: &Snapshot,
        counters: &mut Counters,
    ) -> Result<Progress, Error> {
        let (tree, rest, direction) = (&self.keyspace.tree, &self.rest, self.direction);
        let lower = rest.lower.as_ref().map(Vec::as_slice);
        let upper = rest.upper.as_ref().map(Vec::as_slice);
        let cursor =
            self.tree.get_or_insert_with(|| tree.cursor(lower, upper, tree_direction(direction)));
        if std::mem::take(&mut self.strayed) {
            cursor.restart(lower, upper);
        }
        let mut rows = 0;
        let step = cursor.visit(tree, snapshot.timestamp.0, visit.left, |key, value| {
            rows += 1;
            visit.give(key, value)
        });
        counters.leaf_hits += rows;
        if rows >= FRESH_ROWS_MIN {
            self.older_rows = 1;
        }
        let loaded = std::mem::take(&mut self.loaded) && rows == 0;
        if visit.stopped {
            return Ok(Progress::Stopped);
        }
        match step {
            Step::More => Ok(Progress::More),
            Step::End => Ok(Progress::Ended),
            Step::Gap { lower, upper, loadable } => {
                if loadable && !loaded && self.load(&lower, upper.as_deref())? {
                    counters.loads += 1;
                    self.loaded = true;
                    return Ok(Progress::More);
                }
                self.read_gap(visit, snapshot, counters, lower, upper)
            }
            Step::Older { key } => self.read_older(visit, snapshot, counters, key),
        }
    }

    fn load(&self, lower: &[u8], upper: Option<&[u8]>) -> Result<bool, Error> {
        let direction = tree_direction(self.direction);
        Ok(self.keyspace.tree.load_gap(lower, upper, direction)? == Loading::Done)
    }

    /// Reads from the store what the tree cannot answer, and goes on behind it.
    fn read_gap<F: FnMut(&[u8], &[u8]) -> ControlFlow<()>>(
        &mut self,
        visit: &mut Visit<'_, F>,
        snapshot: &Snapshot,
        counters: &mut Counters,
        lower: Vec<u8>,
        upper: Option<Vec<u8>>,
    ) -> Result<Progress, Error> {
        let gap = self.clip(&lower, upper.as_deref());
        let rows = self.read_store(&gap, usize::MAX, visit, snapshot, counters)?;
        if visit.stopped {
            self.strayed = true;
            return Ok(Progress::Stopped);
        }
        debug_assert!(rows.ended, "nothing but the visit ends a gap early");
        let behind = match self.direction {
            Direction::Forward => upper,
            Direction::Reverse => Some(lower).filter(|lower| !lower.is_empty()),
        };
        let Some(behind) = behind else { return Ok(Progress::Ended) };
        if let Some(cursor) = &mut self.tree {
            cursor.seek(&behind);
        }
        match self.direction {
            Direction::Forward => self.rest.lower = Bound::Included(behind),
            Direction::Reverse => self.rest.upper = Bound::Excluded(behind),
        }
        Ok(Progress::More)
    }

    /// Reads a row from the store, and as many after it as have lately been older than memory.
    fn read_older<F: FnMut(&[u8], &[u8]) -> ControlFlow<()>>(
        &mut self,
        visit: &mut Visit<'_, F>,
        snapshot: &Snapshot,
        counters: &mut Counters,
        key: Vec<u8>,
    ) -> Result<Progress, Error> {
        let rows_max = self.older_rows;
        self.older_rows = (rows_max * 4).min(OLDER_ROWS_MAX);
        if rows_max == 1 {
            counters.store_reads += 1;
            let value = self.keyspace.read_store(&key, snapshot.timestamp)?;
            let broke = value.is_some_and(|value| visit.give(&key, &value).is_break());
            return Ok(if broke { Progress::Stopped } else { Progress::More });
        }
        match self.direction {
            Direction::Forward => self.rest.lower = Bound::Included(key),
            Direction::Reverse => self.rest.upper = Bound::Included(key),
        }
        self.strayed = true;
        let range = self.rest.clone();
        let rows = self.read_store(&range, rows_max, visit, snapshot, counters)?;
        if visit.stopped {
            return Ok(Progress::Stopped);
        }
        if rows.ended {
            return Ok(Progress::Ended);
        }
        self.go_on_after(&rows.last);
        Ok(Progress::More)
    }

    fn read_store<F: FnMut(&[u8], &[u8]) -> ControlFlow<()>>(
        &self,
        range: &KeyRange,
        rows_max: usize,
        visit: &mut Visit<'_, F>,
        snapshot: &Snapshot,
        counters: &mut Counters,
    ) -> Result<StoreRows, Error> {
        let mut last = Vec::new();
        let mut rows = 0;
        let at = snapshot.timestamp;
        let mut row = |key: &[u8], value: &[u8]| {
            rows += 1;
            last.clear();
            last.extend_from_slice(key);
            visit.give(key, value)
        };
        let ended = self.keyspace.scan_store(range, self.direction, at, rows_max, &mut row)?;
        counters.store_reads += rows.max(1);
        Ok(StoreRows { ended, last })
    }

    /// The part of a gap that is still to be visited.
    fn clip(&self, lower: &[u8], upper: Option<&[u8]>) -> KeyRange {
        let mut gap = self.rest.clone();
        let below = match &gap.lower {
            Bound::Included(rest) | Bound::Excluded(rest) => rest.as_slice() < lower,
            Bound::Unbounded => true,
        };
        if below {
            gap.lower = Bound::Included(lower.to_vec());
        }
        let Some(upper) = upper else { return gap };
        let above = match &gap.upper {
            Bound::Included(rest) | Bound::Excluded(rest) => rest.as_slice() >= upper,
            Bound::Unbounded => true,
        };
        if above {
            gap.upper = Bound::Excluded(upper.to_vec());
        }
        gap
    }

    /// What a visit from `start` has seen: up to the last row given, or all.
    fn visited(&self, mut start: KeyRange, last: Option<Vec<u8>>) -> KeyRange {
        match (last, self.direction) {
            (None, _) => {}
            (Some(last), Direction::Forward) => start.upper = Bound::Included(last),
            (Some(last), Direction::Reverse) => start.lower = Bound::Included(last),
        }
        start
    }

    fn go_on_after(&mut self, key: &[u8]) {
        match self.direction {
            Direction::Forward => self.rest.lower = Bound::Excluded(key.to_vec()),
            Direction::Reverse => self.rest.upper = Bound::Excluded(key.to_vec()),
        }
    }
}

/// What was read from the store.
struct StoreRows {
    /// The range was read to its end.
    ended: bool,
    last: Vec<u8>,
}

/// One visit: merges own writes into rows that come in order.
struct Visit<'a, F> {
    own: Option<write_set::Range<'a>>,
    direction: Direction,
    row: F,
    left: usize,
    /// `left` rows were given, or the callback broke.
    stopped: bool,
    /// It stopped at an own row before the row that was at hand, which was not given.
    overran: bool,
    /// The key of the last row given; kept when it stopped.
    last: Vec<u8>,
}

impl<F: FnMut(&[u8], &[u8]) -> ControlFlow<()>> Visit<'_, F> {
    /// A committed row: gives the own rows before it, then it, or what the transaction made of it.
    #[inline]
    fn give(&mut self, key: &[u8], value: &[u8]) -> ControlFlow<()> {
        if self.own.is_none() { self.emit(key, value) } else { self.merge(key, value) }
    }

    fn merge(&mut self, key: &[u8], value: &[u8]) -> ControlFlow<()> {
        while let Some(own) = &mut self.own
            && let Some((own_key, own_value)) = own.peek()
        {
            let order = match self.direction {
                Direction::Forward => own_key.cmp(key),
                Direction::Reverse => key.cmp(own_key),
            };
            if order == Ordering::Greater {
                break;
            }
            own.advance();
            if let Some(own_value) = own_value {
                let flow = self.emit(own_key, own_value);
                if order == Ordering::Less {
                    self.overran = flow.is_break();
                }
                if flow.is_break() || order == Ordering::Equal {
                    return flow;
                }
            } else if order == Ordering::Equal {
                return ControlFlow::Continue(());
            }
        }
        self.emit(key, value)
    }

    /// The own rows behind the last committed one.
    fn rest(&mut self) -> ControlFlow<()> {
        while let Some(own) = &mut self.own
            && let Some((key, value)) = own.peek()
        {
            own.advance();
            if let Some(value) = value {
                self.emit(key, value)?;
            }
        }
        ControlFlow::Continue(())
    }

    #[inline]
    fn emit(&mut self, key: &[u8], value: &[u8]) -> ControlFlow<()> {
        let flow = (self.row)(key, value);
        self.left -= 1;
        if self.left > 0 && flow.is_continue() {
            return ControlFlow::Continue(());
        }
        self.stopped = true;
        self.last.clear();
        self.last.extend_from_slice(key);
        ControlFlow::Break(())
    }
}

fn tree_direction(direction: Direction) -> TreeDirection {
    match direction {
        Direction::Forward => TreeDirection::Forward,
        Direction::Reverse => TreeDirection::Reverse,
    }
}
