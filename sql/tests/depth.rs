//! Statements that are deep, long or multiply: none ends the process, each is answered.

mod support;

use reckon_sql::{Database, Error, Options, Session};
use support::{Rows, session};

/// The stack of a thread when nothing is said of it; those of a server have more.
const STACK_BYTES: usize = 2 << 20;

/// Runs on a thread with that much stack.
fn on_a_thread<R: Send + 'static>(work: impl FnOnce(&mut Session) -> R + Send + 'static) -> R {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(|| {
        let database = Database::open_in_memory(Options::default()).expect("memory opens");
        let mut session = session(&database);
        run(&mut session, "create table t (a int, b int); insert into t values (1, 2)")
            .expect("a table");
        work(&mut session)
    });
    thread.expect("a thread").join().expect("no panic")
}

fn run(session: &mut Session, sql: &str) -> Result<Vec<String>, Error> {
    support::script(session, sql, |_, _| {})
}

/// The code of the error, or `ok`.
fn answer(session: &mut Session, sql: &str) -> String {
    run(session, sql).map_or_else(|error| error.sqlstate().to_string(), |_| "ok".to_owned())
}

fn each_is_answered(expected: &'static str, statements: Vec<String>) {
    on_a_thread(move |session| {
        for sql in statements {
            assert_eq!(answer(session, &sql), expected, "{:.60}", sql);
        }
    });
}

fn repeated(head: &str, part: &str, times: usize, tail: &str) -> String {
    format!("{head}{}{tail}", part.repeat(times))
}

fn nested(head: &str, open: &str, inner: &str, close: &str, times: usize) -> String {
    format!("{head}{}{inner}{}", open.repeat(times), close.repeat(times))
}

/// Items of FROM that each read the one before.
fn laterals(times: usize) -> String {
    let item = |n| format!(" cross join lateral (select t{n}.a) t{}", n + 1);
    format!("select 1 from t t0{}", (0..times).map(item).collect::<String>())
}

#[test]
fn what_is_too_deep_is_refused() {
    let mut sums = "1".to_owned();
    for _ in 0..40 {
        sums = format!("({sums}{})", "+1".repeat(999));
    }
    let refused = vec![
        repeated("select 1,2", " union all select 1,2", 20_000, ""),
        format!("select {sums}"),
        repeated("select now()", " at time zone 'UTC'", 50_000, ""),
        repeated("select null::int", "[]", 200_000, ""),
        repeated("select 1", " isnull", 20_000, ""),
        repeated("select 1", " is null", 20_000, ""),
        repeated("select true", " between false and true", 20_000, ""),
        repeated("select ", "not ", 5_000, "true"),
        repeated("select ", "- ", 5_000, "1"),
        repeated("select * from t", " unpivot (a for b in (c))", 20_000, ""),
        repeated("select 1 from t", " join t", 20_000, &" on true".repeat(20_000)),
        nested("select ", "(", "1", ")", 5_000),
        nested("select ", "case when ", "true", " then true end", 5_000),
        nested("select ", "array[", "1", "]", 5_000),
        nested("select * from ", "(select * from ", "t", ") s", 5_000),
        nested("", "(", "select 1", ")", 5_000),
    ];
    each_is_answered("54001", refused);
}

#[test]
fn what_is_deep_is_answered_one_way_or_the_other() {
    let mut statements = Vec::new();
    for times in [50, 120, 240, 990] {
        let closed = " on true".repeat(times) + ")";
        statements.extend([
            repeated("select a", "+a", times, " from t where a+a > 1"),
            repeated("select a from t where a", "+a", times, " > 1 order by a+a"),
            repeated("select a", "+a", times, " from t group by a"),
            repeated("explain verbose select a", "+a", times, " from t"),
            repeated("prepare p as select a", "+a", times, " from t; execute p; deallocate p"),
            repeated("create table d (a int default 1", "+1", times, "); drop table d"),
            repeated("create table d (a int", "[]", times, "); drop table d"),
            repeated("select 'a'", " like 'b'", times, ""),
            repeated("select now()", " at time zone 'UTC'", times, ""),
            repeated("select true", " is true", times, ""),
            repeated("select 1", "::text::int", times / 2, ""),
            repeated("select (", "a = 1 and ", times * 5, "true) is null from t"),
            repeated("select a from t where ", "a = 1 and b = 2 or ", times * 2, "true"),
            repeated("select 1", " union select 2 intersect select 2", times / 2, ""),
            repeated("select 1", " union select 2 union all select 2", times / 2, ""),
            repeated("select (select 1) = 1", " and true", times * 5 - 50, ""),
            repeated("select (select 1) = 1", " and true", times * 2, " from t order by 1"),
            repeated("select 1 from t t0", " join t t1", times, &" on true".repeat(times)),
            repeated("select 1 as of system time (select 1 from t", " join t", times, &closed),
            laterals(times / 5),
        ]);
    }
    for times in [20, 95] {
        statements.extend([
            nested("select ", "(select ", "1", ")", times),
            nested("select 1 where ", "exists (select 1 from t where ", "true", ")", times),
            nested("select 1 from t where ", "a in (select a from t where ", "true", ")", times),
            nested("select * from ", "(select * from ", "t", ") s", times),
            nested("select ", "abs(", "a", ")", times) + " from t",
            nested("select ", "coalesce(", "a", ", 1)", times) + " from t",
            nested("select ", "case when ", "a > 1", " then true end", times) + " from t",
            nested("select ", "(1, ", "1", ")", times) + " = (1, 1)",
            nested("select ", "array[", "1", "]", times),
            nested("with c as (", "with c as (", "select 1", ") select * from c", times)
                + ") select * from c",
        ]);
    }
    on_a_thread(move |session| {
        for sql in statements {
            // Whatever it is, the process is still there.
            let _ = answer(session, &sql);
        }
        assert_eq!(answer(session, "select 1"), "ok");
    });
}

