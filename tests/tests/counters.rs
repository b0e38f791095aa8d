//! What selects read, after a start with nothing in memory.

#![forbid(unsafe_code)]

use reckon_tests::{Reckon, Session};

/// What EXPLAIN tells of the reads of a statement of one node.
fn buffers(session: &mut Session, sql: &str) -> String {
    let options = "analyze, buffers, costs off, timing off, summary off";
    let rows = session.rows(&format!("explain ({options}) {sql}"));
    let lines = rows.iter().flatten().flatten();
    let mut found = lines.filter_map(|line| line.trim().strip_prefix("Buffers: "));
    found.next_back().unwrap_or_default().to_owned()
}

fn store_reads(session: &mut Session) -> String {
    session.value("select value from reckon_counters where name = 'store_reads'")
}

fn cold() -> Reckon {
    let mut server = Reckon::start();
    let mut session = server.connect();
    session.run("create table t (id int primary key, a int, pad text)");
    session.run("insert into t select 2 * i, i, 'pad' from generate_series(1, 10000) i");
    session.run("create index t_a on t (a)");
    assert!(server.stop().success());
    server.restart();
    server
}

#[test]
fn a_key_that_is_not_there_costs_one_load_and_then_nothing() {
    let server = cold();
    let mut session = server.connect();
    let sql = "select pad from t where id = 5001";
    assert_eq!(buffers(&mut session, sql), "leaf hits=1 loads=1 store reads=0");
    assert_eq!(buffers(&mut session, sql), "leaf hits=1 loads=0 store reads=0");
    store_reads(&mut session);
    let before = store_reads(&mut session);
    for id in [5001, 5003, 5005] {
        assert!(session.rows(&format!("select pad from t where id = {id}")).is_empty());
    }
    assert_eq!(store_reads(&mut session), before);
}

#[test]
fn a_row_costs_one_load_and_then_nothing() {
    let server = cold();
    let mut session = server.connect();
    let sql = "select pad from t where id = 5000";
    assert_eq!(buffers(&mut session, sql), "leaf hits=1 loads=1 store reads=0");
    assert_eq!(buffers(&mut session, sql), "leaf hits=1 loads=0 store reads=0");
    store_reads(&mut session);
    let before = store_reads(&mut session);
    for id in [5000, 5002, 5004] {
        assert_eq!(session.value(&format!("select pad from t where id = {id}")), "pad");
    }
    assert_eq!(store_reads(&mut session), before);
}

#[test]
fn an_index_that_carries_what_is_asked_loads_nothing_of_its_table() {
    let server = cold();
    let mut session = server.connect();
    let sql = "select id from t where a between 100 and 109";
    assert_eq!(buffers(&mut session, sql), "leaf hits=10 loads=1 store reads=0");
    assert_eq!(buffers(&mut session, sql), "leaf hits=10 loads=0 store reads=0");
    let resident = "select resident_leaves from reckon_index_stats where name = 't'";
    assert_eq!(session.value(resident), "0");
}
