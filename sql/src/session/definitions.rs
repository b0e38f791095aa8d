//! The definitions a statement works on.
//!
//! Nearly always they are what the session used last: one comparison with the time of the newest
//! change says so.

use std::sync::Arc;

use reckon_mvcc::{Error, Isolation, Snapshot, TableLock, Timestamp};

use super::Session;
use super::block::Block;
use crate::catalog::{self, AsOf, Catalog};
use crate::error::Result;
use crate::types::Oid;

impl Session {
    /// The definitions that the transaction's next statement would see. Opens a transaction when
    /// there is none.
    pub(super) fn definitions(&mut self) -> Result<Arc<Catalog>> {
        if let Some(known) = self.known_definitions() {
            return Ok(Arc::clone(known));
        }
        let open = self.open_transaction()?;
        if open.deferrable {
            open.transaction.await_safe_snapshot()?;
        }
        let snapshot = open.transaction.snapshot();
        self.definitions_at(&snapshot)
    }

    /// The definitions at hand, if nothing has been committed to the catalog since they were read
    /// and the open transaction may see them.
    #[inline]
    pub(super) fn known_definitions(&self) -> Option<&Arc<Catalog>> {
        if let Block::Open(open) = &self.block
            && (open.definition_changes > 0
                || open.as_of.is_some()
                || open.transaction.isolation() != Isolation::ReadCommitted)
        {
            return None;
        }
        let newest = self.newest_change();
        let known = self.committed.as_ref()?;
        (newest <= known.timestamp).then_some(&known.catalog)
    }

    /// When the definitions changed last, as far as is known; not later than anything that is read now.
    fn newest_change(&self) -> Timestamp {
        self.watch.last_change().max(self.database.engine().opened_at())
    }

    /// The definitions as they are now, the open transaction's changes included, read without a
    /// snapshot of it.
    pub(super) fn newest_definitions(&mut self) -> Result<Arc<Catalog>> {
        if let Some(open) = self.block.open()
            && open.definition_changes > 0
        {
            let snapshot = open.transaction.newest_snapshot();
            return self.definitions_at(&snapshot);
        }
        let newest = self.newest_change();
        if let Some(known) = self.committed.as_ref().filter(|known| newest <= known.timestamp) {
            return Ok(Arc::clone(&known.catalog));
        }
        let engine = self.database.engine();
        let mut reader = engine.session();
        let mut transaction = reader.begin(Isolation::ReadCommitted, true);
        let snapshot = transaction.newest_snapshot();
        let catalogs = &self.database.inner().catalogs;
        let loaded = catalogs.load(engine, &transaction, &snapshot, self.definition.catalog);
        transaction.rollback();
        let loaded = loaded?;
        let catalog = Arc::clone(&loaded.catalog);
        self.committed = Some(loaded);
        Ok(catalog)
    }

    /// Whether these are the definitions at a snapshot of the open transaction.
    #[inline]
    pub(super) fn are_definitions_at(
        &mut self,
        snapshot: &Snapshot,
        catalog: &Arc<Catalog>,
    ) -> Result<bool> {
        if let Block::Open(open) = &self.block
            && open.definition_changes == 0
            && let Some(known) = &self.committed
            && known.serves(self.newest_change(), snapshot.timestamp)
        {
            return Ok(Arc::ptr_eq(&known.catalog, catalog));
        }
        Ok(Arc::ptr_eq(&self.definitions_at(snapshot)?, catalog))
    }

    /// Refuses a statement whose transaction keeps a snapshot, when one of the tables it writes in
    /// was redefined after that snapshot: it would miss a new index, or write where nobody reads
    /// any more. The tables are locked, so that they stay as they are found.
    ///
    /// # Errors
    ///
    /// 40001: the transaction is to be tried again.
    #[inline]
    pub(super) fn check_not_redefined(
        &mut self,
        snapshot: &Snapshot,
        catalog: &Catalog,
        locked: &[(Oid, TableLock)],
    ) -> Result<()> {
        if let Block::Open(open) = &self.block
            && open.transaction.isolation() == Isolation::ReadCommitted
        {
            return Ok(());
        }
        if self.newest_change() <= snapshot.timestamp {
            return Ok(());
        }
        self.compare_with_newest(catalog, locked)
    }

    fn compare_with_newest(
        &mut self,
        catalog: &Catalog,
        locked: &[(Oid, TableLock)],
    ) -> Result<()> {
        let keyspace = self.definition.catalog;
        let Some(open) = self.block.open() else { return Ok(()) };
        let newest = open.transaction.newest_snapshot();
        for (oid, mode) in locked {
            if *mode == TableLock::AccessShare {
                continue;
            }
            let now = catalog::table_at(&open.transaction, &newest, keyspace, *oid)?;
            if now.as_ref() != catalog.table(*oid).map(Arc::as_ref) {
                return Err(Error::WriteConflict { deleted: now.is_none() }.into());
            }
        }
        Ok(())
    }

    /// The definitions at a snapshot of the open transaction, its own changes included.
    pub(super) fn definitions_at(&mut self, snapshot: &Snapshot) -> Result<Arc<Catalog>> {
        let keyspace = self.definition.catalog;
        let newest = self.newest_change();
        let Block::Open(open) = &mut self.block else {
            return Ok(Arc::clone(self.surroundings.catalog()));
        };
        if open.definition_changes > 0 {
            if let Some((change, known)) = &self.uncommitted
                && *change == open.definition_changes
                && known.serves(newest, snapshot.timestamp)
            {
                return Ok(Arc::clone(&known.catalog));
            }
            let catalog = Arc::new(Catalog::load(&open.transaction, snapshot, keyspace)?);
            let loaded = AsOf { timestamp: snapshot.timestamp, catalog: Arc::clone(&catalog) };
            self.uncommitted = Some((open.definition_changes, loaded));
            return Ok(catalog);
        }
        let engine = self.database.engine();
        if let Some(known) = &self.committed
            && known.serves(newest, snapshot.timestamp)
        {
            return Ok(Arc::clone(&known.catalog));
        }
        let catalogs = &self.database.inner().catalogs;
        let loaded = catalogs.load(engine, &open.transaction, snapshot, keyspace)?;
        let catalog = Arc::clone(&loaded.catalog);
        self.committed = Some(loaded);
        Ok(catalog)
    }
}
