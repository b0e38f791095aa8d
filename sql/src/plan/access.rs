//! How a table is read: as a whole, or by one of its indexes.

use std::sync::Arc;

use reckon_mvcc::Direction;

use super::comparison::{Comparison, as_type, compared, narrowed, same_representation};
use super::fold;
use super::planner::{Planner, Rows, conjunction, no_rows, unnamed};
use super::statistics::table_rows;
use super::uses::each_reference;
use super::{Bound, IndexProbe, Node, NodeKind, OutputColumn};
use crate::analyze::{Analysis, ColumnId, Relation};
use crate::catalog::{Index, Table};
use crate::error::Result;
use crate::exec::entry_carries;
use crate::expr::{Expr, ExprKind};
use crate::types::Type;

/// Cost of decoding a row, and of finding one by key, in PostgreSQL's unit (a page read is 1).
const ROW_COST: f64 = 0.01;
const PROBE_COST: f64 = 0.3;

/// What is asked of a table.
#[derive(Clone)]
pub(super) struct Request<'r> {
    pub(super) table: &'r Arc<Table>,
    pub(super) relation: &'r Relation,
    /// Conditions over this table and what is handed in, to be applied here.
    pub(super) conditions: Vec<Expr>,
    /// An order that would be welcome: (id, DESC, NULLS FIRST).
    pub(super) order: &'r [(ColumnId, bool, bool)],
    /// How many rows are wanted in that order, when not all of them.
    pub(super) limit: Option<f64>,
    /// Ids in the order the row should have, as far as they are this table's.
    pub(super) preferred: &'r [ColumnId],
    /// Every column and the row's key, for writing: the id of the key.
    pub(super) whole_row: Option<ColumnId>,
    /// The row's key too, for locking.
    pub(super) row_key: Option<ColumnId>,
    /// Whether the conditions are checked again above, so that their columns are read there.
    pub(super) checked_again: bool,
}

/// An index and the conditions it decides.
pub(super) struct Path<'t> {
    index: &'t Index,
    probe: IndexProbe,
    /// Positions in the request's conditions.
    decided: Vec<usize>,
    rows: f64,
    /// Whether the index gives the wanted order, and read in which direction.
    ordered: Option<Direction>,
    /// Whether equalities of all columns of the primary key found it.
    by_primary_key: bool,
    /// Whether the entries carry everything that is asked.
    only: bool,
}

/// A scan, and which of the request's conditions the primary key's equality decided.
pub(super) struct Scan {
    pub(super) rows: Rows,
    pub(super) decided_by_key: Vec<usize>,
}

