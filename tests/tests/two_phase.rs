//! Two-phase commit over the life of a server: what is prepared survives with its locks, and is finished
//! whole or not at all.

#![forbid(unsafe_code)]

use std::sync::Mutex;
use std::thread;

use reckon_tests::disk::Disk;
use reckon_tests::random::{Random, seed};
use reckon_tests::{Address, Reckon, Session, condition, skipped};

const CLIENTS: usize = 6;
const SETTINGS: &[&str] = &["max_prepared_transactions=20", "write_buffer_size=4MB"];

/// Fails instead of waiting.
const HASTY: &str = "set lock_timeout = '10ms'";

fn prepared(session: &mut Session) -> Vec<String> {
    let rows = session.rows("select gid from pg_prepared_xacts order by gid");
    rows.into_iter().flatten().flatten().collect()
}

/// Prepares a transaction of each kind.
fn prepare_all(server: &Reckon) {
    let mut session = server.connect();
    session.run("create table t (id int primary key, v text unique)");
    session.run("create table heap (n int)");
    session.run("create table locked (n int)");
    session.run("insert into t values (1, 'one'), (2, 'two')");
    session.run("insert into heap values (1)");
    session.run(
        "begin; insert into t values (3, 'three'); update t set v = 'zwei' where id = 2; \
         delete from t where id = 1; prepare transaction 'rows'",
    );
    session.run("begin; insert into heap values (10), (11), (12); prepare transaction 'row ids'");
    session.run(
        "begin; create table made (id int primary key, v int); \
         insert into made select i, i % 7 from generate_series(1, 5000) i; \
         create index made_v on made (v); prepare transaction 'definitions'",
    );
    session.run("begin; lock table locked in access exclusive mode; prepare transaction 'locks'");
}

/// What must hold while nothing is finished.
fn check_held(server: &Reckon) {
    let mut session = server.connect();
    session.run(HASTY);
    assert_eq!(prepared(&mut session), ["definitions", "locks", "row ids", "rows"]);
    assert_eq!(session.value("select string_agg(v, ',' order by id) from t"), "one,two");
    for sql in [
        "insert into t values (3, 'drei')",
        "insert into t values (4, 'three')",
        "insert into t values (5, 'zwei')",
        "update t set v = 'x' where id = 1",
        "select * from t where id = 2 for key share nowait",
        "truncate t",
        "truncate heap",
        "select * from locked",
    ] {
        assert_eq!(session.sqlstate(sql), "55P03", "{sql}");
    }
    assert_eq!(session.sqlstate("select * from made"), "42P01");
    session.run("insert into t values (6, 'six'); delete from t where id = 6");
}

/// Commits everything and looks at rows and index entries.
fn finish_all(server: &Reckon) {
    let mut session = server.connect();
    // The hidden keys of these rows must not be those of the prepared ones.
    session.run("insert into heap values (2), (3), (4), (5)");
    for identifier in ["rows", "row ids", "definitions"] {
        session.run(&format!("commit prepared '{identifier}'"));
    }
    session.run("rollback prepared 'locks'");
    assert_eq!(session.value("select string_agg(v, ',' order by id) from t"), "zwei,three");
    assert_eq!(session.value("select id from t where v = 'zwei'"), "2");
    assert_eq!(session.value("select count(*) from t where v in ('one', 'two')"), "0");
    let heap = session.value("select string_agg(n::text, ',' order by n) from heap");
    assert_eq!(heap, "1,2,3,4,5,10,11,12");
    assert_eq!(session.value("select count(*) from made where v = 3"), "714");
    assert_eq!(session.value("select count(*) from made"), "5000");
    session.run("insert into locked values (1)");
    session.run("update t set v = 'b' where id = 3; insert into made values (5001, 3)");
    assert!(prepared(&mut session).is_empty());
}

#[test]
fn what_is_prepared_survives_a_stop_with_its_locks() {
    let mut server = Reckon::start_with(SETTINGS);
    prepare_all(&server);
    check_held(&server);
    assert!(server.stop().success());
    server.restart();
    check_held(&server);
    finish_all(&server);
}

#[test]
fn what_is_prepared_survives_kills_with_its_locks() {
    let mut server = Reckon::start_with(SETTINGS);
    prepare_all(&server);
    for _ in 0..2 {
        server.kill();
        server.restart();
        check_held(&server);
    }
    finish_all(&server);
    server.kill();
    server.restart();
    let mut session = server.connect();
    assert!(prepared(&mut session).is_empty());
    assert_eq!(session.value("select count(*) from made where v = 3"), "715");
}

