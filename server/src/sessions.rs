//! Who is connected: places, cancel keys, and how a session is told to stop from outside.
//!
//! # Invariants
//!
//! 1. A connection holds a [`Place`] from its startup packet until its session is gone, and there
//!    are never more places than `max_connections`.
//! 2. A session says that it is idle before it looks at `stopping`; who stops the server sets
//!    `stopping` before it looks at who is idle. So an idle session is either told or notices.
//! 3. A session's socket is shut down only through its [`Entry`], which keeps it open.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use parking_lot::Mutex;
use reckon_sql::{Interrupt, Reason};
use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::sync::Notify;

use crate::socket::Writer;

/// Everybody who is connected.
#[derive(Debug)]
pub(crate) struct Sessions {
    entries: Mutex<HashMap<i32, Arc<Entry>>>,
    taken: AtomicUsize,
    most: usize,
    stopping: AtomicBool,
    stopped: Notify,
    emptied: Notify,
}

/// One of `max_connections`.
#[derive(Debug)]
pub(crate) struct Place {
    sessions: Arc<Sessions>,
    /// The number clients know this session by; 0 before it has one.
    pub(crate) process: i32,
}

/// A session as others see it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What a CancelRequest must carry beside the process id.
    secret: i32,
    pub(crate) interrupt: Interrupt,
    pub(crate) writer: Writer,
    /// Odd while the session works; grows with every change.
    activity: AtomicU32,
    /// Wakes a session that waits for its client in the middle of a statement.
    woken: Notify,
    /// Wakes a session that waits for its client between transactions.
    mail: Notify,
}

impl Sessions {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            entries: Mutex::new(HashMap::new()),
            taken: AtomicUsize::new(0),
            most,
            stopping: AtomicBool::new(false),
            stopped: Notify::new(),
            emptied: Notify::new(),
        })
    }

    /// A place for one more, if there is one.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Place> {
        let more = |taken| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Place { sessions: Arc::clone(self), process: 0 })
    }

    /// Interrupts what that session runs. Whether it was found.
    pub(crate) fn cancel(&self, process: i32, secret: i32) -> bool {
        let entry = self.entries.lock().get(&process).cloned();
        match entry {
            Some(entry) if entry.secret == secret => {
                if entry.is_busy() {
                    entry.stop_statement(Reason::Cancel);
                }
                true
            }
            _ => false,
        }
    }

    /// Stops what a session runs, or ends it, for another one that may. Whether it was found.
    pub(crate) fn stop_one(&self, process: i32, reason: Reason) -> bool {
        let Some(entry) = self.entries.lock().get(&process).cloned() else { return false };
        if reason.ends_session() {
            entry.stop_statement(reason);
            if !entry.is_busy() {
                entry.writer.stop_reading();
            }
        } else if entry.is_busy() {
            entry.stop_statement(reason);
        }
        true
    }

    /// Whether the server is shutting down.
    #[inline]
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Returns once the server is shutting down.
    pub(crate) async fn stopped(&self) {
        loop {
            let stopped = self.stopped.notified();
            if self.is_stopping() {
                return;
            }
            stopped.await;
        }
    }

    /// Begins the end: idle sessions are told at once, the others when they become idle.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stopped.notify_waiters();
        for entry in self.all() {
            if !entry.is_busy() {
                entry.writer.stop_reading();
            }
        }
    }

    /// Ends running statements too.
    pub(crate) fn terminate(&self) {
        for entry in self.all() {
            entry.stop_statement(Reason::Terminate);
            entry.writer.stop_reading();
        }
    }

    /// Cuts every connection, even one whose client does not read.
    pub(crate) fn cut(&self) {
        self.all().iter().for_each(|entry| entry.writer.stop());
    }

    /// Waits until nobody is connected any more.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.taken.load(Ordering::SeqCst) == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn all(&self) -> Vec<Arc<Entry>> {
        self.entries.lock().values().cloned().collect()
    }

    /// Looks for clients that went away while their statement runs, and stops those. `seen` is what
    /// ran the last time: a statement is looked at from the second time on, so that short ones cost
    /// nothing. Returns how many are gone.
    pub(crate) fn stop_abandoned(&self, seen: &mut HashMap<i32, u32>) -> usize {
        let mut running: Vec<(i32, u32, Arc<Entry>)> = Vec::new();
        for (process, entry) in self.entries.lock().iter() {
            let activity = entry.activity.load(Ordering::Relaxed);
            if activity & 1 == 1 {
                running.push((*process, activity, Arc::clone(entry)));
            }
        }
        let before = std::mem::take(seen);
        seen.extend(running.iter().map(|(process, activity, _)| (*process, *activity)));
        running.retain(|(process, activity, _)| before.get(process) == Some(activity));
        let entries: Vec<_> = running.into_iter().map(|(_, _, entry)| entry).collect();
        abandoned(&entries).inspect(|entry| entry.interrupt.set(Reason::Disconnect)).count()
    }
}

