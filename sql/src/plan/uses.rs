//! How often each column is read, over the whole statement.
//!
//! A scan decodes what is read at least once. A condition that a probe decides exactly is read by
//! nobody any more, so its columns are taken off.

use crate::analyze::{
    Analysis, Body, From, Meaning, Query, QueryBody, Relation, RelationKind, Returning, Select,
    SublinkKind,
};
use crate::expr::{Expr, ExprKind};

/// Reads of each column id.
#[derive(Debug)]
pub(super) struct Uses(Vec<u32>);

impl Uses {
    pub(super) fn of(analysis: &Analysis) -> Uses {
        let mut uses = Uses(vec![0; analysis.meanings.len()]);
        uses.statement(analysis);
        uses
    }

    /// Whether anybody reads a column.
    pub(super) fn has(&self, id: usize) -> bool {
        self.0.get(id).is_some_and(|count| *count > 0)
    }

    /// Takes the columns of a condition off.
    pub(super) fn forget(&mut self, analysis: &Analysis, condition: &Expr) {
        self.expr(analysis, condition, &mut |count| *count = count.saturating_sub(1));
    }

    fn count(&mut self, analysis: &Analysis, expr: &Expr) {
        self.expr(analysis, expr, &mut |count| *count += 1);
    }

    fn expr(&mut self, analysis: &Analysis, expr: &Expr, change: &mut dyn FnMut(&mut u32)) {
        if let ExprKind::Column(id) = expr.kind
            && let Some(count) = self.0.get_mut(id)
        {
            change(count);
        }
        expr.each_child(&mut |child| self.expr(analysis, child, change));
    }

    fn all(&mut self, analysis: &Analysis, exprs: &[Expr]) {
        exprs.iter().for_each(|expr| self.count(analysis, expr));
    }

    fn statement(&mut self, analysis: &Analysis) {
        for relation in &analysis.relations {
            match &relation.kind {
                RelationKind::Table(_) | RelationKind::Virtual(_) => {}
                RelationKind::Subquery(query) => self.query(analysis, query),
                RelationKind::Function { args, .. } => self.all(analysis, args),
            }
        }
        for meaning in &analysis.meanings {
            if let Meaning::Sublink(sublink) = meaning {
                self.query(analysis, &sublink.query);
                if let SublinkKind::Compare { arg, .. } = &sublink.kind {
                    self.count(analysis, arg);
                }
            }
        }
        match &analysis.body {
            Body::Select(query) => self.query(analysis, query),
            Body::Insert(insert) => {
                insert.source.iter().for_each(|source| self.query(analysis, source));
                self.all(analysis, &insert.row);
                self.returning(analysis, insert.returning.as_ref());
            }
            Body::Update(update) => {
                self.from(analysis, &update.from);
                self.checked_twice(analysis, &update.conditions);
                update.assignments.iter().for_each(|(_, expr)| self.count(analysis, expr));
                self.returning(analysis, update.returning.as_ref());
            }
            Body::Delete(delete) => {
                self.from(analysis, &delete.from);
                self.checked_twice(analysis, &delete.conditions);
                self.returning(analysis, delete.returning.as_ref());
            }
        }
    }

    /// Conditions on rows that are locked: they are checked again on a row that changed, so a probe
    /// that decides them takes nothing off.
    fn checked_twice(&mut self, analysis: &Analysis, conditions: &[Expr]) {
        self.all(analysis, conditions);
        self.all(analysis, conditions);
    }

    fn returning(&mut self, analysis: &Analysis, returning: Option<&Returning>) {
        returning.iter().for_each(|returning| self.all(analysis, &returning.targets));
    }

    fn query(&mut self, analysis: &Analysis, query: &Query) {
        match &query.body {
            QueryBody::Select(select) => {
                self.select(analysis, select);
                if !query.locks.is_empty() {
                    self.all(analysis, &select.conditions);
                }
            }
            QueryBody::Values(rows) => rows.iter().for_each(|row| self.all(analysis, row)),
            QueryBody::SetOp { left, right, .. } => {
                self.query(analysis, left);
                self.query(analysis, right);
            }
        }
        query.limit.iter().chain(&query.offset).for_each(|expr| self.count(analysis, expr));
    }

