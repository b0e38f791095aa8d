//! Deadlocks: circles of sessions that wait for one another.
//!
//! A waiter looks for a circle through itself once it has waited for `deadlock_timeout`, and again after
//! twice as long, and so on; at once when it wants more of a table or an advisory key than it holds. It follows the edges from waiter to blocker, breadth first, so the circle it
//! reports is a shortest one. A blocker holds the lock (a *hard* edge) or waits in front (a *soft* one). A
//! circle with a soft edge whose waiter conflicts with no holder is ended by serving that waiter out of its
//! turn; any other by failing the one who looked.
//!
//! The graph is read lock by lock while others come and go, so a circle may be an illusion. It is read a
//! second time: if every edge is still there, with the same waits, all of its sessions waited at the moment
//! between the two readings, and whoever waits can release nothing. Then it is real, and will not go away.
//!
//! # Invariants
//!
//! 1. Of two waiters of one lock and mode, whom the earlier waits for the later waits for too, but for itself:
//!    it may hold the lock in a weaker mode. So each lock and mode is expanded from its latest waiter only, and
//!    from one more to see whether that waits for the start; as blockers come latest first, a search is linear in
//!    the waiters.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::queue::{Blocker, Waiter};
use super::{AdvisoryKey, AdvisoryLock, Locks, TableLock, TableLockId, Target};
use crate::error::Error;
use crate::session::{Member, SessionId};

/// What a waiter in a deadlock waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockTarget {
    /// For a transaction to end that has locked the row; its number.
    Transaction(u64),
    /// For a table.
    Table(TableLockId),
    /// For an advisory lock.
    Advisory(AdvisoryKey),
}

impl fmt::Display for LockTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transaction(number) => write!(f, "transaction {number}"),
            Self::Table(table) => {
                write!(f, "relation {} of database {}", table.relation, table.database)
            }
            Self::Advisory(key) => key.fmt(f),
        }
    }
}

/// Who waits for whom in a deadlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadlockEdge {
    /// Who waits.
    pub waiter: SessionId,
    /// PostgreSQL's name of the mode it wants.
    pub mode: &'static str,
    /// What it waits for.
    pub target: LockTarget,
    /// Who has it, or stands before it in the queue.
    pub blocked_by: SessionId,
}

impl fmt::Display for DeadlockEdge {
    /// A line of PostgreSQL's DETAIL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiter, mode, target, blocked_by } = self;
        write!(f, "Process {waiter} waits for {mode} on {target}; blocked by process {blocked_by}.")
    }
}

