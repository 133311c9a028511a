//! From routes of the Gateway API to the table of one vantage: which of them apply there.

use super::attached_hosts::{Attached, overlap};
use super::hosts::{HostEntry, Hosts};
use super::implementer::Implementer;
use super::inactive_rules::{bound_to_others, dropped, inactive_rule, not_accepted};
use super::index::Index;
use super::listeners::GatewayView;
use super::mesh_routes;
use super::precedence::Age;
use super::rule_context::RuleContext;
use crate::diag::{Code, Note};
use crate::manifest::elsewhere::Elsewhere;
use crate::manifest::gateway_api::objects::{ApiRoute, Listener};
use crate::manifest::mesh::HostNotes;
use crate::route::{
    AppliesTo, Implementation, Origin, RouteList, RouteTable, Vantage, VirtualHost,
};

/// The routes that apply from a vantage.
pub(in crate::manifest) fn lower<'m>(
    index: &Index<'m>,
    routes: impl Iterator<Item = &'m ApiRoute>,
    vantage: &'m Vantage,
    proxy: &dyn HostNotes,
    elsewhere: Elsewhere,
) -> RouteTable {
    let view = match &vantage.origin {
        Origin::Mesh { .. } => None,
        Origin::Gateway { namespace, name } => {
            Some(GatewayView::new(index, namespace, name, vantage))
        }
    };
    let gateway = view.as_ref().and_then(GatewayView::given);
    let implementer = Implementer::of(index, vantage, gateway);
    let implementation = implementer.implementation;
    let routes: Vec<&ApiRoute> = match &vantage.origin {
        Origin::Gateway { namespace, name } if elsewhere == Elsewhere::LeftOut => {
            index.routes(namespace, name)
        }
        _ => routes.collect(),
    };
    let mut routes: Vec<(Age, &ApiRoute)> = (routes.into_iter())
        .map(|route| (Age::of(route, implementation), route))
        .collect();
    routes.sort_by(|(one, a), (other, b)| (one, a.kind.name()).cmp(&(other, b.kind.name())));
    routes.dedup_by(|(_, a), (_, b)| std::ptr::eq(*a, *b));
    let routes: Vec<&ApiRoute> = routes.into_iter().map(|(_, route)| route).collect();
    match view {
        None => mesh_routes::lower(index, proxy, vantage, implementation, &routes),
        Some(view) => at_gateway(index, implementer, &view, &routes, elsewhere),
    }
}

