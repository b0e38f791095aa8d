//! Statements through a session, over the store in memory.

#[path = "support/show.rs"]
mod show;
mod support;

use reckon_sql::session::Progress;
use reckon_sql::types::Oid;
use reckon_sql::{Database, Error, Options, Session};
use show::{run, show};
use support::{Rows, session};

#[test]
fn statements_see_what_the_ones_before_them_did() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    for (sql, expected) in [
        ("create table t (id int primary key, v text)", "CREATE TABLE"),
        ("insert into t values (1, 'one'), (2, 'two')", "INSERT 0 2"),
        ("select v from t where id = 2", "two\nSELECT 1"),
        ("select * from t order by id desc", "2|two\n1|one\nSELECT 2"),
        ("update t set v = v || '!' where id = 1", "UPDATE 1"),
        ("select count(*), max(v) from t", "2|two\nSELECT 1"),
        (
            "insert into t values (1, 'x')",
            "23505 duplicate key value violates unique constraint \"t_pkey\"",
        ),
        ("delete from t where id = 2 returning *", "2|two\nDELETE 1"),
        ("select * from t", "1|one!\nSELECT 1"),
        ("select nope from t", "42703 column \"nope\" does not exist at 8"),
        ("select 1 collate \"C\"", "42804 collations are not supported by type integer at 10"),
    ] {
        assert_eq!(show(&mut session, sql), expected, "{sql}");
    }
}

#[test]
fn a_definition_rolls_back_with_its_transaction() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    let made = "begin; create table t (id int primary key, v text); create index i on t (v); \
                insert into t values (3, 'three'); select id from t where v = 'three'; rollback";
    assert_eq!(
        show(&mut session, made),
        "BEGIN\nCREATE TABLE\nCREATE INDEX\nINSERT 0 1\n3\nSELECT 1\nROLLBACK"
    );
    assert_eq!(show(&mut session, "table t"), "42P01 relation \"t\" does not exist at 7");
}

/// A run that is kept writes its rows as the settings say by then.
#[test]
fn rows_of_a_prepared_statement_are_written_as_settings_say() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    session.parse("p", "select timestamptz '2020-01-01 00:00+00'", &[]).expect("it is prepared");
    for (zone, expected) in [
        ("UTC", "2020-01-01 00:00:00+00"),
        ("Asia/Tokyo", "2020-01-01 09:00:00+09"),
        ("UTC", "2020-01-01 00:00:00+00"),
    ] {
        show(&mut session, &format!("set timezone = '{zone}'"));
        session.bind("", "p", &[], &[], &[]).expect("it is bound");
        let mut rows = Rows::default();
        session.execute("", 0, &mut rows).expect("it runs");
        session.sync().expect("nothing to commit");
        assert_eq!(rows.0, [expected]);
    }
    show(&mut session, "begin");
    let all = "select timestamptz '2020-01-01 00:00+00' from generate_series(1, 2)";
    session.parse("q", all, &[]).expect("it is prepared");
    session.bind("c", "q", &[], &[], &[]).expect("it is bound");
    let mut rows = Rows::default();
    session.execute("c", 1, &mut rows).expect("it runs");
    show(&mut session, "set timezone = 'Asia/Tokyo'");
    session.execute("c", 1, &mut rows).expect("it goes on");
    assert_eq!(rows.0, ["2020-01-01 00:00:00+00", "2020-01-01 09:00:00+09"]);
}

#[test]
fn a_text_that_cannot_be_parsed_ends_the_unnamed_statement() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    session.parse("", "select 1", &[]).expect("it is prepared");
    session.sync().expect("nothing to commit");
    assert!(show(&mut session, "selec").starts_with("42601 "));
    let error = session.bind("", "", &[], &[], &[]).expect_err("it is gone");
    assert_eq!(error.sqlstate().to_string(), "26000");
    for wrong in ["selec", "select nope"] {
        session.parse("", "select 1", &[]).expect("it is prepared");
        session.parse("", wrong, &[]).expect_err("it is wrong");
        let error = session.bind("", "", &[], &[], &[]).expect_err("it is gone");
        assert_eq!(error.sqlstate().to_string(), "26000", "{wrong}");
    }
}

