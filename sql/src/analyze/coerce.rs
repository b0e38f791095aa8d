//! Coercions: whether one type becomes another, and the nodes that make it so.
//!
//! PostgreSQL's rules: an entry of `pg_cast` within its context, element by element for arrays,
//! and by way of text to string types on assignment and from them when a cast is written. A
//! literal not yet typed becomes a constant of whatever type is wanted; a parameter not yet typed
//! takes that type.

use super::Analyzer;
use crate::error::{Error, Result, TypeError};
use crate::expr::function::{self, CastContext, CastMethod};
use crate::expr::{Expr, ExprKind};
use crate::types::{self, Datum, Type, catalog};

/// How a value gets from one type to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pathway {
    /// Same bits.
    Relabel,
    /// By a function.
    Function(types::Oid),
    /// By way of the text form.
    Text,
}

/// The category of a type, as `pg_type.typcategory`.
pub(super) fn category(ty: Type) -> char {
    catalog::by_oid(ty.oid).map_or('X', |entry| entry.category)
}

/// Whether a type is its category's preferred one.
pub(super) fn is_preferred(ty: Type) -> bool {
    catalog::by_oid(ty.oid).is_some_and(|entry| entry.preferred)
}

/// The same type without its modifier.
pub(super) fn bare(ty: Type) -> Type {
    ty.with_modifier(-1)
}

/// Whether a declared type stands for others.
pub(super) fn is_polymorphic(ty: Type) -> bool {
    [
        Type::ANYELEMENT,
        Type::ANYARRAY,
        Type::ANYNONARRAY,
        Type::ANYCOMPATIBLE,
        Type::ANYCOMPATIBLEARRAY,
    ]
    .contains(&ty)
}

/// Whether a declared type stands for arrays.
pub(super) fn is_polymorphic_array(ty: Type) -> bool {
    [Type::ANYARRAY, Type::ANYCOMPATIBLEARRAY].contains(&ty)
}

/// How a value of type `from` becomes one of type `to` in a context.
pub(super) fn pathway(from: Type, to: Type, context: CastContext) -> Option<Pathway> {
    if from.oid == to.oid {
        return Some(Pathway::Relabel);
    }
    if let Some(cast) = function::cast(bare(from), bare(to)) {
        return (context >= cast.context).then_some(match cast.method {
            CastMethod::Function(oid) => Pathway::Function(oid),
            CastMethod::Relabel => Pathway::Relabel,
            CastMethod::Text => Pathway::Text,
        });
    }
    let is_vector = [Type::OIDVECTOR.oid, Type::INT2VECTOR.oid].contains(&to.oid);
    if let (Some(from), Some(to), false) = (from.element(), to.element(), is_vector) {
        // Element by element, which is what [`ExprKind::CoerceViaText`] does with arrays.
        return pathway(from, to, context).map(|path| match path {
            Pathway::Relabel => Pathway::Relabel,
            _ => Pathway::Text,
        });
    }
    let to_text = context >= CastContext::Assignment && category(to) == 'S';
    let from_text = context >= CastContext::Explicit && category(from) == 'S';
    let has_text = |ty: Type| {
        ty == Type::RECORD
            || ty == Type::VOID
            || catalog::by_oid(ty.oid).is_some_and(|entry| entry.kind == 'b')
    };
    ((to_text || from_text) && has_text(from) && has_text(to)).then_some(Pathway::Text)
}

/// Whether a value of type `from` may be given where `to` is declared.
pub(super) fn can_coerce(from: Type, to: Type, context: CastContext) -> bool {
    from.oid == to.oid
        || to == Type::ANY
        || from == Type::UNKNOWN && to != Type::VOID
        || is_polymorphic(to)
            && (!is_polymorphic_array(to) || from.element().is_some())
            && (to != Type::ANYNONARRAY || from.element().is_none())
        || pathway(from, to, context).is_some()
}

