//! Statements without a plan of their own.

use std::sync::Arc;

use sqlparser::ast;

use super::Session;
use super::block::Open;
use super::environment::is_of_transaction;
use super::portal::{Portal, Progress, RowEncoding, RowsRun, Run, Shape};
use super::prepared::{Bound, Prepared};
use crate::ddl::{self, Edit};
use crate::error::{Error, ExecutionError, Result, StatementError, SyntaxError, TransactionError};
use crate::parser::{
    DiscardTarget, Kind, Name, SettingValue, Source, Statement, TransactionModes, Utility,
};
use crate::plan::OutputColumn;
use crate::settings::{Level, Scope};
use crate::types::{Datum, Type};

/// What a utility statement leaves behind.
pub(super) enum Outcome {
    /// A command tag.
    Tag(&'static str),
    /// Rows, then a tag.
    Rows(Vec<Vec<Datum>>, &'static str),
}

impl Session {
    /// What the replies to a statement will look like.
    pub(super) fn shape(&mut self, prepared: &Prepared) -> Result<Shape> {
        let Some(statement) = &prepared.statement else { return Ok(Shape::None) };
        Ok(match &statement.kind {
            Kind::Query(_) => match self.planning(prepared)? {
                Some(planning) => planning.planned.columns.clone().map_or(Shape::None, Shape::Rows),
                None => Shape::None,
            },
            Kind::Explain(_) => Shape::Rows(vec![text_column("QUERY PLAN")]),
            Kind::Copy(copy) => {
                let columns = self.copy_columns(copy)?;
                if copy.from { Shape::CopyIn { columns } } else { Shape::CopyOut { columns } }
            }
            Kind::Utility(Utility::Show(name)) => Shape::Rows(self.show_columns(name.as_deref())?),
            Kind::Utility(Utility::Execute { name, .. }) => {
                // One that names itself, by way of others or not, fails when it is executed.
                if crate::stack::check().is_err() {
                    return Ok(Shape::None);
                }
                let prepared = self.prepared(name)?;
                return self.shape(&prepared);
            }
            Kind::Definition(_) | Kind::Utility(_) => Shape::None,
        })
    }

    /// Runs a utility statement, or starts it when it has rows; Some: there is nothing to run on.
    pub(super) fn start_utility(
        &mut self,
        statement: &Statement,
        portal: &mut Portal,
    ) -> Result<Option<Progress>> {
        let outcome = match &statement.kind {
            Kind::Utility(Utility::Execute { name, arguments }) => {
                return self.start_execute(name, arguments, statement, portal);
            }
            Kind::Copy(copy) => return self.start_copy(copy, portal),
            Kind::Explain(explain) => Outcome::Rows(self.explain(explain)?, "EXPLAIN"),
            Kind::Definition(definition) => {
                let source = &statement.source;
                Outcome::Tag(source.walk(|| self.define(definition, source))?)
            }
            Kind::Utility(utility) => self.utility(utility, statement)?,
            Kind::Query(_) => {
                return Err(ExecutionError::Internal { what: "a query is no utility" }.into());
            }
        };
        match outcome {
            Outcome::Tag(tag) => Ok(Some(Progress::Complete(tag.into()))),
            Outcome::Rows(rows, tag) => {
                let width = rows.first().map_or(1, Vec::len);
                let columns = vec![text_column(""); width];
                let formats = &self.surroundings.settings.effective().formats;
                let encoding = RowEncoding::new(&columns, &portal.result_formats, formats);
                portal.run = Run::Rows(Box::new(RowsRun::new(rows, encoding, tag.into())));
                Ok(None)
            }
        }
    }

    fn utility(&mut self, utility: &Utility, statement: &Statement) -> Result<Outcome> {
        if let Some(tag) = self.transaction_control(utility, &statement.source)? {
            return Ok(Outcome::Tag(tag));
        }
        Ok(Outcome::Tag(match utility {
            Utility::Set { local, name, values } => {
                self.set(*local, name, values, &statement.source)?;
                "SET"
            }
            Utility::Reset(name) => {
                self.reset(name.as_deref(), &statement.source)?;
                "RESET"
            }
            Utility::Show(name) => return self.show(name.as_deref()),
            Utility::Prepare { name, types, statement } => {
                self.prepare_statement(name, types, statement)?;
                "PREPARE"
            }
            Utility::Deallocate(Some(name)) => {
                let missing = || StatementError::UndefinedPreparedStatement { name: name.clone() };
                self.statements.remove(name).ok_or_else(missing)?;
                "DEALLOCATE"
            }
            Utility::Deallocate(None) => {
                self.statements.clear();
                "DEALLOCATE ALL"
            }
            Utility::Discard(target) => self.discard(*target)?,
            Utility::Vacuum(maintenance) => {
                self.vacuum(maintenance, &statement.source)?;
                "VACUUM"
            }
            Utility::Analyze(maintenance) => {
                self.analyze(maintenance, &statement.source)?;
                "ANALYZE"
            }
            Utility::Truncate(truncate) => {
                self.edit("TRUNCATE TABLE", &statement.source, |edit| {
                    truncate.tables.iter().try_for_each(|name| edit.truncate(name))
                })?;
                "TRUNCATE TABLE"
            }
            Utility::CreateDatabase { name, options } => {
                self.not_in_block("CREATE DATABASE")?;
                self.edit("CREATE DATABASE", &statement.source, |edit| {
                    ddl::create_database(edit, name, options)
                })?;
                "CREATE DATABASE"
            }
            Utility::DropDatabase { name, if_exists, force } => {
                self.not_in_block("DROP DATABASE")?;
                if *force {
                    return Err(SyntaxError::unsupported("DROP DATABASE ... WITH (FORCE)").into());
                }
                self.edit("DROP DATABASE", &statement.source, |edit| {
                    ddl::drop_database(edit, name, *if_exists)
                })?;
                "DROP DATABASE"
            }
            Utility::Lock { tables, mode, nowait } => {
                self.lock_tables(tables, *mode, *nowait)?;
                "LOCK TABLE"
            }
            Utility::Checkpoint => {
                self.database.engine().store().flush_log(true).map_err(reckon_mvcc::Error::from)?;
                "CHECKPOINT"
            }
            _ => return Err(ExecutionError::Internal { what: "no such utility" }.into()),
        }))
    }

    /// BEGIN to ROLLBACK TO, and what takes effect with COMMIT; None for other statements.
    fn transaction_control(
        &mut self,
        utility: &Utility,
        source: &Source,
    ) -> Result<Option<&'static str>> {
        Ok(Some(match utility {
            Utility::Begin(modes) => {
                self.begin_block(modes, source)?;
                "BEGIN"
            }
            Utility::Start(modes) => {
                self.begin_block(modes, source)?;
                "START TRANSACTION"
            }
            Utility::Commit { chain } => {
                let chained = self.chained(*chain, "COMMIT AND CHAIN")?;
                let committed = self.commit_block()?;
                chained.map_or(Ok(()), |before| self.chain(before))?;
                if committed { "COMMIT" } else { "ROLLBACK" }
            }
            Utility::Rollback { chain } => {
                let chained = self.chained(*chain, "ROLLBACK AND CHAIN")?;
                self.rollback_block();
                chained.map_or(Ok(()), |before| self.chain(before))?;
                "ROLLBACK"
            }
            Utility::PrepareTransaction(identifier) => self.prepare_transaction(identifier)?,
            Utility::CommitPrepared(identifier) => {
                self.commit_prepared(identifier)?;
                "COMMIT PREPARED"
            }
            Utility::RollbackPrepared(identifier) => {
                self.rollback_prepared(identifier)?;
                "ROLLBACK PREPARED"
            }
            Utility::Savepoint(name) => {
                self.savepoint(name)?;
                "SAVEPOINT"
            }
            Utility::Release(name) => {
                self.release_savepoint(name)?;
                "RELEASE"
            }
            Utility::RollbackTo(name) => {
                self.rollback_to_savepoint(name)?;
                "ROLLBACK"
            }
            Utility::SetTransaction(modes) => {
                self.set_transaction_here(modes, source)?;
                "SET"
            }
            Utility::SetSnapshot(name) => {
                if !self.is_in_block() {
                    self.warn_outside_block("SET TRANSACTION");
                }
                self.set_snapshot(name)?;
                "SET"
            }
            Utility::SetCharacteristics(modes) => {
                self.set_characteristics(modes)?;
                "SET"
            }
            _ => return self.notification(utility),
        }))
    }

    /// For AND CHAIN, what the block to come is like.
    fn chained(
        &self,
        chain: bool,
        command: &'static str,
    ) -> Result<Option<super::Characteristics>> {
        if !chain {
            return Ok(None);
        }
        match self.characteristics() {
            Some(before) => Ok(Some(before)),
            None => Err(TransactionError::NotInBlock { command }.into()),
        }
    }

    fn set_characteristics(&mut self, modes: &TransactionModes) -> Result<()> {
        if modes.system_time.is_some() {
            let feature = "AS OF SYSTEM TIME of a session";
            return Err(SyntaxError::unsupported(feature).into());
        }
        self.open_transaction()?;
        let settings = &mut self.surroundings.settings;
        if let Some(level) = modes.isolation {
            let name = level.name();
            settings.set("default_transaction_isolation", Some(name), Scope::Session)?;
        }
        if let Some(deferrable) = modes.deferrable {
            let value = if deferrable { "on" } else { "off" };
            settings.set("default_transaction_deferrable", Some(value), Scope::Session)?;
        }
        if let Some(read_only) = modes.read_only {
            let value = if read_only { "on" } else { "off" };
            settings.set("default_transaction_read_only", Some(value), Scope::Session)?;
        }
        Ok(())
    }

    fn set(
        &mut self,
        local: bool,
        name: &str,
        values: &[SettingValue],
        source: &Source,
    ) -> Result<()> {
        if local && !self.is_in_block() {
            self.warn_outside_block("SET LOCAL");
        }
        let lower = name.to_ascii_lowercase();
        match values {
            [value] if is_of_transaction(&lower) => {
                return self.set_transaction_setting(&lower, value.as_str(), source);
            }
            [] if is_of_transaction(&lower) => {
                return self.reset_transaction_setting(&lower, source);
            }
            _ => {}
        }
        let scope = if local { Scope::Local } else { Scope::Session };
        let value = match values {
            [] => None,
            [value] if lower != "search_path" => Some(value.as_str().to_owned()),
            list => Some(listed(list)),
        };
        self.open_transaction()?;
        self.surroundings.settings.set(name, value.as_deref(), scope)?;
        Ok(())
    }

    /// `SET transaction_isolation = ...` is SET TRANSACTION.
    fn set_transaction_setting(&mut self, name: &str, value: &str, source: &Source) -> Result<()> {
        let checked = self.surroundings.settings.check(name, value)?;
        let mut modes = TransactionModes::default();
        match name {
            "transaction_isolation" => modes.isolation = Level::named(&checked),
            "transaction_deferrable" => modes.deferrable = Some(checked == "on"),
            _ => modes.read_only = Some(checked == "on"),
        }
        self.open_transaction()?;
        self.set_transaction(&modes, source)
    }

    /// Back to what a transaction is that nothing was said of, where SET TRANSACTION may do that.
    fn reset_transaction_setting(&mut self, name: &str, source: &Source) -> Result<()> {
        if !self.is_in_block() {
            self.warn_outside_block("RESET TRANSACTION");
            return Ok(());
        }
        let usual = if name == "transaction_isolation" { "read committed" } else { "off" };
        self.set_transaction_setting(name, usual, source)
    }

    fn reset(&mut self, name: Option<&str>, source: &Source) -> Result<()> {
        let lower = name.map(str::to_ascii_lowercase);
        if let Some(lower) = lower.filter(|lower| is_of_transaction(lower)) {
            return self.reset_transaction_setting(&lower, source);
        }
        self.open_transaction()?;
        match name {
            Some(name) => {
                self.surroundings.settings.set(name, None, Scope::Session)?;
            }
            None => self.surroundings.settings.reset_all(),
        }
        Ok(())
    }

    fn show_columns(&self, name: Option<&str>) -> Result<Vec<OutputColumn>> {
        match name {
            Some(name) => {
                let (setting, _) = self.surroundings.settings.show(name)?;
                Ok(vec![text_column(setting.name)])
            }
            None => Ok(["name", "setting", "description"].map(text_column).to_vec()),
        }
    }

    fn show(&mut self, name: Option<&str>) -> Result<Outcome> {
        let rows = match name {
            Some(name) => vec![vec![Datum::text(&self.shown(name)?)]],
            None => {
                let names: Vec<_> = self.surroundings.settings.all().collect();
                let mut rows = Vec::with_capacity(names.len());
                for (setting, _) in names {
                    let value = self.shown(setting.name)?;
                    let row = [setting.name, &value, setting.description];
                    rows.push(row.map(Datum::text).to_vec());
                }
                rows
            }
        };
        Ok(Outcome::Rows(rows, "SHOW"))
    }

    /// A setting's value; those of the transaction are asked of the transaction.
    fn shown(&mut self, name: &str) -> Result<String> {
        let (setting, value) = self.surroundings.settings.show(name)?;
        let effective = self.surroundings.settings.effective();
        let word = |on| (if on { "on" } else { "off" }).to_owned();
        let (level, read_only, deferrable) = match self.block.open() {
            Some(Open { transaction, level, deferrable, .. }) => {
                (*level, transaction.is_read_only(), *deferrable)
            }
            None => (
                effective.default_isolation,
                effective.default_read_only,
                effective.default_deferrable,
            ),
        };
        Ok(match setting.name {
            "transaction_isolation" => level.name().to_owned(),
            "transaction_read_only" => word(read_only),
            "transaction_deferrable" => word(deferrable),
            _ => value,
        })
    }

    fn discard(&mut self, target: DiscardTarget) -> Result<&'static str> {
        match target {
            DiscardTarget::All => {
                self.not_in_block("DISCARD ALL")?;
                self.open_transaction()?;
                self.portals.clear();
                self.surroundings.settings.reset_all();
                self.statements.clear();
                self.plans.clear();
                let channels = &self.database.inner().channels;
                self.surroundings.mail.close(channels, self.definition.oid);
                self.surroundings.advisory.unlock_all();
                Ok("DISCARD ALL")
            }
            DiscardTarget::Plans => {
                self.plans.clear();
                Ok("DISCARD PLANS")
            }
            // There are none yet, so none are left.
            DiscardTarget::Sequences => Ok("DISCARD SEQUENCES"),
            DiscardTarget::Temporary => Ok("DISCARD TEMP"),
        }
    }

