//! Sort: all rows of the input in order.
//!
//! Rows are collected in memory. Past `work_mem` what is there is sorted and written to a tape as
//! a *run*, and in the end the runs are merged. With a limit only the best rows so far are kept:
//!
//! ```text
//! collect ──▶ full: sort, write a run ──▶ ... ──▶ end: merge the runs and what is in memory
//! limit n ──▶ 2n rows: keep the n best, and from then on skip what is behind the n-th
//! ```
//!
//! Rows that compare equal come out in the order they came in.

mod merge;
mod order;

pub(super) use order::{Order, compare};

use std::cmp::Ordering;

use merge::Merge;

use super::row_set::heap_size;
use super::tape::Tape;
use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::expr::Compiled;
use crate::plan::{Node, SortKey};
use crate::types::Datum;

/// With a limit, rows are thrown out only when at least this many have gathered.
const LEAST_GATHERED: usize = 512;

pub(super) struct Sort {
    input: Box<dyn Operator>,
    /// Whether the rows depend on the frame.
    framed: bool,
    limit: Option<usize>,
    /// Keys that are not columns, appended to each row.
    computed: Vec<Compiled>,
    /// The width of the input's rows.
    width: usize,
    buffer: Buffer,
    state: State,
}

enum State {
    Fresh,
    /// Sorted in memory, at this place of the order.
    Memory(usize),
    Merging(Merge),
}

/// Rows in memory.
struct Buffer {
    keys: Vec<Order>,
    /// Width of a row with its computed keys.
    width: usize,
    rows: Vec<Datum>,
    heap: usize,
    /// Row numbers, in order once sorted.
    order: Vec<u32>,
}

impl Sort {
    pub(super) fn new(
        input: &Node,
        keys: &[SortKey],
        limit: Option<u64>,
        builder: &mut Builder,
    ) -> Result<Sort> {
        let width = input.output.len();
        let (input, framed) = builder.watched(|builder| builder.operator(input))?;
        let mut computed = Vec::new();
        let mut orders = Vec::with_capacity(keys.len());
        let ((), keys_framed) = builder.watched(|builder| {
            for key in keys {
                let expr = Compiled::within(&key.expr, builder)?;
                let position = expr.column().unwrap_or(width + computed.len());
                if position >= width {
                    computed.push(expr);
                }
                orders.push(Order::new(position, key));
            }
            Ok(())
        })?;
        let buffer = Buffer::new(orders, width + computed.len());
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let framed = framed || keys_framed;
        Ok(Sort { input, framed, limit, computed, width, buffer, state: State::Fresh })
    }

    /// Collects the whole input.
    fn collect(&mut self, cx: &mut Context<'_>) -> Result<State> {
        let mut tape = None;
        let mut runs = Vec::new();
        let mut row = Vec::new();
        // The number of the n-th best row once that is known.
        let mut worst = None;
        let gathered = self.limit.map(|limit| limit.saturating_mul(2).max(LEAST_GATHERED));
        while self.input.next(cx)? {
            cx.check()?;
            row.clear();
            row.extend_from_slice(self.input.row());
            for key in &mut self.computed {
                let value = key.eval(self.input.row(), cx)?;
                row.push(value);
            }
            if worst.is_some_and(|worst| self.buffer.compare_with(worst, &row).is_le()) {
                continue;
            }
            self.buffer.push(&row);
            if self.limit == Some(0) {
                self.buffer.clear();
            } else if gathered.is_some_and(|gathered| self.buffer.len() >= gathered) {
                worst = self.buffer.keep_best(self.limit.unwrap_or(0));
            }
            if self.buffer.memory() > cx.limits.work_memory {
                let tape = match &mut tape {
                    Some(tape) => tape,
                    empty => empty.insert(Tape::new(cx.limits.temporary)?),
                };
                runs.push(self.buffer.write_run(tape)?);
                worst = None;
            }
        }
        self.buffer.sort();
        let Some(mut tape) = tape else {
            return Ok(State::Memory(0));
        };
        runs.push(self.buffer.write_run(&mut tape)?);
        let keys = self.buffer.keys.clone();
        Ok(State::Merging(Merge::new(tape, runs, keys, cx)?))
    }
}

