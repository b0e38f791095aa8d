//! An execution: a plan's operators, run to the end or as far as a client wants.
//!
//! Making the operators of a plan compiles its expressions and is done once. A prepared statement
//! keeps its execution and restarts it: then nothing is left to decide but what parameters and
//! snapshot say.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::build::address;
use super::cte_scan::Shared;
use super::{Again, Builder, Context, Figures, Operator};
use crate::error::Result;
use crate::plan::{Node, NodeKind};
use crate::types::Datum;

/// A plan and its operators.
pub struct Execution {
    plan: Arc<Node>,
    operator: Box<dyn Operator>,
    figures: HashMap<usize, Arc<Mutex<Figures>>>,
    shared: Shared,
    generation: u64,
    rows: u64,
    /// Whether the statement is INSERT, UPDATE or DELETE.
    modifies: bool,
    is_repeatable: bool,
    locks_rows: bool,
    holds_values: bool,
}

impl Execution {
    /// Makes the operators of a plan; nothing runs before `next`.
    pub fn start(plan: &Arc<Node>) -> Result<Execution> {
        Execution::build(plan, Builder::default())
    }

    /// The same, and measures every node (EXPLAIN ANALYZE).
    pub fn start_measured(plan: &Arc<Node>) -> Result<Execution> {
        Execution::build(plan, Builder::measured())
    }

    fn build(plan: &Arc<Node>, mut builder: Builder) -> Result<Execution> {
        let operator = builder.operator(plan)?;
        let modifies = matches!(plan.kind, NodeKind::ModifyTable(_));
        let is_repeatable = builder.heavy() == usize::from(modifies) && !builder.is_measured();
        let (locks_rows, holds_values) = (builder.locks_rows(), builder.holds_values());
        let (figures, shared) = builder.into_parts();
        Ok(Execution {
            plan: Arc::clone(plan),
            operator,
            figures,
            shared,
            generation: 1,
            rows: 0,
            modifies,
            is_repeatable,
            locks_rows,
            holds_values,
        })
    }

    /// Makes ready to run again: with other parameters, at another snapshot, or after a
    /// [`crate::error::ExecutionError::RowMoved`]. It also gives back the rows that the last run kept in
    /// memory, so it is worth calling as soon as a run has ended. See [`holds_values`](Self::holds_values).
    #[inline]
    pub fn restart(&mut self) {
        self.operator.rewind(Again::Execution);
        self.shared.forget();
        if !self.figures.is_empty() {
            self.figures.values().for_each(|figures| *figures.lock() = Figures::default());
        }
        self.generation += 1;
        self.rows = 0;
    }

    /// Whether a run that has changed nothing yet may be left and started again: nobody can tell, as it calls no volatile
    /// function and evaluates nothing that may take long.
    pub fn is_repeatable(&self) -> bool {
        self.is_repeatable
    }

    /// Whether it locks rows that it reads (FOR UPDATE and its kind).
    pub fn locks_rows(&self) -> bool {
        self.locks_rows
    }

    /// Whether a run leaves values behind until the next one: results of aggregates and of subqueries.
    pub fn holds_values(&self) -> bool {
        self.holds_values
    }

    /// Moves to the next row; false at the end. Every call takes a context with the same snapshot
    /// and parameters. A statement that modifies a table has done so completely only when this
    /// has answered false.
    #[inline]
    pub fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        cx.generation = self.generation;
        cx.may_leave &= !self.modifies || self.rows == 0;
        let found = self.operator.next(cx)?;
        if self.modifies {
            self.rows += std::mem::take(&mut cx.modified);
        } else {
            self.rows += u64::from(found);
        }
        Ok(found)
    }

    /// The row `next` moved to.
    #[inline]
    pub fn row(&self) -> &[Datum] {
        self.operator.row()
    }

    /// Rows so far, for the command tag: those sent, or for INSERT, UPDATE and DELETE those
    /// modified.
    pub fn rows_affected(&self) -> u64 {
        self.rows
    }

    /// What it runs.
    pub fn plan(&self) -> &Arc<Node> {
        &self.plan
    }

    /// What a node of the plan, or of one of its subplans, did in the last run. None when the
    /// execution is not measured or the node is not of this plan.
    pub fn figures(&self, node: &Node) -> Option<Figures> {
        self.figures.get(&address(node)).map(|figures| *figures.lock())
    }
}
