//! All definitions of one database at one point in time.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use reckon_mvcc::{Counters, Direction, KeyRange, KeyspaceId, Snapshot, Transaction};

use super::counters::COMPUTED;
use super::record::{self, Record};
use super::{Schema, Table, TableStatistics, VirtualRelation};
use crate::error::{DataError, Error, Result};
use crate::types::Oid;

/// All definitions of one database, immutable.
#[derive(Debug, Default)]
pub struct Catalog {
    schemas: BTreeMap<String, Arc<Schema>>,
    tables: HashMap<Oid, Arc<Table>>,
    statistics: HashMap<Oid, TableStatistics>,
    relations: HashMap<Oid, HashMap<String, Relation>>,
}

/// What a relation name stands for.
#[derive(Clone, Debug)]
pub enum Relation {
    /// A table.
    Table(Arc<Table>),
    /// An index of a table.
    Index {
        /// The table.
        table: Arc<Table>,
        /// OID of the index.
        index: Oid,
    },
    /// A relation computed from the catalog.
    Virtual(&'static VirtualRelation),
}

impl Catalog {
    /// Reads the definitions that `snapshot` sees.
    ///
    /// # Errors
    ///
    /// XX001 for a row that is no definition, and what reading may give.
    pub fn load(
        transaction: &Transaction,
        snapshot: &Snapshot,
        keyspace: KeyspaceId,
    ) -> Result<Catalog> {
        let mut catalog = Catalog::default();
        scan(transaction, snapshot, keyspace, &mut |key, value| catalog.add(key, value))?;
        Ok(catalog)
    }

    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        match key.first() {
            Some(&Schema::KIND) => {
                let schema: Schema = record::decode(value)?;
                self.schemas.insert(schema.name.clone(), Arc::new(schema));
            }
            Some(&Table::KIND) => self.add_table(Arc::new(record::decode(value)?)),
            Some(&TableStatistics::KIND) => {
                let statistics: TableStatistics = record::decode(value)?;
                self.statistics.insert(statistics.table, statistics);
            }
            _ => return Err(DataError::Corrupted { what: "a catalog key" }.into()),
        }
        Ok(())
    }

    fn add_table(&mut self, table: Arc<Table>) {
        let names = self.relations.entry(table.schema).or_default();
        for index in table.primary_key().into_iter().chain(&table.indexes) {
            let relation = Relation::Index { table: Arc::clone(&table), index: index.oid };
            names.insert(index.name.clone(), relation);
        }
        names.insert(table.name.clone(), Relation::Table(Arc::clone(&table)));
        self.tables.insert(table.oid, table);
    }

    /// The schema of a name.
    pub fn schema(&self, name: &str) -> Option<&Arc<Schema>> {
        self.schemas.get(name)
    }

    /// All schemas, by name.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.schemas.values()
    }

    /// The relation of a name in a schema.
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Relation> {
        let mut computed = COMPUTED.iter();
        if let Some((_, found)) = computed.find(|(one, _)| one.schema == schema && one.name == name)
        {
            return Some(found);
        }
        let schema = self.schemas.get(schema)?;
        self.relations.get(&schema.oid)?.get(name)
    }

    /// A table by OID.
    pub fn table(&self, oid: Oid) -> Option<&Arc<Table>> {
        self.tables.get(&oid)
    }

    /// What ANALYZE found in a table.
    pub fn statistics(&self, table: Oid) -> Option<&TableStatistics> {
        self.statistics.get(&table)
    }

    /// All tables, in no order.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.values()
    }

    /// Where the rows of a table or the entries of an index are, by OID. A primary key's are the table's rows.
    pub fn keyspace(&self, relation: Oid) -> Option<KeyspaceId> {
        if let Some(table) = self.tables.get(&relation) {
            return Some(table.keyspace);
        }
        self.tables.values().find_map(|table| {
            if table.primary_key().is_some_and(|key| key.oid == relation) {
                return Some(table.keyspace);
            }
            table.indexes.iter().find(|index| index.oid == relation).map(|index| index.keyspace)
        })
    }

    /// The name of a table or index by OID, with its schema's.
    pub fn relation_name(&self, oid: Oid) -> Option<(&str, &str)> {
        if let Some(table) = self.tables.get(&oid) {
            return Some((&table.schema_name, &table.name));
        }
        if let Some((found, _)) = COMPUTED.iter().find(|(one, _)| one.oid == oid) {
            return Some((found.schema, found.name));
        }
        self.tables.values().find_map(|table| {
            let mut indexes = table.primary_key().into_iter().chain(&table.indexes);
            let index = indexes.find(|index| index.oid == oid)?;
            Some((table.schema_name.as_str(), index.name.as_str()))
        })
    }
}

impl Relation {
    /// OID in `pg_class`.
    pub fn oid(&self) -> Oid {
        match self {
            Relation::Table(table) => table.oid,
            Relation::Index { index, .. } => *index,
            Relation::Virtual(relation) => relation.oid,
        }
    }
}

/// One table's definition at a snapshot, own changes included.
///
/// # Errors
///
/// XX001 for a row that is no definition, and what reading may give.
pub(crate) fn table_at(
    transaction: &Transaction,
    snapshot: &Snapshot,
    keyspace: KeyspaceId,
    oid: Oid,
) -> Result<Option<Table>> {
    let (key, mut counters) = (record::key::<Table>(oid), Counters::default());
    let snapshot = snapshot.untracked();
    let found = transaction.read(&snapshot, keyspace, &key, &mut counters, <[u8]>::to_vec)?;
    found.map(|stored| record::decode(&stored)).transpose()
}

/// How many catalog rows are read under one pin.
const BATCH: usize = 256;

/// Takes the key and the value of a row.
type RowVisitor<'v> = dyn FnMut(&[u8], &[u8]) -> Result<()> + 'v;

/// Visits every row of a catalog keyspace.
pub(super) fn scan(
    transaction: &Transaction,
    snapshot: &Snapshot,
    keyspace: KeyspaceId,
    row: &mut RowVisitor<'_>,
) -> Result<()> {
    // Definitions are protected by table locks, not by what SERIALIZABLE tracks.
    let snapshot = snapshot.untracked();
    let mut cursor = transaction.cursor(keyspace, KeyRange::ALL, Direction::Forward);
    let mut counters = Counters::default();
    let mut failed: Option<Error> = None;
    loop {
        let more = cursor.visit(transaction, &snapshot, BATCH, &mut counters, |key, value| {
            match row(key, value) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        match failed.take() {
            Some(error) => return Err(error),
            None if !more => return Ok(()),
            None => {}
        }
    }
}
