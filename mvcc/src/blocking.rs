//! What may block for long runs inside a hook.
//!
//! The engine is synchronous and knows nothing of whoever schedules its threads. A lock wait, a read that
//! misses the store's memory or a wait for the disk is handed to the hook as a closure; the hook runs it,
//! on the same thread, after doing what it must so that other work goes on (a server tells its runtime).
//! Embedded, the hook calls straight through.
//!
//! A statement that only computes blocks its thread as well. It keeps a [`Pace`], and after
//! two milliseconds it steps aside: it enters the hook for a moment in which the others find another
//! thread, and goes on without being in their way.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sync::thread;
use crate::timestamp::instant;

/// How long a statement may compute before it steps aside.
const LONG: Duration = Duration::from_millis(2);
/// Steps between two looks at the clock.
const STEPS_PER_LOOK: u32 = 16;
/// What others get to take over: longer than waking a thread takes.
const ASIDE: Duration = Duration::from_micros(50);

type Hook = dyn Fn(&mut dyn FnMut()) + Send + Sync;

/// The hook. It must call its argument exactly once, before it returns. Calls may nest.
#[derive(Clone)]
pub struct Blocking(Option<Arc<Hook>>);

impl Blocking {
    /// A hook that does more than call its argument.
    pub fn new(hook: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// A hook that calls its argument and does nothing else.
    pub const fn straight() -> Self {
        Self(None)
    }

    /// Runs `work` inside the hook.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let Some(hook) = &self.0 else { return work() };
        let mut work = Some(work);
        let mut result = None;
        hook(&mut || {
            if let Some(work) = work.take() {
                result = Some(work());
            }
        });
        result.expect("a blocking hook calls its argument once")
    }

    /// To be called ahead of long work: the others find another thread, and the work is not in their way.
    pub fn stand_aside(&self) {
        if self.0.is_some() {
            self.run(|| thread::park_timeout(ASIDE));
        }
    }
}

/// How long a statement has computed without a pause. One for each time it is called to go on.
#[derive(Debug, Default)]
pub struct Pace {
    steps: Cell<u32>,
    since: Cell<Option<Instant>>,
}

impl Pace {
    /// How many steps it has done.
    #[inline]
    pub fn steps(&self) -> u32 {
        self.steps.get()
    }

    /// To be called between rows.
    #[inline]
    pub fn step(&self, blocking: &Blocking) {
        let steps = self.steps.get().wrapping_add(1);
        self.steps.set(steps);
        if steps.is_multiple_of(STEPS_PER_LOOK) {
            self.look(blocking);
        }
    }

    fn look(&self, blocking: &Blocking) {
        if blocking.0.is_none() {
            return;
        }
        let now = instant();
        match self.since.get() {
            None => self.since.set(Some(now)),
            Some(since) if now.duration_since(since) >= LONG => {
                blocking.stand_aside();
                // Whoever was not taken over from stands in the way once more.
                self.since.set(Some(instant() + LONG * 16));
            }
            Some(_) => {}
        }
    }
}

impl Default for Blocking {
    fn default() -> Self {
        Self::straight()
    }
}

impl fmt::Debug for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Blocking(hook)" } else { "Blocking(straight)" })
    }
}
