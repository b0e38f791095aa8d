//! Random statements over small tables agree with PostgreSQL 15: joins, subqueries, groups, set
//! operations and changes, NULLs everywhere; and the same over larger tables when little memory
//! makes sorts, groups and joins go to disk.

#![forbid(unsafe_code)]

mod generate;

use generate::{Generator, Tables};
use reckon_tests::{Address, Postgres, Reckon, Session, random};

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

/// Runs `count` statements on both servers and compares what they answer.
#[track_caller]
fn agree(tables: Tables, count: usize, settings: &[&str]) {
    let seed = random::seed();
    let (postgres, reckon) = (Postgres::start(), Reckon::start_with(settings));
    let connect = |address: &Address| Session::connect(address, "postgres");
    let (mut theirs, mut ours) = (connect(postgres.address()), connect(reckon.address()));
    let mut generator = Generator::new(seed, tables);
    for sql in generator.tables() {
        theirs.run(&sql);
        ours.run(&sql);
    }
    let mut refused = 0;
    for number in 0..count {
        let sql = generator.statement();
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
    agree(Tables::Small, 3000, &[]);
}

#[test]
fn random_statements_agree_when_little_fits_into_memory() {
    agree(Tables::Large, 300, &["cache_size=1MB"]);
}
