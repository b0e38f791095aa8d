//! TRUNCATE: new, empty keyspaces. Older snapshots go on seeing the rows.

use reckon_mvcc::TableLock;

use super::Edit;
use crate::catalog::{self, RowIdentity, Table, TableStatistics};
use crate::error::Result;
use crate::parser::Name;

impl Edit<'_> {
    /// TRUNCATE of one table.
    ///
    /// # Errors
    ///
    /// 42P01 for an unknown table.
    pub(crate) fn truncate(&mut self, name: &Name) -> Result<()> {
        let table = self.lock(name, TableLock::AccessExclusive)?;
        let mut changed = Table::clone(&table);
        for keyspace in table.keyspaces() {
            self.transaction.drop_keyspace(keyspace);
        }
        changed.keyspace = self.new_keyspace()?;
        if let RowIdentity::PrimaryKey(index) = &mut changed.identity {
            index.keyspace = changed.keyspace;
        }
        for index in &mut changed.indexes {
            index.keyspace = self.new_keyspace()?;
        }
        if let Some(known) = self.catalog.statistics(table.oid) {
            let emptied = TableStatistics { rows: 0, bytes: 0, ..known.clone() };
            catalog::put(self.transaction, self.keyspace, &emptied)?;
        }
        self.put(&changed)
    }
}
