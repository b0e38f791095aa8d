//! Records: one key and the newest versions under it, at an address that does not change.
//!
//! ```text
//! record (one allocation)                               versions added later (one allocation each)
//! ┌──────────┬────────────┬─────┬───────────────────┐   ┌───────────┬───────┬────────┬───────┐
//! │ newest ──┼─ key bytes │ pad │ the first version │ ◀─┼─ older    │ time  │ length │ value │ ◀─ newest
//! └──────────┴────────────┴─────┴───────────────────┘   └───────────┴───────┴────────┴───────┘
//! ```
//!
//! An update pushes a version in front and swings `newest`; it never moves the record, so the leaf that points at the record
//! is not touched. The chain ends in one of two ways: *nothing* (there was no older version since the leaf's
//! `complete_since`) or *cut* (the source has the older ones). Cutting anywhere is correct; where it happens is a
//! matter of memory.
//!
//! # Invariants
//!
//! 1. A [`RecordPtr`] is held only while its record is alive: in a leaf's slots; by who latched them, or read them latched and
//!    has been pinned since; and by who made the record and has not published it. A record is retired only after it was
//!    taken out of the slots under the exclusive latch, and freed only when every guard pinned at that time is gone.
//! 2. Versions are pushed only under the latch (shared is enough) of the leaf that holds the record. So nothing is pushed
//!    to a retired record, and its chain is final.
//! 3. Time falls along the chain, strictly. Key, times, lengths and values never change once published.
//! 4. A *placeholder* has no version yet: its chain is *cut* from the start. Its inline version is not in the chain and holds
//!    the ticket of who made it.
//! 5. Who swings an `older` link from a version to *cut* owns that version, if it is not the one inside the record.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_epoch::Guard;

use crate::ahead::prefetch;
use crate::residency::budget::{Cache, footprint};
use crate::sync::{AtomicBool, AtomicPtr};

/// A chain longer than this is cut even above the horizon: readers that far back ask the source.
const CHAIN_VERSIONS_MAX: usize = 64;

/// So much of a record is read ahead.
const PREFETCHED_BYTES: usize = 64;

/// The length that says: deleted.
const TOMBSTONE: usize = usize::MAX;

#[repr(C)]
struct Header {
    newest: AtomicPtr<Version>,
    key_len: u32,
    /// Read since this was last asked. Kept only for rows that are in memory by themselves.
    touched: AtomicBool,
}

/// A version's header; its value follows.
#[repr(C)]
struct Version {
    timestamp: u64,
    older: AtomicPtr<Version>,
    len: usize,
}

const HEADER_BYTES: usize = size_of::<Header>();
const VERSION_BYTES: usize = size_of::<Version>();
const ALIGN: usize = align_of::<Version>();
#[cfg(not(shuttle))]
const _: () = assert!(HEADER_BYTES == 16 && VERSION_BYTES == 24 && ALIGN == align_of::<Header>());

/// The end of a chain whose older versions only the source has. Never dereferenced, never the address of a version.
#[inline]
fn cut() -> *mut Version {
    ptr::without_provenance_mut(1)
}

/// The next version, unless the chain ends here.
#[inline]
fn real(version: *mut Version) -> Option<NonNull<Version>> {
    if version == cut() { None } else { NonNull::new(version) }
}

/// Where in a record its first version starts.
#[inline]
fn inline_offset(key_len: usize) -> usize {
    HEADER_BYTES + key_len.next_multiple_of(ALIGN)
}

fn layout(bytes: usize) -> Layout {
    match Layout::from_size_align(bytes, ALIGN) {
        Ok(layout) => layout,
        Err(_) => handle_alloc_error(Layout::new::<Version>()),
    }
}

fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: the layout is not empty: it holds a header at least.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

fn value_len(len: usize) -> usize {
    if len == TOMBSTONE { 0 } else { len }
}

