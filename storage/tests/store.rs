//! What a store on disk does over its life: it is closed, opened, filled, emptied.
#![cfg(feature = "rocks")]
#![expect(clippy::unwrap_used, reason = "a failure here fails the test")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reckon_storage::rocks::{FreeSpace, Options};
use reckon_storage::{
    Direction, Error, KeyRange, KeyspaceId, Read, RocksStore, Store, Tier, Timestamp, Write,
};

fn open(directory: &Path) -> Arc<RocksStore> {
    Arc::new(RocksStore::open(directory, Options::small()).unwrap())
}

fn put(store: &RocksStore, keyspace: KeyspaceId, key: &[u8], value: &[u8]) {
    let at = Timestamp(store.last_timestamp().0 + 10);
    loop {
        let write = Write { keyspace, key, value: Some(value) };
        match store.append(&mut [write].into_iter(), at, Timestamp::ZERO) {
            Err(Error::Stalled) => store.wait_until_writable(),
            other => return other.unwrap(),
        }
    }
}

fn read(store: &RocksStore, keyspace: KeyspaceId, key: &[u8], at: Timestamp) -> Option<Vec<u8>> {
    match store.read(keyspace, key, at, Tier::Disk).unwrap() {
        Read::Done(value) => value,
        Read::Incomplete => panic!("the disk may be read"),
    }
}

/// Pseudo-random bytes, which no compression makes smaller.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}

#[test]
fn a_load_larger_than_its_buffer_sorts_and_finds_duplicates() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let rows = 50_000u32;
    let key = |n: u32| (n * 7919 % rows).to_be_bytes();
    let keyspace = store.allocate_keyspace().unwrap();
    let mut load = Arc::clone(&store).load(keyspace).unwrap();
    for n in 0..rows {
        load.add(&key(n), &noise(u64::from(n * 7919 % rows), 90)).unwrap();
    }
    assert_eq!(load.finish().unwrap().rows, u64::from(rows));
    let all = KeyRange::ALL;
    let mut cursor = store.cursor(keyspace, &all, Timestamp::LOADED, Direction::Forward).unwrap();
    for n in 0..rows {
        let entry = cursor.next().unwrap().unwrap();
        assert_eq!((entry.key, entry.timestamp), (&n.to_be_bytes()[..], Timestamp::LOADED));
        assert_eq!(entry.value, noise(u64::from(n), 90));
    }
    assert!(cursor.next().unwrap().is_none());
    assert!(matches!(Arc::clone(&store).load(keyspace), Err(Error::NotEmpty { .. })));
    assert!(store.size(keyspace).unwrap() > 4_000_000);

    let other = store.allocate_keyspace().unwrap();
    let mut load = Arc::clone(&store).load(other).unwrap();
    for n in 0..rows {
        load.add(&key(n), &[0; 90]).unwrap();
    }
    load.add(&7u32.to_be_bytes(), b"again").unwrap();
    let refused = load.finish().unwrap_err();
    assert!(matches!(refused, Error::DuplicateKey { key } if key == 7u32.to_be_bytes()));
    assert_eq!(store.keyspaces().unwrap(), [keyspace]);
    assert!(Arc::clone(&store).load(other).unwrap().finish().unwrap().rows == 0);
}

#[test]
fn two_loads_and_appends_go_on_side_by_side() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let (a, b) = (store.allocate_keyspace().unwrap(), store.allocate_keyspace().unwrap());
    put(&store, KeyspaceId(1), b"k", b"v");
    let (mut load_a, mut load_b) =
        (Arc::clone(&store).load(a).unwrap(), Arc::clone(&store).load(b).unwrap());
    load_a.add(b"1", b"a").unwrap();
    load_b.add(b"1", b"b").unwrap();
    load_a.finish().unwrap();
    put(&store, a, b"0", b"later");
    drop(load_b);
    assert_eq!(read(&store, a, b"1", Timestamp::LOADED).as_deref(), Some(&b"a"[..]));
    assert_eq!(read(&store, a, b"0", Timestamp::MAX).as_deref(), Some(&b"later"[..]));
    assert_eq!(store.keyspaces().unwrap(), [KeyspaceId(1), a]);
}

