//! The targets that manifests know beside those that are declared for a request: other subsets of the same host, targets of
//! other rules, Services, workloads.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::Manifests;
use super::istio::{DestinationRule, HttpAction, Subset};
use super::kube::{Workload, selects};
use super::mesh::names::{called, covers, full_name};
use super::pod_labels::{Pods, disjoint};
use crate::diag::Sources;
use crate::route::{Action, Resolution, RouteTable, VirtualHost};
use crate::split::{
    Destination, Expected, Identifiers, KnownTarget, Target, TargetShare, contains_word,
};

/// More than these are not looked through for every value.
const MOST: usize = 500;

/// The targets that are known and not declared; those that are nearest to the request come first.
#[must_use]
pub fn known_targets(
    manifests: &Manifests,
    table: &RouteTable,
    resolution: &Resolution<'_>,
    expected: &Expected,
    sources: &Sources,
) -> Vec<KnownTarget> {
    let mut known = Search::new(manifests, sources, resolution, expected);
    if known.declared.is_empty() {
        return Vec::new();
    }
    known.routes(table, resolution.host, true);
    known.subsets();
    let tables = std::iter::once(table).chain(table.programmed.as_deref());
    for table in tables {
        for host in &table.hosts {
            known.routes(table, host, false);
        }
    }
    known.inactive_rules();
    known.services();
    known.workloads();
    known.finish()
}

/// What is found so far.
struct Search<'k> {
    manifests: &'k Manifests,
    sources: &'k Sources,
    /// The declared destinations, and those that the proxies do not have.
    declared: Vec<&'k Destination>,
    /// The pods of each of them: a cluster has many Services and workloads to hold against these.
    pods: Vec<Pods<'k>>,
    /// The object of the rule that takes the request.
    object: Option<&'k str>,
    /// The names of the host that is called.
    called: BTreeSet<&'k str>,
    /// Words that mean a declared target.
    taken: BTreeSet<&'k str>,
    found: Vec<KnownTarget>,
    /// Where they are in `found`, by host and subset.
    places: HashMap<(String, Option<String>), usize>,
    workloads: Vec<KnownTarget>,
}

