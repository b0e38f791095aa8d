//! Statements that wait for a row in the middle of their rows, through sessions over the store in memory: what they
//! answer and do is what PostgreSQL's do, whether they wait with their thread or leave it.

#[path = "support/answer.rs"]
mod answer;
mod support;

use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::thread::{self, Thread};

use answer::run;
use reckon_sql::session::Progress;
use reckon_sql::{Database, Options, Session};
use support::{Rows, session};

const TABLES: &str = "create table t (id int primary key, v int); \
    insert into t values (1, 10), (2, 20), (3, 30), (4, 40); create table d (id int, v int); \
    create table l (id int primary key, x int); insert into l values (1, 1); \
    create table r (id int primary key, x int); insert into r values (1, 1), (2, 5)";

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Executes a portal as a server does, as often as it waits for a row.
fn execute(session: &mut Session, portal: &str, max_rows: usize, rows: &mut Rows) -> Progress {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match session.execute(portal, max_rows, rows) {
            Ok(Progress::Waiting) => {
                while session.poll_lock(&waker) == Poll::Pending {
                    thread::park();
                }
            }
            Ok(progress) => return progress,
            Err(error) => return Progress::Complete(error.sqlstate().to_string().into()),
        }
    }
}

/// What a session does that waits for what another one has done and ends with `end`; and a third session.
fn meanwhile<R: Send + 'static>(
    leaves: bool,
    (done, end): (&str, &str),
    work: impl FnOnce(&mut Session) -> R + Send + 'static,
) -> (Session, R) {
    let database = Database::open_in_memory(Options::default()).expect("a database in memory");
    let [mut s, mut a, mut b] = [(); 3].map(|()| session(&database));
    run(&mut s, TABLES);
    run(&mut a, &format!("begin; {done}"));
    if leaves {
        b.leave_waits();
    }
    let waits = format!("select cardinality(pg_blocking_pids({})) > 0", b.backend_pid());
    let waiting = thread::spawn(move || {
        let result = work(&mut b);
        b.wait_until_durable();
        result
    });
    while run(&mut s, &waits) != "t" {
        thread::yield_now();
    }
    run(&mut a, end);
    (s, waiting.join().expect("it answers"))
}

/// What a text answers: the rows, sorted, and the last tag.
fn answer(session: &mut Session, sql: &str) -> String {
    let mut rows = Rows::default();
    let mut script = session.script(sql).expect("it is parsed");
    let mut progress = Progress::Empty;
    while session.next(&mut script).expect("it starts").is_some() {
        progress = execute(session, "", 0, &mut rows);
    }
    rows.0.sort();
    let Progress::Complete(tag) = progress else { panic!("{progress:?}") };
    format!("{} {tag}", rows.0.join(" ")).trim().to_owned()
}

/// `done`, the statement, `end`, what is asked for, and what is answered.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str);

fn check(cases: &[Case]) {
    for (done, statement, end, question, expected) in cases {
        for leaves in [true, false] {
            let (mut s, answered) = meanwhile(leaves, (done, end), |b| answer(b, statement));
            let found = format!("{answered}; {}", run(&mut s, question));
            assert_eq!(found, *expected, "{done}; {statement}; {end} (leaves: {leaves})");
        }
    }
}

const SUM: &str = "select count(*), sum(v) from t";

#[test]
fn rows_that_are_locked_are_sent_once() {
    let all = "select id, v from t for update";
    check(&[
        (
            "update t set v = 500 where id = 3",
            all,
            "commit",
            SUM,
            "1|10 2|20 3|500 4|40 SELECT 4; 4|570",
        ),
        (
            "update t set v = 500 where id = 3",
            all,
            "rollback",
            SUM,
            "1|10 2|20 3|30 4|40 SELECT 4; 4|100",
        ),
        (
            "update t set id = 300 where id = 3",
            all,
            "commit",
            SUM,
            "1|10 2|20 300|30 4|40 SELECT 4; 4|100",
        ),
        ("delete from t where id = 3", all, "commit", SUM, "1|10 2|20 4|40 SELECT 3; 3|70"),
        (
            "select 1 from t where id = 1 for update",
            "select id from t order by id for update",
            "delete from t where id = 2; commit",
            SUM,
            "1 3 4 SELECT 3; 3|80",
        ),
        (
            "select 1 from t where id = 3 for update",
            "copy (select id from t for share) to stdout",
            "commit",
            SUM,
            "1 2 3 4 COPY 4; 4|100",
        ),
        (
            "update t set v = 31 where id = 3",
            "begin isolation level repeatable read; select id from t for update",
            "commit",
            SUM,
            "40001; 4|101",
        ),
    ]);
}

