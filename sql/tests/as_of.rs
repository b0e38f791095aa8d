//! AS OF SYSTEM TIME through sessions, over the store in memory.

#[path = "support/answer.rs"]
mod answer;
mod support;

use answer::{run, try_run};
use reckon_sql::session::Progress;
use reckon_sql::types::Oid;
use reckon_sql::{Database, Options, Session};
use support::{Rows, session};

fn database() -> Database {
    Database::open_in_memory(Options::default()).expect("a database in memory")
}

/// A time after everything that was committed.
fn mark(session: &mut Session) -> String {
    run(session, "select clock_timestamp()")
}

#[test]
fn rows_indexes_and_definitions_are_those_of_the_time() {
    let database = database();
    let s = &mut session(&database);
    let before = mark(s);
    run(s, "create table t (id int primary key, v text); create index t_v on t (v)");
    run(s, "insert into t select i, 'v' || i from generate_series(1, 20) i");
    let full = mark(s);
    run(s, "update t set v = 'new' where id = 3; delete from t where id = 4");
    let changed = mark(s);
    run(s, "drop index t_v");
    let dropped = mark(s);
    run(s, "drop table t; create table t (id int primary key, v text, more int default 7)");
    run(s, "create index t_v on t (v); insert into t values (3, 'new')");
    let other = mark(s);
    run(s, "drop table t");
    let at = |s: &mut Session, time: &str, columns: &str, rest: &str| {
        run(s, &format!("select {columns} from t as of system time '{time}' {rest}"))
    };
    assert_eq!(at(s, &before, "*", ""), "42P01");
    assert_eq!(at(s, &full, "count(*)", ""), "20");
    assert_eq!(at(s, &full, "*", "where id in (3, 4) order by id"), "3|v3 4|v4");
    assert_eq!(at(s, &full, "id", "where v = 'v4'"), "4");
    assert_eq!(at(s, &changed, "*", "where id in (3, 4) order by id"), "3|new");
    assert_eq!(at(s, &changed, "id", "where v = 'new'"), "3");
    assert_eq!(at(s, &changed, "id", "where v = 'v4'"), "");
    assert_eq!(at(s, &changed, "more", ""), "42703");
    assert_eq!(at(s, &dropped, "*", "where v = 'new'"), "3|new");
    assert_eq!(at(s, &other, "*", "where id = 3"), "3|new|7");
    assert_eq!(run(s, "select * from t"), "42P01");
    let plan = |s: &mut Session, time: &str| {
        run(
            s,
            &format!(
                "explain (costs off) select id from t as of system time '{time}' where v = 'x'"
            ),
        )
    };
    assert!(plan(s, &changed).contains("t_v"), "{}", plan(s, &changed));
    assert!(plan(s, &dropped).contains("Seq Scan"), "{}", plan(s, &dropped));
}

#[test]
fn truncated_and_rewritten_tables_have_their_rows_of_then() {
    let database = database();
    let s = &mut session(&database);
    run(s, "create table t (id int primary key, v int); insert into t values (1, 10), (2, 20)");
    let full = mark(s);
    run(s, "truncate t");
    let empty = mark(s);
    run(s, "insert into t values (3, 30)");
    let count = |s: &mut Session, at: &str| {
        run(s, &format!("select count(*), sum(v) from t as of system time '{at}'"))
    };
    assert_eq!(count(s, &full), "2|30");
    assert_eq!(count(s, &empty), "0|NULL");
    assert_eq!(run(s, "select count(*), sum(v) from t"), "1|30");
    run(s, "vacuum t");
    assert_eq!(count(s, &full), "2|30");
}

