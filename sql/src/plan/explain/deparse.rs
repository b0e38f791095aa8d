//! Expressions as PostgreSQL writes them in EXPLAIN.

use super::super::{Modify, Node, NodeKind};
use super::datum::{constant, quote};
use super::names::{Scope, mark};
use crate::expr::function::{self, Function};
use crate::expr::{Aggregate, Expr, ExprKind, Quantifier, SubqueryKind};
use crate::parser::quote_identifier;
use crate::types::{self, Datum, Type, catalog};

/// A name, in quotes when it needs them.
pub(super) fn identifier(name: &str) -> String {
    quote_identifier(name).into_owned()
}

/// An expression over the rows of `inputs`; `parens`: around what is no simple term.
pub(super) fn expr(scope: &Scope<'_>, expr: &Expr, inputs: &[&Node], parens: bool) -> String {
    let column = |n: usize| scope.joined(inputs, n);
    Deparser { scope, column: &column }.expr(expr, parens)
}

/// RETURNING: the new row's columns, then the input's.
pub(super) fn returning(
    scope: &Scope<'_>,
    expr: &Expr,
    modify: &Modify,
    inputs: &[&Node],
) -> String {
    let own = modify.table.columns.len();
    let column = |n: usize| match modify.table.columns.get(n) {
        Some(column) => scope.table_column(&modify.alias, &column.name),
        None => scope.joined(inputs, n - own),
    };
    Deparser { scope, column: &column }.expr(expr, true)
}

/// ON CONFLICT: the existing row's columns, then the proposed row's.
pub(super) fn over_conflict(scope: &Scope<'_>, expr: &Expr, modify: &Modify) -> String {
    let columns = &modify.table.columns;
    let column = |n: usize| match (columns.get(n), columns.get(n.wrapping_sub(columns.len()))) {
        (Some(own), _) => format!("{}.{}", identifier(&modify.alias), identifier(&own.name)),
        (None, Some(proposed)) => format!("excluded.{}", identifier(&proposed.name)),
        (None, None) => "?column?".to_owned(),
    };
    Deparser { scope, column: &column }.expr(expr, true)
}

/// HAVING: over the groups and aggregates of a node.
pub(super) fn having(scope: &Scope<'_>, expr: &Expr, node: &Node) -> String {
    let NodeKind::Aggregate { input, groups, aggregates, .. } = &node.kind else {
        return String::new();
    };
    let column = |n: usize| match (groups.get(n), aggregates.get(n.wrapping_sub(groups.len()))) {
        (Some(group), _) => scope.expr(group, &[input], true),
        (None, Some(call)) => aggregate(scope, call, &[input]),
        (None, None) => "?column?".to_owned(),
    };
    Deparser { scope, column: &column }.expr(expr, true)
}

/// An aggregate call.
pub(super) fn aggregate(scope: &Scope<'_>, call: &Aggregate, inputs: &[&Node]) -> String {
    let column = |n: usize| scope.joined(inputs, n);
    let deparser = Deparser { scope, column: &column };
    let name = identifier(call.function.name);
    let mut text = if call.args.is_empty() {
        format!("{name}(*")
    } else {
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        format!("{name}({distinct}{}", deparser.list(&call.args))
    };
    if !call.order.is_empty() {
        let keys = call.order.iter().map(|key| {
            let descending = if key.descending { " DESC" } else { "" };
            format!("{}{descending}", deparser.expr(&key.expr, true))
        });
        text.push_str(&format!(" ORDER BY {}", keys.collect::<Vec<_>>().join(", ")));
    }
    text.push(')');
    if let Some(filter) = &call.filter {
        text.push_str(&format!(" FILTER (WHERE {})", deparser.expr(filter, true)));
    }
    text
}

struct Deparser<'a> {
    scope: &'a Scope<'a>,
    column: &'a dyn Fn(usize) -> String,
}

