//! Counting in place, on one thread.

use std::time::Duration;

use super::histogram::{add, histogram, note};
use super::{Observation, Outcome, Response, Setup, Tally};
use crate::split::Bucket;

/// Which request it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its place in the order of dispatch, from 0.
    pub sequence: u64,
    /// The connection it went over, numbered within the run; any number where there was none.
    pub connection: u32,
    /// Whether it had to be sent again: whose it was the first time nobody knows, so it is no draw of the split.
    pub resent: bool,
}

/// How long one request took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// From the send to the last byte.
    pub service: Duration,
    /// From the send to the first byte.
    pub first_byte: Duration,
    /// From the intended start to the last byte, where there was one.
    pub response: Option<Duration>,
    /// When it began, counted from the beginning of the run, where that is known.
    pub begun: Option<Duration>,
}

impl Timing {
    /// A request of which nothing is known but this.
    #[must_use]
    pub fn of(service: Duration) -> Self {
        Self {
            service,
            first_byte: service,
            ..Self::default()
        }
    }
}

/// One thread's counts since they were last drained. Buckets are numbered by the caller.
#[derive(Debug, Default)]
pub struct Recorder {
    /// By bucket number.
    tallies: Vec<Tally>,
    /// Everything that has no number.
    rest: Observation,
}

impl Recorder {
    /// Counts the end of a request. Buckets are numbered from 0 without gaps.
    pub fn record(&mut self, sent: Sent, outcome: Outcome<usize>, timing: Timing) {
        self.rest.sent += 1;
        let drawn = match &outcome {
            Outcome::Answered(bucket) if !sent.resent => Some(*bucket),
            _ => None,
        };
        self.rest.retried += u64::from(sent.resent);
        let latency = timing.response.unwrap_or(timing.service);
        let latency = drawn.map(|_| latency);
        self.rest
            .log
            .note(sent.sequence, sent.connection, drawn, latency);
        match outcome {
            Outcome::Answered(bucket) => {
                if bucket >= self.tallies.len() {
                    self.tallies.resize_with(bucket + 1, Tally::default);
                }
                let tally = &mut self.tallies[bucket];
                tally.count += 1;
                note(&mut tally.latency, timing.service);
                if let Some(begun) = timing.begun {
                    let took = timing.response.unwrap_or(timing.service);
                    tally.series.record(begun, took);
                }
                let mut first_byte = timing.first_byte;
                if let Some(response) = timing.response {
                    note(tally.response.get_or_insert_with(histogram), response);
                    note(&mut self.rest.phases.first_byte, first_byte);
                    first_byte += response.saturating_sub(timing.service);
                }
                note(&mut tally.first_byte, first_byte);
            }
            Outcome::Failed(failure) => {
                let failed = self.rest.failures.entry(failure.kind).or_default();
                failed.add(1, failure);
                if let Some(begun) = timing.begun {
                    let took = timing.response.unwrap_or(timing.service);
                    self.rest.failed_over_time.record(begun, took);
                }
            }
        }
    }

    /// Counts the bytes of the body of a response that was recorded under this number.
    pub fn received(&mut self, bucket: usize, bytes: u64) {
        if let Some(tally) = self.tallies.get_mut(bucket) {
            tally.bytes = tally.bytes.map(|own| own.saturating_add(bytes));
        }
    }

    /// Notes when a request began and ended, counted from the beginning of the run.
    pub fn passed(&mut self, begun: Duration, ended: Duration, answered: bool) {
        self.rest.timeline.record(begun, ended, answered);
    }

    /// Notes the service time of a response to one of the first requests of a closed loop.
    pub fn first(&mut self, service: Duration) {
        note(self.rest.first_batch.get_or_insert_with(histogram), service);
    }

    /// Counts an established connection.
    pub fn connected(&mut self, setup: Setup) {
        self.rest.connections += 1;
        self.rest.phases.connected(setup);
    }

    /// Notes how late an open loop began with a request; `full` when no connection was free and no further one allowed.
    pub fn started(&mut self, lag: Duration, full: bool) {
        let pace = self.rest.pace.get_or_insert_default();
        note(&mut pace.lag, lag);
        pace.late += u64::from(full);
    }

