//! Queries against PostgreSQL's own answers, over the store in memory.
//!
//! A file of `queries/` has its own database. A line is a statement; the indented lines behind it
//! are what PostgreSQL 15 answered:
//!
//! ```text
//! select v, null from t
//!     one|NULL
//!     two|NULL
//! select nope
//!     ! 42703 column "nope" does not exist
//! ```
//!
//! The order of rows counts where the statement has an ORDER BY.

mod support;

use reckon_sql::{Database, Options};

/// A statement with PostgreSQL's answer.
struct Case<'t> {
    sql: &'t str,
    answer: Vec<&'t str>,
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix("    "), cases.last_mut()) {
            (Some(answer), Some(case)) => case.answer.push(answer),
            _ => cases.push(Case { sql: line, answer: Vec::new() }),
        }
    }
    cases
}

fn check(text: &str) {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = support::session(&database);
    let mut wrong = Vec::new();
    for Case { sql, mut answer } in cases(text) {
        let mut own = match support::script(&mut session, sql, |_, _| ()) {
            Ok(rows) => rows,
            Err(error) => vec![format!("! {} {error}", error.sqlstate())],
        };
        if !sql.to_ascii_lowercase().contains("order by") {
            own.sort();
            answer.sort_unstable();
        }
        if own != answer {
            wrong.push(format!("{sql}\n  PostgreSQL: {answer:?}\n  here:       {own:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn comparisons_with_any_and_all_of_a_set() {
    check(include_str!("queries/quantified.txt"));
}

#[test]
fn functions_in_queries() {
    check(include_str!("queries/functions.txt"));
}

#[test]
fn rows_compare_by_their_items() {
    check(include_str!("queries/rows.txt"));
}

#[test]
fn items_of_clauses_in_parentheses_and_clauses_around_queries() {
    check(include_str!("queries/clauses.txt"));
}

#[test]
fn simple_case_computes_its_operand_once() {
    check(include_str!("queries/case.txt"));
}

#[test]
fn locks_of_joins_and_conditions_that_are_checked_again() {
    check(include_str!("queries/locking.txt"));
}

#[test]
fn literals_are_read_once() {
    check(include_str!("queries/literals.txt"));
}

#[test]
fn a_table_as_one_value() {
    check(include_str!("queries/whole_rows.txt"));
}

#[test]
fn lateral_items_read_what_stands_before_them() {
    check(include_str!("queries/laterals.txt"));
}

#[test]
fn aggregates_and_groups() {
    check(include_str!("queries/aggregates.txt"));
}

#[test]
fn merged_columns_of_joins() {
    check(include_str!("queries/joins.txt"));
}

#[test]
fn a_merged_column_has_the_length_that_both_sides_have() {
    let database = Database::open_in_memory(Options::default()).expect("memory opens");
    let mut session = support::session(&database);
    let setup = "create table a (k varchar(4)); create table b (k varchar(4)); \
                 create table c (k varchar(9)); create table d (k text)";
    support::script(&mut session, setup, |_, _| ()).expect("tables are made");
    for (sql, expected) in [
        ("select k from a join b using (k)", "character varying(4)"),
        ("select k from a join c using (k)", "character varying"),
        ("select k from c left join a using (k)", "character varying"),
        ("select k from a full join b using (k)", "character varying(4)"),
        ("select k from a left join d using (k)", "character varying"),
        ("select k from d join a using (k)", "text"),
    ] {
        session.parse("", sql, &[]).expect(sql);
        let shown = session.describe_statement("").expect(sql).columns.expect(sql);
        assert_eq!(reckon_sql::types::name(shown[0].ty), expected, "{sql}");
    }
}

#[test]
fn types_that_are_found_for_several_values() {
    check(include_str!("queries/resolution.txt"));
}

#[test]
fn prefix_operators_bind_like_other_operators() {
    check(include_str!("queries/operators.txt"));
}

#[test]
fn arrays_are_cast_and_stacked_by_their_elements() {
    check(include_str!("queries/arrays.txt"));
}
