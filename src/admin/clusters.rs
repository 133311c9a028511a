//! `/clusters?format=json`: the hosts of every cluster, how they are, and how many requests each was sent.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::PageError;

/// The clusters of a proxy by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClustersPage {
    /// Each with its hosts.
    pub clusters: BTreeMap<String, Cluster>,
}

/// The hosts of a cluster by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Each with its counters.
    pub hosts: BTreeMap<String, Host>,
    /// What its statistics are called.
    pub stat_name: String,
}

/// A host: what it was sent since it is known to the proxy, and how it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Requests that were sent to it, each try of one and each copy.
    pub requests: u64,
    /// Requests that ended in an error.
    pub errors: u64,
    /// Requests that timed out.
    pub timeouts: u64,
    /// Connections that failed.
    pub connect_failures: u64,
    /// Requests under way.
    pub active: u64,
    /// Whether outlier detection has ejected it.
    pub ejected: bool,
    /// Whether it fails its health checks, or the control plane says that it is not healthy.
    pub unhealthy: bool,
    /// Region, zone and sub-zone, as they are written in one.
    pub locality: String,
}

impl ClustersPage {
    /// Reads the page, as far as it is about some of the clusters.
    pub fn read(text: &str, wanted: impl Fn(&str) -> bool) -> Result<Self, PageError> {
        let page: Page = serde_json::from_str(text)?;
        let clusters = page.cluster_statuses.into_iter();
        let clusters = clusters.filter(|status| wanted(&status.name));
        let clusters = clusters.map(|status| {
            let mut hosts: BTreeMap<String, Host> = BTreeMap::new();
            for status in status.host_statuses {
                let host = status.host();
                // One address may stand in a cluster twice, in two priorities.
                match hosts.get_mut(&status.address.text()) {
                    Some(known) => known.add(&host),
                    None => drop(hosts.insert(status.address.text(), host)),
                }
            }
            let cluster = Cluster {
                hosts,
                // Istio ends the names of its scopes with a semicolon.
                stat_name: status.observability_name.trim_end_matches(';').to_owned(),
            };
            (status.name, cluster)
        });
        Ok(Self {
            clusters: clusters.collect(),
        })
    }
}

impl Host {
    fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
        self.timeouts = self.timeouts.saturating_add(other.timeouts);
        self.connect_failures = self.connect_failures.saturating_add(other.connect_failures);
        self.active = self.active.saturating_add(other.active);
        self.ejected |= other.ejected;
        self.unhealthy |= other.unhealthy;
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    cluster_statuses: Vec<ClusterStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClusterStatus {
    name: String,
    host_statuses: Vec<HostStatus>,
    observability_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HostStatus {
    address: Address,
    stats: Vec<Stat>,
    health_status: Health,
    locality: Locality,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Address {
    #[serde(rename = "socket_address")]
    socket: Option<SocketAddress>,
    pipe: Option<Pipe>,
    #[serde(rename = "envoy_internal_address")]
    internal: Option<InternalAddress>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SocketAddress {
    address: String,
    port_value: u32,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pipe {
    path: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InternalAddress {
    server_listener_name: String,
    endpoint_id: String,
}

/// A number of 64 bits is written as a text, and nothing where it is zero.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Stat {
    name: String,
    value: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Health {
    eds_health_status: String,
    failed_active_health_check: bool,
    failed_outlier_check: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Locality {
    region: String,
    zone: String,
    sub_zone: String,
}

impl Address {
    fn text(&self) -> String {
        match self {
            Self {
                socket:
                    Some(SocketAddress {
                        address,
                        port_value,
                    }),
                ..
            } if address.contains(':') => format!("[{address}]:{port_value}"),
            Self {
                socket:
                    Some(SocketAddress {
                        address,
                        port_value,
                    }),
                ..
            } => format!("{address}:{port_value}"),
            Self {
                pipe: Some(pipe), ..
            } => pipe.path.clone(),
            Self {
                internal: Some(inner),
                ..
            } => format!("{}/{}", inner.server_listener_name, inner.endpoint_id),
            _ => String::new(),
        }
    }
}

impl HostStatus {
    fn host(&self) -> Host {
        let stat = |name: &str| {
            let mut stats = self.stats.iter();
            let found = stats.find(|stat| stat.name == name);
            found.and_then(|stat| stat.value.parse().ok()).unwrap_or(0)
        };
        let Locality {
            region,
            zone,
            sub_zone,
        } = &self.locality;
        let parts = [region, zone, sub_zone];
        let parts: Vec<&str> = parts
            .into_iter()
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        let health = &self.health_status;
        Host {
            requests: stat("rq_total"),
            errors: stat("rq_error"),
            timeouts: stat("rq_timeout"),
            connect_failures: stat("cx_connect_fail"),
            active: stat("rq_active"),
            ejected: health.failed_outlier_check,
            unhealthy: health.failed_active_health_check
                || matches!(
                    health.eds_health_status.as_str(),
                    "UNHEALTHY" | "DRAINING" | "TIMEOUT"
                ),
            locality: parts.join("/"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_their_counters_and_their_health() {
        let page = ClustersPage::read(
            r#"{"cluster_statuses": [
                {"name": "a", "added_via_api": true, "host_statuses": [
                    {"address": {"socket_address": {"address": "10.0.0.7", "port_value": 80}},
                     "stats": [{"name": "rq_total", "value": "12"}, {"name": "rq_error", "value": "3"}, {"name": "rq_timeout"},
                               {"type": "GAUGE", "name": "rq_active", "value": "1"}],
                     "health_status": {"eds_health_status": "HEALTHY", "failed_outlier_check": true},
                     "locality": {"region": "r", "sub_zone": "s"}},
                    {"address": {"socket_address": {"address": "::1", "port_value": 80}},
                     "health_status": {"eds_health_status": "DRAINING"}},
                    {"address": {"pipe": {"path": "/s"}}}],
                 "observability_name": "a;"},
                {"name": "b"}]}"#,
            |name| name == "a",
        )
        .expect("a page");
        assert_eq!(page.clusters.len(), 1);
        let cluster = &page.clusters["a"];
        assert_eq!(cluster.stat_name, "a");
        let first = &cluster.hosts["10.0.0.7:80"];
        assert_eq!(
            (first.requests, first.errors, first.timeouts, first.active),
            (12, 3, 0, 1)
        );
        assert!(first.ejected && !first.unhealthy);
        assert_eq!(first.locality, "r/s");
        assert!(cluster.hosts["[::1]:80"].unhealthy);
        assert_eq!(cluster.hosts["/s"], Host::default());
    }

    #[test]
    fn another_text_is_refused_and_never_a_panic() {
        for text in [
            "",
            "{",
            "[]x",
            "{\"cluster_statuses\": 7}",
            "null",
            "<html>",
        ] {
            assert!(ClustersPage::read(text, |_| true).is_err(), "{text}");
        }
        let none = ClustersPage::read("{}", |_| true).expect("an empty page");
        assert_eq!(none, ClustersPage::default());
        let odd = r#"{"cluster_statuses": [{"name": "a", "host_statuses": [{"stats": [{"name": "rq_total", "value": "-1"}]}]}]}"#;
        let odd = ClustersPage::read(odd, |_| true).expect("a page");
        assert_eq!(odd.clusters["a"].hosts[""].requests, 0);
    }
}
