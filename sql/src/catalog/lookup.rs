//! How a statement finds what its names mean.

use reckon_mvcc::Pace;

use super::Relation;
use crate::error::Result;
use crate::types::{Oid, Type};

/// Names as a session sees them: its snapshot, its transaction's changes, its search path.
pub trait Lookup {
    /// The relation of a name, on the search path when no schema is given.
    ///
    /// # Errors
    ///
    /// What reading the catalog may give; a name that means nothing is None.
    fn relation(&self, schema: Option<&str>, name: &str) -> Result<Option<Relation>>;

    /// To be called by what looks names up, for each step it takes.
    ///
    /// # Errors
    ///
    /// The reason to stop, when somebody has asked for that.
    fn check(&self, pace: &Pace) -> Result<()>;
}

/// A relation whose rows are computed from the catalog: one of `pg_catalog` or
/// `information_schema`.
#[derive(Debug)]
pub struct VirtualRelation {
    /// OID in `pg_class`.
    pub oid: Oid,
    /// Its schema.
    pub schema: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Names and types of its columns.
    pub columns: &'static [(&'static str, Type)],
}
