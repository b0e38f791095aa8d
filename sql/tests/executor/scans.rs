//! Scans and probes.

use std::sync::Arc;

use reckon_mvcc::Direction;
use reckon_sql::exec::Execution;
use reckon_sql::expr::ExprKind;
use reckon_sql::plan::{IndexProbe, NodeKind};
use reckon_sql::types::{Datum, Type};

use crate::fixture::{Client, Database, ascending, descending};
use crate::plans::*;

fn ids(client: &mut Client<'_>, plan: reckon_sql::plan::Node) -> Vec<String> {
    show(&client.run(project(plan, vec![id()])).unwrap())
}

#[test]
fn rows_come_in_key_order_and_filtered() {
    let database = Database::new();
    let table = Arc::new(database.table(true, Vec::new()));
    let mut client = database.client();
    let rows = (0..2000).rev().map(|n| row(n, "x", i64::from(n % 10))).collect();
    client.run(insert(&table, rows)).unwrap();
    assert_eq!(client.affected, 2000);
    let filter = call(&INT8_EQ, vec![size(), int8(3)]);
    let found = ids(&mut client, scan(&table, Some(filter)));
    assert_eq!(found.len(), 200);
    assert_eq!(found[..3], ["3", "13", "23"]);
}

#[test]
fn a_whole_key_is_one_read_and_an_execution_runs_again_with_other_parameters() {
    let database = Database::new();
    let table = Arc::new(database.table(true, Vec::new()));
    let mut client = database.client();
    client.run(insert(&table, vec![row(1, "one", 1), row(2, "two", 2)])).unwrap();
    let key = expr(ExprKind::Parameter(0), Type::INT4);
    let probe = IndexProbe { equal: vec![Some(key)], ..IndexProbe::default() };
    let plan = index_scan(&table, 20_000, probe, Direction::Forward);
    let mut execution = Execution::start(&Arc::new(plan)).unwrap();
    let mut look = |value| show(&client.execute(&mut execution, &[value]).unwrap());
    assert_eq!(look(Datum::Int4(2)), ["2 two 2"]);
    assert_eq!(look(Datum::Int4(1)), ["1 one 1"]);
    assert_eq!(look(Datum::Int4(3)), [""; 0]);
    assert_eq!(look(Datum::Null), [""; 0]);
}

#[test]
fn ranges_of_the_primary_key_keep_their_ends_in_both_directions() {
    let database = Database::new();
    let table = Arc::new(database.table(true, Vec::new()));
    let mut client = database.client();
    client.run(insert(&table, (1..=9).map(|n| row(n, "x", 0)).collect())).unwrap();
    let mut range = |lower, upper, direction| {
        let probe = IndexProbe { equal: Vec::new(), lower, upper };
        ids(&mut client, index_scan(&table, 20_000, probe, direction)).join("")
    };
    let forward = Direction::Forward;
    assert_eq!(range(bound(int4(3), true), bound(int4(5), true), forward), "345");
    assert_eq!(range(bound(int4(3), false), bound(int4(5), false), forward), "4");
    assert_eq!(range(bound(int4(7), false), None, forward), "89");
    assert_eq!(range(None, bound(int4(3), false), Direction::Reverse), "21");
    assert_eq!(range(None, None, Direction::Reverse), "987654321");
    assert_eq!(range(bound(null(Type::INT4), true), None, forward), "");
}

#[test]
fn secondary_indexes_lead_to_their_rows_and_ranges_hold_no_nulls() {
    let database = Database::new();
    let up = database.index(1, &[ascending(2)], false);
    let down = database.index(2, &[descending(2)], false);
    let table = Arc::new(database.table(true, vec![up, down]));
    let mut client = database.client();
    let mut rows = (1..=6).map(|n| row(n, "x", i64::from(n) * 10)).collect::<Vec<_>>();
    rows.push(vec![int4(7), text("x"), null(Type::INT8)]);
    client.run(insert(&table, rows)).unwrap();
    for index in [1, 2] {
        let mut range = |equal, lower, upper, direction| {
            let probe = IndexProbe { equal, lower, upper };
            let mut found = ids(&mut client, index_scan(&table, index, probe, direction));
            if index == 2 {
                found.reverse();
            }
            found.join("")
        };
        let forward = Direction::Forward;
        assert_eq!(range(vec![], bound(int8(30), false), None, forward), "456");
        assert_eq!(range(vec![], bound(int8(30), true), None, forward), "3456");
        assert_eq!(range(vec![], None, bound(int8(30), true), forward), "123");
        assert_eq!(range(vec![], None, bound(int8(30), false), Direction::Reverse), "21");
        assert_eq!(range(vec![Some(int8(40))], None, None, forward), "4");
        assert_eq!(range(vec![None], None, None, forward), "7");
        assert_eq!(range(vec![], None, None, forward), "1234567");
    }
}

#[test]
fn a_unique_index_leads_to_one_row_and_takes_many_nulls() {
    let database = Database::new();
    let index = database.index(1, &[ascending(1)], true);
    let table = Arc::new(database.table(false, vec![index]));
    let mut client = database.client();
    let nameless = |n| vec![int4(n), null(Type::TEXT), int8(0)];
    client
        .run(insert(&table, vec![row(1, "a", 0), nameless(2), nameless(3), row(4, "b", 0)]))
        .unwrap();
    let mut find = |value| {
        let probe = IndexProbe { equal: vec![value], ..IndexProbe::default() };
        ids(&mut client, index_scan(&table, 1, probe, Direction::Forward)).join("")
    };
    assert_eq!(find(Some(text("b"))), "4");
    assert_eq!(find(Some(text("c"))), "");
    assert_eq!(find(None), "23");
}

#[test]
fn limit_and_offset_count_rows_and_refuse_negative_numbers() {
    let database = Database::new();
    let table = Arc::new(database.table(true, Vec::new()));
    let mut client = database.client();
    client.run(insert(&table, (1..=9).map(|n| row(n, "x", 0)).collect())).unwrap();
    let mut limited = |limit, offset| {
        let input = Box::new(project(scan(&table, None), vec![id()]));
        let output = types(&input);
        client.run(node(NodeKind::Limit { input, limit, offset }, output))
    };
    let shown = |rows: reckon_sql::error::Result<Vec<_>>| show(&rows.unwrap()).join("");
    assert_eq!(shown(limited(Some(int8(3)), Some(int8(2)))), "345");
    assert_eq!(shown(limited(Some(null(Type::INT8)), Some(int8(7)))), "89");
    assert_eq!(shown(limited(Some(int8(0)), None)), "");
    let error = limited(Some(int8(-1)), None).unwrap_err();
    assert_eq!(error.sqlstate().as_str(), "2201W");
    assert_eq!(limited(None, Some(int8(-1))).unwrap_err().sqlstate().as_str(), "2201X");
}

#[test]
fn rows_without_a_key_keep_the_order_of_their_insertion() {
    let database = Database::new();
    let table = Arc::new(database.table(false, Vec::new()));
    let mut client = database.client();
    for n in [5, 3, 5, 1] {
        client.run(insert(&table, vec![row(n, "x", 0)])).unwrap();
    }
    assert_eq!(ids(&mut client, scan(&table, None)).join(""), "5351");
    // Another process goes on behind the highest number.
    database.row_ids.forget(table.keyspace);
    client.run(insert(&table, vec![row(9, "x", 0)])).unwrap();
    assert_eq!(ids(&mut client, scan(&table, None)).join(""), "53519");
}
