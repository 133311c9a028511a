//! How much is sent, and how: what the options about the load mean.

use std::thread::available_parallelism;
use std::time::Duration;

use super::args::{self, ArrivalKind, LoadArgs, WarmupAmount};
use super::failure::Failure;
use crate::load::most_connections;
use crate::plan::{Reuse, Spacing, Stop, Warmup};
use crate::units::{Count, Rate};

/// Connections where nothing is said; where a latency is to be judged at no load that was asked for, so few that most servers
/// do not queue.
const CONNECTIONS: u64 = 100;
const MODEST_CONNECTIONS: u64 = 10;
const MOST_CONNECTIONS: u64 = 100_000;
const MOST_THREADS: u64 = 1024;
const MOST_STREAMS: u64 = 10_000;

/// How much is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    /// As typed.
    Exactly(Stop),
    /// Until the answer is certain, at most so many; `None` for as many as the declaration may take.
    UntilDecided(Option<u64>),
    /// Until it is certain that the split is another one, at most so many.
    UntilDiverged(Option<u64>),
    /// As many as a single judgement takes, or as typed.
    Planned(Option<u64>),
}

/// How much is sent, and how.
#[derive(Debug)]
pub(super) struct LoadConfig {
    /// How much is sent.
    pub(super) amount: Amount,
    /// When sending ends at the latest, counted from its beginning.
    pub(super) max_duration: Option<Duration>,
    /// Whether more is sent where the split certainly diverges and it is not known why.
    pub(super) diagnose: bool,
    /// The longest wait for a stationary split before the run.
    pub(super) settle: Option<Duration>,
    /// Starts at a rate.
    pub(super) pace: Option<PaceConfig>,
    /// What is sent first and does not count.
    pub(super) warmup: Warmup,
    /// Over how long the first connections are spread.
    pub(super) ramp_up: Duration,
    /// Requests at a time on one connection.
    pub(super) streams: u32,
    /// Connections, at least 1.
    pub(super) connections: u32,
    /// Whether they are few because an objective is about latencies and nothing was said about the load.
    pub(super) modest: bool,
    /// Whether they are fewer than usual because this process may have no more open files.
    pub(super) confined: bool,
    /// Threads, at least 1; `None` for one per core.
    pub(super) threads: Option<u32>,
    /// Requests per connection; `None` for what suits the amount.
    pub(super) reuse: Option<Reuse>,
    /// For a response.
    pub(super) timeout: Duration,
    /// For a connection.
    pub(super) connect_timeout: Duration,
}

/// An open loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct PaceConfig {
    /// Over all connections.
    pub(super) rate: Rate,
    /// The gaps between the starts.
    pub(super) spacing: Spacing,
    /// The most requests under way; `None` for what suits the connections.
    pub(super) in_flight: Option<u32>,
}

/// What the options say; a test that looks once is given the number that it takes. `latency` where an objective is about it.
pub(super) fn load(
    args: &LoadArgs,
    test: Option<args::Test>,
    latency: bool,
) -> Result<LoadConfig, Failure> {
    let amount = amount(args, test)?;
    let settle = args
        .settle
        .map(|time| positive("--settle", time.0))
        .transpose()?;
    let max_duration = args
        .max_duration
        .map(|time| positive("--max-duration", time.0))
        .transpose()?;
    let reuse = match args.reuse {
        _ if args.disable_keepalive => Some(Reuse::Between { min: 1, max: 1 }),
        Some((min, max)) => Some(Reuse::Between { min, max }),
        None => None,
    };
    let warmup = match args.warmup {
        None => Warmup::None,
        Some(WarmupAmount::Requests(count)) => Warmup::Requests(count.0),
        Some(WarmupAmount::Elapsed(time)) => Warmup::Elapsed(time.0),
    };
    let unsaid = args.connections.is_none() && args.requests.is_none();
    let modest = latency && unsaid && args.duration.is_none() && args.rate.is_none();
    let connections = args.connections.unwrap_or(Count(if modest {
        MODEST_CONNECTIONS
    } else {
        CONNECTIONS
    }));
    let threads = args
        .threads
        .map(|threads| between("--threads", threads, MOST_THREADS))
        .transpose()?;
    let (connections, threads, confined) = fitting(args, connections, threads);
    Ok(LoadConfig {
        amount,
        max_duration,
        diagnose: !args.no_diagnose,
        settle,
        pace: pace(args)?,
        warmup,
        ramp_up: args.ramp_up.map_or(Duration::ZERO, |time| time.0),
        streams: between("--streams", args.streams.unwrap_or(Count(1)), MOST_STREAMS)?,
        connections: between("--connections", connections, MOST_CONNECTIONS)?,
        modest,
        confined,
        threads,
        reuse,
        timeout: positive("--timeout", args.timeout.0)?,
        connect_timeout: positive("--connect-timeout", args.connect_timeout.0)?,
    })
}

