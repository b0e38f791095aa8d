//! INSERT, UPDATE and DELETE.

use super::from::{Joined, Wishes};
use super::planner::{Planner, Rows, column, conjunction, is_bare, outputs, unnamed};
use super::{Conflict, Modify, Node, NodeKind, Operation, OutputColumn};
use crate::analyze::{
    ColumnId, Delete, From, Insert, InsertConflict, QueryBody, Returning, Update,
};
use crate::catalog::Table;
use crate::error::Result;
use crate::expr::{Expr, ExprKind};

/// A plan, and the columns it gives.
type Statement = (Node, Option<Vec<OutputColumn>>);

impl Planner<'_> {
    /// INSERT.
    pub(super) fn insert(&mut self, insert: &Insert) -> Result<Statement> {
        let input = self.insert_source(insert)?;
        let table = &insert.table;
        let target: Vec<ColumnId> = self.ids(insert.target).collect();
        let conflict = insert.conflict.as_ref();
        let conflict = conflict.map(|conflict| self.conflict(conflict, &target)).transpose()?;
        let returning = self.returning(insert.returning.as_ref(), &target, &[])?;
        let alias = insert.alias.clone();
        let operation = Operation::Insert { input, conflict };
        let modify = Modify { table: table.clone(), alias, operation, returning };
        Ok(statement(modify, insert.returning.as_ref()))
    }

    /// Complete rows of the table.
    fn insert_source(&mut self, insert: &Insert) -> Result<Node> {
        let output: Vec<OutputColumn> = insert.row.iter().map(|value| unnamed(value.ty)).collect();
        let result = |exprs: Vec<Expr>, output: Vec<OutputColumn>| Node {
            kind: NodeKind::Result { exprs, filter: None },
            output,
            rows: 1.0,
            cost: (0.0, 0.01),
        };
        let Some(source) = &insert.source else {
            return Ok(result(self.lower_all(&insert.row, &[])?, output));
        };
        if let QueryBody::Values(values) = &source.body
            && let [single] = values.as_slice()
            && is_bare(source)
        {
            // One row: its values go straight into the columns.
            let row = insert.row.iter().map(|value| substituted(value, insert.first, single));
            let row = row.collect::<Result<Vec<_>>>()?;
            return Ok(result(self.lower_all(&row, &[])?, output));
        }
        let mut rows = self.query(source)?;
        rows.ids = (insert.first..insert.first + rows.node.output.len()).collect();
        let exprs = self.lower_all(&insert.row, &rows.ids)?;
        let as_it_is = exprs.len() == rows.ids.len()
            && exprs.iter().enumerate().all(
                |(at, expr)| matches!(expr.kind, ExprKind::Column(position) if position == at),
            );
        if as_it_is {
            return Ok(Node { output, ..rows.node });
        }
        let (count, cost) = (rows.node.rows, rows.node.cost);
        let kind = NodeKind::Project { input: Box::new(rows.node), exprs };
        Ok(Node { kind, output, rows: count, cost })
    }

    fn conflict(&mut self, conflict: &InsertConflict, target: &[ColumnId]) -> Result<Conflict> {
        let Some(update) = &conflict.update else {
            return Ok(Conflict { index: conflict.index, update: None, filter: None });
        };
        let row: Vec<ColumnId> = target.iter().copied().chain(self.ids(update.excluded)).collect();
        let assignments = self.assignments(&update.assignments, &row)?;
        let filter = update.filter.as_ref().map(|filter| self.lower(filter, &row)).transpose()?;
        Ok(Conflict { index: conflict.index, update: Some(assignments), filter })
    }

    fn assignments(
        &mut self,
        assignments: &[(usize, Expr)],
        row: &[ColumnId],
    ) -> Result<Vec<(usize, Expr)>> {
        let lower = |(at, value): &(usize, Expr)| Ok((*at, self.lower(value, row)?));
        assignments.iter().map(lower).collect()
    }

    /// RETURNING sees the table's columns, then the input row behind the key.
    fn returning(
        &mut self,
        returning: Option<&Returning>,
        target: &[ColumnId],
        input: &[ColumnId],
    ) -> Result<Vec<Expr>> {
        let Some(returning) = returning else { return Ok(Vec::new()) };
        let row: Vec<ColumnId> = target.iter().chain(input).copied().collect();
        self.lower_all(&returning.targets, &row)
    }

    /// UPDATE.
    pub(super) fn update(&mut self, update: &Update) -> Result<Statement> {
        let found =
            self.written_rows(&update.table, update.target, &update.from, &update.conditions)?;
        let assignments = self.assignments(&update.assignments, &found.rows.ids)?;
        let target: Vec<ColumnId> = self.ids(update.target).collect();
        let returning = self.returning(update.returning.as_ref(), &target, &found.rows.ids)?;
        let alias = self.analysis.relations[update.target].alias.clone();
        let operation =
            Operation::Update { input: found.rows.node, assignments, recheck: found.recheck };
        let modify = Modify { table: update.table.clone(), alias, operation, returning };
        Ok(statement(modify, update.returning.as_ref()))
    }

    /// DELETE.
    pub(super) fn delete(&mut self, delete: &Delete) -> Result<Statement> {
        let found =
            self.written_rows(&delete.table, delete.target, &delete.from, &delete.conditions)?;
        let target: Vec<ColumnId> = self.ids(delete.target).collect();
        let returning = self.returning(delete.returning.as_ref(), &target, &found.rows.ids)?;
        let alias = self.analysis.relations[delete.target].alias.clone();
        let operation = Operation::Delete { input: found.rows.node, recheck: found.recheck };
        let modify = Modify { table: delete.table.clone(), alias, operation, returning };
        Ok(statement(modify, delete.returning.as_ref()))
    }

    /// The rows to write: all columns of the table, the row's key, then the rest of FROM.
    fn written_rows(
        &mut self,
        table: &Table,
        target: usize,
        from: &From,
        conditions: &[Expr],
    ) -> Result<Found> {
        let key = self.new_id();
        let wishes =
            Wishes { whole_row: Some((target, key)), checked_again: true, ..Wishes::default() };
        let Joined { rows, decided_by_key } = self.from(from, conditions.to_vec(), &wishes)?;
        let first = self.ids(target).start;
        let own: Vec<ColumnId> = (first..first + table.columns.len()).chain([key]).collect();
        let rest = rows.ids.iter().copied().filter(|id| !own.contains(id));
        let wanted: Vec<ColumnId> = own.iter().copied().chain(rest).collect();
        let rows = arranged(rows, wanted);
        // A row found by its key keeps it as long as it is that row, so what the key decided
        // needs no second look.
        let open = conditions
            .iter()
            .filter(|condition| !decided_by_key.iter().any(|decided| same(decided, condition)));
        let recheck = open.map(|condition| self.lower(condition, &rows.ids));
        let recheck = conjunction(recheck.collect::<Result<_>>()?);
        Ok(Found { rows, recheck })
    }
}

