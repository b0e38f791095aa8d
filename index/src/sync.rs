//! Latches, and the atomics that one thread waits to see: the system's. With `--cfg shuttle` a scheduler's, which runs the threads
//! of a test one at a time, changes between them at each of these, and tries many orders.

#[cfg(shuttle)]
pub(crate) use self::scheduled::*;
#[cfg(not(shuttle))]
pub(crate) use self::system::*;

#[cfg(not(shuttle))]
mod system {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr};

    pub(crate) use parking_lot::{
        Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
    };

    /// Lets go of `held` until the condition may have changed.
    pub(crate) fn wait<'a>(
        condition: &Condvar,
        mut held: MutexGuard<'a, ()>,
    ) -> MutexGuard<'a, ()> {
        condition.wait(&mut held);
        held
    }
}

#[cfg(shuttle)]
mod scheduled {
    use std::sync::PoisonError;

    use shuttle::sync;
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicPtr};
    pub(crate) use shuttle::sync::{Condvar, MutexGuard, RwLockReadGuard, RwLockWriteGuard};

    #[derive(Default)]
    pub(crate) struct Mutex<T>(sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(inner: T) -> Self {
            Self(sync::Mutex::new(inner))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    pub(crate) struct RwLock<T>(sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn new(inner: T) -> Self {
            Self(sync::RwLock::new(inner))
        }

        pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }

    pub(crate) fn wait<'a>(condition: &Condvar, held: MutexGuard<'a, ()>) -> MutexGuard<'a, ()> {
        condition.wait(held).unwrap_or_else(PoisonError::into_inner)
    }
}
