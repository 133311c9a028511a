//! Gateways and service entries, as far as their names and hosts go.

use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::Node;

/// A Gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Its identity.
    pub meta: Meta,
    /// Its servers.
    pub servers: Vec<Server>,
}

/// One server of a gateway.
#[derive(Clone, Debug)]
pub struct Server {
    /// The hosts it takes, each perhaps with a namespace in front (`prod/*.example.com`).
    pub hosts: Vec<At<String>>,
    /// Its port.
    pub port: Option<At<u16>>,
    /// Plain HTTP is redirected to HTTPS.
    pub https_redirect: bool,
}

/// A service outside of the mesh's own registry.
#[derive(Clone, Debug)]
pub struct ServiceEntry {
    /// Its identity.
    pub meta: Meta,
    /// Its host names.
    pub hosts: Vec<At<String>>,
    /// Its ports.
    pub ports: Vec<u16>,
}

impl Gateway {
    /// A Gateway from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a Gateway spec", decoder)?;
        let servers = spec.list("servers", decoder, Server::decode);
        spec.ignore(&["selector"]);
        spec.finish(decoder);
        Some(Self { meta, servers })
    }
}

impl Server {
    fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut server = decoder.map(node, "a server")?;
        let hosts = server.texts("hosts", decoder);
        let port = server
            .map("port", "a server port", decoder)
            .and_then(|mut port| port.port("number", decoder));
        let redirect = server
            .map("tls", "TLS settings", decoder)
            .and_then(|mut tls| tls.boolean("httpsRedirect", decoder));
        server.ignore(&["bind", "defaultEndpoint", "name"]);
        server.finish(decoder);
        Some(Self {
            hosts,
            port,
            https_redirect: redirect.is_some_and(|redirect| redirect.value),
        })
    }
}

impl ServiceEntry {
    /// A `ServiceEntry` from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a ServiceEntry spec", decoder)?;
        let hosts = spec.texts("hosts", decoder);
        let ports = spec.list("ports", decoder, |node, decoder| {
            decoder
                .map(node, "a port")?
                .port("number", decoder)
                .map(|port| port.value)
        });
        Some(Self { meta, hosts, ports })
    }
}
