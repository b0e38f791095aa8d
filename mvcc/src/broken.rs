//! Rules that can be switched off, for tests that must notice.
//!
//! A check that cannot fail proves nothing. So every check of isolation and durability also runs against an
//! engine in which the rule that it guards does not hold. Only a program that embeds the engine can ask for
//! that; the server has no setting for it.

/// Which rules do not hold. By default all do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// SERIALIZABLE transactions are not certified: they are REPEATABLE READ.
    pub certification: bool,
    /// A snapshot is `durable` alone, whatever the session has seen and whatever the last holder of its
    /// locks has committed.
    pub floor: bool,
    /// Replies do not wait for `durable`: they tell what a crash can take back, of the session's own commit
    /// and, by early lock release, of others'.
    pub replies: bool,
}
