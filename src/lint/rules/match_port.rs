//! A part of RS025: routes for every port of a Service, and hosts that are compared with their port.

use crate::diag::{Code, Severity};
use crate::lint::{Context, Finding};
use crate::manifest::full_name;
use crate::manifest::istio::{HttpAction, HttpRoute, VirtualService};
use crate::manifest::kube::{Carries, Service};
use crate::route::{Condition, Test, TextMatch};

pub(super) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for service in &context.manifests.virtual_services {
        let own = hosts(context, service);
        for http in &service.http {
            let moved = moved(context, service, http, &own);
            findings.extend(moved.map(|finding| finding.of_route(http.span)));
            let conditions = http.matches.iter().flat_map(|one| &one.conditions);
            let bare = conditions.filter_map(|condition| bare(condition, &own));
            findings.extend(bare.map(|finding| finding.of_route(http.span)));
        }
    }
}

/// The Services that a rule of the mesh is about.
fn hosts<'c>(context: &Context<'c>, service: &VirtualService) -> Vec<&'c Service> {
    let mesh = |gateway: &str| gateway == "mesh";
    let bound = service.gateways.is_empty() || service.gateways.iter().any(|one| mesh(&one.value));
    let hosts = service.hosts.iter().filter(|_| bound);
    let full = hosts.map(|host| full_name(&host.value, &service.meta.namespace));
    full.filter_map(|host| context.service(&host)).collect()
}

/// The numbers of the ports that carry HTTP, as far as that is declared.
fn http_ports(service: &Service) -> Vec<u16> {
    let ports = service.ports.iter();
    let http = ports.filter(|port| port.carries() == Carries::Http);
    http.map(|port| port.port.value).collect()
}

/// A route that takes the calls to every port, and has one port for all of them, where its destinations have the others too.
fn moved(
    context: &Context<'_>,
    rule: &VirtualService,
    http: &HttpRoute,
    own: &[&Service],
) -> Option<Finding> {
    let HttpAction::Route(items) = &http.action else {
        return None;
    };
    if http.matches.iter().any(|one| one.port.is_some()) {
        return None;
    }
    let port = items.first()?.port.as_ref()?;
    let mut to = Vec::new();
    for item in items {
        let same = item
            .port
            .as_ref()
            .is_some_and(|one| one.value == port.value);
        let host = full_name(&item.host.value, &rule.meta.namespace);
        to.push(context.service(&host).filter(|_| same)?);
    }
    let (service, other) = own.iter().find_map(|service| {
        let ports = http_ports(service);
        let mut others = ports.iter().filter(|_| ports.contains(&port.value));
        let other = others.find(|one| {
            let has = |service: &&Service| http_ports(service).contains(one);
            **one != port.value && to.iter().all(has)
        })?;
        Some((service, *other))
    })?;
    let message = format!(
        "the route takes calls to port {other} of {} too, and sends them to port {} of {}",
        service.meta, port.value, items[0].host.value
    );
    let help = format!(
        "leave out `port` of the destinations, which keeps the one that is called, or match on `port: {}`",
        port.value
    );
    Some(
        Finding::new(Code::Rs025, message)
            .at(port.span, "")
            .help(help),
    )
}

/// A host without a port, which is none of those that clients send to other ports than 80.
fn bare(condition: &Condition, own: &[&Service]) -> Option<Finding> {
    let Test::Authority(TextMatch::Exact { text, .. }) = &condition.test else {
        return None;
    };
    if condition.field == "sniHosts" || text.contains(':') {
        return None;
    }
    let ports: Vec<u16> = own.iter().flat_map(|service| http_ports(service)).collect();
    let other = ports.iter().find(|port| **port != 80).copied();
    let message = match other {
        Some(port) => format!(
            "`authority` is compared with the whole `Host`, which has the port here: `{text}` does not take requests to `{text}:{port}`"
        ),
        None => format!(
            "`authority` is compared with the whole `Host`, which has the port where that is not 80 or 443: `{text}` does not take requests to `{text}:8080`"
        ),
    };
    let severity = match other {
        Some(_) => Severity::Warning,
        None => Severity::Info,
    };
    let help =
        format!("write `prefix: {text}`, or leave it out where `hosts` has the name already");
    let found = Finding::new(Code::Rs025, message).with_severity(severity);
    Some(found.at(condition.span, "").help(help))
}
