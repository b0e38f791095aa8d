//! A transaction's writes before it commits.
//!
//! An ordered map from (keyspace, key) to the versions that the transaction's commands wrote. A command
//! sees what earlier commands wrote, so an UPDATE does not meet the rows it has just written:
//!
//! ```text
//! command        0          1          2
//! key a      "x" ●──────────────────● ✕
//! a statement at command 1 sees "x", and so does one at 2; at 3 the row is gone
//! ```
//!
//! While a savepoint is open every write leaves an undo record; rolling back runs them backwards.
//!
//! # Invariants
//!
//! 1. The versions of a key are in the order of their commands, one a command, and never empty.
//! 2. A keyspace in the map has at least one key.
//! 3. `bytes` is what the last version of each key takes in a commit, 32 bytes a write included.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::Bound;

use reckon_storage::{Direction, KeyRange, KeyspaceId, Write};
use smallvec::{SmallVec, smallvec};

use crate::snapshot::Command;

/// What a write takes beside its key and value.
const WRITE_BYTES: usize = 32;

type Value = Option<Box<[u8]>>;
type Keys = BTreeMap<Box<[u8]>, Versions>;
type Versions = SmallVec<[OwnVersion; 1]>;

/// What one command wrote under a key; `None` is a deletion.
#[derive(Debug)]
struct OwnVersion {
    command: Command,
    value: Value,
}

/// How to take one write back.
#[derive(Debug)]
struct Undo {
    keyspace: KeyspaceId,
    key: Box<[u8]>,
    before: Before,
}

#[derive(Debug)]
enum Before {
    /// The write added a version.
    Nothing,
    /// It replaced this value, which the same command had written.
    Replaced(Value),
}

/// A position in the undo log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UndoMark(usize);

/// The writes of one transaction.
#[derive(Debug, Default)]
pub(crate) struct WriteSet {
    keyspaces: BTreeMap<KeyspaceId, Keys>,
    undo: Vec<Undo>,
    savepoints: usize,
    bytes: usize,
}

