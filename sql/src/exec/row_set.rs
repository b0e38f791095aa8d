//! Distinct rows by hash: the table below aggregates, DISTINCT, set operations and hash joins.
//!
//! Rows lie one behind another in one vector; a row's number is its place there. A second vector
//! of twice the size, with open addressing, finds a number by the row's hash.
//!
//! # Invariants
//!
//! 1. NULL is equal to NULL here, and integers of all widths are compared by value.
//! 2. Equal rows have equal hashes.
//! 3. Less than half of `slots` is in use, so a probe ends.
//! 4. A `char` column whose values may have been padded to several lengths is compared without
//!    trailing blanks ([`Likeness`]); of one length, equal values have equal bytes.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

use crate::types::{self, Datum, Type, TypeOrder};

/// How rows of some types are compared (invariant 4).
#[derive(Clone, Default)]
pub(crate) struct Likeness {
    /// For each column, whether trailing blanks do not count; empty: nowhere.
    padded: Box<[bool]>,
}

impl Likeness {
    /// The one of rows with columns of these types.
    pub(crate) fn of(types: impl IntoIterator<Item = Type>) -> Likeness {
        let is_padded = |ty: Type| ty.oid == Type::BPCHAR.oid && ty.modifier < 0;
        let padded: Box<[bool]> = types.into_iter().map(is_padded).collect();
        if padded.contains(&true) { Likeness { padded } } else { Likeness::default() }
    }

    /// A hash of the row (invariant 2).
    pub(crate) fn hash(&self, row: &[Datum]) -> u64 {
        if self.padded.is_empty() {
            return hash(row);
        }
        row.iter().zip(&self.padded).fold(0, |hash, (value, padded)| {
            let own = match value {
                Datum::Text(_) if *padded => {
                    let mut hasher = FixedState::default().build_hasher();
                    (TypeOrder::of(Type::BPCHAR).hash)(value, &mut hasher);
                    hasher.finish()
                }
                _ => value_hash(value),
            };
            mix(hash ^ own)
        })
    }

    /// Whether two rows are equal (invariant 1).
    pub(crate) fn same(&self, left: &[Datum], right: &[Datum]) -> bool {
        if self.padded.is_empty() {
            return same_row(left, right);
        }
        let equal_padded = TypeOrder::of(Type::BPCHAR).equal;
        left.iter().zip(right).zip(&self.padded).all(|((left, right), padded)| {
            if *padded { equal_padded(left, right) } else { same(left, right) }
        })
    }
}

/// A set of rows of one width.
pub(crate) struct RowSet {
    width: usize,
    likeness: Likeness,
    rows: Vec<Datum>,
    hashes: Vec<u64>,
    /// Row number + 1; 0 is free. The length is a power of two.
    slots: Vec<u32>,
    heap: usize,
}

impl RowSet {
    /// An empty set of rows of `width` columns.
    pub(crate) fn new(width: usize) -> RowSet {
        RowSet::alike(width, Likeness::default())
    }

    /// An empty set of rows that are compared in some way.
    pub(crate) fn alike(width: usize, likeness: Likeness) -> RowSet {
        let (rows, hashes, slots) = (Vec::new(), Vec::new(), vec![0; 16]);
        RowSet { width, likeness, rows, hashes, slots, heap: 0 }
    }

    /// The hash by which the set looks for a row.
    pub(crate) fn hash(&self, row: &[Datum]) -> u64 {
        self.likeness.hash(row)
    }

    /// Columns of a row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The row of a number.
    pub(crate) fn row(&self, number: usize) -> &[Datum] {
        &self.rows[number * self.width..][..self.width]
    }

