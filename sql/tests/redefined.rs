//! Transactions that keep a snapshot while somebody else changes definitions and rows.

#[path = "support/answer.rs"]
mod answer;
mod support;

use answer::{run, try_run};
use reckon_sql::session::Progress;
use reckon_sql::{Database, Error, Options, Session};
use support::{Rows, session};

const LEVELS: [&str; 2] = ["repeatable read", "serializable"];

const TABLES: &str = "create table other (a int); \
    create table lk (id int primary key, k int, u text); \
    insert into lk select g, g, 'u' || g from generate_series(1, 3) g";

/// Two sessions on the tables; the first is in a transaction that has a snapshot.
fn pair(level: &str) -> (Database, Session, Session) {
    let database = Database::open_in_memory(Options::default()).expect("a database in memory");
    let (mut a, mut b) = (session(&database), session(&database));
    assert_eq!(run(&mut b, TABLES), "");
    assert_eq!(
        run(&mut a, &format!("begin isolation level {level}; select count(*) from other")),
        "0"
    );
    (database, a, b)
}

/// The same at each level that keeps a snapshot.
fn at_each_level(check: impl Fn(&str, &mut Session, &mut Session)) {
    for level in LEVELS {
        let (_database, mut a, mut b) = pair(level);
        check(level, &mut a, &mut b);
    }
}

/// Feeds COPY `table` FROM STDIN.
fn copy(session: &mut Session, table: &str, lines: &str) -> Result<(), Error> {
    let mut script = session.script(&format!("copy {table} from stdin"))?;
    while session.next(&mut script)?.is_some() {
        if let Progress::CopyIn { .. } = session.execute("", 0, &mut Rows::default())? {
            session.copy_data(lines.as_bytes())?;
            session.copy_done()?;
        }
    }
    session.wait_until_durable();
    Ok(())
}

#[test]
fn a_write_is_refused_when_its_table_was_redefined_since_the_snapshot() {
    let update = "update lk set k = k + 1000 where id = 1";
    let redefinitions = [
        "create index lk_k on lk (k)",
        "alter table lk add unique (u)",
        "truncate lk",
        "truncate lk; insert into lk values (1, 1, 'u1')",
        "drop table lk",
        "drop table lk; create table lk (id int primary key, k int, u text)",
    ];
    let writes = [
        update,
        "delete from lk where id = 2",
        "insert into lk values (9, 9, 'u1')",
        "insert into lk select 9, 9, 'u9' from other right join lk on true limit 1",
        "select * from lk for update",
        "explain (analyze, costs off, timing off) update lk set k = 0",
    ];
    for level in LEVELS {
        for redefinition in redefinitions {
            for write in writes {
                let (_database, mut a, mut b) = pair(level);
                assert_eq!(run(&mut b, redefinition), "");
                let dropped = redefinition.starts_with("drop");
                let error = try_run(&mut a, write).expect_err(write);
                let what = if dropped { "delete" } else { "update" };
                assert_eq!(
                    error.to_string(),
                    format!("could not serialize access due to concurrent {what}"),
                    "{level}: {redefinition}; {write}"
                );
                assert_eq!(error.sqlstate().to_string(), "40001");
                run(&mut a, "rollback");
                if redefinition == "create index lk_k on lk (k)" {
                    assert!(!run(&mut a, write).starts_with("4"), "again: {write}");
                }
            }
        }
    }
}

#[test]
fn an_index_and_its_table_agree_after_a_refused_update() {
    at_each_level(|level, a, b| {
        run(b, "create index lk_k on lk (k)");
        let update = "update lk set k = k + 1000 where id = 1";
        assert_eq!(run(a, update), "40001");
        let again = format!("rollback; begin isolation level {level}; {update}; commit");
        assert_eq!(run(a, &again), "");
        let rows = "select id, k from lk order by k limit 1000";
        assert_eq!(run(a, rows), "2|2 3|3 1|1001");
    });
}

#[test]
fn a_new_primary_key_refuses_writes_of_older_snapshots() {
    at_each_level(|level, a, b| {
        run(b, "create table plain (id int, v int); insert into plain values (1, 1)");
        run(a, &format!("rollback; begin isolation level {level}; select * from other"));
        run(b, "alter table plain add primary key (id)");
        assert_eq!(run(a, "insert into plain values (1, 2)"), "40001");
        run(a, "rollback");
        assert_eq!(run(a, "insert into plain values (1, 2)"), "23505");
    });
}

#[test]
fn copy_is_refused_when_its_table_was_redefined_since_the_snapshot() {
    for level in LEVELS {
        for redefinition in ["truncate lk", "create index lk_k on lk (k)"] {
            let (_database, mut a, mut b) = pair(level);
            run(&mut b, redefinition);
            let error = copy(&mut a, "lk", "7\t7\tu7\n").expect_err(redefinition);
            assert_eq!(error.sqlstate().to_string(), "40001", "{level}: {redefinition}");
            run(&mut a, "rollback");
            copy(&mut a, "lk", "7\t7\tu7\n").expect("a new transaction writes");
            assert_eq!(run(&mut b, "select k from lk where id = 7"), "7");
        }
    }
}

