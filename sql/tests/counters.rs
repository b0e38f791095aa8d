//! What statements read, as EXPLAIN (ANALYZE, BUFFERS) and the counters of each tree tell it.

mod support;

use reckon_mvcc::SyncMode;
use reckon_sql::session::Progress;
use reckon_sql::{Database, EngineOptions, Options, Session};
use support::session;

/// A database whose commits are durable at once.
fn database() -> Database {
    let engine = EngineOptions { sync: SyncMode::Inline, ..EngineOptions::default() };
    Database::open_in_memory(Options { engine, ..Options::default() }).expect("memory opens")
}

struct Client(Session);

impl Client {
    fn connect() -> Client {
        Client::of(&database())
    }

    fn of(database: &Database) -> Client {
        Client(session(database))
    }

    /// The rows of a text's statements.
    fn rows(&mut self, sql: &str) -> Vec<String> {
        let ran = support::script(&mut self.0, sql, |_, progress| {
            assert!(matches!(progress, Progress::Complete(_)), "{sql}: {progress:?}");
        });
        self.0.sync().expect(sql);
        ran.expect(sql)
    }

    /// A plan that was run, and what its nodes read.
    fn explain(&mut self, sql: &str) -> String {
        let options = "analyze, buffers, costs off, timing off, summary off";
        self.rows(&format!("explain ({options}) {sql}")).join("\n")
    }

    /// The same, once what it reads is in memory.
    fn explain_again(&mut self, sql: &str) -> String {
        self.explain(sql);
        self.explain(sql)
    }

    /// How often the memory of a table or an index answered.
    fn hits(&mut self, name: &str) -> String {
        self.rows(&format!("select hits from reckon_index_stats where name = '{name}'")).concat()
    }
}

/// A table with a secondary index of each kind.
fn filled() -> Client {
    let mut client = Client::connect();
    client.rows(
        "create table t (id bigint primary key, a int, b text, n numeric, m numeric(8,2), pad text);
         insert into t select i, i % 100, 'b' || i, i, i, 'pad' from generate_series(1, 1000) i;
         create index t_a on t (a);
         create unique index t_b on t (b) include (n);
         create index t_n on t (n);
         create index t_m on t (m desc);",
    );
    client
}

#[test]
fn a_row_by_its_key_is_one_leaf_hit() {
    let mut client = filled();
    assert_eq!(
        client.explain("select pad from t where id = 500"),
        "Index Scan using t_pkey on t (actual rows=1 loops=1)\n  \
           Index Cond: (id = '500'::bigint)\n  \
           Buffers: leaf hits=1 loads=0 store reads=0"
    );
}

#[test]
fn a_key_that_is_not_there_is_one_leaf_hit() {
    let mut client = filled();
    assert_eq!(
        client.explain("select pad from t where id = 5000"),
        "Index Scan using t_pkey on t (actual rows=0 loops=1)\n  \
           Index Cond: (id = '5000'::bigint)\n  \
           Buffers: leaf hits=1 loads=0 store reads=0"
    );
}

#[test]
fn an_index_that_leads_to_rows_reads_both() {
    let mut client = filled();
    assert_eq!(
        client.explain_again("select pad from t where a = 7"),
        "Index Scan using t_a on t (actual rows=10 loops=1)\n  \
           Index Cond: (a = 7)\n  \
           Buffers: leaf hits=20 loads=0 store reads=0"
    );
}

#[test]
fn entries_that_carry_what_is_asked_are_all_that_is_read() {
    let mut client = filled();
    let before = client.hits("t");
    for (select, index, condition, rows) in [
        ("id from t where a = 7", "t_a", "(a = 7)", 10),
        ("a, id from t where a = 7", "t_a", "(a = 7)", 10),
        ("n, b from t where b = 'b7'", "t_b", "(b = 'b7'::text)", 1),
        ("id from t where n = 7", "t_n", "(n = '7'::numeric)", 1),
        ("m from t where m = 7.00", "t_m", "(m = 7.00)", 1),
    ] {
        assert_eq!(
            client.explain_again(&format!("select {select}")),
            format!(
                "Index Only Scan using {index} on t (actual rows={rows} loops=1)\n  \
                   Index Cond: {condition}\n  \
                   Heap Fetches: 0\n  \
                   Buffers: leaf hits={rows} loads=0 store reads=0"
            )
        );
    }
    assert_eq!(client.hits("t"), before);
}

