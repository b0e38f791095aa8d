//! Two-phase commit: a transaction that was prepared cannot fail any more, so others must.
//!
//! From the moment it is prepared it counts as the one that committed first, although its versions are
//! not visible yet and whoever begins until it ends overlaps it. It may be rolled back still: then what
//! others were refused was refused for nothing.
//!
//! After a restart its edges are not known. No transaction of before runs any more that is not prepared
//! itself, so what matters is whom it has an edge to: somebody who committed before everything.

use bincode::{Decode, Encode};
use reckon_storage::Timestamp;

use super::{Graph, Xact};
use crate::error::Error;
use crate::serializable::marks::{Own, WrittenMarks};
use crate::serializable::{Owner, XactId};
use crate::session::SessionId;

/// What is written down of a prepared transaction.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SerialRecord {
    snapshot_us: u64,
    reads: Vec<WrittenMarks>,
    writes: Vec<WrittenMarks>,
}

impl Graph {
    /// The last check. `session` is the name it has from here on.
    pub(in crate::serializable) fn prepare_two_phase(
        &mut self,
        id: XactId,
        session: SessionId,
        at: Timestamp,
    ) -> Result<(), Error> {
        self.doom_pivots(id)?;
        if let Some(xact) = self.xacts.get_mut(&id) {
            xact.owner.session = session;
            xact.prepared = Some(at);
            self.prepared += 1;
        }
        Ok(())
    }

    /// What a restart must know of it.
    pub(in crate::serializable) fn write_down(&self, id: XactId) -> SerialRecord {
        let Some(xact) = self.xacts.get(&id) else {
            return SerialRecord { snapshot_us: 0, reads: Vec::new(), writes: Vec::new() };
        };
        SerialRecord {
            snapshot_us: xact.snapshot.0,
            reads: self.reads.write_down(&xact.reads, id),
            writes: self.writes.write_down(&xact.writes, id),
        }
    }

    /// Enters what was written down.
    pub(in crate::serializable) fn restore(
        &mut self,
        session: SessionId,
        at: Timestamp,
        record: SerialRecord,
    ) -> XactId {
        self.last += 1;
        let id = XactId(self.last);
        let (mut reads, mut writes) = (Own::default(), Own::default());
        self.reads.add_all(&mut reads, id, record.reads);
        self.writes.add_all(&mut writes, id, record.writes);
        let snapshot = Timestamp(record.snapshot_us);
        let xact = Xact {
            prepared: Some(at),
            // Whether it rolled back to a savepoint was not written down.
            blurred: true,
            earliest_out: Some(Timestamp::ZERO),
            reads,
            writes,
            ..Xact::of(Owner { session, transaction: 0 }, snapshot)
        };
        self.xacts.insert(id, xact);
        self.running.insert((snapshot, id));
        self.prepared += 1;
        id
    }
}
