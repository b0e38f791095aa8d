//! From an [`IndexProbe`] to bytes of keys.
//!
//! Equalities are a prefix of the key. A range on the next column lies between two keys that
//! begin with it; in a descending column its ends change places. A range never contains NULLs,
//! which stand at one end of the column's order:
//!
//! ```text
//! a = 7 AND b > 3     [7 | just behind 3 ... 7 | NULL)         b ASC NULLS LAST
//! a = 7 AND b > 3     (7 | NULL ... 7 | 3)                     b DESC NULLS FIRST
//! ```

use std::ops::Bound;

use reckon_mvcc::KeyRange;

use crate::catalog::{Index, Table};
use crate::error::Result;
use crate::exec::{Builder, Context};
use crate::expr::Compiled;
use crate::key;
use crate::plan::{self, IndexProbe};
use crate::types::{Datum, Type};

/// What an encoded column usually takes, so that its bytes are asked for at once.
const KEY_BYTES: usize = 24;

/// A compiled [`IndexProbe`].
pub(crate) struct Probe {
    /// Type and order of the index's columns.
    columns: Vec<(Type, key::IndexOrder)>,
    equal: Vec<Option<Compiled>>,
    lower: Option<End>,
    upper: Option<End>,
    point: bool,
}

struct End {
    value: Compiled,
    inclusive: bool,
}

/// One end of the range on a column: the column's encoded value, and whether it belongs to it.
type Limit = Option<(Vec<u8>, bool)>;

impl Probe {
    pub(super) fn new(
        table: &Table,
        index: &Index,
        probe: &IndexProbe,
        builder: &mut Builder,
    ) -> Result<Probe> {
        let columns = index
            .columns
            .iter()
            .map(|column| (table.columns[column.column].ty, key::IndexOrder::from(column)));
        let equal = probe.equal.iter().map(|value| builder.optional(value.as_ref()));
        let equal = equal.collect::<Result<Vec<_>>>()?;
        let point = index.unique
            && equal.len() == index.columns.len()
            && equal.iter().all(|value| value.is_some());
        Ok(Probe {
            columns: columns.collect(),
            equal,
            lower: end(probe.lower.as_ref(), builder)?,
            upper: end(probe.upper.as_ref(), builder)?,
            point,
        })
    }

    /// Whether at most one key matches, and it is known completely.
    pub(super) fn is_point(&self) -> bool {
        self.point
    }

    /// Appends the equalities; false when one is NULL, which nothing is equal to.
    #[inline]
    pub(super) fn prefix(&mut self, bytes: &mut Vec<u8>, cx: &mut Context<'_>) -> Result<bool> {
        for (value, (ty, order)) in self.equal.iter_mut().zip(&self.columns) {
            let Some(value) = value else {
                key::append(&Datum::Null, *ty, *order, bytes)?;
                continue;
            };
            if let Some(value) = value.peek(cx)
                && !value.is_null()
            {
                key::append(value, *ty, *order, bytes)?;
                continue;
            }
            match value.eval(&[], cx)? {
                Datum::Null => return Ok(false),
                value => key::append(&value, *ty, *order, bytes)?,
            }
        }
        Ok(true)
    }

    /// The keys that match, None when there can be none.
    pub(crate) fn range(&mut self, cx: &mut Context<'_>) -> Result<Option<KeyRange>> {
        let mut prefix = Vec::with_capacity(KEY_BYTES);
        if !self.prefix(&mut prefix, cx)? {
            return Ok(None);
        }
        let column = self.columns.get(self.equal.len()).copied();
        let Some((ty, order)) = column.filter(|_| self.lower.is_some() || self.upper.is_some())
        else {
            return Ok(Some(KeyRange::prefix(&prefix)));
        };
        let mut ends = [None, None];
        for (end, bytes) in [&mut self.lower, &mut self.upper].into_iter().zip(&mut ends) {
            let Some(end) = end else { continue };
            let value = end.value.eval(&[], cx)?;
            if value.is_null() {
                return Ok(None);
            }
            let mut limit = Vec::with_capacity(prefix.len() + KEY_BYTES);
            limit.extend_from_slice(&prefix);
            key::append(&value, ty, order, &mut limit)?;
            *bytes = Some((limit, end.inclusive));
        }
        let [lower, upper] = ends;
        let (first, last) = if order.descending { (upper, lower) } else { (lower, upper) };
        Ok(Some(KeyRange {
            lower: first_key(first, &prefix, ty, order)?,
            upper: last_key(last, &prefix, ty, order)?,
        }))
    }
}

fn end(bound: Option<&plan::Bound>, builder: &mut Builder) -> Result<Option<End>> {
    let Some(bound) = bound else { return Ok(None) };
    let value = Compiled::within(&bound.value, builder)?;
    Ok(Some(End { value, inclusive: bound.inclusive }))
}

fn first_key(
    limit: Limit,
    prefix: &[u8],
    ty: Type,
    order: key::IndexOrder,
) -> Result<Bound<Vec<u8>>> {
    Ok(match limit {
        Some((key, true)) => Bound::Included(key),
        Some((key, false)) => behind(key),
        None if order.nulls_first => behind(null(prefix, ty, order)?),
        None => Bound::Included(prefix.to_vec()),
    })
}

fn last_key(
    limit: Limit,
    prefix: &[u8],
    ty: Type,
    order: key::IndexOrder,
) -> Result<Bound<Vec<u8>>> {
    Ok(match limit {
        Some((key, true)) => before_end(key),
        Some((key, false)) => Bound::Excluded(key),
        None if order.nulls_first => before_end(prefix.to_vec()),
        None => Bound::Excluded(null(prefix, ty, order)?),
    })
}

/// The prefix, then NULL.
fn null(prefix: &[u8], ty: Type, order: key::IndexOrder) -> Result<Vec<u8>> {
    let mut bytes = prefix.to_vec();
    key::append(&Datum::Null, ty, order, &mut bytes)?;
    Ok(bytes)
}

/// As a lower bound: behind every key that begins with `prefix`.
fn behind(prefix: Vec<u8>) -> Bound<Vec<u8>> {
    match successor(prefix.clone()) {
        Some(next) => Bound::Included(next),
        // Not of a column: those begin with a null marker, which is below FF.
        None => Bound::Excluded(prefix),
    }
}

/// As an upper bound: up to the last key that begins with `prefix`.
fn before_end(prefix: Vec<u8>) -> Bound<Vec<u8>> {
    successor(prefix).map_or(Bound::Unbounded, Bound::Excluded)
}

/// The first byte string behind all that begin with `prefix`.
fn successor(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if last < u8::MAX {
            prefix.push(last + 1);
            return Some(prefix);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_is_behind_every_key_with_the_prefix() {
        assert_eq!(successor(vec![1, 2]), Some(vec![1, 3]));
        assert_eq!(successor(vec![1, 255, 255]), Some(vec![2]));
        assert_eq!(successor(vec![255]), None);
        assert_eq!(successor(Vec::new()), None);
    }
}
