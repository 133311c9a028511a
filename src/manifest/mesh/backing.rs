//! The pods behind the Services of a split, as far as the manifests say: a Service without any answers nothing, and two
//! Services with the same pods cannot be told apart.

use std::collections::{BTreeMap, BTreeSet};

use super::names::service_of;
use super::registry::Registry;
use crate::diag::{Code, Note, Span};
use crate::manifest::endpoints::Address;
use crate::manifest::kube::{Service, selects};
use crate::route::AppliesTo;

/// One Service of a split that is a destination as a whole.
pub(in crate::manifest) struct Whole<'a> {
    /// Its full host name.
    pub(in crate::manifest) host: &'a str,
    /// Where the split names it.
    pub(in crate::manifest) span: Span,
}

/// What is known about the pods behind a Service.
enum Pods {
    /// There are some.
    Some,
    /// There are none, and why.
    None(String),
    /// The manifests do not hold them.
    Unknown,
}

/// What is to be known about the pods of Services that share the requests of a split.
pub(in crate::manifest) fn backing(
    registry: &Registry<'_>,
    all: &[Whole<'_>],
) -> Vec<Note<AppliesTo>> {
    let mut found = Vec::new();
    let services: Vec<(&Whole<'_>, &Service)> = all
        .iter()
        .filter_map(|one| Some((one, registry.service(one.host)?)))
        .collect();
    let given = services
        .iter()
        .any(|(_, service)| !registry.selected(service).is_empty());
    for (one, service) in &services {
        if let Pods::None(why) = pods(registry, service, given) {
            let message = format!("{why}: the share of {} is answered with 503", service.meta);
            let caveat = Note::about(Code::NoEndpoints, message, Some(one.span));
            found.push(
                caveat.help(
                    "compare the selector of the Service with the labels of the pod templates",
                ),
            );
        }
    }
    let steered: BTreeSet<(&str, &str)> = registry.steered();
    for (at, (one, service)) in services.iter().enumerate() {
        let name = (service.meta.namespace.as_str(), service.meta.name.as_str());
        let shared = services[..at].iter().find(|(_, other)| {
            let both = other.meta.namespace == service.meta.namespace
                && other.meta.name != service.meta.name;
            let any = !service.selector.is_empty() && !other.selector.is_empty();
            let meets = selects(&service.selector, &other.selector)
                || selects(&other.selector, &service.selector);
            both && any && meets
        });
        // A controller completes the selectors of the Services that it moves pods between.
        // Without any pods, that controller may be in another file.
        if let Some((_, other)) = shared.filter(|_| given && !steered.contains(&name)) {
            let message = format!(
                "pods of {} are pods of {} too, by their selectors: answers cannot be told apart",
                service.meta, other.meta
            );
            let caveat = Note::about(Code::SharedPods, message, Some(one.span))
                .at(service.meta.span, "this Service");
            found.push(caveat.help(
                "give each Service a value of one label that the pods of the others do not have",
            ));
        }
    }
    found
}

fn pods(registry: &Registry<'_>, service: &Service, given: bool) -> Pods {
    let meta = &service.meta;
    if service.external_name.is_some() {
        return Pods::Unknown;
    }
    if let Some(addresses) = registry.addresses(service) {
        return match addresses {
            0 => Pods::None(format!(
                "the endpoints of {meta} in these manifests hold no ready address"
            )),
            _ => Pods::Some,
        };
    }
    if service.selector.is_empty() {
        let why = format!("{meta} has no selector, and these manifests hold no Endpoints for it");
        return if given {
            Pods::None(why)
        } else {
            Pods::Unknown
        };
    }
    let selected = registry.selected(service);
    match selected.iter().map(|one| one.replicas).sum::<u64>() {
        0 if !selected.is_empty() => {
            Pods::None(format!("the workloads that {meta} selects have 0 replicas"))
        }
        0 if given => {
            let labels: Vec<String> = (service.selector.iter())
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            Pods::None(format!(
                "{meta} selects none of the pods in these manifests ({})",
                labels.join(",")
            ))
        }
        0 => Pods::Unknown,
        _ => Pods::Some,
    }
}

/// Whether no endpoint of a Service carries labels, where the manifests hold its endpoints and the pods behind them.
pub(in crate::manifest) fn no_endpoint_carries(
    registry: &Registry<'_>,
    host: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    let Some((service, (_, namespace))) = registry.service(host).zip(service_of(host)) else {
        return false;
    };
    let objects = registry.endpoints_of(service);
    let mut addresses = objects.iter().flat_map(|one| &one.ready);
    let carried = |address: &Address| match &address.pod {
        // An address that is of no pod has no labels.
        None => Some(labels.is_empty()),
        Some(name) => {
            let pod = registry.pod(namespace, name)?;
            Some(selects(labels, &pod.labels))
        }
    };
    !objects.is_empty() && addresses.all(|address| carried(address) == Some(false))
}