impl Operator for Sort {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        match &mut self.state {
            State::Fresh => {
                self.state = self.collect(cx)?;
                match &mut self.state {
                    State::Merging(merge) => merge.start(),
                    _ => Ok(self.buffer.len() > 0),
                }
            }
            State::Memory(place) => {
                *place = place.wrapping_add(1).min(self.buffer.len());
                Ok(*place < self.buffer.len())
            }
            State::Merging(merge) => {
                cx.check()?;
                merge.next()
            }
        }
    }

    fn row(&self) -> &[Datum] {
        match &self.state {
            State::Fresh => &[],
            State::Memory(place) => &self.buffer.row(self.buffer.order[*place])[..self.width],
            State::Merging(merge) => &merge.row()[..self.width],
        }
    }

    fn rewind(&mut self, again: Again) {
        self.state = match std::mem::replace(&mut self.state, State::Fresh) {
            State::Memory(_) if again.keeps(self.framed) && self.buffer.len() > 0 => {
                // `next` moves on before it looks.
                State::Memory(usize::MAX)
            }
            State::Fresh if again == Again::Same => State::Fresh,
            _ => {
                self.buffer.clear();
                self.input.rewind(again);
                State::Fresh
            }
        };
    }
}

impl Buffer {
    fn new(keys: Vec<Order>, width: usize) -> Buffer {
        Buffer { keys, width, rows: Vec::new(), heap: 0, order: Vec::new() }
    }

    fn len(&self) -> usize {
        self.order.len()
    }

    fn memory(&self) -> usize {
        self.heap + self.rows.len() * size_of::<Datum>() + self.order.len() * size_of::<u32>()
    }

    fn row(&self, number: u32) -> &[Datum] {
        &self.rows[number as usize * self.width..][..self.width]
    }

    fn push(&mut self, row: &[Datum]) {
        self.order.push(self.order.len() as u32);
        self.heap += row.iter().map(heap_size).sum::<usize>();
        self.rows.extend_from_slice(row);
    }

    fn clear(&mut self) {
        self.rows = Vec::new();
        self.order = Vec::new();
        self.heap = 0;
    }

    fn sort(&mut self) {
        let mut order = std::mem::take(&mut self.order);
        order.sort_unstable_by(|left, right| self.compare_rows(*left, *right));
        self.order = order;
    }

    fn compare_rows(&self, left: u32, right: u32) -> Ordering {
        compare(&self.keys, self.row(left), self.row(right)).then(left.cmp(&right))
    }

    /// How a row of the buffer compares with one that is not in it.
    fn compare_with(&self, number: u32, row: &[Datum]) -> Ordering {
        compare(&self.keys, self.row(number), row)
    }

    /// Throws out all but the `limit` best rows; the number of the last of them.
    fn keep_best(&mut self, limit: usize) -> Option<u32> {
        self.sort();
        let best = self.order.iter().take(limit);
        let rows = best.flat_map(|number| self.row(*number).iter().cloned()).collect::<Vec<_>>();
        self.clear();
        self.heap = rows.iter().map(heap_size).sum();
        self.order = (0..(rows.len() / self.width.max(1)) as u32).collect();
        self.rows = rows;
        self.order.last().copied()
    }

    /// Sorts what is there and moves it to a tape: where it ends up.
    fn write_run(&mut self, tape: &mut Tape) -> Result<(u64, u64)> {
        self.sort();
        let from = tape.position();
        for number in &self.order {
            tape.append(self.row(*number))?;
        }
        self.clear();
        Ok((from, tape.position()))
    }
}
