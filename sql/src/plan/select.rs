//! Queries: grouping, the select list, DISTINCT, ORDER BY, LIMIT, row locks.
//!
//! ```text
//! FROM and WHERE ─ Aggregate ─ Project ─ Distinct ─ Sort ─ Limit ─ Project without hidden columns
//! ```
//!
//! A query that locks rows sorts before it projects, so that only rows that survive LIMIT are
//! locked, each as late as possible:
//!
//! ```text
//! FROM and WHERE ─ Sort ─ LockRows ─ Limit ─ Project
//! ```

use super::from::{Wishes, collect};
use super::planner::{Planner, Rows, column, conjunction, outputs, unnamed};
use super::{JoinKind, Lock, Node, NodeKind, OuterSide, OutputColumn, SetOperation, SortKey};
use crate::analyze::{
    ColumnId, Distinct, From, LockRequest, OrderKey, Query, QueryBody, RelationKind, Select,
};
use crate::error::{ExecutionError, Result};
use crate::expr::function::Body;
use crate::expr::{Expr, ExprKind};
use crate::types::{Datum, Type};

/// An order by column id: (id, DESC, NULLS FIRST).
type Order = Vec<(ColumnId, bool, bool)>;

impl Planner<'_> {
    /// The rows of a query. Their ids are fresh: whoever gives the columns ids replaces them.
    pub(super) fn query(&mut self, query: &Query) -> Result<Rows> {
        self.step()?;
        let rows = match &query.body {
            QueryBody::Select(select) if !query.locks.is_empty() => {
                return self.locking_select(query, select);
            }
            QueryBody::Select(select) => return self.select(query, select),
            QueryBody::Values(values) => self.values(query, values)?,
            QueryBody::SetOp { operation, all, inputs } => {
                self.set_operation(query, *operation, *all, inputs)?
            }
        };
        let keys = self.output_keys(&rows, &query.order);
        let rows = self.sorted(rows, keys, query);
        self.limited(rows, query)
    }

    fn values(&mut self, query: &Query, values: &[Vec<Expr>]) -> Result<Rows> {
        let values = values.iter().map(|row| self.lower_all(row, &[]));
        let values: Vec<Vec<Expr>> = values.collect::<Result<_>>()?;
        let rows = values.len() as f64;
        let kind = NodeKind::Values(values);
        let node = Node { kind, output: outputs(&query.columns), rows, cost: (0.0, rows * 0.01) };
        Ok(self.fresh(node))
    }

    fn set_operation(
        &mut self,
        query: &Query,
        operation: SetOperation,
        all: bool,
        inputs: &[Query],
    ) -> Result<Rows> {
        let inputs = inputs.iter().map(|input| Ok(self.query(input)?.node));
        let mut inputs: Vec<Node> = inputs.collect::<Result<_>>()?;
        let output = outputs(&query.columns);
        if operation == SetOperation::Union && all {
            return Ok(self.fresh(append(inputs, output)));
        }
        // What UNION finds twice it finds among all of its inputs.
        let Some(right) = inputs.pop() else {
            return Err(ExecutionError::Internal { what: "a set operation without inputs" }.into());
        };
        let left = match inputs.len() {
            1 => inputs.remove(0),
            _ => append(inputs, output.clone()),
        };
        let rows = match operation {
            SetOperation::Union => left.rows + right.rows,
            SetOperation::Intersect | SetOperation::Except => left.rows,
        };
        let cost = (0.0, left.cost.1 + right.cost.1 + rows * 0.01);
        let (left, right) = (Box::new(left), Box::new(right));
        let kind = NodeKind::SetOp { operation, all, left, right };
        Ok(self.fresh(Node { kind, output, rows, cost }))
    }

    /// Rows whose columns nobody has named yet.
    fn fresh(&mut self, node: Node) -> Rows {
        let ids = (0..node.output.len()).map(|_| self.new_id()).collect();
        Rows::unordered(node, ids)
    }

    fn select(&mut self, query: &Query, select: &Select) -> Result<Rows> {
        let extreme = self.extreme(select);
        let order = match &extreme {
            Some(Extreme { id, greatest, .. }) => vec![(*id, *greatest, *greatest)],
            None => wanted_order(query, select),
        };
        let preferred: Vec<ColumnId> = select.targets.iter().filter_map(id_of).collect();
        let limit = if extreme.is_some() { Some(1.0) } else { wanted_share(query) };
        let wishes = Wishes { order: &order, limit, preferred: &preferred, ..Wishes::default() };
        let mut rows = self.from(&select.from, select.conditions.clone(), &wishes)?.rows;
        if let Some(extreme) = extreme
            && rows.order == order
        {
            rows = self.first_value(rows, &extreme)?;
        }
        if select.grouped {
            rows = self.grouped(rows, select)?;
        }
        let in_order = !query.order.is_empty() && !order.is_empty() && rows.order == order;
        let projected = self.projected(rows, query, select)?;
        let distinct = self.distinct(projected, query, select);
        let keys = self.output_keys(&distinct, &query.order);
        let done = in_order || matches!(select.distinct, Distinct::On(_));
        let sorted = if done { distinct } else { self.sorted(distinct, keys, query) };
        let limited = self.limited(sorted, query)?;
        Ok(self.visible(limited, query))
    }

    /// The one min or max of a column of one table that is asked for.
    fn extreme(&self, select: &Select) -> Option<Extreme> {
        let [(_, aggregate)] = select.aggregates.as_slice() else { return None };
        let plain = select.groups.is_empty()
            && !aggregate.distinct
            && aggregate.filter.is_none()
            && aggregate.order.is_empty();
        let greatest = match aggregate.function.name {
            "max" if plain => true,
            "min" if plain => false,
            _ => return None,
        };
        let (From::Relation(index), [arg]) = (&select.from, aggregate.args.as_slice()) else {
            return None;
        };
        let id = id_of(arg).filter(|id| self.ids(*index).contains(id))?;
        Some(Extreme { id, greatest, ty: arg.ty })
    }

    /// The first row whose value is not NULL: all that min or max need of rows in its order.
    fn first_value(&mut self, rows: Rows, extreme: &Extreme) -> Result<Rows> {
        let Extreme { id, ty, .. } = *extreme;
        let value = Expr { kind: ExprKind::Column(id), ty, position: None };
        let boolean = |kind| Expr { kind, ty: Type::BOOL, position: None };
        let missing = boolean(ExprKind::IsNull(Box::new(value)));
        let present = boolean(ExprKind::Not(Box::new(missing)));
        let present = self.lower(&present, &rows.ids)?;
        let one = Expr { kind: ExprKind::Constant(Datum::Int8(1)), ty: Type::INT8, position: None };
        let rows = rows.filtered(Some(present));
        Ok(rows.wrap(1.0, |input| NodeKind::Limit { input, limit: Some(one), offset: None }))
    }

    /// The rows of an EXISTS: that there are some is all that matters, so a plain select list is
    /// not computed.
    pub(super) fn existence(&mut self, query: &Query) -> Result<Rows> {
        let QueryBody::Select(select) = &query.body else { return self.query(query) };
        let plain = !select.grouped
            && !select.returns_sets
            && query.limit.is_none()
            && query.offset.is_none()
            && query.locks.is_empty();
        if !plain {
            return self.query(query);
        }
        for target in &select.targets {
            self.uses.forget(target);
        }
        Ok(self.from(&select.from, select.conditions.clone(), &Wishes::default())?.rows)
    }

    /// Groups, aggregates and HAVING.
    fn grouped(&mut self, rows: Rows, select: &Select) -> Result<Rows> {
        let groups = select.groups.iter().map(|(_, group)| self.lower(group, &rows.ids));
        let groups: Vec<Expr> = groups.collect::<Result<_>>()?;
        let mut aggregates = Vec::with_capacity(select.aggregates.len());
        for (_, aggregate) in &select.aggregates {
            aggregates.push(aggregate.map_inputs(&mut |expr| self.lower(expr, &rows.ids))?);
        }
        let ids = select.groups.iter().map(|(id, _)| *id);
        let ids: Vec<ColumnId> = ids.chain(select.aggregates.iter().map(|(id, _)| *id)).collect();
        let having = select.having.iter().map(|condition| self.lower(condition, &ids));
        let having = conjunction(having.collect::<Result<_>>()?);
        let types = groups.iter().map(|group| group.ty);
        let types = types.chain(aggregates.iter().map(|aggregate| aggregate.ty));
        let output = types.map(unnamed).collect();
        let input = rows.node;
        let count = if groups.is_empty() { 1.0 } else { (input.rows / 10.0).max(1.0) };
        let cost = (input.cost.1, input.cost.1 + input.rows * 0.01);
        let input = Box::new(input);
        let kind = NodeKind::Aggregate { input, groups, aggregates, having, sorted: false };
        Ok(Rows::unordered(Node { kind, output, rows: count, cost }, ids))
    }

    /// The select list, hidden columns included. A list that is the row as it is costs nothing.
    fn projected(&mut self, rows: Rows, query: &Query, select: &Select) -> Result<Rows> {
        let exprs = self.lower_all(&select.targets, &rows.ids)?;
        let hidden = exprs[select.visible..].iter().map(|expr| unnamed(expr.ty));
        let output: Vec<OutputColumn> = outputs(&query.columns).into_iter().chain(hidden).collect();
        let input = rows.node;
        let as_it_is = exprs.len() == rows.ids.len()
            && exprs.iter().enumerate().all(
                |(at, expr)| matches!(expr.kind, ExprKind::Column(position) if position == at),
            );
        if as_it_is && !select.returns_sets {
            return Ok(self.fresh(Node { output, ..input }));
        }
        let (count, cost) = (input.rows, (input.cost.0, input.cost.1 + input.rows * 0.0025));
        if let NodeKind::Result { exprs: none, filter } = &input.kind
            && none.is_empty()
            && !select.returns_sets
        {
            // The row without columns below is folded into its list.
            let kind = NodeKind::Result { exprs, filter: filter.clone() };
            return Ok(self.fresh(Node { kind, output, rows: 1.0, cost: (0.0, 0.01) }));
        }
        let input = Box::new(input);
        let (kind, rows) = if select.returns_sets {
            let (sets, above) = split_sets(&input, exprs);
            let output = sets.iter().map(|expr| unnamed(expr.ty)).collect();
            let rows = count * 100.0;
            let kind = NodeKind::ProjectSet { input, exprs: sets };
            match above {
                Some(exprs) => {
                    let input = Box::new(Node { kind, output, rows, cost });
                    (NodeKind::Project { input, exprs }, rows)
                }
                None => (kind, rows),
            }
        } else {
            (NodeKind::Project { input, exprs }, count)
        };
        Ok(self.fresh(Node { kind, output, rows, cost }))
    }

    /// DISTINCT; DISTINCT ON sorts first, by its columns and then by the rest of ORDER BY.
    fn distinct(&mut self, rows: Rows, query: &Query, select: &Select) -> Rows {
        match &select.distinct {
            Distinct::No => rows,
            Distinct::All => {
                let count = rows.node.rows;
                rows.wrap(count, |input| NodeKind::Distinct { input, on: None })
            }
            Distinct::On(targets) => {
                let missing =
                    |target: &&usize| !query.order.iter().any(|key| key.target == **target);
                let on_only = targets.iter().filter(missing).map(|target| OrderKey {
                    target: *target,
                    descending: false,
                    nulls_first: false,
                });
                let order: Vec<OrderKey> = query.order.iter().copied().chain(on_only).collect();
                let keys = self.output_keys(&rows, &order);
                let on = targets.iter().map(|target| column(*target, rows.node.output[*target].ty));
                let on = Some(on.collect());
                let count = rows.node.rows;
                let sorted = rows.wrap(count, |input| NodeKind::Sort { input, keys, limit: None });
                sorted.wrap((count / 10.0).max(1.0), |input| NodeKind::Distinct { input, on })
            }
        }
    }

    /// ORDER BY over a query's own columns.
    fn output_keys(&self, rows: &Rows, order: &[OrderKey]) -> Vec<SortKey> {
        let key = |key: &OrderKey| SortKey {
            expr: column(key.target, rows.node.output[key.target].ty),
            descending: key.descending,
            nulls_first: key.nulls_first,
        };
        order.iter().map(key).collect()
    }

    fn sorted(&self, rows: Rows, keys: Vec<SortKey>, query: &Query) -> Rows {
        if keys.is_empty() {
            return rows;
        }
        let limit = wanted_rows(query);
        let count = rows.node.rows;
        let cost = rows.node.cost.1 + count * count.max(2.0).log2() * 0.005;
        let mut sorted = rows.wrap(count, |input| NodeKind::Sort { input, keys, limit });
        sorted.node.cost = (cost, cost);
        sorted
    }

    fn limited(&mut self, rows: Rows, query: &Query) -> Result<Rows> {
        if query.limit.is_none() && query.offset.is_none() {
            return Ok(rows);
        }
        let lower = |planner: &mut Self, expr: &Option<Expr>| {
            expr.as_ref().map(|expr| planner.lower(expr, &[])).transpose()
        };
        let (limit, offset) = (lower(self, &query.limit)?, lower(self, &query.offset)?);
        let count =
            query.limit.as_ref().and_then(constant).map_or(rows.node.rows, |limit| limit as f64);
        let count = count.min(rows.node.rows).max(1.0);
        Ok(rows.wrap(count, |input| NodeKind::Limit { input, limit, offset }))
    }

    /// Without the columns that only ORDER BY or DISTINCT ON needed.
    fn visible(&mut self, rows: Rows, query: &Query) -> Rows {
        let width = query.columns.len();
        if rows.node.output.len() == width {
            return rows;
        }
        let exprs = (0..width).map(|at| column(at, rows.node.output[at].ty)).collect();
        let (count, cost) = (rows.node.rows, rows.node.cost);
        let kind = NodeKind::Project { input: Box::new(rows.node), exprs };
        self.fresh(Node { kind, output: outputs(&query.columns), rows: count, cost })
    }

    /// A SELECT ... FOR UPDATE.
    fn locking_select(&mut self, query: &Query, select: &Select) -> Result<Rows> {
        let order = wanted_order(query, select);
        let keys: Vec<(usize, ColumnId)> =
            query.locks.iter().map(|lock| (lock.relation, self.new_id())).collect();
        let limit = wanted_share(query);
        let from = self.reduced(&select.from, &select.conditions);
        self.check_nullable(&from, &query.locks)?;
        let wishes = Wishes {
            order: &order,
            limit,
            row_keys: &keys,
            checked_again: true,
            ..Wishes::default()
        };
        let mut rows = self.from(&from, select.conditions.clone(), &wishes)?.rows;
        if order.is_empty() || rows.order != order {
            let mut sort = Vec::with_capacity(query.order.len());
            for OrderKey { target, descending, nulls_first } in &query.order {
                let expr = self.lower(&select.targets[*target], &rows.ids)?;
                sort.push(SortKey { expr, descending: *descending, nulls_first: *nulls_first });
            }
            if !sort.is_empty() {
                let count = rows.node.rows;
                rows = rows.wrap(count, |input| NodeKind::Sort { input, keys: sort, limit: None });
            }
        }
        let conditions = select.conditions.iter().chain(inner_conditions(&from));
        let recheck = conditions.map(|condition| self.lower(condition, &rows.ids));
        let recheck = conjunction(recheck.collect::<Result<_>>()?);
        let mut outer = Vec::new();
        self.outer_sides(&from, &rows.ids, &mut outer)?;
        let locks = query.locks.iter().zip(&keys);
        let locks = locks.filter_map(|(request, (_, key))| self.lock(request, *key, &rows.ids));
        let locks = locks.collect();
        let count = rows.node.rows;
        rows = rows.wrap(count, |input| NodeKind::LockRows { input, locks, outer, recheck });
        let rows = self.limited(rows, query)?;
        let projected = self.projected(rows, query, select)?;
        Ok(self.visible(projected, query))
    }

    /// What may be missing beside rows that are locked; what is missing itself has no locked rows.
    fn outer_sides(
        &mut self,
        from: &From,
        row: &[ColumnId],
        sides: &mut Vec<OuterSide>,
    ) -> Result<()> {
        let From::Join { kind, left, right, on } = from else { return Ok(()) };
        let (kept, missing) = match kind {
            JoinKind::Left => (left, right),
            JoinKind::Right => (right, left),
            JoinKind::Inner => {
                self.outer_sides(left, row, sides)?;
                return self.outer_sides(right, row, sides);
            }
            _ => return Ok(()),
        };
        self.outer_sides(kept, row, sides)?;
        let Some(on) = conjunction(self.lower_all(on, row)?) else { return Ok(()) };
        let mut relations = Vec::new();
        collect(missing, &mut relations);
        let columns = (0..row.len()).filter(|at| self.has(&relations, row[*at])).collect();
        sides.push(OuterSide { on, columns });
        Ok(())
    }

    fn lock(&self, request: &LockRequest, key: ColumnId, row: &[ColumnId]) -> Option<Lock> {
        let relation = &self.analysis.relations[request.relation];
        let RelationKind::Table(table) = &relation.kind else { return None };
        let ids = self.ids(request.relation);
        let own = |(at, id): (usize, &ColumnId)| ids.contains(id).then(|| (at, id - ids.start));
        Some(Lock {
            table: table.clone(),
            mode: request.mode,
            skip: request.skip,
            key: row.iter().position(|id| *id == key)?,
            columns: row.iter().enumerate().filter_map(own).collect(),
        })
    }
}

