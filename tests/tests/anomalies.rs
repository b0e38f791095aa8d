//! Random concurrent histories show no anomaly of their isolation level, whatever kills the server meanwhile.
//!
//! The same check runs against servers in which a rule does not hold, and must find what that rule prevents.

#![forbid(unsafe_code)]

use reckon_tests::disk::Disk;
use reckon_tests::history::{Findings, Level, Workload, check};
use reckon_tests::random::{Random, seed};
use reckon_tests::{Reckon, Session, condition, skipped};

const SESSIONS: usize = 8;
/// Deadlocks are part of it, and are found soon.
const SETTINGS: [&str; 1] = ["deadlock_timeout=20ms"];
/// Transactions between two kills.
const BETWEEN: u64 = 250;
/// A history in which fewer transactions meet another shows nothing.
const OVERLAPPING: f64 = 0.3;
/// A control that nothing was found in after as many histories is not noticed.
const CONTROLS: usize = 6;

/// Kills in a history; `make history` says more.
fn kills() -> usize {
    let given = std::env::var("RECKON_HISTORY_KILLS").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(2)
}

/// A history at `level` with `kills` in it, and one more round behind them.
fn history(server: &mut Reckon, random: &mut Random, level: Level, kills: usize) -> Findings {
    let workload = Workload::create(&mut server.connect(), level, SESSIONS);
    // Where replies do not wait, others see the tables a little later.
    condition::until("others to see the tables", || {
        let seen = server.connect().query("select lists.id from lists, entries");
        seen.is_ok() && server.connect().value("select count(*) from lists") != "0"
    });
    let address = server.address().clone();
    let connect = || Session::try_connect(&address, "postgres").ok();
    for _ in 0..kills {
        workload.run(random, connect, BETWEEN, || server.kill());
        server.restart();
    }
    workload.run(random, connect, BETWEEN, || ());
    let (records, outcome) = workload.finish(&mut server.connect());
    check(level, &records, &outcome)
}

fn is_what_the_level_promises(level: Level) {
    let seed = seed();
    eprintln!("RECKON_SEED={seed}");
    let mut server = Reckon::start_with(&SETTINGS);
    let findings = history(&mut server, &mut Random::new(seed), level, kills());
    let Findings { anomalies, committed, aborted, overlapping, absences } = findings;
    eprintln!(
        "{}: {committed} committed, {aborted} not, {:.0} % met another, {absences} absences were read, \
         {} kills",
        level.name(),
        overlapping * 100.0,
        kills()
    );
    let lines: Vec<String> = anomalies.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} anomalies:\n{}", lines.len(), lines.join("\n"));
    assert!(overlapping >= OVERLAPPING, "only {overlapping} of the transactions met another");
    assert!(
        committed > aborted / 4 && absences > 100,
        "{committed} committed, {absences} absences"
    );
}

#[test]
fn read_committed_shows_whole_commits_in_order() {
    is_what_the_level_promises(Level::ReadCommitted);
}

#[test]
fn repeatable_read_is_snapshot_isolation() {
    is_what_the_level_promises(Level::RepeatableRead);
}

#[test]
fn serializable_is_as_if_one_after_another() {
    is_what_the_level_promises(Level::Serializable);
}

/// The names of anomalies in histories of a server in which `rule` does not hold, until `wanted` was among them.
#[track_caller]
fn finds(rule: &str, level: Level, kills: usize, wanted: &str) {
    let mut random = Random::new(seed());
    let mut server = Reckon::start_broken(rule, &SETTINGS);
    let mut names = Vec::new();
    for _ in 0..CONTROLS {
        let findings = history(&mut server, &mut random, level, kills);
        names.extend(findings.anomalies.iter().map(|anomaly| anomaly.name));
        if names.contains(&wanted) {
            return;
        }
    }
    panic!("no {wanted} without the rule of {rule}: the check proves nothing; found {names:?}");
}

#[test]
fn write_skew_is_found_where_nothing_is_certified() {
    finds("certification", Level::Serializable, 0, "G2");
}

#[test]
fn a_view_that_goes_back_is_found_where_there_is_no_floor() {
    finds("floor", Level::ReadCommitted, 0, "view");
}

#[test]
fn lost_writes_are_found_where_replies_do_not_wait() {
    finds("replies", Level::ReadCommitted, 3, "lost");
}

/// The findings of a history that ends in a power cut, with nothing synced; or why there can be none here.
fn without_syncs() -> Result<Findings, String> {
    let disk = Disk::mount()?;
    let settings = [SETTINGS[0], "write_buffer_size=4MB", "fsync=off"];
    let mut server = Reckon::start_on(&disk.path().join("data"), &settings);
    let workload = Workload::create(&mut server.connect(), Level::Serializable, SESSIONS);
    let address = server.address().clone();
    let connect = || Session::try_connect(&address, "postgres").ok();
    // The tables must be there afterwards.
    disk.sync();
    workload.run(&mut Random::new(seed()), connect, BETWEEN, || {
        disk.cut();
        server.kill();
    });
    disk.mount_again();
    server.restart();
    let (records, outcome) = workload.finish(&mut server.connect());
    server.kill();
    Ok(check(Level::Serializable, &records, &outcome))
}

#[test]
fn lost_writes_are_found_where_nothing_is_synced() {
    match without_syncs() {
        Ok(found) => assert!(found.anomalies.iter().any(|anomaly| anomaly.name == "lost")),
        Err(why) => skipped("history without syncs", &why),
    }
}
