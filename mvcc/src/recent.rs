//! When keys of one keyspace were written last, roughly: enough to say of most that they were not.
//!
//! Whoever locks a row asks whether a commit after his snapshot changed it. Of a row that memory does not hold the store
//! would have to be asked, and it looks for a version in every level. But hardly any row was written in
//! the moment since a statement began, and this tells so: each key has a place by its hash, and a place has the time of the
//! newest commit to any key there.
//!
//! ```text
//! places    10:00:07.31   10:00:09.85   10:00:02.10   10:00:09.86 ...
//! a key in the third place was not written after 10:00:09.80; one in the second may have been
//! ```
//!
//! # Invariants
//!
//! 1. No place is before the newest commit to any of its keys since the engine was opened, nor before the first commit since.
//! 2. It is written before the commit lets go of its locks.

use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use reckon_storage::Timestamp;

use crate::sync::{AtomicU64, RandomState};

/// With ten thousand commits a second, and a snapshot a millisecond old, one key in fifty shares its place with a newer one.
const PLACES: usize = if cfg!(shuttle) { 4 } else { 512 };

/// The times of the last writes. Takes no memory before the first.
#[derive(Default)]
pub(crate) struct Recent {
    places: OnceLock<Box<[AtomicU64]>>,
    hasher: RandomState,
}

impl Recent {
    /// A commit at `at`, later than all before, writes a key.
    pub(crate) fn note(&self, key: &[u8], at: Timestamp) {
        let places =
            self.places.get_or_init(|| (0..PLACES).map(|_| AtomicU64::new(at.0)).collect());
        places[self.place(key)].store(at.0, Ordering::Release);
    }

    /// Whether it is certain that no commit after `since` wrote a key. Means something only under a lock on it.
    pub(crate) fn is_unchanged(&self, key: &[u8], since: Timestamp) -> bool {
        let places = self.places.get();
        places.is_some_and(|places| places[self.place(key)].load(Ordering::Acquire) <= since.0)
    }

    fn place(&self, key: &[u8]) -> usize {
        self.hasher.hash_one(key) as usize % PLACES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_unchanged_since_its_last_write_and_not_before() {
        let recent = Recent::default();
        assert!(!recent.is_unchanged(b"a", Timestamp(5)), "nothing is known");
        recent.note(b"a", Timestamp(10));
        assert!(!recent.is_unchanged(b"a", Timestamp(9)));
        assert!(recent.is_unchanged(b"a", Timestamp(10)));
        recent.note(b"a", Timestamp(20));
        assert!(!recent.is_unchanged(b"a", Timestamp(19)));
        assert!(recent.is_unchanged(b"a", Timestamp(20)));
    }

    #[test]
    fn of_times_before_the_first_write_nothing_is_known() {
        let recent = Recent::default();
        recent.note(b"a", Timestamp(10));
        for key in 0..1000_u32 {
            assert!(!recent.is_unchanged(&key.to_be_bytes(), Timestamp(9)));
        }
        assert!(recent.is_unchanged(b"b", Timestamp(10)));
    }

    #[test]
    fn no_write_is_missed() {
        let recent = Recent::default();
        for at in 1..5000_u64 {
            recent.note(&at.to_be_bytes(), Timestamp(at));
        }
        for at in 1..5000_u64 {
            assert!(!recent.is_unchanged(&at.to_be_bytes(), Timestamp(at - 1)));
        }
    }
}
