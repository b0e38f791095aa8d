//! Which sides of joins a query may find missing, and outer joins that are inner ones after all.
//!
//! A condition that is strict in a column drops every row in which the column's relation is missing:
//!
//! ```text
//! FROM a LEFT JOIN b ON a.x = b.x WHERE b.y > 5     is     FROM a JOIN b ON a.x = b.x WHERE b.y > 5
//! ```
//!
//! FOR UPDATE needs to know: the rows of a side that may be missing cannot be locked.

use super::JoinKind;
use super::from::collect;
use super::planner::Planner;
use crate::analyze::{From, LockRequest, Meaning, QueryBody, Sublink, SublinkKind, lock_words};
use crate::error::{QueryError, Result};
use crate::expr::{Expr, ExprKind, Quantifier};

impl Planner<'_> {
    /// A FROM clause without the outer joins whose missing sides the conditions drop.
    pub(super) fn reduced(&self, from: &From, conditions: &[Expr]) -> From {
        self.reduced_below(from, &self.never_missing(conditions))
    }

    /// `present`: the relations without which a row is dropped further up.
    fn reduced_below(&self, from: &From, present: &[usize]) -> From {
        let From::Join { kind, left, right, on } = from else { return from.clone() };
        let is_present = |side: &From| {
            let mut relations = Vec::new();
            collect(side, &mut relations);
            relations.iter().any(|relation| present.contains(relation))
        };
        let kind = match (*kind, is_present(left), is_present(right)) {
            (JoinKind::Left, _, true) | (JoinKind::Right, true, _) => JoinKind::Inner,
            (JoinKind::Full, true, true) => JoinKind::Inner,
            (JoinKind::Full, true, false) => JoinKind::Left,
            (JoinKind::Full, false, true) => JoinKind::Right,
            (kind, _, _) => kind,
        };
        let here = self.never_missing(on);
        let both: Vec<usize> = present.iter().chain(&here).copied().collect();
        let (for_left, for_right): (&[usize], &[usize]) = match kind {
            JoinKind::Inner => (&both, &both),
            JoinKind::Left => (present, &here),
            JoinKind::Right => (&here, present),
            _ => (&[], &[]),
        };
        let left = Box::new(self.reduced_below(left, for_left));
        let right = Box::new(self.reduced_below(right, for_right));
        From::Join { kind, left, right, on: on.clone() }
    }

    /// Refuses locks on relations that may be missing.
    pub(super) fn check_nullable(&self, from: &From, locks: &[LockRequest]) -> Result<()> {
        let mut nullable = Vec::new();
        nullable_relations(from, &mut nullable);
        match locks.iter().find(|lock| nullable.contains(&lock.relation)) {
            Some(lock) => {
                let (clause, to) = (lock_words(lock.mode), "the nullable side of an outer join");
                Err(QueryError::LockNotApplicable { clause, to }.into())
            }
            None => Ok(()),
        }
    }

    /// Relations that cannot be missing where all of the conditions hold.
    fn never_missing(&self, conditions: &[Expr]) -> Vec<usize> {
        let strict = |condition: &Expr| match condition.kind {
            ExprKind::Column(id) => match self.analysis.meanings.get(id) {
                Some(Meaning::Sublink(sublink)) => self.strict_in_sublink(sublink),
                _ => self.strict_in(condition, true),
            },
            _ => self.strict_in(condition, true),
        };
        conditions.iter().flat_map(strict).collect()
    }

    /// Relations that make an expression NULL when they are missing; or, of a condition that must
    /// hold (`holds`), NULL or false.
    fn strict_in(&self, expr: &Expr, holds: bool) -> Vec<usize> {
        let all = |exprs: &[Expr], holds| {
            exprs.iter().flat_map(|expr| self.strict_in(expr, holds)).collect::<Vec<_>>()
        };
        match &expr.kind {
            ExprKind::Column(id) => match self.analysis.meanings.get(*id) {
                Some(Meaning::Sublink(_)) => Vec::new(),
                _ => (0..self.analysis.relations.len())
                    .filter(|relation| self.ids(*relation).contains(id))
                    .collect(),
            },
            ExprKind::Call { function, args } if function.strict => all(args, false),
            ExprKind::And(parts) if holds => all(parts, true),
            ExprKind::And(parts) | ExprKind::Or(parts) => self.strict_in_each(parts, holds),
            ExprKind::Not(arg) => match &arg.kind {
                ExprKind::IsNull(arg) if holds => self.strict_in(arg, false),
                ExprKind::IsNull(_) => Vec::new(),
                _ => self.strict_in(arg, false),
            },
            ExprKind::IsTruth(arg, Some(_)) if holds => self.strict_in(arg, false),
            ExprKind::Relabel(arg) => self.strict_in(arg, holds),
            ExprKind::CoerceViaText(arg) | ExprKind::Length { arg, .. } => {
                self.strict_in(arg, false)
            }
            ExprKind::InList { compare, arg, .. } if compare.strict => self.strict_in(arg, false),
            ExprKind::InArray { compare, arg, quantifier: Quantifier::Any, .. }
                if compare.strict && holds =>
            {
                self.strict_in(arg, false)
            }
            _ => Vec::new(),
        }
    }

    /// Relations that every one of the parts is strict in.
    fn strict_in_each(&self, parts: &[Expr], holds: bool) -> Vec<usize> {
        let mut parts = parts.iter().map(|part| self.strict_in(part, holds));
        let first = parts.next().unwrap_or_default();
        parts.fold(first, |mut common, part| {
            common.retain(|relation| part.contains(relation));
            common
        })
    }

    /// Of EXISTS and IN: relations of the queries around it without which it does not hold, as far as PostgreSQL makes
    /// joins of them.
    fn strict_in_sublink(&self, sublink: &Sublink) -> Vec<usize> {
        match (&sublink.kind, &sublink.query.body) {
            (SublinkKind::Exists, QueryBody::Select(select)) if !select.grouped => {
                self.never_missing(&select.conditions)
            }
            (SublinkKind::Compare { compare, arg, quantifier: Quantifier::Any }, _)
                if compare.strict && sublink.outer.is_empty() =>
            {
                self.strict_in(arg, false)
            }
            _ => Vec::new(),
        }
    }
}

fn nullable_relations(from: &From, nullable: &mut Vec<usize>) {
    let From::Join { kind, left, right, .. } = from else { return };
    let (left_may_miss, right_may_miss) = match kind {
        JoinKind::Left => (false, true),
        JoinKind::Right => (true, false),
        JoinKind::Full => (true, true),
        _ => (false, false),
    };
    for (side, may_miss) in [(left, left_may_miss), (right, right_may_miss)] {
        if may_miss {
            collect(side, nullable);
        } else {
            nullable_relations(side, nullable);
        }
    }
}
