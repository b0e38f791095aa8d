//! The one clock, and the timestamps it gives out.
//!
//! A timestamp is microseconds since the Unix epoch. The wall clock is read once, at the start; from then
//! on time is that reading plus what the monotonic clock says has passed, and a step of the wall clock is
//! slewed in by at most 1 % of the time that passes. So time never jumps, and never goes back.
//!
//! # Invariants
//!
//! 1. The next timestamp is larger than the `last` it is given, and not before the clock otherwise.
//! 2. This file alone reads clocks. Everything else has an instant from here or none.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
#[cfg(not(shuttle))]
use std::time::{SystemTime, UNIX_EPOCH};

use reckon_storage::Timestamp;

use crate::sync::AtomicI64;

/// Largest correction a call of [`Clock::slew`] makes, in microseconds: 1 % of its interval.
const SLEW_US_MAX: i64 = 10_000;

/// Microseconds since the Unix epoch, without steps.
#[derive(Debug)]
pub struct Clock {
    start: Instant,
    start_us: i64,
    correction_us: AtomicI64,
}

impl Clock {
    /// A clock that agrees with the wall clock now.
    pub(crate) fn start() -> Self {
        Self { start: instant(), start_us: wall_us(), correction_us: AtomicI64::new(0) }
    }

    /// What time it is.
    #[inline]
    pub fn now(&self) -> Timestamp {
        let passed = i64::try_from(instant().duration_since(self.start).as_micros());
        let us = self.start_us + passed.unwrap_or(i64::MAX / 2);
        Timestamp(u64::try_from(us + self.correction_us.load(Ordering::Relaxed)).unwrap_or(0))
    }

    /// The timestamp after `last`.
    pub(crate) fn next(&self, last: Timestamp) -> Timestamp {
        self.now().max(Timestamp(last.0 + 1))
    }

    /// Moves a little towards the wall clock. Called about once a second.
    pub(crate) fn slew(&self) {
        let now = i64::try_from(self.now().0).unwrap_or(i64::MAX);
        let step = wall_us().saturating_sub(now).clamp(-SLEW_US_MAX, SLEW_US_MAX);
        self.correction_us.fetch_add(step, Ordering::Relaxed);
    }
}

/// The monotonic clock.
#[cfg(shuttle)]
pub(crate) use crate::sync::instant;

/// The monotonic clock.
#[cfg(not(shuttle))]
#[expect(clippy::disallowed_methods, reason = "this file owns the clock")]
#[inline]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// The instant `after` from now; `None` when that is beyond what the clock can say.
pub(crate) fn deadline(after: Duration) -> Option<Instant> {
    instant().checked_add(after)
}

/// What a test's clocks begin at.
#[cfg(shuttle)]
fn wall_us() -> i64 {
    1 << 50
}

#[cfg(not(shuttle))]
#[expect(clippy::disallowed_methods, reason = "this file owns the clock")]
fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_is_larger_even_when_the_last_one_is_in_the_future() {
        let clock = Clock::start();
        let future = Timestamp(clock.now().0 + 1_000_000_000);
        assert_eq!(clock.next(future), Timestamp(future.0 + 1));
        assert!(clock.next(Timestamp::ZERO) > Timestamp::ZERO);
    }

    #[test]
    fn a_wall_clock_step_is_slewed_in_and_time_never_goes_back() {
        let clock = Clock::start();
        clock.correction_us.store(3_600_000_000, Ordering::Relaxed);
        let ahead = clock.now();
        clock.slew();
        assert!(clock.correction_us.load(Ordering::Relaxed) >= 3_600_000_000 - SLEW_US_MAX);
        assert!(clock.next(ahead) > ahead);
    }
}
