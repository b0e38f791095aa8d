//! Transactions and the dependencies between them.
//!
//! # Invariants
//!
//! 1. An edge reader → writer is in `writers` of the one and in `readers` of the other, or in neither.
//! 2. `earliest_out` is at or before the commit of every committed transaction it has an edge to, also of
//!    those that were forgotten since.
//! 3. A transaction that committed is kept as long as one runs whose snapshot is before that commit. One that
//!    is prepared reads and writes nothing more: who committed meets it no longer.

mod prepared;
mod status;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::time::Duration;

use reckon_storage::{KeyspaceId, Timestamp};

use super::marks::{Found, Marks, Own, Span};
use super::past::Past;
use super::safe::{Safety, Verdict};
use super::{Owner, Reason, XactId};
use crate::error::Error;
use crate::session::SessionId;
use crate::sync::RandomState;
pub(crate) use prepared::SerialRecord;

/// Committed transactions that are kept one by one; the oldest beyond become one.
const COMMITTED_MAX: usize = 1024;

/// The oldest committed transactions, taken together.
const SUMMARY: XactId = XactId(0);

type Set = HashSet<XactId, RandomState>;

/// When a transaction committed; several that are taken together, from when to when.
#[derive(Clone, Copy, Debug)]
struct Committed {
    first: Timestamp,
    last: Timestamp,
}

/// One transaction.
#[derive(Debug)]
struct Xact {
    owner: Owner,
    snapshot: Timestamp,
    /// Declared, or it ended without having written.
    read_only: bool,
    committed: Option<Committed>,
    /// Two-phase commit: when it was prepared. From then on it cannot be doomed, and counts as having
    /// committed first.
    prepared: Option<Timestamp>,
    /// It must not commit.
    doomed: bool,
    /// It need not have written each key that it marked: it rolled back to a savepoint, or is several.
    blurred: bool,
    /// Who read what it overwrote.
    readers: Set,
    /// Who overwrote what it read.
    writers: Set,
    /// When the first of `writers` committed.
    earliest_out: Option<Timestamp>,
    /// It has seen what was committed by then, though its snapshot is older.
    after: Timestamp,
    reads: Own,
    writes: Own,
    /// READ ONLY: the writers that ran when it began, or have imported a snapshot of before, and still may
    /// make it unsafe.
    threats: Set,
    safety: Option<Arc<Safety>>,
    /// Its session waits for that.
    waits: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Graph {
    last: u64,
    /// How many are prepared.
    prepared: usize,
    xacts: HashMap<XactId, Xact, RandomState>,
    /// Those that run, by snapshot.
    running: BTreeSet<(Timestamp, XactId)>,
    /// Those that committed, by when they did last.
    committed: BTreeSet<(Timestamp, XactId)>,
    reads: Marks,
    writes: Marks,
    past: Past,
}

impl Xact {
    /// One that runs, and has not done anything yet.
    fn of(owner: Owner, snapshot: Timestamp) -> Self {
        Self {
            owner,
            snapshot,
            read_only: false,
            committed: None,
            prepared: None,
            doomed: false,
            blurred: false,
            readers: Set::default(),
            writers: Set::default(),
            earliest_out: None,
            after: Timestamp::ZERO,
            reads: Own::default(),
            writes: Own::default(),
            threats: Set::default(),
            safety: None,
            waits: false,
        }
    }

    fn runs(&self) -> bool {
        self.committed.is_none()
    }

    /// When it committed or will have, as far as others may rely on it.
    fn settled(&self) -> Option<Timestamp> {
        self.committed.map(|committed| committed.first).or(self.prepared)
    }

    /// Whether `writer`'s versions are invisible to it although they overlap.
    fn overlaps(&self, writer: &Xact) -> bool {
        writer.committed.is_none_or(|committed| committed.last > self.snapshot)
            && self.committed.is_none_or(|committed| committed.last > writer.snapshot)
    }

    fn is_out_to(&mut self, committed: Timestamp) {
        self.earliest_out = Some(self.earliest_out.map_or(committed, |out| out.min(committed)));
    }
}

impl Graph {
    /// Nobody runs. Times up to `history_retention` ago can be read at.
    pub(super) fn new(history_retention: Duration) -> Self {
        Self { past: Past::new(history_retention), ..Self::default() }
    }

