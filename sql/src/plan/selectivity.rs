//! Which share of rows a condition keeps.
//!
//! Where ANALYZE has looked at the column, its common values and bounds say so; elsewhere fixed
//! shares stand in, which are PostgreSQL's.

use super::comparison::{Comparison, comparison, same_representation};
use crate::analyze::ColumnId;
use crate::catalog::ColumnStatistics;
use crate::expr::{Expr, ExprKind, Quantifier};
use crate::key::{self, IndexOrder};
use crate::types::{Datum, Type};

/// Share of rows that an equality keeps.
pub(super) const EQUAL: f64 = 0.005;
/// Share of rows that one end of a range keeps.
pub(super) const RANGE: f64 = 1.0 / 3.0;
/// Share of rows that any other condition keeps.
const OTHER: f64 = 0.25;

/// What is known of a column.
#[derive(Clone, Copy)]
pub(super) struct ColumnFacts<'s> {
    pub(super) statistics: &'s ColumnStatistics,
    /// Rows of the table as of now.
    pub(super) rows: f64,
    pub(super) ty: Type,
}

/// What is known of a column by its id.
pub(super) type Known<'s> = dyn Fn(ColumnId) -> Option<ColumnFacts<'s>> + 's;

/// Nothing is known: for conditions that were lowered to positions.
pub(super) fn unknown(condition: &Expr) -> f64 {
    selectivity(condition, &|_| None)
}

/// The share of rows a condition keeps.
pub(super) fn selectivity(condition: &Expr, known: &Known<'_>) -> f64 {
    match &condition.kind {
        ExprKind::And(parts) => of_all(parts, known),
        ExprKind::Or(parts) => {
            parts.iter().map(|part| selectivity(part, known)).sum::<f64>().min(1.0)
        }
        ExprKind::Not(part) => 1.0 - selectivity(part, known),
        ExprKind::IsNull(arg) => {
            column(arg, known).map_or(EQUAL, |(_, column)| column.statistics.null_fraction)
        }
        ExprKind::Column(_) => {
            let share = column(condition, known)
                .and_then(|(_, column)| column.equal(&Datum::Bool(true), Type::BOOL));
            share.unwrap_or(OTHER)
        }
        ExprKind::InList { compare, arg, list, quantifier } => {
            let one = |element: &Expr| match (comparison(compare), column(arg, known)) {
                (Some(Comparison::Equal), Some((_, column))) => column.equal_to(element),
                _ => EQUAL,
            };
            let any = list.iter().map(one).sum::<f64>().min(1.0);
            if *quantifier == Quantifier::Any { any } else { 1.0 - any }
        }
        ExprKind::Call { function, args } => match (comparison(function), args.as_slice()) {
            (Some(comparison), [left, right]) => compared(comparison, left, right, known),
            _ => OTHER,
        },
        _ => OTHER,
    }
}

/// The share of rows that all conditions keep. The two ends of a range over one column belong
/// together: what is below the one and above the other.
pub(super) fn of_all<'e>(conditions: impl IntoIterator<Item = &'e Expr>, known: &Known<'_>) -> f64 {
    let mut share = 1.0;
    let mut ranges: Vec<Range> = Vec::new();
    for condition in conditions {
        let Some((id, is_lower, kept, nulls)) = end(condition, known) else {
            share *= selectivity(condition, known);
            continue;
        };
        let at = ranges.iter().position(|range| range.id == id).unwrap_or_else(|| {
            ranges.push(Range { id, above: None, below: None, nulls });
            ranges.len() - 1
        });
        let end = if is_lower { &mut ranges[at].above } else { &mut ranges[at].below };
        *end = Some(end.map_or(kept, |known: f64| known.min(kept)));
    }
    share * ranges.iter().map(Range::share).product::<f64>()
}

/// The ends of a range over one column, each with the share of rows it keeps.
struct Range {
    id: ColumnId,
    above: Option<f64>,
    below: Option<f64>,
    nulls: f64,
}

impl Range {
    fn share(&self) -> f64 {
        match (self.above, self.below) {
            (Some(above), Some(below)) => (above + below - (1.0 - self.nulls)).max(0.0),
            (above, below) => above.or(below).unwrap_or(1.0),
        }
    }
}

