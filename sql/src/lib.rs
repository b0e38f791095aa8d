//! Reckon SQL: from a statement's text to rows, and the engine one embeds.
//!
//! ```text
//! text ── parser ──▶ AST ── analyze ──▶ Query ── plan ──▶ Plan ── exec ──▶ rows
//!                              │                   │          │
//!                           catalog             statistics   mvcc
//! ```
//!
//! [`Database`] opens a data directory; [`Session`] runs statements in it, one at a time.

#![forbid(unsafe_code)]

pub mod catalog;
pub mod copy;
pub mod error;
pub mod exec;
pub mod expr;
pub mod key;
pub mod parser;
pub mod plan;
pub mod row;
pub mod settings;
pub mod types;

pub use error::{Error, SqlState};
