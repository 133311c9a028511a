//! Clusters and endpoints of a dump, as far as they decide a split: which clusters exist, and which spread their requests
//! by the weights of localities.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Dump;
use super::endpoint_pick::{ClusterPick, RawOriginalDst, RawPickSource};
use super::endpoints::RawEndpoint;
use super::list::List;
use super::origin::RawMetadata;
use crate::route::{EndpointPick, PickEndpoint};

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
    /// How a request may name one of its endpoints.
    pick: Option<ClusterPick>,
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
    /// Those of them that have an address.
    pub(super) addresses: Vec<String>,
    /// Whether it is used while others fail only.
    spare: bool,
}

/// How a cluster spreads its requests.
pub(super) enum Spread<'d> {
    /// Over pods, in a way that is no split.
    Within,
    /// Over localities by their weights.
    Localities(Vec<&'d Locality>),
    /// Over endpoints, though its localities have weights: what balances the requests that name no endpoint does not mind
    /// them.
    Void(Vec<&'d Locality>),
    /// Over localities that the dump does not list.
    Unknown,
}

impl Dump {
    /// Whether a cluster has no endpoint at all, where the dump says it.
    pub(super) fn is_empty_cluster(&self, name: &str) -> bool {
        let Some(cluster) = self.clusters.get(name) else {
            return false;
        };
        // Such a cluster learns where to connect to from the requests.
        if cluster.connects_anywhere() {
            return false;
        }
        let asked = cluster.service.as_deref().unwrap_or(name);
        let none = |localities: &Vec<Locality>| localities.iter().all(|one| one.hosts == 0);
        match self.endpoints.get(asked) {
            Some(localities) => none(localities),
            None => cluster.hosts == Some(0),
        }
    }

    /// The localities of a cluster, as far as the dump lists them.
    fn localities(&self, name: &str) -> &[Locality] {
        let Some(cluster) = self.clusters.get(name) else {
            return &[];
        };
        let asked = cluster.service.as_deref().unwrap_or(name);
        self.endpoints.get(asked).unwrap_or(&cluster.localities)
    }

    /// How a request may name an endpoint of a cluster: by its own configuration, or by that of a filter in front of it.
    /// Its backends are the localities that are given, or the cluster as a whole.
    pub(super) fn endpoint_pick(
        &self,
        name: &str,
        filter: Option<&ClusterPick>,
        backends: &[&Locality],
    ) -> Option<EndpointPick> {
        let own = self.clusters.get(name)?.pick.as_ref();
        let localities = self.localities(name);
        let endpoints = localities.iter().flat_map(|locality| {
            let backend = match backends {
                [] => Some(0),
                several => several.iter().position(|one| std::ptr::eq(*one, locality)),
            };
            locality.addresses.iter().map(move |address| PickEndpoint {
                address: address.clone(),
                backend,
                pod: None,
            })
        });
        let endpoints: Vec<PickEndpoint> = endpoints.collect();
        let known = localities.iter().map(|one| one.hosts).sum::<usize>() == endpoints.len();
        let known = Some(endpoints).filter(|all| known && !all.is_empty());
        own.or(filter).map(|pick| pick.of(known))
    }

    /// How a cluster spreads its requests.
    pub(super) fn spread(&self, name: &str) -> Spread<'_> {
        let Some(cluster) = self.clusters.get(name) else {
            return Spread::Within;
        };
        let first = |one: &&Locality| !one.spare;
        let found: Vec<&Locality> = self.localities(name).iter().filter(first).collect();
        let alive = found.iter().any(|locality| locality.weight > 0);
        match (cluster.by_locality, found.len()) {
            (true, 0) => Spread::Unknown,
            (true, 2..) if alive => Spread::Localities(found),
            (false, 2..) if alive && cluster.pick.is_some() && !by_hosts(&found) => {
                Spread::Void(found)
            }
            _ => Spread::Within,
        }
    }
}

/// Whether localities have weights by the number of their endpoints, so that it does not matter whether they are minded.
fn by_hosts(localities: &[&Locality]) -> bool {
    let product = |weight: u32, hosts: usize| u64::from(weight) * hosts as u64;
    localities.windows(2).all(|pair| {
        product(pair[0].weight, pair[1].hosts) == product(pair[1].weight, pair[0].hosts)
    })
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
    r#type: String,
    #[serde(alias = "originalDstLbConfig")]
    original_dst_lb_config: Option<RawOriginalDst>,
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
pub(super) struct Policies {
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
    name: String,
    #[serde(alias = "typedConfig")]
    typed_config: PolicyConfig,
}

/// The configuration of a policy, of any type.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PolicyConfig {
    #[serde(alias = "overrideHostSources")]
    override_host_sources: List<RawPickSource>,
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
    lb_endpoints: List<RawEndpoint>,
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
        let dst = self.original_dst_lb_config;
        let dst = dst.filter(|_| self.r#type == "ORIGINAL_DST");
        let pick = self.load_balancing_policy.pick();
        let assigned = self.load_assignment;
        let service = self.eds_cluster_config.service_name;
        let cluster = Cluster {
            by_locality,
            localities: assigned.map_or_else(Vec::new, |assigned| assigned.into_localities().1),
            service: Some(service).filter(|name| !name.is_empty()),
            hosts,
            pick: pick.or_else(|| dst.and_then(RawOriginalDst::pick)),
        };
        (self.name, cluster)
    }
}

impl Cluster {
    /// Whether requests tell it where to connect to.
    fn connects_anywhere(&self) -> bool {
        self.pick.as_ref().is_some_and(ClusterPick::is_original_dst)
    }
}

impl Policies {
    /// How a request may name its endpoint.
    fn pick(&self) -> Option<ClusterPick> {
        let configs = self.policies.iter();
        let mut configs = configs.map(|policy| &policy.typed_extension_config.typed_config);
        let config = configs.find(|config| !config.override_host_sources.is_empty())?;
        let fallback = config.fallback_policy.as_ref();
        let fallback = fallback.and_then(|inner| inner.policies.first());
        let fallback = fallback.map(|policy| policy.typed_extension_config.name.clone());
        Some(ClusterPick::override_host(
            &config.override_host_sources,
            fallback,
        ))
    }

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

    /// The localities, under the name of their cluster; those of the first priority get requests while they are healthy.
    pub(super) fn into_localities(self) -> (String, Vec<Locality>) {
        let first = self
            .endpoints
            .iter()
            .map(|locality| locality.priority)
            .min();
        let all = self.endpoints.into_iter();
        let all = all.map(|one| one.into_locality(first));
        (self.cluster_name, all.collect())
    }
}

impl RawLocality {
    fn into_locality(self, first: Option<u32>) -> Locality {
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
            addresses: (self.lb_endpoints.iter())
                .filter_map(RawEndpoint::address)
                .collect(),
            spare: Some(self.priority) != first,
            weight: match self.lb_endpoints.len() {
                0 => 0,
                _ => self.load_balancing_weight,
            },
        }
    }
}
