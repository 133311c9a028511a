//! The Gateway API: its objects as written (`objects`), and what they mean (`compile`).

mod compile;
pub mod objects;

use super::Dialect;

pub(super) use compile::{lower, unrouted};
use objects::RouteKind;
pub use objects::{
    ApiRoute, BackendRef, Gateway, InferencePool, Listener, Match, ParentKind, ParentRef,
    ReferenceGrant, Rule, TrafficPolicy,
};

/// The group of routes and Gateways.
pub const GROUP: &str = "gateway.networking.k8s.io";

const VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha2"];

/// The kinds of this family, and the Namespaces whose labels listeners select.
pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        group: GROUP,
        versions: VERSIONS,
        kind: "HTTPRoute",
        decode: |meta, fields, decoder, to| {
            to.http_routes
                .extend(ApiRoute::decode(RouteKind::Http, meta, fields, decoder));
        },
    },
    Dialect {
        group: GROUP,
        versions: VERSIONS,
        kind: "GRPCRoute",
        decode: |meta, fields, decoder, to| {
            to.grpc_routes
                .extend(ApiRoute::decode(RouteKind::Grpc, meta, fields, decoder));
        },
    },
    Dialect {
        group: GROUP,
        versions: VERSIONS,
        kind: "Gateway",
        decode: |meta, fields, decoder, to| {
            to.api_gateways
                .extend(Gateway::decode(meta, fields, decoder));
        },
    },
    Dialect {
        group: GROUP,
        versions: VERSIONS,
        kind: "ReferenceGrant",
        decode: |meta, fields, decoder, to| {
            to.reference_grants
                .extend(ReferenceGrant::decode(meta, fields, decoder));
        },
    },
    inference_pool("inference.networking.k8s.io"),
    inference_pool("inference.networking.x-k8s.io"),
    Dialect {
        group: "gateway.envoyproxy.io",
        versions: &["v1alpha1"],
        kind: "BackendTrafficPolicy",
        decode: |meta, fields, decoder, to| {
            to.traffic_policies
                .extend(TrafficPolicy::decode(meta, fields, decoder));
        },
    },
    Dialect {
        group: "",
        versions: &["v1"],
        kind: "Namespace",
        decode: |meta, _, _, to| {
            to.namespaces.push(meta);
        },
    },
];

const fn inference_pool(group: &'static str) -> Dialect {
    Dialect {
        group,
        versions: &["v1", "v1alpha2", "v1alpha1"],
        kind: "InferencePool",
        decode: |meta, fields, decoder, to| {
            to.inference_pools
                .extend(InferencePool::decode(meta, fields, decoder));
        },
    }
}
