//! A BackendTrafficPolicy of Envoy Gateway, as far as it decides how a backend is picked.

use super::GROUP;
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::Node;

/// A BackendTrafficPolicy.
#[derive(Clone, Debug)]
pub struct TrafficPolicy {
    /// Its identity.
    pub meta: Meta,
    /// What it is about, in its own namespace.
    pub targets: Vec<PolicyTarget>,
    /// `loadBalancer.type`.
    pub balancer: Option<At<String>>,
    /// What it does that changes answers and is not judged.
    pub unjudged: Vec<At<&'static str>>,
}

/// One target of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTarget {
    /// Its kind: a route or a Gateway.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// A rule of the route or a listener of the Gateway, by name.
    pub section: Option<String>,
}

impl TrafficPolicy {
    /// A policy from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a BackendTrafficPolicy spec", decoder)?;
        let mut targets = spec.list("targetRefs", decoder, target);
        targets.extend(spec.get("targetRef").and_then(|node| target(node, decoder)));
        let balancer = spec
            .map("loadBalancer", "a load balancer", decoder)
            .and_then(|mut balancer| balancer.text("type", decoder));
        let keys = [
            "targetSelectors",
            "faultInjection",
            "rateLimit",
            "circuitBreaker",
            "retry",
        ];
        let unjudged = keys
            .into_iter()
            .filter_map(|key| spec.place(key).map(|span| At { value: key, span }))
            .collect();
        Some(Self {
            meta,
            targets,
            balancer,
            unjudged,
        })
    }

    /// Whether it picks backends by a hash of the request.
    #[must_use]
    pub fn hashes(&self) -> bool {
        let balancer = self.balancer.as_ref();
        balancer.is_some_and(|balancer| balancer.value == "ConsistentHash")
    }
}

fn target(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<PolicyTarget> {
    let mut fields = decoder.map(node, "a target of a policy")?;
    let group = fields.text("group", decoder);
    let kind = fields.required("kind", decoder);
    let name = fields.required("name", decoder);
    let section = fields.text("sectionName", decoder);
    fields.finish(decoder);
    let ours = group.is_none_or(|group| group.value == GROUP);
    let (kind, name) = (kind?, name?);
    ours.then_some(PolicyTarget {
        kind: kind.value,
        name: name.value,
        section: section.map(|section| section.value),
    })
}
