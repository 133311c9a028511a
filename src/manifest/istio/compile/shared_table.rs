//! Gateways of the same proxies have one table of routes: it is made once for all of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::index::Index;
use super::lower::Compiler;
use crate::diag::Note;
use crate::manifest::Manifests;
use crate::manifest::gateway_api::ListenerSet;
use crate::manifest::istio::{HttpAction, VirtualService};
use crate::manifest::reported::Part;
use crate::route::{AppliesTo, Implementation, Vantage};

/// The table of a gateway that is the one of another gateway as well.
#[derive(Clone, Debug)]
pub struct SharedTable {
    /// The position of the first gateway with this table.
    pub first: usize,
    /// What is said about every host at this gateway, where the table has what is said about them at the first one.
    pub notes: Vec<Note<AppliesTo>>,
}

/// For each gateway by namespace and name the table that an earlier one has too; none where it has one of its own.
pub(in crate::manifest) fn shared_tables(
    manifests: &Manifests,
    vantage: &Vantage,
    gateways: &[(String, String)],
) -> Vec<Option<SharedTable>> {
    let alone = alone(manifests);
    // What a canary's name means depends on the namespace.
    let by_namespace = !manifests.canaries.is_empty();
    // Patches have the gateway that they are for.
    let patched = !manifests.patches.is_empty()
        && vantage.implementation == Some(Implementation::EnvoyGateway);
    let compiler = Compiler {
        index: Index::new(manifests),
        vantage,
    };
    let tables: Vec<Option<(TableKey<'_>, Vec<Note<AppliesTo>>)>> = gateways
        .iter()
        .map(|(namespace, name)| {
            let asked = compiler.index.gateway(namespace, name);
            let gateway = asked.filter(|one| !one.selector.is_empty())?;
            if patched || alone.contains(&(namespace, name)) {
                return None;
            }
            let home = compiler.proxies_of(namespace, asked);
            let notes = compiler.at_its_proxies((namespace, name), asked, &home.namespace);
            let key = TableKey {
                selector: &gateway.selector,
                home: home.namespace,
                assumed: home.caveat.is_some(),
                port: compiler.server_port(namespace, name),
                namespace: by_namespace.then_some(namespace),
            };
            Some((key, notes))
        })
        .collect();
    let labelled = labelled(manifests);
    let apart: HashSet<TableKey<'_>> = gateways
        .iter()
        .zip(&tables)
        .filter(|((namespace, name), _)| labelled.contains(&format!("{namespace}/{name}")))
        .filter_map(|(_, table)| Some(table.as_ref()?.0.clone()))
        .collect();
    let mut known: HashMap<TableKey<'_>, usize> = HashMap::new();
    let shared = tables.into_iter().enumerate().map(|(at, table)| {
        let (key, notes) = table.filter(|(key, _)| !apart.contains(key))?;
        let first = *known.entry(key).or_insert(at);
        (first != at).then_some(SharedTable { first, notes })
    });
    shared.collect()
}

/// What the table of a gateway depends on: the proxies that it is for, and how they are reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TableKey<'m> {
    selector: &'m BTreeMap<String, String>,
    home: String,
    assumed: bool,
    port: Option<u16>,
    namespace: Option<&'m String>,
}

/// The gateways that have something of their own: what routes of the Gateway API, sets of listeners and controllers say of a
/// gateway, they say of that one. By namespace and name.
fn alone(manifests: &Manifests) -> HashSet<(&str, &str)> {
    let own = manifests.api_gateways.iter();
    let own = own.map(|one| (one.meta.namespace.as_str(), one.meta.name.as_str()));
    let routes = manifests.api_routes();
    let of_routes = routes.flat_map(|route| {
        let parents = route.parents.iter();
        parents.map(|one| {
            (
                one.namespace(&route.meta.namespace),
                one.name.value.as_str(),
            )
        })
    });
    let of_sets = manifests.listener_sets.iter().map(ListenerSet::gateway);
    let of_controllers = manifests.reported.iter().flat_map(|one| {
        let [namespace, name] = &one.name;
        let of_object = (one.kind == "Gateway").then_some((namespace.as_str(), name.as_str()));
        let of_part = match &one.part {
            Part::At([_, namespace, name]) => Some((namespace.as_str(), name.as_str())),
            Part::Whole | Part::Listener(_) => None,
        };
        of_object.into_iter().chain(of_part)
    });
    own.chain(of_routes)
        .chain(of_sets)
        .chain(of_controllers)
        .collect()
}

/// The gateways with rules about the labels of the client, which are said not to be known of each of them, as `namespace/name`.
fn labelled(manifests: &Manifests) -> HashSet<String> {
    let asks = |service: &VirtualService| {
        let mut matches = service.http.iter().flat_map(|rule| &rule.matches);
        matches.any(|one| one.source_labels.is_some())
    };
    let services = &manifests.virtual_services;
    // A delegate is bound to nothing by itself.
    let by_delegates = services.iter().any(|one| one.hosts.is_empty() && asks(one));
    let delegates = |service: &VirtualService| {
        service
            .http
            .iter()
            .any(|rule| matches!(rule.action, HttpAction::Delegate { .. }))
    };
    let asking = services
        .iter()
        .filter(|service| asks(service) || by_delegates && delegates(service));
    asking.flat_map(VirtualService::bindings).collect()
}
