//! A node's title and the lines below it.

use super::super::{IndexProbe, Node, NodeKind, Operation, SetOperation, SortKey};
use super::join_words;
use super::names::Scope;
use crate::catalog::{Index, Table};
use crate::expr::Expr;
use crate::types::Oid;
use reckon_mvcc::Direction;

/// A line below a node: `label: text`.
pub(super) struct Detail {
    pub(super) label: &'static str,
    pub(super) text: String,
}

/// What stands in a node's first line before the estimates.
pub(super) fn title(node: &Node, scope: &Scope<'_>) -> String {
    match &node.kind {
        NodeKind::Result { .. } | NodeKind::Filter { .. } | NodeKind::Project { .. } => {
            "Result".to_owned()
        }
        NodeKind::Values(_) => "Values Scan on \"*VALUES*\"".to_owned(),
        NodeKind::SeqScan { table, alias, .. } => {
            format!("Seq Scan on {}", on(table, alias, scope))
        }
        NodeKind::IndexScan { table, alias, index, direction, only, .. } => {
            let only = if *only { " Only" } else { "" };
            let backward = if *direction == Direction::Reverse { " Backward" } else { "" };
            let name = index_of(table, *index).map_or("?", |index| index.name.as_str());
            format!("Index{only} Scan{backward} using {name} on {}", on(table, alias, scope))
        }
        NodeKind::FunctionScan { function, alias, .. } => {
            format!("Function Scan on {}", named(function.name, alias))
        }
        NodeKind::CatalogScan { relation, alias, .. } => {
            format!("Catalog Scan on {}", named(relation, alias))
        }
        NodeKind::ProjectSet { .. } => "ProjectSet".to_owned(),
        NodeKind::NestedLoop { kind, .. } => format!("Nested Loop{}", join_words(*kind)),
        NodeKind::HashJoin { kind, .. } => match join_words(*kind) {
            "" => "Hash Join".to_owned(),
            words => format!("Hash{words}"),
        },
        NodeKind::Aggregate { groups, aggregates, sorted, .. } => {
            match (groups.is_empty(), sorted, aggregates.is_empty()) {
                (true, ..) => "Aggregate".to_owned(),
                (false, true, true) => "Group".to_owned(),
                (false, true, false) => "GroupAggregate".to_owned(),
                (false, false, _) => "HashAggregate".to_owned(),
            }
        }
        NodeKind::Sort { .. } => "Sort".to_owned(),
        NodeKind::Distinct { on: Some(_), .. } => "Unique".to_owned(),
        NodeKind::Distinct { on: None, .. } => "HashAggregate".to_owned(),
        NodeKind::Limit { .. } => "Limit".to_owned(),
        NodeKind::Append(_) => "Append".to_owned(),
        NodeKind::SetOp { operation, all, .. } => {
            let name = match operation {
                SetOperation::Union => "HashSetOp Union",
                SetOperation::Intersect => "HashSetOp Intersect",
                SetOperation::Except => "HashSetOp Except",
            };
            format!("{name}{}", if *all { " All" } else { "" })
        }
        NodeKind::LockRows { .. } => "LockRows".to_owned(),
        NodeKind::Materialize(_) => "Materialize".to_owned(),
        NodeKind::CteScan { name, alias, .. } => {
            format!("CTE Scan on {}", named(&super::deparse::identifier(name), alias))
        }
        NodeKind::ModifyTable(modify) => {
            let verb = match &modify.operation {
                Operation::Insert { .. } => "Insert",
                Operation::Update { .. } => "Update",
                Operation::Delete { .. } => "Delete",
            };
            format!("{verb} on {}", on(&modify.table, &modify.alias, scope))
        }
    }
}

fn on(table: &Table, alias: &str, scope: &Scope<'_>) -> String {
    let name = super::deparse::identifier(&table.name);
    let name = if scope.names.verbose {
        format!("{}.{name}", super::deparse::identifier(&table.schema_name))
    } else {
        name
    };
    if alias == table.name { name } else { format!("{name} {}", super::deparse::identifier(alias)) }
}

fn named(name: &str, alias: &str) -> String {
    if alias == name {
        name.to_owned()
    } else {
        format!("{name} {}", super::deparse::identifier(alias))
    }
}

fn index_of(table: &Table, oid: Oid) -> Option<&Index> {
    table.primary_key().into_iter().chain(&table.indexes).find(|index| index.oid == oid)
}

