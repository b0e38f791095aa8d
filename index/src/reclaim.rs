//! What was unlinked is freed once nobody can be reading it.
//!
//! Readers pin an epoch (`crossbeam_epoch`) for a batch of rows. Records, leaves and nodes are unlinked first, then handed
//! to the functions here, which free them when every guard that was pinned at that moment is gone. Slot arrays are not:
//! they are read only under their leaf's latch.
//!
//! Whoever pins frees, now and then, what others have retired: up to 512 things at once, and he may hold up commits meanwhile. So records
//! are retired a few at a time, and who gives up much [drains](drain) it himself.
//!
//! # Invariants
//!
//! 1. What is retired can no longer be reached by somebody who pins later.
//! 2. What is retired under a link was replaced in every link that is still reachable. So a reader who walks from an old node sees
//!    only what was alive when he pinned.

use std::ptr::NonNull;
use std::sync::Arc;
use std::thread;

use crossbeam_epoch::{Guard, pin};

use crate::record::RecordPtr;
use crate::residency::budget::Cache;

/// So many records are freed as one thing.
const RECORDS_AT_ONCE: usize = 4;

/// So much may wait for whoever pins next.
const RETIRED_LITTLE_BYTES: usize = 64 << 10;

/// After so many rounds in vain somebody is taken to be pinned for long.
const ROUNDS_IN_VAIN: usize = 64;

/// Frees a node or a leaf of `bytes` later.
///
/// # Safety
/// It came from `Box::into_raw`, is unlinked (invariants 1 and 2), and is retired once.
pub(crate) unsafe fn retire_box<T: Send + 'static>(
    at: NonNull<T>,
    bytes: usize,
    cache: &Arc<Cache>,
    guard: &Guard,
) {
    cache.retire(bytes);
    let cache = Arc::clone(cache);
    // SAFETY: the caller's promise; a raw pointer to something Send may be freed by any thread.
    unsafe {
        guard.defer_unchecked(move || {
            drop(Box::from_raw(at.as_ptr()));
            cache.freed(bytes);
        });
    }
}

/// Frees records later.
///
/// # Safety
/// They were taken out of a leaf's slots under its exclusive latch (record invariant 1), and are retired once.
pub(crate) unsafe fn retire_records(records: Vec<RecordPtr>, cache: &Arc<Cache>, guard: &Guard) {
    if records.is_empty() {
        return;
    }
    cache.retire(bytes(&records));
    for few in records.chunks(RECORDS_AT_ONCE) {
        let (few, cache) = (Box::<[RecordPtr]>::from(few), Arc::clone(cache));
        // SAFETY: the caller's promise.
        unsafe {
            guard.defer_unchecked(move || {
                // As many as were retired: their chains are final (record invariant 2).
                cache.freed(bytes(&few));
                few.iter().for_each(|record| record.free());
            });
        }
    }
}

fn bytes(records: &[RecordPtr]) -> usize {
    records.iter().map(|record| record.view().bytes()).sum()
}

/// Frees what was retired, if it is much, as far as it can be freed now. To be called unpinned, by who has given up much and
/// holds nothing that others wait for.
pub(crate) fn drain(cache: &Cache) {
    let (mut least, mut in_vain) = (usize::MAX, 0);
    while in_vain < ROUNDS_IN_VAIN {
        pin().flush();
        let left = cache.retired();
        if left <= RETIRED_LITTLE_BYTES {
            return;
        }
        if left < least {
            (least, in_vain) = (left, 0);
        } else {
            in_vain += 1;
            thread::yield_now();
        }
    }
}
