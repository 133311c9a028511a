//! Where connections go, and how they get there.

use std::net::IpAddr;
use std::path::PathBuf;

/// Where connections go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The host of the URL: a DNS name or an IP address, without brackets. Its certificate is checked against it.
    pub host: String,
    /// The port of the URL.
    pub port: u16,
    /// What is connected to.
    pub via: Via,
    /// Which addresses of a name are used.
    pub family: Family,
    /// `https`.
    pub tls: Option<Tls>,
}

/// What is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// The host itself, or what `--connect-to` puts in its place.
    Direct(Dial),
    /// A Unix socket.
    Unix(PathBuf),
    /// An HTTP proxy: absolute-form for plain HTTP/1.1 to the host of the URL, else a tunnel by `CONNECT`.
    Proxy {
        /// The proxy.
        dial: Dial,
        /// Its `Proxy-Authorization`.
        authorization: Option<String>,
        /// The host and port that it is asked for.
        target: (String, u16),
    },
}

/// A host and a port to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// A DNS name or an IP address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The addresses, where DNS is not to be asked (`--resolve`); else empty.
    pub pinned: Vec<IpAddr>,
}

/// Which addresses of a name are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// All of them.
    #[default]
    Any,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// How TLS is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// How the server's certificate is checked.
    pub verify: Verify,
    /// Who we are, where the server asks.
    pub identity: Option<ClientIdentity>,
}

/// How a server's certificate is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Against the system's roots.
    System,
    /// Against these PEM certificates alone: the content of `--cacert`.
    Only(Vec<u8>),
    /// Not at all (`--insecure`).
    Nothing,
}

/// A client certificate, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate and its chain.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

impl Endpoint {
    /// A host spoken to in plain text, without detours.
    #[must_use]
    pub fn direct(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            via: Via::Direct(Dial {
                host: host.to_owned(),
                port,
                pinned: Vec::new(),
            }),
            family: Family::Any,
            tls: None,
        }
    }

    /// The name that is dialled; `None` for a Unix socket.
    #[must_use]
    pub fn dial(&self) -> Option<&Dial> {
        match &self.via {
            Via::Direct(dial) | Via::Proxy { dial, .. } => Some(dial),
            Via::Unix(_) => None,
        }
    }
}

impl Family {
    /// Whether an address is of this family.
    #[must_use]
    pub fn has(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}
