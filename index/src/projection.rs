//! Heads: the integers that stand for byte keys while a leaf or a node is searched.
//!
//! A projection has a prefix P. The head of a key that begins with P is its next eight bytes, big-endian, padded with
//! zeros; a key below all keys with that prefix has head 0, a key above them `u64::MAX`:
//!
//! ```text
//! P = "user:"      "user:ab"   -> 0x6162_0000_0000_0000
//!                  "user:ab\0" -> the same: a tie, settled by whole keys
//!                  "tree"      -> 0        "vase" -> u64::MAX
//! ```
//!
//! Keys of several columns differ in few bytes that lie far apart, and their next eight bytes may all be the same. Where that makes
//! ties, a projection also has a [`Mask`]: eight positions behind P that vary, and the bytes all keys have between them. The
//! head of a key with these bytes is what it has in the eight positions; of one that leaves them at some byte, what it has in
//! the positions before, then zeros or ones as it goes below or above:
//!
//! ```text
//! positions   ..xx...x      "00ab00c" -> a b c       "00ab01." -> a b FF      "00a" -> a 0 0 (a key that ends is padded)
//! ```
//!
//! # Invariants
//!
//! 1. For keys a <= b, head(a) <= head(b), whatever P and the mask are. So they may be chosen by what a leaf happens to hold, and an
//!    insert never invalidates them; at worst it makes ties.
//! 2. The first `known` bytes of P begin every key that can be asked for (the fences say so) and are never compared.

use std::mem::offset_of;

/// Maps keys to heads; see the module. What most heads need comes first, side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Projection {
    /// The prefix's length.
    length: u32,
    known: u32,
    /// The head of the prefix itself: a short one is compared as one number.
    first: u64,
    mask: Option<Mask>,
    prefix: Box<[u8]>,
    /// The longest key seen.
    longest: usize,
    /// It was looked whether a mask is of use.
    is_settled: bool,
}

/// How much of it most heads need: up to what says that there is no mask.
pub(crate) const PLAIN_BYTES: usize = offset_of!(Projection, mask) + align_of::<Mask>();

/// No prefix is longer: a shorter one is right too.
const PREFIX_BYTES_MAX: usize = 1 << 31;

/// The bytes a head is made of.
pub(crate) const HEAD_BYTES: usize = size_of::<u64>();

/// How far behind the prefix a mask reaches.
const WINDOW_BYTES: usize = 32;

/// What follows the prefix, padded with zeros, as big-endian words.
type Window = [u64; WINDOW_BYTES / 8];

/// Which bytes behind the prefix make the head.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mask {
    /// In ascending order.
    positions: [u8; HEAD_BYTES],
    /// The bytes that all keys are to have, zero elsewhere.
    shared: Window,
    /// Which bytes these are.
    fixed: Window,
}

/// What follows the first `start` bytes of a key.
#[inline]
fn window(key: &[u8], start: usize) -> Window {
    std::array::from_fn(|word| {
        let at = start + word * HEAD_BYTES;
        if at < key.len() { head_behind(key, at) } else { 0 }
    })
}

/// A byte of a window.
#[inline]
fn byte(window: &Window, at: usize) -> u8 {
    window[at / 8 % window.len()].to_be_bytes()[at % 8]
}

