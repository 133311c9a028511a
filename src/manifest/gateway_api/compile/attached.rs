//! What is attached to the way of the requests of a rule: to the Gateway, to the route, to the Services of its backends, and,
//! where Istio runs the proxies, to the pods behind them.

use std::collections::BTreeMap;

use super::backends::ResolvedBackend;
use super::index::Index;
use super::rule_context::RuleContext;
use crate::diag::{Code, Note};
use crate::manifest::attached::refusal::refused;
use crate::manifest::attached::{Attached, Body, Reach, Side};
use crate::manifest::gateway_api::objects::{ApiRoute, BackendRef, ParentKind, ParentRef, Rule};
use crate::manifest::kube::Meta;
use crate::route::{AppliesTo, Implementation};
use crate::split::LocalReply;

/// What a proxy of Istio replies to what a policy refuses.
const FORBIDDEN: u16 = 403;

/// The label by which pods of a Gateway are found.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

/// What is attached to the route of a rule and to its Gateway.
pub(super) fn to_route(
    index: &Index<'_>,
    route: &ApiRoute,
    rule: &Rule,
    place: RuleContext<'_>,
    caveats: &mut Vec<Note<AppliesTo>>,
) {
    let section = rule.name.as_ref().map(|name| name.value.as_str());
    let own = index.attached.referring(&route.meta, section);
    say(&own, &route.meta, caveats);
    let Some(gateway) = place.gateway else { return };
    say(&at_listeners(index, route, gateway), gateway, caveats);
    if let Some(class) = index.gateway(&gateway.namespace, &gateway.name) {
        let class = class.class.as_ref().map(|class| Meta {
            kind: "GatewayClass".to_owned(),
            name: class.value.clone(),
            ..gateway.clone()
        });
        if let Some(class) = class {
            say(&index.attached.referring(&class, None), &class, caveats);
        }
    }
    if place.implementation == Implementation::Istio {
        by_labels(index, gateway, caveats);
    }
}

/// What is attached to a Gateway, or to a listener that the route may be served by.
fn at_listeners<'m>(index: &Index<'m>, route: &ApiRoute, gateway: &Meta) -> Vec<&'m Attached> {
    let home = &route.meta.namespace;
    let own = |parent: &&ParentRef| {
        parent.kind == ParentKind::Gateway
            && parent.name.value == gateway.name
            && parent.namespace(home) == gateway.namespace
    };
    let mut sections: Vec<Option<String>> = Vec::new();
    for parent in route.parents.iter().filter(own) {
        match (
            &parent.section,
            index.gateway(&gateway.namespace, &gateway.name),
        ) {
            (Some(section), _) => sections.push(Some(section.value.clone())),
            (None, Some(given)) => {
                let names = given
                    .listeners
                    .iter()
                    .map(|one| Some(one.name.value.clone()));
                sections.extend(names);
            }
            (None, None) => sections.push(None),
        }
    }
    sections.push(None);
    let mut found: Vec<&Attached> = Vec::new();
    for section in &sections {
        for one in index.attached.referring(gateway, section.as_deref()) {
            if !found.iter().any(|known| std::ptr::eq(*known, one)) {
                found.push(one);
            }
        }
    }
    found
}

/// What Istio attaches to the pods of a Gateway by their labels.
fn by_labels(index: &Index<'_>, gateway: &Meta, caveats: &mut Vec<Note<AppliesTo>>) {
    let known = BTreeMap::from([(GATEWAY_NAME.to_owned(), gateway.name.clone())]);
    let running = index.attached.running(&gateway.namespace, Side::Gateway);
    let own: Vec<&Attached> = running
        .filter(|one| one.reach(&[], &known) == Reach::All)
        .collect();
    say(&own, gateway, caveats);
}

fn say(all: &[&Attached], to: &Meta, caveats: &mut Vec<Note<AppliesTo>>) {
    let policies: Vec<(&Attached, Reach)> = all.iter().map(|one| (*one, Reach::All)).collect();
    let to = to.to_string();
    caveats.extend(refused(&policies, None, &to).caveats);
    let noted = all
        .iter()
        .filter(|one| !matches!(one.body, Body::Access(_)));
    caveats.extend(noted.map(|one| one.note(&to, Reach::All)));
}

/// What is attached to a backend: what it replies where a policy lets no request through.
pub(super) fn to_backend(
    index: &Index<'_>,
    backend: &BackendRef,
    referent: &ResolvedBackend<'_>,
    place: RuleContext<'_>,
    caveats: &mut Vec<Note<AppliesTo>>,
) -> Option<LocalReply> {
    if !index.attached_to_any() || backend.kind.value != "Service" {
        return None;
    }
    let service = Meta {
        kind: "Service".to_owned(),
        name: backend.name.value.clone(),
        namespace: referent.namespace.clone(),
        created: None,
        labels: referent
            .service
            .map_or_else(BTreeMap::new, |service| service.meta.labels.clone()),
        annotations: BTreeMap::new(),
        span: backend.name.span,
    };
    let port = referent.service.and_then(|service| {
        let mut ports = service.ports.iter();
        let own = ports.find(|one| Some(one.port.value) == referent.port)?;
        own.name.as_ref().map(|name| name.value.as_str())
    });
    let own = index.attached.referring(&service, port);
    // A policy of the mesh that refers to a Service is one for its waypoint.
    let noted = own
        .iter()
        .filter(|one| !matches!(one.body, Body::Access(_)));
    caveats.extend(noted.map(|one| one.note(&service.to_string(), Reach::All)));
    if place.implementation != Implementation::Istio {
        return None;
    }
    let selector = referent.selector?;
    let pods = index
        .registry
        .workloads(&referent.namespace, selector.iter());
    let pods: Vec<&BTreeMap<String, String>> = pods.iter().map(|one| &one.labels).collect();
    let running = index.attached.running(&referent.namespace, Side::Inbound);
    let policies: Vec<(&Attached, Reach)> = running
        .map(|one| (one, one.reach(&pods, selector)))
        .filter(|(_, reach)| reach.is_any())
        .collect();
    let what = format!("the pods of `{}`", referent.host);
    let found = refused(&policies, None, &what);
    caveats.extend(found.caveats);
    let noted = policies
        .iter()
        .filter(|(one, _)| !matches!(one.body, Body::Access(_) | Body::Peer(_)));
    caveats.extend(noted.map(|(one, reach)| one.note(&what, *reach)));
    found.all.then(|| LocalReply::refused(FORBIDDEN))
}

/// A policy of Envoy Gateway where the routes are judged as those of somebody else.
pub(super) fn of_another(meta: &Meta, implementation: Implementation) -> Note<AppliesTo> {
    let judged = match implementation {
        Implementation::Istio => "as Istio has them",
        _ => "as the specification has them",
    };
    let message = format!(
        "{meta} is a policy of Envoy Gateway, and the routes are judged {judged}: what it says about weights is not looked at"
    );
    let caveat = Note::about(Code::OtherImplementation, message, Some(meta.span));
    caveat.help("judge them as those of Envoy Gateway with --implementation envoy-gateway")
}
