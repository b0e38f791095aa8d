//! What a transaction wrote in one keyspace, by key.
//!
//! Keys stand in the order in which they were first written. A few are searched one by one, more by
//! a hash table. Order is only kept once somebody has read a range: most transactions never do, and
//! a commit sorts once.
//!
//! ```text
//! entries   c │ a │ b │ d             as they came
//! places    hash of a key ─▶ place     with more than SEARCHED_MAX keys
//! order     a ─▶ 1, b ─▶ 2, c ─▶ 0     after the first range
//! ```
//!
//! # Invariants
//!
//! 1. The versions of a key are in the order of their commands, one a command, and never empty.
//! 2. `places` holds every place if there are more than [`SEARCHED_MAX`] entries, and none otherwise.
//! 3. `order`, once there, holds every key.
//! 4. Entries go in the reverse of the order in which they came: undoing runs backwards.

use std::cell::OnceCell;
use std::collections::{BTreeMap, btree_map};
use std::hash::BuildHasher;
use std::ops::Bound;

use hashbrown::HashTable;
use smallvec::{SmallVec, smallvec};

use super::WRITE_BYTES;
use crate::snapshot::Command;
use crate::sync::RandomState;

/// As many keys are searched one by one.
const SEARCHED_MAX: usize = 8;

/// Bytes of a key that order is decided by before whole keys are compared.
const HEAD_BYTES: usize = 16;

pub(super) type Value = Option<Box<[u8]>>;
pub(super) type Key = SmallVec<[u8; 23]>;
type Versions = SmallVec<[OwnVersion; 1]>;

/// What one command wrote under a key; `None` is a deletion.
#[derive(Debug)]
struct OwnVersion {
    command: Command,
    value: Value,
}

#[derive(Debug)]
pub(super) struct Entry {
    key: Key,
    versions: Versions,
}

/// Where a key's entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u32);

/// What a write did, and how to take it back.
#[derive(Debug)]
pub(super) enum Before {
    /// It added the key.
    NoKey,
    /// It added a version.
    Nothing,
    /// It replaced this value, which the same command had written.
    Replaced(Value),
}

impl Before {
    /// What a value kept for taking it back takes.
    pub(super) fn kept_bytes(&self) -> usize {
        match self {
            Self::Replaced(value) => WRITE_BYTES + value_bytes(value.as_deref()),
            Self::NoKey | Self::Nothing => 0,
        }
    }
}

/// The writes of one keyspace.
#[derive(Debug, Default)]
pub(super) struct Keys {
    entries: Vec<Entry>,
    places: HashTable<Place>,
    hasher: RandomState,
    order: OnceCell<BTreeMap<Key, Place>>,
}

impl Entry {
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// What the last command left; `None` is a deletion.
    pub(super) fn last(&self) -> Option<&[u8]> {
        self.versions.last().and_then(|version| version.value.as_deref())
    }

    /// The last command that wrote here.
    pub(super) fn last_command(&self) -> Option<Command> {
        self.versions.last().map(|version| version.command)
    }

    /// What commands before `command` left; `None` when there was none.
    pub(super) fn before(&self, command: Command) -> Option<Option<&[u8]>> {
        let version = self.versions.iter().rev().find(|version| version.command < command)?;
        Some(version.value.as_deref())
    }

    fn write(&mut self, command: Command, value: Value) -> Before {
        match self.versions.last_mut() {
            Some(last) if last.command == command => {
                Before::Replaced(std::mem::replace(&mut last.value, value))
            }
            _ => {
                self.versions.push(OwnVersion { command, value });
                Before::Nothing
            }
        }
    }
}

impl Entry {
    /// Drops versions before the one that command `needed_from` sees; how many, and their bytes.
    fn drop_before(&mut self, needed_from: Command) -> (usize, usize) {
        let seen = self.versions.iter().rposition(|version| version.command < needed_from);
        let gone = self.versions.drain(..seen.unwrap_or(0));
        gone.fold((0, 0), |(count, bytes), version| {
            (count + 1, bytes + value_bytes(version.value.as_deref()))
        })
    }
}

impl Keys {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry of a key.
    pub(super) fn find(&self, key: &[u8]) -> Option<&Entry> {
        self.place(key).map(|place| self.at(place))
    }

    fn place(&self, key: &[u8]) -> Option<Place> {
        if self.entries.len() <= SEARCHED_MAX {
            let found = self.entries.iter().position(|entry| entry.key() == key)?;
            return Some(Place(found as u32));
        }
        let hash = self.hasher.hash_one(key);
        self.places.find(hash, |place| self.at(*place).key() == key).copied()
    }

