//! From column ids to positions.
//!
//! While a node is built its columns are known by id ([`Rows`]). An expression over it is
//! *lowered*: ids become positions in the row. An id that is not in the row belongs to a query or
//! a join's left side further out: it becomes a slot in the current *frame*, and whoever runs the
//! subplan hands the value in.
//!
//! ```text
//! SELECT a, (SELECT max(d) FROM u WHERE u.c = t.b) FROM t
//!
//!   outer row  [a, b]           frame of the subplan: [t.b]
//!   subplan    u.c = t.b        lowered to  Column(0) = Outer(0), with outer = [Column(1)]
//! ```
//!
//! # Invariants
//!
//! 1. A frame's slots are in order of first use, one a column.
//! 2. A subplan's frame is complete once the subplan is built; only then is it handed over.

use std::collections::HashMap;
use std::sync::Arc;

use reckon_mvcc::Pace;

use super::fold::{self, fold};
use super::statistics::Statistics;
use super::uses::Uses;
use super::{Node, NodeKind, OutputColumn};
use crate::analyze::{Analysis, Body, ColumnId, Meaning, Query, QueryColumn, Sublink, SublinkKind};
use crate::catalog::Lookup;
use crate::error::{ExecutionError, Result};
use crate::expr::function::Environment;
use crate::expr::{Expr, ExprKind, SubqueryKind};
use crate::types::{Datum, Type};

/// Makes the plan of one statement.
pub(super) struct Planner<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) statistics: &'a dyn Statistics,
    lookup: &'a dyn Lookup,
    pace: Pace,
    pub(super) uses: Uses,
    environment: &'a mut dyn Environment,
    /// Frames of the subplans being built, innermost last.
    frames: Vec<Frame>,
    /// Plans of subqueries, by the id that stands for them: a condition may stand in two places, and
    /// uses are counted for one plan.
    subplans: HashMap<ColumnId, (Arc<Node>, Frame)>,
    /// Plans of WITH queries that several places read, by number.
    pub(super) with_plans: HashMap<usize, Arc<Node>>,
    /// Ids for columns that no expression names: row keys.
    next_id: ColumnId,
    /// Whether something that may fail is computed from parameters and constants alone.
    pub(super) computes_ahead: bool,
}

/// The columns a subplan takes from outside, by slot.
pub(super) type Frame = Vec<(ColumnId, Type)>;

/// A node, and the column ids of its row.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) node: Node,
    pub(super) ids: Vec<ColumnId>,
    /// The order its rows are known to come in: (id, DESC, NULLS FIRST).
    pub(super) order: Vec<(ColumnId, bool, bool)>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        analysis: &'a Analysis,
        statistics: &'a dyn Statistics,
        lookup: &'a dyn Lookup,
        environment: &'a mut dyn Environment,
    ) -> Planner<'a> {
        Planner {
            analysis,
            statistics,
            lookup,
            pace: Pace::default(),
            uses: Uses::of(analysis),
            environment,
            frames: Vec::new(),
            subplans: HashMap::new(),
            with_plans: HashMap::new(),
            next_id: analysis.meanings.len(),
            computes_ahead: false,
        }
    }

    /// The whole plan, and the columns a client sees.
    pub(super) fn statement(&mut self) -> Result<(Node, Option<Vec<OutputColumn>>)> {
        let analysis = self.analysis;
        match &analysis.body {
            Body::Select(query) => {
                let node = self.query(query)?.node;
                let columns = node.output.clone();
                Ok((node, Some(columns)))
            }
            Body::Insert(insert) => self.insert(insert),
            Body::Update(update) => self.update(update),
            Body::Delete(delete) => self.delete(delete),
        }
    }

    /// To be called for each level of what is planned.
    ///
    /// # Errors
    ///
    /// 54001 when it is too deep, and the reason to stop when there is one.
    pub(super) fn step(&self) -> Result<()> {
        crate::stack::check()?;
        self.lookup.check(&self.pace)
    }

    /// An id that no expression names.
    pub(super) fn new_id(&mut self) -> ColumnId {
        self.next_id += 1;
        self.next_id - 1
    }

    /// An expression over a row.
    pub(super) fn lower(&mut self, expr: &Expr, row: &[ColumnId]) -> Result<Expr> {
        self.step()?;
        if let ExprKind::Column(id) = expr.kind {
            return self.lower_column(id, expr, row);
        }
        match &expr.kind {
            ExprKind::And(parts) => self.lower_connected(expr, parts, false, row),
            ExprKind::Or(parts) => self.lower_connected(expr, parts, true, row),
            ExprKind::Case { operand, branches, otherwise } => {
                self.lower_case(expr, (operand.as_deref(), branches, otherwise), row)
            }
            ExprKind::Coalesce(args) => self.lower_coalesce(expr, args, row),
            _ => {
                let lowered = expr.map_children(&mut |child| self.lower(child, row))?;
                self.computes_ahead |= fold::awaits_parameters(&lowered);
                fold(lowered, self.environment)
            }
        }
    }

    pub(super) fn lower_all(&mut self, exprs: &[Expr], row: &[ColumnId]) -> Result<Vec<Expr>> {
        exprs.iter().map(|expr| self.lower(expr, row)).collect()
    }

    fn lower_column(&mut self, id: ColumnId, expr: &Expr, row: &[ColumnId]) -> Result<Expr> {
        let (ty, position) = (expr.ty, expr.position);
        if let Some(at) = row.iter().position(|known| *known == id) {
            return Ok(Expr { kind: ExprKind::Column(at), ty, position });
        }
        let analysis = self.analysis;
        if let Some(Meaning::Sublink(sublink)) = analysis.meanings.get(id) {
            return self.sublink((id, sublink), expr, row);
        }
        let Some(frame) = self.frames.last_mut() else {
            return Err(ExecutionError::Internal { what: "a column belongs to no row" }.into());
        };
        let slot = frame.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            frame.push((id, ty));
            frame.len() - 1
        });
        Ok(Expr { kind: ExprKind::Outer(slot), ty, position })
    }

    fn sublink(
        &mut self,
        (id, sublink): (ColumnId, &Sublink),
        expr: &Expr,
        row: &[ColumnId],
    ) -> Result<Expr> {
        let (plan, frame) = match self.subplans.get(&id) {
            Some(known) => known.clone(),
            None => {
                let query = &sublink.query;
                let (rows, frame) = self.apart(|planner| {
                    planner.framed(|planner| match sublink.kind {
                        SublinkKind::Exists => planner.existence(query),
                        _ => planner.query(query),
                    })
                })?;
                let planned = (Arc::new(rows.node), frame);
                self.subplans.insert(id, planned.clone());
                planned
            }
        };
        let kind = match &sublink.kind {
            SublinkKind::Exists => SubqueryKind::Exists,
            SublinkKind::Scalar => SubqueryKind::Scalar,
            SublinkKind::Array => SubqueryKind::Array,
            SublinkKind::Compare { compare, arg, quantifier } => SubqueryKind::Compare {
                compare,
                arg: Box::new(self.lower(arg, row)?),
                quantifier: *quantifier,
            },
        };
        let outer = self.hand_over(&frame, row)?;
        let kind = ExprKind::Subquery { kind, plan, outer };
        Ok(Expr { kind, ty: expr.ty, position: expr.position })
    }

    /// Builds a subplan in a frame of its own; returns the frame with it.
    pub(super) fn framed<R>(
        &mut self,
        build: impl FnOnce(&mut Self) -> Result<R>,
    ) -> Result<(R, Frame)> {
        self.frames.push(Vec::new());
        let built = build(self);
        let frame = self.frames.pop().unwrap_or_default();
        Ok((built?, frame))
    }

    /// Plans a subquery that may be planned again in another place, where a row that changed is
    /// checked: columns that nobody reads any more in the one plan are read in the other.
    pub(super) fn apart<R>(&mut self, plan: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        let uses = self.uses.clone();
        let planned = plan(self);
        self.uses = uses;
        planned
    }

    /// The values of a subplan's frame, over the row of whoever runs it.
    pub(super) fn hand_over(&mut self, frame: &Frame, row: &[ColumnId]) -> Result<Vec<Expr>> {
        let value = |(id, ty): &(ColumnId, Type)| {
            self.lower(&Expr { kind: ExprKind::Column(*id), ty: *ty, position: None }, row)
        };
        frame.iter().map(value).collect()
    }
}

