//! Sessions that meet: what waits, who wins, what the others see. The transcript is PostgreSQL's.

#![forbid(unsafe_code)]

use std::time::Duration;

use reckon_tests::{Postgres, Reckon, condition, isolation, process};

/// How long a look at a session's answer takes.
const LOOK: Duration = Duration::from_millis(50);

/// As many prepared transactions as the oracle allows.
const TWO_PHASE: &[&str] = &["max_prepared_transactions=10"];

const SETUP: &str = "
    setup: create table t (id int primary key, v int, u int unique)
    setup: insert into t values (1, 10, 1), (2, 20, 2), (3, 30, 3)
";

/// Runs each script on PostgreSQL and on Reckon and compares the transcripts.
#[track_caller]
fn agrees(script: &str) {
    let script = format!("{SETUP}{script}");
    let postgres = Postgres::start();
    let reckon = Reckon::start_with(TWO_PHASE);
    let expected = isolation::transcript(postgres.address(), &script);
    let found = isolation::transcript(reckon.address(), &script);
    assert_eq!(found, expected, "\n--- Reckon\n{found}\n--- PostgreSQL\n{expected}");
}

#[test]
fn every_script_of_steps_agrees_with_postgresql() {
    let reckon = Reckon::start_with(TWO_PHASE);
    let disagrees = |steps: &isolation::Steps| {
        let (found, expected) = (steps.run(reckon.address()), steps.expected());
        let name = &steps.name;
        (found != expected)
            .then(|| format!("{name}\n--- Reckon\n{found}\n--- PostgreSQL\n{expected}"))
    };
    let failed: Vec<_> = isolation::all("").iter().filter_map(disagrees).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn uncommitted_changes_are_invisible_and_committed_ones_visible() {
    agrees(
        "a: begin
         a: update t set v = 11 where id = 1
         a: insert into t values (4, 40, 4)
         a: delete from t where id = 3
         b: select * from t order by id
         a: select * from t order by id
         a: commit
         b: select * from t order by id",
    );
}

#[test]
fn a_second_update_of_a_row_waits_and_sees_the_first() {
    agrees(
        "a: begin
         a: update t set v = v + 1 where id = 1
         b: update t set v = v + 10 where id = 1 returning v
         a: commit
         b.
         a: select v from t where id = 1",
    );
}

#[test]
fn a_second_update_goes_on_when_the_first_is_undone() {
    agrees(
        "a: begin
         a: update t set v = v + 1 where id = 1
         b: update t set v = v + 10 where id = 1 returning v
         a: rollback
         b.",
    );
}

#[test]
fn read_committed_checks_its_condition_again() {
    agrees(
        "a: begin
         a: update t set v = 0 where id = 1
         b: update t set v = v + 100 where v >= 10 returning id
         a: commit
         b.
         a: select * from t order by id",
    );
}

#[test]
fn a_row_deleted_meanwhile_is_not_updated() {
    agrees(
        "a: begin
         a: delete from t where id = 1
         b: update t set v = 5 where id = 1
         a: commit
         b.
         a: select * from t order by id",
    );
}

#[test]
fn a_second_insert_of_a_key_waits_for_the_first() {
    agrees(
        "a: begin
         a: insert into t values (9, 90, 9)
         b: insert into t values (9, 91, 91)
         a: commit
         b.
         a: begin
         a: insert into t values (10, 1, 10)
         b: insert into t values (10, 2, 100)
         a: rollback
         b.
         b: select * from t where id > 8 order by id",
    );
}

#[test]
fn a_unique_value_waits_like_a_key() {
    agrees(
        "a: begin
         a: insert into t values (9, 90, 9)
         b: insert into t values (8, 80, 9)
         a: commit
         b.
         a: begin
         a: delete from t where id = 9
         b: insert into t values (8, 80, 9)
         a: commit
         b.
         b: select * from t where u = 9",
    );
}

#[test]
fn repeatable_read_keeps_its_snapshot() {
    agrees(
        "a: begin isolation level repeatable read
         a: select * from t order by id
         b: update t set v = 11 where id = 1
         b: insert into t values (4, 40, 4)
         b: delete from t where id = 2
         a: select * from t order by id
         a: update t set v = 0 where id = 3
         a: select * from t order by id
         a: commit
         a: select * from t order by id",
    );
}

#[test]
fn repeatable_read_refuses_to_change_what_changed() {
    agrees(
        "a: begin isolation level repeatable read
         a: select v from t where id = 1
         b: update t set v = 11 where id = 1
         a: update t set v = 12 where id = 1
         a: rollback
         a: begin isolation level repeatable read
         a: select v from t where id = 2
         b: begin
         b: update t set v = 21 where id = 2
         a: update t set v = 22 where id = 2
         b: commit
         a.
         a: rollback
         a: begin isolation level repeatable read
         a: select v from t where id = 3
         b: delete from t where id = 3
         a: delete from t where id = 3
         a: rollback",
    );
}

#[test]
fn definitions_wait_for_writers() {
    agrees(
        "a: begin
         a: insert into t values (4, 40, 4)
         b: truncate t
         a: commit
         b.
         a: select count(*) from t
         a: begin
         a: insert into t values (5, 50, 5)
         b: create index t_v on t (v)
         a: commit
         b.
         a: select id from t where v = 50
         a: begin
         a: update t set v = 1
         b: drop table t
         a: rollback
         b.
         a: select * from t",
    );
}

#[test]
fn a_table_made_by_another_is_seen_once_committed() {
    agrees(
        "a: begin
         a: create table n (id int primary key)
         b: select * from n
         a: commit
         b: select * from n
         b: insert into n values (1)
         a: drop table n
         b: select * from n",
    );
}

#[test]
fn a_lost_session_leaves_nothing_behind() {
    let reckon = Reckon::start();
    let mut other = reckon.connect();
    other.run("create table t (id int primary key, v int); insert into t values (1, 1)");
    let mut lost = reckon.connect();
    lost.run("begin; update t set v = 2 where id = 1");
    other.send("update t set v = v + 10 where id = 1 returning v");
    drop(lost);
    let answer = other.finish().expect("the lock is released");
    assert_eq!(answer.rows, [[Some("11".to_owned())]]);
}

#[test]
fn a_deadlock_ends_for_one_of_two() {
    let reckon = Reckon::start_with(&["deadlock_timeout=50ms"]);
    let (mut a, mut b) = (reckon.connect(), reckon.connect());
    a.run("create table t (id int primary key, v int); insert into t values (1, 1), (2, 2)");
    a.run("begin; update t set v = 10 where id = 1");
    b.run("begin; update t set v = 20 where id = 2");
    a.send("update t set v = 11 where id = 2");
    b.send("update t set v = 21 where id = 1");
    let mut ended = [None, None];
    condition::until("both updates to end", || {
        for (session, ended) in [&mut a, &mut b].into_iter().zip(&mut ended) {
            if ended.is_none() && session.answers_within(LOOK) {
                *ended = Some(session.finish().err().map(|error| error.sqlstate));
                // Its end lets the other one go on.
                session.run("rollback");
            }
        }
        ended.iter().all(Option::is_some)
    });
    let codes: Vec<_> = ended.into_iter().flatten().flatten().collect();
    assert_eq!(codes, ["40P01"]);
}

#[test]
fn waiting_ends_when_cancelled() {
    let reckon = Reckon::start();
    let (mut a, mut b) = (reckon.connect(), reckon.connect());
    a.run("create table t (id int primary key, v int); insert into t values (1, 1)");
    a.run("begin; update t set v = 10 where id = 1");
    b.send("update t set v = 11 where id = 1");
    let mut error = None;
    condition::until("the cancelled statement to end", || {
        b.cancel(reckon.address());
        let ended = b.answers_within(LOOK);
        if ended {
            error = b.finish().err();
        }
        ended
    });
    assert_eq!(error.map(|error| error.sqlstate).as_deref(), Some("57014"));
    a.run("commit");
    assert_eq!(b.value("select v from t"), "10");
}

/// A thread or two may be at hand for what else blocks.
#[test]
fn a_thousand_waiters_need_no_threads_and_all_finish() {
    const WAITERS: usize = 1000;
    let reckon = Reckon::start_with(&["max_connections=1100"]);
    let mut holder = reckon.connect();
    holder.run("create table t (id int primary key, v int); insert into t values (1, 0)");
    holder.run("begin; update t set v = v + 1 where id = 1");
    let mut waiters: Vec<_> = (0..WAITERS).map(|_| reckon.connect()).collect();
    for waiter in &mut waiters {
        waiter.send("update t set v = v + 1 where id = 1");
    }
    let waiting = WAITERS.to_string();
    let mut all_wait =
        || holder.value("select count(*) from pg_locks where not granted") == waiting;
    condition::until("all wait", &mut all_wait);
    assert!(process::threads(reckon.id()) < WAITERS / 10);
    holder.run("commit");
    for waiter in &mut waiters {
        waiter.finish().expect("its turn comes");
    }
    assert_eq!(holder.value("select v from t"), (WAITERS + 1).to_string());
}
