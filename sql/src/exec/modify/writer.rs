//! Writing one row of a table: its checks, its key, and the entries of its indexes.
//!
//! # Invariants
//!
//! 1. A key that must be the only one, a row's own or that of a unique entry, is locked before it is
//!    written: by who takes it and by who gives it up. So whoever wants it waits for an uncommitted
//!    owner, and then looks at what is newest, whatever its snapshot. That it is taken may be said
//!    without a lock, once nobody is about to give it up; not in a SERIALIZABLE transaction, whose
//!    wish to write it must be known first.
//! 2. A row is locked before the keys of its entries.
//! 3. Entries change with their row, and only those whose columns changed.

use std::sync::Arc;

use reckon_mvcc::{Counters, Isolation, KeyspaceId, RowLock, Wait};

use super::violation;
use crate::catalog::{Index, RowIdentity, Table};
use crate::error::Result;
use crate::exec::Context;
use crate::exec::entry::{EntryShape, KeyShape};
use crate::exec::row_id::Counter;
use crate::row::Layout;
use crate::types::{Datum, Oid};

/// Writes rows of one table. It keeps buffers, so it is worth keeping.
pub struct RowWriter {
    pub(super) table: Arc<Table>,
    layout: Layout,
    not_null: Vec<usize>,
    /// None: rows have row ids.
    key: Option<KeyShape>,
    row_ids: Option<Arc<Counter>>,
    /// Parallel to the table's indexes.
    entries: Vec<EntryShape>,
    row_key: Vec<u8>,
    value: Vec<u8>,
    old: Entry,
    new: Entry,
}

/// An index entry being written.
#[derive(Default)]
struct Entry {
    key: Vec<u8>,
    value: Vec<u8>,
    /// Whether its key must be the only one.
    only: bool,
}

/// What is under a key that must be the only one.
pub(super) enum Claim {
    /// Nothing: it is locked, and may be written.
    Free,
    /// This value, newest and committed or written by this transaction.
    Taken(Vec<u8>),
}

impl RowWriter {
    /// A writer of rows of `table`.
    pub fn new(table: &Arc<Table>) -> RowWriter {
        let not_null = |(_, column): &(usize, &crate::catalog::Column)| column.not_null;
        RowWriter {
            layout: Layout::new(&table.columns),
            not_null: table.columns.iter().enumerate().filter(not_null).map(|c| c.0).collect(),
            key: KeyShape::new(table),
            row_ids: None,
            entries: table.indexes.iter().map(|index| EntryShape::new(table, index)).collect(),
            table: Arc::clone(table),
            row_key: Vec::new(),
            value: Vec::new(),
            old: Entry::default(),
            new: Entry::default(),
        }
    }

