//! What the store keeps of a prepared transaction.
//!
//! # Format
//!
//! The control value `prepared/` + identifier:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, 1 |
//! | 8 | FNV-1a of what follows, big-endian |
//! | rest | [`Record`] in bincode's standard form |

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::{Decode, Encode};
use reckon_storage::{Error as StorageError, KeyspaceId};

use crate::lock::HandedLocks;
use crate::serializable::SerialRecord;

/// Control values of prepared transactions start with this.
pub(super) const PREFIX: &str = "prepared/";

const VERSION: u8 = 1;
const HEADER_LEN: usize = 1 + size_of::<u64>();

/// No record is larger.
pub(super) const RECORD_BYTES_MAX: usize = 1 << 30;

/// No record takes more memory: a row of two bytes takes 48.
const DECODED_BYTES_MAX: usize = 64 * RECORD_BYTES_MAX;

type Codec = Configuration<LittleEndian, Varint, Limit<DECODED_BYTES_MAX>>;

const CODEC: Codec = bincode::config::standard().with_limit::<DECODED_BYTES_MAX>();

/// A key and its value; `None` deletes.
pub(crate) type WrittenRow = (Vec<u8>, Option<Vec<u8>>);

/// A prepared transaction.
#[derive(Encode, Decode, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its number.
    pub(crate) transaction: u64,
    /// When it was prepared, in microseconds since the Unix epoch.
    pub(crate) prepared_us: u64,
    /// What the layer above wants to know of it.
    pub(crate) note: Vec<u8>,
    /// The last write of each key, in order.
    pub(crate) writes: Vec<(KeyspaceId, Vec<WrittenRow>)>,
    /// What it has locked.
    pub(crate) locks: HandedLocks,
    /// Keyspaces that a rollback drops.
    pub(crate) created: Vec<KeyspaceId>,
    /// Keyspaces that the commit drops.
    pub(crate) dropped: Vec<KeyspaceId>,
    /// A SERIALIZABLE transaction's marks.
    pub(crate) serial: Option<SerialRecord>,
}

impl Record {
    /// The control value; `None`: it would be too large.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let body = bincode::encode_to_vec(self, CODEC).ok()?;
        if body.len() > RECORD_BYTES_MAX - HEADER_LEN {
            return None;
        }
        let mut bytes = Vec::with_capacity(HEADER_LEN + body.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&checksum(&body).to_be_bytes());
        bytes.extend_from_slice(&body);
        Some(bytes)
    }

    /// Reads a control value.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StorageError> {
        let damaged = StorageError::Corrupt { what: "prepared transaction" };
        let Some((header, body)) = bytes.split_at_checked(HEADER_LEN) else { return Err(damaged) };
        if header[0] != VERSION || header[1..] != checksum(body).to_be_bytes() {
            return Err(damaged);
        }
        match bincode::decode_from_slice(body, CODEC) {
            Ok((record, read)) if read == body.len() => Ok(record),
            _ => Err(damaged),
        }
    }
}

/// FNV-1a, 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            transaction: 7,
            prepared_us: 1_700_000_000_000_000,
            note: b"note".to_vec(),
            writes: vec![(KeyspaceId(16384), vec![(b"k".to_vec(), Some(b"v".to_vec()))])],
            locks: HandedLocks {
                rows: vec![(b"row".to_vec(), 8)],
                tables: vec![(5, 16385, 4)],
                advisory: vec![(5, 0, 1, false, 2)],
            },
            created: vec![KeyspaceId(16390)],
            dropped: Vec::new(),
            serial: None,
        }
    }

    #[test]
    fn a_record_reads_back() {
        assert_eq!(Record::decode(&record().encode().unwrap()).unwrap(), record());
    }

    #[test]
    fn damage_is_an_error_wherever_it_is() {
        let bytes = record().encode().unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            assert!(Record::decode(&damaged).is_err(), "{at}");
            assert!(Record::decode(&bytes[..at]).is_err(), "{at}");
        }
    }

    /// Wherever a length is, it asks for no memory.
    #[test]
    fn a_length_that_is_damaged_is_an_error() {
        const U64_FOLLOWS: u8 = 253;
        let bytes = record().encode().unwrap();
        let places = HEADER_LEN..bytes.len();
        for (at, length) in places.flat_map(|at| [(at, 1_u64 << 20), (at, 60 << 30)]) {
            let mut damaged = bytes[..at].to_vec();
            damaged.push(U64_FOLLOWS);
            damaged.extend(length.to_le_bytes());
            damaged.extend(&bytes[at + 1..]);
            assert!(Record::decode(&damaged).is_err(), "{at}");
        }
    }
}
