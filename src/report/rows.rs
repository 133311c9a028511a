//! What formats show of an observation: rows that are derived from it, and stand beside it in the JSON form.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::timeline::{Connections, MOST_COLUMNS, Slice, connections, slices};
use crate::observe::{
    Latency, LatencyCell, NumberSet, Observation, Ordered, PackedLog, RequestLog, ResponseSeries,
    Tally,
};
use crate::split::{Bucket, Expected, TargetShare};
use crate::verdict::attribution::{Attribution, Classification, Row, classify, label_of};
use crate::verdict::mapping::Mapping;
use crate::verdict::slo::LatencyIntervals;
use crate::verdict::{Policy, ShareIntervals, Unit};

/// The rows of an observation. Of those in a file, only what it takes to have the observation back is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ObservationRows {
    /// Complete responses.
    pub answered: u64,
    /// Requests without a complete response.
    #[serde(skip_deserializing)]
    pub failed: u64,
    /// Responses without identity, and requests without a response.
    #[serde(skip_deserializing)]
    pub unattributed: u64,
    /// Complete responses per second.
    #[serde(skip_deserializing)]
    pub rps: f64,
    /// Bytes of the bodies of all complete responses as they came; `None` in reports from before they were counted.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How long the parts of requests and connections took.
    #[serde(skip_deserializing)]
    pub phases_ms: PhaseRows,
    /// Responses by value.
    pub buckets: Vec<BucketRow>,
    /// Responses by declared target, in the order of the declaration.
    #[serde(skip_deserializing)]
    pub targets: Vec<TargetRow>,
    /// The run in parts, in the order in which requests were sent.
    #[serde(skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    pub slices: Vec<Slice>,
    /// Which connections led where.
    #[serde(skip_deserializing)]
    pub connection_table: Connections,
    /// How single requests ended, as far as they are remembered, with the `answers` of all `buckets` as their list of
    /// buckets. A merged report has them in its parts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requests: Option<PackedLog>,
}

/// How long the parts of requests and connections took; `None` for what was not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PhaseRows {
    /// Asking for the addresses of the name, for each new connection.
    pub dns: Option<Latency>,
    /// Connecting, for each new connection.
    pub connect: Option<Latency>,
    /// The TLS handshake, for each new connection.
    pub tls: Option<Latency>,
    /// From the send of a request to the first byte of its response.
    pub first_byte: Option<Latency>,
    /// From the send of a request to the last byte of its response.
    pub total: Option<Latency>,
}

/// The responses of one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketRow {
    /// The value, as it is shown.
    #[serde(skip_deserializing)]
    pub bucket: String,
    /// The declared target it belongs to.
    pub target: Option<String>,
    /// Where it belongs.
    pub place: Place,
    /// Where the manifests name it, if they do and it is not declared: `the subset of http[1] (in.yaml:12)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// How many.
    #[serde(skip_deserializing)]
    pub count: u64,
    /// Of all complete responses.
    #[serde(skip_deserializing)]
    pub share: f64,
    /// At the confidence of the verdict, by the method of its `intervals`.
    #[serde(skip_deserializing)]
    pub share_interval: [f64; 2],
    /// How many had which status.
    #[serde(skip_deserializing)]
    pub statuses: BTreeMap<u16, u64>,
    /// Responses per second, of the run.
    #[serde(skip_deserializing)]
    pub rps: f64,
    /// Bytes of the bodies as they came; `None` where they were not counted.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// From the intended start to the last byte; without a rate, the same as `service_ms`. `None` where only counts are known.
    #[serde(skip_deserializing)]
    pub response_ms: Option<Latency>,
    /// The 95 % intervals of the percentiles in `response_ms`, by order statistics of as many responses as they are worth;
    /// `None` without a response.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub response_ms_intervals: Option<LatencyIntervals>,
    /// From the send to the last byte; `None` where only counts are known.
    #[serde(skip_deserializing)]
    pub service_ms: Option<Latency>,
    /// From the start of `response_ms` to the first byte; `None` in reports from before it was kept by value.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub ttfb_ms: Option<Latency>,
    /// The same responses by what they said of themselves, with all their latencies.
    pub answers: Vec<Responses>,
}

