//! PostgreSQL's isolation specs that pass: `tests/ISOLATION_SPECS` names them, and the list only grows.

#![forbid(unsafe_code)]

use std::path::Path;

use reckon_tests::specs::Specs;
use reckon_tests::{Reckon, skipped};

/// Names of the specs, one a line, in order.
const LISTED: &str = include_str!("../ISOLATION_SPECS");

#[test]
fn the_listed_specs_of_postgresql_pass() {
    let specs = match Specs::find(Path::new(env!("CARGO_TARGET_TMPDIR"))) {
        Ok(specs) => specs,
        Err(why) => return skipped("PostgreSQL's isolation specs", &why),
    };
    let reckon = Reckon::start_with(&["deadlock_timeout=10ms", "max_prepared_transactions=10"]);
    let check = |name: &str| {
        let failed = specs.check(name, reckon.address()).err();
        failed.map(|shown| format!("---- {name} ----\n{shown}"))
    };
    let failed: Vec<_> = LISTED.lines().filter_map(check).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_list_of_specs_is_in_order_and_has_each_once() {
    let names: Vec<_> = LISTED.lines().collect();
    assert!(names.is_sorted_by(|one, next| one < next));
}
