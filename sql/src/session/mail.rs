//! LISTEN, UNLISTEN and NOTIFY: what a transaction asked for, and what arrived for the session.
//!
//! # Invariants
//!
//! 1. Nothing takes effect before the transaction commits; what a savepoint takes back never does.
//! 2. Notifications arrive in the order of the commits that sent them: commits that send hold `order`.
//! 3. A notification is told to a client only once the commit that sent it is durable.
//! 4. What waits in all mailboxes takes at most [`QUEUE_BYTES`]: a commit that would send more fails before anything
//!    is committed. For that, commits that listen hold `order`, too.
//! 5. A mailbox holds letters of channels that its session listens to.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, MutexGuard};
use reckon_mvcc::Timestamp;

use super::Session;
use crate::error::{Result, StatementError};
use crate::expr::function::Environment as _;
use crate::parser::Utility;
use crate::types::Oid;

/// What notifications that wait for listeners may take, in bytes, each once and a little for each listener.
const QUEUE_BYTES: usize = 64 << 20;

/// How much a listener is handed at a time, in bytes.
const HANDED_BYTES: usize = 1 << 20;

/// For how many letters a mailbox keeps room once it is empty.
const SPARE_PLACES: usize = 64;

/// What a letter takes in each mailbox, in bytes.
const PLACE_BYTES: usize = size_of::<(Timestamp, Arc<Letter>)>();

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
#[derive(Debug)]
pub(super) enum Request {
    Listen(String),
    Unlisten(String),
    UnlistenAll,
    Notify(Arc<Note>),
}

/// What NOTIFY asks to send.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(super) struct Note {
    channel: String,
    payload: String,
}

impl Note {
    /// About what it takes in memory.
    fn bytes(&self) -> usize {
        size_of::<Letter>() + self.channel.len() + self.payload.len()
    }
}

/// A notification in mailboxes, counted while it is in one.
struct Letter {
    notification: Notification,
    bytes: usize,
    waiting: Arc<AtomicUsize>,
}