#[test]
fn keyspace_ids_are_never_given_out_twice() {
    let directory = tempfile::tempdir().unwrap();
    let mut given = Vec::new();
    for _ in 0..3 {
        let store = open(directory.path());
        given.extend((0..40).map(|_| store.allocate_keyspace().unwrap()));
    }
    assert!(given.is_sorted_by(|a, b| a < b));
    assert_eq!(given[0], KeyspaceId::FIRST_ALLOCATED);
    let store = open(directory.path());
    put(&store, KeyspaceId(900_000), b"k", b"v");
    drop(store);
    assert_eq!(open(directory.path()).allocate_keyspace().unwrap(), KeyspaceId(900_001));
}

#[test]
fn a_dropped_keyspace_is_gone_and_its_neighbours_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let ids: Vec<_> = (0..3).map(|_| store.allocate_keyspace().unwrap()).collect();
    for &keyspace in &ids {
        put(&store, keyspace, b"", b"first");
        for n in 0..2000u32 {
            put(&store, keyspace, &n.to_be_bytes(), &noise(u64::from(n), 1000));
        }
        store.compact(keyspace).unwrap();
    }
    let before = store.statistics().table_bytes;
    store.drop_keyspace(ids[1]).unwrap();
    assert_eq!(store.keyspaces().unwrap(), [ids[0], ids[2]]);
    drop(store);

    let store = open(directory.path());
    assert_eq!(store.keyspaces().unwrap(), [ids[0], ids[2]]);
    store.compact(ids[1]).unwrap();
    store.raise_low_mark(store.last_timestamp()).unwrap();
    store.compact(ids[1]).unwrap();
    assert_eq!(store.newest(ids[1], b"").unwrap(), None);
    for keyspace in [ids[0], ids[2]] {
        assert_eq!(read(&store, keyspace, b"", Timestamp::MAX).as_deref(), Some(&b"first"[..]));
        for n in 0..2000u32 {
            let value = read(&store, keyspace, &n.to_be_bytes(), Timestamp::MAX);
            assert_eq!(value, Some(noise(u64::from(n), 1000)));
        }
    }
    assert!(store.statistics().table_bytes < before * 3 / 4);
}

#[test]
fn history_is_kept_down_to_the_low_mark_and_refused_below() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let keyspace = KeyspaceId(1);
    for n in 0..100u32 {
        put(&store, keyspace, b"hot", &n.to_be_bytes());
    }
    let at = Timestamp(500);
    store.raise_low_mark(at).unwrap();
    store.raise_low_mark(Timestamp(400)).unwrap();
    store.compact(keyspace).unwrap();
    assert_eq!(read(&store, keyspace, b"hot", at), Some(49u32.to_be_bytes().to_vec()));
    assert_eq!(store.newest(keyspace, b"hot").unwrap().unwrap().timestamp, Timestamp(1000));
    let early = Timestamp(499);
    let refused = store.read(keyspace, b"hot", early, Tier::Disk).unwrap_err();
    assert!(matches!(refused, Error::HistoryCollected { low_mark, .. } if low_mark == at));
    let refused = store.cursor(keyspace, &KeyRange::ALL, early, Direction::Forward).err().unwrap();
    assert!(matches!(refused, Error::HistoryCollected { .. }));
    drop(store);
    assert_eq!(open(directory.path()).statistics().low_mark, at);
}

#[test]
fn a_cursor_does_not_see_what_is_appended_later() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    put(&store, KeyspaceId(1), b"a", b"1");
    let all = KeyRange::ALL;
    let mut cursor = store.cursor(KeyspaceId(1), &all, Timestamp::MAX, Direction::Forward).unwrap();
    put(&store, KeyspaceId(1), b"b", b"2");
    assert_eq!(cursor.next().unwrap().unwrap().key, b"a");
    assert!(cursor.next().unwrap().is_none());
}

