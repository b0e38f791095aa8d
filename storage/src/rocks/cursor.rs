//! Rows at a timestamp, in key order.
//!
//! # Invariants
//!
//! 1. RocksDB's iterator is bounded by the range, so it never meets another keyspace.
//! 2. A position sought outside the range is the edge of the range.

use std::ops::Bound;

use rocksdb::{DB, DBRawIterator, ReadOptions};

use super::comparator::{
    self, StoredKey, keyspace_end, stored_key, stored_successor, write_stored_key,
};
use super::meta;
use super::table::{self, Asked};
use crate::error::Error;
use crate::store::{Cursor, Direction, Entry, KeyRange, KeyspaceId, Timestamp};

/// A [`Cursor`] over RocksDB.
pub(super) struct RocksCursor<'a> {
    db: &'a DB,
    iterator: DBRawIterator<'a>,
    keyspace: KeyspaceId,
    direction: Direction,
    lower: StoredKey,
    /// None: to the end of the last keyspace.
    upper: Option<StoredKey>,
    sought: StoredKey,
    position: Position,
}

/// What the next call of `next` has to do first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Go to the edge of the range.
    Edge,
    /// Nothing: a seek has just been there.
    Sought,
    /// Step.
    Row,
    /// Nothing: there is no more.
    End,
}

impl<'a> RocksCursor<'a> {
    pub(super) fn open(
        db: &'a DB,
        keyspace: KeyspaceId,
        range: &KeyRange,
        at: Timestamp,
        direction: Direction,
    ) -> Self {
        let lower = match &range.lower {
            Bound::Included(key) => stored_key(keyspace, key),
            Bound::Excluded(key) => stored_successor(keyspace, key),
            Bound::Unbounded => stored_key(keyspace, &[]),
        };
        let upper = match &range.upper {
            Bound::Included(key) => Some(stored_successor(keyspace, key)),
            Bound::Excluded(key) => Some(stored_key(keyspace, key)),
            Bound::Unbounded => keyspace_end(keyspace).map(|end| StoredKey::from_slice(&end)),
        };
        let empty = upper.as_ref().is_some_and(|upper| *upper <= lower);
        let mut options = ReadOptions::default();
        options.set_timestamp(comparator::stored_timestamp(at));
        if !empty {
            options.set_iterate_lower_bound(lower.to_vec());
            if let Some(upper) = &upper {
                options.set_iterate_upper_bound(upper.to_vec());
            }
        }
        let iterator = db.raw_iterator_cf_opt(meta::data(db), options);
        let position = if empty { Position::End } else { Position::Edge };
        let sought = StoredKey::new();
        Self { db, iterator, keyspace, direction, lower, upper, sought, position }
    }

    fn is_empty(&self) -> bool {
        self.upper.as_ref().is_some_and(|upper| *upper <= self.lower)
    }

    /// Whether `sought` is at or beyond the edge the cursor starts from.
    fn is_before_edge(&self) -> bool {
        match self.direction {
            Direction::Forward => self.sought <= self.lower,
            Direction::Reverse => self.upper.as_ref().is_some_and(|upper| self.sought >= *upper),
        }
    }

    /// Whether `sought` is beyond the edge the cursor ends at.
    fn is_behind_end(&self) -> bool {
        match self.direction {
            Direction::Forward => self.upper.as_ref().is_some_and(|upper| self.sought >= *upper),
            Direction::Reverse => self.sought < self.lower,
        }
    }
}

impl Cursor for RocksCursor<'_> {
    fn next(&mut self) -> Result<Option<Entry<'_>>, Error> {
        match (self.position, self.direction) {
            (Position::End, _) => return Ok(None),
            (Position::Sought, _) => {}
            (Position::Edge, Direction::Forward) => self.iterator.seek_to_first(),
            (Position::Edge, Direction::Reverse) => self.iterator.seek_to_last(),
            (Position::Row, Direction::Forward) => self.iterator.next(),
            (Position::Row, Direction::Reverse) => self.iterator.prev(),
        }
        let Some((stored, value)) = self.iterator.item() else {
            self.position = Position::End;
            return self.iterator.status().map(|()| None).map_err(|error| {
                let (lower, upper) = (&self.lower[..], self.upper.as_deref());
                let asked = Asked { keyspace: self.keyspace, lower, upper };
                table::read_failed(self.db, "read rows", &asked, error)
            });
        };
        self.position = Position::Row;
        let timestamp = self.iterator.timestamp().and_then(comparator::timestamp_of);
        let timestamp = timestamp.ok_or(Error::Corrupt { what: "stored key" })?;
        Ok(Some(Entry { key: comparator::key_of(stored), timestamp, value }))
    }

    fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        write_stored_key(&mut self.sought, self.keyspace, key);
        if self.is_before_edge() {
            self.position = Position::Edge;
        } else if self.is_behind_end() {
            self.position = Position::End;
        } else {
            match self.direction {
                Direction::Forward => self.iterator.seek(&self.sought),
                Direction::Reverse => self.iterator.seek_for_prev(&self.sought),
            }
            self.position = Position::Sought;
        }
        Ok(())
    }
}
