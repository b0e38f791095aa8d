//! Expressions compared and searched.

use super::query::ColumnId;
use crate::expr::{Expr, ExprKind};
use crate::types::Datum;

/// Whether two expressions compute the same from the same row, wherever they were written.
pub(crate) fn same(a: &Expr, b: &Expr) -> bool {
    use ExprKind as E;
    if a.ty != b.ty {
        return false;
    }
    match (&a.kind, &b.kind) {
        (E::Constant(a), E::Constant(b)) => same_datum(a, b),
        (E::Column(a), E::Column(b))
        | (E::Parameter(a), E::Parameter(b))
        | (E::Outer(a), E::Outer(b)) => a == b,
        (E::Call { function: f, args: a }, E::Call { function: g, args: b }) => {
            f.oid == g.oid && all_same(a, b)
        }
        (E::CoerceViaText(a), E::CoerceViaText(b))
        | (E::Relabel(a), E::Relabel(b))
        | (E::Not(a), E::Not(b))
        | (E::AllPresent(a), E::AllPresent(b))
        | (E::IsNull(a), E::IsNull(b)) => same(a, b),
        (E::Length { arg: a, explicit: x }, E::Length { arg: b, explicit: y }) => {
            x == y && same(a, b)
        }
        (E::And(a), E::And(b))
        | (E::Or(a), E::Or(b))
        | (E::Coalesce(a), E::Coalesce(b))
        | (E::Array(a), E::Array(b))
        | (E::Row(a), E::Row(b)) => all_same(a, b),
        (E::IsTruth(a, x), E::IsTruth(b, y)) => x == y && same(a, b),
        (E::Extreme(x, a), E::Extreme(y, b)) => x == y && all_same(a, b),
        (E::Subscript(a, x), E::Subscript(b, y)) => same(a, b) && all_same(x, y),
        (
            E::Distinct { equal: f, left: a, right: x },
            E::Distinct { equal: g, left: b, right: y },
        )
        | (E::NullIf { equal: f, left: a, right: x }, E::NullIf { equal: g, left: b, right: y }) => {
            f.oid == g.oid && same(a, b) && same(x, y)
        }
        (
            E::InList { compare: f, arg: a, list: x, quantifier: q },
            E::InList { compare: g, arg: b, list: y, quantifier: r },
        ) => f.oid == g.oid && q == r && same(a, b) && all_same(x, y),
        (
            E::InArray { compare: f, arg: a, array: x, quantifier: q },
            E::InArray { compare: g, arg: b, array: y, quantifier: r },
        ) => f.oid == g.oid && q == r && same(a, b) && same(x, y),
        (E::CaseOperand, E::CaseOperand) => true,
        (
            E::Case { operand: o, branches: a, otherwise: x },
            E::Case { operand: p, branches: b, otherwise: y },
        ) => {
            let branches = a.iter().zip(b);
            let same_operand = match (o, p) {
                (Some(o), Some(p)) => same(o, p),
                (None, None) => true,
                _ => false,
            };
            same_operand
                && a.len() == b.len()
                && same(x, y)
                && branches
                    .into_iter()
                    .all(|(a, b)| same(&a.condition, &b.condition) && same(&a.value, &b.value))
        }
        _ => false,
    }
}

fn all_same(a: &[Expr], b: &[Expr]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

fn same_datum(a: &Datum, b: &Datum) -> bool {
    // The text of a datum with its kind; scales of numerics count, as they show.
    a.is_null() == b.is_null() && format!("{a:?}") == format!("{b:?}")
}

/// Calls `visit` with the id of each column of an analyzed expression.
pub(crate) fn columns(expr: &Expr, visit: &mut dyn FnMut(ColumnId)) {
    if let ExprKind::Column(id) = expr.kind {
        visit(id);
    }
    expr.each_child(&mut |child| columns(child, visit));
}
