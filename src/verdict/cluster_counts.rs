//! The requests of a run by target as the proxy that splits them counted them, where responses do not say who gave them. The
//! counters hold requests of others and each try of a retry as well: what is certain of a target is the least that this run
//! sent it, and what is not certain is unattributed.

use std::collections::BTreeMap;

use super::mapping::Mapping;
use super::{Outcome, Policy, Verdict};
use crate::diag::{Code, Note};
use crate::observe::{Observation, Tally};
use crate::split::{Bucket, Expected, Identity, ResponseFlag};
use crate::units::{counted, percent};

/// Replies that the proxy gives before it sends anything to a target.
const UNSENT: [ResponseFlag; 9] = [
    ResponseFlag::NoHealthyUpstream,
    ResponseFlag::Overflow,
    ResponseFlag::ConnectionFailure,
    ResponseFlag::FaultAbort,
    ResponseFlag::NoRoute,
    ResponseFlag::NoCluster,
    ResponseFlag::RateLimited,
    ResponseFlag::Overload,
    ResponseFlag::Unauthorized,
];

/// What the counters of a proxy say over a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterCounts {
    /// The admin interface that they are from.
    pub source: String,
    /// By target: the declared ones and those that the proxy is programmed with.
    pub targets: Vec<ClusterCount>,
    /// Requests that others sent while this run sent none, over as long a time as it took.
    pub background: u64,
    /// Whether a cluster of the split gets copies of requests, too.
    pub copies: bool,
    /// Why counters are not whole.
    pub gaps: Vec<String>,
}

/// What the hosts of a target counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterCount {
    /// Its name.
    pub name: String,
    /// Its place in the declaration.
    pub declared: Option<usize>,
    /// Requests, each try of one.
    pub tries: u64,
    /// Tries beyond the first, as far as they are known.
    pub retries: u64,
    /// Tries that may be such beside those.
    pub hidden_retries: u64,
}

/// The counts of a run in the place of its responses.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterEvidence {
    /// Requests by target; those that no target has for certain are nobody's.
    pub seen: Observation,
    /// Which target each value means.
    pub mapping: Mapping,
    /// Counted requests that need not be of this run.
    extra: u64,
    /// Requests of the run that no target has for certain.
    open: u64,
    /// Responses by status, and requests without one.
    statuses: BTreeMap<u16, u64>,
    failed: u64,
    counts: ClusterCounts,
}

impl ClusterCounts {
    /// What follows from the counters for the requests of a run.
    #[must_use]
    pub fn evidence(self, own: &Observation, expected: Option<&Expected>) -> ClusterEvidence {
        let first: Vec<u64> = self.targets.iter().map(ClusterCount::first_tries).collect();
        let total: u64 = first.iter().sum();
        let unsent = |bucket: &Bucket| {
            let flag = bucket.local_reply().and_then(|(flag, _)| flag);
            flag.is_some_and(|flag| UNSENT.contains(&flag))
        };
        let unsent = own.tallies.iter().filter(|(bucket, _)| unsent(bucket));
        let unsent: u64 = unsent.map(|(_, tally)| tally.count).sum();
        let most = own.sent.saturating_sub(unsent);
        let extra = total.saturating_sub(most).max(self.background).min(total);
        let mut statuses = BTreeMap::new();
        for (bucket, tally) in &own.tallies {
            *statuses.entry(bucket.status).or_insert(0) += tally.count;
        }
        let mut seen = Observation {
            sent: own.sent,
            connections: own.connections,
            elapsed: own.elapsed,
            phases: own.phases.clone(),
            pace: own.pace.clone(),
            ..Observation::default()
        };
        let mut targets = Vec::new();
        for (count, first) in self.targets.iter().zip(first) {
            let least = first.saturating_sub(extra);
            let bucket = named(&count.name);
            targets.extend(count.declared.map(|at| (bucket.clone(), at)));
            add(&mut seen, bucket, least);
        }
        let open = own.sent.saturating_sub(seen.answered());
        fill(&mut seen, open, own, expected);
        ClusterEvidence {
            seen,
            mapping: Mapping::found(targets, []),
            extra,
            open,
            statuses,
            failed: own.failed(),
            counts: self,
        }
    }
}

