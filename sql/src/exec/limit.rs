//! Limit: LIMIT and OFFSET.

use super::{Again, Builder, Context, Operator};
use crate::error::{ExecutionError, Result};
use crate::expr::{Compiled, Expr};
use crate::plan::Node;
use crate::types::Datum;

pub(super) struct Limit {
    input: Box<dyn Operator>,
    limit: Option<Compiled>,
    offset: Option<Compiled>,
    state: State,
}

enum State {
    Fresh,
    /// So many rows may still come; None: all of them.
    Running(Option<u64>),
}

impl Limit {
    pub(super) fn new(
        input: &Node,
        limit: Option<&Expr>,
        offset: Option<&Expr>,
        builder: &mut Builder,
    ) -> Result<Limit> {
        Ok(Limit {
            input: builder.operator(input)?,
            limit: builder.optional(limit)?,
            offset: builder.optional(offset)?,
            state: State::Fresh,
        })
    }

    /// Computes both numbers and passes over the offset.
    fn start(&mut self, cx: &mut Context<'_>) -> Result<Option<u64>> {
        let offset = count(self.offset.as_mut(), ExecutionError::NegativeOffset, cx)?;
        let limit = count(self.limit.as_mut(), ExecutionError::NegativeLimit, cx)?;
        if limit == Some(0) {
            return Ok(limit);
        }
        for _ in 0..offset.unwrap_or(0) {
            if !self.input.next(cx)? {
                return Ok(Some(0));
            }
        }
        Ok(limit)
    }
}

/// The number, None for NULL or nothing.
fn count(
    expr: Option<&mut Compiled>,
    negative: ExecutionError,
    cx: &mut Context<'_>,
) -> Result<Option<u64>> {
    let Some(expr) = expr else { return Ok(None) };
    match expr.eval(&[], cx)? {
        Datum::Int8(value) => Ok(Some(u64::try_from(value).map_err(|_| negative)?)),
        Datum::Int4(value) => Ok(Some(u64::try_from(value).map_err(|_| negative)?)),
        _ => Ok(None),
    }
}

impl Operator for Limit {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let left = match self.state {
            State::Running(left) => left,
            State::Fresh => self.start(cx)?,
        };
        if left == Some(0) || !self.input.next(cx)? {
            self.state = State::Running(Some(0));
            return Ok(false);
        }
        self.state = State::Running(left.map(|left| left - 1));
        Ok(true)
    }

    fn row(&self) -> &[Datum] {
        self.input.row()
    }

    fn rewind(&mut self, again: Again) {
        self.state = State::Fresh;
        self.input.rewind(again);
    }
}
