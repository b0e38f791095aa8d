//! AS OF SYSTEM TIME.
//!
//! A transaction can be told a time to read at, before its first query: rows, indexes and definitions are
//! those of then. A statement of its own is told one by way of its implicit transaction, which ends with
//! the statement.
//!
//! # Invariants
//!
//! 1. A transaction has one time. Nothing else runs in an implicit one that a statement has given a time:
//!    nothing of it is still to be committed before, and no other statement starts until it ends.
//! 2. No table is locked: what was committed does not change, and what was dropped since stays as long as
//!    it may be read at.
//! 3. When a statement is prepared whose time is a parameter, nobody knows the time yet. Its parameters and
//!    columns are those it has now, and it runs only at times when it has the same.

use reckon_mvcc::{Isolation, Timestamp};

use super::Session;
use super::block::Block;
use super::environment::EPOCH_MICROSECONDS;
use super::portal::{Portal, Run};
use crate::analyze;
use crate::error::{ExecutionError, Result, SnapshotError, StatementError};
use crate::expr::Compiled;
use crate::parser::{Source, Statement, SystemTime};
use crate::types::{Datum, Type};

/// The parameters of a statement that is about to run.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) types: &'a [Type],
    pub(super) values: &'a [Datum],
}

impl Given<'_> {
    pub(super) const NOTHING: Self = Self { types: &[], values: &[] };
}

impl Session {
    /// Takes the transaction to the time of a statement that is to be planned, or with its parameters to be
    /// run.
    pub(super) fn travel(&mut self, statement: &Statement, given: Option<Given<'_>>) -> Result<()> {
        let Some(clause) = statement.system_time.as_deref() else {
            return match &self.block {
                Block::Open(open) if !open.explicit && open.as_of.is_some() => {
                    Err(SnapshotError::SystemTimeInUse.into())
                }
                _ => Ok(()),
            };
        };
        let runs = given.is_some();
        let given = match given {
            None if clause.has_parameters => return Ok(()),
            given => given.unwrap_or(Given::NOTHING),
        };
        let at = self.moment(clause, &statement.source, given)?;
        let is_alone = !runs || self.is_nothing_pending();
        let open = self.open_transaction()?;
        if !is_alone && !open.explicit {
            return Err(SnapshotError::SystemTimeNotAlone.into());
        }
        if open.as_of == Some(at) {
            return Ok(());
        }
        if open.explicit || open.has_queried || open.transaction.is_writing() {
            return Err(SnapshotError::OtherSystemTime.into());
        }
        self.read_as_of(at)
    }

    /// Takes a transaction back to now in which no statement has run yet.
    pub(super) fn come_back(&mut self) {
        let read_only = self.surroundings.settings.effective().default_read_only;
        if let Block::Open(open) = &mut self.block
            && !open.explicit
            && !open.has_queried
            && open.as_of.take().is_some()
        {
            open.transaction.read_as_of_now(read_only);
        }
    }

    /// Whether the implicit transaction leaves nothing behind that its end would commit or drop.
    fn is_nothing_pending(&self) -> bool {
        let waits = |portal: &Portal| !matches!(portal.run, Run::Done(_));
        !self.surroundings.settings.has_changes()
            && self.surroundings.mail.mark() == 0
            && !self.unnamed_portal.as_deref().is_some_and(waits)
            && !self.portals.values().any(|named| waits(named))
    }

    /// Whether a statement has given the transaction its time, so that it ends with the statement.
    pub(super) fn travels_alone(&self) -> bool {
        matches!(&self.block, Block::Open(open) if !open.explicit && open.as_of.is_some())
    }

    /// AS OF SYSTEM TIME of a block.
    pub(super) fn set_system_time(&mut self, clause: &SystemTime, source: &Source) -> Result<()> {
        let open = self.open_transaction()?;
        if !open.savepoints.is_empty() {
            return Err(SnapshotError::SystemTimeInSubtransaction.into());
        }
        if open.has_queried || open.transaction.is_writing() {
            return Err(SnapshotError::SystemTimeTooLate.into());
        }
        let at = self.moment(clause, source, Given::NOTHING)?;
        self.read_as_of(at)
    }

    pub(super) fn read_as_of(&mut self, at: Timestamp) -> Result<()> {
        let open = self.open_transaction()?;
        open.transaction.read_as_of(at)?;
        open.as_of = Some(at);
        Ok(())
    }

    /// SET TRANSACTION SNAPSHOT.
    pub(super) fn set_snapshot(&mut self, name: &str) -> Result<()> {
        let database = self.definition.oid.0;
        let open = self.open_transaction()?;
        if open.has_queried || open.transaction.is_writing() || !open.savepoints.is_empty() {
            return Err(SnapshotError::SnapshotTooLate.into());
        }
        if open.as_of.is_some() {
            return Err(SnapshotError::SnapshotOfOtherTime.into());
        }
        if open.transaction.isolation() == Isolation::ReadCommitted {
            return Err(SnapshotError::SnapshotIsolation.into());
        }
        let unknown = || SnapshotError::UndefinedSnapshot { id: name.to_owned() };
        let export = open.transaction.exported(name).ok_or_else(unknown)?;
        let read_only = open.transaction.is_read_only();
        if open.transaction.isolation() == Isolation::Serializable {
            if export.isolation != Isolation::Serializable {
                return Err(SnapshotError::SnapshotNotSerializable.into());
            }
            if export.read_only && !read_only {
                return Err(SnapshotError::SnapshotReadOnly.into());
            }
        }
        if export.database != database {
            return Err(SnapshotError::SnapshotOfOtherDatabase.into());
        }
        if open.transaction.isolation() == Isolation::Serializable && read_only && open.deferrable {
            return Err(SnapshotError::SnapshotDeferrable.into());
        }
        let imported = open.transaction.import(name)?.ok_or_else(unknown)?;
        open.has_queried = true;
        if imported.historical {
            open.as_of = Some(imported.timestamp);
            open.read_only_before_import = Some(read_only);
        }
        Ok(())
    }

    /// What time a clause means. `now()` is when the transaction began.
    fn moment(
        &mut self,
        clause: &SystemTime,
        source: &Source,
        given: Given<'_>,
    ) -> Result<Timestamp> {
        let snapshot = self.open_transaction()?.transaction.snapshot();
        let names = self.surroundings.names();
        let formats = self.surroundings.settings.effective().formats.clone();
        let mut types = given.types.iter().copied().map(Some).collect();
        let expr = analyze::system_time(&clause.time, source, &names, &formats, &mut types)?;
        if types.len() > given.values.len() {
            return Err(StatementError::NoParameter { number: types.len() }.into());
        }
        let mut compiled = Compiled::new(&expr)?;
        match compiled.eval(&[], &mut self.context(snapshot, given.values)?)? {
            Datum::Timestamptz(at) => {
                let since_1970 = at.saturating_add(EPOCH_MICROSECONDS);
                Ok(Timestamp(u64::try_from(since_1970).unwrap_or(0)))
            }
            Datum::Null => Err(SnapshotError::NoSystemTime.into()),
            _ => Err(ExecutionError::Internal { what: "a time that is none" }.into()),
        }
    }
}
