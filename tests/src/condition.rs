//! Waiting for a condition: the one place of the tests that owns a clock.

use std::time::{Duration, Instant};

/// How long a test waits for something that should happen before it says that it does not.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until `holds`, or panics naming `what` after [`PATIENCE`].
pub fn until(what: &str, holds: impl FnMut() -> bool) {
    assert!(within(PATIENCE, holds), "waited {PATIENCE:?} for: {what}");
}

/// Waits until `holds` and says whether it did before `limit` was over.
pub fn within(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let watch = Watch::start();
    while !holds() {
        if watch.elapsed() > limit {
            return false;
        }
        pause(Duration::from_millis(2));
    }
    true
}

/// Lets others run for a moment. Between two looks at a condition, never instead of one.
#[expect(clippy::disallowed_methods, reason = "conditions are polled from outside the process")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Watch(Instant);

impl Watch {
    /// From now on.
    #[expect(clippy::disallowed_methods, reason = "the tests' one clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
