//! Isolation levels by their names.

use reckon_mvcc::Isolation;

/// An isolation level as a client names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Is READ COMMITTED under another name, as in PostgreSQL.
    ReadUncommitted,
    /// A new snapshot for each statement.
    ReadCommitted,
    /// One snapshot.
    RepeatableRead,
    /// As if one after another.
    Serializable,
}

impl Level {
    /// All of them, from the weakest.
    pub const ALL: [Self; 4] =
        [Self::ReadUncommitted, Self::ReadCommitted, Self::RepeatableRead, Self::Serializable];

    /// The level of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name))
    }

    /// Its name, as SHOW has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "read uncommitted",
            Self::ReadCommitted => "read committed",
            Self::RepeatableRead => "repeatable read",
            Self::Serializable => "serializable",
        }
    }

    /// What it means.
    pub fn isolation(self) -> Isolation {
        match self {
            Self::ReadUncommitted | Self::ReadCommitted => Isolation::ReadCommitted,
            Self::RepeatableRead => Isolation::RepeatableRead,
            Self::Serializable => Isolation::Serializable,
        }
    }
}
