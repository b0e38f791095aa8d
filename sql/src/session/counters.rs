//! `reckon_counters` and `reckon_index_stats`: what the server has counted since it started and what it holds in memory, for any
//! client to read.

use reckon_mvcc::{KeyspaceId, Snapshot, Transaction, TreeStatistics};

use super::{activity, locks, two_phase};
use crate::catalog::{
    ACTIVITY, COUNTERS, Catalog, Cluster, INDEX_STATS, LOCKS, PREPARED_XACTS, Role, Table,
};
use crate::database::Database;
use crate::error::{ExecutionError, Result};
use crate::exec::Relations;
use crate::types::{Datum, Oid};

/// The relations that a session computes.
pub(super) struct Computed {
    pub(super) database: Database,
    /// Where the definitions of the session's database are.
    pub(super) catalog: KeyspaceId,
    /// Who looks.
    pub(super) user: Role,
}

impl Relations for Computed {
    fn rows(
        &mut self,
        relation: &'static str,
        transaction: &mut Transaction,
        snapshot: &Snapshot,
    ) -> Result<Vec<Vec<Datum>>> {
        if relation == COUNTERS.name {
            let row = |(name, value): (&str, u64)| vec![Datum::text(name), integer(value)];
            return Ok(self.counters().into_iter().map(row).collect());
        }
        if relation == INDEX_STATS.name {
            let catalog = Catalog::load(transaction, snapshot, self.catalog)?;
            return Ok(self.trees(&catalog));
        }
        if relation == PREPARED_XACTS.name {
            let cluster = Cluster::load(transaction, &snapshot.untracked())?;
            return two_phase::rows(&self.database.engine().prepared(), &cluster);
        }
        if relation == ACTIVITY.name {
            let (engine, activities) = (self.database.engine(), &self.database.inner().activities);
            return Ok(activity::rows(engine, activities, &self.user));
        }
        if relation == LOCKS.name {
            return locks::rows(self.database.engine(), || places(transaction, snapshot));
        }
        Err(ExecutionError::Internal { what: "no such computed relation" }.into())
    }
}

/// Which keyspace is which relation's, in all databases.
fn places(transaction: &Transaction, snapshot: &Snapshot) -> Result<locks::Places> {
    let snapshot = snapshot.untracked();
    let mut places = locks::Places::default();
    for database in Cluster::load(transaction, &snapshot)?.databases {
        places.add(database.oid, &Catalog::load(transaction, &snapshot, database.catalog)?);
    }
    Ok(places)
}

fn integer(value: u64) -> Datum {
    Datum::Int8(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A row of `reckon_index_stats`.
fn tree(
    table: &Table,
    (name, oid, keyspace): (&str, Oid, KeyspaceId),
    tree: &TreeStatistics,
) -> Vec<Datum> {
    vec![
        Datum::text(&table.schema_name),
        Datum::text(&table.name),
        Datum::text(name),
        Datum::Oid(oid),
        Datum::Oid(Oid(keyspace.0)),
        integer(u64::from(tree.height)),
        integer(tree.resident_leaves),
        integer(tree.learned_leaves),
        integer(tree.dense_leaves),
        integer(tree.partial_leaves),
        integer(tree.loading_leaves),
        integer(tree.absent_leaves),
        integer(tree.records),
        Datum::Float8(tree.fill()),
        Datum::Float8(tree.model_error as f64 / 256.0),
        integer(tree.index_bytes),
        integer(tree.record_bytes),
        integer(tree.leaf_hits),
        integer(tree.loads),
        integer(tree.evictions),
    ]
}

impl Computed {
    /// The trees of all tables and indexes, by schema and name.
    fn trees(&self, catalog: &Catalog) -> Vec<Vec<Datum>> {
        let mut tables: Vec<&Table> = catalog.tables().map(AsRef::as_ref).collect();
        tables.sort_by_key(|table| (&table.schema_name, &table.name));
        let engine = self.database.engine();
        let mut rows = Vec::new();
        for table in tables {
            let own = (table.name.as_str(), table.oid, table.keyspace);
            let indexes = table.indexes.iter().map(|at| (at.name.as_str(), at.oid, at.keyspace));
            for relation @ (_, _, keyspace) in std::iter::once(own).chain(indexes) {
                rows.push(tree(table, relation, &engine.tree_statistics(keyspace)));
            }
        }
        rows
    }

    fn counters(&self) -> [(&'static str, u64); 23] {
        let counted = self.database.engine().statistics();
        let (cache, store) = (counted.cache, counted.store);
        [
            ("sessions", counted.sessions),
            ("commits", counted.commits),
            ("rollbacks", counted.rollbacks),
            ("write_conflicts", counted.write_conflicts),
            ("lock_waits", counted.lock_waits),
            ("deadlocks", counted.deadlocks),
            ("commit_latch_us_max", counted.commit_latch_us_max),
            ("upkeep_turns", counted.upkeep_turns),
            ("cache_size_bytes", cache.size_bytes),
            ("cache_bytes", cache.bytes),
            ("cache_retired_bytes", cache.retired_bytes),
            ("cache_hits", cache.leaf_hits),
            ("cache_loads", cache.loads),
            ("cache_loads_declined", cache.declined),
            ("cache_evictions", cache.evictions),
            ("models_used", u64::from(self.database.engine().uses_models())),
            ("store_memtable_bytes", store.memtable_bytes),
            ("store_block_cache_bytes", store.block_cache_bytes),
            ("store_reads", store.reads),
            ("store_cursors", store.cursors),
            ("store_appends", store.appends),
            ("store_stalls", store.stalls),
            ("log_syncs", store.log_syncs),
        ]
    }
}