#[test]
fn what_is_rolled_back_leaves_nothing_over_a_restart() {
    let mut server = Reckon::start_with(SETTINGS);
    prepare_all(&server);
    server.kill();
    server.restart();
    let mut session = server.connect();
    for identifier in prepared(&mut session) {
        session.run(&format!("rollback prepared '{identifier}'"));
    }
    server.kill();
    server.restart();
    let mut session = server.connect();
    session.run(HASTY);
    assert!(prepared(&mut session).is_empty());
    assert_eq!(session.value("select string_agg(v, ',' order by id) from t"), "one,two");
    session.run("insert into t values (3, 'three'); truncate heap; drop table locked");
    session.run("create table made (id int primary key)");
}

/// The server after a power cut right behind the acknowledgements.
fn after_a_power_cut(disk: &Disk) -> Reckon {
    let mut server = Reckon::start_on(&disk.path().join("data"), SETTINGS);
    prepare_all(&server);
    disk.cut();
    server.kill();
    disk.mount_again();
    server.restart();
    server
}

#[test]
fn what_is_prepared_survives_a_power_cut_with_its_locks() {
    let disk = match Disk::mount() {
        Ok(disk) => disk,
        Err(why) => return skipped("power cut", &why),
    };
    let mut server = after_a_power_cut(&disk);
    check_held(&server);
    finish_all(&server);
    server.kill();
}

#[test]
fn a_server_that_may_have_fewer_than_it_has_does_not_start() {
    let mut server = Reckon::start_with(SETTINGS);
    let mut session = server.connect();
    session.run("create table t (id int primary key)");
    for (id, name) in [(1, "g"), (2, "h")] {
        session.run(&format!("begin; insert into t values ({id}); prepare transaction '{name}'"));
    }
    assert!(server.stop().success());
    for (setting, max) in [("max_prepared_transactions=1", 1), ("max_prepared_transactions=0", 0)] {
        server.set(&[setting]);
        server.clear_log();
        assert!(!server.try_restart(), "it started with {setting}");
        let log = server.log();
        assert!(log.contains("maximum number of prepared transactions reached"), "{log}");
        let hint = format!("Increase max_prepared_transactions (currently {max}).");
        assert!(log.contains(&hint), "{log}");
    }
    server.set(&["max_prepared_transactions=2"]);
    server.restart();
    let mut session = server.connect();
    assert_eq!(session.value("select string_agg(gid, ',') from pg_prepared_xacts"), "g,h");
    assert_eq!(
        session.sqlstate("begin; insert into t values (3); prepare transaction 'i'"),
        "53200"
    );
    session.run("commit prepared 'g'");
    session.run("rollback prepared 'h'");
    assert_eq!(session.value("select string_agg(id::text, ',') from t"), "1");
}

#[test]
fn a_session_that_waits_for_it_is_blocked_by_nobody() {
    let server = Reckon::start_with(SETTINGS);
    let (mut session, mut waiting) = (server.connect(), server.connect());
    session.run("create table t (id int primary key); insert into t values (1)");
    session.run("begin; delete from t; prepare transaction 'g'");
    let pid = waiting.value("select pg_backend_pid()");
    waiting.send("update t set id = 2");
    let blockers = format!("select pg_blocking_pids({pid})");
    condition::until("it waits", || session.value(&blockers) == "{0}");
    session.run("rollback prepared 'g'");
    assert_eq!(waiting.finish().map(|answer| answer.tag), Ok("UPDATE 1".to_owned()));
}

/// How far a client's transaction had come when the connection was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// PREPARE was sent.
    Preparing,
    /// PREPARE was acknowledged.
    Prepared,
    /// COMMIT PREPARED was sent.
    Committing,
    Committed,
    /// ROLLBACK PREPARED was sent.
    RollingBack,
    RolledBack,
}

/// What one client did: a stage for each of its transactions, by number.
type Log = Mutex<Vec<Stage>>;