    /// Enters a transaction. With `safety` it is READ ONLY, and told when it is safe.
    pub(super) fn begin(
        &mut self,
        owner: Owner,
        snapshot: Timestamp,
        safety: Option<Arc<Safety>>,
    ) -> XactId {
        let writing = |id: &XactId| self.xacts.get(id).is_some_and(|other| !other.read_only);
        let threats = match &safety {
            Some(_) => self.running.iter().map(|(_, id)| *id).filter(writing).collect(),
            None => Set::default(),
        };
        self.enter(owner, snapshot, safety, threats)
    }

    /// Enters a READ ONLY transaction at a time in the past; `None` when that is torn. Who took a snapshot
    /// since is no threat: it has seen all that this one sees.
    pub(super) fn begin_past(
        &mut self,
        owner: Owner,
        snapshot: Timestamp,
        safety: Arc<Safety>,
    ) -> Option<XactId> {
        if self.past.is_torn(snapshot) {
            return None;
        }
        let threatens = |id: &XactId| {
            let Some(other) = self.xacts.get(id) else { return false };
            !other.read_only && other.committed.is_none_or(|committed| committed.last > snapshot)
        };
        let before = self.running.range(..(snapshot, XactId(0)));
        let threats = before.map(|(_, id)| *id).filter(threatens).collect();
        Some(self.enter(owner, snapshot, Some(safety), threats))
    }

    fn enter(
        &mut self,
        owner: Owner,
        snapshot: Timestamp,
        safety: Option<Arc<Safety>>,
        threats: Set,
    ) -> XactId {
        self.last += 1;
        let id = XactId(self.last);
        let xact =
            Xact { read_only: safety.is_some(), threats, safety, ..Xact::of(owner, snapshot) };
        self.xacts.insert(id, xact);
        self.running.insert((snapshot, id));
        self.settle_if_safe(id);
        id
    }

    /// Enters a transaction that may write, with a snapshot that another one took. Whoever reads only and
    /// began since that snapshot did not meet it there.
    pub(super) fn begin_imported(&mut self, owner: Owner, snapshot: Timestamp) -> XactId {
        let id = self.begin(owner, snapshot, None);
        let later = (Excluded((snapshot, XactId(u64::MAX))), Unbounded);
        for (_, reader) in self.running.range(later) {
            if let Some(reader) = self.xacts.get_mut(reader)
                && reader.safety.is_some()
            {
                reader.threats.insert(id);
            }
        }
        id
    }

    /// Whether a session runs a transaction at a snapshot.
    pub(super) fn runs_at(&self, session: SessionId, snapshot: Timestamp) -> bool {
        let mut running = self.running.range((snapshot, XactId(0))..=(snapshot, XactId(u64::MAX)));
        running.any(|(_, id)| self.xacts.get(id).is_some_and(|xact| xact.owner.session == session))
    }

    /// Its session waits until its snapshot is known to be safe or not, if it is not known yet.
    pub(super) fn waits(&mut self, id: XactId) -> Result<Arc<Safety>, Verdict> {
        let xact = self.xacts.get_mut(&id).ok_or(Verdict::Safe)?;
        let safety = xact.safety.clone().ok_or(Verdict::Unsafe)?;
        xact.waits = true;
        Ok(safety)
    }

    /// The sessions whose writers a session waits for.
    pub(super) fn threats_of(&self, session: SessionId) -> Vec<SessionId> {
        let running = self.running.iter().filter_map(|(_, id)| self.xacts.get(id));
        let waiting = running.filter(|xact| xact.owner.session == session && xact.waits);
        let threats = waiting.flat_map(|xact| &xact.threats);
        threats.filter_map(|id| self.xacts.get(id)).map(|xact| xact.owner.session).collect()
    }

    /// It read a range.
    pub(super) fn read(
        &mut self,
        id: XactId,
        keyspace: KeyspaceId,
        span: &Span,
    ) -> Result<(), Error> {
        let Some(xact) = self.xacts.get_mut(&id) else { return Ok(()) };
        if xact.doomed {
            return Err(Reason::ConflictOutChecking.into());
        }
        self.reads.add(&mut xact.reads, id, keyspace, span.clone());
        let snapshot = xact.snapshot;
        let writers = self.writes.within(keyspace, span, |who| self.next_writers(who, snapshot));
        writers.into_iter().try_for_each(|writer| self.depend(id, writer, id))
    }

