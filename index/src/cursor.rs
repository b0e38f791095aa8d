//! A cursor's position: the part of its range that is still to be visited.

use std::ops::{Bound, ControlFlow};

use crate::api::{Direction, Step};
use crate::tree::Tree;

/// A position in a range of keys. It borrows nothing, so it can be kept between calls and moved to another thread.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// What is left: `[lower, upper)`.
    lower: Vec<u8>,
    upper: Option<Vec<u8>>,
    direction: Direction,
}

/// The least key greater than `key`.
fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

impl Cursor {
    pub(crate) fn new(lower: Bound<&[u8]>, upper: Bound<&[u8]>, direction: Direction) -> Self {
        let lower = match lower {
            Bound::Included(key) => key.to_vec(),
            Bound::Excluded(key) => successor(key),
            Bound::Unbounded => Vec::new(),
        };
        let upper = match upper {
            Bound::Included(key) => Some(successor(key)),
            Bound::Excluded(key) => Some(key.to_vec()),
            Bound::Unbounded => None,
        };
        Self { lower, upper, direction }
    }

    /// Visits up to `max_rows` rows that `snapshot` sees, under one pin. A row whose callback breaks is consumed.
    pub fn visit(
        &mut self,
        _tree: &Tree,
        _snapshot: u64,
        _max_rows: usize,
        _row: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Step {
        if self.upper.as_ref().is_some_and(|upper| *upper <= self.lower) {
            return Step::End;
        }
        Step::Gap { lower: self.lower.clone(), upper: self.upper.clone(), loadable: true }
    }

    /// Goes on from `key`: forward, rows at or after it; reverse, rows before it (so that a gap's `upper`
    /// and `lower` ends are what to seek). Never widens the range it was made with.
    pub fn seek(&mut self, key: &[u8]) {
        match self.direction {
            Direction::Forward => self.lower = self.lower.as_slice().max(key).to_vec(),
            Direction::Reverse => {
                if self.upper.as_ref().is_none_or(|upper| key < upper.as_slice()) {
                    self.upper = Some(key.to_vec());
                }
            }
        }
    }
}
