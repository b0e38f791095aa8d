//! What a crash can do: nothing acknowledged is lost, nothing is half applied.
//!
//! `RECKON_CRASH_ROUNDS` says how many times the server is killed; `make crash` says a hundred.

#![forbid(unsafe_code)]

use reckon_tests::disk::Disk;
use reckon_tests::journal::Journal;
use reckon_tests::random::{Random, seed};
use reckon_tests::{Reckon, condition, skipped};

const CLIENTS: usize = 8;
/// So small that a thousand transactions of the journal cross a flush and a log switch.
const BUFFER: &str = "write_buffer_size=4MB";

fn rounds() -> usize {
    let given = std::env::var("RECKON_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(2)
}

#[test]
fn kill_9_under_load_loses_nothing_acknowledged() {
    let seed = seed();
    eprintln!("RECKON_SEED={seed}");
    let mut random = Random::new(seed);
    let mut server = Reckon::start_with(&[BUFFER]);
    let journal = Journal::create(server.address(), CLIENTS);
    for round in 0..rounds() {
        let address = server.address().clone();
        let count = 1000 + random.below(200) as u64;
        journal.run_until(&address, count, || server.kill());
        server.restart();
        let checked = journal.check(server.address());
        assert_eq!(checked, Ok(()), "after kill {round} with {} acknowledged", journal.total());
    }
}

/// The journal's verdict after a power cut under load, or why there can be none here.
fn after_a_power_cut(settings: &[&str]) -> Result<Result<(), String>, String> {
    let disk = Disk::mount()?;
    let mut server = Reckon::start_on(&disk.path().join("data"), settings);
    let journal = Journal::create(server.address(), CLIENTS);
    let address = server.address().clone();
    let mut cut = Ok(());
    journal.run_until(&address, 1000, || {
        cut = disk.cut();
        if cut.is_ok() {
            // The first failed write ends the server; one that only reads is ended here.
            server.end_within(condition::PATIENCE);
        } else {
            server.kill();
        }
    });
    cut?;
    disk.unmount()?;
    disk.mount_again()?;
    let verdict = match server.try_restart() {
        true => journal.check(server.address()),
        false => Err(format!("it refuses to start: {}", server.log())),
    };
    if server.is_running() {
        server.kill();
    }
    Ok(verdict)
}

#[test]
fn a_power_cut_loses_nothing_that_was_synced() {
    match after_a_power_cut(&[BUFFER]) {
        Ok(verdict) => assert_eq!(verdict, Ok(())),
        Err(why) => skipped("power cut", &why),
    }
}

/// The control: the check above can fail.
#[test]
fn a_power_cut_without_syncs_loses_what_was_acknowledged() {
    match after_a_power_cut(&[BUFFER, "fsync=off"]) {
        Ok(verdict) => assert!(verdict.is_err(), "nothing was lost: the check proves nothing"),
        Err(why) => skipped("power cut without syncs", &why),
    }
}
