//! Istio: its objects as written, and the routes they make for one vantage, compiled the way Istio does it.

pub mod attach;
mod clues;
pub mod destination_rule;
pub mod gateway;
pub mod http_match;
mod lower;
mod opaque;
mod outcome;
pub mod virtual_service;

pub use destination_rule::{DestinationRule, Subset};
pub use gateway::{Gateway, Server, ServiceEntry};
pub use http_match::HttpMatch;
pub(super) use lower::lower;
pub use virtual_service::{FaultAbort, HttpAction, HttpRoute, VirtualService, WeightedDestination};
