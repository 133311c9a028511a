//! From what was meant to what is sent: every number filled in, files read.

use std::thread::available_parallelism;

use super::config::{Amount, LoadConfig};
use super::failure::Failure;
use super::input;
use super::request::{Body, RequestConfig, TlsConfig};
use crate::plan::{Endpoint, LoadPlan, RequestTemplate, Reuse, Stop, Tls};
use crate::split::{Expected, Mechanism};
use crate::verdict::{Balancing, Policy};

/// Requests where nothing is declared, as respy sent them.
const UNDECLARED_REQUESTS: u64 = 1000;
/// Requests per connection of a watched run: the least that shows whether connections stick to a target.
const PAIRS: Reuse = Reuse::Between { min: 2, max: 2 };

/// What is sent, and whether the run ends when the answer is certain.
pub(super) struct Planned {
    pub(super) plan: LoadPlan,
    pub(super) watched: bool,
}

/// Fills in what was left open.
pub(super) fn planned(
    load: &LoadConfig,
    request: &RequestConfig,
    expected: Option<&Expected>,
    policy: &Policy,
) -> Result<Planned, Failure> {
    let design = expected.map(|expected| policy.design(expected));
    // Where connections are what is split, a pair of requests is one draw.
    let connections_split = policy.balancing == Balancing::Connection
        || expected.is_some_and(|expected| expected.mechanism == Mechanism::PerConnection);
    let per_draw = if connections_split { 2 } else { 1 };
    let planned = matches!(load.amount, Amount::Planned(_));
    let (stop, watched) = match (load.amount, &design) {
        (Amount::Exactly(stop), _) => (stop, false),
        (Amount::UntilDecided(most), Some(design)) => (
            Stop::Requests(
                most.unwrap_or_else(|| design.requests_sequential().saturating_mul(per_draw)),
            ),
            true,
        ),
        (Amount::Planned(most), Some(design)) => (
            Stop::Requests(
                most.unwrap_or_else(|| design.requests_fixed().saturating_mul(per_draw)),
            ),
            false,
        ),
        (Amount::UntilDecided(most) | Amount::Planned(most), None) => {
            (Stop::Requests(most.unwrap_or(UNDECLARED_REQUESTS)), false)
        }
    };
    let connections = match stop {
        Stop::Requests(n) => load.connections.min(u32::try_from(n).unwrap_or(u32::MAX)),
        Stop::Elapsed(_) => load.connections,
    };
    let cores =
        || available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    let tls = match &request.tls {
        None => None,
        Some(TlsConfig::Insecure) => Some(Tls::Insecure),
        Some(TlsConfig::System) => Some(Tls::Verified { ca: None }),
        Some(TlsConfig::File(path)) => Some(Tls::Verified {
            ca: Some(input::bytes(path)?),
        }),
    };
    let body = match &request.body {
        Body::None => Vec::new(),
        Body::Text(text) => text.clone().into_bytes(),
        Body::File(path) => input::bytes(path)?,
    };
    let reuse = load
        .reuse
        .unwrap_or(if watched || (connections_split && planned) {
            PAIRS
        } else {
            Reuse::Unlimited
        });
    let plan = LoadPlan {
        endpoint: Endpoint {
            host: request.host.clone(),
            port: request.port,
            tls,
        },
        request: RequestTemplate {
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body,
        },
        stop,
        connections,
        threads: load.threads.unwrap_or_else(cores).clamp(1, connections),
        reuse,
        timeout: load.timeout,
        connect_timeout: load.connect_timeout,
        seed: policy.seed,
    };
    Ok(Planned { plan, watched })
}
