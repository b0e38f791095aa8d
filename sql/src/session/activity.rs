//! `pg_stat_activity`: who is connected, and what each one does.
//!
//! A session writes what it does into a record that others look at. Snapshots are times here, so
//! `backend_xmin` is always null; `client_addr` is a text. Of another user's session who is no superuser sees
//! that it is there.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use reckon_mvcc::{Engine, LockSubject, LockTarget, SessionId};

use super::block::Block;
use super::environment::now;
use super::{Role, Session};
use crate::catalog::{ACTIVITY, DatabaseDefinition};
use crate::types::{Datum, Oid};

/// Bytes of a query that are kept.
const QUERY_BYTES_MAX: usize = 1023;

/// What is shown in place of a query that is not for everybody.
const HIDDEN: &str = "<insufficient privilege>";

/// A session as others see it.
#[derive(Debug)]
pub(crate) struct Activity {
    pid: i32,
    database: (Oid, String),
    user: (Oid, String),
    begun_at: i64,
    /// Where its client is; `None` for a Unix socket.
    client: OnceLock<Option<SocketAddr>>,
    now: Mutex<Now>,
}

/// What it does.
#[derive(Debug)]
struct Now {
    application: String,
    state: State,
    query: String,
    query_at: Option<i64>,
    transaction_at: Option<i64>,
    changed_at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    Idle,
    InTransaction,
    InFailedTransaction,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::InTransaction => "idle in transaction",
            Self::InFailedTransaction => "idle in transaction (aborted)",
        }
    }
}

impl Activity {
    pub(super) fn new(pid: i32, user: &Role, database: &DatabaseDefinition, at: i64) -> Self {
        Self {
            pid,
            database: (database.oid, database.name.clone()),
            user: (user.oid, user.name.clone()),
            begun_at: at,
            client: OnceLock::new(),
            now: Mutex::new(Now {
                application: String::new(),
                state: State::Idle,
                query: String::new(),
                query_at: None,
                transaction_at: None,
                changed_at: at,
            }),
        }
    }

    /// It runs a query.
    fn runs(&self, query: &str, at: i64) {
        let mut end = query.len().min(QUERY_BYTES_MAX);
        while !query.is_char_boundary(end) {
            end -= 1;
        }
        let mut now = self.now.lock();
        now.query.clear();
        now.query.push_str(&query[..end]);
        now.state = State::Active;
        now.query_at = Some(at);
        now.changed_at = at;
    }

    /// It begins a transaction, and with it the query that needs one.
    pub(super) fn begins(&self, at: i64) {
        let mut now = self.now.lock();
        now.transaction_at = Some(at);
        now.query_at = now.query_at.max(Some(at));
        now.changed_at = now.changed_at.max(at);
    }

    /// It waits for its client, in a transaction since `transaction_at`.
    fn rests(&self, state: State, transaction_at: Option<i64>, at: i64) {
        let mut now = self.now.lock();
        now.state = state;
        now.transaction_at = transaction_at;
        now.changed_at = at;
    }
}

/// The sessions that are open.
#[derive(Debug, Default)]
pub(crate) struct Activities(Mutex<BTreeMap<i32, Arc<Activity>>>);

impl Activities {
    pub(super) fn enter(&self, activity: Arc<Activity>) {
        self.0.lock().insert(activity.pid, activity);
    }

    pub(super) fn leave(&self, pid: i32) {
        self.0.lock().remove(&pid);
    }

    fn all(&self) -> Vec<Arc<Activity>> {
        self.0.lock().values().cloned().collect()
    }
}

impl Session {
    /// Where the client is, for others to see; `None` for a Unix socket. Said once.
    pub fn set_client(&self, address: Option<SocketAddr>) {
        // A client does not move.
        let _ = self.activity.client.set(address);
    }

    /// All replies to what was asked are made: the session has nothing to do.
    pub fn rest(&mut self) {
        let (state, in_transaction) = match &self.block {
            Block::Open(open) if open.explicit => (State::InTransaction, true),
            Block::Idle | Block::Open(_) => (State::Idle, false),
            Block::Failed(kept) => (State::InFailedTransaction, kept.is_some()),
        };
        let transaction_at = in_transaction.then_some(self.surroundings.transaction_time);
        self.name_application();
        self.activity.rests(state, transaction_at, now(self.database.engine()));
    }

    /// It begins to run a query.
    #[inline]
    pub(super) fn runs(&self, query: &str) {
        self.activity.runs(query, now(self.database.engine()));
    }

    /// Takes over `application_name`, when settings have changed.
    pub(super) fn name_application(&mut self) {
        let version = self.surroundings.settings.version();
        if self.named_at.replace(version) == Some(version) {
            return;
        }
        if let Ok((_, name)) = self.surroundings.settings.show("application_name") {
            self.activity.now.lock().application = name;
        }
    }
}

/// What a session waits for, and its transaction, as locks tell.
#[derive(Default)]
struct Locked {
    transaction: Option<u64>,
    waits_for: Option<(&'static str, &'static str)>,
}

