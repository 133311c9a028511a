//! A DestinationRule as written: its host, its subsets, and which parts of its traffic policies can be noticed in a run.

use std::collections::BTreeMap;

use crate::diag::Span;
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::Node;

/// A DestinationRule.
#[derive(Clone, Debug)]
pub struct DestinationRule {
    /// Its identity.
    pub meta: Meta,
    /// The host as written.
    pub host: At<String>,
    /// Its subsets.
    pub subsets: Vec<Subset>,
    /// The namespaces that see it; none means all.
    pub export_to: Vec<At<String>>,
    /// Limited to some clients by `workloadSelector`.
    pub selective: bool,
    /// The labels of those clients.
    pub selector: BTreeMap<String, String>,
    /// Where its traffic policy is, if it has one.
    pub policy: Option<Span>,
    /// The parts of its traffic policy that can be noticed.
    pub notable: Vec<At<&'static str>>,
}

/// A named part of the pods of a host.
#[derive(Clone, Debug)]
pub struct Subset {
    /// Its name.
    pub name: At<String>,
    /// The labels its pods carry.
    pub labels: BTreeMap<String, String>,
    /// The parts of its own traffic policy that can be noticed.
    pub notable: Vec<At<&'static str>>,
}

impl DestinationRule {
    /// A DestinationRule from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a DestinationRule spec", decoder)?;
        let host = spec.required("host", decoder);
        let subsets = spec.list("subsets", decoder, Subset::decode);
        let export_to = spec.texts("exportTo", decoder);
        super::admission::exports(&export_to, decoder);
        let selective = spec.place("workloadSelector").is_some();
        let selector = spec
            .map("workloadSelector", "a workload selector", decoder)
            .map_or_else(BTreeMap::new, |mut selector| {
                selector.labels("matchLabels", decoder)
            });
        let policy = spec.place("trafficPolicy");
        let notable = traffic_policy(&mut spec, decoder);
        spec.finish(decoder);
        Some(Self {
            meta,
            host: host?,
            subsets,
            export_to,
            selective,
            selector,
            policy,
            notable,
        })
    }
}

impl Subset {
    fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut subset = decoder.map(node, "a subset")?;
        let name = subset.required("name", decoder);
        let labels = subset.labels("labels", decoder);
        let notable = traffic_policy(&mut subset, decoder);
        subset.finish(decoder);
        Some(Self {
            name: name?,
            labels,
            notable,
        })
    }
}

/// The parts of a traffic policy that can be noticed from outside.
fn traffic_policy(fields: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Vec<At<&'static str>> {
    let mut notable = Vec::new();
    let Some(mut policy) = fields.map("trafficPolicy", "a traffic policy", decoder) else {
        return notable;
    };
    parts(&mut policy, &mut notable, decoder);
    for node in policy.items("portLevelSettings", decoder) {
        if let Some(mut port) = decoder.map(node, "settings of a port") {
            parts(&mut port, &mut notable, decoder);
            port.ignore(&["port"]);
            port.finish(decoder);
        }
    }
    policy.ignore(&["tunnel", "proxyProtocol", "retryBudget"]);
    policy.finish(decoder);
    notable
}

fn parts(
    policy: &mut Fields<'_, '_>,
    notable: &mut Vec<At<&'static str>>,
    decoder: &mut Decoder<'_>,
) {
    for key in ["outlierDetection", "connectionPool"] {
        if let Some(span) = policy.place(key) {
            notable.push(At { value: key, span });
        }
    }
    if let Some(mut balancer) = policy.map("loadBalancer", "a load balancer", decoder) {
        let value = "consistentHash";
        notable.extend(balancer.place(value).map(|span| At { value, span }));
        // Which pod of a destination: not which destination.
        balancer.ignore(&[
            "simple",
            "localityLbSetting",
            "warmupDurationSecs",
            "warmup",
        ]);
        balancer.finish(decoder);
    }
    policy.ignore(&["tls"]);
}
