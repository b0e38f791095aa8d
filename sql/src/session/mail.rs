//! LISTEN, UNLISTEN and NOTIFY: what a transaction asked for, and what arrived for the session.
//!
//! # Invariants
//!
//! 1. Nothing takes effect before the transaction commits; what a savepoint takes back never does.
//! 2. Notifications arrive in the order of the commits that sent them: commits that send hold `order`.
//! 3. A notification is told to a client only once the commit that sent it is durable.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, MutexGuard};
use reckon_mvcc::Timestamp;

use super::Session;
use crate::error::Result;
use crate::expr::function::Environment as _;
use crate::parser::Utility;
use crate::types::Oid;

/// About how many short notifications PostgreSQL's queue of 8 GB holds.
const LETTERS_MAX: f64 = (1u64 << 27) as f64;

/// What NOTIFY sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notification {
    /// The process id of the session that sent it.
    pub process: i32,
    /// The channel.
    pub channel: String,
    /// What it says; empty when nothing was given.
    pub payload: String,
}

/// Something to do at commit.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Request {
    Listen(String),
    Unlisten(String),
    UnlistenAll,
    Notify { channel: String, payload: String },
}

/// Who listens, by database and channel.
type Listeners = HashMap<(Oid, String), Vec<Arc<Mailbox>>>;

/// Who listens, in all databases.
#[derive(Default)]
pub(crate) struct Channels {
    listeners: Mutex<Listeners>,
    order: Mutex<()>,
    /// Letters in mailboxes.
    waiting: AtomicUsize,
}

/// What arrived for one session and was not told to its client.
#[derive(Default)]
struct Mailbox {
    letters: Mutex<Vec<(Timestamp, Notification)>>,
    is_filled: AtomicBool,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Mailbox {
    fn put(&self, at: Timestamp, notification: Notification) {
        self.letters.lock().push((at, notification));
        self.is_filled.store(true, Ordering::Release);
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }
}

/// A session's part.
#[derive(Default)]
pub(super) struct Mail {
    mailbox: Arc<Mailbox>,
    listening: BTreeSet<String>,
    requests: Vec<Request>,
}

impl Mail {
    pub(super) fn request(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// How much was asked for, to go back to.
    pub(super) fn mark(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn undo_to(&mut self, mark: usize) {
        self.requests.truncate(mark);
    }

    /// Whether what was asked for changes anything at commit.
    pub(super) fn has_effect(&self) -> bool {
        self.requests.iter().any(|request| match request {
            Request::Listen(_) | Request::Notify { .. } => true,
            Request::Unlisten(_) | Request::UnlistenAll => !self.listening.is_empty(),
        })
    }

    /// Channels listened to.
    pub(super) fn listening(&self) -> impl Iterator<Item = &String> {
        self.listening.iter()
    }

    /// To be held during a commit that sends something.
    #[inline]
    pub(super) fn order<'c>(&self, channels: &'c Channels) -> Option<MutexGuard<'c, ()>> {
        let sends = |request: &Request| matches!(request, Request::Notify { .. });
        self.requests.iter().any(sends).then(|| channels.order.lock())
    }

    /// After the commit: does what was asked for.
    #[inline]
    pub(super) fn commit(
        &mut self,
        channels: &Channels,
        database: Oid,
        process: i32,
        durable_needed: Timestamp,
    ) {
        if !self.requests.is_empty() {
            self.do_requests(channels, database, process, durable_needed);
        }
    }

    /// Of equal notifications one is sent.
    fn do_requests(
        &mut self,
        channels: &Channels,
        database: Oid,
        process: i32,
        durable_needed: Timestamp,
    ) {
        let requests = std::mem::take(&mut self.requests);
        let mut sent = HashSet::new();
        for request in &requests {
            match request {
                Request::Listen(channel) => self.listen(channels, database, channel),
                Request::Unlisten(channel) => self.unlisten(channels, database, channel),
                Request::UnlistenAll => self.unlisten_all(channels, database),
                Request::Notify { .. } => {}
            }
        }
        for request in requests {
            if let Request::Notify { channel, payload } = &request
                && sent.insert(request.clone())
            {
                let (channel, payload) = (channel.clone(), payload.clone());
                let notification = Notification { process, channel, payload };
                channels.send(database, durable_needed, &notification);
            }
        }
    }

