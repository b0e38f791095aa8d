//! The store in memory: a map of versions behind one latch.
//!
//! It honours the whole contract, collection included, so that what runs on it meets the same
//! surprises as on disk: timestamps below the low mark read as zero, tombstones vanish, a stall
//! or a failed write can be ordered. It can also lose what was not synced, as a crash would.
//!
//! # Invariants
//!
//! 1. The versions of a key are ordered newest first and are never empty.
//! 2. A cursor reads at min(its timestamp, the last one when it was opened), so appends that come
//!    later are invisible to it.
//! 3. History is collected only while no cursor is open.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::error::Error;
use crate::store::{
    Cursor, Direction, Entry, KeyRange, KeyspaceId, Load, Loaded, Read, Statistics, Store, Tier,
    Timestamp, Version, Write,
};

/// A [`Store`] that lives as long as the process.
#[derive(Debug)]
pub struct MemoryStore {
    state: RwLock<State>,
    reads: AtomicU64,
    cursors: AtomicU64,
}

#[derive(Clone, Debug)]
struct State {
    keyspaces: BTreeMap<KeyspaceId, Rows>,
    controls: BTreeMap<String, Vec<u8>>,
    /// Control values that appends removed which are not synced yet.
    removed: Vec<(String, Vec<u8>)>,
    next_keyspace: KeyspaceId,
    last: Timestamp,
    synced: Timestamp,
    low_mark: Timestamp,
    open_cursors: usize,
    fault: Option<Fault>,
    statistics: Statistics,
}

type Rows = BTreeMap<Vec<u8>, Vec<Version>>;

