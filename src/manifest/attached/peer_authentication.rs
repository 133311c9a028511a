//! A `PeerAuthentication` of Istio: whether the proxies of pods take plain text, TLS of the mesh, or both.

use std::collections::BTreeMap;

use super::nodes::text;
use super::{Attached, Body, Side};
use crate::manifest::yaml::{Node, Value};

/// A `PeerAuthentication`.
#[derive(Clone, Debug, Default)]
pub struct PeerAuthentication {
    /// For all ports that are not listed.
    pub mode: Option<Mode>,
    /// By port of the pods.
    pub ports: BTreeMap<u16, Mode>,
}

/// What a proxy takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only TLS of the mesh.
    Strict,
    /// Both.
    Permissive,
    /// Only what is sent as it is: TLS is for the application.
    Disable,
}

impl PeerAuthentication {
    pub(super) fn read(spec: Option<&Node<'_>>) -> Self {
        let Some(spec) = spec else {
            return Self::default();
        };
        let mode = |node: &Node<'_>| Mode::named(&node.get("mode").and_then(text)?);
        let ports = match spec.get("portLevelMtls").map(|node| &node.value) {
            Some(Value::Map(entries)) => entries
                .iter()
                .filter_map(|entry| Some((entry.key.parse().ok()?, mode(&entry.value)?)))
                .collect(),
            _ => BTreeMap::new(),
        };
        Self {
            mode: spec.get("mtls").and_then(mode),
            ports,
        }
    }
}

impl Mode {
    fn named(text: &str) -> Option<Self> {
        match text {
            "STRICT" => Some(Self::Strict),
            "PERMISSIVE" => Some(Self::Permissive),
            "DISABLE" => Some(Self::Disable),
            _ => None,
        }
    }
}

/// What pods of a namespace take on a port, with the policy that says so: one that selects them by labels before one for the
/// namespace, and that before one for the mesh; the oldest of each. `policies` are those that select all of the pods.
#[must_use]
pub fn effective<'m>(
    policies: impl Iterator<Item = &'m Attached>,
    namespace: &str,
    port: Option<u16>,
) -> Option<(&'m Attached, Mode)> {
    let rank = |policy: &Attached| {
        let labelled = policy.selector.as_ref().is_some_and(|own| !own.is_empty());
        (!labelled, policy.meta.namespace != namespace)
    };
    let own = |policy: &'m Attached| match &policy.body {
        Body::Peer(peer) if policy.is_for(namespace, Side::Inbound) => Some((policy, peer)),
        _ => None,
    };
    let mut all: Vec<(&Attached, &PeerAuthentication)> = policies.filter_map(own).collect();
    all.sort_by_key(|(policy, _)| (rank(policy), &policy.meta.created, &policy.meta.name));
    all.into_iter().find_map(|(policy, peer)| {
        // Ports are listed by policies with labels only.
        let listed = port.and_then(|port| peer.ports.get(&port));
        let listed = listed.filter(|_| !rank(policy).0);
        Some((policy, listed.copied().or(peer.mode)?))
    })
}
