//! The addresses behind a Service as Kubernetes keeps them: Endpoints, and the `EndpointSlices` that took their place.

use std::collections::HashMap;

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
    /// The addresses that take requests: each with the pod that it is of, where that is said.
    pub ready: Vec<Option<String>>,
}

impl Endpoints {
    /// Endpoints, which have the name of their Service.
    pub(super) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let subsets = object.items("subsets", decoder).iter();
        let addresses = subsets.flat_map(|subset| items(subset, "addresses"));
        Some(Self {
            service: meta.name.clone(),
            ready: addresses.map(pod).collect(),
            meta,
        })
    }

    /// An `EndpointSlice`, which a label ties to its Service.
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
        let ready = ready.flat_map(|one| items(one, "addresses").iter().map(|_| pod(one)));
        Some(Self {
            service: meta.labels.get(SERVICE).cloned().unwrap_or_default(),
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
        for one in all.iter().filter(|one| !one.service.is_empty()) {
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

fn pod(address: &Node<'_>) -> Option<String> {
    let target = address.get("targetRef")?;
    let is_pod = target.get("kind").and_then(text).as_deref() == Some("Pod");
    target.get("name").and_then(text).filter(|_| is_pod)
}
