//! A keyspace: its tree in memory, and the store that the tree is a cache of.
//!
//! A read asks the tree first. *Found* and *missing* are answers; *older* means that memory does not go
//! back to this snapshot, *absent* that it does not hold the range: then the range is loaded if that is
//! worth it, and otherwise the store answers, which needs no re-check (when the snapshot was taken every
//! version at or below it was already there).
//!
//! # Concurrency
//!
//! Keyspaces are found in a sharded map; a shard is held for one look into it or one change, and trees are made and cleared outside of
//! that. A session keeps those it used last in a cache of its own, so a
//! point read touches nothing that other sessions write.

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use reckon_index::{
    Cache, Direction as TreeDirection, Loading, Lookup, Newest, Source, SourceError, Tree,
};
use reckon_storage::{
    Direction, Error as StorageError, KeyRange, KeyspaceId, Read, Store, Tier, Timestamp,
};

use crate::blocking::Blocking;
use crate::commit::Watermarks;
use crate::error::Error;
use crate::recent::Recent;
use crate::sync::{AtomicI64, AtomicU64, RandomState, RwLock};
use crate::transaction::Counters;

const SHARDS: usize = 16;
const NEAR: usize = 16;

/// Is given keys and values until it breaks.
pub(crate) type RowCallback<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Where a keyspace's rows come from when memory does not have them.
#[derive(Clone)]
pub(crate) struct Base {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blocking: Blocking,
    pub(crate) marks: Arc<Watermarks>,
}

impl Base {
    /// A key's value at a time: inline if the store has it in memory, else where blocking is allowed.
    #[inline]
    pub(crate) fn read(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        at: Timestamp,
    ) -> Result<Option<Vec<u8>>, Error> {
        if let Read::Done(value) = self.store.read(keyspace, key, at, Tier::Memory)? {
            return Ok(value);
        }
        match self.blocking.run(|| self.store.read(keyspace, key, at, Tier::Disk))? {
            Read::Done(value) => Ok(value),
            Read::Incomplete => Err(Error::Storage(StorageError::Corrupt { what: "read tier" })),
        }
    }

    fn changed_since(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        since: Timestamp,
    ) -> Result<bool, Error> {
        let near = self.store.read(keyspace, key, Timestamp::MAX, Tier::Memory)?;
        let ask = || self.store.changed_since(keyspace, key, since);
        let changed = match near {
            Read::Done(_) => ask(),
            Read::Incomplete => self.blocking.run(ask),
        };
        Ok(changed?)
    }
}

/// The store as the source of one tree.
struct KeyspaceSource {
    id: KeyspaceId,
    base: Base,
}