/// The columns of a ProjectSet, and what is computed above it: set-returning calls inside of
/// expressions become columns of their own, behind those of the input.
fn split_sets(input: &Node, exprs: Vec<Expr>) -> (Vec<Expr>, Option<Vec<Expr>>) {
    let plain = |expr: &Expr| is_set(expr) && !inputs_have_sets(expr) || !has_set(expr);
    if exprs.iter().all(plain) {
        return (exprs, None);
    }
    let columns = input.output.iter().enumerate();
    let mut sets: Vec<Expr> = columns.map(|(at, output)| column(at, output.ty)).collect();
    let above = exprs.into_iter().map(|expr| extract_sets(expr, &mut sets)).collect();
    (sets, Some(above))
}

fn extract_sets(mut expr: Expr, sets: &mut Vec<Expr>) -> Expr {
    if is_set(&expr) {
        let ty = expr.ty;
        sets.push(expr);
        return column(sets.len() - 1, ty);
    }
    expr.each_child_mut(&mut |child| {
        let placeholder = column(0, child.ty);
        let taken = std::mem::replace(child, placeholder);
        *child = extract_sets(taken, sets);
    });
    expr
}

fn is_set(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Call { function, .. } if matches!(function.body, Body::Set(_)))
}

fn inputs_have_sets(expr: &Expr) -> bool {
    let mut found = false;
    expr.each_child(&mut |child| found |= has_set(child));
    found
}

