//! Hash Join: the right side's rows in a table by their key, looked up for each left row.
//!
//! A table larger than `work_mem` is not kept: the rows of both sides go to tapes by the hash of
//! their key, and the pairs of tapes are joined one after another.
//!
//! ```text
//! task 0   build: right ──▶ fits ──▶ probe: left
//!                       └─▶ too large: right and left to tapes ──▶ tasks 1, 2, ...
//! ```
//!
//! # Invariants
//!
//! 1. NULL equals nothing: a row with a NULL in its key matches none, and is kept only where it
//!    comes out unmatched.
//! 2. Keys are looked up as [`super::row_set`] compares them. An equality that is none of values
//!    alone (`char(n)`, or of two types) is no key but part of the condition.

mod table;

use table::Table;

use super::overflow::{self, Overflow};
use super::row_set::hash;
use super::tape::{Tape, TapeReader};
use super::{Again, Builder, Context, Operator};
use crate::error::{ExecutionError, Result};
use crate::expr::{Comparator, Compiled};
use crate::plan::{JoinKind, Node, NodeKind};
use crate::types::Datum;

pub(super) struct HashJoin {
    left: Side,
    right: Side,
    kind: JoinKind,
    /// Equalities that are checked pair by pair (invariant 2): left value, right value.
    checked: Vec<(Compiled, Compiled, Comparator)>,
    condition: Option<Compiled>,
    table: Table,
    tasks: Vec<Task>,
    /// The left row, then the right one.
    row: Vec<Datum>,
    state: State,
}

struct Side {
    operator: Box<dyn Operator>,
    keys: Vec<Compiled>,
    key: Vec<Datum>,
    width: usize,
}

/// Rows to join: all of both sides, or a pair of tapes.
struct Task {
    left: Source,
    right: Source,
    level: u32,
}

enum Source {
    Operator,
    Tape(Option<Tape>, Option<TapeReader>),
}

enum State {
    Fresh,
    /// The next left row is wanted.
    Left(Task),
    /// The right rows of the left row, from this place of its chain on.
    Right {
        task: Task,
        next: u32,
        matched: bool,
    },
    /// Right rows that nothing matched, from this one on.
    Unmatched(usize),
    Ended,
}

impl HashJoin {
    pub(super) fn new(node: &Node, builder: &mut Builder) -> Result<HashJoin> {
        let NodeKind::HashJoin { left, right, kind, keys, condition } = &node.kind else {
            return Err(ExecutionError::Internal { what: "no hash join" }.into());
        };
        let mut left = Side::new(left, builder)?;
        let mut right = Side::new(right, builder)?;
        let mut checked = Vec::new();
        for (left_key, right_key, equal) in keys {
            let comparator = Comparator::new(equal, left_key.ty, right_key.ty);
            let left_key = Compiled::within(left_key, builder)?;
            let right_key = Compiled::within(right_key, builder)?;
            if comparator.hashable() == Some(true) {
                left.keys.push(left_key);
                right.keys.push(right_key);
            } else {
                checked.push((left_key, right_key, comparator));
            }
        }
        let table = Table::new(right.keys.len(), right.width);
        let condition = builder.optional(condition.as_ref())?;
        let (tasks, row, state) = (Vec::new(), Vec::new(), State::Fresh);
        Ok(HashJoin { left, right, kind: *kind, checked, condition, table, tasks, row, state })
    }

    /// Whether rows of the right side come out without a match.
    fn keeps_right(&self) -> bool {
        matches!(self.kind, JoinKind::Right | JoinKind::Full)
    }

    /// Whether rows of the left side come out without a match.
    fn keeps_left(&self) -> bool {
        matches!(self.kind, JoinKind::Left | JoinKind::Full | JoinKind::Anti)
    }

    /// Builds the table of the next task that has room; None when there is no task left.
    fn begin(&mut self, cx: &mut Context<'_>) -> Result<Option<Task>> {
        while let Some(mut task) = self.tasks.pop() {
            self.table.clear();
            if self.build(&mut task, cx)? {
                return Ok(Some(task));
            }
        }
        Ok(None)
    }