/// Writes a version's header and value at `at`, which has room for both and nobody else sees.
///
/// # Safety
/// `at` is aligned and good for `VERSION_BYTES` and the value's length in writes.
unsafe fn write_version(at: *mut u8, timestamp: u64, older: *mut Version, value: Option<&[u8]>) {
    let version = Version {
        timestamp,
        older: AtomicPtr::new(older),
        len: value.map_or(TOMBSTONE, <[u8]>::len),
    };
    // SAFETY: the caller's promise; the value cannot overlap fresh memory.
    unsafe {
        at.cast::<Version>().write(version);
        let value = value.unwrap_or_default();
        ptr::copy_nonoverlapping(value.as_ptr(), at.add(VERSION_BYTES), value.len());
    }
}

/// A version outside of a record, not yet pushed.
fn new_version(timestamp: u64, value: Option<&[u8]>) -> NonNull<Version> {
    let layout = layout(VERSION_BYTES + value.map_or(0, <[u8]>::len));
    let at = allocate(layout);
    // SAFETY: fresh memory of that layout.
    unsafe { write_version(at.as_ptr(), timestamp, ptr::null_mut(), value) };
    at.cast()
}

/// Frees a version that is not inside a record.
///
/// # Safety
/// It came from `new_version`, and nobody can reach it any more.
unsafe fn free_version(version: NonNull<Version>) {
    // SAFETY: the caller's promise; the layout is the one it was made with (invariant 3).
    unsafe {
        let bytes = VERSION_BYTES + value_len(version.as_ref().len);
        dealloc(version.as_ptr().cast(), layout(bytes));
    }
}

/// What a version outside of a record takes.
fn version_bytes(version: &Version) -> usize {
    footprint(VERSION_BYTES + value_len(version.len))
}

/// Frees a version once every guard pinned now is gone.
///
/// # Safety
/// The caller owns it, and it is unlinked.
unsafe fn retire_version(version: NonNull<Version>, cache: &Arc<Cache>, guard: &Guard) {
    // SAFETY: alive until the closure below runs.
    let bytes = version_bytes(unsafe { version.as_ref() });
    cache.retire(bytes);
    let cache = Arc::clone(cache);
    // SAFETY: owned and unlinked; by then nobody can reach it.
    unsafe {
        guard.defer_unchecked(move || {
            free_version(version);
            cache.freed(bytes);
        });
    }
}

/// A pointer to a record: what a slot holds. Copying it owns nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RecordPtr(NonNull<Header>);

// SAFETY: what it points at is only read, or changed through atomics (invariants 2 and 3).
unsafe impl Send for RecordPtr {}
// SAFETY: as above.
unsafe impl Sync for RecordPtr {}

impl RecordPtr {
    /// A record with one version; `is_cut` says that the source may have older ones. The caller puts it into a leaf or
    /// frees it, and counts its bytes.
    pub(crate) fn new(key: &[u8], timestamp: u64, value: Option<&[u8]>, is_cut: bool) -> Self {
        Self::allocate(key, timestamp, value, is_cut, false)
    }

    /// A record that takes versions and has none yet; `ticket` tells it from others.
    pub(crate) fn placeholder(key: &[u8], ticket: u64) -> Self {
        Self::allocate(key, ticket, None, true, true)
    }

    fn allocate(
        key: &[u8],
        timestamp: u64,
        value: Option<&[u8]>,
        is_cut: bool,
        is_placeholder: bool,
    ) -> Self {
        let Ok(key_len) = u32::try_from(key.len()) else { handle_alloc_error(layout(key.len())) };
        let offset = inline_offset(key.len());
        let at = allocate(layout(offset + VERSION_BYTES + value.map_or(0, <[u8]>::len)));
        let older = if is_cut { cut() } else { ptr::null_mut() };
        // SAFETY: fresh memory with room for the header, the key, the version and its value.
        unsafe {
            let inline = at.add(offset);
            write_version(inline.as_ptr(), timestamp, older, value);
            ptr::copy_nonoverlapping(key.as_ptr(), at.add(HEADER_BYTES).as_ptr(), key.len());
            let newest = if is_placeholder { cut() } else { inline.cast().as_ptr() };
            let (newest, touched) = (AtomicPtr::new(newest), AtomicBool::new(false));
            at.cast::<Header>().write(Header { newest, key_len, touched });
        }
        Self(at.cast())
    }

