//! Gateways that share their table with no other one, whatever their proxies are.

use std::collections::HashSet;

use super::Manifests;
use super::gateway_api::ListenerSet;
use super::reported::Part;

/// The gateways that have something of their own: what routes of the Gateway API, sets of listeners and controllers say of a
/// gateway, they say of that one. By namespace and name.
pub(super) fn alone(manifests: &Manifests) -> HashSet<(&str, &str)> {
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
