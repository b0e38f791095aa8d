//! BEGIN, COMMIT, ROLLBACK and savepoints.

use reckon_mvcc::{Isolation, Timestamp};

use super::block::{Block, Mark, Open};
use super::environment::now;
use super::{Notice, Session};
use crate::database::Closed;
use crate::error::{Error, Result, SnapshotError, SqlState, SyntaxError, TransactionError};
use crate::parser::{Source, TransactionModes};
use crate::settings::Level;

/// What a transaction is like, apart from what it does.
#[derive(Clone, Copy)]
pub(super) struct Characteristics {
    level: Level,
    read_only: bool,
    deferrable: bool,
    as_of: Option<Timestamp>,
}

impl Characteristics {
    fn of(open: &Open) -> Characteristics {
        // An imported snapshot is no characteristic.
        let as_of = open.as_of.filter(|_| open.read_only_before_import.is_none());
        let read_only = open.is_read_only();
        Characteristics { level: open.level, read_only, deferrable: open.deferrable, as_of }
    }
}

impl Session {
    /// The open transaction; begins an implicit one when there is none.
    pub(super) fn open_transaction(&mut self) -> Result<&mut Open> {
        if matches!(self.block, Block::Idle) {
            self.begin(now(self.database.engine()));
        }
        self.running()
    }

    /// The same, and the time is known.
    #[inline]
    pub(super) fn open_transaction_at(&mut self, now: i64) -> Result<&mut Open> {
        if matches!(self.block, Block::Idle) {
            self.begin(now);
        }
        self.running()
    }

    #[inline]
    fn running(&mut self) -> Result<&mut Open> {
        match &mut self.block {
            Block::Open(open) => Ok(open),
            Block::Idle | Block::Failed(_) => Err(TransactionError::InFailedTransaction.into()),
        }
    }

    #[inline]
    fn begin(&mut self, now: i64) {
        let effective = self.surroundings.settings.effective();
        let (level, read_only) = (effective.default_isolation, effective.default_read_only);
        let deferrable = effective.default_deferrable;
        let transaction = self.mvcc.begin(level.isolation(), read_only);
        self.surroundings.transaction_time = now;
        (self.surroundings.level, self.surroundings.turns_read_only) = (level, false);
        self.activity.begins(now);
        self.surroundings.settings.formats_mut().now = now;
        self.block = Block::Open(Open::new(transaction, level, deferrable));
        self.chained = None;
    }

    /// BEGIN.
    pub(super) fn begin_block(&mut self, modes: &TransactionModes, source: &Source) -> Result<()> {
        match &self.block {
            Block::Open(open) if open.explicit => {
                let message = "there is already a transaction in progress";
                self.notice(Notice::warning(SqlState::ACTIVE_SQL_TRANSACTION, message));
            }
            Block::Open(_) | Block::Idle => {
                self.open_transaction()?;
            }
            Block::Failed(_) => return Err(TransactionError::InFailedTransaction.into()),
        }
        self.set_transaction(modes, source)?;
        // Not before: with a mode that is refused there is no block.
        self.open_transaction()?.explicit = true;
        Ok(())
    }

    /// Whether the statement is in a block, or one of several in a text: they are one, too, for what lasts
    /// as long as the transaction.
    pub(super) fn is_in_block(&self) -> bool {
        self.block.is_explicit() || self.in_script
    }

    /// SET TRANSACTION. Outside a block it is said to be of no use: only what else is in its pipeline can tell.
    pub(super) fn set_transaction_here(
        &mut self,
        modes: &TransactionModes,
        source: &Source,
    ) -> Result<()> {
        if !self.is_in_block() {
            self.warn_outside_block("SET TRANSACTION");
        }
        if !self.block.is_explicit() && modes.system_time.is_some() {
            let feature = "SET TRANSACTION AS OF SYSTEM TIME without BEGIN";
            return Err(SyntaxError::unsupported(feature).into());
        }
        self.open_transaction()?;
        self.set_transaction(modes, source)
    }

    pub(super) fn warn_outside_block(&mut self, command: &'static str) {
        let message = TransactionError::NotInBlock { command }.to_string();
        self.notice(Notice::warning(SqlState::NO_ACTIVE_SQL_TRANSACTION, message));
    }

    /// What the block carries over into the one that AND CHAIN begins. One that has lost its transaction to an
    /// error carries over only what it was itself given by AND CHAIN, as in PostgreSQL.
    pub(super) fn characteristics(&self) -> Option<Characteristics> {
        match &self.block {
            Block::Open(open) | Block::Failed(Some(open)) => {
                open.explicit.then(|| Characteristics::of(open))
            }
            Block::Failed(None) => {
                let effective = self.surroundings.settings.effective();
                Some(self.chained.unwrap_or(Characteristics {
                    level: effective.default_isolation,
                    read_only: effective.default_read_only,
                    deferrable: effective.default_deferrable,
                    as_of: None,
                }))
            }
            Block::Idle => None,
        }
    }

