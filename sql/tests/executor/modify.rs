//! INSERT, UPDATE and DELETE by one session.

use std::sync::Arc;

use reckon_mvcc::{Direction, Isolation};
use reckon_sql::plan::{Conflict, IndexProbe, JoinKind, Node, NodeKind, Operation};
use reckon_sql::types::{Oid, Type};

use crate::fixture::{Database, ascending};
use crate::plans::*;

#[test]
fn null_in_a_column_that_must_have_a_value_shows_the_row() {
    let database = Database::new();
    let table = Arc::new(database.table(true, Vec::new()));
    let mut client = database.client();
    let rows = vec![vec![null(Type::INT4), text("a"), null(Type::INT8)]];
    let error = client.run(insert(&table, rows)).unwrap_err();
    assert_eq!(error.sqlstate().as_str(), "23502");
    assert_eq!(
        error.to_string(),
        "null value in column \"id\" of relation \"t\" violates not-null constraint"
    );
    assert_eq!(error.fields().detail.unwrap(), "Failing row contains (null, a, null).");
}

#[test]
fn a_second_row_with_a_key_is_refused_in_one_statement_and_in_two() {
    let database = Database::new();
    let index = database.index(1, &[ascending(1)], true);
    let table = Arc::new(database.table(true, vec![index]));
    let mut client = database.client();
    let error = client.run(insert(&table, vec![row(1, "a", 0), row(1, "b", 0)])).unwrap_err();
    assert_eq!(error.sqlstate().as_str(), "23505");
    assert_eq!(error.fields().detail.unwrap(), "Key (id)=(1) already exists.");
    assert_eq!(error.fields().constraint.unwrap(), "t_pkey");
    client.run(insert(&table, vec![row(1, "a", 0)])).unwrap();
    let error = client.run(insert(&table, vec![row(2, "a", 0)])).unwrap_err();
    assert_eq!(error.fields().detail.unwrap(), "Key (name)=(a) already exists.");
    assert_eq!(show(&client.run(scan(&table, None)).unwrap()), ["1 a 0"]);
}

#[test]
fn an_update_sees_each_row_once_and_keeps_indexes_in_step() {
    let database = Database::new();
    let index = database.index(1, &[ascending(2)], false);
    let table = Arc::new(database.table(true, vec![index]));
    let mut client = database.client();
    client.run(insert(&table, (1..=5).map(|n| row(n, "x", i64::from(n))).collect())).unwrap();
    // Every row moves up in the index that finds it.
    let more = call(&INT8_PLUS, vec![size(), int8(10)]);
    let probe = IndexProbe { lower: bound(int8(0), true), ..IndexProbe::default() };
    let mut input = index_scan(&table, 1, probe, Direction::Forward);
    if let NodeKind::IndexScan { row_key, .. } = &mut input.kind {
        *row_key = true;
    }
    input.output.push(scan_for_change(&table, None).output[3].clone());
    let operation = Operation::Update { input, assignments: vec![(2, more)], recheck: None };
    client.run(modify(&table, operation, Vec::new())).unwrap();
    assert_eq!(client.affected, 5);
    let probe = IndexProbe { lower: bound(int8(13), true), ..IndexProbe::default() };
    let found = client.run(index_scan(&table, 1, probe, Direction::Forward)).unwrap();
    assert_eq!(show(&found), ["3 x 13", "4 x 14", "5 x 15"]);
}

#[test]
fn a_change_of_the_key_moves_the_row_and_its_entries() {
    let database = Database::new();
    let index = database.index(1, &[ascending(1)], true);
    let table = Arc::new(database.table(true, vec![index]));
    let mut client = database.client();
    client.run(insert(&table, vec![row(1, "a", 0), row(2, "b", 0)])).unwrap();
    client.run(update(&table, id_is(1), vec![(0, int4(7))])).unwrap();
    assert_eq!(show(&client.run(scan(&table, None)).unwrap()), ["2 b 0", "7 a 0"]);
    let probe = IndexProbe { equal: vec![Some(text("a"))], ..IndexProbe::default() };
    let found = client.run(index_scan(&table, 1, probe, Direction::Forward)).unwrap();
    assert_eq!(show(&found), ["7 a 0"]);
    let error = client.run(update(&table, id_is(7), vec![(0, int4(2))])).unwrap_err();
    assert_eq!(error.fields().detail.unwrap(), "Key (id)=(2) already exists.");
    let error = client.run(update(&table, id_is(7), vec![(1, text("b"))])).unwrap_err();
    assert_eq!(error.fields().constraint.unwrap(), "i1");
}

#[test]
fn a_row_that_matches_twice_is_updated_once() {
    let database = Database::new();
    let table = Arc::new(database.table(true, Vec::new()));
    let mut client = database.client();
    client.run(insert(&table, vec![row(1, "a", 0)])).unwrap();
    let left = Box::new(scan_for_change(&table, None));
    let right = Box::new(values(vec![vec![int8(5)], vec![int8(6)]], vec![Type::INT8]));
    let mut output = types(&left);
    output.push(Type::INT8);
    let kind = NodeKind::NestedLoop {
        left,
        right,
        kind: JoinKind::Inner,
        outer: Vec::new(),
        condition: None,
    };
    let assignments = vec![(2, column(4, Type::INT8))];
    let operation = Operation::Update { input: node(kind, output), assignments, recheck: None };
    let plan = modify(&table, operation, vec![size()]);
    assert_eq!(show(&client.run(plan).unwrap()), ["5"]);
    assert_eq!(client.affected, 1);
}

