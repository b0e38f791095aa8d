//! Snapshots that a transaction lends to others.
//!
//! A transaction may export its snapshot; until it ends another one can import it by its name and then
//! sees exactly the same.
//!
//! # Invariants
//!
//! 1. Whoever exported a snapshot keeps it in its slot until the export is gone from here.
//! 2. A snapshot is imported under the latch of the exports and the one of scans: so the exporter's slot is
//!    there when the importer's is written, and no scan looks at the slots in between.
//! 3. An export is gone from here before the certifier forgets its transaction: a SERIALIZABLE importer
//!    finds that one there, unless nothing need be tracked.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use reckon_storage::Timestamp;

use crate::error::Error;
use crate::session::{Core, SessionId};
use crate::snapshot::{Isolation, Snapshot};
use crate::sync::{AtomicU64, Mutex};
use crate::transaction::Transaction;

/// A snapshot to be imported, and what its transaction was like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// The snapshot.
    pub timestamp: Timestamp,
    /// The level of the transaction.
    pub isolation: Isolation,
    /// Whether it was READ ONLY.
    pub read_only: bool,
    /// The database's oid.
    pub database: u32,
    /// Whether it is of a time that was asked for.
    pub historical: bool,
}

/// The exports of all transactions, by their names.
#[derive(Debug, Default)]
pub(crate) struct Exported {
    by_name: Mutex<HashMap<String, (SessionId, Export)>>,
    last: AtomicU64,
}

impl Exported {
    /// The exports of a session's transaction go with it.
    pub(crate) fn withdraw(&self, session: SessionId) {
        self.by_name.lock().retain(|_, (exporter, _)| *exporter != session);
    }

    fn find(&self, name: &str) -> Option<Export> {
        self.by_name.lock().get(name).map(|(_, export)| *export)
    }
}

/// Exports the snapshots of one session, for whoever runs its functions.
#[derive(Clone)]
pub struct Exporter {
    pub(crate) core: Arc<Core>,
}

impl Exporter {
    /// Lends a snapshot of the open transaction until that ends. Returns its name.
    pub fn export(&self, snapshot: &Export) -> String {
        let exported = &self.core.engine.shared.exported;
        let session = self.core.member.id;
        let number = exported.last.fetch_add(1, Ordering::Relaxed) + 1;
        let name = format!("{:08X}-{number:08X}-1", session.0);
        self.core.exports.fetch_add(1, Ordering::Relaxed);
        exported.by_name.lock().insert(name.clone(), (session, *snapshot));
        name
    }
}

impl Transaction {
    /// What is known of an exported snapshot; `None` when there is none of this name.
    pub fn exported(&self, name: &str) -> Option<Export> {
        self.core.engine.shared.exported.find(name)
    }

    /// What another transaction would have to know to import a snapshot.
    #[inline]
    pub fn exportable(&self, snapshot: &Snapshot, database: u32) -> Export {
        Export {
            timestamp: snapshot.timestamp,
            isolation: self.isolation,
            read_only: self.read_only,
            database,
            historical: self.is_historical(),
        }
    }

    /// Sees from here on what another transaction sees, instead of taking a snapshot. It has read and
    /// written nothing so far, and is not READ COMMITTED; SERIALIZABLE it is only when the exporter is, and
    /// then it writes only if the exporter may. `None` when there is no such snapshot any more.
    pub fn import(&mut self, name: &str) -> Result<Option<Export>, Error> {
        let core = Arc::clone(&self.core);
        let shared = &core.engine.shared;
        self.forget_snapshot();
        let exports = shared.exported.by_name.lock();
        let Some((exporter, export)) = exports.get(name).copied() else { return Ok(None) };
        let at = export.timestamp;
        shared.between_scans(|| core.member.slot.hold(at));
        if self.isolation == Isolation::Serializable && !shared.options.broken.certification {
            let certified = shared.certifier.begin_imported(&core.member, exporter, at);
            self.state_mut().certified = certified;
        }
        drop(exports);
        core.member.raise_floor(at);
        self.read_only |= export.historical;
        let state = self.state_mut();
        state.first = Some(at);
        state.historical = export.historical;
        self.see(at);
        Ok(Some(export))
    }
}
