//! What the counters of hosts add up to over a run. Envoy forgets a host that its cluster loses, and counts a host from zero
//! that it gets again; what was counted until then stays here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{ClustersPage, Host};

/// Sums of a run, by cluster and host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    last: ClustersPage,
    sums: BTreeMap<(String, String), Counted>,
    troubles: BTreeMap<(String, String), Trouble>,
    changes: Vec<EndpointChange>,
    restarted: bool,
}

/// What a host was sent over a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Requests, each try of one and each copy.
    pub requests: u64,
    /// Requests that ended in an error.
    pub errors: u64,
    /// Requests that timed out.
    pub timeouts: u64,
    /// Connections that failed.
    pub connect_failures: u64,
    /// Where the host is.
    pub locality: String,
}

/// What kept requests from a host for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Outlier detection had ejected it.
    pub ejected: bool,
    /// Its health checks failed, or the control plane said that it is not healthy.
    pub unhealthy: bool,
}

/// Endpoints that a cluster got or lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointChange {
    /// When it was seen, from the start of the run.
    pub at: Duration,
    /// Whose.
    pub cluster: String,
    /// Addresses that came.
    pub came: Vec<String>,
    /// Addresses that went.
    pub gone: Vec<String>,
    /// How many there are now.
    pub left: usize,
}

impl Counters {
    /// Counts from this page on.
    #[must_use]
    pub fn from(page: ClustersPage) -> Self {
        let mut counters = Self::default();
        for (cluster, hosts) in &page.clusters {
            for (address, host) in &hosts.hosts {
                counters.remember(cluster, address, host);
                let sum = counters.sum(cluster, address);
                sum.locality.clone_from(&host.locality);
            }
        }
        counters.last = page;
        counters
    }

    /// Adds what was counted since the last page.
    pub fn add(&mut self, page: ClustersPage, at: Duration) {
        let last = std::mem::take(&mut self.last);
        let names: BTreeSet<&String> = last.clusters.keys().chain(page.clusters.keys()).collect();
        for name in names {
            let none = BTreeMap::new();
            let hosts =
                |page: &'_ ClustersPage| page.clusters.get(name).map(|one| one.hosts.clone());
            let (before, now) = (hosts(&last).unwrap_or_default(), hosts(&page));
            let now = now.unwrap_or_else(|| none.clone());
            for (address, host) in &now {
                self.remember(name, address, host);
                self.count(name, address, before.get(address), host);
            }
            let came = now.keys().filter(|address| !before.contains_key(*address));
            let gone = before.keys().filter(|address| !now.contains_key(*address));
            let (came, gone): (Vec<String>, Vec<String>) =
                (came.cloned().collect(), gone.cloned().collect());
            if !came.is_empty() || !gone.is_empty() {
                self.changes.push(EndpointChange {
                    at,
                    cluster: name.clone(),
                    left: now.len(),
                    came,
                    gone,
                });
            }
        }
        self.last = page;
    }

    /// Begins with clusters that were not counted before: what they were sent since they got requests is lost.
    pub fn join(&mut self, page: ClustersPage) {
        for (name, cluster) in page.clusters {
            if !self.last.clusters.contains_key(&name) {
                for (address, host) in &cluster.hosts {
                    self.sum(&name, address).locality.clone_from(&host.locality);
                }
                self.restarted = true;
                self.last.clusters.insert(name, cluster);
            }
        }
    }

    /// What each host was sent, by cluster and address.
    #[must_use]
    pub fn hosts(&self) -> &BTreeMap<(String, String), Counted> {
        &self.sums
    }

    /// Hosts that got no requests for a while, by cluster and address.
    #[must_use]
    pub fn troubles(&self) -> &BTreeMap<(String, String), Trouble> {
        &self.troubles
    }

    /// Endpoints that came and went.
    #[must_use]
    pub fn changes(&self) -> &[EndpointChange] {
        &self.changes
    }

