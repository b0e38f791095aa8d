//! The FROM clause: which condition goes where, and in which order relations are joined.
//!
//! Inner joins are taken apart into a list of *items*; an outer join is one item. Conditions go
//! down to the first place that has all of their columns. Items are joined greedily: the one with
//! the fewest rows first, then always the one that leaves the fewest rows.

use std::ops::Range;

use super::access::{Request, Scan};
use super::planner::{Planner, Rows, column, conjunction, unnamed};
use super::selectivity;
use super::uses::each_reference;
use super::{JoinKind, Node, NodeKind, OutputColumn};
use crate::analyze::{ColumnId, From, Relation, RelationKind};
use crate::error::Result;
use crate::expr::{Expr, ExprKind};
use crate::types::{Datum, Type};

/// Rows a function in FROM is taken to give.
const FUNCTION_ROWS: f64 = 1000.0;

/// What the rest of the query wants of the FROM clause.
#[derive(Default)]
pub(super) struct Wishes<'w> {
    /// A welcome order, if one relation alone can give it.
    pub(super) order: &'w [(ColumnId, bool, bool)],
    /// How many rows are wanted in that order, when not all of them.
    pub(super) limit: Option<f64>,
    /// Ids in the order the row should have, where that costs nothing.
    pub(super) preferred: &'w [ColumnId],
    /// Relations whose row keys are needed, with the ids of the keys.
    pub(super) row_keys: &'w [(usize, ColumnId)],
    /// The relation that is written: all of its columns, then the key.
    pub(super) whole_row: Option<(usize, ColumnId)>,
    /// Whether the conditions are checked again on newer versions of the rows.
    pub(super) checked_again: bool,
}

/// A part of FROM that is joined as one.
pub(super) struct Item<'f> {
    pub(super) part: Part<'f>,
    /// The relations in it.
    pub(super) relations: Vec<usize>,
    /// Conditions that need nothing else, or only what stands before it.
    pub(super) conditions: Vec<Expr>,
}

/// The kinds of [`Item`].
pub(super) enum Part<'f> {
    Relation(usize),
    Outer { kind: JoinKind, left: &'f From, right: &'f From, on: &'f [Expr] },
}

/// Joined rows, and the conditions that an equality of the written relation's primary key decided.
pub(super) struct Joined {
    pub(super) rows: Rows,
    pub(super) decided_by_key: Vec<Expr>,
}

