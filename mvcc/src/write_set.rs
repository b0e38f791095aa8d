//! A transaction's writes before it commits.
//!
//! For each keyspace a set of keys with the versions that the transaction's commands wrote. A command
//! sees what earlier commands wrote, so an UPDATE does not meet the rows it has just written:
//!
//! ```text
//! command        0          1          2
//! key a      "x" ●──────────────────● ✕
//! a statement at command 1 sees "x", and so does one at 2; at 3 the row is gone
//! ```
//!
//! While a savepoint is open every write leaves an undo record; rolling back runs them backwards. A version that no
//! snapshot in use sees, and no savepoint brings back, goes when its key is written again.
//!
//! # Invariants
//!
//! 1. A keyspace in the map has at least one key.
//! 2. `bytes` is what the last version of each key takes in a commit, 32 bytes a write included.
//! 3. `kept_bytes` is what the versions before them take, and values in undo records, as much for each included.

mod keys;

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::Bound;

use reckon_storage::{Direction, KeyRange, KeyspaceId, Write};
use smallvec::SmallVec;

use crate::snapshot::Command;
use keys::{Before, Key, Keys, Place, value_bytes};

/// What a write takes beside its key and value.
const WRITE_BYTES: usize = 32;

/// How to take one write back.
#[derive(Debug)]
struct Undo {
    keyspace: KeyspaceId,
    place: Place,
    before: Before,
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
    kept_bytes: usize,
    /// Snapshots that are still in use, or will be taken, are of this command or a later one.
    used_from: Command,
    /// The first savepoint is of this command; means something while there is one.
    marked_from: Command,
}

impl WriteSet {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.keyspaces.is_empty()
    }

    /// What a commit of it appends, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it takes in memory, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes + self.kept_bytes
    }

    /// No snapshot of a command before `command` is used any more.
    #[inline]
    pub(crate) fn release_before(&mut self, command: Command) {
        self.used_from = command;
    }

    #[inline]
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
        let keys = self.keyspaces.entry(keyspace).or_default();
        let known = keys.find(key).map(|entry| value_bytes(entry.last()));
        let (place, before) = keys.write(key, value.map(Box::from), command);
        self.bytes += value_bytes(value);
        match known {
            Some(replaced) => self.bytes = self.bytes.saturating_sub(replaced),
            None => self.bytes += WRITE_BYTES + key.len(),
        }
        let is_kept = match before {
            Before::NoKey => false,
            Before::Nothing => true,
            Before::Replaced(_) => self.savepoints > 0,
        };
        if let Some(bytes) = known.filter(|_| is_kept) {
            self.kept_bytes += WRITE_BYTES + bytes;
        }
        let mut needed_from = self.used_from;
        if self.savepoints > 0 {
            needed_from = needed_from.min(self.marked_from);
            self.undo.push(Undo { keyspace, place, before });
        }
        if is_kept {
            let (count, bytes) = keys.drop_before(place, needed_from);
            self.kept_bytes = self.kept_bytes.saturating_sub(count * WRITE_BYTES + bytes);
        }
    }

    /// What commands before `command` left under a key; `None` when they did not write it.
    pub(crate) fn visible(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        command: Command,
    ) -> Option<Option<&[u8]>> {
        self.keyspaces.get(&keyspace)?.find(key)?.before(command)
    }

    /// What the last command that wrote a key left there.
    pub(crate) fn newest(&self, keyspace: KeyspaceId, key: &[u8]) -> Option<Option<&[u8]>> {
        Some(self.keyspaces.get(&keyspace)?.find(key)?.last())
    }

    /// Whether `command` or a later one wrote a key.
    pub(crate) fn written_since(&self, keyspace: KeyspaceId, key: &[u8], command: Command) -> bool {
        let entry = self.keyspaces.get(&keyspace).and_then(|keys| keys.find(key));
        entry.and_then(keys::Entry::last_command).is_some_and(|last| last >= command)
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
        let rows = keys.map(|keys| (keys, keys.range(bounds)));
        let mut range = Range { rows, direction, command, head: None };
        range.advance();
        range
    }

    /// Everything a commit writes, put in order.
    pub(crate) fn in_order(&self) -> InOrder<'_> {
        let sorted = |(id, keys): (&KeyspaceId, &'_ Keys)| (*id, keys.sorted());
        let places = self.keyspaces.iter().map(sorted).collect();
        InOrder { writes: self, places }
    }

    /// From here on, in `command`, writes can be taken back to the returned mark.
    pub(crate) fn mark(&mut self, command: Command) -> UndoMark {
        if self.savepoints == 0 {
            self.marked_from = command;
        }
        self.savepoints += 1;
        UndoMark(self.undo.len())
    }

    /// Forgets the newest `count` marks; their writes belong to the mark below.
    pub(crate) fn forget_marks(&mut self, count: usize) {
        self.savepoints -= count;
        if self.savepoints == 0 {
            let kept = self.undo.drain(..).map(|undo| undo.before.kept_bytes()).sum();
            self.kept_bytes = self.kept_bytes.saturating_sub(kept);
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
        let btree_map::Entry::Occupied(mut found) = self.keyspaces.entry(undo.keyspace) else {
            return;
        };
        let keys = found.get_mut();
        let is_new = matches!(undo.before, Before::NoKey);
        if is_new {
            let key_bytes = keys.at(undo.place).key().len();
            self.bytes = self.bytes.saturating_sub(WRITE_BYTES + key_bytes);
        }
        let (gone, back) = keys.take_back(undo.place, undo.before);
        self.bytes = self.bytes.saturating_sub(gone) + back;
        if !is_new {
            self.kept_bytes = self.kept_bytes.saturating_sub(WRITE_BYTES + back);
        }
        if keys.is_empty() {
            found.remove();
        }
    }

    /// Empty again.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if !self.keyspaces.is_empty() {
            self.keyspaces.clear();
        }
        self.undo.clear();
        self.undo.shrink_to(64);
        self.savepoints = 0;
        self.bytes = 0;
        self.kept_bytes = 0;
        self.used_from = Command(0);
    }
}