/// A misfortune that a test orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next append answers [`Error::Stalled`]; the one after it works.
    Stall,
    /// `check_space` answers [`Error::DiskFull`]. Appends go on, into the reserve.
    DiskFull,
    /// Every append and flush fails from now on, fatally.
    WriteFails,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::with(State {
            keyspaces: BTreeMap::new(),
            controls: BTreeMap::new(),
            removed: Vec::new(),
            next_keyspace: KeyspaceId::FIRST_ALLOCATED,
            last: Timestamp::ZERO,
            synced: Timestamp::ZERO,
            low_mark: Timestamp::ZERO,
            open_cursors: 0,
            fault: None,
            statistics: Statistics::default(),
        })
    }

    fn with(state: State) -> Self {
        let state = RwLock::new(state);
        Self { state, reads: AtomicU64::new(0), cursors: AtomicU64::new(0) }
    }

    /// Orders a fault, or ends it.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.state.write().fault = fault;
    }

    /// What a start after a crash would find: everything that was synced and nothing else.
    pub fn after_crash(&self) -> Self {
        let mut state = self.state.read().clone();
        let synced = state.synced;
        for rows in state.keyspaces.values_mut() {
            rows.retain(|_, versions| {
                versions.retain(|version| version.timestamp <= synced.max(Timestamp::LOADED));
                !versions.is_empty()
            });
        }
        state.controls.extend(std::mem::take(&mut state.removed));
        state.last = synced;
        state.open_cursors = 0;
        state.fault = None;
        state.statistics = Statistics::default();
        Self::with(state)
    }

    fn inspect<R>(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        look: impl FnOnce(&[Version]) -> R,
    ) -> R {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let state = self.state.read();
        let rows = state.keyspaces.get(&keyspace);
        look(rows.and_then(|rows| rows.get(key)).map_or(&[], Vec::as_slice))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn read(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        at: Timestamp,
        _tier: Tier,
    ) -> Result<Read<Option<Vec<u8>>>, Error> {
        let low_mark = self.state.read().low_mark;
        if at < low_mark {
            return Err(Error::HistoryCollected { at, low_mark });
        }
        Ok(Read::Done(self.inspect(keyspace, key, |versions| {
            visible(versions, at).and_then(|version| version.value.clone())
        })))
    }

    fn newest(&self, keyspace: KeyspaceId, key: &[u8]) -> Result<Option<Version>, Error> {
        Ok(self.inspect(keyspace, key, |versions| versions.first().cloned()))
    }

    fn changed_since(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        since: Timestamp,
    ) -> Result<bool, Error> {
        Ok(self.inspect(keyspace, key, |versions| {
            versions.first().is_some_and(|version| version.timestamp > since)
        }))
    }

    fn cursor(
        &self,
        keyspace: KeyspaceId,
        range: &KeyRange,
        at: Timestamp,
        direction: Direction,
    ) -> Result<Box<dyn Cursor + '_>, Error> {
        self.cursors.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state.write();
        if at < state.low_mark {
            return Err(Error::HistoryCollected { at, low_mark: state.low_mark });
        }
        state.open_cursors += 1;
        Ok(Box::new(MemoryCursor {
            store: self,
            keyspace,
            range: range.clone(),
            at: at.min(state.last.max(Timestamp::LOADED)),
            direction,
            rest: range.clone(),
            row: None,
        }))
    }

    fn append(
        &self,
        writes: &mut dyn Iterator<Item = Write<'_>>,
        at: Timestamp,
        _durable: Timestamp,
    ) -> Result<(), Error> {
        self.state.write().append(writes, at)
    }

    fn append_removing(
        &self,
        writes: &mut dyn Iterator<Item = Write<'_>>,
        control: &str,
        at: Timestamp,
        _durable: Timestamp,
    ) -> Result<(), Error> {
        let mut state = self.state.write();
        state.append(writes, at)?;
        let removed = state.controls.remove_entry(control);
        state.removed.extend(removed);
        Ok(())
    }

    fn wait_until_writable(&self) {}

    fn flush_log(&self, sync: bool) -> Result<(), Error> {
        let mut state = self.state.write();
        if state.fault == Some(Fault::WriteFails) {
            return Err(failed("sync the log"));
        }
        if sync {
            state.sync();
            state.statistics.log_syncs += 1;
        }
        Ok(())
    }

    fn last_timestamp(&self) -> Timestamp {
        self.state.read().last
    }

    fn allocate_keyspace(&self) -> Result<KeyspaceId, Error> {
        let mut state = self.state.write();
        let id = state.next_keyspace;
        state.next_keyspace = KeyspaceId(id.0.checked_add(1).ok_or(Error::KeyspacesExhausted)?);
        Ok(id)
    }

    fn drop_keyspace(&self, keyspace: KeyspaceId) -> Result<(), Error> {
        self.state.write().keyspaces.remove(&keyspace);
        Ok(())
    }

    fn load(self: Arc<Self>, keyspace: KeyspaceId) -> Result<Box<dyn Load>, Error> {
        if self.state.read().keyspaces.contains_key(&keyspace) {
            return Err(Error::NotEmpty { keyspace });
        }
        Ok(Box::new(MemoryLoad { store: self, keyspace, rows: BTreeMap::new(), duplicate: None }))
    }

    fn raise_low_mark(&self, to: Timestamp) -> Result<(), Error> {
        let mut state = self.state.write();
        state.low_mark = state.low_mark.max(to);
        Ok(())
    }

    fn compact(&self, keyspace: KeyspaceId) -> Result<(), Error> {
        self.state.write().collect(keyspace);
        Ok(())
    }

    fn size(&self, keyspace: KeyspaceId) -> Result<u64, Error> {
        let state = self.state.read();
        let bytes = state.keyspaces.get(&keyspace).map_or(0, |rows| {
            rows.iter().map(|(key, versions)| (key.len() + value_bytes(versions)) as u64).sum()
        });
        Ok(bytes)
    }

    fn control(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.state.read().controls.get(name).cloned())
    }

    fn set_control(&self, name: &str, value: Option<&[u8]>) -> Result<(), Error> {
        let mut state = self.state.write();
        if state.fault == Some(Fault::WriteFails) {
            return Err(failed("write to the log"));
        }
        match value {
            Some(value) => state.controls.insert(name.to_owned(), value.to_vec()),
            None => state.controls.remove(name),
        };
        state.sync();
        Ok(())
    }

    fn controls(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let state = self.state.read();
        let named = state.controls.range(prefix.to_owned()..);
        let named = named.take_while(|(name, _)| name.starts_with(prefix));
        Ok(named.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    fn keyspaces(&self) -> Result<Vec<KeyspaceId>, Error> {
        Ok(self.state.read().keyspaces.keys().copied().collect())
    }

    fn check_space(&self) -> Result<(), Error> {
        match self.state.read().fault {
            Some(Fault::DiskFull) => Err(Error::DiskFull { free_bytes: 0, reserve_bytes: 0 }),
            _ => Ok(()),
        }
    }

    fn statistics(&self) -> Statistics {
        let state = self.state.read();
        Statistics {
            reads: self.reads.load(Ordering::Relaxed),
            cursors: self.cursors.load(Ordering::Relaxed),
            low_mark: state.low_mark,
            ..state.statistics
        }
    }
}

impl State {
    fn fail_if_ordered(&mut self, action: &'static str) -> Result<(), Error> {
        match self.fault {
            None | Some(Fault::DiskFull) => Ok(()),
            Some(Fault::Stall) => {
                self.fault = None;
                self.statistics.stalls += 1;
                Err(Error::Stalled)
            }
            Some(Fault::WriteFails) => Err(failed(action)),
        }
    }

    fn append(
        &mut self,
        writes: &mut dyn Iterator<Item = Write<'_>>,
        at: Timestamp,
    ) -> Result<(), Error> {
        self.fail_if_ordered("append to the log")?;
        if at <= self.last {
            return Err(Error::OutOfOrder { at, last: self.last });
        }
        for write in writes {
            let version = Version { timestamp: at, value: write.value.map(<[u8]>::to_vec) };
            let rows = self.keyspaces.entry(write.keyspace).or_default();
            match rows.get_mut(write.key) {
                Some(versions) => versions.insert(0, version),
                None => {
                    rows.insert(write.key.to_vec(), vec![version]);
                }
            }
        }
        self.last = at;
        self.statistics.appends += 1;
        Ok(())
    }

    fn sync(&mut self) {
        self.synced = self.last;
        self.removed.clear();
    }

    /// Drops what the low mark has released from one keyspace.
    fn collect(&mut self, keyspace: KeyspaceId) {
        let low_mark = self.low_mark;
        let Some(rows) = self.keyspaces.get_mut(&keyspace) else { return };
        if self.open_cursors > 0 {
            return;
        }
        rows.retain(|_, versions| {
            let kept = versions.iter().position(|version| version.timestamp < low_mark);
            let Some(kept) = kept else { return true };
            versions.truncate(kept + 1);
            if versions[kept].value.is_none() {
                versions.pop();
            } else {
                versions[kept].timestamp = Timestamp::ZERO;
            }
            !versions.is_empty()
        });
        if rows.is_empty() {
            self.keyspaces.remove(&keyspace);
        }
    }
}

fn visible(versions: &[Version], at: Timestamp) -> Option<&Version> {
    versions.iter().find(|version| version.timestamp <= at)
}

fn value_bytes(versions: &[Version]) -> usize {
    versions.iter().map(|version| version.value.as_ref().map_or(0, Vec::len) + 8).sum()
}

fn failed(action: &'static str) -> Error {
    Error::WriteFailed { action, message: "ordered by a test".to_owned() }
}

struct MemoryCursor<'a> {
    store: &'a MemoryStore,
    keyspace: KeyspaceId,
    range: KeyRange,
    at: Timestamp,
    direction: Direction,
    rest: KeyRange,
    row: Option<(Vec<u8>, Timestamp, Vec<u8>)>,
}

