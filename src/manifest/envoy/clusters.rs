//! Clusters and endpoints of a dump, as far as they decide a split: which clusters exist, and which spread their requests
//! by the weights of localities.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Dump;
use super::list::List;
use super::origin::RawMetadata;

/// A cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Cluster {
    /// It spreads requests over localities by their weights.
    by_locality: bool,
    /// The localities it was configured with.
    localities: Vec<Locality>,
    /// The name under which it asks for its endpoints.
    service: Option<String>,
    /// How many endpoints it was configured with, where it asks nobody for them.
    hosts: Option<usize>,
}

/// A locality of a cluster, which is how Envoy Gateway writes a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Locality {
    pub(super) name: String,
    /// The Service behind it, where the control plane noted it.
    pub(super) service: Option<String>,
    /// Zero where it has no endpoints.
    pub(super) weight: u32,
    /// How many endpoints it has.
    pub(super) hosts: usize,
}

/// How a cluster spreads its requests.
pub(super) enum Spread<'d> {
    /// Over pods, in a way that is no split.
    Within,
    /// Over localities by their weights.
    Localities(&'d [Locality]),
    /// Over localities that the dump does not list.
    Unknown,
}

impl Dump {
    /// Whether a cluster has no endpoint at all, where the dump says it.
    pub(super) fn is_empty_cluster(&self, name: &str) -> bool {
        let Some(cluster) = self.clusters.get(name) else {
            return false;
        };
        let asked = cluster.service.as_deref().unwrap_or(name);
        match self.endpoints.get(asked) {
            Some(localities) => localities.iter().all(|one| one.hosts == 0),
            None => cluster.hosts == Some(0),
        }
    }

    /// How a cluster spreads its requests.
    pub(super) fn spread(&self, name: &str) -> Spread<'_> {
        let Some(cluster) = self
            .clusters
            .get(name)
            .filter(|cluster| cluster.by_locality)
        else {
            return Spread::Within;
        };
        let service = cluster.service.as_deref().unwrap_or(name);
        let found = self
            .endpoints
            .get(service)
            .map_or(&cluster.localities, |found| found);
        let alive = found.iter().any(|locality| locality.weight > 0);
        match found.len() {
            0 => Spread::Unknown,
            1 => Spread::Within,
            _ if alive => Spread::Localities(found),
            _ => Spread::Within,
        }
    }
}

/// `Cluster`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawCluster {
    name: String,
    #[serde(alias = "loadAssignment")]
    load_assignment: Option<Assignment>,
    #[serde(alias = "commonLbConfig")]
    common_lb_config: Balancing,
    #[serde(alias = "loadBalancingPolicy")]
    load_balancing_policy: Policies,
    #[serde(alias = "edsClusterConfig")]
    eds_cluster_config: Discovery,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Discovery {
    #[serde(alias = "serviceName")]
    service_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Balancing {
    #[serde(alias = "localityWeightedLbConfig")]
    locality_weighted_lb_config: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Policies {
    policies: List<Policy>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Policy {
    #[serde(alias = "typedExtensionConfig")]
    typed_extension_config: Extension,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Extension {
    #[serde(alias = "typedConfig")]
    typed_config: PolicyConfig,
}

/// The configuration of a policy, of any type.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PolicyConfig {
    #[serde(alias = "localityLbConfig")]
    locality_lb_config: Balancing,
    // Where a request names its host, the others go by this policy.
    #[serde(alias = "fallbackPolicy")]
    fallback_policy: Option<Box<Policies>>,
}

/// `ClusterLoadAssignment`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Assignment {
    #[serde(alias = "clusterName")]
    cluster_name: String,
    endpoints: List<RawLocality>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawLocality {
    locality: RawPlace,
    #[serde(alias = "loadBalancingWeight")]
    load_balancing_weight: u32,
    #[serde(alias = "lbEndpoints")]
    lb_endpoints: List<IgnoredAny>,
    priority: u32,
    metadata: RawMetadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawPlace {
    region: String,
    zone: String,
    #[serde(alias = "subZone")]
    sub_zone: String,
}

impl RawCluster {
    /// The cluster under its name.
    pub(super) fn into_cluster(self) -> (String, Cluster) {
        let policies = self.load_balancing_policy.by_locality();
        let by_locality = self.common_lb_config.locality_weighted_lb_config.is_some() || policies;
        let hosts = self.load_assignment.as_ref().map(Assignment::hosts);
        let assigned = self.load_assignment.filter(|_| by_locality);
        let service = self.eds_cluster_config.service_name;
        let cluster = Cluster {
            by_locality,
            localities: assigned.map_or_else(Vec::new, |assigned| assigned.into_localities().1),
            service: Some(service).filter(|name| !name.is_empty()),
            hosts,
        };
        (self.name, cluster)
    }
}

impl Policies {
    fn by_locality(&self) -> bool {
        self.policies.iter().any(|policy| {
            let config = &policy.typed_extension_config.typed_config;
            let own = config
                .locality_lb_config
                .locality_weighted_lb_config
                .is_some();
            own || config
                .fallback_policy
                .as_ref()
                .is_some_and(|inner| inner.by_locality())
        })
    }
}

impl Assignment {
    fn hosts(&self) -> usize {
        self.endpoints
            .iter()
            .map(|one| one.lb_endpoints.len())
            .sum()
    }

    /// The localities that get requests while they are healthy, under the name of their cluster.
    pub(super) fn into_localities(self) -> (String, Vec<Locality>) {
        let first = self
            .endpoints
            .iter()
            .map(|locality| locality.priority)
            .min();
        let used = self
            .endpoints
            .into_iter()
            .filter(|one| Some(one.priority) == first);
        (
            self.cluster_name,
            used.map(RawLocality::into_locality).collect(),
        )
    }
}

impl RawLocality {
    fn into_locality(self) -> Locality {
        let RawPlace {
            region,
            zone,
            sub_zone,
        } = self.locality;
        let parts: Vec<String> = [region, zone, sub_zone]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        Locality {
            name: parts.join("/"),
            service: self.metadata.service(),
            hosts: self.lb_endpoints.len(),
            weight: match self.lb_endpoints.len() {
                0 => 0,
                _ => self.load_balancing_weight,
            },
        }
    }
}