/// The last write of each key, in the order in which a commit appends and installs them.
pub(crate) struct InOrder<'a> {
    writes: &'a WriteSet,
    places: SmallVec<[(KeyspaceId, SmallVec<[Place; 8]>); 4]>,
}

impl<'a> InOrder<'a> {
    pub(crate) fn keyspaces(&self) -> impl Iterator<Item = KeyspaceId> {
        self.places.iter().map(|(id, _)| *id)
    }

    /// All of them, in (keyspace, key) order.
    pub(crate) fn all(&self) -> impl Iterator<Item = Write<'a>> {
        self.places.iter().flat_map(|(id, places)| self.of_places(*id, places))
    }

    /// Those of one keyspace, in key order.
    pub(crate) fn of(&self, keyspace: KeyspaceId) -> impl Iterator<Item = Write<'a>> {
        let places = self.places.iter().filter(move |(id, _)| *id == keyspace);
        places.flat_map(|(id, places)| self.of_places(*id, places))
    }

    fn of_places(&self, keyspace: KeyspaceId, places: &[Place]) -> impl Iterator<Item = Write<'a>> {
        let keys = self.writes.keyspaces.get(&keyspace);
        keys.into_iter().flat_map(move |keys| {
            places.iter().map(move |place| {
                let entry = keys.at(*place);
                Write { keyspace, key: entry.key(), value: entry.last() }
            })
        })
    }
}

