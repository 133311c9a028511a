//! Gateways of the same proxies have one table of routes: it is made once for all of them.

use std::collections::{BTreeMap, HashMap};

use super::index::Index;
use super::lower::Compiler;
use crate::diag::Note;
use crate::manifest::Manifests;
use crate::route::{AppliesTo, Vantage};

/// The table of a gateway that is the one of another gateway as well.
#[derive(Clone, Debug)]
pub struct SharedTable {
    /// The position of the first gateway with this table.
    pub first: usize,
    /// What is said about every host at this gateway, where the table has what is said about them at the first one.
    pub notes: Vec<Note<AppliesTo>>,
}

/// For each gateway by namespace and name the table that an earlier one has too; none where it has one of its own, or where
/// more than its proxies decides what its table is.
pub(in crate::manifest) fn shared_tables(
    manifests: &Manifests,
    vantage: &Vantage,
    gateways: &[(String, String)],
) -> Vec<Option<SharedTable>> {
    type Proxies<'m> = (&'m BTreeMap<String, String>, String, bool, Option<u16>);
    // What a dialect, a proxy, a controller or a match by labels says of a gateway, it says of that one.
    let mut rules = manifests.virtual_services.iter().flat_map(|one| &one.http);
    let apart = rules.any(|rule| rule.matches.iter().any(|one| one.source_labels.is_some()))
        || manifests.api_routes().next().is_some()
        || !(manifests.api_gateways.is_empty()
            && manifests.canaries.is_empty()
            && manifests.patches.is_empty()
            && manifests.reported.is_empty()
            && manifests.dump.is_empty());
    if apart {
        return vec![None; gateways.len()];
    }
    let compiler = Compiler {
        index: Index::new(manifests),
        vantage,
    };
    let mut known: HashMap<Proxies<'_>, usize> = HashMap::new();
    let mut shared = Vec::with_capacity(gateways.len());
    for (at, (namespace, name)) in gateways.iter().enumerate() {
        let asked = compiler.index.gateway(namespace, name);
        let Some(gateway) = asked.filter(|one| !one.selector.is_empty()) else {
            shared.push(None);
            continue;
        };
        let home = compiler.proxies_of(namespace, asked);
        let notes = compiler.at_its_proxies((namespace, name), asked, &home.namespace);
        let port = compiler.server_port(namespace, name);
        let proxies = (
            &gateway.selector,
            home.namespace,
            home.caveat.is_some(),
            port,
        );
        let first = *known.entry(proxies).or_insert(at);
        shared.push((first != at).then_some(SharedTable { first, notes }));
    }
    shared
}
