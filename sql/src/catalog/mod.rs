//! Definitions: what the catalog says a name is.
//!
//! A definition is a row like any other, in a catalog keyspace of its database, so DDL is
//! transactional and old snapshots see old definitions. A statement works on an immutable
//! [`Catalog`]: all definitions as of its snapshot, plus what its own transaction changed.

mod bootstrap;
mod cache;
mod cluster;
mod contents;
mod counters;
mod definition;
mod lookup;
pub mod record;
mod statistics;

pub use bootstrap::{POSTGRES_DATABASE, PUBLIC, SUPERUSER};
pub(crate) use bootstrap::{annotate, create_cluster, put, remove};
pub(crate) use cache::{AsOf, Cache};
pub use cluster::Cluster;
pub(crate) use contents::table_at;
pub use contents::{Catalog, Relation};
pub use counters::{ACTIVITY, COUNTERS, INDEX_STATS, LOCKS, PREPARED_XACTS};
pub use definition::{
    Column, Constraint, ConstraintKind, DatabaseDefinition, Index, IndexColumn, Role, RowIdentity,
    Schema, Table,
};
pub use lookup::{Lookup, VirtualRelation};
pub use statistics::{ColumnStatistics, TableStatistics};
