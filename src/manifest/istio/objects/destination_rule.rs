//! A DestinationRule as written: its host, its subsets, and which parts of its traffic policies can be noticed in a run.

use std::collections::BTreeMap;

use crate::diag::Span;
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::mesh::visibility::check_exports;
use crate::manifest::yaml::Node;
use crate::route::HashKey;

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
    /// What is hashed to pick a pod; `None` where no load balancer is set, empty where it hashes nothing.
    pub balancer: Option<Vec<HashKey>>,
    /// How connections are encrypted.
    pub tls: Vec<Tls>,
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
    /// The same as of the whole rule, which it stands above.
    pub balancer: Option<Vec<HashKey>>,
    /// How connections are encrypted.
    pub tls: Vec<Tls>,
}

/// How connections to a destination are encrypted.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The port it is limited to.
    pub port: Option<u16>,
    /// `DISABLE`, `SIMPLE`, `MUTUAL` or `ISTIO_MUTUAL`.
    pub mode: At<String>,
}

impl Tls {
    /// What holds for a port: what is said about it before what is said about all.
    #[must_use]
    pub fn of(all: &[Self], port: Option<u16>) -> Option<&Self> {
        let own = all
            .iter()
            .find(|one| one.port.is_some() && one.port == port);
        own.or_else(|| all.iter().find(|one| one.port.is_none()))
    }
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
        check_exports(&export_to, &meta, decoder);
        let selective = spec.place("workloadSelector").is_some();
        if selective {
            super::admission::selective(&export_to, &meta, decoder);
        }
        let selector = spec
            .map("workloadSelector", "a workload selector", decoder)
            .map_or_else(BTreeMap::new, |mut selector| {
                selector.labels("matchLabels", decoder)
            });
        let policy = spec.place("trafficPolicy");
        let (notable, balancer, tls) = traffic_policy(&mut spec, decoder);
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
            balancer,
            tls,
        })
    }
}

impl Subset {
    fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut subset = decoder.map(node, "a subset")?;
        let name = subset.required("name", decoder);
        let labels = subset.labels("labels", decoder);
        let (notable, balancer, tls) = traffic_policy(&mut subset, decoder);
        subset.finish(decoder);
        Some(Self {
            name: name?,
            labels,
            notable,
            balancer,
            tls,
        })
    }
}

/// The parts of a traffic policy that can be noticed from outside, what picks a pod, and how it encrypts.
fn traffic_policy(
    fields: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> (Vec<At<&'static str>>, Option<Vec<HashKey>>, Vec<Tls>) {
    let (mut notable, mut tls) = (Vec::new(), Vec::new());
    let Some(mut policy) = fields.map("trafficPolicy", "a traffic policy", decoder) else {
        return (notable, None, tls);
    };
    let (balancer, mode) = parts(&mut policy, &mut notable, decoder);
    tls.extend(mode.map(|mode| Tls { port: None, mode }));
    for node in policy.items("portLevelSettings", decoder) {
        if let Some(mut settings) = decoder.map(node, "settings of a port") {
            let (_, mode) = parts(&mut settings, &mut notable, decoder);
            let port = settings.map("port", "a port", decoder);
            let number = port.and_then(|mut port| port.port("number", decoder));
            if let (Some(mode), Some(number)) = (mode, number) {
                let port = Some(number.value);
                tls.push(Tls { port, mode });
            }
            settings.finish(decoder);
        }
    }
    policy.ignore(&["tunnel", "proxyProtocol", "retryBudget"]);
    policy.finish(decoder);
    (notable, balancer, tls)
}

/// The parts of settings that can be noticed; what comes back is what picks a pod, and the mode of their TLS.
fn parts(
    policy: &mut Fields<'_, '_>,
    notable: &mut Vec<At<&'static str>>,
    decoder: &mut Decoder<'_>,
) -> (Option<Vec<HashKey>>, Option<At<String>>) {
    let mut hashed = None;
    for key in ["outlierDetection", "connectionPool"] {
        if let Some(span) = policy.place(key) {
            notable.push(At { value: key, span });
        }
    }
    if let Some(mut balancer) = policy.map("loadBalancer", "a load balancer", decoder) {
        let value = "consistentHash";
        notable.extend(balancer.place(value).map(|span| At { value, span }));
        hashed = Some(hash_keys(&mut balancer, decoder));
        if let Some(mut locality) = balancer.map("localityLbSetting", "locality settings", decoder)
        {
            let value = "distribute";
            let off = locality.boolean("enabled", decoder);
            let off = off.is_some_and(|enabled| !enabled.value);
            let place = locality.place(value).filter(|_| !off);
            notable.extend(place.map(|span| At { value, span }));
            locality.ignore(&["distribute", "failover", "failoverPriority"]);
            locality.finish(decoder);
        }
        // Which pod of a destination: not which destination.
        balancer.ignore(&["simple", "warmupDurationSecs", "warmup"]);
        balancer.finish(decoder);
    }
    let tls = policy.map("tls", "TLS settings", decoder);
    (hashed, tls.and_then(|mut tls| tls.text("mode", decoder)))
}

/// What `consistentHash` hashes.
fn hash_keys(balancer: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Vec<HashKey> {
    let Some(mut hash) = balancer.map("consistentHash", "a consistent hash", decoder) else {
        return Vec::new();
    };
    let header = hash.text("httpHeaderName", decoder);
    let query = hash.text("httpQueryParameterName", decoder);
    let source = hash.boolean("useSourceIp", decoder);
    let cookie = hash.map("httpCookie", "a cookie", decoder);
    let cookie = cookie.and_then(|mut cookie| {
        let name = cookie.required("name", decoder);
        cookie.ignore(&["path", "ttl", "attributes"]);
        cookie.finish(decoder);
        name
    });
    hash.ignore(&["minimumRingSize", "ringHash", "maglev"]);
    hash.finish(decoder);
    let header = header.map(|header| HashKey::Header(header.value.to_lowercase()));
    let cookie = cookie.map(|cookie| HashKey::Cookie(cookie.value));
    let query = query.map(|query| HashKey::Query(query.value));
    let source = source
        .filter(|source| source.value)
        .map(|_| HashKey::SourceIp);
    [header, cookie, query, source]
        .into_iter()
        .flatten()
        .collect()
}