fn has_set(expr: &Expr) -> bool {
    is_set(expr) || inputs_have_sets(expr)
}

/// The ON conditions that every row of a FROM clause satisfies: those of inner joins, as far as they
/// are not on a side that may be missing.
fn inner_conditions(from: &From) -> Vec<&Expr> {
    let From::Join { kind, left, right, on } = from else { return Vec::new() };
    match kind {
        JoinKind::Inner => {
            let below = inner_conditions(left).into_iter().chain(inner_conditions(right));
            below.chain(on).collect()
        }
        JoinKind::Left => inner_conditions(left),
        JoinKind::Right => inner_conditions(right),
        _ => Vec::new(),
    }
}

/// The order a query wants, when it is one of plain columns and nothing stands between FROM and
/// ORDER BY that would lose it.
fn wanted_order(query: &Query, select: &Select) -> Order {
    let loses = select.grouped || select.returns_sets || select.distinct != Distinct::No;
    if loses {
        return Vec::new();
    }
    let key = |key: &OrderKey| {
        Some((id_of(&select.targets[key.target])?, key.descending, key.nulls_first))
    };
    query.order.iter().map(key).collect::<Option<_>>().unwrap_or_default()
}

/// The rows of one input after another.
fn append(inputs: Vec<Node>, output: Vec<OutputColumn>) -> Node {
    let rows = inputs.iter().map(|input| input.rows).sum::<f64>();
    let cost = (0.0, inputs.iter().map(|input| input.cost.1).sum::<f64>() + rows * 0.01);
    Node { kind: NodeKind::Append(inputs), output, rows, cost }
}