#[test]
fn what_multiplies_is_bounded() {
    let numbers = format!("(1 in ({}))", repeated("", "1, ", 3_000, "1"));
    let mut refused = vec![
        nested("select ", "(", "true", " between false and true)", 40),
        nested("select ", "(true between symmetric ", "true", " and true)", 40),
        nested("select ", "(1, 2) in (select 1, 2 where ", "true", ")", 30),
        format!("select ({numbers}, 1) in ({})", repeated("", "(true, 2), ", 3_000, "(true, 2)")),
        format!("select case {numbers} {} end", "when false then 1 ".repeat(3_000)),
    ];
    for written in [" not materialized", ""] {
        let outer = if written.is_empty() { "t.a" } else { "1" };
        let mut sql = format!("with c0 as (select {outer} as x)");
        for n in 1..=30 {
            let before = n - 1;
            sql += &format!(", c{n} as{written} (select a.x from c{before} a, c{before} b)");
        }
        refused.push(format!("select ({sql} select x from c30) from t"));
    }
    each_is_answered("54001", refused);
}

#[test]
fn long_chains_are_answered() {
    let answered = vec![
        repeated("select 1,2", " union all select 1,2", 3_000, ""),
        repeated("select 1,2", " union select 1,2", 3_000, ""),
        repeated("select 1", " union all select 1.5", 3_000, ""),
        repeated("select a from t where a = 1", " and a = 1", 4_000, ""),
        repeated("select a from t where a = 1", " or a = 2", 4_000, ""),
        repeated("select 1 in (", "1, ", 20_000, "1)"),
        repeated("insert into t values ", "(1, 2), ", 5_000, "(1, 2)"),
        nested("select ", "1 in ((", "1", "))", 1),
        nested("select ", "true in ((", "true", "), (true))", 30),
        nested("select 1 from ", "(", "t cross join t u", ")", 45) + " limit 1",
    ];
    each_is_answered("ok", answered);
}

#[test]
fn an_execute_that_names_itself_fails() {
    on_a_thread(|session| {
        session.parse("a", "execute a", &[]).expect("it is not looked at");
        assert_eq!(session.describe_statement("a").expect("no rows").columns, None);
        session.bind("", "a", &[], &[], &[]).expect("it is not looked at");
        let mut rows = Rows::default();
        let error = session.execute("", 0, &mut rows).expect_err("no end");
        assert_eq!(error.to_string(), "stack depth limit exceeded");
        session.sync().expect("a new start");
        session.parse("s0", "select 1", &[]).expect("a statement");
        for n in 1..=20_000 {
            session.parse(&format!("s{n}"), &format!("execute s{}", n - 1), &[]).expect("parsed");
        }
        assert!(session.describe_statement("s10").expect("rows").columns.is_some());
        assert_eq!(answer(session, "execute s10"), "ok");
        assert_eq!(answer(session, "execute s20000"), "54001");
    });
}

#[test]
fn what_is_too_wide_is_refused() {
    let wide = |times| repeated("", "1,", times, "1");
    let (rows, row) =
        ("target lists can have at most 1664", "ROW expressions can have at most 1664");
    let refused = [
        (format!("select {}", wide(1_664)), rows),
        (format!("select * from (select {0}) a, (select {0}) b", wide(1_000)), rows),
        (format!("values ({})", wide(1_664)), rows),
        (format!("insert into t select {}", wide(1_664)), rows),
        (format!("insert into t values (1, 2) returning {}", wide(1_664)), rows),
        (format!("select row({})", wide(1_664)), row),
        (format!("select ({0}) = ({0})", wide(1_664)), row),
        (format!("select concat({})", wide(100)), "cannot pass more than 100 arguments"),
        (
            format!(
                "create table w ({} z int)",
                (0..1_600).map(|n| format!("c{n} int,")).collect::<String>()
            ),
            "tables can have at most 1600 columns",
        ),
    ];
    on_a_thread(move |session| {
        for (sql, message) in refused {
            let error = run(session, &sql).expect_err("it is too wide").to_string();
            assert!(error.starts_with(message), "{error}: {:.60}", sql);
        }
        for sql in [format!("select {}", wide(1_663)), format!("select concat({})", wide(99))] {
            assert_eq!(answer(session, &sql), "ok", "{:.60}", sql);
        }
    });
}
