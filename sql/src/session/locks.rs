//! `pg_locks`: who holds and wants which lock.
//!
//! Rows that are locked are not in it. Who waits for one waits for the transaction that locked it and has the
//! row's `tuple` lock, for which others wait in their turn, as in PostgreSQL. Its `SIReadLock`s are what
//! SERIALIZABLE transactions have read: a key is a `tuple`, a range of keys a `page`, everything a
//! `relation`. Rows have no places here, so `page` and `tuple` are made of the key: the same for the same row.
//!
//! What PostgreSQL has besides and there is not here: locks on pages, extensions and objects.

use std::collections::HashMap;

use reckon_mvcc::{
    Engine, Extent, KeyName, KeyspaceId, LockStatus, LockSubject, LockTarget, PredicateLock,
    SessionId,
};

use super::environment::now;
use crate::catalog::{Catalog, Table};
use crate::error::Result;
use crate::types::{Datum, Oid};

/// Places in a row.
const LOCK_TYPE: usize = 0;
const DATABASE: usize = 1;
const RELATION: usize = 2;
const PAGE: usize = 3;
const TUPLE: usize = 4;
const VIRTUAL_ID: usize = 5;
const TRANSACTION_ID: usize = 6;
const CLASS_ID: usize = 7;
const OBJECT_ID: usize = 8;
const OBJECT_SUB_ID: usize = 9;
const VIRTUAL_TRANSACTION: usize = 10;
const PID: usize = 11;
const MODE: usize = 12;
const GRANTED: usize = 13;
const FAST_PATH: usize = 14;
const WAIT_START: usize = 15;
const WIDTH: usize = 16;

/// The relation that a keyspace belongs to.
#[derive(Clone, Copy)]
struct Place {
    database: Oid,
    relation: Oid,
    /// What its ranges are ranges of: the index on which it is clustered, or itself.
    ordered_by: Oid,
    is_table: bool,
}

/// Which keyspace is which relation's.
#[derive(Default)]
pub(super) struct Places(HashMap<KeyspaceId, Place>);

impl Places {
    /// Adds the relations of a database.
    pub(super) fn add(&mut self, database: Oid, catalog: &Catalog) {
        for table in catalog.tables() {
            self.add_table(database, table);
        }
    }

    fn add_table(&mut self, database: Oid, table: &Table) {
        let (relation, is_table) = (table.oid, true);
        let ordered_by = table.primary_key().map_or(relation, |index| index.oid);
        self.0.insert(table.keyspace, Place { database, relation, ordered_by, is_table });
        for index in &table.indexes {
            let (relation, is_table) = (index.oid, false);
            let place = Place { database, relation, ordered_by: relation, is_table };
            self.0.insert(index.keyspace, place);
        }
    }
}

/// The rows, those of each session together. `places` reads the definitions, when they are needed.
pub(super) fn rows(
    engine: &Engine,
    places: impl FnOnce() -> Result<Places>,
) -> Result<Vec<Vec<Datum>>> {
    let begun: HashMap<SessionId, u64> = engine.sessions().into_iter().collect();
    let (mut locks, marks) = (engine.locks(), engine.predicate_locks());
    locks.sort_by_key(|lock| lock.session);
    let names_keyspaces = |lock: &LockStatus| matches!(lock.subject, LockSubject::Row { .. });
    let places = match marks.is_empty() && !locks.iter().any(names_keyspaces) {
        true => Places::default(),
        false => places()?,
    };
    let now = now(engine);
    let mut rows: Vec<Vec<Datum>> = Vec::new();
    let mut last = None;
    for lock in &locks {
        let name = begun.get(&lock.session).map(|number| format!("{}/{number}", lock.session));
        if last.replace(lock.session) != Some(lock.session)
            && let Some(name) = &name
        {
            rows.push(own(lock.session, name));
        }
        rows.extend(row(lock, &places, name.as_deref(), now));
    }
    rows.extend(marks.iter().filter_map(|mark| marked(mark, &places)));
    Ok(rows)
}

/// The lock that every transaction has on its own name.
fn own(session: SessionId, name: &str) -> Vec<Datum> {
    let mut row = vec![Datum::Null; WIDTH];
    row[LOCK_TYPE] = Datum::text("virtualxid");
    row[VIRTUAL_ID] = Datum::text(name);
    finish(&mut row, session, Some(name), "ExclusiveLock", true, true);
    row
}

