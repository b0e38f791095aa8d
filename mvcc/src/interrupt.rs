//! How a session is woken out of a wait, by another thread that wants it to stop.
//!
//! Each session has one signal that it waits on, for locks as well as for time, and one reason to
//! stop. Setting the reason wakes the wait; whoever runs the statement meets it at the next
//! [`Interrupt::check`].
//!
//! # Invariants
//!
//! 1. A reason is written before the signal is raised, and looked at under the signal's latch before
//!    going to sleep: a wake-up is never lost.
//! 2. A reason that ends the session is never replaced by one that ends a statement, nor cleared.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::blocking::{Blocking, Pace};
use crate::error::Error;
use crate::sync::{AtomicU8, Condvar, Mutex};
use crate::timestamp::deadline;

/// Why a session must stop what it does. In order of weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// The client asked (57014).
    Cancel = 1,
    /// `statement_timeout` (57014).
    StatementTimeout,
    /// `idle_in_transaction_session_timeout` (25P03); ends the session.
    IdleInTransactionTimeout,
    /// The client is gone (08006); ends the session.
    Disconnect,
    /// The administrator or a shutdown asked (57P01); ends the session.
    Terminate,
}

impl Reason {
    /// Whether the session ends, not the statement alone.
    pub fn ends_session(self) -> bool {
        self >= Self::IdleInTransactionTimeout
    }

    fn from_code(code: u8) -> Option<Self> {
        [
            Self::Cancel,
            Self::StatementTimeout,
            Self::IdleInTransactionTimeout,
            Self::Disconnect,
            Self::Terminate,
        ]
        .into_iter()
        .find(|reason| *reason as u8 == code)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancel => "canceling statement due to user request",
            Self::StatementTimeout => "canceling statement due to statement timeout",
            Self::IdleInTransactionTimeout => {
                "terminating connection due to idle-in-transaction timeout"
            }
            Self::Disconnect => "connection to client lost",
            Self::Terminate => "terminating connection due to administrator command",
        })
    }
}

/// What a session waits on.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    /// The task to wake, when the session waits without a thread.
    latch: Mutex<Option<Waker>>,
    raised: Condvar,
    reason: AtomicU8,
}

impl Signal {
    /// Makes the waiter look at its condition again.
    pub(crate) fn raise(&self) {
        let task = self.latch.lock().take();
        self.raised.notify_all();
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Ready when `ready` or an interrupt; else the waker is kept and woken once, by the next [`raise`](Self::raise).
    pub(crate) fn poll(&self, waker: &Waker, ready: impl Fn() -> bool) -> Poll<()> {
        let mut latch = self.latch.lock();
        if ready() || self.reason().is_some() {
            return Poll::Ready(());
        }
        *latch = Some(waker.clone());
        Poll::Pending
    }

    /// Waits until `ready`, an interrupt, or the deadline. `ready` must turn true before [`raise`](Self::raise).
    pub(crate) fn wait(&self, until: Option<Instant>, ready: impl Fn() -> bool) {
        let mut latch = self.latch.lock();
        while !ready() && self.reason().is_none() {
            match until {
                None => self.raised.wait(&mut latch),
                Some(until) => {
                    if self.raised.wait_until(&mut latch, until).timed_out() {
                        return;
                    }
                }
            }
        }
    }

    #[inline]
    pub(crate) fn reason(&self) -> Option<Reason> {
        match self.reason.load(Ordering::Acquire) {
            0 => None,
            code => Reason::from_code(code),
        }
    }

    #[inline]
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.reason().map_or(Ok(()), |reason| Err(Error::Interrupted(reason)))
    }
}

/// A handle to stop a session; for any thread.
#[derive(Clone, Debug)]
pub struct Interrupt {
    pub(crate) signal: Arc<Signal>,
    pub(crate) blocking: Blocking,
}

impl Interrupt {
    /// Asks the session to stop, and wakes it if it waits. The weightier reason stays.
    pub fn set(&self, reason: Reason) {
        self.signal.reason.fetch_max(reason as u8, Ordering::AcqRel);
        self.signal.raise();
    }

    /// Forgets a reason that was meant for a statement: called when the next one starts.
    pub fn clear(&self) {
        let _ = self.signal.reason.fetch_update(Ordering::AcqRel, Ordering::Acquire, |code| {
            Reason::from_code(code).is_some_and(|reason| !reason.ends_session()).then_some(0)
        });
    }

    /// The reason, if there is one.
    #[inline]
    pub fn reason(&self) -> Option<Reason> {
        self.signal.reason()
    }

    /// [`Error::Interrupted`] if there is a reason to stop. One load: cheap enough between rows.
    #[inline]
    pub fn check(&self) -> Result<(), Error> {
        self.signal.check()
    }

    /// As [`Interrupt::check`], and lets others run when the statement has computed for long.
    #[inline]
    pub fn check_paced(&self, pace: &Pace) -> Result<(), Error> {
        pace.step(&self.blocking);
        self.check()
    }

    /// Lets others have the thread's place before work that takes long ([`Blocking::stand_aside`]).
    pub fn stand_aside(&self) {
        self.blocking.stand_aside();
    }

    /// Waits for a while, unless interrupted.
    pub fn sleep(&self, duration: Duration) -> Result<(), Error> {
        let until = deadline(duration);
        self.blocking.run(|| self.signal.wait(until, || false));
        self.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interrupt() -> Interrupt {
        Interrupt { signal: Arc::default(), blocking: Blocking::straight() }
    }

    #[test]
    fn a_reason_wakes_a_sleeper() {
        let interrupt = interrupt();
        let sleeper = interrupt.clone();
        let slept = std::thread::spawn(move || sleeper.sleep(Duration::MAX));
        interrupt.set(Reason::Cancel);
        assert!(matches!(slept.join().unwrap(), Err(Error::Interrupted(Reason::Cancel))));
    }

    #[test]
    fn only_a_statements_reason_is_cleared_and_the_weightier_one_stays() {
        let interrupt = interrupt();
        interrupt.set(Reason::StatementTimeout);
        interrupt.set(Reason::Cancel);
        assert_eq!(interrupt.reason(), Some(Reason::StatementTimeout));
        interrupt.clear();
        assert!(interrupt.check().is_ok());
        interrupt.set(Reason::Terminate);
        interrupt.clear();
        assert_eq!(interrupt.reason(), Some(Reason::Terminate));
    }
}