    pub(super) fn at(&self, place: Place) -> &Entry {
        &self.entries[place.0 as usize]
    }

    /// Writes a value; where, and how to take it back.
    pub(super) fn write(&mut self, key: &[u8], value: Value, command: Command) -> (Place, Before) {
        if let Some(place) = self.place(key) {
            return (place, self.entries[place.0 as usize].write(command, value));
        }
        let place = Place(self.entries.len() as u32);
        let versions = smallvec![OwnVersion { command, value }];
        self.entries.push(Entry { key: Key::from_slice(key), versions });
        if let Some(order) = self.order.get_mut() {
            order.insert(Key::from_slice(key), place);
        }
        self.index(place);
        (place, Before::NoKey)
    }

    /// Drops what was written at a place before what command `needed_from` sees; how many versions, and their
    /// bytes.
    pub(super) fn drop_before(&mut self, place: Place, needed_from: Command) -> (usize, usize) {
        self.entries[place.0 as usize].drop_before(needed_from)
    }

    /// Enters a new place, and with it all before it once searching them takes too long.
    fn index(&mut self, place: Place) {
        let count = self.entries.len();
        if count <= SEARCHED_MAX {
            return;
        }
        let first = if count == SEARCHED_MAX + 1 { 0 } else { place.0 };
        let Self { entries, places, hasher, .. } = self;
        let hash = |place: &Place| hasher.hash_one(entries[place.0 as usize].key());
        for place in (first..=place.0).map(Place) {
            places.insert_unique(hash(&place), place, hash);
        }
    }

    /// Takes a write back. Bytes of the value that goes, and of the one that is the last again.
    pub(super) fn take_back(&mut self, place: Place, before: Before) -> (usize, usize) {
        let versions = &mut self.entries[place.0 as usize].versions;
        let Some(written) = versions.last_mut() else { return (0, 0) };
        let gone = value_bytes(written.value.as_deref());
        match before {
            Before::Replaced(value) => written.value = value,
            Before::Nothing => {
                versions.pop();
            }
            Before::NoKey => {
                self.remove_last(place);
                return (gone, 0);
            }
        }
        (gone, value_bytes(self.at(place).last()))
    }

    fn remove_last(&mut self, place: Place) {
        debug_assert_eq!(place.0 as usize + 1, self.entries.len(), "invariant 4");
        let Some(entry) = self.entries.pop() else { return };
        if let Some(order) = self.order.get_mut() {
            order.remove(&entry.key);
        }
        if self.entries.len() == SEARCHED_MAX {
            self.places.clear();
        } else if self.entries.len() > SEARCHED_MAX {
            let hash = self.hasher.hash_one(entry.key());
            if let Ok(found) = self.places.find_entry(hash, |other| *other == place) {
                found.remove();
            }
        }
    }

    /// The places of a range of keys, in order. From the first range on order is kept.
    pub(super) fn range(
        &self,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
    ) -> btree_map::Range<'_, Key, Place> {
        let order = self.order.get_or_init(|| {
            let pairs = self.sorted().into_iter();
            pairs.map(|place| (self.at(place).key.clone(), place)).collect()
        });
        order.range::<[u8], _>(bounds)
    }

    /// All places in the order of their keys.
    pub(super) fn sorted(&self) -> SmallVec<[Place; 8]> {
        if let Some(order) = self.order.get() {
            return order.values().copied().collect();
        }
        if self.entries.len() <= SEARCHED_MAX {
            let mut places: SmallVec<_> = (0..self.entries.len() as u32).map(Place).collect();
            places.sort_unstable_by(|one, other| self.at(*one).key.cmp(&self.at(*other).key));
            return places;
        }
        let mut headed: Vec<_> =
            self.entries.iter().map(|entry| head(entry.key())).zip(0..).collect();
        headed.sort_unstable_by(|(head, place), (other_head, other)| {
            let keys = || self.at(Place(*place)).key.cmp(&self.at(Place(*other)).key);
            head.cmp(other_head).then_with(keys)
        });
        headed.into_iter().map(|(_, place)| Place(place)).collect()
    }
}

/// The first bytes of a key as a number that never decreases as keys grow.
fn head(key: &[u8]) -> u128 {
    let mut bytes = [0; HEAD_BYTES];
    let count = key.len().min(HEAD_BYTES);
    bytes[..count].copy_from_slice(&key[..count]);
    u128::from_be_bytes(bytes)
}

pub(super) fn value_bytes(value: Option<&[u8]>) -> usize {
    value.map_or(0, <[u8]>::len)
}