#[test]
fn returning_gives_new_values_and_for_delete_the_old_ones() {
    let database = Database::new();
    let table = Arc::new(database.table(true, Vec::new()));
    let mut client = database.client();
    let input = values(vec![row(1, "a", 5)], vec![Type::INT4, Type::TEXT, Type::INT8]);
    let operation = Operation::Insert { input, conflict: None };
    let plan = modify(&table, operation, vec![call(&INT4_PLUS, vec![id(), int4(1)]), size()]);
    assert_eq!(show(&client.run(plan).unwrap()), ["2 5"]);
    let assignments = vec![(2, int8(9))];
    let input = scan_for_change(&table, None);
    let operation = Operation::Update { input, assignments, recheck: None };
    // The new size, then the old one from the input's row.
    let plan = modify(&table, operation, vec![size(), column(5, Type::INT8)]);
    assert_eq!(show(&client.run(plan).unwrap()), ["9 5"]);
    let operation = Operation::Delete { input: scan_for_change(&table, None), recheck: None };
    assert_eq!(show(&client.run(modify(&table, operation, vec![size()])).unwrap()), ["9"]);
    assert!(client.run(scan(&table, None)).unwrap().is_empty());
}

#[test]
fn an_insert_from_its_own_table_ends() {
    let database = Database::new();
    let table = Arc::new(database.table(false, Vec::new()));
    let mut client = database.client();
    client.begin(Isolation::ReadCommitted);
    client.run(insert(&table, vec![row(1, "a", 0), row(2, "b", 0)])).unwrap();
    for expected in [2, 4] {
        let operation = Operation::Insert { input: scan(&table, None), conflict: None };
        client.run(modify(&table, operation, Vec::new())).unwrap();
        assert_eq!(client.affected, expected);
    }
    client.commit();
    assert_eq!(client.run(scan(&table, None)).unwrap().len(), 8);
}

#[test]
fn a_deleted_key_can_be_inserted_again_and_its_entries_are_gone() {
    let database = Database::new();
    let index = database.index(1, &[ascending(1)], true);
    let table = Arc::new(database.table(true, vec![index]));
    let mut client = database.client();
    client.run(insert(&table, vec![row(1, "a", 0)])).unwrap();
    client.begin(Isolation::ReadCommitted);
    client.run(delete(&table, None)).unwrap();
    client.run(insert(&table, vec![row(1, "a", 1)])).unwrap();
    client.commit();
    assert_eq!(show(&client.run(scan(&table, None)).unwrap()), ["1 a 1"]);
}

fn upsert(
    table: &Arc<reckon_sql::catalog::Table>,
    rows: Vec<Vec<reckon_sql::expr::Expr>>,
    conflict: Conflict,
) -> Node {
    let input = values(rows, vec![Type::INT4, Type::TEXT, Type::INT8]);
    modify(table, Operation::Insert { input, conflict: Some(conflict) }, vec![id(), size()])
}

#[test]
fn on_conflict_skips_or_updates_the_row_in_the_way() {
    let database = Database::new();
    let index = database.index(1, &[ascending(1)], true);
    let table = Arc::new(database.table(true, vec![index]));
    let mut client = database.client();
    client.run(insert(&table, vec![row(1, "a", 10)])).unwrap();
    let nothing = || Conflict { index: None, update: None, filter: None };
    let rows = vec![row(1, "z", 0), row(2, "a", 0), row(3, "c", 3), row(3, "d", 4)];
    assert_eq!(show(&client.run(upsert(&table, rows, nothing())).unwrap()), ["3 3"]);
    // SET size = t.size + excluded.size, through the index on name.
    let sum = call(&INT8_PLUS, vec![size(), column(5, Type::INT8)]);
    let update =
        || Conflict { index: Some(Oid(1)), update: Some(vec![(2, sum.clone())]), filter: None };
    let rows = vec![row(8, "a", 5), row(9, "e", 6)];
    assert_eq!(show(&client.run(upsert(&table, rows, update())).unwrap()), ["1 15", "9 6"]);
    assert_eq!(client.affected, 2);
    let filter = call(&INT8_GT, vec![size(), int8(100)]);
    let filtered = Conflict { filter: Some(filter), ..update() };
    assert!(client.run(upsert(&table, vec![row(8, "a", 5)], filtered)).unwrap().is_empty());
    let rows = vec![row(8, "q", 5), row(8, "q", 5)];
    let error = client.run(upsert(&table, rows, update())).unwrap_err();
    assert_eq!(error.sqlstate().as_str(), "21000");
    // Another index than the arbiter refuses.
    let error = client.run(upsert(&table, vec![row(1, "new", 5)], update())).unwrap_err();
    assert_eq!(error.sqlstate().as_str(), "23505");
}
