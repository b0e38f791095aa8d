//! The stamp on each log record.
//!
//! Every batch starts with a blob that only the log keeps. It says which record this is and what
//! was durable when it was written, so that after a crash a torn tail can be told from damage.
//!
//! # Format
//!
//! | bytes | what, big-endian |
//! |---|---|
//! | 8 | identity of the store, so that no value of a user passes for a stamp |
//! | 8 | number of this record; each one is the one before plus 1, across files and starts |
//! | 8 | the last timestamp once this record is in |
//! | 8 | timestamp up to which the caller knew everything to be durable |
//! | 8 | number of the last record known to be durable |
//!
//! `meta/last` holds the middle of it, so that numbering goes on when the log is gone: timestamp,
//! then record number.

use crate::store::Timestamp;

/// Bytes of a stamp.
pub(super) const STAMP_LEN: usize = 40;

/// What a log record says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Identity of the store.
    pub(super) store: u64,
    /// Where the log ends with this record.
    pub(super) end: LogEnd,
    /// What the caller knew to be durable.
    pub(super) durable: Timestamp,
    /// The last record that was durable.
    pub(super) synced: u64,
}

/// A position in the log: right after a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LogEnd {
    /// Number of the record; 0 before the first.
    pub(super) record: u64,
    /// The last timestamp there.
    pub(super) last: Timestamp,
}

impl Stamp {
    pub(super) fn encode(&self) -> [u8; STAMP_LEN] {
        let Self { store, end, durable, synced } = self;
        let mut bytes = [0; STAMP_LEN];
        let words = [*store, end.record, end.last.0, durable.0, *synced];
        for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
            to.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let words: [u64; STAMP_LEN / 8] = words(bytes)?;
        let [store, record, last, durable, synced] = words;
        let end = LogEnd { record, last: Timestamp(last) };
        Some(Self { store, end, durable: Timestamp(durable), synced })
    }
}

impl LogEnd {
    pub(super) fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.last.0.to_be_bytes());
        bytes[8..].copy_from_slice(&self.record.to_be_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let [last, record] = words(bytes)?;
        Some(Self { record, last: Timestamp(last) })
    }
}

/// Reads exactly `N` big-endian words.
fn words<const N: usize>(bytes: &[u8]) -> Option<[u64; N]> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let chunks: &[[u8; 8]; N] = chunks.try_into().ok()?;
    rest.is_empty().then(|| chunks.map(u64::from_be_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_and_ends_read_back() {
        let end = LogEnd { record: 2, last: Timestamp(3) };
        let stamp = Stamp { store: 1, end, durable: Timestamp(4), synced: 5 };
        assert_eq!(Stamp::decode(&stamp.encode()), Some(stamp));
        assert_eq!(LogEnd::decode(&end.encode()), Some(end));
        assert_eq!(Stamp::decode(&stamp.encode()[1..]), None);
        assert_eq!(LogEnd::decode(&[0; 17]), None);
    }
}
