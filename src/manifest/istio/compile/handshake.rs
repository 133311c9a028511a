//! Which servers of a gateway a connection reaches: those in the clear, or those whose hosts fit the name in the TLS
//! handshake best.

use std::collections::HashSet;

use crate::manifest::decode::At;
use crate::manifest::istio::objects::{Gateway, Reads, Server};
use crate::route::Transport;

/// A connection to the proxies of gateways.
pub(super) struct Handshake<'v, 'g> {
    transport: &'v Transport,
    /// The servers that the proxies leave out.
    repeated: Vec<&'g Server>,
    /// The port that is dialled, where a server has it; else something in front of the proxies may end TLS.
    port: Option<u16>,
    /// How well the best server fits.
    best: Option<usize>,
    /// Whether no server ends TLS, so that something in front of them does.
    ended_in_front: bool,
}

impl<'v, 'g> Handshake<'v, 'g> {
    pub(super) fn new(
        transport: &'v Transport,
        port: Option<u16>,
        gateways: impl Iterator<Item = &'g Gateway>,
    ) -> Self {
        let gateways: Vec<&Gateway> = gateways.collect();
        let repeated = repeated(&gateways);
        let servers = gateways.iter().flat_map(|gateway| &gateway.servers);
        let left = |one: &&Server| !repeated.iter().any(|other| std::ptr::eq(*one, *other));
        let servers: Vec<&Server> = servers.filter(left).collect();
        let own = |one: &&u16| servers.iter().any(|server| server.has_port(**one));
        let port = port.as_ref().filter(own).copied();
        let mut handshake = Self {
            transport,
            repeated: Vec::new(),
            port,
            best: None,
            ended_in_front: port.is_none() && !servers.iter().any(|server| server.encrypted),
        };
        let ended = servers.iter().filter(|server| server.ends_tls());
        handshake.best = (ended.filter(|server| handshake.dials(server)))
            .filter_map(|server| handshake.fit(server))
            .max();
        handshake.repeated = repeated;
        handshake
    }

    /// Whether the connection is to the port of the server, as far as that is known.
    pub(super) fn dials(&self, server: &Server) -> bool {
        let mut repeated = self.repeated.iter();
        self.port.is_none_or(|port| server.has_port(port))
            && !repeated.any(|other| std::ptr::eq(server, *other))
    }

    /// Whether the server is the one that the connection is for.
    pub(super) fn reaches(&self, server: &Server) -> bool {
        let mapped = self.port.is_none();
        self.dials(server)
            && match (self.transport, server.encrypted, server.reads) {
                (Transport::Unknown, ..) | (Transport::Plain, false, _) => true,
                (Transport::Plain, true, _) => mapped && self.best.is_none(),
                (Transport::Tls { .. }, false, reads) => {
                    self.ended_in_front || reads == Reads::Connections
                }
                (Transport::Tls { .. }, true, Reads::Handshakes | Reads::Clusters) => {
                    self.fit(server).is_some()
                }
                (Transport::Tls { .. }, true, _) => {
                    self.best.is_some() && self.fit(server) == self.best
                }
            }
    }

    fn fit(&self, server: &Server) -> Option<usize> {
        let hosts: Vec<String> = server
            .hosts
            .iter()
            .map(|host| Server::bare(&host.value))
            .collect();
        self.transport.fit(hosts.iter().map(String::as_str))
    }
}

/// Servers for TLS that name a host which an earlier one on the same port has: "skipping server, duplicate host names".
fn repeated<'g>(gateways: &[&'g Gateway]) -> Vec<&'g Server> {
    let mut known: HashSet<(u16, String)> = HashSet::new();
    let mut repeated = Vec::new();
    for gateway in gateways {
        for server in gateway.servers.iter().filter(|server| server.encrypted) {
            let Some(port) = server.port.as_ref().map(|port| port.value) else {
                continue;
            };
            let name = |host: &At<String>| match host.value.strip_prefix("./") {
                Some(rest) => format!("{}/{rest}", gateway.meta.namespace),
                None => host.value.clone(),
            };
            let hosts: Vec<_> = server.hosts.iter().map(|host| (port, name(host))).collect();
            if hosts.iter().any(|host| known.contains(host)) {
                repeated.push(server);
            } else {
                known.extend(hosts);
            }
        }
    }
    repeated
}

impl Server {
    /// Whether this is its port.
    pub(super) fn has_port(&self, port: u16) -> bool {
        self.port.as_ref().is_some_and(|own| own.value == port)
    }

    /// Whether TLS ends here.
    fn ends_tls(&self) -> bool {
        self.encrypted && matches!(self.reads, Reads::Requests | Reads::Connections)
    }

    /// A host of a server without the namespace in front, in small letters.
    fn bare(host: &str) -> String {
        let name = host.split_once('/').map_or(host, |(_, name)| name);
        name.to_lowercase()
    }
}