/// Those whose client has closed its side.
fn abandoned(entries: &[Arc<Entry>]) -> impl Iterator<Item = &Arc<Entry>> {
    let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    let mut polled: Vec<PollFd<'_>> =
        entries.iter().map(|entry| PollFd::new(&entry.writer, PollFlags::RDHUP)).collect();
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    // An error leaves nothing marked; the next round asks again.
    let _ = rustix::event::poll(&mut polled, Some(&now));
    let marks: Vec<bool> = polled.iter().map(|fd| fd.revents().intersects(gone)).collect();
    entries.iter().zip(marks).filter_map(|(entry, gone)| gone.then_some(entry))
}

impl Place {
    /// Makes the session reachable for CancelRequest and shutdown.
    pub(crate) fn enter(&self, secret: i32, interrupt: Interrupt, writer: Writer) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            secret,
            interrupt,
            writer,
            activity: AtomicU32::new(1),
            woken: Notify::new(),
            mail: Notify::new(),
        });
        self.sessions.entries.lock().insert(self.process, Arc::clone(&entry));
        entry
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sessions.entries.lock().remove(&self.process);
        if self.sessions.taken.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.sessions.emptied.notify_waiters();
        }
    }
}

impl Entry {
    /// The session waits for its client (invariant 2).
    #[inline]
    pub(crate) fn set_idle(&self) {
        self.activity.fetch_add(1, Ordering::SeqCst);
    }

    /// The session works.
    #[inline]
    pub(crate) fn set_busy(&self) {
        self.activity.fetch_add(1, Ordering::SeqCst);
    }

    /// A notification arrived for the session.
    pub(crate) fn mailed(&self) {
        self.mail.notify_one();
    }

    /// Returns once a notification has arrived.
    pub(crate) async fn mail(&self) {
        self.mail.notified().await;
    }

    /// Writes all of it. Whoever ends the session need not wait for a client that does not read; a
    /// statement that is to stop goes on until its client does, as in PostgreSQL.
    pub(crate) async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.writer.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::select! {
                    writable = self.writer.writable() => writable?,
                    () = self.ended() => return Err(io::ErrorKind::Interrupted.into()),
                },
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns once somebody wants the session to end.
    async fn ended(&self) {
        loop {
            let woken = self.woken.notified();
            if self.interrupt.reason().is_some_and(Reason::ends_session) {
                return;
            }
            woken.await;
        }
    }

    fn stop_statement(&self, reason: Reason) {
        self.interrupt.set(reason);
        self.woken.notify_waiters();
    }

    /// Returns once somebody wants the running statement to stop.
    pub(crate) async fn interrupted(&self) -> Reason {
        loop {
            let woken = self.woken.notified();
            if let Some(reason) = self.interrupt.reason() {
                return reason;
            }
            woken.await;
        }
    }

    fn is_busy(&self) -> bool {
        self.activity.load(Ordering::SeqCst) & 1 == 1
    }
}
