//! Queries: WITH, SELECT, LIMIT and locking clauses.

use std::rc::Rc;

use sqlparser::ast::{self, SetExpr};

use super::Analyzer;
use super::analyzer::unsupported;
use super::query::{
    Distinct, LockRequest, OrderKey, OuterReference, Query, QueryBody, QueryColumn, RelationKind,
    Select, lock_words,
};
use super::scope::{Level, Place, WithQuery};
use super::set_operation::locks_in_set;
use crate::error::{Error, NameError, QueryError, Result, SyntaxError};
use crate::expr::Expr;
use crate::parser::fold;
use crate::types::{Oid, Type};
use reckon_mvcc::RowLock;

/// A column of the select list being built.
pub(super) struct Target {
    pub(super) expr: Expr,
    pub(super) name: String,
    /// How it was written, when it has a subquery: an item of GROUP BY or ORDER BY that is written
    /// alike means this target.
    pub(super) written: Option<Box<ast::Expr>>,
}

impl Target {
    /// A target without a subquery.
    pub(super) fn plain(expr: Expr, name: String) -> Target {
        Target { expr, name, written: None }
    }
}

/// What follows a query's body.
#[derive(Default)]
pub(super) struct Tail<'a> {
    pub(super) order: &'a [ast::OrderByExpr],
    limit: Option<&'a ast::Expr>,
    offset: Option<&'a ast::Expr>,
    locks: &'a [ast::LockClause],
    /// FETCH FIRST ROW ONLY: without a number.
    first_only: bool,
}

impl Tail<'_> {
    fn is_limited(&self) -> bool {
        self.limit.is_some() || self.first_only
    }
}

