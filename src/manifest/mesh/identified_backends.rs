//! Backends that are Services as the backends of a route, with everything by which their responses may be recognised.

use std::collections::BTreeSet;

use super::names::{called, full_name};
use super::registry::Registry;
use super::weighted_backend::WeightedBackend;
use crate::route::Backend;
use crate::split::{Destination, Identifiers};

/// The backends of a route. A word gives a backend away only where none of the others shares it.
pub(in crate::manifest) fn identified_backends(
    registry: &Registry<'_>,
    all: &[WeightedBackend],
) -> Vec<Backend> {
    let hosts: Vec<String> = all
        .iter()
        .map(|backend| full_name(&backend.service, &backend.namespace))
        .collect();
    let all = all.iter().zip(&hosts);
    let words: Vec<Words> = all
        .clone()
        .map(|(backend, host)| Words::of(registry, backend, host))
        .collect();
    let backend = |((backend, host), own): ((&WeightedBackend, &String), &Words)| {
        let of = (host, &backend.subset);
        let others = all.clone().zip(&words);
        let others = others.filter(|((other, host), _)| (*host, &other.subset) != of);
        let others: Vec<&Words> = others.map(|(_, words)| words).collect();
        let only = |kind: fn(&Words) -> &BTreeSet<String>| {
            let mut found = kind(own).clone();
            found.retain(|word| !others.iter().any(|other| kind(other).contains(word)));
            found
        };
        let only_port = registry.service(host).and_then(|service| {
            let [port] = &service.ports[..] else {
                return None;
            };
            Some(port.port.value)
        });
        Backend {
            destination: Destination {
                host: host.clone(),
                port: backend.port.or(only_port),
                subset: backend.subset.clone(),
            },
            weight: backend.weight,
            identifiers: Identifiers {
                names: names(host, backend),
                labels: only(|words| &words.labels),
                workloads: only(|words| &words.workloads),
            },
            broken: None,
        }
    };
    all.clone().zip(&words).map(backend).collect()
}

/// Words of a backend, not yet compared with those of the others.
struct Words {
    labels: BTreeSet<String>,
    workloads: BTreeSet<String>,
}

impl Words {
    /// Its own words, those of its name, and the labels and workloads of its Service.
    fn of(registry: &Registry<'_>, backend: &WeightedBackend, host: &str) -> Self {
        let service = registry.service(host);
        let selector = service.map(|service| &service.selector);
        let mut labels = backend.identifiers.labels.clone();
        labels.extend(selector.into_iter().flat_map(|one| one.values().cloned()));
        let parts = backend.service.split(|c: char| !c.is_ascii_alphanumeric());
        labels.extend(parts.filter(|part| part.len() > 1).map(str::to_owned));
        let mut workloads = backend.identifiers.workloads.clone();
        if backend.subset.is_none() {
            let pods = registry.workloads(&backend.namespace, selector.into_iter().flatten());
            workloads.extend(pods.iter().map(|workload| workload.meta.name.clone()));
        }
        Self { labels, workloads }
    }
}

fn names(host: &str, backend: &WeightedBackend) -> BTreeSet<String> {
    let mut names = backend.identifiers.names.clone();
    match &backend.subset {
        Some(subset) => {
            names.insert(subset.clone());
        }
        None => names.extend(called(host)),
    }
    names
}
