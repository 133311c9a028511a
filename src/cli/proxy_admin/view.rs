//! What the proxy said over a run, as the report holds it, and what follows from it.

use std::time::Duration;

use super::copies::{DeclaredMirrors, rows};
use super::sums::{Deltas, Sums, sums};
use super::targets::{has_host, is_same, named};
use super::watch::Watched;
use super::wording::connection;
use super::{FULL, Live, ServerInfo, pages};
use crate::admin::{Counters, Memory, Stats};
use crate::diag::{Code, Note};
use crate::observe::Observation;
use crate::plan::Warmup;
use crate::report::proxy::{Change, Counted, CountedShare, Programmed, ProgrammedShare};
use crate::split::{Expected, Share};
use crate::verdict::Verdict;
use crate::verdict::attribution::Attribution;
use crate::verdict::cluster_counts::{ClusterCount, ClusterCounts};
use crate::verdict::mirror_counts::MirrorCounts;
use crate::verdict::proxy_counts::ProxyCounts;

/// What the proxy said over a run.
#[derive(Default)]
pub(in crate::cli) struct View {
    pub(in crate::cli) programmed: Option<Programmed>,
    pub(in crate::cli) counted: Option<Counted>,
    pub(in crate::cli) notes: Vec<Note>,
    /// The counters as they are judged where responses do not say who gave them.
    pub(in crate::cli) counts: ClusterCounts,
}

/// The run that the proxy is asked about.
pub(in crate::cli) struct Seen<'a> {
    pub(in crate::cli) expected: Option<&'a Expected>,
    /// Which targets the responses are from, where they say it.
    pub(in crate::cli) attribution: Option<&'a Attribution>,
    pub(in crate::cli) observation: &'a Observation,
    pub(in crate::cli) warmup: Warmup,
    /// The mirrors that are declared, where rules are read.
    pub(in crate::cli) mirrors: Option<&'a DeclaredMirrors>,
}

impl View {
    /// A verdict about a split that was another one after a while is open.
    pub(in crate::cli) fn decided(&self, verdict: Verdict) -> Verdict {
        match &self.programmed {
            Some(programmed) => programmed.decided(verdict),
            None => verdict,
        }
    }
}

