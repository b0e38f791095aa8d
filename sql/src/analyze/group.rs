//! GROUP BY, and what may stand in the select list of a grouped query.

use sqlparser::ast;

use super::Analyzer;
use super::analyzer::unsupported;
use super::equal::same;
use super::query::{ColumnId, Meaning, RelationKind, SublinkKind};
use super::row::bare_row;
use super::scope::id_of;
use super::select::{Target, placeholder};
use crate::error::{Error, NameError, QueryError, Result};
use crate::expr::{Aggregate, Expr, ExprKind, function};
use crate::types::{self, Type};

impl Analyzer<'_> {
    /// GROUP BY: the expressions and the ids of their values.
    pub(super) fn group_clause(
        &mut self,
        clause: &ast::GroupByExpr,
        targets: &mut Vec<Target>,
        visible: usize,
    ) -> Result<Vec<(ColumnId, Expr)>> {
        let items = match clause {
            ast::GroupByExpr::Expressions(items, modifiers) if modifiers.is_empty() => items,
            _ => return Err(unsupported("this kind of GROUP BY", None)),
        };
        let mut groups: Vec<(ColumnId, Expr)> = Vec::with_capacity(items.len());
        for item in items.iter().flat_map(group_items) {
            let position = self.start(item);
            if matches!(
                item,
                ast::Expr::GroupingSets(_) | ast::Expr::Cube(_) | ast::Expr::Rollup(_)
            ) {
                return Err(unsupported("GROUPING SETS", position));
            }
            let before = targets.len();
            let target = self.sort_target(item, "GROUP BY", targets, visible)?;
            let mut expr = targets[target].expr.clone();
            if targets.len() > before {
                targets.pop();
            }
            if expr.ty == Type::UNKNOWN {
                expr = self.resolve_unknown(expr)?;
            }
            self.refuse_aggregate(&expr)?;
            if function::comparison(expr.ty).is_none() {
                let type_name = types::name(expr.ty.with_modifier(-1));
                let error = NameError::NoComparison { what: "equality", type_name };
                return Err(Error::from(error).at(position));
            }
            if groups.iter().any(|(_, known)| same(known, &expr)) {
                continue;
            }
            let id = match id_of(&expr) {
                Some(id) => id,
                None => self.new_id(Meaning::Computed),
            };
            groups.push((id, expr));
        }
        Ok(groups)
    }

    /// GROUP BY 1 where the first column is an aggregate.
    fn refuse_aggregate(&mut self, expr: &Expr) -> Result<()> {
        let mut found = false;
        super::equal::columns(expr, &mut |id| {
            found |= self.levels.iter().any(|l| l.aggregates.iter().any(|(known, _)| *known == id));
        });
        if found {
            let error = QueryError::AggregateNotAllowed { place: "GROUP BY" };
            return Err(Error::from(error).at(expr.position));
        }
        Ok(())
    }

    /// Checks expressions above the grouping: they may use groups, aggregates, columns that
    /// the groups decide, and what belongs to queries around this one.
    pub(super) fn check_grouped<'e>(
        &mut self,
        groups: &mut Vec<(ColumnId, Expr)>,
        aggregates: &[(ColumnId, Aggregate)],
        exprs: impl Iterator<Item = &'e mut Expr>,
    ) -> Result<()> {
        for expr in exprs {
            self.check_grouped_expr(groups, aggregates, expr)?;
        }
        Ok(())
    }

    fn check_grouped_expr(
        &mut self,
        groups: &mut Vec<(ColumnId, Expr)>,
        aggregates: &[(ColumnId, Aggregate)],
        expr: &mut Expr,
    ) -> Result<()> {
        if let Some((id, _)) = groups.iter().find(|(_, group)| same(group, expr)) {
            expr.kind = ExprKind::Column(*id);
            return Ok(());
        }
        if let ExprKind::Column(id) = expr.kind {
            if aggregates.iter().any(|(known, _)| *known == id) {
                return Ok(());
            }
            if let Some(Meaning::Sublink(_)) = self.meanings.get(id) {
                return self.check_grouped_sublink(groups, aggregates, id);
            }
            return self.check_grouped_column(groups, id, expr.position, false);
        }
        let mut result = Ok(());
        expr.each_child_mut(&mut |child| {
            if result.is_ok() {
                result = self.check_grouped_expr(groups, aggregates, child);
            }
        });
        result
    }

    /// A column that is no group: an error unless the groups decide it or it is not ours.
    fn check_grouped_column(
        &mut self,
        groups: &mut Vec<(ColumnId, Expr)>,
        id: ColumnId,
        position: Option<u32>,
        in_subquery: bool,
    ) -> Result<()> {
        let Some(Meaning::Relation { relation: index } | Meaning::Present { relation: index }) =
            self.meanings.get(id)
        else {
            return Ok(());
        };
        let index = *index;
        let ours = self.levels.last().is_some_and(|level| {
            level.items.iter().any(|item| {
                item.relation == Some(index) || super::name::plain_ids(item).any(|own| own == id)
            })
        });
        if !ours || groups.iter().any(|(known, group)| *known == id && id_of(group) == Some(id)) {
            return Ok(());
        }
        let relation = &self.relations[index];
        if let RelationKind::Table(table) = &relation.kind
            && let Some(key) = table.primary_key()
            && key.columns.iter().all(|column| {
                let key_id = relation.first + column.column;
                groups.iter().any(|(_, group)| id_of(group) == Some(key_id))
            })
        {
            let expr = match relation.present {
                Some(present) if present == id => {
                    Expr { kind: ExprKind::Column(id), ty: Type::BOOL, position: None }
                }
                _ => self.column_of(index, id - relation.first, None),
            };
            groups.push((id, expr));
            return Ok(());
        }
        let column = id.checked_sub(relation.first).and_then(|n| relation.columns.get(n));
        let column = column.map_or("*", |column| column.name.as_str());
        let column = format!("{}.{column}", relation.alias);
        let error = if in_subquery {
            QueryError::UngroupedInSubquery { column }
        } else {
            QueryError::Ungrouped { column }
        };
        Err(Error::from(error).at(position))
    }

    fn check_grouped_sublink(
        &mut self,
        groups: &mut Vec<(ColumnId, Expr)>,
        aggregates: &[(ColumnId, Aggregate)],
        id: ColumnId,
    ) -> Result<()> {
        let Some(Meaning::Sublink(sublink)) = self.meanings.get_mut(id) else { return Ok(()) };
        let level = self.levels.len() - 1;
        let used: Vec<_> =
            sublink.outer.iter().filter(|used| used.level == level).copied().collect();
        let arg = match &mut sublink.kind {
            SublinkKind::Compare { arg, .. } => {
                Some(std::mem::replace(arg.as_mut(), placeholder()))
            }
            _ => None,
        };
        if let Some(mut checked) = arg {
            self.check_grouped_expr(groups, aggregates, &mut checked)?;
            if let Some(Meaning::Sublink(sublink)) = self.meanings.get_mut(id)
                && let SublinkKind::Compare { arg, .. } = &mut sublink.kind
            {
                **arg = checked;
            }
        }
        for reference in used {
            if aggregates.iter().any(|(known, _)| *known == reference.id) {
                continue;
            }
            self.check_grouped_column(groups, reference.id, reference.position, true)?;
        }
        Ok(())
    }
}

/// The items of `GROUP BY (a, (b, c))`; ROW(a, b) is one item.
fn group_items(item: &ast::Expr) -> Vec<&ast::Expr> {
    match bare_row(item) {
        ast::Expr::Tuple(items) => items.iter().flat_map(group_items).collect(),
        item => vec![item],
    }
}
