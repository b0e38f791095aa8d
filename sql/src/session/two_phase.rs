//! PREPARE TRANSACTION, COMMIT PREPARED and ROLLBACK PREPARED.
//!
//! The engine keeps the transaction; what it keeps for this layer is a note: in which database it was
//! prepared and by whom, four bytes each.

use reckon_mvcc::{Claim, Prepared, Timestamp, Transaction};

use super::Session;
use super::block::{Block, Open};
use super::environment::EPOCH_MICROSECONDS;
use crate::catalog::Cluster;
use crate::error::{DataError, Error, Result, SnapshotError, TransactionError};
use crate::types::{Datum, Oid};

/// Who prepared a transaction, and where.
pub(crate) struct Origin {
    pub(crate) database: Oid,
    pub(crate) owner: Oid,
}

impl Origin {
    fn encode(&self) -> [u8; 8] {
        let mut note = [0; 8];
        note[..4].copy_from_slice(&self.database.0.to_be_bytes());
        note[4..].copy_from_slice(&self.owner.0.to_be_bytes());
        note
    }

    /// What the note of a prepared transaction says.
    ///
    /// # Errors
    ///
    /// XX001 when that is nothing.
    pub(crate) fn of(prepared: &Prepared) -> Result<Origin> {
        let damaged = DataError::Corrupted { what: "a prepared transaction's origin" };
        let [database, owner]: [[u8; 4]; 2] = match prepared.note.as_chunks::<4>() {
            ([database, owner], []) => [*database, *owner],
            _ => return Err(damaged.into()),
        };
        let oid = |bytes| Oid(u32::from_be_bytes(bytes));
        Ok(Origin { database: oid(database), owner: oid(owner) })
    }
}

impl Session {
    /// PREPARE TRANSACTION; returns the command tag: a failed block is rolled back.
    pub(super) fn prepare_transaction(&mut self, identifier: &str) -> Result<&'static str> {
        if !self.block.is_explicit() {
            self.warn_no_block();
            if !self.in_script {
                return Ok("ROLLBACK");
            }
            self.open_transaction()?;
        }
        match std::mem::take(&mut self.block) {
            Block::Open(open) => {
                self.prepare_open(open, identifier)?;
                Ok("PREPARE TRANSACTION")
            }
            Block::Failed(open) => {
                self.end_rolled_back(open);
                Ok("ROLLBACK")
            }
            Block::Idle => Ok("ROLLBACK"),
        }
    }

    fn prepare_open(&mut self, open: Open, identifier: &str) -> Result<()> {
        self.uncommitted = None;
        self.drop_portals();
        let prepared = self.prepare_in_engine(open.transaction, identifier);
        self.surroundings.mail.undo_to(0);
        match prepared {
            Ok(needed) => {
                self.need_durable(Some(needed));
                self.surroundings.settings.end_transaction(true);
                Ok(())
            }
            Err(error) => {
                self.need_durable(Some(self.mvcc.floor()));
                self.surroundings.settings.end_transaction(false);
                Err(error)
            }
        }
    }

    fn prepare_in_engine(
        &mut self,
        transaction: Transaction,
        identifier: &str,
    ) -> Result<Timestamp> {
        if transaction.has_exported() {
            return Err(SnapshotError::PreparedExports.into());
        }
        self.database.engine().check_preparable(identifier)?;
        if self.surroundings.mail.has_effect() {
            return Err(TransactionError::PreparedMail.into());
        }
        let origin = Origin { database: self.definition.oid, owner: self.user.oid };
        Ok(transaction.prepare(identifier, &origin.encode())?)
    }

    /// COMMIT PREPARED.
    pub(super) fn commit_prepared(&mut self, identifier: &str) -> Result<()> {
        self.not_in_block("COMMIT PREPARED")?;
        let (claim, origin) = self.claim(identifier)?;
        if origin.database != self.definition.oid {
            return Err(TransactionError::PreparedElsewhere.into());
        }
        let committed = claim.commit(&self.mvcc)?;
        self.need_durable(Some(committed.durable_needed));
        Ok(())
    }

    /// ROLLBACK PREPARED. A superuser can do it from any database when its own was dropped.
    pub(super) fn rollback_prepared(&mut self, identifier: &str) -> Result<()> {
        self.not_in_block("ROLLBACK PREPARED")?;
        let (claim, origin) = self.claim(identifier)?;
        let is_here = origin.database == self.definition.oid;
        let may_end = is_here || self.user.superuser && self.is_orphan(&origin)?;
        if !may_end {
            return Err(TransactionError::PreparedElsewhere.into());
        }
        Ok(claim.rollback()?)
    }

    /// Whether its database is not there any more.
    fn is_orphan(&self, origin: &Origin) -> Result<bool> {
        let cluster = self.database.cluster()?;
        Ok(cluster.databases.iter().all(|database| database.oid != origin.database))
    }

    /// Takes a prepared transaction that the user may end.
    fn claim(&self, identifier: &str) -> Result<(Claim, Origin)> {
        let claim = self.database.engine().claim_prepared(identifier)?;
        let origin = Origin::of(claim.about())?;
        if origin.owner != self.user.oid && !self.user.superuser {
            return Err(TransactionError::NotItsOwner.into());
        }
        Ok((claim, origin))
    }
}

/// The rows of `pg_prepared_xacts`.
pub(super) fn rows(prepared: &[Prepared], cluster: &Cluster) -> Result<Vec<Vec<Datum>>> {
    let row = |prepared: &Prepared| {
        let Origin { database, owner } = Origin::of(prepared)?;
        let owner = cluster.roles.iter().find(|role| role.oid == owner);
        let database = cluster.databases.iter().find(|one| one.oid == database);
        let name = |name: Option<&String>| name.map_or(Datum::Null, |name| Datum::text(name));
        let number = u32::try_from(prepared.transaction.0 & u64::from(u32::MAX)).unwrap_or(0);
        Ok::<_, Error>(vec![
            Datum::Oid(Oid(number)),
            Datum::text(&prepared.identifier),
            Datum::Timestamptz(prepared.at.0 as i64 - EPOCH_MICROSECONDS),
            name(owner.map(|role| &role.name)),
            name(database.map(|database| &database.name)),
        ])
    };
    prepared.iter().map(row).collect()
}
