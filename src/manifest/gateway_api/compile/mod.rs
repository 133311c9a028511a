//! What objects of the Gateway API mean: the routes that they make for one vantage.
//!
//! | step | files |
//! |---|---|
//! | where a route applies | `listeners` with `refusals`, `attached_hosts` and `certificates` (of a Gateway), `mesh_routes` with `mesh_parents` (Services) |
//! | in which order | `precedence` |
//! | what happens then | `outcome`, `backends`, `balancing`, `attached` |
//! | all of it | `lower`, `hosts`, `index`, `implementer`, `unrouted` |
//!
//! What is there and not judged becomes a [`Note`](crate::diag::Note) of the routes it concerns: filters that are
//! extensions, sessions, timeouts, retries, policies of Envoy Gateway other than its consistent hash.
//! Not modelled: the port of a Service that is no HTTP port, TLS and TCP routes of Services.

mod attached;
mod attached_hosts;
mod backends;
mod balancing;
mod certificates;
mod endpoint_pick;
mod hosts;
mod implementer;
mod inactive_rules;
mod index;
mod listeners;
mod lower;
mod mesh_parents;
mod mesh_routes;
mod outcome;
mod precedence;
mod refusals;
mod rule_context;
mod unrouted;

pub(in crate::manifest) use implementer::implementation;
pub(in crate::manifest) use index::Index;
pub(in crate::manifest) use lower::lower;
pub(in crate::manifest) use unrouted::unrouted;
