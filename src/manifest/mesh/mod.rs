//! What every dialect asks of the mesh: names of hosts, what has a host and who sees it, ports and what they carry,
//! workloads, and backends with their weights. It lies below all dialects and knows none of them.

pub(super) mod catch_all;
pub(super) mod identified_backends;
pub(super) mod names;
pub(super) mod registry;
pub(super) mod registry_service;
pub mod service_entry;
pub(super) mod visibility;
pub(super) mod weighted_backend;

pub(super) use registry::Registry;
pub use service_entry::{EntryPort, ServiceEntry};
pub use weighted_backend::WeightedBackend;

use crate::diag::{Note, Span};
use crate::route::AppliesTo;

/// What the proxy of a client makes of a host whatever its routes are. The dialect that configures the proxies of the
/// mesh says it to the others.
pub(super) trait HostNotes {
    /// What weakens every response of a host to a client in a namespace.
    fn of(&self, host: &str, client: &str, span: Span) -> Vec<Note<AppliesTo>>;
}
