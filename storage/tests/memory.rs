//! What the store in memory can do beyond the contract: fail on order, and forget as a crash does.
#![expect(clippy::unwrap_used, reason = "a failure here fails the test")]

use reckon_storage::memory::Fault;
use reckon_storage::{
    Direction, Error, KeyRange, KeyspaceId, MemoryStore, Read, Store, Tier, Timestamp, Write,
};

const KEYSPACE: KeyspaceId = KeyspaceId(1);

fn append(store: &MemoryStore, at: u64, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
    let write = Write { keyspace: KEYSPACE, key, value };
    store.append(&mut [write].into_iter(), Timestamp(at), Timestamp::ZERO)
}

fn read(store: &MemoryStore, key: &[u8]) -> Option<Vec<u8>> {
    match store.read(KEYSPACE, key, Timestamp::MAX, Tier::Memory).unwrap() {
        Read::Done(value) => value,
        Read::Incomplete => panic!("memory is always complete"),
    }
}

#[test]
fn a_crash_keeps_what_was_synced() {
    let store = MemoryStore::new();
    append(&store, 10, b"a", Some(b"1")).unwrap();
    append(&store, 20, b"b", Some(b"2")).unwrap();
    store.flush_log(true).unwrap();
    append(&store, 30, b"a", Some(b"3")).unwrap();
    append(&store, 40, b"b", None).unwrap();
    store.flush_log(false).unwrap();
    let after = store.after_crash();
    assert_eq!(after.last_timestamp(), Timestamp(20));
    assert_eq!((read(&after, b"a"), read(&after, b"b")), (Some(b"1".into()), Some(b"2".into())));
    assert_eq!((read(&store, b"a"), read(&store, b"b")), (Some(b"3".into()), None));
}

#[test]
fn faults_come_as_ordered() {
    let store = MemoryStore::new();
    store.set_fault(Some(Fault::Stall));
    assert!(matches!(append(&store, 10, b"a", Some(b"1")), Err(Error::Stalled)));
    store.wait_until_writable();
    append(&store, 10, b"a", Some(b"1")).unwrap();
    store.set_fault(Some(Fault::DiskFull));
    assert!(matches!(store.check_space(), Err(Error::DiskFull { .. })));
    append(&store, 15, b"b", Some(b"1")).unwrap();
    store.set_fault(Some(Fault::WriteFails));
    assert!(append(&store, 20, b"a", Some(b"2")).unwrap_err().is_fatal());
    assert!(store.flush_log(true).unwrap_err().is_fatal());
    assert_eq!(read(&store, b"a").as_deref(), Some(&b"1"[..]));
}

#[test]
fn open_cursors_keep_the_history_they_read() {
    let store = MemoryStore::new();
    append(&store, 10, b"a", Some(b"1")).unwrap();
    let all = KeyRange::ALL;
    let mut cursor = store.cursor(KEYSPACE, &all, Timestamp(15), Direction::Forward).unwrap();
    append(&store, 20, b"a", Some(b"2")).unwrap();
    store.raise_low_mark(Timestamp(30)).unwrap();
    store.compact(KEYSPACE).unwrap();
    assert_eq!(cursor.next().unwrap().unwrap().value, b"1");
    drop(cursor);
    store.compact(KEYSPACE).unwrap();
    assert_eq!(store.newest(KEYSPACE, b"a").unwrap().unwrap().timestamp, Timestamp::ZERO);
}

#[test]
fn a_crash_keeps_the_control_value_or_the_append_that_removed_it() {
    let store = MemoryStore::new();
    store.set_control("kept", Some(b"k")).unwrap();
    store.set_control("prepared/a", Some(b"v")).unwrap();
    let write = Write { keyspace: KEYSPACE, key: b"a", value: Some(b"1") };
    let mut writes = [write].into_iter();
    store.append_removing(&mut writes, "prepared/a", Timestamp(10), Timestamp::ZERO).unwrap();
    assert_eq!(store.controls("prepared/").unwrap(), []);
    let lost = store.after_crash();
    assert_eq!(lost.controls("prepared/").unwrap(), [("prepared/a".to_owned(), b"v".to_vec())]);
    assert_eq!(read(&lost, b"a"), None);
    store.flush_log(true).unwrap();
    let kept = store.after_crash();
    assert_eq!(kept.controls("").unwrap(), [("kept".to_owned(), b"k".to_vec())]);
    assert_eq!(read(&kept, b"a").as_deref(), Some(&b"1"[..]));
}
