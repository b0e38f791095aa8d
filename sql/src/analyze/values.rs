//! VALUES.

use sqlparser::ast;

use super::Analyzer;
use super::analyzer::unsupported;
use super::query::{Query, QueryBody, QueryColumn};
use super::scope::Place;
use super::unify::{common_modifier, types_of};
use crate::error::{Error, QueryError, Result};
use crate::expr::Expr;
use crate::types::Type;

impl Analyzer<'_> {
    /// VALUES as a query; its columns are column1, column2...
    pub(super) fn values(&mut self, values: &ast::Values, resolve: bool) -> Result<Query> {
        let ast::Values { explicit_row, value_keyword, rows } = values;
        if *explicit_row || *value_keyword {
            return Err(unsupported("this kind of VALUES", None));
        }
        let mut table: Vec<Vec<Expr>> = Vec::with_capacity(rows.len());
        for row in rows {
            super::order::check_width(row.content.len())?;
            let row = self.values_row(&row.content)?;
            if let Some(first) = table.first()
                && first.len() != row.len()
            {
                let position = row.first().and_then(|expr| expr.position);
                return Err(Error::from(QueryError::ValuesLength).at(position));
            }
            table.push(row);
        }
        let width = table.first().map_or(0, Vec::len);
        let mut columns = Vec::with_capacity(width);
        for n in 0..width {
            let ty = self.unify_column(&mut table, n, resolve)?;
            let name = format!("column{}", n + 1);
            columns.push(QueryColumn { name, ty, origin: None });
        }
        Ok(Query {
            body: QueryBody::Values(table),
            columns,
            order: Vec::new(),
            limit: None,
            offset: None,
            locks: Vec::new(),
        })
    }

    /// One row of VALUES.
    pub(super) fn values_row(&mut self, row: &[ast::Expr]) -> Result<Vec<Expr>> {
        self.at_place(Place::Values, |analyzer| {
            row.iter().map(|expr| analyzer.expr(expr)).collect()
        })
    }

    /// Gives a column of VALUES its common type.
    fn unify_column(&mut self, table: &mut [Vec<Expr>], n: usize, resolve: bool) -> Result<Type> {
        let types = types_of(table.iter().map(|row| &row[n]));
        if !resolve && types.iter().all(|(ty, _)| *ty == Type::UNKNOWN) {
            return Ok(Type::UNKNOWN);
        }
        let ty = self.common_type_of(&types, "VALUES")?;
        let ty = ty.with_modifier(common_modifier(&types, ty));
        for row in table {
            let expr = std::mem::replace(&mut row[n], super::select::placeholder());
            row[n] = self.coerce_common(expr, ty, "VALUES")?;
        }
        Ok(ty)
    }
}
