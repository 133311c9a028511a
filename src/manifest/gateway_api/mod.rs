//! The Gateway API: HTTPRoute, GRPCRoute, Gateway, ReferenceGrant and InferencePool as written, and the routes they make
//! for one vantage.
//!
//! | step | files |
//! |---|---|
//! | objects as written | `api_route` (`parent_ref`, `rule`, `backend_ref`, `filter`, `matches` with `http_match` and `grpc_match`), `gateway` (`selector`), `reference_grant`, `inference_pool`, `traffic_policy` |
//! | where a route applies | `attach` (listeners of a Gateway), `mesh` (Services) |
//! | in which order | `precedence` |
//! | what happens then | `outcome`, `backend` |
//! | all of it | `lower`, `hosts`, `index` |
//!
//! What is there and not judged becomes a [`Caveat`](crate::route::Caveat) of the routes it concerns: filters that are
//! extensions, sessions, timeouts, retries, policies of Envoy Gateway other than its consistent hash.
//! Not modelled: the port of a Service that is no HTTP port, classes of Gateways, sets of listeners, TLS and TCP routes.

pub mod api_route;
mod attach;
mod backend;
pub mod backend_ref;
mod filter;
pub mod gateway;
mod grpc_match;
mod hosts;
mod http_match;
mod index;
pub mod inference_pool;
mod lower;
pub mod matches;
mod mesh;
mod outcome;
pub mod parent_ref;
mod precedence;
pub mod reference_grant;
pub mod rule;
pub mod selector;
pub mod traffic_policy;
mod unrouted;

use super::Dialect;

pub use api_route::{ApiRoute, RouteKind};
pub use backend_ref::BackendRef;
pub use gateway::{Gateway, Listener};
pub use inference_pool::InferencePool;
pub(super) use lower::lower;
pub use matches::Match;
pub use parent_ref::{ParentKind, ParentRef};
pub use reference_grant::ReferenceGrant;
pub use rule::Rule;
pub use traffic_policy::TrafficPolicy;
pub(super) use unrouted::unrouted;

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
