//! Which servers of a gateway a connection reaches: those in the clear, or those whose hosts fit the name in the TLS
//! handshake best.

use crate::manifest::istio::objects::{Gateway, Reads, Server};
use crate::route::Transport;

/// A connection to the proxies of gateways.
pub(super) struct Handshake<'v> {
    transport: &'v Transport,
    /// The port that is dialled, where a server has it; else something in front of the proxies may end TLS.
    port: Option<u16>,
    /// How well the best server fits.
    best: Option<usize>,
    /// Whether no server ends TLS, so that something in front of them does.
    ended_in_front: bool,
}

impl<'v> Handshake<'v> {
    pub(super) fn new<'g>(
        transport: &'v Transport,
        port: Option<u16>,
        gateways: impl Iterator<Item = &'g Gateway>,
    ) -> Self {
        let servers: Vec<&Server> = gateways.flat_map(|gateway| &gateway.servers).collect();
        let own = |one: &&u16| servers.iter().any(|server| server.has_port(**one));
        let port = port.as_ref().filter(own).copied();
        let mut handshake = Self {
            transport,
            port,
            best: None,
            ended_in_front: port.is_none() && !servers.iter().any(|server| server.encrypted),
        };
        let ended = servers.iter().filter(|server| server.ends_tls());
        handshake.best = (ended.filter(|server| handshake.dials(server)))
            .filter_map(|server| handshake.fit(server))
            .max();
        handshake
    }

    /// Whether the connection is to the port of the server, as far as that is known.
    pub(super) fn dials(&self, server: &Server) -> bool {
        self.port.is_none_or(|port| server.has_port(port))
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
