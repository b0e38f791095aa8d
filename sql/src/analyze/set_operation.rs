//! UNION, INTERSECT and EXCEPT.

use sqlparser::ast::{SetExpr, SetOperator, SetQuantifier};

use super::Analyzer;
use super::analyzer::unsupported;
use super::query::{Query, QueryBody, QueryColumn};
use super::scope::Level;
use super::select::{Tail, placeholder};
use super::unify::common_modifier;
use crate::error::{Error, QueryError, Result};

use crate::plan::SetOperation;
use crate::types::Type;

impl Analyzer<'_> {
    /// A set operation; its columns are named as the left side's.
    pub(super) fn set_operation(&mut self, body: &SetExpr) -> Result<Query> {
        let SetExpr::SetOperation { left, op, set_quantifier, right } = body else {
            return self.side(body);
        };
        let (operation, words) = match op {
            SetOperator::Union => (SetOperation::Union, "UNION"),
            SetOperator::Intersect => (SetOperation::Intersect, "INTERSECT"),
            SetOperator::Except => (SetOperation::Except, "EXCEPT"),
            SetOperator::Minus => return Err(unsupported("MINUS", None)),
        };
        let all = match set_quantifier {
            SetQuantifier::All => true,
            SetQuantifier::Distinct | SetQuantifier::None => false,
            _ => return Err(unsupported("BY NAME", None)),
        };
        let mut left = self.set_operation(left)?;
        let mut right = self.set_operation(right)?;
        if left.columns.len() != right.columns.len() {
            let position = first_position(&right);
            let error = Error::from(QueryError::SetWidth { operation: words });
            return Err(error.at(position));
        }
        let mut columns = Vec::with_capacity(left.columns.len());
        for n in 0..left.columns.len() {
            let types = [
                (left.columns[n].ty, column_position(&left, n)),
                (right.columns[n].ty, column_position(&right, n)),
            ];
            let ty = self.common_type_of(&types, words)?;
            let ty = ty.with_modifier(common_modifier(&types, ty));
            self.coerce_column(&mut left, n, ty)?;
            self.coerce_column(&mut right, n, ty)?;
            columns.push(QueryColumn { name: left.columns[n].name.clone(), ty, origin: None });
        }
        let body =
            QueryBody::SetOp { operation, all, left: Box::new(left), right: Box::new(right) };
        Ok(Query { body, columns, order: Vec::new(), limit: None, offset: None, locks: Vec::new() })
    }

    /// One side, in a scope of its own.
    fn side(&mut self, body: &SetExpr) -> Result<Query> {
        match body {
            SetExpr::SetOperation { .. } => self.set_operation(body),
            SetExpr::Query(query) => self.query(query, false),
            SetExpr::Select(select) => {
                self.levels.push(Level::default());
                let result = self.select(select, &Tail::default(), false);
                self.levels.pop();
                result
            }
            SetExpr::Values(values) => self.values(values, false),
            _ => Err(unsupported("this side of a set operation", None)),
        }
    }

    /// Coerces a column of a query to a type that it is known to go to.
    pub(super) fn coerce_column(&mut self, query: &mut Query, n: usize, ty: Type) -> Result<()> {
        if query.columns[n].ty == ty {
            return Ok(());
        }
        match &mut query.body {
            QueryBody::Select(select) if select.distinct_free(&query.order) => {
                let expr = std::mem::replace(&mut select.targets[n], placeholder());
                select.targets[n] = self.coerce_common(expr, ty, "UNION")?;
            }
            QueryBody::Values(rows) => {
                for row in rows {
                    let expr = std::mem::replace(&mut row[n], placeholder());
                    row[n] = self.coerce_common(expr, ty, "UNION")?;
                }
            }
            QueryBody::SetOp { all: true, left, right, .. } if query.order.is_empty() => {
                self.coerce_column(left, n, ty)?;
                self.coerce_column(right, n, ty)?;
            }
            QueryBody::Select(_) | QueryBody::SetOp { .. } => {
                let inner = std::mem::replace(query, empty());
                *query = self.wrap(inner, n, ty)?;
                return Ok(());
            }
        }
        query.columns[n].ty = ty;
        query.columns[n].origin = None;
        Ok(())
    }

    /// A query over a query with one column coerced: where coercing below would change which rows
    /// are distinct or how they are sorted.
    fn wrap(&mut self, inner: Query, n: usize, ty: Type) -> Result<Query> {
        let mut query = self.over(inner);
        if let QueryBody::Select(select) = &mut query.body {
            let expr = std::mem::replace(&mut select.targets[n], placeholder());
            select.targets[n] = self.coerce_common(expr, ty, "UNION")?;
        }
        query.columns[n].ty = ty;
        Ok(query)
    }

    /// `SELECT * FROM (inner)`
    pub(super) fn over(&mut self, inner: Query) -> Query {
        use super::query::{Distinct, From, RelationColumn, RelationKind, Select};
        let columns = inner.columns.clone();
        let relation_columns = columns.iter().map(|column| RelationColumn {
            name: column.name.clone(),
            ty: column.ty,
            origin: column.origin,
            dropped: false,
        });
        let relation_columns = relation_columns.collect();
        let kind = RelationKind::Subquery(inner);
        let relation = self.add_relation(kind, "*SELECT*".to_owned(), relation_columns, false);
        let targets: Vec<_> =
            (0..columns.len()).map(|at| self.column_of(relation, at, None)).collect();
        let select = Select {
            from: From::Relation(relation),
            conditions: Vec::new(),
            grouped: false,
            groups: Vec::new(),
            aggregates: Vec::new(),
            having: Vec::new(),
            visible: targets.len(),
            targets,
            distinct: Distinct::No,
            returns_sets: false,
        };
        let body = QueryBody::Select(Box::new(select));
        Query { body, columns, order: Vec::new(), limit: None, offset: None, locks: Vec::new() }
    }
}

impl super::query::Select {
    /// Whether a target may be coerced without a change of anything but its type.
    fn distinct_free(&self, order: &[super::query::OrderKey]) -> bool {
        self.distinct == super::query::Distinct::No && order.is_empty()
    }
}

fn empty() -> Query {
    Query {
        body: QueryBody::Values(Vec::new()),
        columns: Vec::new(),
        order: Vec::new(),
        limit: None,
        offset: None,
        locks: Vec::new(),
    }
}

fn column_position(query: &Query, n: usize) -> Option<u32> {
    match &query.body {
        QueryBody::Select(select) => select.targets.get(n)?.position,
        QueryBody::Values(rows) => rows.first()?.get(n)?.position,
        QueryBody::SetOp { left, .. } => column_position(left, n),
    }
}

fn first_position(query: &Query) -> Option<u32> {
    column_position(query, 0)
}
