//! Istio's objects as written: a file for each kind, and for each part of it that is a noun of its own.
//!
//! `rewrite`, `mirror` and header operations are read and change no split.

mod admission;
mod destination;
mod destination_rule;
mod fault;
mod gateway;
mod http_match;
mod http_route;
mod mesh_config;
mod mirror;
mod outbound_policy;
mod sidecar;
mod tcp_route;
mod unread_fields;
mod virtual_service;

pub use destination::WeightedDestination;
pub use destination_rule::{DestinationRule, Subset, Tls};
pub use fault::FaultAbort;
pub(crate) use gateway::gateway_name;
pub use gateway::{Gateway, Reads, Server};
pub use http_match::HttpMatch;
pub use http_route::{HttpAction, HttpRoute};
pub use mesh_config::MeshConfig;
pub use mirror::MirrorPolicy;
pub use outbound_policy::OutboundTrafficPolicy;
pub use sidecar::{Egress, Import, Sidecar};
pub use tcp_route::TcpRoute;
pub use virtual_service::VirtualService;
