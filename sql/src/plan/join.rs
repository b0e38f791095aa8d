//! Joining two inputs: by a table of one side's rows, by looking each row up, or by trying all
//! pairs.

use super::comparison::{Comparison, compared, hash_alike};
use super::from::{Item, Joined, Part, Wishes, collect};
use super::planner::{Planner, Rows, conjunction};
use super::uses::each_reference;
use super::{JoinKind, Node, NodeKind};
use crate::analyze::{ColumnId, From, RelationKind};
use crate::catalog::Table;
use crate::error::{ExecutionError, QueryError, Result};
use crate::expr::Expr;
use crate::expr::function::Function;

/// Rows up to which looking each left row up in an index beats reading the right side once.
const LOOKUP_ROWS: f64 = 10_000.0;

/// Cost of a lookup, of each row it finds, and of a row that is read and put into a hash table.
const LOOKUP_COST: f64 = 0.3;
const FOUND_COST: f64 = 0.04;
const READ_COST: f64 = 0.03;
/// A lookup needs no memory and gives its first row at once, so it may cost this much more.
const LOOKUPS_FAVOURED: f64 = 4.0;

impl Planner<'_> {
    /// Joins items, and applies each pending condition as soon as it can be.
    pub(super) fn join_items(
        &mut self,
        mut items: Vec<Item<'_>>,
        mut pending: Vec<Expr>,
        wishes: &Wishes<'_>,
    ) -> Result<Joined> {
        let wishes = Wishes { order: &[], preferred: &[], ..*wishes };
        let all: Vec<usize> = items.iter().flat_map(|item| item.relations.clone()).collect();
        let written = wishes.whole_row.map(|(relation, _)| relation);
        let start = self.first_item(&items, &all, written);
        let item = items.remove(start);
        let mut relations = item.relations.clone();
        let mut rows = self.item(&item, &wishes)?.rows;
        while !items.is_empty() {
            self.step()?;
            let next = self.next_item(&items, &all, &relations, &pending)?;
            let item = items.remove(next);
            relations.extend(&item.relations);
            let (here, later) =
                pending.into_iter().partition(|condition| self.needs_none_of(condition, &items));
            pending = later;
            rows = self.join(rows, item, here, JoinKind::Inner, &wishes)?;
        }
        let left = pending.iter().map(|condition| self.lower(condition, &rows.ids));
        let left = conjunction(left.collect::<Result<_>>()?);
        Ok(Joined { rows: rows.filtered(left), decided_by_key: Vec::new() })
    }

    /// The item to start with: one that depends on no other, with the most conditions; a written
    /// table comes before others of its kind.
    fn first_item(&self, items: &[Item<'_>], all: &[usize], written: Option<usize>) -> usize {
        let score = |item: &Item<'_>| {
            let lateral = !self.read_by(&item.relations, all).is_empty();
            let conditions = self.selectivity_of_all(&item.conditions);
            let written = written.is_some_and(|relation| item.relations.contains(&relation));
            (lateral, conditions, !written)
        };
        let mut best = 0;
        for at in 1..items.len() {
            let (one, other) = (score(&items[at]), score(&items[best]));
            if one.partial_cmp(&other) == Some(std::cmp::Ordering::Less) {
                best = at;
            }
        }
        best
    }

    /// The next item: one that a condition connects to what is joined, if any.
    fn next_item(
        &self,
        items: &[Item<'_>],
        all: &[usize],
        joined: &[usize],
        pending: &[Expr],
    ) -> Result<usize> {
        let ready = |item: &Item<'_>| {
            self.read_by(&item.relations, all).iter().all(|relation| joined.contains(relation))
        };
        let connected = |item: &Item<'_>| {
            pending.iter().any(|condition| {
                let (mut here, mut there) = (false, false);
                each_reference(self.analysis, condition, &mut |id| {
                    here |= self.has(&item.relations, id);
                    there |= self.has(joined, id);
                });
                here && there
            })
        };
        let found = items.iter().position(|item| ready(item) && connected(item));
        let found = found.or_else(|| items.iter().position(ready));
        found.ok_or_else(|| ExecutionError::Internal { what: "a join that cannot start" }.into())
    }

    /// Which of some relations the LATERAL ones among others read, themselves apart.
    fn read_by(&self, relations: &[usize], some: &[usize]) -> Vec<usize> {
        let mut ids: Vec<ColumnId> = Vec::new();
        for relation in relations {
            self.each_lateral_reference(*relation, &mut |id| ids.push(id));
        }
        let is_read = |other: &usize| {
            !relations.contains(other) && ids.iter().any(|id| self.has(&[*other], *id))
        };
        some.iter().copied().filter(is_read).collect()
    }

    /// Visits the columns from outside that a LATERAL relation reads.
    fn each_lateral_reference(&self, relation: usize, visit: &mut dyn FnMut(ColumnId)) {
        let analysis = self.analysis;
        if !analysis.relations[relation].lateral {
            return;
        }
        match &analysis.relations[relation].kind {
            RelationKind::Function { args, .. } => {
                args.iter().for_each(|arg| each_reference(analysis, arg, visit));
            }
            RelationKind::Subquery(query) => {
                super::uses::each_reference_of_query(analysis, query, visit);
            }
            RelationKind::Table(_) | RelationKind::Virtual(_) => {}
        }
    }

    /// Whether relations are LATERAL and read columns of these rows.
    fn reads(&self, relations: &[usize], rows: &Rows) -> bool {
        let mut reads = false;
        for relation in relations {
            self.each_lateral_reference(*relation, &mut |id| reads |= rows.ids.contains(&id));
        }
        reads
    }

    /// Whether a condition needs none of the items that are still to come.
    fn needs_none_of(&self, condition: &Expr, later: &[Item<'_>]) -> bool {
        let mut only = true;
        each_reference(self.analysis, condition, &mut |id| {
            only &= !later.iter().any(|item| self.has(&item.relations, id));
        });
        only
    }

    /// Joins an item to rows.
    fn join(
        &mut self,
        left: Rows,
        item: Item<'_>,
        conditions: Vec<Expr>,
        kind: JoinKind,
        wishes: &Wishes<'_>,
    ) -> Result<Rows> {
        let lateral = self.reads(&item.relations, &left);
        if lateral || self.is_lookup(&left, &item, &conditions) {
            let item = Item { conditions: [item.conditions, conditions].concat(), ..item };
            return self.lookup_join(left, kind, |planner| planner.item(&item, wishes));
        }
        let right = self.item(&item, wishes)?.rows;
        self.join_rows(left, right, conditions, kind)
    }

    /// Whether an index of the item's table finds the rows for a left row.
    fn is_lookup(&self, left: &Rows, item: &Item<'_>, conditions: &[Expr]) -> bool {
        let Part::Relation(index) = item.part else { return false };
        let relation = &self.analysis.relations[index];
        let RelationKind::Table(table) = &relation.kind else { return false };
        left.node.rows <= LOOKUP_ROWS
            && leading_columns(table).any(|column| {
                let id = relation.first + column;
                conditions.iter().any(|condition| fixes(condition, id))
                    && self.lookups_pay(left.node.rows, table, id)
            })
    }

    /// Whether finding rows by a column for each left row is not clearly worse than reading the
    /// table once: where ANALYZE has looked.
    fn lookups_pay(&self, left: f64, table: &Table, id: ColumnId) -> bool {
        let Some(column) = self.facts(id).filter(|_| self.is_telling(table)) else { return true };
        let found = column.rows * column.statistics.equal_to_any(column.rows);
        left * (LOOKUP_COST + found * FOUND_COST) <= LOOKUPS_FAVOURED * column.rows * READ_COST
            || left <= 1.0
    }

    /// For each left row the right side is started with its values.
    fn lookup_join(
        &mut self,
        left: Rows,
        kind: JoinKind,
        right: impl FnOnce(&mut Self) -> Result<Joined>,
    ) -> Result<Rows> {
        let (right, frame) = self.framed(right)?;
        let outer = self.hand_over(&frame, &left.ids)?;
        let right = right.rows;
        let rows = (left.node.rows * right.node.rows).max(1.0);
        let cost = (left.node.cost.0, left.node.cost.1 + left.node.rows * right.node.cost.1);
        let ids = joined_ids(&left, &right, kind);
        let output = joined_output(&left, &right, kind);
        let order = left.order;
        let (left, right) = (Box::new(left.node), Box::new(right.node));
        let kind = NodeKind::NestedLoop { left, right, kind, outer, condition: None };
        Ok(Rows { node: Node { kind, output, rows, cost }, ids, order })
    }

    /// Joins two inputs that know nothing of each other.
    pub(super) fn join_rows(
        &mut self,
        left: Rows,
        right: Rows,
        conditions: Vec<Expr>,
        kind: JoinKind,
    ) -> Result<Rows> {
        let share = self.selectivity_of_all(&conditions);
        let rows = (left.node.rows * right.node.rows * share).max(1.0);
        let (mut keys, mut rest) = (Vec::new(), Vec::new());
        for condition in conditions {
            match self.hash_key(&condition, &left, &right)? {
                Some(key) => keys.push(key),
                None => rest.push(condition),
            }
        }
        if keys.is_empty() && kind == JoinKind::Right {
            // All pairs are tried from the preserved side; ids, not positions, name the columns.
            return self.join_rows(right, left, rest, JoinKind::Left);
        }
        if keys.is_empty() && kind == JoinKind::Full {
            return Err(QueryError::FullJoinCondition.into());
        }
        let both: Vec<ColumnId> = left.ids.iter().chain(&right.ids).copied().collect();
        let condition = rest.iter().map(|condition| self.lower(condition, &both));
        let condition = conjunction(condition.collect::<Result<_>>()?);
        let ids = joined_ids(&left, &right, kind);
        let output = joined_output(&left, &right, kind);
        let reads = left.node.cost.1 + right.node.cost.1;
        let (left_rows, right_rows) = (left.node.rows, right.node.rows);
        let (left, right) = (Box::new(left.node), Box::new(right.node));
        let (node, cost) = if keys.is_empty() {
            let output = right.output.clone();
            let (rows, cost) = (right.rows, right.cost);
            let right = Node { kind: NodeKind::Materialize(right), output, rows, cost };
            let (right, outer) = (Box::new(right), Vec::new());
            let node = NodeKind::NestedLoop { left, right, kind, outer, condition };
            (node, (0.0, reads + left_rows * right_rows * 0.0025))
        } else {
            let cost = (reads, reads + (left_rows + right_rows) * 0.02);
            (NodeKind::HashJoin { left, right, kind, keys, condition }, cost)
        };
        Ok(Rows::unordered(Node { kind: node, output, rows, cost }, ids))
    }

    /// An equality with one side in each input.
    fn hash_key(
        &mut self,
        condition: &Expr,
        left: &Rows,
        right: &Rows,
    ) -> Result<Option<(Expr, Expr, &'static Function)>> {
        let Some((function, Comparison::Equal, one, other)) = compared(condition) else {
            return Ok(None);
        };
        if !hash_alike(one.ty, other.ty) {
            return Ok(None);
        }
        let (one, other) = if self.over(one, left, right) && self.over(other, right, left) {
            (one, other)
        } else if self.over(other, left, right) && self.over(one, right, left) {
            (other, one)
        } else {
            return Ok(None);
        };
        Ok(Some((self.lower(one, &left.ids)?, self.lower(other, &right.ids)?, function)))
    }

    /// Whether an expression reads columns of `this` and none of `that`.
    fn over(&self, expr: &Expr, this: &Rows, that: &Rows) -> bool {
        let (mut here, mut there) = (false, false);
        each_reference(self.analysis, expr, &mut |id| {
            here |= this.ids.contains(&id);
            there |= that.ids.contains(&id);
        });
        here && !there
    }

    /// LEFT, RIGHT and FULL JOIN. Of the WHERE conditions on it those on a preserved side go down;
    /// of its ON those on a nullable side.
    pub(super) fn outer_join(
        &mut self,
        kind: JoinKind,
        left: &From,
        right: &From,
        on: &[Expr],
        conditions: &[Expr],
        wishes: &Wishes<'_>,
    ) -> Result<Rows> {
        self.step()?;
        let (mut left_relations, mut right_relations) = (Vec::new(), Vec::new());
        collect(left, &mut left_relations);
        collect(right, &mut right_relations);
        let side = |planner: &Self, condition: &Expr, here: &[usize], there: &[usize]| {
            let (mut some, mut others) = (false, false);
            each_reference(planner.analysis, condition, &mut |id| {
                some |= planner.has(here, id);
                others |= planner.has(there, id);
            });
            some && !others
        };
        let (keeps_left, keeps_right) =
            (matches!(kind, JoinKind::Left), matches!(kind, JoinKind::Right));
        let (mut left_conditions, mut right_conditions) = (Vec::new(), Vec::new());
        let (mut above, mut at_join) = (Vec::new(), Vec::new());
        for condition in conditions {
            if keeps_left && side(self, condition, &left_relations, &right_relations) {
                left_conditions.push(condition.clone());
            } else if keeps_right && side(self, condition, &right_relations, &left_relations) {
                right_conditions.push(condition.clone());
            } else {
                above.push(condition.clone());
            }
        }
        for condition in on {
            if keeps_left && side(self, condition, &right_relations, &left_relations) {
                right_conditions.push(condition.clone());
            } else if keeps_right && side(self, condition, &left_relations, &right_relations) {
                left_conditions.push(condition.clone());
            } else {
                at_join.push(condition.clone());
            }
        }
        let wishes = Wishes { order: &[], preferred: &[], ..*wishes };
        let left = self.from(left, left_conditions, &wishes)?.rows;
        let rows = match right {
            From::Relation(index) => {
                let part = Part::Relation(*index);
                let relations = vec![*index];
                let item = Item { part, relations, conditions: right_conditions };
                if kind == JoinKind::Left {
                    self.join(left, item, at_join, kind, &wishes)?
                } else {
                    let right = self.item(&item, &wishes)?.rows;
                    self.join_rows(left, right, at_join, kind)?
                }
            }
            right if kind == JoinKind::Left && self.reads(&right_relations, &left) => {
                let conditions = [right_conditions, at_join].concat();
                self.lookup_join(left, kind, |planner| planner.from(right, conditions, &wishes))?
            }
            right => {
                let right = self.from(right, right_conditions, &wishes)?.rows;
                self.join_rows(left, right, at_join, kind)?
            }
        };
        let above = above.iter().map(|condition| self.lower(condition, &rows.ids));
        let above = conjunction(above.collect::<Result<_>>()?);
        Ok(rows.filtered(above))
    }
}

