//! INSERT.

use std::sync::Arc;

use sqlparser::ast;

use super::Analyzer;
use super::analyzer::unsupported;
use super::coerce::bare;
use super::from::{hidden, new_item, table_columns};
use super::query::{
    ConflictUpdate, Insert, InsertConflict, Meaning, Query, QueryBody, QueryColumn, RelationKind,
};
use super::scope::{Item, ItemColumn, Level, Place};
use super::select::placeholder;
use crate::catalog::{self, ConstraintKind, Table};
use crate::error::{Error, NameError, QueryError, Result, TypeError};
use crate::expr::function::CastContext;
use crate::expr::{Expr, ExprKind};
use crate::parser::{Name, fold, object_name};
use crate::types::{self, Datum, Oid, Type};

impl Analyzer<'_> {
    /// INSERT.
    pub(super) fn insert(&mut self, insert: &ast::Insert) -> Result<Insert> {
        let name = check_insert(insert).and_then(|name| object_name(name, self.source))?;
        self.levels.push(Level::default());
        let table = self.target_table(&name)?;
        let places = self.insert_columns(&table, &insert.columns)?;
        let alias = insert.table_alias.as_ref().map_or(table.name.clone(), |a| fold(&a.alias));
        let (target, item) = self.target_item(&table, alias.clone());
        self.level().items = vec![hidden(item.clone())];
        let (source, first, row) = self.insert_source(insert, &table, &places)?;
        self.level().items = vec![item];
        let conflict = match &insert.on {
            None => None,
            Some(ast::OnInsert::OnConflict(conflict)) => Some(self.on_conflict(conflict, &table)?),
            Some(_) => return Err(unsupported("ON DUPLICATE KEY", None)),
        };
        let returning = self.returning(insert.returning.as_deref())?;
        self.levels.pop();
        Ok(Insert { table, alias, source, first, row, conflict, target, returning })
    }

    /// The table a statement changes.
    pub(super) fn target_table(&mut self, name: &Name) -> Result<Arc<Table>> {
        match self.find_relation(name)? {
            catalog::Relation::Table(table) => Ok(table),
            catalog::Relation::Virtual(relation) => {
                let error = NameError::NotWritable { name: relation.name.to_owned() };
                Err(error.into())
            }
            catalog::Relation::Index { .. } => {
                let error = NameError::IsIndex { name: name.name.clone() };
                Err(Error::from(error).at(name.position))
            }
        }
    }

    /// The changed table as a relation, and its FROM item.
    pub(super) fn target_item(&mut self, table: &Arc<Table>, alias: String) -> (usize, Item) {
        let kind = RelationKind::Table(Arc::clone(table));
        let relation = self.add_relation(kind, alias.clone(), table_columns(table), false);
        let shown = table.columns.iter().enumerate().filter(|(_, column)| !column.dropped);
        let columns = shown.map(|(n, column)| ItemColumn {
            name: column.name.clone(),
            expr: self.column_of(relation, n, None),
        });
        let mut item = new_item(Some(alias.clone()), Some(relation), columns.collect());
        item.table_name = Some(table.name.clone());
        if alias == table.name {
            item.qualified = Some((table.schema_name.clone(), table.name.clone()));
        }
        (relation, item)
    }

    /// The columns INSERT names, by their places in the table.
    fn insert_columns(
        &mut self,
        table: &Table,
        names: &[ast::ObjectName],
    ) -> Result<Vec<(usize, Option<u32>)>> {
        if names.is_empty() {
            let all = table.columns.iter().enumerate().filter(|(_, column)| !column.dropped);
            return Ok(all.map(|(n, _)| (n, None)).collect());
        }
        let mut places = Vec::with_capacity(names.len());
        for name in names {
            let place = self.target_column(table, name)?;
            if places.iter().any(|(known, _)| *known == place.0) {
                let error =
                    NameError::DuplicateColumn { column: table.columns[place.0].name.clone() };
                return Err(Error::from(error).at(place.1));
            }
            places.push(place);
        }
        Ok(places)
    }

    /// A column of the changed table by name.
    pub(super) fn target_column(
        &self,
        table: &Table,
        name: &ast::ObjectName,
    ) -> Result<(usize, Option<u32>)> {
        let Some(ast::ObjectNamePart::Identifier(ident)) = name.0.first() else {
            return Err(unsupported("this column name", None));
        };
        let position = self.position(ident.span);
        let column = fold(ident);
        match table.column(&column) {
            Some(place) if name.0.len() == 1 => Ok((place, position)),
            Some(_) => Err(unsupported("assignment to a field of a column", position)),
            None => {
                let error = NameError::UndefinedTargetColumn { table: table.name.clone(), column };
                Err(Error::from(error).at(position))
            }
        }
    }

    /// The rows to insert, the id of their first column, and each table column's value over them.
    fn insert_source(
        &mut self,
        insert: &ast::Insert,
        table: &Table,
        places: &[(usize, Option<u32>)],
    ) -> Result<(Option<Query>, usize, Vec<Expr>)> {
        let Some(source) = &insert.source else {
            let row = self.default_row(table)?;
            return Ok((None, 0, row));
        };
        if let ast::SetExpr::Values(values) = source.body.as_ref()
            && is_plain(source)
        {
            let rows = self.insert_values(values, table, places)?;
            return Ok(self.source_of_rows(rows, table));
        }
        let mut query = self.query(source, false)?;
        check_width(query.columns.len(), places, |n| column_place(&query, n))?;
        for (n, (place, _)) in places.iter().enumerate().take(query.columns.len()) {
            if query.columns[n].ty == Type::UNKNOWN {
                self.coerce_column(&mut query, n, bare(table.columns[*place].ty))?;
            }
        }
        let first = self.meanings.len();
        for _ in &query.columns {
            self.new_id(Meaning::Computed);
        }
        let mut row = self.default_row_without(table, &places[..query.columns.len()])?;
        for (n, (place, _)) in places.iter().enumerate().take(query.columns.len()) {
            let position = column_place(&query, n);
            let kind = ExprKind::Column(first + n);
            let value = Expr { kind, ty: query.columns[n].ty, position };
            row[*place] = self.assign(value, &table.columns[*place])?;
        }
        Ok((Some(query), first, row))
    }

    /// Complete rows as a source, whose columns are the table's.
    fn source_of_rows(
        &mut self,
        rows: Vec<Vec<Expr>>,
        table: &Table,
    ) -> (Option<Query>, usize, Vec<Expr>) {
        let first = self.meanings.len();
        let mut columns = Vec::with_capacity(table.columns.len());
        let mut row = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            let id = self.new_id(Meaning::Computed);
            row.push(Expr { kind: ExprKind::Column(id), ty: column.ty, position: None });
            let name = column.name.clone();
            columns.push(QueryColumn { name, ty: column.ty, origin: None });
        }
        let query = Query {
            body: QueryBody::Values(rows),
            columns,
            order: Vec::new(),
            limit: None,
            offset: None,
            locks: Vec::new(),
        };
        (Some(query), first, row)
    }

    /// The rows of VALUES, each made complete with defaults.
    fn insert_values(
        &mut self,
        values: &ast::Values,
        table: &Table,
        places: &[(usize, Option<u32>)],
    ) -> Result<Vec<Vec<Expr>>> {
        if values.explicit_row || values.value_keyword {
            return Err(unsupported("this kind of VALUES", None));
        }
        let mut rows = Vec::with_capacity(values.rows.len());
        let width = values.rows.first().map_or(0, |row| row.content.len());
        let mut defaults: Option<Vec<Expr>> = None;
        for values in &values.rows {
            let values = &values.content;
            if values.len() != width {
                let position = values.first().and_then(|value| self.start(value));
                return Err(Error::from(QueryError::ValuesLength).at(position));
            }
            check_width(width, places, |n| self.start(&values[n]))?;
            let mut row = match &defaults {
                Some(defaults) => defaults.clone(),
                None if width == table.columns.len() => {
                    table.columns.iter().map(|_| placeholder()).collect()
                }
                None => {
                    let found = self.default_row_without(table, &places[..width])?;
                    defaults.insert(found).clone()
                }
            };
            for (value, (place, _)) in values.iter().zip(places) {
                let column = &table.columns[*place];
                row[*place] = if is_default(value) {
                    self.default_of(column)?
                } else {
                    let value = self.at_place(Place::Values, |analyzer| analyzer.expr(value))?;
                    self.assign(value, column)?
                };
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn default_row(&mut self, table: &Table) -> Result<Vec<Expr>> {
        self.default_row_without(table, &[])
    }

    /// The default of each column, but for those that get a value.
    fn default_row_without(
        &mut self,
        table: &Table,
        given: &[(usize, Option<u32>)],
    ) -> Result<Vec<Expr>> {
        let mut row = Vec::with_capacity(table.columns.len());
        for (n, column) in table.columns.iter().enumerate() {
            let is_given = given.iter().any(|(place, _)| *place == n);
            row.push(if is_given { placeholder() } else { self.default_of(column)? });
        }
        Ok(row)
    }

    /// A column's DEFAULT, or NULL.
    pub(super) fn default_of(&mut self, column: &catalog::Column) -> Result<Expr> {
        match &column.default {
            Some(sql) if !column.dropped => {
                super::default_value(sql, column, self.around.lookup, self.around.formats)
            }
            _ => {
                let kind = ExprKind::Constant(Datum::Null);
                Ok(Expr { kind, ty: column.ty, position: None })
            }
        }
    }

    /// Coerces a value to be stored in a column.
    pub(super) fn assign(&mut self, value: Expr, column: &catalog::Column) -> Result<Expr> {
        let (found, position) = (value.ty, value.position);
        match self.coerce(value, column.ty, CastContext::Assignment)? {
            Some(value) => Ok(value),
            None => {
                let error = TypeError::ColumnType {
                    column: column.name.clone(),
                    expected: types::name(bare(column.ty)),
                    found: types::name(bare(found)),
                };
                Err(Error::from(error).at(position))
            }
        }
    }

    fn on_conflict(
        &mut self,
        conflict: &ast::OnConflict,
        table: &Arc<Table>,
    ) -> Result<InsertConflict> {
        let ast::OnConflict { conflict_target, action } = conflict;
        let index = match conflict_target {
            None => None,
            Some(ast::ConflictTarget::Columns(idents)) => {
                let mut columns = Vec::with_capacity(idents.len());
                let first = idents.first().and_then(|ident| self.position(ident.span));
                let position = self.source.position_before("(", first);
                for ident in idents {
                    let column = fold(ident);
                    let place = table.column(&column).ok_or_else(|| {
                        let error = NameError::UndefinedColumn { table: None, column, hint: None };
                        Error::from(error).at(position)
                    })?;
                    columns.push(place);
                }
                Some(arbiter(table, &columns)?)
            }
            Some(ast::ConflictTarget::OnConstraint(name)) => {
                let name = object_name(name, self.source)?;
                Some(constraint_index(table, &name.name)?)
            }
        };
        let update = match action {
            ast::OnConflictAction::DoNothing => None,
            ast::OnConflictAction::DoUpdate(ast::DoUpdate { assignments, selection }) => {
                if index.is_none() {
                    let conflict = self.source.position_after("conflict", Some(1));
                    let position = self.source.position_before("on", conflict);
                    return Err(Error::from(QueryError::ConflictNeedsTarget).at(position));
                }
                let (excluded, item) = self.target_item(table, "excluded".to_owned());
                self.level().items.push(item);
                let assignments = self.assignments(assignments, table)?;
                let filter = match selection {
                    Some(selection) => Some(self.at_place(Place::OnConflict, |analyzer| {
                        let filter = analyzer.expr(selection)?;
                        analyzer.boolean(filter, "WHERE")
                    })?),
                    None => None,
                };
                self.level().items.pop();
                Some(ConflictUpdate { assignments, filter, excluded })
            }
        };
        Ok(InsertConflict { index, update })
    }
}

/// The unique index over exactly these columns.
fn arbiter(table: &Table, columns: &[usize]) -> Result<Oid> {
    let same_columns = |index: &&catalog::Index| {
        index.unique
            && index.columns.iter().all(|column| columns.contains(&column.column))
            && columns
                .iter()
                .all(|place| index.columns.iter().any(|column| column.column == *place))
    };
    let found = table.access_paths().find(same_columns);
    found.map(|index| index.oid).ok_or_else(|| QueryError::NoArbiter.into())
}

fn constraint_index(table: &Table, name: &str) -> Result<Oid> {
    let found = table.constraints.iter().find(|constraint| constraint.name == name);
    match found.map(|constraint| &constraint.kind) {
        Some(ConstraintKind::PrimaryKey { index } | ConstraintKind::Unique { index }) => Ok(*index),
        None => {
            let (table, constraint) = (table.name.clone(), name.to_owned());
            Err(NameError::UndefinedConstraint { table, constraint }.into())
        }
    }
}

/// Whether an expression is the word DEFAULT.
pub(super) fn is_default(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::Identifier(ident)
        if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}

fn is_plain(query: &ast::Query) -> bool {
    query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.locks.is_empty()
}

fn check_width(
    width: usize,
    places: &[(usize, Option<u32>)],
    value: impl Fn(usize) -> Option<u32>,
) -> Result<()> {
    if width > places.len() {
        return Err(Error::from(QueryError::TooManyValues).at(value(places.len())));
    }
    match places.get(width) {
        Some((_, position @ Some(_))) => Err(Error::from(QueryError::TooFewValues).at(*position)),
        _ => Ok(()),
    }
}

fn column_place(query: &Query, n: usize) -> Option<u32> {
    match &query.body {
        QueryBody::Select(select) => select.targets.get(n)?.position,
        QueryBody::Values(rows) => rows.first()?.get(n)?.position,
        QueryBody::SetOp { inputs, .. } => column_place(inputs.first()?, n),
    }
}

/// Refuses what sqlparser reads in an INSERT and PostgreSQL or Reckon does not have.
fn check_insert(insert: &ast::Insert) -> Result<&ast::ObjectName> {
    let ast::Insert {
        insert_token: _,
        optimizer_hints: _,
        or,
        ignore,
        into: _,
        table,
        table_alias: _,
        columns: _,
        overwrite,
        source: _,
        assignments,
        partitioned,
        after_columns,
        has_table_keyword,
        on: _,
        returning: _,
        output,
        replace_into,
        priority,
        insert_alias,
        settings,
        format_clause,
        multi_table_insert_type,
        multi_table_into_clauses,
        multi_table_when_clauses,
        multi_table_else_clause,
    } = insert;
    let foreign = or.is_some()
        || *ignore
        || *overwrite
        || !assignments.is_empty()
        || partitioned.is_some()
        || !after_columns.is_empty()
        || *has_table_keyword
        || output.is_some()
        || *replace_into
        || priority.is_some()
        || insert_alias.is_some()
        || settings.is_some()
        || format_clause.is_some()
        || multi_table_insert_type.is_some()
        || !multi_table_into_clauses.is_empty()
        || !multi_table_when_clauses.is_empty()
        || multi_table_else_clause.is_some();
    match table {
        ast::TableObject::TableName(name) if !foreign => Ok(name),
        _ => Err(unsupported("this form of INSERT", None)),
    }
}