impl WriteSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.keyspaces.is_empty()
    }

    /// What a commit of it appends, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn keyspaces(&self) -> impl Iterator<Item = KeyspaceId> {
        self.keyspaces.keys().copied()
    }

    pub(crate) fn has(&self, keyspace: KeyspaceId) -> bool {
        self.keyspaces.contains_key(&keyspace)
    }

    /// Writes a value, or with `None` a deletion, as `command`.
    pub(crate) fn write(
        &mut self,
        keyspace: KeyspaceId,
        key: &[u8],
        value: Option<&[u8]>,
        command: Command,
    ) {
        let value: Value = value.map(Box::from);
        let keys = self.keyspaces.entry(keyspace).or_default();
        let added = value_bytes(&value);
        let before = match keys.get_mut(key) {
            None => {
                keys.insert(Box::from(key), smallvec![OwnVersion { command, value }]);
                self.bytes += WRITE_BYTES + key.len();
                Before::Nothing
            }
            Some(versions) => {
                let replaced = versions.last().map_or(0, |last| value_bytes(&last.value));
                self.bytes = self.bytes.saturating_sub(replaced);
                match versions.last_mut() {
                    Some(last) if last.command == command => {
                        Before::Replaced(std::mem::replace(&mut last.value, value))
                    }
                    _ => {
                        versions.push(OwnVersion { command, value });
                        Before::Nothing
                    }
                }
            }
        };
        self.bytes += added;
        if self.savepoints > 0 {
            self.undo.push(Undo { keyspace, key: Box::from(key), before });
        }
    }

    /// What commands before `command` left under a key; `None` when they did not write it.
    pub(crate) fn visible(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        command: Command,
    ) -> Option<Option<&[u8]>> {
        self.keyspaces.get(&keyspace)?.get(key).and_then(|versions| before(versions, command))
    }

    /// What the last command that wrote a key left there.
    pub(crate) fn newest(&self, keyspace: KeyspaceId, key: &[u8]) -> Option<Option<&[u8]>> {
        let versions = self.keyspaces.get(&keyspace)?.get(key)?;
        versions.last().map(|last| last.value.as_deref())
    }

    /// Whether `command` or a later one wrote a key.
    pub(crate) fn written_since(&self, keyspace: KeyspaceId, key: &[u8], command: Command) -> bool {
        let versions = self.keyspaces.get(&keyspace).and_then(|keys| keys.get(key));
        versions.and_then(|versions| versions.last()).is_some_and(|last| last.command >= command)
    }

    /// What commands before `command` wrote in a range, deletions too.
    pub(crate) fn range(
        &self,
        keyspace: KeyspaceId,
        range: &KeyRange,
        direction: Direction,
        command: Command,
    ) -> Range<'_> {
        let bounds =
            (range.lower.as_ref().map(Vec::as_slice), range.upper.as_ref().map(Vec::as_slice));
        let keys = self.keyspaces.get(&keyspace).filter(|_| !is_empty(bounds));
        let rows = keys.map(|keys| keys.range::<[u8], _>(bounds));
        let mut range = Range { rows, direction, command, head: None };
        range.advance();
        range
    }

    /// The last write of each key, in (keyspace, key) order.
    pub(crate) fn last_writes(&self) -> impl Iterator<Item = Write<'_>> {
        self.keyspaces.iter().flat_map(|(keyspace, keys)| {
            keys.iter().filter_map(|(key, versions)| {
                let last = versions.last()?;
                Some(Write { keyspace: *keyspace, key, value: last.value.as_deref() })
            })
        })
    }

    /// The last writes of one keyspace, in key order.
    pub(crate) fn last_writes_of(&self, keyspace: KeyspaceId) -> impl Iterator<Item = Write<'_>> {
        let keys = self.keyspaces.get(&keyspace);
        keys.into_iter().flatten().filter_map(move |(key, versions)| {
            let last = versions.last()?;
            Some(Write { keyspace, key, value: last.value.as_deref() })
        })
    }

    /// From here on writes can be taken back to the returned mark.
    pub(crate) fn mark(&mut self) -> UndoMark {
        self.savepoints += 1;
        UndoMark(self.undo.len())
    }

    /// Forgets the newest `count` marks; their writes belong to the mark below.
    pub(crate) fn forget_marks(&mut self, count: usize) {
        self.savepoints -= count;
        if self.savepoints == 0 {
            self.undo.clear();
        }
    }

    /// Takes back every write since `mark`, which stays.
    pub(crate) fn undo_to(&mut self, mark: UndoMark) {
        while self.undo.len() > mark.0 {
            let Some(undo) = self.undo.pop() else { return };
            self.take_back(undo);
        }
    }

    fn take_back(&mut self, undo: Undo) {
        let btree_map::Entry::Occupied(mut keys) = self.keyspaces.entry(undo.keyspace) else {
            return;
        };
        let Some(versions) = keys.get_mut().get_mut(&undo.key) else { return };
        let Some(written) = versions.last_mut() else { return };
        self.bytes = self.bytes.saturating_sub(value_bytes(&written.value));
        match undo.before {
            Before::Replaced(value) => written.value = value,
            Before::Nothing => {
                versions.pop();
            }
        }
        match versions.last() {
            Some(last) => self.bytes += value_bytes(&last.value),
            None => {
                self.bytes = self.bytes.saturating_sub(WRITE_BYTES + undo.key.len());
                keys.get_mut().remove(&undo.key);
            }
        }
        if keys.get().is_empty() {
            keys.remove();
        }
    }

    /// Empty again.
    pub(crate) fn clear(&mut self) {
        self.keyspaces.clear();
        self.undo.clear();
        self.undo.shrink_to(64);
        self.savepoints = 0;
        self.bytes = 0;
    }
}

fn value_bytes(value: &Value) -> usize {
    value.as_ref().map_or(0, |value| value.len())
}

fn before(versions: &[OwnVersion], command: Command) -> Option<Option<&[u8]>> {
    let version = versions.iter().rev().find(|version| version.command < command)?;
    Some(version.value.as_deref())
}

/// Whether nothing can be inside; `BTreeMap::range` does not accept such bounds.
fn is_empty(bounds: (Bound<&[u8]>, Bound<&[u8]>)) -> bool {
    match bounds {
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (
            Bound::Included(lower) | Bound::Excluded(lower),
            Bound::Included(upper) | Bound::Excluded(upper),
        ) => lower >= upper,
        _ => false,
    }
}

/// A key and what was written there; `None` is a deletion.
pub(crate) type OwnRow<'a> = (&'a [u8], Option<&'a [u8]>);

/// The own writes of a range that a snapshot sees, with one to look at before taking it.
pub(crate) struct Range<'a> {
    rows: Option<btree_map::Range<'a, Box<[u8]>, Versions>>,
    direction: Direction,
    command: Command,
    head: Option<OwnRow<'a>>,
}