impl<'k> Search<'k> {
    fn new(
        manifests: &'k Manifests,
        sources: &'k Sources,
        resolution: &Resolution<'k>,
        expected: &'k Expected,
    ) -> Self {
        let declared = expected.declared().iter();
        let destinations = declared.clone().filter_map(|one| match &one.target {
            Target::Destination(destination) => Some(destination),
            Target::Named(_) | Target::LocalReply(_) => None,
        });
        let broken = expected.undeliverable().destinations.iter();
        let words = |one: &'k TargetShare| {
            let identifiers = &one.identifiers;
            let words = (identifiers.names.iter())
                .chain(&identifiers.labels)
                .chain(&identifiers.workloads);
            words.map(String::as_str)
        };
        let all: Vec<&Destination> = destinations.chain(broken.map(|(one, _)| one)).collect();
        Self {
            manifests,
            sources,
            pods: all.iter().map(|one| Pods::of(manifests, one)).collect(),
            declared: all,
            object: resolution.route.map(|route| route.object),
            called: resolution.host.domains.iter().map(String::as_str).collect(),
            taken: declared.flat_map(words).collect(),
            found: Vec::new(),
            places: HashMap::new(),
            workloads: Vec::new(),
        }
    }

    /// Whether a destination is a declared one, or a part of one.
    fn is_declared(&self, host: &str, subset: Option<&str>) -> bool {
        self.declared.iter().any(|one| {
            one.host == host && (one.subset.is_none() || one.subset.as_deref() == subset)
        })
    }

    /// Whether subsets of the host are declared, so that its other subsets are something else.
    fn is_split(&self, host: &str) -> bool {
        self.declared.iter().any(|one| one.host == host) && !self.is_declared(host, None)
    }

    /// The destinations of the routes of a host; `own` is the host that takes the request.
    fn routes(&mut self, table: &RouteTable, host: &VirtualHost, own: bool) {
        let mut seen = HashSet::new();
        for route in &host.routes {
            let split = matches!(route.outcome.action, Action::Split(_));
            if !split || !seen.insert(Arc::as_ptr(&route.outcome)) || self.found.len() >= MOST {
                continue;
            }
            for declared in table.declared(route, self.sources).declared() {
                let Target::Destination(destination) = &declared.target else {
                    continue;
                };
                let rule = if self.object == Some(route.object.as_str()) {
                    route.rule.clone()
                } else {
                    format!("{} of {}", route.rule, route.object)
                };
                let origin = format!("{rule} ({})", self.sources.place(route.span));
                self.destination(destination, &declared.identifiers, &origin, own);
            }
        }
    }

    /// A destination of a rule.
    fn destination(
        &mut self,
        destination: &Destination,
        identifiers: &Identifiers,
        rule: &str,
        near: bool,
    ) {
        let (host, subset) = (destination.host.as_str(), destination.subset.as_deref());
        // What all of `web-v1` and `web-v2` is called may well be `web`.
        let common = |one: &&Destination| contains_word(one.service(), destination.service());
        let whole =
            subset.is_none() && (self.called.contains(host) || self.declared.iter().any(common));
        if whole || self.is_declared(host, subset) {
            return;
        }
        let sibling = self.is_split(host);
        // The name of a subset means it among the subsets of its host only.
        let own = |name: &&String| {
            !self.taken.contains(name.as_str()) && (sibling || Some(name.as_str()) != subset)
        };
        let names: BTreeSet<String> = identifiers.names.iter().filter(own).cloned().collect();
        let word = match subset {
            Some(subset) => Some(subset).filter(|_| sibling),
            None => Some(destination.service()).filter(|_| near),
        };
        let what = subset.map_or("destination", |_| "subset");
        self.add(
            destination.clone(),
            KnownTarget {
                origin: format!("the {what} of {rule}"),
                target: Some(Target::Destination(destination.clone())),
                identifiers: Identifiers {
                    names,
                    workloads: (identifiers.workloads.iter())
                        .filter(|name| !self.taken.contains(name.as_str()))
                        .cloned()
                        .collect(),
                    ..Identifiers::default()
                },
                words: (word.into_iter())
                    .filter(|word| !self.taken.contains(word))
                    .map(str::to_owned)
                    .collect(),
            },
        );
    }

    /// The other subsets of the hosts whose subsets are declared.
    fn subsets(&mut self) {
        for rule in &self.manifests.destination_rules {
            let pattern = full_name(&rule.host.value, &rule.meta.namespace);
            let hosts: BTreeSet<&str> = (self.declared.iter())
                .map(|one| one.host.as_str())
                .filter(|host| covers(&pattern, host) && self.is_split(host))
                .collect();
            for host in hosts {
                for subset in &rule.subsets {
                    self.subset(rule, host, subset);
                }
            }
        }
    }

    fn subset(&mut self, rule: &DestinationRule, host: &str, subset: &Subset) {
        let name = subset.name.value.as_str();
        if self.is_declared(host, Some(name)) {
            return;
        }
        let own = |value: &&String| {
            let mut others = rule.subsets.iter().filter(|other| other.name.value != name);
            !self.taken.contains(value.as_str())
                && !others.any(|other| other.labels.values().any(|other| other == *value))
        };
        let labels: BTreeSet<String> = subset.labels.values().filter(own).cloned().collect();
        let name = Some(name.to_owned()).filter(|name| !self.taken.contains(name.as_str()));
        let place = self.sources.place(subset.name.span);
        self.add(
            Destination {
                host: host.to_owned(),
                port: None,
                subset: Some(subset.name.value.clone()),
            },
            KnownTarget {
                origin: format!("a subset of {} ({place})", rule.meta),
                target: None,
                words: name.iter().chain(&labels).cloned().collect(),
                identifiers: Identifiers {
                    names: name.into_iter().collect(),
                    labels,
                    ..Identifiers::default()
                },
            },
        );
    }

    /// Rules that do not apply from where the request is sent.
    fn inactive_rules(&mut self) {
        for service in &self.manifests.virtual_services {
            let home = &service.meta.namespace;
            for (at, http) in service.http.iter().enumerate() {
                let HttpAction::Route(items) = &http.action else {
                    continue;
                };
                let place = self.sources.place(http.span);
                let rule = format!("http[{at}] of {} ({place})", service.meta);
                for item in items {
                    let host = full_name(&item.host.value, home);
                    let subset = item.subset.as_ref().map(|subset| subset.value.clone());
                    let mut names = called(&host);
                    names.extend(subset.clone());
                    let identifiers = Identifiers {
                        names,
                        ..Identifiers::default()
                    };
                    let destination = Destination {
                        host,
                        port: None,
                        subset,
                    };
                    self.destination(&destination, &identifiers, &rule, false);
                }
            }
        }
    }

    /// Services that none of the declared pods is behind.
    fn services(&mut self) {
        for service in &self.manifests.services {
            let meta = &service.meta;
            let host = full_name(&meta.name, &meta.namespace);
            let apart = |pods: &Pods<'_>| {
                let carried = pods.carried.as_ref();
                carried.is_some_and(|labels| disjoint(labels, &service.selector))
            };
            let own = self.declared.iter().any(|one| one.host == host);
            if own || self.called.contains(host.as_str()) || !self.pods.iter().all(apart) {
                continue;
            }
            let names = called(&host).into_iter();
            let names = names.filter(|name| !self.taken.contains(name.as_str()));
            let identifiers = Identifiers {
                names: names.collect(),
                ..Identifiers::default()
            };
            let place = self.sources.place(meta.span);
            self.add(
                Destination {
                    host,
                    port: None,
                    subset: None,
                },
                KnownTarget {
                    origin: format!("{meta} ({place})"),
                    target: None,
                    identifiers,
                    words: Vec::new(),
                },
            );
        }
    }

    /// Workloads whose pods are behind none of the declared destinations.
    fn workloads(&mut self) {
        for workload in &self.manifests.workloads {
            let name = &workload.meta.name;
            let apart = |pods: &Pods<'_>| {
                let carried = pods.carried.as_ref();
                carried.is_some_and(|labels| !selects(labels, &workload.labels))
            };
            if self.taken.contains(name.as_str()) || !self.pods.iter().all(apart) {
                continue;
            }
            let labels = self.distinct_labels(workload);
            let place = self.sources.place(workload.meta.span);
            self.workloads.push(KnownTarget {
                origin: format!("{} ({place})", workload.meta),
                target: None,
                words: labels.iter().cloned().collect(),
                identifiers: Identifiers {
                    names: [name.clone()].into(),
                    labels,
                    workloads: [name.clone()].into(),
                },
            });
        }
    }

    /// The values of a workload of the same Service for the labels that the declared subsets are told apart by.
    fn distinct_labels(&self, workload: &Workload) -> BTreeSet<String> {
        let mut distinct_labels = BTreeSet::new();
        for pods in &self.pods {
            let Some(subset) = pods.subset else {
                continue;
            };
            let behind = pods.service.is_some_and(|selector| {
                !selector.is_empty() && selects(selector, &workload.labels)
            });
            if behind {
                let values = subset.keys().filter_map(|key| workload.labels.get(key));
                distinct_labels.extend(
                    values
                        .filter(|value| !self.taken.contains(value.as_str()))
                        .cloned(),
                );
            }
        }
        distinct_labels
    }

    /// Adds a target, or what is new about one that is known.
    fn add(&mut self, destination: Destination, known: KnownTarget) {
        let place = (destination.host, destination.subset);
        let first = match self.places.entry(place) {
            Entry::Vacant(place) => {
                place.insert(self.found.len());
                self.found.push(known);
                return;
            }
            Entry::Occupied(place) => &mut self.found[*place.get()],
        };
        first.identifiers.names.extend(known.identifiers.names);
        first.identifiers.labels.extend(known.identifiers.labels);
        first
            .identifiers
            .workloads
            .extend(known.identifiers.workloads);
        for word in known.words {
            if !first.words.contains(&word) {
                first.words.push(word);
            }
        }
        first.target = first.target.take().or(known.target);
    }

    fn finish(self) -> Vec<KnownTarget> {
        let named = |known: &KnownTarget| !known.name().is_empty();
        let mut known: Vec<KnownTarget> = (self.found.into_iter())
            .chain(self.workloads)
            .filter(named)
            .collect();
        known.truncate(MOST);
        known
    }
}