impl Source for KeyspaceSource {
    fn load(
        &self,
        lower: &[u8],
        upper: Option<&[u8]>,
        direction: TreeDirection,
        add: &mut dyn FnMut(&[u8], u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<u64, SourceError> {
        let range = KeyRange {
            lower: Bound::Included(lower.to_vec()),
            upper: upper.map_or(Bound::Unbounded, |upper| Bound::Excluded(upper.to_vec())),
        };
        let direction = match direction {
            TreeDirection::Forward => Direction::Forward,
            TreeDirection::Reverse => Direction::Reverse,
        };
        let base = &self.base;
        base.blocking.run(|| {
            let mut rows = base.store.cursor(self.id, &range, Timestamp::MAX, direction)?;
            let complete_since = base.marks.issued();
            while let Some(row) = rows.next()? {
                if add(row.key, row.timestamp.0, row.value).is_break() {
                    break;
                }
            }
            Ok(complete_since.0)
        })
    }

    fn wait(&self, wait: &mut dyn FnMut()) {
        self.base.blocking.run(wait);
    }
}

/// One keyspace.
pub(crate) struct Keyspace {
    pub(crate) id: KeyspaceId,
    pub(crate) tree: Tree,
    pub(crate) recent: Recent,
    base: Base,
    last_change: AtomicU64,
    /// Commits before it have left nothing to collect, and nothing is left that a low mark up to it would
    /// release; 0 when that is unknown.
    collected: AtomicU64,
    rows_added: AtomicI64,
}

impl Keyspace {
    /// Drops deletions from memory that nobody can see any more and that no later write drops.
    pub(crate) fn purge(&self, horizon: Timestamp) {
        self.tree.purge(horizon.0);
    }

    /// The newest commit that wrote here since the engine was opened.
    #[inline]
    pub(crate) fn last_change(&self) -> Timestamp {
        Timestamp(self.last_change.load(Ordering::Acquire))
    }

    /// Before the commit becomes visible, so that who sees it also sees this.
    pub(crate) fn set_last_change(&self, at: Timestamp) {
        self.last_change.store(at.0, Ordering::Release);
    }

    /// Whether the history of its rows may have something that nobody can see any more once the low mark is
    /// `low_mark`. What a commit overwrote can go when the mark is behind that commit, not when it is there.
    pub(crate) fn has_history(&self, low_mark: Timestamp) -> bool {
        let collected = self.collected.load(Ordering::Acquire);
        collected == 0 || (self.last_change().0 >= collected && low_mark.0 > collected)
    }

    /// The history before `low_mark` was collected.
    pub(crate) fn set_collected(&self, low_mark: Timestamp) {
        self.collected.fetch_max(low_mark.0, Ordering::AcqRel);
    }

    /// Rows that commits have added since the engine was opened, less those they deleted, as far as
    /// memory knew.
    pub(crate) fn rows_added(&self) -> u64 {
        u64::try_from(self.rows_added.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Counts the rows of a commit.
    pub(crate) fn add_rows(&self, grown: i64) {
        self.rows_added.fetch_add(grown, Ordering::Relaxed);
    }

    /// What a snapshot sees under a key.
    #[inline]
    pub(crate) fn read<R>(
        &self,
        key: &[u8],
        at: Timestamp,
        counters: &mut Counters,
        found: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Error> {
        let mut loaded = false;
        loop {
            {
                let guard = reckon_index::pin();
                match self.tree.lookup(key, at.0, &guard) {
                    Lookup::Found { value, .. } => {
                        counters.leaf_hits += 1;
                        return Ok(Some(found(value)));
                    }
                    Lookup::Missing => {
                        counters.leaf_hits += 1;
                        return Ok(None);
                    }
                    Lookup::Older => break,
                    Lookup::Absent => {}
                }
            }
            if loaded || !self.load(key, counters)? {
                break;
            }
            loaded = true;
        }
        counters.store_reads += 1;
        Ok(self.base.read(self.id, key, at)?.map(|value| found(&value)))
    }

    /// Says that these keys are about to be read.
    pub(crate) fn announce<'k>(&self, keys: impl IntoIterator<Item = &'k [u8]>) {
        self.tree.announce(keys, &reckon_index::pin());
    }

    /// The newest committed value. Means something only under a lock on the key.
    pub(crate) fn newest<R>(
        &self,
        key: &[u8],
        counters: &mut Counters,
        found: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Error> {
        let mut loaded = false;
        loop {
            {
                let guard = reckon_index::pin();
                match self.tree.newest(key, &guard) {
                    Newest::Version { value, .. } => {
                        counters.leaf_hits += 1;
                        return Ok(value.map(found));
                    }
                    Newest::Missing { .. } => {
                        counters.leaf_hits += 1;
                        return Ok(None);
                    }
                    Newest::Absent => {}
                }
            }
            if loaded || !self.load(key, counters)? {
                break;
            }
            loaded = true;
        }
        counters.store_reads += 1;
        Ok(self.base.read(self.id, key, Timestamp::MAX)?.map(|value| found(&value)))
    }

    /// Whether a commit after `since` wrote a key, deletions too. Means something only under a lock on it.
    pub(crate) fn changed_since(
        &self,
        key: &[u8],
        since: Timestamp,
        counters: &mut Counters,
    ) -> Result<bool, Error> {
        {
            let guard = reckon_index::pin();
            let changed = match self.tree.newest(key, &guard) {
                Newest::Version { timestamp, .. } => Some(timestamp > since.0),
                Newest::Missing { since: complete } if complete <= since.0 => Some(false),
                Newest::Missing { .. } | Newest::Absent => None,
            };
            if let Some(changed) = changed {
                counters.leaf_hits += 1;
                return Ok(changed);
            }
        }
        if self.recent.is_unchanged(key, since) {
            return Ok(false);
        }
        counters.store_reads += 1;
        self.base.changed_since(self.id, key, since)
    }

    /// When the row under a key was deleted, if that was after `since` and nothing came in its place: not later than
    /// what is returned. Means something only under a lock on it.
    pub(crate) fn deletion_since(
        &self,
        key: &[u8],
        since: Timestamp,
        counters: &mut Counters,
    ) -> Result<Option<Timestamp>, Error> {
        if !self.changed_since(key, since, counters)?
            || self.newest(key, counters, |_| ())?.is_some()
        {
            return Ok(None);
        }
        Ok(Some(match self.tree.newest(key, &reckon_index::pin()) {
            Newest::Version { timestamp, .. } => Timestamp(timestamp),
            Newest::Missing { since } => Timestamp(since),
            Newest::Absent => Timestamp::MAX,
        }))
    }

    /// A key's value at a time, from the store.
    pub(crate) fn read_store(&self, key: &[u8], at: Timestamp) -> Result<Option<Vec<u8>>, Error> {
        self.base.read(self.id, key, at)
    }

    /// The rows of a range at a time, from the store, until `row` breaks or `rows_max` were given. True:
    /// the range was read to its end. Runs where blocking is allowed.
    pub(crate) fn scan_store(
        &self,
        range: &KeyRange,
        direction: Direction,
        at: Timestamp,
        rows_max: usize,
        row: &mut RowCallback<'_>,
    ) -> Result<bool, Error> {
        self.base.blocking.run(|| {
            let mut rows = self.base.store.cursor(self.id, range, at, direction)?;
            for _ in 0..rows_max {
                let Some(entry) = rows.next()? else { return Ok(true) };
                if row(entry.key, entry.value).is_break() {
                    return Ok(false);
                }
            }
            Ok(false)
        })
    }

    fn load(&self, key: &[u8], counters: &mut Counters) -> Result<bool, Error> {
        let loading = self.tree.load(key, TreeDirection::Forward)?;
        let done = loading == Loading::Done;
        counters.loads += u64::from(done);
        Ok(done)
    }
}

/// All keyspaces that were touched since the engine was opened.
pub(crate) struct Keyspaces {
    shards: [RwLock<Shard>; SHARDS],
    cache: Arc<Cache>,
    base: Base,
}

type Shard = HashMap<KeyspaceId, Arc<Keyspace>, RandomState>;

impl Keyspaces {
    pub(crate) fn new(cache: Arc<Cache>, base: Base) -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()), cache, base }
    }

    /// A keyspace, with nothing in memory if it was not touched before.
    pub(crate) fn find(&self, id: KeyspaceId) -> Arc<Keyspace> {
        let shard = self.shard(id);
        if let Some(keyspace) = shard.read().get(&id) {
            return Arc::clone(keyspace);
        }
        let tree = Tree::new(&self.cache, self.source(id));
        let fresh = Arc::new(self.keyspace(id, tree, Timestamp::ZERO));
        let mut shard = shard.write();
        Arc::clone(shard.entry(id).or_insert_with(|| Arc::clone(&fresh)))
    }

    /// A keyspace that was just allocated: known to be empty.
    pub(crate) fn create(&self, id: KeyspaceId) {
        let tree = Tree::empty(&self.cache, self.source(id), 0);
        let fresh = Arc::new(self.keyspace(id, tree, Timestamp::LOADED));
        self.shard(id).write().insert(id, fresh);
    }

    /// As [`Keyspace::purge`], for all of them.
    pub(crate) fn purge(&self, horizon: Timestamp) {
        for shard in &self.shards {
            let keyspaces: Vec<_> = shard.read().values().cloned().collect();
            keyspaces.iter().for_each(|keyspace| keyspace.purge(horizon));
        }
    }

    /// Forgets a keyspace and what memory holds of it.
    pub(crate) fn forget(&self, id: KeyspaceId) {
        let forgotten = self.shard(id).write().remove(&id);
        if let Some(keyspace) = forgotten {
            keyspace.tree.clear();
        }
    }

    fn keyspace(&self, id: KeyspaceId, tree: Tree, collected: Timestamp) -> Keyspace {
        Keyspace {
            id,
            tree,
            recent: Recent::default(),
            base: self.base.clone(),
            last_change: AtomicU64::new(0),
            collected: AtomicU64::new(collected.0),
            rows_added: AtomicI64::new(0),
        }
    }

    fn source(&self, id: KeyspaceId) -> Box<dyn Source> {
        Box::new(KeyspaceSource { id, base: self.base.clone() })
    }

    fn shard(&self, id: KeyspaceId) -> &RwLock<Shard> {
        &self.shards[shard_of(id)]
    }
}

/// Spreads also those ids that a session cannot keep near together.
fn shard_of(id: KeyspaceId) -> usize {
    let mixed = u64::from(id.0).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 60) as usize % SHARDS
}

fn place_near(id: KeyspaceId) -> usize {
    id.0 as usize % NEAR
}

/// The keyspaces a session used last. An id is never used for two keyspaces, so an entry is never wrong.
#[derive(Default)]
pub(crate) struct Near {
    entries: [Cell<Option<Arc<Keyspace>>>; NEAR],
}

impl Near {
    /// Runs `work` with a keyspace.
    pub(crate) fn with<R>(
        &self,
        keyspaces: &Keyspaces,
        id: KeyspaceId,
        work: impl FnOnce(&Keyspace) -> R,
    ) -> R {
        let entry = &self.entries[place_near(id)];
        let keyspace = match entry.take() {
            Some(keyspace) if keyspace.id == id => keyspace,
            _ => keyspaces.find(id),
        };
        let result = work(&keyspace);
        entry.set(Some(keyspace));
        result
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use reckon_storage::{MemoryStore, Write};

    const TABLE: KeyspaceId = KeyspaceId(2000);

    fn append(store: &MemoryStore, value: Option<&[u8]>, at: u64) {
        let write = Write { keyspace: TABLE, key: b"a", value };
        store.append(&mut std::iter::once(write), Timestamp(at), Timestamp(5)).unwrap();
    }

    fn load(store: MemoryStore) -> (Vec<(u64, Vec<u8>)>, u64) {
        let marks = Arc::new(Watermarks::recovered(Timestamp(5)));
        let base = Base { store: Arc::new(store), blocking: Blocking::straight(), marks };
        let mut rows = Vec::new();
        let mut add = |_: &[u8], timestamp, value: &[u8]| {
            rows.push((timestamp, value.to_vec()));
            ControlFlow::Continue(())
        };
        let source = KeyspaceSource { id: TABLE, base };
        let since = source.load(b"", None, TreeDirection::Forward, &mut add).unwrap();
        (rows, since)
    }

    #[test]
    fn there_is_history_from_a_commit_until_it_is_collected_and_in_what_was_there_before() {
        let marks = Arc::new(Watermarks::recovered(Timestamp(5)));
        let store = Arc::new(MemoryStore::new());
        let base = Base { store, blocking: Blocking::straight(), marks };
        let keyspaces = Keyspaces::new(Cache::new(1 << 20), base);
        keyspaces.create(TABLE);
        let table = keyspaces.find(TABLE);
        assert!(!table.has_history(Timestamp(5)));
        table.set_last_change(Timestamp(7));
        table.set_collected(Timestamp(6));
        assert!(table.has_history(Timestamp(7)));
        table.set_collected(Timestamp(7));
        assert!(!table.has_history(Timestamp(7)), "the same mark releases nothing more");
        assert!(table.has_history(Timestamp(8)), "the last commit overwrote something");
        table.set_collected(Timestamp(8));
        assert!(!table.has_history(Timestamp(9)));
        assert!(keyspaces.find(KeyspaceId(2001)).has_history(Timestamp(5)));
    }

    #[test]
    fn keyspaces_that_displace_each_other_near_a_session_are_in_many_shards() {
        for first in 0..100 {
            let ids = (0..SHARDS).map(|at| KeyspaceId(first + (at * NEAR) as u32));
            let near: HashSet<_> = ids.clone().map(place_near).collect();
            let shards: HashSet<_> = ids.map(shard_of).collect();
            assert!(near.len() == 1 && shards.len() >= SHARDS / 2, "{near:?} {shards:?}");
        }
    }

    #[test]
    fn a_load_sees_what_was_appended_and_is_not_visible_yet() {
        let store = MemoryStore::new();
        append(&store, Some(b"old"), 4);
        append(&store, Some(b"new"), 10);
        assert_eq!(load(store), (vec![(10, b"new".to_vec())], 5));
    }

    #[test]
    fn a_load_does_not_resurrect_a_row_whose_deletion_is_not_visible_yet() {
        let store = MemoryStore::new();
        append(&store, Some(b"old"), 4);
        append(&store, None, 10);
        assert_eq!(load(store).0, []);
    }
}