/// Whether nothing can be inside; `BTreeMap::range` does not accept such bounds.
#[inline]
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
    rows: Option<(&'a Keys, btree_map::Range<'a, Key, Place>)>,
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
        let Some((keys, rows)) = &mut self.rows else { return };
        self.head = loop {
            let row = match self.direction {
                Direction::Forward => rows.next(),
                Direction::Reverse => rows.next_back(),
            };
            let Some((_, place)) = row else { break None };
            let entry = keys.at(*place);
            if let Some(value) = entry.before(command) {
                break Some((entry.key(), value));
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
        let outer = writes.mark(Command(0));
        writes.write(TABLE, b"a", Some(b"three"), Command(0));
        let inner = writes.mark(Command(1));
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

    /// What a command wrote goes once no snapshot sees it, unless a savepoint may bring it back; each command may have one of
    /// its own.
    #[test]
    fn one_key_written_by_many_commands_takes_the_memory_of_few() {
        let mut writes = WriteSet::default();
        let write_all = |writes: &mut WriteSet, commands: std::ops::Range<u32>| {
            for command in commands {
                writes.release_before(Command(command));
                writes.mark(Command(command));
                writes.write(TABLE, b"a", Some(&[command as u8; 100]), Command(command));
                writes.forget_marks(1);
            }
        };
        write_all(&mut writes, 0..1000);
        assert!(writes.memory_bytes() < 500, "{}", writes.memory_bytes());
        assert_eq!(read(&writes, b"a", 999), Some(Some(vec![998_u32 as u8; 100])));
        assert_eq!(read(&writes, b"a", 1000), Some(Some(vec![999_u32 as u8; 100])));
        let before = writes.memory_bytes();
        let mark = writes.mark(Command(1000));
        write_all(&mut writes, 1000..2000);
        assert!(writes.memory_bytes() > 100_000, "{}", writes.memory_bytes());
        writes.undo_to(mark);
        assert!(writes.memory_bytes() <= before, "{}", writes.memory_bytes());
        assert_eq!(read(&writes, b"a", 3000), Some(Some(vec![999_u32 as u8; 100])));
        write_all(&mut writes, 2000..3000);
        for value in [b"one", b"two"] {
            writes.write(TABLE, b"a", Some(value), Command(3000));
        }
        writes.forget_marks(1);
        write_all(&mut writes, 3001..3010);
        assert!(writes.memory_bytes() < 500, "{}", writes.memory_bytes());
    }

    #[test]
    fn a_keyspace_whose_writes_were_all_taken_back_is_gone() {
        let mut writes = WriteSet::default();
        let mark = writes.mark(Command(1));
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
        let order = writes.in_order();
        let last: Vec<_> = order.all().map(|w| (w.keyspace.0, w.key, w.value)).collect();
        let one: Option<&[u8]> = Some(b"1");
        assert_eq!(last, [(2, &b"a"[..], one), (2, b"b", None), (3, b"a", one)]);
    }

    /// Many keys, so that they are found by hash; some overwritten, some taken back.
    #[test]
    fn many_keys_are_found_and_sorted_as_few_are() {
        let key = |number: u32| (number.wrapping_mul(0x9E37_79B9) >> 8).to_be_bytes();
        let mut writes = WriteSet::default();
        for number in 0..100 {
            writes.write(TABLE, &key(number), Some(b"x"), Command(0));
        }
        let bytes = writes.bytes();
        let mark = writes.mark(Command(1));
        let mut range = writes.range(TABLE, &KeyRange::ALL, Direction::Forward, Command(1));
        let mut seen = Vec::new();
        while let Some((key, _)) = range.peek() {
            seen.push(key.to_vec());
            range.advance();
        }
        assert!(seen.is_sorted() && seen.len() == 100);
        for number in 50..1000 {
            writes.write(TABLE, &key(number), Some(b"long"), Command(1));
        }
        assert_eq!(read(&writes, &key(999), 2), Some(Some(b"long".to_vec())));
        writes.undo_to(mark);
        assert_eq!(writes.bytes(), bytes);
        for number in 0..1000 {
            let left = (number < 100).then(|| Some(b"x".to_vec()));
            assert_eq!(read(&writes, &key(number), 2), left);
        }
        let order = writes.in_order();
        assert_eq!(order.all().map(|write| write.key.to_vec()).collect::<Vec<_>>(), seen);
    }

    /// From more keys than are searched one by one back to fewer.
    #[test]
    fn taking_back_leaves_every_number_of_keys_whole() {
        for kept in 0..12_u8 {
            let mut writes = WriteSet::default();
            for number in 0..kept {
                writes.write(TABLE, &[number], Some(&[number]), Command(0));
            }
            let mark = writes.mark(Command(1));
            for number in kept..20 {
                writes.write(TABLE, &[number], None, Command(0));
            }
            writes.undo_to(mark);
            writes.write(TABLE, &[19], None, Command(1));
            for number in 0..20_u8 {
                let expected = match number {
                    19 => Some(None),
                    number if number < kept => Some(Some(vec![number])),
                    _ => None,
                };
                assert_eq!(read(&writes, &[number], 2), expected, "{kept} {number}");
            }
        }
    }
}
