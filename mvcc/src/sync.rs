//! Latches, conditions, atomics, threads and the seeds of hashing: the system's. With `--cfg shuttle` a
//! scheduler's, which runs the threads of a test one at a time, changes between them at each of these,
//! and tries many orders. Nothing else decides what happens then, so that an order can be run again.
//!
//! Under the scheduler time stands still but for those who wait for it: whoever waits until an instant
//! looks again and again, and at any of these looks that instant may have come. An interval without an
//! end in sight, as upkeep has it, does not pass.

#[cfg(shuttle)]
pub(crate) use self::scheduled::*;
#[cfg(not(shuttle))]
pub(crate) use self::system::*;

#[cfg(not(shuttle))]
mod system {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64};
    pub(crate) use std::thread;

    pub(crate) use foldhash::fast::RandomState;
    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
}

#[cfg(shuttle)]
mod scheduled {
    use std::ops::{Deref, DerefMut};
    use std::sync::{OnceLock, PoisonError};
    use std::time::{Duration, Instant};

    pub(crate) use foldhash::fast::FixedState as RandomState;
    use shuttle::rand::Rng;
    use shuttle::sync;
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64};
    pub(crate) use shuttle::thread;

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(sync::Mutex<T>);

    /// Held but while it is waited with, and inside [`unlocked`](Self::unlocked).
    pub(crate) struct MutexGuard<'a, T> {
        held: Option<sync::MutexGuard<'a, T>>,
        mutex: &'a Mutex<T>,
    }

    impl<T> Mutex<T> {
        pub(crate) fn new(inner: T) -> Self {
            Self(sync::Mutex::new(inner))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            MutexGuard { held: Some(held), mutex: self }
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            let held = self.0.try_lock().ok()?;
            Some(MutexGuard { held: Some(held), mutex: self })
        }

        pub(crate) fn try_lock_for(&self, _: Duration) -> Option<MutexGuard<'_, T>> {
            self.try_lock()
        }
    }

    impl<T> MutexGuard<'_, T> {
        pub(crate) fn unlocked<R>(guard: &mut Self, work: impl FnOnce() -> R) -> R {
            guard.held = None;
            let result = work();
            guard.held = guard.mutex.lock().held;
            result
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.held.as_ref().expect("held")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.held.as_mut().expect("held")
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T>(sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn read(&self) -> sync::RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn write(&self) -> sync::RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct Condvar(sync::Condvar);

    pub(crate) struct Waited {
        timed_out: bool,
    }

    impl Waited {
        pub(crate) fn timed_out(&self) -> bool {
            self.timed_out
        }
    }

    impl Condvar {
        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }

        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            if let Some(held) = guard.held.take() {
                guard.held = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
            }
        }

        pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: Duration) -> Waited {
            self.wait(guard);
            Waited { timed_out: false }
        }

        pub(crate) fn wait_until<T>(
            &self,
            guard: &mut MutexGuard<'_, T>,
            until: Instant,
        ) -> Waited {
            MutexGuard::unlocked(guard, thread::yield_now);
            let timed_out = shuttle::rand::thread_rng().r#gen();
            if timed_out {
                let us = until.saturating_duration_since(start()).as_micros();
                NOW_US.fetch_max(us as u64, std::sync::atomic::Ordering::Relaxed);
            }
            Waited { timed_out }
        }
    }

    shuttle::lazy_static! {
        static ref NOW_US: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an instant to count from is not a look at a clock"
    )]
    fn start() -> Instant {
        static START: OnceLock<Instant> = OnceLock::new();
        *START.get_or_init(Instant::now)
    }

    /// How far time has come. It passes a little each time, so that no two looks are the same.
    pub(crate) fn instant() -> Instant {
        let us = NOW_US.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        start() + Duration::from_micros(us)
    }
}