#[test]
fn values_that_differ_in_trailing_blanks_are_looked_up_once() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    show(&mut session, "create table c (c char(5) primary key); insert into c values ('a'), ('b')");
    for (sql, expected) in [
        ("select c from c where c in ('a', 'a ', 'a  ')", "a    \nSELECT 1"),
        ("select c from c where c = any ('{a,\"a \"}'::bpchar[])", "a    \nSELECT 1"),
        ("select count(*) from c where c in ('b', 'a ', 'b  ', null)", "2\nSELECT 1"),
    ] {
        assert_eq!(show(&mut session, sql), expected, "{sql}");
    }
}

#[test]
fn an_operator_ends_before_a_sign_and_before_a_comment() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    let none = |operator: &str, at: u32| {
        format!("42883 operator does not exist: integer {operator} integer at {at}")
    };
    for (sql, expected) in [
        ("select 1>=-1, 1<>-1, 1>=+1, 1>=-+-1, 1<-1, 1>-1", "t|t|t|t|f|t\nSELECT 1".to_owned()),
        ("select 1=-1, 1+-1, 1-+1, 7/-2, 2*-1, 3>>-32", "f|0|0|-3|-2|3\nSELECT 1".to_owned()),
        ("select 1>=/* */1, 1>--\n2, 1<>--\n2, 1!=/**/2", "t|f|t|t\nSELECT 1".to_owned()),
        ("select 'é',\n 1!=-1", none("!=-", 15)),
        ("select 1<>1, 1!=+1", none("!=+", 15)),
        ("select 1>=*1", none(">=*", 9)),
        ("select 2%-1", none("%-", 9)),
        ("select 1->-1", none("->", 9)),
        ("select 1==-1", none("==", 9)),
        ("select 1<>-1 and 1!=@1", none("!=@", 19)),
    ] {
        assert_eq!(show(&mut session, sql), expected, "{sql}");
    }
}

#[test]
fn read_only_ends_with_the_savepoint_before_it_and_never_otherwise() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    show(&mut session, "create table r (id int)");
    let inside = "25001 cannot set transaction read-write mode inside a read-only transaction";
    let late = "25001 transaction read-write mode must be set before any query";
    let refused = "25006 cannot execute INSERT in a read-only transaction";
    let deferrable =
        "25001 SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction";
    let serializable = "0A000 READ ONLY of a SERIALIZABLE transaction behind a savepoint \
                        is not supported";
    let write = "insert into r values (1)";
    let (only, both) = ("set transaction read only", "set transaction read write");
    for (statements, expected) in [
        (&["begin read only", "savepoint a", both][..], inside),
        (&["begin", "savepoint a", only, both], inside),
        (&["begin read only", "select 1", both], late),
        (&["begin read only", both, write], "INSERT 0 1"),
        (&["begin", "savepoint a", only, write], refused),
        (&["begin", "savepoint a", only, write, "rollback to a", write], "INSERT 0 1"),
        (&["begin", "savepoint a", only, "savepoint b", "rollback to b", write], refused),
        (&["begin", "savepoint a", only, "savepoint b", "release a", write], "INSERT 0 1"),
        (&["begin", only, "savepoint a", "release a", write], refused),
        (&["begin", "savepoint a", "set transaction deferrable"], deferrable),
        (&["begin isolation level serializable", "savepoint a", only], serializable),
    ] {
        let last = statements.iter().map(|sql| show(&mut session, sql)).last();
        assert_eq!(last.as_deref(), Some(expected), "{statements:?}");
        show(&mut session, "rollback");
    }
}

