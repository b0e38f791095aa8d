//! The relations that tell what the server has counted since it started, and what it holds in memory. Their OIDs are far above
//! those that are given out to objects, and above PostgreSQL's own.

use super::{Relation, VirtualRelation};
use crate::types::{Oid, Type};

/// `reckon_counters`: one row a figure.
pub static COUNTERS: VirtualRelation = VirtualRelation {
    oid: Oid(4_000_000_000),
    schema: "pg_catalog",
    name: "reckon_counters",
    columns: &[("name", Type::TEXT), ("value", Type::INT8)],
};

/// `reckon_index_stats`: one row for the tree in memory of each table and of each index that is not the table itself.
pub static INDEX_STATS: VirtualRelation = VirtualRelation {
    oid: Oid(4_000_000_001),
    schema: "pg_catalog",
    name: "reckon_index_stats",
    columns: &[
        ("schemaname", Type::TEXT),
        ("tablename", Type::TEXT),
        ("name", Type::TEXT),
        ("relid", Type::OID),
        ("keyspace", Type::OID),
        ("height", Type::INT8),
        ("resident_leaves", Type::INT8),
        ("learned_leaves", Type::INT8),
        ("dense_leaves", Type::INT8),
        ("partial_leaves", Type::INT8),
        ("loading_leaves", Type::INT8),
        ("absent_leaves", Type::INT8),
        ("records", Type::INT8),
        ("fill", Type::FLOAT8),
        ("model_error", Type::FLOAT8),
        ("index_bytes", Type::INT8),
        ("record_bytes", Type::INT8),
        ("hits", Type::INT8),
        ("loads", Type::INT8),
        ("evictions", Type::INT8),
    ],
};

/// `pg_prepared_xacts`: one row a prepared transaction, of all databases.
pub static PREPARED_XACTS: VirtualRelation = VirtualRelation {
    oid: Oid(4_000_000_002),
    schema: "pg_catalog",
    name: "pg_prepared_xacts",
    columns: &[
        ("transaction", Type::XID),
        ("gid", Type::TEXT),
        ("prepared", Type::TIMESTAMPTZ),
        ("owner", Type::NAME),
        ("database", Type::NAME),
    ],
};

/// `pg_locks`: one row a lock that is held or wanted.
pub static LOCKS: VirtualRelation = VirtualRelation {
    oid: Oid(4_000_000_003),
    schema: "pg_catalog",
    name: "pg_locks",
    columns: &[
        ("locktype", Type::TEXT),
        ("database", Type::OID),
        ("relation", Type::OID),
        ("page", Type::INT4),
        ("tuple", Type::INT2),
        ("virtualxid", Type::TEXT),
        ("transactionid", Type::XID),
        ("classid", Type::OID),
        ("objid", Type::OID),
        ("objsubid", Type::INT2),
        ("virtualtransaction", Type::TEXT),
        ("pid", Type::INT4),
        ("mode", Type::TEXT),
        ("granted", Type::BOOL),
        ("fastpath", Type::BOOL),
        ("waitstart", Type::TIMESTAMPTZ),
    ],
};

/// `pg_stat_activity`: one row a session.
pub static ACTIVITY: VirtualRelation = VirtualRelation {
    oid: Oid(4_000_000_004),
    schema: "pg_catalog",
    name: "pg_stat_activity",
    columns: &[
        ("datid", Type::OID),
        ("datname", Type::NAME),
        ("pid", Type::INT4),
        ("leader_pid", Type::INT4),
        ("usesysid", Type::OID),
        ("usename", Type::NAME),
        ("application_name", Type::TEXT),
        ("client_addr", Type::TEXT),
        ("client_hostname", Type::TEXT),
        ("client_port", Type::INT4),
        ("backend_start", Type::TIMESTAMPTZ),
        ("xact_start", Type::TIMESTAMPTZ),
        ("query_start", Type::TIMESTAMPTZ),
        ("state_change", Type::TIMESTAMPTZ),
        ("wait_event_type", Type::TEXT),
        ("wait_event", Type::TEXT),
        ("state", Type::TEXT),
        ("backend_xid", Type::XID),
        ("backend_xmin", Type::XID),
        ("query_id", Type::INT8),
        ("query", Type::TEXT),
        ("backend_type", Type::TEXT),
    ],
};

/// All of them.
pub(super) static COMPUTED: [(&VirtualRelation, Relation); 5] = [
    (&ACTIVITY, Relation::Virtual(&ACTIVITY)),
    (&COUNTERS, Relation::Virtual(&COUNTERS)),
    (&INDEX_STATS, Relation::Virtual(&INDEX_STATS)),
    (&LOCKS, Relation::Virtual(&LOCKS)),
    (&PREPARED_XACTS, Relation::Virtual(&PREPARED_XACTS)),
];