/// One end of a range over a known column: its id, whether it is the lower end, the share of rows
/// it keeps, and the share of NULLs.
fn end(condition: &Expr, known: &Known<'_>) -> Option<(ColumnId, bool, f64, f64)> {
    let (_, compares, left, right) = super::comparison::compared(condition)?;
    let (compares, (id, column), value) = match (column(left, known), column(right, known)) {
        (Some(column), None) => (compares, column, right),
        (None, Some(column)) => (compares.flipped(), column, left),
        _ => return None,
    };
    let share = column.range(compares, value)?;
    let is_lower = matches!(compares, Comparison::Greater | Comparison::GreaterOrEqual);
    Some((id, is_lower, share, column.statistics.null_fraction))
}

fn compared(comparison: Comparison, left: &Expr, right: &Expr, known: &Known<'_>) -> f64 {
    let equal = comparison == Comparison::Equal;
    match (column(left, known), column(right, known)) {
        (Some((_, one)), Some((_, other))) if equal => {
            let distinct = |column: ColumnFacts<'_>| column.statistics.distinct_of(column.rows);
            let present = |column: ColumnFacts<'_>| 1.0 - column.statistics.null_fraction;
            present(one) * present(other) / distinct(one).max(distinct(other))
        }
        (Some((_, column)), None) if equal => column.equal_to(right),
        (None, Some((_, column))) if equal => column.equal_to(left),
        (Some((_, column)), None) => column.range(comparison, right).unwrap_or(RANGE),
        (None, Some((_, column))) => column.range(comparison.flipped(), left).unwrap_or(RANGE),
        _ if equal => EQUAL,
        _ => RANGE,
    }
}

/// A column that something is known of, also under a relabelling.
fn column<'s>(expr: &Expr, known: &Known<'s>) -> Option<(ColumnId, ColumnFacts<'s>)> {
    match &expr.kind {
        ExprKind::Column(id) => known(*id).map(|facts| (*id, facts)),
        ExprKind::Relabel(arg) if same_representation(arg.ty, expr.ty) => column(arg, known),
        _ => None,
    }
}

impl ColumnFacts<'_> {
    fn equal_to(&self, value: &Expr) -> f64 {
        let share = match &value.kind {
            ExprKind::Constant(value_) => self.equal(value_, value.ty),
            _ => None,
        };
        share.unwrap_or_else(|| self.statistics.equal_to_any(self.rows))
    }

    fn equal(&self, value: &Datum, ty: Type) -> Option<f64> {
        if value.is_null() {
            return Some(0.0);
        }
        Some(self.statistics.equal(&self.key(value, ty)?, self.rows))
    }

    /// The share of rows on one side of a constant; None when it is none, or the order of the
    /// column is not known.
    fn range(&self, comparison: Comparison, value: &Expr) -> Option<f64> {
        let ExprKind::Constant(constant) = &value.kind else { return None };
        let key = self.key(constant, value.ty)?;
        let below = self.statistics.below(&key)?;
        let present = 1.0 - self.statistics.null_fraction;
        let up_to = (below + self.statistics.equal(&key, self.rows)).min(present);
        match comparison {
            Comparison::Less => Some(below),
            Comparison::LessOrEqual => Some(up_to),
            Comparison::GreaterOrEqual => Some(present - below),
            Comparison::Greater => Some(present - up_to),
            Comparison::Equal => None,
        }
    }

    /// A value as the column's statistics keep it.
    fn key(&self, value: &Datum, ty: Type) -> Option<Vec<u8>> {
        let converted;
        let value = if same_representation(ty, self.ty) {
            value
        } else {
            let number = match value {
                Datum::Int2(number) => i64::from(*number),
                Datum::Int4(number) => i64::from(*number),
                Datum::Int8(number) => *number,
                _ => return None,
            };
            converted = match self.ty.oid {
                oid if oid == Type::INT2.oid => Datum::Int2(i16::try_from(number).ok()?),
                oid if oid == Type::INT4.oid => Datum::Int4(i32::try_from(number).ok()?),
                oid if oid == Type::INT8.oid => Datum::Int8(number),
                _ => return None,
            };
            &converted
        };
        if value.is_null() {
            return None;
        }
        let mut bytes = Vec::new();
        key::append(value, self.ty, IndexOrder::default(), &mut bytes).ok()?;
        Some(bytes)
    }
}