/// The lines below a node, but for its inputs.
pub(super) fn details(node: &Node, scope: &Scope<'_>) -> Vec<Detail> {
    let mut found = Vec::new();
    let mut add = |label, text: String| found.push(Detail { label, text });
    let condition = |expr: &Expr, inputs: &[&Node]| scope.expr(expr, inputs, true);
    match &node.kind {
        NodeKind::Result { filter: Some(filter), .. } => {
            add("One-Time Filter", condition(filter, &[]));
        }
        NodeKind::SeqScan { filter: Some(filter), .. }
        | NodeKind::CatalogScan { filter: Some(filter), .. }
        | NodeKind::FunctionScan { filter: Some(filter), .. } => {
            add("Filter", condition(filter, &[node]));
        }
        NodeKind::IndexScan { table, index, probe, filter, .. } => {
            if let Some(index) = index_of(table, *index)
                && let Some(text) = index_condition(table, index, probe, node, scope)
            {
                add("Index Cond", text);
            }
            if let Some(filter) = filter {
                add("Filter", condition(filter, &[node]));
            }
        }
        NodeKind::Filter { input, condition: filter } => add("Filter", condition(filter, &[input])),
        NodeKind::NestedLoop { left, right, condition: Some(filter), .. } => {
            add("Join Filter", condition(filter, &[left, right]));
        }
        NodeKind::HashJoin { left, right, keys, condition: filter, .. } => {
            let pairs = keys.iter().map(|(a, b, _)| {
                let (a, b) = (scope.expr(a, &[left], true), scope.expr(b, &[right], true));
                format!("({a} = {b})")
            });
            add("Hash Cond", conjunction(pairs.collect()));
            if let Some(filter) = filter {
                add("Join Filter", condition(filter, &[left, right]));
            }
        }
        NodeKind::Aggregate { input, groups, having, .. } => {
            if !groups.is_empty() {
                let keys = groups.iter().map(|group| scope.expr(group, &[input], true));
                add("Group Key", keys.collect::<Vec<_>>().join(", "));
            }
            if let Some(having) = having {
                add("Filter", super::deparse::having(scope, having, node));
            }
        }
        NodeKind::Distinct { input, on: None } => {
            let keys = (0..input.output.len()).map(|n| scope.column(input, n));
            add("Group Key", keys.collect::<Vec<_>>().join(", "));
        }
        NodeKind::Sort { input, keys, .. } => {
            let keys = keys.iter().map(|key| sort_key(key, input, scope));
            add("Sort Key", keys.collect::<Vec<_>>().join(", "));
        }
        NodeKind::ModifyTable(modify) => {
            if let Operation::Insert { conflict: Some(conflict), .. } = &modify.operation {
                let resolution = if conflict.update.is_some() { "UPDATE" } else { "NOTHING" };
                add("Conflict Resolution", resolution.to_owned());
                if let Some(index) = conflict.index.and_then(|oid| index_of(&modify.table, oid)) {
                    add("Conflict Arbiter Indexes", super::deparse::identifier(&index.name));
                }
                if let Some(filter) = &conflict.filter {
                    let text = super::deparse::over_conflict(scope, filter, modify);
                    add("Conflict Filter", text);
                }
            }
        }
        _ => {}
    }
    found
}

fn sort_key(key: &SortKey, input: &Node, scope: &Scope<'_>) -> String {
    let mut text = scope.expr(&key.expr, &[input], true);
    if !matches!(key.expr.kind, crate::expr::ExprKind::Column(_)) {
        text = format!("({text})");
    }
    if key.descending {
        text.push_str(" DESC");
    }
    if key.nulls_first != key.descending {
        text.push_str(if key.nulls_first { " NULLS FIRST" } else { " NULLS LAST" });
    }
    text
}

/// The conditions that an index decides, None for a scan of all of it.
fn index_condition(
    table: &Table,
    index: &Index,
    probe: &IndexProbe,
    node: &Node,
    scope: &Scope<'_>,
) -> Option<String> {
    let alias = match &node.kind {
        NodeKind::IndexScan { alias, .. } => alias.as_str(),
        _ => "",
    };
    let column = |n: usize| {
        let place = index.columns.get(n).map_or(0, |column| column.column);
        scope.table_column(alias, &table.columns[place].name)
    };
    let value = |expr: &Expr| scope.expr(expr, &[node], true);
    let mut parts: Vec<String> = probe
        .equal
        .iter()
        .enumerate()
        .map(|(n, equal)| match equal {
            Some(equal) => format!("({} = {})", column(n), value(equal)),
            None => format!("({} IS NULL)", column(n)),
        })
        .collect();
    let ranged = probe.equal.len();
    if let Some(lower) = &probe.lower {
        let op = if lower.inclusive { ">=" } else { ">" };
        parts.push(format!("({} {op} {})", column(ranged), value(&lower.value)));
    }
    if let Some(upper) = &probe.upper {
        let op = if upper.inclusive { "<=" } else { "<" };
        parts.push(format!("({} {op} {})", column(ranged), value(&upper.value)));
    }
    (!parts.is_empty()).then(|| conjunction(parts))
}

fn conjunction(parts: Vec<String>) -> String {
    match parts.as_slice() {
        [one] => one.clone(),
        _ => format!("({})", parts.join(" AND ")),
    }
}
