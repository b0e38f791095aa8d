//! Constant folding: immutable functions of constants are called once, here.
//!
//! An error is raised here too, as PostgreSQL does, even when no row would have met it: `1 / 0` in
//! a select list fails over an empty table. What can never be reached is not looked at: branches
//! of CASE behind a condition that is true, operands of AND behind one that is false.

use super::planner::Planner;
use crate::analyze::ColumnId;
use crate::error::Result;
use crate::expr::function::{Body, Call, Environment, Volatility};
use crate::expr::{CaseBranch, Expr, ExprKind};
use crate::types::{self, Datum, Type};

/// The expression, as a constant when it is one. Its children have been folded already.
pub(super) fn fold(expr: Expr, environment: &mut dyn Environment) -> Result<Expr> {
    let folded = match &expr.kind {
        ExprKind::Call { function, args } if function.volatility == Volatility::Immutable => {
            let Body::Scalar(body) = function.body else { return Ok(expr) };
            let Some(values) = constants(args) else { return Ok(expr) };
            if function.strict && values.iter().any(Datum::is_null) {
                Some(Datum::Null)
            } else {
                environment.check()?;
                if values.iter().any(Datum::is_long) {
                    environment.stand_aside();
                }
                let types: Vec<Type> = args.iter().map(|arg| arg.ty).collect();
                let (args, arg_types, result) = (&values[..], &types[..], expr.ty);
                Some(body(&mut Call { args, arg_types, result, environment })?)
            }
        }
        ExprKind::Relabel(arg) => {
            constant(arg).map(|value| types::relabelled(value.clone(), expr.ty))
        }
        ExprKind::Length { arg, explicit } => match constant(arg) {
            Some(value) => Some(types::coerce_length(value.clone(), expr.ty, *explicit)?),
            None => None,
        },
        ExprKind::Not(arg) => match constant(arg) {
            Some(Datum::Bool(value)) => Some(Datum::Bool(!value)),
            Some(Datum::Null) => Some(Datum::Null),
            _ => None,
        },
        ExprKind::IsNull(arg) => constant(arg).map(|value| Datum::Bool(value.is_null())),
        ExprKind::IsTruth(arg, truth) => constant(arg).map(|value| {
            let value = match value {
                Datum::Bool(value) => Some(*value),
                _ => None,
            };
            Datum::Bool(value == *truth)
        }),
        _ => None,
    };
    Ok(match folded {
        Some(value) => Expr { kind: ExprKind::Constant(value), ..expr },
        None => expr,
    })
}

impl Planner<'_> {
    /// Lowers AND (`deciding`: false) or OR (true) up to the operand that decides it.
    pub(super) fn lower_connected(
        &mut self,
        expr: &Expr,
        parts: &[Expr],
        deciding: bool,
        row: &[ColumnId],
    ) -> Result<Expr> {
        let mut kept = Vec::with_capacity(parts.len());
        for part in parts {
            let part = self.lower(part, row)?;
            match constant(&part) {
                Some(Datum::Bool(value)) if *value == deciding => return Ok(part),
                Some(Datum::Bool(_)) => {}
                _ => kept.push(part),
            }
        }
        Ok(match (kept.len(), deciding) {
            (0, _) => Expr { kind: ExprKind::Constant(Datum::Bool(!deciding)), ..expr.clone() },
            (1, _) => kept.remove(0),
            (_, false) => Expr { kind: ExprKind::And(kept), ..expr.clone() },
            (_, true) => Expr { kind: ExprKind::Or(kept), ..expr.clone() },
        })
    }

    /// Lowers CASE up to the first branch whose condition is known to be true.
    pub(super) fn lower_case(
        &mut self,
        expr: &Expr,
        (operand, branches, otherwise): (Option<&Expr>, &[CaseBranch], &Expr),
        row: &[ColumnId],
    ) -> Result<Expr> {
        let operand = operand.map(|operand| self.lower(operand, row)).transpose()?.map(Box::new);
        let mut kept = Vec::with_capacity(branches.len());
        let mut last = None;
        for CaseBranch { condition, value } in branches {
            let condition = self.lower(condition, row)?;
            match constant(&condition) {
                Some(Datum::Bool(true)) => {
                    last = Some(self.lower(value, row)?);
                    break;
                }
                Some(_) => {}
                None => kept.push(CaseBranch { condition, value: self.lower(value, row)? }),
            }
        }
        let last = match last {
            Some(last) => last,
            None => self.lower(otherwise, row)?,
        };
        if kept.is_empty() {
            return Ok(last);
        }
        let kind = ExprKind::Case { operand, branches: kept, otherwise: Box::new(last) };
        Ok(Expr { kind, ..expr.clone() })
    }

    /// Lowers COALESCE up to the first constant that is not NULL.
    pub(super) fn lower_coalesce(
        &mut self,
        expr: &Expr,
        args: &[Expr],
        row: &[ColumnId],
    ) -> Result<Expr> {
        let mut kept = Vec::with_capacity(args.len());
        for arg in args {
            let arg = self.lower(arg, row)?;
            match constant(&arg) {
                Some(value) if value.is_null() => {}
                Some(_) => {
                    kept.push(arg);
                    break;
                }
                None => kept.push(arg),
            }
        }
        let kind = match kept.len() {
            0 => ExprKind::Constant(Datum::Null),
            1 => return Ok(kept.swap_remove(0)),
            _ => ExprKind::Coalesce(kept),
        };
        Ok(Expr { kind, ty: expr.ty, position: expr.position })
    }
}

/// `int8(int4)`, `float8(int4)`, `numeric(int4)`, `numeric(int8)`, `float8(int8)`: these never fail.
const WIDENING: [u32; 5] = [481, 316, 1740, 1781, 482];

/// Whether only parameters keep an expression that may fail from being folded.
pub(super) fn awaits_parameters(expr: &Expr) -> bool {
    if is_parameter(expr) {
        return false;
    }
    let (mut parameters, mut others) = (false, false);
    expr.each_child(&mut |child| match child.kind {
        ExprKind::Constant(_) => {}
        _ if is_parameter(child) => parameters = true,
        _ => others = true,
    });
    parameters && !others
}

/// A parameter, or a wider form of it.
fn is_parameter(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Parameter(_) => true,
        ExprKind::Call { function, args } => {
            WIDENING.contains(&function.oid.0) && args.iter().all(is_parameter)
        }
        _ => false,
    }
}

/// Whether a condition holds for no row.
pub(super) fn is_never(condition: &Expr) -> bool {
    matches!(constant(condition), Some(Datum::Bool(false) | Datum::Null))
}

/// Whether a condition holds for every row.
pub(super) fn is_always(condition: &Expr) -> bool {
    matches!(constant(condition), Some(Datum::Bool(true)))
}

fn constant(expr: &Expr) -> Option<&Datum> {
    match &expr.kind {
        ExprKind::Constant(value) => Some(value),
        _ => None,
    }
}

fn constants(args: &[Expr]) -> Option<Vec<Datum>> {
    args.iter().map(|arg| constant(arg).cloned()).collect()
}
