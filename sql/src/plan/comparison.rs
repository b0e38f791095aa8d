//! Which functions are comparisons that an index's order can answer.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::expr::function::{self, Function};
use crate::expr::{CaseBranch, Expr, ExprKind};
use crate::types::{Datum, Oid, Type};

/// A comparison operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Comparison {
    /// What `b op a` is for `a op b`.
    pub(super) fn flipped(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Equal => Comparison::Equal,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            Comparison::Greater => Comparison::Less,
        }
    }
}

/// The comparison a function is.
pub(super) fn comparison(function: &Function) -> Option<Comparison> {
    static BY_FUNCTION: OnceLock<HashMap<Oid, Comparison>> = OnceLock::new();
    let known = BY_FUNCTION.get_or_init(|| {
        let names = [
            ("<", Comparison::Less),
            ("<=", Comparison::LessOrEqual),
            ("=", Comparison::Equal),
            (">=", Comparison::GreaterOrEqual),
            (">", Comparison::Greater),
        ];
        let named = names.into_iter().flat_map(|(name, comparison)| {
            function::operators(name).iter().map(move |op| (op.function, comparison))
        });
        named.collect()
    });
    known.get(&function.oid).copied()
}

/// A comparison of two expressions.
pub(super) fn compared(expr: &Expr) -> Option<(&'static Function, Comparison, &Expr, &Expr)> {
    let ExprKind::Call { function, args } = &expr.kind else { return None };
    let [left, right] = args.as_slice() else { return None };
    Some((function, comparison(function)?, left, right))
}

/// Whether values of one type stand in a key or hash table of the other as they are.
pub(super) fn same_representation(left: Type, right: Type) -> bool {
    let plain = |ty: Type| {
        let oid = ty.oid;
        if oid == Type::VARCHAR.oid { Type::TEXT.oid } else { oid }
    };
    plain(left) == plain(right)
}

/// Whether equal values of both types have one hash: the executor hashes integers of all widths by
/// value.
pub(super) fn hash_alike(left: Type, right: Type) -> bool {
    let integer =
        |ty: Type| [Type::INT2, Type::INT4, Type::INT8].iter().any(|int| int.oid == ty.oid);
    same_representation(left, right) || (integer(left) && integer(right))
}

/// The value as one of the column's type, when that loses nothing.
pub(super) fn as_type(value: &Expr, column: Type) -> Option<Expr> {
    if same_representation(value.ty, column) {
        return Some(value.clone());
    }
    let width = |ty: Type| match ty {
        ty if ty.oid == Type::INT2.oid => Some(2),
        ty if ty.oid == Type::INT4.oid => Some(4),
        ty if ty.oid == Type::INT8.oid => Some(8),
        _ => None,
    };
    if width(value.ty)? > width(column)? {
        return None;
    }
    let cast = function::cast(value.ty, column)?;
    let function::CastMethod::Function(oid) = cast.method else { return None };
    let function = function::function(oid)?;
    let kind = ExprKind::Call { function, args: vec![value.clone()] };
    Some(Expr { kind, ty: Type { oid: column.oid, modifier: -1 }, position: value.position })
}

/// The value as one of a narrower integer column's type, NULL when the column cannot hold it: good
/// for an equality, which then finds nothing.
pub(super) fn narrowed(value: &Expr, column: Type) -> Option<Expr> {
    let (least, most) = match column {
        ty if ty.oid == Type::INT2.oid => (i64::from(i16::MIN), i64::from(i16::MAX)),
        ty if ty.oid == Type::INT4.oid => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => return None,
    };
    let bound = |bound: i64| match value.ty {
        ty if ty.oid == Type::INT8.oid => Some(Datum::Int8(bound)),
        ty if ty.oid == Type::INT4.oid => i32::try_from(bound).ok().map(Datum::Int4),
        _ => None,
    };
    let compare = |symbol: &str, end: i64| {
        let operators = function::operators(symbol).iter();
        let of_type = |op: &&function::Operator| op.left == Some(value.ty) && op.right == value.ty;
        let function = function::function(operators.copied().find(|op| of_type(op))?.function)?;
        let end = Expr { kind: ExprKind::Constant(bound(end)?), ty: value.ty, position: None };
        let kind = ExprKind::Call { function, args: vec![value.clone(), end] };
        Some(Expr { kind, ty: Type::BOOL, position: None })
    };
    let fits = ExprKind::And(vec![compare(">=", least)?, compare("<=", most)?]);
    let condition = Expr { kind: fits, ty: Type::BOOL, position: None };
    let function::CastMethod::Function(oid) = function::cast(value.ty, column)?.method else {
        return None;
    };
    let ty = column.with_modifier(-1);
    let kind = ExprKind::Call { function: function::function(oid)?, args: vec![value.clone()] };
    let value = Expr { kind, ty, position: None };
    let otherwise = Box::new(Expr { kind: ExprKind::Constant(Datum::Null), ty, position: None });
    let branches = vec![CaseBranch { condition, value }];
    Some(Expr { kind: ExprKind::Case { operand: None, branches, otherwise }, ty, position: None })
}
