//! The memory of a process for the responses under way, whatever their number and that of its threads: kept below what the
//! container may have.

use std::fs;
use std::ops::Deref;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::limits::LARGEST_BODY;
use crate::observe::{Failure, FailureCause};

/// What all large responses under way may take together, at most, and what part of a container's memory.
const MOST: usize = 256 << 20;
const PART_OF_CONTAINER: usize = 4;
/// What one response may need: twice a body in chunks, the body itself, what a coding hides in it, and of one of them the
/// buffer that is being outgrown. It always fits where that is no more than so large a part of the container's memory.
const ONE_RESPONSE: usize = 6 * LARGEST_BODY;
const PART_FOR_ONE: usize = 2;
/// Buffers up to this size do not count: every connection may keep one.
pub(super) const UNCOUNTED: usize = 16 << 10;
/// Where Linux says in which control groups a process is.
const GROUPS: &str = "/proc/self/cgroup";
/// Where the groups of both versions lie, and what in one of them says how much memory all within it may have.
const SECOND_VERSION: (&[&str], &str) =
    (&["/sys/fs/cgroup", "/sys/fs/cgroup/unified"], "memory.max");
const FIRST_VERSION: (&[&str], &str) = (&["/sys/fs/cgroup/memory"], "memory.limit_in_bytes");

/// What is left for the responses under way of all threads.
#[derive(Debug)]
pub(super) struct Budget {
    left: AtomicUsize,
    whole: usize,
}

impl Budget {
    /// What this process may use.
    pub(super) fn of_process() -> Self {
        let read = |path: &Path| fs::read_to_string(path).ok();
        Self::within(container(read))
    }

    /// The same in a container with so much memory.
    pub(super) fn within(container: Option<usize>) -> Self {
        let whole = container.map_or(MOST, |all| {
            let one = ONE_RESPONSE.min(all / PART_FOR_ONE);
            MOST.min(all / PART_OF_CONTAINER).max(one)
        });
        Self {
            left: AtomicUsize::new(whole),
            whole,
        }
    }

    fn take(&self, bytes: usize) -> Result<(), Failure> {
        let less = |left: usize| left.checked_sub(bytes);
        let taken = (self.left).fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.map(|_| ()).map_err(|_| {
            let message = format!(
                "the responses under way take more than {} MiB together",
                self.whole >> 20
            );
            Failure::because(FailureCause::Memory, message)
        })
    }
}

/// What the buffers of one response hold of the budget.
#[derive(Debug)]
pub(super) struct Reservation<B: Deref<Target = Budget>> {
    budget: B,
    bytes: usize,
}

impl<B: Deref<Target = Budget>> Reservation<B> {
    pub(super) fn new(budget: B) -> Self {
        Self { budget, bytes: 0 }
    }

    /// Makes room for so many more bytes before there is any: a buffer doubles, up to `most`. While it moves, both count.
    pub(super) fn grow(
        &mut self,
        buffer: &mut Vec<u8>,
        more: usize,
        most: usize,
    ) -> Result<(), Failure> {
        let (had, needed) = (buffer.capacity(), buffer.len() + more);
        if needed <= had {
            return Ok(());
        }
        let size = needed.max((2 * had).min(most));
        if size > UNCOUNTED {
            self.budget.take(size)?;
            self.bytes += size;
        }
        buffer.reserve_exact(size - buffer.len());
        if had > UNCOUNTED {
            self.give_back(had);
        }
        Ok(())
    }

    /// Gives everything back: the buffers are gone, or small.
    pub(super) fn clear(&mut self) {
        self.give_back(self.bytes);
    }

