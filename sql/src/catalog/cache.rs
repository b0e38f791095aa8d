//! The newest definitions of each database, read once for all sessions.
//!
//! # Invariants
//!
//! 1. A catalog read at snapshot A is also the catalog at snapshot B when the newest commit into
//!    its keyspace is at or before both.
//! 2. Only catalogs without uncommitted changes are shared.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use reckon_mvcc::{Engine, KeyspaceId, Snapshot, Timestamp, Transaction};

use super::Catalog;
use crate::error::Result;

/// A catalog and the snapshot it was read at.
#[derive(Clone, Debug)]
pub(crate) struct AsOf {
    pub(crate) timestamp: Timestamp,
    pub(crate) catalog: Arc<Catalog>,
}

impl AsOf {
    /// Whether this is also the catalog at `snapshot` (invariant 1). What was committed before the start is
    /// a change like any other, for snapshots of then.
    #[inline]
    pub(crate) fn serves(&self, newest_change: Timestamp, snapshot: Timestamp) -> bool {
        let is_newest = newest_change <= self.timestamp && newest_change <= snapshot;
        is_newest || self.timestamp == snapshot
    }
}

/// The newest definitions of each database that has been used.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    newest: Mutex<HashMap<KeyspaceId, AsOf>>,
}

impl Cache {
    /// The catalog in `keyspace` at `snapshot`, of a transaction that has not changed it.
    pub(crate) fn load(
        &self,
        engine: &Engine,
        transaction: &Transaction,
        snapshot: &Snapshot,
        keyspace: KeyspaceId,
    ) -> Result<AsOf> {
        let change = engine.last_change(keyspace).max(engine.opened_at());
        if let Some(found) = self.newest.lock().get(&keyspace)
            && found.serves(change, snapshot.timestamp)
        {
            return Ok(found.clone());
        }
        let catalog = Arc::new(Catalog::load(transaction, snapshot, keyspace)?);
        let loaded = AsOf { timestamp: snapshot.timestamp, catalog };
        let mut newest = self.newest.lock();
        match newest.get(&keyspace) {
            Some(found) if found.timestamp >= loaded.timestamp => {}
            _ => {
                newest.insert(keyspace, loaded.clone());
            }
        }
        Ok(loaded)
    }
}
