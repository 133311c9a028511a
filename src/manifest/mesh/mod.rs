//! What every dialect asks of the mesh: Services and workloads by what refers to them, names of hosts, and backends with
//! their weights. It lies below all dialects and knows none of them.

pub(super) mod names;
pub(super) mod registry;
pub(super) mod weighted;

pub(super) use registry::Registry;
pub(super) use weighted::WeightedBackend;
