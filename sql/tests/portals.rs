//! Portals and pipelines: Parse, Bind and Execute in the order a client may send them.

#[path = "support/show.rs"]
mod show;
mod support;

use reckon_sql::session::Progress;
use reckon_sql::{Database, Options, Session};
use show::show;
use support::{Rows, session};

/// Execute of a portal: its rows, and the tag or the error.
fn execute(session: &mut Session, portal: &str, max_rows: usize) -> String {
    let mut rows = Rows::default();
    let end = match session.execute(portal, max_rows, &mut rows) {
        Ok(Progress::Complete(tag)) => tag.into_owned(),
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("{} {error}", error.sqlstate()),
    };
    rows.0.push(end);
    rows.0.join(" ")
}

/// Parse, Bind and Execute.
fn step(session: &mut Session, sql: &str) -> String {
    let bound = session.parse("", sql, &[]).and_then(|()| session.bind("", "", &[], &[], &[]));
    match bound {
        Ok(()) => execute(session, "", 0),
        Err(error) => format!("{} {error}", error.sqlstate()),
    }
}

#[test]
fn what_runs_outside_blocks_runs_first_in_a_pipeline_and_ends_its_transaction() {
    let mut options = Options::default();
    options.engine.max_prepared_transactions = 1;
    let database = Database::open_in_memory(options).expect("memory opens");
    let s = &mut session(&database);
    show(s, "create table t (a int)");
    show(s, "begin; insert into t values (1); prepare transaction 'g'");
    assert_eq!(step(s, "insert into t values (2)"), "INSERT 0 1");
    let refused = "25001 COMMIT PREPARED cannot be executed within a pipeline";
    assert_eq!(step(s, "commit prepared 'g'"), refused);
    s.sync().expect("nothing to commit");
    assert_eq!(show(s, "select count(*) from t"), "0\nSELECT 1");
    assert_eq!(step(s, "commit prepared 'g'"), "COMMIT PREPARED");
    assert_eq!(step(s, "insert into t values (3)"), "INSERT 0 1");
    assert!(step(s, "create database d").starts_with("25001 "));
    s.sync().expect("nothing to commit");
    assert_eq!(show(s, "select count(*) from t"), "1\nSELECT 1");
    assert_eq!(step(s, "create database d"), "CREATE DATABASE");
    assert!(step(s, "select 1/0").starts_with("22012 "));
    s.sync().expect("nothing to commit");
    assert_eq!(show(s, "drop database d"), "DROP DATABASE");
}

#[test]
fn a_pipeline_behind_an_empty_text_is_one_transaction() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let s = &mut session(&database);
    show(s, "create table t (a int)");
    assert_eq!(show(s, "-- nothing"), "Empty");
    assert!(execute(s, "", 0).starts_with("34000 "));
    assert_eq!(step(s, "insert into t values (1)"), "INSERT 0 1");
    assert!(step(s, "select 1 / 0").starts_with("22012 "));
    s.sync().expect("nothing to commit");
    assert_eq!(show(s, "select count(*) from t"), "0\nSELECT 1");
}

#[test]
fn set_transaction_holds_for_the_rest_of_its_pipeline() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let s = &mut session(&database);
    show(s, "create table t (a int)");
    assert_eq!(step(s, "set transaction read only"), "SET");
    let refused = "25006 cannot execute INSERT in a read-only transaction";
    assert_eq!(step(s, "insert into t values (1)"), refused);
    s.sync().expect("nothing to commit");
    assert_eq!(step(s, "insert into t values (1)"), "INSERT 0 1");
}

#[test]
fn a_portal_at_its_end_gives_no_more_rows_or_cannot_be_run() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let s = &mut session(&database);
    show(s, "create table t (a int)");
    for (sql, first, again) in [
        ("select 1", "1 SELECT 1", "SELECT 0"),
        ("insert into t values (1) returning a", "1 INSERT 0 1", "INSERT 0 0"),
        ("show work_mem", "4MB SHOW", "SHOW"),
        ("insert into t values (1)", "INSERT 0 1", "55000 portal \"c\" cannot be run"),
        ("set work_mem = '1MB'", "SET", "55000 portal \"c\" cannot be run"),
        ("copy t to stdout", "COPY 0", "55000 portal \"c\" cannot be run"),
    ] {
        s.parse("p", sql, &[]).expect("it is planned");
        s.bind("c", "p", &[], &[], &[]).expect("it is bound");
        assert_eq!(execute(s, "c", 0), first, "{sql}");
        assert_eq!(execute(s, "c", 0), again, "{sql}");
        s.close_statement("p");
        show(s, "rollback; truncate t");
    }
    s.parse("p", "copy t from stdin", &[]).expect("it is planned");
    s.bind("c", "p", &[], &[], &[]).expect("it is bound");
    assert!(execute(s, "c", 0).starts_with("CopyIn"));
    s.copy_done().expect("it is complete");
    assert_eq!(execute(s, "c", 0), "55000 portal \"c\" cannot be run");
}

