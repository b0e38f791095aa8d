//! A table file that is damaged on the disk: who asks for what it held is told so, and nobody is told anything wrong.

#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};

use reckon_tests::{Reckon, Session};

const ROWS: u32 = 40_000;
const CHUNK: u32 = 500;

/// A server with a table in one file on the disk, which is then damaged in the middle.
fn damaged() -> (Reckon, PathBuf) {
    let mut server = Reckon::start();
    let mut session = server.connect();
    session.run("create table t (id int primary key, v text, w text)");
    session.run(&format!(
        "insert into t select i, md5(i::text), md5(i::text || 'w') from generate_series(1, {ROWS}) i"
    ));
    session.run("create table other (i int)");
    session.run("insert into other select i from generate_series(1, 10) i");
    drop(session);
    server.stop();
    let file = largest_table(&server.data().join("store"));
    damage(&file);
    server.restart();
    (server, file)
}

fn largest_table(store: &Path) -> PathBuf {
    let files =
        fs::read_dir(store).expect("the store's files").map(|file| file.expect("a file").path());
    let tables = files.filter(|path| path.extension().is_some_and(|suffix| suffix == "sst"));
    tables.max_by_key(|path| fs::metadata(path).expect("its size").len()).expect("a table file")
}

/// Turns bits over in one block in the middle.
fn damage(file: &Path) {
    let mut bytes = fs::read(file).expect("read the table file");
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 16] {
        *byte ^= 0x55;
    }
    fs::write(file, bytes).expect("write the table file");
}

/// Whether `sql`, which must say `right` if it says anything, was answered; else it named the file.
fn answers(session: &mut Session, sql: &str, right: &str, file: &Path) -> bool {
    match session.query(sql) {
        Ok(answer) => {
            assert_eq!(answer.rows[0][0].as_deref(), Some(right), "{sql}");
            true
        }
        Err(error) => {
            assert_eq!(error.sqlstate, "XX001", "{sql}: {error}");
            let name = file.display().to_string();
            assert_eq!(error.message, format!("table file {name} is damaged"), "{sql}");
            assert!(error.detail.contains("keys from "), "{}", error.detail);
            assert!(error.detail.contains("block checksum mismatch"), "{}", error.detail);
            false
        }
    }
}

#[test]
fn what_a_damaged_block_held_is_an_error_that_names_file_and_keys() {
    let (server, file) = damaged();
    let mut session = server.connect();
    let whole = format!("select count(*) from t where v = md5(id::text) and id <= {ROWS}");
    for _ in 0..2 {
        assert!(!answers(&mut session, &whole, &ROWS.to_string(), &file), "nothing was damaged");
    }
    let keyspace = session.value("select keyspace from reckon_index_stats where name = 't'");
    let detail = session.query(&whole).expect_err("still damaged").detail;
    assert!(detail.starts_with(&format!("Keyspace {keyspace}, keys from ")), "{detail}");

    let mut bad = Vec::new();
    for first in (1..=ROWS).step_by(CHUNK as usize) {
        let last = first + CHUNK - 1;
        let sql = format!(
            "select count(*) from t where id between {first} and {last} and v = md5(id::text)"
        );
        if !answers(&mut session, &sql, &CHUNK.to_string(), &file) {
            bad.push(first);
        }
    }
    assert!((1..=4).contains(&bad.len()), "chunks that failed: {bad:?}");

    // Row by row: only those in the block are lost, and no row is said not to be there.
    let mut lost = 0;
    for id in bad.iter().flat_map(|&first| first..first + CHUNK) {
        let sql = format!("select coalesce(max(v), 'none') from t where id = {id}");
        let right = session.value(&format!("select md5('{id}')"));
        lost += u32::from(!answers(&mut session, &sql, &right, &file));
    }
    assert!((1..CHUNK).contains(&lost), "{lost} rows lost");
}

#[test]
fn a_server_with_a_damaged_block_lives_on() {
    let (server, file) = damaged();
    let mut session = server.connect();
    let whole = format!("select count(*) from t where w <> '' and id <= {ROWS}");
    session.run("begin");
    assert!(!answers(&mut session, &whole, &ROWS.to_string(), &file));
    assert_eq!(session.sqlstate("select 1"), "25P02");
    session.run("rollback");
    session.run("insert into t values (0, md5('0'), ''), (100001, md5('100001'), '')");
    session.run("update t set w = 'new' where id = 1");
    assert_eq!(session.value("select w from t where id = 1"), "new");
    assert_eq!(session.value("select v = md5('100001') from t where id = 100001"), "t");
    assert_eq!(session.value("select sum(i) from other"), "55");
    assert_eq!(server.connect().value("select count(*) from other"), "10");
}
