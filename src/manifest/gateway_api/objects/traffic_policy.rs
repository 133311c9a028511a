//! A BackendTrafficPolicy of Envoy Gateway, as far as it decides how a backend is picked.

use std::collections::BTreeMap;

use super::GROUP;
use super::pick_source::pick_source;
use crate::diag::Span;
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::{Meta, selects};
use crate::manifest::yaml::Node;
use crate::route::PickSource;

/// A BackendTrafficPolicy.
#[derive(Clone, Debug)]
pub struct TrafficPolicy {
    /// Its identity.
    pub meta: Meta,
    /// What it is about, in its own namespace.
    pub targets: Vec<PolicyTarget>,
    /// What it is about by its labels: the kind, and the labels that objects of it carry.
    pub selectors: Vec<(String, BTreeMap<String, String>)>,
    /// `loadBalancer.type`.
    pub balancer: Option<At<String>>,
    /// `loadBalancer.endpointOverride`: where a request may name its endpoint.
    pub endpoint_override: Option<EndpointOverride>,
    /// Whether endpoints of the zone of the proxy are preferred, or zones have weights.
    pub by_zone: bool,
    /// What it does that changes answers and is not judged.
    pub unjudged: Vec<At<&'static str>>,
}

/// Where a request may name its endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointOverride {
    /// Where that is written.
    pub span: Span,
    /// What is looked at, in this order.
    pub sources: Vec<PickSource>,
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
        let selectors = spec.list("targetSelectors", decoder, selector);
        let (mut balancer, mut by_zone, mut endpoint_override) = (None, false, None);
        if let Some(mut fields) = spec.map("loadBalancer", "a load balancer", decoder) {
            balancer = fields.text("type", decoder);
            by_zone = fields.place("zoneAware").is_some();
            let place = fields.place("endpointOverride");
            let own = fields.map("endpointOverride", "an endpointOverride", decoder);
            endpoint_override = own.zip(place).map(|(mut own, span)| EndpointOverride {
                span,
                sources: own.list("extractFrom", decoder, pick_source),
            });
        }
        let keys = ["faultInjection", "rateLimit", "circuitBreaker", "retry"];
        let unjudged = keys
            .into_iter()
            .filter_map(|key| spec.place(key).map(|span| At { value: key, span }))
            .collect();
        Some(Self {
            meta,
            targets,
            selectors,
            balancer,
            endpoint_override,
            by_zone,
            unjudged,
        })
    }

    /// Whether it is about an object, or about this part of it.
    #[must_use]
    pub fn is_for(&self, object: &Meta, section: Option<&str>) -> bool {
        let named = self.targets.iter().any(|target| {
            target.kind == object.kind
                && target.name == object.name
                && target.section.as_deref() == section
        });
        let meant = |(kind, labels): &(String, BTreeMap<String, String>)| {
            *kind == object.kind && selects(labels, &object.labels)
        };
        named || (section.is_none() && self.selectors.iter().any(meant))
    }

    /// Whether it picks backends by a hash of the request.
    #[must_use]
    pub fn hashes(&self) -> bool {
        let balancer = self.balancer.as_ref();
        balancer.is_some_and(|balancer| balancer.value == "ConsistentHash")
    }
}

fn selector(
    node: &Node<'_>,
    decoder: &mut Decoder<'_>,
) -> Option<(String, BTreeMap<String, String>)> {
    let mut fields = decoder.map(node, "a selector of a policy")?;
    let kind = fields.required("kind", decoder);
    let labels = fields.labels("matchLabels", decoder);
    // What else it may ask for leaves objects out.
    let whole = fields.get("matchExpressions").is_none();
    fields.ignore(&["group", "namespaces"]);
    kind.filter(|_| whole).map(|kind| (kind.value, labels))
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
