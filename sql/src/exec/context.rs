//! What a statement runs with: its transaction, snapshot, parameters and session.
//!
//! # Invariants
//!
//! 1. The transaction is lent out only for the time of one visit of a cursor. What is evaluated
//!    inside a visit contains no subquery, so nothing misses it.

use std::path::Path;

use reckon_mvcc::{Counters, Interrupt, Pace, Snapshot, Transaction, Wait};

use super::RowIds;
use crate::error::{ExecutionError, Result};
use crate::expr::function::Environment;
use crate::types::Datum;

/// A statement that has looked at so many rows at most is rather run again than waited in.
const LITTLE: u32 = 64;

/// Everything an execution takes from the session for the time of a call.
pub struct Context<'a> {
    transaction: Option<&'a mut Transaction>,
    /// What the statement sees.
    pub snapshot: Snapshot,
    /// Values of `$1`, `$2`, ...
    pub parameters: &'a [Datum],
    /// What functions may ask of the session.
    pub environment: &'a mut dyn Environment,
    /// Rows of computed relations.
    pub relations: &'a mut dyn Relations,
    /// How a statement is told to stop.
    pub interrupt: &'a Interrupt,
    /// Numbers for rows without a primary key.
    pub row_ids: &'a RowIds,
    /// What the statement may use.
    pub limits: Limits<'a>,
    /// What a READ COMMITTED statement does when a row it wants to change is gone from its place:
    /// skip the row (true: rows were already sent), or fail with
    /// [`ExecutionError::RowMoved`] so that the session starts the statement again with a new
    /// snapshot.
    pub skip_moved: bool,
    /// How locks are waited for: for ever, or as long as `lock_timeout`.
    pub wait: Wait,
    /// Whether the statement may be left when it must wait for a row, and run from its beginning when it has it.
    pub may_leave: bool,
    /// What this statement read, over all of its operators.
    pub counters: Counters,
    /// Rows modified and not yet taken over by the execution.
    pub(crate) modified: u64,
    /// The frame: values that the query around a subplan hands to it.
    pub(crate) outer: Vec<Datum>,
    /// The operands of the simple CASEs that are being decided, the innermost last.
    pub(crate) operands: Vec<Datum>,
    /// How long it has computed without a pause.
    pace: Pace,
    /// Number of the execution within its plan; what was cached under another number is stale.
    pub(crate) generation: u64,
}

/// What a statement may use before it spills or is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// `work_mem` in bytes: what one operator keeps in memory before it spills.
    pub work_memory: usize,
    /// Where spilled rows go.
    pub temporary: &'a Path,
}

impl Limits<'_> {
    /// What does not spill is refused (53200) beyond this many bytes: sixteen times `work_mem`,
    /// and never less than 64 MB.
    pub fn table_memory(&self) -> usize {
        self.work_memory.saturating_mul(16).max(64 << 20)
    }
}

/// Parts of a [`Context`] that the session lends.
pub struct Surroundings<'a> {
    /// What functions may ask of the session.
    pub environment: &'a mut dyn Environment,
    /// Rows of computed relations.
    pub relations: &'a mut dyn Relations,
    /// How a statement is told to stop.
    pub interrupt: &'a Interrupt,
    /// Numbers for rows without a primary key.
    pub row_ids: &'a RowIds,
    /// What the statement may use.
    pub limits: Limits<'a>,
}

/// Relations whose rows are computed: `pg_catalog` and the like.
pub trait Relations {
    /// All rows of the relation, each with all of its columns.
    fn rows(
        &mut self,
        relation: &'static str,
        transaction: &mut Transaction,
        snapshot: &Snapshot,
    ) -> Result<Vec<Vec<Datum>>>;
}

impl<'a> Context<'a> {
    /// A context for one statement; a later call for the same portal makes another one with the
    /// same snapshot and parameters.
    #[inline]
    pub fn new(
        transaction: &'a mut Transaction,
        snapshot: Snapshot,
        parameters: &'a [Datum],
        surroundings: Surroundings<'a>,
    ) -> Context<'a> {
        let Surroundings { environment, relations, interrupt, row_ids, limits } = surroundings;
        Context {
            transaction: Some(transaction),
            snapshot,
            parameters,
            environment,
            relations,
            interrupt,
            row_ids,
            limits,
            skip_moved: false,
            wait: Wait::Block,
            may_leave: false,
            counters: Counters::default(),
            modified: 0,
            outer: Vec::new(),
            operands: Vec::new(),
            generation: 0,
            pace: Pace::default(),
        }
    }

    /// The transaction.
    #[inline]
    pub fn transaction(&mut self) -> Result<&mut Transaction> {
        self.transaction.as_deref_mut().ok_or_else(lent)
    }

    /// Stops the statement when it was cancelled or has run out of time. To be called between rows.
    #[inline]
    pub fn check(&self) -> Result<()> {
        Ok(self.interrupt.check_paced(&self.pace)?)
    }

    /// How a row is waited for. A statement that has changed nothing yet and done little is left
    /// ([`ExecutionError::RowQueued`]): so its thread is free.
    pub(crate) fn row_wait(&self) -> Wait {
        let leaves = self.may_leave && self.modified == 0 && self.pace.steps() <= LITTLE;
        match self.wait {
            Wait::Block if leaves => Wait::Suspend(None),
            Wait::Timeout(limit) if leaves => Wait::Suspend(Some(limit)),
            wait => wait,
        }
    }

    /// All rows of a computed relation.
    pub(crate) fn relation(&mut self, name: &'static str) -> Result<Vec<Vec<Datum>>> {
        let transaction = self.transaction.as_deref_mut().ok_or_else(lent)?;
        self.relations.rows(name, transaction, &self.snapshot)
    }

    /// Runs `visit` with the transaction lent out, so that it can read while its closure
    /// evaluates expressions in this context.
    #[inline]
    pub(crate) fn lend<R>(
        &mut self,
        visit: impl FnOnce(&Transaction, &mut Context<'a>) -> Result<R>,
    ) -> Result<R> {
        let transaction = self.transaction.take().ok_or_else(lent)?;
        let result = visit(transaction, self);
        self.transaction = Some(transaction);
        result
    }

    /// Runs `body` in another frame; `frame` comes back unchanged.
    pub(crate) fn framed<R>(
        &mut self,
        frame: &mut Vec<Datum>,
        body: impl FnOnce(&mut Context<'a>) -> Result<R>,
    ) -> Result<R> {
        std::mem::swap(&mut self.outer, frame);
        let result = body(self);
        std::mem::swap(&mut self.outer, frame);
        result
    }
}

fn lent() -> crate::Error {
    ExecutionError::Internal { what: "the transaction is lent out" }.into()
}