#[test]
fn set_config_of_a_transaction_is_set_transaction_in_a_query() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    show(&mut session, "create table s (id int)");
    let on = "select set_config('transaction_read_only', 'on', true)";
    let off = "select set_config('Transaction_Read_Only', 'off', true)";
    let level = "select set_config('transaction_isolation', 'serializable', false)";
    let same = "select set_config('transaction_isolation', 'read committed', false)";
    let defer = "select set_config('transaction_deferrable', 'on', false)";
    let failing = "select set_config('transaction_read_only', 'on', true), 1 / 0";
    let write = "insert into s values (1)";
    let refused = "25006 cannot execute INSERT in a read-only transaction";
    let inside = "25001 cannot set transaction read-write mode inside a read-only transaction";
    let late = "25001 transaction read-write mode must be set before any query";
    let late_level = "25001 SET TRANSACTION ISOLATION LEVEL must be called before any query";
    let late_defer = "25001 SET TRANSACTION [NOT] DEFERRABLE must be called before any query";
    let asked = "select current_setting('transaction_read_only')";
    let level_asked = "select current_setting('transaction_isolation')";
    for (statements, expected) in [
        (&["begin", on, write][..], refused),
        (&["begin", on, "show transaction_read_only"], "on\nSHOW"),
        (&["begin", on, asked], "on\nSELECT 1"),
        (&["begin", on, off], late),
        (&["begin", off, write], "INSERT 0 1"),
        (&["begin", on, "commit and chain", write], refused),
        (&["begin", "savepoint a", on, "rollback to a", write], "INSERT 0 1"),
        (&["begin", "savepoint a", failing, "rollback to a", write], "INSERT 0 1"),
        (&["begin", "savepoint a", on, off], inside),
        (&[on, write], "INSERT 0 1"),
        (&["begin", level], late_level),
        (&[level], late_level),
        (&["begin", same], "read committed\nSELECT 1"),
        (&["begin isolation level serializable", level_asked], "serializable\nSELECT 1"),
        (&["begin isolation level serializable", level], "serializable\nSELECT 1"),
        (&[defer], late_defer),
    ] {
        let last = statements.iter().map(|sql| show(&mut session, sql)).last();
        assert_eq!(last.as_deref(), Some(expected), "{statements:?}");
        show(&mut session, "rollback");
    }
}

#[test]
fn several_statements_in_a_text_are_a_block_for_what_lasts_as_long_as_a_transaction() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    show(&mut session, "create table m (id int)");
    let late = "25001 SET TRANSACTION ISOLATION LEVEL must be called before any query";
    let refused = "25006 cannot execute INSERT in a read-only transaction";
    let no_lock = "25P01 LOCK TABLE can only be used in transaction blocks";
    let outside = |command| format!("{command} can only be used in transaction blocks");
    for (sql, expected, status, warning) in [
        ("insert into m values (10); begin isolation level serializable", late, b'I', None),
        ("select count(*) from m", "0\nSELECT 1", b'I', None),
        ("insert into m values (10); begin; select 1 / 0", "22012 division by zero", b'E', None),
        ("rollback", "ROLLBACK", b'I', None),
        ("select 1; begin isolation level read committed", "1\nSELECT 1\nBEGIN", b'T', None),
        ("begin isolation level serializable", late, b'E', Some("there is already")),
        ("rollback", "ROLLBACK", b'I', None),
        ("set transaction read only; insert into m values (3)", refused, b'I', None),
        ("set transaction read only; begin; insert into m values (3)", refused, b'E', None),
        ("rollback", "ROLLBACK", b'I', None),
        (
            "set transaction isolation level serializable; show transaction_isolation",
            "SET\nserializable\nSHOW",
            b'I',
            None,
        ),
        ("show transaction_isolation", "read committed\nSHOW", b'I', None),
        (
            "insert into m values (1); set transaction isolation level serializable",
            late,
            b'I',
            None,
        ),
        ("lock table m in exclusive mode; update m set id = 1", "LOCK TABLE\nUPDATE 0", b'I', None),
        ("lock table m", no_lock, b'I', None),
        ("lock table m;;", no_lock, b'I', None),
        ("set local work_mem = '1MB'; show work_mem", "SET\n1MB\nSHOW", b'I', None),
        ("set local work_mem = '1MB'", "SET", b'I', Some(&*outside("SET LOCAL"))),
        ("set transaction read only", "SET", b'I', Some(&*outside("SET TRANSACTION"))),
        (
            "set transaction as of system time now(); select 1",
            "0A000 SET TRANSACTION AS OF SYSTEM TIME without BEGIN is not supported",
            b'I',
            None,
        ),
        ("insert into m values (1)", "INSERT 0 1", b'I', None),
    ] {
        assert_eq!(show(&mut session, sql), expected, "{sql}");
        assert_eq!(session.transaction_status(), status, "{sql}");
        let told: Vec<_> = session.notices().into_iter().map(|notice| notice.message).collect();
        assert_eq!(told.len(), usize::from(warning.is_some()), "{sql}: {told:?}");
        assert!(told.iter().all(|told| told.starts_with(warning.unwrap_or_default())), "{told:?}");
    }
}

/// Binds the statement `s` to row 1 and executes it; `between` happens in the middle.
fn ask(session: &mut Session, portal: &str, between: impl FnOnce()) -> Result<String, Error> {
    session.bind(portal, "s", &[], &[Some(b"1")], &[])?;
    between();
    let mut rows = Rows::default();
    session.execute(portal, 0, &mut rows)?;
    Ok(rows.0.join("\n"))
}

