//! Two-phase commit: transactions that outlive their session, and the process.
//!
//! ```text
//! session A   BEGIN ── writes, locks ── PREPARE TRANSACTION 'g'      free for the next transaction
//!                                        │ certified; record synced; locks handed over
//! prepared    ═══════════════════════════╧═════ locks held, rows unseen ═════╤═══════ gone
//! session B                                                     COMMIT PREPARED 'g'
//!                                                    rows and removal of the record: one batch
//! ```
//!
//! PREPARE writes everything the commit needs into one control value of the store: the writes, the locks,
//! and the marks of a SERIALIZABLE transaction. What was bulk loaded is on disk already and named by the
//! record. A restart reads the records before there are sessions, and takes the locks again.
//!
//! # Invariants
//!
//! 1. From the sync of the record on nothing can fail but COMMIT PREPARED itself, which leaves everything as
//!    it was then.
//! 2. After a crash there is the record, or there are the commit's rows, or the transaction was never
//!    acknowledged or rolled back: the batch that has the rows removes the record.
//! 3. Its locks are held from before the record is written until the commit is visible or the removal of the
//!    record is synced: first by its session, then under a name of its own, which waits for nothing.
//! 4. It reads nothing any more, so it holds no snapshot back; its rows get the timestamp of COMMIT PREPARED.
//! 5. One session at a time is about to finish it: that one has the [`Claim`].

mod claim;
mod record;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use reckon_storage::{KeyspaceId, Timestamp, Write};

use crate::commit::fatal;
use crate::engine::{Engine, Shared};
use crate::error::Error;
use crate::lock::HeldLocks;
use crate::serializable::XactId;
use crate::session::{Member, SessionId};
use crate::snapshot::Command;
use crate::sync::Mutex;
use crate::transaction::TransactionId;
use crate::write_set::WriteSet;
pub use claim::Claim;
pub(crate) use record::{Record, WrittenRow};

/// An identifier is shorter than this, in bytes.
const IDENTIFIER_BYTES: usize = 200;

/// Why a transaction cannot be prepared or finished. Display is PostgreSQL's message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum Problem {
    /// The identifier has 200 bytes or more (22023).
    IdentifierTooLong { identifier: String },
    /// [`Options::max_prepared_transactions`](crate::Options::max_prepared_transactions) is 0 (55000).
    Disabled,
    /// Another one has the identifier (42710).
    IdentifierInUse { identifier: String },
    /// There are as many as there may be (53200).
    TooMany { max: usize },
    /// An advisory lock is held by the session and by the transaction (0A000).
    SessionLock,
    /// There is none with the identifier (42704).
    Undefined { identifier: String },
    /// Another session is about to finish it (55000).
    Busy { identifier: String },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdentifierTooLong { identifier } => {
                write!(f, "transaction identifier \"{identifier}\" is too long")
            }
            Self::Disabled => f.write_str("prepared transactions are disabled"),
            Self::IdentifierInUse { identifier } => {
                write!(f, "transaction identifier \"{identifier}\" is already in use")
            }
            Self::TooMany { .. } => f.write_str("maximum number of prepared transactions reached"),
            Self::SessionLock => f.write_str(
                "cannot PREPARE while holding both session-level and transaction-level locks on the \
                 same object",
            ),
            Self::Undefined { identifier } => {
                write!(f, "prepared transaction with identifier \"{identifier}\" does not exist")
            }
            Self::Busy { identifier } => {
                write!(f, "prepared transaction with identifier \"{identifier}\" is busy")
            }
        }
    }
}

/// What others may know of a prepared transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its number.
    pub transaction: TransactionId,
    /// Its identifier, as the application chose it.
    pub identifier: String,
    /// When it was prepared.
    pub at: Timestamp,
    /// What [`Transaction::prepare`](crate::Transaction::prepare) was given to keep with it.
    pub note: Arc<[u8]>,
}

/// The transaction itself.
pub(crate) struct Body {
    /// Under this name it holds its locks.
    pub(crate) member: Member,
    pub(crate) writes: WriteSet,
    pub(crate) locks: HeldLocks,
    pub(crate) created: Vec<KeyspaceId>,
    pub(crate) dropped: Vec<KeyspaceId>,
    pub(crate) certified: Option<XactId>,
}

/// A place in the list of prepared transactions.
enum Place {
    /// Its record is being written.
    Reserved,
    /// Prepared; `body` is with the claim while there is one.
    Prepared { about: Prepared, body: Option<Box<Body>> },
}