#[test]
fn appends_must_come_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    put(&store, KeyspaceId(1), b"a", b"1");
    let last = store.last_timestamp();
    let refused = store.append(&mut std::iter::empty(), last, Timestamp::ZERO).unwrap_err();
    assert!(matches!(refused, Error::OutOfOrder { .. }) && !refused.is_fatal());
}

#[test]
fn control_values_survive_and_can_be_removed() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    store.set_control("one", Some(b"1")).unwrap();
    store.set_control("two", Some(b"")).unwrap();
    store.set_control("one", Some(b"11")).unwrap();
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.control("one").unwrap().as_deref(), Some(&b"11"[..]));
    assert_eq!(store.control("two").unwrap().as_deref(), Some(&b""[..]));
    store.set_control("two", None).unwrap();
    assert_eq!(store.control("two").unwrap(), None);
}

#[test]
fn a_writer_faster_than_the_disk_is_refused_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { write_buffer_bytes: 64 << 10, ..Options::small() };
    let store = Arc::new(RocksStore::open(directory.path(), options).unwrap());
    let mut written = 0u32;
    while store.statistics().stalls == 0 || written < 1000 {
        put(&store, KeyspaceId(1), &written.to_be_bytes(), &noise(u64::from(written), 8000));
        written += 1;
    }
    for n in 0..written {
        let value = read(&store, KeyspaceId(1), &n.to_be_bytes(), Timestamp::MAX);
        assert_eq!(value, Some(noise(u64::from(n), 8000)));
    }
    assert_eq!(store.statistics().appends, u64::from(written));
}

#[test]
fn a_full_disk_is_told_and_ends_when_there_is_room_again() {
    let directory = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(100));
    let given = Arc::clone(&free);
    let free_space = FreeSpace::Given(Arc::new(move || given.load(Ordering::Relaxed)));
    let options = Options { free_space, reserve_bytes: Some(50), ..Options::small() };
    let store = Arc::new(RocksStore::open(directory.path(), options).unwrap());
    store.check_space().unwrap();
    free.store(49, Ordering::Relaxed);
    let full = store.check_space().unwrap_err();
    assert!(matches!(full, Error::DiskFull { free_bytes: 49, reserve_bytes: 50 }));
    assert!(!full.is_fatal());
    let mut load = Arc::clone(&store).load(KeyspaceId(2000)).unwrap();
    load.add(b"k", b"v").unwrap();
    assert!(matches!(load.finish(), Err(Error::DiskFull { .. })));
    free.store(100, Ordering::Relaxed);
    let mut load = Arc::clone(&store).load(KeyspaceId(2000)).unwrap();
    load.add(b"k", b"v").unwrap();
    assert_eq!(load.finish().unwrap().rows, 1);
}

#[test]
fn a_store_in_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let refused = RocksStore::open(directory.path(), Options::small()).err().unwrap();
    assert!(matches!(refused, Error::InUse { .. }));
    drop(store);
    open(directory.path());
}

#[test]
fn an_append_removes_a_control_value_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    store.set_control("prepared/a", Some(b"1")).unwrap();
    store.set_control("prepared/b", Some(b"2")).unwrap();
    store.set_control("prepares", Some(b"3")).unwrap();
    let write = Write { keyspace: KeyspaceId(1), key: b"k", value: Some(b"v") };
    let mut writes = [write].into_iter();
    store.append_removing(&mut writes, "prepared/a", Timestamp(10), Timestamp::ZERO).unwrap();
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.controls("prepared/").unwrap(), [("prepared/b".to_owned(), b"2".to_vec())]);
    assert_eq!(read(&store, KeyspaceId(1), b"k", Timestamp(10)).as_deref(), Some(&b"v"[..]));
}
