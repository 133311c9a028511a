//! Istio: its objects as written, and the routes they make for one vantage, compiled the way Istio does it.
//!
//! | files | what they hold |
//! |---|---|
//! | `virtual_service`, `http_route`, `http_match`, `fault`, `tcp_route`, `destination`, `destination_rule`, `gateway`, `sidecar` | objects as written |
//! | `admission` | what Istio refuses about them |
//! | `index`, `attach`, `dialled`, `scope`, `subsets` | which objects belong together, and who sees them |
//! | `lower`, `mesh`, `waypoint`, `at_gateway`, `gateway_proxies`, `unrouted` | the hosts of one proxy, and what it does without a rule |
//! | `routes`, `delegate`, `connections` | the routes of a host, and when they match |
//! | `outcome`, `split`, `doubts`, `notes`, `identifiers` | what a route does |
//!
//! What is there and not judged becomes a [`Caveat`](crate::route::Caveat) of the routes it concerns: `EnvoyFilter` objects,
//! claims of tokens, addresses of peers, `timeout`, `retries`, delays, the parts of traffic policies that a run can notice.
//! `rewrite`, `mirror` and header operations are read and change no split. Not modelled at all: another cluster domain
//! than `cluster.local`, mesh settings that change the default export or the root namespace, and whether mutual TLS fits.

mod admission;
mod at_gateway;
pub mod attach;
mod caller;
mod connections;
mod delegate;
pub mod destination;
pub mod destination_rule;
mod dialled;
mod doubts;
pub mod fault;
pub mod gateway;
mod gateway_proxies;
pub mod http_match;
pub mod http_route;
mod identifiers;
mod index;
mod lower;
mod mesh;
mod notes;
mod outcome;
mod routes;
mod scope;
pub mod sidecar;
mod split;
mod subsets;
pub mod tcp_route;
mod unrouted;
pub mod virtual_service;
mod waypoint;

pub(crate) use attach::gateway_name;
pub(super) use caller::Caller;
pub use destination::WeightedDestination;
pub use destination_rule::{DestinationRule, Subset};
pub use fault::FaultAbort;
pub use gateway::{Gateway, Reads, Server};
pub use http_match::HttpMatch;
pub use http_route::{HttpAction, HttpRoute};
pub(super) use lower::lower;
pub use sidecar::{Egress, Import, Sidecar};
pub use tcp_route::TcpRoute;
pub(super) use unrouted::unrouted;
pub use virtual_service::VirtualService;