#[test]
fn a_portal_ends_with_the_savepoint_it_was_made_behind() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let s = &mut session(&database);
    show(s, "create table t (id int primary key); insert into t values (1), (2), (3)");
    for (released, expected) in [("", "34000"), ("release b", "34000"), ("release a", "2")] {
        show(s, "begin");
        s.parse("p", "select id from t order by id", &[]).expect("it is planned");
        s.bind("before", "p", &[], &[], &[]).expect("it is bound");
        show(s, "savepoint o; savepoint a; savepoint b");
        s.bind("behind", "p", &[], &[], &[]).expect("it is bound");
        for portal in ["before", "behind"] {
            s.execute(portal, 1, &mut Rows::default()).expect("it runs");
        }
        show(s, released);
        let to =
            if released == "release a" { "savepoint c; rollback to c" } else { "rollback to a" };
        assert!(!show(s, to).contains("does not exist"), "{to}");
        let mut rows = Rows::default();
        s.execute("before", 1, &mut rows).expect("it goes on");
        assert_eq!(rows.0, ["2"]);
        let mut rows = Rows::default();
        let found = match s.execute("behind", 1, &mut rows) {
            Ok(_) => rows.0.join(" "),
            Err(error) => error.sqlstate().to_string(),
        };
        assert_eq!(found, expected, "{released}");
        show(s, "rollback");
        s.close_statement("p");
    }
}

#[test]
fn a_portal_outlives_an_error_behind_a_savepoint() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let s = &mut session(&database);
    show(s, "create table t (id int primary key); insert into t values (1), (2), (3)");
    s.parse("p", "select id from t order by id", &[]).expect("it is planned");
    show(s, "begin");
    s.bind("before", "p", &[], &[], &[]).expect("it is bound");
    s.bind("failing", "p", &[], &[], &[]).expect("it is bound");
    assert_eq!(execute(s, "before", 1), "1 Suspended");
    show(s, "savepoint a");
    s.bind("behind", "p", &[], &[], &[]).expect("it is bound");
    assert_eq!(execute(s, "behind", 1), "1 Suspended");
    assert!(show(s, "delete from t; select 1 / 0").ends_with("division by zero"));
    assert!(execute(s, "before", 1).starts_with("25P02 "));
    assert_eq!(show(s, "rollback to a"), "ROLLBACK");
    assert!(execute(s, "behind", 1).starts_with("34000 "));
    show(s, "rollback to a");
    assert_eq!(execute(s, "before", 1), "2 Suspended");
    assert_eq!(execute(s, "before", 0), "3 SELECT 1");
    assert!(show(s, "select 1 / 0; rollback to a").ends_with("division by zero"));
    show(s, "rollback; begin");
    assert!(execute(s, "before", 1).starts_with("34000 "));
}

#[test]
fn a_portal_ends_with_its_transaction_whatever_it_ran() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let s = &mut session(&database);
    let gone = "34000 portal \"c\" does not exist";
    s.parse("show", "show work_mem", &[]).expect("it is planned");
    s.bind("c", "show", &[], &[], &[]).expect("it is bound");
    assert_eq!(execute(s, "c", 1), "4MB Suspended");
    s.sync().expect("nothing to commit");
    assert_eq!(execute(s, "c", 0), gone);
    for (sql, tag) in [
        ("commit", "COMMIT"),
        ("rollback and chain", "ROLLBACK"),
        ("rollback to a", "ROLLBACK"),
        ("prepare transaction 'g'", "ROLLBACK"),
    ] {
        show(s, "begin; savepoint a");
        if sql.starts_with("prepare") {
            show(s, "select 1 / 0");
        }
        s.parse("p", sql, &[]).expect("it is parsed");
        s.bind("c", "p", &[], &[], &[]).expect("it is bound");
        assert_eq!(execute(s, "c", 0), tag);
        assert_eq!(execute(s, "c", 0), gone, "{sql}");
        show(s, "rollback");
        s.close_statement("p");
    }
}