impl Drop for Letter {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Who listens, by database and channel.
type Listeners = HashMap<(Oid, String), Vec<Arc<Mailbox>>>;

/// Who listens, in all databases.
#[derive(Default)]
pub(crate) struct Channels {
    listeners: Mutex<Listeners>,
    order: Mutex<()>,
    /// Bytes of the letters in mailboxes.
    waiting: Arc<AtomicUsize>,
}

/// What arrived for one session and was not told to its client.
#[derive(Default)]
struct Mailbox {
    letters: Mutex<VecDeque<(Timestamp, Arc<Letter>)>>,
    is_filled: AtomicBool,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Mailbox {
    fn put(&self, at: Timestamp, letter: Arc<Letter>) {
        self.letters.lock().push_back((at, letter));
        self.announce();
    }

    fn announce(&self) {
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
    /// What is to be sent, and about what it takes.
    notes: HashSet<Arc<Note>>,
    bytes: usize,
}

impl Mail {
    pub(super) fn request(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// Of equal notifications one is sent.
    pub(super) fn notify(&mut self, channel: &str, payload: &str) -> Result<()> {
        let note = Note { channel: channel.to_owned(), payload: payload.to_owned() };
        if self.notes.contains(&note) {
            return Ok(());
        }
        self.bytes += note.bytes();
        if self.bytes > QUEUE_BYTES {
            self.bytes -= note.bytes();
            return Err(StatementError::TooManyNotifications.into());
        }
        let note = Arc::new(note);
        self.notes.insert(Arc::clone(&note));
        self.requests.push(Request::Notify(note));
        Ok(())
    }

    /// How much was asked for, to go back to.
    pub(super) fn mark(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn undo_to(&mut self, mark: usize) {
        for request in self.requests.drain(mark..) {
            if let Request::Notify(note) = request {
                self.bytes -= note.bytes();
                self.notes.remove(&note);
            }
        }
        if self.notes.is_empty() {
            self.notes = HashSet::new();
        }
    }

    /// Whether what was asked for changes anything at commit.
    pub(super) fn has_effect(&self) -> bool {
        self.requests.iter().any(|request| match request {
            Request::Listen(_) | Request::Notify(_) => true,
            Request::Unlisten(_) | Request::UnlistenAll => !self.listening.is_empty(),
        })
    }

    /// Channels listened to.
    pub(super) fn listening(&self) -> impl Iterator<Item = &String> {
        self.listening.iter()
    }

    /// To be held during a commit that sends something or listens. Fails when there is no room for what it sends.
    #[inline]
    pub(super) fn order<'c>(
        &self,
        channels: &'c Channels,
        database: Oid,
    ) -> Result<Option<MutexGuard<'c, ()>>> {
        let listens = |request: &Request| matches!(request, Request::Listen(_));
        let listens = self.requests.iter().any(listens);
        if self.notes.is_empty() && !listens {
            return Ok(None);
        }
        let order = channels.order.lock();
        let listeners_more = usize::from(listens);
        let notes = self.notes.iter().map(|note| (note.bytes(), &*note.channel));
        if !channels.have_room(database, notes, listeners_more) {
            return Err(StatementError::TooManyNotifications.into());
        }
        Ok(Some(order))
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

    fn do_requests(
        &mut self,
        channels: &Channels,
        database: Oid,
        process: i32,
        durable_needed: Timestamp,
    ) {
        let requests = std::mem::take(&mut self.requests);
        let mut leaves = false;
        for request in &requests {
            leaves |= matches!(request, Request::Unlisten(_) | Request::UnlistenAll);
            match request {
                Request::Listen(channel) => self.listen(channels, database, channel),
                Request::Unlisten(channel) => self.unlisten(channels, database, channel),
                Request::UnlistenAll => self.unlisten_all(channels, database),
                Request::Notify(_) => {}
            }
        }
        if leaves {
            let listening = &self.listening;
            let is_told = |letter: &Letter| listening.contains(&letter.notification.channel);
            self.mailbox.letters.lock().retain(|(_, letter)| is_told(letter));
        }
        (self.notes, self.bytes) = (HashSet::new(), 0);
        for request in requests {
            if let Request::Notify(note) = request {
                channels.send(database, durable_needed, process, note);
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

    /// Listens to nothing any more, and nobody takes what arrived: the session ends, or is as new.
    pub(super) fn close(&mut self, channels: &Channels, database: Oid) {
        self.unlisten_all(channels, database);
        self.mailbox.letters.lock().clear();
    }

    fn unlisten_all(&mut self, channels: &Channels, database: Oid) {
        for channel in self.listening.clone() {
            self.unlisten(channels, database, &channel);
        }
    }

    /// What arrived, or the first of it when it is much, and what must be durable before it is told.
    pub(super) fn take(&self) -> (Vec<Notification>, Option<Timestamp>) {
        if !self.mailbox.is_filled.swap(false, Ordering::AcqRel) {
            return (Vec::new(), None);
        }
        let (mut told, mut needed, mut bytes) = (Vec::new(), None, 0);
        let mut letters = self.mailbox.letters.lock();
        while bytes < HANDED_BYTES
            && let Some((at, letter)) = letters.pop_front()
        {
            bytes += letter.bytes;
            needed = needed.max(Some(at));
            told.push(letter.notification.clone());
        }
        let more = !letters.is_empty();
        if !more {
            letters.shrink_to(SPARE_PLACES);
        }
        drop(letters);
        if more {
            self.mailbox.announce();
        }
        (told, needed)
    }

    /// Calls `wake` whenever something arrives. Set once.
    pub(super) fn on_arrival(&self, wake: impl Fn() + Send + Sync + 'static) {
        // A second one would not be called.
        let _ = self.mailbox.wake.set(Box::new(wake));
    }
}

impl Channels {
    /// How full the queue is, from 0 to 1.
    pub(crate) fn usage(&self) -> f64 {
        (self.waiting.load(Ordering::Relaxed) as f64 / QUEUE_BYTES as f64).min(1.0)
    }

    /// Whether all of the notes, of so many bytes and for these channels, can wait.
    fn have_room<'n>(
        &self,
        database: Oid,
        notes: impl Iterator<Item = (usize, &'n str)>,
        listeners_more: usize,
    ) -> bool {
        let listeners = self.listeners.lock();
        let bytes = notes.map(|(bytes, channel)| {
            let there = listeners.get(&(database, channel.to_owned())).map_or(0, Vec::len);
            match there + listeners_more {
                0 => 0,
                places => bytes + places * PLACE_BYTES,
            }
        });
        self.waiting.load(Ordering::Relaxed) + bytes.sum::<usize>() <= QUEUE_BYTES
    }

    fn send(&self, database: Oid, at: Timestamp, process: i32, note: Arc<Note>) {
        let listeners = self.listeners.lock();
        let Some(there) = listeners.get(&(database, note.channel.clone())) else { return };
        let bytes = note.bytes() + there.len() * PLACE_BYTES;
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let (channel, payload) = match Arc::try_unwrap(note) {
            Ok(Note { channel, payload }) => (channel, payload),
            Err(note) => (note.channel.clone(), note.payload.clone()),
        };
        let notification = Notification { process, channel, payload };
        let waiting = Arc::clone(&self.waiting);
        let letter = Arc::new(Letter { notification, bytes, waiting });
        there.iter().for_each(|mailbox| mailbox.put(at, Arc::clone(&letter)));
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
