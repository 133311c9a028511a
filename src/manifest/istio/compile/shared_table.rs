//! Gateways of the same proxies have one table of routes: it is made once for all of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use super::index::Index;
use super::lower::Compiler;
use crate::diag::Note;
use crate::manifest::Manifests;
use crate::manifest::istio::{HttpAction, VirtualService};
use crate::route::{AppliesTo, Implementation, Vantage};

/// The table of a gateway that is the one of another gateway as well.
#[derive(Clone, Debug)]
pub struct SharedTable {
    /// The position of the first gateway with this table.
    pub first: usize,
    /// What is said about every host at this gateway, where the table has what is said about them at the first one.
    pub notes: Vec<Note<AppliesTo>>,
}

/// For each gateway by namespace and name the table that an earlier one has too; none where it has one of its own, as those have
/// that stand alone.
pub(in crate::manifest) fn shared_tables(
    index: &Rc<Index<'_>>,
    vantage: &Vantage,
    gateways: &[(String, String)],
    alone: &HashSet<(&str, &str)>,
) -> Vec<Option<SharedTable>> {
    let manifests = index.manifests;
    // What a canary's name means depends on the namespace.
    let by_namespace = !manifests.canaries.is_empty();
    // Patches have the gateway that they are for.
    let patched = !manifests.patches.is_empty()
        && vantage.implementation == Some(Implementation::EnvoyGateway);
    let compiler = Compiler::new(index, vantage);
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
