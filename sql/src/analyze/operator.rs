//! Operators: which one is meant, as a call of its function.

use super::Analyzer;
use super::call::{Declared, polymorphic};
use super::candidate::{Selection, select};
use super::coerce::bare;
use crate::error::{Error, NameError, Result};
use crate::expr::function::{self, Function, Operator};
use crate::expr::{Expr, ExprKind};
use crate::types::{self, Type};

/// An operator with its function and the types its operands are coerced to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolved {
    pub(super) function: &'static Function,
    pub(super) left: Type,
    pub(super) right: Type,
    pub(super) result: Type,
}

/// The operator of a symbol for two operand types.
pub(super) fn binary(symbol: &str, left: Type, right: Type) -> Result<Resolved> {
    let (left, right) = (bare(left), bare(right));
    let signature = || format!("{} {symbol} {}", types::name(left), types::name(right));
    let operators: Vec<&'static Operator> =
        function::operators(symbol).iter().copied().filter(|op| op.left.is_some()).collect();
    let exact =
        |a: Type, b: Type| operators.iter().copied().find(|op| op.left == Some(a) && op.right == b);
    let found = match (left, right) {
        (Type::UNKNOWN, Type::UNKNOWN) => None,
        (Type::UNKNOWN, known) | (known, Type::UNKNOWN) => exact(known, known),
        _ => exact(left, right),
    };
    let found = match found {
        Some(found) => found,
        None => {
            let declared: Vec<Vec<Type>> = operators
                .iter()
                .map(|op| vec![op.left.unwrap_or(Type::UNKNOWN), op.right])
                .collect();
            match select(&declared, &[left, right]) {
                Selection::One(n) => operators[n],
                Selection::None => {
                    let error =
                        NameError::UndefinedOperator { signature: signature(), unary: false };
                    return Err(error.into());
                }
                Selection::Many => {
                    return Err(NameError::AmbiguousOperator { signature: signature() }.into());
                }
            }
        }
    };
    resolved(found, &[left, right], signature, false)
}

/// The operator of a symbol for one operand.
fn unary(symbol: &str, operand: Type) -> Result<Resolved> {
    let operand = bare(operand);
    let signature = || format!("{symbol} {}", types::name(operand));
    let operators: Vec<&'static Operator> =
        function::operators(symbol).iter().copied().filter(|op| op.left.is_none()).collect();
    let found = match operators.iter().copied().find(|op| op.right == operand) {
        Some(found) => found,
        None => {
            let declared: Vec<Vec<Type>> = operators.iter().map(|op| vec![op.right]).collect();
            match select(&declared, &[operand]) {
                Selection::One(n) => operators[n],
                Selection::None => {
                    let error =
                        NameError::UndefinedOperator { signature: signature(), unary: true };
                    return Err(error.into());
                }
                Selection::Many => {
                    return Err(NameError::AmbiguousOperator { signature: signature() }.into());
                }
            }
        }
    };
    resolved(found, &[operand], signature, true)
}

fn resolved(
    operator: &'static Operator,
    operands: &[Type],
    signature: impl Fn() -> String,
    unary: bool,
) -> Result<Resolved> {
    let undefined = || NameError::UndefinedOperator { signature: signature(), unary };
    let declared: Vec<Type> = operator.left.into_iter().chain([operator.right]).collect();
    let bound = polymorphic(&declared, operands).map_err(|_| undefined())?;
    let function = function::function(operator.function).ok_or_else(undefined)?;
    let types: Vec<Type> = declared.iter().map(|ty| bound.resolve(*ty)).collect();
    Ok(Resolved {
        function,
        left: types[0],
        right: types[types.len() - 1],
        result: bound.resolve(operator.result),
    })
}

impl Analyzer<'_> {
    /// `left symbol right`; `position` is the operator's, worked out when it is needed.
    pub(super) fn binary(
        &mut self,
        symbol: &str,
        left: Expr,
        right: Expr,
        position: impl Fn() -> Option<u32>,
    ) -> Result<Expr> {
        let at = |e: Error| e.at(position());
        let operator = binary(symbol, left.ty, right.ty).map_err(at)?;
        let place = left.position.or_else(&position);
        let declared = Declared { types: vec![operator.left, operator.right], variadic: None };
        let args = self.arguments(vec![left, right], &declared)?;
        let kind = ExprKind::Call { function: operator.function, args };
        Ok(Expr { kind, ty: operator.result, position: place })
    }

    /// `symbol operand`.
    pub(super) fn prefix(
        &mut self,
        symbol: &str,
        operand: Expr,
        position: Option<u32>,
    ) -> Result<Expr> {
        let operator = unary(symbol, operand.ty).map_err(|e| e.at(position))?;
        let declared = Declared { types: vec![operator.right], variadic: None };
        let args = self.arguments(vec![operand], &declared)?;
        let kind = ExprKind::Call { function: operator.function, args };
        Ok(Expr { kind, ty: operator.result, position })
    }
}
