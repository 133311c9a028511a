//! From what was meant to what is sent: every number filled in, files read.

use std::thread::available_parallelism;

use super::failure::Failure;
use super::input;
use super::load_config::{Amount, LoadConfig};
use super::request::{Body, RequestConfig};
use super::transport::{TlsConfig, VerifyConfig};
use crate::plan::{
    Arrival, ClientIdentity, Endpoint, LoadPlan, RequestTemplate, Reuse, Stop, Tls, Verify,
};
use crate::split::{Expected, Mechanism};
use crate::stats::design::Design;
use crate::verdict::{Balancing, Number, Policy};

/// Requests where nothing is declared, as respy sent them.
const UNDECLARED_REQUESTS: u64 = 1000;
/// Requests per connection of a watched run: the least that shows whether connections stick to a target.
const PAIRS: Reuse = Reuse::Between { min: 2, max: 2 };

/// Requests that an open loop may have under way for each that its connections carry: a server that stalls for ten times
/// as long as it usually takes is met with every request that is due.
const ROOM: u32 = 10;

/// What is sent, and what ends the run before all is.
pub(super) struct Planned {
    pub(super) plan: LoadPlan,
    pub(super) until: Until,
    /// The policy with what was fixed about the number of requests.
    pub(super) policy: Policy,
}

/// What ends a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// All is sent.
    Sent,
    /// It is certain whether the split holds.
    Decided,
    /// It is certain that the split does not hold.
    Diverged,
}

/// Fills in what was left open.
pub(super) fn planned(
    load: &LoadConfig,
    request: &RequestConfig,
    expected: Option<&Expected>,
    policy: &Policy,
) -> Result<Planned, Failure> {
    // Where connections are what is split, a pair of requests is one draw.
    let connections_split = policy.balancing == Balancing::Connection
        || expected.is_some_and(|expected| expected.mechanism == Mechanism::PerConnection);
    let per_draw = if connections_split { 2 } else { 1 };
    let policy = Policy {
        number: number(load.amount, per_draw),
        ..*policy
    };
    let design = expected.map(|expected| policy.design(expected, 0));
    let exactly = matches!(load.amount, Amount::Exactly(_));
    let until = match load.amount {
        _ if design.is_none() => Until::Sent,
        Amount::Exactly(_) | Amount::Planned(_) => Until::Sent,
        Amount::UntilDecided(_) => Until::Decided,
        Amount::UntilDiverged(_) => Until::Diverged,
    };
    let stop = match load.amount {
        Amount::Exactly(stop) => stop,
        Amount::UntilDecided(most) | Amount::UntilDiverged(most) | Amount::Planned(most) => {
            let needed = |design: &Design| match until {
                Until::Sent => design.requests_fixed(),
                Until::Decided | Until::Diverged => design.requests_sequential(),
            };
            let needed = design.as_ref().map_or(UNDECLARED_REQUESTS, |design| {
                needed(design).saturating_mul(per_draw)
            });
            Stop::Requests(most.unwrap_or(needed))
        }
    };
    let connections = match stop {
        Stop::Requests(n) => {
            let needed = n.div_ceil(load.streams.into());
            load.connections
                .min(u32::try_from(needed).unwrap_or(u32::MAX))
        }
        Stop::Elapsed(_) => load.connections,
    };
    let most = load.pace.and_then(|pace| pace.in_flight);
    let streams = load.streams.min(most.unwrap_or(u32::MAX));
    let connections = connections.min(most.map_or(u32::MAX, |most| most / streams));
    let arrival = match load.pace {
        None => Arrival::Closed,
        Some(pace) => {
            let at_once = load.connections.saturating_mul(streams);
            Arrival::Open {
                rate: pace.rate,
                spacing: pace.spacing,
                in_flight: most.unwrap_or(at_once.saturating_mul(ROOM)),
            }
        }
    };
    let cores =
        || available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    let tls = request.tls.as_ref().map(tls).transpose()?;
    let body = match &request.body {
        Body::None => Vec::new(),
        Body::Bytes(bytes) => bytes.clone(),
        Body::File(path) => input::bytes(path)?,
    };
    let reuse = load.reuse.unwrap_or(
        if until == Until::Decided || (connections_split && !exactly && design.is_some()) {
            PAIRS
        } else {
            Reuse::Unlimited
        },
    );
    let plan = LoadPlan {
        endpoint: Endpoint {
            host: request.host.clone(),
            port: request.port,
            via: request.transport.via.clone(),
            family: request.transport.family,
            tls,
        },
        request: RequestTemplate {
            protocol: request.transport.protocol,
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body,
        },
        arrival,
        warmup: load.warmup,
        stop,
        connections,
        streams,
        ramp_up: load.ramp_up,
        threads: load.threads.unwrap_or_else(cores).clamp(1, connections),
        reuse,
        timeout: load.timeout,
        connect_timeout: load.connect_timeout,
        seed: policy.seed,
    };
    Ok(Planned {
        plan,
        until,
        policy,
    })
}

/// What was fixed about the number of requests, in draws.
fn number(amount: Amount, per_draw: u64) -> Number {
    match amount {
        Amount::Exactly(_) | Amount::Planned(Some(_)) => Number::Fixed,
        Amount::UntilDecided(Some(most)) | Amount::UntilDiverged(Some(most)) => {
            Number::AtMost((most / per_draw).max(1))
        }
        Amount::UntilDecided(None) | Amount::UntilDiverged(None) | Amount::Planned(None) => {
            Number::Planned
        }
    }
}

/// The same with the files read.
fn tls(config: &TlsConfig) -> Result<Tls, Failure> {
    let verify = match &config.verify {
        VerifyConfig::System => Verify::System,
        VerifyConfig::File(path) => Verify::Only(input::bytes(path)?),
        VerifyConfig::Insecure => Verify::Nothing,
    };
    let identity = config.identity.as_ref().map(|(certificate, key)| {
        Ok::<_, Failure>(ClientIdentity {
            certificate: input::bytes(certificate)?,
            key: input::bytes(key)?,
        })
    });
    Ok(Tls {
        verify,
        identity: identity.transpose()?,
    })
}
