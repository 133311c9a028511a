//! What was seen: counts and latencies by bucket, failures by kind.

mod codec;
mod failure_cause;
mod failure_kind;
mod failures;
mod histogram;
mod latency_cell;
mod logged_request;
mod number_set;
mod phases;
mod recorder;
mod request_log;
mod response;
mod response_series;
mod schedule_stats;
mod summary;
mod timeline;
mod value_counts;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

pub use codec::PackedLog;
pub(crate) use codec::count::MOST as MOST_COUNT;
pub(crate) use codec::histogram::reset_memory as reset_histogram_memory;
pub use failure_cause::FailureCause;
pub use failure_kind::FailureKind;
pub use failures::{Failure, FailureCount, MOST_CAUSES};
pub(crate) use histogram::{compact, histogram};
pub use latency_cell::LatencyCell;
pub use logged_request::LoggedRequest;
pub use number_set::NumberSet;
pub use phases::{Phases, Setup};
pub use recorder::{Recorder, Sent, Timing};
pub use request_log::{InOrder, Ordered, REMEMBERED, RequestLog, RequestRecord};
pub use response::Response;
pub use response_series::{Interval, ResponseSeries};
pub use schedule_stats::ScheduleStats;
pub use summary::Latency;
pub use timeline::{Slice, Timeline};
pub use value_counts::ValueCounts;

use crate::split::{Bucket, Consulted};
use histogram::add;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<B> {
    /// A complete response, counted under `B`.
    Answered(B),
    /// No response, or only part of one.
    Failed(Failure),
}

/// The responses of one bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    #[serde(deserialize_with = "codec::count::deserialize")]
    pub count: u64,
    /// Service time: from the send on an open connection to the last byte, in microseconds.
    #[serde(rename = "service", with = "codec::histogram")]
    pub latency: Histogram<u64>,
    /// Response time: from the intended start to the last byte, in microseconds; `None` where nothing was intended but to
    /// send when the last response had come.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "codec::histogram::option"
    )]
    pub response: Option<Histogram<u64>>,
    /// Time to the first byte, from the same start as the response time, in microseconds. Reports from before it was kept by
    /// bucket have none.
    #[serde(
        default = "histogram",
        rename = "ttfb",
        skip_serializing_if = "Histogram::is_empty",
        with = "codec::histogram"
    )]
    pub first_byte: Histogram<u64>,
    /// When their requests began, and how long they took, from the same start as the response time. Empty where several runs
    /// were added, and in reports from before it was kept.
    #[serde(
        default,
        rename = "over_time",
        skip_serializing_if = "ResponseSeries::is_empty",
        with = "codec::response_series"
    )]
    pub series: ResponseSeries,
    /// Bytes of the bodies as they came: transfer coding removed, content coding kept. `None` in reports from before they were
    /// counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// Everything that was seen in a run. `merge` is associative and commutative (but for which example is kept). A report has
