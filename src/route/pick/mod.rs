//! Who picks the endpoint of a request where the request itself may name it: by what, in which order, and what becomes of
//! requests that name none. The rules are Envoy's, tried on 1.40.

mod notes;
mod requests;
mod session;

pub use requests::PickRequest;

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

/// How a proxy takes an endpoint from a request, and the endpoints that it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointPick {
    /// By which part of the proxy.
    pub mechanism: PickMechanism,
    /// Where the endpoint is named, in the order in which that is looked at.
    pub sources: Vec<PickSource>,
    /// What balances the requests that name none, where that is written.
    pub fallback: Option<String>,
    /// The endpoints, where they are known.
    pub endpoints: Option<Vec<PickEndpoint>>,
}

/// The part of a proxy that takes an endpoint from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickMechanism {
    /// The load balancing policy `override_host`: a list, of which the first endpoint of the cluster is taken.
    OverrideHost,
    /// A cluster of the type `ORIGINAL_DST`: the proxy connects to the one address that is named, an endpoint or not.
    OriginalDst,
    /// The filter `stateful_session`: one endpoint, encoded.
    Session {
        /// A request for an endpoint that is not there is refused.
        strict: bool,
    },
}

/// A part of a request, or of what the proxy knows about it, that names an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PickSource {
    /// A header, by its name.
    Header(String),
    /// A cookie, by its name.
    Cookie(String),
    /// Dynamic metadata, `envoy.lb:x-gateway-destination-endpoint`: filters of the proxy set it, clients cannot.
    Metadata(String),
}

/// An endpoint that may be picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickEndpoint {
    /// `10.0.0.7:8080`, `[fd00::7]:8080`: an endpoint is looked up by this text.
    pub address: String,
    /// Its backend, by the position in the split, where it is of one of them.
    pub backend: Option<usize>,
    /// The pod, where that is known.
    pub pod: Option<String>,
}

/// Where a request goes by what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picked {
    /// To this endpoint.
    Endpoint(String),
    /// To whichever endpoint the proxy picks: nothing valid is named.
    Fallback,
    /// Nowhere: the proxy responds with 503, without a healthy endpoint (`UH`).
    Refused,
}

impl EndpointPick {
    /// Where a request with these headers goes. Of several lines of a header the first counts. Where the endpoints are not
    /// known, whatever could be one is taken for one.
    #[must_use]
    pub fn resolve(&self, headers: &[(String, String)]) -> Picked {
        let values = self.sources.iter().map(|source| source.value(headers));
        match self.mechanism {
            PickMechanism::OverrideHost => {
                let values: Vec<Cow<'_, str>> = values.flatten().collect();
                let entries = values.iter().flat_map(|value| value.split(','));
                let mut entries = entries.map(|entry| entry.trim_matches([' ', '\t']));
                entries
                    .find(|entry| self.has(entry))
                    .map_or(Picked::Fallback, |entry| Picked::Endpoint(entry.to_owned()))
            }
            PickMechanism::OriginalDst => {
                let mut values = values.flatten();
                let address = values.next().and_then(|value| dialled(&value));
                address.map_or(Picked::Refused, Picked::Endpoint)
            }
            PickMechanism::Session { strict } => {
                let in_cookie = matches!(self.sources.first(), Some(PickSource::Cookie(_)));
                let mut values = values.flatten();
                let address = values.next();
                match address.and_then(|value| session::address(&value, in_cookie)) {
                    Some(address) if self.has(&address) => Picked::Endpoint(address),
                    Some(_) if strict => Picked::Refused,
                    _ => Picked::Fallback,
                }
            }
        }
    }

    /// Whether a text is the address of an endpoint, letter by letter.
    fn has(&self, entry: &str) -> bool {
        if let Some(endpoints) = &self.endpoints {
            return endpoints.iter().any(|one| one.address == entry);
        }
        let address = entry.parse::<SocketAddr>();
        address.is_ok_and(|address| address.to_string() == entry)
    }

    /// The endpoint with an address.
    #[must_use]
    pub fn endpoint(&self, address: &str) -> Option<&PickEndpoint> {
        let mut endpoints = self.endpoints.iter().flatten();
        endpoints.find(|one| one.address == address)
    }

    /// What a client may send to pick an endpoint itself: ``the header `target-pod` ``.
    #[must_use]
    pub fn set_by_clients(&self) -> Option<String> {
        self.sources.iter().find_map(PickSource::set_by_clients)
    }

    /// What a request has to carry so that this is the value that is looked at: as it is, or encoded.
    #[must_use]
    pub fn encoded(mechanism: PickMechanism, value: &str) -> String {
        match mechanism {
            PickMechanism::Session { .. } => session::encoded(value),
            PickMechanism::OverrideHost | PickMechanism::OriginalDst => value.to_owned(),
        }
    }
}

impl fmt::Display for PickSource {
    /// As an option takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Metadata(path) => write!(f, "metadata:{path}"),
        }
    }
}

impl PickSource {
    /// What a request with these headers has there. Metadata is nothing that a client sends.
    fn value<'h>(&self, headers: &'h [(String, String)]) -> Option<Cow<'h, str>> {
        let lines = |name: &str| {
            let found = headers
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        match self {
            Self::Header(name) => lines(name).map(Cow::Borrowed),
            Self::Cookie(name) => {
                let pairs = lines("cookie")?.split(';').map(str::trim);
                let mut values = pairs.filter_map(|pair| pair.split_once('='));
                let (_, value) = values.find(|(key, _)| key == name)?;
                Some(Cow::Owned(value.trim_matches('"').to_owned()))
            }
            Self::Metadata(_) => None,
        }
    }

    /// What a client may send: ``the header `target-pod` ``.
    fn set_by_clients(&self) -> Option<String> {
        match self {
            Self::Header(name) => Some(format!("the header `{name}`")),
            Self::Cookie(name) => Some(format!("the cookie `{name}`")),
            Self::Metadata(_) => None,
        }
    }
}

/// The address that an `ORIGINAL_DST` cluster connects to, if a value is one: a number of a port may have zeros in front.
fn dialled(value: &str) -> Option<String> {
    let (host, port) = value.trim().rsplit_once(':')?;
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port: u16 = port.parse().ok().filter(|_| digits)?;
    let address = format!("{host}:{port}").parse::<SocketAddr>().ok()?;
    Some(address.to_string())
}

#[cfg(test)]
mod tests;