impl ClusterCount {
    fn first_tries(&self) -> u64 {
        self.tries.saturating_sub(self.retries)
    }
}

impl ClusterEvidence {
    /// The verdict on these counts, in words that are true of them.
    #[must_use]
    pub fn verdict(&self, verdict: Verdict, policy: &Policy) -> Verdict {
        let mut verdict = of_requests(verdict);
        let sent = self.seen.sent;
        let too_many = self.open as f64 > policy.max_unattributed * sent as f64;
        match verdict.outcome {
            Outcome::NoData if self.failed < sent => verdict.reason = self.none(),
            Outcome::Inconclusive if too_many => {
                verdict.reason = format!(
                    "{}; at most {} may be unknown",
                    self.why_open(),
                    percent(policy.max_unattributed)
                );
            }
            _ => {}
        }
        verdict
    }

    /// What has to be known about these counts.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        let statuses = self.statuses.iter();
        let statuses = statuses.map(|(status, count)| format!("{count} × {status}"));
        let failed = (self.failed > 0).then(|| format!("{} without a response", self.failed));
        let all: Vec<String> = statuses.chain(failed).collect();
        let all = if all.is_empty() {
            String::new()
        } else {
            format!(" ({})", all.join(", "))
        };
        let retries: u64 = self.counts.targets.iter().map(|own| own.retries).sum();
        let retries = (retries > 0).then(|| {
            format!(
                "; {} left out, so that a request counts once",
                counted(retries, "retry")
            )
        });
        let basis = Note::new(
            Code::CountedByProxy,
            format!(
                "who got the requests is what the proxy counted ({}): their order and connections are not known, and statuses and times \
                 only of all together{all}{}",
                self.counts.source,
                retries.unwrap_or_default()
            ),
        );
        let foreign = (self.extra > 0).then(|| {
            Note::new(
                Code::ForeignRequests,
                format!(
                    "{}: each target is taken to have at least what remains when all of these are its own",
                    self.foreign()
                ),
            )
        });
        std::iter::once(basis).chain(foreign).collect()
    }

    /// Why some requests are nobody's.
    fn why_open(&self) -> String {
        let mut parts = Vec::new();
        if self.extra > 0 {
            parts.push(self.foreign());
        }
        parts.extend(self.counts.gaps.iter().cloned());
        if parts.is_empty() {
            parts.push(format!(
                "{} of {} requests ({}) were sent to no target of the split",
                self.open,
                self.seen.sent,
                percent(self.open as f64 / self.seen.sent.max(1) as f64)
            ));
        } else {
            parts.push(format!(
                "of {} which target got {} is not known",
                counted(self.seen.sent, "request"),
                self.open
            ));
        }
        parts.join("; ")
    }

    /// Which counted requests need not be of this run.
    fn foreign(&self) -> String {
        let targets = &self.counts.targets;
        let total: u64 = targets.iter().map(ClusterCount::first_tries).sum();
        let hidden: u64 = targets.iter().map(|own| own.hidden_retries).sum();
        let whose = match (self.counts.copies, hidden > 0) {
            (true, _) => "copies of requests that are mirrored there, or requests of others",
            (false, true) => "requests of others, or retries, of which it publishes no statistics",
            (false, false) => "requests of others",
        };
        if self.counts.background >= self.extra {
            return format!(
                "others send through the proxy as well: about {} in the time of this run, by what it counted before",
                counted(self.counts.background, "request")
            );
        }
        format!(
            "{} of {total} that the proxy counted are more than this run sent to targets: {whose}",
            counted(self.extra, "request")
        )
    }

    /// Why there is nothing to judge.
    fn none(&self) -> String {
        let sent = self.seen.sent;
        if self.extra > 0 || !self.counts.gaps.is_empty() {
            return self.why_open();
        }
        let local = self.seen.tallies.keys();
        if local.clone().any(|bucket| bucket.local_reply().is_some()) {
            return format!(
                "the proxy sent none of {sent} requests to a target, and answered them by itself"
            );
        }
        format!(
            "the proxy counted none of {sent} requests for a target of the split: they do not go through this proxy, or it answered \
             them by itself"
        )
    }
}

