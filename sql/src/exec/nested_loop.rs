//! Nested Loop: for each left row the matching right rows.

use super::result::evaluate;
use super::{Again, Builder, Context, Operator};
use crate::error::{ExecutionError, Result};
use crate::expr::Compiled;
use crate::plan::{JoinKind, Node, NodeKind};
use crate::types::Datum;

pub(super) struct NestedLoop {
    left: Box<dyn Operator>,
    right: Box<dyn Operator>,
    kind: JoinKind,
    outer: Vec<Compiled>,
    frame: Vec<Datum>,
    condition: Option<Compiled>,
    left_width: usize,
    right_width: usize,
    /// The left row, then the right one.
    row: Vec<Datum>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next left row is wanted; whether the right side has run in this run.
    Left {
        used: bool,
    },
    /// The right rows of the current left row are wanted; whether one has matched.
    Right {
        matched: bool,
    },
    Ended,
}

impl NestedLoop {
    pub(super) fn new(node: &Node, builder: &mut Builder) -> Result<NestedLoop> {
        let NodeKind::NestedLoop { left, right, kind, outer, condition } = &node.kind else {
            return Err(ExecutionError::Internal { what: "no nested loop" }.into());
        };
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            return Err(ExecutionError::Internal { what: "a nested loop of this kind" }.into());
        }
        let (left_width, right_width) = (left.output.len(), right.output.len());
        let left = builder.operator(left)?;
        let outer = Compiled::all(outer, builder)?;
        let right = if outer.is_empty() {
            builder.operator(right)?
        } else {
            builder.in_own_frame(right)?
        };
        Ok(NestedLoop {
            left,
            right,
            kind: *kind,
            outer,
            frame: Vec::new(),
            condition: builder.optional(condition.as_ref())?,
            left_width,
            right_width,
            row: Vec::with_capacity(left_width + right_width),
            state: State::Left { used: false },
        })
    }

    /// Takes the next left row and starts the right side for it.
    fn advance(&mut self, used: bool, cx: &mut Context<'_>) -> Result<bool> {
        if !self.left.next(cx)? {
            return Ok(false);
        }
        self.row.clear();
        self.row.extend_from_slice(self.left.row());
        if self.outer.is_empty() {
            if used {
                self.right.rewind(Again::Same);
            }
        } else {
            evaluate(&mut self.outer, &self.row, &mut self.frame, cx)?;
            self.right.rewind(Again::Frame);
        }
        Ok(true)
    }

    fn right_next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if self.outer.is_empty() {
            return self.right.next(cx);
        }
        let right = &mut self.right;
        cx.framed(&mut self.frame, |cx| right.next(cx))
    }

    /// Moves to the next right row that matches.
    fn find(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        while self.right_next(cx)? {
            cx.check()?;
            self.row.truncate(self.left_width);
            self.row.extend_from_slice(self.right.row());
            let matches = match &mut self.condition {
                Some(condition) => condition.test(&self.row, cx)?,
                None => true,
            };
            if matches {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Operator for NestedLoop {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        loop {
            let matched = match self.state {
                State::Ended => return Ok(false),
                State::Left { used } => {
                    if !self.advance(used, cx)? {
                        self.state = State::Ended;
                        return Ok(false);
                    }
                    false
                }
                State::Right { matched } => matched,
            };
            let found = self.find(cx)?;
            let one_is_enough = matches!(self.kind, JoinKind::Semi | JoinKind::Anti);
            self.state = if found && !one_is_enough {
                State::Right { matched: true }
            } else {
                State::Left { used: true }
            };
            match (self.kind, found) {
                (JoinKind::Inner | JoinKind::Left | JoinKind::Semi, true) => return Ok(true),
                (JoinKind::Left, false) if !matched => {
                    self.row.truncate(self.left_width);
                    self.row.resize(self.left_width + self.right_width, Datum::Null);
                    return Ok(true);
                }
                (JoinKind::Anti, false) => return Ok(true),
                _ => {}
            }
        }
    }

    fn row(&self) -> &[Datum] {
        match self.kind {
            JoinKind::Semi | JoinKind::Anti => &self.row[..self.left_width],
            _ => &self.row,
        }
    }

    fn rewind(&mut self, again: Again) {
        self.left.rewind(again);
        self.right.rewind(again);
        self.state = State::Left { used: false };
    }
}