/// Moves money between two accounts and notes that, in two phases, until the connection is lost.
fn work(address: &Address, client: usize, seed: u64, log: &Log) {
    let Ok(mut session) = Session::try_connect(address, "postgres") else { return };
    let mut random = Random::new(seed);
    loop {
        let number = {
            let mut log = log.lock().expect("no client panicked");
            log.push(Stage::Preparing);
            log.len()
        };
        let reach = |stage| log.lock().expect("no client panicked")[number - 1] = stage;
        // In order of their ids, so that nobody deadlocks.
        let from = random.below(7);
        let to = from + 1 + random.below(8 - from - 1);
        let sql = format!(
            "begin; update accounts set n = n - 1 where id = {from}; \
             update accounts set n = n + 1 where id = {to}; \
             insert into notes values ({client}, {number}, repeat('x', 3000)); \
             insert into heap values ({client}, {number}); \
             prepare transaction '{client}/{number}'"
        );
        if session.try_query(&sql).is_err() {
            return;
        }
        reach(Stage::Prepared);
        let (verb, sent, done) = match random.below(4) {
            0 => ("rollback", Stage::RollingBack, Stage::RolledBack),
            _ => ("commit", Stage::Committing, Stage::Committed),
        };
        if random.below(3) == 0 {
            // Time for a crash between the two phases.
            thread::yield_now();
        }
        reach(sent);
        if session.try_query(&format!("{verb} prepared '{client}/{number}'")).is_err() {
            return;
        }
        reach(done);
    }
}

/// Compares what is there with what was acknowledged, and finishes what is still prepared.
fn check(server: &Reckon, logs: &[Log], random: &mut Random) {
    let mut session = server.connect();
    let waiting = prepared(&mut session);
    for (client, log) in logs.iter().enumerate() {
        let mut log = log.lock().expect("no client panicked");
        let notes = format!("select number from notes where client = {client}");
        let notes: Vec<String> = session.rows(&notes).into_iter().flatten().flatten().collect();
        for (at, stage) in log.iter_mut().enumerate() {
            let number = (at + 1).to_string();
            let identifier = format!("{client}/{number}");
            let is_there = (notes.contains(&number), waiting.contains(&identifier));
            let fine = match stage {
                Stage::Preparing => !is_there.0,
                Stage::Prepared => is_there == (false, true),
                Stage::Committing => is_there.0 != is_there.1,
                Stage::Committed => is_there == (true, false),
                Stage::RollingBack => !is_there.0,
                Stage::RolledBack => is_there == (false, false),
            };
            assert!(fine, "{identifier}: {stage:?}, (committed, prepared) = {is_there:?}");
            let commits = is_there.0 || (is_there.1 && random.below(2) == 0);
            *stage = if commits { Stage::Committed } else { Stage::RolledBack };
            if is_there.1 {
                let verb = if commits { "commit" } else { "rollback" };
                session.run(&format!("{verb} prepared '{identifier}'"));
            }
        }
    }
    assert!(prepared(&mut session).is_empty());
    assert_eq!(session.value("select sum(n) from accounts"), "0");
    let kept = logs.iter().flat_map(|log| log.lock().expect("no client panicked").clone());
    let kept = kept.filter(|stage| *stage == Stage::Committed).count().to_string();
    assert_eq!(session.value("select count(*) from notes"), kept);
    assert_eq!(session.value("select count(*) from heap"), kept);
    let missing = "select count(*) from heap h where not exists \
                   (select 1 from notes n where n.client = h.client and n.number = h.number)";
    assert_eq!(session.value(missing), "0");
}

#[test]
fn kill_9_between_the_phases_leaves_each_transaction_in_one_of_them() {
    let rounds = std::env::var("RECKON_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok());
    let seed = seed();
    eprintln!("RECKON_SEED={seed}");
    let mut random = Random::new(seed);
    let mut server = Reckon::start_with(SETTINGS);
    let mut session = server.connect();
    session.run("create table accounts (id int primary key, n int not null)");
    session.run("insert into accounts select i, 0 from generate_series(0, 7) i");
    session.run(
        "create table notes (client int, number int, padding text, primary key (client, number))",
    );
    session.run("create table heap (client int, number int)");
    let logs: Vec<Log> = (0..CLIENTS).map(|_| Log::default()).collect();
    let total =
        || logs.iter().map(|log| log.lock().expect("no client panicked").len()).sum::<usize>();
    for _ in 0..rounds.unwrap_or(4) {
        let target = total() + 150 + random.below(300);
        let address = server.address().clone();
        thread::scope(|scope| {
            for (client, log) in logs.iter().enumerate() {
                let (address, seed) = (&address, random.number());
                scope.spawn(move || work(address, client, seed, log));
            }
            condition::until("the clients to have worked", || total() >= target);
            server.kill();
        });
        server.restart();
        check(&server, &logs, &mut random);
    }
}