    /// It read a key.
    pub(super) fn read_point(
        &mut self,
        id: XactId,
        keyspace: KeyspaceId,
        key: &[u8],
    ) -> Result<(), Error> {
        let Some(xact) = self.xacts.get_mut(&id) else { return Ok(()) };
        if xact.doomed {
            return Err(Reason::ConflictOutChecking.into());
        }
        self.reads.add_point(&mut xact.reads, id, keyspace, key);
        let snapshot = xact.snapshot;
        let mut writers = self.next_writers(self.writes.of_key(keyspace, key), snapshot);
        writers.extend(self.writes.around(keyspace, key));
        writers.into_iter().try_for_each(|writer| self.depend(id, writer, id))
    }

    /// It wrote a key, or with `intent` is about to or would have.
    pub(super) fn write(
        &mut self,
        id: XactId,
        keyspace: KeyspaceId,
        key: &[u8],
        intent: bool,
    ) -> Result<(), Error> {
        let Some(xact) = self.xacts.get_mut(&id) else { return Ok(()) };
        if xact.doomed {
            return Err(Reason::ConflictInChecking.into());
        }
        if !intent {
            self.writes.add_point(&mut xact.writes, id, keyspace, key);
        }
        let mut readers = self.reads.at(keyspace, key);
        let writers = self.writes.of_key(keyspace, key);
        readers.retain(|reader| !self.is_overwritten_before(*reader, id, writers));
        self.overwrite(id, readers)
    }

    /// It found a key changed by a commit after its snapshot and up to `at`, and goes on: it comes after that one.
    pub(super) fn follow(&mut self, id: XactId, at: Timestamp) -> Result<(), Error> {
        let Some(xact) = self.xacts.get_mut(&id) else { return Ok(()) };
        xact.after = xact.after.max(at);
        match self.xacts.get(&id).and_then(|xact| self.earliest_out(xact)) {
            Some(out) if out <= at => Err(Reason::PivotDuringWrite.into()),
            _ => Ok(()),
        }
    }

    /// It replaced a whole keyspace, and is doomed if it must not.
    pub(super) fn replace(&mut self, id: XactId, keyspace: KeyspaceId) {
        let Some(xact) = self.xacts.get_mut(&id) else { return };
        self.writes.add(&mut xact.writes, id, keyspace, Span::all());
        let readers = self.reads.within(keyspace, &Span::all(), Found::from_slice);
        if self.overwrite(id, readers).is_err() {
            self.doom(id);
        }
    }

    /// Of those that marked a key as written, who may have written the version after that of a snapshot: the
    /// first that committed later, and all that do not follow that one.
    fn next_writers(&self, writers: &[XactId], snapshot: Timestamp) -> Found {
        let next = writers.iter().filter_map(|id| Some((self.wrote(*id)?, *id)));
        let Some((at, next)) = next.filter(|(at, _)| *at > snapshot).min() else {
            return Found::from_slice(writers);
        };
        let may_be_next = |id: &XactId| *id == next || !self.began_after(*id, at);
        writers.iter().copied().filter(may_be_next).collect()
    }

    /// Whether what a reader saw of a key was overwritten by another one of its writers, which has the edge,
    /// and `writer` follows that one.
    fn is_overwritten_before(&self, reader: XactId, writer: XactId, writers: &[XactId]) -> bool {
        let Some(reader) = self.xacts.get(&reader) else { return false };
        writers.iter().filter(|other| **other != writer && reader.writers.contains(*other)).any(
            |other| self.wrote(*other).is_some_and(|committed| self.began_after(writer, committed)),
        )
    }

    /// When a transaction committed that has certainly written what it marked.
    fn wrote(&self, id: XactId) -> Option<Timestamp> {
        let xact = self.xacts.get(&id).filter(|xact| !xact.blurred)?;
        Some(xact.committed?.last)
    }

    fn began_after(&self, id: XactId, committed: Timestamp) -> bool {
        self.xacts.get(&id).is_some_and(|xact| xact.snapshot >= committed)
    }

    /// Not all that it marked as written need be.
    pub(super) fn blur(&mut self, id: XactId) {
        if let Some(xact) = self.xacts.get_mut(&id) {
            xact.blurred = true;
        }
    }

    fn overwrite(&mut self, id: XactId, readers: Found) -> Result<(), Error> {
        readers.into_iter().try_for_each(|reader| self.depend(reader, id, id))
    }

