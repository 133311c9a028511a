//! Istio: its objects as written, and the routes they make for one vantage, compiled the way Istio does it.

pub mod attach;
mod clues;
mod delegate;
pub mod destination;
pub mod destination_rule;
pub mod fault;
pub mod gateway;
pub mod http_match;
pub mod http_route;
mod lower;
mod opaque;
mod outcome;
mod routes;
pub mod virtual_service;

pub use destination::WeightedDestination;
pub use destination_rule::{DestinationRule, Subset};
pub use fault::FaultAbort;
pub use gateway::{Gateway, Server, ServiceEntry};
pub use http_match::HttpMatch;
pub use http_route::{HttpAction, HttpRoute};
pub(super) use lower::lower;
pub use virtual_service::VirtualService;