impl Mask {
    /// The positions that vary among what follows the first `start` bytes of some keys, with those before them, where the next
    /// keys will vary. `None` if they are the first eight, or there are none.
    fn over<'k>(mut keys: impl Iterator<Item = &'k [u8]>, start: usize) -> Option<Self> {
        let first = window(keys.next()?, start);
        let mut varies = Window::default();
        for key in keys {
            let other = window(key, start);
            (0..varies.len()).for_each(|at| varies[at] |= first[at] ^ other[at]);
        }
        let mut chosen: Vec<usize> =
            (0..WINDOW_BYTES).filter(|&at| byte(&varies, at) != 0).take(HEAD_BYTES).collect();
        let last = *chosen.last()?;
        if last < HEAD_BYTES {
            return None;
        }
        // A number's higher digits change after its lower ones.
        let starts = chosen.clone();
        for distance in 1..WINDOW_BYTES {
            for at in starts.iter().filter_map(|at| at.checked_sub(distance)) {
                if chosen.len() < HEAD_BYTES && !chosen.contains(&at) {
                    chosen.push(at);
                }
            }
        }
        chosen.sort_unstable();
        let mut fixed = Window::default();
        for at in (0..last).filter(|at| !chosen.contains(at)) {
            fixed[at / 8] |= 0xFF << (56 - at % 8 * 8);
        }
        let positions = std::array::from_fn(|at| chosen[at] as u8);
        Some(Self { positions, shared: std::array::from_fn(|at| first[at] & fixed[at]), fixed })
    }

    /// The head of a key whose prefix has `start` bytes.
    #[inline]
    fn head(&self, key: &[u8], start: usize) -> u64 {
        let ours = window(key, start);
        let head = u64::from_be_bytes(self.positions.map(|at| byte(&ours, usize::from(at))));
        let other = (0..ours.len()).find(|&at| ours[at] & self.fixed[at] != self.shared[at]);
        match other {
            None => head,
            Some(at) => self.strayed(head, at, ours[at] & self.fixed[at]),
        }
    }

    /// The head of a key that first leaves what is shared in this word.
    #[cold]
    fn strayed(&self, head: u64, word: usize, ours: u64) -> u64 {
        let shared = self.shared[word];
        let at = word * 8 + ((ours ^ shared).leading_zeros() / 8) as usize;
        let before = self.positions.iter().filter(|&&position| usize::from(position) < at).count();
        let behind = u64::MAX.checked_shr(before as u32 * 8).unwrap_or(0);
        if ours < shared { head & !behind } else { head | behind }
    }

    /// Whether the head is made of the key's own bytes.
    fn fits(&self, key: &[u8], start: usize) -> bool {
        let ours = window(key, start);
        (0..ours.len()).all(|at| ours[at] & self.fixed[at] == self.shared[at])
    }
}

impl Projection {
    /// With the given prefix, of which the first `known` bytes need no comparing, for keys up to `longest` bytes.
    pub(crate) fn new(prefix: &[u8], known: usize, longest: usize) -> Self {
        debug_assert!(known <= prefix.len());
        let prefix = &prefix[..prefix.len().min(PREFIX_BYTES_MAX)];
        Self {
            length: prefix.len() as u32,
            known: known.min(prefix.len()) as u32,
            first: head_behind(prefix, 0),
            mask: None,
            prefix: prefix.into(),
            longest,
            is_settled: false,
        }
    }

    /// The prefix's length.
    #[inline]
    fn length(&self) -> usize {
        self.length as usize
    }