#[test]
fn the_clause_has_two_forms_and_takes_any_expression_of_time() {
    let database = database();
    let s = &mut session(&database);
    run(s, "create table t (a int); insert into t values (1)");
    let at = mark(s);
    run(s, "update t set a = 2");
    for sql in [
        "select x.a from t for system_time as of '@' as x",
        "select x.a from t for system_time as of '@' x where a > 0 limit 5",
        "select x.a from t x as of system time '@' order by a",
        "select a from t as of system time timestamptz '@' + interval '0' group by a",
        "select a from t as of system time now() - (now() - '@') union all select 1 where false",
        "with q as (select a from t) select a from q as of system time '@'",
        "table t as of system time '@'",
        "prepare p as select a from t as of system time '@'; execute p; deallocate p",
        "copy (select a from t as of system time '@') to stdout",
        "begin as of system time '@'; select a from t; commit",
        "begin; set transaction as of system time '@'; select a from t; commit",
        "start transaction read only, as of system time '@'; table t; commit",
        "begin as of system time '@'; select a from t as of system time '@'; commit",
        "begin as of system time '@' isolation level repeatable read; copy t to stdout; commit",
    ] {
        assert_eq!(run(s, &sql.replace('@', &at)), "1", "{sql}");
        assert_eq!(run(s, "select a from t"), "2", "after {sql}");
    }
    let recent = ["'-0.1 us'", "interval '-1 microsecond'", "now()", "'now'", "-interval '0'"];
    for time in recent {
        assert_eq!(run(s, &format!("select a from t as of system time {time}")), "2", "{time}");
    }
}

#[test]
fn what_cannot_be_read_at_says_why() {
    let database = database();
    let s = &mut session(&database);
    run(s, "create table t (a int)");
    for (sql, state) in [
        ("select * from t as of system time '-1 h'", "72000"),
        ("select * from t as of system time '2001-01-01'", "72000"),
        ("select * from t as of system time '-infinity'", "22007"),
        ("select * from t as of system time timestamptz '-infinity'", "72000"),
        ("select * from t as of system time '9999-01-01'", "22023"),
        ("select * from t as of system time 'infinity'", "22023"),
        ("select * from t as of system time interval '1 s'", "22023"),
        ("select * from t as of system time 'nonsense'", "22007"),
        ("select * from t as of system time '-nonsense'", "22007"),
        ("select * from t as of system time null", "22023"),
        ("select * from t as of system time 12", "42804"),
        ("select * from t as of system time a", "42703"),
        ("select * from t as of system time (select now())", "0A000"),
        ("select * from t as of system time clock_timestamp()", "0A000"),
        ("select * from t as of system time now() - random() * interval '1 us'", "0A000"),
        ("select * from t as of system time set_config('work_mem', '1MB', false)", "0A000"),
        ("select * from t as of system time", "42601"),
        ("select * from t as of system time '-1s' as of system time '-1s'", "42601"),
        ("select * from (select * from t as of system time '-1s') x", "42601"),
        ("select (select count(*) from t as of system time '-1s')", "42601"),
        ("insert into t select * from t as of system time '-1s'", "42601"),
        ("update t set a = 1 as of system time '-1s'", "42601"),
        ("copy t from stdin as of system time '-1s'", "42601"),
        ("begin as of system time '-1s' read write", "42601"),
        ("begin isolation level serializable as of system time 'x' ", "22007"),
        ("set session characteristics as transaction as of system time '-1 s'", "0A000"),
        ("begin; select * from t as of system time '-0 s'", "42601"),
        ("begin; select 1; set transaction as of system time '-0 s'", "25001"),
        ("begin; savepoint s; set transaction as of system time '-0 s'", "25001"),
        ("begin as of system time '-0 s'; select * from t as of system time '-2 s'", "42601"),
        ("begin as of system time '-0 s'; analyze t", "25006"),
        (
            "begin as of system time '-0 s' isolation level repeatable read; \
          set transaction snapshot 'x'",
            "42601",
        ),
        ("set work_mem = '1MB'; select * from t as of system time '-0 s'", "25001"),
        ("begin as of system time '-0 s'; insert into t values (1)", "25006"),
        ("begin as of system time '-0 s'; create table u (a int)", "25006"),
        ("begin as of system time '-0 s'; set transaction read write", "42601"),
        ("select * from t as of system time '-0 s' for update", "25006"),
        ("with w as (select 1) insert into t as of system time '-0 s' select 1", "25006"),
    ] {
        assert_eq!(run(s, sql), state, "{sql}");
        run(s, "rollback");
    }
    let error = try_run(s, "select 1 as of system time '-1 h'").expect_err("it is too old");
    assert_eq!(error.to_string(), "snapshot too old");
    assert!(error.fields().hint.is_some_and(|hint| hint.contains("history_retention")));
}