fn locked(engine: &Engine) -> HashMap<SessionId, Locked> {
    let mut all: HashMap<SessionId, Locked> = HashMap::new();
    for lock in engine.locks() {
        let of = all.entry(lock.session).or_default();
        let event = match lock.subject {
            LockSubject::Target(LockTarget::Transaction(number)) => {
                if lock.granted {
                    of.transaction = Some(number);
                }
                "transactionid"
            }
            LockSubject::Target(LockTarget::Table(_)) => "relation",
            LockSubject::Target(LockTarget::Advisory(_)) => "advisory",
            LockSubject::Row { .. } => "tuple",
        };
        if !lock.granted {
            of.waits_for = Some(("Lock", event));
        }
    }
    all
}

/// The rows, as a user sees them.
pub(super) fn rows(engine: &Engine, activities: &Activities, viewer: &Role) -> Vec<Vec<Datum>> {
    let locked = locked(engine);
    let none = Locked::default();
    let row = |activity: &Arc<Activity>| {
        let session = SessionId(activity.pid as u32);
        let locked = locked.get(&session).unwrap_or(&none);
        let is_shown = viewer.superuser || viewer.oid == activity.user.0;
        let waits_for_snapshot =
            || (!engine.snapshot_blockers(session).is_empty()).then_some(("IPC", "SafeSnapshot"));
        let waits_for = locked.waits_for.or_else(waits_for_snapshot);
        activity.row(locked.transaction, waits_for, is_shown)
    };
    activities.all().iter().map(row).collect()
}

impl Activity {
    fn row(
        &self,
        transaction: Option<u64>,
        waits_for: Option<(&'static str, &'static str)>,
        is_shown: bool,
    ) -> Vec<Datum> {
        let mut row = vec![Datum::Null; ACTIVITY.columns.len()];
        let mut set = |name: &str, value: Datum| {
            let place = ACTIVITY.columns.iter().position(|(column, _)| *column == name);
            place.into_iter().for_each(|place| row[place] = value.clone());
        };
        let text = |text: &str| Datum::text(text);
        let time = |at: Option<i64>| at.map_or(Datum::Null, Datum::Timestamptz);
        let doing = self.now.lock();
        set("datid", Datum::Oid(self.database.0));
        set("datname", text(&self.database.1));
        set("pid", Datum::Int4(self.pid));
        set("usesysid", Datum::Oid(self.user.0));
        set("usename", text(&self.user.1));
        set("application_name", text(&doing.application));
        set("backend_xid", transaction.map_or(Datum::Null, |xid| Datum::Oid(Oid(xid as u32))));
        if !is_shown {
            set("query", text(HIDDEN));
            return row;
        }
        if let Some(Some(address)) = self.client.get() {
            set("client_addr", text(&address.ip().to_string()));
        }
        let port = |client: &Option<SocketAddr>| client.map_or(-1, |at| i32::from(at.port()));
        set("client_port", self.client.get().map(port).map_or(Datum::Null, Datum::Int4));
        set("backend_start", Datum::Timestamptz(self.begun_at));
        set("xact_start", time(doing.transaction_at));
        set("query_start", time(doing.query_at));
        set("state_change", Datum::Timestamptz(doing.changed_at));
        let rests = (doing.state != State::Active).then_some(("Client", "ClientRead"));
        if let Some((kind, event)) = rests.or(waits_for) {
            set("wait_event_type", text(kind));
            set("wait_event", text(event));
        }
        set("state", text(doing.state.name()));
        set("query", text(&doing.query));
        set("backend_type", text("client backend"));
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity() -> Activity {
        let user = Role {
            oid: Oid(16384),
            name: "alice".to_owned(),
            superuser: false,
            can_login: true,
            password: None,
        };
        let mut activity = Activity {
            pid: 7,
            database: (Oid(5), "postgres".to_owned()),
            user: (user.oid, user.name),
            begun_at: 1,
            client: OnceLock::new(),
            now: Mutex::new(Now {
                application: "shell".to_owned(),
                state: State::Idle,
                query: String::new(),
                query_at: None,
                transaction_at: None,
                changed_at: 1,
            }),
        };
        activity.client = OnceLock::from(None);
        activity
    }

    fn column(row: &[Datum], name: &str) -> Option<String> {
        let at = ACTIVITY.columns.iter().position(|(column, _)| *column == name).unwrap();
        (!matches!(row[at], Datum::Null)).then(|| format!("{:?}", row[at]))
    }

    #[test]
    fn of_another_users_session_only_what_all_may_see_is_shown() {
        let activity = activity();
        activity.runs("select 'secret'", 10);
        activity.begins(10);
        let (own, other) = (activity.row(Some(3), None, true), activity.row(Some(3), None, false));
        assert_eq!(column(&own, "query"), Some(format!("{:?}", Datum::text("select 'secret'"))));
        assert_eq!(column(&other, "query"), Some(format!("{:?}", Datum::text(HIDDEN))));
        for shown in ["datname", "pid", "usename", "application_name", "backend_xid"] {
            assert!(column(&other, shown).is_some(), "{shown}");
        }
        for hidden in ["state", "backend_start", "xact_start", "query_start", "client_port"] {
            assert!(column(&other, hidden).is_none() && column(&own, hidden).is_some(), "{hidden}");
        }
    }

    #[test]
    fn a_long_query_is_cut_between_characters() {
        let activity = activity();
        activity.runs(&"ä".repeat(1000), 10);
        assert_eq!(activity.now.lock().query, "ä".repeat(QUERY_BYTES_MAX / 2));
    }
}