#[test]
fn rows_that_are_changed_are_changed_and_returned_once() {
    let update = "update t set v = v + 1 where id > 1 returning id, v";
    let delete = "delete from t returning id";
    check(&[
        (
            "update t set v = 300 where id = 3",
            update,
            "commit",
            SUM,
            "2|21 3|301 4|41 UPDATE 3; 4|373",
        ),
        (
            "update t set id = 300 where id = 3",
            update,
            "commit",
            SUM,
            "2|21 300|31 4|41 UPDATE 3; 4|103",
        ),
        ("update t set id = 300 where id = 3", delete, "commit", SUM, "1 2 300 4 DELETE 4; 0|NULL"),
        ("delete from t where id = 4", delete, "rollback", SUM, "1 2 3 4 DELETE 4; 0|NULL"),
    ]);
}

#[test]
fn rows_that_are_inserted_from_locked_ones_are_inserted_once() {
    let copied = "select count(*), sum(v) from d";
    let insert = "insert into d select id, v from t for update";
    let returning = "insert into d select id, v from t for share returning id";
    let locked = "select 1 from t where id = 3 for update";
    let changed = "update t set v = 31 where id = 3";
    let moved = "update t set id = 30 where id = 3";
    check(&[
        (locked, returning, "rollback", copied, "1 2 3 4 INSERT 0 4; 4|100"),
        (changed, returning, "commit", copied, "1 2 3 4 INSERT 0 4; 4|101"),
        (moved, returning, "commit", copied, "1 2 30 4 INSERT 0 4; 4|100"),
        (moved, insert, "commit", copied, "INSERT 0 4; 4|100"),
        ("delete from t where id = 3", insert, "commit", copied, "INSERT 0 3; 3|70"),
    ]);
}

const JOINED: &str = "select count(*) from l join r using (id, x)";

#[test]
fn a_row_of_a_join_is_looked_at_again_once_all_of_its_tables_are_locked() {
    let both = "update l set x = 2; update r set x = 2 where id = 1";
    let one = "update r set x = 2 where id = 1";
    let apart = "update l set x = 3; update r set x = 2 where id = 1";
    let of_both = "select l.x, r.x from l join r on l.x = r.x for update";
    let of_one = "select l.x, r.x from l join r on l.x = r.x for update of l";
    check(&[
        (both, of_both, "commit", JOINED, "2|2 SELECT 1; 1"),
        (both, of_one, "commit", JOINED, "SELECT 0; 1"),
        (one, of_both, "commit", JOINED, "SELECT 0; 0"),
        (apart, of_both, "commit", JOINED, "SELECT 0; 0"),
    ]);
}

#[test]
fn a_changed_row_loses_what_an_outer_join_does_not_find_for_it_any_more() {
    let left = "select l.x, r.x from l left join r on l.x = r.x for update of l";
    let right = "select l.x, r.x from r right join l on l.x = r.x for share of l";
    let two = "select l.x, r.x, s.id from l left join r on l.x = r.x left join r s on s.id = r.id \
               for update of l";
    let within =
        "select l.x, r.x from (t join l on t.id = l.x) left join r on l.x = r.x for update of l";
    let filtered = "select l.x, r.x from l left join r on l.x = r.x where coalesce(r.x, 0) = 1 \
                    for update of l";
    let changed = "update l set x = 5 where id = 1";
    check(&[
        (changed, left, "commit", JOINED, "5|NULL SELECT 1; 0"),
        (changed, left, "rollback", JOINED, "1|1 SELECT 1; 1"),
        ("update l set x = x", left, "commit", JOINED, "1|1 SELECT 1; 1"),
        (changed, right, "commit", JOINED, "5|NULL SELECT 1; 0"),
        (changed, two, "commit", JOINED, "5|NULL|NULL SELECT 1; 0"),
        (changed, within, "commit", JOINED, "SELECT 0; 0"),
        (changed, filtered, "commit", JOINED, "SELECT 0; 0"),
    ]);
}

#[test]
fn what_is_decided_by_a_key_leaves_the_rest_of_a_condition_to_be_checked_again() {
    let changed = "update t set v = 31 where id = 3";
    let compared = "update t set v = 0 where (id, v) = (3, 30)";
    check(&[(changed, compared, "commit", SUM, "UPDATE 0; 4|101")]);
}

/// A portal that stops between its rows has changed all of them, and loses none. The last tag counts what
/// came with it.
#[test]
fn a_portal_that_waited_sends_each_of_its_rows() {
    for leaves in [true, false] {
        let other = ("update t set v = 300 where id = 3", "commit");
        let (_, (rows, progress)) = meanwhile(leaves, other, |b| {
            b.parse("p", "update t set v = v + 1 returning id", &[]).expect("it is planned");
            b.bind("c", "p", &[], &[], &[]).expect("it is bound");
            let mut rows = Rows::default();
            let progress = [3, 1, 0].map(|max| execute(b, "c", max, &mut rows));
            b.sync().expect("it commits");
            (rows.0, progress)
        });
        assert_eq!(rows, ["1", "2", "3", "4"]);
        assert_eq!(progress[..2], [Progress::Suspended, Progress::Suspended]);
        assert_eq!(progress[2], Progress::Complete("UPDATE 0".into()));
    }
}