#[test]
fn a_statement_that_ran_before_runs_on_the_definitions_of_now() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let (mut reader, mut other) = (session(&database), session(&database));
    let mut change = |sql: &str| {
        show(&mut other, sql);
    };
    change("create table t (id int primary key, v text); insert into t values (1, 'a')");
    reader.parse("s", "select v from t where id = $1", &[]).expect("a good statement");
    let mut answer = |sql: &str, bound_before: bool| {
        let mut change = || change(sql);
        let answer = if bound_before {
            ask(&mut reader, "", change)
        } else {
            change();
            ask(&mut reader, "", || {})
        };
        reader.sync().expect("it ends");
        answer.expect("it runs")
    };
    assert_eq!(answer("", false), "a");
    let moved = "drop table t; create table t (v text, more int, id int primary key);
        insert into t values ('b', 2, 1)";
    assert_eq!(answer(moved, false), "b");
    assert_eq!(answer("truncate t; insert into t values ('c', 3, 1)", true), "c");
    let unclustered =
        "drop table t; create table t (id int, v text); insert into t values (1, 'd')";
    assert_eq!(answer(unclustered, true), "d");
    assert_eq!(answer("create unique index on t (id)", true), "d");
    assert_eq!(answer("alter table t add primary key (id)", true), "d");
}

#[test]
fn portals_of_one_statement_run_side_by_side() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    show(&mut session, "create table t (id int primary key); insert into t values (1)");
    session.parse("s", "select id from t where id >= $1", &[]).expect("a good statement");
    show(&mut session, "begin");
    for _ in 0..2 {
        let inner = |session: &mut Session| ask(session, "", || {}).expect("it runs");
        session.bind("outer", "s", &[], &[Some(b"0")], &[]).expect("it is bound");
        assert_eq!(inner(&mut session), "1");
        let mut rows = Rows::default();
        session.execute("outer", 0, &mut rows).expect("it runs");
        assert_eq!(rows.0, ["1"]);
        session.close_portal("outer");
    }
}

/// The plan of a query, without its costs.
fn plan_of(session: &mut Session, sql: &str) -> String {
    show(session, &format!("explain (costs off) {sql}"))
}

#[test]
fn a_plan_follows_what_analyze_found() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    let setup = "create table t (id int primary key, kind int, rest text);
        create index on t (kind);
        insert into t select n, case when n > 990 then n else 1 end from generate_series(1, 1000) n";
    show(&mut session, setup);
    let common = "select * from t where kind = 1";
    let rare = "select * from t where kind = 995";
    let scan = "Seq Scan on t\n  Filter: (kind = 1)\nEXPLAIN";
    let lookup = "Index Scan using t_kind_idx on t\n  Index Cond: (kind = 1)\nEXPLAIN";
    assert_eq!(plan_of(&mut session, common), lookup);
    assert_eq!(show(&mut session, "begin; analyze t"), "BEGIN\nANALYZE");
    assert_eq!(plan_of(&mut session, common), scan);
    assert_eq!(show(&mut session, "rollback"), "ROLLBACK");
    assert_eq!(plan_of(&mut session, common), lookup, "ANALYZE rolls back");
    show(&mut session, "prepare p as select * from t where kind = 1");
    show(&mut session, "analyze t (kind)");
    assert_eq!(plan_of(&mut session, common), scan);
    assert_eq!(
        plan_of(&mut session, rare),
        "Index Scan using t_kind_idx on t\n  Index Cond: (kind = 995)\nEXPLAIN"
    );
    assert_eq!(show(&mut session, "execute p").lines().count(), 991);
    show(&mut session, "drop table t");
    show(&mut session, setup);
    assert_eq!(plan_of(&mut session, common), lookup, "statistics go with their table");
}