    fn give_back(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        if bytes > 0 {
            self.bytes -= bytes;
            self.budget.left.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

impl<B: Deref<Target = Budget>> Drop for Reservation<B> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The least memory that any control group around this process allows; `None` where nothing says so.
fn container(read: impl Fn(&Path) -> Option<String>) -> Option<usize> {
    // Where nobody says which group it is, what is seen is a container's own.
    let groups = read(Path::new(GROUPS)).unwrap_or_else(|| "0::/\n1:memory:/".to_owned());
    let limits = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (roots, file) = match controllers {
            "" => SECOND_VERSION,
            some if some.split(',').any(|name| name == "memory") => FIRST_VERSION,
            _ => return None,
        };
        let limits = around(path).flat_map(|group| {
            let at = |root: &&str| read(&Path::new(root).join(&group).join(file));
            let said = roots.iter().filter_map(at);
            said.filter_map(|limit| limit.trim().parse().ok())
                .collect::<Vec<usize>>()
        });
        limits.min()
    });
    limits.min()
}

/// A group and those around it, from the root of what is seen here.
fn around(path: &str) -> impl Iterator<Item = PathBuf> {
    let own = Path::new(path.trim_start_matches('/')).to_owned();
    // A group outside of what a container sees is named by the way up to it.
    let seen = own
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let own = if seen { own } else { PathBuf::new() };
    own.ancestors()
        .map(Path::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::FailureKind;

    fn whole(container: usize) -> usize {
        Budget::within(Some(container)).whole
    }

    /// Fault 4b: each of 64 threads took 32 MiB, in a container of 128 MiB.
    #[test]
    fn threads_share_what_there_is_and_get_back_what_is_released() {
        let budget = Budget::within(Some(128 << 20));
        assert_eq!(budget.whole, 48 << 20);
        let (mut buffers, mut failed) = (Vec::new(), Vec::new());
        for _ in 0..64 {
            let mut own = Reservation::new(&budget);
            let mut buffer = Vec::new();
            match own.grow(&mut buffer, 7 << 20, LARGEST_BODY) {
                Ok(()) => buffers.push((own, buffer)),
                Err(failure) => failed.push(failure),
            }
        }
        let held: usize = buffers.iter().map(|(_, buffer)| buffer.capacity()).sum();
        assert_eq!((buffers.len(), failed.len(), held), (6, 58, 42 << 20));
        assert_eq!(failed[0].kind, FailureKind::Oversized);
        drop(buffers);
        assert_eq!(budget.left.into_inner(), budget.whole);
    }

    #[test]
    fn a_container_is_not_filled_and_one_response_fits_where_it_can() {
        assert_eq!(Budget::within(None).whole, MOST);
        assert_eq!(whole(1 << 40), MOST);
        assert_eq!(whole(1 << 29), 128 << 20);
        assert_eq!(whole(1 << 26), 32 << 20);
        assert_eq!(whole(1 << 20), 1 << 19);
    }

    #[test]
    fn a_buffer_that_moves_counts_twice() {
        let budget = Budget::within(None);
        let mut own = Reservation::new(&budget);
        let mut buffer = Vec::new();
        own.grow(&mut buffer, UNCOUNTED, MOST).expect("room");
        assert_eq!(own.bytes, 0);
        buffer.resize(UNCOUNTED, 0);
        own.grow(&mut buffer, 1, MOST).expect("room");
        assert_eq!(
            (own.bytes, buffer.capacity()),
            (2 * UNCOUNTED, 2 * UNCOUNTED)
        );
        let half = MOST / 2;
        own.grow(&mut buffer, half, MOST).expect("room");
        buffer.resize(half, 0);
        // Half of all is held, and what is asked for is more than the other half.
        assert!(own.grow(&mut buffer, half, MOST).is_err());
        assert_eq!(own.bytes, buffer.capacity());
        own.clear();
        assert_eq!(budget.left.load(Ordering::Relaxed), MOST);
    }

    #[test]
    fn the_least_limit_of_the_groups_around_counts_in_both_versions() {
        let of = |files: &[(&str, &str)]| {
            container(|path| {
                let found = files.iter().find(|(name, _)| Path::new(name) == path);
                found.map(|(_, text)| (*text).to_owned())
            })
        };
        // Inside a container, as Docker and Kubernetes show it.
        let own = (GROUPS, "0::/\n");
        assert_eq!(
            of(&[own, ("/sys/fs/cgroup/memory.max", "134217728\n")]),
            Some(128 << 20)
        );
        assert_eq!(of(&[own, ("/sys/fs/cgroup/memory.max", "max\n")]), None);
        let first = ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1048576\n");
        assert_eq!(
            of(&[(GROUPS, "4:cpu,memory:/\n0::/\n"), first]),
            Some(1 << 20)
        );
        assert_eq!(of(&[first]), Some(1 << 20));
        // A unit of systemd, whose slice allows less than it does itself.
        let unit = [
            (GROUPS, "0::/ci.slice/job.service\n"),
            ("/sys/fs/cgroup/ci.slice/job.service/memory.max", "4096\n"),
            ("/sys/fs/cgroup/ci.slice/memory.max", "2048\n"),
        ];
        assert_eq!(of(&unit), Some(2048));
        // A container that shows the group of the machine, which is not to be seen here.
        let outside = [
            (GROUPS, "0::/../../kubepods/x\n"),
            ("/sys/fs/cgroup/memory.max", "8192"),
        ];
        assert_eq!(of(&outside), Some(8192));
        let other = [(GROUPS, "4:memory:/docker/0a1b\n"), first];
        assert_eq!(of(&other), Some(1 << 20));
        assert_eq!(of(&[(GROUPS, "nonsense\n7:pids:/\n")]), None);
    }
}