/// A circle of waiters, from the session that found it. Display is PostgreSQL's DETAIL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    /// Each edge's blocker is the next one's waiter; the last one's is the first one's waiter.
    pub edges: Vec<DeadlockEdge>,
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, edge) in self.edges.iter().enumerate() {
            write!(f, "{}{edge}", if at == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Deadlock {}

/// An edge as found.
#[derive(Clone)]
struct Edge {
    session: SessionId,
    target: Target,
    waiter: Arc<Waiter>,
    blocker: Blocker,
}

/// From which waiter of a lock and mode a search went on.
struct Expanded {
    position: i64,
    /// It is the one the search starts from, and no earlier one was asked whether it waits for it.
    of_start: bool,
}

impl Locks {
    /// Looks for a circle through a waiting session and ends it. Fails if that takes this session.
    pub(super) fn end_deadlock(&self, member: &Member) -> Result<(), Error> {
        let one_at_a_time = self.detecting.lock();
        let Some(circle) = self.find_circle(member.id) else { return Ok(()) };
        if !circle.iter().all(|edge| self.still_waits(edge)) {
            return Ok(());
        }
        // As PostgreSQL does it: the one farthest from here first.
        let soft = circle.iter().rev().filter(|edge| !edge.blocker.holds);
        for edge in soft {
            if self.grant_now(&edge.target, &edge.waiter) {
                return Ok(());
            }
        }
        // Before the next one looks: a circle has one victim.
        *member.locks.waiting.lock() = None;
        drop(one_at_a_time);
        self.deadlocks.fetch_add(1, Ordering::Relaxed);
        let edges = circle.iter().map(Edge::report).collect();
        Err(Error::Deadlock(Box::new(Deadlock { edges })))
    }

    fn find_circle(&self, start: SessionId) -> Option<Vec<Edge>> {
        let mut reached: HashMap<SessionId, Edge> = HashMap::new();
        let mut expanded: HashMap<(Target, u8), Expanded> = HashMap::new();
        let mut next = VecDeque::from([start]);
        while let Some(session) = next.pop_front() {
            let Some((target, waiter)) = self.wait_of(session) else { continue };
            let of_start = session == start;
            let position = waiter.position;
            let blockers = match expanded.entry((target.clone(), waiter.mode.bit)) {
                Entry::Occupied(latest) if latest.get().position > position => {
                    // All that is new here is that it may wait for the start.
                    if !std::mem::take(&mut latest.into_mut().of_start) {
                        continue;
                    }
                    let mut blockers = self.blockers(&target, &waiter);
                    blockers.retain(|blocker| blocker.session == start);
                    blockers
                }
                entry => {
                    entry.insert_entry(Expanded { position, of_start });
                    self.blockers(&target, &waiter)
                }
            };
            for blocker in blockers {
                if reached.contains_key(&blocker.session) {
                    continue;
                }
                let (target, waiter) = (target.clone(), Arc::clone(&waiter));
                let edge = Edge { session, target, waiter, blocker };
                if blocker.session == start {
                    return Some(circle_to(edge, &reached));
                }
                reached.insert(blocker.session, edge);
                next.push_back(blocker.session);
            }
        }
        None
    }

    /// Whom a session waits for: those that hold what it wants, and those that stand before it.
    pub(crate) fn blockers_of(&self, session: SessionId) -> Vec<SessionId> {
        let Some((target, waiter)) = self.wait_of(session) else { return Vec::new() };
        let blockers = self.blockers(&target, &waiter);
        blockers.into_iter().map(|blocker| blocker.session).collect()
    }

    fn wait_of(&self, session: SessionId) -> Option<(Target, Arc<Waiter>)> {
        let member = self.sessions.find(session)?;
        let wait = member.locks.waiting.lock().clone();
        let wait = wait.map(|(target, waiter, _)| (target, waiter));
        wait.filter(|(_, waiter)| !waiter.is_granted())
    }

    fn still_waits(&self, edge: &Edge) -> bool {
        let same = self.wait_of(edge.session).is_some_and(|(_, w)| Arc::ptr_eq(&w, &edge.waiter));
        let blocks = |blocker: &Blocker| {
            blocker.session == edge.blocker.session && blocker.holds == edge.blocker.holds
        };
        same && self.blockers(&edge.target, &edge.waiter).iter().any(blocks)
    }

    fn blockers(&self, target: &Target, waiter: &Arc<Waiter>) -> Vec<Blocker> {
        match target {
            Target::Row(key) => self.rows.blockers(key.as_ref(), waiter),
            Target::Table(key) => self.tables.blockers(key, waiter),
            Target::Advisory(key) => self.advisory.blockers(key, waiter),
        }
    }

    fn grant_now(&self, target: &Target, waiter: &Arc<Waiter>) -> bool {
        match target {
            Target::Row(key) => self.rows.grant_now(key.as_ref(), waiter),
            Target::Table(key) => self.tables.grant_now(key, waiter),
            Target::Advisory(key) => self.advisory.grant_now(key, waiter),
        }
    }
}

/// The edges from the start of a search to the one that leads back there.
fn circle_to(last: Edge, reached: &HashMap<SessionId, Edge>) -> Vec<Edge> {
    let mut circle = vec![last];
    while let Some(before) = circle.last().and_then(|edge| reached.get(&edge.session)) {
        circle.push(before.clone());
    }
    circle.reverse();
    circle
}

impl Edge {
    fn report(&self) -> DeadlockEdge {
        let bit = self.waiter.mode.bit;
        let (mode, target) = match &self.target {
            // A row is waited for as PostgreSQL does it: until the transaction that has it ends.
            Target::Row(_) => ("ShareLock", LockTarget::Transaction(self.blocker.transaction)),
            Target::Table(table) => {
                (TableLock::from_bit(bit).map_or("", TableLock::name), LockTarget::Table(*table))
            }
            Target::Advisory(key) => (AdvisoryLock::name(bit), LockTarget::Advisory(*key)),
        };
        let blocked_by = self.blocker.session;
        DeadlockEdge { waiter: self.session, mode, target, blocked_by }
    }
}