impl Planner<'_> {
    /// The scan of a table.
    pub(super) fn scan(&mut self, request: Request<'_>) -> Result<Scan> {
        let total = table_rows(self.statistics, request.table);
        let best = self.best_path(&request);
        let cost = best.as_ref().map_or(total * ROW_COST, Path::cost);
        if let Some(scan) = self.list_probe(&request, cost)? {
            return Ok(scan);
        }
        let decided = best.as_ref().map_or(&[][..], |path| &path.decided);
        if !request.checked_again {
            for at in decided {
                self.uses.forget(&request.conditions[*at]);
            }
        }
        let kept = request.conditions.iter().enumerate().filter(|(at, _)| !decided.contains(at));
        let kept: Vec<Expr> = kept.map(|(_, condition)| condition.clone()).collect();
        let (columns, mut ids) = self.scanned(&request);
        let row_key = request.whole_row.or(request.row_key);
        ids.extend(row_key);
        let output = output(request.relation, request.table, &columns, row_key.is_some());
        let share = self.selectivity_of_all(&kept);
        let filter = kept.iter().map(|condition| self.lower(condition, &ids));
        let filter = conjunction(filter.collect::<Result<_>>()?);
        if let Some(filter) = filter.as_ref().filter(|filter| fold::is_never(filter)) {
            let rows = Rows::unordered(no_rows(output, filter.clone()), ids);
            return Ok(Scan { rows, decided_by_key: Vec::new() });
        }
        let alias = request.relation.alias.clone();
        let table = Arc::clone(request.table);
        let row_key = row_key.is_some();
        let Some(path) = best else {
            let kind = NodeKind::SeqScan { table, alias, columns, row_key, filter };
            let node = Node {
                kind,
                output,
                rows: (total * share).max(1.0),
                cost: (0.0, total * ROW_COST),
            };
            return Ok(Scan { rows: Rows::unordered(node, ids), decided_by_key: Vec::new() });
        };
        let order = if path.ordered.is_some() { request.order.to_vec() } else { Vec::new() };
        let cost = (PROBE_COST, path.cost());
        let rows = (path.rows * share).max(1.0);
        let probe = self.lower_probe(&path.probe)?;
        let decided_by_key = if path.by_primary_key { path.decided } else { Vec::new() };
        let direction = path.ordered.unwrap_or(Direction::Forward);
        let kind = NodeKind::IndexScan {
            table,
            alias,
            index: path.index.oid,
            columns,
            row_key,
            probe,
            direction,
            only: path.only,
            filter,
        };
        let node = Node { kind, output, rows, cost };
        Ok(Scan { rows: Rows { node, ids, order }, decided_by_key })
    }

    /// The cheapest index for a request, when one is better than reading all of the table.
    pub(super) fn best_path<'t>(&self, request: &Request<'t>) -> Option<Path<'t>> {
        let total = table_rows(self.statistics, request.table);
        let paths = request.table.access_paths();
        let paths = paths.filter_map(|index| self.path(index, request, total));
        let paths = paths.map(|path| (self.cost_of(&path, request), path));
        let (cost, best) = paths.min_by(|(left, _), (right, _)| left.total_cmp(right))?;
        // A plan outlives the size its table has now: unless ANALYZE knows better, what finds rows by equality stays right, what
        // finds the first few in order too, and a part of the table by its own key is never more
        // than all of it.
        let stays = !best.probe.equal.is_empty() && !self.is_telling(request.table)
            || best.ordered.is_some() && request.limit.is_some()
            || best.index.primary;
        (stays || cost < total * ROW_COST + sort_cost(request, total)).then_some(best)
    }

    /// The cost of what is asked: in order, and only up to the rows that are wanted.
    fn cost_of(&self, path: &Path<'_>, request: &Request<'_>) -> f64 {
        if path.ordered.is_none() {
            return path.cost() + sort_cost(request, path.rows);
        }
        let open = request.conditions.iter().enumerate().filter(|(at, _)| !path.decides(*at));
        let open = open.map(|(_, open)| open);
        let kept = (path.rows * self.selectivity_of_all(open)).max(1.0);
        let share = request.limit.map_or(1.0, |limit| (limit / kept).min(1.0));
        PROBE_COST + (path.cost() - PROBE_COST) * share
    }

    /// What an index can do for a request; None: nothing.
    fn path<'t>(&self, index: &'t Index, request: &Request<'t>, total: f64) -> Option<Path<'t>> {
        let analysis = self.analysis;
        let first = request.relation.first;
        let mut probe = IndexProbe::default();
        let mut decided = Vec::new();
        for column in &index.columns {
            let ty = request.table.columns[column.column].ty;
            let Some((at, value)) = equality(analysis, request, first + column.column, ty) else {
                break;
            };
            decided.push(at);
            probe.equal.push(value);
        }
        let mut ends = 0;
        if let Some(next) = index.columns.get(probe.equal.len()) {
            let ty = request.table.columns[next.column].ty;
            for (at, condition) in request.conditions.iter().enumerate() {
                let id = first + next.column;
                let Some((comparison, value)) = range(analysis, request, condition, id, ty) else {
                    continue;
                };
                let (end, inclusive) = match comparison {
                    Comparison::Greater => (&mut probe.lower, false),
                    Comparison::GreaterOrEqual => (&mut probe.lower, true),
                    Comparison::Less => (&mut probe.upper, false),
                    Comparison::LessOrEqual => (&mut probe.upper, true),
                    Comparison::Equal => continue,
                };
                if end.is_none() {
                    *end = Some(Bound { value, inclusive });
                    decided.push(at);
                    ends += 1;
                }
            }
        }
        let ordered = ordered(index, request, probe.equal.len());
        if decided.is_empty() && ordered.is_none() {
            return None;
        }
        let by = decided.iter().map(|at| &request.conditions[*at]);
        let rows = self.probe_rows(total, index, (probe.equal.len(), ends), first, by);
        let rows = if decided.is_empty() { total } else { rows };
        let by_primary_key = index.primary && probe.equal.len() == index.columns.len() && ends == 0;
        let only = self.is_covered(index, request, &decided);
        Some(Path { index, probe, decided, rows, ordered, by_primary_key, only })
    }

    /// Whether the entries of a secondary index carry every column that is still read once the
    /// index has decided some conditions.
    fn is_covered(&self, index: &Index, request: &Request<'_>, decided: &[usize]) -> bool {
        let clustering = request.table.primary_key().is_some_and(|key| key.oid == index.oid);
        if clustering || request.whole_row.is_some() || request.row_key.is_some() {
            return false;
        }
        let mut uses = self.uses.clone();
        if !request.checked_again {
            decided.iter().for_each(|at| uses.forget(&request.conditions[*at]));
        }
        let first = request.relation.first;
        let mut read = (0..request.table.columns.len()).filter(|column| uses.has(first + column));
        read.all(|column| entry_carries(request.table, index, column))
    }

    /// A probe's values see no row: only constants, parameters and what is handed in.
    fn lower_probe(&mut self, probe: &IndexProbe) -> Result<IndexProbe> {
        let equal = probe
            .equal
            .iter()
            .map(|value| value.as_ref().map(|value| self.lower(value, &[])).transpose());
        let equal = equal.collect::<Result<_>>()?;
        let mut bound = |bound: &Option<Bound>| {
            let Some(Bound { value, inclusive }) = bound else { return Ok(None) };
            let value = self.lower(value, &[])?;
            Ok::<_, crate::Error>(Some(Bound { value, inclusive: *inclusive }))
        };
        let lower = bound(&probe.lower)?;
        let upper = bound(&probe.upper)?;
        Ok(IndexProbe { equal, lower, upper })
    }

    /// The columns to decode, by position in the table and by id.
    fn scanned(&self, request: &Request<'_>) -> (Vec<usize>, Vec<ColumnId>) {
        let first = request.relation.first;
        let width = request.table.columns.len();
        if request.whole_row.is_some() {
            return ((0..width).collect(), (first..first + width).collect());
        }
        let own = |id: &ColumnId| (first..first + width).contains(id);
        let mut ids: Vec<ColumnId> = Vec::new();
        let preferred = request.preferred.iter().copied().filter(own);
        for id in preferred.chain(first..first + width) {
            if self.uses.has(id) && !ids.contains(&id) {
                ids.push(id);
            }
        }
        (ids.iter().map(|id| id - first).collect(), ids)
    }
}

