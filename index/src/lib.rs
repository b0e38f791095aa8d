//! Reckon's in-memory ordered map, which is also its cache.

mod api;
mod cursor;
mod tree;

pub use api::{Direction, Error, Loading, Lookup, Newest, Source, SourceError, Step};
pub use api::{Statistics, TreeStatistics};
pub use crossbeam_epoch::{Guard, pin};
pub use cursor::Cursor;
pub use tree::{Cache, Tree};
