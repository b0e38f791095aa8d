//! Random statements over small tables agree with PostgreSQL 15: joins, subqueries, groups, set
//! operations and changes, NULLs everywhere; the same over larger tables when little memory makes
//! sorts, groups and joins go to disk; and over columns of many types.

#![forbid(unsafe_code)]

mod generate;
mod typed;

use generate::{Generator, Tables};
use reckon_tests::{Address, Postgres, Reckon, Session, random};
use typed::Typed;

/// What a client sees of a statement: rows and tag, or five characters of SQLSTATE.
fn outcome(session: &mut Session, sql: &str) -> String {
    match session.try_query(sql) {
        Err(error) => error.sqlstate,
        Ok(answer) => {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "NULL".to_owned());
            let row =
                |row: &Vec<Option<String>>| row.iter().map(value).collect::<Vec<_>>().join("|");
            let rows = answer.rows.iter().map(row).collect::<Vec<_>>().join("\n");
            format!("{rows}\n{}", answer.tag)
        }
    }
}

/// Runs `count` statements on both servers, after those that make tables, and compares what they
/// answer.
#[track_caller]
fn agree(
    seed: u64,
    tables: Vec<String>,
    mut next: impl FnMut() -> String,
    count: usize,
    settings: &[&str],
) {
    let (postgres, reckon) = (Postgres::start(), Reckon::start_with(settings));
    let connect = |address: &Address| Session::connect(address, "postgres");
    let (mut theirs, mut ours) = (connect(postgres.address()), connect(reckon.address()));
    for sql in tables {
        theirs.run(&sql);
        ours.run(&sql);
    }
    let mut refused = 0;
    for number in 0..count {
        let sql = next();
        let (expected, found) = (outcome(&mut theirs, &sql), outcome(&mut ours, &sql));
        assert!(
            found == expected,
            "RECKON_SEED={seed}, statement {number}:\n{sql}\n-- Reckon\n{found}\n-- PostgreSQL\n{expected}"
        );
        refused += usize::from(expected.len() == 5);
    }
    assert!(refused * 10 < count, "{refused} of {count} statements were refused");
}

#[test]
fn random_statements_agree() {
    let seed = random::seed();
    let mut generator = Generator::new(seed, Tables::Small);
    agree(seed, generator.tables(), || generator.statement(), 3000, &[]);
}

#[test]
fn random_statements_agree_when_little_fits_into_memory() {
    let seed = random::seed();
    let mut generator = Generator::new(seed, Tables::Large);
    agree(seed, generator.tables(), || generator.statement(), 300, &["cache_size=1MB"]);
}

#[test]
fn random_statements_of_many_types_agree() {
    let seed = random::seed();
    let mut generator = Typed::new(seed);
    agree(seed, generator.tables(), || generator.statement(), 1200, &[]);
}
