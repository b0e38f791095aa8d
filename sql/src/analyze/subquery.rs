//! Subqueries in expressions.

use sqlparser::ast::Spanned;
use sqlparser::ast::{self, BinaryOperator};

use super::Analyzer;
use super::analyzer::unsupported;
use super::expression::{negate, symbol_of};
use super::operator;
use super::query::{Meaning, Query, Sublink, SublinkKind};
use super::scope::Place;
use crate::error::{Error, QueryError, Result, TypeError};
use crate::expr::{CaseBranch, Expr, ExprKind, Quantifier};
use crate::types::{Datum, Type};

impl Analyzer<'_> {
    /// EXISTS, a subquery as a value, and IN.
    pub(super) fn subquery_expression(&mut self, expr: &ast::Expr) -> Result<Expr> {
        match expr {
            ast::Expr::Exists { subquery, negated } => {
                let position = self.position(subquery.span());
                let (query, outer) = self.inner_query(subquery)?;
                let exists = self.sublink(SublinkKind::Exists, query, outer, Type::BOOL, position);
                Ok(if *negated { negate(exists) } else { exists })
            }
            ast::Expr::Subquery(query) => self.scalar_subquery(query),
            ast::Expr::InSubquery { expr, subquery, negated } => {
                let found =
                    self.compare_subquery(expr, &BinaryOperator::Eq, subquery, Quantifier::Any)?;
                Ok(if *negated { negate(found) } else { found })
            }
            _ => Err(unsupported("this subquery", self.start(expr))),
        }
    }

    /// `(SELECT ...)` as a value.
    pub(super) fn scalar_subquery(&mut self, query: &ast::Query) -> Result<Expr> {
        let position = self.source.position_before("(", self.position(query.span()));
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
        let position = self.source.position_before("(", self.position(query.span()));
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

    /// `left op ANY/ALL (SELECT ...)`
    pub(super) fn compare_subquery(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        query: &ast::Query,
        quantifier: Quantifier,
    ) -> Result<Expr> {
        let start = self.position(query.span());
        let position = self.source.position_before("in", start);
        if let ast::Expr::Tuple(left) = left {
            if matches!(op, BinaryOperator::Eq) && quantifier == Quantifier::Any {
                return self.row_in_subquery(left, query, position);
            }
            return Err(unsupported("a row compared with a subquery", start));
        }
        let symbol = symbol_of(op).ok_or_else(|| unsupported(format!("operator {op}"), start))?;
        let arg = self.expr(left)?;
        let (mut query, outer) = self.inner_query(query)?;
        let width = |e: Error| match query.columns.len() {
            0 | 1 => e,
            _ => Error::from(QueryError::SubqueryWidth { many: true }),
        };
        let ty = one_column(&query).map_err(width).map_err(|e| e.at(position))?;
        let found = operator::binary(&symbol, arg.ty, ty).map_err(|e| e.at(position))?;
        if found.result != Type::BOOL {
            return Err(Error::from(TypeError::NeedsBoolean).at(position));
        }
        let place = arg.position;
        let arg = Box::new(self.to(arg, found.left)?);
        self.coerce_column(&mut query, 0, found.right)?;
        let kind = SublinkKind::Compare { compare: found.function, arg, quantifier };
        Ok(self.sublink(kind, query, outer, Type::BOOL, place))
    }

    /// `(a, b) IN (SELECT ...)`: true when a row is equal, unknown when one may be, else false.
    fn row_in_subquery(
        &mut self,
        left: &[ast::Expr],
        query: &ast::Query,
        position: Option<u32>,
    ) -> Result<Expr> {
        let equal = self.equal_row(left, query, position, false)?;
        let perhaps = self.equal_row(left, query, position, true)?;
        let constant =
            |value: Datum| Expr { kind: ExprKind::Constant(value), ty: Type::BOOL, position };
        let branches = vec![
            CaseBranch { condition: equal, value: constant(Datum::Bool(true)) },
            CaseBranch { condition: perhaps, value: constant(Datum::Null) },
        ];
        let otherwise = Box::new(constant(Datum::Bool(false)));
        Ok(Expr { kind: ExprKind::Case { branches, otherwise }, ty: Type::BOOL, position })
    }

    /// EXISTS of a row in the subquery that equals the left one; `perhaps`: that is not known to
    /// differ from it.
    fn equal_row(
        &mut self,
        left: &[ast::Expr],
        query: &ast::Query,
        position: Option<u32>,
        perhaps: bool,
    ) -> Result<Expr> {
        let left = left.iter().map(|expr| self.expr(expr)).collect::<Result<Vec<_>>>()?;
        let (inner, mut outer) = self.inner_query(query)?;
        if inner.columns.len() != left.len() {
            let error = QueryError::SubqueryWidth { many: inner.columns.len() > left.len() };
            return Err(Error::from(error).at(position));
        }
        let level = self.levels.len() - 1;
        for expr in &left {
            self.references(expr, level, &mut outer);
        }
        let mut query = self.over(inner);
        if let super::query::QueryBody::Select(select) = &mut query.body {
            let right = std::mem::take(&mut select.targets);
            select.visible = 0;
            let boolean = |kind| Expr { kind, ty: Type::BOOL, position };
            for (left, right) in left.into_iter().zip(right) {
                let mut condition = self.binary("=", left, right, || position)?;
                if perhaps {
                    // One pair that differs is enough, so each may be looked at by itself.
                    let differs = boolean(ExprKind::IsTruth(Box::new(condition), Some(false)));
                    condition = boolean(ExprKind::Not(Box::new(differs)));
                }
                select.conditions.push(condition);
            }
        }
        query.columns.clear();
        Ok(self.sublink(SublinkKind::Exists, query, outer, Type::BOOL, position))
    }

    /// Adds the columns an expression of a level reads, also by way of its subqueries.
    fn references(&self, expr: &Expr, level: usize, found: &mut Vec<super::query::OuterReference>) {
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
    fn inner_query(
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
            let position = self.source.position_before("(", self.position(query.span()));
            return Err(Error::from(error).at(position));
        }
        // The innermost level must exist, so that what the subquery uses of it is noted.
        self.level();
        self.query_with_outer(query, true)
    }

    fn sublink(
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
