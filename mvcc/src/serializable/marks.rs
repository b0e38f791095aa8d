//! Marks: which transactions read or wrote what.
//!
//! A mark is on a key or on a range of keys of one keyspace, whether or not there are rows. A range covers
//! keys that do not exist yet, so that an insert meets the search that did not find it.
//!
//! # Invariants
//!
//! 1. A transaction's ranges in a keyspace are disjoint and do not touch; none is empty.
//! 2. What a transaction marked is covered until it is taken back: marks are only ever made coarser. Beyond
//!    [`POINTS_MAX`] keys or [`RANGES_MAX`] ranges in one keyspace they become one range around all of them.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use bincode::{Decode, Encode};
use reckon_storage::{KeyRange, KeyspaceId};
use smallvec::SmallVec;

use super::{Extent, XactId};
use crate::lock::KeyName;
use crate::sync::RandomState;

/// Keys that one transaction marks one by one in one keyspace.
const POINTS_MAX: usize = 4096;

/// Ranges that one transaction marks in one keyspace.
const RANGES_MAX: usize = 256;

/// Transactions that were found.
pub(super) type Found = SmallVec<[XactId; 8]>;

/// Keys from `lower`, which is in it, to `upper`, which is not; `None` is the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    lower: Vec<u8>,
    upper: Option<Vec<u8>>,
}

impl Span {
    /// Every key.
    pub(crate) fn all() -> Self {
        Self { lower: Vec::new(), upper: None }
    }

    /// The keys of a range.
    pub(crate) fn of(range: &KeyRange) -> Self {
        let lower = match &range.lower {
            Bound::Included(key) => key.clone(),
            Bound::Excluded(key) => after(key),
            Bound::Unbounded => Vec::new(),
        };
        let upper = match &range.upper {
            Bound::Included(key) => Some(after(key)),
            Bound::Excluded(key) => Some(key.clone()),
            Bound::Unbounded => None,
        };
        Self { lower, upper }
    }

    fn point(key: &[u8]) -> Self {
        Self { lower: key.to_vec(), upper: Some(after(key)) }
    }

    fn is_empty(&self) -> bool {
        self.upper.as_ref().is_some_and(|upper| *upper <= self.lower)
    }

    /// The key, when it is a range of one.
    fn as_point(&self) -> Option<&[u8]> {
        let (last, key) = self.upper.as_deref()?.split_last()?;
        (*last == 0 && key == self.lower).then_some(key)
    }

    /// The smallest range that covers both.
    fn hull(self, other: Span) -> Span {
        let upper = match (self.upper, other.upper) {
            (Some(one), Some(other)) => Some(one.max(other)),
            _ => None,
        };
        Span { lower: self.lower.min(other.lower), upper }
    }
}

