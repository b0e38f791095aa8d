//! Merging sorted runs of a tape.
//!
//! A heap holds the next row of every run, the smallest on top. With more than [`FAN_IN`] runs,
//! groups of that many are merged into longer runs first.

use std::cmp::Ordering;

use super::order::{Order, compare};
use crate::error::Result;
use crate::exec::Context;
use crate::exec::tape::{Tape, TapeReader};
use crate::types::Datum;

/// Runs merged at once; each holds a read buffer.
const FAN_IN: usize = 64;

/// A merge under way.
pub(super) struct Merge {
    keys: Vec<Order>,
    /// A heap by `row`, then by `number`.
    heads: Vec<Head>,
}

/// The next row of a run.
struct Head {
    row: Vec<Datum>,
    /// The run's place among all: of equal rows the earlier run's comes first.
    number: usize,
    reader: TapeReader,
}

impl Merge {
    /// Merges runs, given as parts of the tape, until one pass is left to do.
    pub(super) fn new(
        mut tape: Tape,
        mut runs: Vec<(u64, u64)>,
        keys: Vec<Order>,
        cx: &Context<'_>,
    ) -> Result<Merge> {
        while runs.len() > FAN_IN {
            let mut longer = Vec::with_capacity(runs.len() / FAN_IN + 1);
            let mut next = Tape::new(cx.limits.temporary)?;
            for group in runs.chunks(FAN_IN) {
                let from = next.position();
                let mut merge = Merge::open(&mut tape, group, keys.clone())?;
                let mut more = merge.start()?;
                while more {
                    cx.check()?;
                    next.append(merge.row())?;
                    more = merge.next()?;
                }
                longer.push((from, next.position()));
            }
            (tape, runs) = (next, longer);
        }
        Merge::open(&mut tape, &runs, keys)
    }

    fn open(tape: &mut Tape, runs: &[(u64, u64)], keys: Vec<Order>) -> Result<Merge> {
        let mut heads = Vec::with_capacity(runs.len());
        for (number, (from, to)) in runs.iter().enumerate() {
            let mut head = Head { row: Vec::new(), number, reader: tape.read(*from, *to)? };
            if head.reader.next(&mut head.row)? {
                heads.push(head);
            }
        }
        let mut merge = Merge { keys, heads };
        for place in (0..merge.heads.len() / 2).rev() {
            merge.sift_down(place);
        }
        Ok(merge)
    }

    /// Whether there is a first row.
    pub(super) fn start(&mut self) -> Result<bool> {
        Ok(!self.heads.is_empty())
    }

    /// Moves to the next row; false at the end.
    pub(super) fn next(&mut self) -> Result<bool> {
        let Some(head) = self.heads.first_mut() else { return Ok(false) };
        if !head.reader.next(&mut head.row)? {
            self.heads.swap_remove(0);
        }
        if !self.heads.is_empty() {
            self.sift_down(0);
        }
        Ok(!self.heads.is_empty())
    }

    /// The current row.
    pub(super) fn row(&self) -> &[Datum] {
        self.heads.first().map_or(&[], |head| &head.row)
    }

    fn sift_down(&mut self, mut place: usize) {
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let mut least = place;
            for child in [left, right] {
                if child < self.heads.len() && self.before(child, least) {
                    least = child;
                }
            }
            if least == place {
                return;
            }
            self.heads.swap(place, least);
            place = least;
        }
    }

    fn before(&self, left: usize, right: usize) -> bool {
        let (left, right) = (&self.heads[left], &self.heads[right]);
        let order = compare(&self.keys, &left.row, &right.row);
        order.then(left.number.cmp(&right.number)) == Ordering::Less
    }
}
