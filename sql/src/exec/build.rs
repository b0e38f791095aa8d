//! From a plan's nodes to operators.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Operator;
use super::aggregate::aggregate;
use super::append::Append;
use super::catalog_scan::CatalogScan;
use super::cte_scan::{CteScan, Shared};
use super::distinct::distinct;
use super::figures::{Figures, Measured};
use super::filter::Filter;
use super::function_scan::FunctionScan;
use super::hash_join::HashJoin;
use super::index_scan::index_scan;
use super::limit::Limit;
use super::lock_rows::LockRows;
use super::materialize::Materialize;
use super::modify::modify_table;
use super::nested_loop::NestedLoop;
use super::project::project;
use super::project_set::ProjectSet;
use super::result::OneRow;
use super::seq_scan::seq_scan;
use super::set_op::SetOp;
use super::sort::Sort;
use super::values::Values;
use crate::error::Result;
use crate::expr::{Compiled, Expr};
use crate::plan::{Node, NodeKind};
use crate::stack;

/// What is gathered while a plan becomes operators.
#[derive(Default)]
pub(crate) struct Builder {
    /// Whether something since the last look reads the frame.
    framed: bool,
    /// How many subqueries, volatile calls and changes of tables have been compiled.
    heavy: usize,
    /// Whether rows that are read are locked.
    locks_rows: bool,
    /// Whether something holds values until the next run.
    holds_values: bool,
    /// Columns that the expression being compiled reads.
    columns: Vec<usize>,
    /// Figures by address of the node, when they are wanted.
    figures: Option<HashMap<usize, Arc<Mutex<Figures>>>>,
    /// WITH queries that several scans read.
    pub(super) shared: Shared,
}

impl Builder {
    /// A builder whose operators are measured.
    pub(super) fn measured() -> Builder {
        Builder { figures: Some(HashMap::new()), ..Builder::default() }
    }

    /// Whether figures are gathered.
    pub(super) fn is_measured(&self) -> bool {
        self.figures.is_some()
    }

    /// Where the figures of each node go, and what operators share.
    pub(super) fn into_parts(self) -> (HashMap<usize, Arc<Mutex<Figures>>>, Shared) {
        (self.figures.unwrap_or_default(), self.shared)
    }

    /// Notes that the frame is read.
    pub(crate) fn use_frame(&mut self) {
        self.framed = true;
    }

    /// Notes that a column of the row is read.
    pub(crate) fn use_column(&mut self, position: usize) {
        self.columns.push(position);
    }

    /// Compiles something, and says which columns it reads.
    pub(crate) fn reading<R>(
        &mut self,
        compile: impl FnOnce(&mut Builder) -> Result<R>,
    ) -> Result<(R, Vec<usize>)> {
        let before = std::mem::take(&mut self.columns);
        let compiled = compile(self)?;
        let mut columns = std::mem::replace(&mut self.columns, before);
        columns.sort_unstable();
        columns.dedup();
        Ok((compiled, columns))
    }

    /// Notes that the expression being compiled may take long or reads with the transaction.
    pub(crate) fn use_heavy(&mut self) {
        self.heavy += 1;
    }

    /// How often [`use_heavy`](Self::use_heavy) was called.
    pub(crate) fn heavy(&self) -> usize {
        self.heavy
    }

    /// Notes that rows that are read are locked.
    pub(super) fn lock_rows(&mut self) {
        self.locks_rows = true;
    }

    /// Whether [`lock_rows`](Self::lock_rows) was called.
    pub(super) fn locks_rows(&self) -> bool {
        self.locks_rows
    }

    /// Notes that something holds values, which may be many or long, until the next run.
    pub(super) fn hold_values(&mut self) {
        self.holds_values = true;
    }

    /// Whether [`hold_values`](Self::hold_values) was called.
    pub(super) fn holds_values(&self) -> bool {
        self.holds_values
    }

