//! Counting in place, on one thread. Not: what a bucket is (see `bucket`), nor merging.

use std::time::Duration;

use super::{Failure, Observation, Outcome, Tally};
use crate::split::Bucket;

/// Which request it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its place in the order of dispatch, from 0.
    pub sequence: u64,
    /// The connection it went over, numbered within the run; any number where there was none.
    pub connection: u32,
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
    pub fn record(&mut self, sent: Sent, outcome: Outcome<usize>, latency: Duration) {
        self.rest.sent += 1;
        let bucket = match &outcome {
            Outcome::Answered(bucket) => Some(*bucket),
            Outcome::Failed(_) => None,
        };
        self.rest
            .ledger
            .note(sent.sequence, sent.connection, bucket);
        match outcome {
            Outcome::Answered(bucket) => {
                if bucket >= self.tallies.len() {
                    self.tallies.resize_with(bucket + 1, Tally::default);
                }
                let tally = &mut self.tallies[bucket];
                tally.count += 1;
                // 584,942 years fit into a u64 of microseconds.
                let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                tally
                    .latency
                    .record(micros)
                    .expect("the histogram grows as needed");
            }
            Outcome::Failed(Failure { kind, message }) => {
                let failed = self.rest.failures.entry(kind).or_default();
                failed.count += 1;
                if failed.example.is_empty() {
                    failed.example = message;
                }
            }
        }
    }

    /// Counts an established connection.
    pub fn connected(&mut self) {
        self.rest.connections += 1;
    }

    /// Counts a request that had to be sent once more.
    pub fn retried(&mut self) {
        self.rest.retried += 1;
    }

    /// What was counted since the last call; `names` are the buckets by number.
    pub fn drain(&mut self, names: &[Bucket], elapsed: Duration) -> Observation {
        let mut seen = std::mem::take(&mut self.rest);
        seen.elapsed = elapsed;
        seen.ledger = std::mem::take(&mut seen.ledger).named(names);
        for (name, tally) in names
            .iter()
            .zip(&mut self.tallies)
            .filter(|(_, tally)| tally.count > 0)
        {
            seen.tallies.insert(name.clone(), tally.clone());
            tally.count = 0;
            tally.latency.reset();
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::FailureKind;
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

    fn record(recorder: &mut Recorder, event: (usize, u64)) {
        let outcome = match event.0 {
            3 => Outcome::Failed(Failure {
                kind: FailureKind::Reset,
                message: "why".into(),
            }),
            bucket => Outcome::Answered(bucket),
        };
        let sent = Sent {
            sequence: event.1,
            connection: 0,
        };
        recorder.record(sent, outcome, Duration::from_micros(event.1));
    }

    #[test]
    fn a_slow_answer_is_recorded_as_slow() {
        let mut recorder = Recorder::default();
        let sent = Sent {
            sequence: 0,
            connection: 0,
        };
        recorder.record(sent, Outcome::Answered(0), Duration::from_secs(90));
        recorder.record(sent, Outcome::Answered(0), Duration::from_millis(20));
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
