//! Statements of two sessions that meet.

use std::sync::Arc;
use std::thread;

use reckon_mvcc::{Isolation, RowLock};
use reckon_sql::catalog::Table;
use reckon_sql::plan::{Conflict, Lock, Node, NodeKind, Operation};
use reckon_sql::types::Type;

use crate::fixture::{Client, Database, ascending};
use crate::plans::*;

const READ_COMMITTED: Isolation = Isolation::ReadCommitted;

/// Runs `second` while `first` is open, then `end`s the first: what the second returns.
fn meet<'d, R: Send>(
    database: &'d Database,
    first: impl FnOnce(&mut Client<'d>),
    second: impl FnOnce(&mut Client<'d>) -> R + Send,
    end: impl FnOnce(&mut Client<'d>),
) -> R {
    let mut one = database.client();
    one.begin(READ_COMMITTED);
    first(&mut one);
    let waits = database.engine.statistics().lock_waits;
    thread::scope(|scope| {
        let second = scope.spawn(|| second(&mut database.client()));
        while database.engine.statistics().lock_waits == waits && !second.is_finished() {
            thread::yield_now();
        }
        end(&mut one);
        second.join().unwrap()
    })
}

fn filled(database: &Database) -> Arc<Table> {
    let index = database.index(1, &[ascending(1)], true);
    let table = Arc::new(database.table(true, vec![index]));
    database.client().run(insert(&table, vec![row(1, "a", 1), row(2, "b", 2)])).unwrap();
    table
}

#[test]
fn a_second_insert_of_a_key_waits_for_the_first() {
    let database = Database::new();
    let table = filled(&database);
    let add = |id, name| insert(&table, vec![row(id, name, 0)]);
    let again = |client: &mut Client<'_>| client.run(add(3, "c")).map(drop);
    let first = |client: &mut Client<'_>| drop(client.run(add(3, "x")).unwrap());
    let refused = meet(&database, first, again, Client::commit).unwrap_err();
    assert_eq!(refused.fields().detail.unwrap(), "Key (id)=(3) already exists.");
    let first = |client: &mut Client<'_>| drop(client.run(add(4, "d")).unwrap());
    let again = |client: &mut Client<'_>| client.run(add(5, "d")).map(drop);
    meet(&database, first, again, Client::rollback).unwrap();
}

#[test]
fn an_insert_waits_for_the_deletion_of_its_key() {
    let database = Database::new();
    let table = filled(&database);
    let first = |client: &mut Client<'_>| drop(client.run(delete(&table, id_is(1))).unwrap());
    // The unique entry of the name is given up too.
    let again =
        |client: &mut Client<'_>| client.run(insert(&table, vec![row(9, "a", 0)])).map(drop);
    meet(&database, first, again, Client::commit).unwrap();
    let first = |client: &mut Client<'_>| drop(client.run(delete(&table, id_is(2))).unwrap());
    let again =
        |client: &mut Client<'_>| client.run(insert(&table, vec![row(2, "z", 0)])).map(drop);
    assert!(meet(&database, first, again, Client::rollback).is_err());
}

fn add_ten(table: &Arc<Table>, filter: Option<reckon_sql::expr::Expr>) -> Node {
    update(table, filter, vec![(2, call(&INT8_PLUS, vec![size(), int8(10)]))])
}

#[test]
fn read_committed_goes_on_with_the_newest_version_if_it_still_qualifies() {
    let database = Database::new();
    let table = filled(&database);
    let first = |client: &mut Client<'_>| drop(client.run(add_ten(&table, id_is(1))).unwrap());
    let second = |client: &mut Client<'_>| {
        client.run(add_ten(&table, id_is(1))).unwrap();
        client.affected
    };
    assert_eq!(meet(&database, first, second, Client::commit), 1);
    // 1, then 11, then 21; now a condition that stops holding while it waits.
    let small = || Some(call(&INT8_GT, vec![int8(30), size()]));
    let first = |client: &mut Client<'_>| drop(client.run(add_ten(&table, id_is(1))).unwrap());
    let second = |client: &mut Client<'_>| {
        client.run(add_ten(&table, small())).unwrap();
        client.affected
    };
    assert_eq!(meet(&database, first, second, Client::commit), 1);
    let rows = database.client().run(scan(&table, None)).unwrap();
    assert_eq!(show(&rows), ["1 a 31", "2 b 12"]);
}