/// As many connections as this process may have, where nobody asked for a number; then one thread will do.
fn fitting(
    args: &LoadArgs,
    connections: Count,
    threads: Option<u32>,
) -> (Count, Option<u32>, bool) {
    let wanted = args
        .requests
        .map_or(connections.0, |n| connections.0.min(n.0));
    let cores = || available_parallelism().map_or(1, std::num::NonZero::get);
    let most = |threads| u64::from(most_connections(threads));
    let unconfined = threads.unwrap_or_else(|| u32::try_from(cores()).unwrap_or(1));
    if args.connections.is_some() || most(unconfined) >= wanted {
        return (connections, threads, false);
    }
    let threads = threads.unwrap_or(1);
    let fitting = most(threads);
    (
        Count(fitting.min(connections.0)),
        Some(threads),
        fitting < wanted,
    )
}

fn amount(args: &LoadArgs, test: Option<args::Test>) -> Result<Amount, Failure> {
    let once = matches!(test, Some(args::Test::Exact | args::Test::ChiSquare));
    let most = args
        .max_requests
        .map(|count| at_least_one("--max-requests", count))
        .transpose()?;
    Ok(match (args.requests, args.duration) {
        (Some(count), _) => Amount::Exactly(Stop::Requests(at_least_one("--requests", count)?)),
        (None, Some(time)) => Amount::Exactly(Stop::Elapsed(positive("--duration", time.0)?)),
        (None, None) if args.no_early_stop || once => Amount::Planned(most),
        // A rate is there to be kept: a split that holds is no reason to end early, one that does not is.
        (None, None) if args.rate.is_some() => Amount::UntilDiverged(most),
        (None, None) => Amount::UntilDecided(most),
    })
}

fn pace(args: &LoadArgs) -> Result<Option<PaceConfig>, Failure> {
    let in_flight = args
        .in_flight
        .map(|count| between("--in-flight", count, MOST_CONNECTIONS))
        .transpose()?;
    Ok(args.rate.map(|rate| PaceConfig {
        rate,
        spacing: match args.arrival {
            ArrivalKind::Constant => Spacing::Constant,
            ArrivalKind::Poisson => Spacing::Poisson,
        },
        in_flight,
    }))
}

fn between(name: &str, count: Count, most: u64) -> Result<u32, Failure> {
    if (1..=most).contains(&count.0) {
        return Ok(u32::try_from(count.0).expect("at most 100000"));
    }
    Err(Failure::usage(
        format!("{name} cannot be {}", count.0),
        format!("give a number from 1 to {most}"),
    ))
}

fn positive(name: &str, time: Duration) -> Result<Duration, Failure> {
    if time.is_zero() {
        let help = "give a time above zero, such as 20s";
        return Err(Failure::usage(format!("{name} cannot be zero"), help));
    }
    Ok(time)
}

fn at_least_one(name: &str, count: Count) -> Result<u64, Failure> {
    if count.0 > 0 {
        return Ok(count.0);
    }
    let help = format!("leave {name} out, or give at least 1");
    Err(Failure::usage(format!("{name} cannot be 0"), help))
}
