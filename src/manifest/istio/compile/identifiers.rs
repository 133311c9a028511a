//! The words by which a response may give away the destination it came from.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::index::Index;
use crate::manifest::istio::objects::Subset;
use crate::manifest::kube::Workload;
use crate::manifest::mesh::names::{called, service_of};
use crate::manifest::mesh::registry_service::RegistryService;
use crate::split::Identifiers;

/// One destination of a split, as far as identifiers need it.
pub(super) struct ResolvedDestination<'m> {
    /// The full host name.
    pub(super) host: String,
    /// The name of the subset, defined or not.
    pub(super) subset_name: Option<&'m str>,
    /// The subset, where a DestinationRule defines it.
    pub(super) subset: Option<&'m Subset>,
}

/// Which label values tell one destination of a split from the others.
pub(super) struct DistinctLabels<'k>(HashMap<&'k str, Option<Of<'k>>>);

/// A destination by its host and the name of its subset.
type Of<'k> = (&'k str, Option<&'k str>);

impl<'k> DistinctLabels<'k> {
    /// Reads the labels of all destinations of a split.
    pub(super) fn among(all: &'k [ResolvedDestination<'_>]) -> Self {
        let mut owners: HashMap<&str, Option<Of<'k>>> = HashMap::new();
        for known in all {
            let values = known.subset.into_iter().flat_map(|s| s.labels.values());
            for value in values {
                let owner = owners.entry(value).or_insert(Some(known.of()));
                *owner = owner.filter(|owner| *owner == known.of());
            }
        }
        Self(owners)
    }
}

impl ResolvedDestination<'_> {
    fn of(&self) -> Of<'_> {
        (&self.host, self.subset_name)
    }
}

/// The identifiers of one destination next to all destinations of its split. Names with a port are added when it is known.
pub(super) fn identifiers(
    index: &Index<'_>,
    own: &ResolvedDestination<'_>,
    distinct: &DistinctLabels<'_>,
) -> Identifiers {
    Identifiers {
        names: names(own),
        labels: labels(own, distinct),
        workloads: workloads(index, own)
            .into_iter()
            .map(|workload| workload.meta.name.clone())
            .collect(),
    }
}

fn names(own: &ResolvedDestination<'_>) -> BTreeSet<String> {
    let mut names = called(&own.host);
    names.extend(own.subset_name.map(str::to_owned));
    names
}

/// The values of the subset's labels that no other destination of the split has.
fn labels(own: &ResolvedDestination<'_>, distinct: &DistinctLabels<'_>) -> BTreeSet<String> {
    let values = own
        .subset
        .into_iter()
        .flat_map(|subset| subset.labels.values());
    values
        .filter(|value| distinct.0.get(value.as_str()) == Some(&Some(own.of())))
        .cloned()
        .collect()
}

/// The workloads whose pods the destination selects.
pub(super) fn workloads<'m>(index: &Index<'m>, own: &ResolvedDestination<'_>) -> Vec<&'m Workload> {
    if own.subset_name.is_some() && own.subset.is_none() {
        return Vec::new();
    }
    let Some((namespace, selector)) = selected(index, &own.host) else {
        return Vec::new();
    };
    let subset = own.subset.map(|subset| &subset.labels);
    index
        .registry
        .workloads(namespace, selector.into_iter().chain(subset).flatten())
}

/// The namespace of a host's pods, and the labels that its Service or `ServiceEntry` selects them by, where that is given;
/// `None` for a host that selects no pods.
pub(super) fn selected<'i>(
    index: &'i Index<'_>,
    host: &'i str,
) -> Option<(&'i str, Option<&'i BTreeMap<String, String>>)> {
    let all = index.registry.all(host);
    let entry = all.iter().find_map(|one| match one {
        RegistryService::Entry(entry) if !entry.selector.is_empty() => Some(*entry),
        _ => None,
    });
    match (service_of(host), entry) {
        (Some((_, namespace)), _) => {
            let service = index.registry.service(host);
            Some((namespace, service.map(|service| &service.selector)))
        }
        (None, Some(entry)) => Some((entry.meta.namespace.as_str(), Some(&entry.selector))),
        (None, None) => None,
    }
}
