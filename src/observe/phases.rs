//! How long the parts of a request took: name, connection, TLS, first byte.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::codec;
use super::histogram::{add, histogram, note};

/// Times of the parts of requests and connections, in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// Asking for the addresses of a name, for each new connection that had to.
    #[serde(with = "codec::histogram")]
    pub dns: Histogram<u64>,
    /// Connecting, a tunnel through a proxy included, for each new connection.
    #[serde(with = "codec::histogram")]
    pub connect: Histogram<u64>,
    /// The TLS handshake, for each new connection.
    #[serde(with = "codec::histogram")]
    pub tls: Histogram<u64>,
    /// From the send of a request to the first byte of its response, for each response.
    #[serde(with = "codec::histogram")]
    pub first_byte: Histogram<u64>,
}

/// What it took to establish one connection; `None` for what was not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// The question for addresses.
    pub dns: Option<Duration>,
    /// The connection.
    pub connect: Option<Duration>,
    /// The handshake.
    pub tls: Option<Duration>,
}

impl Default for Phases {
    fn default() -> Self {
        Self {
            dns: histogram(),
            connect: histogram(),
            tls: histogram(),
            first_byte: histogram(),
        }
    }
}

impl Phases {
    /// Adds what another thread, moment or run saw.
    pub fn merge(&mut self, other: &Self) {
        add(&mut self.dns, &other.dns);
        add(&mut self.connect, &other.connect);
        add(&mut self.tls, &other.tls);
        add(&mut self.first_byte, &other.first_byte);
    }

    pub(super) fn connected(&mut self, setup: Setup) {
        for (histogram, time) in [
            (&mut self.dns, setup.dns),
            (&mut self.connect, setup.connect),
            (&mut self.tls, setup.tls),
        ] {
            if let Some(time) = time {
                note(histogram, time);
            }
        }
    }
}
