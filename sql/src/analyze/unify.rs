//! One type for several expressions: UNION, CASE, VALUES, IN and their kind.

use super::Analyzer;
use super::coerce::{bare, can_coerce, category, is_preferred, with_length};
use crate::error::{Error, Result, TypeError};
use crate::expr::Expr;
use crate::expr::function::CastContext;
use crate::types::{self, Type};

/// The type that all of these become, or the two that do not go together.
pub(super) fn common_type(exprs: &[(Type, Option<u32>)]) -> Result<Type, (Type, usize)> {
    let mut chosen = exprs.first().map_or(Type::UNKNOWN, |(ty, _)| bare(*ty));
    for (n, (ty, _)) in exprs.iter().enumerate().skip(1) {
        let ty = bare(*ty);
        if ty == Type::UNKNOWN || ty == chosen {
            continue;
        }
        if chosen == Type::UNKNOWN {
            chosen = ty;
        } else if category(ty) != category(chosen) {
            return Err((chosen, n));
        } else if !is_preferred(chosen)
            && can_coerce(chosen, ty, CastContext::Implicit)
            && !can_coerce(ty, chosen, CastContext::Implicit)
        {
            chosen = ty;
        }
    }
    Ok(if chosen == Type::UNKNOWN { Type::TEXT } else { chosen })
}

/// The modifier all of these share, when they have the type already.
pub(super) fn common_modifier(exprs: &[(Type, Option<u32>)], ty: Type) -> i32 {
    let first = exprs.first().map_or(-1, |(ty, _)| ty.modifier);
    let shared = exprs.iter().all(|(found, _)| found.oid == ty.oid && found.modifier == first);
    if shared { first } else { -1 }
}

pub(super) fn types_of<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Vec<(Type, Option<u32>)> {
    exprs.into_iter().map(|expr| (expr.ty, expr.position)).collect()
}

impl Analyzer<'_> {
    /// Coerces all expressions to their common type. `context` names the construct in messages.
    pub(super) fn unify(
        &mut self,
        exprs: Vec<Expr>,
        context: &'static str,
    ) -> Result<(Vec<Expr>, Type)> {
        let types = types_of(&exprs);
        let ty = self.common_type_of(&types, context)?;
        let ty = ty.with_modifier(common_modifier(&types, ty));
        let exprs = exprs.into_iter().map(|expr| self.coerce_common(expr, ty, context));
        Ok((exprs.collect::<Result<_>>()?, ty))
    }

    /// The common type, or the error for two that have none.
    pub(super) fn common_type_of(
        &self,
        types: &[(Type, Option<u32>)],
        context: &'static str,
    ) -> Result<Type> {
        common_type(types).map_err(|(chosen, n)| {
            let (left, right) = (types::name(chosen), types::name(bare(types[n].0)));
            Error::from(TypeError::Unmatched { context, left, right }).at(types[n].1)
        })
    }

    /// Coerces one of several to their common type.
    pub(super) fn coerce_common(
        &mut self,
        expr: Expr,
        ty: Type,
        context: &'static str,
    ) -> Result<Expr> {
        let (from, position) = (expr.ty, expr.position);
        match self.coerce_type(expr, ty, CastContext::Implicit)? {
            Some(expr) => Ok(with_length(expr, ty, false)),
            None => {
                let (from, to) = (types::name(bare(from)), types::name(bare(ty)));
                Err(Error::from(TypeError::CannotConvert { context, from, to }).at(position))
            }
        }
    }
}
