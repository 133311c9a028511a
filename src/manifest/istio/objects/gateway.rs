//! A Gateway as written: which hosts its servers take, and what they do with the bytes.

use std::collections::BTreeMap;

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
    /// The labels of the proxies that it configures; none means all.
    pub selector: BTreeMap<String, String>,
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
    /// What it looks at.
    pub reads: Reads,
}

/// What a server of a gateway looks at to choose a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Requests: HTTP, in the clear or after the gateway has ended TLS.
    Requests,
    /// The name in the TLS handshake, which is passed through.
    Handshakes,
    /// Nothing: connections, in the clear or after the gateway has ended TLS.
    Connections,
    /// A name in the handshake that spells a cluster: no rule applies.
    Clusters,
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
        let selector = spec.labels("selector", decoder);
        spec.finish(decoder);
        Some(Self {
            meta,
            servers,
            selector,
        })
    }
}

impl Server {
    fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut server = decoder.map(node, "a server")?;
        let hosts = server.texts("hosts", decoder);
        let (mut number, mut protocol) = (None, None);
        if let Some(mut port) = server.map("port", "a server port", decoder) {
            number = port.port("number", decoder);
            protocol = port.text("protocol", decoder);
        }
        let (mut redirect, mut mode) = (None, None);
        if let Some(mut tls) = server.map("tls", "TLS settings", decoder) {
            redirect = tls.boolean("httpsRedirect", decoder);
            mode = tls.text("mode", decoder);
        }
        server.ignore(&["bind", "defaultEndpoint", "name"]);
        server.finish(decoder);
        Some(Self {
            hosts,
            port: number,
            reads: Reads::of(protocol.as_ref(), mode.as_ref()),
            https_redirect: redirect.is_some_and(|redirect| redirect.value),
        })
    }
}

impl Reads {
    /// What a server with this protocol and TLS mode looks at; without a protocol it is taken to be HTTP.
    fn of(protocol: Option<&At<String>>, mode: Option<&At<String>>) -> Self {
        let protocol = protocol.map_or_else(String::new, |text| text.value.to_uppercase());
        let mode = mode.map_or("", |text| text.value.as_str());
        match (protocol.as_str(), mode) {
            ("HTTPS" | "TLS", "PASSTHROUGH") => Self::Handshakes,
            ("HTTPS" | "TLS", "AUTO_PASSTHROUGH") => Self::Clusters,
            ("TLS" | "TCP" | "MONGO" | "REDIS" | "MYSQL", _) => Self::Connections,
            _ => Self::Requests,
        }
    }
}

/// A gateway reference as `namespace/name`; the word `mesh` stays.
pub(crate) fn gateway_name(reference: &str, namespace: &str) -> String {
    if reference == "mesh" {
        return reference.to_owned();
    }
    match reference.split_once('/') {
        Some((".", name)) => format!("{namespace}/{name}"),
        Some(_) => reference.to_owned(),
        None => match reference.split('.').collect::<Vec<_>>()[..] {
            [name, namespace, ..] => format!("{namespace}/{name}"),
            _ => format!("{namespace}/{reference}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::gateway_name;

    /// "`name` -> ns/name; `./name` -> ns/name; `a.b[.svc..]` legacy FQDN -> `b/a`; `ns/name` as is; `mesh` untouched".
    #[test]
    fn gateway_references_become_namespace_and_name() {
        for (reference, name) in [
            ("gw", "prod/gw"),
            ("./gw", "prod/gw"),
            ("gw.infra", "infra/gw"),
            ("gw.infra.svc.cluster.local", "infra/gw"),
            ("infra/gw", "infra/gw"),
            ("mesh", "mesh"),
        ] {
            assert_eq!(gateway_name(reference, "prod"), name);
        }
    }
}
