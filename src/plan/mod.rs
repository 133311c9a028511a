//! What is to be sent, and how: a value that says everything the engine needs.

mod endpoint;
mod schedule;
mod source;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Uri};

pub use endpoint::{ClientIdentity, Dial, Endpoint, Family, Tls, Verify, Via};
pub use schedule::{Slot, Slots};
pub use source::{RequestSource, VariedRequest};

use crate::units::Rate;

/// Everything the engine needs to know.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// Where connections go.
    pub endpoint: Endpoint,
    /// What every request says.
    pub request: RequestTemplate,
    /// Where requests come from that differ from each other; none where all are alike.
    pub source: Option<Arc<dyn RequestSource>>,
    /// When requests start.
    pub arrival: Arrival,
    /// What is sent before anything counts.
    pub warmup: Warmup,
    /// When to stop.
    pub stop: Stop,
    /// Connections, at least 1; never more than there are requests.
    pub connections: u32,
    /// Requests at a time on one connection, at least 1; more than one takes HTTP/2.
    pub streams: u32,
    /// Over how long the first connections are spread.
    pub ramp_up: Duration,
    /// OS threads, at least 1; never more than there are connections.
    pub threads: u32,
    /// How many requests a connection serves before it is closed.
    pub reuse: Reuse,
    /// From the send of a request to the last byte of its answer.
    pub timeout: Duration,
    /// For a connection to be established, TLS included.
    pub connect_timeout: Duration,
    /// Whether what is seen may end the run before all is sent.
    pub ends_early: bool,
    /// Whether the first response is kept in full.
    pub keeps_response: bool,
    /// Makes chance repeatable.
    pub seed: u64,
}

/// What every request says, in the form that goes over the wire.
#[derive(Clone, Debug)]
pub struct RequestTemplate {
    /// How it is written.
    pub protocol: Protocol,
    /// The method.
    pub method: Method,
    /// Path and query, `/` at least.
    pub target: Uri,
    /// All header fields, `host` included.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Vec<u8>,
}

/// How requests and responses are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1
    #[default]
    Http1,
    /// HTTP/2, by ALPN over TLS, else by prior knowledge.
    Http2,
    /// A gRPC call over HTTP/2: the body is one message, the first that comes back counts, and the outcome is `grpc-status`.
    Grpc,
}

impl Protocol {
    /// Whether a connection carries several requests at a time.
    #[must_use]
    pub fn multiplexes(self) -> bool {
        self != Self::Http1
    }
}

/// When requests start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrival {
    /// A connection sends its next request when it has the answer to the last.
    Closed,
    /// At times fixed beforehand, whether earlier requests are answered or not.
    Open {
        /// Over all threads and connections.
        rate: Rate,
        /// The gaps between the starts.
        spacing: Spacing,
        /// Requests under way at a time, at most; what is due beyond it is sent late, and counted as such.
        in_flight: u32,
    },
}

/// The gaps between the starts of an open loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spacing {
    /// All alike.
    #[default]
    Constant,
    /// Exponential, as of independent users.
    Poisson,
}

/// What is sent before anything counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Warmup {
    /// Nothing.
    #[default]
    None,
    /// So many requests.
    Requests(u64),
    /// Whatever starts within this time.
    Elapsed(Duration),
}

/// When to stop sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// After exactly this many requests, at least 1.
    Requests(u64),
    /// After this long; what is under way is waited for.
    Elapsed(Duration),
}

/// How many requests a connection serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// As many as there are.
    Unlimited,
    /// A number drawn anew for each connection, `1 <= min <= max`.
    Between {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
}

/// One thread's part of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which thread, from 0.
    pub index: u32,
    /// Of how many.
    pub of: u32,
    /// Its connections.
    pub connections: u32,
    /// The number of its first connection.
    pub first: u32,
    /// Its share of the cap of an open loop.
    pub in_flight: u32,
}

impl LoadPlan {
    /// Whether a proxy is asked for a tunnel: for what it cannot read itself, and where `--connect-to` leads elsewhere, since
    /// it would take the name of that place for the host that is meant.
    #[must_use]
    pub fn tunnelled(&self) -> bool {
        let Via::Proxy { target, .. } = &self.endpoint.via else {
            return false;
        };
        let elsewhere = target.0 != self.endpoint.host || target.1 != self.endpoint.port;
        elsewhere || self.endpoint.tls.is_some() || self.request.protocol != Protocol::Http1
    }

    /// Connections dealt out over the threads; none is lost to rounding. Requests of a closed loop are not dealt out:
    /// every thread takes the next one when it can, so that the order of dispatch is one order.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let threads = self.threads.max(1);
        let share = |total: u32, index| total / threads + u32::from(index < total % threads);
        let at_once = |connections: u32| connections.saturating_mul(self.streams);
        let more = match self.arrival {
            Arrival::Closed => 0,
            Arrival::Open { in_flight, .. } => in_flight.saturating_sub(at_once(self.connections)),
        };
        let mut first = 0;
        (0..threads)
            .map(|index| {
                let connections = share(self.connections, index);
                let part = Part {
                    index,
                    of: threads,
                    connections,
                    first,
                    in_flight: at_once(connections).saturating_add(share(more, index)),
                };
                first += part.connections;
                part
            })
            .collect()
    }

    /// The starts of one thread's requests; `None` for a closed loop.
    #[must_use]
    pub fn slots(&self, part: &Part) -> Option<Slots> {
        match self.arrival {
            Arrival::Closed => None,
            Arrival::Open { rate, spacing, .. } => Some(Slots::new(
                rate,
                spacing,
                self.seed,
                (self.warmup, self.stop),
                (part.index, part.of),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(connections: u32, threads: u32) -> LoadPlan {
        LoadPlan {
            endpoint: Endpoint::direct("localhost", 80),
            request: RequestTemplate {
                protocol: Protocol::Http1,
                method: Method::GET,
                target: Uri::from_static("/"),
                headers: HeaderMap::new(),
                body: vec![],
            },
            source: None,
            arrival: Arrival::Closed,
            warmup: Warmup::None,
            stop: Stop::Requests(u64::from(connections)),
            connections,
            streams: 1,
            ramp_up: Duration::ZERO,
            threads,
            reuse: Reuse::Unlimited,
            timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            ends_early: true,
            keeps_response: false,
            seed: 0,
        }
    }

    proptest! {
        #[test]
        fn every_connection_is_dealt_out_and_every_thread_has_one(connections in 1_u32..300, threads in 1_u32..40) {
            let parts = plan(connections, threads.min(connections)).parts();
            prop_assert_eq!(parts.iter().map(|part| part.connections).sum::<u32>(), connections);
            prop_assert!(parts.iter().all(|part| part.connections > 0));
            let mut next = 0;
            for part in parts {
                prop_assert_eq!(part.first, next);
                next += part.connections;
            }
        }
    }
}
