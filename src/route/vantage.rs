//! Where a request comes from, and which mesh it meets there: there is no answer without it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::{Probe, Transport};

/// Where the request comes from. The same manifests split differently for a client in the mesh and at a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vantage {
    /// A client in the mesh, or a gateway.
    pub origin: Origin,
    /// The Service port (mesh) or the server port (gateway) that is dialled, where it is known.
    pub port: Option<u16>,
    /// The version of Istio whose behaviour is asked for; `None` for a current one.
    pub istio: Option<IstioVersion>,
    /// Who is said to implement the Gateway API, where implementations differ; `None` for whoever its class names.
    pub implementation: Option<Implementation>,
    /// The namespace of the proxies of a gateway, where it is said: they may stand elsewhere than the gateway's object.
    pub proxies: Option<String>,
    /// How the connection begins: TLS listeners are chosen by the name in the handshake.
    pub transport: Transport,
}

/// Which proxy routes the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The proxy of a client in the mesh.
    Mesh {
        /// The namespace of the client; unknown means that of the rule.
        namespace: Option<String>,
        /// The labels of the client's pod, where they are known.
        labels: Option<BTreeMap<String, String>>,
        /// Whose proxy applies the rules.
        proxy: Proxy,
    },
    /// A gateway.
    Gateway {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// Whose proxy applies the rules of a mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// The sidecar of the client.
    #[default]
    Sidecar,
    /// The waypoint of the service (ambient mode).
    Waypoint,
}

/// A version of Istio, as far as its behaviour differs: `1.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IstioVersion {
    /// The `1` of `1.2`.
    pub major: u32,
    /// The `2` of `1.2`.
    pub minor: u32,
}

/// Who implements the Gateway API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Implementation {
    /// Istio.
    #[default]
    Istio,
    /// Envoy Gateway.
    EnvoyGateway,
    /// Nobody in particular: what the specification says.
    Spec,
    /// Contour, kgateway or NGINX Gateway Fabric: what the specification says, regular expressions before prefixes.
    RegexFirst,
}

impl Vantage {
    /// A client in the mesh, with a sidecar.
    #[must_use]
    pub fn mesh(namespace: Option<String>, labels: Option<BTreeMap<String, String>>) -> Self {
        Self::at(Origin::Mesh {
            namespace,
            labels,
            proxy: Proxy::Sidecar,
        })
    }

    /// A gateway.
    #[must_use]
    pub fn gateway(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self::at(Origin::Gateway {
            namespace: namespace.into(),
            name: name.into(),
        })
    }

    /// A place in a current mesh, where the port that is dialled is not known.
    #[must_use]
    pub fn at(origin: Origin) -> Self {
        Self {
            origin,
            port: None,
            istio: None,
            implementation: None,
            proxies: None,
            transport: Transport::Unknown,
        }
    }

    /// The same vantage, dialling the port of a request, where that is the port of the service.
    #[must_use]
    pub fn dialling(self, probe: &Probe) -> Self {
        Self {
            port: probe.service_port(),
            transport: Transport::of(probe),
            ..self
        }
    }

    /// Whether this is Istio before a version.
    #[must_use]
    pub fn before(&self, major: u32, minor: u32) -> bool {
        self.istio
            .is_some_and(|version| version < IstioVersion { major, minor })
    }
}

impl fmt::Display for IstioVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Text that is no version of Istio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version of Istio is two numbers, as in 1.24")]
pub struct IstioVersionError;

impl FromStr for IstioVersion {
    type Err = IstioVersionError;

    /// `1.24`; a patch level after it, as in `1.24.3`, makes no difference.
    fn from_str(text: &str) -> Result<Self, IstioVersionError> {
        let mut numbers = text.strip_prefix('v').unwrap_or(text).split('.');
        let mut number = || numbers.next().and_then(|number| number.parse().ok());
        match (number(), number()) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err(IstioVersionError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let version = |text: &str| text.parse::<IstioVersion>();
        assert!(version("1.2").ok() < version("1.10").ok());
        assert_eq!(
            version("v1.24.3").map(|v| v.to_string()),
            Ok("1.24".to_owned())
        );
        for bad in ["", "1", "one.two", "1.x"] {
            assert_eq!(version(bad), Err(IstioVersionError), "{bad}");
        }
        let old = Vantage {
            istio: version("1.2").ok(),
            ..Vantage::mesh(None, None)
        };
        assert!(old.before(1, 3) && !old.before(1, 2));
        assert!(!Vantage::mesh(None, None).before(1, 3), "a current mesh");
    }
}