    /// The heads of `keys`, which are in order and have the prefix; with a mask from now on if that parts ties.
    pub(crate) fn settle<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]> + Clone) -> Vec<u64> {
        let mut heads: Vec<u64> = keys.clone().map(|key| self.head(key)).collect();
        let ties = ties(&heads);
        if is_few(ties, &heads) {
            return heads;
        }
        self.is_settled = true;
        let length = self.length();
        self.mask = Mask::over(keys.clone(), length);
        if self.mask.is_some() {
            let masked: Vec<u64> = keys.map(|key| self.head(key)).collect();
            if self::ties(&masked) * 2 < ties {
                heads = masked;
            } else {
                self.mask = None;
            }
        }
        heads
    }

    /// Whether another projection would hardly be better for keys from `first` to `last` with these heads.
    pub(crate) fn suits(&self, first: &[u8], last: &[u8], heads: &[u64]) -> bool {
        if !self.fits(first) || !self.fits(last) {
            return false;
        }
        let length = self.length();
        // A mask that makes ties after all has met other keys than those it was chosen by.
        let is_best =
            || self.is_settled && self.mask.is_none() && common_prefix(first, last) == length;
        let reaches_end = self.mask.is_none() && self.longest <= length + HEAD_BYTES;
        reaches_end || is_best() || is_few(ties(heads), heads)
    }

    /// Takes note of a key that is added; says whether its head is made of its own bytes.
    pub(crate) fn admit(&mut self, key: &[u8]) -> bool {
        self.longest = self.longest.max(key.len());
        self.fits(key)
    }

    /// Whether keys of this length and with equal heads are equal.
    #[inline]
    pub(crate) fn tells_apart(&self, length: usize) -> bool {
        let is_known = self.length == self.known;
        is_known && self.mask.is_none() && length <= self.length() + HEAD_BYTES
    }

    /// The head of `key`.
    #[inline]
    pub(crate) fn head(&self, key: &[u8]) -> u64 {
        let length = self.length();
        if self.length == self.known || self.begins(key) {
            return match &self.mask {
                None => head_behind(key, length),
                Some(mask) => mask.head(key, length),
            };
        }
        if key < &*self.prefix { 0 } else { u64::MAX }
    }

    /// Whether the key begins with the prefix, which is not all known.
    #[inline]
    fn begins(&self, key: &[u8]) -> bool {
        let length = self.length();
        match key.first_chunk() {
            Some(first) if length <= HEAD_BYTES => {
                (u64::from_be_bytes(*first) ^ self.first) >> (64 - 8 * length) == 0
            }
            Some(_) | None => {
                let known = self.known as usize;
                key.len() >= length && key[known..length] == self.prefix[known..]
            }
        }
    }

    /// Whether the key's head is made of its own bytes.
    pub(crate) fn fits(&self, key: &[u8]) -> bool {
        let length = self.length();
        key.starts_with(&self.prefix)
            && self.mask.as_ref().is_none_or(|mask| mask.fits(key, length))
    }

    /// What it takes beyond its own size.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.prefix.len()
    }

    #[cfg(test)]
    fn is_masked(&self) -> bool {
        self.mask.is_some()
    }
}

/// How many heads equal the one before.
fn ties(heads: &[u64]) -> usize {
    heads.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

/// Whether so many ties among these heads do not matter.
fn is_few(ties: usize, heads: &[u64]) -> bool {
    ties * 16 <= heads.len()
}

/// The eight bytes from `start` on as an integer, padded with zeros. Where fewer are left they come out of one load all the same: a
/// load of bytes stored one by one waits until all that went before is done.
#[inline]
fn head_behind(key: &[u8], start: usize) -> u64 {
    let rest = &key[start..];
    if let Some(first) = rest.first_chunk::<HEAD_BYTES>() {
        return u64::from_be_bytes(*first);
    }
    let bytes = match key.last_chunk::<HEAD_BYTES>() {
        Some(last) => u64::from_be_bytes(*last),
        None => rest.iter().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte)),
    };
    bytes.checked_shl(64 - 8 * rest.len() as u32).unwrap_or(0)
}

/// How many leading bytes two keys share.
pub(crate) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// How many leading bytes of `lower` begin every key in `[lower, upper)`; `None` is the end of the keys.
pub(crate) fn fence_prefix(lower: &[u8], upper: Option<&[u8]>) -> usize {
    let Some(upper) = upper else {
        return lower.iter().take_while(|&&byte| byte == 0xFF).count();
    };
    let shared = common_prefix(lower, upper);
    // "abc".."abd" holds only keys that begin with "abc".
    let closes = upper.len() == shared + 1
        && lower.get(shared).is_some_and(|byte| byte.checked_add(1) == Some(upper[shared]));
    if closes {
        shared + 1 + lower[shared + 1..].iter().take_while(|&&byte| byte == 0xFF).count()
    } else {
        shared
    }
}

/// A short key s with `below < s <= from`: a fence between two neighbours.
pub(crate) fn separator(below: &[u8], from: &[u8]) -> Box<[u8]> {
    debug_assert!(below < from);
    from[..=common_prefix(below, from)].into()
}