impl Deparser<'_> {
    fn list(&self, exprs: &[Expr]) -> String {
        exprs.iter().map(|expr| self.expr(expr, false)).collect::<Vec<_>>().join(", ")
    }

    fn expr(&self, expr: &Expr, parens: bool) -> String {
        let wrap = |text: String| if parens { format!("({text})") } else { text };
        match &expr.kind {
            ExprKind::Constant(value) => constant(value, expr.ty),
            ExprKind::Column(n) => (self.column)(*n),
            ExprKind::Parameter(n) => format!("${}", n + 1),
            ExprKind::Outer(n) => {
                self.scope.frame.get(*n).cloned().unwrap_or_else(|| format!("${n}"))
            }
            ExprKind::Call { function, args } => self.call(function, args, expr.ty),
            ExprKind::CoerceViaText(arg) | ExprKind::Relabel(arg) => self.cast(arg, expr.ty),
            ExprKind::Length { arg, .. } => self.cast(arg, expr.ty),
            ExprKind::And(parts) => self.connected(parts, " AND "),
            ExprKind::Or(parts) => self.connected(parts, " OR "),
            ExprKind::Not(arg) => self.negated(arg),
            ExprKind::IsNull(arg) => format!("({} IS NULL)", self.expr(arg, true)),
            ExprKind::AllPresent(arg) => format!("({} IS NOT NULL)", self.expr(arg, true)),
            ExprKind::IsTruth(arg, truth) => {
                format!("({} IS {})", self.expr(arg, true), truth_word(*truth))
            }
            ExprKind::Distinct { left, right, .. } => {
                format!("({} IS DISTINCT FROM {})", self.expr(left, true), self.expr(right, true))
            }
            ExprKind::CaseOperand => "CASE_TEST_EXPR".to_owned(),
            ExprKind::Case { operand, branches, otherwise } => {
                let mut text = "CASE".to_owned();
                if let Some(operand) = operand {
                    text.push_str(&format!(" {}", self.expr(operand, true)));
                }
                for branch in branches {
                    let when = self.expr(when_of(&branch.condition, operand.is_some()), true);
                    let then = self.expr(&branch.value, true);
                    text.push_str(&format!(" WHEN {when} THEN {then}"));
                }
                format!("{text} ELSE {} END", self.expr(otherwise, true))
            }
            ExprKind::Coalesce(args) => format!("COALESCE({})", self.list(args)),
            ExprKind::NullIf { left, right, .. } => {
                format!("NULLIF({}, {})", self.expr(left, false), self.expr(right, false))
            }
            ExprKind::Extreme(greatest, args) => {
                format!("{}({})", if *greatest { "GREATEST" } else { "LEAST" }, self.list(args))
            }
            ExprKind::InList { compare, arg, list, quantifier } => {
                let symbol = symbol_of(compare).unwrap_or("=");
                let array = self.array_of(list);
                format!("({} {symbol} {} ({array}))", self.expr(arg, true), any(*quantifier))
            }
            ExprKind::InArray { compare, arg, array, quantifier } => {
                let symbol = symbol_of(compare).unwrap_or("=");
                let array = self.expr(array, false);
                format!("({} {symbol} {} ({array}))", self.expr(arg, true), any(*quantifier))
            }
            ExprKind::Array(items) => format!("ARRAY[{}]", self.list(items)),
            ExprKind::Subscript(arg, indexes) => {
                let indexes = indexes.iter().map(|index| format!("[{}]", self.expr(index, false)));
                format!("{}{}", self.expr(arg, true), indexes.collect::<String>())
            }
            ExprKind::Row(items) => format!("ROW({})", self.list(items)),
            ExprKind::Subquery { kind: SubqueryKind::Compare { quantifier, .. }, plan, .. } => {
                match quantifier {
                    Quantifier::Any => mark(plan),
                    Quantifier::All => wrap(format!("NOT {}", mark(plan))),
                }
            }
            ExprKind::Subquery { plan, .. } => mark(plan),
        }
    }

    fn negated(&self, arg: &Expr) -> String {
        match &arg.kind {
            ExprKind::IsNull(arg) => format!("({} IS NOT NULL)", self.expr(arg, true)),
            ExprKind::Distinct { left, right, .. } => {
                let (left, right) = (self.expr(left, true), self.expr(right, true));
                format!("(NOT ({left} IS DISTINCT FROM {right}))")
            }
            ExprKind::IsTruth(arg, truth) => {
                format!("({} IS NOT {})", self.expr(arg, true), truth_word(*truth))
            }
            _ => format!("(NOT {})", self.expr(arg, true)),
        }
    }

    fn connected(&self, parts: &[Expr], word: &str) -> String {
        let parts: Vec<String> = parts.iter().map(|part| self.expr(part, true)).collect();
        format!("({})", parts.join(word))
    }

    fn cast(&self, arg: &Expr, ty: Type) -> String {
        let inner = match &arg.kind {
            ExprKind::Relabel(inner) if inner.ty.oid == ty.oid => inner,
            _ => arg,
        };
        format!("({})::{}", self.expr(inner, false), types::name(ty))
    }

    fn call(&self, function: &'static Function, args: &[Expr], ty: Type) -> String {
        match (symbol_of(function), args) {
            (Some(symbol), [left, right]) => {
                return format!("({} {symbol} {})", self.expr(left, true), self.expr(right, true));
            }
            (Some(symbol), [arg]) => return format!("({symbol} {})", self.expr(arg, true)),
            _ => {}
        }
        if let [arg] = args
            && is_cast(function, ty)
        {
            return self.cast(arg, ty);
        }
        format!("{}({})", identifier(function.name), self.list(args))
    }

    /// The list of IN: an array constant when all of it is constant.
    fn array_of(&self, list: &[Expr]) -> String {
        let constants: Option<Vec<String>> = list
            .iter()
            .map(|item| match &item.kind {
                ExprKind::Constant(Datum::Null) => Some("NULL".to_owned()),
                ExprKind::Constant(value) => Some(array_item(value, item.ty)),
                _ => None,
            })
            .collect();
        match (constants, list.first()) {
            (Some(items), Some(first)) => {
                let name = types::name(first.ty.with_modifier(-1));
                format!("{}::{name}[]", quote(&format!("{{{}}}", items.join(","))))
            }
            _ => format!("ARRAY[{}]", self.list(list)),
        }
    }
}

