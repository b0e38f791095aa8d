//! EXISTS and NOT EXISTS as joins: where the subquery would otherwise be read once for each row.
//!
//! ```text
//! ... WHERE EXISTS (SELECT FROM u WHERE u.a = t.a AND u.b > 5)
//!
//! Hash Semi Join  (t.a = u.a)
//!   ->  Seq Scan on t
//!   ->  Hash ─ Seq Scan on u, Filter: (b > 5)
//! ```
//!
//! A subquery that an index answers stays a subplan: it is looked up, and stops at the first row.

use super::JoinKind;
use super::comparison::{Comparison, as_type, compared, hash_alike};
use super::from::{Wishes, collect};
use super::planner::{Planner, Rows};
use super::uses::each_reference;
use crate::analyze::{From, Meaning, QueryBody, RelationKind, Select, SublinkKind};
use crate::error::Result;
use crate::expr::{Expr, ExprKind};

/// An EXISTS that becomes a join.
pub(super) struct SemiJoin<'q> {
    kind: JoinKind,
    select: &'q Select,
    /// Conditions over the subquery's relations alone.
    inside: Vec<Expr>,
    /// Conditions over both sides, an equality among them.
    across: Vec<Expr>,
}

impl<'a> Planner<'a> {
    /// Takes the conditions out that are better joins.
    pub(super) fn take_semi_joins(&self, conditions: &mut Vec<Expr>) -> Vec<SemiJoin<'a>> {
        let mut found = Vec::new();
        conditions.retain(|condition| match self.semi_join(condition) {
            Some(join) => {
                found.push(join);
                false
            }
            None => true,
        });
        found
    }

    /// Joins rows with the subqueries.
    pub(super) fn join_semi(&mut self, mut rows: Rows, joins: Vec<SemiJoin<'a>>) -> Result<Rows> {
        for SemiJoin { kind, select, inside, across } in joins {
            let wishes = Wishes::default();
            let inner = self.apart(|planner| planner.from(&select.from, inside, &wishes))?.rows;
            rows = self.join_rows(rows, inner, across, kind)?;
        }
        Ok(rows)
    }

    fn semi_join(&self, condition: &Expr) -> Option<SemiJoin<'a>> {
        let (kind, id) = match &condition.kind {
            ExprKind::Column(id) => (JoinKind::Semi, *id),
            ExprKind::Not(arg) => match arg.kind {
                ExprKind::Column(id) => (JoinKind::Anti, id),
                _ => return None,
            },
            _ => return None,
        };
        let Some(Meaning::Sublink(sublink)) = self.analysis.meanings.get(id) else { return None };
        let SublinkKind::Exists = sublink.kind else { return None };
        let query = &sublink.query;
        let QueryBody::Select(select) = &query.body else { return None };
        let plain = !select.grouped
            && !select.returns_sets
            && query.limit.is_none()
            && query.offset.is_none()
            && query.locks.is_empty();
        if !plain || !self.is_closed(&select.from) {
            return None;
        }
        let mut relations = Vec::new();
        collect(&select.from, &mut relations);
        let (inside, across): (Vec<Expr>, Vec<Expr>) =
            select.conditions.iter().cloned().partition(|condition| {
                let mut only = true;
                each_reference(self.analysis, condition, &mut |id| {
                    only &= self.has(&relations, id);
                });
                only
            });
        let joins = across.iter().any(|condition| self.joins(condition, &relations));
        let looked_up = across.iter().any(|condition| self.looks_up(condition, &select.from));
        (joins && !looked_up).then_some(SemiJoin { kind, select, inside, across })
    }

    /// Whether a FROM clause has plain tables only and reads nothing from outside.
    fn is_closed(&self, from: &From) -> bool {
        match from {
            From::Nothing => false,
            From::Relation(index) => matches!(
                self.analysis.relations[*index].kind,
                RelationKind::Table(_) | RelationKind::Virtual(_)
            ),
            From::Join { left, right, on, .. } => {
                let mut relations = Vec::new();
                collect(from, &mut relations);
                let mut only = true;
                for condition in on {
                    each_reference(self.analysis, condition, &mut |id| {
                        only &= self.has(&relations, id);
                    });
                }
                only && self.is_closed(left) && self.is_closed(right)
            }
        }
    }

    /// Whether a condition is an equality of something inside with something outside.
    fn joins(&self, condition: &Expr, relations: &[usize]) -> bool {
        let Some((_, Comparison::Equal, left, right)) = compared(condition) else { return false };
        let side = |expr: &Expr| {
            let (mut inside, mut outside) = (false, false);
            each_reference(self.analysis, expr, &mut |id| {
                if self.has(relations, id) {
                    inside = true;
                } else {
                    outside = true;
                }
            });
            (inside, outside)
        };
        hash_alike(left.ty, right.ty)
            && matches!(
                (side(left), side(right)),
                ((true, false), (false, true)) | ((false, true), (true, false))
            )
    }

    /// Whether an index of the subquery's one table answers an equality.
    fn looks_up(&self, condition: &Expr, from: &From) -> bool {
        let From::Relation(index) = from else { return false };
        let relation = &self.analysis.relations[*index];
        let RelationKind::Table(table) = &relation.kind else { return false };
        let Some((_, Comparison::Equal, left, right)) = compared(condition) else { return false };
        let mut leading = table.access_paths().filter_map(|index| index.columns.first());
        leading.any(|column| {
            let id = relation.first + column.column;
            let is = |expr: &Expr| matches!(expr.kind, ExprKind::Column(known) if known == id);
            is(left) && as_type(right, left.ty).is_some()
                || is(right) && as_type(left, right.ty).is_some()
        })
    }
}