impl Path<'_> {
    /// Whether it decides the condition at a position.
    pub(super) fn decides(&self, at: usize) -> bool {
        self.decided.contains(&at)
    }

    pub(super) fn cost(&self) -> f64 {
        let reads_one = self.index.primary || self.only;
        PROBE_COST + self.rows * ROW_COST * if reads_one { 1.0 } else { 4.0 }
    }
}

/// The cost of putting rows in the order that is asked for.
fn sort_cost(request: &Request<'_>, rows: f64) -> f64 {
    if request.order.is_empty() { 0.0 } else { rows * rows.max(2.0).log2() * 0.005 }
}

/// The condition that fixes a column, and the value: None is IS NULL.
fn equality(
    analysis: &Analysis,
    request: &Request<'_>,
    id: ColumnId,
    ty: Type,
) -> Option<(usize, Option<Expr>)> {
    request.conditions.iter().enumerate().find_map(|(at, condition)| {
        if let ExprKind::IsNull(arg) = &condition.kind
            && is_column(arg, id)
        {
            return Some((at, None));
        }
        match range(analysis, request, condition, id, ty)? {
            (Comparison::Equal, value) => Some((at, Some(value))),
            _ => None,
        }
    })
}

/// `column op value` or its mirror image, with a value of the column's type that depends on no
/// column of the same relation.
fn range(
    analysis: &Analysis,
    request: &Request<'_>,
    condition: &Expr,
    id: ColumnId,
    ty: Type,
) -> Option<(Comparison, Expr)> {
    let (_, comparison, left, right) = compared(condition)?;
    let (comparison, value) = if is_column(left, id) {
        (comparison, right)
    } else if is_column(right, id) {
        (comparison.flipped(), left)
    } else {
        return None;
    };
    let relabelled = |expr: &Expr| same_representation(expr.ty, ty);
    let value = match as_type(value, ty) {
        _ if relabelled(value) => value.clone(),
        Some(value) => value,
        None if comparison == Comparison::Equal => narrowed(value, ty)?,
        None => return None,
    };
    let first = request.relation.first;
    let own = first..first + request.table.columns.len();
    let mut depends = false;
    each_reference(analysis, &value, &mut |reference| depends |= own.contains(&reference));
    (!depends && is_stable(&value)).then_some((comparison, value))
}

