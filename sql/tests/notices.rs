//! Notifications and warnings, and what bounds them.

#[path = "support/show.rs"]
mod show;
mod support;

use reckon_sql::{Database, Options};
use show::show;
use support::session;

/// Who listens and does not look holds up who sends, before anything is committed.
#[test]
fn notifications_that_wait_are_bounded() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let [mut sender, mut listener, mut other] = [(); 3].map(|()| session(&database));
    show(&mut listener, "listen a");
    show(&mut other, "listen a");
    let send =
        "select count(pg_notify('a', repeat('x', 7000) || i)) from generate_series(1, 6000) i";
    let full = "54000 too many notifications in the NOTIFY queue";
    show(&mut sender, "create table t (i int)");
    assert_eq!(show(&mut sender, send), "6000\nSELECT 1");
    let sent = format!("begin; insert into t values (1); {send}; commit");
    assert_eq!(show(&mut sender, &sent), full);
    let usage = "select (pg_notification_queue_usage() * 100)::int, (select count(*) from t)";
    assert_eq!(show(&mut sender, usage), "64|0\nSELECT 1");
    assert_eq!(show(&mut sender, "notify nobody; notify a, 'short'"), "NOTIFY\nNOTIFY");
    for session in [&mut listener, &mut other] {
        let mut told = 0;
        while let portion @ 1.. = session.notifications().len() {
            assert!(portion < 1000);
            told += portion;
        }
        assert_eq!(told, 6001);
    }
    assert_eq!(show(&mut sender, usage), "0|0\nSELECT 1");
}

#[test]
fn notifications_of_one_transaction_are_bounded_and_sent_once() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    let many =
        "select count(pg_notify('a', repeat('x', 7000) || i)) from generate_series(1, 20000) i";
    let full = "54000 too many notifications in the NOTIFY queue";
    assert_eq!(show(&mut session, many), full);
    let repeated = "listen a; begin; notify a, 'x'; savepoint s; notify a, 'x'; notify a, 'y'; \
                    rollback to s; select count(pg_notify('a', 'z')) from generate_series(1, 100); \
                    notify a, 'y'; commit";
    show(&mut session, repeated);
    let told: Vec<_> = session.notifications().into_iter().map(|told| told.payload).collect();
    assert_eq!(told, ["x", "z", "y"]);
}

#[test]
fn who_does_not_listen_any_more_is_not_told_what_arrived() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let [mut sender, mut listener] = [(); 2].map(|()| session(&database));
    for (ends, expected) in [
        ("unlisten a", &["b"][..]),
        ("unlisten *", &[]),
        ("begin; unlisten *; listen a; commit", &["a"]),
        ("begin; unlisten *; rollback", &["a", "b"]),
        ("discard all", &[]),
    ] {
        show(&mut listener, "listen a; listen b");
        show(&mut sender, "notify a; notify b");
        show(&mut listener, ends);
        let told: Vec<_> = listener.notifications().into_iter().map(|told| told.channel).collect();
        assert_eq!(told, expected, "{ends}");
        let usage = show(&mut sender, "select pg_notification_queue_usage()");
        assert_eq!(usage, "0\nSELECT 1", "{ends}");
    }
}

#[test]
fn warnings_of_one_call_are_bounded() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    for (calls, more) in [(3, false), (100_000, true)] {
        let sql = format!("select count(pg_cancel_backend(-1)) from generate_series(1, {calls})");
        show(&mut session, &sql);
        let notices = session.notices();
        let last = notices.last().expect("there are some").message.clone();
        let shown = if more { notices.len() - 1 } else { notices.len() };
        let expected = if more {
            format!("{} more warnings are not shown", calls - shown)
        } else {
            "PID -1 is not a PostgreSQL backend process".to_owned()
        };
        assert_eq!(last, expected);
    }
    show(&mut session, "set client_min_messages = error; select pg_cancel_backend(-1)");
    assert_eq!(session.notices(), []);
}
