//! Istio: its objects as written (`objects`), and what they mean (`compile`).

mod compile;
pub mod objects;

pub(crate) use compile::gateway_name;
pub(super) use compile::{Caller, lower, unrouted};
pub use objects::{
    DestinationRule, Egress, FaultAbort, Gateway, HttpAction, HttpMatch, HttpRoute, Import, Reads,
    Server, Sidecar, Subset, TcpRoute, VirtualService, WeightedDestination,
};
