//! Which name a position in a node's row has, and the subplans of a node.

use std::sync::Arc;

use super::super::{Node, NodeKind, Operation};
use super::deparse;
use crate::expr::{Expr, ExprKind, SubqueryKind};

/// How names are written in one plan.
pub(super) struct Names {
    /// Whether columns carry their table's name: with more than one relation.
    prefix: bool,
    pub(super) verbose: bool,
}

impl Names {
    pub(super) fn of(node: &Node, verbose: bool) -> Names {
        Names { prefix: verbose || relations(node) > 1, verbose }
    }
}

/// Names, and the values handed in from outside as text.
pub(super) struct Scope<'a> {
    pub(super) names: &'a Names,
    pub(super) frame: &'a [String],
}

impl Scope<'_> {
    /// The text of the column `n` of a node's row.
    pub(super) fn column(&self, node: &Node, n: usize) -> String {
        match &node.kind {
            NodeKind::SeqScan { table, alias, columns, .. }
            | NodeKind::IndexScan { table, alias, columns, .. } => match columns.get(n) {
                Some(place) => self.qualified(alias, &table.columns[*place].name),
                None => self.qualified(alias, "ctid"),
            },
            NodeKind::FunctionScan { alias, .. } | NodeKind::CatalogScan { alias, .. } => {
                let name = node.output.get(n).map_or("?column?", |column| column.name.as_str());
                self.qualified(alias, name)
            }
            NodeKind::Values(_) => self.qualified("*VALUES*", &format!("column{}", n + 1)),
            NodeKind::Result { exprs, .. } => match exprs.get(n) {
                Some(expr) => self.computed(expr, &[]),
                None => "?column?".to_owned(),
            },
            NodeKind::Project { input, exprs } | NodeKind::ProjectSet { input, exprs } => {
                match exprs.get(n) {
                    Some(expr) => self.computed(expr, &[input]),
                    None => "?column?".to_owned(),
                }
            }
            NodeKind::NestedLoop { left, right, .. } | NodeKind::HashJoin { left, right, .. } => {
                self.joined(&[left, right], n)
            }
            NodeKind::Aggregate { input, groups, aggregates, .. } => match groups.get(n) {
                Some(group) => self.computed(group, &[input]),
                None => match aggregates.get(n - groups.len()) {
                    Some(aggregate) => {
                        format!("({})", deparse::aggregate(self, aggregate, &[input]))
                    }
                    None => "?column?".to_owned(),
                },
            },
            NodeKind::Append(inputs) => match inputs.first() {
                Some(first) => self.column(first, n),
                None => "?column?".to_owned(),
            },
            NodeKind::SetOp { left, .. } => self.column(left, n),
            NodeKind::ModifyTable(modify) => match modify.returning.get(n) {
                Some(expr) => {
                    let inputs = inputs(node);
                    deparse::returning(self, expr, modify, &inputs)
                }
                None => "?column?".to_owned(),
            },
            NodeKind::Filter { input, .. }
            | NodeKind::Sort { input, .. }
            | NodeKind::Distinct { input, .. }
            | NodeKind::Limit { input, .. }
            | NodeKind::LockRows { input, .. }
            | NodeKind::Materialize(input) => self.column(input, n),
            NodeKind::CteScan { alias, plan, .. } => match plan.output.get(n) {
                Some(column) => self.qualified(alias, &column.name),
                None => "?column?".to_owned(),
            },
        }
    }

    /// A value computed further down: in parentheses unless it is a column.
    fn computed(&self, expr: &Expr, inputs: &[&Node]) -> String {
        let text = self.expr(expr, inputs, true);
        if matches!(expr.kind, ExprKind::Column(_)) { text } else { format!("({text})") }
    }

    /// The column `n` of several rows side by side.
    pub(super) fn joined(&self, inputs: &[&Node], n: usize) -> String {
        let mut at = n;
        for input in inputs {
            if at < input.output.len() {
                return self.column(input, at);
            }
            at -= input.output.len();
        }
        // Past the row: the row's key, which follows a scan's columns.
        inputs.last().map_or_else(|| "?column?".to_owned(), |input| self.column(input, n))
    }

    /// A table's column by name.
    pub(super) fn table_column(&self, table: &str, column: &str) -> String {
        self.qualified(table, column)
    }

    fn qualified(&self, table: &str, column: &str) -> String {
        let column = deparse::identifier(column);
        if self.names.prefix { format!("{}.{column}", deparse::identifier(table)) } else { column }
    }

    /// An expression over the inputs' rows; `parens`: around what is no simple term.
    pub(super) fn expr(&self, expr: &Expr, inputs: &[&Node], parens: bool) -> String {
        deparse::expr(self, expr, inputs, parens)
    }

    /// The subplans in the expressions of a node, and of the Projects above it.
    pub(super) fn subplans<'n>(
        &self,
        node: &'n Node,
        shown: &'n Node,
        next: usize,
        next_init: usize,
    ) -> Subplans<'n> {
        let mut found = Subplans { plans: Vec::new(), names: Vec::new(), next, next_init };
        let mut above = node;
        while let NodeKind::Project { input, exprs } = &above.kind {
            for expr in exprs {
                self.collect(expr, &[input], &mut found);
            }
            above = input;
        }
        for (expr, inputs) in expressions(shown) {
            self.collect(expr, &inputs, &mut found);
        }
        found
    }

    fn collect<'n>(&self, expr: &'n Expr, inputs: &[&Node], found: &mut Subplans<'n>) {
        expr.each_child(&mut |child| self.collect(child, inputs, found));
        let ExprKind::Subquery { kind, plan, outer } = &expr.kind else { return };
        if found.names.iter().any(|(known, _)| Arc::ptr_eq(known, plan)) {
            return;
        }
        let is_init = outer.is_empty() && !matches!(kind, SubqueryKind::Compare { .. });
        let (title, name) = if is_init {
            found.next_init += 1;
            let n = found.next + found.next_init;
            (format!("InitPlan {n} (returns ${})", n - 1), format!("${}", n - 1))
        } else {
            found.next += 1;
            let n = found.next + found.next_init;
            let hashed = if outer.is_empty() { "hashed " } else { "" };
            (format!("SubPlan {n}"), format!("({hashed}SubPlan {n})"))
        };
        let frame = outer.iter().map(|value| self.expr(value, inputs, true)).collect();
        found.plans.push(Subplan { title, node: plan, frame });
        found.names.push((Arc::clone(plan), name));
    }
}

