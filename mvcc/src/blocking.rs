//! What may block for long runs inside a hook.
//!
//! The engine is synchronous and knows nothing of whoever schedules its threads. A lock wait, a read that
//! misses the store's memory or a wait for the disk is handed to the hook as a closure; the hook runs it,
//! on the same thread, after doing what it must so that other work goes on (a server tells its runtime).
//! Embedded, the hook calls straight through.

use std::fmt;
use std::sync::Arc;

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
