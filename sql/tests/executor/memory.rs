//! What is larger than `work_mem` goes to disk and comes back the same.

use std::sync::Arc;

use reckon_sql::expr::{ExprKind, Quantifier, SubqueryKind};
use reckon_sql::plan::{JoinKind, Node, NodeKind, SetOperation};
use reckon_sql::types::{Datum, Type};

use crate::fixture::Database;
use crate::plans::*;

/// (n * 7919 % count, text of it) for n in 0..count: every number once, scattered.
fn scattered(count: i32) -> Node {
    let row = |n: i32| {
        let number = (i64::from(n) * 7919 % i64::from(count)) as i32;
        vec![int4(number), text(&format!("row number {number}"))]
    };
    values((0..count).map(row).collect(), vec![Type::INT4, Type::TEXT])
}

fn numbers(rows: &[Vec<Datum>]) -> Vec<i32> {
    let number = |row: &Vec<Datum>| match row[0] {
        Datum::Int4(value) => value,
        _ => -1,
    };
    rows.iter().map(number).collect()
}

#[test]
fn a_sort_larger_than_memory_is_in_order() {
    let mut database = Database::new();
    for work_memory in [64 << 20, 256 << 10, 4 << 10] {
        database.work_memory = work_memory;
        let mut client = database.client();
        let rows = client.run(sort(scattered(20_011), vec![by(id())], None)).unwrap();
        assert_eq!(numbers(&rows), (0..20_011).collect::<Vec<_>>());
        assert_eq!(show(&rows[17..18]), ["17 row number 17"]);
    }
}

#[test]
fn a_limit_keeps_the_first_rows_only() {
    let database = Database::new();
    let mut client = database.client();
    for limit in [0, 1, 10, 600, 30_000] {
        let rows = client.run(sort(scattered(20_011), vec![by(id())], Some(limit))).unwrap();
        let wanted = (limit as usize).min(20_011);
        assert_eq!(numbers(&rows[..wanted]), (0..wanted as i32).collect::<Vec<_>>());
    }
}

#[test]
fn groups_and_distinct_rows_beyond_memory_come_out_once() {
    let mut database = Database::new();
    database.work_memory = 64 << 10;
    let mut client = database.client();
    let twice = || {
        let inputs = vec![scattered(20_011), scattered(20_011)];
        Box::new(node(NodeKind::Append(inputs), vec![Type::INT4, Type::TEXT]))
    };
    let distinct = NodeKind::Distinct { input: twice(), on: None };
    let mut rows = numbers(&client.run(node(distinct, vec![Type::INT4, Type::TEXT])).unwrap());
    rows.sort_unstable();
    assert_eq!(rows, (0..20_011).collect::<Vec<_>>());
    let groups = NodeKind::Aggregate {
        input: twice(),
        groups: vec![id()],
        aggregates: Vec::new(),
        having: None,
        sorted: false,
    };
    let mut rows = numbers(&client.run(node(groups, vec![Type::INT4])).unwrap());
    rows.sort_unstable();
    assert_eq!(rows, (0..20_011).collect::<Vec<_>>());
}

#[test]
fn materialized_rows_beyond_memory_are_read_again() {
    let mut database = Database::new();
    database.work_memory = 16 << 10;
    let mut client = database.client();
    let right =
        node(NodeKind::Materialize(Box::new(scattered(2003))), vec![Type::INT4, Type::TEXT]);
    let kind = NodeKind::NestedLoop {
        left: Box::new(values(vec![vec![int4(5)], vec![int4(6)]], vec![Type::INT4])),
        right: Box::new(right),
        kind: JoinKind::Inner,
        outer: Vec::new(),
        condition: Some(call(&INT4_EQ, vec![id(), column(1, Type::INT4)])),
    };
    let rows = client.run(node(kind, vec![Type::INT4, Type::INT4, Type::TEXT])).unwrap();
    assert_eq!(show(&rows), ["5 5 row number 5", "6 6 row number 6"]);
}

#[test]
fn set_operations_beyond_memory_count_as_those_within() {
    let mut database = Database::new();
    let mut counts = Vec::new();
    for work_memory in [64 << 20, 32 << 10] {
        database.work_memory = work_memory;
        let mut client = database.client();
        for operation in [SetOperation::Union, SetOperation::Intersect, SetOperation::Except] {
            for all in [false, true] {
                let twice = vec![scattered(8009), scattered(5003)];
                let left = Box::new(node(NodeKind::Append(twice), vec![Type::INT4, Type::TEXT]));
                let right = Box::new(scattered(6007));
                let kind = NodeKind::SetOp { operation, all, left, right };
                let rows = client.run(node(kind, vec![Type::INT4, Type::TEXT])).unwrap();
                counts.push(rows.len());
            }
        }
    }
    assert_eq!(counts[..6], [8009, 8009 + 5003 + 6007, 6007, 6007, 2002, 8009 + 5003 - 6007]);
    assert_eq!(counts[..6], counts[6..]);
}

#[test]
fn a_join_of_equal_keys_larger_than_memory_goes_part_by_part() {
    let mut database = Database::new();
    database.work_memory = 1 << 10;
    let mut client = database.client();
    // 70 MB of rows with one key, joined with three left rows of which one has another key.
    let long = "x".repeat(1 << 20);
    let right = || {
        let exprs = vec![int4(7), text(&long)];
        let one = node(NodeKind::Result { exprs, filter: None }, vec![Type::INT4, Type::TEXT]);
        Box::new(node(NodeKind::Append(vec![one; 70]), vec![Type::INT4, Type::TEXT]))
    };
    let left = || Box::new(values([7, 8, 7].map(|n| vec![int4(n)]).to_vec(), vec![Type::INT4]));
    let cases = [(JoinKind::Full, 141), (JoinKind::Semi, 2), (JoinKind::Anti, 1)];
    for (kind, expected) in cases {
        let width = if matches!(kind, JoinKind::Semi | JoinKind::Anti) { 1 } else { 3 };
        let output = [Type::INT4, Type::INT4, Type::TEXT][..width].to_vec();
        let keys = vec![(id(), id(), &INT4_EQ)];
        let join = NodeKind::HashJoin { left: left(), right: right(), kind, keys, condition: None };
        let plan = project(node(join, output), vec![id()]);
        assert_eq!(client.run(plan).unwrap().len(), expected, "{kind:?}");
    }
}

#[test]
fn what_does_not_spill_is_refused_beyond_its_bound() {
    let mut database = Database::new();
    database.work_memory = 1 << 10;
    let mut client = database.client();
    let long = "x".repeat(1 << 20);
    let rows = (0..80).map(|n| vec![text(&format!("{n}{long}"))]).collect();
    let kind = SubqueryKind::Compare {
        compare: &TEXT_EQ,
        arg: Box::new(text("a")),
        quantifier: Quantifier::Any,
    };
    let plan = Arc::new(values(rows, vec![Type::TEXT]));
    let question = expr(ExprKind::Subquery { kind, plan, outer: Vec::new() }, Type::BOOL);
    let input = values(vec![Vec::new()], Vec::new());
    let error = client.run(project(input, vec![question])).unwrap_err();
    assert_eq!(error.sqlstate().as_str(), "53200");
}
