//! What ANALYZE found in a table, as it is stored and as the planner reads it.
//!
//! Values are kept as keys (`crate::key`), so that they compare bytewise whatever their type:
//!
//! ```text
//! column with values  a a a a b c d e f g      and two NULLs
//!   null_fraction  2/12      distinct  7
//!   common         [(a, 4/12)]                 values that are well above the average
//!   bounds         [b, d, g]                   the others: as many between each two bounds
//! ```
//!
//! # Invariants
//!
//! 1. `common` is in order of falling frequency, `bounds` in rising order, and no value of `common`
//!    is between the bounds.

use bincode::{Decode, Encode};

use crate::types::Oid;

/// What is known of a table.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct TableStatistics {
    /// The table.
    pub table: Oid,
    /// Its rows.
    pub rows: u64,
    /// The bytes they took then.
    pub bytes: u64,
    /// Its columns, in no order; one that was never looked at is not there.
    pub columns: Vec<ColumnStatistics>,
}

/// What is known of a column.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct ColumnStatistics {
    /// Position in [`Table::columns`](super::Table::columns).
    pub column: usize,
    /// Share of rows that are NULL.
    pub null_fraction: f64,
    /// How many different values there are; below 0: as a share of the rows, negated, because it
    /// grows with them.
    pub distinct: f64,
    /// The most common values and their shares of all rows.
    pub common: Vec<(Vec<u8>, f64)>,
    /// Bounds of equally many rows each, without NULLs and common values.
    pub bounds: Vec<Vec<u8>>,
}

impl TableStatistics {
    /// What is known of a column by its position.
    pub fn column(&self, column: usize) -> Option<&ColumnStatistics> {
        self.columns.iter().find(|known| known.column == column)
    }
}

impl ColumnStatistics {
    /// How many different values a table of `rows` rows has.
    pub fn distinct_of(&self, rows: f64) -> f64 {
        let distinct = if self.distinct < 0.0 { -self.distinct * rows } else { self.distinct };
        distinct.max(1.0)
    }

    /// The share of rows that have this value.
    pub fn equal(&self, key: &[u8], rows: f64) -> f64 {
        if let Some((_, share)) = self.common.iter().find(|(value, _)| value == key) {
            return *share;
        }
        let common: f64 = self.common.iter().map(|(_, share)| share).sum();
        let others = (self.distinct_of(rows) - self.common.len() as f64).max(1.0);
        let rest = (1.0 - self.null_fraction - common).max(0.0);
        let least = self.common.last().map_or(1.0, |(_, share)| *share);
        (rest / others).min(least)
    }

    /// The share of rows that have some value nobody knows yet.
    pub fn equal_to_any(&self, rows: f64) -> f64 {
        (1.0 - self.null_fraction) / self.distinct_of(rows)
    }

    /// The share of rows below a value; None: the column's order is not known.
    pub fn below(&self, key: &[u8]) -> Option<f64> {
        if self.bounds.len() < 2 && self.common.is_empty() {
            return None;
        }
        let common: f64 = self.common.iter().map(|(_, share)| share).sum();
        let smaller = self.common.iter().filter(|(value, _)| value.as_slice() < key);
        let smaller: f64 = smaller.map(|(_, share)| share).sum();
        let rest = (1.0 - self.null_fraction - common).max(0.0);
        Some(smaller + rest * self.rest_below(key))
    }

    /// The share of what is between the bounds that is below a value.
    fn rest_below(&self, key: &[u8]) -> f64 {
        let last = self.bounds.len().saturating_sub(1);
        let at = self.bounds.partition_point(|bound| bound.as_slice() < key);
        if at == 0 {
            return 0.0;
        }
        if at > last {
            return 1.0;
        }
        let part = between(&self.bounds[at - 1], &self.bounds[at], key);
        ((at - 1) as f64 + part) / last as f64
    }
}

/// How far from `low` to `high` a key is, from the eight bytes behind what the two share.
fn between(low: &[u8], high: &[u8], key: &[u8]) -> f64 {
    let shared = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    let number = |bytes: &[u8]| {
        let mut eight = [0; 8];
        for (to, from) in eight.iter_mut().zip(bytes.iter().skip(shared)) {
            *to = *from;
        }
        u64::from_be_bytes(eight) as f64
    };
    let (low, high, key) = (number(low), number(high), number(key));
    if high > low { ((key - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column() -> ColumnStatistics {
        ColumnStatistics {
            column: 0,
            null_fraction: 0.1,
            distinct: 101.0,
            common: vec![(vec![50], 0.4)],
            bounds: vec![vec![0], vec![100], vec![200]],
        }
    }

    #[test]
    fn common_values_have_their_share_and_others_an_even_one() {
        let column = column();
        assert_eq!(column.equal(&[50], 1000.0), 0.4);
        assert!((column.equal(&[51], 1000.0) - 0.005).abs() < 1e-9);
    }

    #[test]
    fn a_range_is_read_off_the_bounds() {
        let column = column();
        let near = |key: u8, share: f64| {
            let found = column.below(&[key]).unwrap();
            assert!((found - share).abs() < 1e-6, "{key}: {found}");
        };
        near(0, 0.0);
        near(50, 0.125);
        near(100, 0.4 + 0.25);
        near(250, 0.9);
    }
}
