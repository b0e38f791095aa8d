//! Keeps what the process takes for its cache within `cache_size`.
//!
//! The cache counts what it asks of the allocator. The process takes more: the allocator's own bookkeeping, holes between rows
//! that went, memory that threads and sessions keep at hand, the tables of locks and of open files. So once a second this looks at
//! what is resident and what of it others have counted. What is left is for `cache_size`:
//!
//! ```text
//! resident   | at the start | memtables | block cache |              taken               |
//!                                                     |  counted by the cache  |  extra  |
//! cache_size                                          |-------- budget --------|------------|
//! ```
//!
//! What goes from the cache leaves holes between the rows that stay, and those do not go back to the system: a cache that was
//! too large once takes too much ever after. So it begins with three quarters of `cache_size`, which it keeps in any case, and is
//! given more only once it is full: half of what is free when the most is taken, but for a thirty-second part of `cache_size`. When more than `cache_size` is taken it gives
//! that back, and again only if more is resident than then.
//!
//! Statements have memory too, for a while. The cache does not go for that, so the *least* that was seen in the last looks has to be
//! too much; but nor does it grow into it, so it is the *most* that leaves room.

use std::fs;
use std::time::Duration;

use reckon_sql::Database;
use tracing::debug;

/// How often memory is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The budget changes by what all of so many looks say.
const LOOKS: usize = 10;

/// The cache does not grow into this part of `cache_size`: memory goes up and down by some.
const SPARE_PART: usize = 32;

/// The budget changes by this part of `cache_size` at least, and a cache that is as near to its budget is full.
const STEP_PART: usize = 128;

/// What one look sees, in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    resident: usize,
    /// Of that what is not the cache's, but for what an idle server has.
    others: usize,
    /// What the cache holds.
    cache: usize,
}

/// Looks and adjusts for as long as it is polled.
pub(crate) async fn keep(database: Database, cache_bytes: usize) {
    let mut looks = Looks::new(cache_bytes, resident_bytes());
    database.engine().set_cache_size(looks.budget);
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        tokio::task::block_in_place(|| {
            let engine = database.engine();
            let counted = engine.statistics();
            let bytes = |counted: u64| usize::try_from(counted).unwrap_or(usize::MAX);
            let look = Look {
                resident: resident_bytes(),
                others: bytes(counted.store.memtable_bytes + counted.store.block_cache_bytes),
                cache: bytes(counted.cache.bytes),
            };
            if let Some(budget) = looks.look(look) {
                debug!(budget, "the cache's budget");
                engine.set_cache_size(budget);
            }
        });
    }
}

/// The last looks, and what came of them.
struct Looks {
    cache_bytes: usize,
    idle: usize,
    budget: usize,
    /// Looks since the budget changed.
    looks: usize,
    /// What was taken, and resident, in the last ones.
    taken: [usize; LOOKS],
    resident: [usize; LOOKS],
    /// What was resident when the budget was lowered last.
    resident_then: usize,
}

impl Looks {
    fn new(cache_bytes: usize, idle: usize) -> Self {
        Self {
            cache_bytes,
            idle,
            budget: cache_bytes / 4 * 3,
            looks: 0,
            taken: [0; LOOKS],
            resident: [0; LOOKS],
            resident_then: 0,
        }
    }

    /// The new budget, if it differs enough.
    fn look(&mut self, look: Look) -> Option<usize> {
        self.taken[self.looks % LOOKS] = look.resident.saturating_sub(self.idle + look.others);
        self.resident[self.looks % LOOKS] = look.resident;
        self.looks += 1;
        if self.looks < LOOKS {
            return None;
        }
        let step = self.cache_bytes / STEP_PART;
        let least = |looks: &[usize]| looks.iter().min().copied().unwrap_or(0);
        let most = self.taken.iter().max().copied().unwrap_or(0);
        let over = least(&self.taken).saturating_sub(self.cache_bytes);
        let free = (self.cache_bytes - self.cache_bytes / SPARE_PART).saturating_sub(most);
        let budget = if over > 0 && least(&self.resident) > self.resident_then {
            self.budget.saturating_sub(over).max(self.cache_bytes / 4 * 3)
        } else if look.cache + step >= self.budget {
            self.budget + free / 2
        } else {
            return None;
        };
        if budget.abs_diff(self.budget) < step {
            return None;
        }
        if budget < self.budget {
            self.resident_then = least(&self.resident);
        }
        (self.budget, self.looks) = (budget, 0);
        Some(budget)
    }
}

/// Resident memory of this process; 0 where the system does not say.
fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kilobytes = line.trim().strip_suffix("kB").and_then(|text| text.trim().parse().ok());
    kilobytes.unwrap_or(0_usize).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of as many looks as it takes, of a process that has so much beside its cache, which is full, and `idle`.
    fn full(looks: &mut Looks, extra: usize) -> Option<usize> {
        let cache = looks.budget;
        let look = Look { resident: cache + extra + 50 + 30, others: 30, cache };
        (0..LOOKS).find_map(|_| looks.look(look))
    }

    #[test]
    fn a_full_cache_grows_by_half_of_what_is_free() {
        let mut looks = Looks::new(1000, 50);
        assert_eq!(looks.budget, 750);
        assert_eq!(full(&mut looks, 50), Some(834));
        assert_eq!(full(&mut looks, 50), Some(876));
        for _ in 0..10 {
            full(&mut looks, 50);
        }
        assert!((900..=919).contains(&looks.budget), "{}", looks.budget);
        // It is what the cache counts plus what nobody does that stays below `cache_size`.
        for _ in 0..10 {
            full(&mut looks, 0);
        }
        assert!((950..=969).contains(&looks.budget), "{}", looks.budget);
    }

    #[test]
    fn a_cache_that_is_not_full_does_not_grow() {
        let mut looks = Looks::new(1000, 0);
        let look = Look { resident: 500, others: 0, cache: 500 };
        assert_eq!((0..50).find_map(|_| looks.look(look)), None);
    }

    #[test]
    fn what_is_taken_too_much_is_given_back_once() {
        let mut looks = Looks::new(1000, 50);
        looks.budget = 950;
        assert_eq!(full(&mut looks, 150), Some(850));
        // The holes it left are resident as before, and are no reason to give back more.
        assert_eq!(full(&mut looks, 250), None);
        assert_eq!(full(&mut looks, 300), Some(750));
        // Three quarters stay.
        assert_eq!(full(&mut looks, 1 << 30), None);
    }

    #[test]
    fn what_was_there_for_a_moment_is_not_given_back_nor_grown_into() {
        let mut looks = Looks::new(1000, 0);
        for at in 0..50 {
            let resident = if at % LOOKS == 0 { 1500 } else { 760 };
            assert_eq!(looks.look(Look { resident, others: 0, cache: 750 }), None);
        }
    }

    #[test]
    fn this_process_is_resident() {
        assert!(resident_bytes() > 1 << 20);
    }
}