/// `None` for a row of a relation that is not known.
fn row(lock: &LockStatus, places: &Places, name: Option<&str>, now: i64) -> Option<Vec<Datum>> {
    let mut row = vec![Datum::Null; WIDTH];
    match lock.subject {
        LockSubject::Target(LockTarget::Table(table)) => {
            row[LOCK_TYPE] = Datum::text("relation");
            row[DATABASE] = Datum::Oid(Oid(table.database));
            row[RELATION] = Datum::Oid(Oid(table.relation));
        }
        LockSubject::Target(LockTarget::Transaction(number)) => {
            row[LOCK_TYPE] = Datum::text("transactionid");
            row[TRANSACTION_ID] = Datum::Oid(Oid(number as u32));
        }
        LockSubject::Target(LockTarget::Advisory(key)) => {
            row[LOCK_TYPE] = Datum::text("advisory");
            row[DATABASE] = Datum::Oid(Oid(key.database));
            row[CLASS_ID] = Datum::Oid(Oid(key.high));
            row[OBJECT_ID] = Datum::Oid(Oid(key.low));
            row[OBJECT_SUB_ID] = Datum::Int2(if key.pair { 2 } else { 1 });
        }
        LockSubject::Row { keyspace, key } => {
            let place = places.0.get(&keyspace).filter(|place| place.is_table)?;
            tuple(&mut row, place, key);
        }
    }
    finish(&mut row, lock.session, name, lock.mode, lock.granted, lock.fast);
    if let Some(waited) = lock.waited {
        let waited = i64::try_from(waited.as_micros()).unwrap_or(i64::MAX);
        row[WAIT_START] = Datum::Timestamptz(now.saturating_sub(waited));
    }
    Some(row)
}

/// What a SERIALIZABLE transaction has read; `None` for what is no relation's.
fn marked(mark: &PredicateLock, places: &Places) -> Option<Vec<Datum>> {
    let place = places.0.get(&mark.keyspace)?;
    let mut row = vec![Datum::Null; WIDTH];
    row[DATABASE] = Datum::Oid(place.database);
    match mark.extent {
        Extent::All => {
            row[LOCK_TYPE] = Datum::text("relation");
            row[RELATION] = Datum::Oid(place.relation);
        }
        Extent::Range(first) => page(&mut row, place, first),
        // An entry of an index is part of a page.
        Extent::Key(key) if !place.is_table => page(&mut row, place, key),
        Extent::Key(key) => tuple(&mut row, place, key),
    }
    let own = mark.owner.filter(|(session, _)| !session.is_prepared());
    let name = own.map(|(session, number)| format!("{session}/{number}"));
    let session = own.map_or(SessionId(0), |(session, _)| session);
    finish(&mut row, session, name.as_deref(), "SIReadLock", true, false);
    Some(row)
}

fn page(row: &mut [Datum], place: &Place, key: KeyName) {
    row[LOCK_TYPE] = Datum::text("page");
    row[DATABASE] = Datum::Oid(place.database);
    row[RELATION] = Datum::Oid(place.ordered_by);
    row[PAGE] = Datum::Int4((key.0 >> 33) as i32);
}

fn tuple(row: &mut [Datum], place: &Place, key: KeyName) {
    row[LOCK_TYPE] = Datum::text("tuple");
    row[DATABASE] = Datum::Oid(place.database);
    row[RELATION] = Datum::Oid(place.relation);
    row[PAGE] = Datum::Int4((key.0 >> 33) as i32);
    row[TUPLE] = Datum::Int2((key.0 & 0x7FFF) as i16);
}

/// A prepared transaction has no process and no name.
fn finish(
    row: &mut [Datum],
    session: SessionId,
    name: Option<&str>,
    mode: &str,
    granted: bool,
    fast: bool,
) {
    let pid = i32::try_from(session.0).ok().filter(|_| name.is_some());
    row[VIRTUAL_TRANSACTION] = Datum::text(name.unwrap_or("-1/0"));
    row[PID] = pid.map_or(Datum::Null, Datum::Int4);
    row[MODE] = Datum::text(mode);
    row[GRANTED] = Datum::Bool(granted);
    row[FAST_PATH] = Datum::Bool(fast);
}
