//! Requests as they end, brought into the order of dispatch and tied to targets.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use crate::load::LogBatch;
use crate::observe::{FailureKind, Outcome};
use crate::split::{Bucket, Expected};
use crate::verdict::attribution::{Classification, classify, label_of};
use crate::verdict::mapping::{MapRule, Mapping};
use crate::verdict::monitor::Response;

/// Requests that wait for one that was dispatched before them, at most.
const MOST_AHEAD: usize = 16_384;

/// What a bucket stands for.
#[derive(Debug)]
struct Sorted {
    place: Classification,
    is_error: bool,
    label: String,
}

/// A request that has ended.
#[derive(Debug)]
enum Ended {
    /// With a response of this bucket of this thread.
    Answered(u32, usize),
    /// Without one.
    Failed(FailureKind, String),
    /// It was sent twice, so nobody knows whose it was the first time.
    Resent,
}

/// The requests of one run of the engine.
pub(super) struct Sorter {
    expected: Expected,
    rules: Vec<MapRule>,
    /// When the watch began.
    began: SystemTime,
    buckets: BTreeMap<u32, Vec<Bucket>>,
    sorted: HashMap<u32, Vec<Sorted>>,
    /// Why no response can be tied to a target.
    pub(super) untied: Option<String>,
    ahead: BTreeMap<u64, (Ended, Duration)>,
    next: u64,
}

impl Sorter {
    pub(super) fn new(expected: &Expected, rules: &[MapRule], began: SystemTime) -> Self {
        Self {
            expected: expected.clone(),
            rules: rules.to_vec(),
            began,
            buckets: BTreeMap::new(),
            sorted: HashMap::new(),
            untied: None,
            ahead: BTreeMap::new(),
            next: 0,
        }
    }

    /// Takes what has ended, and hands on what is next in the order, with the time since the watch began.
    pub(super) fn add(
        &mut self,
        batch: LogBatch,
        push: &mut dyn FnMut(Option<Response<'_>>, Duration),
    ) {
        if !batch.buckets.is_empty() {
            self.buckets
                .entry(batch.thread)
                .or_default()
                .extend(batch.buckets);
            self.sort();
        }
        let begun = batch.began.duration_since(self.began).unwrap_or_default();
        for request in batch.requests {
            let at = begun + request.begun + request.took;
            let ended = match request.outcome {
                _ if request.resent => Ended::Resent,
                Outcome::Answered(bucket) => Ended::Answered(batch.thread, bucket),
                Outcome::Failed(failure) => Ended::Failed(failure.kind, failure.message),
            };
            self.ahead.insert(request.sequence, (ended, at));
        }
        while let Some(first) = self.ahead.first_entry()
            && *first.key() == self.next
        {
            self.hand_on(push);
        }
        while self.ahead.len() > MOST_AHEAD {
            self.hand_on(push);
        }
    }

    /// Hands on the rest, when no more comes.
    pub(super) fn end(&mut self, push: &mut dyn FnMut(Option<Response<'_>>, Duration)) {
        while !self.ahead.is_empty() {
            self.hand_on(push);
        }
    }

    fn hand_on(&mut self, push: &mut dyn FnMut(Option<Response<'_>>, Duration)) {
        let Some((sequence, (ended, at))) = self.ahead.pop_first() else {
            return;
        };
        self.next = sequence + 1;
        let response = match &ended {
            Ended::Resent => None,
            Ended::Failed(kind, why) => Some(Response::Failed(*kind, why)),
            Ended::Answered(thread, bucket) => {
                let sorted = self.sorted.get(thread).and_then(|own| own.get(*bucket));
                sorted.map(Sorted::response)
            }
        };
        push(response, at);
    }

    /// Ties all buckets to targets again: what one means may follow from the others.
    fn sort(&mut self) {
        let all = self.buckets.values().flatten();
        let mapping = Mapping::derive(&self.expected, &self.rules, all);
        self.untied = mapping
            .as_ref()
            .err()
            .map(|error| format!("{error}: {}", error.help()));
        let mapping = mapping.unwrap_or_else(|_| Mapping::unknown());
        let pair = Some((&self.expected, &mapping));
        let sorted = |bucket: &Bucket| {
            let place = classify(bucket, pair);
            Sorted {
                place,
                is_error: bucket.is_error() || bucket.is_redirect(),
                label: label_of(bucket, place, Some(&self.expected)),
            }
        };
        let threads = self.buckets.iter();
        let all = threads.map(|(thread, own)| (*thread, own.iter().map(sorted).collect()));
        self.sorted = all.collect();
    }
}

impl Sorted {
    fn response(&self) -> Response<'_> {
        match self.place {
            Classification::Target(target) => Response::Target(target, &self.label),
            Classification::Undeclared => Response::Undeclared(&self.label),
            Classification::Unattributed | Classification::Counted if self.is_error => {
                Response::Error(&self.label)
            }
            Classification::Unattributed | Classification::Counted => {
                Response::Unidentified(&self.label)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Failure, LoggedRequest};
    use crate::split::{Identity, parse_weights};

    fn request(sequence: u64, outcome: Outcome<usize>) -> LoggedRequest {
        LoggedRequest {
            sequence,
            connection: 0,
            begun: Duration::from_secs(sequence),
            late: None,
            blocked: None,
            setup: None,
            first_byte: None,
            took: Duration::ZERO,
            bytes: 0,
            resent: false,
            outcome,
        }
    }

    fn batch(buckets: &[(&str, u16)], requests: Vec<LoggedRequest>) -> LogBatch {
        let bucket = |(value, status): &(&str, u16)| Bucket {
            identity: Identity::Value((*value).to_owned()),
            status: *status,
        };
        LogBatch {
            thread: 0,
            began: SystemTime::UNIX_EPOCH,
            buckets: buckets.iter().map(bucket).collect(),
            requests,
        }
    }

    #[test]
    fn requests_come_in_the_order_of_dispatch_as_what_they_are() {
        let expected = parse_weights(&["v1=90,v2=10"]).expect("weights");
        let mut sorter = Sorter::new(&expected, &[], SystemTime::UNIX_EPOCH);
        let mut seen = Vec::new();
        let mut push = |response: Option<Response<'_>>, at: Duration| {
            seen.push(format!("{} {response:?}", at.as_secs()));
        };
        let buckets = [
            ("v1", 200),
            ("v2", 200),
            ("no healthy upstream", 503),
            ("v9", 200),
        ];
        let early = vec![
            request(2, Outcome::Answered(1)),
            request(1, Outcome::Answered(0)),
        ];
        sorter.add(batch(&buckets, early), &mut push);
        let failed = Outcome::Failed(Failure::new(FailureKind::Reset, "reset"));
        let late = vec![
            request(0, failed),
            LoggedRequest {
                resent: true,
                ..request(3, Outcome::Answered(0))
            },
            request(4, Outcome::Answered(2)),
            request(6, Outcome::Answered(3)),
        ];
        sorter.add(batch(&[], late), &mut push);
        sorter.end(&mut push);
        assert_eq!(
            seen,
            [
                "0 Some(Failed(Reset, \"reset\"))",
                "1 Some(Target(0, \"v1\"))",
                "2 Some(Target(1, \"v2\"))",
                "3 None",
                "4 Some(Error(\"503 no healthy upstream\"))",
                "6 Some(Undeclared(\"v9\"))",
            ]
        );
    }
}