/// All prepared transactions, by identifier.
#[derive(Default)]
pub(crate) struct PreparedTransactions {
    places: Mutex<Places>,
}

#[derive(Default)]
struct Places {
    by_identifier: BTreeMap<String, Place>,
    last_name: u32,
}

impl Places {
    /// Whether there is a place for a transaction.
    fn check(&self, identifier: &str, max: usize) -> Result<(), Problem> {
        let own = || identifier.to_owned();
        if identifier.len() >= IDENTIFIER_BYTES {
            return Err(Problem::IdentifierTooLong { identifier: own() });
        }
        if max == 0 {
            return Err(Problem::Disabled);
        }
        if self.by_identifier.contains_key(identifier) {
            return Err(Problem::IdentifierInUse { identifier: own() });
        }
        if self.by_identifier.len() >= max {
            return Err(Problem::TooMany { max });
        }
        Ok(())
    }

    /// A name that no session and no other prepared transaction has.
    fn name(&mut self) -> SessionId {
        self.last_name += 1;
        SessionId::of_prepared(self.last_name)
    }
}

impl PreparedTransactions {
    /// Keeps a place for a transaction that is being prepared; it is free again when dropped.
    pub(crate) fn reserve<'a>(
        &'a self,
        identifier: &str,
        max: usize,
    ) -> Result<Reservation<'a>, Problem> {
        let mut places = self.places.lock();
        places.check(identifier, max)?;
        let identifier = identifier.to_owned();
        places.by_identifier.insert(identifier.clone(), Place::Reserved);
        let name = places.name();
        Ok(Reservation { all: self, identifier, name, is_filled: false })
    }

    fn insert(&self, about: Prepared, body: Box<Body>) {
        let identifier = about.identifier.clone();
        let place = Place::Prepared { about, body: Some(body) };
        self.places.lock().by_identifier.insert(identifier, place);
    }

    fn claim(&self, identifier: &str) -> Result<(Prepared, Box<Body>), Problem> {
        let mut places = self.places.lock();
        let identifier = identifier.to_owned();
        match places.by_identifier.get_mut(&identifier) {
            Some(Place::Prepared { about, body }) => match body.take() {
                Some(body) => Ok((about.clone(), body)),
                None => Err(Problem::Busy { identifier }),
            },
            Some(Place::Reserved) | None => Err(Problem::Undefined { identifier }),
        }
    }

    fn put_back(&self, identifier: &str, claimed: Box<Body>) {
        let mut places = self.places.lock();
        if let Some(Place::Prepared { body, .. }) = places.by_identifier.get_mut(identifier) {
            *body = Some(claimed);
        }
    }

    fn remove(&self, identifier: &str) {
        self.places.lock().by_identifier.remove(identifier);
    }

    fn each(&self, mut see: impl FnMut(&Prepared, Option<&Body>)) {
        for place in self.places.lock().by_identifier.values() {
            if let Place::Prepared { about, body } = place {
                see(about, body.as_deref());
            }
        }
    }

    /// Reads what the store has, and takes the locks again. Before there are sessions. Fails when the store
    /// has more than there may be: then nobody could say which ones are to be done without.
    pub(crate) fn restore(&self, shared: &Shared) -> Result<(), Error> {
        let max = shared.options.max_prepared_transactions;
        let found = shared.store.controls(record::PREFIX)?;
        if found.len() > max {
            return Err(Error::Prepare(Problem::TooMany { max }));
        }
        for (name, bytes) in found {
            let Some(identifier) = name.strip_prefix(record::PREFIX) else { continue };
            let record = Record::decode(&bytes)?;
            let last = &shared.counts.last_transaction;
            last.fetch_max(record.transaction, Ordering::Relaxed);
            let at = Timestamp(record.prepared_us);
            shared.queue.recover(at);
            let name = self.places.lock().name();
            let about = Prepared {
                transaction: TransactionId(record.transaction),
                identifier: identifier.to_owned(),
                at,
                note: Arc::from(record.note.as_slice()),
            };
            self.insert(about, Box::new(Body::restore(shared, name, record)));
        }
        Ok(())
    }
}

