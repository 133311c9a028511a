//! What a route of a dump does, as it is written: `RouteAction`, `RedirectAction`, `DirectResponseAction`.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::fault::{Fault, fault};
use super::list::List;
use super::raw_match::RawRuntimeFraction;

/// `RouteAction`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRouteAction {
    pub(super) cluster: Option<String>,
    #[serde(alias = "weightedClusters")]
    pub(super) weighted_clusters: Option<RawWeightedClusters>,
    #[serde(alias = "clusterHeader")]
    pub(super) cluster_header: Option<String>,
    #[serde(alias = "clusterSpecifierPlugin")]
    pub(super) cluster_specifier_plugin: Option<String>,
    #[serde(alias = "clusterNotFoundResponseCode")]
    pub(super) cluster_not_found_response_code: Option<String>,
    #[serde(alias = "hashPolicy")]
    pub(super) hash_policy: List<IgnoredAny>,
    #[serde(alias = "retryPolicy")]
    pub(super) retry_policy: RawRetryPolicy,
    #[serde(alias = "requestMirrorPolicies")]
    pub(super) request_mirror_policies: List<RawMirror>,
}

/// `RequestMirrorPolicy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawMirror {
    pub(super) cluster: String,
    #[serde(alias = "runtimeFraction")]
    pub(super) runtime_fraction: Option<RawRuntimeFraction>,
}

/// `WeightedCluster`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawWeightedClusters {
    pub(super) clusters: List<RawClusterWeight>,
    #[serde(alias = "totalWeight")]
    pub(super) total_weight: Option<u32>,
    #[serde(alias = "headerName")]
    pub(super) header_name: String,
    #[serde(alias = "useHashPolicy")]
    pub(super) use_hash_policy: bool,
    #[serde(alias = "runtimeKeyPrefix")]
    pub(super) runtime_key_prefix: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawClusterWeight {
    pub(super) name: String,
    #[serde(alias = "clusterHeader")]
    pub(super) cluster_header: String,
    pub(super) weight: u32,
    #[serde(alias = "typedPerFilterConfig", deserialize_with = "fault")]
    pub(super) typed_per_filter_config: Option<Fault>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRetryPolicy {
    #[serde(alias = "refreshClusterOnRetry")]
    pub(super) refresh_cluster_on_retry: bool,
}

/// `RedirectAction`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRedirect {
    #[serde(alias = "responseCode")]
    pub(super) response_code: Option<String>,
}

/// `DirectResponseAction`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawDirectResponse {
    pub(super) status: u16,
}
