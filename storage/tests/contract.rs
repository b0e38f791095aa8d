//! RocksDB and the map in memory are the same store: random operations, one answer.
#![cfg(feature = "rocks")]
#![expect(clippy::unwrap_used, reason = "a failure here fails the test")]

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use reckon_storage::rocks::Options;
use reckon_storage::{
    Direction, Error, KeyRange, KeyspaceId, MemoryStore, Read, RocksStore, Store, Tier, Timestamp,
    Write,
};

/// Keyspaces in use: the last one shows what happens at the end of the key space.
const KEYSPACES: [KeyspaceId; 3] = [KeyspaceId(7), KeyspaceId(8), KeyspaceId(u32::MAX)];

/// Index of the keyspace, key, value.
type Change = (usize, Vec<u8>, Option<Vec<u8>>);

#[derive(Clone, Debug)]
enum Operation {
    Append(Vec<Change>),
    Load(Vec<(Vec<u8>, Vec<u8>)>),
    Read { keyspace: usize, key: Vec<u8>, back: u64 },
    Scan { keyspace: usize, range: KeyRange, back: u64, reverse: bool, seeks: Vec<Vec<u8>> },
    RaiseLowMark { back: u64 },
    Compact { keyspace: usize },
    Drop,
    Reopen,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0), Just(1), Just(255)], 0..4)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..4)
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![
        key().prop_map(Bound::Included),
        key().prop_map(Bound::Excluded),
        Just(Bound::Unbounded)
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let write = (0..KEYSPACES.len(), key(), prop::option::weighted(0.7, value()));
    let range = (bound(), bound()).prop_map(|(lower, upper)| KeyRange { lower, upper });
    let seeks = prop::collection::vec(key(), 0..3);
    prop_oneof![
        6 => prop::collection::vec(write, 0..6).prop_map(Operation::Append),
        1 => prop::collection::vec((key(), value()), 0..8).prop_map(Operation::Load),
        6 => (0..KEYSPACES.len(), key(), 0..4u64)
            .prop_map(|(keyspace, key, back)| Operation::Read { keyspace, key, back }),
        6 => (0..KEYSPACES.len(), range, 0..4u64, any::<bool>(), seeks).prop_map(
            |(keyspace, range, back, reverse, seeks)| {
                Operation::Scan { keyspace, range, back, reverse, seeks }
            }
        ),
        1 => (0..3u64).prop_map(|back| Operation::RaiseLowMark { back }),
        1 => (0..KEYSPACES.len()).prop_map(|keyspace| Operation::Compact { keyspace }),
        1 => Just(Operation::Drop),
        1 => Just(Operation::Reopen),
    ]
}

/// Both stores, and what the test knows about them.
struct Pair<'a> {
    directory: &'a Path,
    rocks: Option<Arc<RocksStore>>,
    memory: Arc<MemoryStore>,
    clock: u64,
    low_mark: u64,
    loaded: Vec<KeyspaceId>,
}

impl<'a> Pair<'a> {
    fn new(directory: &'a Path) -> Self {
        let mut pair = Self {
            directory,
            rocks: None,
            memory: Arc::default(),
            clock: 100,
            low_mark: 0,
            loaded: Vec::new(),
        };
        pair.reopen();
        pair
    }

    fn rocks(&self) -> &RocksStore {
        self.rocks.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.rocks = None;
        let store = RocksStore::open(self.directory, Options::small()).unwrap();
        self.rocks = Some(Arc::new(store));
        assert_eq!(self.rocks().last_timestamp(), self.memory.last_timestamp());
    }

    fn keyspace(&self, index: usize) -> KeyspaceId {
        KEYSPACES.iter().chain(&self.loaded).nth(index).copied().unwrap_or(KEYSPACES[0])
    }

    fn at(&self, back: u64) -> Timestamp {
        Timestamp((self.clock - back).max(self.low_mark))
    }

    fn run(&mut self, operation: &Operation) {
        match operation {
            Operation::Append(writes) => self.append(writes),
            Operation::Load(rows) => self.load(rows),
            Operation::Read { keyspace, key, back } => {
                self.read(self.keyspace(*keyspace), key, self.at(*back));
            }
            Operation::Scan { keyspace, range, back, reverse, seeks } => {
                let direction = if *reverse { Direction::Reverse } else { Direction::Forward };
                self.scan(self.keyspace(*keyspace), range, self.at(*back), direction, seeks);
            }
            Operation::RaiseLowMark { back } => {
                self.low_mark = self.low_mark.max(self.clock - back);
                self.memory.raise_low_mark(Timestamp(self.low_mark)).unwrap();
                self.rocks().raise_low_mark(Timestamp(self.low_mark)).unwrap();
            }
            Operation::Compact { keyspace } => {
                self.memory.compact(self.keyspace(*keyspace)).unwrap();
                self.rocks().compact(self.keyspace(*keyspace)).unwrap();
            }
            Operation::Drop => {
                if let Some(keyspace) = self.loaded.pop() {
                    self.memory.drop_keyspace(keyspace).unwrap();
                    self.rocks().drop_keyspace(keyspace).unwrap();
                }
            }
            Operation::Reopen => self.reopen(),
        }
    }