#[test]
fn rows_are_estimated_from_common_values_and_bounds() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    show(&mut session, "create table t (id int primary key, half int, kind text)");
    let rows = "insert into t select n, case when n % 2 = 0 then n end, 'k' || n % 4
        from generate_series(1, 1000) n";
    show(&mut session, rows);
    show(&mut session, "analyze");
    for (condition, expected) in [
        ("half is null", 500),
        ("kind = 'k1'", 250),
        ("kind in ('k1', 'k2')", 500),
        ("kind = 'nothing'", 1),
        ("id <= 100", 100),
        ("id between 101 and 300", 200),
        ("half > 500", 250),
    ] {
        let plan = show(&mut session, &format!("explain select * from t where {condition}"));
        let rows = plan.split("rows=").nth(1).and_then(|rest| rest.split(' ').next());
        let rows: i64 = rows.and_then(|rows| rows.parse().ok()).expect("a plan has rows");
        assert!((rows - expected).abs() <= 1 + expected / 50, "{condition}: {rows}");
    }
}

#[test]
fn vacuum_and_analyze_say_what_they_did_when_asked() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    show(&mut session, "create table t (id int primary key)");
    show(&mut session, "insert into t select generate_series(1, 10)");
    assert_eq!(show(&mut session, "vacuum (verbose, analyze) t"), "VACUUM");
    let said: Vec<String> = session.notices().into_iter().map(|notice| notice.message).collect();
    assert_eq!(said[0], "vacuuming \"postgres.public.t\"");
    assert!(said[1].starts_with("finished vacuuming \"postgres.public.t\": "), "{}", said[1]);
    assert_eq!(said[2], "analyzing \"public.t\"");
    assert_eq!(said[3], "\"t\": read 10 rows; 10 rows in sample");
    assert!(show(&mut session, "vacuum (truncate off) t").starts_with("0A000"));
    assert!(show(&mut session, "vacuum (parallel 4) t").starts_with("0A000"));
}

#[test]
fn words_of_other_databases_are_not_swallowed() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    for option in ["auto_increment", "autoincrement", "asc", "desc", "identity", "srid 4"] {
        let answer = show(&mut session, &format!("create table t (a int {option})"));
        assert!(answer.starts_with("42601 syntax error at or near"), "{option}: {answer}");
    }
}

#[test]
fn the_counters_are_a_relation() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    show(&mut session, "create table t (id int primary key)");
    show(&mut session, "insert into t values (1)");
    let sql = "select value > 0 from reckon_counters where name in ('commits', 'log_syncs')";
    assert_eq!(show(&mut session, sql), "t\nt\nSELECT 2");
    assert!(show(&mut session, "drop table reckon_counters").starts_with("42501"));
}

#[test]
fn lock_timeout_ends_the_wait_for_a_row() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let (mut holder, mut waiter) = (session(&database), session(&database));
    show(&mut holder, "create table t (id int primary key, v int)");
    show(&mut holder, "insert into t values (1, 1)");
    show(&mut holder, "begin; update t set v = 2");
    show(&mut waiter, "set lock_timeout = 1");
    for sql in ["update t set v = 3", "delete from t", "select * from t for update"] {
        let answer = show(&mut waiter, sql);
        assert_eq!(answer, "55P03 canceling statement due to lock timeout", "{sql}");
    }
}

#[test]
fn client_min_messages_decides_what_is_told() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    for (level, told) in [("log", 1), ("notice", 1), ("warning", 0), ("error", 0)] {
        show(&mut session, &format!("set client_min_messages = {level}"));
        show(&mut session, "drop table if exists nosuch");
        assert_eq!(session.notices().len(), told, "{level}");
    }
}

#[test]
fn what_memory_holds_of_tables_and_indexes_is_a_relation() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    show(&mut session, "create table t (id int primary key, name text)");
    show(&mut session, "create index t_name on t (name)");
    show(&mut session, "insert into t select n, 'x' from generate_series(1, 2000) n");
    let sql = "select tablename, name, relid = name::regclass::oid, records, absent_leaves, \
               fill between 0.5 and 1, learned_leaves = resident_leaves, index_bytes < 24 * records \
               from reckon_index_stats where schemaname = 'public'";
    // Both were made empty, so memory has known all of them from the start.
    let rows = "t|t|t|2000|0|t|t|t\nt|t_name|t|2000|0|t|t|t\nSELECT 2";
    assert_eq!(show(&mut session, sql), rows);
    assert!(show(&mut session, "drop table reckon_index_stats").starts_with("42501"));
}

