//! Copies of requests: the mirrors that are declared beside those that the proxy is programmed with and what it counted for them.

use super::Live;
use super::sums::{Deltas, Sums};
use super::targets::has_host;
use super::watch::Watched;
use crate::admin::Counters;
use crate::report::proxy::MirrorCount;
use crate::route::{MirroredShare, Origin, cluster};
use crate::split::Destination;
use crate::verdict::mirror_counts::MirrorCounts;
use crate::verdict::proxy_counts::TargetCounts;

/// The mirrors that rules declare for the request, and from where it is sent.
pub(in crate::cli) struct DeclaredMirrors {
    pub(in crate::cli) mirrors: Vec<MirroredShare>,
    pub(in crate::cli) origin: Origin,
}

impl DeclaredMirrors {
    /// What a mesh calls the clusters that are declared to get copies.
    fn clusters(&self) -> impl Iterator<Item = String> {
        self.mirrors.iter().map(|mirror| {
            let Destination { host, port, subset } = &mirror.destination;
            let port = port.map_or_else(String::new, |port| port.to_string());
            format!(
                "outbound|{port}|{}|{host}",
                subset.as_deref().unwrap_or_default()
            )
        })
    }
}

impl Live {
    /// Counts for the clusters of declared mirrors as well, programmed or not.
    pub(in crate::cli) fn count_copies(&mut self, declared: &DeclaredMirrors) {
        let Some(watched) = &mut self.watched else {
            return;
        };
        if watched.programmed.is_some() {
            for name in declared.clusters() {
                if !watched.clusters.contains(&name) {
                    watched.clusters.push(name);
                }
            }
        }
    }

    /// What each cluster got that is declared or programmed to get copies. Where it gets requests as well, what it counted are
    /// not its copies, and nothing is said of their number.
    pub(super) fn copies(
        &self,
        (counters, deltas): (&Counters, &Deltas<'_>),
        sums: &[Sums<'_>],
        (mirrors, requests): (Option<&DeclaredMirrors>, u64),
        own: bool,
    ) -> Vec<MirrorCounts> {
        let Some(start) = &self.start else {
            return Vec::new();
        };
        let declared = mirrors.map_or(&[][..], |own| &own.mirrors);
        let only = declared.len() == 1 && start.mirrors.len() == 1;
        let mut left: Vec<&MirroredShare> = declared.iter().collect();
        let mut parts: Vec<(String, f64, Option<f64>)> = Vec::new();
        for mirror in &start.mirrors {
            let named = cluster::destination(&mirror.cluster);
            let found = left
                .iter()
                .position(|own| only || is_same(&own.destination, &named));
            let part = found.map_or(0.0, |at| left.remove(at).share.as_f64());
            let part = mirrors.map(|_| part);
            parts.push((mirror.cluster.clone(), mirror.share, part));
        }
        for mirror in left {
            let destination = &mirror.destination;
            let mut clusters = counters.last().clusters.keys();
            let known = clusters.find(|name| is_same(destination, &cluster::destination(name)));
            let name = known.cloned().unwrap_or_else(|| destination.to_string());
            parts.push((name, 0.0, Some(mirror.share.as_f64())));
        }
        let sent: u64 = sums.iter().map(|sum| sum.counts.first_tries()).sum();
        let programmed = || sums.iter().filter_map(|sum| sum.target.programmed);
        let counts = parts.into_iter().map(|(name, part, declared)| {
            let alone = !programmed().any(|target| has_host(target, &name, ""));
            MirrorCounts {
                declared,
                requests: if alone { sent.min(requests) } else { 0 },
                own,
                since: self.since(),
                help: mirrors.map_or_else(String::new, |own| self.why(&own.origin)),
                target: of_cluster((counters, deltas), name, part),
            }
        });
        counts.collect()
    }
}

/// The same for the report: those whose copies were counted.
pub(super) fn rows(counts: &[MirrorCounts], watched: &Watched, sent: u64) -> Vec<MirrorCount> {
    let counted = counts.iter();
    let counted =
        counted.filter(|own| own.requests > 0 && watched.clusters.contains(&own.target.name));
    let row = |own: &MirrorCounts| MirrorCount {
        cluster: own.target.name.clone(),
        declared: own.declared,
        programmed: own.target.programmed.unwrap_or(0.0),
        count: own.target.counted,
        share: (sent > 0).then(|| own.target.counted as f64 / sent as f64),
        p_value: own.p_value(),
    };
    counted.map(row).collect()
}

/// What the hosts of a cluster counted, and what kept requests from them.
fn of_cluster(
    (counters, deltas): (&Counters, &Deltas<'_>),
    name: String,
    programmed: f64,
) -> TargetCounts {
    let mut counts = TargetCounts {
        programmed: Some(programmed),
        ..TargetCounts::default()
    };
    let hosts = counters.hosts().iter();
    for (key, sum) in hosts.filter(|((cluster, _), _)| *cluster == name) {
        counts.counted += sum.requests;
        counts.connect_failures += sum.connect_failures;
        counts.endpoints += 1;
        let trouble = counters.troubles().get(key).copied().unwrap_or_default();
        counts.ejected += usize::from(trouble.ejected);
        counts.unhealthy += usize::from(trouble.unhealthy);
    }
    if let Some(cluster) = counters.last().clusters.get(&name) {
        let overflow = deltas.of(&cluster.stat_name, "upstream_rq_pending_overflow");
        counts.overflow = overflow.unwrap_or(0);
    }
    counts.name = name;
    counts
}

/// Whether two destinations are one; where a port is not known, it is no difference.
fn is_same(one: &Destination, other: &Destination) -> bool {
    let ports = one.port.zip(other.port);
    one.host == other.host
        && one.subset == other.subset
        && ports.is_none_or(|(one, other)| one == other)
}
