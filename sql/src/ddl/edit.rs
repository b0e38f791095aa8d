//! What every change of a definition works with.

use std::sync::Arc;

use reckon_mvcc::{
    Engine, Interrupt, Isolation, KeyspaceId, RowLock, Snapshot, TableLock, TableLockId,
    Transaction, Wait,
};

use crate::catalog::{self, Catalog, Relation, Schema, Table, TableStatistics};
use crate::database::{Closed, Presence};
use crate::error::{DefinitionError, Error, NameError, Result, SqlState};
use crate::parser::{Name, Source};
use crate::session::{Names, Notice};
use crate::types::{Formats, Oid};

/// One change of definitions, in the transaction that makes it.
pub(crate) struct Edit<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) transaction: &'a mut Transaction,
    /// The newest state: definitions are read as they are, whatever the isolation level.
    pub(crate) snapshot: Snapshot,
    pub(crate) catalog: Arc<Catalog>,
    /// The database's catalog.
    pub(crate) keyspace: KeyspaceId,
    pub(crate) database: Oid,
    /// Who will own what is made.
    pub(crate) owner: Oid,
    /// The schemas searched, `pg_catalog` among them.
    pub(crate) path: Vec<String>,
    pub(crate) wait: Wait,
    pub(crate) notices: &'a mut Vec<Notice>,
    /// How literals in defaults are read.
    pub(crate) formats: Formats,
    /// The text the statement stands in, for positions.
    pub(crate) source: Arc<Source>,
    pub(crate) presence: &'a Presence,
    /// Databases that the transaction drops.
    pub(crate) closed: &'a mut Vec<Closed>,
    /// What ends a long statement early.
    pub(crate) interrupt: &'a Interrupt,
}

impl Edit<'_> {
    /// The names as they are now.
    pub(super) fn names(&self) -> Names {
        Names::new(&self.catalog, self.path.clone(), self.interrupt)
    }

    /// The relation of a name.
    pub(super) fn find(&self, name: &Name) -> Result<Option<Relation>> {
        let Some(schema) = &name.schema else {
            let mut path = self.path.iter();
            let found = path.find_map(|schema| self.catalog.relation(schema, &name.name));
            return Ok(found.cloned());
        };
        if schema != "pg_catalog" && self.catalog.schema(schema).is_none() {
            return Err(DefinitionError::UndefinedSchema { name: schema.clone() }.into());
        }
        Ok(self.catalog.relation(schema, &name.name).cloned())
    }

    /// The table of a name, locked, with its definition as it is under the lock.
    pub(crate) fn lock(&mut self, name: &Name, mode: TableLock) -> Result<Arc<Table>> {
        loop {
            let table = match self.find(name)? {
                Some(Relation::Table(table)) => table,
                Some(Relation::Index { .. } | Relation::Virtual(_)) => {
                    return Err(DefinitionError::NotATable { name: name.name.clone() }.into());
                }
                None => {
                    return Err(NameError::UndefinedTable { name: name.to_string() }.into());
                }
            };
            let id = TableLockId { database: self.database.0, relation: table.oid.0 };
            self.transaction.lock_table(id, mode, self.wait)?;
            self.refresh()?;
            match self.catalog.table(table.oid) {
                Some(now) if now.name == table.name => return Ok(Arc::clone(now)),
                _ => {}
            }
        }
    }

    /// The same for a change that makes something of the rows, all of them as they are now. A
    /// transaction that keeps a snapshot of before the last change of a row would find there what
    /// it must not see.
    ///
    /// # Errors
    ///
    /// 40001: the transaction is to be tried again.
    pub(super) fn lock_rows(&mut self, name: &Name, mode: TableLock) -> Result<Arc<Table>> {
        let table = self.lock(name, mode)?;
        if self.transaction.isolation() == Isolation::ReadCommitted {
            return Ok(table);
        }
        let own = self.transaction.snapshot();
        let seen = catalog::table_at(self.transaction, &own, self.keyspace, table.oid)?;
        let is_seen = seen.is_some_and(|seen| seen.keyspace == table.keyspace);
        if is_seen && self.engine.last_change(table.keyspace) <= own.timestamp {
            return Ok(table);
        }
        Err(reckon_mvcc::Error::WriteConflict { deleted: false }.into())
    }

    /// Reads the definitions again, as they are now.
    pub(super) fn refresh(&mut self) -> Result<()> {
        self.snapshot = self.transaction.newest_snapshot();
        self.catalog = Arc::new(Catalog::load(self.transaction, &self.snapshot, self.keyspace)?);
        Ok(())
    }

    /// The schema a new relation goes into.
    pub(super) fn creation_schema(&self, name: &Name) -> Result<Arc<Schema>> {
        if let Some(schema) = &name.schema {
            if schema == "pg_catalog" {
                let name = name.to_string();
                return Err(DefinitionError::CatalogIsFixed { name }.into());
            }
            let found = self.catalog.schema(schema).cloned();
            return found.ok_or_else(|| {
                let missing = DefinitionError::UndefinedSchema { name: schema.clone() };
                Error::from(missing).at(name.position)
            });
        }
        let mut path = self.path.iter().filter(|schema| *schema != "pg_catalog");
        let first = path.find_map(|schema| self.catalog.schema(schema).cloned());
        first.ok_or_else(|| DefinitionError::NoCreationSchema.into())
    }

    /// Makes a name one's own until the end of the transaction; whoever wants the same waits.
    /// True when the name is free.
    pub(super) fn claim(&mut self, schema: &Schema, name: &str) -> Result<bool> {
        let mut key = vec![b'#'];
        key.extend_from_slice(&schema.oid.0.to_be_bytes());
        key.extend_from_slice(name.as_bytes());
        self.transaction.lock_key(self.keyspace, &key, RowLock::ForUpdate, self.wait)?;
        self.refresh()?;
        Ok(self.catalog.relation(&schema.name, name).is_none())
    }

    /// Writes a table's definition.
    pub(super) fn put(&mut self, table: &Table) -> Result<()> {
        catalog::put(self.transaction, self.keyspace, table)?;
        self.transaction.next_command();
        self.refresh()
    }

    /// Removes a table's definition.
    pub(super) fn remove(&mut self, table: &Table) -> Result<()> {
        catalog::remove::<Table>(self.transaction, self.keyspace, table.oid)?;
        if self.catalog.statistics(table.oid).is_some() {
            catalog::remove::<TableStatistics>(self.transaction, self.keyspace, table.oid)?;
        }
        self.transaction.next_command();
        self.refresh()
    }

    /// A new object's OID.
    pub(super) fn oid(&self) -> Result<Oid> {
        Ok(Oid(self.engine.allocate_keyspace()?.0))
    }

    /// A NOTICE that something to be made is there already, or something to be dropped is not.
    pub(super) fn skipping(&mut self, sqlstate: SqlState, message: String) {
        self.notices.push(Notice::new(sqlstate, format!("{message}, skipping")));
    }
}
