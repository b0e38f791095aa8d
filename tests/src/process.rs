//! What the kernel says about a process, and signals to it.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Ticks a second of the times in `/proc/PID/stat`.
const TICKS_PER_SECOND: u64 = 100;

/// Sends `signal`; a process that is gone already is no error.
pub fn signal(process: u32, signal: Signal) {
    let raw = i32::try_from(process).expect("process ids are positive");
    let pid = Pid::from_raw(raw).expect("process ids are not zero");
    let _gone = kill_process(pid, signal);
}

/// Resident memory in bytes; 0 when the process is gone.
pub fn resident_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kilobytes = line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// How many threads a process has; 0 when it is gone.
pub fn threads(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/task")).map_or(0, Iterator::count)
}

/// User and system time of a process, its living children and all that have ended.
pub fn cpu(process: u32) -> Duration {
    let mut ticks = own_ticks(process);
    for child in children(process) {
        ticks += own_ticks(child);
    }
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// How long the calling thread has had a processor.
pub fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Its own ticks and those of its ended children.
fn own_ticks(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The program's name is in parentheses and may hold anything; fields are counted behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    // utime, stime, cutime, cstime: fields 14 to 17 of the whole line, 12th to 15th here.
    fields.split_whitespace().skip(11).take(4).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// Living children, of all its threads.
fn children(process: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return found };
    for thread in threads.flatten() {
        let list = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(list.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_time() {
        let me = std::process::id();
        assert!(resident_bytes(me) > 1 << 20);
        crate::condition::until("a tick of CPU", || cpu(me) > Duration::ZERO);
    }
}