impl Planner<'_> {
    /// The rows of a FROM clause that satisfy all conditions.
    pub(super) fn from(
        &mut self,
        from: &From,
        conditions: Vec<Expr>,
        wishes: &Wishes<'_>,
    ) -> Result<Joined> {
        let (mut items, mut conditions) = (Vec::new(), conditions);
        self.flatten(from, &mut items, &mut conditions);
        let semi_joins =
            if items.is_empty() { Vec::new() } else { self.take_semi_joins(&mut conditions) };
        let mut pending = Vec::new();
        for condition in conditions {
            match self.single_item(&items, &condition) {
                Some(at) => items[at].conditions.push(condition),
                None => pending.push(condition),
            }
        }
        let mut joined = match items.len() {
            0 => {
                let filter = pending.iter().map(|condition| self.lower(condition, &[]));
                let filter = conjunction(filter.collect::<Result<_>>()?);
                let kind = NodeKind::Result { exprs: Vec::new(), filter };
                let node = Node { kind, output: Vec::new(), rows: 1.0, cost: (0.0, 0.01) };
                let rows = Rows::unordered(node, Vec::new());
                Joined { rows, decided_by_key: Vec::new() }
            }
            1 => {
                let item = items.remove(0);
                let mut joined = self.item(&item, wishes)?;
                // What is left needs no column of it: constants and values handed in.
                let left = pending.iter().map(|condition| self.lower(condition, &joined.rows.ids));
                let left = conjunction(left.collect::<Result<_>>()?);
                joined.rows = joined.rows.filtered(left);
                joined
            }
            _ => self.join_items(items, pending, wishes)?,
        };
        joined.rows = self.join_semi(joined.rows, semi_joins)?;
        Ok(joined)
    }

    /// Takes inner joins apart.
    fn flatten<'f>(&self, from: &'f From, items: &mut Vec<Item<'f>>, conditions: &mut Vec<Expr>) {
        match from {
            From::Nothing => {}
            From::Relation(index) => items.push(Item {
                part: Part::Relation(*index),
                relations: vec![*index],
                conditions: Vec::new(),
            }),
            From::Join { kind: JoinKind::Inner, left, right, on } => {
                self.flatten(left, items, conditions);
                self.flatten(right, items, conditions);
                conditions.extend(on.iter().cloned());
            }
            From::Join { kind, left, right, on } => {
                let mut relations = Vec::new();
                collect(from, &mut relations);
                let part = Part::Outer { kind: *kind, left, right, on };
                items.push(Item { part, relations, conditions: Vec::new() });
            }
        }
    }

    /// The one item a condition is about; None: none, or several.
    fn single_item(&self, items: &[Item<'_>], condition: &Expr) -> Option<usize> {
        let mut found = None;
        let mut several = false;
        each_reference(self.analysis, condition, &mut |id| {
            if let Some(at) = items.iter().position(|item| self.has(&item.relations, id)) {
                several |= found.is_some_and(|known| known != at);
                found = Some(at);
            }
        });
        found.filter(|_| !several)
    }

    /// The ids of a relation's columns.
    pub(super) fn ids(&self, relation: usize) -> Range<ColumnId> {
        let Relation { first, columns, .. } = &self.analysis.relations[relation];
        *first..first + columns.len()
    }

    /// Whether an id is a column of one of the relations.
    pub(super) fn has(&self, relations: &[usize], id: ColumnId) -> bool {
        relations.iter().any(|relation| {
            let present = self.analysis.relations[*relation].present;
            self.ids(*relation).contains(&id) || present == Some(id)
        })
    }

    /// The rows of one item.
    pub(super) fn item(&mut self, item: &Item<'_>, wishes: &Wishes<'_>) -> Result<Joined> {
        match &item.part {
            Part::Relation(index) => self.relation(*index, item.conditions.clone(), wishes),
            Part::Outer { kind, left, right, on } => {
                let rows = self.outer_join(*kind, left, right, on, &item.conditions, wishes)?;
                Ok(Joined { rows, decided_by_key: Vec::new() })
            }
        }
    }

    /// The rows of one relation that satisfy the conditions, marked where somebody asks whether
    /// a join misses it.
    fn relation(
        &mut self,
        index: usize,
        conditions: Vec<Expr>,
        wishes: &Wishes<'_>,
    ) -> Result<Joined> {
        let Joined { rows, decided_by_key } = self.found(index, conditions, wishes)?;
        let present = self.analysis.relations[index].present.filter(|id| self.uses.has(*id));
        let rows = match present {
            Some(id) => marked(rows, id),
            None => rows,
        };
        Ok(Joined { rows, decided_by_key })
    }

    fn found(
        &mut self,
        index: usize,
        conditions: Vec<Expr>,
        wishes: &Wishes<'_>,
    ) -> Result<Joined> {
        let analysis = self.analysis;
        let relation = &analysis.relations[index];
        let ids: Vec<ColumnId> = self.ids(index).collect();
        let rows = match &relation.kind {
            RelationKind::Table(table) => {
                let key = wishes.row_keys.iter().find(|(relation, _)| *relation == index);
                let whole_row = wishes.whole_row.filter(|(relation, _)| *relation == index);
                let request = Request {
                    table,
                    relation,
                    conditions: conditions.clone(),
                    order: wishes.order,
                    limit: wishes.limit,
                    preferred: wishes.preferred,
                    whole_row: whole_row.map(|(_, id)| id),
                    row_key: key.map(|(_, id)| *id),
                    checked_again: wishes.checked_again,
                };
                let Scan { rows, decided_by_key } = self.scan(request)?;
                let decided = decided_by_key.into_iter().map(|at| conditions[at].clone());
                return Ok(Joined { rows, decided_by_key: decided.collect() });
            }
            RelationKind::Virtual(relation_) => {
                let filter = conditions.iter().map(|condition| self.lower(condition, &ids));
                let filter = conjunction(filter.collect::<Result<_>>()?);
                let (relation, alias) = (relation_.name, relation.alias.clone());
                let output = self.outputs_of(index);
                let kind = NodeKind::CatalogScan { relation, alias, filter };
                Rows::unordered(Node { kind, output, rows: 100.0, cost: (0.0, 10.0) }, ids)
            }
            RelationKind::Subquery(query) => {
                let mut rows = match &relation.with {
                    Some(with) => self.with_query(with, &relation.alias, query)?,
                    None => self.query(query)?,
                };
                rows.ids = ids;
                rows.order.clear();
                let filter = conditions.iter().map(|condition| self.lower(condition, &rows.ids));
                let filter = conjunction(filter.collect::<Result<_>>()?);
                rows.filtered(filter)
            }
            RelationKind::Function { function, args, ordinality, .. } => {
                let args = self.lower_all(args, &[])?;
                let filter = conditions.iter().map(|condition| self.lower(condition, &ids));
                let filter = conjunction(filter.collect::<Result<_>>()?);
                let share = filter.as_ref().map_or(1.0, selectivity::unknown);
                let (alias, ordinality) = (relation.alias.clone(), *ordinality);
                let kind = NodeKind::FunctionScan { function, args, alias, ordinality, filter };
                let output = self.outputs_of(index);
                let node = Node { kind, output, rows: FUNCTION_ROWS * share, cost: (0.0, 10.0) };
                Rows::unordered(node, ids)
            }
        };
        Ok(Joined { rows, decided_by_key: Vec::new() })
    }

    fn outputs_of(&self, index: usize) -> Vec<OutputColumn> {
        let columns = self.analysis.relations[index].columns.iter();
        let output =
            |name: &str, ty: Type| OutputColumn { name: name.to_owned(), ty, origin: None };
        columns.map(|column| output(&column.name, column.ty)).collect()
    }
}

/// The rows with a column more, which is true.
fn marked(rows: Rows, id: ColumnId) -> Rows {
    let Rows { node, mut ids, order } = rows;
    let columns = node.output.iter().enumerate();
    let mut exprs: Vec<Expr> = columns.map(|(at, shown)| column(at, shown.ty)).collect();
    let kind = ExprKind::Constant(Datum::Bool(true));
    exprs.push(Expr { kind, ty: Type::BOOL, position: None });
    let mut output = node.output.clone();
    output.push(unnamed(Type::BOOL));
    ids.push(id);
    let (rows, cost) = (node.rows, node.cost);
    let kind = NodeKind::Project { input: Box::new(node), exprs };
    Rows { node: Node { kind, output, rows, cost }, ids, order }
}

/// The relations of a FROM clause.
pub(super) fn collect(from: &From, relations: &mut Vec<usize>) {
    match from {
        From::Nothing => {}
        From::Relation(index) => relations.push(*index),
        From::Join { left, right, .. } => {
            collect(left, relations);
            collect(right, relations);
        }
    }
}
