//! What is true about the destinations of a split and easily overlooked: they exist, and still surprise.

use std::collections::{BTreeMap, BTreeSet};

use super::identifiers::{ResolvedDestination, workloads};
use super::index::Index;
use super::proxy_context::{ProxyContext, ProxyKind};
use super::subsets::Subsets;
use super::waypoint_use::canary;
use crate::diag::{Code, Note, Span};
use crate::manifest::istio::objects::{DestinationRule, Subset, WeightedDestination};
use crate::manifest::kube::{Service, selects};
use crate::manifest::mesh::backing::{Whole, backing, no_endpoint_carries};
use crate::manifest::mesh::labelled::POD_HASH;
use crate::manifest::mesh::names::service_of;
use crate::manifest::mesh::registry_service::RegistryService;
use crate::route::AppliesTo;

/// A destination that stands for another host.
pub(super) fn external_name(written: &str, host: &str, service: &Service) -> Note<AppliesTo> {
    let message = format!("`{written}` is an ExternalName, which stands for `{host}`");
    let span = service.external_name.as_ref().map(|name| name.span);
    Note::about(Code::ExternalName, message, span)
}

/// What the destinations of one split say together.
pub(super) fn together(
    index: &Index<'_>,
    items: &[WeightedDestination],
    all: &[ResolvedDestination<'_>],
    caller: ProxyContext<'_>,
    caveats: &mut Vec<Note<AppliesTo>>,
) {
    let hosts: BTreeSet<&str> = all.iter().map(|known| known.host.as_str()).collect();
    for host in &hosts {
        let mut named = items
            .iter()
            .zip(all)
            .filter(|(_, known)| known.host == *host);
        let subset = named.find_map(|(item, _)| item.subset.as_ref());
        if let Some(known) = index.registry.registered(host, caller.namespace) {
            of_service(known, subset.map(|subset| subset.span), caller, caveats);
        }
        if subset.is_some() {
            let subsets = index.subsets(host, caller);
            of_rules(&subsets, caveats);
            if items.len() > 1 {
                policies(&subsets.rules, all, host, caveats);
            }
        }
        let nowhere = index.registry.has_registry()
            && index.registry.registered(host, caller.namespace).is_none();
        if let (None, Some(splitting), false) = (subset, index.splitting(host, caller), nowhere) {
            let span = items.iter().zip(all).find(|(_, known)| known.host == *host);
            let message = format!(
                "{splitting} splits `{host}` for clients in the mesh; the gateway does not apply that, and spreads requests over all of its pods"
            );
            let span = span.map(|(item, _)| item.host.span);
            if through_waypoint(index, host) {
                let message = format!(
                    "the gateway sends requests to `{host}` through the waypoint of the Service (`{THROUGH_WAYPOINT}`), which \
                     splits them by {splitting}: the shares behind the waypoint are not judged"
                );
                caveats.push(Note::about(Code::IngressWaypoint, message, span));
                let service = index.registry.service(host);
                let canary = service.and_then(|service| canary(index.manifests, &service.meta));
                caveats.extend(canary);
                continue;
            }
            let caveat = Note::about(Code::MeshRulesNotApplied, message, span);
            caveats.push(
                caveat.help("write the split, with its subsets, in the rule of the gateway too"),
            );
        }
    }
    let labelled: Vec<bool> = (all.iter())
        .map(|known| is_labelled(index, known, caller))
        .collect();
    labels(items, all, &labelled, caveats);
    without_pods(index, items, all, &labelled, caveats);
    let asked = items.iter().zip(all).filter(|(item, known)| {
        let weight = item
            .weight
            .as_ref()
            .map_or(items.len() == 1, |weight| weight.value > 0);
        weight && known.subset_name.is_none()
    });
    let services: Vec<Whole<'_>> = asked
        .map(|(item, known)| Whole {
            host: &known.host,
            span: item.host.span,
        })
        .collect();
    caveats.extend(backing(&index.registry, &services));
    twice(items, all, caveats);
}

/// The label of a Service or Namespace whose waypoint gateways use.
const THROUGH_WAYPOINT: &str = "istio.io/ingress-use-waypoint";

fn through_waypoint(index: &Index<'_>, host: &str) -> bool {
    let labelled = |labels: &BTreeMap<String, String>| {
        labels
            .get(THROUGH_WAYPOINT)
            .is_some_and(|value| value == "true")
    };
    let namespace = service_of(host).map(|(_, namespace)| namespace);
    let mut namespaces = index.manifests.namespaces.iter();
    index
        .registry
        .service(host)
        .is_some_and(|service| labelled(&service.meta.labels))
        || namespaces.any(|one| Some(one.name.as_str()) == namespace && labelled(&one.labels))
}

/// "With `ORIGINAL_DST` the pod already chosen by DNS is used, subset labels do not select."
pub(super) fn headless(known: RegistryService<'_>) -> Option<Note<AppliesTo>> {
    let place = known.picked_by_client()?;
    let what = match known {
        RegistryService::Service(_) => "is headless: the client's DNS answer picks the pod",
        RegistryService::Entry(_) => "has the resolution NONE: the client picks the address",
    };
    let message = format!(
        "{} {what}, and weights of subsets take no effect",
        known.meta()
    );
    let caveat = Note::about(Code::Headless, message, Some(place));
    Some(caveat.help("split between Services, or give it an address of its own"))
}

/// What a service says about itself.
fn of_service(
    known: RegistryService<'_>,
    subset: Option<Span>,
    caller: ProxyContext<'_>,
    caveats: &mut Vec<Note<AppliesTo>>,
) {
    let meta = known.meta();
    if subset.is_some() && caller.proxy == ProxyKind::Sidecar {
        caveats.extend(headless(known));
    }
    let session = [
        "istio.io/persistent-session",
        "istio.io/persistent-session-header",
    ];
    if let Some(label) = session
        .into_iter()
        .find(|label| meta.labels.contains_key(*label))
    {
        let message = format!(
            "{meta} carries the label `{label}`: clients that keep its cookie or header stay with one pod"
        );
        caveats.push(Note::about(
            Code::PersistentSession,
            message,
            Some(meta.span),
        ));
    }
}

/// "Several DRs same host+namespace merge: subsets by name, first wins; trafficPolicy of the first that has one."
fn of_rules(subsets: &Subsets<'_>, caveats: &mut Vec<Note<AppliesTo>>) {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for subset in subsets.rules.iter().flat_map(|rule| &rule.subsets) {
        if !names.insert(&subset.name.value) {
            let message = format!(
                "subset `{}` is defined twice: the first one counts",
                subset.name.value
            );
            caveats.push(Note::about(
                Code::SubsetTwice,
                message,
                Some(subset.name.span),
            ));
        }
    }
    let mut with_policy = subsets.rules.iter().filter(|rule| rule.policy.is_some());
    if let (Some(first), Some(second)) = (with_policy.next(), with_policy.next()) {
        let message = format!(
            "the `trafficPolicy` of {} is ignored: {} is for the same host and comes first",
            second.meta, first.meta
        );
        caveats.push(Note::about(Code::TwoRules, message, second.policy).help("merge them"));
    }
    let general = subsets.beside.iter().find(|rule| !rule.selective);
    if let (Some(rule), Some(other)) = (subsets.rules.first(), general) {
        let why = if rule.selective {
            "which selects this client"
        } else {
            "which is exported to others and comes later"
        };
        let message = format!("{} is ignored next to {}, {why}", other.meta, rule.meta);
        caveats.push(Note::about(Code::TwoRules, message, Some(other.meta.span)));
    }
}