#[test]
fn the_tree_of_a_table_or_an_index_is_shown_and_models_are_switched() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    show(&mut session, "create table t (id int primary key, name text)");
    show(&mut session, "create index t_name on t (name)");
    show(&mut session, "insert into t select n, 'x' || n from generate_series(1, 2000) n");
    let outline = show(&mut session, "select reckon_index_outline('t')");
    assert!(outline.contains(": resident, learned, "), "{outline}");
    assert_eq!(show(&mut session, "select reckon_index_outline('t_pkey')"), outline);
    let index = show(&mut session, "select reckon_index_outline('t_name')");
    assert!(index.contains("leaf ..") && index != outline, "{index}");
    assert!(show(&mut session, "select reckon_index_outline(1)").starts_with("42P01"));

    let used = "select value from reckon_counters where name = 'models_used'";
    assert_eq!(show(&mut session, used), "1\nSELECT 1");
    assert_eq!(show(&mut session, "select reckon_use_models(false)"), "t\nSELECT 1");
    assert_eq!(show(&mut session, used), "0\nSELECT 1");
    assert_eq!(show(&mut session, "select name from t where id = 77"), "x77\nSELECT 1");
    assert_eq!(show(&mut session, "select reckon_use_models(true)"), "f\nSELECT 1");
}

#[test]
fn a_text_parsed_again_means_what_it_means_now() {
    let database = Database::open_in_memory(Options::default()).expect("an empty database");
    let mut session = session(&database);
    let text = "select * from t where a = $1";
    let columns = |session: &mut Session, name: &str| {
        let described = session.describe_statement(name);
        described.map(|d| (d.parameters, d.columns.map_or(0, |columns| columns.len())))
    };
    run(&mut session, "create table t (a int)").expect("a table");
    session.parse("old", text, &[]).expect("a statement");
    session.parse("same", text, &[]).expect("the same statement");
    assert_eq!(columns(&mut session, "same").expect("columns"), (vec![Oid(23)], 1));
    session.parse("typed", text, &[Oid(20)]).expect("with a declared type");
    assert_eq!(columns(&mut session, "typed").expect("columns"), (vec![Oid(20)], 1));

    run(&mut session, "drop table t; create table t (a int8, b int)").expect("another table");
    let error = columns(&mut session, "old").expect_err("its columns are others");
    assert_eq!(error.sqlstate().to_string(), "0A000");
    session.parse("new", text, &[]).expect("a statement");
    assert_eq!(columns(&mut session, "new").expect("columns"), (vec![Oid(20)], 2));

    run(&mut session, "begin").expect("a block");
    run(&mut session, "select 1/0").expect_err("it fails");
    let error = session.parse("late", text, &[]).expect_err("the block has failed");
    assert_eq!(error.sqlstate().to_string(), "25P02");
}

/// A row of a query, or the SQLSTATE.
fn one(session: &mut Session, sql: &str) -> String {
    match run(session, sql) {
        Ok(rows) => rows.first().cloned().unwrap_or_default(),
        Err(error) => error.sqlstate().to_string(),
    }
}

fn with_prepared_transactions() -> Database {
    let mut options = Options::default();
    options.engine.max_prepared_transactions = 4;
    Database::open_in_memory(options).expect("memory opens")
}

#[test]
fn analyze_leaves_a_serializable_read_only_transaction_its_snapshot() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let (s, other) = (&mut session(&database), &mut session(&database));
    one(s, "create table t (a int); insert into t values (1)");
    one(s, "begin isolation level serializable read only");
    assert_eq!(one(s, "select count(*) from t"), "1");
    let name = one(s, "select pg_export_snapshot()");
    assert_eq!(one(other, "insert into t values (2), (3)"), "INSERT 0 2");
    assert_eq!(one(s, "analyze t"), "ANALYZE");
    assert_eq!(one(s, "select count(*) from t"), "1");
    assert_eq!(one(s, "show transaction_read_only"), "on");
    one(other, "begin isolation level repeatable read");
    one(other, &format!("set transaction snapshot '{name}'"));
    assert_eq!(one(other, "select count(*) from t"), "1");
    one(other, "commit");
    assert_eq!(one(s, "commit"), "COMMIT");
    let plan = one(s, "explain select * from t");
    assert!(plan.contains("rows=3"), "{plan}");
}

