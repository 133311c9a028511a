//! What is to be sent, and how: a value that says everything the engine needs. Not: sockets or time.

use std::time::Duration;

use http::{HeaderMap, Method, Uri};

/// Everything the engine needs to know.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// Where connections go.
    pub endpoint: Endpoint,
    /// What every request says.
    pub request: RequestTemplate,
    /// When to stop.
    pub stop: Stop,
    /// Connections, at least 1; never more than there are requests.
    pub connections: u32,
    /// OS threads, at least 1; never more than there are connections.
    pub threads: u32,
    /// How many requests a connection serves before it is closed.
    pub reuse: Reuse,
    /// From the send of a request to the last byte of its answer.
    pub timeout: Duration,
    /// For a connection to be established, TLS included.
    pub connect_timeout: Duration,
    /// Makes chance repeatable.
    pub seed: u64,
}

/// Where connections go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A DNS name or an IP address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// `https`.
    pub tls: Option<Tls>,
}

/// How a server's certificate is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Against the system's roots, or against these PEM certificates alone.
    Verified {
        /// The content of `--cacert`.
        ca: Option<Vec<u8>>,
    },
    /// Not at all (`--insecure`).
    Insecure,
}

/// What every request says, in the form that goes over the wire.
#[derive(Clone, Debug)]
pub struct RequestTemplate {
    /// The method.
    pub method: Method,
    /// Path and query, `/` at least.
    pub target: Uri,
    /// All header fields, `host` included.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Vec<u8>,
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
    /// Its connections.
    pub connections: u32,
    /// Its requests, where they are counted.
    pub requests: Option<u64>,
}

impl LoadPlan {
    /// Connections and requests dealt out over the threads; nothing is lost to rounding.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let threads = u64::from(self.threads.max(1));
        let deal = |total: u64, index: u64| total / threads + u64::from(index < total % threads);
        (0..threads)
            .map(|index| Part {
                index: u32::try_from(index).expect("threads came from a u32"),
                connections: u32::try_from(deal(self.connections.into(), index))
                    .expect("at most all connections"),
                requests: match self.stop {
                    Stop::Requests(n) => Some(deal(n, index)),
                    Stop::Elapsed(_) => None,
                },
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(requests: u64, connections: u32, threads: u32) -> LoadPlan {
        LoadPlan {
            endpoint: Endpoint {
                host: "localhost".into(),
                port: 80,
                tls: None,
            },
            request: RequestTemplate {
                method: Method::GET,
                target: Uri::from_static("/"),
                headers: HeaderMap::new(),
                body: vec![],
            },
            stop: Stop::Requests(requests),
            connections,
            threads,
            reuse: Reuse::Unlimited,
            timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            seed: 0,
        }
    }

    proptest! {
        #[test]
        fn exactly_n_requests_are_dealt_out_and_every_part_can_send_its_own(n in 1_u64..100_000, c in 1_u32..300, t in 1_u32..40) {
            let connections = c.min(u32::try_from(n).expect("small"));
            let parts = plan(n, connections, t.min(connections)).parts();
            prop_assert_eq!(parts.iter().filter_map(|part| part.requests).sum::<u64>(), n);
            prop_assert_eq!(parts.iter().map(|part| part.connections).sum::<u32>(), connections);
            prop_assert!(parts.iter().all(|part| part.connections > 0 && part.requests >= Some(part.connections.into())));
        }
    }
}
