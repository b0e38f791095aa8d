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
//! # Invariants
//!
//! 1. For keys a <= b, head(a) <= head(b), whatever P is. So P may be chosen by what a leaf happens to hold, and an
//!    insert never invalidates it; at worst it makes ties.
//! 2. The first `known` bytes of P begin every key that can be asked for (the fences say so) and are never compared.

/// Maps keys to heads; see the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Projection {
    prefix: Box<[u8]>,
    known: usize,
    /// The longest key seen.
    longest: usize,
}

/// The bytes a head is made of.
pub(crate) const HEAD_BYTES: usize = size_of::<u64>();

impl Projection {
    /// With the given prefix, of which the first `known` bytes need no comparing, for keys up to `longest` bytes.
    pub(crate) fn new(prefix: &[u8], known: usize, longest: usize) -> Self {
        debug_assert!(known <= prefix.len());
        Self { prefix: prefix.into(), known, longest }
    }

    /// Whether another prefix would hardly be better for keys from `first` to `last` with these heads.
    pub(crate) fn suits(&self, first: &[u8], last: &[u8], heads: &[u64]) -> bool {
        if !self.fits(first) || !self.fits(last) {
            return false;
        }
        let reaches_end = self.longest <= self.prefix.len() + HEAD_BYTES;
        let ties = || heads.windows(2).filter(|pair| pair[0] == pair[1]).count();
        reaches_end || common_prefix(first, last) == self.prefix.len() || ties() * 16 <= heads.len()
    }

    /// Takes note of a key that is added; says whether it has the prefix, so that its head is made of its own bytes.
    pub(crate) fn admit(&mut self, key: &[u8]) -> bool {
        self.longest = self.longest.max(key.len());
        self.fits(key)
    }

    /// The head of `key`.
    #[inline]
    pub(crate) fn head(&self, key: &[u8]) -> u64 {
        let length = self.prefix.len();
        if length == self.known
            || (key.len() >= length && key[self.known..length] == self.prefix[self.known..])
        {
            return head_of(&key[length..]);
        }
        if key < &*self.prefix { 0 } else { u64::MAX }
    }

    /// Whether the key's head is made of its own bytes.
    pub(crate) fn fits(&self, key: &[u8]) -> bool {
        key.starts_with(&self.prefix)
    }

    /// What it takes beyond its own size.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.prefix.len()
    }
}

/// The first eight bytes as an integer, padded with zeros.
#[inline]
fn head_of(rest: &[u8]) -> u64 {
    if let Some(first) = rest.first_chunk::<HEAD_BYTES>() {
        return u64::from_be_bytes(*first);
    }
    let mut padded = [0; HEAD_BYTES];
    padded[..rest.len()].copy_from_slice(rest);
    u64::from_be_bytes(padded)
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

    proptest! {
        #[test]
        fn heads_never_decrease_whatever_the_prefix(prefix in key(), mut keys in proptest::collection::vec(key(), 2..20)) {
            let projection = Projection::new(&prefix, 0, 6);
            keys.sort();
            for pair in keys.windows(2) {
                prop_assert!(projection.head(&pair[0]) <= projection.head(&pair[1]));
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