    /// The record, as long as the pointer is rightly held (invariant 1).
    #[inline]
    pub(crate) fn view<'a>(&self) -> Record<'a> {
        Record { at: self.0, lifetime: PhantomData }
    }

    /// Asks for the record's first cache lines: a short row is in one or two, as it happens to lie.
    #[inline]
    pub(crate) fn prefetch(self) {
        prefetch(self.0.as_ptr(), PREFETCHED_BYTES);
    }

    /// Frees the record and its chain.
    ///
    /// # Safety
    /// Nobody else can reach it any more (invariant 1), and nobody frees it twice.
    pub(crate) unsafe fn free(self) {
        // SAFETY: the chain is final (invariant 2) and ours; `inline` is inside the record's own allocation.
        unsafe {
            let header = self.0.as_ref();
            let inline = self.view().inline();
            free_chain(header.newest.load(Ordering::Acquire), inline);
            let value = value_len(inline.as_ref().len);
            let bytes = inline_offset(header.key_len as usize) + VERSION_BYTES + value;
            dealloc(self.0.as_ptr().cast(), layout(bytes));
        }
    }
}

/// Frees the versions from `first` to the chain's end, but not the one inside the record.
///
/// # Safety
/// The caller owns them (invariant 5) and nobody else can reach them any more.
unsafe fn free_chain(first: *mut Version, inline: NonNull<Version>) {
    let mut next = real(first);
    while let Some(version) = next {
        // SAFETY: owned by the caller.
        unsafe {
            next = real(version.as_ref().older.load(Ordering::Acquire));
            if version != inline {
                free_version(version);
            }
        }
    }
}

/// A record that is alive for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    at: NonNull<Header>,
    lifetime: PhantomData<&'a Header>,
}

/// One version of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) timestamp: u64,
    /// `None`: deleted.
    pub(crate) value: Option<&'a [u8]>,
}

/// What a chain says about a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visible<'a> {
    /// The newest version at or before it.
    Version(Entry<'a>),
    /// No version is that old, and none was cut off.
    Nothing,
    /// No version here is that old: older ones were cut off.
    Cut,
}

/// What a push did to memory and to the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The version is the newest now; `replaced_tombstone` says what it covers.
    Added { replaced_tombstone: bool },
    /// A version as new was already there (a loader had seen it): nothing changed.
    Known,
}

