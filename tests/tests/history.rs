//! Reading the past, and the snapshots of others.

#![forbid(unsafe_code)]

use std::thread;

use reckon_tests::{Reckon, Session, condition};

/// A time after everything the session has seen.
fn mark(session: &mut Session) -> String {
    session.value("select clock_timestamp()")
}

#[test]
fn the_past_is_read_after_a_drop_a_kill_and_a_restart() {
    let mut server = Reckon::start_with(&["cache_size=1MB"]);
    let mut session = server.connect();
    session.run("create table t (id int primary key, v text); create index t_v on t (v)");
    session.run("insert into t select i, 'v' || i from generate_series(1, 20000) i");
    let full = mark(&mut session);
    session.run("update t set v = 'x' where id % 2 = 0; delete from t where id % 5 = 0");
    let changed = mark(&mut session);
    session.run("drop table t; create table t (other int)");
    session.run("vacuum");
    for start in 0..3 {
        let past = |time: &str, rest: &str| format!("from t as of system time '{time}' {rest}");
        let sums = format!("select count(*) || ' ' || sum(id) {}", past(&full, ""));
        assert_eq!(session.value(&sums), "20000 200010000");
        let sums = format!("select count(*) || ' ' || sum(id) {}", past(&changed, ""));
        assert_eq!(session.value(&sums), "16000 160000000");
        let by_index = format!("select id {}", past(&full, "where v = 'v20'"));
        assert_eq!(session.value(&by_index), "20");
        let by_index = format!("select count(*) {}", past(&changed, "where v = 'v20'"));
        assert_eq!(session.value(&by_index), "0");
        assert_eq!(session.value("select count(other) from t"), "0");
        match start {
            0 => server.kill(),
            _ => assert!(server.stop().success()),
        }
        server.restart();
        session = server.connect();
    }
}

#[test]
fn history_ends_with_its_retention_but_not_under_an_open_snapshot() {
    let server = Reckon::start_with(&["history_retention=2s"]);
    let mut session = server.connect();
    session.run("create table t (id int primary key, v int); insert into t values (1, 1)");
    let mut reader = server.connect();
    reader.run("begin as of system time '-0 s'");
    assert_eq!(reader.value("select v from t"), "1");
    let at = mark(&mut session);
    session.run("update t set v = 2");
    let past = format!("select v from t as of system time '{at}'");
    assert_eq!(session.value(&past), "1");
    condition::until("the time to be too old", || session.query(&past).is_err());
    assert_eq!(session.sqlstate(&past), "72000");
    session.run("drop table t; create table t (id int)");
    session.run("vacuum");
    assert_eq!(reader.value("select v from t"), "1");
    reader.run("commit");
    assert_eq!(session.value("select count(*) from t"), "0");
    assert_eq!(session.query(&past).expect_err("it is too old").message, "snapshot too old");
}

#[test]
fn a_past_time_has_one_sum_however_often_it_is_asked_for() {
    let server = Reckon::start_with(&["cache_size=1MB"]);
    let mut session = server.connect();
    session.run("create table accounts (id int primary key, balance int, filler text)");
    session.run(
        "insert into accounts select i, 100, repeat('.', 200) from generate_series(1, 2000) i",
    );
    let start = mark(&mut session);
    thread::scope(|scope| {
        for writer in 0..2 {
            let mut session = server.connect();
            scope.spawn(move || {
                for round in 0..150 {
                    let (one, other) = (1 + round * 13 % 2000, 1 + (round * 29 + writer) % 2000);
                    session.run(&format!(
                        "begin; update accounts set balance = balance - 7 where id = {one}; \
                         update accounts set balance = balance + 7 where id = {other}; commit"
                    ));
                }
            });
        }
        let mut session = server.connect();
        scope.spawn(move || {
            for _ in 0..15 {
                let now = mark(&mut session);
                let between = format!(
                    "select timestamptz '{start}' + random() * (timestamptz '{now}' - '{start}')"
                );
                let at = session.value(&between);
                let past = format!("from accounts as of system time '{at}'");
                let sums = format!("select sum(balance) || ' ' || sum(balance * id) {past}");
                let once = session.value(&sums);
                assert!(once.starts_with("200000 "), "{once} at {at}");
                assert_eq!(session.value(&sums), once, "at {at}");
            }
        });
    });
}

