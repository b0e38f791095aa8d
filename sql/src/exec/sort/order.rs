//! How rows compare under ORDER BY.

use std::cmp::Ordering;

use crate::plan::SortKey;
use crate::types::{Datum, Type, TypeOrder};

/// One key: a column of the row and its direction.
#[derive(Clone, Copy, Debug)]
pub(in crate::exec) struct Order {
    position: usize,
    descending: bool,
    nulls_first: bool,
    compare: fn(&Datum, &Datum) -> Ordering,
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
    /// The column at `position`, which is of type `ty`, ascending and NULLS LAST.
    pub(in crate::exec) fn ascending(position: usize, ty: Type) -> Order {
        let compare = TypeOrder::of(ty).compare;
        Order { position, descending: false, nulls_first: false, compare }
    }

    /// The column at `position`, which holds the values of `key`.
    pub(in crate::exec) fn new(position: usize, key: &SortKey) -> Order {
        let (descending, nulls_first) = (key.descending, key.nulls_first);
        Order { descending, nulls_first, ..Order::ascending(position, key.expr.ty) }
    }

    #[inline]
    fn compare(&self, left: &Datum, right: &Datum) -> Ordering {
        let order = match (left, right) {
            (Datum::Int4(left), Datum::Int4(right)) => left.cmp(right),
            (Datum::Int8(left), Datum::Int8(right)) => left.cmp(right),
            (Datum::Null, Datum::Null) => return Ordering::Equal,
            (Datum::Null, _) if self.nulls_first => return Ordering::Less,
            (Datum::Null, _) => return Ordering::Greater,
            (_, Datum::Null) if self.nulls_first => return Ordering::Greater,
            (_, Datum::Null) => return Ordering::Less,
            _ => (self.compare)(left, right),
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
            let order = Order::ascending(0, Type::INT4);
            let keys = [Order { descending, nulls_first, ..order }];
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
