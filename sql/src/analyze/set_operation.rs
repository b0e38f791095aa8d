//! UNION, INTERSECT and EXCEPT.

use reckon_mvcc::RowLock;
use sqlparser::ast::{SetExpr, SetOperator, SetQuantifier};

use super::Analyzer;
use super::analyzer::unsupported;
use super::query::{Query, QueryBody, QueryColumn, lock_words};
use super::scope::Level;
use super::select::{Tail, placeholder};
use super::unify::common_modifier;
use crate::error::{Error, QueryError, Result, SyntaxError};
use crate::expr::Expr;
use crate::plan::SetOperation;
use crate::types::Type;

/// Set operations one inside of another in a chain that is not all UNION or all UNION ALL.
const SET_LEVELS_MAX: usize = 300;

impl Analyzer<'_> {
    /// A set operation; its columns are named as the left side's. A chain of them, which the parser
    /// makes a left spine, is walked in a loop, as it may be long.
    pub(super) fn set_operation(&mut self, body: &SetExpr) -> Result<Query> {
        let mut spine = Vec::new();
        let mut first = body;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = first {
            spine.push((op, set_quantifier, right.as_ref()));
            first = left;
        }
        let mut left = self.side(first)?;
        let mut levels = 0;
        while let Some((op, quantifier, right)) = spine.pop() {
            let right = self.side(right)?;
            left = self.combined(op, quantifier, left, right)?;
            let is_new = matches!(&left.body, QueryBody::SetOp { inputs, .. } if inputs.len() == 2);
            levels += usize::from(is_new);
            if levels > SET_LEVELS_MAX {
                return Err(SyntaxError::TooDeep.into());
            }
        }
        Ok(left)
    }

    fn combined(
        &mut self,
        op: &SetOperator,
        quantifier: &SetQuantifier,
        mut left: Query,
        mut right: Query,
    ) -> Result<Query> {
        let (operation, words) = match op {
            SetOperator::Union => (SetOperation::Union, "UNION"),
            SetOperator::Intersect => (SetOperation::Intersect, "INTERSECT"),
            SetOperator::Except => (SetOperation::Except, "EXCEPT"),
            SetOperator::Minus => return Err(unsupported("MINUS", None)),
        };
        let all = match quantifier {
            SetQuantifier::All => true,
            SetQuantifier::Distinct | SetQuantifier::None => false,
            _ => return Err(unsupported("BY NAME", None)),
        };
        if left.columns.len() != right.columns.len() {
            let position = first_position(&right);
            let error = Error::from(QueryError::SetWidth { operation: words });
            return Err(error.at(position));
        }
        let mut types = Vec::with_capacity(left.columns.len());
        for n in 0..left.columns.len() {
            let sides = [
                (left.columns[n].ty, column_position(&left, n)),
                (right.columns[n].ty, column_position(&right, n)),
            ];
            let ty = self.common_type_of(&sides, words)?;
            types.push(ty.with_modifier(common_modifier(&sides, ty)));
        }
        self.coerce_columns(&mut left, &types)?;
        self.coerce_columns(&mut right, &types)?;
        let names = left.columns.iter().map(|column| column.name.clone());
        let column = |(name, ty)| QueryColumn { name, ty, origin: None };
        let columns = names.zip(types).map(column).collect();
        let bare = is_bare(&left);
        let inputs = match left.body {
            QueryBody::SetOp { operation: SetOperation::Union, all: known, mut inputs }
                if operation == SetOperation::Union && known == all && bare =>
            {
                inputs.push(right);
                inputs
            }
            body => vec![Query { body, ..left }, right],
        };
        let body = QueryBody::SetOp { operation, all, inputs };
        Ok(Query { body, columns, order: Vec::new(), limit: None, offset: None, locks: Vec::new() })
    }

    /// One side, in a scope of its own.
    fn side(&mut self, body: &SetExpr) -> Result<Query> {
        self.step()?;
        match body {
            SetExpr::SetOperation { .. } => self.set_operation(body),
            SetExpr::Query(query) => {
                let query = self.query(query, false)?;
                match query.locks.first() {
                    Some(lock) => Err(locks_in_set(lock.mode).into()),
                    None => Ok(query),
                }
            }
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
        let mut types: Vec<Type> = query.columns.iter().map(|column| column.ty).collect();
        types[n] = ty;
        self.coerce_columns(query, &types)
    }

    /// Coerces the columns of a query to types that they are known to go to.
    fn coerce_columns(&mut self, query: &mut Query, types: &[Type]) -> Result<()> {
        let differs = |(n, ty): (usize, &Type)| (query.columns[n].ty != *ty).then_some((n, *ty));
        let changes: Vec<(usize, Type)> = types.iter().enumerate().filter_map(differs).collect();
        if changes.is_empty() {
            return Ok(());
        }
        self.step()?;
        match &mut query.body {
            QueryBody::Select(select) if select.distinct_free(&query.order) => {
                self.coerce_targets(&mut select.targets, &changes)?;
            }
            QueryBody::Values(rows) => {
                rows.iter_mut().try_for_each(|row| self.coerce_targets(row, &changes))?;
            }
            QueryBody::SetOp { all: true, inputs, .. } if query.order.is_empty() => {
                inputs.iter_mut().try_for_each(|input| self.coerce_columns(input, types))?;
            }
            QueryBody::Select(_) | QueryBody::SetOp { .. } => {
                // Coercing below would change which rows are distinct or how they are sorted.
                let inner = std::mem::replace(query, empty());
                *query = self.over(inner);
                if let QueryBody::Select(select) = &mut query.body {
                    self.coerce_targets(&mut select.targets, &changes)?;
                }
            }
        }
        for (n, ty) in changes {
            (query.columns[n].ty, query.columns[n].origin) = (ty, None);
        }
        Ok(())
    }

    fn coerce_targets(&mut self, targets: &mut [Expr], changes: &[(usize, Type)]) -> Result<()> {
        for (n, ty) in changes {
            let expr = std::mem::replace(&mut targets[*n], placeholder());
            targets[*n] = self.coerce_common(expr, *ty, "UNION")?;
        }
        Ok(())
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

/// A set operation and its inputs have no rows of a table to lock.
pub(super) fn locks_in_set(mode: RowLock) -> QueryError {
    QueryError::LockNotAllowed { clause: lock_words(mode), with: "UNION/INTERSECT/EXCEPT" }
}

/// Whether nothing follows a query's body.
fn is_bare(query: &Query) -> bool {
    query.order.is_empty()
        && query.limit.is_none()
        && query.offset.is_none()
        && query.locks.is_empty()
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
        QueryBody::SetOp { inputs, .. } => column_position(inputs.first()?, n),
    }
}

fn first_position(query: &Query) -> Option<u32> {
    column_position(query, 0)
}