#[test]
fn a_client_connects_with_settings_it_may_set() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let connect = |name: &str, value: &str| {
        database.connect(reckon_sql::ConnectOptions {
            user: "postgres".to_owned(),
            database: "postgres".to_owned(),
            settings: vec![(name.to_owned(), value.to_owned())],
        })
    };
    for (name, value, problem) in [
        ("is_superuser", "on", "cannot be changed"),
        ("Server_Version", "99", "cannot be changed"),
        ("session_authorization", "bob", "cannot be changed"),
        ("max_prepared_transactions", "9", "cannot be changed without restarting the server"),
    ] {
        let error = connect(name, value).err().expect("it is refused");
        assert_eq!(error.sqlstate().to_string(), "55P02");
        assert!(error.to_string().ends_with(problem), "{error}");
    }
    let mut session = connect("work_mem", "1MB").expect("it is anybody's");
    assert_eq!(one(&mut session, "show work_mem"), "1MB");
}

#[test]
fn the_statement_behind_lock_table_knows_what_lock_table_knew() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let (s, other) = (&mut session(&database), &mut session(&database));
    assert_eq!(one(s, "select 1"), "1");
    one(other, "create table t2 (a int)");
    one(s, "begin");
    assert_eq!(one(s, "lock table t2"), "LOCK TABLE");
    assert_eq!(one(s, "select 't2'::regclass"), "t2");
}

#[test]
fn parsing_a_query_in_a_block_is_its_first_query() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let s = &mut session(&database);
    for _ in 0..2 {
        one(s, "begin isolation level repeatable read");
        s.parse("p", "select 1", &[]).expect("it is planned");
        s.close_statement("p");
        assert_eq!(one(s, "set transaction isolation level serializable"), "25001");
        one(s, "rollback");
    }
}

#[test]
fn a_database_is_dropped_once() {
    let database = with_prepared_transactions();
    one(&mut session(&database), "create database d");
    let options = reckon_sql::ConnectOptions {
        user: "postgres".to_owned(),
        database: "d".to_owned(),
        settings: Vec::new(),
    };
    let inside = database.connect(options).expect("it is there");
    let dropping = [(); 2].map(|()| {
        let mut session = session(&database);
        std::thread::spawn(move || one(&mut session, "drop database d"))
    });
    drop(inside);
    let mut answers = dropping.map(|dropping| dropping.join().expect("it answers"));
    answers.sort();
    assert_eq!(answers, ["3D000", "DROP DATABASE"]);
}

#[test]
fn a_database_with_prepared_transactions_is_kept_and_stays_open() {
    let database = with_prepared_transactions();
    let s = &mut session(&database);
    one(s, "create database d");
    let connect = || {
        database.connect(reckon_sql::ConnectOptions {
            user: "postgres".to_owned(),
            database: "d".to_owned(),
            settings: Vec::new(),
        })
    };
    let mut inside = connect().expect("it is there");
    one(&mut inside, "begin; create table t (a int); prepare transaction 'g'");
    drop(inside);
    assert_eq!(one(s, "drop database d"), "55006");
    assert_eq!(one(s, "rollback prepared 'g'"), "0A000");
    let mut inside = connect().expect("it is still there");
    assert_eq!(one(&mut inside, "rollback prepared 'g'"), "ROLLBACK PREPARED");
    drop(inside);
    assert_eq!(one(s, "drop database d"), "DROP DATABASE");
    assert_eq!(connect().err().map(|error| error.sqlstate().to_string()).as_deref(), Some("3D000"));
}

#[test]
fn a_prepared_transaction_of_no_database_can_be_rolled_back() {
    let database = with_prepared_transactions();
    let mut engine = database.engine().session();
    let mut transaction = engine.begin(reckon_mvcc::Isolation::ReadCommitted, false);
    let keyspace = transaction.create_keyspace().expect("there is room");
    transaction.put(keyspace, b"k", b"v").expect("it is nobody else's");
    let (nowhere, superuser) = (999_999_u32.to_be_bytes(), 10_u32.to_be_bytes());
    let note = [nowhere, superuser].concat();
    let needed = transaction.prepare("orphan", &note).expect("it is prepared");
    database.engine().on_durable(needed).wait();
    let s = &mut session(&database);
    assert_eq!(one(s, "commit prepared 'orphan'"), "0A000");
    assert_eq!(one(s, "rollback prepared 'orphan'"), "ROLLBACK PREPARED");
}

#[test]
fn who_stops_itself_does_not_go_on() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    for (function, expected) in [
        ("pg_cancel_backend", "57014 canceling statement due to user request"),
        ("pg_terminate_backend", "57P01 terminating connection due to administrator command"),
    ] {
        let mut session = session(&database);
        let sql = format!("select {function}(pg_backend_pid())");
        assert_eq!(show(&mut session, &sql), expected);
    }
}