    /// `reader` read what `writer` overwrote; one of them is `acting`, and fails if a dangerous structure
    /// leaves nobody else to fail.
    fn depend(&mut self, reader: XactId, writer: XactId, acting: XactId) -> Result<(), Error> {
        let (Some(r), Some(w)) = (self.xacts.get(&reader), self.xacts.get(&writer)) else {
            return Ok(());
        };
        let other = if reader == acting { w } else { r };
        if reader == writer || other.doomed || !r.overlaps(w) || r.writers.contains(&writer) {
            return Ok(());
        }
        let out_before = |limit| self.earliest_out(w).is_some_and(|out| out <= limit);
        if r.read_only && !w.runs() && !out_before(r.snapshot) {
            // It appears to run before the writer, and nothing forces it after.
            return Ok(());
        }
        if self.is_dangerous(r, w) {
            if writer == acting {
                return Err(Reason::PivotDuringWrite.into());
            }
            if w.settled().is_some() {
                return Err(Reason::ConflictOutToPivot { pivot: writer.0 }.into());
            }
            self.doom(writer);
        }
        let committed = self.xacts.get(&writer).and_then(|w| w.committed);
        if let Some(w) = self.xacts.get_mut(&writer) {
            w.readers.insert(reader);
        }
        if let Some(r) = self.xacts.get_mut(&reader) {
            r.writers.insert(writer);
            if let Some(committed) = committed {
                r.is_out_to(committed.first);
                if committed.first <= r.after {
                    return Err(Reason::ConflictOutToPivot { pivot: writer.0 }.into());
                }
            }
        }
        Ok(())
    }

    /// Whether r → w completes two edges in a row of which the last writer committed first.
    fn is_dangerous(&self, r: &Xact, w: &Xact) -> bool {
        if let Some(out) = self.earliest_out(w) {
            let first = [r, w].into_iter().filter_map(|xact| xact.committed);
            let is_first = first.into_iter().all(|committed| out <= committed.last);
            if is_first && (!r.read_only || out <= r.snapshot) {
                return true;
            }
        }
        let Some(settled) = w.settled().filter(|_| !r.read_only) else { return false };
        r.readers.iter().filter_map(|id| self.xacts.get(id)).any(|before| {
            !before.doomed
                && before.committed.is_none_or(|own| own.last >= settled)
                && (!before.read_only || before.snapshot >= settled)
        })
    }

    /// When the first of those that overwrote what it read committed, or was prepared.
    fn earliest_out(&self, xact: &Xact) -> Option<Timestamp> {
        if self.prepared == 0 {
            return xact.earliest_out;
        }
        let writers = xact.writers.iter().filter_map(|id| self.xacts.get(id));
        let prepared = writers.filter(|writer| writer.runs()).filter_map(|writer| writer.prepared);
        prepared.chain(xact.earliest_out).min()
    }

    fn doom(&mut self, id: XactId) {
        if let Some(xact) = self.xacts.get_mut(&id) {
            xact.doomed = true;
        }
    }

    /// The last check. From here on it counts as committed `at`.
    pub(super) fn prepare(&mut self, id: XactId, at: Timestamp) -> Result<(), Error> {
        self.doom_pivots(id)?;
        let Some(xact) = self.xacts.get_mut(&id) else { return Ok(()) };
        let first = xact.prepared.unwrap_or(at);
        xact.committed = Some(Committed { first, last: at });
        let readers: Found = xact.readers.iter().copied().collect();
        for reader in readers {
            if let Some(reader) = self.xacts.get_mut(&reader) {
                reader.is_out_to(first);
            }
        }
        Ok(())
    }

    /// Whoever would be a pivot between `id` and another one must not commit once `id` has. Nothing is left
    /// to check of what was prepared.
    pub(super) fn doom_pivots(&mut self, id: XactId) -> Result<(), Error> {
        let Some(xact) = self.xacts.get(&id).filter(|xact| xact.prepared.is_none()) else {
            return Ok(());
        };
        if xact.doomed {
            return Err(Reason::CommitAttempt.into());
        }
        let is_pivot = |near: &&XactId| {
            let Some(near) = self.xacts.get(near) else { return false };
            near.runs()
                && !near.doomed
                && near.readers.iter().any(|far| {
                    let running = |far: &Xact| far.runs() && !far.read_only && !far.doomed;
                    *far == id || self.xacts.get(far).is_some_and(running)
                })
        };
        let pivots: Found = xact.readers.iter().filter(is_pivot).copied().collect();
        let settled = |pivot: &XactId| self.xacts.get(pivot).is_some_and(|p| p.prepared.is_some());
        if pivots.iter().any(settled) {
            return Err(Reason::PreparedPivot.into());
        }
        pivots.into_iter().for_each(|pivot| self.doom(pivot));
        Ok(())
    }

