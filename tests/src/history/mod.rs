//! Random concurrent histories, and what isolation level they show.
//!
//! Clients append numbers to lists and insert rows; every number and every row is unique, so that whoever
//! reads one knows who wrote it. A list is never overwritten, only longer: a list that is read tells every
//! version before it, and in which order they were written.
//!
//! ```text
//! T1   append 11 to list a ───────────────── commit          T1 ─ww─▶ T2   (a: 11, 12)
//! T2          append 12 to list a ── reads rows of group 3: none ── commit
//! T3                         inserts row 13 into group 3 ── commit       T2 ─rw─▶ T3
//! ```
//!
//! From a history follows Adya's *direct serialization graph*. Its edges lead from a transaction to one that
//! must come after it: *ww* wrote the next version, *wr* read the version, *rw* wrote the version after the one
//! that was read. Who searched and did not find a row that was inserted later has read its absence: an rw edge
//! too. So predicates need nothing of their own.
//!
//! # Anomalies
//!
//! | name | what | must not be at |
//! |---|---|---|
//! | lost | acknowledged and not there at the end | any level |
//! | G1a | what a transaction wrote that did not commit, or took back, was read, or is there at the end | any |
//! | G1b | a version that its writer replaced was read | any |
//! | order | a list was read that is no beginning of the list at the end | any |
//! | own | a transaction did not see what it wrote itself | any |
//! | G0, G1c | a cycle of ww, of ww and wr | any |
//! | view | after something of a transaction was seen, a later statement saw less of it | any |
//! | G-SI | a cycle without two rw edges in a row, sessions' own order counted; G-single is one | REPEATABLE READ |
//! | G2 | a cycle | SERIALIZABLE |
//!
//! The row "view" is what READ COMMITTED promises beyond Adya's PL-2: each statement sees a state as of one
//! moment, and these moments do not go back.
//!
//! # References
//!
//! Adya, Liskov and O'Neil, *Generalized Isolation Level Definitions* (2000); Cerone and Gotsman, *Analysing
//! Snapshot Isolation* (2018), for G-SI; Kingsbury and Alvaro, *Elle* (2020), for lists. Unlike Elle we know the
//! versions' order from a read at the end, and read absent rows.

mod check;
mod client;
mod graph;

pub use check::{Anomaly, Findings, check};
pub use client::{Connection, Failure, Rows, Workload};

use std::time::Duration;

/// An isolation level; the larger, the stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// READ COMMITTED.
    ReadCommitted,
    /// REPEATABLE READ.
    RepeatableRead,
    /// SERIALIZABLE.
    Serializable,
}

impl Level {
    /// As SQL names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read committed",
            Self::RepeatableRead => "repeatable read",
            Self::Serializable => "serializable",
        }
    }
}

/// A row of the table of rows. Its columns never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Primary key, unique in the history; says who inserted it.
    pub id: u64,
    /// What a secondary index is on.
    pub group: usize,
    /// What a unique index is on, when it is not NULL.
    pub slot: Option<usize>,
}

/// Which rows are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// Those of a group: a range of entries of the secondary index.
    Group(usize),
    /// Those from one primary key to another: a range of rows.
    Ids(u64, u64),
    /// That of a slot: an entry of the unique index.
    Slot(usize),
}

impl Predicate {
    fn holds(self, row: &Row) -> bool {
        match self {
            Self::Group(group) => row.group == group,
            Self::Ids(first, last) => (first..=last).contains(&row.id),
            Self::Slot(slot) => row.slot == Some(slot),
        }
    }
}

/// What a statement did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Appended a number to a list.
    Append {
        /// The list.
        list: usize,
        /// Unique in the history.
        number: u64,
    },
    /// Read a list.
    Read {
        /// The list.
        list: usize,
        /// What it was.
        numbers: Vec<u64>,
    },
    /// Inserted a row.
    Insert(Row),
    /// Looked for rows.
    Search {
        /// Which.
        predicate: Predicate,
        /// Those found.
        ids: Vec<u64>,
    },
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its COMMIT was acknowledged.
    Committed,
    /// It certainly did not commit.
    Aborted,
    /// COMMIT was sent, and no answer came.
    Unknown,
}

/// A transaction as its client knows it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Who ran it; one at a time.
    pub session: usize,
    /// Its statements. Steps of one statement have the same number.
    pub steps: Vec<(usize, Step)>,
    /// How it ended.
    pub end: End,
    /// When BEGIN was sent, since the start of the history.
    pub began: Duration,
    /// When the last answer came.
    pub ended: Duration,
}

/// What is there at the end.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The lists.
    pub lists: Vec<Vec<u64>>,
    /// Keys of the rows.
    pub ids: Vec<u64>,
}
