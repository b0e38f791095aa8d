//! What was unlinked is freed once nobody can be reading it.
//!
//! Readers pin an epoch (`crossbeam_epoch`) for a batch of rows. Records, leaves and nodes are unlinked first, then handed
//! to the functions here, which free them when every guard that was pinned at that moment is gone. Slot arrays are not:
//! they are read only under their leaf's latch.
//!
//! # Invariants
//!
//! 1. What is retired can no longer be reached by somebody who pins later.
//! 2. What is retired under a link was replaced in every link that is still reachable. So a reader who walks from an old node sees
//!    only what was alive when he pinned.

use std::ptr::NonNull;
use std::sync::Arc;

use crossbeam_epoch::Guard;

use crate::record::RecordPtr;
use crate::residency::budget::Cache;

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

/// Frees records later, as one batch.
///
/// # Safety
/// They were taken out of a leaf's slots under its exclusive latch (record invariant 1), and are retired once.
pub(crate) unsafe fn retire_records(records: Vec<RecordPtr>, cache: &Arc<Cache>, guard: &Guard) {
    if records.is_empty() {
        return;
    }
    let bytes = records.iter().map(|record| record.view().bytes()).sum();
    cache.retire(bytes);
    let cache = Arc::clone(cache);
    // SAFETY: the caller's promise.
    unsafe {
        guard.defer_unchecked(move || {
            for record in records {
                record.free();
            }
            cache.freed(bytes);
        });
    }
}
