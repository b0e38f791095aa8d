//! All versions of keys, tombstones too, newest first.
//!
//! In this mode RocksDB hands out its internal keys:
//!
//! | bytes | what |
//! |---|---|
//! | n | stored key |
//! | 8 | timestamp |
//! | 8 | sequence number * 256 + type of the entry, little-endian; type 1 is a value |

use rocksdb::{DB, DBRawIterator, ReadOptions};

use super::comparator::{
    self, StoredKey, TIMESTAMP_LEN, keyspace_end, stored_key, stored_successor,
};
use super::meta;
use super::table::{self, Asked};
use crate::error::Error;
use crate::store::{KeyspaceId, Timestamp};

const FOOTER_LEN: usize = 8;
const VALUE: u8 = 1;
const ACTION: &str = "read versions";

/// A walk over versions.
pub(super) struct Versions<'a> {
    db: &'a DB,
    iterator: DBRawIterator<'a>,
    keyspace: KeyspaceId,
    /// Stored keys from here on are walked, below `upper`.
    lower: StoredKey,
    upper: Option<StoredKey>,
}

/// One version where it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredVersion<'a> {
    pub(super) keyspace: KeyspaceId,
    pub(super) timestamp: Timestamp,
    /// `None` for a tombstone.
    pub(super) value: Option<&'a [u8]>,
}

impl<'a> Versions<'a> {
    /// The versions of one key that are not older than `from`.
    pub(super) fn of_key(db: &'a DB, keyspace: KeyspaceId, key: &[u8], from: Timestamp) -> Self {
        let mut options = everything(from);
        let upper = stored_successor(keyspace, key);
        options.set_iterate_upper_bound(upper.to_vec());
        Self::seek(db, options, keyspace, stored_key(keyspace, key), Some(upper))
    }

    /// The versions of all keys of `keyspace` and of those behind it.
    pub(super) fn from_keyspace(db: &'a DB, keyspace: KeyspaceId) -> Self {
        let lower = StoredKey::from_slice(&keyspace.0.to_be_bytes());
        Self::seek(db, everything(Timestamp::ZERO), keyspace, lower, None)
    }

    /// The first version, if there is one.
    pub(super) fn first(&self) -> Result<Option<StoredVersion<'_>>, Error> {
        match self.iterator.item() {
            Some((key, value)) => parse(key, value).map(Some),
            None => match self.iterator.status() {
                Ok(()) => Ok(None),
                Err(error) => {
                    let (keyspace, lower) = (self.keyspace, &self.lower[..]);
                    let asked = Asked { keyspace, lower, upper: self.upper.as_deref() };
                    Err(table::read_failed(self.db, ACTION, &asked, error))
                }
            },
        }
    }

    fn seek(
        db: &'a DB,
        options: ReadOptions,
        keyspace: KeyspaceId,
        lower: StoredKey,
        upper: Option<StoredKey>,
    ) -> Self {
        let mut iterator = db.raw_iterator_cf_opt(meta::data(db), options);
        iterator.seek(&lower);
        Self { db, iterator, keyspace, lower, upper }
    }
}

/// Whether a keyspace holds any version.
pub(super) fn holds_versions(db: &DB, keyspace: KeyspaceId) -> Result<bool, Error> {
    let versions = Versions::from_keyspace(db, keyspace);
    Ok(versions.first()?.is_some_and(|version| version.keyspace == keyspace))
}

/// The keyspaces that hold versions, found by leaping from one to the next.
pub(super) fn keyspaces(db: &DB) -> Result<Vec<KeyspaceId>, Error> {
    let mut found = Vec::new();
    let mut versions = Versions::from_keyspace(db, KeyspaceId(0));
    while let Some(version) = versions.first()? {
        let keyspace = version.keyspace;
        found.push(keyspace);
        let Some(next) = keyspace_end(keyspace) else { break };
        versions.iterator.seek(next);
    }
    Ok(found)
}

fn everything(from: Timestamp) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_timestamp(comparator::stored_timestamp(Timestamp::MAX));
    options.set_iter_start_ts(comparator::stored_timestamp(from));
    options
}

fn parse<'a>(key: &'a [u8], value: &'a [u8]) -> Result<StoredVersion<'a>, Error> {
    let parts = key.split_last_chunk::<FOOTER_LEN>().and_then(|(timed, footer)| {
        let (stored, timestamp) = timed.split_last_chunk::<TIMESTAMP_LEN>()?;
        let keyspace = comparator::keyspace_of(stored)?;
        Some((keyspace, Timestamp(u64::from_be_bytes(*timestamp)), footer[0]))
    });
    let (keyspace, timestamp, kind) = parts.ok_or(Error::Corrupt { what: "stored key" })?;
    Ok(StoredVersion { keyspace, timestamp, value: (kind == VALUE).then_some(value) })
}