/// A column, also under a relabelling that keeps its order.
fn is_column(expr: &Expr, id: ColumnId) -> bool {
    match &expr.kind {
        ExprKind::Column(column) => *column == id,
        ExprKind::Relabel(arg) => same_representation(arg.ty, expr.ty) && is_column(arg, id),
        _ => false,
    }
}

/// Whether a value is the same for the whole scan.
pub(super) fn is_stable(expr: &Expr) -> bool {
    use crate::expr::function::Volatility;
    let mut stable = match &expr.kind {
        ExprKind::Call { function, .. } => function.volatility != Volatility::Volatile,
        _ => true,
    };
    expr.each_child(&mut |child| stable &= is_stable(child));
    stable
}

/// Whether an index gives the wanted order once its first `equal` columns are fixed.
fn ordered(index: &Index, request: &Request<'_>, equal: usize) -> Option<Direction> {
    let first = request.relation.first;
    let wanted = request.order;
    if wanted.is_empty() {
        return None;
    }
    let fixed =
        |id: ColumnId| index.columns[..equal].iter().any(|column| first + column.column == id);
    let mut columns = index.columns[equal..].iter();
    let mut direction = None;
    for (id, descending, nulls_first) in wanted {
        if fixed(*id) {
            continue;
        }
        let column = columns.next()?;
        if first + column.column != *id {
            return None;
        }
        let never_null = request.table.columns[column.column].not_null;
        let same = column.descending == *descending;
        if !never_null && same != (column.nulls_first == *nulls_first) {
            return None;
        }
        let needed = if same { Direction::Forward } else { Direction::Reverse };
        if *direction.get_or_insert(needed) != needed {
            return None;
        }
    }
    Some(direction.unwrap_or(Direction::Forward))
}

fn output(relation: &Relation, table: &Table, columns: &[usize], key: bool) -> Vec<OutputColumn> {
    let column = |position: &usize| OutputColumn {
        name: relation.columns[*position].name.clone(),
        ty: table.columns[*position].ty,
        origin: relation.columns[*position].origin,
    };
    let columns = columns.iter().map(column);
    columns.chain(key.then(|| unnamed(Type::BYTEA))).collect()
}