    /// AND CHAIN: begins a block with the characteristics of the one before.
    pub(super) fn chain(&mut self, before: Characteristics) -> Result<()> {
        let open = self.open_transaction()?;
        open.explicit = true;
        open.level = before.level;
        open.transaction.set_isolation(before.level.isolation());
        open.transaction.set_read_only(before.read_only);
        open.deferrable = before.deferrable;
        self.surroundings.level = before.level;
        self.chained = Some(before);
        match before.as_of {
            Some(at) => self.read_as_of(at),
            None => Ok(()),
        }
    }

    /// SET TRANSACTION, in a block.
    pub(super) fn set_transaction(
        &mut self,
        modes: &TransactionModes,
        source: &Source,
    ) -> Result<()> {
        let Block::Open(open) = &mut self.block else { return Ok(()) };
        if let Some(level) = modes.isolation {
            if open.has_queried && level != open.level {
                return Err(TransactionError::IsolationTooLate.into());
            }
            if level != open.level && !open.savepoints.is_empty() {
                return Err(TransactionError::IsolationInSubtransaction.into());
            }
            open.level = level;
            self.surroundings.level = level;
            let changes = open.transaction.isolation() != level.isolation();
            open.transaction.set_isolation(level.isolation());
            if let Some(at) = open.as_of.filter(|_| changes) {
                open.transaction.read_as_of(at)?;
            }
        }
        if let Some(read_only) = modes.read_only {
            if !read_only && (open.as_of.is_some() || modes.system_time.is_some()) {
                return Err(SnapshotError::ReadWriteSystemTime.into());
            }
            switch_read_only(open, read_only)?;
        }
        if let Some(deferrable) = modes.deferrable {
            if !open.savepoints.is_empty() {
                return Err(TransactionError::DeferrableInSubtransaction.into());
            }
            if open.has_queried {
                return Err(TransactionError::DeferrableTooLate.into());
            }
            open.deferrable = deferrable;
        }
        match &modes.system_time {
            Some(clause) => self.set_system_time(clause, source),
            None => Ok(()),
        }
    }

    /// COMMIT; returns whether it committed: in a failed block it rolls back.
    pub(super) fn commit_block(&mut self) -> Result<bool> {
        match std::mem::take(&mut self.block) {
            Block::Open(open) => {
                if !open.explicit {
                    self.warn_no_block();
                }
                self.commit(open)?;
                Ok(true)
            }
            Block::Idle => {
                self.warn_no_block();
                Ok(true)
            }
            Block::Failed(open) => {
                self.end_rolled_back(open);
                Ok(false)
            }
        }
    }

    /// ROLLBACK.
    pub(super) fn rollback_block(&mut self) {
        if !self.block.is_explicit() {
            self.warn_no_block();
        }
        match std::mem::take(&mut self.block) {
            Block::Open(open) => self.end_rolled_back(Some(open)),
            Block::Failed(open) => self.end_rolled_back(open),
            Block::Idle => {}
        }
    }

    /// Ends an implicit transaction: after a statement, a script or a pipeline.
    pub(super) fn end_implicit(&mut self) -> Result<()> {
        if self.block.is_explicit() {
            return Ok(());
        }
        match std::mem::take(&mut self.block) {
            Block::Open(open) => self.commit(open),
            other => {
                self.block = other;
                // Of statements that needed no transaction.
                self.drop_portals();
                Ok(())
            }
        }
    }

    fn commit(&mut self, open: Open) -> Result<()> {
        self.uncommitted = None;
        self.drop_portals();
        let synchronous = self.surroundings.settings.effective().synchronous_commit;
        let mut transaction = open.transaction;
        transaction.set_synchronous_commit(synchronous);
        let channels = &self.database.inner().channels;
        let mail = &mut self.surroundings.mail;
        let (committed, ordered) = match mail.order(channels, self.definition.oid) {
            Ok(ordered) => (transaction.commit().map_err(Error::from), ordered),
            Err(error) => {
                transaction.rollback();
                (Err(error), None)
            }
        };
        match committed {
            Ok(committed) => {
                open.closed.into_iter().for_each(Closed::forever);
                let (database, pid) = (self.definition.oid, self.surroundings.pid);
                mail.commit(channels, database, pid, committed.durable_needed);
                drop(ordered);
                self.need_durable(Some(committed.durable_needed));
                self.surroundings.settings.end_transaction(true);
                Ok(())
            }
            Err(error) => {
                drop(ordered);
                mail.undo_to(0);
                self.need_durable(Some(self.mvcc.floor()));
                self.surroundings.settings.end_transaction(false);
                Err(error)
            }
        }
    }

    pub(super) fn end_rolled_back(&mut self, open: Option<Open>) {
        if let Some(open) = open {
            let needed = open.transaction.rollback();
            self.need_durable(Some(needed));
        }
        self.uncommitted = None;
        self.drop_portals();
        self.surroundings.mail.undo_to(0);
        self.surroundings.settings.end_transaction(false);
    }

    /// Portals and their snapshots do not outlive their transaction.
    #[inline]
    pub(super) fn drop_portals(&mut self) {
        self.surroundings.exportable = None;
        if !self.portals.is_empty() {
            self.portals.clear();
        }
        self.drop_unnamed_portal();
    }