/// Every route that asks for the Gateway, under the hosts that both have in common.
fn at_gateway<'m>(
    index: &Index<'m>,
    implementer: Implementer,
    gateway_view: &GatewayView<'m>,
    routes: &[&'m ApiRoute],
    elsewhere: Elsewhere,
) -> RouteTable {
    let place = RuleContext {
        implementation: implementer.implementation,
        gateway: gateway_view.given().map(|gateway| &gateway.meta),
        mesh: false,
    };
    let mut table = RouteTable::default();
    let mut hosts = Hosts::new(index, place);
    let mut accepted: Vec<(&'m ApiRoute, Vec<Attached<'m>>)> = Vec::new();
    let mut refused: Vec<(String, Note<AppliesTo>)> = Vec::new();
    for route in routes.iter().copied() {
        let mut attached = match gateway_view.take(index, route) {
            None => {
                let named = elsewhere == Elsewhere::Named;
                let absent = named.then(|| bound_to_others(route));
                table.inactive_rules.extend(absent);
                continue;
            }
            Some(Err(why)) => {
                table
                    .inactive_rules
                    .push(inactive_rule(route, Code::RefusedRule, &why, None));
                continue;
            }
            Some(Ok(attached)) => attached,
        };
        // Istio puts the routes of both kinds into one table, where the specification accepts one kind.
        let merges = place.implementation == Implementation::Istio;
        // Where the Gateway is not known to be Istio's, the filter may be one of another implementation.
        if let Some(why) = dropped(index, route, false).filter(|_| implementer.surely_istio) {
            let absent = inactive_rule(route, Code::RefusedRule, &why, None);
            table.inactive_rules.push(absent);
            continue;
        }
        if let Some((older, domain)) = conflict(route, &attached, &accepted).filter(|_| !merges) {
            let why = not_accepted(route, older);
            let message = format!("{} {why}", route.object());
            let caveat = Note::about(Code::RouteConflict, message, Some(route.meta.span));
            let help = "give each of them hostnames of its own";
            refused.push((domain, caveat.help(help)));
            table.inactive_rules.push(inactive_rule(
                route,
                Code::OutrankedRule,
                &why,
                Some(help.to_owned()),
            ));
            continue;
        }
        if let Some(why) = idle(route) {
            let absent = inactive_rule(route, Code::RefusedRule, &why, None);
            table.inactive_rules.push(absent);
            continue;
        }
        let compiled = hosts.compile(route);
        for one in &mut attached {
            let name = if one.hostname.to_lowercase() == one.domain {
                one.hostname
            } else {
                &one.domain
            };
            hosts.add(
                &compiled,
                &HostEntry {
                    domains: vec![one.domain.clone()],
                    name,
                    // "computeHosts" of Envoy Gateway leaves of a hostname what it has in common with the listener.
                    hostname: match place.implementation {
                        Implementation::EnvoyGateway => &one.domain,
                        _ => one.hostname,
                    },
                    group: one.hostname,
                    span: one.span,
                    conditions: std::mem::take(&mut one.conditions),
                    caveats: std::mem::take(&mut one.caveats),
                },
            );
        }
        accepted.push((route, attached));
    }
    for (domain, caveat) in refused {
        hosts.remark(&domain, caveat);
    }
    table.hosts = hosts.finish();
    if let Some(mapped) = gateway_view.mapped() {
        for host in &mut table.hosts {
            host.caveats.push(mapped.clone());
        }
    }
    if let Some(note) = implementer.note {
        for host in &mut table.hosts {
            host.caveats.push(note.clone());
        }
    }
    let apart = place.implementation == Implementation::Spec;
    let idle_listeners = gateway_view.idle_listeners(&table.hosts, apart);
    table.hosts.extend(idle_listeners.into_iter().map(nobody));
    table
}

/// Why a route of connections has all of them closed: it has nobody to hand them to.
fn idle(route: &ApiRoute) -> Option<String> {
    let mut backends = route.rules.iter().flat_map(|rule| &rule.backends);
    let idle = route.kind.of_connections() && backends.all(|one| one.weight == 0);
    idle.then(|| "has no backend with a weight above 0: its connections are closed".to_owned())
}

/// "Requests SHOULD match at most one Listener": a listener without routes keeps its requests from those of another.
fn nobody(listener: &Listener) -> VirtualHost {
    let (name, domain) = (&listener.name.value, listener.domain());
    let message = format!(
        "the listener `{name}` takes the requests for `{domain}`, and no route is attached to it: they are answered with 404"
    );
    let caveat = Note::about(Code::DesertedListener, message, Some(listener.span()));
    VirtualHost {
        name: domain.clone(),
        domains: vec![domain],
        objects: vec![format!("listener {name}")],
        span: listener.span(),
        https_only: false,
        unsupported: None,
        routes: RouteList::default(),
        caveats: vec![caveat.help("attach a route to it, or remove it")],
    }
}

/// "If a Route (A) of type HTTPRoute or GRPCRoute is attached to a Listener and that listener already has another Route (B)
/// of the other type attached and the intersection of the hostnames of A and B is non-empty, then the implementation MUST
/// accept exactly one of these two routes": the older one, and routes come here by age.
fn conflict<'m>(
    route: &ApiRoute,
    attached: &[Attached<'m>],
    accepted: &[(&'m ApiRoute, Vec<Attached<'m>>)],
) -> Option<(&'m ApiRoute, String)> {
    let rivals = accepted
        .iter()
        .filter(|(other, _)| Some(other.kind) == route.kind.other());
    for (other, theirs) in rivals {
        let meets = |their: &&Attached<'m>| attached.iter().any(|own| overlap(own, their));
        if let Some(their) = theirs.iter().find(meets) {
            return Some((other, their.domain.clone()));
        }
    }
    None
}