/// Where the responses of a value belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// To a declared target.
    Declared,
    /// To something that was not declared.
    Undeclared,
    /// Nobody knows.
    Unattributed,
    /// Nothing was declared.
    Counted,
}

/// Responses of one identity and status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Responses {
    /// What they said of themselves.
    #[serde(flatten)]
    pub bucket: Bucket,
    /// How many, and how long they took.
    #[serde(flatten)]
    pub tally: Tally,
}

/// The responses of one declared target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetRow {
    /// The short name.
    pub target: String,
    /// The declared share.
    pub declared: f64,
    /// Of all complete responses.
    pub share: f64,
    /// As in [`BucketRow`].
    pub share_interval: [f64; 2],
    /// How many had which status.
    pub statuses: BTreeMap<u16, u64>,
    /// Responses per second, of the run.
    pub rps: f64,
    /// As in [`BucketRow`]; `None` without a response.
    pub response_ms: Option<Latency>,
    /// As in [`BucketRow`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_ms_intervals: Option<LatencyIntervals>,
    /// From the send to the last byte; `None` without a response.
    pub service_ms: Option<Latency>,
    /// As in [`BucketRow`]; `None` without a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttfb_ms: Option<Latency>,
    /// How many, and how long they took.
    #[serde(flatten)]
    pub tally: Tally,
}

impl Place {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Undeclared => "undeclared",
            Self::Unattributed => "unattributed",
            Self::Counted => "counted",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Classification> for Place {
    fn from(place: Classification) -> Self {
        match place {
            Classification::Target(_) => Self::Declared,
            Classification::Undeclared => Self::Undeclared,
            Classification::Unattributed => Self::Unattributed,
            Classification::Counted => Self::Counted,
        }
    }
}

impl PhaseRows {
    fn of(seen: &Observation) -> Self {
        let mut all = Tally::default();
        for tally in seen.tallies.values() {
            all.merge(tally);
        }
        let phases = &seen.phases;
        Self {
            dns: Latency::of(&phases.dns),
            connect: Latency::of(&phases.connect),
            tls: Latency::of(&phases.tls),
            first_byte: Latency::of(&phases.first_byte),
            total: Latency::of(&all.latency),
        }
    }
}

impl BucketRow {
    /// Responses with a status of 400 or more.
    pub(super) fn errors(&self) -> u64 {
        self.statuses.range(400..).map(|(_, count)| count).sum()
    }
}

impl ObservationRows {
    /// The rows of what was seen.
    #[must_use]
    pub fn of(
        seen: &Observation,
        declared: Option<(&Expected, &Mapping)>,
        policy: &Policy,
        intervals: Option<ShareIntervals>,
    ) -> Self {
        let attribution = Attribution::new(seen, declared);
        let intervals = intervals.unwrap_or_default();
        let rows = Derivation {
            seen,
            declared,
            attribution: &attribution,
            policy,
            intervals,
            requests: LatenciesInOrder::new(&seen.log),
            connections: (intervals.over == Unit::Connection)
                .then(|| first_of_connections(&seen.log)),
        };
        let buckets = rows.buckets();
        let columns = declared.map_or(attribution.rows.len().min(MOST_COLUMNS), |(split, _)| {
            split.declared().len()
        });
        let column = |bucket: &Bucket| rows.column(bucket).filter(|at| *at < columns);
        let all = buckets.iter().flat_map(|row| &row.answers);
        let list: Vec<&Bucket> = all.map(|responses| &responses.bucket).collect();
        Self {
            answered: seen.answered(),
            failed: seen.failed(),
            unattributed: attribution.unattributed,
            rps: rows.per_second(seen.answered()),
            bytes: buckets.iter().map(|row| row.bytes).sum(),
            phases_ms: PhaseRows::of(seen),
            targets: rows.targets(),
            slices: slices(&seen.log, columns, column),
            connection_table: connections(&seen.log, columns, column),
            requests: PackedLog::pack(&seen.log, &list),
            buckets,
        }
    }
}

/// What rows are derived from.
struct Derivation<'a> {
    seen: &'a Observation,
    declared: Option<(&'a Expected, &'a Mapping)>,
    attribution: &'a Attribution,
    policy: &'a Policy,
    intervals: ShareIntervals,
    requests: LatenciesInOrder<'a>,
    /// How many connections had their first response in each bucket, where intervals are over connections.
    connections: Option<Vec<(&'a Bucket, u64)>>,
}

impl Derivation<'_> {
    fn split(&self) -> &[TargetShare] {
        self.declared.map_or(&[], |(split, _)| split.declared())
    }