/// The subplans of one node.
pub(super) struct Subplans<'n> {
    pub(super) plans: Vec<Subplan<'n>>,
    names: Vec<(Arc<Node>, String)>,
    pub(super) next: usize,
    pub(super) next_init: usize,
}

/// One subplan.
pub(super) struct Subplan<'n> {
    pub(super) title: String,
    pub(super) node: &'n Node,
    pub(super) frame: Vec<String>,
}

impl Subplans<'_> {
    /// Puts the names of subplans where an expression's text has their marks.
    pub(super) fn number(&self, mut text: String) -> String {
        for (plan, name) in &self.names {
            text = text.replace(&mark(plan), name);
        }
        text
    }
}

/// What stands for a subplan until it has a number.
pub(super) fn mark(plan: &Arc<Node>) -> String {
    format!("\u{1}{:p}\u{1}", Arc::as_ptr(plan))
}

/// The inputs of a node.
pub(in crate::plan) fn inputs(node: &Node) -> Vec<&Node> {
    match &node.kind {
        NodeKind::Result { .. }
        | NodeKind::Values(_)
        | NodeKind::SeqScan { .. }
        | NodeKind::IndexScan { .. }
        | NodeKind::FunctionScan { .. }
        | NodeKind::CatalogScan { .. }
        | NodeKind::CteScan { .. } => Vec::new(),
        NodeKind::Filter { input, .. }
        | NodeKind::Project { input, .. }
        | NodeKind::ProjectSet { input, .. }
        | NodeKind::Aggregate { input, .. }
        | NodeKind::Sort { input, .. }
        | NodeKind::Distinct { input, .. }
        | NodeKind::Limit { input, .. }
        | NodeKind::LockRows { input, .. }
        | NodeKind::Materialize(input) => vec![input],
        NodeKind::NestedLoop { left, right, .. }
        | NodeKind::HashJoin { left, right, .. }
        | NodeKind::SetOp { left, right, .. } => vec![left, right],
        NodeKind::Append(inputs) => inputs.iter().collect(),
        NodeKind::ModifyTable(modify) => match &modify.operation {
            Operation::Insert { input, .. }
            | Operation::Update { input, .. }
            | Operation::Delete { input, .. } => vec![input],
        },
    }
}

