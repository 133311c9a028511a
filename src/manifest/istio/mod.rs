//! Istio: its objects as written (`objects`), and what they mean (`compile`).

mod compile;
pub mod objects;

use super::dialect::{Dialect, dialect};
use super::kube::Workload;
use super::mesh::ServiceEntry;

pub use compile::SharedTable;
pub(crate) use compile::without_proxy;
pub(super) use compile::{Index, SidecarNotes, lower, shared_tables, unrouted};
pub(crate) use objects::gateway_name;
pub use objects::{
    DestinationRule, Egress, FaultAbort, Gateway, HttpAction, HttpMatch, HttpRoute, Import,
    MeshConfig, OutboundTrafficPolicy, Reads, Server, Sidecar, Subset, TcpRoute, VirtualService,
    WeightedDestination,
};

const GROUP: &str = "networking.istio.io";

const VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha3"];

/// The kinds of Istio that are understood.
pub(super) const DIALECTS: &[Dialect] = &[
    dialect!(
        GROUP,
        VERSIONS,
        "VirtualService",
        virtual_services,
        VirtualService::decode
    ),
    dialect!(
        GROUP,
        VERSIONS,
        "DestinationRule",
        destination_rules,
        DestinationRule::decode
    ),
    dialect!(GROUP, VERSIONS, "Gateway", gateways, Gateway::decode),
    dialect!(
        GROUP,
        VERSIONS,
        "ServiceEntry",
        service_entries,
        ServiceEntry::decode
    ),
    dialect!(GROUP, VERSIONS, "Sidecar", sidecars, Sidecar::decode),
    dialect!(
        GROUP,
        VERSIONS,
        "WorkloadEntry",
        workloads,
        Workload::endpoint
    ),
];
