//! IN, ANY and ALL over lists and arrays, and arrays.

use sqlparser::ast::{self, AccessExpr, BinaryOperator, Subscript};

use super::Analyzer;
use super::analyzer::unsupported;
use super::call::Declared;
use super::coerce::{bare, can_coerce};
use super::expression::{connect_all, symbol_of};
use super::operator;
use super::row::{bare_row, is_row};
use super::type_name::array_of;
use super::unify::{common_type, types_of};
use crate::error::{Error, Result, TypeError};
use crate::expr::function::CastContext;
use crate::expr::{Expr, ExprKind, Quantifier};
use crate::types::{self, Type};

impl Analyzer<'_> {
    /// `operand [NOT] IN (list)`
    pub(super) fn in_list(
        &mut self,
        operand: &ast::Expr,
        list: &[ast::Expr],
        negated: bool,
    ) -> Result<Expr> {
        let first = list.first().and_then(|item| self.start(item));
        let position = self.word_before("in", negated, first);
        if is_row(operand) {
            return self.row_in_list(operand, list, negated, position);
        }
        let arg = self.expr(operand)?;
        let items = list.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>>>()?;
        let symbol = if negated { "<>" } else { "=" };
        let common = common_type(&types_of(std::iter::once(&arg).chain(&items)));
        // Where not all become of one type, each is compared by itself.
        let become_alike = |common: Type| {
            let mut all = items.iter().chain([&arg]);
            let plain = common != Type::RECORD && common.element().is_none();
            plain && all.all(|item| can_coerce(bare(item.ty), common, CastContext::Implicit))
        };
        if let Ok(common) = common
            && (become_alike(common) || items.iter().all(|item| bare(item.ty) == common))
            && let Ok(found) = operator::binary(symbol, arg.ty, common)
            && found.result == Type::BOOL
        {
            let place = arg.position;
            let arg = self.to(arg, found.left)?;
            let list = items
                .into_iter()
                .map(|item| {
                    let item = self.coerce_common(item, common, "IN")?;
                    self.to(item, found.right)
                })
                .collect::<Result<Vec<_>>>()?;
            let quantifier = if negated { Quantifier::All } else { Quantifier::Any };
            let kind =
                ExprKind::InList { compare: found.function, arg: Box::new(arg), list, quantifier };
            return Ok(Expr { kind, ty: Type::BOOL, position: place });
        }
        let compared = items
            .into_iter()
            .map(|item| self.binary(symbol, self.copied(&arg)?, item, || position));
        connect_all(negated, compared)?.ok_or_else(|| unsupported("an empty IN list", position))
    }

    fn row_in_list(
        &mut self,
        left: &ast::Expr,
        list: &[ast::Expr],
        negated: bool,
        position: Option<u32>,
    ) -> Result<Expr> {
        let symbol = if negated { "<>" } else { "=" };
        let left = self.operand(left)?;
        let compared = list.iter().map(|item| {
            let (left, item) = (self.copied_operand(&left)?, self.operand(item)?);
            self.compare(symbol, left, item, || position)
        });
        connect_all(negated, compared)?.ok_or_else(|| unsupported("an empty IN list", position))
    }

    /// `left op ANY (right)` where right is an array.
    pub(super) fn quantified(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
        quantifier: Quantifier,
    ) -> Result<Expr> {
        let position = self.operator_position(op, right);
        let symbol =
            symbol_of(op).ok_or_else(|| unsupported(format!("operator {op}"), position))?;
        if let ast::Expr::Subquery(query) = bare_row(right) {
            return self.compare_subquery(left, &symbol, query, quantifier, position);
        }
        let arg = self.expr(left)?;
        let array = self.expr(right)?;
        let element = if array.ty == Type::UNKNOWN {
            Type::UNKNOWN
        } else {
            let needs = || Error::from(TypeError::NeedsArray).at(position);
            array.ty.element().ok_or_else(needs)?
        };
        let found = operator::binary(&symbol, arg.ty, element).map_err(|e| e.at(position))?;
        if found.result != Type::BOOL {
            return Err(Error::from(TypeError::NeedsBoolean).at(position));
        }
        let place = arg.position;
        let arg = self.to(arg, found.left)?;
        let array_type = array_of(found.right).map_err(|e| e.at(position))?;
        let array = self.to(array, array_type)?;
        let kind = ExprKind::InArray {
            compare: found.function,
            arg: Box::new(arg),
            array: Box::new(array),
            quantifier,
        };
        Ok(Expr { kind, ty: Type::BOOL, position: place })
    }

    /// Coerces to a type that resolution has found possible.
    pub(super) fn to(&mut self, expr: Expr, ty: Type) -> Result<Expr> {
        let declared = Declared { types: vec![ty], variadic: None };
        let mut coerced = self.arguments(vec![expr], &declared)?;
        coerced.pop().ok_or_else(|| TypeError::NeedsArray.into())
    }

    /// `ARRAY[...]`; `element` when a cast says what it holds.
    pub(super) fn array(&mut self, items: &[ast::Expr], element: Option<Type>) -> Result<Expr> {
        let first = items.first().and_then(|item| self.start(item));
        let position = self.source.position_before("array", first).or(first);
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(match item {
                ast::Expr::Array(inner) => self.array(&inner.elem, element)?,
                _ => self.expr(item)?,
            });
        }
        let (values, ty) = match element {
            Some(element) => {
                let mut cast = Vec::with_capacity(values.len());
                for value in values {
                    let place = value.position;
                    let nested = value.ty.element().is_some();
                    let to = if nested { array_of(element)? } else { element };
                    cast.push(self.cast(value, to, place)?);
                }
                (cast, element)
            }
            None if values.is_empty() => {
                return Err(Error::from(TypeError::EmptyArray).at(position));
            }
            None => self.unify(values, "ARRAY")?,
        };
        let ty = array_of(bare(ty)).map_err(|e| e.at(position))?;
        Ok(Expr { kind: ExprKind::Array(values), ty, position })
    }

    /// `root[i]...`
    pub(super) fn subscripts(&mut self, root: &ast::Expr, chain: &[AccessExpr]) -> Result<Expr> {
        if let (ast::Expr::Identifier(table), [AccessExpr::Dot(ast::Expr::Identifier(column))]) =
            (bare_row(root), chain)
            && self.is_table(table)
        {
            return self.qualified_column(&[table.clone(), column.clone()]);
        }
        let root_expr = self.expr(root)?;
        let position = root_expr.position;
        if matches!(chain.first(), Some(AccessExpr::Dot(_))) && root_expr.ty == Type::RECORD {
            return Err(unsupported("a field of a row", position));
        }
        let Some(element) = root_expr.ty.element() else {
            let type_name = types::name(bare(root_expr.ty));
            return Err(Error::from(TypeError::NotSubscriptable { type_name }).at(position));
        };
        let mut indexes = Vec::with_capacity(chain.len());
        for access in chain {
            let AccessExpr::Subscript(Subscript::Index { index }) = access else {
                return Err(unsupported("a slice of an array", position));
            };
            let index = self.expr(index)?;
            let place = index.position;
            let index = self.coerce_type(index, Type::INT4, CastContext::Assignment)?;
            let wrong = || Error::from(TypeError::SubscriptType).at(place);
            indexes.push(index.ok_or_else(wrong)?);
        }
        let kind = ExprKind::Subscript(Box::new(root_expr), indexes);
        Ok(Expr { kind, ty: bare(element), position })
    }
}
