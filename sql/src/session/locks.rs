//! `pg_locks`: who holds and wants which lock.
//!
//! Rows that are locked are not in it; who waits for one waits for the transaction that locked it, as in
//! PostgreSQL. What PostgreSQL has besides and there is not here: locks on pages, tuples, extensions and
//! objects, and the marks of SERIALIZABLE transactions, which are on keys and no locks.

use std::collections::HashMap;

use reckon_mvcc::{Engine, LockStatus, LockTarget, SessionId};

use super::environment::now;
use crate::types::{Datum, Oid};

/// Places in a row.
const LOCK_TYPE: usize = 0;
const DATABASE: usize = 1;
const RELATION: usize = 2;
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

/// The rows, those of each session together.
pub(super) fn rows(engine: &Engine) -> Vec<Vec<Datum>> {
    let begun: HashMap<SessionId, u64> = engine.sessions().into_iter().collect();
    let mut locks = engine.locks();
    locks.sort_by_key(|lock| lock.session);
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
        rows.push(row(lock, name.as_deref(), now));
    }
    rows
}

/// The lock that every transaction has on its own name.
fn own(session: SessionId, name: &str) -> Vec<Datum> {
    let mut row = vec![Datum::Null; WIDTH];
    row[LOCK_TYPE] = Datum::text("virtualxid");
    row[VIRTUAL_ID] = Datum::text(name);
    finish(&mut row, session, Some(name), "ExclusiveLock", true, true);
    row
}

fn row(lock: &LockStatus, name: Option<&str>, now: i64) -> Vec<Datum> {
    let mut row = vec![Datum::Null; WIDTH];
    match lock.target {
        LockTarget::Table(table) => {
            row[LOCK_TYPE] = Datum::text("relation");
            row[DATABASE] = Datum::Oid(Oid(table.database));
            row[RELATION] = Datum::Oid(Oid(table.relation));
        }
        LockTarget::Transaction(number) => {
            row[LOCK_TYPE] = Datum::text("transactionid");
            row[TRANSACTION_ID] = Datum::Oid(Oid(number as u32));
        }
        LockTarget::Advisory(key) => {
            row[LOCK_TYPE] = Datum::text("advisory");
            row[DATABASE] = Datum::Oid(Oid(key.database));
            row[CLASS_ID] = Datum::Oid(Oid(key.high));
            row[OBJECT_ID] = Datum::Oid(Oid(key.low));
            row[OBJECT_SUB_ID] = Datum::Int2(if key.pair { 2 } else { 1 });
        }
    }
    finish(&mut row, lock.session, name, lock.mode, lock.granted, lock.fast);
    if let Some(waited) = lock.waited {
        let waited = i64::try_from(waited.as_micros()).unwrap_or(i64::MAX);
        row[WAIT_START] = Datum::Timestamptz(now.saturating_sub(waited));
    }
    row
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
