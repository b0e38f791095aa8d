//! The executor over plans made by hand and a store in memory.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "../support/alone.rs"]
mod alone;
mod conflicts;
mod fixture;
mod joins;
mod memory;
mod modify;
mod plans;
mod queries;
mod scans;
