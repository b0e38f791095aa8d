//! A process killed at any moment loses nothing that was acknowledged, and keeps no half commit.
//!
//! The test starts itself as another process, which commits, syncs and then says so; the parent
//! kills it after a while and looks at what is left.
#![cfg(feature = "rocks")]
#![expect(clippy::unwrap_used, reason = "a failure here fails the test")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reckon_storage::rocks::Options;
use reckon_storage::{Direction, Error, KeyRange, KeyspaceId, RocksStore, Store, Timestamp, Write};

const KEYSPACE: KeyspaceId = KeyspaceId(1);
/// Set in the other process: where its store is.
const DIRECTORY: &str = "RECKON_CRASH_TEST_DIRECTORY";

/// What commit `at` does: four keys, of which one is deleted now and then.
fn changes(at: u64) -> BTreeMap<[u8; 8], Option<Vec<u8>>> {
    let value = |n: u64| Some(vec![(at ^ n) as u8; 2000]);
    let keys = [at % 61, 100 + at % 67, 200 + at % 71, 300 + at % 73];
    let values = [value(1), value(2), value(3), value(4).filter(|_| !at.is_multiple_of(5))];
    keys.map(u64::to_be_bytes).into_iter().zip(values).collect()
}

fn commit(store: &RocksStore, at: u64) -> Result<(), Error> {
    let changes = changes(at);
    loop {
        let mut writes = changes.iter().map(|(key, value)| Write {
            keyspace: KEYSPACE,
            key,
            value: value.as_deref(),
        });
        match store.append(&mut writes, Timestamp(at), Timestamp(at - 1)) {
            Err(Error::Stalled) => store.wait_until_writable(),
            other => return other.and_then(|()| store.flush_log(true)),
        }
    }
}

/// The store holds exactly commits 1 to its last timestamp.
fn assert_prefix(store: &RocksStore) -> u64 {
    let last = store.last_timestamp().0;
    let mut expected = BTreeMap::new();
    for at in 1..=last {
        expected.extend(changes(at));
    }
    expected.retain(|_, value| value.is_some());
    let all = KeyRange::ALL;
    let mut cursor = store.cursor(KEYSPACE, &all, Timestamp::MAX, Direction::Forward).unwrap();
    for (key, value) in &expected {
        let entry = cursor.next().unwrap().unwrap();
        assert_eq!((entry.key, Some(entry.value)), (&key[..], value.as_deref()));
    }
    assert!(cursor.next().unwrap().is_none());
    last
}

/// The other process, started through a shell that limits the size of its files to `file_kb`.
fn start(directory: &Path, file_kb: &str) -> Child {
    let this = std::env::current_exe().unwrap();
    let script = format!("trap '' XFSZ; ulimit -f {file_kb}; exec \"$0\" \"$@\"");
    Command::new("bash")
        .args(["-c", &script])
        .arg(this)
        .args(["--exact", "commits_until_it_is_killed", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The other process. Does nothing when the tests run.
#[test]
fn commits_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let store = RocksStore::open(Path::new(&directory), Options::small()).unwrap();
    let mut out = std::io::stdout();
    let first = store.last_timestamp().0 + 1;
    for at in first.. {
        if let Err(error) = commit(&store, at) {
            let again = commit(&store, at).unwrap_err();
            let flushed = store.flush_log(true).unwrap_err();
            let fatal = error.is_fatal() && again.is_fatal() && flushed.is_fatal();
            writeln!(out, "failed {fatal}").unwrap();
            return;
        }
        writeln!(out, "acknowledged {at}").unwrap();
    }
}

/// Numbers of the acknowledged commits, as they come.
fn acknowledged(child: &mut Child) -> impl Iterator<Item = u64> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| {
        line.rsplit_once("acknowledged ").and_then(|(_, number)| number.parse().ok())
    })
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let mut last = 0;
    for round in 0..8 {
        let mut child = start(directory.path(), "unlimited");
        let mut numbers = acknowledged(&mut child);
        // More than a memtable each time, so that every kill is near a flush or a new log.
        let before = numbers.by_ref().nth(600 + 37 * round).unwrap();
        child.kill().unwrap();
        let after = numbers.last().unwrap_or(before);
        child.wait().unwrap();
        let store = RocksStore::open(directory.path(), Options::small()).unwrap();
        last = assert_prefix(&store);
        assert!(last >= after, "acknowledged {after}, kept {last}");
    }
    assert!(last > 8 * 600);
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = start(directory.path(), "1000");
    let lines: Vec<_> =
        BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).collect();
    child.wait().unwrap();
    assert!(lines.iter().any(|line| line.ends_with("failed true")), "{lines:?}");
    let acknowledged = lines.iter().filter(|line| line.contains("acknowledged")).count() as u64;
    let store = RocksStore::open(directory.path(), Options::small()).unwrap();
    assert!(acknowledged > 0 && assert_prefix(&store) >= acknowledged);
}