    /// What was prepared is not committed yet after all.
    pub(super) fn take_back(&mut self, id: XactId) {
        if let Some(xact) = self.xacts.get_mut(&id) {
            xact.committed = None;
        }
    }

    /// A transaction that wrote nothing commits: it appears to have run at its snapshot.
    pub(super) fn commit_read_only(&mut self, id: XactId) -> Result<(), Error> {
        let Some(xact) = self.xacts.get_mut(&id) else { return Ok(()) };
        if xact.doomed {
            return Err(Reason::CommitAttempt.into());
        }
        let at = xact.snapshot;
        let was_writer = !std::mem::replace(&mut xact.read_only, true);
        xact.committed = Some(Committed { first: at, last: at });
        let readers = std::mem::take(&mut xact.readers);
        for reader in readers {
            if let Some(reader) = self.xacts.get_mut(&reader) {
                reader.writers.remove(&id);
            }
        }
        if was_writer {
            self.settle_threat(id, None);
        }
        self.end(id);
        Ok(())
    }

    /// It ended: committed if it was prepared, else rolled back. Forgets what nobody can meet any more.
    pub(super) fn end(&mut self, id: XactId) {
        let Some(xact) = self.xacts.get(&id) else { return };
        let (snapshot, committed) = (xact.snapshot, xact.committed);
        let (read_only, out) = (xact.read_only, xact.earliest_out.filter(|_| committed.is_some()));
        self.prepared -= usize::from(xact.prepared.is_some());
        self.running.remove(&(snapshot, id));
        match committed {
            Some(committed) => {
                self.committed.insert((committed.last, id));
            }
            None => self.forget(id),
        }
        if !read_only {
            if let (Some(out), Some(committed)) = (out, committed) {
                self.past.tear(out, committed.last);
            }
            self.settle_threat(id, out);
        }
        self.collect();
    }

    /// A writer ended: what that means for those that read only and began while it ran.
    fn settle_threat(&mut self, id: XactId, out: Option<Timestamp>) {
        let threatened = |xact: &Xact| xact.threats.contains(&id);
        let readers = self.running.iter().map(|(_, id)| *id);
        let readers: Found =
            readers.filter(|id| self.xacts.get(id).is_some_and(threatened)).collect();
        for reader in readers {
            let Some(xact) = self.xacts.get_mut(&reader) else { continue };
            if out.is_some_and(|out| out <= xact.snapshot) {
                xact.threats.clear();
                if let Some(safety) = xact.safety.take() {
                    safety.decide(Verdict::Unsafe);
                }
                continue;
            }
            xact.threats.remove(&id);
            self.settle_if_safe(reader);
        }
    }

    /// A reader that nothing threatens any more need not be tracked.
    fn settle_if_safe(&mut self, id: XactId) {
        let Some(xact) = self.xacts.get_mut(&id).filter(|xact| xact.threats.is_empty()) else {
            return;
        };
        let Some(safety) = xact.safety.take() else { return };
        let snapshot = xact.snapshot;
        safety.decide(Verdict::Safe);
        self.running.remove(&(snapshot, id));
        self.forget(id);
    }

    fn forget(&mut self, id: XactId) {
        let Some(xact) = self.xacts.remove(&id) else { return };
        self.reads.remove(xact.reads, id);
        self.writes.remove(xact.writes, id);
        for reader in &xact.readers {
            if let Some(reader) = self.xacts.get_mut(reader) {
                reader.writers.remove(&id);
            }
        }
        for writer in &xact.writers {
            if let Some(writer) = self.xacts.get_mut(writer) {
                writer.readers.remove(&id);
            }
        }
    }

    fn collect(&mut self) {
        let prepared = |id| self.xacts.get(&id).is_some_and(|xact| xact.prepared.is_some());
        let acts = |id| self.prepared == 0 || !prepared(id);
        let mut acting = self.running.iter().filter(|(_, id)| acts(*id));
        let oldest = acting.next().map(|(snapshot, _)| *snapshot);
        while let Some((at, id)) = self.committed.first().copied()
            && oldest.is_none_or(|oldest| at <= oldest)
        {
            self.committed.remove(&(at, id));
            self.forget(id);
        }
        while self.committed.len() > COMMITTED_MAX {
            self.summarize();
        }
    }

