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
}

impl LoadPlan {
    /// Connections dealt out over the threads; none is lost to rounding. Requests are not dealt out: every thread takes
    /// the next one when it can, so that the order of dispatch is one order.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let threads = self.threads.max(1);
        let connections =
            |index| self.connections / threads + u32::from(index < self.connections % threads);
        (0..threads)
            .map(|index| Part {
                index,
                connections: connections(index),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(connections: u32, threads: u32) -> LoadPlan {
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
            stop: Stop::Requests(u64::from(connections)),
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
        fn every_connection_is_dealt_out_and_every_thread_has_one(connections in 1_u32..300, threads in 1_u32..40) {
            let parts = plan(connections, threads.min(connections)).parts();
            prop_assert_eq!(parts.iter().map(|part| part.connections).sum::<u32>(), connections);
            prop_assert!(parts.iter().all(|part| part.connections > 0));
        }
    }
}
