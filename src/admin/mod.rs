//! What a proxy says of itself: pages of Envoy's admin interface, and what its counters add up to over a run. The pages come
//! from a process that may send anything, so that whatever is not there is taken for unknown.

mod clusters;
mod counters;
mod server;
mod stats;
mod versions;

pub use clusters::{Cluster, ClustersPage, Host};
pub use counters::{Counted, Counters, EndpointChange, Trouble};
pub use server::{Memory, ServerInfo};
pub use stats::Stats;
pub use versions::{RouteVersion, route_versions};

/// Why a page is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("it is not the JSON of this page: {0}")]
pub struct PageError(#[from] serde_json::Error);
