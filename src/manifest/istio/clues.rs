//! The words by which an answer may give away the destination it came from.

use std::collections::BTreeSet;

use super::attach;
use super::destination_rule::Subset;
use crate::manifest::Manifests;
use crate::split::Clues;

/// One destination of a split, as far as clues need it.
pub(super) struct Known<'m> {
    /// The full host name.
    pub(super) host: String,
    /// The name of the subset, defined or not.
    pub(super) subset_name: Option<&'m str>,
    /// The subset, where a DestinationRule defines it.
    pub(super) subset: Option<&'m Subset>,
}

/// The clues of one destination next to all destinations of its split. Names with a port are added when it is known.
pub(super) fn clues(manifests: &Manifests, own: &Known<'_>, all: &[Known<'_>]) -> Clues {
    Clues {
        names: names(own),
        labels: labels(own, all),
        workloads: workloads(manifests, own),
    }
}

fn names(own: &Known<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::from([own.host.clone()]);
    names.extend(own.subset_name.map(str::to_owned));
    if let Some((service, namespace)) = attach::service_of(&own.host) {
        names.insert(service.to_owned());
        names.insert(format!("{service}.{namespace}"));
    }
    names
}

/// The values of the subset's labels that no other destination of the split has.
fn labels(own: &Known<'_>, all: &[Known<'_>]) -> BTreeSet<String> {
    let same = |other: &Known<'_>| other.host == own.host && other.subset_name == own.subset_name;
    let taken: BTreeSet<&String> = all
        .iter()
        .filter(|other| !same(other))
        .filter_map(|other| other.subset)
        .flat_map(|s| s.labels.values())
        .collect();
    let values = own
        .subset
        .into_iter()
        .flat_map(|subset| subset.labels.values());
    values
        .filter(|value| !taken.contains(value))
        .cloned()
        .collect()
}

/// The workloads whose pods the destination selects.
fn workloads(manifests: &Manifests, own: &Known<'_>) -> BTreeSet<String> {
    let Some((_, namespace)) = attach::service_of(&own.host) else {
        return BTreeSet::new();
    };
    let selector = attach::service(manifests, &own.host).map(|service| &service.selector);
    let subset = own.subset.map(|subset| &subset.labels);
    if own.subset_name.is_some() && subset.is_none() {
        return BTreeSet::new();
    }
    let asked = || selector.into_iter().chain(subset).flatten();
    if asked().next().is_none() {
        return BTreeSet::new();
    }
    manifests
        .workloads
        .iter()
        .filter(|workload| workload.meta.namespace == namespace)
        .filter(|workload| asked().all(|(key, value)| workload.labels.get(key) == Some(value)))
        .map(|workload| workload.meta.name.clone())
        .collect()
}
