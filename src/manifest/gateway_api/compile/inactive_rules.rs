//! Routes that do not apply from where they are looked at, with why and what to do.

use super::backends::BackendResolver;
use super::index::Index;
use crate::diag::{Code, Note};
use crate::manifest::gateway_api::objects::{
    ApiRoute, BackendRef, ParentKind, ParentRef, RouteKind,
};
use crate::manifest::mesh::names::domains;
use crate::route::{Implementation, InactiveRule};

/// Why Istio drops a route as a whole: "a hard error of one rule leaves no routes at all".
pub(super) fn dropped(index: &Index<'_>, route: &ApiRoute, mesh: bool) -> Option<String> {
    mirrored_nowhere(index, route, mesh).or_else(|| unsupported(route))
}

/// A mirror of a GRPCRoute that leads nowhere is an error of the whole route; that of an HTTPRoute is left out.
fn mirrored_nowhere(index: &Index<'_>, route: &ApiRoute, mesh: bool) -> Option<String> {
    if route.kind != RouteKind::Grpc {
        return None;
    }
    let implementation = Implementation::Istio;
    route.rules.iter().enumerate().find_map(|(number, rule)| {
        let resolver = BackendResolver {
            index,
            route,
            rule,
            implementation,
            mesh,
        };
        let wrong = |mirror: &BackendRef| {
            let (_, wrong) = resolver.follow(mirror);
            wrong.is_some_and(|wrong| wrong.code != Code::ClosedBackendPort)
        };
        let mut mirrors = rule.mirrors.iter().map(|(mirror, _)| mirror);
        let mirror = mirrors.find(|mirror| wrong(mirror))?;
        Some(format!(
            "is dropped as a whole: `rules[{number}]` mirrors to {} {}, which Istio does not find or may not use",
            mirror.kind.value, mirror.name.value
        ))
    })
}

fn unsupported(route: &ApiRoute) -> Option<String> {
    let mut rules = route.rules.iter().enumerate();
    let (number, filter) =
        rules.find_map(|(number, rule)| Some((number, rule.special.as_ref()?)))?;
    Some(format!(
        "is dropped as a whole: `rules[{number}]` has a filter of type {}, which Istio does not support there",
        filter.value
    ))
}

/// Why a route gives way to one of the other kind.
pub(super) fn not_accepted(route: &ApiRoute, older: &ApiRoute) -> String {
    let why = if route.meta.created.is_some() && route.meta.created != older.meta.created {
        "which is older"
    } else {
        "which comes first by name"
    };
    format!(
        "is not accepted: {}, {why}, has the same hosts, and an HTTPRoute and a GRPCRoute cannot share one",
        older.object()
    )
}

/// A route that asks for other parents only.
pub(super) fn bound_to_others(route: &ApiRoute) -> InactiveRule {
    let home = &route.meta.namespace;
    let Some(first) = route.parents.first() else {
        let help = "name the Gateway or the Service under `spec.parentRefs`".to_owned();
        return inactive_rule(route, Code::RefusedRule, "has no `parentRefs`", Some(help));
    };
    let foreign = |parent: &&ParentRef| matches!(&parent.kind, ParentKind::Other(kind) if kind.ends_with(" Service"));
    if let Some(parent) = route.parents.iter().find(foreign) {
        let why = format!(
            "is bound to {}, which is no kind that routes are attached to: a Service is of the core group",
            parent.called(home)
        );
        let help = "write `group: \"\"` beside `kind: Service`".to_owned();
        return inactive_rule(route, Code::RefusedRule, &why, Some(help));
    }
    let called: Vec<String> = route
        .parents
        .iter()
        .map(|parent| {
            if parent.in_mesh() {
                format!("the mesh ({})", parent.called(home))
            } else {
                parent.called(home)
            }
        })
        .collect();
    let why = format!("is bound to {} only", called.join(" and "));
    let is_gateway = |parent: &&ParentRef| parent.kind == ParentKind::Gateway;
    let help = match route.parents.iter().find(is_gateway) {
        Some(parent) => Some(at(parent, home)),
        None if first.in_mesh() => {
            Some("judge the request from the mesh: leave out `--gateway`".to_owned())
        }
        None => None,
    };
    inactive_rule(route, Code::BoundElsewhere, &why, help)
}