#[test]
fn repeatable_read_refuses_a_row_that_changed() {
    let database = Database::new();
    let table = filled(&database);
    let first = |client: &mut Client<'_>| drop(client.run(add_ten(&table, id_is(1))).unwrap());
    let second = |client: &mut Client<'_>| {
        client.begin(Isolation::RepeatableRead);
        client.run(add_ten(&table, id_is(1))).map(drop)
    };
    let error = meet(&database, first, second, Client::commit).unwrap_err();
    assert_eq!(error.sqlstate().as_str(), "40001");
    assert_eq!(error.to_string(), "could not serialize access due to concurrent update");
}

#[test]
fn a_row_that_moved_is_found_at_its_new_key() {
    let database = Database::new();
    let table = filled(&database);
    let first = |client: &mut Client<'_>| {
        client.run(update(&table, id_is(1), vec![(0, int4(100))])).unwrap();
    };
    let named = || Some(call(&TEXT_EQ, vec![name(), text("a")]));
    let second = |client: &mut Client<'_>| {
        client.run(add_ten(&table, named())).unwrap();
        (client.affected, client.restarts)
    };
    assert_eq!(meet(&database, first, second, Client::commit), (1, 1));
    let rows = database.client().run(scan(&table, None)).unwrap();
    assert_eq!(show(&rows), ["2 b 2", "100 a 11"]);
}

#[test]
fn a_row_that_was_deleted_is_passed_over() {
    let database = Database::new();
    let table = filled(&database);
    let first = |client: &mut Client<'_>| drop(client.run(delete(&table, id_is(1))).unwrap());
    let second = |client: &mut Client<'_>| {
        client.run(add_ten(&table, None)).unwrap();
        client.affected
    };
    assert_eq!(meet(&database, first, second, Client::commit), 1);
}

fn lock(table: &Arc<Table>, skip: Option<bool>) -> Node {
    let input = scan_for_change(table, None);
    let output = types(&input);
    let lock = Lock {
        table: Arc::clone(table),
        mode: RowLock::ForUpdate,
        skip,
        key: 3,
        columns: vec![(0, 0), (1, 1), (2, 2)],
    };
    project(
        node(
            NodeKind::LockRows {
                input: Box::new(input),
                locks: vec![lock],
                outer: Vec::new(),
                recheck: None,
            },
            output,
        ),
        vec![id(), size()],
    )
}

#[test]
fn locked_rows_are_waited_for_refused_or_skipped() {
    let database = Database::new();
    let table = filled(&database);
    let first = |client: &mut Client<'_>| drop(client.run(add_ten(&table, id_is(1))).unwrap());
    let wait = |client: &mut Client<'_>| client.run(lock(&table, None)).unwrap();
    assert_eq!(show(&meet(&database, first, wait, Client::commit)), ["1 11", "2 2"]);
    let skip = |client: &mut Client<'_>| client.run(lock(&table, Some(true))).unwrap();
    assert_eq!(show(&meet(&database, first, skip, Client::commit)), ["2 2"]);
    let refuse = |client: &mut Client<'_>| client.run(lock(&table, Some(false)));
    let error = meet(&database, first, refuse, Client::commit).unwrap_err();
    assert_eq!(error.sqlstate().as_str(), "55P03");
    assert_eq!(error.to_string(), "could not obtain lock on row in relation \"t\"");
}

#[test]
fn on_conflict_waits_for_the_row_in_the_way() {
    let database = Database::new();
    let table = filled(&database);
    let upsert = || {
        let update = vec![(2, call(&INT8_PLUS, vec![size(), int8(1000)]))];
        let conflict = Conflict { index: None, update: Some(update), filter: None };
        let input = values(vec![row(7, "g", 0)], vec![Type::INT4, Type::TEXT, Type::INT8]);
        modify(&table, Operation::Insert { input, conflict: Some(conflict) }, vec![size()])
    };
    let first = |client: &mut Client<'_>| {
        client.run(insert(&table, vec![row(7, "g", 7)])).unwrap();
    };
    let second = |client: &mut Client<'_>| show(&client.run(upsert()).unwrap());
    assert_eq!(meet(&database, first, second, Client::commit), ["1007"]);
    let first = |client: &mut Client<'_>| drop(client.run(delete(&table, id_is(7))).unwrap());
    let second = |client: &mut Client<'_>| show(&client.run(upsert()).unwrap());
    assert_eq!(meet(&database, first, second, Client::commit), ["0"]);
}