#[test]
fn a_snapshot_is_shared_until_its_exporter_ends() {
    let server = Reckon::start_with(&["history_retention=0s"]);
    let mut exporter = server.connect();
    exporter.run("create table t (a int); insert into t values (1)");
    exporter.run("begin isolation level repeatable read, read only");
    let id = exporter.value("select pg_export_snapshot()");
    let mut writer = server.connect();
    writer.run("insert into t values (2); create table u (a int)");
    writer.run("vacuum t");
    let import = format!("set transaction snapshot '{id}'");
    for level in ["repeatable read", "repeatable read, read only, deferrable"] {
        let mut importer = server.connect();
        importer.run(&format!("begin isolation level {level}; {import}"));
        assert_eq!(importer.value("select count(*) from t"), "1");
        assert_eq!(importer.sqlstate("select * from u"), "42P01");
        importer.run("rollback");
    }
    let mut importer = server.connect();
    importer.run(&format!("begin isolation level repeatable read; {import}"));
    assert_eq!(importer.sqlstate("set transaction isolation level serializable"), "25001");
    importer.run("rollback");
    importer.run("begin isolation level serializable");
    assert_eq!(importer.sqlstate(&import), "0A000");
    importer.run("rollback");
    importer.run("create database other");
    let mut elsewhere = Session::connect(server.address(), "other");
    elsewhere.run("begin isolation level repeatable read");
    assert_eq!(elsewhere.sqlstate(&import), "0A000");

    importer.run(&format!("begin isolation level repeatable read; {import}"));
    exporter.run("commit");
    writer.run("insert into t values (3)");
    writer.run("vacuum t");
    assert_eq!(importer.value("select count(*) from t"), "1");
    let mut late = server.connect();
    late.run("begin isolation level repeatable read");
    assert_eq!(late.sqlstate(&import), "22023");
}

#[test]
fn a_serializable_importer_is_part_of_the_order() {
    let server = Reckon::start();
    let mut one = server.connect();
    one.run("create table t (id int primary key, v int); insert into t values (1, 0), (2, 0)");
    one.run("begin isolation level serializable");
    let id = one.value("select pg_export_snapshot()");
    let mut other = server.connect();
    other.run("begin isolation level serializable");
    other.run(&format!("set transaction snapshot '{id}'"));
    assert_eq!(one.value("select sum(v) from t"), "0");
    assert_eq!(other.value("select sum(v) from t"), "0");
    one.run("update t set v = 1 where id = 1; commit");
    let skew = other.query("update t set v = 1 where id = 2; commit");
    assert_eq!(skew.expect_err("a write skew").sqlstate, "40001");

    let mut reader = server.connect();
    reader.run("begin isolation level serializable, read only");
    let id = reader.value("select pg_export_snapshot()");
    other.run("rollback; begin isolation level serializable");
    let import = format!("set transaction snapshot '{id}'");
    assert_eq!(other.sqlstate(&import), "0A000");
    other.run("rollback; begin isolation level serializable, read only, deferrable");
    assert_eq!(other.sqlstate(&import), "0A000");
    other.run(&format!("rollback; begin isolation level serializable, read only; {import}"));
    assert_eq!(other.value("select sum(v) from t"), "1");
}

/// What `pg_dump -j` says to share one snapshot among its workers.
#[test]
fn workers_of_a_dump_see_what_its_leader_sees() {
    let server = Reckon::start();
    let mut leader = server.connect();
    leader.run("create table t (a int); insert into t select generate_series(1, 100)");
    leader.run("begin; set transaction isolation level repeatable read, read only");
    let id = leader.value("select pg_catalog.pg_export_snapshot()");
    server.connect().run("delete from t where a > 50");
    for _ in 0..3 {
        let mut worker = server.connect();
        worker.run("begin; set transaction isolation level repeatable read, read only");
        worker.run(&format!("set transaction snapshot '{id}'"));
        worker.run("lock table public.t in access share mode nowait");
        assert_eq!(worker.value("select count(*) from t"), "100");
        worker.run("commit");
    }
    leader.run("commit");
}

#[test]
fn who_waits_for_a_row_or_a_table_is_in_pg_locks() {
    let server = Reckon::start();
    let mut holder = server.connect();
    holder.run("create table t (id int primary key); insert into t values (1)");
    holder.run("begin; select * from t for update");
    let mut row_waiter = server.connect();
    let row_pid = row_waiter.value("select pg_backend_pid()");
    row_waiter.send("delete from t where id = 1");
    let mut table_waiter = server.connect();
    let table_pid = table_waiter.value("select pg_backend_pid()");
    table_waiter.send("begin; lock table t in access exclusive mode; rollback");
    let mut watcher = server.connect();
    let waits = |watcher: &mut Session, pid: &str| {
        watcher.value(&format!(
            "select coalesce(min(locktype || ' ' || mode), '') from pg_locks \
             where pid = {pid} and not granted and waitstart <= clock_timestamp()"
        ))
    };
    condition::until("both to wait", || {
        waits(&mut watcher, &row_pid) == "transactionid ShareLock"
            && waits(&mut watcher, &table_pid) == "relation AccessExclusiveLock"
    });
    let waited_for = format!(
        "select h.pid = (pg_blocking_pids({row_pid}))[1] from pg_locks w, pg_locks h \
         where w.pid = {row_pid} and not w.granted and h.transactionid = w.transactionid and h.granted"
    );
    assert_eq!(watcher.value(&waited_for), "t");
    holder.run("commit");
    row_waiter.finish().expect("the row is free");
    table_waiter.finish().expect("the table is free");
}
