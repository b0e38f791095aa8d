//! VACUUM and ANALYZE.
//!
//! VACUUM collects history nobody needs and compacts the tables' keyspaces, each table in a
//! transaction of its own. A compaction always writes everything anew and takes the timestamps off
//! old rows, so FULL, FREEZE and DISABLE_PAGE_SKIPPING ask for what happens anyway; FULL also keeps
//! everybody else out, as in PostgreSQL.

use std::sync::Arc;

use reckon_mvcc::{KeyspaceId, TableLock, Wait};

use super::{Notice, Session};
use crate::ddl::{Edit, Maintained};
use crate::error::{Result, SqlState, StatementError, TransactionError};
use crate::parser::{Maintenance, Name, Source};
use crate::types::Oid;

impl Maintenance {
    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|on| on == option)
    }
}

impl Session {
    /// VACUUM.
    pub(super) fn vacuum(&mut self, request: &Maintenance, source: &Arc<Source>) -> Result<()> {
        if request.has("full") && request.has("disable_page_skipping") {
            let problem = "VACUUM option DISABLE_PAGE_SKIPPING cannot be used with FULL";
            return Err(StatementError::MaintenanceOption { problem }.into());
        }
        let analyze = request.has("analyze");
        if !analyze && request.tables.iter().any(|(_, columns)| !columns.is_empty()) {
            let problem = "ANALYZE option must be specified when a column list is provided";
            return Err(StatementError::MaintenanceOption { problem }.into());
        }
        self.not_in_block("VACUUM")?;
        let full = request.has("full");
        let mode = if full { TableLock::AccessExclusive } else { TableLock::ShareUpdateExclusive };
        for (name, columns) in self.maintained(request)? {
            let Some(table) = self.lock_maintained("vacuum", request, &name, mode, source)? else {
                continue;
            };
            self.compact(&name, table, request.has("verbose"))?;
            if analyze {
                self.analyze_table(&name, table, &columns, request, source)?;
            }
            self.end_implicit()?;
        }
        Ok(())
    }

    /// ANALYZE.
    pub(super) fn analyze(&mut self, request: &Maintenance, source: &Arc<Source>) -> Result<()> {
        let mode = TableLock::ShareUpdateExclusive;
        for (name, columns) in self.maintained(request)? {
            if let Some(table) = self.lock_maintained("analyze", request, &name, mode, source)? {
                self.analyze_table(&name, table, &columns, request, source)?;
            }
        }
        Ok(())
    }

    /// What is to be done: the tables named, or all there are.
    fn maintained(&mut self, request: &Maintenance) -> Result<Vec<(Name, Vec<String>)>> {
        if !request.tables.is_empty() {
            return Ok(request.tables.clone());
        }
        let catalog = self.definitions()?;
        let mut tables: Vec<_> = catalog.tables().collect();
        tables.sort_by_key(|table| table.oid);
        let name = |table: &&Arc<crate::catalog::Table>| {
            let (schema, name) = (Some(table.schema_name.clone()), table.name.clone());
            (Name { schema, name, position: None }, Vec::new())
        };
        Ok(tables.iter().map(name).collect())
    }

    /// Locks a table; None, with a warning: there is nothing to do.
    fn lock_maintained(
        &mut self,
        verb: &str,
        request: &Maintenance,
        name: &Name,
        mode: TableLock,
        source: &Arc<Source>,
    ) -> Result<Option<Oid>> {
        let wait = if request.has("skip_locked") { Wait::Skip } else { self.lock_wait() };
        let found = self.maintain(source, |edit| edit.lock_maintained(name, mode, wait))?;
        let (code, message) = match found {
            Some(Maintained::Table(table)) => return Ok(Some(table)),
            None => return Ok(None),
            Some(Maintained::NoTable(name)) => (
                SqlState::WARNING,
                format!(
                    "skipping \"{name}\" --- cannot {verb} non-tables or special system tables"
                ),
            ),
            Some(Maintained::Locked(name)) => (
                SqlState::LOCK_NOT_AVAILABLE,
                format!("skipping {verb} of \"{name}\" --- lock not available"),
            ),
        };
        self.notice(Notice::warning(code, message));
        Ok(None)
    }

    fn compact(&mut self, name: &Name, table: Oid, verbose: bool) -> Result<()> {
        let Some(table) = self.definitions()?.table(table).cloned() else { return Ok(()) };
        let shown = format!("{}.{}.{}", self.definition.name, table.schema_name, name.name);
        if verbose {
            self.notice(Notice::info(format!("vacuuming \"{shown}\"")));
        }
        let engine = self.database.engine().clone();
        let keyspaces: Vec<KeyspaceId> = table.keyspaces().collect();
        let size =
            || keyspaces.iter().map(|keyspace| engine.size(*keyspace)).sum::<Result<u64, _>>();
        let before = size()?;
        for keyspace in &keyspaces {
            engine.compact(*keyspace)?;
        }
        let after = size()?;
        self.database.inner().table_sizes.note(table.keyspace, engine.size(table.keyspace)?);
        if verbose {
            let bytes = format!("{before} bytes before, {after} bytes after");
            self.notice(Notice::info(format!("finished vacuuming \"{shown}\": {bytes}")));
        }
        Ok(())
    }

    fn analyze_table(
        &mut self,
        name: &Name,
        table: Oid,
        columns: &[String],
        request: &Maintenance,
        source: &Arc<Source>,
    ) -> Result<()> {
        let verbose = request.has("verbose");
        if verbose && let Some(table) = self.definitions()?.table(table) {
            let shown = format!("analyzing \"{}.{}\"", table.schema_name, table.name);
            self.notice(Notice::info(shown));
        }
        let analyzed = self.maintain(source, |edit| edit.analyze(table, columns))?;
        self.database.inner().table_sizes.note(analyzed.keyspace, analyzed.bytes);
        if verbose {
            let (rows, sampled) = (analyzed.rows, analyzed.sampled);
            let read = format!("\"{}\": read {rows} rows; {sampled} rows in sample", name.name);
            self.notice(Notice::info(read));
        }
        Ok(())
    }

    /// Statistics are no change of what a READ ONLY transaction protects; but they are of now.
    fn maintain<R>(
        &mut self,
        source: &Arc<Source>,
        change: impl FnOnce(&mut Edit<'_>) -> Result<R>,
    ) -> Result<R> {
        if self.open_transaction()?.transaction.is_historical() {
            return Err(TransactionError::ReadOnlyTransaction { command: "ANALYZE" }.into());
        }
        self.edit_unprotected(source, change)
    }
}
