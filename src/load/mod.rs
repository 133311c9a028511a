//! The engine: OS threads that share nothing, each with its own connections, counts and chance. It knows neither
//! targets nor verdicts; whoever watches decides when to stop.
//!
//! The only module with sockets and a clock.
#![allow(
    clippy::disallowed_methods,
    reason = "the engine is where time is read"
)]

pub mod admin;
mod client;
mod connect;
mod content_encoding;
mod context;
mod delivery;
mod dns;
mod event_stream;
mod grpc;
mod http1;
mod http2;
mod http_head;
mod limits;
mod log_queue;
mod proxy;
mod request;
mod run_delay;
mod scratch;
mod socket;
mod wait_slot;

mod thread;
mod timer;
mod tls;
mod worker;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

#[doc(hidden)]
pub use self::http1::fuzz_http1;
pub use self::limits::most_connections;
pub use self::log_queue::{LogBatch, LogCounts, LogQueue, LogReceiver, log_queue};
use self::request::Prepared;
use crate::bucket::Bucketer;
use crate::observe::{Failure, FailureCount, LoggedRequest, Observation, Outcome, ScheduleStats};
use crate::plan::{Arrival, LoadPlan};

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
    #[error("cannot set up TLS: {message}")]
    Tls {
        /// What is wrong.
        setup: TlsSetup,
        /// How.
        message: String,
    },
    /// A thread or its runtime cannot be started.
    #[error("cannot start a load thread")]
    Thread(#[source] io::Error),
    /// The connections need more file descriptors than this process may have.
    #[error(
        "so many connections take {needed} file descriptors, and this process may have {limit}, enough for {fitting} connections"
    )]
    Descriptors {
        /// For all connections, and a few for everything else.
        needed: u64,
        /// The hard limit.
        limit: u64,
        /// Connections that fit.
        fitting: u64,
    },
    /// The limit of file descriptors cannot be raised.
    #[error("cannot raise the limit of file descriptors")]
    Limit(#[source] io::Error),
    /// The connections need more local ports than there are.
    #[error("{needed} connections take as many local ports, and the system gives out {allowed}")]
    Ports {
        /// One for each connection.
        needed: u64,
        /// The range, for each address that is connected to.
        allowed: u64,
    },
}

/// What TLS cannot be set up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsSetup {
    /// The name of the server.
    ServerName,
    /// The authorities to trust.
    Authorities,
    /// The client's certificate and key.
    Identity,
    /// A key that is encrypted.
    EncryptedKey,
}

/// What all threads of a run read.
pub(crate) struct Job {
    plan: LoadPlan,
    bucketer: Bucketer,
    prepared: Prepared,
    tls: Option<tls::Connector>,
    /// When the run began, warm-up included.
    epoch: Instant,
    /// When what counts began.
    begin: OnceLock<Instant>,
    stop: AtomicBool,
    /// Requests of the warm-up.
    warmed: AtomicU64,
    /// The sequence number of the next request.
    next: AtomicU64,
    /// The number of the next connection.
    next_connection: AtomicU32,
    /// Counts that were handed over and not looked at yet.
    waiting: AtomicU32,
    /// Where every request that counts goes when it has ended.
    log: Option<LogQueue>,
}

/// Carries a plan out and returns what was seen. Blocks; owns its threads. `watch` is called with everything seen so far:
/// every few milliseconds at first, so that what is certain early ends early, later about ten times a second.
pub fn run(
    plan: LoadPlan,
    bucketer: Bucketer,
    watch: &mut dyn FnMut(&Observation) -> Control,
) -> Result<Observation, LoadError> {
    run_logged(plan, bucketer, None, watch)
}

/// The same; every request that counts goes into `log` when it has ended.
pub fn run_logged(
    mut plan: LoadPlan,
    bucketer: Bucketer,
    log: Option<LogQueue>,
    watch: &mut dyn FnMut(&Observation) -> Control,
) -> Result<Observation, LoadError> {
    // Asked before anything is sent, so that a name that is misspelt ends the run at once. Every connection asks again.
    let addresses = match dns::addresses(&plan.endpoint, plan.connect_timeout) {
        Ok(addresses) => addresses,
        Err(failed) => return Ok(unresolved(failed, log.as_ref())),
    };
    let confined = limits::make_room(&mut plan, addresses)?;
    let http2 = plan.request.protocol.multiplexes();
    let endpoint = &plan.endpoint;
    let tls = endpoint
        .tls
        .as_ref()
        .map(|tls| tls::Connector::new(tls, &endpoint.host, http2))
        .transpose()?;
    let job = Arc::new(Job {
        prepared: Prepared::new(&plan),
        bucketer,
        tls,
        epoch: Instant::now(),
        begin: OnceLock::new(),
        stop: AtomicBool::new(false),
        warmed: AtomicU64::new(0),
        next: AtomicU64::new(0),
        next_connection: AtomicU32::new(0),
        waiting: AtomicU32::new(0),
        log,
        plan,
    });
    watched(&job, confined, watch)
}

/// Starts the threads, and sums up what they see until they have ended.
fn watched(
    job: &Arc<Job>,
    confined: bool,
    watch: &mut dyn FnMut(&Observation) -> Control,
) -> Result<Observation, LoadError> {
    let (deltas, received) = mpsc::channel();
    let threads: Vec<std::thread::JoinHandle<Result<(), LoadError>>> = job
        .plan
        .parts()
        .into_iter()
        .map(|part| {
            let (job, deltas) = (Arc::clone(job), deltas.clone());
            std::thread::Builder::new()
                .name(format!("load-{}", part.index))
                .spawn(move || thread::thread(job, part, &deltas))
        })
        .collect::<Result<_, _>>()
        .map_err(LoadError::Thread)?;
    drop(deltas);
    let mut seen = Observation::default();
    if matches!(job.plan.arrival, Arrival::Open { .. }) {
        seen.pace = Some(ScheduleStats {
            confined,
            ..ScheduleStats::default()
        });
    }
    for delta in received {
        seen.merge(&delta);
        if watch(&seen) == Control::Stop {
            job.stop.store(true, Ordering::Relaxed);
        }
        // The last hand-over of a thread is not counted.
        let less = |waiting: u32| Some(waiting.saturating_sub(1));
        let _ = job
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
    for thread in threads {
        match thread.join() {
            Ok(ended) => ended?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    Ok(seen)
}

/// The head of a request as it is written, line by line: for HTTP/2 the fields of its first frame.
#[must_use]
pub fn written(plan: &LoadPlan) -> Vec<String> {
    Prepared::new(plan).head()
}

/// A run against a host without an address ends with its first request: all others would end alike.
fn unresolved(failure: Failure, log: Option<&LogQueue>) -> Observation {
    if let Some(log) = log {
        log.single(LoggedRequest {
            sequence: 0,
            connection: 0,
            begun: Duration::ZERO,
            late: None,
            blocked: None,
            setup: None,
            first_byte: None,
            took: Duration::ZERO,
            bytes: 0,
            resent: false,
            outcome: Outcome::Failed(failure.clone()),
        });
    }
    let (kind, mut failed) = (failure.kind, FailureCount::default());
    failed.add(1, failure);
    Observation {
        sent: 1,
        failures: [(kind, failed)].into(),
        ..Observation::default()
    }
}
