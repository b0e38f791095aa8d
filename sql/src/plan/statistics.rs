//! How many rows to expect.

use crate::catalog::{Index, Table};
use crate::expr::{Expr, ExprKind};

use super::comparison::{Comparison, comparison};

/// Rows of a table nothing is known about.
const UNKNOWN_ROWS: f64 = 1000.0;
/// Share of rows that an equality keeps.
const EQUAL: f64 = 0.005;
/// Share of rows that one end of a range keeps.
const RANGE: f64 = 1.0 / 3.0;
/// Share of rows that any other condition keeps.
const OTHER: f64 = 0.25;

/// What is known of tables.
pub trait Statistics {
    /// Rows of a table; None: nothing is known.
    fn rows(&self, table: &Table) -> Option<f64>;
}

/// Nothing is known of any table.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStatistics;

impl Statistics for NoStatistics {
    fn rows(&self, _table: &Table) -> Option<f64> {
        None
    }
}

/// Estimated rows of a table.
pub(super) fn table_rows(statistics: &dyn Statistics, table: &Table) -> f64 {
    statistics.rows(table).unwrap_or(UNKNOWN_ROWS).max(1.0)
}

/// Rows of `total` that `equal` leading columns and `ends` ends of a range leave.
pub(super) fn probe_rows(total: f64, index: &Index, equal: usize, ends: usize) -> f64 {
    if equal == index.columns.len() && index.unique {
        return 1.0;
    }
    let share = EQUAL.powi(equal as i32) * RANGE.powi(ends as i32);
    // Two columns together are rarely worth what they are apart.
    (total * share).max(if equal > 0 { 1.0 } else { total * 0.01 })
}

/// The share of rows a condition keeps.
pub(super) fn selectivity(condition: &Expr) -> f64 {
    match &condition.kind {
        ExprKind::And(parts) => parts.iter().map(selectivity).product(),
        ExprKind::Or(parts) => parts.iter().map(selectivity).sum::<f64>().min(1.0),
        ExprKind::Not(part) => 1.0 - selectivity(part),
        ExprKind::IsNull(_) => EQUAL,
        ExprKind::InList { list, .. } => (EQUAL * list.len() as f64).min(1.0),
        ExprKind::Call { function, .. } => match comparison(function) {
            Some(Comparison::Equal) => EQUAL,
            Some(_) => RANGE,
            None => OTHER,
        },
        _ => OTHER,
    }
}