#[test]
fn a_chained_block_goes_on_at_the_same_time() {
    let database = database();
    let s = &mut session(&database);
    run(s, "create table t (a int); insert into t values (1)");
    let at = mark(s);
    run(s, "update t set a = 2");
    run(s, &format!("begin as of system time '{at}'"));
    assert_eq!(run(s, "commit and chain; select a from t"), "1");
    assert_eq!(run(s, "rollback and chain; select a from t"), "1");
    assert_eq!(run(s, "insert into t values (3)"), "25006");
    // What a block was given by AND CHAIN outlives its failure, as its level does.
    assert_eq!(run(s, "rollback and chain; select a from t; show transaction_read_only"), "1 on");
    run(s, "commit");
}

#[test]
fn a_text_is_planned_for_the_definitions_it_sees() {
    let database = database();
    let s = &mut session(&database);
    run(s, "create table t (a int); insert into t values (1)");
    let at = mark(s);
    let past = format!("select * from t as of system time '{at}' where a = 1");
    assert_eq!(run(s, &past), "1");
    assert_eq!(run(s, "select * from t where a = 1"), "1");
    run(s, "drop table t; create table t (a int, b int default 5); insert into t values (1)");
    for _ in 0..3 {
        assert_eq!(run(s, &past), "1");
        assert_eq!(run(s, "select * from t where a = 1"), "1|5");
    }
    run(s, "begin");
    assert_eq!(run(s, "select * from t where a = 1"), "1|5");
    run(s, "commit");
    run(s, &format!("begin as of system time '{at}'"));
    assert_eq!(run(s, "select * from t where a = 1"), "1");
    run(s, "commit");
    assert_eq!(run(s, "select * from t where a = 1"), "1|5");
}

#[test]
fn a_statement_ends_its_transaction_and_starts_none_in_the_past() {
    let database = database();
    let s = &mut session(&database);
    run(s, "create table t (a int); insert into t values (1)");
    let at = mark(s);
    run(s, "update t set a = 2");
    let past = format!("select a from t as of system time '{at}'");
    assert_eq!(run(s, &format!("{past}; select a from t")), "1 2");
    assert_eq!(run(s, &format!("{past}; insert into t values (3); select count(*) from t")), "1 2");
    assert_eq!(run(s, &format!("insert into t values (4); {past}")), "42601");
    assert_eq!(run(s, "select count(*) from t"), "2");
    assert_eq!(
        run(s, &format!("prepare p as {past}; insert into t values (5); execute p")),
        "42601"
    );
    assert_eq!(run(s, "select count(*) from t"), "2");
}

#[test]
fn a_time_can_be_a_parameter() {
    let database = database();
    let s = &mut session(&database);
    run(s, "create table t (a int, b int); insert into t values (1, 1), (2, 1)");
    let at = mark(s);
    run(s, "update t set b = 2; create table u (a int)");
    let sql = "select a, b from t as of system time $1 where a = $2";
    s.parse("p", sql, &[]).expect("it is planned");
    let described = s.describe_statement("p").expect("it is known");
    assert_eq!(described.parameters, [Oid(1184), Oid(23)]);
    s.sync().expect("nothing to commit");
    for (time, row) in [(at.as_str(), "2|1"), ("now", "2|2"), (at.as_str(), "2|1")] {
        let values = [Some(time.as_bytes()), Some(&b"2"[..])];
        s.bind("", "p", &[], &values, &[]).expect("it is bound");
        let mut rows = Rows::default();
        s.execute("", 0, &mut rows).expect("it runs");
        s.sync().expect("nothing to commit");
        assert_eq!(rows.0, [row]);
    }
    s.bind("", "p", &[], &[None, Some(b"2")], &[]).expect("it is bound");
    let error = s.execute("", 0, &mut Rows::default()).expect_err("no time");
    assert_eq!(error.sqlstate().to_string(), "22023");
}