    /// Inserts a row, given all of its columns, with all checks and index entries.
    pub fn insert(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<()> {
        self.check(row, cx)?;
        self.make_key(row, cx)?;
        let keyspace = self.table.keyspace;
        if let (RowIdentity::PrimaryKey(index), true) = (&self.table.identity, self.key.is_some())
            && let Claim::Taken(_) = claim(keyspace, &self.row_key, cx)?
        {
            return Err(violation::unique(&self.table, index, row, cx.environment.formats()).into());
        }
        self.value.clear();
        self.layout.encode(row, &mut self.value)?;
        cx.transaction()?.put(keyspace, &self.row_key, &self.value)?;
        for (index, shape) in self.table.indexes.iter().zip(&self.entries) {
            self.new.make(shape, row, &self.row_key)?;
            self.new.put(&self.table, index, row, cx)?;
        }
        Ok(())
    }

    /// Changes a row that is locked, given its key and all of its old and new columns. `assigned`:
    /// the columns that may differ.
    pub(super) fn update(
        &mut self,
        key: &[u8],
        old: &[Datum],
        new: &[Datum],
        assigned: &[usize],
        cx: &mut Context<'_>,
    ) -> Result<()> {
        self.check(new, cx)?;
        let moves = self.moves(key, new, assigned)?;
        let keyspace = self.table.keyspace;
        if moves {
            if let (Claim::Taken(_), Some(index)) =
                (claim(keyspace, &self.row_key, cx)?, self.table.primary_key())
            {
                let formats = cx.environment.formats();
                return Err(violation::unique(&self.table, index, new, formats).into());
            }
            cx.transaction()?.delete(keyspace, key)?;
        }
        let new_key = if moves { &self.row_key } else { key };
        self.value.clear();
        self.layout.encode(new, &mut self.value)?;
        cx.transaction()?.put(keyspace, new_key, &self.value)?;
        for (index, shape) in self.table.indexes.iter().zip(&self.entries) {
            if !moves && !assigned.iter().any(|column| shape.uses(*column)) {
                continue;
            }
            self.old.make(shape, old, key)?;
            self.new.make(shape, new, new_key)?;
            if self.old.key == self.new.key {
                if self.old.value != self.new.value {
                    cx.transaction()?.put(index.keyspace, &self.new.key, &self.new.value)?;
                }
                continue;
            }
            self.old.delete(index, cx)?;
            self.new.put(&self.table, index, new, cx)?;
        }
        Ok(())
    }

    /// Deletes a row that is locked, given its key and all of its columns.
    pub(super) fn delete(&mut self, key: &[u8], row: &[Datum], cx: &mut Context<'_>) -> Result<()> {
        cx.transaction()?.delete(self.table.keyspace, key)?;
        for (index, shape) in self.table.indexes.iter().zip(&self.entries) {
            self.old.make(shape, row, key)?;
            self.old.delete(index, cx)?;
        }
        Ok(())
    }

    /// The key of a row that is in the way of a new one: by the index `arbiter`, or by any.
    pub(super) fn find_conflict(
        &mut self,
        row: &[Datum],
        arbiter: Option<Oid>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Vec<u8>>> {
        let asked = |index: &Index| arbiter.is_none_or(|oid| oid == index.oid);
        if let (RowIdentity::PrimaryKey(index), Some(key)) = (&self.table.identity, &self.key)
            && asked(index)
        {
            self.row_key.clear();
            key.append(row, &mut self.row_key)?;
            if let Claim::Taken(_) = look(self.table.keyspace, &self.row_key, cx)? {
                return Ok(Some(self.row_key.clone()));
            }
        }
        for (index, shape) in self.table.indexes.iter().zip(&self.entries) {
            if !index.unique || !asked(index) {
                continue;
            }
            self.new.make(shape, row, &[])?;
            if !self.new.only {
                continue;
            }
            if let Claim::Taken(value) = look(index.keyspace, &self.new.key, cx)? {
                return Ok(Some(shape.row_key(&self.new.key, &value)?.to_vec()));
            }
        }
        Ok(None)
    }

    /// NOT NULL, over a complete row.
    pub(super) fn check(&self, row: &[Datum], cx: &Context<'_>) -> Result<()> {
        let Some(column) = self.not_null.iter().find(|column| row[**column].is_null()) else {
            return Ok(());
        };
        let formats = cx.environment.formats();
        Err(violation::not_null(&self.table, *column, row, formats).into())
    }

    /// Reads all columns of a stored row.
    pub(super) fn decode(&self, value: &[u8], row: &mut Vec<Datum>) -> Result<()> {
        self.layout.decode_all(value, row)
    }

    /// Whether assignments to these columns may change a key that other rows may not have.
    pub(super) fn is_key_change(&self, assigned: &[usize]) -> bool {
        let in_row_key = |column: &usize| {
            self.key.as_ref().is_some_and(|key| key.columns().any(|used| used == *column))
        };
        let in_entry = |column: &usize| {
            self.entries.iter().any(|entry| entry.is_unique() && entry.is_key(*column))
        };
        assigned.iter().any(|column| in_row_key(column) || in_entry(column))
    }

    /// Puts the key of a new row into `row_key`.
    fn make_key(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<()> {
        self.row_key.clear();
        if let Some(key) = &self.key {
            return key.append(row, &mut self.row_key);
        }
        let keyspace = self.table.keyspace;
        let counter = self.row_ids.get_or_insert_with(|| cx.row_ids.counter(keyspace));
        let snapshot = cx.snapshot;
        let row_id = counter.allocate(keyspace, cx.transaction()?, &snapshot)?;
        self.row_key.extend_from_slice(&row_id.to_key());
        Ok(())
    }

    /// Whether the row gets another key, which is then in `row_key`.
    fn moves(&mut self, key: &[u8], new: &[Datum], assigned: &[usize]) -> Result<bool> {
        let Some(shape) = &self.key else { return Ok(false) };
        if !shape.columns().any(|column| assigned.contains(&column)) {
            return Ok(false);
        }
        self.row_key.clear();
        shape.append(new, &mut self.row_key)?;
        Ok(self.row_key != key)
    }
}

impl Entry {
    fn make(&mut self, shape: &EntryShape, row: &[Datum], row_key: &[u8]) -> Result<()> {
        self.key.clear();
        self.value.clear();
        self.only = shape.append_key(row, row_key, &mut self.key)?;
        shape.append_value(row, row_key, &mut self.value)
    }

    fn put(&self, table: &Table, index: &Index, row: &[Datum], cx: &mut Context<'_>) -> Result<()> {
        if self.only
            && let Claim::Taken(_) = claim(index.keyspace, &self.key, cx)?
        {
            return Err(violation::unique(table, index, row, cx.environment.formats()).into());
        }
        Ok(cx.transaction()?.put(index.keyspace, &self.key, &self.value)?)
    }

    fn delete(&self, index: &Index, cx: &mut Context<'_>) -> Result<()> {
        let wait = cx.wait;
        let transaction = cx.transaction()?;
        if self.only {
            transaction.lock_key(index.keyspace, &self.key, RowLock::ForKeyChange, wait)?;
        }
        Ok(transaction.delete(index.keyspace, &self.key)?)
    }
}

/// Locks a key to write it, and says what is there.
fn claim(keyspace: KeyspaceId, key: &[u8], cx: &mut Context<'_>) -> Result<Claim> {
    let wait = cx.wait;
    let transaction = cx.transaction()?;
    if transaction.created_here(keyspace)
        || transaction.lock_key(keyspace, key, RowLock::ForKeyChange, Wait::Skip)?
    {
        return newest(keyspace, key, cx);
    }
    if transaction.isolation() != Isolation::Serializable
        && let Some(value) = present(keyspace, key, cx)?
    {
        return Ok(Claim::Taken(value));
    }
    cx.transaction()?.lock_key(keyspace, key, RowLock::ForKeyChange, wait)?;
    newest(keyspace, key, cx)
}

/// Says what is under a key, and locks it to write it only if there is nothing.
fn look(keyspace: KeyspaceId, key: &[u8], cx: &mut Context<'_>) -> Result<Claim> {
    match present(keyspace, key, cx)? {
        Some(value) => Ok(Claim::Taken(value)),
        None => claim(keyspace, key, cx),
    }
}

/// What is under a key and stays there for now. Somebody may be deleting it: that is waited for, but not those who
/// only lock it.
fn present(keyspace: KeyspaceId, key: &[u8], cx: &mut Context<'_>) -> Result<Option<Vec<u8>>> {
    let Claim::Taken(_) = newest(keyspace, key, cx)? else { return Ok(None) };
    let (wait, mut counters) = (cx.wait, Counters::default());
    let transaction = cx.transaction()?;
    let found = transaction.newest_at_rest(keyspace, key, wait, &mut counters, <[u8]>::to_vec)?;
    cx.counters.add(&counters);
    Ok(found)
}

fn newest(keyspace: KeyspaceId, key: &[u8], cx: &mut Context<'_>) -> Result<Claim> {
    let mut counters = Counters::default();
    let transaction = cx.transaction()?;
    let found = transaction.newest(keyspace, key, &mut counters, <[u8]>::to_vec)?;
    cx.counters.add(&counters);
    Ok(found.map_or(Claim::Free, Claim::Taken))
}
