//! The form and order of stored keys.
//!
//! # Format
//!
//! | bytes | what |
//! |---|---|
//! | 4 | keyspace id, big-endian |
//! | n | the key |
//! | 8 | timestamp, big-endian; RocksDB appends it to what we hand over separately |
//!
//! # Invariants
//!
//! 1. Stored keys sort by (keyspace, key) as bytes, versions of one key newest first.
//! 2. The name changes with the order, so that no build opens a store it would misread.

use std::cmp::Ordering;

use smallvec::SmallVec;

use crate::store::{KeyspaceId, Timestamp};

/// Bytes of a stored timestamp.
pub(super) const TIMESTAMP_LEN: usize = size_of::<u64>();

const KEYSPACE_LEN: usize = size_of::<u32>();
const NAME: &str = "reckon.timestamped.1";

/// A key with its keyspace, without a timestamp. Most fit without an allocation.
pub(super) type StoredKey = SmallVec<[u8; 64]>;

/// The stored form of `key`.
pub(super) fn stored_key(keyspace: KeyspaceId, key: &[u8]) -> StoredKey {
    let mut stored = StoredKey::new();
    write_stored_key(&mut stored, keyspace, key);
    stored
}

/// The stored form of the smallest key above `key`.
pub(super) fn stored_successor(keyspace: KeyspaceId, key: &[u8]) -> StoredKey {
    let mut stored = stored_key(keyspace, key);
    stored.push(0);
    stored
}

/// Replaces `stored` by the stored form of `key`.
pub(super) fn write_stored_key(stored: &mut StoredKey, keyspace: KeyspaceId, key: &[u8]) {
    stored.clear();
    stored.extend_from_slice(&keyspace.0.to_be_bytes());
    stored.extend_from_slice(key);
}

/// The smallest stored key behind a keyspace; none behind the last.
pub(super) fn keyspace_end(keyspace: KeyspaceId) -> Option<[u8; KEYSPACE_LEN]> {
    keyspace.0.checked_add(1).map(u32::to_be_bytes)
}

/// The keyspace of a stored key; none if the key is too short to have one.
pub(super) fn keyspace_of(stored: &[u8]) -> Option<KeyspaceId> {
    stored.first_chunk().map(|id| KeyspaceId(u32::from_be_bytes(*id)))
}

/// The key within its keyspace.
pub(super) fn key_of(stored: &[u8]) -> &[u8] {
    stored.get(KEYSPACE_LEN..).unwrap_or_default()
}

/// The stored form of a timestamp.
pub(super) fn stored_timestamp(timestamp: Timestamp) -> [u8; TIMESTAMP_LEN] {
    timestamp.0.to_be_bytes()
}

/// Reads a stored timestamp.
pub(super) fn timestamp_of(stored: &[u8]) -> Option<Timestamp> {
    stored.try_into().ok().map(|bytes| Timestamp(u64::from_be_bytes(bytes)))
}

/// Makes `options` sort by invariant 1.
pub(super) fn install(options: &mut rocksdb::Options) {
    options.set_comparator_with_ts(
        NAME,
        TIMESTAMP_LEN,
        Box::new(compare),
        Box::new(|a, b| a.cmp(b)),
        Box::new(|a, a_timed, b, b_timed| untimed(a, a_timed).cmp(untimed(b, b_timed))),
    );
}

fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (a_key, a_timestamp) = split(a);
    let (b_key, b_timestamp) = split(b);
    a_key.cmp(b_key).then_with(|| b_timestamp.cmp(a_timestamp))
}

fn untimed(key: &[u8], timed: bool) -> &[u8] {
    if timed { split(key).0 } else { key }
}

fn split(key: &[u8]) -> (&[u8], &[u8]) {
    key.split_at(key.len().saturating_sub(TIMESTAMP_LEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(key: &[u8], timestamp: u64) -> Vec<u8> {
        [key, &timestamp.to_be_bytes()].concat()
    }

    #[test]
    fn keys_sort_before_timestamps_and_newer_versions_first() {
        let sorted = [timed(b"a", 9), timed(b"a", 3), timed(b"a\0", 1), timed(b"b", 5)];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j));
            }
        }
    }

    #[test]
    fn short_keys_do_not_panic() {
        assert_eq!(compare(b"", b"abc"), Ordering::Greater);
        assert_eq!(keyspace_of(b"abc"), None);
        assert_eq!(key_of(b"abc"), b"");
    }
}