    /// Builds the table of a task; false when it was split instead.
    fn build(&mut self, task: &mut Task, cx: &mut Context<'_>) -> Result<bool> {
        let keep = self.keeps_right();
        let mut row = Vec::new();
        while task.right.next(&mut self.right, &mut row, cx)? {
            cx.check()?;
            let null = self.right.compute(&row, cx)?;
            if !null || keep {
                self.table.insert((!null).then_some(self.right.key.as_slice()), &row);
            }
            if self.table.memory() > overflow::room(task.level, &cx.limits) {
                if task.level >= overflow::DEEPEST {
                    return Err(overflow::refused("a hash join"));
                }
                self.split(task, cx)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Spreads both sides of a task over tapes, beginning with what is in the table.
    fn split(&mut self, task: &mut Task, cx: &mut Context<'_>) -> Result<()> {
        let mut rights = Overflow::new(task.level);
        let keep = self.keeps_right();
        for number in 0..self.table.len() {
            let row = self.table.row(number);
            let null = self.right.compute(row, cx)?;
            rights.push(if null { 0 } else { hash(&self.right.key) }, row, &cx.limits)?;
        }
        self.table.clear();
        let mut row = Vec::new();
        while task.right.next(&mut self.right, &mut row, cx)? {
            cx.check()?;
            let null = self.right.compute(&row, cx)?;
            if !null || keep {
                rights.push(if null { 0 } else { hash(&self.right.key) }, &row, &cx.limits)?;
            }
        }
        let mut lefts = Overflow::new(task.level);
        let keep = self.keeps_left();
        while task.left.next(&mut self.left, &mut row, cx)? {
            cx.check()?;
            let null = self.left.compute(&row, cx)?;
            if !null || keep {
                lefts.push(if null { 0 } else { hash(&self.left.key) }, &row, &cx.limits)?;
            }
        }
        let parts = lefts.into_parts().into_iter().zip(rights.into_parts());
        for (left, right) in parts.filter(|(left, right)| left.is_some() || right.is_some()) {
            let (left, right) = (Source::Tape(left, None), Source::Tape(right, None));
            self.tasks.push(Task { left, right, level: task.level + 1 });
        }
        Ok(())
    }

    /// The chain of right rows that may match the left row in `row`.
    fn look_up(&mut self, cx: &mut Context<'_>) -> Result<u32> {
        let null = self.left.compute(&self.row, cx)?;
        Ok(if null { 0 } else { self.table.chain(&self.left.key) })
    }

    /// Whether the pair in `row` matches.
    fn matches(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let (left, right) = self.row.split_at(self.left.width);
        for (left_value, right_value, equal) in &mut self.checked {
            let left_value = left_value.eval(left, cx)?;
            let right_value = right_value.eval(right, cx)?;
            if equal.apply(&left_value, &right_value, cx)? != Some(true) {
                return Ok(false);
            }
        }
        match &mut self.condition {
            Some(condition) => condition.test(&self.row, cx),
            None => Ok(true),
        }
    }

    /// Follows the chain to the next match; the place behind it.
    fn follow(&mut self, mut next: u32, cx: &mut Context<'_>) -> Result<Option<u32>> {
        while let Some(number) = (next as usize).checked_sub(1) {
            cx.check()?;
            next = self.table.behind(number);
            self.row.truncate(self.left.width);
            self.row.extend_from_slice(self.table.row(number));
            if self.matches(cx)? {
                self.table.mark(number);
                return Ok(Some(next));
            }
        }
        Ok(None)
    }

    /// Fills `row` with NULLs for the missing right side.
    fn without_right(&mut self) {
        self.row.truncate(self.left.width);
        self.row.resize(self.left.width + self.right.width, Datum::Null);
    }

    /// One step; Some when a row has come out, or at the end.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Option<bool>> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Fresh => {
                self.tasks =
                    vec![Task { left: Source::Operator, right: Source::Operator, level: 0 }];
                self.state = self.begin(cx)?.map_or(State::Ended, State::Left);
                Ok(None)
            }
            State::Left(mut task) => {
                if !task.left.next(&mut self.left, &mut self.row, cx)? {
                    self.state = State::Unmatched(0);
                    return Ok(None);
                }
                let next = self.look_up(cx)?;
                self.state = State::Right { task, next, matched: false };
                Ok(None)
            }
            State::Right { task, next, matched } => {
                let found = self.follow(next, cx)?;
                let one_is_enough = matches!(self.kind, JoinKind::Semi | JoinKind::Anti);
                self.state = match found {
                    Some(next) if !one_is_enough => State::Right { task, next, matched: true },
                    _ => State::Left(task),
                };
                Ok(match (self.kind, found) {
                    (JoinKind::Anti, Some(_)) => None,
                    (_, Some(_)) => Some(true),
                    (JoinKind::Anti, None) => Some(true),
                    (JoinKind::Left | JoinKind::Full, None) if !matched => {
                        self.without_right();
                        Some(true)
                    }
                    _ => None,
                })
            }
            State::Unmatched(from) => {
                let unmatched = self.keeps_right().then(|| self.table.unmatched(from)).flatten();
                let Some(number) = unmatched else {
                    self.state = self.begin(cx)?.map_or(State::Ended, State::Left);
                    return Ok(None);
                };
                self.row.clear();
                self.row.resize(self.left.width, Datum::Null);
                self.row.extend_from_slice(self.table.row(number));
                self.state = State::Unmatched(number + 1);
                Ok(Some(true))
            }
            State::Ended => Ok(Some(false)),
        }
    }
}

impl Side {
    fn new(node: &Node, builder: &mut Builder) -> Result<Side> {
        let operator = builder.operator(node)?;
        Ok(Side { operator, keys: Vec::new(), key: Vec::new(), width: node.output.len() })
    }

    /// Computes the key of a row; whether there is a NULL in it.
    fn compute(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<bool> {
        self.key.clear();
        let mut null = false;
        for key in &mut self.keys {
            let value = key.eval(&row[..self.width], cx)?;
            null |= value.is_null();
            self.key.push(value);
        }
        Ok(null)
    }
}

impl Source {
    /// Replaces `row` by the next one; false at the end.
    fn next(
        &mut self,
        side: &mut Side,
        row: &mut Vec<Datum>,
        cx: &mut Context<'_>,
    ) -> Result<bool> {
        match self {
            Source::Operator => {
                if !side.operator.next(cx)? {
                    return Ok(false);
                }
                row.clear();
                row.extend_from_slice(side.operator.row());
                Ok(true)
            }
            Source::Tape(None, _) => Ok(false),
            Source::Tape(Some(tape), reader) => {
                let reader = match reader {
                    Some(reader) => reader,
                    empty => empty.insert(tape.read_all()?),
                };
                reader.next(row)
            }
        }
    }
}

impl Operator for HashJoin {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        loop {
            if let Some(found) = self.step(cx)? {
                return Ok(found);
            }
        }
    }

    fn row(&self) -> &[Datum] {
        match self.kind {
            JoinKind::Semi | JoinKind::Anti => &self.row[..self.left.width],
            _ => &self.row,
        }
    }

    fn rewind(&mut self, again: Again) {
        self.left.operator.rewind(again);
        self.right.operator.rewind(again);
        self.table.clear();
        self.tasks.clear();
        self.state = State::Fresh;
    }
}
