//! The build side of a hash join in memory: distinct keys, and for each a chain of rows.

use crate::exec::row_set::{RowSet, heap_size};
use crate::types::Datum;

/// Rows by key. Places in chains are row numbers + 1; 0 is the end.
pub(super) struct Table {
    keys: RowSet,
    /// The newest row of each key.
    heads: Vec<u32>,
    rows: Vec<Datum>,
    width: usize,
    /// The row behind each row in its chain.
    next: Vec<u32>,
    /// Whether the row has come out in a pair.
    matched: Vec<bool>,
    heap: usize,
}

impl Table {
    pub(super) fn new(key_width: usize, width: usize) -> Table {
        Table {
            keys: RowSet::new(key_width),
            heads: Vec::new(),
            rows: Vec::new(),
            width,
            next: Vec::new(),
            matched: Vec::new(),
            heap: 0,
        }
    }

    /// Adds a row under its key; without a key it is in no chain.
    pub(super) fn insert(&mut self, key: Option<&[Datum]>, row: &[Datum]) {
        let place = self.next.len() as u32 + 1;
        let mut behind = 0;
        if let Some(key) = key {
            let (number, new) = self.keys.insert(key);
            if new {
                self.heads.push(0);
            }
            behind = std::mem::replace(&mut self.heads[number], place);
        }
        self.next.push(behind);
        self.matched.push(false);
        self.heap += row.iter().map(heap_size).sum::<usize>();
        self.rows.extend_from_slice(row);
    }

    /// The chain of a key.
    pub(super) fn chain(&self, key: &[Datum]) -> u32 {
        self.keys.find(key).map_or(0, |number| self.heads[number])
    }

    /// The place behind a row in its chain.
    pub(super) fn behind(&self, number: usize) -> u32 {
        self.next[number]
    }

    pub(super) fn row(&self, number: usize) -> &[Datum] {
        &self.rows[number * self.width..][..self.width]
    }

    pub(super) fn len(&self) -> usize {
        self.next.len()
    }

    pub(super) fn mark(&mut self, number: usize) {
        self.matched[number] = true;
    }

    /// The first row from `from` on that was never marked.
    pub(super) fn unmatched(&self, from: usize) -> Option<usize> {
        (from..self.len()).find(|number| !self.matched[*number])
    }

    /// Bytes in memory.
    pub(super) fn memory(&self) -> usize {
        self.keys.memory() + self.heap + self.rows.len() * size_of::<Datum>() + self.len() * 9
    }

    /// Forgets all rows and gives their memory back.
    pub(super) fn clear(&mut self) {
        *self = Table::new(self.keys.width(), self.width);
    }
}
