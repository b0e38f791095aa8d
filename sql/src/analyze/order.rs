//! The select list, ORDER BY, DISTINCT and their agreement.

use sqlparser::ast::{self, Spanned};

use super::Analyzer;
use super::analyzer::unsupported;
use super::column_name::column_name;
use super::equal::same;
use super::query::{Distinct, Meaning, OrderKey, Query, QueryBody};
use super::row::bare_row;
use super::scope::Place;
use super::select::{Target, order_key};
use crate::error::{Error, NameError, QueryError, Result};
use crate::expr::Expr;
use crate::expr::function;
use crate::parser::{Name, fold};
use crate::types::{self, Type};

/// What a row of a result, a sort or a group may have of columns.
pub(super) const TARGETS_MAX: usize = 1_664;

/// Refuses a row that is too wide.
pub(super) fn check_width(targets: usize) -> Result<()> {
    if targets > TARGETS_MAX {
        return Err(QueryError::TooManyTargets { most: TARGETS_MAX }.into());
    }
    Ok(())
}

impl Analyzer<'_> {
    /// The select list, stars expanded.
    pub(super) fn select_list(&mut self, items: &[ast::SelectItem]) -> Result<Vec<Target>> {
        let mut targets = Vec::with_capacity(items.len());
        for item in items {
            match item {
                ast::SelectItem::UnnamedExpr(expr) => {
                    let name = column_name(expr);
                    targets.push(self.target(expr, name)?);
                }
                ast::SelectItem::ExprWithAlias { expr, alias } => {
                    targets.push(self.target(expr, fold(alias))?);
                }
                ast::SelectItem::Wildcard(options) => {
                    let position = self.position(options.wildcard_token.0.span);
                    check_star(options, position)?;
                    self.expand_star(&mut targets, position)?;
                }
                ast::SelectItem::QualifiedWildcard(
                    ast::SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) => {
                    let position = self.position(name.span());
                    check_star(options, position)?;
                    let name = crate::parser::object_name(name, self.source)?;
                    self.expand_table(&name, &mut targets, position)?;
                }
                ast::SelectItem::QualifiedWildcard(..)
                | ast::SelectItem::ExprWithAliases { .. } => {
                    return Err(unsupported(
                        "this kind of select list",
                        self.source.place_of(item),
                    ));
                }
            }
        }
        check_width(targets.len())?;
        Ok(targets)
    }

    fn target(&mut self, written: &ast::Expr, name: String) -> Result<Target> {
        let expr = self.expr(written)?;
        Ok(self.target_of(expr, written, name))
    }

    fn target_of(&self, expr: Expr, written: &ast::Expr, name: String) -> Target {
        let mut subquery = false;
        super::equal::columns(&expr, &mut |id| {
            subquery |= matches!(self.meanings[id], Meaning::Sublink(_));
        });
        let written = subquery.then(|| self.source.walk(|| Box::new(written.clone())));
        Target { expr, name, written }
    }

    fn expand_star(&mut self, targets: &mut Vec<Target>, position: Option<u32>) -> Result<()> {
        let at = self.levels.len() - 1;
        let items = &self.levels[at].items;
        if items.is_empty() {
            return Err(Error::from(QueryError::StarWithoutTables).at(position));
        }
        for item in items.iter().filter(|item| item.columns_visible) {
            targets.extend(item.columns.iter().map(|column| {
                let expr = Expr { position, ..column.expr.clone() };
                Target::plain(expr, column.name.clone())
            }));
        }
        Ok(())
    }

    fn expand_table(
        &mut self,
        name: &Name,
        targets: &mut Vec<Target>,
        position: Option<u32>,
    ) -> Result<()> {
        let columns = self.columns_of_table(&Name { position, ..name.clone() })?;
        targets.extend(columns.into_iter().map(|column| Target::plain(column.expr, column.name)));
        Ok(())
    }

    /// ORDER BY of a SELECT; what it needs besides is added to the targets.
    pub(super) fn order_clause(
        &mut self,
        keys: &[ast::OrderByExpr],
        targets: &mut Vec<Target>,
        visible: usize,
    ) -> Result<Vec<OrderKey>> {
        let mut order: Vec<OrderKey> = Vec::with_capacity(keys.len());
        for key in keys {
            let (descending, nulls_first) = self.direction(key)?;
            let target = self.sort_target(&key.expr, "ORDER BY", targets, visible)?;
            let ty = targets[target].expr.ty;
            if ty != Type::UNKNOWN && function::comparison(ty).is_none() {
                let type_name = types::name(ty.with_modifier(-1));
                let error = NameError::NoComparison { what: "ordering", type_name };
                return Err(Error::from(error).at(self.start(&key.expr)));
            }
            if !order.iter().any(|known| known.target == target) {
                order.push(order_key(target, descending, nulls_first));
            }
        }
        Ok(order)
    }

    /// ASC, DESC and NULLS FIRST of a key.
    pub(super) fn direction(&self, key: &ast::OrderByExpr) -> Result<(bool, bool)> {
        let ast::OrderByExpr { expr, options, with_fill } = key;
        let ast::OrderByOptions { sort, nulls_first } = options;
        if with_fill.is_some() {
            return Err(unsupported("WITH FILL", self.start(expr)));
        }
        let descending = match sort {
            None | Some(ast::OrderBySort::Asc) => false,
            Some(ast::OrderBySort::Desc) => true,
            Some(ast::OrderBySort::Using(operator)) => {
                match operator.to_string().trim_matches('"') {
                    "<" => false,
                    ">" => true,
                    _ => return Err(unsupported("ORDER BY USING this operator", self.start(expr))),
                }
            }
        };
        Ok((descending, nulls_first.unwrap_or(descending)))
    }

    /// The target that an item of ORDER BY, GROUP BY or DISTINCT ON means: an output name, an
    /// ordinal, or an expression, which is added when it is not there.
    pub(super) fn sort_target(
        &mut self,
        expr: &ast::Expr,
        clause: &'static str,
        targets: &mut Vec<Target>,
        visible: usize,
    ) -> Result<usize> {
        let written = bare_row(expr);
        let position = self.start(written);
        if let ast::Expr::Identifier(ident) = written {
            let name = fold(ident);
            // GROUP BY prefers a column of FROM.
            let in_from = clause == "GROUP BY" && self.is_own_column(&name);
            if !in_from
                && let Some(found) = output_named(&name, targets, visible, clause, position)?
            {
                return Ok(found);
            }
        }
        if let Some(ordinal) = self.ordinal(written, clause, visible)? {
            return Ok(ordinal);
        }
        let is_written = |target: &Target| target.written.as_deref() == Some(written);
        if let Some(found) = self.source.walk(|| targets.iter().position(is_written)) {
            return Ok(found);
        }
        let place = if clause == "GROUP BY" { Place::GroupBy } else { Place::OrderBy };
        let expr = self.at_place(place, |analyzer| analyzer.expr(written))?;
        let expr = self.resolve_unknown(expr)?;
        if let Some(found) = targets.iter().position(|target| same(&target.expr, &expr)) {
            return Ok(found);
        }
        targets.push(self.target_of(expr, written, "?column?".to_owned()));
        Ok(targets.len() - 1)
    }

    /// The output column that a constant counts to; None for anything else.
    fn ordinal(
        &self,
        expr: &ast::Expr,
        clause: &'static str,
        count: usize,
    ) -> Result<Option<usize>> {
        let (digits, sign) = match expr {
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => (expr.as_ref(), "-"),
            other => (other, ""),
        };
        let ast::Expr::Value(value) = digits else { return Ok(None) };
        let position = match (sign, self.start(expr)) {
            ("-", start) => self.source.position_before("-", start).or(start),
            (_, start) => start,
        };
        let digits = match &value.value {
            ast::Value::Placeholder(_) => return Ok(None),
            ast::Value::Number(digits, _) if digits.parse::<i32>().is_ok() => digits,
            ast::Value::Number(..) => return Err(not_integer(clause, position)),
            _ if sign == "-" => return Ok(None),
            _ => return Err(not_integer(clause, position)),
        };
        let counted = digits.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        match counted.filter(|n| sign.is_empty() && *n < count) {
            Some(n) => Ok(Some(n)),
            None => {
                let number = format!("{sign}{digits}");
                let error = QueryError::NoSuchPosition { clause, number };
                Err(Error::from(error).at(position))
            }
        }
    }

    fn is_own_column(&self, name: &str) -> bool {
        self.levels.last().is_some_and(|level| {
            let mut columns = level
                .items
                .iter()
                .filter(|item| item.columns_visible)
                .flat_map(|item| &item.columns);
            columns.any(|column| column.name == name)
        })
    }

    /// An ORDER BY item of VALUES or a set operation: one of its columns.
    pub(super) fn order_by_output(
        &mut self,
        key: &ast::OrderByExpr,
        query: &Query,
    ) -> Result<OrderKey> {
        let (descending, nulls_first) = self.direction(key)?;
        let expr = bare_row(&key.expr);
        let position = self.start(expr);
        let found = match expr {
            ast::Expr::Identifier(ident) => {
                let name = fold(ident);
                query.columns.iter().position(|column| column.name == name)
            }
            _ => self.ordinal(expr, "ORDER BY", query.columns.len())?,
        };
        if let Some(target) = found {
            return Ok(order_key(target, descending, nulls_first));
        }
        if let (ast::Expr::Identifier(ident), QueryBody::SetOp { .. } | QueryBody::Values(_)) =
            (expr, &query.body)
        {
            let error = NameError::UndefinedColumn { table: None, column: fold(ident), hint: None };
            return Err(Error::from(error).at(position));
        }
        let error = QueryError::SetOrder { operation: "UNION/INTERSECT/EXCEPT" };
        Err(Error::from(error).at(position))
    }

    /// DISTINCT, and whether ORDER BY agrees with it.
    pub(super) fn distinct_clause(
        &mut self,
        distinct: Option<&ast::Distinct>,
        targets: &mut Vec<Target>,
        visible: usize,
        order: &[OrderKey],
    ) -> Result<Distinct> {
        match distinct {
            None | Some(ast::Distinct::All) => Ok(Distinct::No),
            Some(ast::Distinct::Distinct) => {
                if let Some(key) = order.iter().find(|key| key.target >= visible) {
                    let position = targets[key.target].expr.position;
                    return Err(Error::from(QueryError::DistinctOrder).at(position));
                }
                for target in &targets[..visible] {
                    let ty = target.expr.ty;
                    if ty != Type::UNKNOWN && function::comparison(ty).is_none() {
                        let type_name = types::name(ty.with_modifier(-1));
                        let error = NameError::NoComparison { what: "equality", type_name };
                        return Err(Error::from(error).at(target.expr.position));
                    }
                }
                Ok(Distinct::All)
            }
            Some(ast::Distinct::On(keys)) => {
                let mut on = Vec::with_capacity(keys.len());
                for key in keys {
                    let target = self.sort_target(key, "DISTINCT ON", targets, visible)?;
                    if !on.contains(&target) {
                        on.push(target);
                    }
                }
                let initial = &order[..order.len().min(on.len())];
                if let Some(key) = initial.iter().find(|key| !on.contains(&key.target)) {
                    let first = keys.first().and_then(|key| self.start(key));
                    let position = first.or(targets[key.target].expr.position);
                    return Err(Error::from(QueryError::DistinctOnOrder).at(position));
                }
                // In the order of the sort, as the plan wants them.
                on.sort_by_key(|target| {
                    order.iter().position(|key| key.target == *target).unwrap_or(usize::MAX)
                });
                Ok(Distinct::On(on))
            }
        }
    }
}

/// The output column of a name; an error when two different ones have it.
fn output_named(
    name: &str,
    targets: &[Target],
    visible: usize,
    clause: &'static str,
    position: Option<u32>,
) -> Result<Option<usize>> {
    let mut found: Option<usize> = None;
    for (n, target) in targets[..visible].iter().enumerate().filter(|(_, t)| t.name == name) {
        match found {
            Some(before) if !same(&targets[before].expr, &target.expr) => {
                let error = NameError::AmbiguousOutput { clause, column: name.to_owned() };
                return Err(Error::from(error).at(position));
            }
            Some(_) => {}
            None => found = Some(n),
        }
    }
    Ok(found)
}

fn not_integer(clause: &'static str, position: Option<u32>) -> Error {
    Error::from(QueryError::NonIntegerConstant { clause }).at(position)
}

fn check_star(options: &ast::WildcardAdditionalOptions, position: Option<u32>) -> Result<()> {
    let ast::WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    if opt_ilike.is_some()
        || opt_exclude.is_some()
        || opt_except.is_some()
        || opt_replace.is_some()
        || opt_rename.is_some()
        || opt_alias.is_some()
    {
        return Err(unsupported("* with options", position));
    }
    Ok(())
}
