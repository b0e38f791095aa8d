//! ANALYZE: statistics of a table from a sample of its rows.
//!
//! All rows are counted, and a reservoir keeps an even sample of them. The sample depends on the
//! rows alone: the same rows give the same statistics. How many different values the whole table
//! has follows from the sample as in Haas and Stokes, "Estimating the number of classes in a finite
//! population" (1998), the estimator Duj1:
//!
//! ```text
//! n rows of N sampled, d different values, f of them once:   n d / (n - f + f n / N)
//! ```

use std::ops::ControlFlow;

use reckon_mvcc::{Counters, Direction, KeyRange, KeyspaceId, TableLock, TableLockId, Wait};

use super::Edit;
use crate::catalog::{self, ColumnStatistics, Relation, Table, TableStatistics};
use crate::error::{DefinitionError, NameError, Result};
use crate::key::{self, IndexOrder};
use crate::parser::Name;
use crate::row::Layout;
use crate::types::Oid;

/// Common values and ranges between bounds that are kept, at most.
const TARGET: usize = 100;
/// Rows of the sample.
const SAMPLE_ROWS: usize = 300 * TARGET;
/// Values longer than this are counted, and not kept.
const VALUE_BYTES_MAX: usize = 1024;
/// How much more often than the average a value must occur to be kept as common.
const COMMON_OVER_AVERAGE: f64 = 1.25;
/// Beyond this share of the rows the number of values is taken to grow with them.
const GROWS_WITH_ROWS: f64 = 0.1;
/// How many rows are read under one pin.
const BATCH: usize = 512;

/// What ANALYZE read.
pub(crate) struct Analyzed {
    pub(crate) keyspace: KeyspaceId,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    pub(crate) sampled: usize,
}

/// The rows of a sample, as stored.
struct Sample {
    total: u64,
    rows: Vec<Vec<u8>>,
}

impl Edit<'_> {
    /// The table that VACUUM or ANALYZE named, locked; None: what it is cannot be maintained, or
    /// its lock is not free and `wait` is [`Wait::Skip`].
    ///
    /// # Errors
    ///
    /// 42P01 for an unknown relation.
    pub(crate) fn lock_maintained(
        &mut self,
        name: &Name,
        mode: TableLock,
        wait: Wait,
    ) -> Result<Option<Maintained>> {
        let table = match self.find(name)? {
            Some(Relation::Table(table)) => table,
            Some(Relation::Index { .. } | Relation::Virtual(_)) => {
                return Ok(Some(Maintained::NoTable(name.name.clone())));
            }
            None => return Err(NameError::UndefinedTable { name: name.to_string() }.into()),
        };
        let id = TableLockId { database: self.database.0, relation: table.oid.0 };
        if !self.transaction.lock_table(id, mode, wait)? {
            return Ok(Some(Maintained::Locked(table.name.clone())));
        }
        self.refresh()?;
        // Dropped while we waited: nothing is left to do.
        Ok(self.catalog.table(table.oid).map(|table| Maintained::Table(table.oid)))
    }

    /// ANALYZE of a locked table; without columns of all of them.
    ///
    /// # Errors
    ///
    /// 42703 for an unknown column, 42701 for one named twice.
    pub(crate) fn analyze(&mut self, table: Oid, columns: &[String]) -> Result<Analyzed> {
        let Some(table) = self.catalog.table(table).cloned() else {
            return Err(NameError::UndefinedTable { name: table.to_string() }.into());
        };
        let positions = analyzed_columns(&table, columns)?;
        let sample = self.sample(&table)?;
        let layout = Layout::new(&table.columns);
        let mut found = Vec::with_capacity(positions.len());
        for column in &positions {
            self.interrupt.check()?;
            found.push(of_column(&table, &layout, *column, &sample)?);
        }
        let known = self.catalog.statistics(table.oid);
        let kept = known.map(|known| known.columns.as_slice()).unwrap_or_default().iter();
        found.extend(kept.filter(|known| !positions.contains(&known.column)).cloned());
        let bytes = self.engine.size(table.keyspace)?;
        let (rows, sampled) = (sample.total, sample.rows.len());
        let statistics = TableStatistics { table: table.oid, rows, bytes, columns: found };
        catalog::annotate(self.transaction, self.keyspace, &statistics)?;
        self.transaction.next_command();
        self.refresh()?;
        Ok(Analyzed { keyspace: table.keyspace, bytes, rows, sampled })
    }

    fn sample(&self, table: &Table) -> Result<Sample> {
        let mut cursor = self.transaction.cursor(table.keyspace, KeyRange::ALL, Direction::Forward);
        let mut counters = Counters::default();
        let mut sample = Sample { total: 0, rows: Vec::new() };
        loop {
            self.interrupt.check()?;
            let more = cursor.visit(
                self.transaction,
                &self.snapshot,
                BATCH,
                &mut counters,
                |_, value| {
                    sample.add(value);
                    ControlFlow::Continue(())
                },
            )?;
            if !more {
                return Ok(sample);
            }
        }
    }
}

