//! The gateways that rules are bound to.

use std::collections::BTreeSet;

use crate::manifest::Manifests;
use crate::manifest::gateway_api::ParentKind;
use crate::manifest::istio::gateway_name;

/// Namespaces and names, in order.
pub(super) fn gateways(manifests: &Manifests) -> BTreeSet<(String, String)> {
    let named = manifests.virtual_services.iter().flat_map(|service| {
        let home = &service.meta.namespace;
        service
            .gateways
            .iter()
            .map(move |name| gateway_name(&name.value, home))
    });
    let named = named.filter_map(|name| {
        let (namespace, name) = name.split_once('/')?;
        Some((namespace.to_owned(), name.to_owned()))
    });
    let parents = manifests.api_routes().flat_map(|route| {
        let gateways = route
            .parents
            .iter()
            .filter(|parent| parent.kind == ParentKind::Gateway);
        gateways.map(|parent| {
            let namespace = parent.namespace(&route.meta.namespace).to_owned();
            (namespace, parent.name.value.clone())
        })
    });
    named.chain(parents).collect()
}