    /// Builds something, and says whether it reads the frame.
    pub(super) fn watched<R>(
        &mut self,
        build: impl FnOnce(&mut Builder) -> Result<R>,
    ) -> Result<(R, bool)> {
        let before = std::mem::take(&mut self.framed);
        let built = build(self)?;
        let framed = self.framed;
        self.framed |= before;
        Ok((built, framed))
    }

    /// Builds a plan that runs in a frame of its own.
    pub(super) fn in_own_frame(&mut self, plan: &Node) -> Result<Box<dyn Operator>> {
        let before = self.framed;
        let operator = self.operator(plan)?;
        self.framed = before;
        Ok(operator)
    }

    /// Builds the plan of a subquery.
    pub(crate) fn subplan(&mut self, plan: &Node) -> Result<Box<dyn Operator>> {
        let operator = self.in_own_frame(plan)?;
        self.use_heavy();
        self.hold_values();
        Ok(operator)
    }

    /// Compiles an expression that may be missing.
    pub(super) fn optional(&mut self, expr: Option<&Expr>) -> Result<Option<Compiled>> {
        expr.map(|expr| Compiled::within(expr, self)).transpose()
    }

    /// The operator of a node, with those of its inputs inside.
    pub(crate) fn operator(&mut self, node: &Node) -> Result<Box<dyn Operator>> {
        stack::check()?;
        let operator = self.unmeasured(node)?;
        let Some(figures) = &mut self.figures else { return Ok(operator) };
        let figures = figures.entry(address(node)).or_default();
        Ok(Box::new(Measured::new(operator, Arc::clone(figures))))
    }

    fn unmeasured(&mut self, node: &Node) -> Result<Box<dyn Operator>> {
        Ok(match &node.kind {
            NodeKind::Result { exprs, filter } => {
                Box::new(OneRow::new(exprs, filter.as_ref(), self)?)
            }
            NodeKind::Values(rows) => Box::new(Values::new(rows, self)?),
            NodeKind::SeqScan { .. } => seq_scan(node, self)?,
            NodeKind::IndexScan { .. } => index_scan(node, self)?,
            NodeKind::FunctionScan { .. } => Box::new(FunctionScan::new(node, self)?),
            NodeKind::CatalogScan { relation, filter, .. } => {
                Box::new(CatalogScan::new(relation, filter.as_ref(), self)?)
            }
            NodeKind::CteScan { with, plan, .. } => Box::new(CteScan::new(*with, plan, self)?),
            NodeKind::Filter { input, condition } => Box::new(Filter::new(input, condition, self)?),
            NodeKind::Project { input, exprs } => project(input, exprs, self)?,
            NodeKind::ProjectSet { input, exprs } => Box::new(ProjectSet::new(input, exprs, self)?),
            NodeKind::NestedLoop { .. } => Box::new(NestedLoop::new(node, self)?),
            NodeKind::HashJoin { .. } => Box::new(HashJoin::new(node, self)?),
            NodeKind::Aggregate { .. } => aggregate(node, self)?,
            NodeKind::Sort { input, keys, limit } => {
                Box::new(Sort::new(input, keys, *limit, self)?)
            }
            NodeKind::Distinct { input, on } => distinct(input, on.as_deref(), self)?,
            NodeKind::Limit { input, limit, offset } => {
                Box::new(Limit::new(input, limit.as_ref(), offset.as_ref(), self)?)
            }
            NodeKind::Append(inputs) => Box::new(Append::new(inputs, self)?),
            NodeKind::SetOp { operation, all, left, right } => {
                Box::new(SetOp::new(*operation, *all, left, right, self)?)
            }
            NodeKind::LockRows { .. } => Box::new(LockRows::new(node, self)?),
            NodeKind::Materialize(input) => Box::new(Materialize::new(input, self)?),
            NodeKind::ModifyTable(modify) => {
                self.use_heavy();
                modify_table(modify, self)?
            }
        })
    }
}

/// What identifies a node of an immutable plan.
pub(super) fn address(node: &Node) -> usize {
    std::ptr::from_ref(node).addr()
}
