//! Keeps what the process takes for its cache within `cache_size`.
//!
//! The cache counts what it asks of the allocator. The process takes more: what sizes are rounded up to, the allocator's own
//! bookkeeping, holes between rows that went, memory that threads and sessions keep at hand, code that was not needed at
//! the start. So once a second this looks at what is resident and takes off the budget what nobody counts:
//!
//! ```text
//! resident   | at the start | memtables | block cache |  counted by the cache  | extra |
//! cache_size                                          |------- budget ---------|-------|
//! ```
//!
//! Statements have memory too, for a while, and the cache is not to go for that: *extra* is the least that was seen in the last
//! looks. The cache keeps three quarters of `cache_size` in any case: what goes from it leaves holes between the rows that stay, and
//! those do not go back to the system. So it shrinks again only when more is resident than when it shrank last.

use std::fs;
use std::time::Duration;

use reckon_sql::Database;
use tracing::debug;

/// How often memory is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What was not there in all of so many looks is not extra.
const LOOKS: usize = 10;

/// A budget changes by this part of `cache_size` at least.
const STEP_PART: usize = 128;

/// Looks and adjusts for as long as it is polled.
pub(crate) async fn keep(database: Database, cache_bytes: usize) {
    let mut looks = Looks::new(cache_bytes, resident_bytes());
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        tokio::task::block_in_place(|| {
            let engine = database.engine();
            let (counted, resident) = (engine.statistics(), resident_bytes());
            let (cache, store) = (counted.cache, counted.store);
            let known = cache.bytes + cache.retired_bytes;
            let known = known + store.memtable_bytes + store.block_cache_bytes;
            if let Some(budget) = looks.look(resident, known) {
                debug!(budget, "the cache's budget");
                engine.set_cache_size(budget);
            }
        });
    }
}

/// The last looks, and what came of them.
struct Looks {
    cache_bytes: usize,
    idle: u64,
    extras: [u64; LOOKS],
    residents: [u64; LOOKS],
    at: usize,
    budget: usize,
    /// What was resident when the budget was lowered last.
    resident_then: u64,
}

impl Looks {
    fn new(cache_bytes: usize, idle: u64) -> Self {
        let (extras, residents) = ([0; LOOKS], [0; LOOKS]);
        Self { cache_bytes, idle, extras, residents, at: 0, budget: cache_bytes, resident_then: 0 }
    }

    /// The new budget, if it differs enough: so much is resident, of which so much is counted.
    fn look(&mut self, resident: u64, counted: u64) -> Option<usize> {
        self.extras[self.at % LOOKS] = resident.saturating_sub(self.idle + counted);
        self.residents[self.at % LOOKS] = resident;
        self.at += 1;
        let least = |looks: &[u64]| looks.iter().min().copied().unwrap_or(0);
        let (extra, resident) = (least(&self.extras), least(&self.residents));
        let extra = usize::try_from(extra).unwrap_or(usize::MAX).min(self.cache_bytes / 4);
        let budget = self.cache_bytes - extra;
        if budget.abs_diff(self.budget) < self.cache_bytes / STEP_PART {
            return None;
        }
        if budget < self.budget {
            // Holes that the last step left count as extra, but nothing more is resident for them.
            if resident <= self.resident_then {
                return None;
            }
            self.resident_then = resident;
        }
        self.budget = budget;
        Some(budget)
    }
}

/// Resident memory of this process; 0 where the system does not say.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kilobytes = line.trim().strip_suffix("kB").and_then(|text| text.trim().parse().ok());
    kilobytes.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_and_nobody_counts_is_taken_off() {
        let mut looks = Looks::new(1000, 50);
        for _ in 1..LOOKS {
            assert_eq!(looks.look(850, 700), None);
        }
        assert_eq!(looks.look(850, 700), Some(900));
        assert_eq!(looks.look(850, 700), None);
        // It is gone again.
        assert_eq!(looks.look(750, 700), Some(1000));
    }

    #[test]
    fn what_shrinking_leaves_behind_does_not_shrink_it_further() {
        let mut looks = Looks::new(1000, 0);
        let mut last =
            |resident, counted| (0..LOOKS).filter_map(|_| looks.look(resident, counted)).last();
        assert_eq!(last(1100, 1000), Some(900));
        assert_eq!(last(1100, 900), None);
        assert_eq!(last(1200, 900), Some(750));
    }

    #[test]
    fn what_was_there_for_a_moment_is_not() {
        let mut looks = Looks::new(1000, 0);
        for look in 0..50 {
            let resident = if look % LOOKS == 0 { 500 } else { 900 };
            assert_eq!(looks.look(resident, 500), None);
        }
    }

    #[test]
    fn three_quarters_of_the_cache_stay() {
        let mut looks = Looks::new(1000, 0);
        let last = (0..LOOKS).filter_map(|_| looks.look(1 << 40, 0)).last();
        assert_eq!(last, Some(750));
    }

    #[test]
    fn this_process_is_resident() {
        assert!(resident_bytes() > 1 << 20);
    }
}