/// A min or max that an index could answer.
struct Extreme {
    id: ColumnId,
    greatest: bool,
    ty: Type,
}

/// How many rows LIMIT lets through, guessed when it is no constant.
fn wanted_share(query: &Query) -> Option<f64> {
    query.limit.as_ref()?;
    Some(wanted_rows(query).map_or(100.0, |rows| rows as f64))
}

/// LIMIT + OFFSET, when both are constants.
fn wanted_rows(query: &Query) -> Option<u64> {
    let limit = constant(query.limit.as_ref()?)?;
    let offset = query.offset.as_ref().map_or(Some(0), constant)?;
    u64::try_from(limit).ok()?.checked_add(u64::try_from(offset).ok()?)
}

fn constant(expr: &Expr) -> Option<i64> {
    match &expr.kind {
        ExprKind::Constant(Datum::Int8(value)) => Some(*value),
        ExprKind::Constant(Datum::Int4(value)) => Some(i64::from(*value)),
        ExprKind::Call { args, .. } if expr.ty == Type::INT8 => match args.as_slice() {
            // int4 widened to int8.
            [only] if only.ty == Type::INT4 => constant(only),
            _ => None,
        },
        _ => None,
    }
}

fn id_of(expr: &Expr) -> Option<ColumnId> {
    match expr.kind {
        ExprKind::Column(id) => Some(id),
        _ => None,
    }
}
