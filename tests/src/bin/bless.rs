//! Writes the expected output of the scripts from PostgreSQL 15: `bless [PART-OF-A-NAME]`.

#![forbid(unsafe_code)]

use std::io::Write;

use reckon_tests::{Postgres, isolation, script};

fn main() -> std::io::Result<()> {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let postgres = Postgres::start();
    let mut out = std::io::stdout();
    for script in script::all(&filter) {
        let mark = if script.bless(postgres.address()) { "written" } else { "same" };
        writeln!(out, "{mark:8} {}", script.name)?;
    }
    for steps in isolation::all(&filter) {
        let mark = if steps.bless(postgres.address()) { "written" } else { "same" };
        writeln!(out, "{mark:8} {}", steps.name)?;
    }
    Ok(())
}