/// the responses and the log beside it, in the order of its rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Requests begun, answered or not.
    #[serde(deserialize_with = "codec::count::deserialize")]
    pub sent: u64,
    /// The responses, by bucket.
    #[serde(skip)]
    pub tallies: BTreeMap<Bucket, Tally>,
    /// Connections that were established.
    #[serde(deserialize_with = "codec::count::deserialize")]
    pub connections: u64,
    /// Requests sent again because a kept connection was closed under them, or because the server refused their stream;
    /// counted once in `sent`. Whose they were the first time nobody knows.
    #[serde(deserialize_with = "codec::count::deserialize")]
    pub retried: u64,
    /// From the first send to the last response.
    #[serde(rename = "elapsed_s", with = "codec::seconds")]
    pub elapsed: Duration,
    /// The failures, by kind.
    #[serde(with = "failures")]
    pub failures: BTreeMap<FailureKind, FailureCount>,
    /// How long the parts of a request took.
    #[serde(default)]
    pub phases: Phases,
    /// How well the starts of an open loop were kept; `None` for a closed loop.
    #[serde(default)]
    pub pace: Option<ScheduleStats>,
    /// Service times of the first requests of a closed loop, one for each that may be under way: they found no queue yet.
    /// In microseconds; `None` for an open loop, and after a warm-up.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "codec::histogram::option"
    )]
    pub first_batch: Option<Histogram<u64>>,
    /// When requests began and ended.
    #[serde(
        default,
        skip_serializing_if = "Timeline::is_empty",
        with = "codec::timeline"
    )]
    pub timeline: Timeline,
    /// When the requests that failed began, and after how long they did. Empty as in [`Tally::series`].
    #[serde(
        default,
        skip_serializing_if = "ResponseSeries::is_empty",
        with = "codec::response_series"
    )]
    pub failed_over_time: ResponseSeries,
    /// How the first requests ended, in the order of dispatch.
    #[serde(skip)]
    pub log: RequestLog,
    /// The first response in full, where it was asked for.
    #[serde(skip)]
    pub response: Option<Response>,
    /// How often each `--bucket` was asked and found a value, in their order; empty where nobody counted.
    #[serde(skip)]
    pub consulted: Vec<Consulted>,
    /// What the first responses carry, errors left out; of a saved run who shared out the requests, and where they went.
    #[serde(default, skip_serializing_if = "ValueCounts::saves_nothing")]
    pub carried: ValueCounts,
}

/// Distinct buckets that are kept apart in one run; every thread has its own lower cap. Those that come after count as
/// overflow, with their status.
pub const MOST_BUCKETS: usize = 256;

/// How many bytes of requests are digested at once.
const DIGESTED: usize = 1 << 12;

impl Default for Tally {
    fn default() -> Self {
        Self {
            count: 0,
            latency: histogram(),
            response: None,
            first_byte: histogram(),
            series: ResponseSeries::default(),
            bytes: Some(0),
        }
    }
}

/// The bucket itself if it is known or there is room for one more beside those kept, else the overflow.
fn capped(bucket: &Bucket, known: bool, kept: usize) -> Bucket {
    if known || kept < MOST_BUCKETS {
        bucket.clone()
    } else {
        bucket.overflow()
    }
}

impl Tally {
    /// How long whoever sent had to wait: from the intended start where there was one, else from the send.
    #[must_use]
    pub fn response(&self) -> &Histogram<u64> {
        self.response.as_ref().unwrap_or(&self.latency)
    }

    /// Adds another tally to this one.
    pub fn merge(&mut self, other: &Self) {
        if self.response.is_some() || other.response.is_some() {
            let mut response = self.response.take().unwrap_or_else(|| self.latency.clone());
            add(&mut response, other.response());
            self.response = Some(response);
        }
        self.count = self.count.saturating_add(other.count);
        self.bytes = (self.bytes.zip(other.bytes)).map(|(own, other)| own.saturating_add(other));
        add(&mut self.latency, &other.latency);
        add(&mut self.first_byte, &other.first_byte);
        self.series.merge(&other.series);
    }
}