    /// Whether a counter went back, so that what was counted in between is lost: the sums are the least that can be.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.restarted || self.changes.iter().any(|change| !change.gone.is_empty())
    }

    /// The last page.
    #[must_use]
    pub fn last(&self) -> &ClustersPage {
        &self.last
    }

    fn sum(&mut self, cluster: &str, address: &str) -> &mut Counted {
        self.sums
            .entry((cluster.to_owned(), address.to_owned()))
            .or_default()
    }

    fn count(&mut self, cluster: &str, address: &str, before: Option<&Host>, now: &Host) {
        let none = Host::default();
        let before = match before {
            Some(before) if before.requests <= now.requests => before,
            Some(_) => {
                self.restarted = true;
                &none
            }
            None => &none,
        };
        let sum = self.sum(cluster, address);
        for (sum, before, now) in [
            (&mut sum.requests, before.requests, now.requests),
            (&mut sum.errors, before.errors, now.errors),
            (&mut sum.timeouts, before.timeouts, now.timeouts),
            (
                &mut sum.connect_failures,
                before.connect_failures,
                now.connect_failures,
            ),
        ] {
            *sum = sum.saturating_add(now.saturating_sub(before));
        }
        sum.locality.clone_from(&now.locality);
    }

    fn remember(&mut self, cluster: &str, address: &str, host: &Host) {
        if host.ejected || host.unhealthy {
            let key = (cluster.to_owned(), address.to_owned());
            let trouble = self.troubles.entry(key).or_default();
            trouble.ejected |= host.ejected;
            trouble.unhealthy |= host.unhealthy;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cluster;
    use super::*;

    fn page(hosts: &[(&str, u64)]) -> ClustersPage {
        let hosts = hosts.iter().map(|(address, requests)| {
            let host = Host {
                requests: *requests,
                ..Host::default()
            };
            ((*address).to_owned(), host)
        });
        let cluster = Cluster {
            hosts: hosts.collect(),
            ..Cluster::default()
        };
        ClustersPage {
            clusters: [("c".to_owned(), cluster)].into(),
        }
    }

    fn requests(counters: &Counters) -> Vec<(&str, u64)> {
        let hosts = counters.hosts().iter();
        hosts
            .map(|((_, address), sum)| (address.as_str(), sum.requests))
            .collect()
    }

    #[test]
    fn what_was_counted_before_the_run_is_left_out() {
        let mut counters = Counters::from(page(&[("a", 100), ("b", 7)]));
        counters.add(page(&[("a", 150), ("b", 7)]), Duration::from_secs(1));
        counters.add(page(&[("a", 160), ("b", 9)]), Duration::from_secs(2));
        assert_eq!(requests(&counters), [("a", 60), ("b", 2)]);
        assert!(!counters.is_incomplete() && counters.changes().is_empty());
    }

    #[test]
    fn hosts_that_go_keep_what_they_were_sent_and_new_ones_begin_at_zero() {
        let mut counters = Counters::from(page(&[("a", 100)]));
        counters.add(page(&[("a", 110), ("b", 4)]), Duration::from_secs(1));
        counters.add(page(&[("b", 9)]), Duration::from_secs(2));
        assert_eq!(requests(&counters), [("a", 10), ("b", 9)]);
        assert!(counters.is_incomplete());
        let changes: Vec<_> = counters
            .changes()
            .iter()
            .map(|one| (one.came.len(), one.gone.len(), one.left))
            .collect();
        assert_eq!(changes, [(1, 0, 2), (0, 1, 1)]);
        // The same address again is a new host.
        counters.add(page(&[("a", 3), ("b", 9)]), Duration::from_secs(3));
        assert_eq!(requests(&counters), [("a", 13), ("b", 9)]);
    }

    #[test]
    fn a_counter_that_goes_back_began_again() {
        let mut counters = Counters::from(page(&[("a", 100)]));
        counters.add(page(&[("a", 8)]), Duration::from_secs(1));
        assert_eq!(requests(&counters), [("a", 8)]);
        assert!(counters.is_incomplete());
    }
}
