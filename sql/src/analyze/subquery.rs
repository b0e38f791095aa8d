//! Subqueries in expressions.

use sqlparser::ast;

use super::Analyzer;
use super::analyzer::unsupported;
use super::expression::negate;
use super::operator;
use super::query::{Meaning, Query, Sublink, SublinkKind};
use super::row::is_row;
use super::scope::Place;
use crate::error::{Error, QueryError, Result, TypeError};
use crate::expr::{Expr, ExprKind, Quantifier};
use crate::types::Type;

impl Analyzer<'_> {
    /// EXISTS, a subquery as a value, and IN.
    pub(super) fn subquery_expression(&mut self, expr: &ast::Expr) -> Result<Expr> {
        match expr {
            ast::Expr::Exists { subquery, negated } => {
                let position = self.source.place_of(subquery.as_ref());
                let (query, outer) = self.inner_query(subquery)?;
                let exists = self.sublink(SublinkKind::Exists, query, outer, Type::BOOL, position);
                Ok(if *negated { negate(exists) } else { exists })
            }
            ast::Expr::Subquery(query) => self.scalar_subquery(query),
            ast::Expr::InSubquery { expr, subquery, negated } => {
                let start = self.source.place_of(subquery.as_ref());
                let position = self.word_before("in", *negated, start);
                let found =
                    self.compare_subquery(expr, "=", subquery, Quantifier::Any, position)?;
                Ok(if *negated { negate(found) } else { found })
            }
            _ => Err(unsupported("this subquery", self.start(expr))),
        }
    }

    /// `(SELECT ...)` as a value.
    pub(super) fn scalar_subquery(&mut self, query: &ast::Query) -> Result<Expr> {
        let position = self.source.position_before("(", self.source.place_of(query));
        let (query, outer) = self.inner_query(query)?;
        let ty = one_column(&query).map_err(|e| e.at(position))?;
        Ok(self.sublink(SublinkKind::Scalar, query, outer, ty, position))
    }

    /// Column `n` of a subquery's one row, which has `width` columns.
    pub(super) fn column_of_subquery(
        &mut self,
        query: &ast::Query,
        n: usize,
        width: usize,
    ) -> Result<Expr> {
        let position = self.source.position_before("(", self.source.place_of(query));
        let (inner, outer) = self.inner_query(query)?;
        if inner.columns.len() != width {
            return Err(Error::from(QueryError::AssignmentWidth).at(position));
        }
        let mut query = self.over(inner);
        let column = query.columns.swap_remove(n);
        let ty = column.ty;
        if let super::query::QueryBody::Select(select) = &mut query.body {
            select.targets = vec![select.targets.swap_remove(n)];
            select.visible = 1;
        }
        query.columns = vec![column];
        Ok(self.sublink(SublinkKind::Scalar, query, outer, ty, position))
    }

    /// `ARRAY(SELECT ...)`
    pub(super) fn array_subquery(
        &mut self,
        query: &ast::Query,
        position: Option<u32>,
    ) -> Result<Expr> {
        let (query, outer) = self.inner_query(query)?;
        let element = one_column(&query).map_err(|e| e.at(position))?;
        let ty =
            super::type_name::array_of(element.with_modifier(-1)).map_err(|e| e.at(position))?;
        Ok(self.sublink(SublinkKind::Array, query, outer, ty, position))
    }

    /// `left symbol ANY/ALL (SELECT ...)`; `position` is the operator's.
    pub(super) fn compare_subquery(
        &mut self,
        left: &ast::Expr,
        symbol: &str,
        query: &ast::Query,
        quantifier: Quantifier,
        position: Option<u32>,
    ) -> Result<Expr> {
        if is_row(left) {
            return self.row_quantified(left, symbol, query, quantifier, position);
        }
        let arg = self.expr(left)?;
        let (mut query, outer) = self.inner_query(query)?;
        let width = |e: Error| match query.columns.len() {
            0 | 1 => e,
            _ => Error::from(QueryError::SubqueryWidth { many: true }),
        };
        let ty = one_column(&query).map_err(width).map_err(|e| e.at(position))?;
        let found = operator::binary(symbol, arg.ty, ty).map_err(|e| e.at(position))?;
        if found.result != Type::BOOL {
            return Err(Error::from(TypeError::NeedsBoolean).at(position));
        }
        let place = arg.position;
        let arg = Box::new(self.to(arg, found.left)?);
        self.coerce_column(&mut query, 0, found.right)?;
        let kind = SublinkKind::Compare { compare: found.function, arg, quantifier };
        Ok(self.sublink(kind, query, outer, Type::BOOL, place))
    }

    /// Adds the columns an expression of a level reads, also by way of its subqueries.
    pub(super) fn references(
        &self,
        expr: &Expr,
        level: usize,
        found: &mut Vec<super::query::OuterReference>,
    ) {
        super::equal::columns(expr, &mut |id| match &self.meanings[id] {
            Meaning::Sublink(sublink) => {
                found.extend(sublink.outer.iter().copied());
                if let SublinkKind::Compare { arg, .. } = &sublink.kind {
                    self.references(arg, level, found);
                }
            }
            _ => {
                let position = expr.position;
                found.push(super::query::OuterReference { id, position, level });
            }
        });
    }

    /// Analyzes a subquery of an expression, and what it reads of the queries around it.
    pub(super) fn inner_query(
        &mut self,
        query: &ast::Query,
    ) -> Result<(Query, Vec<super::query::OuterReference>)> {
        let place = self.place();
        if matches!(place, Place::Default | Place::Execute | Place::SystemTime) {
            let error = match place {
                Place::Default => QueryError::SubqueryNotAllowed { place: "DEFAULT expression" },
                Place::SystemTime => QueryError::SubqueryNotAllowed { place: "AS OF SYSTEM TIME" },
                _ => QueryError::SubqueryNotAllowed { place: "EXECUTE parameter" },
            };
            let position = self.source.position_before("(", self.source.place_of(query));
            return Err(Error::from(error).at(position));
        }
        // The innermost level must exist, so that what the subquery uses of it is noted.
        self.level();
        self.query_with_outer(query, true)
    }

    pub(super) fn sublink(
        &mut self,
        kind: SublinkKind,
        query: Query,
        outer: Vec<super::query::OuterReference>,
        ty: Type,
        position: Option<u32>,
    ) -> Expr {
        let id = self.new_id(Meaning::Sublink(Box::new(Sublink { kind, query, outer })));
        Expr { kind: ExprKind::Column(id), ty, position }
    }
}

fn one_column(query: &Query) -> Result<Type> {
    match query.columns.as_slice() {
        [column] => Ok(column.ty),
        _ => Err(QueryError::OneColumn.into()),
    }
}
