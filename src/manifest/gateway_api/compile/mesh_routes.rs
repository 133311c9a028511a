//! Routes whose parents are Services: those of a mesh, which apply where a client calls the Service.

use std::collections::{BTreeMap, HashMap};

use super::hosts::{HostEntry, Hosts, PORT};
use super::inactive_rules::{
    at_gateways_too, bound_to_others, dropped, inactive_rule, not_accepted, not_from_here,
};
use super::index::Index;
use super::mesh_parents::{hosts_of, port};
use super::rule_context::RuleContext;
use crate::diag::{Code, Note};
use crate::manifest::gateway_api::objects::{ApiRoute, ParentKind, ParentRef};
use crate::manifest::mesh::HostNotes;
use crate::manifest::mesh::names::domains;
use crate::route::{AppliesTo, Condition, Implementation, Origin, Proxy, RouteTable, Vantage};

/// A route that asks for a host.
struct ServiceRoute<'m> {
    route: &'m ApiRoute,
    parent: &'m ParentRef,
    condition: Option<Condition>,
}

/// Everybody who asks for one host: by the namespace of the route.
struct RoutedHost<'m> {
    home: String,
    host: String,
    by: BTreeMap<&'m str, Vec<ServiceRoute<'m>>>,
}

/// The routes that the proxy of a client applies.
pub(super) fn lower<'m>(
    index: &Index<'m>,
    proxy: &dyn HostNotes,
    vantage: &'m Vantage,
    implementation: Implementation,
    routes: &[&'m ApiRoute],
) -> RouteTable {
    let (client, waypoint) = match &vantage.origin {
        Origin::Mesh {
            namespace, proxy, ..
        } => (namespace.as_deref(), *proxy == Proxy::Waypoint),
        Origin::Gateway { .. } => (None, false),
    };
    let mut table = RouteTable {
        port: vantage.port,
        search_domain: client.map(|client| format!("{client}.svc.cluster.local")),
        ..RouteTable::default()
    };
    let wanted = wanted(index, (vantage, implementation), routes, &mut table);
    let place = RuleContext {
        implementation,
        gateway: None,
        mesh: true,
    };
    let mut hosts = Hosts::new(index, place);
    let mut applied: HashMap<String, bool> = HashMap::new();
    for one in &wanted {
        let (owner, caveats) = owner(one, client, waypoint);
        for (namespace, asking) in &one.by {
            for ask in asking {
                let here = applied.entry(ask.route.object()).or_default();
                *here |= Some(*namespace) == owner;
            }
        }
        let Some(asking) = owner.and_then(|owner| one.by.get(owner)) else {
            continue;
        };
        let caller = client.unwrap_or(owner.unwrap_or_default());
        add(
            &mut hosts,
            &mut table,
            one,
            asking,
            (caller, &caveats),
            proxy,
        );
    }
    for route in routes.iter().copied() {
        match applied.get(&route.object()) {
            Some(false) => table
                .inactive_rules
                .push(not_from_here(route, client, waypoint)),
            Some(true) => table.inactive_rules.extend(at_gateways_too(route)),
            None => {}
        }
    }
    table.hosts = hosts.finish();
    table
}

/// Every host that routes ask for, in the order of the routes; what asks for none is noted.
fn wanted<'m>(
    index: &Index<'m>,
    (vantage, implementation): (&Vantage, Implementation),
    routes: &[&'m ApiRoute],
    table: &mut RouteTable,
) -> Vec<RoutedHost<'m>> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut wanted: Vec<RoutedHost<'m>> = Vec::new();
    for route in routes.iter().copied() {
        let home = route.meta.namespace.as_str();
        let in_mesh = route.parents.iter().any(ParentRef::in_mesh);
        if in_mesh && route.kind.of_connections() {
            let why = "splits the connections to a Service, which is not judged in the mesh";
            let absent = inactive_rule(route, Code::UnclearRules, why, None);
            table.inactive_rules.push(absent);
            continue;
        }
        if let Some(why) = dropped(index, route, true)
            .filter(|_| in_mesh && implementation == Implementation::Istio)
        {
            let absent = inactive_rule(route, Code::RefusedRule, &why, None);
            table.inactive_rules.push(absent);
            continue;
        }
        let mut refusal = None;
        let mut asked = false;
        for parent in route.parents.iter().filter(|parent| parent.in_mesh()) {
            let namespace = parent.namespace(home);
            let named = hosts_of(index, parent, namespace);
            if named.is_empty() {
                refusal.get_or_insert_with(|| {
                    let parent = parent.called(home);
                    let why = format!("is bound to {parent}, which is not in these manifests");
                    (Code::RefusedRule, why)
                });
            }
            for host in named {
                match port(index, vantage, parent, &host) {
                    Err(why) => refusal = refusal.or(Some(why)),
                    Ok(condition) => {
                        let at = *places.entry(host.clone()).or_insert_with(|| {
                            wanted.push(RoutedHost {
                                home: namespace.to_owned(),
                                host,
                                by: BTreeMap::new(),
                            });
                            wanted.len() - 1
                        });
                        let ask = ServiceRoute {
                            route,
                            parent,
                            condition,
                        };
                        wanted[at].by.entry(home).or_default().push(ask);
                        asked = true;
                    }
                }
            }
        }
        match refusal {
            _ if asked => {}
            Some((code, why)) => {
                table
                    .inactive_rules
                    .push(inactive_rule(route, code, &why, None));
            }
            None => table.inactive_rules.push(bound_to_others(route)),
        }
    }
    wanted
}