impl Analyzer<'_> {
    /// A query; `resolve`: literals without a type become text.
    pub(super) fn query(&mut self, query: &ast::Query, resolve: bool) -> Result<Query> {
        self.query_with_outer(query, resolve).map(|(query, _)| query)
    }

    /// A query, and the columns of queries around it that it uses.
    pub(super) fn query_with_outer(
        &mut self,
        query: &ast::Query,
        resolve: bool,
    ) -> Result<(Query, Vec<OuterReference>)> {
        self.step()?;
        self.levels.push(Level::default());
        let result = self.query_in_level(query, resolve);
        let level = self.levels.pop().unwrap_or_default();
        Ok((result?, level.outer))
    }

    fn query_in_level(&mut self, query: &ast::Query, resolve: bool) -> Result<Query> {
        self.step()?;
        let tail = tail_of(query)?;
        self.with_clause(query.with.as_ref())?;
        match query.body.as_ref() {
            SetExpr::Select(select) => self.select(select, &tail, resolve),
            SetExpr::Values(values) => {
                let query = self.values(values, resolve)?;
                self.finish_plain(query, &tail)
            }
            SetExpr::SetOperation { .. } => {
                let query = self.set_operation(&query.body)?;
                self.finish_plain(query, &tail)
            }
            SetExpr::Query(inner) => {
                let merged = self.source.walk(|| self.merge(query, inner))?;
                self.level().with.clear();
                self.query_in_level(&merged, resolve)
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(unsupported("a data-modifying statement in WITH", None))
            }
            SetExpr::Table(_) => Err(unsupported("TABLE", None)),
        }
    }

    /// A query in parentheses with clauses behind them, as one query.
    fn merge(&self, outer: &ast::Query, inner: &ast::Query) -> Result<ast::Query> {
        let (ours, theirs) = (tail_of(outer)?, tail_of(inner)?);
        let twice = |clause, position| {
            Err(Error::from(QueryError::MultipleClauses { clause }).at(position))
        };
        let start = |expr: Option<&ast::Expr>| expr.and_then(|expr| self.start(expr));
        if let (Some(key), false) = (ours.order.first(), theirs.order.is_empty()) {
            return twice("ORDER BY", self.start(&key.expr));
        }
        if ours.offset.is_some() && theirs.offset.is_some() {
            return twice("OFFSET", start(ours.offset));
        }
        if ours.is_limited() && theirs.is_limited() {
            return twice("LIMIT", start(ours.limit));
        }
        if let (Some(with), true) = (&outer.with, inner.with.is_some()) {
            return twice("WITH", self.position(with.with_token.0.span));
        }
        let mut merged = inner.clone();
        merged.with = outer.with.clone().or(merged.with);
        merged.order_by = outer.order_by.clone().or(merged.order_by);
        merged.fetch = outer.fetch.clone().or(merged.fetch);
        merged.locks.extend(outer.locks.iter().cloned());
        merged.limit_clause = match (&outer.limit_clause, merged.limit_clause.take()) {
            (
                Some(ast::LimitClause::LimitOffset { limit, offset, .. }),
                Some(ast::LimitClause::LimitOffset { limit: own, offset: before, limit_by }),
            ) => Some(ast::LimitClause::LimitOffset {
                limit: limit.clone().or(own),
                offset: offset.clone().or(before),
                limit_by,
            }),
            (clause, before) => clause.clone().or(before),
        };
        Ok(merged)
    }

    /// Takes the WITH queries into scope.
    pub(super) fn with_clause(&mut self, with: Option<&ast::With>) -> Result<()> {
        let Some(ast::With { with_token: _, recursive, cte_tables }) = with else { return Ok(()) };
        for cte in cte_tables {
            let ast::Cte { alias, query, from, materialized, closing_paren_token: _ } = cte;
            let position = self.position(alias.name.span);
            if from.is_some() {
                return Err(unsupported("WITH ... FROM", position));
            }
            if matches!(
                query.body.as_ref(),
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
            ) {
                return Err(unsupported("a data-modifying statement in WITH", position));
            }
            let name = fold(&alias.name);
            if self.level().with.iter().any(|known| known.name == name) {
                return Err(Error::from(NameError::DuplicateWith { name }).at(position));
            }
            let columns = alias.columns.iter().map(|column| fold(&column.name)).collect();
            let before = self.level().with.len();
            let query = Rc::new(self.source.walk(|| query.as_ref().clone()));
            if *recursive && super::from::names_table(&query, &name) {
                return Err(unsupported("WITH RECURSIVE", position));
            }
            let materialized = materialized
                .as_ref()
                .map(|written| matches!(written, ast::CteAsMaterialized::Materialized));
            let id = self.with_queries;
            self.with_queries += 1;
            let entry = WithQuery { name, query, columns, position, id, materialized, before };
            // Analyzed once for its errors, also when nobody reads it.
            let at = self.levels.len() - 1;
            let (relations, meanings) = (self.relations.len(), self.meanings.len());
            self.with_query(at, &entry)?;
            self.relations.truncate(relations);
            self.meanings.truncate(meanings);
            self.level().with.push(entry);
        }
        Ok(())
    }

    pub(super) fn select(
        &mut self,
        select: &ast::Select,
        tail: &Tail<'_>,
        resolve: bool,
    ) -> Result<Query> {
        check_select(select)?;
        let from = self.analyze_from(&select.from)?;
        let mut targets = self.select_list(&select.projection)?;
        let conditions = match &select.selection {
            Some(selection) => self.condition(selection, Place::Where, "WHERE")?,
            None => Vec::new(),
        };
        let having = match &select.having {
            Some(having) => self.condition(having, Place::Having, "HAVING")?,
            None => Vec::new(),
        };
        let visible = targets.len();
        let order = self.order_clause(tail.order, &mut targets, visible)?;
        let mut groups = self.group_clause(&select.group_by, &mut targets, visible)?;
        let distinct =
            self.distinct_clause(select.distinct.as_ref(), &mut targets, visible, &order)?;
        super::order::check_width(targets.len())?;
        let (limit, offset) = self.limit_clause(tail)?;
        for target in &mut targets {
            let open = matches!(
                target.expr.kind,
                crate::expr::ExprKind::Constant(_) | crate::expr::ExprKind::Parameter(_)
            );
            if resolve || !open {
                let expr = std::mem::replace(&mut target.expr, placeholder());
                target.expr = self.resolve_unknown(expr)?;
            }
        }
        let columns = self.query_columns(&targets[..visible]);
        let mut exprs: Vec<Expr> = targets.into_iter().map(|target| target.expr).collect();
        let level = self.level();
        let aggregates = std::mem::take(&mut level.aggregates);
        let returns_sets = level.returns_sets;
        let grouped =
            groups_rows(&select.group_by) || !aggregates.is_empty() || select.having.is_some();
        let mut having = having;
        if grouped {
            self.check_grouped(&mut groups, &aggregates, exprs.iter_mut().chain(&mut having))?;
        }
        let locks = self.locks(tail.locks)?;
        if !locks.is_empty() {
            check_lockable(tail.locks, grouped, &distinct, returns_sets)?;
        }
        let select = Select {
            from,
            conditions,
            grouped,
            groups,
            aggregates,
            having,
            targets: exprs,
            visible,
            distinct,
            returns_sets,
        };
        let body = QueryBody::Select(Box::new(select));
        Ok(Query { body, columns, order, limit, offset, locks })
    }

    /// A boolean clause as conjuncts.
    pub(super) fn condition(
        &mut self,
        expr: &ast::Expr,
        place: Place,
        clause: &'static str,
    ) -> Result<Vec<Expr>> {
        self.at_place(place, |analyzer| {
            let expr = analyzer.expr(expr)?;
            let expr = analyzer.boolean(expr, clause)?;
            Ok(conjuncts(expr))
        })
    }

    /// Names, types and origins of a query's columns.
    pub(super) fn query_columns(&self, targets: &[Target]) -> Vec<QueryColumn> {
        let column = |target: &Target| QueryColumn {
            name: target.name.clone(),
            ty: target.expr.ty,
            origin: self.origin_of(&target.expr),
        };
        targets.iter().map(column).collect()
    }

    /// The table column that an expression is.
    pub(super) fn origin_of(&self, expr: &Expr) -> Option<(Oid, i16)> {
        let id = super::scope::id_of(expr)?;
        let super::query::Meaning::Relation { relation } = self.meanings.get(id)? else {
            return None;
        };
        let relation = &self.relations[*relation];
        relation.columns.get(id - relation.first)?.origin
    }

    /// ORDER BY, LIMIT and locks of VALUES and set operations.
    fn finish_plain(&mut self, mut query: Query, tail: &Tail<'_>) -> Result<Query> {
        for key in tail.order {
            query.order.push(self.order_by_output(key, &query)?);
        }
        (query.limit, query.offset) = self.limit_clause(tail)?;
        let Some(lock) = tail.locks.first() else { return Ok(query) };
        let (mode, _) = lock_mode(lock);
        Err(match &query.body {
            QueryBody::Values(_) => {
                QueryError::LockNotApplicable { clause: lock_words(mode), to: "VALUES" }
            }
            _ => locks_in_set(mode),
        }
        .into())
    }

    fn limit_clause(&mut self, tail: &Tail<'_>) -> Result<(Option<Expr>, Option<Expr>)> {
        let offset = self.row_count(tail.offset, Place::Offset, "OFFSET")?;
        let mut limit = self.row_count(tail.limit, Place::Limit, "LIMIT")?;
        if tail.first_only {
            let kind = crate::expr::ExprKind::Constant(crate::types::Datum::Int8(1));
            limit = Some(Expr { kind, ty: Type::INT8, position: None });
        }
        Ok((limit, offset))
    }

    fn row_count(
        &mut self,
        expr: Option<&ast::Expr>,
        place: Place,
        clause: &'static str,
    ) -> Result<Option<Expr>> {
        let Some(expr) = expr else { return Ok(None) };
        let count = self.at_place(place, |analyzer| {
            let expr = analyzer.expr(expr)?;
            analyzer.clause_type(expr, Type::INT8, clause)
        })?;
        let own = self.own_column(&count);
        if let Some(position) = own {
            return Err(Error::from(QueryError::ColumnNotAllowed { place: clause }).at(position));
        }
        Ok(Some(count))
    }

    /// The position of a column of this query's FROM, when an expression has one.
    fn own_column(&self, expr: &Expr) -> Option<Option<u32>> {
        let level = self.levels.last()?;
        if let crate::expr::ExprKind::Column(id) = expr.kind {
            let own = level.items.iter().any(|item| super::name::plain_ids(item).any(|i| i == id));
            return own.then_some(expr.position);
        }
        let mut found = None;
        expr.each_child(&mut |child| {
            if found.is_none() {
                found = self.own_column(child);
            }
        });
        found
    }

    fn locks(&mut self, clauses: &[ast::LockClause]) -> Result<Vec<LockRequest>> {
        let mut locks: Vec<LockRequest> = Vec::new();
        for clause in clauses {
            let (mode, of) = lock_mode(clause);
            let nonblock = clause.nonblock.as_ref();
            let skip = nonblock.map(|n| matches!(n, ast::NonBlock::SkipLocked));
            let named = match of {
                Some(name) => Some(crate::parser::object_name(&name, self.source)?),
                None => None,
            };
            let level = self.levels.last().map(|level| level.items.as_slice()).unwrap_or_default();
            let mut found = false;
            for item in level {
                let Some(relation) = item.relation else { continue };
                if named.as_ref().is_some_and(|name| item.alias.as_deref() != Some(&name.name)) {
                    continue;
                }
                found = true;
                match &self.relations[relation].kind {
                    RelationKind::Table(_) => locks.push(LockRequest { relation, mode, skip }),
                    RelationKind::Subquery(_) => {
                        return Err(unsupported("locking the rows of a subquery in FROM", None));
                    }
                    RelationKind::Function { .. } if named.is_some() => {
                        let (clause, to) = (lock_words(mode), "a function");
                        return Err(QueryError::LockNotApplicable { clause, to }.into());
                    }
                    RelationKind::Function { .. } | RelationKind::Virtual(_) => {}
                }
            }
            if let (false, Some(name)) = (found, named) {
                let clause = lock_words(mode);
                let error = NameError::LockedTableNotInFrom { table: name.name, clause };
                return Err(Error::from(error).at(name.position));
            }
        }
        Ok(locks)
    }
}