#[test]
fn a_setting_of_the_transaction_is_reset_as_it_is_set() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let s = &mut session(&database);
    for reset in ["reset transaction_isolation", "set transaction_isolation to default"] {
        show(s, "begin isolation level serializable");
        let tag = reset.split(' ').next().map(str::to_uppercase).expect("a word");
        assert_eq!(show(s, reset), tag);
        assert_eq!(show(s, "show transaction_isolation"), "read committed\nSHOW");
        show(s, "rollback; begin isolation level serializable; select 1");
        assert!(show(s, reset).starts_with("25001 "), "{reset}");
        show(s, "rollback");
    }
    show(s, "begin read only; reset transaction_read_only; create table t (a int)");
    assert_eq!(show(s, "insert into t values (1); commit"), "INSERT 0 1\nCOMMIT");
    assert_eq!(show(s, "RESET transaction_isolation"), "RESET");
    let warnings: Vec<_> = s.notices().iter().map(|notice| notice.message.clone()).collect();
    assert_eq!(warnings, ["RESET TRANSACTION can only be used in transaction blocks"]);
}

/// What is set outside a block is no part of the transactions behind it.
#[test]
fn settings_for_the_session_stay_when_the_next_transaction_rolls_back() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let s = &mut session(&database);
    for end in ["begin; rollback", "select 1 / 0"] {
        show(s, "set work_mem = '1MB'");
        assert_eq!(show(s, "discard all"), "DISCARD ALL");
        show(s, end);
        assert_eq!(show(s, "show work_mem"), "4MB\nSHOW", "{end}");
        show(s, "set session characteristics as transaction isolation level serializable");
        show(s, end);
        let level = show(s, "show default_transaction_isolation");
        assert_eq!(level, "serializable\nSHOW", "{end}");
    }
}

#[test]
fn an_error_takes_back_what_its_block_or_its_savepoint_has_set() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let s = &mut session(&database);
    let timeout = |s: &Session| s.settings().effective().statement_timeout_ms;
    show(s, "begin; set statement_timeout = 5; select 1 / 0");
    assert_eq!(timeout(s), 0);
    show(s, "rollback; begin; set statement_timeout = 5; savepoint a");
    show(s, "set statement_timeout = 7; select 1 / 0");
    assert_eq!(timeout(s), 5);
    show(s, "rollback to a; commit");
    assert_eq!(timeout(s), 5);
}

/// Row ids are given out once, whatever became of those who took them: nothing else keeps rows apart here.
#[test]
fn a_rolled_back_definition_changes_no_row_ids() {
    for change in ["truncate t", "drop table t", "alter table t add primary key (v)"] {
        let database = Database::open_in_memory(Options::default()).expect("memory opens");
        let [mut a, mut b] = [(); 2].map(|()| session(&database));
        show(&mut a, "create table t (v text); create index on t (v)");
        let insert = "insert into t values ('a')";
        show(&mut a, insert);
        show(&mut b, "begin isolation level repeatable read; select 1");
        show(&mut a, "insert into t values ('b'); insert into t values ('c')");
        assert!(show(&mut a, &format!("begin; {change}; rollback")).ends_with("\nROLLBACK"));
        show(&mut b, "insert into t select 'd'; commit");
        show(&mut a, "insert into t select 'e'");
        show(&mut a, insert);
        let rows = "a,a,b,c,d,e\nSELECT 1";
        let ask = "select string_agg(v, ',' order by v) from t";
        assert_eq!(show(&mut a, ask), rows, "{change}");
        assert_eq!(show(&mut a, &format!("{ask} where v >= ''")), rows, "{change}");
    }
}

#[test]
fn a_header_of_copy_may_have_several_lines() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = session(&database);
    show(&mut session, "create table t (a int, b text)");
    let mut script = session.script("copy t from stdin csv header").expect("it parses");
    session.next(&mut script).expect("it starts").expect("a statement");
    session.execute("", 0, &mut Rows::default()).expect("it waits for data");
    session.copy_data(b"a,\"b\r\nc\"\r\n1,x\r\n").expect("data is taken");
    let done = session.copy_done().expect("the data ends");
    assert!(matches!(done, Progress::Complete(tag) if tag == "COPY 1"));
    assert_eq!(show(&mut session, "select * from t"), "1|x\nSELECT 1");
}