impl Observation {
    /// Complete responses.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.tallies.values().map(|tally| tally.count).sum()
    }

    /// Requests without a complete response.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().map(|failed| failed.count).sum()
    }

    /// Whether the responses came with their times, as those of a run do and counts that somebody else has made do not.
    #[must_use]
    pub fn has_times(&self) -> bool {
        let mut tallies = self.tallies.values();
        self.tallies.is_empty() || tallies.any(|tally| !tally.latency.is_empty())
    }

    /// Whether the responses came with statuses, as those of a run do and counts that are typed do not.
    #[must_use]
    pub fn has_statuses(&self) -> bool {
        let known = |bucket: &Bucket| bucket.status != Bucket::NO_STATUS;
        let mut buckets = self.tallies.keys();
        // Replies of the proxy have one, whoever counted what the targets got.
        let of_targets = |bucket: &Bucket| known(bucket) && bucket.local_reply().is_none();
        buckets.clone().all(known) || buckets.any(of_targets)
    }

    /// Adds what another thread or moment saw.
    pub fn merge(&mut self, other: &Self) {
        self.merge_counts(other);
        self.log.merge(&other.log);
    }

    /// All but the log.
    fn merge_counts(&mut self, other: &Self) {
        self.sent = self.sent.saturating_add(other.sent);
        self.connections = self.connections.saturating_add(other.connections);
        self.retried = self.retried.saturating_add(other.retried);
        self.elapsed = self.elapsed.max(other.elapsed);
        self.phases.merge(&other.phases);
        if let Some(pace) = &other.pace {
            self.pace.get_or_insert_default().merge(pace);
        }
        if let Some(first) = &other.first_batch {
            add(self.first_batch.get_or_insert_with(histogram), first);
        }
        self.timeline.merge(&other.timeline);
        self.failed_over_time.merge(&other.failed_over_time);
        if self.response.is_none() {
            self.response.clone_from(&other.response);
        }
        self.carried.merge(&other.carried);
        let asked = self.consulted.len().max(other.consulted.len());
        self.consulted.resize(asked, Consulted::default());
        for (own, other) in self.consulted.iter_mut().zip(&other.consulted) {
            own.merge(*other);
        }
        for (bucket, tally) in &other.tallies {
            let known = self.tallies.contains_key(bucket);
            let bucket = capped(bucket, known, self.tallies.len());
            self.tallies.entry(bucket).or_default().merge(tally);
        }
        for (kind, failed) in &other.failures {
            self.failures.entry(*kind).or_default().merge(failed);
        }
    }

    /// Adds another run, of another load generator: unlike [`Self::merge`], sequence and connection numbers are its own. So is
    /// its time: the sum has nothing that is kept over time.
    pub fn append(&mut self, other: &Self) {
        self.merge_counts(other);
        self.timeline = Timeline::default();
        self.failed_over_time = ResponseSeries::default();
        for tally in self.tallies.values_mut() {
            tally.series = ResponseSeries::default();
        }
        self.log.append(&other.log);
    }

    /// A number that two runs share only where they are one and the same.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.sent, self.connections, self.retried, self.elapsed).hash(&mut hasher);
        for (bucket, tally) in &self.tallies {
            format!("{bucket:?}").hash(&mut hasher);
            let times = [&tally.latency, tally.response()];
            (
                tally.count,
                times.map(|own| (own.min(), own.max(), own.len())),
            )
                .hash(&mut hasher);
        }
        for (kind, failed) in &self.failures {
            (format!("{kind:?}"), failed.count).hash(&mut hasher);
        }
        (self.timeline.last_begun(), self.timeline.end()).hash(&mut hasher);
        // A sequence stands once in a run.
        let names = |bucket: &'_ Bucket| {
            let mut name = DefaultHasher::new();
            (bucket.status, bucket.value()).hash(&mut name);
            Some(name.finish())
        };
        let mut requests = Vec::with_capacity(DIGESTED);
        for ended in self.log.in_order(names) {
            let latency = ended.latency.map_or(u16::MAX, LatencyCell::number);
            requests.extend_from_slice(&ended.sequence.to_ne_bytes());
            requests.extend_from_slice(&ended.connection.to_ne_bytes());
            requests.extend_from_slice(&latency.to_ne_bytes());
            requests.extend_from_slice(&ended.of.unwrap_or_default().to_ne_bytes());
            // Many at once: a hasher takes long over each piece.
            if requests.len() >= DIGESTED {
                hasher.write(&requests);
                requests.clear();
            }
        }
        hasher.write(&requests);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::histogram::note;
    use crate::split::Identity;
    use proptest::prelude::*;

    fn observation() -> impl Strategy<Value = Observation> {
        let responses = prop::collection::vec((0_u8..3, 0_u64..5_000_000, any::<bool>()), 0..20);
        let failures = prop::collection::vec(0_usize..FailureKind::ALL.len(), 0..5);
        (responses, failures, 0_u64..9).prop_map(|(responses, failures, connections)| {
            let mut seen = Observation {
                sent: (responses.len() + failures.len()) as u64,
                connections,
                ..Observation::default()
            };
            for (at, (name, micros, open)) in responses.into_iter().enumerate() {
                let bucket = Bucket {
                    identity: Identity::Value(name.to_string()),
                    status: 200,
                };
                let mut noted = RequestLog::default();
                noted.note(at as u64, u32::from(name), Some(0), None);
                seen.log.merge(&noted.named(std::slice::from_ref(&bucket)));
                let mut one = Tally {
                    count: 1,
                    ..Tally::default()
                };
                one.latency.record(micros).expect("growing");
                if open {
                    let mut response = histogram();
                    response.record(micros + 7).expect("growing");
                    one.response = Some(response);
                    seen.pace.get_or_insert_default().late += 1;
                }
                seen.tallies.entry(bucket).or_default().merge(&one);
                let (begun, took) = (
                    Duration::from_micros(at as u64 * 90_000),
                    Duration::from_micros(micros),
                );
                seen.timeline.record(begun, begun + took, true);
                note(seen.first_batch.get_or_insert_with(histogram), took);
                note(
                    &mut seen.phases.first_byte,
                    Duration::from_micros(micros / 2),
                );
            }
            for kind in failures {
                let failed = seen.failures.entry(FailureKind::ALL[kind]).or_default();
                failed.add(1, Failure::new(FailureKind::ALL[kind], "why"));
            }
            seen
        })
    }

    fn merged(parts: &[&Observation]) -> Observation {
        let mut sum = Observation::default();
        for part in parts {
            sum.merge(part);
        }
        sum
    }

    proptest! {
        #[test]
        fn merge_is_associative_and_commutative(a in observation(), b in observation(), c in observation()) {
            let all = merged(&[&a, &b, &c]);
            prop_assert_eq!(&merged(&[&merged(&[&a, &b]), &c]), &all);
            prop_assert_eq!(&merged(&[&c, &a, &b]), &all);
        }

        #[test]
        fn every_request_is_answered_or_failed(a in observation(), b in observation()) {
            let sum = merged(&[&a, &b]);
            prop_assert_eq!(sum.answered() + sum.failed(), sum.sent);
        }
    }

    #[test]
    fn another_run_is_added_after_this_one_with_connections_of_its_own() {
        let bucket = Bucket {
            identity: Identity::Value("v1".into()),
            status: 200,
        };
        let ended = |sequence, connection| RequestRecord {
            sequence,
            connection,
            bucket: Some(&bucket),
            latency: None,
        };
        let mut one = RequestLog::default();
        // The third request of the first run was never heard of again.
        for (sequence, connection) in [(1, 1), (0, 0), (3, 1)] {
            one.push(ended(sequence, connection));
        }
        let mut other = RequestLog::default();
        other.push(ended(0, 0));
        one.append(&other);
        let order: Vec<(u32, u32)> = one.since(0).map(|e| (e.sequence, e.connection)).collect();
        assert_eq!(
            (order.as_slice(), one.starts()),
            ([(0, 0), (1, 1), (2, 2)].as_slice(), [2].as_slice())
        );
    }

    #[test]
    fn however_many_threads_bring_values_only_so_many_are_kept_apart() {
        let mut all = Observation::default();
        for thread in 0..20 {
            let mut names = Vec::new();
            let mut recorder = Recorder::default();
            for at in 0..64 {
                names.push(Bucket {
                    identity: Identity::Value(format!("{thread}/{at}")),
                    status: 200,
                });
                let sent = Sent {
                    sequence: thread * 64 + at,
                    connection: 0,
                    resent: false,
                };
                let place = usize::try_from(at).expect("small");
                recorder.record(sent, Outcome::Answered(place), Timing::default());
            }
            all.merge(&recorder.drain(&names, Duration::ZERO));
        }
        assert_eq!(
            (all.tallies.len(), all.answered()),
            (MOST_BUCKETS + 1, 20 * 64)
        );
        let overflow = all
            .tallies
            .keys()
            .filter(|bucket| bucket.identity == Identity::Overflow);
        assert_eq!(overflow.count(), 1);
        let in_order = |ended: &RequestRecord<'_>| {
            ended
                .bucket
                .is_some_and(|bucket| bucket.identity == Identity::Overflow)
        };
        assert_eq!(
            all.log.since(0).filter(in_order).count(),
            20 * 64 - MOST_BUCKETS
        );
    }
}