impl Rows {
    /// Rows in no known order.
    pub(super) fn unordered(node: Node, ids: Vec<ColumnId>) -> Rows {
        Rows { node, ids, order: Vec::new() }
    }

    /// The same rows through a node that keeps their columns and order.
    pub(super) fn wrap(self, rows: f64, make: impl FnOnce(Box<Node>) -> NodeKind) -> Rows {
        let output = self.node.output.clone();
        let cost = self.node.cost;
        let kind = make(Box::new(self.node));
        Rows { node: Node { kind, output, rows, cost }, ids: self.ids, order: self.order }
    }

    /// Rows that satisfy a lowered condition.
    pub(super) fn filtered(self, condition: Option<Expr>) -> Rows {
        let Some(condition) = condition else { return self };
        if fold::is_never(&condition) {
            return Rows { node: no_rows(self.node.output, condition), ..self };
        }
        let rows = (self.node.rows * super::selectivity::unknown(&condition)).max(1.0);
        self.wrap(rows, |input| NodeKind::Filter { input, condition })
    }
}

/// The plan of no rows, because of a condition that never holds.
pub(super) fn no_rows(output: Vec<OutputColumn>, condition: Expr) -> Node {
    let null = |column: &OutputColumn| Expr {
        kind: ExprKind::Constant(Datum::Null),
        ty: column.ty,
        position: None,
    };
    let exprs = output.iter().map(null).collect();
    let kind = NodeKind::Result { exprs, filter: Some(condition) };
    Node { kind, output, rows: 0.0, cost: (0.0, 0.0) }
}

/// A conjunction of lowered conditions; None when it always holds.
pub(super) fn conjunction(mut conditions: Vec<Expr>) -> Option<Expr> {
    if let Some(never) = conditions.iter().position(fold::is_never) {
        return Some(conditions.swap_remove(never));
    }
    conditions.retain(|condition| !fold::is_always(condition));
    match conditions.len() {
        0 | 1 => conditions.pop(),
        _ => {
            let position = conditions[0].position;
            Some(Expr { kind: ExprKind::And(conditions), ty: Type::BOOL, position })
        }
    }
}

/// A column of a node's row.
pub(super) fn column(position: usize, ty: Type) -> Expr {
    Expr { kind: ExprKind::Column(position), ty, position: None }
}

/// A column without a name, for rows no client sees.
pub(super) fn unnamed(ty: Type) -> OutputColumn {
    OutputColumn { name: "?column?".to_owned(), ty, origin: None }
}

/// A query's columns as output columns.
pub(super) fn outputs(columns: &[QueryColumn]) -> Vec<OutputColumn> {
    let output = |column: &QueryColumn| OutputColumn {
        name: column.name.clone(),
        ty: column.ty,
        origin: column.origin,
    };
    columns.iter().map(output).collect()
}

/// Whether a query is one plain row source without anything on top.
pub(super) fn is_bare(query: &Query) -> bool {
    query.order.is_empty()
        && query.limit.is_none()
        && query.offset.is_none()
        && query.locks.is_empty()
}
