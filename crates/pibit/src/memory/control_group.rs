//! The memory limit of the control group that the program runs in: every container has one. The kernel kills what goes
//! beyond it, without a word. Held to a little less, allocations fail before that, and the allocator says so.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// One in so many bytes is left to what is no allocation: page tables, stacks of the kernel, pages of files.
const RESERVE: u64 = 16;

/// Limits above are none: version 1 writes the largest number of pages.
const UNLIMITED: u64 = 1 << 60;

/// Holds the program's private memory (`RLIMIT_DATA`) to the limit of its control group, where there is one. What was asked
/// for counts, used or not, and swap does not help: some runs are refused that would just have fitted.
pub(crate) fn respect() {
    let Some(limit) =
        limit(Path::new("/sys/fs/cgroup"), &read_to_string("/proc/self/cgroup").unwrap_or_default())
    else {
        return;
    };
    // What the loader wrote to counts for the group, but not for the resource limit once it is read-only.
    let loaded = private_bytes(&read_to_string("/proc/self/status").unwrap_or_default());
    let allowed = (limit - limit / RESERVE).saturating_sub(loaded);
    let before = getrlimit(Resource::Data);
    if before.current.is_none_or(|current| allowed < current) {
        let held = Rlimit { current: Some(allowed), ..before };
        // Lowering one's own limit needs no right; where it is refused all the same, the kernel keeps its own.
        let _ = setrlimit(Resource::Data, held);
    }
}

/// `RssAnon` of /proc/self/status; 0 where it is not told.
fn private_bytes(status: &str) -> u64 {
    let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// The lowest limit of the group and those that it is part of. `groups` is /proc/self/cgroup: `0::PATH` for version 2,
/// `N:CONTROLLERS:PATH` for version 1.
fn limit(root: &Path, groups: &str) -> Option<u64> {
    let files = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?.trim_start_matches('/'));
        if controllers.is_empty() {
            Some((root.to_owned(), path, "memory.max"))
        } else if controllers.split(',').any(|name| name == "memory") {
            Some((root.join("memory"), path, "memory.limit_in_bytes"))
        } else {
            None
        }
    });
    files.flat_map(|(mount, path, name)| limits(&mount, path, name)).min()
}

/// Limits of a group and its parents. In a container the path may be that outside, of which only the mount is seen.
fn limits(mount: &Path, path: &str, name: &str) -> Vec<u64> {
    let within: PathBuf = mount.join(path);
    let groups = within.ancestors().take_while(|group| group.starts_with(mount));
    let texts = groups.filter_map(|group| read_to_string(group.join(name)).ok());
    texts.filter_map(|text| text.trim().parse().ok()).filter(|limit| *limit < UNLIMITED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn the_lowest_limit_of_a_group_and_its_parents_counts() {
        let root = tree(&[
            ("user/memory.max", "2000\n"),
            ("user/job/memory.max", "max\n"),
            ("other/memory.max", "1\n"),
        ]);
        assert_eq!(limit(root.path(), "0::/user/job\n"), Some(2000));
        assert_eq!(limit(root.path(), "0::/\n"), None);
        assert_eq!(limit(root.path(), ""), None);
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_root() {
        let root = tree(&[("memory.max", "3000\n")]);
        assert_eq!(limit(root.path(), "0::/system.slice/docker-1.scope\n"), Some(3000));
    }

    #[test]
    fn private_memory_is_read_in_bytes() {
        assert_eq!(private_bytes("VmRSS:\t  5000 kB\nRssAnon:\t    1204 kB\nRssFile:\t 1 kB\n"), 1204 << 10);
        assert_eq!(private_bytes(""), 0);
    }

    #[test]
    fn version_1_has_a_tree_of_its_own() {
        let root = tree(&[
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/job/memory.limit_in_bytes", "4000\n"),
        ]);
        assert_eq!(limit(root.path(), "9:name=systemd:/\n4:cpu,memory:/job\n0::/\n"), Some(4000));
        assert_eq!(limit(root.path(), "4:memory:/\n"), None);
    }
}
