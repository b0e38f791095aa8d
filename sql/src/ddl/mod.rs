//! Definitions that change: CREATE, ALTER, DROP, TRUNCATE.
//!
//! A definition is one catalog row, so a change is a write like any other: it commits and rolls
//! back with its transaction, and older snapshots go on seeing the old one. What holds rows is
//! never changed in place either: TRUNCATE and ADD PRIMARY KEY fill a new keyspace and point the
//! definition at it.
//!
//! # Invariants
//!
//! 1. A table's definition is written only under a lock on the table that conflicts with itself,
//!    a new name only under the lock of that name's key.
//! 2. A keyspace is dropped by the commit that removes its last name, after history no longer
//!    needs it; a keyspace created by a transaction that rolls back goes with it.

mod alter;
mod analyze;
mod create_index;
mod create_table;
mod database;
mod drop;
mod edit;
mod fill;
mod key;
mod syntax;
mod truncate;

pub(crate) use analyze::Maintained;
pub(crate) use database::{create_database, drop_database};
pub(crate) use edit::Edit;
