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
//! Equal keys cannot be spread. When a tape of them does not fit either, its rows are joined part by
//! part, each with all left rows; which of those have matched is noted until the last part is done.
//! Without left rows nothing is built, unless right rows come out without a match.
//!
//! # Invariants
//!
//! 1. NULL equals nothing: a row with a NULL in its key matches none, and is kept only where it
//!    comes out unmatched.
//! 2. Keys are looked up as [`super::row_set`] compares them. An equality that is none of values
//!    alone (`char(n)`, or of two types) is no key but part of the condition.

mod table;
mod task;

use table::Table;
use task::{Parts, Side, Task};

use super::overflow::{self, Overflow};
use super::row_set::hash;
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
    /// The first left row, read before the table is built.
    first: Option<Vec<Datum>>,
    /// The left row, then the right one.
    row: Vec<Datum>,
    state: State,
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
    Unmatched(Task, usize),
    /// Left rows that no part matched.
    Leftover(Task),
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
        Ok(HashJoin {
            left,
            right,
            kind: *kind,
            checked,
            condition,
            table,
            tasks: Vec::new(),
            first: None,
            row: Vec::new(),
            state: State::Fresh,
        })
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
            if task.left.is_missing() && !self.keeps_right() {
                continue;
            }
            if self.build(&mut task, cx)? {
                return Ok(Some(task));
            }
        }
        Ok(None)
    }

    /// Builds the table of a task, or of its next part; false when the task was split instead.
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
                    task.parts.get_or_insert_default().more = true;
                    return Ok(true);
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
        while self.next_left(task, &mut row, cx)? {
            cx.check()?;
            let null = self.left.compute(&row, cx)?;
            if !null || keep {
                lefts.push(if null { 0 } else { hash(&self.left.key) }, &row, &cx.limits)?;
            }
        }
        let rights = rights.into_parts();
        // Rows that all went one way have one key, and would stay together on every level.
        let spread = rights.iter().flatten().count() > 1;
        let level = if spread { task.level + 1 } else { overflow::DEEPEST };
        let parts = lefts.into_parts().into_iter().zip(rights);
        for (left, right) in parts.filter(|(left, right)| left.is_some() || right.is_some()) {
            self.tasks.push(Task::tapes(left, right, level));
        }
        Ok(())
    }

    /// Replaces `row` by the next left row of a task.
    fn next_left(
        &mut self,
        task: &mut Task,
        row: &mut Vec<Datum>,
        cx: &mut Context<'_>,
    ) -> Result<bool> {
        if let Some(first) = self.first.take() {
            *row = first;
            return Ok(true);
        }
        task.left.next(&mut self.left, row, cx)
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
            State::Fresh => self.start(cx),
            State::Left(task) => self.step_left(task, cx),
            State::Right { task, next, matched } => self.step_right(task, next, matched, cx),
            State::Unmatched(task, from) => self.step_unmatched(task, from, cx),
            State::Leftover(task) => self.step_leftover(task, cx),
            State::Ended => Ok(Some(false)),
        }
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<Option<bool>> {
        if !self.keeps_right() {
            if !self.left.operator.next(cx)? {
                return Ok(None);
            }
            self.first = Some(self.left.operator.row().to_vec());
        }
        self.tasks = vec![Task::whole()];
        self.next_task(cx)
    }

    fn next_task(&mut self, cx: &mut Context<'_>) -> Result<Option<bool>> {
        self.state = self.begin(cx)?.map_or(State::Ended, State::Left);
        Ok(None)
    }

    fn step_left(&mut self, mut task: Task, cx: &mut Context<'_>) -> Result<Option<bool>> {
        let mut row = std::mem::take(&mut self.row);
        let found = self.next_left(&mut task, &mut row, cx)?;
        self.row = row;
        if !found {
            self.state = State::Unmatched(task, 0);
            return Ok(None);
        }
        let mut decided = false;
        if let Some(parts) = &mut task.parts {
            parts.advance();
            decided = self.one_is_enough() && parts.has_matched();
        }
        self.state = if decided {
            State::Left(task)
        } else {
            let next = self.look_up(cx)?;
            State::Right { task, next, matched: false }
        };
        Ok(None)
    }

    fn one_is_enough(&self) -> bool {
        matches!(self.kind, JoinKind::Semi | JoinKind::Anti)
    }

    fn step_right(
        &mut self,
        mut task: Task,
        next: u32,
        matched: bool,
        cx: &mut Context<'_>,
    ) -> Result<Option<bool>> {
        let found = self.follow(next, cx)?;
        if let (Some(parts), Some(_)) = (&mut task.parts, found) {
            parts.mark();
        }
        // What does not match in one part may match in another.
        let open = task.parts.is_some();
        self.state = match found {
            Some(next) if !self.one_is_enough() => State::Right { task, next, matched: true },
            _ => State::Left(task),
        };
        Ok(match (self.kind, found) {
            (JoinKind::Anti, Some(_)) => None,
            (_, Some(_)) => Some(true),
            (JoinKind::Anti, None) if !open => Some(true),
            (JoinKind::Left | JoinKind::Full, None) if !matched && !open => {
                self.without_right();
                Some(true)
            }
            _ => None,
        })
    }

    fn step_unmatched(
        &mut self,
        mut task: Task,
        from: usize,
        cx: &mut Context<'_>,
    ) -> Result<Option<bool>> {
        let unmatched = self.keeps_right().then(|| self.table.unmatched(from)).flatten();
        if let Some(number) = unmatched {
            self.row.clear();
            self.row.resize(self.left.width, Datum::Null);
            self.row.extend_from_slice(self.table.row(number));
            self.state = State::Unmatched(task, number + 1);
            return Ok(Some(true));
        }
        let Some(parts) = &mut task.parts else { return self.next_task(cx) };
        parts.next = 0;
        task.left.restart();
        if std::mem::take(&mut parts.more) {
            self.table.clear();
            self.build(&mut task, cx)?;
            self.state = State::Left(task);
        } else if self.keeps_left() {
            self.state = State::Leftover(task);
        } else {
            return self.next_task(cx);
        }
        Ok(None)
    }

    fn step_leftover(&mut self, mut task: Task, cx: &mut Context<'_>) -> Result<Option<bool>> {
        while task.left.next(&mut self.left, &mut self.row, cx)? {
            cx.check()?;
            let parts = task.parts.get_or_insert_with(Parts::default);
            parts.advance();
            if !parts.has_matched() {
                self.without_right();
                self.state = State::Leftover(task);
                return Ok(Some(true));
            }
        }
        self.next_task(cx)
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
        self.first = None;
        self.state = State::Fresh;
    }
}
