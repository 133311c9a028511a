//! `/stats?format=json`: counters and gauges by name.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::PageError;

/// The numbers that were asked for; those that a proxy does not publish are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    values: BTreeMap<String, u64>,
}

impl Stats {
    /// Reads the page.
    pub fn read(text: &str) -> Result<Self, PageError> {
        let page: Page = serde_json::from_str(text)?;
        let values = page.stats.into_iter().filter_map(|stat| {
            let value = stat.value?.as_u64()?;
            // Istio ends the names of its scopes with a semicolon.
            Some((stat.name?.replace(";.", "."), value))
        });
        Ok(Self {
            values: values.collect(),
        })
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        self.values.get(name).copied()
    }

    /// `cluster.CLUSTER.NAME`, where the cluster is called as in its statistics.
    #[must_use]
    pub fn of_cluster(&self, cluster: &str, name: &str) -> Option<u64> {
        // The name of a scope has no colons.
        let cluster = cluster.replace("://", "_").replace([':', '\0'], "_");
        self.get(&format!("cluster.{cluster}.{name}"))
    }

    /// The sum of all that end with a name; `None` where none does.
    #[must_use]
    pub fn sum_of(&self, ends: &str) -> Option<u64> {
        let found = self.values.iter().filter(|(name, _)| name.ends_with(ends));
        found.fold(None, |sum, (_, value)| {
            Some(sum.unwrap_or(0_u64).saturating_add(*value))
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    stats: Vec<Stat>,
}

/// A counter or a gauge; a text or the histograms have another value, or none.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Stat {
    name: Option<String>,
    value: Option<serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_and_everything_else_is_not() {
        let stats = Stats::read(
            r#"{"stats": [{"name": "control_plane.connected_state", "value": 1},
                {"name": "http.in.rds.5000.version_text", "value": "v2"},
                {"name": "http.in;.rds.5000.update_rejected", "value": 2},
                {"name": "cluster.outbound|80|v1|h;.upstream_rq_retry", "value": 3},
                {"histograms": {"supported_quantiles": [0]}}]}"#,
        )
        .expect("a page");
        assert_eq!(stats.get("control_plane.connected_state"), Some(1));
        assert_eq!(stats.get("http.in.rds.5000.version_text"), None);
        assert_eq!(stats.sum_of(".update_rejected"), Some(2));
        assert_eq!(stats.sum_of(".update_failure"), None);
        assert_eq!(
            stats.of_cluster("outbound|80|v1|h", "upstream_rq_retry"),
            Some(3)
        );
        assert!(Stats::read("no").is_err());
    }
}
