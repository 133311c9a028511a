//! What is reported about objects, said of the routes and hosts that come from them.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Part, Reported};
use crate::diag::Note;
use crate::manifest::Manifests;
use crate::manifest::gateway_api::Listener;
use crate::manifest::kube::Meta;
use crate::manifest::mesh::names::covers;
use crate::route::{AppliesTo, Origin, Outcome, RouteTable, Vantage, VirtualHost};

/// Has the routes and hosts of a table say what is reported about them.
pub(in crate::manifest) fn remark(
    manifests: &Manifests,
    vantage: &Vantage,
    table: &mut RouteTable,
) {
    if manifests.reported.is_empty() {
        return;
    }
    let mut of_objects: HashMap<String, Vec<&Reported>> = HashMap::new();
    for reported in &manifests.reported {
        let [namespace, name] = &reported.name;
        let object = format!("{} {namespace}/{name}", reported.kind);
        of_objects.entry(object).or_default().push(reported);
    }
    let of_gateways = manifests.reported.iter();
    let of_gateways: Vec<&Reported> = of_gateways
        .filter(|one| {
            matches!(
                one.kind.as_str(),
                "Gateway" | "GatewayClass" | "ListenerSet" | "XListenerSet"
            )
        })
        .collect();
    let here = |reported: &&Reported| reported.part.is_of(vantage);
    let mut known: HashMap<*const Outcome, Arc<Outcome>> = HashMap::new();
    for host in &mut table.hosts {
        for route in host.routes.iter_mut() {
            let Some(reported) = of_objects.get(&route.object) else {
                continue;
            };
            // Alternatives of a rule go on sharing its outcome.
            let with = known.entry(Arc::as_ptr(&route.outcome)).or_insert_with(|| {
                let mut outcome = Outcome::clone(&route.outcome);
                let notes = reported.iter().copied().filter(here);
                outcome.caveats.extend(notes.map(|one| one.note.clone()));
                Arc::new(outcome)
            });
            route.outcome = Arc::clone(with);
        }
        of_gateway(manifests, &of_gateways, vantage, host);
    }
}

/// What is reported about the Gateway of a vantage, its class, and the listeners that may serve a host, those of sets too.
fn of_gateway(manifests: &Manifests, all: &[&Reported], vantage: &Vantage, host: &mut VirtualHost) {
    let Origin::Gateway { namespace, name } = &vantage.origin else {
        return;
    };
    let gateways = manifests.api_gateways.iter();
    let mut gateways =
        gateways.filter(|one| one.meta.namespace == *namespace && one.meta.name == *name);
    let gateway = gateways.next();
    let class = gateway.and_then(|gateway| gateway.class.as_ref());
    let serves = |listeners: &[Listener], part: &Part| {
        listeners.iter().any(|one| {
            let own = one.domain();
            let named = match part {
                Part::Listener(name) => one.name.value == *name,
                _ => true,
            };
            named
                && vantage.port.is_none_or(|port| port == one.port)
                && (host.domains.iter()).any(|domain| covers(&own, domain) || own == *domain)
        })
    };
    let notes = all.iter().filter(|reported| {
        let ([home, called], part) = (&reported.name, &reported.part);
        let is = |meta: &Meta| meta.namespace == *home && meta.name == *called;
        match reported.kind.as_str() {
            "GatewayClass" => class.is_some_and(|class| class.value == *called),
            "Gateway" if home != namespace || called != name => false,
            "Gateway" => match part {
                Part::Listener(_) => gateway.is_some_and(|one| serves(&one.listeners, part)),
                _ => true,
            },
            _ => (manifests.listener_sets.iter()).any(|set| {
                let ours = set.gateway() == (namespace.as_str(), name.as_str());
                is(&set.meta) && ours && serves(&set.listeners, part)
            }),
        }
    });
    let notes: Vec<Note<AppliesTo>> = notes.map(|one| one.note.clone()).collect();
    host.caveats.extend(notes);
}

impl Part {
    /// Whether it is about what somebody meets at a vantage.
    fn is_of(&self, vantage: &Vantage) -> bool {
        match (self, &vantage.origin) {
            (Self::At([kind, ..]), Origin::Mesh { .. }) => kind != "Gateway",
            (Self::At([kind, of, called]), Origin::Gateway { namespace, name }) => {
                kind != "Gateway" || (of == namespace && called == name)
            }
            _ => true,
        }
    }
}
