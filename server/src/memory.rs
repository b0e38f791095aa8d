//! How much memory there is for this process: what the machine has, or what its control group may use if that is less.
//!
//! A group's limit counts for the groups below it too, so all from the process's own up to the root are asked. Both versions
//! of control groups are known; where neither can be read the machine's memory stands.
//!
//! ```text
//! /proc/self/cgroup     0::/a/b                 version 2: /sys/fs/cgroup/a/b/memory.max, .../a/memory.max
//!                       4:memory:/a/b           version 1: /sys/fs/cgroup/memory/a/b/memory.limit_in_bytes, ...
//! ```
//!
//! A container may see a path here that is not mounted for it; then its root is its group, which is asked last.

use std::fs;
use std::path::Path;

/// Assumed where the system does not say.
const UNKNOWN_BYTES: u64 = 4 << 30;

/// Bytes that this process may use at most.
pub(crate) fn available_bytes() -> u64 {
    available_below(Path::new("/"))
}

/// [`available_bytes`] for a system whose files are below `root`.
fn available_below(root: &Path) -> u64 {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().filter_map(|line| group_limit(root, line));
    limits.chain(machine_bytes(root)).min().unwrap_or(UNKNOWN_BYTES)
}

/// What the machine has.
fn machine_bytes(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    kilobytes.checked_mul(1024)
}

/// The least limit of the group on a line of `/proc/self/cgroup` and those above it, if the line is about memory.
fn group_limit(root: &Path, line: &str) -> Option<u64> {
    let mut fields = line.splitn(3, ':');
    let (_hierarchy, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let (mount, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        list if list.split(',').any(|name| name == "memory") => {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let mount = root.join(mount);
    let groups = Path::new(path.trim_start_matches('/')).ancestors();
    // No limit is the word "max", or more than any machine has.
    let limit = |group: &Path| {
        fs::read_to_string(mount.join(group).join(file)).ok()?.trim().parse::<u64>().ok()
    };
    groups.filter_map(limit).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system with 16 GB and these files.
    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in
            [("proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\n")].iter().chain(files)
        {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn available(files: &[(&str, &str)]) -> u64 {
        available_below(system(files).path())
    }

    #[test]
    fn without_a_limit_it_is_what_the_machine_has() {
        assert_eq!(available(&[]), 16 << 30);
        let version_2 = ("sys/fs/cgroup/a/memory.max", "max\n");
        assert_eq!(available(&[("proc/self/cgroup", "0::/a\n"), version_2]), 16 << 30);
        let unlimited = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(available(&[("proc/self/cgroup", "4:memory:/\n"), unlimited]), 16 << 30);
    }

    #[test]
    fn the_least_limit_of_a_group_and_those_above_counts() {
        let files = [
            ("proc/self/cgroup", "1:cpu:/x\n0::/a/b\n"),
            ("sys/fs/cgroup/a/b/memory.max", "8589934592\n"),
            ("sys/fs/cgroup/a/memory.max", "2147483648\n"),
        ];
        assert_eq!(available(&files), 2 << 30);
        let files = [
            ("proc/self/cgroup", "9:name=systemd:/\n4:hugetlb,memory:/a\n0::/\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1073741824\n"),
        ];
        assert_eq!(available(&files), 1 << 30);
    }

    #[test]
    fn a_container_whose_path_is_not_mounted_has_the_limit_of_its_root() {
        let files = [
            ("proc/self/cgroup", "4:memory:/docker/0123\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n"),
        ];
        assert_eq!(available(&files), 512 << 20);
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(available_bytes() > 64 << 20);
        assert_eq!(available_below(Path::new("/nowhere")), UNKNOWN_BYTES);
    }
}
