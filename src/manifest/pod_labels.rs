//! The labels that the pods of a destination carry, as far as the manifests say.

use std::collections::BTreeMap;

use super::Manifests;
use super::mesh::names::{covers, full_name, service_of};
use crate::split::Destination;

/// What the manifests say about the pods of a destination.
pub(super) struct Pods<'k> {
    /// The selector of its Service.
    pub(super) service: Option<&'k Labels>,
    /// The labels of its subset.
    pub(super) subset: Option<&'k Labels>,
    /// The labels that they carry, as far as the manifests say; `None` where they say nothing.
    pub(super) carried: Option<Labels>,
}

pub(super) type Labels = BTreeMap<String, String>;

impl<'k> Pods<'k> {
    pub(super) fn of(manifests: &'k Manifests, one: &Destination) -> Self {
        let (service, subset) = (selector_of(manifests, &one.host), subset_of(manifests, one));
        let selector = service.filter(|selector| !selector.is_empty());
        let known = selector.is_some() || subset.is_some();
        let labels = selector.into_iter().chain(subset).flatten();
        Self {
            service,
            subset,
            carried: known.then(|| {
                labels
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect()
            }),
        }
    }
}

fn selector_of<'k>(manifests: &'k Manifests, host: &str) -> Option<&'k Labels> {
    let (name, namespace) = service_of(host)?;
    let mut services = manifests.services.iter();
    let found = services.find(|one| one.meta.name == name && one.meta.namespace == namespace);
    found.map(|service| &service.selector)
}

fn subset_of<'k>(manifests: &'k Manifests, one: &Destination) -> Option<&'k Labels> {
    let name = one.subset.as_deref()?;
    let mut rules = manifests.destination_rules.iter().filter(|rule| {
        covers(
            &full_name(&rule.host.value, &rule.meta.namespace),
            &one.host,
        )
    });
    let subset = rules.find_map(|rule| {
        let mut subsets = rule.subsets.iter();
        subsets.find(|subset| subset.name.value == name)
    })?;
    Some(&subset.labels)
}

/// Whether no pod carries both sets of labels.
pub(super) fn disjoint(one: &Labels, other: &Labels) -> bool {
    let differs = |(key, value): (&String, &String)| other.get(key).is_some_and(|own| own != value);
    one.iter().any(differs)
}