/// The first key after one.
fn after(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

/// Disjoint ranges, by where they begin.
#[derive(Debug, Default)]
struct Spans(BTreeMap<Vec<u8>, Option<Vec<u8>>>);

impl Spans {
    fn covers(&self, key: &[u8]) -> bool {
        let before = self.0.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back();
        before.is_some_and(|(_, upper)| upper.as_deref().is_none_or(|upper| key < upper))
    }

    fn meets(&self, span: &Span) -> bool {
        if self.covers(&span.lower) {
            return true;
        }
        let behind = (Bound::Excluded(span.lower.as_slice()), Bound::Unbounded);
        let next = self.0.range::<[u8], _>(behind).next();
        next.is_some_and(|(lower, _)| span.upper.as_ref().is_none_or(|upper| lower < upper))
    }

    fn add(&mut self, mut span: Span) {
        let upto = (Bound::Unbounded, Bound::Included(span.lower.as_slice()));
        let before = self.0.range::<[u8], _>(upto).next_back();
        if let Some((lower, upper)) = before
            && upper.as_ref().is_none_or(|upper| *upper >= span.lower)
        {
            let touched = Span { lower: lower.clone(), upper: upper.clone() };
            self.0.remove(&touched.lower);
            span = span.hull(touched);
        }
        while let Some((lower, upper)) = self.0.range(span.lower.clone()..).next() {
            if span.upper.as_ref().is_some_and(|upper| upper < lower) {
                break;
            }
            let touched = Span { lower: lower.clone(), upper: upper.clone() };
            self.0.remove(&touched.lower);
            span = span.hull(touched);
        }
        self.0.insert(span.lower, span.upper);
        if self.0.len() > RANGES_MAX {
            self.join();
        }
    }

    /// One range around all.
    fn join(&mut self) {
        let spans = std::mem::take(&mut self.0).into_iter();
        let hull = spans.map(|(lower, upper)| Span { lower, upper }).reduce(Span::hull);
        self.0.extend(hull.map(|hull| (hull.lower, hull.upper)));
    }
}

/// What one transaction marked, so that it can be taken back.
#[derive(Debug, Default)]
pub(super) struct Own(HashMap<KeyspaceId, Vec<Arc<[u8]>>, RandomState>);

#[derive(Debug, Default)]
struct Marked {
    points: BTreeMap<Arc<[u8]>, SmallVec<[XactId; 2]>>,
    ranges: HashMap<XactId, Spans, RandomState>,
}

/// The marks of one transaction in one keyspace, as they are written down.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct WrittenMarks {
    keyspace: KeyspaceId,
    points: Vec<Vec<u8>>,
    ranges: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// All marks of one kind.
#[derive(Debug, Default)]
pub(super) struct Marks(HashMap<KeyspaceId, Marked, RandomState>);

impl Marks {
    /// Marks a range.
    pub(super) fn add(&mut self, own: &mut Own, who: XactId, keyspace: KeyspaceId, span: Span) {
        if span.is_empty() {
            return;
        }
        if let Some(key) = span.as_point() {
            return self.add_point(own, who, keyspace, key);
        }
        own.0.entry(keyspace).or_default();
        let marked = self.0.entry(keyspace).or_default();
        marked.ranges.entry(who).or_default().add(span);
    }

    /// Marks a key.
    pub(super) fn add_point(
        &mut self,
        own: &mut Own,
        who: XactId,
        keyspace: KeyspaceId,
        key: &[u8],
    ) {
        let points = own.0.entry(keyspace).or_default();
        let marked = self.0.entry(keyspace).or_default();
        if marked.ranges.get(&who).is_some_and(|ranges| ranges.covers(key)) {
            return;
        }
        if let Some(holders) = marked.points.get_mut(key) {
            if holders.contains(&who) {
                return;
            }
            holders.push(who);
            let (key, _) = marked.points.get_key_value(key).expect("it was found a moment ago");
            points.push(Arc::clone(key));
        } else {
            let key: Arc<[u8]> = Arc::from(key);
            marked.points.insert(Arc::clone(&key), SmallVec::from_elem(who, 1));
            points.push(key);
        }
        if points.len() > POINTS_MAX {
            let hull = points.iter().map(|key| Span::point(key)).reduce(Span::hull);
            for key in points.drain(..) {
                marked.take_point(&key, who);
            }
            if let Some(hull) = hull {
                marked.ranges.entry(who).or_default().add(hull);
            }
        }
    }

    /// Who marked a key, or a range that it is in.
    pub(super) fn at(&self, keyspace: KeyspaceId, key: &[u8]) -> Found {
        self.of_key(keyspace, key).iter().copied().chain(self.around(keyspace, key)).collect()
    }

    /// Who marked a key by itself.
    pub(super) fn of_key(&self, keyspace: KeyspaceId, key: &[u8]) -> &[XactId] {
        let marked = self.0.get(&keyspace).and_then(|marked| marked.points.get(key));
        marked.map_or(&[], SmallVec::as_slice)
    }

    /// Who marked a range that a key is in.
    pub(super) fn around(&self, keyspace: KeyspaceId, key: &[u8]) -> impl Iterator<Item = XactId> {
        let ranges = self.0.get(&keyspace).into_iter().flat_map(|marked| &marked.ranges);
        ranges.filter(move |(_, ranges)| ranges.covers(key)).map(|(who, _)| *who)
    }

    /// Who marked something in a range; of those who marked the same key, whom `of_one_key` names. Somebody
    /// may be in it more than once.
    pub(super) fn within(
        &self,
        keyspace: KeyspaceId,
        span: &Span,
        of_one_key: impl Fn(&[XactId]) -> Found,
    ) -> Found {
        let mut found = Found::new();
        let Some(marked) = self.0.get(&keyspace).filter(|_| !span.is_empty()) else { return found };
        let upper = span.upper.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let bounds = (Bound::Included(span.lower.as_slice()), upper);
        for who in marked.points.range::<[u8], _>(bounds).flat_map(|(_, who)| of_one_key(who)) {
            if found.last() != Some(&who) {
                found.push(who);
            }
        }
        let ranges = marked.ranges.iter().filter(|(_, ranges)| ranges.meets(span));
        found.extend(ranges.map(|(who, _)| *who));
        found
    }

    /// Takes everything back that a transaction marked.
    pub(super) fn remove(&mut self, own: Own, who: XactId) {
        for (keyspace, points) in own.0 {
            let Some(marked) = self.0.get_mut(&keyspace) else { continue };
            marked.ranges.remove(&who);
            for key in points {
                marked.take_point(&key, who);
            }
            if marked.points.is_empty() && marked.ranges.is_empty() {
                self.0.remove(&keyspace);
            }
        }
    }

    /// Gives everything that a transaction marked to another one.
    pub(super) fn transfer(&mut self, own: Own, from: XactId, into: &mut Own, to: XactId) {
        for (keyspace, points) in own.0 {
            let Some(marked) = self.0.get_mut(&keyspace) else { continue };
            let ranges = marked.ranges.remove(&from).unwrap_or_default();
            for key in points {
                let Some(marked) = self.0.get_mut(&keyspace) else { continue };
                marked.take_point(&key, from);
                self.add_point(into, to, keyspace, &key);
            }
            for (lower, upper) in ranges.0 {
                self.add(into, to, keyspace, Span { lower, upper });
            }
        }
    }

    /// Shows everything that a transaction marked.
    pub(super) fn each_of(&self, own: &Own, who: XactId, mut see: impl FnMut(KeyspaceId, Extent)) {
        for (keyspace, points) in &own.0 {
            let ranges = self.0.get(keyspace).and_then(|marked| marked.ranges.get(&who));
            let mut ranges = ranges.into_iter().flat_map(|spans| &spans.0).peekable();
            if ranges.peek().is_some_and(|(lower, upper)| lower.is_empty() && upper.is_none()) {
                see(*keyspace, Extent::All);
                continue;
            }
            ranges.for_each(|(lower, _)| see(*keyspace, Extent::Range(KeyName::of(lower))));
            points.iter().for_each(|key| see(*keyspace, Extent::Key(KeyName::of(key))));
        }
    }

    /// Everything that a transaction marked.
    pub(super) fn write_down(&self, own: &Own, who: XactId) -> Vec<WrittenMarks> {
        let marked = own.0.iter().map(|(keyspace, points)| {
            let ranges = self.0.get(keyspace).and_then(|marked| marked.ranges.get(&who));
            let ranges = ranges.into_iter().flat_map(|spans| spans.0.clone()).collect();
            let points = points.iter().map(|key| key.to_vec()).collect();
            WrittenMarks { keyspace: *keyspace, points, ranges }
        });
        marked.collect()
    }

    /// Marks what was written down.
    pub(super) fn add_all(&mut self, own: &mut Own, who: XactId, marked: Vec<WrittenMarks>) {
        for WrittenMarks { keyspace, points, ranges } in marked {
            for (lower, upper) in ranges {
                self.add(own, who, keyspace, Span { lower, upper });
            }
            points.iter().for_each(|key| self.add_point(own, who, keyspace, key));
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Marked {
    fn take_point(&mut self, key: &[u8], who: XactId) {
        if let Some(holders) = self.points.get_mut(key) {
            holders.retain(|other| *other != who);
            if holders.is_empty() {
                self.points.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: KeyspaceId = KeyspaceId(7);
    const A: XactId = XactId(1);
    const B: XactId = XactId(2);

    fn span(lower: &[u8], upper: &[u8]) -> Span {
        Span { lower: lower.to_vec(), upper: Some(upper.to_vec()) }
    }

    #[test]
    fn a_range_covers_keys_that_do_not_exist() {
        let (mut marks, mut own) = (Marks::default(), Own::default());
        marks.add(&mut own, A, TABLE, span(b"b", b"d"));
        assert_eq!(marks.at(TABLE, b"cc").as_slice(), [A]);
        assert!(marks.at(TABLE, b"a").is_empty() && marks.at(TABLE, b"d").is_empty());
        marks.remove(own, A);
        assert!(marks.is_empty());
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let mut spans = Spans::default();
        spans.add(span(b"a", b"c"));
        spans.add(span(b"e", b"g"));
        assert!(!spans.covers(b"d"));
        spans.add(span(b"c", b"e"));
        assert_eq!(spans.0.len(), 1);
        assert!(spans.covers(b"d") && spans.meets(&span(b"f", b"z")));
        assert!(!spans.meets(&span(b"g", b"z")));
    }

    #[test]
    fn many_keys_become_a_range_around_them() {
        let (mut marks, mut own) = (Marks::default(), Own::default());
        for key in 0..=POINTS_MAX as u32 {
            marks.add_point(&mut own, A, TABLE, &(key * 2).to_be_bytes());
        }
        assert_eq!(marks.at(TABLE, &3u32.to_be_bytes()).as_slice(), [A]);
        let mut into = Own::default();
        marks.transfer(own, A, &mut into, B);
        assert_eq!(marks.at(TABLE, &4u32.to_be_bytes()).as_slice(), [B]);
        marks.remove(into, B);
        assert!(marks.is_empty());
    }

    #[test]
    fn a_range_of_one_key_is_that_key() {
        assert_eq!(Span::point(b"k").as_point(), Some(b"k".as_slice()));
        assert_eq!(span(b"k", b"l").as_point(), None);
    }
}