#[test]
fn a_portal_keeps_its_time_until_its_rows_are_out() {
    let database = database();
    let s = &mut session(&database);
    run(s, "create table t (a int primary key); insert into t values (1), (2), (3)");
    let at = mark(s);
    run(s, "delete from t");
    let past = format!("select a from t as of system time '{at}' order by a");
    s.parse("p", &past, &[]).expect("it is planned");
    s.bind("c", "p", &[], &[], &[]).expect("it is bound");
    let mut rows = Rows::default();
    assert_eq!(s.execute("c", 2, &mut rows).expect("it runs"), Progress::Suspended);
    s.parse("", "select a from t", &[]).expect_err("the transaction is in use");
    s.sync().expect("nothing to commit");
    assert_eq!(rows.0, ["1", "2"]);
    assert_eq!(run(s, "select count(*) from t"), "0");
}

#[test]
fn an_old_transaction_reads_on_while_others_change_definitions() {
    let database = database();
    let s = &mut session(&database);
    run(s, "create table t (a int); insert into t values (1)");
    let other = &mut session(&database);
    run(s, "begin isolation level repeatable read; select 1");
    run(other, "create table u (a int); create table w (a int)");
    assert_eq!(run(s, "select * from t"), "1");
    assert_eq!(run(s, "select * from u"), "42P01");
    run(s, "rollback");
    assert_eq!(run(s, "select * from u"), "");
}

#[test]
fn nothing_is_committed_by_a_statement_in_the_past_that_another_one_did() {
    let database = database();
    let (s, listener) = (&mut session(&database), &mut session(&database));
    run(listener, "listen a");
    let past = "select 1 as of system time '-0 s'";
    assert_eq!(run(s, &format!("notify a; {past}; select 1/0")), "25001");
    assert_eq!(run(s, &format!("set work_mem = '1MB'; {past}; select 1/0")), "25001");
    assert_eq!(run(s, "show work_mem"), "4MB");
    assert_eq!(listener.notifications().len(), 0);
    s.parse("p", past, &[]).expect("it is planned");
    s.parse("q", "select 2", &[]).expect("it is planned");
    s.bind("c", "p", &[], &[], &[]).expect("it is bound");
    s.bind("d", "q", &[], &[], &[]).expect("it is bound");
    let error = s.execute("c", 0, &mut Rows::default()).expect_err("the other one would be gone");
    assert_eq!(error.sqlstate().to_string(), "25001");
    s.sync().expect("nothing to commit");
}

#[test]
fn a_portal_in_the_past_shares_its_transaction_with_no_block() {
    let database = database();
    let s = &mut session(&database);
    run(s, "create table t (a int primary key); insert into t values (1), (2), (3)");
    let at = mark(s);
    let past = format!("select a from t as of system time '{at}' order by a");
    s.parse("p", &past, &[]).expect("it is planned");
    for other in ["begin", "set work_mem = '1MB'", &past] {
        s.parse("q", other, &[]).expect("it is parsed");
        s.bind("c", "p", &[], &[], &[]).expect("it is bound");
        let progress = s.execute("c", 1, &mut Rows::default()).expect("it runs");
        assert_eq!(progress, Progress::Suspended);
        let started =
            s.bind("d", "q", &[], &[], &[]).and_then(|()| s.execute("d", 0, &mut Rows::default()));
        let error = started.expect_err("the transaction is in use");
        assert_eq!(error.sqlstate().to_string(), "25001", "{other}");
        s.sync().expect("nothing to commit");
        s.close_statement("q");
        assert_eq!(s.transaction_status(), b'I');
    }
}

#[test]
fn a_serializable_statement_reads_the_past_and_its_session_goes_on() {
    let database = database();
    let s = &mut session(&database);
    run(s, "create table t (a int); insert into t values (1)");
    let at = mark(s);
    run(s, "update t set a = 2; set default_transaction_isolation = 'serializable'");
    let past = format!("select a from t as of system time '{at}'");
    assert_eq!(run(s, &past), "1");
    assert_eq!(run(s, &format!("prepare p as {past}")), "");
    assert_eq!(run(s, "execute p"), "1");
    assert_eq!(
        run(s, &format!("{past}; show transaction_isolation; select a from t")),
        "1 serializable 2"
    );
    run(s, &format!("begin as of system time '{at}'"));
    assert_eq!(run(s, "select a from t; show transaction_isolation; commit"), "1 serializable");
}