impl Live {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of requests"
    )]
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
        let restarted = self.restarted(&mut watched);
        let gaps = gaps(&watched, restarted.is_some());
        notes.extend(restarted);
        let stats = pages::stats(&mut watched.client, &watched.clusters);
        notes.extend(self.full(stats.as_ref(), &mut watched));
        notes.extend(self.disconnected(stats.as_ref()));
        let start = self.start.as_ref().map(|start| start.split.clone());
        let counters = watched.counters.take();
        let deltas = Deltas {
            before: self.at_start.as_ref().or(self.stats.as_ref()),
            after: stats.as_ref(),
        };
        let changes = changes(&watched, counters.as_ref(), start.as_ref());
        let another = changes.iter().any(|change| change.concerns_request);
        let counted = counters.as_ref().map(|counters| {
            let (counted, said, judged) =
                self.counted((counters, &deltas), &watched, seen, gaps.is_empty());
            if !another {
                notes.extend(said);
            }
            (counted, judged)
        });
        let (counted, judged) = counted.unzip();
        let elapsed = seen.observation.elapsed.as_secs_f64();
        let counts = ClusterCounts {
            source: self.name.clone(),
            background: (self.background * elapsed).ceil() as u64,
            gaps,
            ..judged.unwrap_or_default()
        };
        View {
            programmed: self.programmed(seen.expected, changes),
            counted,
            notes,
            counts,
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
        (counters, deltas): (&Counters, &Deltas<'_>),
        watched: &Watched,
        seen: &Seen<'_>,
        complete: bool,
    ) -> (Counted, Vec<Note>, ClusterCounts) {
        let last = watched.programmed.as_ref().map(|last| &last.split);
        let start = self.start.as_ref().map(|start| &start.split);
        let sums = sums(
            (counters, deltas),
            named(seen.expected, start.or(last)),
            seen.attribution,
        );
        let total: u64 = sums.iter().map(|sum| sum.counts.counted).sum();
        // A cluster that is sent requests and copies counts both.
        let programmed = || sums.iter().filter_map(|sum| sum.target.programmed);
        let copied = watched.programmed.iter().flat_map(|own| &own.mirrors);
        let mixed = copied
            .clone()
            .any(|mirror| programmed().any(|target| has_host(target, &mirror.cluster, "")));
        let start = self.start.as_ref();
        let may_retry = start.is_none_or(|start| start.may_retry);
        let judged: Vec<ClusterCount> = sums.iter().map(|sum| sum.judged(may_retry)).collect();
        let retries: u64 = (judged.iter())
            .map(|own| own.retries + own.hidden_retries)
            .sum();
        let foreign = own_requests(seen)
            .filter(|_| !mixed)
            .map(|own| total.saturating_sub(own.saturating_add(retries)));
        let observation = seen.observation;
        let local = observation
            .tallies
            .iter()
            .filter(|(bucket, _)| bucket.local_reply().is_some());
        let plain = seen.warmup == Warmup::None && observation.retried == 0;
        let own = foreign == Some(0) && complete && plain;
        let mirrors = self.copies(
            (counters, deltas),
            &sums,
            (seen.mirrors, observation.sent),
            own,
        );
        let counted = Counted {
            shares: sums.iter().map(|sum| share(sum, total)).collect(),
            foreign_requests: foreign,
            complete,
            mirrors: rows(&mirrors, watched, observation.sent),
        };
        let counts = ProxyCounts {
            requests: observation.sent,
            unattributed: seen.attribution.map_or(0, |own| own.unattributed),
            local_replies: local.map(|(_, tally)| tally.count).sum(),
            own,
            targets: sums.into_iter().map(|sum| sum.counts).collect(),
        };
        let judged = ClusterCounts {
            targets: judged,
            copies: mixed,
            ..ClusterCounts::default()
        };
        let said = mirrors.iter().filter_map(MirrorCounts::note);
        (
            counted,
            counts.notes().into_iter().chain(said).collect(),
            judged,
        )
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

    /// What there is to say of the proxy itself after a run: that it was lost, restarted, or is short of memory.
    pub(super) fn state(&self, watched: &mut Watched) -> Vec<Note> {
        let lost = self.lost(watched);
        let restarted = self.restarted(watched);
        let stats = pages::stats(&mut watched.client, &[]);
        let full = self.full(stats.as_ref(), watched);
        [lost, restarted, full].into_iter().flatten().collect()
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

    /// Whether it lost its control plane meanwhile.
    fn disconnected(&self, stats: Option<&Stats>) -> Option<Note> {
        let (name, open) = stats.and_then(connection)?;
        (self.connected()? && !open).then(|| {
            let message = format!(
                "the proxy lost the connection to its control plane during the run (`{name}` is 0): it goes on with what it has, and \
                 no change reaches it"
            );
            Note::new(Code::ProxyDisconnected, message)
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

/// Why the counters may not hold all of the run.
fn gaps(watched: &Watched, restarted: bool) -> Vec<String> {
    let lost = watched.lost.as_ref().map(|(at, _)| {
        format!(
            "the counters were read until {:.1} s after the start of the run",
            at.as_secs_f64()
        )
    });
    let restarted = restarted.then(|| "the proxy was restarted during the run".to_owned());
    let counters = watched.counters.as_ref();
    let incomplete = counters.is_some_and(Counters::is_incomplete) && restarted.is_none();
    let incomplete = incomplete.then(|| {
        "hosts of the targets came and went, and what they counted last is lost".to_owned()
    });
    [lost, restarted, incomplete]
        .into_iter()
        .flatten()
        .collect()
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
