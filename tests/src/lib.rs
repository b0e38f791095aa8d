//! Reckon as a whole, checked from outside: what the suites in `tests/` share.
//!
//! A server is a program that is started and talked to; nothing here links it. What cannot be set up
//! panics and says what: a test whose servers do not start has failed.

#![forbid(unsafe_code)]

pub mod address;
pub mod bank;
pub mod condition;
mod device;
pub mod difference;
pub mod disk;
pub mod exchange;
pub mod history;
pub mod isolation;
pub mod pgbench;
pub mod postgres;
pub mod process;
pub mod psql;
pub mod random;
pub mod reckon;
pub mod script;
pub mod session;
pub mod specs;
pub mod tidy;

pub use address::Address;
pub use postgres::Postgres;
pub use psql::Psql;
pub use reckon::Reckon;
pub use session::{Answer, ServerError, Session};

use std::io::Write;

/// Says on the terminal, past the test runner's capture, that a check cannot run here and why.
pub fn skipped(check: &str, why: &str) {
    let _closed = writeln!(std::io::stdout(), "SKIPPED {check}: {why}");
}