/// Rows to write and the condition to check again.
struct Found {
    rows: Rows,
    recheck: Option<Expr>,
}

/// The same rows with their columns in the wanted order.
fn arranged(rows: Rows, wanted: Vec<ColumnId>) -> Rows {
    if rows.ids == wanted {
        return rows;
    }
    let position = |id: &ColumnId| rows.ids.iter().position(|known| known == id);
    let positions: Vec<usize> = wanted.iter().filter_map(position).collect();
    let output: Vec<OutputColumn> =
        positions.iter().map(|at| rows.node.output[*at].clone()).collect();
    let exprs = positions.iter().map(|at| column(*at, rows.node.output[*at].ty)).collect();
    let (count, cost) = (rows.node.rows, rows.node.cost);
    let kind = NodeKind::Project { input: Box::new(rows.node), exprs };
    Rows::unordered(Node { kind, output, rows: count, cost }, wanted)
}

/// Whether two conditions of one statement are one: they stand in one place.
fn same(one: &Expr, other: &Expr) -> bool {
    one.position.is_some() && one.position == other.position
}

fn statement(modify: Modify, returning: Option<&Returning>) -> Statement {
    let columns = returning.map(|returning| outputs(&returning.columns));
    let rows = match &modify.operation {
        Operation::Insert { input, .. }
        | Operation::Update { input, .. }
        | Operation::Delete { input, .. } => input.rows,
    };
    let output = columns.clone().unwrap_or_default();
    let kind = NodeKind::ModifyTable(Box::new(modify));
    (Node { kind, output, rows, cost: (0.0, rows) }, columns)
}

/// A value with the columns `first..` replaced by the values of one row.
fn substituted(value: &Expr, first: ColumnId, row: &[Expr]) -> Result<Expr> {
    if let ExprKind::Column(id) = value.kind
        && let Some(replacement) = id.checked_sub(first).and_then(|at| row.get(at))
    {
        return Ok(replacement.clone());
    }
    value.map_children(&mut |child| substituted(child, first, row))
}
