//! Objects of the Gateway API as written: a file for each kind, and for each part of it that is a noun of its own.
//!
//! An [`ApiRoute`] is an HTTPRoute or a GRPCRoute: `parent_ref`, `rule`, `backend_ref`, `filter`, and `matches` with what
//! differs between the two, `http_match` and `grpc_match`. A [`Gateway`] selects namespaces with a `selector`.

mod api_route;
mod backend_ref;
mod envoy_backend;
mod filter;
mod gateway;
mod gateway_class;
mod grpc_match;
mod http_match;
mod inference_pool;
mod listener_set;
mod matches;
mod parent_ref;
mod pick_source;
mod reference_grant;
mod route_filter;
mod route_kind;
mod rule;
mod selector;
mod traffic_policy;

pub use api_route::ApiRoute;
pub use backend_ref::BackendRef;
pub use envoy_backend::{BackendType, EnvoyBackend};
pub use gateway::{From, Gateway, Listener};
pub use gateway_class::GatewayClass;
pub use inference_pool::InferencePool;
pub use listener_set::ListenerSet;
pub use matches::{Counts, Match, PathKind};
pub use parent_ref::{ParentKind, ParentRef};
pub use reference_grant::ReferenceGrant;
pub use route_filter::RouteFilter;
pub use route_kind::RouteKind;
pub use rule::Rule;
pub use selector::Selector;
pub use traffic_policy::{EndpointOverride, TrafficPolicy};

/// The group of routes and Gateways.
pub const GROUP: &str = "gateway.networking.k8s.io";
