//! How dropped keyspaces vanish.
//!
//! Dropping deletes the table files that hold nothing else, at once. What is left, in files shared
//! with other keyspaces and in memtables, is removed by compactions as they pass.
//!
//! # Invariants
//!
//! 1. A dropped id is never given out again and nothing is written there, so a filter may act on a
//!    set that is older than the compaction: it only removes less.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::sync::Arc;

use parking_lot::RwLock;
use rocksdb::CompactionDecision;
use rocksdb::compaction_filter::CompactionFilter;
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};

use super::comparator;
use crate::store::KeyspaceId;

/// The keyspaces that were dropped, shared with the compactions.
#[derive(Clone, Debug, Default)]
pub(super) struct Dropped(Arc<RwLock<Arc<BTreeSet<KeyspaceId>>>>);

impl Dropped {
    pub(super) fn insert(&self, keyspace: KeyspaceId) {
        Arc::make_mut(&mut self.0.write()).insert(keyspace);
    }

    pub(super) fn contains(&self, keyspace: KeyspaceId) -> bool {
        self.0.read().contains(&keyspace)
    }

    fn snapshot(&self) -> Arc<BTreeSet<KeyspaceId>> {
        Arc::clone(&self.0.read())
    }
}

/// Gives each compaction the set as it starts.
pub(super) struct DroppedFilterFactory(Dropped);

impl DroppedFilterFactory {
    pub(super) fn new(dropped: Dropped) -> Self {
        Self(dropped)
    }
}

impl CompactionFilterFactory for DroppedFilterFactory {
    type Filter = DroppedFilter;

    fn create(&mut self, _context: CompactionFilterContext) -> DroppedFilter {
        DroppedFilter(self.0.snapshot())
    }

    fn name(&self) -> &CStr {
        c"reckon.dropped"
    }
}

/// Removes rows of dropped keyspaces.
pub(super) struct DroppedFilter(Arc<BTreeSet<KeyspaceId>>);

impl CompactionFilter for DroppedFilter {
    fn filter(&mut self, _level: u32, key: &[u8], _value: &[u8]) -> CompactionDecision {
        let gone = !self.0.is_empty()
            && comparator::keyspace_of(key).is_some_and(|keyspace| self.0.contains(&keyspace));
        if gone { CompactionDecision::Remove } else { CompactionDecision::Keep }
    }

    fn name(&self) -> &CStr {
        c"reckon.dropped"
    }
}