impl Analyzer<'_> {
    /// Coerces without a modifier; None when there is no way in this context.
    pub(super) fn coerce_type(
        &mut self,
        expr: Expr,
        to: Type,
        context: CastContext,
    ) -> Result<Option<Expr>> {
        if expr.ty.oid == to.oid || to == Type::ANY || is_polymorphic(to) {
            return Ok(Some(expr));
        }
        if expr.ty == Type::UNKNOWN {
            return self.coerce_unknown(expr, to).map(Some);
        }
        let (from, position) = (expr.ty, expr.position);
        let Some(path) = pathway(from, to, context) else { return Ok(None) };
        let ty = bare(to);
        if let (Pathway::Text, ExprKind::Array(items), Some(element)) =
            (path, &expr.kind, to.element())
            && items.iter().all(|item| item.ty.element().is_none())
        {
            let items = items.clone();
            let items = items.into_iter().map(|item| self.coerce_type(item, element, context));
            let items = items.collect::<Result<Option<Vec<_>>>>()?;
            return Ok(items.map(|items| Expr { kind: ExprKind::Array(items), ty, position }));
        }
        let kind = match path {
            Pathway::Relabel => match expr.kind {
                ExprKind::Constant(value) => ExprKind::Constant(types::relabelled(value, ty)),
                _ => ExprKind::Relabel(Box::new(expr)),
            },
            Pathway::Text => ExprKind::CoerceViaText(Box::new(expr)),
            Pathway::Function(oid) => {
                let Some(function) = function::function(oid) else { return Ok(None) };
                ExprKind::Call { function, args: vec![expr] }
            }
        };
        Ok(Some(Expr { kind, ty, position }))
    }

    /// Gives a literal or parameter without a type the one that is wanted.
    fn coerce_unknown(&mut self, expr: Expr, to: Type) -> Result<Expr> {
        let (ty, position) = (bare(to), expr.position);
        let kind = match expr.kind {
            ExprKind::Constant(Datum::Text(text)) => {
                // An interval's fields say what a number without a unit is.
                let read_as = if to.oid == Type::INTERVAL.oid { to } else { ty };
                ExprKind::Constant(self.read_literal(text.as_str(), read_as, position)?)
            }
            ExprKind::Constant(value) => ExprKind::Constant(value),
            ExprKind::Parameter(n) => {
                self.set_parameter(n, ty, position)?;
                ExprKind::Parameter(n)
            }
            // A column of an untyped subquery literal: its text is read when it is known.
            other => {
                let expr = Expr { kind: other, ty: Type::TEXT, position };
                if to.oid == Type::TEXT.oid {
                    return Ok(expr);
                }
                ExprKind::CoerceViaText(Box::new(expr))
            }
        };
        Ok(Expr { kind, ty, position })
    }

    fn set_parameter(&mut self, n: usize, ty: Type, position: Option<u32>) -> Result<()> {
        match self.parameters.get_mut(n) {
            Some(Some(known)) if known.oid != ty.oid => {
                let (first, second) = (types::name(*known), types::name(ty));
                let error = TypeError::ParameterConflict { number: n + 1, first, second };
                Err(Error::from(error).at(position))
            }
            Some(slot) => {
                *slot = Some(ty);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Coerces with the target's modifier; None when there is no way in this context.
    pub(super) fn coerce(
        &mut self,
        expr: Expr,
        to: Type,
        context: CastContext,
    ) -> Result<Option<Expr>> {
        let Some(expr) = self.coerce_type(expr, to, context)? else { return Ok(None) };
        Ok(Some(with_length(expr, to, context == CastContext::Explicit)))
    }

    /// A written cast.
    pub(super) fn cast(&mut self, expr: Expr, to: Type, position: Option<u32>) -> Result<Expr> {
        let from = expr.ty;
        match self.coerce(expr, to, CastContext::Explicit)? {
            Some(mut cast) => {
                cast.position = cast.position.or(position);
                Ok(cast)
            }
            None => {
                let (from, to) = (types::name(bare(from)), types::name(bare(to)));
                Err(Error::from(TypeError::CannotCast { from, to }).at(position))
            }
        }
    }

    /// A condition: boolean or an error that names the clause.
    pub(super) fn boolean(&mut self, expr: Expr, clause: &'static str) -> Result<Expr> {
        self.clause_type(expr, Type::BOOL, clause)
    }

    /// An expression of the type a clause needs.
    pub(super) fn clause_type(
        &mut self,
        expr: Expr,
        to: Type,
        clause: &'static str,
    ) -> Result<Expr> {
        let (from, position) = (expr.ty, expr.position);
        // LIMIT and OFFSET take what an assignment would.
        let context =
            if to == Type::INT8 { CastContext::Assignment } else { CastContext::Implicit };
        match self.coerce_type(expr, to, context)? {
            Some(expr) => Ok(expr),
            None => {
                let (expected, found) = (types::name(to), types::name(bare(from)));
                Err(Error::from(TypeError::ClauseType { clause, expected, found }).at(position))
            }
        }
    }

    /// A literal that nothing asked a type of: text.
    pub(super) fn resolve_unknown(&mut self, expr: Expr) -> Result<Expr> {
        if expr.ty == Type::UNKNOWN { self.coerce_unknown(expr, Type::TEXT) } else { Ok(expr) }
    }
}

/// Adds the length coercion that the target's modifier asks for.
pub(super) fn with_length(expr: Expr, to: Type, explicit: bool) -> Expr {
    if to.modifier < 0 || expr.ty.modifier == to.modifier {
        return expr;
    }
    let position = expr.position;
    Expr { kind: ExprKind::Length { arg: Box::new(expr), explicit }, ty: to, position }
}
