//! What Istio's objects mean: the routes that they make for one vantage, compiled the way Istio does it.
//!
//! | files | what they hold |
//! |---|---|
//! | `index`, `attach`, `dialled_port`, `sidecar_scope`, `subsets` | which objects belong together, and who sees them |
//! | `lower`, `sidecar_routes` with `host_names`, `waypoint_routes`, `gateway_routes`, `gateway_proxies`, `shared_table`, `handshake`, `unrouted`, `unregistered` | the hosts of one proxy, and what it does without a rule |
//! | `routes`, `delegation`, `l4_routes` | the routes of a host, and when they match |
//! | `outcome`, `backends`, `missing_destinations`, `pitfalls`, `identifiers` | what a route does |
//! | `policies`, `proxy_policies`, `client`, `waypoint_use` | what is attached to the way of a request, and whether a proxy is on it |
//! | `host_notes` | what the proxy of a client makes of a host, for routes of other dialects |
//!
//! What is there and not judged becomes a [`Note`](crate::diag::Note) of the routes it concerns: `EnvoyFilter` objects,
//! claims of tokens, addresses of peers, `timeout`, `retries`, delays, the parts of traffic policies that a run can notice.
//! Not modelled at all: another cluster domain than `cluster.local`, and settings of the mesh config that change the default
//! export or the root namespace, which are named.

mod backends;
mod client;
mod delegation;
mod destination_port;
mod dialled_port;
mod endpoint_hash;
mod gateway_proxies;
mod gateway_routes;
mod handshake;
mod host_names;
mod host_notes;
mod identifiers;
mod inactive_rules;
mod index;
mod l4_routes;
mod lower;
mod missing_destinations;
mod outcome;
mod pitfalls;
mod policies;
mod proxy_context;
mod proxy_policies;
mod routes;
mod shared_table;
mod sidecar_routes;
mod sidecar_scope;
mod subsets;
mod unregistered;
mod unrouted;
mod waypoint_routes;
mod waypoint_use;

pub(crate) use client::without_proxy;
pub(in crate::manifest) use host_notes::SidecarNotes;
pub(in crate::manifest) use index::Index;
pub(in crate::manifest) use lower::lower;
pub use shared_table::SharedTable;
pub(in crate::manifest) use shared_table::shared_tables;
pub(in crate::manifest) use unrouted::unrouted;
