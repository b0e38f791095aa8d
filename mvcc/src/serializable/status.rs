//! What has been read, for people to look at.
//!
//! Transaction by transaction while others come and go: what is listed was so at some moment, not all at
//! the same one.

use reckon_storage::KeyspaceId;

use super::Certifier;
use crate::lock::KeyName;
use crate::session::SessionId;

/// Something that a SERIALIZABLE transaction has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PredicateLock {
    /// The session, and which of its transactions it is; `None` for the oldest ones, taken together.
    pub owner: Option<(SessionId, u64)>,
    /// Where.
    pub keyspace: KeyspaceId,
    /// How much of it.
    pub extent: Extent,
}

/// How much of a keyspace has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    All,
    /// A range, by the key it begins with.
    Range(KeyName),
    /// A key.
    Key(KeyName),
}

impl Certifier {
    /// What has been read and still matters.
    pub(crate) fn predicate_locks(&self) -> Vec<PredicateLock> {
        let ids = self.graph.lock().ids();
        let mut all = Vec::new();
        ids.into_iter().for_each(|id| self.graph.lock().locks_of(id, &mut all));
        all
    }
}