    fn select(&mut self, analysis: &Analysis, select: &Select) {
        self.from(analysis, &select.from);
        self.all(analysis, &select.conditions);
        select.groups.iter().for_each(|(_, expr)| self.count(analysis, expr));
        for (_, aggregate) in &select.aggregates {
            aggregate.each_input(&mut |expr| self.count(analysis, expr));
        }
        self.all(analysis, &select.having);
        self.all(analysis, &select.targets);
    }

    fn from(&mut self, analysis: &Analysis, from: &From) {
        if let From::Join { left, right, on, .. } = from {
            self.from(analysis, left);
            self.from(analysis, right);
            self.all(analysis, on);
        }
    }
}

/// The relations that some query locks.
pub(super) fn locked_relations(analysis: &Analysis) -> Vec<usize> {
    let mut locked = Vec::new();
    let mut collect = |query: &Query| collect_locks(query, &mut locked);
    match &analysis.body {
        Body::Select(query) => collect(query),
        Body::Insert(insert) => insert.source.iter().for_each(&mut collect),
        Body::Update(_) | Body::Delete(_) => {}
    }
    for relation in &analysis.relations {
        if let RelationKind::Subquery(query) = &relation.kind {
            collect(query);
        }
    }
    for meaning in &analysis.meanings {
        if let Meaning::Sublink(sublink) = meaning {
            collect(&sublink.query);
        }
    }
    locked
}

fn collect_locks(query: &Query, locked: &mut Vec<usize>) {
    locked.extend(query.locks.iter().map(|lock| lock.relation));
    if let QueryBody::SetOp { left, right, .. } = &query.body {
        collect_locks(left, locked);
        collect_locks(right, locked);
    }
}

/// Visits every column that an expression needs, those that its subqueries take from outside
/// included.
pub(super) fn each_reference(analysis: &Analysis, expr: &Expr, visit: &mut dyn FnMut(usize)) {
    if let ExprKind::Column(id) = expr.kind {
        match analysis.meanings.get(id) {
            Some(Meaning::Sublink(sublink)) => {
                sublink.outer.iter().for_each(|outer| visit(outer.id));
                if let SublinkKind::Compare { arg, .. } = &sublink.kind {
                    each_reference(analysis, arg, visit);
                }
            }
            _ => visit(id),
        }
    }
    expr.each_child(&mut |child| each_reference(analysis, child, visit));
}

/// Visits every column that a query takes from outside.
pub(super) fn each_reference_of_query(
    analysis: &Analysis,
    query: &Query,
    visit: &mut dyn FnMut(usize),
) {
    let mut uses = Uses(vec![0; analysis.meanings.len()]);
    uses.query(analysis, query);
    let mut relations = Vec::new();
    inner_relations(query, &mut relations);
    let inside = |id: &usize| {
        relations.iter().any(|relation| {
            let Relation { first, columns, .. } = &analysis.relations[*relation];
            (*first..first + columns.len()).contains(id)
        })
    };
    let mut visit = |id: usize| {
        if !inside(&id) {
            visit(id);
        }
    };
    for relation in &relations {
        match &analysis.relations[*relation].kind {
            RelationKind::Table(_) | RelationKind::Virtual(_) => {}
            RelationKind::Subquery(query) => {
                each_reference_of_query(analysis, query, &mut visit);
            }
            RelationKind::Function { args, .. } => uses.all(analysis, args),
        }
    }
    for (id, count) in uses.0.iter().enumerate() {
        if *count > 0 {
            match &analysis.meanings[id] {
                Meaning::Sublink(sublink) => sublink.outer.iter().for_each(|outer| visit(outer.id)),
                _ => visit(id),
            }
        }
    }
}

fn inner_relations(query: &Query, relations: &mut Vec<usize>) {
    match &query.body {
        QueryBody::Select(select) => super::from::collect(&select.from, relations),
        QueryBody::Values(_) => {}
        QueryBody::SetOp { left, right, .. } => {
            inner_relations(left, relations);
            inner_relations(right, relations);
        }
    }
}
