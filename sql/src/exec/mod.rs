//! Running plans: one operator a file, named as EXPLAIN names its node.
//!
//! | file | what it is |
//! |---|---|
//! | [`execution`] | a plan's operators, run and run again |
//! | [`context`] | what a statement runs with |
//! | [`operator`] | what every operator is |
//! | [`build`] | from nodes to operators |
//! | [`scan`] | decoding and filtering rows batch by batch |
//! | [`entry`] | keys of rows and entries of indexes as they are stored |
//! | [`entry_columns`] | reading a table's columns from entries of an index |
//! | [`modify`] | writing rows, with their checks and index entries |
//! | [`row_id`] | hidden keys of tables without a primary key |
//! | [`row_set`] | distinct rows by hash |
//! | [`spool`], [`tape`], [`overflow`] | rows beyond `work_mem` |
//! | [`figures`] | what a node did |

mod aggregate;
mod append;
mod build;
mod catalog_scan;
mod context;
mod cte_scan;
mod distinct;
mod entry;
mod entry_columns;
mod execution;
mod figures;
mod filter;
mod function_scan;
mod hash_join;
mod index_scan;
mod limit;
mod lock_rows;
mod materialize;
mod modify;
mod nested_loop;
mod newest;
mod operator;
mod overflow;
mod project;
mod project_set;
mod result;
mod row_id;
mod row_set;
mod scan;
mod seq_scan;
mod set_call;
mod set_op;
mod sort;
mod spool;
mod tape;
mod values;

pub use context::{Context, Limits, Relations, Surroundings};
pub use entry::{EntryShape, KeyShape};
pub(crate) use entry_columns::entry_carries;
pub use execution::Execution;
pub use figures::Figures;
pub use modify::{RowWriter, TableWriter, key_text};
pub use row_id::{RowId, RowIds};

pub(crate) use build::Builder;
pub(crate) use operator::{Again, Operator};
pub(crate) use row_set::{RowSet, heap_size};
pub(crate) use spool::{Spool, SpoolReader};
