//! Index Scan: the rows whose index keys a probe selects, in the index's order.
//!
//! By the key a table is clustered on, the index is the table itself: a range is a scan of part of
//! it, and a whole key is one read. A secondary index leads from its entry to the row's key. When its
//! entries carry all that is asked (Index Only Scan), they are read as rows are by the clustering key.

mod point;
mod probe;
mod secondary;

pub(super) use probe::Probe;

use point::PointScan;
use secondary::SecondaryScan;

use super::scan::Reader;
use super::seq_scan::SeqScan;
use super::{Builder, Operator};
use crate::catalog::{Index, RowIdentity, Table};
use crate::error::{ExecutionError, Result};
use crate::plan::{Node, NodeKind};

/// The operator of an IndexScan node.
pub(super) fn index_scan(node: &Node, builder: &mut Builder) -> Result<Box<dyn Operator>> {
    let NodeKind::IndexScan {
        table, index, columns, row_key, probe, direction, only, filter, ..
    } = &node.kind
    else {
        return Err(ExecutionError::Internal { what: "no index scan" }.into());
    };
    let (index, clustered) = find(table, *index)?;
    let reader = if *only {
        Reader::of_entries(table, index, columns, filter.as_ref(), builder)?
    } else {
        Reader::new(table, columns, *row_key, filter.as_ref(), builder)?
    };
    let probe = Probe::new(table, index, probe, builder)?;
    Ok(match (probe.is_point(), clustered || *only) {
        (true, true) => Box::new(PointScan::new(reader, probe, None)),
        (true, false) => Box::new(PointScan::new(reader, probe, Some(index))),
        (false, true) => Box::new(SeqScan::new(reader, Some(probe), *direction)),
        (false, false) => Box::new(SecondaryScan::new(table, index, reader, probe, *direction)),
    })
}

/// The index of an OID, and whether the table is clustered on it.
fn find(table: &Table, oid: crate::types::Oid) -> Result<(&Index, bool)> {
    if let RowIdentity::PrimaryKey(index) = &table.identity
        && index.oid == oid
    {
        return Ok((index, true));
    }
    let index = table.indexes.iter().find(|index| index.oid == oid);
    let index = index.ok_or(ExecutionError::Internal { what: "a plan's index is gone" })?;
    Ok((index, false))
}