/// A session, one with a withdrawal that has read the account of a deposit before that, and a time between
/// the commit of the deposit and its own.
fn withdrawal(database: &Database) -> (Session, Session, String) {
    let [mut s, mut one, mut other] = [(); 3].map(|()| session(database));
    run(&mut s, "create table t (id int primary key, a int)");
    run(&mut s, "insert into t values (1, 0), (2, 0)");
    run(&mut s, "set default_transaction_isolation = 'serializable'");
    for writer in [&mut one, &mut other] {
        run(writer, "begin isolation level serializable");
        assert_eq!(run(writer, "select a from t where id = 2"), "0");
    }
    run(&mut other, "update t set a = 20 where id = 2; commit");
    let torn = mark(&mut s);
    (s, one, torn)
}

const WITHDRAW: &str = "update t set a = -11 where id = 1";

#[test]
fn a_time_that_no_serial_order_has_is_refused_to_serializable_transactions_only() {
    let (s, one, torn) = &mut withdrawal(&database());
    run(one, WITHDRAW);
    run(one, "commit");
    let past = format!("select sum(a) from t as of system time '{torn}'");
    let error = try_run(s, &past).expect_err("it shows the later one first");
    assert_eq!(error.sqlstate().to_string(), "40001");
    assert!(error.fields().hint.is_some_and(|hint| hint.contains("REPEATABLE READ")));
    let begin = format!("begin as of system time '{torn}'");
    assert_eq!(run(s, &begin), "40001");
    run(s, "rollback");
    run(s, &format!("{begin} isolation level repeatable read"));
    assert_eq!(run(s, "set transaction isolation level serializable"), "40001");
    run(s, "rollback");
    run(s, &format!("{begin} isolation level repeatable read"));
    assert_eq!(run(s, "select sum(a) from t; commit"), "20");
    assert_eq!(run(s, "select sum(a) from t"), "9");
}

#[test]
fn a_writer_that_would_make_wrong_what_a_reader_of_the_past_saw_fails() {
    let (s, one, torn) = &mut withdrawal(&database());
    let past = format!("select sum(a) from t as of system time '{torn}'");
    assert_eq!(run(s, &past), "20");
    assert_eq!(run(one, WITHDRAW), "40001");
}

#[test]
fn a_chained_block_does_not_import_a_snapshot_again() {
    let database = database();
    let (s, exporter) = (&mut session(&database), &mut session(&database));
    run(s, "create table t (a int); insert into t values (1)");
    let at = mark(s);
    run(s, "update t set a = 2");
    run(exporter, &format!("begin as of system time '{at}'"));
    let name = run(exporter, "select pg_export_snapshot()");
    run(s, "begin isolation level repeatable read");
    run(s, &format!("set transaction snapshot '{name}'"));
    assert_eq!(run(s, "select a from t; show transaction_read_only"), "1 on");
    let chained = "commit and chain; select a from t; show transaction_read_only; \
                   show transaction_isolation";
    assert_eq!(run(s, chained), "2 off repeatable read");
}

#[test]
fn a_statement_whose_time_is_a_parameter_keeps_its_columns() {
    let database = database();
    let s = &mut session(&database);
    run(s, "create table t (a int); insert into t values (1)");
    let at = mark(s);
    run(s, "alter table t add primary key (a); drop table t");
    run(s, "create table t (a int, b int); insert into t values (2, 3)");
    run(s, "prepare p (timestamptz) as select * from t as of system time $1");
    assert_eq!(run(s, "execute p (now())"), "2|3");
    let error = try_run(s, &format!("execute p ('{at}')")).expect_err("it had one column");
    assert_eq!(error.sqlstate().to_string(), "0A000");
    assert!(error.to_string().contains("AS OF SYSTEM TIME"), "{error}");
    run(s, "prepare q (timestamptz) as select a from t as of system time $1");
    assert_eq!(run(s, &format!("execute q ('{at}')")), "1");
}
