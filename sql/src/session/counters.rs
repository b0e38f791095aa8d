//! `reckon_counters`: what the server has counted since it started, for any client to read.

use reckon_mvcc::{Snapshot, Transaction};

use crate::catalog::COUNTERS;
use crate::database::Database;
use crate::error::{ExecutionError, Result};
use crate::exec::Relations;
use crate::types::Datum;

/// The relations that a session computes.
pub(super) struct Computed(pub(super) Database);

impl Relations for Computed {
    fn rows(
        &mut self,
        relation: &'static str,
        _transaction: &mut Transaction,
        _snapshot: &Snapshot,
    ) -> Result<Vec<Vec<Datum>>> {
        if relation != COUNTERS.name {
            return Err(ExecutionError::Internal { what: "no such computed relation" }.into());
        }
        let row = |(name, value): (&str, u64)| {
            vec![Datum::text(name), Datum::Int8(i64::try_from(value).unwrap_or(i64::MAX))]
        };
        Ok(self.counters().into_iter().map(row).collect())
    }
}

impl Computed {
    fn counters(&self) -> [(&'static str, u64); 18] {
        let counted = self.0.engine().statistics();
        let (cache, store) = (counted.cache, counted.store);
        [
            ("sessions", counted.sessions),
            ("commits", counted.commits),
            ("rollbacks", counted.rollbacks),
            ("write_conflicts", counted.write_conflicts),
            ("lock_waits", counted.lock_waits),
            ("deadlocks", counted.deadlocks),
            ("commit_latch_us_max", counted.commit_latch_us_max),
            ("cache_size_bytes", cache.size_bytes),
            ("cache_bytes", cache.bytes),
            ("cache_hits", cache.leaf_hits),
            ("cache_loads", cache.loads),
            ("cache_loads_declined", cache.declined),
            ("cache_evictions", cache.evictions),
            ("store_reads", store.reads),
            ("store_cursors", store.cursors),
            ("store_appends", store.appends),
            ("store_stalls", store.stalls),
            ("log_syncs", store.log_syncs),
        ]
    }
}