    /// Takes the oldest committed transaction together with those before it.
    fn summarize(&mut self) {
        let mut oldest = self.committed.iter().copied().filter(|(_, id)| *id != SUMMARY);
        let Some((at, id)) = oldest.next() else { return };
        let Some(mut old) = self.xacts.remove(&id) else { return };
        self.committed.remove(&(at, id));
        let before = self.xacts.remove(&SUMMARY);
        if let Some(committed) = before.as_ref().and_then(|before| before.committed) {
            self.committed.remove(&(committed.last, SUMMARY));
        }
        let mut summary = before.unwrap_or_else(|| Xact {
            read_only: old.read_only,
            committed: old.committed,
            blurred: true,
            ..Xact::of(old.owner, old.snapshot)
        });
        self.reads.transfer(std::mem::take(&mut old.reads), id, &mut summary.reads, SUMMARY);
        self.writes.transfer(std::mem::take(&mut old.writes), id, &mut summary.writes, SUMMARY);
        self.redirect(&old, id);
        summary.absorb(old);
        summary.readers.remove(&id);
        summary.writers.remove(&id);
        if let Some(committed) = summary.committed {
            self.committed.insert((committed.last, SUMMARY));
        }
        self.xacts.insert(SUMMARY, summary);
    }

    /// Whoever has an edge to or from `id` has it to or from the summary.
    fn redirect(&mut self, old: &Xact, id: XactId) {
        for reader in &old.readers {
            if let Some(reader) = self.xacts.get_mut(reader) {
                reader.writers.remove(&id);
                reader.writers.insert(SUMMARY);
            }
        }
        for writer in &old.writers {
            if let Some(writer) = self.xacts.get_mut(writer) {
                writer.readers.remove(&id);
                writer.readers.insert(SUMMARY);
            }
        }
    }
}

impl Xact {
    /// Takes a later transaction in: what either has, both have.
    fn absorb(&mut self, old: Xact) {
        self.snapshot = self.snapshot.min(old.snapshot);
        self.read_only &= old.read_only;
        if let (Some(own), Some(old)) = (&mut self.committed, old.committed) {
            own.first = own.first.min(old.first);
            own.last = own.last.max(old.last);
        }
        if let Some(out) = old.earliest_out {
            self.is_out_to(out);
        }
        let is_other = |id: &XactId| *id != SUMMARY;
        self.readers.extend(old.readers.into_iter().filter(is_other));
        self.writers.extend(old.writers.into_iter().filter(is_other));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SELF: Owner = Owner { session: SessionId(1), transaction: 1 };
    const TABLE: KeyspaceId = KeyspaceId(7);

    #[test]
    fn while_an_old_transaction_runs_what_is_kept_is_bounded_and_then_it_goes() {
        let mut graph = Graph::default();
        let old = graph.begin(SELF, Timestamp(1), None);
        for at in 2..5000 {
            let id = graph.begin(SELF, Timestamp(at), None);
            graph.read_point(id, TABLE, &at.to_be_bytes()).unwrap();
            graph.write(id, TABLE, &at.to_be_bytes(), false).unwrap();
            graph.prepare(id, Timestamp(at + 1)).unwrap();
            graph.end(id);
        }
        assert!(graph.xacts.len() <= COMMITTED_MAX + 2);
        graph.end(old);
        assert!(graph.xacts.is_empty() && graph.reads.is_empty() && graph.writes.is_empty());
    }

    #[test]
    fn a_summary_still_completes_dangerous_structures() {
        let mut graph = Graph::default();
        let old = graph.begin(SELF, Timestamp(1), None);
        graph.read_point(old, TABLE, b"x").unwrap();
        for at in 2..5000 {
            let id = graph.begin(SELF, Timestamp(at), None);
            graph.read_point(id, TABLE, b"y").unwrap();
            graph.write(id, TABLE, b"x", false).unwrap();
            graph.prepare(id, Timestamp(at + 1)).unwrap();
            graph.end(id);
        }
        assert!(graph.write(old, TABLE, b"y", false).is_err());
    }

    #[test]
    fn a_reader_without_concurrent_writers_is_safe_at_once() {
        let mut graph = Graph::default();
        let safety = Safety::unknown(Arc::default());
        let id = graph.begin(SELF, Timestamp(1), Some(Arc::clone(&safety)));
        assert_eq!(safety.verdict(), Some(Verdict::Safe));
        graph.read(id, TABLE, &Span::all()).unwrap();
        assert!(graph.xacts.is_empty() && graph.reads.is_empty());
    }
}
