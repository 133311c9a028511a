//! Istio: its objects as written, and the routes they make for one vantage, compiled the way Istio does it.
//!
//! What is there and not judged becomes a [`Caveat`](crate::route::Caveat) of the routes it concerns: Sidecar and `EnvoyFilter` objects, claims of tokens, headless and non-HTTP ports, `timeout`, `retries`, delays.
//! Not modelled at all: ambient waypoints, `ExternalName` aliases, another cluster domain than `cluster.local`, and mesh
//! settings that change the default export or the root namespace.

pub mod attach;
mod caller;
mod clues;
mod connections;
mod delegate;
pub mod destination;
pub mod destination_rule;
pub mod fault;
pub mod gateway;
pub mod http_match;
pub mod http_route;
pub(super) mod index;
mod lower;
mod opaque;
mod outcome;
mod routes;
mod subsets;
pub mod tcp_route;
pub mod virtual_service;

pub(crate) use attach::gateway_name;
pub(super) use caller::Caller;
pub use destination::WeightedDestination;
pub use destination_rule::{DestinationRule, Subset};
pub use fault::FaultAbort;
pub use gateway::{Gateway, Server, ServiceEntry};
pub use http_match::HttpMatch;
pub use http_route::{HttpAction, HttpRoute};
pub(super) use lower::lower;
pub use tcp_route::TcpRoute;
pub use virtual_service::VirtualService;
