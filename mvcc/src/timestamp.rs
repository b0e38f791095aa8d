//! The one clock, and the timestamps it gives out.
//!
//! A timestamp is microseconds since the Unix epoch. The wall clock is read once, at the start; from then
//! on time is that reading plus what the monotonic clock says has passed, and a step of the wall clock is
//! slewed in by at most 1 % of the time that passes: forwards time skips 10 ms, backwards it stands still for
//! as long. So it never goes back.
//!
//! # Invariants
//!
//! 1. The next timestamp is larger than the `last` it is given, and not before the clock otherwise.
//! 2. No time is before one that was told earlier, whoever asks. While the correction changes it is
//!    `CHANGING`. Who found the same correction before and after looking at the monotonic clock looked before
//!    that, and `floor_us` is taken after it.
//! 3. This file alone reads clocks. Everything else has an instant from here or none.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
#[cfg(not(shuttle))]
use std::time::{SystemTime, UNIX_EPOCH};

use reckon_storage::Timestamp;

use crate::sync::{AtomicI64, Mutex};

/// Largest correction a call of [`Clock::slew`] makes, in microseconds: 1 % of its interval.
const SLEW_US_MAX: i64 = 10_000;

/// In place of a correction: it is not known now.
const CHANGING: i64 = i64::MIN;

/// Microseconds since the Unix epoch, without steps.
#[derive(Debug)]
pub struct Clock {
    start: Instant,
    start_us: i64,
    correction_us: AtomicI64,
    /// Times before it were told already.
    floor_us: AtomicI64,
    slewing: Mutex<()>,
}

impl Clock {
    /// A clock that agrees with the wall clock now.
    pub(crate) fn start() -> Self {
        Self {
            start: instant(),
            start_us: wall_us(),
            correction_us: AtomicI64::new(0),
            floor_us: AtomicI64::new(0),
            slewing: Mutex::default(),
        }
    }

    /// What time it is.
    #[inline]
    pub fn now(&self) -> Timestamp {
        loop {
            let correction_us = self.correction_us.load(Ordering::SeqCst);
            let us = self.uncorrected_us().saturating_add(correction_us);
            if correction_us == CHANGING {
                drop(self.slewing.lock());
            } else if self.correction_us.load(Ordering::SeqCst) == correction_us {
                let us = us.max(self.floor_us.load(Ordering::SeqCst));
                return Timestamp(u64::try_from(us).unwrap_or(0));
            }
        }
    }

    fn uncorrected_us(&self) -> i64 {
        let passed = i64::try_from(instant().duration_since(self.start).as_micros());
        self.start_us + passed.unwrap_or(i64::MAX / 2)
    }

    /// The timestamp after `last`.
    pub(crate) fn next(&self, last: Timestamp) -> Timestamp {
        self.now().max(Timestamp(last.0 + 1))
    }

    /// Moves a little towards the wall clock. Called about once a second.
    pub(crate) fn slew(&self) {
        let _slewing = self.slewing.lock();
        let before_us = self.correction_us.swap(CHANGING, Ordering::SeqCst);
        let told_us = self.uncorrected_us() + before_us;
        let step_us = wall_us().saturating_sub(told_us).clamp(-SLEW_US_MAX, SLEW_US_MAX);
        self.floor_us.fetch_max(told_us, Ordering::SeqCst);
        self.correction_us.store(before_us + step_us, Ordering::SeqCst);
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
        assert!(clock.now() >= ahead);
        assert!(clock.next(ahead) > ahead);
    }

    #[test]
    fn while_time_is_slewed_nobody_is_told_less_than_another_was() {
        use crate::sync::AtomicU64;

        let clock = Clock::start();
        clock.correction_us.store(3_600_000_000, Ordering::Relaxed);
        let told = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..20_000 {
                            let before = told.load(Ordering::SeqCst);
                            let now = clock.now().0;
                            assert!(now >= before);
                            told.fetch_max(now, Ordering::SeqCst);
                        }
                    })
                })
                .collect();
            while readers.iter().any(|reader| !reader.is_finished()) {
                clock.slew();
            }
        });
    }
}
