//! PostgreSQL's protocol 3 as pure functions over bytes: slices in, `BytesMut` out.
//!
//! There is no socket, no clock, no random source and no SQL here. What a peer sent is judged before
//! memory is taken for it, and any bytes give a value or an [`Error`], never a panic.
//!
//! | module | what it holds |
//! |---|---|
//! | [`codec`] | reading fields, framing messages |
//! | [`startup`] | the packets before the first message |
//! | [`frontend`] | what a client sends, decoded |
//! | [`backend`] | what a server sends, encoded |
//! | [`auth`] | SCRAM-SHA-256, both sides |
//! | [`client`] | the other direction of both, for tests and benchmarks |

#![forbid(unsafe_code)]

pub mod auth;
pub mod backend;
pub mod client;
pub mod codec;
mod error;
pub mod frontend;
pub mod startup;

pub use codec::Format;
pub use error::Error;
