//! What every operator is, and how operators are run again.
//!
//! Operators pull: a parent asks its input for the next row and looks at it in place. An operator
//! owns all of its state and borrows nothing between calls, so a portal can stop after any row and
//! go on later, and a prepared statement keeps its operators from one execution to the next.
//!
//! # Frames
//!
//! A subplan reads values of the query around it as `Outer(i)`: positions in the *frame*,
//! [`Context::outer`]. Whoever runs a subplan puts its frame there for the time of the call. A
//! subplan that is handed no values runs in the frame it finds.
//!
//! # Invariants
//!
//! 1. [`Operator::row`] is the row the last call of `next` found, until the next call.
//! 2. After `next` said false it says false again, until `rewind`.
//! 3. `rewind` does no work that can fail; the next call of `next` does.

use super::Context;
use crate::error::Result;
use crate::types::Datum;

/// A running node of a plan.
pub(crate) trait Operator: Send {
    /// Moves to the next row; false at the end.
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool>;

    /// The row `next` moved to.
    fn row(&self) -> &[Datum];

    /// Starts over.
    fn rewind(&mut self, again: Again);
}

/// Why an operator starts over, and so what it may keep.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Again {
    /// The same rows once more: whatever was collected still holds.
    Same,
    /// The frame has changed: what depends on it is computed again.
    Frame,
    /// Another execution, at another snapshot and with other parameters: nothing holds.
    Execution,
}

impl Again {
    /// Whether rows collected earlier still hold; `framed`: whether they depend on the frame.
    pub(crate) fn keeps(self, framed: bool) -> bool {
        match self {
            Again::Same => true,
            Again::Frame => !framed,
            Again::Execution => false,
        }
    }
}