    fn listen(&mut self, channels: &Channels, database: Oid, channel: &str) {
        if self.listening.insert(channel.to_owned()) {
            let mut listeners = channels.listeners.lock();
            let there = listeners.entry((database, channel.to_owned())).or_default();
            there.push(Arc::clone(&self.mailbox));
        }
    }

    fn unlisten(&mut self, channels: &Channels, database: Oid, channel: &str) {
        if !self.listening.remove(channel) {
            return;
        }
        let mut listeners = channels.listeners.lock();
        let key = (database, channel.to_owned());
        if let Some(there) = listeners.get_mut(&key) {
            there.retain(|mailbox| !Arc::ptr_eq(mailbox, &self.mailbox));
            if there.is_empty() {
                listeners.remove(&key);
            }
        }
    }

    /// The session ends: it listens to nothing, and nobody takes what arrived.
    pub(super) fn close(&mut self, channels: &Channels, database: Oid) {
        self.unlisten_all(channels, database);
        self.take(channels);
    }

    /// Listens to nothing any more.
    pub(super) fn unlisten_all(&mut self, channels: &Channels, database: Oid) {
        for channel in self.listening.clone() {
            self.unlisten(channels, database, &channel);
        }
    }

    /// What arrived, and what must be durable before it is told.
    pub(super) fn take(&self, channels: &Channels) -> (Vec<Notification>, Option<Timestamp>) {
        if !self.mailbox.is_filled.swap(false, Ordering::AcqRel) {
            return (Vec::new(), None);
        }
        let letters = std::mem::take(&mut *self.mailbox.letters.lock());
        channels.waiting.fetch_sub(letters.len(), Ordering::Relaxed);
        let needed = letters.iter().map(|(at, _)| *at).max();
        (letters.into_iter().map(|(_, notification)| notification).collect(), needed)
    }

    /// Calls `wake` whenever something arrives. Set once.
    pub(super) fn on_arrival(&self, wake: impl Fn() + Send + Sync + 'static) {
        // A second one would not be called.
        let _ = self.mailbox.wake.set(Box::new(wake));
    }
}

impl Channels {
    /// How full the queue is that PostgreSQL would keep for what waits, from 0 to 1.
    pub(crate) fn usage(&self) -> f64 {
        (self.waiting.load(Ordering::Relaxed) as f64 / LETTERS_MAX).min(1.0)
    }

    fn send(&self, database: Oid, at: Timestamp, notification: &Notification) {
        let listeners = self.listeners.lock();
        let there = listeners.get(&(database, notification.channel.clone()));
        for mailbox in there.into_iter().flatten() {
            self.waiting.fetch_add(1, Ordering::Relaxed);
            mailbox.put(at, notification.clone());
        }
    }
}

impl Session {
    /// LISTEN, UNLISTEN and NOTIFY; None for other statements.
    pub(super) fn notification(&mut self, utility: &Utility) -> Result<Option<&'static str>> {
        let (request, tag) = match utility {
            Utility::Listen(channel) => (Request::Listen(channel.clone()), "LISTEN"),
            Utility::Unlisten(Some(channel)) => (Request::Unlisten(channel.clone()), "UNLISTEN"),
            Utility::Unlisten(None) => (Request::UnlistenAll, "UNLISTEN"),
            Utility::Notify { channel, payload } => {
                self.open_transaction()?;
                self.surroundings.notify(channel, payload)?;
                return Ok(Some("NOTIFY"));
            }
            _ => return Ok(None),
        };
        self.open_transaction()?;
        self.surroundings.mail.request(request);
        Ok(Some(tag))
    }
}