impl<'a> Record<'a> {
    #[inline]
    fn header(self) -> &'a Header {
        // SAFETY: alive for 'a, and a header is only changed through its atomic.
        unsafe { self.at.as_ref() }
    }

    #[inline]
    fn key_len(self) -> usize {
        self.header().key_len as usize
    }

    /// Notes that it was read.
    #[inline]
    pub(crate) fn touch(self) {
        if !self.header().touched.load(Ordering::Relaxed) {
            self.header().touched.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was read since the last time this was asked.
    pub(crate) fn was_touched(self) -> bool {
        self.header().touched.swap(false, Ordering::Relaxed)
    }

    /// Whether it is the placeholder with this ticket, still without a version. For who holds the exclusive latch.
    pub(crate) fn is_placeholder(self, ticket: u64) -> bool {
        // SAFETY: inside the record, in the chain or not.
        self.newest().is_none() && unsafe { self.inline().as_ref() }.timestamp == ticket
    }

    /// The version inside the record's own allocation.
    fn inline(self) -> NonNull<Version> {
        // SAFETY: `new` put it there; the pointer covers the whole allocation.
        unsafe { self.at.cast::<u8>().add(inline_offset(self.key_len())).cast() }
    }

    /// Its key.
    #[inline]
    pub(crate) fn key(self) -> &'a [u8] {
        // SAFETY: `new` wrote that many bytes behind the header, and they never change (invariant 3).
        unsafe {
            let start = self.at.cast::<u8>().add(HEADER_BYTES);
            std::slice::from_raw_parts(start.as_ptr(), self.key_len())
        }
    }

    /// A version of this record.
    ///
    /// # Safety
    /// It was reached through this record's chain within `'a`.
    #[inline]
    unsafe fn entry(version: NonNull<Version>) -> Entry<'a> {
        // SAFETY: reachable versions are alive as long as the record's borrower (invariants 1 and 5) and do not change.
        unsafe {
            let Version { timestamp, len, .. } = version.as_ref();
            let start = version.cast::<u8>().add(VERSION_BYTES);
            let value =
                (*len != TOMBSTONE).then(|| std::slice::from_raw_parts(start.as_ptr(), *len));
            Entry { timestamp: *timestamp, value }
        }
    }

    fn versions(self) -> impl Iterator<Item = NonNull<Version>> {
        let mut next = real(self.header().newest.load(Ordering::Acquire));
        std::iter::from_fn(move || {
            let version = next?;
            // SAFETY: as in `entry`.
            next = real(unsafe { version.as_ref() }.older.load(Ordering::Acquire));
            Some(version)
        })
    }

    /// The newest version; `None` for a placeholder.
    #[inline]
    pub(crate) fn newest(self) -> Option<Entry<'a>> {
        let newest = real(self.header().newest.load(Ordering::Acquire))?;
        // SAFETY: a version of this record.
        Some(unsafe { Self::entry(newest) })
    }

    /// Whether the newest version is a deletion.
    pub(crate) fn is_dead(self) -> bool {
        self.newest().is_some_and(|newest| newest.value.is_none())
    }

    /// What `snapshot` sees.
    #[inline]
    pub(crate) fn visible(self, snapshot: u64) -> Visible<'a> {
        let mut next = self.header().newest.load(Ordering::Acquire);
        loop {
            if next.is_null() {
                return Visible::Nothing;
            }
            if next == cut() {
                return Visible::Cut;
            }
            // SAFETY: neither end, so a version of this record.
            unsafe {
                let version = NonNull::new_unchecked(next);
                if version.as_ref().timestamp <= snapshot {
                    return Visible::Version(Self::entry(version));
                }
                next = version.as_ref().older.load(Ordering::Acquire);
            }
        }
    }

    /// The bytes it takes, versions included.
    pub(crate) fn bytes(self) -> usize {
        let inline = self.inline();
        // SAFETY: inside the record, in the chain or not.
        let own = value_len(unsafe { inline.as_ref() }.len);
        let record = footprint(inline_offset(self.key_len()) + VERSION_BYTES + own);
        let others = self.versions().filter(|version| *version != inline);
        // SAFETY: reached through the chain.
        others.fold(record, |bytes, version| bytes + version_bytes(unsafe { version.as_ref() }))
    }

    /// Puts a version in front and cuts the chain behind its newest version at or before `horizon`. The caller holds the leaf's
    /// latch (invariant 2).
    pub(crate) fn push(
        self,
        timestamp: u64,
        value: Option<&[u8]>,
        horizon: u64,
        cache: &Arc<Cache>,
        guard: &Guard,
    ) -> Pushed {
        if self.newest().is_some_and(|newest| newest.timestamp >= timestamp) {
            return Pushed::Known;
        }
        let version = new_version(timestamp, value);
        let newest = &self.header().newest;
        let mut front = newest.load(Ordering::Acquire);
        loop {
            // SAFETY: `front` is this record's newest version; `version` is ours until it is published.
            unsafe {
                if real(front).is_some_and(|front| front.as_ref().timestamp >= timestamp) {
                    free_version(version);
                    return Pushed::Known;
                }
                version.as_ref().older.store(front, Ordering::Relaxed);
            }
            let order = (Ordering::AcqRel, Ordering::Acquire);
            match newest.compare_exchange(front, version.as_ptr(), order.0, order.1) {
                Ok(_) => break,
                Err(seen) => front = seen,
            }
        }
        cache.charge(footprint(VERSION_BYTES + value.map_or(0, <[u8]>::len)));
        // SAFETY: it was this record's newest version a moment ago, and the guard is pinned.
        let replaced_tombstone =
            real(front).is_some_and(|front| unsafe { front.as_ref() }.len == TOMBSTONE);
        self.trim(horizon, cache, guard);
        Pushed::Added { replaced_tombstone }
    }

    /// Cuts the chain behind its newest version at or before `horizon`.
    fn trim(self, horizon: u64, cache: &Arc<Cache>, guard: &Guard) {
        let last = self.versions().enumerate().find(|(depth, version)| {
            // SAFETY: reached through the chain.
            *depth + 1 >= CHAIN_VERSIONS_MAX || unsafe { version.as_ref() }.timestamp <= horizon
        });
        let Some((_, last)) = last else { return };
        // SAFETY: reached through the chain.
        let older = unsafe { &last.as_ref().older };
        if real(older.load(Ordering::Acquire)).is_none() {
            return;
        }
        let mut next = real(older.swap(cut(), Ordering::AcqRel));
        while let Some(version) = next {
            // SAFETY: reached through the chain, and the guard is pinned.
            next = real(unsafe { version.as_ref() }.older.swap(cut(), Ordering::AcqRel));
            if version != self.inline() {
                // SAFETY: ours (invariant 5) and unlinked; those who may still read it were pinned before.
                unsafe { retire_version(version, cache, guard) };
            }
        }
    }

    /// Ends the chain in *cut*: the record leaves the company of all others of its range. Under the exclusive latch.
    pub(crate) fn cut_end(self) {
        if let Some(last) = self.versions().last() {
            // SAFETY: reached through the chain.
            let older = unsafe { &last.as_ref().older };
            let (nothing, order) = (ptr::null_mut(), Ordering::AcqRel);
            // It fails when the end is cut already.
            let _ = older.compare_exchange(nothing, cut(), order, Ordering::Acquire);
        }
    }

    /// Asserts that time falls along the chain, and that it is cut if the record is in memory by itself.
    pub(crate) fn verify(self, by_itself: bool) {
        // SAFETY: reached through the chain.
        let times: Vec<u64> =
            self.versions().map(|version| unsafe { version.as_ref() }.timestamp).collect();
        assert!(times.windows(2).all(|pair| pair[0] > pair[1]), "record invariant 3: {times:?}");
        let end = self.visible(0);
        assert!(!by_itself || !matches!(end, Visible::Nothing), "leaf invariant 3");
    }

    /// Puts an older version at the chain's end, with *cut* behind it, unless the chain was cut already. Only for a record that
    /// nobody else can reach, or under the exclusive latch. Returns the bytes it added.
    pub(crate) fn append_oldest(self, timestamp: u64, value: &[u8]) -> usize {
        let Some(last) = self.versions().last() else { return 0 };
        // SAFETY: reached through the chain.
        let last = unsafe { last.as_ref() };
        if last.timestamp <= timestamp || !last.older.load(Ordering::Acquire).is_null() {
            return 0;
        }
        let version = new_version(timestamp, Some(value));
        // SAFETY: ours until it is published on the next line.
        unsafe { version.as_ref() }.older.store(cut(), Ordering::Relaxed);
        last.older.store(version.as_ptr(), Ordering::Release);
        footprint(VERSION_BYTES + value.len())
    }
}