/// Parts of traffic policies that a run may notice, each kind once.
fn policies(
    rules: &[&DestinationRule],
    all: &[ResolvedDestination<'_>],
    host: &str,
    caveats: &mut Vec<Note<AppliesTo>>,
) {
    let general = rules.iter().find(|rule| rule.policy.is_some());
    let own = all.iter().filter(|known| known.host == host);
    let subsets = own
        .filter_map(|known| known.subset)
        .flat_map(|subset| &subset.notable);
    let fields = general.iter().flat_map(|rule| &rule.notable).chain(subsets);
    let mut seen = BTreeSet::new();
    for field in fields {
        if seen.insert(field.value) {
            caveats.push(policy(field.value, field.span));
        }
    }
}

/// Whether a controller writes the labels of the subset that tell its pods apart, or has written them.
fn is_labelled(
    index: &Index<'_>,
    known: &ResolvedDestination<'_>,
    caller: ProxyContext<'_>,
) -> bool {
    let Some(subset) = known.subset else {
        return false;
    };
    let name = &subset.name.value;
    let of_rule = |rule: &&DestinationRule| {
        let mut labelled = index.manifests.labelled_rules.iter();
        labelled.any(|one| {
            one.namespace == rule.meta.namespace
                && one.name == rule.meta.name
                && one.subsets.contains(name)
        })
    };
    subset.labels.contains_key(POD_HASH)
        || index.subsets(&known.host, caller).rules.iter().any(of_rule)
}

/// "Empty labels => ALL endpoints (silently makes the split meaningless)"; "two subsets with labels that overlap".
fn labels(
    items: &[WeightedDestination],
    all: &[ResolvedDestination<'_>],
    labelled: &[bool],
    caveats: &mut Vec<Note<AppliesTo>>,
) {
    if items.len() < 2 {
        return;
    }
    for (at, known) in all.iter().enumerate() {
        let Some(subset) = known.subset else { continue };
        let name = &subset.name.value;
        let before = &all[..at];
        if before
            .iter()
            .any(|one| one.host == known.host && one.subset_name == known.subset_name)
        {
            continue;
        }
        if subset.labels.is_empty() && !labelled[at] {
            let message = format!(
                "subset `{name}` has no labels, so that it is all pods of `{}`",
                known.host
            );
            let caveat = Note::about(Code::EmptySubset, message, Some(subset.name.span));
            caveats.push(caveat.help("give it the labels that its pods alone carry"));
            continue;
        }
        let same_host = (before.iter().zip(labelled)).filter(|(one, _)| one.host == known.host);
        let others = same_host
            // A controller gives two of its subsets labels that differ.
            .filter(|(_, other)| !(labelled[at] && **other))
            .filter_map(|(one, _)| one.subset)
            .filter(|one| !one.labels.is_empty());
        // A pod can carry the labels of both unless they disagree about one.
        let meets = |one: &&Subset| {
            selects(&one.labels, &subset.labels) || selects(&subset.labels, &one.labels)
        };
        if let Some(other) = others.into_iter().find(meets) {
            let message = format!(
                "pods of subset `{name}` are pods of subset `{}` too, by their labels: answers cannot be told apart",
                other.name.value
            );
            let caveat = Note::about(Code::OverlappingSubsets, message, Some(subset.name.span));
            caveats.push(
                caveat.help("give each subset a value of one label that the others do not have"),
            );
        }
    }
}

/// "subset selects no pod of the given Deployments/Pods", where pods of the Service are given at all.
fn without_pods(
    index: &Index<'_>,
    items: &[WeightedDestination],
    all: &[ResolvedDestination<'_>],
    labelled: &[bool],
    caveats: &mut Vec<Note<AppliesTo>>,
) {
    for ((item, known), labelled) in items.iter().zip(all).zip(labelled) {
        let (Some(name), Some(subset)) = (&item.subset, known.subset) else {
            continue;
        };
        if *labelled {
            // The templates of pods do not hold the label that the controller adds.
            continue;
        }
        let Some(why) = no_pods(index, known, &subset.labels) else {
            continue;
        };
        let labels: Vec<String> = subset
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let message = format!(
            "subset `{}` selects {why} of `{}` in these manifests ({}): its share is answered with 503",
            name.value,
            known.host,
            labels.join(",")
        );
        let caveat = Note::about(Code::SubsetWithoutPods, message, Some(subset.name.span));
        caveats
            .push(caveat.help("compare the labels of the subset with those of the pod templates"));
    }
}

/// What a subset selects instead of pods that run, where the manifests say it.
fn no_pods(
    index: &Index<'_>,
    known: &ResolvedDestination<'_>,
    labels: &BTreeMap<String, String>,
) -> Option<&'static str> {
    if no_endpoint_carries(&index.registry, &known.host, labels) {
        return Some("none of the endpoints");
    }
    let entries = index.registry.all(&known.host);
    let entries = entries.iter().filter_map(|one| match one {
        RegistryService::Entry(entry) => Some(*entry),
        RegistryService::Service(_) => None,
    });
    let mut listed = entries.flat_map(|entry| &entry.endpoints).peekable();
    if listed.peek().is_some() {
        let carried = listed.any(|own| selects(labels, own));
        return (!carried).then_some("none of the endpoints");
    }
    let whole = ResolvedDestination {
        host: known.host.clone(),
        subset_name: None,
        subset: None,
    };
    let own = workloads(index, known);
    if own.is_empty() {
        return (!workloads(index, &whole).is_empty()).then_some("none of the pods");
    }
    // What a Rollout or an autoscaler makes of the number is not known: it is what is declared.
    let replicas: u64 = own.iter().map(|one| one.replicas).sum();
    (replicas == 0).then_some("only workloads with 0 replicas")
}

/// "Same cluster twice in one split: shares add up."
fn twice(
    items: &[WeightedDestination],
    all: &[ResolvedDestination<'_>],
    caveats: &mut Vec<Note<AppliesTo>>,
) {
    let mut seen = BTreeSet::new();
    for (item, known) in items.iter().zip(all) {
        let port = item.port.as_ref().map(|port| port.value);
        if !seen.insert((&known.host, known.subset_name, port)) {
            let message = "this destination is listed twice in one split: its shares add up";
            caveats.push(Note::about(
                Code::SameClusterTwice,
                message,
                Some(item.host.span),
            ));
        }
    }
}

/// What a part of a traffic policy means for a run.
fn policy(key: &str, span: Span) -> Note<AppliesTo> {
    let (id, message) = match key {
        "outlierDetection" => (
            Code::OutlierDetection,
            "`outlierDetection` takes failing pods away for a while: where a destination has no other, its share becomes 503",
        ),
        "distribute" => (
            Code::LocalityDistribute,
            "`distribute` of `localityLbSetting` sends requests to the places that it lists: the share of a destination that has no pod in one of them becomes 503 (UH)",
        ),
        "connectionPool" => (
            Code::ConnectionPool,
            "`connectionPool` limits answer 503 by themselves under load, which belong to no destination",
        ),
        _ => (
            Code::ConsistentHash,
            "`consistentHash` ties requests to pods inside of a destination; the weights are still drawn for every request",
        ),
    };
    Note::about(id, message, Some(span))
}
