//! The findings that concern one request: those about its host, its route, and what stands behind its destinations.

use std::collections::BTreeSet;

use super::{Context, Finding, check};
use crate::diag::Severity;
use crate::manifest::kube::selects;
use crate::manifest::{covers, full_name};
use crate::route::{Origin, Resolution};
use crate::split::Target;

/// What may keep the split of this very request from taking effect, the worst first. The context is one that was asked
/// about the same request: [`Context::from`] and [`Context::with_request`].
#[must_use]
pub fn about(context: &Context<'_>, resolution: &Resolution<'_>) -> Vec<Finding> {
    let objects = objects(context, resolution);
    let routes: BTreeSet<_> = resolution.taking().map(|route| route.span).collect();
    let mut findings = check(context);
    findings.retain(|finding| {
        // What is in no object is about the vantage that was asked for.
        let own = (finding.object.as_ref())
            .map_or(finding.place().is_none(), |object| objects.contains(object));
        own && finding.route.is_none_or(|route| routes.contains(&route))
    });
    findings.retain(|finding| finding.severity() != Severity::Info);
    findings.sort_by_key(Finding::severity);
    findings
}

/// What is known about the client of a request that no rule takes.
#[must_use]
pub fn about_client(context: &Context<'_>) -> Vec<Finding> {
    let clients = clients(context);
    let mut findings = check(context);
    findings.retain(|finding| {
        let own = (finding.object.as_ref())
            .map_or(finding.place().is_none(), |object| clients.contains(object));
        own && finding.severity() == Severity::Error
    });
    findings
}

/// The objects that this request uses.
fn objects(context: &Context<'_>, resolution: &Resolution<'_>) -> BTreeSet<String> {
    let mut objects: BTreeSet<String> = resolution.host.objects.iter().cloned().collect();
    objects.extend(resolution.taking().map(|route| route.object.to_owned()));
    let expected = resolution.expected(context.sources);
    let mut hosts: BTreeSet<&str> = resolution.host.domains.iter().map(String::as_str).collect();
    hosts.extend(
        expected
            .declared()
            .iter()
            .filter_map(|declared| match &declared.target {
                Target::Destination(destination) => Some(destination.host.as_str()),
                Target::LocalReply(_) | Target::Named(_) => None,
            }),
    );
    for host in &hosts {
        objects.extend(
            context
                .service(host)
                .map(|service| service.meta.to_string()),
        );
    }
    for rule in &context.manifests.destination_rules {
        if hosts.contains(full_name(&rule.host.value, &rule.meta.namespace).as_str()) {
            objects.insert(rule.meta.to_string());
        }
    }
    for entry in &context.manifests.service_entries {
        let named = |host: &&str| {
            let mut names = entry.hosts.iter();
            names.any(|name| covers(&name.value.to_lowercase(), host))
        };
        if hosts.iter().any(named) {
            objects.insert(entry.meta.to_string());
        }
    }
    if let Some(Origin::Gateway { namespace, name }) =
        context.asked.as_ref().map(|asked| &asked.origin)
    {
        objects.insert(format!("Gateway {namespace}/{name}"));
    }
    // Who sends the request is as much a part of it as who receives it.
    objects.extend(clients(context));
    objects
}

/// The workloads of these manifests that the client is said to be one of.
fn clients(context: &Context<'_>) -> BTreeSet<String> {
    let Some(Origin::Mesh {
        labels: Some(labels),
        ..
    }) = context.asked.as_ref().map(|asked| &asked.origin)
    else {
        return BTreeSet::new();
    };
    let workloads = context.manifests.workloads.iter();
    let clients = workloads.filter(|workload| selects(labels, &workload.labels));
    clients.map(|client| client.meta.to_string()).collect()
}
