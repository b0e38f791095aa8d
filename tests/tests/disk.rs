//! Disks that fail, fill up or change what was written: the server says so, and loses nothing.

#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use reckon_tests::bank::{ACCOUNTS, Bank};
use reckon_tests::disk::Disk;
use reckon_tests::{Reckon, Session, condition, skipped};

const WRITERS: usize = 6;
const READERS: usize = 2;
const NONE: [String; 0] = [];
/// The smallest disk that default settings are made for.
const SMALL_DISK: u64 = 512 << 20;
/// Turns of the upkeep thread, which writes too, while the disk is full.
const TURNS: u64 = 4;

/// The server on a disk whose device fails under load; then on the same disk, mended. Or why there can be no
/// such disk here.
fn device_failure() -> Result<(), String> {
    let disk = Disk::mount()?;
    let mut server = Reckon::start_on(&disk.path().join("data"), &["write_buffer_size=4MB"]);
    let bank = Bank::create(server.address(), WRITERS, READERS);
    let address = server.address().clone();
    let mut status = None;
    bank.run_until(&address, 200, || {
        disk.cut();
        status = Some(server.wait());
    });
    let log = server.log();
    let aborted = status.and_then(|status| status.signal());
    assert_eq!(aborted, Some(6), "it ends itself at the first failed sync:\n{log}");
    assert!(log.contains("PANIC") && log.contains("error"), "{log}");
    disk.mount_again();
    assert!(server.try_restart(), "{}", server.log());
    assert_eq!(bank.faults(server.address()), NONE);
    bank.run(&address, 50);
    assert_eq!(bank.faults(server.address()), NONE);
    server.kill();
    Ok(())
}

#[test]
fn a_sync_that_fails_ends_the_server_and_loses_nothing() {
    if let Err(why) = device_failure() {
        skipped("failing device", &why);
    }
}

fn upkeep_turns(session: &mut Session) -> u64 {
    let turns = session.value("select value from reckon_counters where name = 'upkeep_turns'");
    turns.parse().expect("a number")
}

/// The server with default settings on a small disk that another program fills to the last byte, or why there
/// can be no such disk here.
fn full_disk() -> Result<(), String> {
    let disk = Disk::of_size(SMALL_DISK)?;
    let mut server = Reckon::start_on(&disk.path().join("data"), &["history_retention=0s"]);
    let bank = Bank::create(server.address(), WRITERS, READERS);
    let address = server.address().clone();
    bank.run(&address, 300);
    let mut session = server.connect();
    session.run("create table t (id int primary key)");
    let ballast = disk.fill().expect("fill the disk");
    assert_eq!(session.sqlstate("create table u (id int)"), "53100");
    let end = upkeep_turns(&mut session) + TURNS;
    let mut id = 0;
    while upkeep_turns(&mut session) < end {
        id += 1;
        assert_eq!(session.sqlstate(&format!("insert into t values ({id})")), "53100");
        assert_eq!(session.sqlstate("update accounts set version = version + 1"), "53100");
        assert_eq!(session.value("select count(*) from accounts"), ACCOUNTS.to_string());
    }
    assert_eq!(bank.faults(&address), NONE);
    fs::remove_file(ballast).expect("remove the other program's file");
    condition::until("writes to work again", || {
        id += 1;
        session.query(&format!("insert into t values ({id})")).is_ok()
    });
    bank.run(&address, 300);
    assert_eq!(bank.faults(&address), NONE);
    server.kill();
    server.restart();
    assert_eq!(bank.faults(&address), NONE);
    assert_eq!(server.connect().value("select count(*) from t"), "1");
    server.kill();
    Ok(())
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room_again() {
    if let Err(why) = full_disk() {
        skipped("full disk", &why);
    }
}

/// The largest file of the store with this extension.
fn largest(server: &Reckon, extension: &str) -> PathBuf {
    let files = fs::read_dir(server.data().join("store")).expect("the store's directory");
    let paths = files.map(|entry| entry.expect("an entry").path());
    let of_kind = |path: &PathBuf| path.extension().is_some_and(|found| found == extension);
    let len = |path: &PathBuf| fs::metadata(path).map_or(0, |known| known.len());
    paths.filter(of_kind).max_by_key(len).expect("a file of the store")
}

/// Changes one bit in the middle of a file; where.
fn damage(path: &Path) -> usize {
    let mut bytes = fs::read(path).expect("a file of the store");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x04;
    fs::write(path, &bytes).expect("write it back");
    middle
}

#[test]
fn a_torn_tail_is_cut_and_damage_before_it_is_refused() {
    let mut server = Reckon::start();
    let bank = Bank::create(server.address(), WRITERS, READERS);
    let address = server.address().clone();
    bank.run_until(&address, 200, || server.kill());
    let log = largest(&server, "log");
    let intact = fs::read(&log).expect("the log");

    let place = damage(&log);
    for _ in 0..2 {
        server.clear_log();
        assert!(!server.try_restart(), "it must not start over a hole in the log");
        let said = server.log();
        let name = log.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(said.contains(&name), "{said}");
        let offset = said.split("damaged at byte ").nth(1).and_then(|rest| rest.split(':').next());
        let offset: usize = offset.expect("an offset").parse().expect("a number");
        assert!(offset <= place && offset + (1 << 16) > place, "{offset} instead of {place}");
    }

    // Bytes of a record that was being written, without the header that makes them one.
    let torn = &intact[intact.len() - 100..];
    fs::write(&log, [&intact[..], torn].concat()).expect("write the log");
    server.restart();
    assert_eq!(bank.faults(&address), NONE);
}