#[test]
fn a_statement_that_waited_for_a_truncate_writes_where_others_read_or_is_refused() {
    for level in LEVELS {
        for before in ["", "select * from other; "] {
            let (database, mut a, mut b) = pair(level);
            run(&mut a, &format!("rollback; set default_transaction_isolation = '{level}'"));
            run(&mut b, "begin; truncate lk");
            let mut watcher = session(&database);
            let insert = format!("{before}insert into lk values (4, 4, 'u4')");
            let answer = std::thread::scope(|threads| {
                let waiter = threads.spawn(|| run(&mut a, &insert));
                while run(&mut watcher, "select count(*) from pg_locks where not granted") == "0" {
                    std::thread::yield_now();
                }
                run(&mut b, "commit");
                waiter.join().expect("the waiter ends")
            });
            let found = run(&mut b, "select id from lk");
            let expected = if before.is_empty() { ("", "4") } else { ("40001", "") };
            assert_eq!((&*answer, &*found), expected, "{level}: {before}");
        }
    }
}

#[test]
fn definitions_of_other_tables_and_unchanged_ones_refuse_nothing() {
    at_each_level(|_, a, b| {
        assert_eq!(run(a, "insert into lk values (4, 4, 'u4')"), "");
        run(b, "create index on other (a); create table third (a int); analyze lk");
        assert_eq!(run(a, "update lk set k = 40 where id = 4; delete from lk where id = 1"), "");
        assert_eq!(run(a, "select id from lk where id = 2 for update"), "2");
        copy(a, "lk", "7\t7\tu7\n").expect("its table is as it was");
        // What it only reads may have changed.
        assert_eq!(run(a, "insert into lk select 8, count(*), 'u8' from other"), "");
        assert_eq!(run(a, "insert into other values (1)"), "40001");
    });
}

#[test]
fn a_transaction_may_redefine_tables_itself_and_write() {
    at_each_level(|_, a, b| {
        let sql = "create index lk_k on lk (k); insert into lk values (4, 4, 'u4'); \
            alter table lk add unique (u); update lk set k = 0 where id = 4; \
            create table own (a int primary key); insert into own values (1); \
            create index on own (a)";
        assert_eq!(run(a, sql), "");
        run(b, "create table third (a int)");
        let sql = "truncate lk; insert into lk values (5, 5, 'u5'); create index on lk (u); commit";
        assert_eq!(run(a, sql), "");
        assert_eq!(run(b, "select id, k from lk order by k limit 1000"), "5|5");
        assert_eq!(run(b, "select a from own"), "1");
    });
}

#[test]
fn own_definitions_do_not_hide_what_others_defined() {
    at_each_level(|_, a, b| {
        assert_eq!(run(a, "create table own (a int); create index on other (a)"), "");
        run(b, "create index lk_k on lk (k)");
        assert_eq!(run(a, "savepoint s; update lk set k = 7"), "40001");
        assert_eq!(run(a, "rollback to s; insert into own values (1); commit"), "");
        assert_eq!(run(b, "select a from own"), "1");
    });
}

#[test]
fn nothing_is_built_from_rows_that_the_transaction_must_not_see() {
    let builds = [
        "create index lk_k on lk (k)",
        "alter table lk add unique (k)",
        "alter table lk add primary key (id)",
    ];
    let changes = [
        "update lk set k = 1000 where id = 1",
        "delete from lk where id = 2",
        "insert into lk values (4, 4, 'u4')",
        "truncate lk",
        "alter table lk add constraint lk_p primary key (id, k)",
    ];
    let made = |level: &str| {
        let (database, mut a, mut b) = pair(level);
        run(&mut b, "drop table lk; create table lk (id int not null, k int, u text)");
        run(&mut b, "insert into lk select g, g, 'u' || g from generate_series(1, 3) g");
        run(&mut a, &format!("rollback; begin isolation level {level}; select * from other"));
        (database, a, b)
    };
    for level in LEVELS {
        for build in builds {
            for change in changes {
                let (_database, mut a, mut b) = made(level);
                assert_eq!(run(&mut b, change), "");
                assert_eq!(run(&mut a, build), "40001", "{level}: {change}; {build}");
            }
            let (_database, mut a, mut b) = made(level);
            run(&mut b, "insert into other values (1)");
            assert_eq!(run(&mut a, "insert into lk values (4, 4, 'u4')"), "");
            assert_eq!(run(&mut a, build), "", "{level}: {build}");
            let rows = "select id, k from lk order by k limit 1000";
            assert_eq!(run(&mut a, rows), "1|1 2|2 3|3 4|4");
        }
    }
}

#[test]
fn read_committed_works_on_what_it_finds() {
    let (_database, mut a, mut b) = pair("read committed");
    run(&mut b, "create index lk_k on lk (k)");
    assert_eq!(run(&mut a, "update lk set k = k + 1000 where id = 1"), "");
    run(&mut b, "update other set a = 1; insert into other values (2)");
    assert_eq!(run(&mut a, "create index on other (a); commit"), "");
    assert_eq!(run(&mut b, "select id, k from lk order by k limit 1000"), "2|2 3|3 1|1001");
}

#[test]
fn who_locks_the_table_first_may_index_what_others_wrote() {
    at_each_level(|level, a, b| {
        run(a, &format!("rollback; begin isolation level {level}"));
        run(b, "insert into lk values (4, 0, 'u4')");
        run(a, "lock table lk in share row exclusive mode; create index lk_k on lk (k)");
        assert_eq!(run(a, "select id from lk order by k limit 1000; commit"), "4 1 2 3");
        run(b, "insert into lk values (5, 0, 'u5')");
        run(a, &format!("set default_transaction_isolation = '{level}'"));
        run(b, "begin; insert into lk values (6, 0, 'u6')");
        run(a, "set lock_timeout = 1");
        assert_eq!(run(a, "create index lk_u on lk (u)"), "55P03");
        run(b, "commit");
        assert_eq!(run(a, "create index lk_u on lk (u)"), "");
    });
}
