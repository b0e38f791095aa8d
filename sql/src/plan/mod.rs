//! Plans: from an analyzed statement to a tree of physical operators, ready to run.
//!
//! The analyzer speaks of columns by id, a node's row has positions. [`planner`] turns one into
//! the other; what it decides on the way: which conditions go to which relation ([`from`]), by
//! which index a table is read ([`access`]), in which order and how relations are joined
//! ([`join`]), what is sorted and cut ([`select`]), and how rows are written ([`modify`]).
//!
//! # Invariants
//!
//! 1. A condition is applied exactly once: by a scan's probe or filter, by a join, or by a Filter
//!    above. The conditions of an outer join's ON stay at that join or go to its nullable side.
//! 2. A scan decodes only columns that something above it reads.

mod access;
mod comparison;
pub mod explain;
mod fold;
mod from;
mod join;
mod list_probe;
mod modify;
mod node;
mod nullable;
mod planner;
mod select;
mod selectivity;
mod semi_join;
mod statistics;
mod uses;
mod with;

use std::sync::Arc;

use reckon_mvcc::{RowLock, TableLock};

pub use node::{
    Bound, Conflict, IndexProbe, JoinKind, Lock, Modify, Node, NodeKind, Operation, OuterSide,
    OutputColumn, SetOperation, SortKey,
};
pub use statistics::{NoStatistics, Statistics};

use crate::analyze::{self, Analysis, Body, LockRequest, RelationKind};
use crate::catalog::Lookup;
use crate::error::Result;
use crate::expr::function::Environment;
use crate::parser::Statement;
use crate::types::{Formats, Oid, Type};
use planner::Planner;

/// A statement ready to run.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The topmost operator.
    pub node: Arc<Node>,
    /// Columns of its rows; None: the statement gives no rows.
    pub columns: Option<Vec<OutputColumn>>,
    /// The tables it reads and writes, with the locks that takes.
    pub tables: Vec<(Oid, TableLock)>,
    /// What the command tag says.
    pub command: Command,
    /// Whether constants in the place of its parameters might have made another plan, by what ANALYZE
    /// found, or might have failed right here, in what is computed from constants alone; or whether
    /// it is right for its transaction only.
    pub(crate) depends_on_values: bool,
    /// How a READ ONLY transaction names the statement when it refuses it; None: it may run there.
    pub writes: Option<&'static str>,
    /// Whether constants in it are only right for the transaction it was planned in: they were
    /// read from words like `now`.
    pub reads_clock: bool,
}

impl Planned {
    /// Whether another plan's rows have the same columns.
    pub fn gives_the_same(&self, other: &Planned) -> bool {
        let columns = |planned: &Planned| {
            let columns = planned.columns.iter().flatten();
            columns.map(|column| (column.name.clone(), column.ty)).collect::<Vec<_>>()
        };
        self.columns.is_some() == other.columns.is_some() && columns(self) == columns(other)
    }
}

/// The commands that have plans.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// SELECT, VALUES, TABLE
    Select,
    /// INSERT
    Insert,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
}

/// To plan a longer statement is long work.
const LONG_TEXT_BYTES: usize = 64 << 10;

/// What planning needs besides the statement.
pub struct PlanContext<'a> {
    /// What names mean.
    pub lookup: &'a dyn Lookup,
    /// How large tables are.
    pub statistics: &'a dyn Statistics,
    /// How literals are read.
    pub formats: &'a Formats,
    /// Where immutable functions are evaluated ahead of time.
    pub environment: &'a mut dyn Environment,
}

/// Plans a statement. `parameters` are the types known so far, and all of them afterwards.
///
/// # Errors
///
/// Whatever analysis finds, with its position.
pub fn plan(
    statement: &Statement,
    context: &mut PlanContext<'_>,
    parameters: &mut Vec<Option<Type>>,
) -> Result<Planned> {
    if statement.source.text().len() > LONG_TEXT_BYTES {
        context.environment.stand_aside();
    }
    let analysis = analyze::analyze(statement, context.lookup, parameters, context.formats)?;
    let command = match &analysis.body {
        Body::Select(_) => Command::Select,
        Body::Insert(_) => Command::Insert,
        Body::Update(_) => Command::Update,
        Body::Delete(_) => Command::Delete,
    };
    let row_locks = uses::row_locks(&analysis);
    let (tables, writes) = (locks(&analysis, &row_locks), writes(&analysis.body, &row_locks));
    let mut planner =
        Planner::new(&analysis, context.statistics, context.lookup, context.environment);
    let (node, columns) = planner.statement()?;
    let depends_on_values =
        analysis.reads_clock || planner.computes_ahead || weighs_values(&node, context.statistics);
    let (node, reads_clock) = (Arc::new(node), analysis.reads_clock);
    Ok(Planned { node, columns, tables, command, depends_on_values, writes, reads_clock })
}

/// Whether the common values and bounds that ANALYZE found in a table had a say in how it is read.
/// One row by a unique key is read in one way only.
fn weighs_values(node: &Node, statistics: &dyn Statistics) -> bool {
    match &node.kind {
        NodeKind::SeqScan { table, .. } => statistics.analyzed(table.oid).is_some(),
        NodeKind::IndexScan { table, index, probe, .. } => {
            let mut indexes = table.primary_key().into_iter().chain(&table.indexes);
            let one_row = indexes.any(|known| {
                let whole = probe.equal.len() == known.columns.len();
                known.oid == *index
                    && known.unique
                    && whole
                    && probe.equal.iter().all(Option::is_some)
            });
            !one_row && statistics.analyzed(table.oid).is_some()
        }
        NodeKind::CteScan { plan, .. } => weighs_values(plan, statistics),
        _ => explain::inputs(node).into_iter().any(|input| weighs_values(input, statistics)),
    }
}

/// What a READ ONLY transaction refuses.
fn writes(body: &Body, row_locks: &[&LockRequest]) -> Option<&'static str> {
    match body {
        Body::Select(_) => row_locks.first().map(|lock| match lock.mode {
            RowLock::ForKeyShare => "SELECT FOR KEY SHARE",
            RowLock::ForShare => "SELECT FOR SHARE",
            RowLock::ForNoKeyUpdate => "SELECT FOR NO KEY UPDATE",
            RowLock::ForUpdate | RowLock::ForKeyChange => "SELECT FOR UPDATE",
        }),
        Body::Insert(_) => Some("INSERT"),
        Body::Update(_) => Some("UPDATE"),
        Body::Delete(_) => Some("DELETE"),
    }
}

/// The strongest lock each table needs.
fn locks(analysis: &Analysis, row_locks: &[&LockRequest]) -> Vec<(Oid, TableLock)> {
    let mut locks: Vec<(Oid, TableLock)> = Vec::new();
    let mut add =
        |oid: Oid, mode: TableLock| match locks.iter_mut().find(|(known, _)| *known == oid) {
            Some((_, known)) => *known = (*known).max(mode),
            None => locks.push((oid, mode)),
        };
    let written = match &analysis.body {
        Body::Select(_) => None,
        Body::Insert(insert) => Some(&insert.table),
        Body::Update(update) => Some(&update.table),
        Body::Delete(delete) => Some(&delete.table),
    };
    if let Some(table) = written {
        add(table.oid, TableLock::RowExclusive);
    }
    for (index, relation) in analysis.relations.iter().enumerate() {
        if let RelationKind::Table(table) = &relation.kind {
            let locked = row_locks.iter().any(|lock| lock.relation == index);
            add(table.oid, if locked { TableLock::RowShare } else { TableLock::AccessShare });
        }
    }
    locks
}