impl Cursor for MemoryCursor<'_> {
    fn next(&mut self) -> Result<Option<Entry<'_>>, Error> {
        self.row = self.find();
        let Some((key, timestamp, value)) = &self.row else { return Ok(None) };
        match self.direction {
            Direction::Forward => self.rest.lower = Bound::Excluded(key.clone()),
            Direction::Reverse => self.rest.upper = Bound::Excluded(key.clone()),
        }
        Ok(Some(Entry { key, timestamp: *timestamp, value }))
    }

    fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        self.rest = self.range.clone();
        let beyond = match self.direction {
            Direction::Forward => match &self.range.lower {
                Bound::Included(lower) | Bound::Excluded(lower) => key > lower.as_slice(),
                Bound::Unbounded => true,
            },
            Direction::Reverse => match &self.range.upper {
                Bound::Included(upper) | Bound::Excluded(upper) => key < upper.as_slice(),
                Bound::Unbounded => true,
            },
        };
        match self.direction {
            Direction::Forward if beyond => self.rest.lower = Bound::Included(key.to_vec()),
            Direction::Reverse if beyond => self.rest.upper = Bound::Included(key.to_vec()),
            _ => {}
        }
        Ok(())
    }
}

impl MemoryCursor<'_> {
    fn find(&self) -> Option<(Vec<u8>, Timestamp, Vec<u8>)> {
        if is_empty(&self.rest) {
            return None;
        }
        let state = self.store.state.read();
        let rows = state.keyspaces.get(&self.keyspace)?;
        let mut found = rows
            .range::<[u8], _>((as_slice(&self.rest.lower), as_slice(&self.rest.upper)))
            .filter_map(|(key, versions)| {
                let version = visible(versions, self.at)?;
                Some((key.clone(), version.timestamp, version.value.clone()?))
            });
        match self.direction {
            Direction::Forward => found.next(),
            Direction::Reverse => found.next_back(),
        }
    }
}

impl Drop for MemoryCursor<'_> {
    fn drop(&mut self) {
        self.store.state.write().open_cursors -= 1;
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

/// Whether nothing can be inside; `BTreeMap::range` does not accept such bounds.
fn is_empty(range: &KeyRange) -> bool {
    match (&range.lower, &range.upper) {
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (
            Bound::Included(lower) | Bound::Excluded(lower),
            Bound::Included(upper) | Bound::Excluded(upper),
        ) => lower >= upper,
        _ => false,
    }
}

struct MemoryLoad {
    store: Arc<MemoryStore>,
    keyspace: KeyspaceId,
    rows: Rows,
    duplicate: Option<Vec<u8>>,
}

impl Load for MemoryLoad {
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let version = Version { timestamp: Timestamp::LOADED, value: Some(value.to_vec()) };
        if self.rows.insert(key.to_vec(), vec![version]).is_some() {
            let smaller = self.duplicate.as_ref().is_none_or(|seen| key < seen.as_slice());
            if smaller {
                self.duplicate = Some(key.to_vec());
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Loaded, Error> {
        if let Some(key) = self.duplicate {
            return Err(Error::DuplicateKey { key });
        }
        let loaded = Loaded { rows: self.rows.len() as u64 };
        let mut state = self.store.state.write();
        if state.keyspaces.contains_key(&self.keyspace) {
            return Err(Error::NotEmpty { keyspace: self.keyspace });
        }
        if !self.rows.is_empty() {
            state.keyspaces.insert(self.keyspace, self.rows);
        }
        Ok(loaded)
    }
}
