//! The Gateway API: its objects as written (`objects`), and what they mean (`compile`).

mod compile;
pub mod objects;

use super::dialect::{Dialect, dialect};

pub(super) use compile::{Index, implementation, lower, unrouted};
pub use objects::{
    ApiRoute, BackendRef, EnvoyBackend, Gateway, GatewayClass, InferencePool, Listener,
    ListenerSet, Match, ParentKind, ParentRef, ReferenceGrant, RouteFilter, Rule, TrafficPolicy,
};
use objects::{GROUP, RouteKind};

const VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha2"];
/// The versions of routes of connections.
const CONNECTIONS: &[&str] = &["v1", "v1alpha3", "v1alpha2"];

/// The kinds of this family, and the Namespaces whose labels listeners select.
pub(super) const DIALECTS: &[Dialect] = &[
    dialect!(
        GROUP,
        VERSIONS,
        "HTTPRoute",
        http_routes,
        ApiRoute::decode,
        RouteKind::Http
    ),
    dialect!(
        GROUP,
        VERSIONS,
        "GRPCRoute",
        grpc_routes,
        ApiRoute::decode,
        RouteKind::Grpc
    ),
    dialect!(
        GROUP,
        CONNECTIONS,
        "TLSRoute",
        connection_routes,
        ApiRoute::decode,
        RouteKind::Tls
    ),
    dialect!(
        GROUP,
        CONNECTIONS,
        "TCPRoute",
        connection_routes,
        ApiRoute::decode,
        RouteKind::Tcp
    ),
    dialect!(GROUP, VERSIONS, "Gateway", api_gateways, Gateway::decode),
    dialect!(
        GROUP,
        VERSIONS,
        "GatewayClass",
        gateway_classes,
        GatewayClass::decode
    ),
    dialect!(
        GROUP,
        VERSIONS,
        "ReferenceGrant",
        reference_grants,
        ReferenceGrant::decode
    ),
    dialect!(
        GROUP,
        VERSIONS,
        "ListenerSet",
        listener_sets,
        ListenerSet::decode
    ),
    dialect!(
        "gateway.networking.x-k8s.io",
        &["v1alpha1"],
        "XListenerSet",
        listener_sets,
        ListenerSet::decode
    ),
    inference_pool("inference.networking.k8s.io"),
    inference_pool("inference.networking.x-k8s.io"),
    dialect!(
        "gateway.envoyproxy.io",
        &["v1alpha1"],
        "BackendTrafficPolicy",
        traffic_policies,
        TrafficPolicy::decode
    ),
    dialect!(
        "gateway.envoyproxy.io",
        &["v1alpha1"],
        "HTTPRouteFilter",
        route_filters,
        RouteFilter::decode
    ),
    dialect!(
        "gateway.envoyproxy.io",
        &["v1alpha1"],
        "Backend",
        envoy_backends,
        EnvoyBackend::decode
    ),
    Dialect {
        group: "",
        versions: &["v1"],
        kind: "Namespace",
        decode: |meta, _, _, to| to.namespaces.push(meta),
    },
];

const fn inference_pool(group: &'static str) -> Dialect {
    let versions = &["v1", "v1alpha2", "v1alpha1"];
    dialect!(
        group,
        versions,
        "InferencePool",
        inference_pools,
        InferencePool::decode
    )
}
