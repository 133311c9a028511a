//! The hosts that rules of the mesh split: a gateway that leads to one of them does not apply that split.

use std::collections::HashMap;

use super::Manifests;
use super::gateway_api::objects::{ApiRoute, ParentKind, ParentRef};
use super::istio::objects::{HttpAction, HttpRoute};
use super::mesh::names::full_name;

/// Each host that is split between several destinations, with the first object that does it.
pub(super) fn mesh_splits(manifests: &Manifests) -> HashMap<String, String> {
    let mut found = HashMap::new();
    let services = manifests.virtual_services.iter();
    for service in services.filter(|service| service.bindings().iter().any(|one| one == "mesh")) {
        let many =
            |http: &HttpRoute| matches!(&http.action, HttpAction::Route(items) if items.len() > 1);
        if service.http.iter().any(many) {
            for host in &service.hosts {
                let full = full_name(&host.value, &service.meta.namespace);
                found.entry(full).or_insert_with(|| service.object());
            }
        }
    }
    for route in manifests.http_routes.iter().chain(&manifests.grpc_routes) {
        for host in split_by(route) {
            found.entry(host).or_insert_with(|| route.object());
        }
    }
    found
}

/// The Services whose requests a route of the mesh splits.
fn split_by(route: &ApiRoute) -> impl Iterator<Item = String> {
    let mut rules = route.rules.iter();
    let many = rules.any(|rule| rule.backends.iter().filter(|one| one.weight > 0).count() > 1);
    let home = &route.meta.namespace;
    let service = move |parent: &&ParentRef| many && matches!(parent.kind, ParentKind::Service);
    let parents = route.parents.iter().filter(service);
    parents.map(move |parent| {
        format!(
            "{}.{}.svc.cluster.local",
            parent.name.value,
            parent.namespace(home)
        )
    })
}
