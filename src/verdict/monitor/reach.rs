//! Whether there is a server at all: an outage is a run of requests without a response that names a target, too long for
//! failures that come one by one, and for a stumble. It ends with a run of responses.
//!
//! A server that comes and goes would be told again and again. So the next outage takes a run [`TIMES`] as long, and so does its
//! end, up to [`MOST_LEVEL`] times, until no run of [`LEAST`] failures has come for a while; and failures among the responses
//! that end an outage count for the length of the next run. What is too short for an outage then is left to the detector of
//! failing responses, which stays where it is until there is evidence that they are rare again.

use super::history::{Counts, Ended};

/// The shortest such run, and the run of responses that ends an outage.
const LEAST: u64 = 5;
/// How long it lasts at least, in seconds.
const LASTS: u64 = 4;
/// Requests whose failures are the measure: older ones count less and less.
const MEMORY: f64 = 1000.0;
/// A server has come to rest when so many requests and seconds have passed without a run of [`LEAST`] failures.
const REST: u64 = 1000;
/// How much longer the runs of the next outage are, and how often they get longer.
const TIMES: u64 = 4;
const MOST_LEVEL: u32 = 3;
/// Failures in a row during an outage, after which the responses before them say nothing about what comes.
const GONE: u64 = 64;

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// These requests in a row have had no such response.
    Lost(Counts),
    /// Responses come again, after these requests without one.
    Back { counts: Counts, in_a_row: u64 },
}

/// A server that is there or not.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    /// An outage by chance, at most once in so many requests.
    requests_per_alarm: f64,
    /// Requests and failures before the present run of failures, with less weight the older they are.
    seen: f64,
    failed: f64,
    /// The present run of failures, or those of the outage.
    run: Counts,
    /// When the first of the run ended, in seconds.
    begun: u64,
    /// During an outage: responses in a row, and failures in a row.
    outage: Option<(u64, u64)>,
    /// How often the runs that it takes got longer.
    level: u32,
    /// Since the last run of [`LEAST`] failures or the end of the last outage: requests, and when it was. `None` before the first.
    rest: Option<(u64, u64)>,
}

impl Reach {
    pub(super) fn new(requests_per_alarm: f64) -> Self {
        Self {
            requests_per_alarm,
            seen: 0.0,
            failed: 0.0,
            run: Counts::new(0),
            begun: 0,
            outage: None,
            level: 0,
            rest: None,
        }
    }

    /// Whether the server was gone last.
    pub(super) fn is_lost(&self) -> bool {
        self.outage.is_some()
    }

    /// A request has ended, so many seconds after the watch began. A server is not at rest while too many `are_failing`.
    pub(super) fn push(&mut self, ended: Ended, at: u64, are_failing: bool) -> Option<Reached> {
        let is_failure = matches!(ended, Ended::Error | Ended::Failed(_));
        if self.outage.is_some() {
            return self.in_outage(ended, is_failure, at);
        }
        if let Some((requests, since)) = &mut self.rest {
            (*requests, *since) = if are_failing {
                (0, at)
            } else {
                (*requests + 1, *since)
            };
        }
        if !is_failure {
            let run = self.run.requests() as f64;
            if run > 0.0 {
                self.run = Counts::new(0);
                self.count(run, run);
            }
            self.count(1.0, 0.0);
            return None;
        }
        if self.run.requests() == 0 {
            self.begun = at;
        }
        self.run.add(ended);
        let run = self.run.requests();
        let level = self.next_level(at);
        if run as f64 >= self.longest(level) && at >= self.begun + LASTS * TIMES.pow(level) {
            self.level = level;
            self.outage = Some((0, 0));
            (self.seen, self.failed) = (0.0, 0.0);
            return Some(Reached::Lost(self.run.clone()));
        }
        if run >= LEAST && self.rest.is_some() {
            self.rest = Some((0, at));
        }
        None
    }

    fn in_outage(&mut self, ended: Ended, is_failure: bool, at: u64) -> Option<Reached> {
        let (mut responses, mut failures) = self.outage?;
        if is_failure {
            (responses, failures) = (0, failures + 1);
            self.run.add(ended);
            if failures == GONE {
                (self.seen, self.failed) = (0.0, 0.0);
            } else if self.seen > 0.0 {
                self.count(1.0, 1.0);
            }
        } else {
            (responses, failures) = (responses + 1, 0);
            self.count(1.0, 0.0);
        }
        self.outage = Some((responses, failures));
        if responses < LEAST * TIMES.pow(self.level) {
            return None;
        }
        self.outage = None;
        self.rest = Some((0, at));
        let counts = std::mem::replace(&mut self.run, Counts::new(0));
        Some(Reached::Back {
            counts,
            in_a_row: responses,
        })
    }