    /// Counts requests that were due and could not be sent before the end.
    pub fn unsent(&mut self, requests: u64) {
        self.rest.pace.get_or_insert_default().unsent += requests;
    }

    /// Counts what a response carries, by the `--bucket` that reads it.
    pub fn carried(&mut self, values: impl IntoIterator<Item = (String, String)>) {
        self.rest.carried.push(values);
    }

    /// Keeps the first response in full.
    pub fn response(&mut self, of: impl FnOnce() -> Response) {
        self.rest.response.get_or_insert_with(of);
    }

    /// What was counted since the last call; `names` are the buckets by number.
    pub fn drain(&mut self, names: &[Bucket], elapsed: Duration) -> Observation {
        let mut seen = std::mem::take(&mut self.rest);
        seen.elapsed = elapsed;
        seen.log = std::mem::take(&mut seen.log).named(names);
        for (name, tally) in names
            .iter()
            .zip(&mut self.tallies)
            .filter(|(_, tally)| tally.count > 0)
        {
            let series = std::mem::take(&mut tally.series);
            let drained = Tally {
                series,
                ..tally.clone()
            };
            seen.tallies.insert(name.clone(), drained);
            if tally.response.is_none() {
                // What nobody intended to send earlier waits from its send.
                add(&mut seen.phases.first_byte, &tally.first_byte);
            }
            tally.count = 0;
            tally.bytes = Some(0);
            for times in [&mut tally.latency, &mut tally.first_byte]
                .into_iter()
                .chain(&mut tally.response)
            {
                times.reset();
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Failure, FailureKind};
    use crate::split::Identity;
    use proptest::prelude::*;

    fn names() -> Vec<Bucket> {
        ["a", "b", "c"]
            .iter()
            .map(|name| Bucket {
                identity: Identity::Value((*name).into()),
                status: 200,
            })
            .collect()
    }

    fn timing(service: Duration) -> Timing {
        Timing {
            service,
            first_byte: service / 2,
            response: Some(service * 2),
            begun: Some(service * 3),
        }
    }

    fn record(recorder: &mut Recorder, event: (usize, u64)) {
        let outcome = match event.0 {
            3 => Outcome::Failed(Failure::new(FailureKind::Reset, "why")),
            bucket => Outcome::Answered(bucket),
        };
        let sent = Sent {
            sequence: event.1,
            connection: 0,
            resent: false,
        };
        let service = Duration::from_micros(event.1);
        recorder.record(sent, outcome, timing(service));
    }

    #[test]
    fn a_slow_answer_is_recorded_as_slow() {
        let mut recorder = Recorder::default();
        let sent = Sent {
            sequence: 0,
            connection: 0,
            resent: false,
        };
        recorder.record(sent, Outcome::Answered(0), timing(Duration::from_secs(90)));
        recorder.record(
            sent,
            Outcome::Answered(0),
            timing(Duration::from_millis(20)),
        );
        let seen = recorder.drain(&names(), Duration::ZERO);
        let latency = &seen.tallies[&names()[0]].latency;
        assert!(
            latency.equivalent(latency.max(), 90_000_000),
            "{}",
            latency.max()
        );
        assert!(
            latency.equivalent(latency.min(), 20_000),
            "{}",
            latency.min()
        );
    }

    proptest! {
        #[test]
        fn draining_often_or_once_sees_the_same(events in prop::collection::vec((0_usize..4, 0_u64..90_000_000), 0..60), cut in 0_usize..60) {
            let (mut often, mut once) = (Recorder::default(), Recorder::default());
            let mut parts = Observation::default();
            for (index, event) in events.iter().enumerate() {
                record(&mut often, *event);
                record(&mut once, *event);
                if index == cut {
                    parts.merge(&often.drain(&names(), Duration::ZERO));
                }
            }
            parts.merge(&often.drain(&names(), Duration::ZERO));
            prop_assert_eq!(parts, once.drain(&names(), Duration::ZERO));
        }
    }
}
