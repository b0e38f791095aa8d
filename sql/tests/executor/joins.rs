//! Joins, by loops and by hash, of every kind.

use reckon_sql::expr::Expr;
use reckon_sql::plan::{JoinKind, Node, NodeKind};
use reckon_sql::types::Type;

use crate::fixture::Database;
use crate::plans::*;

fn pairs(rows: &[(Option<i32>, i32)]) -> Node {
    let value = |value: Option<i32>| value.map_or(null(Type::INT4), int4);
    let rows = rows.iter().map(|(key, other)| vec![value(*key), int4(*other)]).collect();
    values(rows, vec![Type::INT4, Type::INT4])
}

fn left() -> Node {
    pairs(&[(Some(1), 10), (Some(2), 20), (None, 30), (Some(4), 40), (Some(2), 21)])
}

fn right() -> Node {
    pairs(&[(Some(2), 200), (Some(4), 400), (Some(5), 500), (None, 600), (Some(2), 201)])
}

fn output(kind: JoinKind) -> Vec<Type> {
    let width = if matches!(kind, JoinKind::Semi | JoinKind::Anti) { 2 } else { 4 };
    vec![Type::INT4; width]
}

fn hash(left: Node, right: Node, kind: JoinKind, condition: Option<Expr>) -> Node {
    let keys = vec![(id(), id(), &INT4_EQ)];
    let (left, right) = (Box::new(left), Box::new(right));
    node(NodeKind::HashJoin { left, right, kind, keys, condition }, output(kind))
}

fn nested(left: Node, right: Node, kind: JoinKind, condition: Option<Expr>) -> Node {
    let (left, right) = (Box::new(left), Box::new(right));
    let outer = Vec::new();
    node(NodeKind::NestedLoop { left, right, kind, outer, condition }, output(kind))
}

fn sorted(rows: Vec<Vec<reckon_sql::types::Datum>>) -> Vec<String> {
    let mut rows = show(&rows);
    rows.sort();
    rows
}

#[test]
fn every_kind_of_join_keeps_the_rows_it_should() {
    let database = Database::new();
    let mut client = database.client();
    let inner = ["2 20 2 200", "2 20 2 201", "2 21 2 200", "2 21 2 201", "4 40 4 400"];
    let lone_left = ["- 30 - -", "1 10 - -"];
    let lone_right = ["- - - 600", "- - 5 500"];
    let expected = |parts: &[&[&str]]| {
        let mut all = parts.concat();
        all.sort_unstable();
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let cases = [
        (JoinKind::Inner, expected(&[&inner])),
        (JoinKind::Left, expected(&[&inner, &lone_left])),
        (JoinKind::Right, expected(&[&inner, &lone_right])),
        (JoinKind::Full, expected(&[&inner, &lone_left, &lone_right])),
        (JoinKind::Semi, expected(&[&["2 20", "2 21", "4 40"]])),
        (JoinKind::Anti, expected(&[&["- 30", "1 10"]])),
    ];
    for (kind, expected) in cases {
        let rows = client.run(hash(left(), right(), kind, None)).unwrap();
        assert_eq!(sorted(rows), expected, "{kind:?}");
        if !matches!(kind, JoinKind::Right | JoinKind::Full) {
            let equal = call(&INT4_EQ, vec![id(), column(2, Type::INT4)]);
            let rows = client.run(nested(left(), right(), kind, Some(equal))).unwrap();
            assert_eq!(sorted(rows), expected, "{kind:?}");
        }
    }
}

#[test]
fn a_condition_decides_what_counts_as_a_match() {
    let database = Database::new();
    let mut client = database.client();
    let small = || Some(call(&INT4_LT, vec![column(3, Type::INT4), int4(201)]));
    let rows = client.run(hash(left(), right(), JoinKind::Left, small())).unwrap();
    let expected = ["- 30 - -", "1 10 - -", "2 20 2 200", "2 21 2 200", "4 40 - -"];
    assert_eq!(sorted(rows), expected);
    let rows = client.run(hash(left(), right(), JoinKind::Anti, small())).unwrap();
    assert_eq!(sorted(rows), ["- 30", "1 10", "4 40"]);
}

#[test]
fn a_join_larger_than_memory_gives_the_same_rows() {
    let mut database = Database::new();
    let many = |count: i32, step: i32| {
        let rows = (0..count).map(|n| (Some(n * step), n)).collect::<Vec<_>>();
        pairs(&[rows, vec![(None, -1)]].concat())
    };
    let mut expected = Vec::new();
    for work_memory in [64 << 20, 64 << 10] {
        database.work_memory = work_memory;
        let mut client = database.client();
        let plan = hash(many(10_000, 3), many(12_000, 2), JoinKind::Full, None);
        expected.push(sorted(client.run(plan).unwrap()));
    }
    assert_eq!(expected[0].len(), 10_001 + 12_001 - 4000);
    assert!(expected[0] == expected[1]);
}

#[test]
fn the_inner_side_of_a_loop_reads_values_of_the_outer_one() {
    let database = Database::new();
    let mut client = database.client();
    let sum = call(&INT4_PLUS, vec![outer(0, Type::INT4), int4(1)]);
    let right = node(NodeKind::Result { exprs: vec![sum], filter: None }, vec![Type::INT4]);
    let right = node(NodeKind::Materialize(Box::new(right)), vec![Type::INT4]);
    let kind = NodeKind::NestedLoop {
        left: Box::new(pairs(&[(Some(1), 0), (Some(5), 0)])),
        right: Box::new(right),
        kind: JoinKind::Inner,
        outer: vec![id()],
        condition: None,
    };
    let rows = client.run(node(kind, vec![Type::INT4; 3])).unwrap();
    assert_eq!(show(&rows), ["1 0 2", "5 0 6"]);
}