/// Whether there is a GROUP BY, be it `GROUP BY ()`.
fn groups_rows(clause: &ast::GroupByExpr) -> bool {
    matches!(clause, ast::GroupByExpr::Expressions(items, _) if !items.is_empty())
}

/// The conjuncts of a condition.
pub(super) fn conjuncts(expr: Expr) -> Vec<Expr> {
    match expr.kind {
        crate::expr::ExprKind::And(parts) => parts.into_iter().flat_map(conjuncts).collect(),
        _ => vec![expr],
    }
}

pub(super) fn placeholder() -> Expr {
    let kind = crate::expr::ExprKind::Constant(crate::types::Datum::Null);
    Expr { kind, ty: Type::UNKNOWN, position: None }
}

/// What a clause asks for, and the table that it names.
fn lock_mode(clause: &ast::LockClause) -> (RowLock, Option<ast::ObjectName>) {
    let (weak, of) = clause.of.as_ref().map_or((false, None), crate::parser::read_mark);
    let mode = match (&clause.lock_type, weak) {
        (ast::LockType::Share, false) => RowLock::ForShare,
        (ast::LockType::Share, true) => RowLock::ForKeyShare,
        (ast::LockType::Update, false) => RowLock::ForUpdate,
        (ast::LockType::Update, true) => RowLock::ForNoKeyUpdate,
    };
    (mode, of)
}