impl<'a> Range<'a> {
    /// The next write, which stays.
    pub(crate) fn peek(&self) -> Option<OwnRow<'a>> {
        self.head
    }

    /// Drops the head.
    pub(crate) fn advance(&mut self) {
        let command = self.command;
        let Some(rows) = &mut self.rows else { return };
        self.head = loop {
            let row = match self.direction {
                Direction::Forward => rows.next(),
                Direction::Reverse => rows.next_back(),
            };
            let Some((key, versions)) = row else { break None };
            if let Some(value) = before(versions, command) {
                break Some((key, value));
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: KeyspaceId = KeyspaceId(2000);

    fn read(writes: &WriteSet, key: &[u8], command: u32) -> Option<Option<Vec<u8>>> {
        writes.visible(TABLE, key, Command(command)).map(|value| value.map(<[u8]>::to_vec))
    }

    #[test]
    fn a_command_sees_earlier_commands_only() {
        let mut writes = WriteSet::default();
        writes.write(TABLE, b"a", Some(b"x"), Command(0));
        writes.write(TABLE, b"a", None, Command(2));
        assert_eq!(read(&writes, b"a", 0), None);
        assert_eq!(read(&writes, b"a", 1), Some(Some(b"x".to_vec())));
        assert_eq!(read(&writes, b"a", 2), Some(Some(b"x".to_vec())));
        assert_eq!(read(&writes, b"a", 3), Some(None));
        assert!(writes.written_since(TABLE, b"a", Command(2)));
        assert!(!writes.written_since(TABLE, b"a", Command(3)));
        assert_eq!(writes.newest(TABLE, b"a"), Some(None));
    }

    #[test]
    fn rolling_back_restores_values_and_bytes() {
        let mut writes = WriteSet::default();
        writes.write(TABLE, b"a", Some(b"one"), Command(0));
        let bytes = writes.bytes();
        let outer = writes.mark();
        writes.write(TABLE, b"a", Some(b"three"), Command(0));
        let inner = writes.mark();
        writes.write(TABLE, b"a", None, Command(1));
        writes.write(TABLE, b"b", Some(b""), Command(1));
        writes.undo_to(inner);
        assert_eq!(read(&writes, b"a", 9), Some(Some(b"three".to_vec())));
        assert_eq!(read(&writes, b"b", 9), None);
        writes.forget_marks(1);
        writes.undo_to(outer);
        assert_eq!(read(&writes, b"a", 9), Some(Some(b"one".to_vec())));
        assert_eq!(writes.bytes(), bytes);
    }

    #[test]
    fn a_keyspace_whose_writes_were_all_taken_back_is_gone() {
        let mut writes = WriteSet::default();
        let mark = writes.mark();
        writes.write(TABLE, b"a", Some(b"x"), Command(0));
        writes.undo_to(mark);
        assert!(writes.is_empty());
        assert_eq!(writes.bytes(), 0);
    }

    #[test]
    fn a_range_gives_what_a_command_sees_both_ways() {
        let mut writes = WriteSet::default();
        for (at, key) in [b"a", b"b", b"c", b"d"].into_iter().enumerate() {
            writes.write(TABLE, key, Some(key), Command(u32::try_from(at % 2).unwrap()));
        }
        let keys = |direction| {
            let mut range = writes.range(TABLE, &KeyRange::ALL, direction, Command(1));
            let mut keys = Vec::new();
            while let Some((key, _)) = range.peek() {
                keys.extend_from_slice(key);
                range.advance();
            }
            keys
        };
        assert_eq!(keys(Direction::Forward), b"ac");
        assert_eq!(keys(Direction::Reverse), b"ca");
    }

    #[test]
    fn the_last_write_of_each_key_is_committed_in_order() {
        let mut writes = WriteSet::default();
        writes.write(KeyspaceId(3), b"a", Some(b"1"), Command(0));
        writes.write(KeyspaceId(2), b"b", Some(b"1"), Command(0));
        writes.write(KeyspaceId(2), b"a", Some(b"1"), Command(0));
        writes.write(KeyspaceId(2), b"b", None, Command(1));
        let last: Vec<_> = writes.last_writes().map(|w| (w.keyspace.0, w.key, w.value)).collect();
        let one: Option<&[u8]> = Some(b"1");
        assert_eq!(last, [(2, &b"a"[..], one), (2, b"b", None), (3, b"a", one)]);
    }
}