/// What a name given to VACUUM or ANALYZE turned out to be.
pub(crate) enum Maintained {
    /// A table, now locked.
    Table(Oid),
    /// A relation without rows of its own.
    NoTable(String),
    /// A table whose lock is not free.
    Locked(String),
}

impl Sample {
    fn add(&mut self, row: &[u8]) {
        self.total += 1;
        if self.rows.len() < SAMPLE_ROWS {
            self.rows.push(row.to_vec());
            return;
        }
        let place = (scattered(self.total) % self.total) as usize;
        if let Some(kept) = self.rows.get_mut(place) {
            kept.clear();
            kept.extend_from_slice(row);
        }
    }
}

/// A number that depends on another one in no obvious way (the finalizer of SplitMix64).
fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn analyzed_columns(table: &Table, names: &[String]) -> Result<Vec<usize>> {
    let live = |column: &usize| {
        !table.columns[*column].dropped && key::is_supported(table.columns[*column].ty)
    };
    if names.is_empty() {
        return Ok((0..table.columns.len()).filter(live).collect());
    }
    let mut positions = Vec::with_capacity(names.len());
    for name in names {
        let position = table.column(name).ok_or_else(|| DefinitionError::UndefinedColumn {
            table: table.name.clone(),
            column: name.clone(),
        })?;
        if positions.contains(&position) {
            let (column, table) = (name.clone(), table.name.clone());
            return Err(DefinitionError::ColumnTwice { column, table }.into());
        }
        positions.push(position);
    }
    positions.retain(live);
    Ok(positions)
}

fn of_column(
    table: &Table,
    layout: &Layout,
    column: usize,
    sample: &Sample,
) -> Result<ColumnStatistics> {
    let ty = table.columns[column].ty;
    let (mut values, mut nulls, mut wide) = (Vec::new(), 0u64, 0u64);
    let mut row = Vec::with_capacity(1);
    for stored in &sample.rows {
        row.clear();
        layout.decode(stored, &[column], &mut row)?;
        if row[0].is_null() {
            nulls += 1;
            continue;
        }
        let mut bytes = Vec::new();
        key::append(&row[0], ty, IndexOrder::default(), &mut bytes)?;
        if bytes.len() > VALUE_BYTES_MAX {
            wide += 1;
        } else {
            values.push(bytes);
        }
    }
    values.sort_unstable();
    let sampled = sample.rows.len().max(1) as f64;
    let mut runs = runs(&values);
    let distinct = distinct(&runs, wide, values.len(), sample);
    let common = take_common(&mut runs, values.len());
    let rest: Vec<&[u8]> =
        runs.iter().flat_map(|(value, count)| std::iter::repeat_n(*value, *count)).collect();
    Ok(ColumnStatistics {
        column,
        null_fraction: nulls as f64 / sampled,
        distinct,
        common: common.iter().map(|(v, count)| (v.to_vec(), *count as f64 / sampled)).collect(),
        bounds: if runs.len() < 2 { Vec::new() } else { bounds(&rest) },
    })
}

