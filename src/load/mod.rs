//! The engine: OS threads that share nothing, each with its own connections, counts and chance. It knows neither
//! targets nor verdicts; whoever watches decides when to stop.
//!
//! The only module with sockets and a clock.
#![allow(
    clippy::disallowed_methods,
    reason = "the engine is where time is read"
)]

mod connect;
mod exchange;
mod tls;
mod worker;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use crate::bucket::Bucketer;
use crate::observe::{Failed, FailureKind, Observation};
use crate::plan::{Endpoint, LoadPlan};

/// What a watcher says to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Send nothing more; wait for what is under way.
    Stop,
}

/// Why no run took place.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    /// A thread or its runtime cannot be started.
    #[error("cannot start a load thread")]
    Thread(#[source] io::Error),
}

/// What all threads of a run read.
pub(crate) struct Job {
    plan: LoadPlan,
    bucketer: Bucketer,
    addresses: Vec<SocketAddr>,
    tls: Option<tls::Connector>,
    start: Instant,
    stop: AtomicBool,
    /// The sequence number of the next request.
    next: AtomicU64,
    /// The number of the next connection.
    next_connection: AtomicU32,
}

/// Carries a plan out and returns what was seen. Blocks; owns its threads. `watch` is called with everything seen so far:
/// every few milliseconds at first, so that what is certain early ends early, later about ten times a second.
pub fn run(
    plan: LoadPlan,
    bucketer: Bucketer,
    watch: &mut dyn FnMut(&Observation) -> Control,
) -> Result<Observation, LoadError> {
    let addresses = match resolve(&plan.endpoint) {
        Ok(addresses) => addresses,
        Err(error) => return Ok(unresolved(&plan.endpoint, &error)),
    };
    let tls = plan
        .endpoint
        .tls
        .as_ref()
        .map(|tls| tls::Connector::new(tls, &plan.endpoint.host))
        .transpose()?;
    let parts = plan.parts();
    let job = Arc::new(Job {
        plan,
        bucketer,
        addresses,
        tls,
        start: Instant::now(),
        stop: AtomicBool::new(false),
        next: AtomicU64::new(0),
        next_connection: AtomicU32::new(0),
    });
    let (deltas, received) = mpsc::channel();
    let threads: Vec<thread::JoinHandle<Result<(), LoadError>>> = parts
        .into_iter()
        .map(|part| {
            let (job, deltas) = (Arc::clone(&job), deltas.clone());
            thread::Builder::new()
                .name(format!("load-{}", part.index))
                .spawn(move || worker::thread(job, part, &deltas))
        })
        .collect::<Result<_, _>>()
        .map_err(LoadError::Thread)?;
    drop(deltas);
    let mut seen = Observation::default();
    for delta in received {
        seen.merge(&delta);
        if watch(&seen) == Control::Stop {
            job.stop.store(true, Ordering::Relaxed);
        }
    }
    for thread in threads {
        match thread.join() {
            Ok(ended) => ended?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    Ok(seen)
}

fn resolve(endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    let found = (endpoint.host.as_str(), endpoint.port).to_socket_addrs()?;
    let addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() {
        return Err(io::Error::other("the name has no address"));
    }
    Ok(addresses)
}

/// A run against a host without an address ends with its first request: all others would end alike.
fn unresolved(endpoint: &Endpoint, error: &io::Error) -> Observation {
    let failed = Failed {
        count: 1,
        example: format!("`{}`: {error}", endpoint.host),
    };
    Observation {
        sent: 1,
        failures: [(FailureKind::Dns, failed)].into(),
        ..Observation::default()
    }
}
