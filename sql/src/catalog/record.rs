//! Definitions as stored rows.
//!
//! # Format
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | [`CLUSTER`] | `d`, OID | a [`DatabaseDefinition`] |
//! | [`CLUSTER`] | `r`, OID | a [`Role`] |
//! | a database's catalog | `n`, OID | a [`Schema`] |
//! | a database's catalog | `t`, OID | a [`Table`] with its columns, indexes and constraints |
//! | a database's catalog | `s`, OID of a table | its [`TableStatistics`] |
//!
//! OIDs are big-endian; values are bincode (variable-length integers, little-endian).

use bincode::config::{Configuration, standard};
use bincode::{Decode, Encode};
use reckon_mvcc::KeyspaceId;

use super::{DatabaseDefinition, Role, Schema, Table, TableStatistics};
use crate::error::{DataError, Result};
use crate::types::Oid;

/// The keyspace of what belongs to all databases.
pub const CLUSTER: KeyspaceId = KeyspaceId(1);

/// A definition with a place in a catalog keyspace.
pub trait Record: Encode + Decode<()> {
    /// First byte of the key.
    const KIND: u8;

    /// The rest of the key.
    fn oid(&self) -> Oid;
}

impl Record for DatabaseDefinition {
    const KIND: u8 = b'd';
    fn oid(&self) -> Oid {
        self.oid
    }
}

impl Record for Role {
    const KIND: u8 = b'r';
    fn oid(&self) -> Oid {
        self.oid
    }
}

impl Record for Schema {
    const KIND: u8 = b'n';
    fn oid(&self) -> Oid {
        self.oid
    }
}

impl Record for Table {
    const KIND: u8 = b't';
    fn oid(&self) -> Oid {
        self.oid
    }
}

impl Record for TableStatistics {
    const KIND: u8 = b's';
    fn oid(&self) -> Oid {
        self.table
    }
}

const CODEC: Configuration = standard();

/// The key of a definition.
pub fn key<R: Record>(oid: Oid) -> [u8; 5] {
    let [a, b, c, d] = oid.0.to_be_bytes();
    [R::KIND, a, b, c, d]
}

/// The stored form of a definition.
pub fn encode<R: Record>(record: &R) -> Vec<u8> {
    // Writing to memory cannot fail, and none of the types above refuses to be encoded.
    bincode::encode_to_vec(record, CODEC).unwrap_or_default()
}

/// The definition in a stored row.
///
/// # Errors
///
/// XX001 when the bytes are no such definition.
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R> {
    match bincode::decode_from_slice(bytes, CODEC) {
        Ok((record, used)) if used == bytes.len() => Ok(record),
        _ => Err(DataError::Corrupted { what: "a catalog row" }.into()),
    }
}
