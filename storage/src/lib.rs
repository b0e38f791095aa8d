//! Durable storage: versions of keys by commit timestamp.
//!
//! This crate knows bytes and nothing else. A [`Store`] keeps every version of every key of every
//! keyspace until history no longer needs it; a read names the timestamp it reads at.
//!
//! | module | what it is |
//! |---|---|
//! | [`store`] | the contract: what a store promises to the crate above |
//! | [`key`] | memcomparable primitives: byte order of a key = order of its values |
//! | [`memory`] | the contract in a map, for tests and tools that cannot link RocksDB |
//! | `rocks` | the contract on RocksDB, the only durable one (feature `rocks`) |
#![forbid(unsafe_code)]

pub mod error;
pub mod key;
pub mod memory;
#[cfg(feature = "rocks")]
pub mod rocks;
pub mod store;

pub use error::Error;
pub use memory::MemoryStore;
#[cfg(feature = "rocks")]
pub use rocks::RocksStore;
pub use store::{
    Cursor, Direction, Entry, KeyRange, KeyspaceId, Load, Loaded, Read, Statistics, Store, Tier,
    Timestamp, Version, Write,
};