/// The namespace whose routes apply: "producer" routes are those of the namespace of the Service, and "consumer" routes
/// "are only applied to outbound connections originating from the same namespace as the Route", before those.
fn owner<'m>(
    wanted: &RoutedHost<'m>,
    client: Option<&str>,
    waypoint: bool,
) -> (Option<&'m str>, Vec<Note<AppliesTo>>) {
    let find = |namespace: &str| wanted.by.get_key_value(namespace).map(|(name, _)| *name);
    let producer = find(&wanted.home);
    let consumers: Vec<&'m str> = wanted
        .by
        .keys()
        .copied()
        .filter(|namespace| *namespace != wanted.home)
        .collect();
    if waypoint {
        return (producer, Vec::new());
    }
    let caveat = |namespace: &str, message: String| {
        let first = wanted.by.get(namespace).and_then(|asking| asking.first());
        let span = first.map(|ask| ask.parent.span);
        Note::about(Code::ConsumerRoute, message, span)
    };
    match (client, producer, consumers.first()) {
        (Some(client), ..) => match find(client).filter(|_| client != wanted.home) {
            Some(own) => {
                let message = format!(
                    "the routes of namespace {own} for this Service concern only clients of that namespace"
                );
                let caveats = vec![caveat(own, message)];
                (Some(own), caveats)
            }
            None => (producer, Vec::new()),
        },
        (None, Some(producer), Some(consumer)) => {
            let message = format!(
                "clients in namespace {} have routes of their own for this Service, which are not judged",
                consumers.join(", ")
            );
            let help = format!("`--from-namespace {consumer}` judges from there");
            (Some(producer), vec![caveat(consumer, message).help(help)])
        }
        (None, None, Some(consumer)) => {
            let message = format!(
                "the routes for this Service are those of namespace {consumer}, and concern only clients of that namespace: \
                 taken to be where the requests come from"
            );
            let help = "`--from-namespace NS` says where they come from";
            (Some(*consumer), vec![caveat(consumer, message).help(help)])
        }
        (None, producer, None) => (producer, Vec::new()),
    }
}

fn add<'m>(
    hosts: &mut Hosts<'_, 'm>,
    table: &mut RouteTable,
    wanted: &RoutedHost<'m>,
    asking: &[ServiceRoute<'m>],
    (client, caveats): (&str, &[Note<AppliesTo>]),
    proxy: &dyn HostNotes,
) {
    let Some(first) = asking.first() else { return };
    let host = &wanted.host;
    let known = hosts.knows(host);
    let merges = hosts.implementation() == Implementation::Istio;
    for ask in asking {
        // Routes come by age, so that the first one decides the kind of all.
        if ask.route.kind != first.route.kind && !merges {
            let why = not_accepted(ask.route, first.route);
            let message = format!("{} {why}", ask.route.object());
            let caveat = Note::about(Code::RouteConflict, message, Some(ask.route.meta.span));
            hosts.remark(host, caveat);
            table
                .inactive_rules
                .push(inactive_rule(ask.route, Code::OutrankedRule, &why, None));
            continue;
        }
        let mut caveats = caveats.to_vec();
        caveats.extend(proxy.of(host, client, ask.parent.span));
        let only_mesh = ask.route.parents.iter().all(ParentRef::in_mesh);
        if let Some(hostname) = ask.route.hostnames.first().filter(|_| only_mesh) {
            let message =
                "`hostnames` are ignored in the mesh, where the parent Service is the host";
            caveats.push(Note::about(
                Code::IgnoredHostnames,
                message,
                Some(hostname.span),
            ));
        }
        if ask.parent.kind == ParentKind::Service && !known {
            caveats.push(hosts.unknown_parent(ask.route, ask.parent));
        }
        let compiled = hosts.compile(ask.route);
        hosts.add(
            &compiled,
            &HostEntry {
                domains: domains(host, client),
                name: match ask.parent.kind {
                    ParentKind::Service => &ask.parent.name.value,
                    _ => host,
                },
                hostname: host,
                group: match (&ask.parent.port, &ask.parent.section) {
                    (None, None) => "",
                    _ => PORT,
                },
                span: ask.parent.span,
                conditions: ask.condition.iter().cloned().collect(),
                caveats,
            },
        );
    }
}