impl Body {
    fn restore(shared: &Shared, name: SessionId, record: Record) -> Self {
        let mut writes = WriteSet::default();
        for (keyspace, rows) in &record.writes {
            for (key, value) in rows {
                writes.write(*keyspace, key, value.as_deref(), Command(0));
            }
        }
        let member = Member::new(name);
        let at = Timestamp(record.prepared_us);
        let certifier = &shared.certifier;
        Self {
            locks: shared.locks.take_again(&member, record.transaction, &record.locks),
            certified: record.serial.map(|serial| certifier.restore(name, at, serial)),
            member,
            writes,
            created: record.created,
            dropped: record.dropped,
        }
    }

    /// Lets go of everything, once its fate is known.
    fn end(self, shared: &Shared) {
        if let Some(id) = self.certified {
            shared.certifier.end(id);
        }
        shared.locks.release_held(&self.member, &self.locks);
    }
}

/// A place for a transaction that is being prepared.
pub(crate) struct Reservation<'a> {
    all: &'a PreparedTransactions,
    identifier: String,
    name: SessionId,
    is_filled: bool,
}

impl Reservation<'_> {
    /// The name under which it will hold its locks.
    pub(crate) fn name(&self) -> SessionId {
        self.name
    }

    /// Writes the record. When this returns, it is durable and the transaction is prepared.
    pub(crate) fn write(&self, shared: &Shared, record: &Record) -> Result<(), Error> {
        let too_large = Error::TransactionTooLarge { limit_bytes: record::RECORD_BYTES_MAX };
        let bytes = record.encode().ok_or(too_large)?;
        shared.store.check_space()?;
        set_control(shared, &self.identifier, Some(&bytes))
    }

    /// The transaction is there for all to finish.
    pub(crate) fn fill(mut self, transaction: TransactionId, record: Record, body: Body) {
        let about = Prepared {
            transaction,
            identifier: self.identifier.clone(),
            at: Timestamp(record.prepared_us),
            note: Arc::from(record.note),
        };
        self.all.insert(about, Box::new(body));
        self.is_filled = true;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.is_filled {
            self.all.remove(&self.identifier);
        }
    }
}

/// The control value that has the record.
fn control_name(identifier: &str) -> String {
    format!("{}{identifier}", record::PREFIX)
}

/// Writes or removes a record, durably.
fn set_control(shared: &Shared, identifier: &str, value: Option<&[u8]>) -> Result<(), Error> {
    let name = control_name(identifier);
    let set = shared.options.blocking.run(|| shared.store.set_control(&name, value));
    match set {
        // Whether it is on disk is unknown.
        Err(error) if error.is_fatal() => fatal(&error),
        set => Ok(set?),
    }
}

impl Engine {
    /// The prepared transactions, by identifier.
    pub fn prepared(&self) -> Vec<Prepared> {
        let mut all = Vec::new();
        self.shared.prepared.each(|about, _| all.push(about.clone()));
        all
    }

    /// Whether [`Transaction::prepare`](crate::Transaction::prepare) would accept an identifier now;
    /// [`Error::Prepare`] says why not.
    pub fn check_preparable(&self, identifier: &str) -> Result<(), Error> {
        let max = self.max_prepared_transactions();
        let places = self.shared.prepared.places.lock();
        places.check(identifier, max).map_err(Error::Prepare)
    }

    /// The right to finish a prepared transaction. [`Error::Prepare`] when there is none of that name, or
    /// somebody else has it.
    pub fn claim_prepared(&self, identifier: &str) -> Result<Claim, Error> {
        let (about, body) = self.shared.prepared.claim(identifier).map_err(Error::Prepare)?;
        Ok(Claim { engine: self.clone(), about, body: Some(body) })
    }

    /// The highest key that prepared transactions write in each keyspace. For the start, before there are
    /// sessions.
    pub fn prepared_keys(&self, mut see: impl FnMut(KeyspaceId, &[u8])) {
        self.shared.prepared.each(|_, body| {
            let Some(body) = body else { return };
            let writes = body.writes.in_order();
            for keyspace in writes.keyspaces() {
                let last = writes.of(keyspace).map(|write: Write<'_>| write.key).last();
                last.into_iter().for_each(|key| see(keyspace, key));
            }
        });
    }
}

impl PreparedTransactions {
    /// Keyspaces that prepared transactions created: no catalog names them yet.
    pub(crate) fn has_created(&self, keyspace: KeyspaceId) -> bool {
        let mut found = false;
        self.each(|_, body| found |= body.is_some_and(|body| body.created.contains(&keyspace)));
        found
    }
}