/// The first column of each index.
fn leading_columns(table: &Table) -> impl Iterator<Item = usize> {
    table.access_paths().filter_map(|index| index.columns.first()).map(|column| column.column)
}

/// Whether a condition is an equality with a bare column.
fn fixes(condition: &Expr, id: ColumnId) -> bool {
    let is = |expr: &Expr| matches!(expr.kind, crate::expr::ExprKind::Column(known) if known == id);
    match compared(condition) {
        Some((_, Comparison::Equal, left, right)) => {
            (is(left) && super::comparison::as_type(right, left.ty).is_some())
                || (is(right) && super::comparison::as_type(left, right.ty).is_some())
        }
        _ => false,
    }
}

fn joined_ids(left: &Rows, right: &Rows, kind: JoinKind) -> Vec<ColumnId> {
    match kind {
        JoinKind::Semi | JoinKind::Anti => left.ids.clone(),
        _ => left.ids.iter().chain(&right.ids).copied().collect(),
    }
}

fn joined_output(left: &Rows, right: &Rows, kind: JoinKind) -> Vec<super::OutputColumn> {
    match kind {
        JoinKind::Semi | JoinKind::Anti => left.node.output.clone(),
        _ => left.node.output.iter().chain(&right.node.output).cloned().collect(),
    }
}