/// An element of an array's text form.
fn array_item(value: &Datum, ty: Type) -> String {
    let mut text = bytes::BytesMut::new();
    types::output(value, ty, &types::Formats::default(), &mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let plain = |c: char| !c.is_whitespace() && !"{},\"\\".contains(c);
    if !text.is_empty() && text.chars().all(plain) && !text.eq_ignore_ascii_case("null") {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn any(quantifier: Quantifier) -> &'static str {
    match quantifier {
        Quantifier::Any => "ANY",
        Quantifier::All => "ALL",
    }
}

fn truth_word(truth: Option<bool>) -> &'static str {
    match truth {
        Some(true) => "TRUE",
        Some(false) => "FALSE",
        None => "UNKNOWN",
    }
}

/// The symbol of the operator that a function implements.
fn symbol_of(function: &Function) -> Option<&'static str> {
    let found = function::all_operators().iter().find(|op| op.function == function.oid);
    found.map(|operator| operator.name)
}

/// Whether a function is a cast to its result: those are named after a type.
fn is_cast(function: &Function, ty: Type) -> bool {
    catalog::by_oid(ty.oid).is_some_and(|entry| entry.name == function.name)
}

/// What WHEN compares a simple CASE's operand with.
fn when_of(condition: &Expr, is_simple: bool) -> &Expr {
    match &condition.kind {
        ExprKind::Call { args, .. } if is_simple && args.len() == 2 => &args[1],
        _ => condition,
    }
}
