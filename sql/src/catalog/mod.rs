//! Definitions: what the catalog says a name is.
//!
//! A definition is a row like any other, in a catalog keyspace of its database, so DDL is
//! transactional and old snapshots see old definitions. A statement works on an immutable
//! [`Catalog`]: all definitions as of its snapshot, plus what its own transaction changed.

mod definition;

pub use definition::{
    Column, Constraint, ConstraintKind, DatabaseDefinition, Index, IndexColumn, RowIdentity, Schema,
    Table,
};
