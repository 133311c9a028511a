//! What the proxy said over a run, as the report holds it, and what follows from it.

use std::time::Duration;

use super::targets::{NamedTarget, has_host, is_same, named};
use super::watch::Watched;
use super::{FULL, Live, ServerInfo, pages};
use crate::admin::{Counters, Memory, Stats};
use crate::diag::{Code, Note};
use crate::observe::Observation;
use crate::plan::Warmup;
use crate::report::proxy::{
    Change, Counted, CountedShare, MirrorCount, Programmed, ProgrammedShare,
};
use crate::split::{Expected, Share};
use crate::verdict::attribution::Attribution;
use crate::verdict::proxy_counts::{MirrorCounts, ProxyCounts, TargetCounts};
use crate::verdict::{Outcome, Verdict};

/// What the proxy said over a run.
#[derive(Default)]
pub(in crate::cli) struct View {
    pub(in crate::cli) programmed: Option<Programmed>,
    pub(in crate::cli) counted: Option<Counted>,
    pub(in crate::cli) notes: Vec<Note>,
    /// What changed for the request during the run.
    changed: Option<String>,
}

/// The run that the proxy is asked about.
pub(in crate::cli) struct Seen<'a> {
    pub(in crate::cli) expected: Option<&'a Expected>,
    pub(in crate::cli) attribution: &'a Attribution,
    pub(in crate::cli) observation: &'a Observation,
    pub(in crate::cli) warmup: Warmup,
}

/// A target with what its hosts were sent.
struct Sums<'e> {
    target: NamedTarget<'e>,
    counts: TargetCounts,
}

impl View {
    /// A verdict about a split that was another one after a while is open.
    pub(in crate::cli) fn decided(&self, verdict: Verdict) -> Verdict {
        let judged = matches!(
            verdict.outcome,
            Outcome::Pass | Outcome::Diverged | Outcome::Inconclusive
        );
        match &self.changed {
            Some(changed) if judged => Verdict {
                outcome: Outcome::Inconclusive,
                reason: format!(
                    "what the proxy does with this request changed during the run: {changed}; run again ({})",
                    verdict.reason
                ),
                // Reasons for what two splits make together are none.
                diagnosis: Vec::new(),
                ..verdict
            },
            _ => verdict,
        }
    }
}

impl Live {
    /// What the proxy said, once it is no longer looked at.
    pub(in crate::cli) fn view(mut self, seen: &Seen<'_>) -> View {
        let mut notes = std::mem::take(&mut self.notes);
        let Some(mut watched) = self.watched.take() else {
            return View {
                notes,
                ..View::default()
            };
        };
        notes.extend(self.lost(&watched));
        notes.extend(self.restarted(&mut watched));
        let stats = pages::stats(&mut watched.client, &watched.clusters);
        notes.extend(self.full(stats.as_ref(), &mut watched));
        let start = self.start.as_ref().map(|start| start.split.clone());
        let counters = watched.counters.take();
        let deltas = Deltas {
            before: self.stats.as_ref(),
            after: stats.as_ref(),
        };
        let changes = changes(&watched, counters.as_ref(), start.as_ref());
        let concerning = changes.iter().find(|change| change.concerns_request);
        let told =
            concerning.map(|change| format!("after {:.1} s {}", change.after_s, change.message));
        let counted = counters.as_ref().map(|counters| {
            let (counted, counts) = self.counted(counters, &deltas, &watched, seen);
            if told.is_none() {
                notes.extend(counts.notes());
            }
            counted
        });
        View {
            programmed: self.programmed(seen.expected, changes),
            counted,
            notes,
            changed: told,
        }
    }

    fn programmed(&self, declared: Option<&Expected>, changes: Vec<Change>) -> Option<Programmed> {
        let start = self.start.as_ref()?;
        let targets = named(declared, Some(&start.split));
        let known = targets
            .iter()
            .any(|target| target.declared.is_some() && target.programmed.is_some());
        let shares = targets.into_iter().filter_map(|target| {
            // A declared target that the proxy was not told of gets nothing, where the others are known to be the same.
            let share = match target.programmed {
                Some(told) => told.share,
                None if known => Share::ZERO,
                None => return None,
            };
            Some(ProgrammedShare {
                target: target.name,
                share: share.as_f64(),
                ratio: share,
            })
        });
        Some(Programmed {
            source: self.name.clone(),
            node: (self.info.as_ref())
                .map(|info| info.node.clone())
                .filter(|node| !node.is_empty()),
            route_config: Some(start.config.clone()).filter(|name| !name.is_empty()),
            version: start.version.clone(),
            last_updated: start.last_updated.clone(),
            connected: self.connected(),
            rejected_updates: self.rejected(&start.config),
            shares: shares.collect(),
            changes,
        })
    }

