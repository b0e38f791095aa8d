//! How rows compare under ORDER BY.

use std::cmp::Ordering;

use crate::types::{self, Datum};

/// One key: a column of the row and its direction.
#[derive(Clone, Copy, Debug)]
pub(in crate::exec) struct Order {
    pub(in crate::exec) position: usize,
    pub(in crate::exec) descending: bool,
    pub(in crate::exec) nulls_first: bool,
}

/// Compares two rows key by key.
pub(in crate::exec) fn compare(keys: &[Order], left: &[Datum], right: &[Datum]) -> Ordering {
    for key in keys {
        let order = key.compare(&left[key.position], &right[key.position]);
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

impl Order {
    #[inline]
    fn compare(&self, left: &Datum, right: &Datum) -> Ordering {
        let order = match (left, right) {
            (Datum::Int4(left), Datum::Int4(right)) => left.cmp(right),
            (Datum::Int8(left), Datum::Int8(right)) => left.cmp(right),
            (Datum::Text(left), Datum::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
            (Datum::Null, Datum::Null) => return Ordering::Equal,
            (Datum::Null, _) if self.nulls_first => return Ordering::Less,
            (Datum::Null, _) => return Ordering::Greater,
            (_, Datum::Null) if self.nulls_first => return Ordering::Greater,
            (_, Datum::Null) => return Ordering::Less,
            _ => types::compare(left, right),
        };
        if self.descending { order.reverse() } else { order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_stand_where_they_are_asked_for_in_both_directions() {
        let sorted = |descending, nulls_first| {
            let keys = [Order { position: 0, descending, nulls_first }];
            let mut rows = [[Datum::Int4(1)], [Datum::Null], [Datum::Int4(2)]];
            rows.sort_by(|left, right| compare(&keys, left, right));
            rows.map(|[value]| match value {
                Datum::Int4(value) => value,
                _ => 0,
            })
        };
        assert_eq!(sorted(false, false), [1, 2, 0]);
        assert_eq!(sorted(false, true), [0, 1, 2]);
        assert_eq!(sorted(true, false), [2, 1, 0]);
        assert_eq!(sorted(true, true), [0, 2, 1]);
    }
}
