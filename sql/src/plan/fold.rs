//! Constant folding: immutable functions of constants are called once, here.
//!
//! What fails is left as it is, so that the error comes when, and only if, the expression is
//! evaluated.

use crate::expr::function::{Body, Call, Environment, Volatility};
use crate::expr::{Expr, ExprKind};
use crate::types::{Datum, Type};

/// The expression, as a constant when it is one. Its children have been folded already.
pub(super) fn fold(expr: Expr, environment: &mut dyn Environment) -> Expr {
    let folded = match &expr.kind {
        ExprKind::Call { function, args } if function.volatility == Volatility::Immutable => {
            let Body::Scalar(body) = function.body else { return expr };
            let Some(values) = constants(args) else { return expr };
            if function.strict && values.iter().any(Datum::is_null) {
                Some(Datum::Null)
            } else {
                let types: Vec<Type> = args.iter().map(|arg| arg.ty).collect();
                let (args, arg_types, result) = (&values[..], &types[..], expr.ty);
                body(&mut Call { args, arg_types, result, environment }).ok()
            }
        }
        ExprKind::Relabel(arg) => constant(arg).cloned(),
        ExprKind::Not(arg) => match constant(arg) {
            Some(Datum::Bool(value)) => Some(Datum::Bool(!value)),
            Some(Datum::Null) => Some(Datum::Null),
            _ => None,
        },
        ExprKind::IsNull(arg) => constant(arg).map(|value| Datum::Bool(value.is_null())),
        _ => None,
    };
    match folded {
        Some(value) => Expr { kind: ExprKind::Constant(value), ..expr },
        None => expr,
    }
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
