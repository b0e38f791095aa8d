//! ModifyTable: INSERT, UPDATE and DELETE.
//!
//! A row is modified when it is pulled, and with RETURNING comes out at once. A statement never
//! meets its own writes: its snapshot sees those of earlier commands only.

mod change;
mod conflict;
mod insert;
mod returning;
mod table_writer;
mod violation;
mod writer;

pub use table_writer::TableWriter;
pub use violation::key_text;
pub use writer::RowWriter;

use change::{Delete, Update};
use insert::Insert;

use super::{Builder, Operator};
use crate::error::Result;
use crate::plan::{Modify, Operation};

/// The operator of a ModifyTable node.
pub(super) fn modify_table(modify: &Modify, builder: &mut Builder) -> Result<Box<dyn Operator>> {
    Ok(match &modify.operation {
        Operation::Insert { .. } => Box::new(Insert::new(modify, builder)?),
        Operation::Update { .. } => Box::new(Update::new(modify, builder)?),
        Operation::Delete { .. } => Box::new(Delete::new(modify, builder)?),
    })
}
