//! How far recursion may go down the thread's stack.
//!
//! A stack that overflows ends the process, and every session with it. So whatever follows the shape
//! of a statement down and can fail asks here at each level, as PostgreSQL does. What cannot fail is
//! bounded by what it follows:
//!
//! # Invariants
//!
//! 1. Trees that a parser's loop makes deep without recursion are bounded on the tokens, by
//!    `parser/limits.rs`; dropping one fits into a thread's stack, and whoever makes, copies, compares
//!    or walks it in a way that does not ask makes it [`roomy`] first.
//! 2. All other trees are made by functions that ask here and take more stack for a level than what
//!    walks, copies, runs or drops the tree later.

use crate::error::{Result, SyntaxError};

/// What must be left: for what does not ask.
const RESERVE_BYTES: usize = 768 << 10;
/// What making, copying or walking one level of the parser's tree takes, and something to spare: to make a join takes 55 kB
/// without optimization, to copy one 9 kB with it.
const LEVEL_BYTES: usize = if cfg!(debug_assertions) { 64 << 10 } else { 16 << 10 };

/// # Errors
///
/// 54001 when the stack is nearly used up.
#[inline]
pub(crate) fn check() -> Result<()> {
    match stacker::remaining_stack() {
        Some(left) if left < RESERVE_BYTES => Err(SyntaxError::TooDeep.into()),
        _ => Ok(()),
    }
}

/// Runs what goes down a parser's tree of so many levels and does not ask, on a larger stack if it needs
/// one.
pub(crate) fn roomy<R>(levels: u32, work: impl FnOnce() -> R) -> R {
    let bytes = levels as usize * LEVEL_BYTES;
    stacker::maybe_grow(bytes, bytes + RESERVE_BYTES, work)
}
