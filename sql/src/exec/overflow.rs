//! Rows that a hash table has no room for: spread over tapes by their hash, so that each tape is
//! a smaller problem of the same kind.
//!
//! # Invariants
//!
//! 1. Equal keys are on one tape, because a tape is chosen by the key's hash alone.
//! 2. Every level looks at other bits of the hash, so what was together is spread again.

use super::Limits;
use super::tape::Tape;
use crate::error::{ExecutionError, Result};
use crate::types::Datum;

/// Tapes of one level, a power of two.
pub(super) const FAN_OUT: usize = 32;
const BITS: u32 = FAN_OUT.trailing_zeros();
/// Levels after which keys are not spread any further: they are equal, or nearly so.
pub(super) const DEEPEST: u32 = 6;

/// One level of tapes.
pub(super) struct Overflow {
    level: u32,
    tapes: Vec<Option<Tape>>,
}

/// A tape to work on later, and the level its own overflow belongs to.
pub(super) struct Pending {
    pub(super) tape: Tape,
    pub(super) level: u32,
}

impl Overflow {
    pub(super) fn new(level: u32) -> Overflow {
        Overflow { level, tapes: (0..FAN_OUT).map(|_| None).collect() }
    }

    /// Which tape a hash belongs to.
    pub(super) fn part(&self, hash: u64) -> usize {
        (hash >> (u64::BITS - BITS * (self.level + 1))) as usize % FAN_OUT
    }

    /// Writes a row to the tape of its hash.
    pub(super) fn push(&mut self, hash: u64, row: &[Datum], limits: &Limits<'_>) -> Result<()> {
        let part = self.part(hash);
        let tape = match &mut self.tapes[part] {
            Some(tape) => tape,
            empty => empty.insert(Tape::new(limits.temporary)?),
        };
        tape.append(row)
    }

    /// The tapes that hold something.
    pub(super) fn finish(self) -> impl Iterator<Item = Pending> {
        let level = self.level + 1;
        self.tapes.into_iter().flatten().map(move |tape| Pending { tape, level })
    }

    /// The tapes by part.
    pub(super) fn into_parts(self) -> Vec<Option<Tape>> {
        self.tapes
    }
}

/// The most memory a table may take at a level: at the deepest one nothing can be spread any
/// further, so the bound is that of tables that do not spill.
pub(super) fn room(level: u32, limits: &Limits<'_>) -> usize {
    if level >= DEEPEST { limits.table_memory() } else { limits.work_memory }
}

/// The refusal beyond [`room`] at the deepest level.
pub(super) fn refused(operation: &'static str) -> crate::Error {
    ExecutionError::OutOfMemory { operation }.into()
}
