//! Column and table names: which column is meant, and the hints when none is.

use sqlparser::ast::Ident;
use strsim::levenshtein;

use super::Analyzer;
use super::analyzer::unsupported;
use super::query::RelationKind;
use super::scope::{Item, ItemColumn, id_of};
use crate::error::{Error, NameError, Result};
use crate::expr::{CaseBranch, Expr, ExprKind};
use crate::parser::{Name, fold, identifier_of};
use crate::types::{Datum, Type};

/// Columns that every table of PostgreSQL has.
const SYSTEM_COLUMNS: [&str; 6] = ["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

/// How far a hint may be from what was written.
const DISTANCE_MAX: usize = 3;

impl Analyzer<'_> {
    /// A bare column name.
    pub(super) fn column(&mut self, ident: &Ident) -> Result<Expr> {
        let name = identifier_of(ident, self.source)?;
        let position = self.position(ident.span);
        for level in (0..self.levels.len()).rev() {
            if let Some(found) = self.column_in(level, &name).map_err(|e| e.at(position))? {
                return Ok(self.used(level, found, position));
            }
        }
        if let Some((level, item)) = self.find_table(None, &name) {
            self.check_reach(level, item, &name).map_err(|e| e.at(position))?;
            return Ok(self.whole_row(level, item, position));
        }
        if SYSTEM_COLUMNS.contains(&name.as_str())
            && self.levels.iter().any(|level| level.items.iter().any(|i| i.table_name.is_some()))
        {
            return Err(unsupported(format!("system column {name}"), position));
        }
        let hint = self.hint_for(None, &name);
        let error = NameError::UndefinedColumn { table: None, column: name, hint };
        Err(Error::from(error).at(position))
    }

    /// `table.*` as one value.
    pub(super) fn row_of_table(&mut self, name: &Name) -> Result<Expr> {
        let (level, item) = self.table_named(name)?;
        Ok(self.whole_row(level, item, name.position))
    }

    /// The columns of `table.*`.
    pub(super) fn columns_of_table(&mut self, name: &Name) -> Result<Vec<ItemColumn>> {
        let (level, item) = self.table_named(name)?;
        let columns = self.levels[level].items[item].columns.clone();
        let columns = columns.into_iter().map(|ItemColumn { name: column, expr }| ItemColumn {
            name: column,
            expr: self.used(level, expr, name.position),
        });
        Ok(columns.collect())
    }

    fn table_named(&self, name: &Name) -> Result<(usize, usize)> {
        let (schema, position) = (name.schema.as_deref(), name.position);
        let found = self.find_table(schema, &name.name);
        let (level, item) =
            found.ok_or_else(|| self.no_such_table(schema, &name.name).at(position))?;
        self.check_reach(level, item, &name.name).map_err(|e| e.at(position))?;
        Ok((level, item))
    }

    /// Whether a bare name means a table, as no column has it.
    pub(super) fn is_table(&self, ident: &Ident) -> bool {
        let name = fold(ident);
        let is_column = |level| !matches!(self.column_in(level, &name), Ok(None));
        !(0..self.levels.len()).any(is_column) && self.find_table(None, &name).is_some()
    }

    /// An item as one value: a row, or NULL where an outer join misses the item. That of a function
    /// is what it gives, without a row around it.
    fn whole_row(&mut self, level: usize, item: usize, position: Option<u32>) -> Expr {
        let item = &self.levels[level].items[item];
        let relation = item.relation.map(|relation| &self.relations[relation]);
        let present = relation.and_then(|relation| relation.present);
        let is_function = relation.is_some_and(|relation| {
            matches!(relation.kind, RelationKind::Function { ordinality: false, .. })
        });
        let columns = item.columns.clone();
        if let (true, [column]) = (is_function, columns.as_slice()) {
            return self.used(level, column.expr.clone(), position);
        }
        let columns = columns.into_iter().map(|column| self.used(level, column.expr, position));
        let of = |kind, ty| Expr { kind, ty, position };
        let row = of(ExprKind::Row(columns.collect()), Type::RECORD);
        let Some(present) = present else { return row };
        let present = self.used(level, of(ExprKind::Column(present), Type::BOOL), position);
        let condition = of(ExprKind::IsNull(Box::new(present)), Type::BOOL);
        let value = of(ExprKind::Constant(Datum::Null), Type::RECORD);
        let branches = vec![CaseBranch { condition, value }];
        of(ExprKind::Case { operand: None, branches, otherwise: Box::new(row) }, Type::RECORD)
    }

    /// `table.column` or `schema.table.column`.
    pub(super) fn qualified_column(&mut self, idents: &[Ident]) -> Result<Expr> {
        let position = idents.first().and_then(|ident| self.position(ident.span));
        let names: Vec<String> = idents.iter().map(fold).collect();
        let (schema, table, column) = match names.as_slice() {
            [table, column] => (None, table, column),
            [schema, table, column] => (Some(schema.as_str()), table, column),
            _ => {
                let name = names.join(".");
                let error = crate::error::SyntaxError::CrossDatabase { name };
                return Err(Error::from(error).at(position));
            }
        };
        let Some((level, item)) = self.find_table(schema, table) else {
            return Err(self.no_such_table(schema, table).at(position));
        };
        self.check_reach(level, item, table).map_err(|e| e.at(position))?;
        let mut matching =
            self.levels[level].items[item].columns.iter().filter(|c| c.name == *column);
        match (matching.next(), matching.next()) {
            (Some(found), None) => {
                let found = found.expr.clone();
                Ok(self.used(level, found, position))
            }
            (Some(_), Some(_)) => {
                let column = column.clone();
                Err(Error::from(NameError::AmbiguousColumn { column }).at(position))
            }
            (None, _) => {
                let hint = self.hint_for(Some(table), column);
                let table = Some(table.clone());
                let error = NameError::UndefinedColumn { table, column: column.clone(), hint };
                Err(Error::from(error).at(position))
            }
        }
    }

    /// The one column of a name that a level shows.
    fn column_in(&self, level: usize, name: &str) -> Result<Option<Expr>> {
        let mut found: Option<Expr> = None;
        for item in &self.levels[level].items {
            if !item.columns_visible || item.lateral_only {
                continue;
            }
            for column in item.columns.iter().filter(|column| column.name == name) {
                if item.lateral_refused {
                    let table = item.alias.clone().unwrap_or_default();
                    return Err(NameError::LateralJoin { table }.into());
                }
                if found.is_some() {
                    return Err(NameError::AmbiguousColumn { column: name.to_owned() }.into());
                }
                found = Some(column.expr.clone());
            }
        }
        Ok(found)
    }

    fn used(&mut self, level: usize, mut expr: Expr, position: Option<u32>) -> Expr {
        expr.position = position;
        let mut ids = Vec::new();
        super::equal::columns(&expr, &mut |id| ids.push(id));
        for id in ids {
            self.note_use(level, id, position);
        }
        expr
    }

    /// The level and item that a table name means, also when it is out of reach.
    pub(super) fn find_table(&self, schema: Option<&str>, table: &str) -> Option<(usize, usize)> {
        let is = |item: &Item| match schema {
            None => item.alias.as_deref() == Some(table),
            Some(schema) => item.qualified.as_ref().is_some_and(|(s, t)| s == schema && t == table),
        };
        let find = |reachable: bool| {
            (0..self.levels.len()).rev().find_map(|level| {
                let items = &self.levels[level].items;
                let index = items.iter().position(|item| {
                    item.table_visible && is(item) && !(reachable && item.lateral_only)
                })?;
                Some((level, index))
            })
        };
        find(true).or_else(|| find(false))
    }

    fn check_reach(&self, level: usize, item: usize, table: &str) -> Result<()> {
        let item = &self.levels[level].items[item];
        if item.lateral_only {
            return Err(self.out_of_reach(table).into());
        }
        if item.lateral_refused {
            return Err(NameError::LateralJoin { table: table.to_owned() }.into());
        }
        Ok(())
    }

    fn out_of_reach(&self, table: &str) -> NameError {
        let hint = format!(
            "There is an entry for table \"{table}\", but it cannot be referenced from this part \
             of the query."
        );
        NameError::InvalidFromEntry { table: table.to_owned(), hint }
    }

    /// The error for a table name that is not in FROM.
    pub(super) fn no_such_table(&self, schema: Option<&str>, table: &str) -> Error {
        if schema.is_some() && self.find_table(None, table).is_some() {
            return self.out_of_reach(table).into();
        }
        let items = || self.levels.iter().rev().flat_map(|level| &level.items);
        if schema.is_none()
            && let Some(item) = items().find(|item| item.table_name.as_deref() == Some(table))
            && let Some(alias) = &item.alias
        {
            let hint = if alias == table {
                return self.out_of_reach(table).into();
            } else {
                format!("Perhaps you meant to reference the table alias \"{alias}\".")
            };
            return NameError::InvalidFromEntry { table: table.to_owned(), hint }.into();
        }
        NameError::MissingFromEntry { table: table.to_owned() }.into()
    }

    /// PostgreSQL's guess of what a column name was meant to be.
    fn hint_for(&self, table: Option<&str>, name: &str) -> Option<String> {
        let hidden = self.levels.iter().rev().flat_map(|level| &level.items).find(|item| {
            item.lateral_only
                && table.is_none_or(|table| item.alias.as_deref() == Some(table))
                && item.columns.iter().any(|column| column.name == name)
        });
        if let Some(alias) = hidden.and_then(|item| item.alias.as_deref()) {
            return Some(format!(
                "There is a column named \"{name}\" in table \"{alias}\", but it cannot be \
                 referenced from this part of the query."
            ));
        }
        let mut guess = Guess::default();
        for item in self.levels.iter().rev().flat_map(|level| &level.items) {
            if item.relation.is_some() {
                guess.consider_item(item, table, name);
            }
        }
        guess.hint(name)
    }
}