/// The next step that leads to a gateway.
pub(super) fn at(gateway: &ParentRef, home: &str) -> String {
    format!(
        "judge the request from there with `--gateway {}/{}`",
        gateway.namespace(home),
        gateway.name.value
    )
}

/// A route that does not apply from here, with the hosts that it would have.
pub(super) fn inactive_rule(
    route: &ApiRoute,
    code: Code,
    why: &str,
    help: Option<String>,
) -> InactiveRule {
    let object = route.object();
    let home = &route.meta.namespace;
    let mut hosts: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for parent in route.parents.iter().filter(|parent| parent.in_mesh()) {
        let namespace = parent.namespace(home);
        let host = format!("{}.{namespace}.svc.cluster.local", parent.name.value);
        names.extend(domains(&host, home));
        hosts.push(parent.name.value.clone());
    }
    let at_gateways = route.parents.iter().any(|parent| !parent.in_mesh());
    if at_gateways || route.parents.is_empty() {
        hosts.extend(route.hostnames.iter().map(|name| name.value.clone()));
        names.extend(route.hostnames.iter().map(|name| name.value.to_lowercase()));
        if route.hostnames.is_empty() {
            hosts.push("*".to_owned());
            names.push("*".to_owned());
        }
    }
    InactiveRule {
        note: Note {
            help,
            ..Note::new(code, format!("{object} {why}"))
        },
        object,
        hosts,
        domains: names,
    }
}

/// A route that applies here, and that has other hosts at a gateway.
pub(super) fn at_gateways_too(route: &ApiRoute) -> Option<InactiveRule> {
    let mut parents = route.parents.iter();
    let gateway = parents.find(|parent| parent.kind == ParentKind::Gateway)?;
    let home = &route.meta.namespace;
    let names = || route.hostnames.iter().map(|name| name.value.clone());
    (!route.hostnames.is_empty()).then(|| InactiveRule {
        object: route.object(),
        hosts: names().collect(),
        domains: names().map(|name| name.to_lowercase()).collect(),
        note: Note::new(
            Code::BoundElsewhere,
            format!(
                "{} takes it at {} only",
                route.object(),
                gateway.called(home)
            ),
        )
        .help(at(gateway, home)),
    })
}

/// A route of another namespace than that of the client and of the Service.
pub(super) fn not_from_here(
    route: &ApiRoute,
    client: Option<&str>,
    waypoint: bool,
) -> InactiveRule {
    let home = &route.meta.namespace;
    if waypoint {
        let why = format!(
            "is of namespace {home}, and a waypoint applies the routes of its Service's namespace only"
        );
        return inactive_rule(route, Code::DistantRule, &why, None);
    }
    if route
        .parents
        .iter()
        .any(|parent| parent.in_mesh() && parent.namespace(home) == home)
    {
        let client = client.unwrap_or("of the client");
        let why =
            format!("gives way to the routes that namespace {client} has for the same Service");
        let help = format!("judge the request from elsewhere with `--from-namespace {home}`");
        return inactive_rule(route, Code::OutrankedRule, &why, Some(help));
    }
    let other = match client {
        Some(client) => format!("the client is in namespace {client}"),
        None => "the client is taken to be elsewhere".to_owned(),
    };
    let why = format!(
        "concerns only clients of its own namespace {home} where it is not that of the Service, and {other}"
    );
    let help = format!("judge the request from there with `--from-namespace {home}`");
    inactive_rule(route, Code::DistantRule, &why, Some(help))
}
