//! What the proxy counted for each target over a run: the sums of its hosts, and how the statistics of its clusters moved.

use super::targets::{NamedTarget, has_host};
use crate::admin::{Counters, Stats};
use crate::verdict::attribution::Attribution;
use crate::verdict::cluster_counts::ClusterCount;
use crate::verdict::proxy_counts::TargetCounts;

/// A target with what its hosts were sent.
pub(super) struct Sums<'e> {
    pub(super) target: NamedTarget<'e>,
    pub(super) counts: TargetCounts,
    /// Tries that ended in an error or timed out: each try that was followed by another is one.
    errors: u64,
}

impl Sums<'_> {
    /// What is judged of it. Without statistics, as many tries may be retries as others failed.
    pub(super) fn judged(&self, may_retry: bool) -> ClusterCount {
        let counts = &self.counts;
        let hidden = counts.retries.is_none() && may_retry;
        ClusterCount {
            name: counts.name.clone(),
            declared: self.target.declared,
            tries: counts.counted,
            retries: counts.retries.unwrap_or(0),
            hidden_retries: if hidden { self.errors } else { 0 },
        }
    }
}

/// How statistics of a cluster moved over the run.
pub(super) struct Deltas<'s> {
    pub(super) before: Option<&'s Stats>,
    pub(super) after: Option<&'s Stats>,
}

impl Deltas<'_> {
    pub(super) fn of(&self, cluster: &str, name: &str) -> Option<u64> {
        let after = self.after?.of_cluster(cluster, name)?;
        // A statistic that was never written may be missing before.
        let before = self
            .before
            .and_then(|stats| stats.of_cluster(cluster, name));
        Some(after.saturating_sub(before.unwrap_or(0)))
    }
}

/// What the hosts of each target were sent.
pub(super) fn sums<'e>(
    (counters, deltas): (&Counters, &Deltas<'_>),
    targets: Vec<NamedTarget<'e>>,
    attribution: Option<&Attribution>,
) -> Vec<Sums<'e>> {
    let own = targets.into_iter().filter_map(|target| {
        let told = target.programmed?;
        // A reply of the proxy itself is sent to nobody.
        if told.target.status().is_some() {
            return None;
        }
        let mut errors = 0;
        let mut counts = TargetCounts {
            name: target.name.clone(),
            programmed: Some(told.share.as_f64()),
            seen: (target.declared.zip(attribution)).map(|(at, own)| own.counts[at]),
            ..TargetCounts::default()
        };
        for ((cluster, address), sum) in counters.hosts() {
            if has_host(told, cluster, &sum.locality) {
                counts.counted += sum.requests;
                counts.connect_failures += sum.connect_failures;
                counts.timeouts += sum.timeouts;
                errors += sum.errors + sum.timeouts;
                counts.endpoints += 1;
                let key = (cluster.clone(), address.clone());
                let trouble = counters.troubles().get(&key).copied().unwrap_or_default();
                counts.ejected += usize::from(trouble.ejected);
                counts.unhealthy += usize::from(trouble.unhealthy);
            }
        }
        for (name, cluster) in &counters.last().clusters {
            if has_host(told, name, "") {
                let of = |stat| deltas.of(&cluster.stat_name, stat);
                counts.overflow += of("upstream_rq_pending_overflow").unwrap_or(0);
                counts.none_healthy += of("upstream_cx_none_healthy").unwrap_or(0);
                counts.panic += of("lb_healthy_panic").unwrap_or(0);
                counts.retries = of("upstream_rq_retry").or(counts.retries);
            }
        }
        Some(Sums {
            target,
            counts,
            errors,
        })
    });
    own.collect()
}