    pub(super) fn warn_no_block(&mut self) {
        let message = "there is no transaction in progress";
        self.notice(Notice::warning(SqlState::NO_ACTIVE_SQL_TRANSACTION, message));
    }

    /// SAVEPOINT.
    pub(super) fn savepoint(&mut self, name: &str) -> Result<()> {
        let (settings, mail) = (self.surroundings.settings.mark(), self.surroundings.mail.mark());
        let open = self.block_for("SAVEPOINT")?;
        let (savepoint, read_only) = (open.transaction.savepoint(), open.is_read_only());
        let name = name.to_owned();
        open.savepoints.push(Mark { name, savepoint, read_only, settings, mail });
        Ok(())
    }

    /// RELEASE SAVEPOINT.
    pub(super) fn release_savepoint(&mut self, name: &str) -> Result<()> {
        let open = self.block_for("RELEASE SAVEPOINT")?;
        let at = find(&open.savepoints, name)?;
        let released = open.savepoints.split_off(at).swap_remove(0);
        open.transaction.release(released.savepoint);
        open.set_read_only(released.read_only);
        let portals = self.portals.values_mut().chain(&mut self.unnamed_portal);
        portals.for_each(|portal| portal.behind = portal.behind.min(at));
        Ok(())
    }

    /// ROLLBACK TO SAVEPOINT: also brings a failed block back to life.
    pub(super) fn rollback_to_savepoint(&mut self, name: &str) -> Result<()> {
        if !self.block.is_explicit() {
            return Err(TransactionError::NotInBlock { command: "ROLLBACK TO SAVEPOINT" }.into());
        }
        let (Block::Open(mut open) | Block::Failed(Some(mut open))) =
            std::mem::take(&mut self.block)
        else {
            self.block = Block::Failed(None);
            return Err(TransactionError::UndefinedSavepoint { name: name.to_owned() }.into());
        };
        let at = match find(&open.savepoints, name) {
            Ok(at) => at,
            Err(error) => {
                self.block = Block::Failed(Some(open));
                return Err(error);
            }
        };
        open.savepoints.truncate(at + 1);
        let mark = &open.savepoints[at];
        open.transaction.rollback_to(mark.savepoint);
        self.surroundings.settings.undo_to(mark.settings);
        self.surroundings.mail.undo_to(mark.mail);
        let read_only = mark.read_only;
        open.set_read_only(read_only);
        // What the catalog says may have gone back too.
        open.definition_changes += u64::from(open.definition_changes > 0);
        self.block = Block::Open(open);
        self.drop_portals_behind(at + 1);
        Ok(())
    }

    /// The explicit block a command needs.
    pub(super) fn block_for(&mut self, command: &'static str) -> Result<&mut Open> {
        match &mut self.block {
            Block::Open(open) if open.explicit => Ok(open),
            Block::Failed(_) => Err(TransactionError::InFailedTransaction.into()),
            Block::Open(_) | Block::Idle => Err(TransactionError::NotInBlock { command }.into()),
        }
    }

    /// Refuses a command inside a block or behind others of a pipeline. What comes behind it is none of
    /// its transaction either.
    pub(super) fn not_in_block(&mut self, command: &'static str) -> Result<()> {
        match &self.block {
            Block::Open(open) if open.explicit || self.in_script => {
                Err(TransactionError::InBlock { command }.into())
            }
            Block::Open(open) if open.pipelined => {
                Err(TransactionError::InPipeline { command }.into())
            }
            Block::Failed(_) => Err(TransactionError::InFailedTransaction.into()),
            Block::Idle if self.in_script => Err(TransactionError::InBlock { command }.into()),
            Block::Open(_) | Block::Idle => {
                self.commits_at_end = true;
                Ok(())
            }
        }
    }
}

/// SET TRANSACTION READ ONLY or READ WRITE. Behind a savepoint it is taken back with that, and a SERIALIZABLE
/// transaction cannot be: its snapshot and what is known of its reads depend on whether it writes.
fn switch_read_only(open: &mut Open, read_only: bool) -> Result<()> {
    let (was, behind) = (open.transaction.is_read_only(), !open.savepoints.is_empty());
    if !read_only && was && behind {
        return Err(TransactionError::ReadWriteInSubtransaction.into());
    }
    if !read_only && was && open.has_queried {
        return Err(TransactionError::ReadWriteTooLate.into());
    }
    if read_only && !was && behind && open.transaction.isolation() == Isolation::Serializable {
        return Err(read_only_behind_savepoint());
    }
    open.set_read_only(read_only);
    Ok(())
}

pub(super) fn read_only_behind_savepoint() -> Error {
    SyntaxError::unsupported("READ ONLY of a SERIALIZABLE transaction behind a savepoint").into()
}

/// The newest savepoint of a name.
fn find(savepoints: &[Mark], name: &str) -> Result<usize> {
    savepoints
        .iter()
        .rposition(|mark| mark.name == name)
        .ok_or_else(|| TransactionError::UndefinedSavepoint { name: name.to_owned() }.into())
}