    /// Bytes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.heap
            + self.rows.len() * size_of::<Datum>()
            + self.hashes.len() * size_of::<u64>()
            + self.slots.len() * size_of::<u32>()
    }

    /// The number of an equal row.
    pub(crate) fn find(&self, row: &[Datum]) -> Option<usize> {
        let slot = self.slot(self.hash(row), row);
        (self.slots[slot] as usize).checked_sub(1)
    }

    /// The number of the row, and whether it is new.
    pub(crate) fn insert(&mut self, row: &[Datum]) -> (usize, bool) {
        let hash = self.hash(row);
        let slot = self.slot(hash, row);
        if let Some(number) = (self.slots[slot] as usize).checked_sub(1) {
            return (number, false);
        }
        let number = self.hashes.len();
        self.rows.extend_from_slice(row);
        self.heap += row.iter().map(heap_size).sum::<usize>();
        self.hashes.push(hash);
        self.slots[slot] = number as u32 + 1;
        if self.hashes.len() * 2 >= self.slots.len() {
            self.grow();
        }
        (number, true)
    }

    /// Forgets all rows and gives their memory back.
    pub(crate) fn clear(&mut self) {
        *self = RowSet::alike(self.width, std::mem::take(&mut self.likeness));
    }

    /// The slot of an equal row, else the free one where it would stand.
    fn slot(&self, hash: u64, row: &[Datum]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while let Some(number) = (self.slots[slot] as usize).checked_sub(1) {
            if self.hashes[number] == hash && self.likeness.same(self.row(number), row) {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let mut slots = vec![0; mask + 1];
        for (number, hash) in self.hashes.iter().enumerate() {
            let mut slot = *hash as usize & mask;
            while slots[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            slots[slot] = number as u32 + 1;
        }
        self.slots = slots;
    }
}

/// A hash of the row (invariant 2).
pub(crate) fn hash(row: &[Datum]) -> u64 {
    row.iter().fold(0, |hash, value| mix(hash ^ value_hash(value)))
}

fn value_hash(value: &Datum) -> u64 {
    match value {
        Datum::Null => 0x9E37_79B9_7F4A_7C15,
        Datum::Int2(value) => i64::from(*value) as u64,
        Datum::Int4(value) => i64::from(*value) as u64,
        Datum::Int8(value) => *value as u64,
        other => {
            let mut hasher = FixedState::default().build_hasher();
            types::hash(other, &mut hasher);
            hasher.finish()
        }
    }
}

/// Spreads every bit over the whole word (the finalizer of SplitMix64).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// Whether two rows are equal (invariant 1).
fn same_row(left: &[Datum], right: &[Datum]) -> bool {
    left.iter().zip(right).all(|(left, right)| same(left, right))
}

fn same(left: &Datum, right: &Datum) -> bool {
    match (left, right) {
        (Datum::Null, Datum::Null) => true,
        (Datum::Null, _) | (_, Datum::Null) => false,
        _ => match (integer(left), integer(right)) {
            (Some(left), Some(right)) => left == right,
            _ => types::equal(left, right),
        },
    }
}

fn integer(value: &Datum) -> Option<i64> {
    match value {
        Datum::Int2(value) => Some(i64::from(*value)),
        Datum::Int4(value) => Some(i64::from(*value)),
        Datum::Int8(value) => Some(*value),
        _ => None,
    }
}

/// Bytes a value holds outside of its datum, estimated; shared ones count each time.
pub(crate) fn heap_size(value: &Datum) -> usize {
    const HEADER: usize = 24;
    match value {
        Datum::Text(text) => HEADER + text.as_bytes().len(),
        Datum::Bytea(bytes) => HEADER + bytes.as_bytes().len(),
        Datum::Numeric(_) => HEADER + 64,
        Datum::Interval(_) | Datum::Uuid(_) => HEADER + 16,
        Datum::Array(array) => {
            let inside = array.elements.iter().map(|element| 16 + heap_size(element));
            HEADER + 64 + inside.sum::<usize>()
        }
        Datum::Record(fields) => {
            HEADER + 24 + fields.iter().map(|field| 16 + heap_size(field)).sum::<usize>()
        }
        _ => 0,
    }
}
