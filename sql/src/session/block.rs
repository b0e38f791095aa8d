//! The transaction a session is in.
//!
//! ```text
//!            first statement                    BEGIN
//!   Idle ───────────────────▶ Open(implicit) ─────────▶ Open(explicit)
//!    ▲                            │    │                   │      │ error
//!    │      end of the statement, │    │ error             │      ▼
//!    ◀──────script or pipeline────┘    ▼                   │    Failed ── ROLLBACK TO ─▶ Open
//!    ◀───────────────── rolled back ◀──┴── COMMIT/ROLLBACK ◀──────┘
//! ```
//!
//! # Invariants
//!
//! 1. A failed block without savepoints has no transaction any more: its locks are free.
//! 2. `savepoints` is in order of creation, and holds marks of this transaction only.

use reckon_mvcc::{Savepoint, Timestamp, Transaction};

use crate::database::Closed;
use crate::settings::Level;

/// Where a session stands between statements.
#[derive(Default)]
pub(super) enum Block {
    /// No transaction.
    #[default]
    Idle,
    /// A transaction.
    Open(Open),
    /// A block that waits for ROLLBACK, or ROLLBACK TO one of its savepoints.
    Failed(Option<Open>),
}

/// A running transaction.
pub(super) struct Open {
    pub(super) transaction: Transaction,
    /// Whether BEGIN was said, so that only COMMIT or ROLLBACK end it.
    pub(super) explicit: bool,
    pub(super) savepoints: Vec<Mark>,
    /// Its level as it was named.
    pub(super) level: Level,
    /// The time it reads at, when it was told one; outside a block that is a statement's.
    pub(super) as_of: Option<Timestamp>,
    /// Whether it was READ ONLY before it imported a snapshot of the past.
    pub(super) read_only_before_import: Option<bool>,
    /// Whether a SERIALIZABLE READ ONLY transaction waits for a snapshot that stays right.
    pub(super) deferrable: bool,
    /// Whether a query has run: SET TRANSACTION ISOLATION comes too late.
    pub(super) has_queried: bool,
    /// Databases that it drops.
    pub(super) closed: Vec<Closed>,
    /// Whether a portal has run in it, and more may follow.
    pub(super) pipelined: bool,
    /// How often it changed the catalog: its definitions are read again after each time.
    pub(super) definition_changes: u64,
}

/// A named savepoint.
pub(super) struct Mark {
    pub(super) name: String,
    pub(super) savepoint: Savepoint,
    /// Whether the transaction was READ ONLY then, and is again with the savepoint's end.
    pub(super) read_only: bool,
    /// What the settings' undo log was then.
    pub(super) settings: usize,
    /// How much mail there was to send.
    pub(super) mail: usize,
}

impl Open {
    #[inline]
    pub(super) fn new(transaction: Transaction, level: Level, deferrable: bool) -> Open {
        Open {
            transaction,
            explicit: false,
            savepoints: Vec::new(),
            level,
            as_of: None,
            read_only_before_import: None,
            deferrable,
            has_queried: false,
            closed: Vec::new(),
            pipelined: false,
            definition_changes: 0,
        }
    }

    /// Whether it is READ ONLY, apart from a snapshot of the past that it imported.
    pub(super) fn is_read_only(&self) -> bool {
        self.read_only_before_import.unwrap_or_else(|| self.transaction.is_read_only())
    }

    pub(super) fn set_read_only(&mut self, read_only: bool) {
        match &mut self.read_only_before_import {
            // What reads the past stays READ ONLY.
            Some(before) => *before = read_only,
            None => self.transaction.set_read_only(read_only),
        }
    }
}

impl Block {
    /// Its savepoints, in order of creation.
    pub(super) fn savepoints(&self) -> &[Mark] {
        match self {
            Block::Open(open) | Block::Failed(Some(open)) => &open.savepoints,
            Block::Idle | Block::Failed(None) => &[],
        }
    }

    /// The letter in ReadyForQuery.
    pub(super) fn status(&self) -> u8 {
        match self {
            Block::Idle => b'I',
            Block::Open(open) if open.explicit => b'T',
            Block::Open(_) => b'I',
            Block::Failed(_) => b'E',
        }
    }

    /// The running transaction.
    #[inline]
    pub(super) fn open(&mut self) -> Option<&mut Open> {
        match self {
            Block::Open(open) => Some(open),
            Block::Idle | Block::Failed(_) => None,
        }
    }

    /// Whether BEGIN was said.
    #[inline]
    pub(super) fn is_explicit(&self) -> bool {
        match self {
            Block::Idle => false,
            Block::Open(open) => open.explicit,
            Block::Failed(_) => true,
        }
    }

    /// After an error: an implicit transaction is rolled back, a block waits for ROLLBACK.
    /// Returns what must be durable before the error is reported.
    pub(super) fn fail(&mut self) -> Option<Timestamp> {
        match std::mem::take(self) {
            Block::Idle => None,
            Block::Open(open) if !open.explicit => Some(open.transaction.rollback()),
            Block::Open(open) if open.savepoints.is_empty() => {
                *self = Block::Failed(None);
                Some(open.transaction.rollback())
            }
            Block::Open(open) => {
                *self = Block::Failed(Some(open));
                None
            }
            failed @ Block::Failed(_) => {
                *self = failed;
                None
            }
        }
    }
}
