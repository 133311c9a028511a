//! The names of clusters, which are what a proxy knows of destinations: host, port and subset, where the name tells them.

use super::Backend;
use crate::split::{Destination, Identifiers};

/// The backend behind a cluster; `broken` is the status of its share where the proxy has no such cluster.
#[must_use]
pub fn backend(cluster: &str, weight: u32, broken: Option<u16>) -> Backend {
    let destination = destination(cluster);
    Backend {
        identifiers: identifiers(cluster, &destination),
        destination,
        weight,
        broken,
    }
}

/// What the name of a cluster says: `outbound|5000|v1|reviews.default.svc.cluster.local` names port, subset and host;
/// any other name is the host itself.
#[must_use]
pub fn destination(cluster: &str) -> Destination {
    let parts = |separator| -> Option<Destination> {
        let parts: Vec<&str> = cluster.splitn(4, separator).collect();
        let [direction, port, subset, host] = parts[..] else {
            return None;
        };
        let known = matches!(direction, "outbound" | "inbound-vip") && !host.is_empty();
        // A waypoint puts the protocol in front of the subset.
        let subset = match direction {
            "inbound-vip" => subset.split_once('/').map_or("", |(_, subset)| subset),
            _ => subset,
        };
        known.then(|| Destination {
            host: host.to_owned(),
            port: port.parse().ok(),
            subset: Some(subset.to_owned()).filter(|subset| !subset.is_empty()),
        })
    };
    parts("|")
        .or_else(|| parts("_."))
        .unwrap_or_else(|| Destination {
            host: cluster.to_owned(),
            port: None,
            subset: None,
        })
}

fn identifiers(cluster: &str, destination: &Destination) -> Identifiers {
    let mut identifiers = Identifiers::default();
    identifiers
        .names
        .extend([cluster.to_owned(), destination.host.clone()]);
    identifiers.names.extend(destination.subset.clone());
    let labels: Vec<&str> = destination.host.split('.').collect();
    if let [service, namespace, "svc", ..] = labels[..] {
        identifiers
            .names
            .extend([service.to_owned(), format!("{service}.{namespace}")]);
    }
    identifiers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_mesh_hold_port_subset_and_host() {
        let told = |cluster: &str| {
            let Destination { host, port, subset } = destination(cluster);
            (host, port, subset)
        };
        let host = "web.default.svc.cluster.local".to_owned();
        let v1 = || Some("v1".to_owned());
        for (cluster, expected) in [
            (
                "outbound|80|v1|web.default.svc.cluster.local",
                (host.clone(), Some(80), v1()),
            ),
            (
                "outbound_.80_.v1_.web.default.svc.cluster.local",
                (host.clone(), Some(80), v1()),
            ),
            (
                "outbound|80||web.default.svc.cluster.local",
                (host.clone(), Some(80), None),
            ),
            (
                "inbound-vip|80|http/v1|web.default.svc.cluster.local",
                (host.clone(), Some(80), v1()),
            ),
            (
                "inbound-vip|80|http|web.default.svc.cluster.local",
                (host.clone(), Some(80), None),
            ),
            (
                "PassthroughCluster",
                ("PassthroughCluster".to_owned(), None, None),
            ),
            (
                "outbound|80|v1|",
                ("outbound|80|v1|".to_owned(), None, None),
            ),
        ] {
            assert_eq!(told(cluster), expected, "{cluster}");
        }
        let identifiers =
            backend("outbound|80|v1|web.default.svc.cluster.local", 1, None).identifiers;
        assert!(identifiers.names.contains("web.default") && identifiers.names.contains("v1"));
    }
}