    /// A share of the complete responses, with its interval; `own` are its buckets.
    fn share(&self, own: &[Bucket], count: u64, declared: Option<f64>) -> (f64, [f64; 2]) {
        let answered = self.seen.answered();
        if answered == 0 {
            return (0.0, [0.0, 1.0]);
        }
        let comparisons = self.split().iter().filter(|own| !own.share.is_zero());
        let counted = match &self.connections {
            None => (count, answered),
            Some(first) => {
                let led = first.iter().filter(|(bucket, _)| own.contains(bucket));
                let count = |(_, count): &(&Bucket, u64)| *count;
                (led.map(count).sum(), first.iter().map(count).sum())
            }
        };
        let interval =
            (self.intervals).interval(self.policy, comparisons.count(), counted, declared);
        (count as f64 / answered as f64, interval)
    }

    /// So many responses in the time of the run; 0 where it took none.
    fn per_second(&self, count: u64) -> f64 {
        let elapsed = self.seen.elapsed.as_secs_f64();
        if elapsed > 0.0 {
            count as f64 / elapsed
        } else {
            0.0
        }
    }

    fn latency_intervals(&self, tally: &Tally, own: &[Bucket]) -> Option<LatencyIntervals> {
        LatencyIntervals::of(tally.response(), self.requests.of(own).into_owned())
    }

    fn buckets(&self) -> Vec<BucketRow> {
        let row = |(at, row): (usize, &Row)| {
            let declared = match row.place {
                Classification::Target(index) => Some(self.split()[index].share.as_f64()),
                _ => None,
            };
            let (share, share_interval) = self.share(&row.buckets, row.tally.count, declared);
            let own = self.seen.tallies.iter();
            let own = own.filter(|(bucket, _)| self.row(bucket) == Some(at));
            BucketRow {
                bucket: row.label.clone(),
                target: match row.place {
                    Classification::Target(index) => Some(self.split()[index].name.clone()),
                    _ => None,
                },
                place: row.place.into(),
                known: row.origin.clone(),
                count: row.tally.count,
                share,
                share_interval,
                statuses: row.statuses.clone(),
                rps: self.per_second(row.tally.count),
                bytes: row.tally.bytes,
                response_ms: Latency::of(row.tally.response()),
                response_ms_intervals: self.latency_intervals(&row.tally, &row.buckets),
                service_ms: Latency::of(&row.tally.latency),
                ttfb_ms: Latency::of(&row.tally.first_byte),
                answers: own
                    .map(|(bucket, tally)| Responses {
                        bucket: bucket.clone(),
                        tally: tally.clone(),
                    })
                    .collect(),
            }
        };
        self.attribution.rows.iter().enumerate().map(row).collect()
    }