/// The expressions of a node, each with the nodes whose rows it counts in.
fn expressions(node: &Node) -> Vec<(&Expr, Vec<&Node>)> {
    let over = inputs(node);
    let mut found: Vec<(&Expr, Vec<&Node>)> = Vec::new();
    let mut add = |expr| found.push((expr, over.clone()));
    match &node.kind {
        NodeKind::Result { exprs, filter } => {
            exprs.iter().chain(filter).for_each(add);
        }
        NodeKind::Values(rows) => rows.iter().flatten().for_each(add),
        NodeKind::SeqScan { filter, .. } | NodeKind::CatalogScan { filter, .. } => {
            found.extend(filter.iter().map(|expr| (expr, vec![node])));
        }
        NodeKind::IndexScan { probe, filter, .. } => {
            let values = probe.equal.iter().flatten();
            let ends = probe.lower.iter().chain(&probe.upper).map(|bound| &bound.value);
            found.extend(values.chain(ends).chain(filter).map(|expr| (expr, vec![node])));
        }
        NodeKind::FunctionScan { args, filter, .. } => {
            found.extend(args.iter().map(|expr| (expr, Vec::new())));
            found.extend(filter.iter().map(|expr| (expr, vec![node])));
        }
        NodeKind::Filter { condition, .. } => add(condition),
        NodeKind::Project { exprs, .. } | NodeKind::ProjectSet { exprs, .. } => {
            exprs.iter().for_each(add);
        }
        NodeKind::NestedLoop { condition, .. } => condition.iter().for_each(add),
        NodeKind::HashJoin { left, right, keys, condition, .. } => {
            condition.iter().for_each(add);
            for (a, b, _) in keys {
                found.push((a, vec![left]));
                found.push((b, vec![right]));
            }
        }
        NodeKind::Aggregate { groups, aggregates, having, .. } => {
            groups.iter().for_each(&mut add);
            for aggregate in aggregates {
                aggregate.args.iter().chain(&aggregate.filter).for_each(&mut add);
            }
            found.extend(having.iter().map(|expr| (expr, vec![node])));
        }
        NodeKind::Sort { keys, .. } => keys.iter().map(|key| &key.expr).for_each(add),
        NodeKind::Limit { limit, offset, .. } => limit.iter().chain(offset).for_each(add),
        NodeKind::ModifyTable(modify) => {
            if let Operation::Update { assignments, .. } = &modify.operation {
                assignments.iter().for_each(|(_, expr)| add(expr));
            }
        }
        NodeKind::Distinct { .. }
        | NodeKind::CteScan { .. }
        | NodeKind::Append(_)
        | NodeKind::SetOp { .. }
        | NodeKind::LockRows { .. }
        | NodeKind::Materialize(_) => {}
    }
    found
}

/// How many relations a plan reads and writes.
fn relations(node: &Node) -> usize {
    let own = match &node.kind {
        NodeKind::SeqScan { .. }
        | NodeKind::IndexScan { .. }
        | NodeKind::FunctionScan { .. }
        | NodeKind::CatalogScan { .. }
        | NodeKind::Values(_) => 1,
        NodeKind::CteScan { plan, .. } => 1 + relations(plan),
        _ => 0,
    };
    let mut count = own + inputs(node).into_iter().map(relations).sum::<usize>();
    for (expr, _) in expressions(node) {
        count += in_subplans(expr);
    }
    count
}

fn in_subplans(expr: &Expr) -> usize {
    let mut count = match &expr.kind {
        ExprKind::Subquery { plan, .. } => relations(plan),
        _ => 0,
    };
    expr.each_child(&mut |child| count += in_subplans(child));
    count
}