    fn append(&mut self, writes: &[Change]) {
        let mut writes: Vec<_> = writes.iter().collect();
        writes.sort_by_key(|(keyspace, key, _)| (*keyspace, key));
        writes.dedup_by_key(|(keyspace, key, _)| (*keyspace, key.clone()));
        self.clock += 1;
        for store in [&*self.memory as &dyn Store, self.rocks()] {
            let mut writes = writes.iter().map(|(keyspace, key, value)| Write {
                keyspace: KEYSPACES[*keyspace],
                key,
                value: value.as_deref(),
            });
            store.append(&mut writes, Timestamp(self.clock), Timestamp::ZERO).unwrap();
        }
    }

    fn load(&mut self, rows: &[(Vec<u8>, Vec<u8>)]) {
        let keyspace = KeyspaceId(2000 + self.clock as u32);
        self.clock += 1;
        let rocks: Arc<RocksStore> = Arc::clone(self.rocks.as_ref().unwrap());
        let memory: Arc<dyn Store> = self.memory.clone();
        let outcomes = [memory, rocks].map(|store| {
            let mut load = store.load(keyspace).unwrap();
            for (key, value) in rows {
                load.add(key, value).unwrap();
            }
            match load.finish() {
                Ok(loaded) => Ok(loaded),
                Err(Error::DuplicateKey { key }) => Err(key),
                Err(other) => panic!("{other}"),
            }
        });
        assert_eq!(outcomes[0], outcomes[1]);
        if outcomes[0].is_ok() {
            self.loaded.push(keyspace);
        }
        // The clock moved without an append; both stores must agree on the next one.
        self.append(&[]);
    }

    fn read(&self, keyspace: KeyspaceId, key: &[u8], at: Timestamp) {
        let low_mark = Timestamp(self.low_mark);
        let (memory, rocks) = (&*self.memory, self.rocks());
        let expected = memory.read(keyspace, key, at, Tier::Disk).unwrap();
        assert_eq!(rocks.read(keyspace, key, at, Tier::Disk).unwrap(), expected);
        let cached = rocks.read(keyspace, key, at, Tier::Memory).unwrap();
        assert!(cached == expected || cached == Read::Incomplete);
        let newest = |store: &dyn Store| {
            let version = store.newest(keyspace, key).unwrap()?;
            let kept = version.timestamp >= low_mark;
            let timestamp = if kept { version.timestamp } else { Timestamp::ZERO };
            (kept || version.value.is_some()).then_some((timestamp, version.value))
        };
        assert_eq!(newest(rocks), newest(memory));
        let changed = memory.changed_since(keyspace, key, at).unwrap();
        assert_eq!(rocks.changed_since(keyspace, key, at).unwrap(), changed);
    }

    fn scan(
        &self,
        keyspace: KeyspaceId,
        range: &KeyRange,
        at: Timestamp,
        direction: Direction,
        seeks: &[Vec<u8>],
    ) {
        let rows = |store: &dyn Store| {
            let mut rows = Vec::new();
            let mut cursor = store.cursor(keyspace, range, at, direction).unwrap();
            for seek in seeks {
                cursor.seek(seek).unwrap();
                let entry = cursor.next().unwrap();
                rows.push(entry.map(|entry| (entry.key.to_vec(), entry.value.to_vec())));
            }
            while let Some(entry) = cursor.next().unwrap() {
                rows.push(Some((entry.key.to_vec(), entry.value.to_vec())));
            }
            rows
        };
        assert_eq!(rows(self.rocks()), rows(&*self.memory));
    }

    /// Everything once more, key by key and as a whole.
    fn compare_all(&self) {
        for keyspace in KEYSPACES.into_iter().chain(self.loaded.iter().copied()) {
            self.scan(keyspace, &KeyRange::ALL, self.at(0), Direction::Forward, &[]);
            self.scan(keyspace, &KeyRange::ALL, self.at(2), Direction::Reverse, &[]);
            let mut cursor = self
                .memory
                .cursor(keyspace, &KeyRange::ALL, self.at(0), Direction::Forward)
                .unwrap();
            while let Some(entry) = cursor.next().unwrap() {
                self.read(keyspace, entry.key, self.at(1));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn both_stores_give_the_same_answers(operations in prop::collection::vec(operation(), 1..60)) {
        let directory = tempfile::tempdir().unwrap();
        let mut pair = Pair::new(directory.path());
        for operation in &operations {
            pair.run(operation);
        }
        pair.compare_all();
        pair.reopen();
        pair.compare_all();
    }
}
