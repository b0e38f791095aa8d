//! What others may know of the transactions here.

use super::{Graph, SUMMARY};
use crate::serializable::{PredicateLock, XactId};

impl Graph {
    /// All transactions, in order of their beginning.
    pub(in crate::serializable) fn ids(&self) -> Vec<XactId> {
        let mut ids: Vec<_> = self.xacts.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// What one of them has read.
    pub(in crate::serializable) fn locks_of(&self, id: XactId, all: &mut Vec<PredicateLock>) {
        let Some(xact) = self.xacts.get(&id) else { return };
        let owner = (id != SUMMARY).then_some((xact.owner.session, xact.owner.transaction));
        self.reads.each_of(&xact.reads, id, |keyspace, extent| {
            all.push(PredicateLock { owner, keyspace, extent });
        });
    }
}
