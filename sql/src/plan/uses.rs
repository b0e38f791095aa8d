//! How often each column is read, over the whole statement.
//!
//! A scan decodes what is read at least once. A condition that a probe decides exactly is read by
//! nobody any more, so its columns are taken off.

use crate::analyze::{
    Analysis, Body, From, LockRequest, Meaning, Query, QueryBody, Relation, RelationKind,
    Returning, Select, SublinkKind,
};
use crate::expr::{Expr, ExprKind};
use crate::types::Type;

/// Reads of each column id.
#[derive(Clone, Debug)]
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
    pub(super) fn forget(&mut self, condition: &Expr) {
        self.expr(condition, &mut |count| *count = count.saturating_sub(1));
    }

    fn count(&mut self, expr: &Expr) {
        self.expr(expr, &mut |count| *count += 1);
    }

    fn expr(&mut self, expr: &Expr, change: &mut dyn FnMut(&mut u32)) {
        if let ExprKind::Column(id) = expr.kind
            && let Some(count) = self.0.get_mut(id)
        {
            change(count);
        }
        expr.each_child(&mut |child| self.expr(child, change));
    }

    fn all(&mut self, exprs: &[Expr]) {
        exprs.iter().for_each(|expr| self.count(expr));
    }

    fn statement(&mut self, analysis: &Analysis) {
        for relation in &analysis.relations {
            match &relation.kind {
                RelationKind::Table(_) | RelationKind::Virtual(_) => {}
                RelationKind::Subquery(query) => self.query(query),
                RelationKind::Function { args, .. } => self.all(args),
            }
        }
        for meaning in &analysis.meanings {
            if let Meaning::Sublink(sublink) = meaning {
                self.query(&sublink.query);
                if let SublinkKind::Compare { arg, .. } = &sublink.kind {
                    self.count(arg);
                }
            }
        }
        match &analysis.body {
            Body::Select(query) => self.query(query),
            Body::Insert(insert) => {
                insert.source.iter().for_each(|source| self.query(source));
                self.all(&insert.row);
                self.returning(insert.returning.as_ref());
            }
            Body::Update(update) => {
                self.from(&update.from);
                self.checked_twice(&update.conditions);
                update.assignments.iter().for_each(|(_, expr)| self.count(expr));
                self.returning(update.returning.as_ref());
            }
            Body::Delete(delete) => {
                self.from(&delete.from);
                self.checked_twice(&delete.conditions);
                self.returning(delete.returning.as_ref());
            }
        }
    }

    /// Conditions on rows that are locked: they are checked again on a row that changed, so a probe
    /// that decides them takes nothing off.
    fn checked_twice(&mut self, conditions: &[Expr]) {
        self.all(conditions);
        self.all(conditions);
    }

    fn returning(&mut self, returning: Option<&Returning>) {
        returning.iter().for_each(|returning| self.all(&returning.targets));
    }

    fn query(&mut self, query: &Query) {
        match &query.body {
            QueryBody::Select(select) => {
                self.select(select);
                if !query.locks.is_empty() {
                    self.all(&select.conditions);
                }
            }
            QueryBody::Values(rows) => rows.iter().for_each(|row| self.all(row)),
            QueryBody::SetOp { inputs, .. } => inputs.iter().for_each(|input| self.query(input)),
        }
        query.limit.iter().chain(&query.offset).for_each(|expr| self.count(expr));
    }

    fn select(&mut self, select: &Select) {
        self.from(&select.from);
        self.all(&select.conditions);
        select.groups.iter().for_each(|(_, expr)| self.count(expr));
        for (_, aggregate) in &select.aggregates {
            aggregate.each_input(&mut |expr| self.count(expr));
        }
        self.all(&select.having);
        self.all(&select.targets);
    }

    fn from(&mut self, from: &From) {
        if let From::Join { left, right, on, .. } = from {
            self.from(left);
            self.from(right);
            self.all(on);
        }
    }
}

/// What all queries lock, the outermost one first. An input of a set operation locks nothing.
pub(super) fn row_locks(analysis: &Analysis) -> Vec<&LockRequest> {
    let body = match &analysis.body {
        Body::Select(query) => Some(query),
        Body::Insert(insert) => insert.source.as_ref(),
        Body::Update(_) | Body::Delete(_) => None,
    };
    let relations = analysis.relations.iter().filter_map(|relation| match &relation.kind {
        RelationKind::Subquery(query) => Some(query),
        _ => None,
    });
    let sublinks = analysis.meanings.iter().filter_map(|meaning| match meaning {
        Meaning::Sublink(sublink) => Some(&sublink.query),
        _ => None,
    });
    body.into_iter().chain(relations).chain(sublinks).flat_map(|query| &query.locks).collect()
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
    uses.query(query);
    let mut relations = Vec::new();
    inner_relations(query, &mut relations);
    let inside = |id: &usize| {
        relations.iter().any(|relation| {
            let Relation { first, columns, present, .. } = &analysis.relations[*relation];
            (*first..first + columns.len()).contains(id) || *present == Some(*id)
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
            RelationKind::Function { args, .. } => uses.all(args),
        }
    }
    for (id, count) in uses.0.iter().enumerate() {
        if *count > 0 {
            let kind = ExprKind::Column(id);
            let column = Expr { kind, ty: Type::UNKNOWN, position: None };
            each_reference(analysis, &column, &mut visit);
        }
    }
}

fn inner_relations(query: &Query, relations: &mut Vec<usize>) {
    match &query.body {
        QueryBody::Select(select) => super::from::collect(&select.from, relations),
        QueryBody::Values(_) => {}
        QueryBody::SetOp { inputs, .. } => {
            inputs.iter().for_each(|input| inner_relations(input, relations));
        }
    }
}
