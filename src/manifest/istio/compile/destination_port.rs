//! The port of a destination that names none.

use super::index::Index;
use super::proxy_context::{ProxyContext, ProxyKind};

/// What a rule splits: the destinations of connections are looked up in another way than those of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Requests,
    Connections,
}

/// The port of a destination that names none. "else the only port if the Service has exactly one, else the LISTENER port";
/// for requests a sidecar knows only the services that have the port that is dialled, so that it is always that one.
pub(super) fn port(
    index: &Index<'_>,
    host: &str,
    caller: ProxyContext<'_>,
    layer: Layer,
) -> Option<u16> {
    let only = || match &index.registry.registered(host, caller.namespace)?.ports()[..] {
        [port] => Some(port.number),
        _ => None,
    };
    match (caller.proxy, layer) {
        (ProxyKind::Sidecar, Layer::Requests) => caller.port.or_else(only),
        _ => only().or(caller.port),
    }
}
