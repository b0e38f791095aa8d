//! What the store remembers about itself, in a family without timestamps.
//!
//! | key | value |
//! |---|---|
//! | `last` | timestamp and number of the last log record ([`LogEnd`](super::record::LogEnd)) |
//! | `keyspaces` | first keyspace id that has not been reserved, 4 bytes big-endian |
//! | `dropped/` + id | nothing; the keyspace may still have rows that compactions will remove |
//! | `control/` + name | a control value of the crates above |

use rocksdb::{ColumnFamily, DB, IteratorMode};

use super::record::LogEnd;
use crate::error::Error;
use crate::store::KeyspaceId;

/// Name of the family of everything transactional.
pub(super) const DATA_FAMILY: &str = "data";
/// Name of the family described here.
pub(super) const META_FAMILY: &str = "meta";

/// Key of the end of the log.
pub(super) const LAST: &[u8] = b"last";
/// Key of the first free keyspace id.
pub(super) const KEYSPACES: &[u8] = b"keyspaces";

const DROPPED: &[u8] = b"dropped/";
const CONTROL: &[u8] = b"control/";

/// The family of everything transactional.
pub(super) fn data(db: &DB) -> &ColumnFamily {
    db.cf_handle(DATA_FAMILY).expect("opened with this family, which is never dropped")
}

/// The family described here.
pub(super) fn family(db: &DB) -> &ColumnFamily {
    db.cf_handle(META_FAMILY).expect("opened with this family, which is never dropped")
}

/// The key of a control value.
pub(super) fn control_key(name: &str) -> Vec<u8> {
    [CONTROL, name.as_bytes()].concat()
}

/// The key that says that a keyspace was dropped.
pub(super) fn dropped_key(keyspace: KeyspaceId) -> Vec<u8> {
    [DROPPED, &keyspace.0.to_be_bytes()].concat()
}

/// The value at `key`.
pub(super) fn read(db: &DB, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    db.get_cf(family(db), key).map_err(failed_to("read the store's own values"))
}

/// The control values whose names start with `prefix`.
pub(super) fn controls(db: &DB, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let first = control_key(prefix);
    let mut controls = Vec::new();
    let from = IteratorMode::From(&first, rocksdb::Direction::Forward);
    for item in db.iterator_cf(family(db), from) {
        let (key, value) = item.map_err(failed_to("read the control values"))?;
        if !key.starts_with(&first) {
            break;
        }
        let name = std::str::from_utf8(&key[CONTROL.len()..]);
        let malformed = |_| Error::Corrupt { what: "name of a control value" };
        controls.push((name.map_err(malformed)?.to_owned(), value.into_vec()));
    }
    Ok(controls)
}

/// The end of the log as of the last record that was recovered.
pub(super) fn log_end(db: &DB) -> Result<LogEnd, Error> {
    let malformed = Error::Corrupt { what: "last timestamp" };
    match read(db, LAST)? {
        Some(bytes) => LogEnd::decode(&bytes).ok_or(malformed),
        None => Ok(LogEnd::default()),
    }
}

/// The first keyspace id that has not been reserved.
pub(super) fn first_free_keyspace(db: &DB) -> Result<KeyspaceId, Error> {
    let malformed = Error::Corrupt { what: "keyspace allocation" };
    match read(db, KEYSPACES)? {
        Some(bytes) => keyspace(&bytes).ok_or(malformed),
        None => Ok(KeyspaceId::FIRST_ALLOCATED),
    }
}

/// The keyspaces noted as dropped.
pub(super) fn dropped(db: &DB) -> Result<Vec<KeyspaceId>, Error> {
    let mut keyspaces = Vec::new();
    let from = IteratorMode::From(DROPPED, rocksdb::Direction::Forward);
    for item in db.iterator_cf(family(db), from) {
        let (key, _) = item.map_err(failed_to("read the dropped keyspaces"))?;
        let Some(id) = key.strip_prefix(DROPPED) else { break };
        let malformed = Error::Corrupt { what: "list of dropped keyspaces" };
        keyspaces.push(keyspace(id).ok_or(malformed)?);
    }
    Ok(keyspaces)
}

/// An error of RocksDB where nothing of the log is at stake.
pub(super) fn failed_to(action: &'static str) -> impl FnOnce(rocksdb::Error) -> Error {
    move |error| Error::Engine { action, message: error.to_string() }
}

fn keyspace(bytes: &[u8]) -> Option<KeyspaceId> {
    bytes.try_into().ok().map(|id| KeyspaceId(u32::from_be_bytes(id)))
}
