//! What is known of tables: their size, and what ANALYZE found.

use super::planner::Planner;
use super::selectivity::{self, ColumnFacts};
use crate::analyze::{ColumnId, Meaning, RelationKind};
use crate::catalog::{Index, Table, TableStatistics};
use crate::expr::Expr;
use crate::types::Oid;

/// Rows of a table nothing is known about.
const UNKNOWN_ROWS: f64 = 1000.0;
/// Rows a table must have had for its statistics to rule an index out.
const TELLING_ROWS: u64 = 100;

/// What is known of tables.
pub trait Statistics {
    /// Rows of a table; None: nothing is known.
    fn rows(&self, table: &Table) -> Option<f64>;

    /// What ANALYZE found in a table.
    fn analyzed(&self, table: Oid) -> Option<&TableStatistics>;
}

/// Nothing is known of any table.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStatistics;

impl Statistics for NoStatistics {
    fn rows(&self, _table: &Table) -> Option<f64> {
        None
    }

    fn analyzed(&self, _table: Oid) -> Option<&TableStatistics> {
        None
    }
}

/// Estimated rows of a table.
pub(super) fn table_rows(statistics: &dyn Statistics, table: &Table) -> f64 {
    statistics.rows(table).unwrap_or(UNKNOWN_ROWS).max(1.0)
}

impl Planner<'_> {
    /// The share of rows that all of the conditions keep.
    pub(super) fn selectivity_of_all<'e>(
        &self,
        conditions: impl IntoIterator<Item = &'e Expr>,
    ) -> f64 {
        selectivity::of_all(conditions, &|id| self.facts(id))
    }

    /// What ANALYZE found in a column of a table.
    pub(super) fn facts(&self, id: ColumnId) -> Option<ColumnFacts<'_>> {
        let Meaning::Relation { relation } = self.analysis.meanings.get(id)? else { return None };
        let relation = self.analysis.relations.get(*relation)?;
        let RelationKind::Table(table) = &relation.kind else { return None };
        let position = id.checked_sub(relation.first)?;
        let ty = table.columns.get(position)?.ty;
        let statistics = self.statistics.analyzed(table.oid)?.column(position)?;
        Some(ColumnFacts { statistics, rows: table_rows(self.statistics, table), ty })
    }

    /// Rows of `total` that a probe of an index leaves: `equal` leading columns and `ends` ends of
    /// a range, which decide these conditions.
    pub(super) fn probe_rows<'e>(
        &self,
        total: f64,
        index: &Index,
        (equal, ends): (usize, usize),
        first: ColumnId,
        decided: impl IntoIterator<Item = &'e Expr>,
    ) -> f64 {
        if equal == index.columns.len() && index.unique {
            return 1.0;
        }
        let probed = index.columns.iter().take(equal + usize::from(ends > 0));
        if probed.map(|column| first + column.column).all(|id| self.facts(id).is_some()) {
            return (total * self.selectivity_of_all(decided)).max(1.0);
        }
        let share = selectivity::EQUAL.powi(equal as i32) * selectivity::RANGE.powi(ends as i32);
        // Two columns together are rarely worth what they are apart.
        (total * share).max(if equal > 0 { 1.0 } else { total * 0.01 })
    }

    /// Whether the table was large enough, when ANALYZE looked, to say which index is worth it.
    pub(super) fn is_telling(&self, table: &Table) -> bool {
        self.statistics.analyzed(table.oid).is_some_and(|known| known.rows >= TELLING_ROWS)
    }
}
