//! The relation that tells what the server has counted since it started.

use super::VirtualRelation;
use crate::types::{Oid, Type};

/// `reckon_counters`: one row a figure. Its OID is far above those that are given out to objects,
/// and above PostgreSQL's own.
pub static COUNTERS: VirtualRelation = VirtualRelation {
    oid: Oid(4_000_000_000),
    schema: "pg_catalog",
    name: "reckon_counters",
    columns: &[("name", Type::TEXT), ("value", Type::INT8)],
};