/// The least key greater than `key`.
pub(crate) fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(
            prop_oneof![Just(0u8), Just(1), Just(0xFE), Just(0xFF), any::<u8>()],
            0..6,
        )
    }

    /// Three columns that take few values, each behind a marker: the bytes that vary lie apart.
    fn columns() -> impl Strategy<Value = Vec<u8>> {
        let column = || prop_oneof![0..3u64, 254..258u64, Just(u64::MAX)];
        (column(), column(), column(), 0..28usize).prop_map(|(a, b, c, length)| {
            let columns = [a, b, c].map(|column| [&[1][..], &column.to_be_bytes()].concat());
            let mut key = columns.concat();
            // Some end early.
            key.truncate(if length < 24 { 27 } else { length });
            key
        })
    }

    #[test]
    fn columns_that_lie_apart_have_no_ties() {
        let key = |at: u64| {
            let columns = [at / 200, at / 20 % 10, at % 20];
            columns.iter().flat_map(|column| [&[1], &column.to_be_bytes()[..]].concat()).collect()
        };
        let keys: Vec<Vec<u8>> = (0..1000).map(key).collect();
        let mut projection = Projection::new(&[1, 0, 0], 0, 27);
        let heads = projection.settle(keys.iter().map(Vec::as_slice));
        assert!(projection.is_masked());
        assert!(heads.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(keys.iter().all(|key| projection.fits(key)));
        assert!(projection.suits(&keys[0], &keys[999], &heads));
        // Keys to come: with other values in the same bytes, and with a number that takes one byte more.
        assert!(projection.fits(&key(1001)) && projection.fits(&key(200 * 256)));
        let (last, beyond) = (&keys[999], [2; 27]);
        assert!(!projection.fits(&beyond) && projection.head(last) < projection.head(&beyond));
    }

    #[test]
    fn keys_that_differ_at_once_need_no_mask() {
        let keys: Vec<[u8; 20]> = (0..200).map(|at| [at; 20]).collect();
        let mut projection = Projection::new(&[], 0, 20);
        projection.settle(keys.iter().map(|key| &key[..]));
        assert!(!projection.is_masked());
    }

    proptest! {
        #[test]
        fn heads_never_decrease_whatever_the_prefix(prefix in key(), mut keys in proptest::collection::vec(key(), 2..20)) {
            let projection = Projection::new(&prefix, 0, 6);
            keys.sort();
            for pair in keys.windows(2) {
                prop_assert!(projection.head(&pair[0]) <= projection.head(&pair[1]));
            }
        }

        /// The mask is chosen by some keys and then meets others.
        #[test]
        fn heads_never_decrease_whatever_the_mask(
            prefix in key(),
            chosen_by in proptest::collection::vec(columns(), 2..20),
            mut keys in proptest::collection::vec(prop_oneof![columns(), key()], 2..40),
        ) {
            let mut projection = Projection::new(&prefix, 0, 64);
            projection.mask = Mask::over(chosen_by.iter().map(Vec::as_slice), 0);
            keys.extend(chosen_by.clone());
            for key in &mut keys {
                key.splice(0..0, prefix.iter().copied());
            }
            keys.push(successor(&keys[0]));
            keys.sort();
            for pair in keys.windows(2) {
                let (below, above) = (projection.head(&pair[0]), projection.head(&pair[1]));
                prop_assert!(below <= above, "{pair:?} {projection:?}");
            }
        }

        #[test]
        fn the_fence_prefix_begins_every_key_in_range(lower in key(), upper in proptest::option::of(key()), keys in proptest::collection::vec(key(), 1..50)) {
            let length = fence_prefix(&lower, upper.as_deref());
            for key in keys {
                if key >= lower && upper.as_ref().is_none_or(|upper| key < *upper) {
                    prop_assert!(key.starts_with(&lower[..length]), "{key:?}");
                }
            }
        }

        #[test]
        fn a_separator_lies_between(a in key(), b in key()) {
            prop_assume!(a < b);
            let between = separator(&a, &b);
            prop_assert!(*a < *between && *between <= *b);
        }
    }

    #[test]
    fn the_prefix_of_a_closed_interval_is_extended() {
        assert_eq!(fence_prefix(b"abc", Some(b"abd")), 3);
        assert_eq!(fence_prefix(b"abc", Some(b"abda")), 2);
        assert_eq!(fence_prefix(b"ab\xFFx", Some(b"ac")), 3);
        assert_eq!(fence_prefix(b"\xFF\xFFa", None), 2);
        assert_eq!(fence_prefix(b"", None), 0);
    }
}
