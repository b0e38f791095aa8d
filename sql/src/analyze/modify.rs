//! UPDATE, DELETE and RETURNING.

use std::sync::Arc;

use sqlparser::ast::{self, Spanned, TableFactor};

use super::Analyzer;
use super::analyzer::unsupported;
use super::insert::is_default;
use super::query::{Delete, From, Returning, Update};
use super::scope::{Level, Place};
use crate::catalog::Table;
use crate::error::{Error, QueryError, Result};
use crate::expr::Expr;
use crate::parser::{fold, object_name};

impl Analyzer<'_> {
    /// UPDATE.
    pub(super) fn update(&mut self, update: &ast::Update) -> Result<Update> {
        let ast::Update {
            update_token: _,
            optimizer_hints: _,
            table,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
        } = update;
        if output.is_some() || or.is_some() || !order_by.is_empty() || limit.is_some() {
            return Err(unsupported("this form of UPDATE", None));
        }
        let from: &[ast::TableWithJoins] = match from {
            None => &[],
            Some(ast::UpdateTableFromKind::AfterSet(list)) => list,
            Some(ast::UpdateTableFromKind::BeforeSet(_)) => {
                return Err(unsupported("this form of UPDATE", None));
            }
        };
        self.levels.push(Level::default());
        let (table, target, from) = self.changed(table, from)?;
        let conditions = match selection {
            Some(selection) => self.condition(selection, Place::Where, "WHERE")?,
            None => Vec::new(),
        };
        let returning = self.returning(returning.as_deref())?;
        let assignments = self.assignments(assignments, &table)?;
        self.levels.pop();
        Ok(Update { table, target, from, conditions, assignments, returning })
    }

    /// DELETE.
    pub(super) fn delete(&mut self, delete: &ast::Delete) -> Result<Delete> {
        let ast::Delete {
            delete_token: _,
            optimizer_hints: _,
            tables,
            from,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
        } = delete;
        let ast::FromTable::WithFromKeyword(list) = from else {
            return Err(unsupported("DELETE without FROM", None));
        };
        let [table] = list.as_slice() else {
            return Err(unsupported("DELETE from several tables", None));
        };
        if !tables.is_empty() || output.is_some() || !order_by.is_empty() || limit.is_some() {
            return Err(unsupported("this form of DELETE", None));
        }
        self.levels.push(Level::default());
        let (table, target, from) = self.changed(table, using.as_deref().unwrap_or_default())?;
        let conditions = match selection {
            Some(selection) => self.condition(selection, Place::Where, "WHERE")?,
            None => Vec::new(),
        };
        let returning = self.returning(returning.as_deref())?;
        self.levels.pop();
        Ok(Delete { table, target, from, conditions, returning })
    }

    /// The changed table and what FROM or USING adds.
    fn changed(
        &mut self,
        table: &ast::TableWithJoins,
        list: &[ast::TableWithJoins],
    ) -> Result<(Arc<Table>, usize, From)> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample: None,
            index_hints,
        } = &table.relation
        else {
            return Err(unsupported("this kind of target", self.source.place_of(&table.relation)));
        };
        let joined = !table.joins.is_empty()
            || !with_hints.is_empty()
            || !partitions.is_empty()
            || !index_hints.is_empty();
        if joined || alias.as_ref().is_some_and(|alias| !alias.columns.is_empty()) {
            return Err(unsupported("this kind of target", self.position(name.span())));
        }
        let name = object_name(name, self.source)?;
        let table = self.target_table(&name)?;
        let alias = alias.as_ref().map_or(table.name.clone(), |alias| fold(&alias.name));
        let (target, item) = self.target_item(&table, alias);
        let from = self.analyze_from_after(list, From::Relation(target), vec![item])?;
        Ok((table, target, from))
    }

    /// SET: places in the table and their new values.
    pub(super) fn assignments(
        &mut self,
        assignments: &[ast::Assignment],
        table: &Arc<Table>,
    ) -> Result<Vec<(usize, Expr)>> {
        let mut found: Vec<(usize, Expr)> = Vec::with_capacity(assignments.len());
        for ast::Assignment { target, value } in assignments {
            match target {
                ast::AssignmentTarget::ColumnName(name) => {
                    self.assignment(table, name, value, &mut found)?;
                }
                ast::AssignmentTarget::Tuple(names) => {
                    if let ast::Expr::Subquery(query) = value {
                        self.row_assignment(table, names, query, &mut found)?;
                        continue;
                    }
                    let Some(values) = row_of(value) else {
                        let error = Error::from(QueryError::RowSource);
                        return Err(error.at(self.start(value)));
                    };
                    if values.len() != names.len() {
                        let error = Error::from(QueryError::AssignmentWidth);
                        let position = self.source.position_before("(", self.start(value));
                        return Err(error.at(position));
                    }
                    for (name, value) in names.iter().zip(values) {
                        self.assignment(table, name, value, &mut found)?;
                    }
                }
            }
        }
        Ok(found)
    }

    fn assignment(
        &mut self,
        table: &Arc<Table>,
        name: &ast::ObjectName,
        value: &ast::Expr,
        found: &mut Vec<(usize, Expr)>,
    ) -> Result<()> {
        let value = if is_default(value) {
            None
        } else {
            Some(self.at_place(Place::UpdateSource, |analyzer| analyzer.expr(value))?)
        };
        self.assign_to(table, name, value, found)
    }

    /// `(a, b) = (SELECT ...)`: each column takes its own from the subquery's row.
    fn row_assignment(
        &mut self,
        table: &Arc<Table>,
        names: &[ast::ObjectName],
        query: &ast::Query,
        found: &mut Vec<(usize, Expr)>,
    ) -> Result<()> {
        let before = self.volatile_calls;
        for (n, name) in names.iter().enumerate() {
            let value = self.at_place(Place::UpdateSource, |analyzer| {
                analyzer.column_of_subquery(query, n, names.len())
            })?;
            if self.volatile_calls > before && names.len() > 1 {
                let feature = "assignment of a subquery's row with volatile functions";
                return Err(unsupported(feature, value.position));
            }
            self.assign_to(table, name, Some(value), found)?;
        }
        Ok(())
    }

    /// Takes an assignment down; None is DEFAULT.
    fn assign_to(
        &mut self,
        table: &Arc<Table>,
        name: &ast::ObjectName,
        value: Option<Expr>,
        found: &mut Vec<(usize, Expr)>,
    ) -> Result<()> {
        let (place, _) = self.target_column(table, name)?;
        let column = &table.columns[place];
        let value = match value {
            None => self.default_of(column)?,
            Some(value) => self.assign(value, column)?,
        };
        if found.iter().any(|(known, _)| *known == place) {
            return Err(QueryError::AssignedTwice { column: column.name.clone() }.into());
        }
        found.push((place, value));
        Ok(())
    }

    /// RETURNING.
    pub(super) fn returning(
        &mut self,
        items: Option<&[ast::SelectItem]>,
    ) -> Result<Option<Returning>> {
        let Some(items) = items else { return Ok(None) };
        let mut targets =
            self.at_place(Place::Returning, |analyzer| analyzer.select_list(items))?;
        for target in &mut targets {
            let expr = std::mem::replace(&mut target.expr, super::select::placeholder());
            target.expr = self.resolve_unknown(expr)?;
        }
        let columns = self.query_columns(&targets);
        let targets = targets.into_iter().map(|target| target.expr).collect();
        Ok(Some(Returning { targets, columns }))
    }
}

/// The values of `(a, b)` and `ROW(a, b)`.
fn row_of(expr: &ast::Expr) -> Option<Vec<&ast::Expr>> {
    use ast::{FunctionArg, FunctionArgExpr, FunctionArguments};
    match expr {
        ast::Expr::Tuple(values) => Some(values.iter().collect()),
        ast::Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("row") => {
            let FunctionArguments::List(list) = &function.args else { return None };
            let value = |arg| match arg {
                &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref value)) => Some(value),
                _ => None,
            };
            list.args.iter().map(value).collect()
        }
        _ => None,
    }
}
