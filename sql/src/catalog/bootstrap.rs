//! The first rows of a new data directory: role `postgres`, and the databases `postgres`,
//! `template1` and `template0`, with PostgreSQL's OIDs.

use reckon_mvcc::{Engine, Isolation, KeyspaceId, Transaction};

use super::record::{self, CLUSTER, Record};
use super::{Cluster, DatabaseDefinition, Role, Schema};
use crate::error::Result;
use crate::types::Oid;

/// The bootstrap superuser's OID.
pub const SUPERUSER: Oid = Oid(10);

/// The schema `public`.
pub const PUBLIC: Oid = Oid(2200);

/// The database that is there from the start, and the superuser's name.
pub const POSTGRES_DATABASE: &str = "postgres";

/// (name, OID, catalog keyspace, whether anybody may connect)
const DATABASES: [(&str, Oid, KeyspaceId, bool); 3] = [
    ("template1", Oid(1), KeyspaceId(101), true),
    ("template0", Oid(4), KeyspaceId(104), false),
    (POSTGRES_DATABASE, Oid(5), KeyspaceId(105), true),
];

/// Writes the first rows, unless they are there.
pub(crate) fn create_cluster(engine: &Engine) -> Result<()> {
    let mut session = engine.session();
    let mut transaction = session.begin(Isolation::ReadCommitted, false);
    let snapshot = transaction.snapshot();
    if !Cluster::load(&transaction, &snapshot)?.roles.is_empty() {
        transaction.rollback();
        return Ok(());
    }
    let superuser = Role {
        oid: SUPERUSER,
        name: POSTGRES_DATABASE.to_owned(),
        superuser: true,
        can_login: true,
        password: None,
    };
    put(&mut transaction, CLUSTER, &superuser)?;
    for (name, oid, catalog, allow_connections) in DATABASES {
        let name = name.to_owned();
        let database =
            DatabaseDefinition { oid, name, owner: SUPERUSER, catalog, allow_connections };
        put(&mut transaction, CLUSTER, &database)?;
        new_catalog(&mut transaction, catalog)?;
    }
    let committed = transaction.commit()?;
    engine.on_durable(committed.durable_needed).wait();
    Ok(())
}

/// Writes the first rows of a database's own catalog.
pub(crate) fn new_catalog(transaction: &mut Transaction, keyspace: KeyspaceId) -> Result<()> {
    put(transaction, keyspace, &Schema { oid: PUBLIC, name: "public".to_owned() })
}

/// Writes one definition.
pub(crate) fn put<R: Record>(
    transaction: &mut Transaction,
    keyspace: KeyspaceId,
    record: &R,
) -> Result<()> {
    transaction.put(keyspace, &record::key::<R>(record.oid()), &record::encode(record))?;
    Ok(())
}

/// Writes what is known of an object, which a READ ONLY transaction may do too.
pub(crate) fn annotate<R: Record>(
    transaction: &mut Transaction,
    keyspace: KeyspaceId,
    record: &R,
) -> Result<()> {
    transaction.annotate(keyspace, &record::key::<R>(record.oid()), &record::encode(record))?;
    Ok(())
}

/// Removes one definition.
pub(crate) fn remove<R: Record>(
    transaction: &mut Transaction,
    keyspace: KeyspaceId,
    oid: Oid,
) -> Result<()> {
    transaction.delete(keyspace, &record::key::<R>(oid))?;
    Ok(())
}
