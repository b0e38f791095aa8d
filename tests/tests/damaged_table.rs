//! A table file that is damaged on the disk: who asks for what it held is told so, and nobody is told anything wrong.

#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};

use reckon_tests::{Reckon, ServerError, Session};

const ROWS: u32 = 40_000;
const CHUNK: u32 = 500;

/// A server with a table in one file on the disk, which is then damaged in the middle.
fn damaged(settings: &[&str]) -> (Reckon, PathBuf) {
    let mut server = Reckon::start_with(settings);
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
    let (server, file) = damaged(&[]);
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
    let (server, file) = damaged(&[]);
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

/// Nothing is kept that nobody sees, and memory is written to files soon.
const REWRITES: &[&str] = &["history_retention=0s", "write_buffer_size=4MB"];

/// The error of a write, or of a rewrite, that found the file damaged.
#[track_caller]
fn refused(error: &ServerError, file: &Path) {
    let name = file.display().to_string();
    assert_eq!(error.sqlstate, "XX001", "{error}");
    let message = format!("table file {name} is damaged; nothing more can be written");
    assert_eq!(error.message, message);
    assert!(error.detail.contains("block checksum mismatch"), "{}", error.detail);
}

/// After a compaction met the damage: reads as before, no write goes through, the log says why.
#[track_caller]
fn check_refuses_writes(server: &Reckon, file: &Path) {
    let mut session = server.connect();
    for write in [
        "insert into other values (11)",
        "update other set i = 0",
        "create table made (i int)",
        "vacuum t",
        "begin; create table loaded (i int); insert into loaded select generate_series(1, 50000); commit",
    ] {
        refused(&session.query(write).expect_err(write), file);
        // A block is over, or fails until it is rolled back.
        session.run("rollback");
    }
    assert_eq!(session.value("select sum(i) from other"), "55");
    assert_eq!(session.value("select v = md5('2') from t where id = 2"), "t");
    let whole = format!("select count(*) from t where w <> '' and id <= {ROWS}");
    assert!(!answers(&mut session, &whole, &ROWS.to_string(), file));
    let said = format!("table file {} is damaged; writes are refused", file.display());
    assert_eq!(server.log().matches(&said).count(), 1, "{}", server.log());
}

#[test]
fn a_vacuum_that_meets_a_damaged_block_says_so_and_nothing_is_lost() {
    let (mut server, file) = damaged(REWRITES);
    for round in 1..3 {
        let mut session = server.connect();
        session.run(&format!("update t set w = 'changed {round}' where id = 1"));
        refused(&session.query("vacuum t").expect_err("it was rewritten"), &file);
        check_refuses_writes(&server, &file);
        assert_eq!(session.value("select w from t where id = 1"), format!("changed {round}"));
        drop(session);
        if round == 1 {
            server.stop();
        } else {
            server.kill();
        }
        server.clear_log();
        server.restart();
        let mut session = server.connect();
        assert_eq!(session.value("select w from t where id = 1"), format!("changed {round}"));
        assert_eq!(session.value("select count(*) from t where id < 100"), "99");
    }
}

#[test]
fn writes_are_refused_once_a_compaction_met_a_damaged_block_and_none_that_was_acknowledged_is_lost()
{
    let (mut server, file) = damaged(REWRITES);
    let mut session = server.connect();
    let mut acknowledged = 0;
    let error = loop {
        assert!(acknowledged < 1000, "no compaction took the damaged file");
        let next = acknowledged + 1;
        let sql = format!("update t set w = lpad('{next}', 400, '.') where id <= 5000");
        match session.query(&sql) {
            Ok(answer) => assert_eq!(answer.tag, "UPDATE 5000"),
            Err(error) => break error,
        }
        acknowledged = next;
    };
    refused(&error, &file);
    check_refuses_writes(&server, &file);
    drop(session);
    server.kill();
    server.restart();
    let written =
        format!("select count(*) from t where id <= 5000 and w = lpad('{acknowledged}', 400, '.')");
    assert_eq!(server.connect().value(&written), "5000");
}