    fn counted(
        &self,
        counters: &Counters,
        deltas: &Deltas<'_>,
        watched: &Watched,
        seen: &Seen<'_>,
    ) -> (Counted, ProxyCounts) {
        let last = watched.programmed.as_ref().map(|last| &last.split);
        let start = self.start.as_ref().map(|start| &start.split);
        let sums = sums(counters, deltas, named(seen.expected, start.or(last)), seen);
        let total: u64 = sums.iter().map(|sum| sum.counts.counted).sum();
        let mirrors = self.mirrors(counters, watched, &sums, seen.observation);
        // A cluster that is sent requests and copies counts both.
        let mixed = mirrors.len()
            < watched
                .programmed
                .as_ref()
                .map_or(0, |own| own.mirrors.len());
        let retries = sums
            .iter()
            .filter_map(|sum| sum.counts.retries)
            .sum::<u64>();
        let foreign = own_requests(seen)
            .filter(|_| !mixed)
            .map(|own| total.saturating_sub(own.saturating_add(retries)));
        let complete = !counters.is_incomplete() && watched.lost.is_none();
        let counted = Counted {
            shares: sums.iter().map(|sum| share(sum, total)).collect(),
            foreign_requests: foreign,
            complete,
            mirrors,
        };
        let observation = seen.observation;
        let local = observation
            .tallies
            .iter()
            .filter(|(bucket, _)| bucket.local_reply().is_some());
        let plain = seen.warmup == Warmup::None && observation.retried == 0;
        let counts = ProxyCounts {
            requests: observation.sent,
            unattributed: seen.attribution.unattributed,
            local_replies: local.map(|(_, tally)| tally.count).sum(),
            own: foreign == Some(0) && complete && plain,
            mirrors: (counted.mirrors.iter())
                .map(|mirror| MirrorCounts {
                    cluster: mirror.cluster.clone(),
                    programmed: mirror.programmed,
                    counted: mirror.count,
                })
                .filter(|_| plain)
                .collect(),
            targets: sums.into_iter().map(|sum| sum.counts).collect(),
        };
        (counted, counts)
    }

    /// Copies of the clusters that get nothing else.
    fn mirrors(
        &self,
        counters: &Counters,
        watched: &Watched,
        sums: &[Sums<'_>],
        seen: &Observation,
    ) -> Vec<MirrorCount> {
        let mirrors = self.start.iter().flat_map(|start| &start.mirrors);
        let programmed = || sums.iter().filter_map(|sum| sum.target.programmed);
        let alone = |cluster: &str| !programmed().any(|target| has_host(target, cluster, ""));
        mirrors
            .filter(|mirror| alone(&mirror.cluster) && watched.clusters.contains(&mirror.cluster))
            .map(|mirror| {
                let hosts = counters.hosts().iter();
                let own = hosts.filter(|((cluster, _), _)| *cluster == mirror.cluster);
                let count = own.map(|(_, sum)| sum.requests).sum::<u64>();
                MirrorCount {
                    cluster: mirror.cluster.clone(),
                    programmed: mirror.share,
                    count,
                    share: (seen.sent > 0).then(|| count as f64 / seen.sent as f64),
                }
            })
            .collect()
    }

    fn lost(&self, watched: &Watched) -> Option<Note> {
        let (at, why) = watched.lost.as_ref()?;
        let message = format!(
            "the admin interface of the proxy, {}, was read until {:.1} s after the start of the run: {why}",
            self.name,
            at.as_secs_f64()
        );
        Some(Note::new(Code::ProxyAdmin, message))
    }

    /// Whether it is another process than the one that was there at the start.
    fn restarted(&self, watched: &mut Watched) -> Option<Note> {
        let before = self.info.as_ref()?.uptime?;
        let page = watched.client.get("/server_info").ok()?;
        let now = ServerInfo::read(&page).ok()?.uptime?;
        // Seconds are rounded down.
        let least = before + self.begun.elapsed().as_secs().saturating_sub(1);
        (now + 1 < least.max(before)).then(|| {
            let message = format!(
                "the proxy was restarted during the run: it has been running for {now} s; what it counted before is lost"
            );
            Note::new(Code::ProxyRestarted, message)
        })
    }

    /// Whether it is near the limit of its memory, as far as it knows that.
    fn full(&self, stats: Option<&Stats>, watched: &mut Watched) -> Option<Note> {
        let pressure = stats?
            .sum_of("_heap.pressure")
            .or_else(|| stats?.sum_of("memory.pressure"))?;
        let page = watched.client.get("/memory").ok();
        let memory = page
            .and_then(|page| Memory::read(&page).ok())
            .or(self.memory);
        let taken = memory.and_then(|memory| memory.physical.or(memory.allocated));
        let taken = taken.map_or_else(String::new, |bytes| format!(" ({} MiB)", bytes >> 20));
        (pressure >= FULL).then(|| {
            let message = format!(
                "the proxy takes {pressure}% of the memory that it may have{taken}: a proxy that runs out of memory is ended"
            );
            Note::new(Code::ProxyMemory, message)
        })
    }
}

/// How statistics of a cluster moved over the run.
struct Deltas<'s> {
    before: Option<&'s Stats>,
    after: Option<&'s Stats>,
}

