//! One read by a whole key: no cursor, and no allocation beyond the row's own values.

use reckon_mvcc::{Counters, KeyspaceId};

use super::Probe;
use crate::catalog::Index;
use crate::error::{ExecutionError, Result};
use crate::exec::entry;
use crate::exec::scan::Reader;
use crate::exec::{Again, Context, Operator};
use crate::types::Datum;

pub(super) struct PointScan {
    reader: Reader,
    probe: Probe,
    /// The unique index that leads to the row's key.
    via: Option<KeyspaceId>,
    key: Vec<u8>,
    /// The key of the unique index's entry.
    entry: Vec<u8>,
    row: Vec<Datum>,
    done: bool,
}

impl PointScan {
    pub(super) fn new(reader: Reader, probe: Probe, via: Option<&Index>) -> PointScan {
        let row = Vec::with_capacity(reader.width());
        let via = via.map(|index| index.keyspace);
        PointScan { reader, probe, via, key: Vec::new(), entry: Vec::new(), row, done: false }
    }

    /// Follows the unique entry from `entry` to the row's `key`; false when there is none.
    fn follow(&mut self, index: KeyspaceId, cx: &mut Context<'_>) -> Result<bool> {
        let (snapshot, key) = (cx.snapshot, &mut self.key);
        let mut counters = Counters::default();
        let transaction = cx.transaction()?;
        let found = transaction.read(&snapshot, index, &self.entry, &mut counters, |value| {
            let row_key = entry::unique_row_key(value)?;
            key.extend_from_slice(row_key);
            Some(())
        })?;
        cx.counters.add(&counters);
        match found {
            None => Ok(false),
            Some(Some(())) => Ok(true),
            Some(None) => Err(ExecutionError::Corrupted { what: "an index entry" }.into()),
        }
    }
}

impl Operator for PointScan {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(false);
        }
        self.key.clear();
        self.entry.clear();
        let bytes = if self.via.is_some() { &mut self.entry } else { &mut self.key };
        if !self.probe.prefix(bytes, cx)? {
            return Ok(false);
        }
        if let Some(index) = self.via
            && !self.follow(index, cx)?
        {
            return Ok(false);
        }
        self.row.clear();
        match self.reader.fetch(&self.key, &mut self.row, cx)? {
            Some(true) => self.reader.passes(&self.row, cx),
            Some(false) => Ok(false),
            None if self.via.is_none() => Ok(false),
            None => Err(ExecutionError::Corrupted { what: "an index: it leads to no row" }.into()),
        }
    }

    fn row(&self) -> &[Datum] {
        &self.row
    }

    fn rewind(&mut self, _again: Again) {
        self.row.clear();
        self.done = false;
    }
}