    /// How often the run that it takes has got longer by now.
    fn next_level(&self, at: u64) -> u32 {
        let restless = self
            .rest
            .is_some_and(|(requests, since)| requests < REST || at < since + REST);
        if restless {
            (self.level + 1).min(MOST_LEVEL)
        } else {
            0
        }
    }

    fn count(&mut self, requests: f64, failed: f64) {
        let kept = (1.0 - requests / MEMORY).max(0.0);
        self.seen = self.seen * kept + requests;
        self.failed = self.failed * kept + failed;
    }

    /// The run of failures that is an outage: where failures are independent and as frequent as before, a run of `r` begins with a
    /// probability of `f^r` at any request.
    fn longest(&self, level: u32) -> f64 {
        let least = (LEAST * TIMES.pow(level)) as f64;
        if self.seen <= 0.0 {
            return least;
        }
        let part = (self.failed + 1.0) / (self.seen + 2.0);
        let run = self.requests_per_alarm.ln() / -part.ln();
        run.ceil().max(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::FailureKind;
    use crate::stats::sampler::Sampler;

    fn ended(responds: bool) -> Ended {
        if responds {
            Ended::Target(0)
        } else {
            Ended::Failed(FailureKind::Connect)
        }
    }

    /// How many requests it took, where the server is gone.
    fn lost(reached: Option<Reached>) -> Option<u64> {
        match reached {
            Some(Reached::Lost(counts)) => Some(counts.requests()),
            _ => None,
        }
    }

    #[test]
    fn a_server_that_never_responded_is_lost_after_five_requests() {
        let mut reach = Reach::new(1e6);
        let gone =
            (1..1000).find_map(|at| lost(reach.push(ended(false), at, false)).map(|run| (at, run)));
        assert_eq!(gone, Some((5, 5)));
        for _ in 0..3 {
            assert_eq!(reach.push(ended(false), 9, false), None);
        }
        // Responses that a failure comes between do not end it.
        for responds in [true, true, true, true, false] {
            assert_eq!(reach.push(ended(responds), 9, false), None);
        }
        let back: Vec<_> = (0..5).map(|_| reach.push(ended(true), 9, false)).collect();
        let Some(Reached::Back { counts, in_a_row }) = &back[4] else {
            panic!("{back:?}")
        };
        assert_eq!((counts.failed(), *in_a_row), (9, 5));
        assert!(back[..4].iter().all(Option::is_none) && !reach.is_lost());
    }

    /// At a million requests an outage by chance is expected once at most, for each rate of failures.
    #[test]
    fn failures_that_come_one_by_one_are_no_outage() {
        let mut sampler = Sampler::new(5);
        for part in [0.01, 0.1, 0.5, 0.8] {
            let mut reach = Reach::new(1e6);
            let outages = (0..1_000_000)
                .filter_map(|at| reach.push(ended(sampler.uniform() >= part), at, false))
                .filter(|news| matches!(news, Reached::Lost(_)));
            let outages = outages.count();
            assert!(outages <= 4, "{part}: {outages}");
        }
    }

    #[test]
    fn a_stumble_of_a_fast_watch_is_no_outage() {
        let mut reach = Reach::new(1e9);
        for _ in 0..1000 {
            reach.push(ended(true), 0, false);
        }
        let stumble = |number: u64| reach.push(ended(false), 1 + number / 1000, false).is_none();
        assert!((0..2000).all(stumble));
        assert_eq!(lost(reach.push(ended(false), 5, false)), Some(2001));
    }

    #[test]
    fn an_outage_is_seen_within_seconds_however_many_failed_before() {
        let mut sampler = Sampler::new(6);
        for (part, most) in [(0.0, 5), (0.1, 8), (0.5, 30)] {
            let mut reach = Reach::new(2.6e6);
            for _ in 0..3000 {
                reach.push(ended(sampler.uniform() >= part), 0, false);
            }
            let gone = (1..1000).find(|at| reach.push(ended(false), *at, false).is_some());
            assert!(gone.is_some_and(|at| at <= most), "{part}: {gone:?}");
        }
    }

    #[test]
    fn each_outage_after_another_takes_longer_runs_until_there_was_rest() {
        let mut reach = Reach::new(2.6e6);
        let mut at = 0;
        // Requests until something is told.
        let mut told = |responds: bool, most: u64| {
            (1..=most).find(|_| {
                at += 1;
                reach.push(ended(responds), at, false).is_some()
            })
        };
        told(true, 100);
        for run in [5, 20, 80, 320, 320] {
            assert_eq!((told(false, 999), told(true, 999)), (Some(run), Some(run)));
            assert_eq!(told(true, 100), None);
        }
        assert_eq!(told(true, 2000), None);
        assert_eq!(told(false, 999), Some(5));
    }
}
