//! What a proxy hashes to pick a destination.

use std::fmt;

/// A part of a request that a proxy hashes to pick a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashKey {
    /// The value of a header.
    Header(String),
    /// The value of a cookie, which the proxy may set itself.
    Cookie(String),
    /// The value of a parameter of the query.
    Query(String),
    /// The address of the client.
    SourceIp,
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::Cookie(name) => write!(f, "cookie `{name}`"),
            Self::Query(name) => write!(f, "query parameter `{name}`"),
            Self::SourceIp => f.write_str("source address"),
        }
    }
}
