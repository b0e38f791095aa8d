//! States of the past that belong to no serial order.
//!
//! A writer that read what another one overwrote comes before it in every serial order, also if it commits
//! after it. Between the two commits everybody sees the second without the first:
//!
//! ```text
//!  out commits          pivot commits       pivot read what out overwrote: pivot, out
//! ──────┼────────────────────┼───────▶      a reader between them sees out: out, reader
//!       └───── torn ─────────┘              and may read what pivot overwrites: reader, pivot
//! ```
//!
//! Who reads while the pivot runs is watched, and has an edge to it only if it reads what the pivot writes. When
//! both have committed what the pivot wrote is forgotten, so all that can be said of a time is that it is torn.
//!
//! # Invariants
//!
//! 1. Torn times are disjoint and in order. Those of pivots that committed less than `kept` ago are here; where pivots
//!    were not entered in the order in which they committed, or the oldest were taken together, times between theirs
//!    may be here too.

use std::collections::VecDeque;
use std::time::Duration;

use reckon_storage::Timestamp;

/// So many torn times are kept apart; the oldest beyond become one, with what lies between them.
const TORN_MAX: usize = 65_536;

/// The torn times.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// From the commit of an out to before that of its last pivot.
    torn: VecDeque<(Timestamp, Timestamp)>,
    kept: Duration,
}

impl Past {
    /// Knows what was committed in the last `kept`.
    pub(super) fn new(kept: Duration) -> Self {
        Self { torn: VecDeque::new(), kept }
    }

    /// A writer with an edge to one that committed at `out` has committed at `pivot`.
    pub(super) fn tear(&mut self, out: Timestamp, pivot: Timestamp) {
        if out >= pivot {
            return;
        }
        let (mut from, mut until) = (out, pivot);
        while let Some(last) = self.torn.pop_back_if(|(_, until)| *until >= out) {
            (from, until) = (from.min(last.0), until.max(last.1));
        }
        self.torn.push_back((from, until));
        let kept_us = u64::try_from(self.kept.as_micros()).unwrap_or(u64::MAX);
        let kept = until.0.saturating_sub(kept_us);
        while self.torn.pop_front_if(|(_, until)| until.0 < kept).is_some() {}
        if self.torn.len() > TORN_MAX
            && let Some((from, _)) = self.torn.pop_front()
            && let Some(oldest) = self.torn.front_mut()
        {
            oldest.0 = from;
        }
    }

    /// Whether what was committed up to `at` is a state that need not belong to a serial order.
    pub(super) fn is_torn(&self, at: Timestamp) -> bool {
        let next = self.torn.partition_point(|(_, until)| *until <= at);
        self.torn.get(next).is_some_and(|(from, _)| *from <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_stays_torn() {
        let mut past = Past::new(Duration::MAX);
        for at in (10..).step_by(10).take(2 * TORN_MAX) {
            past.tear(Timestamp(at), Timestamp(at + 1));
        }
        assert_eq!(past.torn.len(), TORN_MAX);
        assert!(past.is_torn(Timestamp(10)) && !past.is_torn(Timestamp(9)));
        let newest = 20 * TORN_MAX as u64;
        assert!(past.is_torn(Timestamp(newest)) && !past.is_torn(Timestamp(newest - 1)));
    }

    proptest! {
        #[test]
        fn a_time_is_torn_if_it_lies_between_an_out_and_its_pivot(
            pairs in proptest::collection::vec((1..40u64, 1..10u64), 1..60),
            late in proptest::option::of(0..60usize),
            kept in 0..300u64,
        ) {
            let mut past = Past::new(Duration::from_micros(kept));
            let (mut last, mut all) = (0, Vec::new());
            for (before, later) in pairs {
                last += later;
                all.push(((last + 2).saturating_sub(before), last));
            }
            let late = late.filter(|late| late + 1 < all.len());
            late.into_iter().for_each(|late| all.swap(late, late + 1));
            for (out, pivot) in &all {
                past.tear(Timestamp(*out), Timestamp(*pivot));
            }
            for at in last.saturating_sub(kept)..=last + 3 {
                let torn = all.iter().any(|(out, pivot)| *out <= at && at < *pivot);
                let found = past.is_torn(Timestamp(at));
                prop_assert!(found || !torn, "{}", at);
                prop_assert!(torn || !found || late.is_some(), "{}", at);
            }
            prop_assert!(past.torn.len() as u64 <= kept + 1);
        }
    }
}
