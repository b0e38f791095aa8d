//! Reckon measured against PostgreSQL, SQLite and an empty server.

#![forbid(unsafe_code)]

fn main() {}