    fn targets(&self) -> Vec<TargetRow> {
        let row = |(index, declared): (usize, &TargetShare)| {
            // Over time they stand in the rows of the values.
            let tally = Tally {
                series: ResponseSeries::default(),
                ..self.attribution.target(index)
            };
            let place = Classification::Target(index);
            let own = self
                .attribution
                .rows
                .iter()
                .filter(|row| row.place == place);
            let mut statuses = BTreeMap::new();
            for (status, count) in own.clone().flat_map(|row| &row.statuses) {
                *statuses.entry(*status).or_default() += count;
            }
            let own: Vec<Bucket> = own.flat_map(|row| row.buckets.clone()).collect();
            let part = declared.share.as_f64();
            let (share, share_interval) = self.share(&own, tally.count, Some(part));
            TargetRow {
                target: declared.name.clone(),
                declared: part,
                share,
                share_interval,
                statuses,
                rps: self.per_second(tally.count),
                response_ms: Latency::of(tally.response()),
                response_ms_intervals: self.latency_intervals(&tally, &own),
                service_ms: Latency::of(&tally.latency),
                ttfb_ms: Latency::of(&tally.first_byte),
                tally,
            }
        };
        self.split().iter().enumerate().map(row).collect()
    }

    /// The row that a bucket is in.
    fn row(&self, bucket: &Bucket) -> Option<usize> {
        let place = classify(bucket, self.declared);
        let label = label_of(bucket, place, self.declared.map(|(split, _)| split));
        let mut rows = self.attribution.rows.iter();
        rows.position(|row| row.place == place && row.label == label)
    }

    /// Where a response is drawn: at its declared target, or where nothing is declared at its row.
    fn column(&self, bucket: &Bucket) -> Option<usize> {
        match classify(bucket, self.declared) {
            Classification::Target(index) => Some(index),
            _ if self.declared.is_some() => None,
            _ => self.row(bucket),
        }
    }
}

/// How many connections had their first response, in the order of dispatch, in each bucket.
fn first_of_connections(log: &RequestLog) -> Vec<(&Bucket, u64)> {
    let mut counts: Vec<(&Bucket, u64)> = log.buckets().map(|bucket| (bucket, 0)).collect();
    let mut known = NumberSet::default();
    let at = |bucket: &Bucket| log.buckets().position(|own| own == bucket);
    let answered = log
        .in_order(at)
        .filter_map(|ended| Some((ended.connection, ended.of?)));
    for (connection, bucket) in answered {
        counts[bucket].1 += u64::from(known.insert(connection));
    }
    counts
}

/// The latencies of all requests in the order of dispatch, by bucket.
struct LatenciesInOrder<'a> {
    log: &'a RequestLog,
    buckets: Vec<(&'a Bucket, Vec<LatencyCell>)>,
}

impl<'a> LatenciesInOrder<'a> {
    fn new(log: &'a RequestLog) -> Self {
        let mut buckets: Vec<(&Bucket, Vec<LatencyCell>)> =
            log.buckets().map(|bucket| (bucket, Vec::new())).collect();
        let at = |bucket: &Bucket| log.buckets().position(|own| own == bucket);
        for ended in log.in_order(at) {
            if let (Some(bucket), Some(latency)) = (ended.of, ended.latency) {
                buckets[bucket].1.push(latency);
            }
        }
        Self { log, buckets }
    }

    /// Those of some buckets.
    fn of(&self, own: &[Bucket]) -> Cow<'_, [LatencyCell]> {
        let buckets = self.buckets.iter();
        let mut some = buckets.filter(|(bucket, all)| !all.is_empty() && own.contains(bucket));
        match (some.next(), some.next()) {
            (None, _) => Cow::Borrowed(&[]),
            (Some((_, all)), None) => Cow::Borrowed(all),
            _ => {
                let in_order = self
                    .log
                    .in_order(|bucket| own.contains(bucket).then_some(()));
                let latency = |ended: Ordered<()>| ended.of.and(ended.latency);
                Cow::Owned(in_order.filter_map(latency).collect())
            }
        }
    }
}
