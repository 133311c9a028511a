//! The addresses behind a Service as Kubernetes keeps them: Endpoints, and the `EndpointSlices` that took their place.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::decode::Decoder;
use super::fields::Fields;
use super::kube::Meta;
use super::yaml::{Node, Value};

/// The label of a slice that names its Service.
const SERVICE: &str = "kubernetes.io/service-name";

/// Addresses behind a Service.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// Its identity.
    pub meta: Meta,
    /// The Service, in the same namespace.
    pub service: String,
    /// The addresses that take requests.
    pub ready: Vec<Address>,
}

/// An address behind a Service.
#[derive(Clone, Debug)]
pub struct Address {
    /// The address without a port.
    pub ip: String,
    /// The pod that it is of, where that is said.
    pub pod: Option<String>,
    /// Its ports by the names that they have in the Service.
    pub ports: Arc<[(Option<String>, u16)]>,
}

impl Address {
    /// `10.0.0.7:8080`, for the port of this name, or the only one.
    pub(super) fn socket(&self, name: Option<&str>) -> Option<String> {
        let named = self.ports.iter().find(|(own, _)| own.as_deref() == name);
        let sole = self.ports.first().filter(|_| self.ports.len() == 1);
        let (_, port) = named.or(sole)?;
        socket(&self.ip, *port)
    }
}

/// `10.0.0.7:8080`, `[fd00::7]:8080`.
pub(super) fn socket(ip: &str, port: u16) -> Option<String> {
    let ip: IpAddr = ip.parse().ok()?;
    Some(SocketAddr::new(ip, port).to_string())
}

impl Endpoints {
    /// Endpoints, which have the name of their Service.
    pub(super) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> [Self; 1] {
        let subsets = object.items("subsets", decoder).iter();
        let ready = subsets.flat_map(|subset| {
            let ports = ports(items(subset, "ports"));
            items(subset, "addresses").iter().map(move |one| Address {
                ip: one.get("ip").and_then(text).unwrap_or_default(),
                pod: pod(one),
                ports: Arc::clone(&ports),
            })
        });
        [Self {
            service: meta.name.clone(),
            ready: ready.collect(),
            meta,
        }]
    }

    /// An `EndpointSlice`, which a label ties to its Service; one without it belongs to none.
    pub(super) fn decode_slice(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let endpoints = object.items("endpoints", decoder).iter();
        let ready = endpoints.filter(|one| {
            let ready = one.get("conditions").and_then(|one| one.get("ready"));
            // "A nil value should be interpreted as true."
            ready.and_then(text).as_deref() != Some("false")
        });
        let ports = ports(object.items("ports", decoder));
        let ready = ready.flat_map(|one| {
            let ports = &ports;
            items(one, "addresses").iter().map(move |ip| Address {
                ip: text(ip).unwrap_or_default(),
                pod: pod(one),
                ports: Arc::clone(ports),
            })
        });
        let service = meta.labels.get(SERVICE)?.clone();
        Some(Self {
            service,
            ready: ready.collect(),
            meta,
        })
    }
}

/// What is known about the endpoints of each Service, by namespace and name.
#[derive(Debug, Default)]
pub(super) struct ByService<'m>(HashMap<(&'m str, &'m str), Vec<&'m Endpoints>>);

impl<'m> ByService<'m> {
    pub(super) fn new(all: &'m [Endpoints]) -> Self {
        let mut by_service = Self::default();
        for one in all {
            let name = (one.meta.namespace.as_str(), one.service.as_str());
            by_service.0.entry(name).or_default().push(one);
        }
        by_service
    }

    /// The objects with the addresses of a Service; none where the manifests hold no such object.
    pub(super) fn of<'b>(&'b self, namespace: &'b str, service: &'b str) -> &'b [&'m Endpoints] {
        self.0.get(&(namespace, service)).map_or(&[], Vec::as_slice)
    }
}

fn items<'n, 's>(node: &'n Node<'s>, key: &str) -> &'n [Node<'s>] {
    match node.get(key).map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

fn text(node: &Node<'_>) -> Option<String> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text.to_string()),
        _ => None,
    }
}

fn ports(nodes: &[Node<'_>]) -> Arc<[(Option<String>, u16)]> {
    let port = |node: &Node<'_>| {
        let number = node.get("port").and_then(text)?.parse().ok()?;
        let name = node.get("name").and_then(text);
        Some((name.filter(|name| !name.is_empty()), number))
    };
    nodes.iter().filter_map(port).collect()
}

fn pod(address: &Node<'_>) -> Option<String> {
    let target = address.get("targetRef")?;
    let is_pod = target.get("kind").and_then(text).as_deref() == Some("Pod");
    target.get("name").and_then(text).filter(|_| is_pod)
}