    /// CREATE, ALTER and DROP of relations.
    fn define(&mut self, statement: &ast::Statement, source: &Arc<Source>) -> Result<&'static str> {
        match statement {
            ast::Statement::CreateTable(create) => {
                self.edit("CREATE TABLE", source, |edit| edit.create_table(create))?;
                Ok("CREATE TABLE")
            }
            ast::Statement::CreateIndex(create) => {
                self.edit("CREATE INDEX", source, |edit| edit.create_index(create))?;
                Ok("CREATE INDEX")
            }
            ast::Statement::AlterTable(alter) => {
                self.edit("ALTER TABLE", source, |edit| edit.alter_table(alter))?;
                Ok("ALTER TABLE")
            }
            ast::Statement::Drop {
                object_type,
                if_exists,
                names,
                // Nothing depends on tables and indexes yet: CASCADE has nothing to add, and
                // RESTRICT nothing to refuse.
                cascade: _,
                restrict: _,
                purge,
                temporary,
                table,
            } => {
                if *purge || *temporary || table.is_some() {
                    return Err(SyntaxError::unsupported("this form of DROP").into());
                }
                let index = match object_type {
                    ast::ObjectType::Table => false,
                    ast::ObjectType::Index => true,
                    other => return Err(SyntaxError::unsupported(format!("DROP {other}")).into()),
                };
                let command = if index { "DROP INDEX" } else { "DROP TABLE" };
                let named = |name| crate::parser::object_name(name, source);
                let names = names.iter().map(named).collect::<Result<Vec<_>>>()?;
                let once = self.edit(command, source, |edit| edit.each_once(names))?;
                for name in once {
                    self.edit(command, source, |edit| match index {
                        true => edit.drop_index(&name, *if_exists),
                        false => edit.drop_table(&name, *if_exists),
                    })?;
                }
                Ok(command)
            }
            other => {
                let words: Vec<_> =
                    other.to_string().split(' ').take(2).map(str::to_owned).collect();
                Err(SyntaxError::unsupported(words.join(" ")).into())
            }
        }
    }

    /// Runs a change of definitions in the transaction.
    pub(super) fn edit<R>(
        &mut self,
        command: &'static str,
        source: &Arc<Source>,
        change: impl FnOnce(&mut Edit<'_>) -> Result<R>,
    ) -> Result<R> {
        if self.open_transaction()?.transaction.is_read_only() {
            return Err(TransactionError::ReadOnlyTransaction { command }.into());
        }
        self.edit_unprotected(source, change)
    }

    /// The same of a change that READ ONLY does not forbid.
    pub(super) fn edit_unprotected<R>(
        &mut self,
        source: &Arc<Source>,
        change: impl FnOnce(&mut Edit<'_>) -> Result<R>,
    ) -> Result<R> {
        let wait = self.lock_wait();
        let open = self.open_transaction()?;
        let snapshot = open.transaction.newest_snapshot();
        let catalog = self.definitions_at(&snapshot)?;
        self.surroundings.set_catalog(&catalog);
        let path = self.surroundings.search_path().into_iter().map(str::to_owned).collect();
        let database = self.database.clone();
        let super::block::Block::Open(open) = &mut self.block else {
            return Err(TransactionError::InFailedTransaction.into());
        };
        open.has_queried = true;
        open.definition_changes += 1;
        let mut edit = Edit {
            engine: database.engine(),
            transaction: &mut open.transaction,
            snapshot,
            catalog,
            keyspace: self.definition.catalog,
            database: self.definition.oid,
            owner: self.user.oid,
            path,
            wait,
            notices: &mut self.notices,
            formats: self.surroundings.settings.effective().formats.clone(),
            source: Arc::clone(source),
            presence: &database.inner().presence,
            closed: &mut open.closed,
            interrupt: &self.interrupt,
        };
        change(&mut edit)
    }

    fn lock_tables(
        &mut self,
        tables: &[Name],
        mode: reckon_mvcc::TableLock,
        nowait: bool,
    ) -> Result<()> {
        if !self.in_script {
            self.block_for("LOCK TABLE")?;
        }
        let wait = if nowait { reckon_mvcc::Wait::NoWait } else { self.lock_wait() };
        tables.iter().try_for_each(|name| self.lock_table(name, mode, wait))
    }

    /// Locks one table. This takes no snapshot: what the transaction reads first comes later.
    fn lock_table(
        &mut self,
        name: &Name,
        mode: reckon_mvcc::TableLock,
        wait: reckon_mvcc::Wait,
    ) -> Result<()> {
        let database = self.definition.oid;
        loop {
            let catalog = self.newest_definitions()?;
            self.surroundings.set_catalog(&catalog);
            let table = self.surroundings.table(name)?;
            let open = self.open_transaction()?;
            let id = super::table_lock(database, table.oid);
            open.transaction.lock_table(id, mode, wait).map_err(|error| match error {
                reckon_mvcc::Error::LockNotAvailable => {
                    let relation = table.name.clone();
                    ExecutionError::TableLockNotAvailable { relation }.into()
                }
                error => Error::from(error),
            })?;
            let catalog = self.newest_definitions()?;
            self.surroundings.set_catalog(&catalog);
            if self.surroundings.table(name).is_ok_and(|now| now.oid == table.oid) {
                return Ok(());
            }
        }
    }

    fn prepare_statement(
        &mut self,
        name: &str,
        types: &[ast::DataType],
        statement: &Statement,
    ) -> Result<()> {
        if self.statements.contains_key(name) {
            let name = name.to_owned();
            return Err(StatementError::DuplicatePreparedStatement { name }.into());
        }
        let oid = |ty| crate::analyze::type_name(ty, &statement.source).map(|ty: Type| ty.oid);
        let declared = types.iter().map(oid).collect::<Result<_>>()?;
        let prepared = Arc::new(Prepared::lasting(Some(statement.clone()), declared));
        self.planning(&prepared)?;
        self.keep_prepared(name, prepared);
        Ok(())
    }

    /// EXECUTE: the portal becomes one of the prepared statement.
    fn start_execute(
        &mut self,
        name: &str,
        arguments: &[ast::Expr],
        statement: &Statement,
        portal: &mut Portal,
    ) -> Result<Option<Progress>> {
        crate::stack::check()?;
        let prepared = self.prepared(name)?;
        let bound = self.bound(&prepared)?;
        let planning = bound.as_ref().map(Bound::planning);
        let types = planning.map_or_else(Vec::new, |known| known.parameters.clone());
        // As in PostgreSQL, a statement without parameters does not look at its arguments.
        let arguments = if types.is_empty() { &[] } else { arguments };
        if types.len() != arguments.len() {
            let (name, wanted, given) = (name.to_owned(), types.len(), arguments.len());
            return Err(StatementError::ArgumentCount { name, wanted, given }.into());
        }
        portal.parameters = self.evaluate(arguments, &types, &statement.source)?;
        (portal.prepared, portal.bound) = (prepared, bound);
        self.start(portal)
    }
}

/// A column of text.
pub(super) fn text_column(name: &str) -> OutputColumn {
    OutputColumn { name: name.to_owned(), ty: Type::TEXT, origin: None }
}

/// A list of values as the setting's text: names quoted where they must be.
fn listed(values: &[SettingValue]) -> String {
    let one = |value: &SettingValue| match value {
        SettingValue::Word(word) | SettingValue::Text(word) => {
            crate::parser::quote_identifier(word).into_owned()
        }
        SettingValue::Number(number) => number.clone(),
    };
    values.iter().map(one).collect::<Vec<_>>().join(", ")
}
