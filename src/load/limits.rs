//! What a run may use: how much of a response, how many file descriptors and ports.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::LoadError;
use crate::observe::{Failure, FailureCause, FailureKind};
use crate::plan::{Arrival, LoadPlan};

/// Bodies are read up to this size; more is a failure.
pub(super) const LARGEST_BODY: usize = 8 << 20;
/// A head is read up to this size; in HTTP/2 counted as in `SETTINGS_MAX_HEADER_LIST_SIZE`.
pub(super) const LONGEST_HEAD: usize = 64 << 10;
/// Fields of one response.
pub(super) const MOST_FIELDS: usize = 128;
/// `1xx` responses before the final one.
pub(super) const MOST_INTERIM: u32 = 64;
/// Descriptors for everything but connections: those that are open already (where nobody can say, so many), a few for files
/// and the name service, and for each thread its poller and its timer.
const OPEN: &str = "/proc/self/fd";
const USUALLY_OPEN: u64 = 14;
const OTHER_DESCRIPTORS: u64 = 6;
/// What is opened between the question for connections and the first of them: signals, the terminal.
const STILL_TO_OPEN: u64 = 3;
const DESCRIPTORS_OF_A_THREAD: u64 = 4;
/// Where Linux says which ports it gives to connections.
const PORTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// A body that is larger than is read.
pub(super) fn oversized_body() -> Failure {
    let message = format!("the body is larger than {} MiB", LARGEST_BODY >> 20);
    Failure::new(FailureKind::Oversized, message)
}

/// A head that is larger than is read.
pub(super) fn oversized_head() -> Failure {
    let message = format!("the head is larger than {} KiB", LONGEST_HEAD >> 10);
    Failure::new(FailureKind::Oversized, message)
}

/// A head with more fields than are read.
pub(super) fn too_many_fields() -> Failure {
    let message = format!("more than {MOST_FIELDS} header fields");
    Failure::because(FailureCause::HeaderFields, message)
}

/// More interim responses than are waited for.
pub(super) fn too_many_interim() -> Failure {
    let message = format!("more than {MOST_INTERIM} interim responses");
    Failure::new(FailureKind::Malformed, message)
}

/// Makes room for the connections of a plan, as far as the system lets us, and says before anything is sent where it does
/// not. An open loop gets a lower cap rather than none; true if it does.
pub(super) fn make_room(plan: &mut LoadPlan, addresses: usize) -> Result<bool, LoadError> {
    let others = other_descriptors(plan.threads);
    let limit = descriptors(others + wanted(plan))?;
    let allowed = limit.saturating_sub(others);
    let connections = u64::from(plan.connections);
    if connections > allowed {
        return Err(LoadError::Descriptors {
            needed: connections + others,
            limit,
            fitting: allowed,
        });
    }
    if plan.endpoint.dial().is_some()
        && let Some(ports) = fs::read_to_string(PORTS).ok().as_deref().and_then(count)
    {
        let most = ports.saturating_mul(addresses.max(1) as u64);
        if connections > most {
            return Err(LoadError::Ports {
                needed: connections,
                allowed: most,
            });
        }
    }
    if let Arrival::Open { in_flight, .. } = &mut plan.arrival {
        let most = allowed.saturating_mul(plan.streams.into());
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let confined = most < *in_flight;
        *in_flight = most.min(*in_flight);
        return Ok(confined);
    }
    Ok(false)
}

/// Connections that this process may have with so many threads, at least 1.
#[must_use]
pub fn most_connections(threads: u32) -> u32 {
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let others = other_descriptors(threads) + STILL_TO_OPEN;
    let fitting = limit.saturating_sub(others).max(1);
    u32::try_from(fitting).unwrap_or(u32::MAX)
}

fn other_descriptors(threads: u32) -> u64 {
    let open = fs::read_dir(OPEN).map_or(USUALLY_OPEN, |open| open.count() as u64);
    open + OTHER_DESCRIPTORS + DESCRIPTORS_OF_A_THREAD * u64::from(threads)
}

/// Connections that the plan would open if it could.
fn wanted(plan: &LoadPlan) -> u64 {
    let connections = match plan.arrival {
        Arrival::Closed => plan.connections,
        Arrival::Open { in_flight, .. } => plan.connections.max(in_flight / plan.streams.max(1)),
    };
    u64::from(connections)
}

/// Raises the limit of this process to what is wanted, at most to what the system allows; what it is now.
fn descriptors(wanted: u64) -> Result<u64, LoadError> {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    if current >= wanted {
        return Ok(current);
    }
    let raised = limit.maximum.map_or(wanted, |most| most.min(wanted));
    let new = Rlimit {
        current: Some(raised),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, new)
        .map(|()| raised)
        .map_err(|error| LoadError::Limit(error.into()))
}

/// How many ports there are from the first number to the second.
fn count(range: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (low, high) = (ends.next()?.ok()?, ends.next()?.ok()?);
    (high >= low).then(|| high - low + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_range_includes_both_ends() {
        assert_eq!(count("32768\t60999\n"), Some(28_232));
        assert_eq!(count("5 5"), Some(1));
        assert_eq!((count(""), count("9 1"), count("a b")), (None, None, None));
    }
}