#[test]
fn a_numeric_of_no_declared_scale_is_read_from_its_row() {
    let mut client = filled();
    let plan = client.explain("select n from t where n = 7");
    assert!(plan.starts_with("Index Scan using t_n on t"), "{plan}");
    let plan = client.explain("select m from t where n = 7");
    assert!(plan.starts_with("Index Scan using t_n on t"), "{plan}");
}

#[test]
fn a_row_that_is_to_be_locked_is_read() {
    let mut client = filled();
    let plan = client.explain("select a from t where a = 7 for update");
    assert!(plan.contains("Index Scan using t_a on t"), "{plan}");
}

#[test]
fn the_inner_side_of_a_join_counts_all_of_its_runs() {
    let mut client = filled();
    client.rows("create table u (k int primary key); insert into u values (1), (2), (3)");
    let plan =
        client.explain_again("select u.k, t.id from u join t on t.a = u.k where u.k in (1, 2)");
    assert!(plan.contains("Index Only Scan using t_a on t (actual rows=10 loops=2)"), "{plan}");
    assert!(plan.contains("Buffers: leaf hits=20 loads=0 store reads=0"), "{plan}");
}

#[test]
fn an_update_counts_what_it_read() {
    let mut client = filled();
    let plan = client.explain("update t set pad = 'x' where id = 5");
    assert!(plan.contains("Index Scan using t_pkey on t (actual rows=1 loops=1)"), "{plan}");
    assert!(plan.contains("    Buffers: leaf hits=1 loads=0 store reads=0"), "{plan}");
    // The row was looked at again once it was locked.
    assert!(plan.contains("\n  Buffers: leaf hits=2 loads=0 store reads=0"), "{plan}");
}

#[test]
fn own_changes_and_savepoints_show_in_entries() {
    let mut client = filled();
    let ids = "select id from t where a = 7 and id < 400 order by id";
    assert_eq!(client.rows(ids), ["7", "107", "207", "307"]);
    let read = |client: &mut Client| client.rows(ids).join(" ");
    client.rows("begin; update t set a = 8 where id = 107; delete from t where id = 7");
    assert_eq!(read(&mut client), "207 307");
    client.rows("savepoint s; insert into t (id, a, b) values (0, 7, 'new')");
    assert_eq!(read(&mut client), "0 207 307");
    client.rows("rollback to s");
    assert_eq!(read(&mut client), "207 307");
    client.rows("rollback");
    assert_eq!(read(&mut client), "7 107 207 307");
}

#[test]
fn an_older_snapshot_sees_the_entries_of_its_time() {
    let database = database();
    let (mut reader, mut writer) = (Client::of(&database), Client::of(&database));
    writer.rows("create table t (id int primary key, a int, b int)");
    writer.rows("create index t_a on t (a) include (b)");
    writer.rows("insert into t values (1, 7, 1), (2, 7, 2), (3, 8, 3)");
    let sql = "select id, b from t where a = 7 order by id";
    reader.rows("begin isolation level repeatable read");
    assert_eq!(reader.rows(sql), ["1|1", "2|2"]);
    writer.rows("update t set a = 8 where id = 1");
    writer.rows("update t set b = 20 where id = 2");
    writer.rows("update t set a = 7, id = 30 where id = 3");
    assert_eq!(reader.rows(sql), ["1|1", "2|2"]);
    assert_eq!(writer.rows(sql), ["2|20", "30|3"]);
    reader.rows("commit");
    assert_eq!(reader.rows(sql), ["2|20", "30|3"]);
}