/// The closest columns so far.
#[derive(Default)]
struct Guess {
    distance: Option<usize>,
    best: Vec<(String, String)>,
}

impl Guess {
    fn consider_item(&mut self, item: &Item, table: Option<&str>, name: &str) {
        let alias = item.alias.as_deref().unwrap_or_default();
        let penalty =
            table.map_or(0, |table| if alias == table { 0 } else { levenshtein(alias, table) });
        if penalty > DISTANCE_MAX {
            return;
        }
        for ItemColumn { name: candidate, .. } in &item.columns {
            let distance = levenshtein(candidate, name) + penalty;
            if distance > DISTANCE_MAX || self.distance.is_some_and(|best| distance > best) {
                continue;
            }
            if self.distance.is_none_or(|best| distance < best) {
                self.best.clear();
                self.distance = Some(distance);
            }
            self.best.push((alias.to_owned(), candidate.clone()));
        }
    }

    fn hint(&self, name: &str) -> Option<String> {
        if self.distance? > name.len() / 2 && self.distance? > 0 {
            return None;
        }
        match self.best.as_slice() {
            [(table, column)] => {
                Some(format!("Perhaps you meant to reference the column \"{table}.{column}\"."))
            }
            [(table, column), (other, second)] => Some(format!(
                "Perhaps you meant to reference the column \"{table}.{column}\" or the column \
                 \"{other}.{second}\"."
            )),
            _ => None,
        }
    }
}

/// The ids behind an item's columns that are plain columns.
pub(super) fn plain_ids(item: &Item) -> impl Iterator<Item = usize> {
    item.columns.iter().filter_map(|column| id_of(&column.expr))
}
