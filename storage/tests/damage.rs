//! What a broken log does to opening: a torn tail is cut, damage is refused.
#![cfg(feature = "rocks")]
#![expect(clippy::unwrap_used, reason = "a failure here fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

use reckon_storage::rocks::Options;
use reckon_storage::{Error, KeyspaceId, Read, RocksStore, Store, Tier, Timestamp, Write};

const KEYSPACE: KeyspaceId = KeyspaceId(1);

fn open(directory: &Path) -> Result<RocksStore, Error> {
    RocksStore::open(directory, Options::small())
}

fn append(store: &RocksStore, at: u64, value: &[u8], durable: u64) {
    let key = at.to_be_bytes();
    let write = Write { keyspace: KEYSPACE, key: &key, value: Some(value) };
    store.append(&mut [write].into_iter(), Timestamp(at), Timestamp(durable)).unwrap();
}

/// The files of a store that was killed after `commits` commits of `value_len` bytes each, every
/// one synced if `synced`. A directory keeps the rest.
fn killed(commits: u64, value_len: usize, synced: bool) -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let (live, image) = (parent.path().join("live"), parent.path().join("image"));
    let store = open(&live).unwrap();
    for at in 1..=commits {
        let durable = if synced { at - 1 } else { 0 };
        append(&store, at, &vec![at as u8; value_len], durable);
        store.flush_log(synced).unwrap();
    }
    copy(&live, &image);
    drop(store);
    (parent, image)
}

fn copy(from: &Path, to: &Path) {
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, private).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The one log file that holds the commits.
fn log_file(directory: &Path) -> PathBuf {
    let logs = fs::read_dir(directory.join("store")).unwrap().map(|entry| entry.unwrap().path());
    let logs = logs.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
}

/// Opens a copy of `image` whose log is `log`.
fn open_with_log(image: &Path, log: &[u8]) -> Result<RocksStore, Error> {
    let copied = image.with_file_name("copied");
    if copied.exists() {
        fs::remove_dir_all(&copied).unwrap();
    }
    copy(image, &copied);
    fs::write(log_file(&copied), log).unwrap();
    open(&copied)
}

/// The store holds commits 1 to `last_timestamp` and nothing else.
fn assert_prefix(store: &RocksStore, commits: u64, value_len: usize) -> u64 {
    let last = store.last_timestamp().0;
    for at in 1..=commits {
        let read = store.read(KEYSPACE, &at.to_be_bytes(), Timestamp::MAX, Tier::Disk).unwrap();
        let expected = (at <= last).then(|| vec![at as u8; value_len]);
        assert_eq!(read, Read::Done(expected), "commit {at} of {last}");
    }
    last
}

#[test]
fn every_torn_tail_leaves_the_commits_before_it() {
    let commits = 3;
    let (_parent, image) = killed(commits, 10, true);
    let log = fs::read(log_file(&image)).unwrap();
    let mut lasts = Vec::new();
    for len in 0..=log.len() {
        let store = open_with_log(&image, &log[..len]).unwrap();
        lasts.push(assert_prefix(&store, commits, 10));
    }
    assert!(lasts.is_sorted());
    assert_eq!((lasts[0], lasts[log.len()]), (0, commits));
}

#[test]
fn a_torn_tail_of_zeros_leaves_the_commits_before_it() {
    let (_parent, image) = killed(6, 30_000, true);
    let mut log = fs::read(log_file(&image)).unwrap();
    let half = log.len() / 2;
    log[half..].fill(0);
    let store = open_with_log(&image, &log).unwrap();
    let last = assert_prefix(&store, 6, 30_000);
    assert!((1..6).contains(&last));
}

#[test]
fn a_flipped_byte_in_a_durable_commit_is_refused_wherever_it_is() {
    let commits = 4;
    let (_parent, image) = killed(commits, 10, true);
    let log = fs::read(log_file(&image)).unwrap();
    let mut refused = 0;
    for offset in 0..log.len() {
        let mut log = log.clone();
        log[offset] ^= 0x10;
        match open_with_log(&image, &log) {
            Err(Error::DamagedLog { offset: found, intact_until, durable, .. }) => {
                assert!(found as usize <= offset && intact_until < durable);
                refused += 1;
            }
            // Only the last commit may go: nothing behind it knew that it was durable.
            Ok(store) => assert!(assert_prefix(&store, commits, 10) >= commits - 1),
            Err(other) => panic!("byte {offset}: {other}"),
        }
    }
    assert!(refused > log.len() / 2);
}