/// The same verdict where each count is a request that was sent to a target.
#[must_use]
pub fn of_requests(verdict: Verdict) -> Verdict {
    let words = |text: &str| {
        text.replace("responses", "requests")
            .replace("response", "request")
    };
    let note = |note: Note| Note {
        message: words(&note.message),
        ..note
    };
    Verdict {
        reason: words(&verdict.reason),
        diagnosis: verdict.diagnosis.into_iter().map(note).collect(),
        ..verdict
    }
}

fn named(target: &str) -> Bucket {
    Bucket {
        identity: Identity::Value(target.to_owned()),
        status: Bucket::NO_STATUS,
    }
}

fn add(seen: &mut Observation, bucket: Bucket, count: u64) {
    if count > 0 {
        let tally = seen.tallies.entry(bucket).or_insert_with(|| Tally {
            bytes: None,
            ..Tally::default()
        });
        tally.count += count;
    }
}

/// Adds the requests that no target has: replies of the proxy and requests without a response first, as far as there is room.
fn fill(seen: &mut Observation, open: u64, own: &Observation, expected: Option<&Expected>) {
    let mut left = open;
    let declared = |status: u16| {
        let mut declared = expected.into_iter().flat_map(Expected::declared);
        declared.any(|target| target.target.status() == Some(status))
    };
    let local = |bucket: &Bucket| bucket.local_reply().is_some() || declared(bucket.status);
    for (bucket, tally) in own.tallies.iter().filter(|(bucket, _)| local(bucket)) {
        let taken = tally.count.min(left);
        add(seen, bucket.clone(), taken);
        left -= taken;
    }
    if own.failed() <= left {
        seen.failures.clone_from(&own.failures);
        left -= own.failed();
    }
    let nobody = Bucket {
        identity: Identity::Missing,
        status: Bucket::NO_STATUS,
    };
    add(seen, nobody, left);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::parse_weights;
    use crate::verdict::attribution::Attribution;
    use crate::verdict::{Evidence, Number, judge};

    fn counts(tries: &[(&str, u64, u64)]) -> ClusterCounts {
        let targets = tries.iter().enumerate();
        let targets = targets.map(|(at, (name, tries, retries))| ClusterCount {
            name: (*name).to_owned(),
            declared: Some(at),
            tries: *tries,
            retries: *retries,
            hidden_retries: 0,
        });
        ClusterCounts {
            source: "http://admin".to_owned(),
            targets: targets.collect(),
            ..ClusterCounts::default()
        }
    }

    fn own(responses: &[(u16, u64)]) -> Observation {
        let mut own = Observation::default();
        for (status, count) in responses {
            let bucket = Bucket {
                identity: Identity::Missing,
                status: *status,
            };
            own.sent += count;
            add(&mut own, bucket, *count);
        }
        own
    }

    fn judged(counts: ClusterCounts, own: &Observation) -> (Verdict, Vec<u64>, u64) {
        let expected = parse_weights(&["v1=90,v2=10"]).expect("weights");
        let evidence = counts.evidence(own, Some(&expected));
        let pair = Some((&expected, &evidence.mapping));
        let attribution = Attribution::new(&evidence.seen, pair);
        let policy = Policy {
            number: Number::Fixed,
            ..Policy::default()
        };
        let verdict = judge(
            Evidence {
                declared: pair,
                seen: &evidence.seen,
                attribution: &attribution,
                hypotheses: &[],
                key: None,
            },
            &policy,
            None,
        );
        assert_eq!(
            evidence.seen.answered() + evidence.seen.failed(),
            evidence.seen.sent
        );
        let verdict = evidence.verdict(verdict, &policy);
        (
            verdict,
            attribution.counts.clone(),
            attribution.unattributed,
        )
    }

    #[test]
    fn what_the_proxy_counted_is_judged() {
        let (verdict, counts, open) = judged(
            counts(&[("v1", 8990, 0), ("v2", 1010, 0)]),
            &own(&[(200, 10_000)]),
        );
        assert_eq!(verdict.outcome, Outcome::Pass, "{}", verdict.reason);
        assert_eq!((counts, open), (vec![8990, 1010], 0));
    }

    #[test]
    fn another_split_diverges_in_words_of_requests() {
        let (verdict, ..) = judged(
            self::counts(&[("v1", 100, 0), ("v2", 900, 0)]),
            &own(&[(200, 1000)]),
        );
        assert_eq!(verdict.outcome, Outcome::Diverged);
        assert!(
            verdict.reason.contains("of 1000 requests"),
            "{}",
            verdict.reason
        );
    }

    #[test]
    fn a_request_that_is_tried_twice_counts_once() {
        let (verdict, counts, open) = judged(
            counts(&[("v1", 9000, 0), ("v2", 2000, 1000)]),
            &own(&[(200, 9000), (503, 1000)]),
        );
        assert_eq!(verdict.outcome, Outcome::Pass, "{}", verdict.reason);
        assert_eq!((counts, open), (vec![9000, 1000], 0));
    }

    #[test]
    fn requests_of_others_leave_the_verdict_open_where_they_are_too_many() {
        let (verdict, counts, open) = judged(
            counts(&[("v1", 900, 0), ("v2", 300, 0)]),
            &own(&[(200, 1000)]),
        );
        // Without the 200, v2 may have a tenth.
        assert_eq!(verdict.outcome, Outcome::Inconclusive, "{}", verdict.reason);
        assert_eq!((counts, open), (vec![700, 100], 200));
        assert!(
            verdict.reason.starts_with(
                "200 requests of 1200 that the proxy counted are more than this run sent to targets: requests of others; of 1000 \
                 requests which target got 200 is not known"
            ),
            "{}",
            verdict.reason
        );
        // However they are taken away, the split is another one.
        let (verdict, ..) = judged(
            self::counts(&[("v1", 100, 0), ("v2", 920, 0)]),
            &own(&[(200, 1000)]),
        );
        assert_eq!(verdict.outcome, Outcome::Diverged, "{}", verdict.reason);
    }

    #[test]
    fn what_others_send_meanwhile_is_taken_from_what_they_sent_before() {
        let quiet = counts(&[("v1", 900, 0), ("v2", 100, 0)]);
        let busy = ClusterCounts {
            background: 80,
            ..quiet
        };
        let (verdict, ..) = judged(busy, &own(&[(200, 1000)]));
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
        assert!(
            verdict
                .reason
                .starts_with("others send through the proxy as well: about 80 requests"),
            "{}",
            verdict.reason
        );
    }

    #[test]
    fn requests_that_reached_no_target_are_nobodys() {
        let (verdict, counts, open) = judged(
            counts(&[("v1", 900, 0), ("v2", 0, 0)]),
            &own(&[(200, 900), (503, 100)]),
        );
        assert_eq!((counts, open), (vec![900, 0], 100));
        assert_ne!(verdict.outcome, Outcome::Pass);
        let (verdict, ..) = judged(
            self::counts(&[("v1", 0, 0), ("v2", 0, 0)]),
            &own(&[(200, 50)]),
        );
        assert_eq!(verdict.outcome, Outcome::NoData);
        assert!(
            verdict.reason.contains("do not go through this proxy"),
            "{}",
            verdict.reason
        );
    }
}