/// The different values of a sorted list, and how often each is there.
fn runs(sorted: &[Vec<u8>]) -> Vec<(&[u8], usize)> {
    let mut runs: Vec<(&[u8], usize)> = Vec::new();
    for value in sorted {
        match runs.last_mut() {
            Some((last, count)) if *last == value.as_slice() => *count += 1,
            _ => runs.push((value, 1)),
        }
    }
    runs
}

/// How many different values the table has, as [`ColumnStatistics::distinct`] says it.
fn distinct(runs: &[(&[u8], usize)], wide: u64, values: usize, sample: &Sample) -> f64 {
    // Values too long to be kept are taken to be all different.
    let seen = runs.len() as f64 + wide as f64;
    let once = runs.iter().filter(|(_, count)| *count == 1).count() as f64 + wide as f64;
    let n = values as f64 + wide as f64;
    if n == 0.0 {
        return 0.0;
    }
    let rows = sample.total as f64;
    let all = n * rows / sample.rows.len() as f64;
    let estimate = (n * seen / (n - once + once * n / all)).clamp(seen, all);
    if once == n || estimate > GROWS_WITH_ROWS * rows { -estimate / rows } else { estimate }
}

/// Takes out the values that are well above the average, the most common first; all, when they are
/// few and each was seen twice.
fn take_common<'v>(runs: &mut Vec<(&'v [u8], usize)>, values: usize) -> Vec<(&'v [u8], usize)> {
    let all = runs.len() <= TARGET && runs.iter().all(|(_, count)| *count > 1);
    let average = values as f64 / runs.len().max(1) as f64;
    let least = (average * COMMON_OVER_AVERAGE).max(2.0);
    let mut counts: Vec<usize> = runs.iter().map(|(_, count)| *count).collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let last = counts.get(TARGET).map_or(0, |count| count + 1);
    let is_common = |count: usize| all || (count as f64 >= least && count >= last);
    let mut common: Vec<_> = runs.iter().filter(|(_, count)| is_common(*count)).copied().collect();
    runs.retain(|(_, count)| !is_common(*count));
    common.sort_by(|(_, a), (_, b)| b.cmp(a));
    common
}

/// Evenly spaced values of a sorted list, the first and the last among them.
fn bounds(sorted: &[&[u8]]) -> Vec<Vec<u8>> {
    let count = sorted.len().min(TARGET + 1);
    let place = |n: usize| n * (sorted.len() - 1) / (count - 1).max(1);
    (0..count).map(|n| sorted[place(n)].to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(values: &[u8]) -> Vec<Vec<u8>> {
        values.iter().map(|value| vec![*value]).collect()
    }

    #[test]
    fn an_even_sample_of_many_rows() {
        let mut sample = Sample { total: 0, rows: Vec::new() };
        for number in 0..10 * SAMPLE_ROWS as u64 {
            sample.add(&number.to_be_bytes());
        }
        assert_eq!(sample.rows.len(), SAMPLE_ROWS);
        let half = (5 * SAMPLE_ROWS as u64).to_be_bytes();
        let below = sample.rows.iter().filter(|row| row.as_slice() < half.as_slice()).count();
        assert!(below.abs_diff(SAMPLE_ROWS / 2) < SAMPLE_ROWS / 50, "{below}");
    }

    #[test]
    fn different_values_of_a_whole_table_are_counted() {
        let values = sorted(&[1, 1, 1, 2, 2, 3]);
        let sample = Sample { total: 600, rows: vec![Vec::new(); 600] };
        assert_eq!(distinct(&runs(&values), 0, 600, &sample), 3.0);
        let key = Sample { total: 3, rows: vec![Vec::new(); 3] };
        assert_eq!(distinct(&runs(&sorted(&[1, 2, 3])), 0, 3, &key), -1.0);
    }

    #[test]
    fn common_values_leave_the_others_to_the_bounds() {
        let values = sorted(&[1, 2, 3, 4, 5, 5, 5, 5, 5, 6]);
        let mut found = runs(&values);
        assert_eq!(take_common(&mut found, values.len()), vec![(&[5][..], 5)]);
        assert_eq!(found.len(), 5);
    }
}
