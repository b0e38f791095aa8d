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

pub mod analyze;
pub mod catalog;
pub mod copy;
pub mod database;
mod ddl;
pub mod error;
pub mod exec;
pub mod expr;
pub mod key;
pub mod parser;
pub mod plan;
pub mod row;
pub mod session;
pub mod settings;
mod stack;
pub mod types;

pub use database::{Database, Options};
pub use error::{Error, SqlState};
pub use reckon_mvcc::{
    Blocking, Broken, Engine, Interrupt, Options as EngineOptions, Reason, Timestamp,
};
pub use session::{ConnectOptions, Session};
