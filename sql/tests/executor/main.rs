//! The executor over plans made by hand and a store in memory.

mod conflicts;
mod fixture;
mod joins;
mod memory;
mod modify;
mod plans;
mod queries;
mod scans;
