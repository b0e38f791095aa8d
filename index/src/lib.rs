//! Reckon's in-memory ordered map, which is also its cache.
//!
//! A [`Tree`] maps byte keys to versions and holds in memory what is hot of a complete [`Source`]; all trees of a [`Cache`] share
//! one budget. Start at `tree` for the structure, `leaf` for what a range knows, `record` for what is under a key,
//! `residency` for how ranges come and go.

mod ahead;
mod api;
mod crowded;
mod cursor;
mod leaf;
mod node;
mod outline;
mod projection;
mod reclaim;
mod record;
mod residency;
mod structure;
mod sync;
mod tree;
mod verify;

pub use api::{Direction, Error, Loading, Lookup, Newest, Source, SourceError, Step};
pub use api::{Statistics, TreeStatistics};
pub use crossbeam_epoch::{Guard, pin};
pub use cursor::Cursor;
pub use residency::budget::Cache;
pub use tree::Tree;
