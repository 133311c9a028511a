//! From what was meant to what is sent: every number filled in, files read.

use std::thread::available_parallelism;

use super::failure::Failure;
use super::input::{self, Content};
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
pub(super) const PAIRS: Reuse = Reuse::Between { min: 2, max: 2 };

/// Requests that an open loop may have under way for each that its connections carry: a server that stalls for ten times
/// as long as it usually takes is met with every request that is due.
const ROOM: u32 = 10;

/// What is sent, and what ends the run before all is.
pub(super) struct Planned {
    pub(super) plan: LoadPlan,
    pub(super) stop_when: StopWhen,
    /// The policy with what was fixed about the number of requests.
    pub(super) policy: Policy,
}

/// What ends a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopWhen {
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
    let stop_when = stop_when(load.amount, design.is_some());
    let stop = stop(load.amount, stop_when, design.as_ref(), per_draw);
    let (connections, streams) = at_once(load, stop);
    let paired =
        !matches!(load.amount, Amount::Exactly(_)) && connections_split && design.is_some();
    let reuse = if stop_when == StopWhen::Decided || paired {
        PAIRS
    } else {
        Reuse::Unlimited
    };
    let cores =
        || available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    let plan = LoadPlan {
        endpoint: endpoint(request)?,
        request: template(request)?,
        source: None,
        arrival: arrival(load, streams),
        warmup: load.warmup,
        stop,
        connections,
        streams,
        ramp_up: load.ramp_up,
        threads: load.threads.unwrap_or_else(cores).clamp(1, connections),
        reuse: load.reuse.unwrap_or(reuse),
        timeout: load.timeout,
        connect_timeout: load.connect_timeout,
        ends_early: !matches!(load.amount, Amount::Exactly(_)),
        keeps_response: false,
        seed: policy.seed,
    };
    Ok(Planned {
        plan,
        stop_when,
        policy,
    })
}

fn stop_when(amount: Amount, declared: bool) -> StopWhen {
    match amount {
        _ if !declared => StopWhen::Sent,
        Amount::Exactly(_) | Amount::Planned(_) => StopWhen::Sent,
        Amount::UntilDecided(_) => StopWhen::Decided,
        Amount::UntilDiverged(_) => StopWhen::Diverged,
    }
}

/// When sending ends at the latest: as typed, else after as many requests as the declaration may take.
fn stop(amount: Amount, stop_when: StopWhen, design: Option<&Design>, per_draw: u64) -> Stop {
    let most = match amount {
        Amount::Exactly(stop) => return stop,
        Amount::UntilDecided(most) | Amount::UntilDiverged(most) | Amount::Planned(most) => most,
    };
    let draws = |design: &Design| match stop_when {
        StopWhen::Sent => design.requests_fixed(),
        StopWhen::Decided | StopWhen::Diverged => design.requests_sequential(),
    };
    let needed = design.map_or(UNDECLARED_REQUESTS, |design| {
        draws(design).saturating_mul(per_draw)
    });
    Stop::Requests(most.unwrap_or(needed))
}

/// Connections and the streams on each: no more than there are requests, or may be under way.
fn at_once(load: &LoadConfig, stop: Stop) -> (u32, u32) {
    let needed = match stop {
        Stop::Requests(n) => n.div_ceil(load.streams.into()),
        Stop::Elapsed(_) => u64::MAX,
    };
    let most = load.pace.and_then(|pace| pace.in_flight);
    let streams = load.streams.min(most.unwrap_or(u32::MAX));
    let connections = load
        .connections
        .min(u32::try_from(needed).unwrap_or(u32::MAX))
        .min(most.map_or(u32::MAX, |most| most / streams));
    (connections, streams)
}

fn arrival(load: &LoadConfig, streams: u32) -> Arrival {
    let Some(pace) = load.pace else {
        return Arrival::Closed;
    };
    let room = load
        .connections
        .saturating_mul(streams)
        .saturating_mul(ROOM);
    Arrival::Open {
        rate: pace.rate,
        spacing: pace.spacing,
        in_flight: pace.in_flight.unwrap_or(room),
    }
}

fn endpoint(request: &RequestConfig) -> Result<Endpoint, Failure> {
    Ok(Endpoint {
        host: request.host.clone(),
        port: request.port,
        via: request.transport.via.clone(),
        family: request.transport.family,
        tls: request.tls.as_ref().map(tls).transpose()?,
    })
}

/// What every request says, files read.
pub(super) fn template(request: &RequestConfig) -> Result<RequestTemplate, Failure> {
    let body = match &request.body {
        Body::None => Vec::new(),
        Body::Bytes(bytes) => bytes.clone(),
        Body::File(path) => input::bytes(path, Content::Body)?,
    };
    Ok(RequestTemplate {
        protocol: request.transport.protocol,
        method: request.method.clone(),
        target: request.target.clone(),
        headers: request.headers.clone(),
        body,
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
        VerifyConfig::File(path) => Verify::Only(input::bytes(path, Content::Certificates)?),
        VerifyConfig::Insecure => Verify::Nothing,
    };
    let identity = config.identity.as_ref().map(|(certificate, key)| {
        Ok::<_, Failure>(ClientIdentity {
            certificate: input::bytes(certificate, Content::Certificates)?,
            key: input::bytes(key, Content::Certificates)?,
        })
    });
    Ok(Tls {
        verify,
        identity: identity.transpose()?,
    })
}