fn check_lockable(
    locks: &[ast::LockClause],
    grouped: bool,
    distinct: &Distinct,
    returns_sets: bool,
) -> Result<()> {
    let with = if *distinct != Distinct::No {
        "DISTINCT clause"
    } else if grouped {
        "GROUP BY clause"
    } else if returns_sets {
        "set-returning functions in the target list"
    } else {
        return Ok(());
    };
    let clause = locks.first().map_or("FOR UPDATE", |lock| lock_words(lock_mode(lock).0));
    Err(QueryError::LockNotAllowed { clause, with }.into())
}

fn tail_of(query: &ast::Query) -> Result<Tail<'_>> {
    let ast::Query {
        with: _,
        body: _,
        order_by,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    if for_clause.is_some()
        || settings.is_some()
        || format_clause.is_some()
        || !pipe_operators.is_empty()
    {
        return Err(unsupported("this clause of a query", None));
    }
    let order: &[ast::OrderByExpr] = match order_by {
        None => &[],
        Some(ast::OrderBy { kind: ast::OrderByKind::Expressions(keys), interpolate: None }) => keys,
        Some(_) => return Err(unsupported("ORDER BY ALL", None)),
    };
    let (mut limit, offset) = match limit_clause {
        None => (None, None),
        Some(ast::LimitClause::LimitOffset { limit, offset, limit_by }) => {
            if !limit_by.is_empty() {
                return Err(unsupported("LIMIT BY", None));
            }
            (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
        }
        Some(ast::LimitClause::OffsetCommaLimit { .. }) => {
            return Err(QueryError::LimitComma.into());
        }
    };
    if let Some(ast::Fetch { with_ties, percent, quantity }) = fetch {
        if *with_ties || *percent {
            return Err(unsupported("FETCH FIRST ... WITH TIES", None));
        }
        if limit.is_some() {
            return Err(SyntaxError::Syntax { near: Some("fetch".to_owned()) }.into());
        }
        limit = quantity.as_ref();
    }
    let first_only = fetch.as_ref().is_some_and(|fetch| fetch.quantity.is_none());
    Ok(Tail { order, limit, offset, locks, first_only })
}

/// Refuses what sqlparser reads in a SELECT and PostgreSQL or Reckon does not have.
fn check_select(select: &ast::Select) -> Result<()> {
    let ast::Select {
        select_token: _,
        optimizer_hints: _,
        distinct: _,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    let feature = if into.is_some() {
        "SELECT INTO"
    } else if !named_window.is_empty() {
        "WINDOW"
    } else if select_modifiers.is_some()
        || top.is_some()
        || exclude.is_some()
        || !lateral_views.is_empty()
        || prewhere.is_some()
        || !connect_by.is_empty()
        || !cluster_by.is_empty()
        || !distribute_by.is_empty()
        || !sort_by.is_empty()
        || qualify.is_some()
        || value_table_mode.is_some()
        || !matches!(flavor, ast::SelectFlavor::Standard)
    {
        "this clause of SELECT"
    } else {
        return Ok(());
    };
    Err(unsupported(feature, None))
}

/// An order key over a query's own columns.
pub(super) fn order_key(target: usize, descending: bool, nulls_first: bool) -> OrderKey {
    OrderKey { target, descending, nulls_first }
}