impl Deltas<'_> {
    fn of(&self, cluster: &str, name: &str) -> Option<u64> {
        let after = self.after?.of_cluster(cluster, name)?;
        // A statistic that was never written may be missing before.
        let before = self
            .before
            .and_then(|stats| stats.of_cluster(cluster, name));
        Some(after.saturating_sub(before.unwrap_or(0)))
    }
}

/// What the hosts of each target were sent.
fn sums<'e>(
    counters: &Counters,
    deltas: &Deltas<'_>,
    targets: Vec<NamedTarget<'e>>,
    seen: &Seen<'_>,
) -> Vec<Sums<'e>> {
    let own = targets.into_iter().filter_map(|target| {
        let told = target.programmed?;
        // A reply of the proxy itself is sent to nobody.
        if told.target.status().is_some() {
            return None;
        }
        let mut counts = TargetCounts {
            name: target.name.clone(),
            programmed: Some(told.share.as_f64()),
            seen: target.declared.map(|at| seen.attribution.counts[at]),
            ..TargetCounts::default()
        };
        for ((cluster, address), sum) in counters.hosts() {
            if has_host(told, cluster, &sum.locality) {
                counts.counted += sum.requests;
                counts.connect_failures += sum.connect_failures;
                counts.timeouts += sum.timeouts;
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
        Some(Sums { target, counts })
    });
    own.collect()
}

fn share(sum: &Sums<'_>, total: u64) -> CountedShare {
    let counts = &sum.counts;
    CountedShare {
        target: counts.name.clone(),
        count: counts.counted,
        share: (total > 0).then(|| counts.counted as f64 / total as f64),
        timeouts: counts.timeouts,
        connect_failures: counts.connect_failures,
        retries: counts.retries,
    }
}

/// Requests that this run sent while the proxy counted, where their number is known.
fn own_requests(seen: &Seen<'_>) -> Option<u64> {
    let own = seen.observation.sent + seen.observation.retried;
    match seen.warmup {
        Warmup::None => Some(own),
        Warmup::Requests(requests) => Some(own + requests),
        Warmup::Elapsed(_) => None,
    }
}

/// What the proxy was told during the run: routes, and endpoints of the clusters of the request.
fn changes(
    watched: &Watched,
    counters: Option<&Counters>,
    start: Option<&Expected>,
) -> Vec<Change> {
    let seconds = |at: Duration| (at.as_secs_f64() * 10.0).round() / 10.0;
    let pushes = watched.pushes.iter().map(|push| Change {
        after_s: seconds(push.at),
        message: push.message.clone(),
        concerns_request: push.concerns_request,
    });
    let endpoints = counters
        .into_iter()
        .flat_map(Counters::changes)
        .map(|change| {
            let told = start.map_or(&[][..], Expected::declared);
            let own = told
                .iter()
                .find(|target| has_host(target, &change.cluster, ""));
            let name = own.map_or(&change.cluster, |target| &target.name);
            let listed = |verb: &str, addresses: &[String]| {
                (!addresses.is_empty()).then(|| format!("{verb} {}", some(addresses)))
            };
            let said = [listed("got", &change.came), listed("lost", &change.gone)];
            let said: Vec<String> = said.into_iter().flatten().collect();
            Change {
                after_s: seconds(change.at),
                message: format!(
                    "`{name}` {}, and has {}",
                    said.join(" and "),
                    crate::units::counted(change.left as u64, "endpoint")
                ),
                concerns_request: watched
                    .programmed
                    .as_ref()
                    .is_some_and(|own| own.clusters.contains(&change.cluster)),
            }
        });
    let mut changes: Vec<Change> = pushes.chain(endpoints).collect();
    changes.sort_by(|a, b| a.after_s.total_cmp(&b.after_s));
    changes
}

/// A few addresses, and how many more there are.
fn some(addresses: &[String]) -> String {
    const MOST: usize = 3;
    let named: Vec<&str> = addresses.iter().take(MOST).map(String::as_str).collect();
    match addresses.len().saturating_sub(MOST) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// What the proxy is programmed with for the targets of a declaration, where all of it goes to them.
pub(in crate::cli) fn over(declared: &Expected, programmed: &Expected) -> Option<Vec<f64>> {
    let told = programmed.declared();
    let of = |target: &crate::split::TargetShare| -> f64 {
        let own = told.iter().filter(|one| is_same(target, one));
        own.map(|one| one.share.as_f64()).sum()
    };
    let shares: Vec<f64> = declared.declared().iter().map(of).collect();
    let whole = (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9;
    whole.then_some(shares)
}
