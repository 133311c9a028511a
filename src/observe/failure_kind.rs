//! The kinds of failure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of failure, in the order of a request's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The host name has no address.
    Dns,
    /// No connection: refused, unreachable, out of ports or file descriptors.
    Connect,
    /// No TLS: the handshake failed, or the certificate is not trusted.
    Tls,
    /// Nothing complete within the timeout.
    Timeout,
    /// The connection was closed before the response began, or reset at any time.
    Reset,
    /// The connection was closed within the response.
    Truncated,
    /// The response is larger than is read.
    Oversized,
    /// What came is not valid HTTP.
    Malformed,
}

impl FailureKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Reset,
        Self::Truncated,
        Self::Oversized,
        Self::Malformed,
    ];
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Truncated => "truncated",
            Self::Oversized => "oversized",
            Self::Malformed => "malformed",
        })
    }
}