#[test]
fn a_flipped_byte_in_a_large_commit_is_refused() {
    let commits = 6;
    let (_parent, image) = killed(commits, 40_000, true);
    let log = fs::read(log_file(&image)).unwrap();
    for offset in (0..log.len() - 90_000).step_by(1999) {
        let mut log = log.clone();
        log[offset] ^= 0x01;
        let refused = open_with_log(&image, &log).map(|_| ());
        assert!(matches!(refused, Err(Error::DamagedLog { .. })), "byte {offset}");
    }
}

#[test]
fn a_refused_log_is_left_as_it_was() {
    let (_parent, image) = killed(4, 10, true);
    let path = log_file(&image);
    let mut log = fs::read(&path).unwrap();
    let third = log.len() / 3;
    log[third] ^= 0xFF;
    fs::write(&path, &log).unwrap();
    for _ in 0..2 {
        assert!(matches!(open(&image), Err(Error::DamagedLog { .. })));
        assert!(fs::read(&path).unwrap() == log);
    }
}

#[test]
fn a_break_among_commits_that_were_never_synced_is_cut() {
    let commits = 3;
    let (_parent, image) = killed(commits, 10, false);
    let log = fs::read(log_file(&image)).unwrap();
    let mut lasts = Vec::new();
    for offset in 0..log.len() {
        let mut log = log.clone();
        log[offset] ^= 0x10;
        let store = open_with_log(&image, &log).unwrap();
        lasts.push(assert_prefix(&store, commits, 10));
    }
    assert!(lasts.contains(&0) && lasts.contains(&(commits - 1)));
}

#[test]
fn control_values_count_as_durable_too() {
    let parent = tempfile::tempdir().unwrap();
    let (live, image) = (parent.path().join("live"), parent.path().join("image"));
    let store = open(&live).unwrap();
    append(&store, 1, b"v", 0);
    store.set_control("name", Some(b"a value that is easy to find")).unwrap();
    append(&store, 2, b"v", 1);
    store.flush_log(false).unwrap();
    copy(&live, &image);
    drop(store);
    let path = log_file(&image);
    let mut log = fs::read(&path).unwrap();
    let at = log.windows(4).position(|window| window == b"easy").unwrap();
    log[at] ^= 1;
    fs::write(&path, &log).unwrap();
    assert!(matches!(open(&image), Err(Error::DamagedLog { .. })));
}

#[test]
fn a_damaged_start_of_a_later_log_is_judged_by_the_tables() {
    let parent = tempfile::tempdir().unwrap();
    let live = parent.path().join("live");
    drop({
        let store = open(&live).unwrap();
        append(&store, 1, b"v", 0);
        store
    });
    let store = open(&live).unwrap();
    for at in 2..=4 {
        append(&store, at, b"v", at - 1);
        store.flush_log(true).unwrap();
    }
    let image = parent.path().join("image");
    copy(&live, &image);
    drop(store);
    let log = fs::read(log_file(&image)).unwrap();
    let first_key = 2u64.to_be_bytes();
    let first = log.windows(8).position(|window| window == first_key).unwrap();
    let mut flipped = log.clone();
    flipped[first] ^= 1;
    let Err(Error::DamagedLog { intact_until, durable, .. }) = open_with_log(&image, &flipped)
    else {
        panic!("not refused")
    };
    assert_eq!((intact_until, durable), (Timestamp(1), Timestamp(3)));
}

/// What a compaction met is told at the next turn of upkeep, where nobody writes and would be refused.
#[test]
fn damage_that_a_compaction_met_is_told_without_a_write() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    for at in 1..=2000 {
        append(&store, at, &[at as u8; 200], at - 1);
    }
    store.compact(KEYSPACE).unwrap();
    assert!(store.raise_low_mark(Timestamp::ZERO).is_ok());
    drop(store);
    let files =
        fs::read_dir(directory.path().join("store")).unwrap().map(|file| file.unwrap().path());
    let tables = files.filter(|path| path.extension().is_some_and(|suffix| suffix == "sst"));
    let table = tables.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = fs::read(&table).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 16].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(&table, bytes).unwrap();
    let store = open(directory.path()).unwrap();
    assert!(matches!(store.compact(KEYSPACE), Err(Error::WritesRefused { .. })));
    let told = store.raise_low_mark(Timestamp::ZERO);
    assert!(matches!(told, Err(Error::WritesRefused { .. })), "{told:?}");
}
