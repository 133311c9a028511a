//! What every dialect asks of the mesh: names of hosts, what has a host and who sees it, ports and what they carry,
//! workloads, and backends with their weights. It lies below all dialects and knows none of them.

pub(super) mod catch_all;
pub(in crate::manifest) mod labelled;
pub(super) mod names;
pub(super) mod registered;
pub(super) mod registry;
pub mod service_entry;
pub(super) mod visibility;
pub(super) mod weighted;

pub(super) use registry::Registry;
pub use service_entry::{EntryPort, ServiceEntry};
pub use weighted::WeightedBackend;

use crate::diag::Span;
use crate::route::Caveat;

/// What the proxy of a client makes of a host whatever its routes are. The dialect that configures the proxies of the
/// mesh says it to the others.
pub(super) trait HostNotes {
    /// What weakens every response of a host to a client in a namespace.
    fn of(&self, host: &str, client: &str, span: Span) -> Vec<Caveat>;
}
