//! A split that is watched for ever: requests in, changes out. It holds no more than the last requests, and a request costs
//! the same after a year as at the beginning.
//!
//! Three things are told apart. The *split* diverges when [`Detector`] raises an alarm against the declared shares, and recovers when
//! [`Settled`] has excluded every deviation of the resolution. The *responses* fail when the same detector finds more requests
//! without a response that names its target than may be. The *server* is unreachable when too many such requests follow each
//! other; that is no evidence about the split, and after it both begin anew. A server that comes and goes is not told each time: the
//! next outage takes a longer run (see `reach`), and the responses fail instead.
//!
//! The detectors of the split and of the responses have half of the false alarms each: with a threshold of `2 c` requests for both,
//! all alarms together come at most once in `c` requests on average.

mod delay;
mod event;
mod history;
mod period;
mod reach;

use super::Policy;
use super::sample::active;
use crate::observe::FailureKind;
use crate::split::Expected;
use crate::stats::design::Design;
use crate::stats::detector::{Detector, Estimate};
use crate::stats::settled::Settled;
use crate::stats::tolerance;
pub use event::{Cause, Event, Evidence, Period, SeenShare, State};
pub use history::{Counts, REMEMBERED};
use history::{Ended, History};
use reach::{Reach, Reached};

/// Intervals miss the true share this rarely, all targets and all moments together, if the split has been one since they began.
pub const ALPHA: f64 = 0.01;
/// A part of the responses from elsewhere that is excluded before a split is the declared one again.
const ELSEWHERE: f64 = 0.01;
/// An alarm that is held back is looked at again when so small a part of its requests has come on top.
const HELD: u64 = 100;

/// How a request ended, as far as its response tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response<'a> {
    /// With a response of the target at this position of [`Expected::declared`]; its label.
    Target(usize, &'a str),
    /// With a response from something undeclared; its label.
    Undeclared(&'a str),
    /// With an error or a redirect that names no target: what it is.
    Error(&'a str),
    /// With any other response that names no target: what it is.
    Unidentified(&'a str),
    /// Without a response: the kind of failure, and why.
    Failed(FailureKind, &'a str),
}

/// What is asked of a watch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aims {
    /// Without a change there is at most one alarm in so many requests, on average.
    pub requests_per_alarm: f64,
    /// Tolerance, resolution, and the part of the requests that may name no target.
    pub policy: Policy,
}

/// A watch.
#[derive(Clone, Debug)]
pub struct Monitor {
    design: Design,
    /// Positions of the targets with a share, and their names.
    active: Vec<usize>,
    names: Vec<String>,
    threshold: f64,
    most_unattributed: f64,
    split: Detector,
    settled: Settled,
    lost: Detector,
    found: Settled,
    reach: Reach,
    diverged: bool,
    failing: bool,
    history: History,
    /// What was seen since the present state began.
    period: Counts,
    since: u64,
    total: Counts,
    /// An alarm that requests without a known target may explain is looked at again after this request.
    held_until: u64,
    /// What came of the last request without a known target.
    last_lost: String,
}

impl Monitor {
    /// A watch over a split that has seen nothing.
    #[must_use]
    pub fn new(expected: &Expected, aims: &Aims) -> Self {
        let design = aims.policy.design(expected, 0);
        let active = active(expected);
        let names = active
            .iter()
            .map(|target| expected.declared()[*target].name.clone());
        let (lo, hi) = design.tolerated();
        let step = design.shares().iter().enumerate();
        let step: Vec<f64> = step
            .map(|(target, share)| smallest(&design, target, *share))
            .collect();
        let most = aims.policy.max_unattributed;
        Self {
            split: Detector::new(&lo, &hi, &step),
            settled: Settled::new(&design, ELSEWHERE),
            lost: Detector::above(most),
            found: Settled::below(most),
            reach: Reach::new(aims.requests_per_alarm),
            threshold: 2.0 * aims.requests_per_alarm,
            most_unattributed: most,
            diverged: false,
            failing: false,
            history: History::new(active.len()),
            period: Counts::new(active.len()),
            since: 0,
            total: Counts::new(active.len()),
            held_until: 0,
            last_lost: String::new(),
            names: names.collect(),
            active,
            design,
        }
    }

    /// A request has ended, so many seconds after the watch began; they come in the order of dispatch.
    pub fn push(&mut self, response: Response<'_>, at: u64) -> Option<Event> {
        let ended = self.ended(response);
        let number = self.history.push(ended, at);
        if self.period.requests() == 0 {
            self.since = at;
        }
        self.period.add(ended);
        self.total.add(ended);
        let unattributed = matches!(ended, Ended::Error | Ended::Unidentified | Ended::Failed(_));
        let outage = matches!(ended, Ended::Error | Ended::Failed(_));
        if let Some(news) = self.reach.push(ended, at, self.failing) {
            return Some(self.reached(news, response));
        }
        if self.reach.is_lost() {
            return None;
        }
        self.of_split(ended, number, response)
            .or_else(|| self.of_responses((unattributed, outage), number, response))
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> State {
        if self.reach.is_lost() {
            State::Unreachable
        } else {
            self.state_of_split()
        }
    }

    /// What was seen since the present state began.
    #[must_use]
    pub fn period(&self) -> Period {
        Period {
            since: self.since,
            shares: self.shares(&self.period),
            counts: self.period.clone(),
        }
    }

    /// All requests of the watch.
    #[must_use]
    pub fn total(&self) -> &Counts {
        &self.total
    }

    /// The evidence for the next change of the split, against the declared shares or for them.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        if self.diverged {
            self.evidence_of(self.settled.ln_evidence().exp())
        } else {
            self.evidence_of(self.split.value())
        }
    }

    /// The part of the evidence against the declared shares that speaks for another share of each target.
    #[must_use]
    pub fn evidence_by_target(&self) -> Vec<f64> {
        let targets = 0..self.active.len();
        targets.map(|target| self.split.value_of(target)).collect()
    }

    /// The deviation of each target that is looked for.
    #[must_use]
    pub fn resolution(&self) -> Vec<f64> {
        self.design.resolution()
    }

    fn state_of_split(&self) -> State {
        match (self.diverged, self.failing) {
            (true, _) => State::Diverged,
            (false, true) => State::Failing,
            (false, false) if self.total.attributed() + self.total.undeclared == 0 => State::NoData,
            (false, false) => State::Ok,
        }
    }

    fn ended(&self, response: Response<'_>) -> Ended {
        match response {
            Response::Target(target, _) => {
                match (0..).zip(&self.active).find(|(_, own)| **own == target) {
                    Some((position, _)) => Ended::Target(position),
                    None => Ended::Undeclared,
                }
            }
            Response::Undeclared(_) => Ended::Undeclared,
            Response::Error(_) => Ended::Error,
            Response::Unidentified(_) => Ended::Unidentified,
            Response::Failed(kind, _) => Ended::Failed(kind),
        }
    }

    fn reached(&mut self, news: Reached, response: Response<'_>) -> Event {
        match news {
            Reached::Lost(counts) => Event::Unreachable {
                counts,
                last: what(response).to_owned(),
            },
            Reached::Back { counts, in_a_row } => {
                // What was seen before the outage and after it may be two splits.
                self.split.restart();
                self.settled.restart();
                self.lost.restart();
                self.found.restart();
                self.history.restart();
                self.period = Counts::new(self.active.len());
                Event::Reachable {
                    counts,
                    in_a_row,
                    state: self.state_of_split(),
                }
            }
        }
    }

    fn of_split(&mut self, ended: Ended, number: u64, response: Response<'_>) -> Option<Event> {
        match ended {
            Ended::Target(target) if self.diverged => self.settled.push(target.into(), number),
            Ended::Target(target) => self.split.push(target.into(), number),
            Ended::Undeclared if self.diverged => {
                self.settled.restart();
                return None;
            }
            Ended::Undeclared => {
                let cause = Cause::Undeclared(what(response).to_owned());
                return Some(self.diverge(cause, number, f64::INFINITY));
            }
            _ if self.diverged => self.settled.push_unattributed(number),
            // It may have been of any target.
            _ => return None,
        }
        if self.diverged {
            let evidence = self.settled.ln_evidence();
            if evidence < self.threshold.ln() {
                return None;
            }
            self.diverged = false;
            self.split.restart();
            let period = self.begin(self.settled.since());
            return Some(Event::Recovered {
                period,
                evidence: self.evidence_of(evidence.exp()),
            });
        }
        if self.split.value() < self.threshold || number < self.held_until {
            return None;
        }
        let estimate = self.split.estimate()?;
        let evidence = self.evidence_left(&estimate);
        if evidence < self.threshold {
            self.held_until = number + (number - estimate.since) / HELD;
            return None;
        }
        let cause = Cause::Share(self.names[estimate.target].clone());
        Some(self.diverge(cause, estimate.since, evidence))
    }

    fn of_responses(
        &mut self,
        (unattributed, outage): (bool, bool),
        number: u64,
        response: Response<'_>,
    ) -> Option<Event> {
        if unattributed {
            what(response).clone_into(&mut self.last_lost);
        }
        // Place 0 is what there should be less of.
        let place = usize::from(!unattributed);
        let most = self.most_unattributed;
        if self.failing {
            self.found.push(place, number);
            let evidence = self.found.ln_evidence();
            if evidence < self.threshold.ln() {
                return None;
            }
            self.failing = false;
            self.lost.restart();
            let evidence = self.evidence_of(evidence.exp());
            let period = self.seen(self.found.since());
            return Some(Event::Responding {
                most,
                period,
                evidence,
            });
        }
        self.lost.push(place, number);
        // As long as nothing else comes it may be an outage.
        if outage || self.lost.value() < self.threshold {
            return None;
        }
        let since = self.lost.estimate().map_or(number, |own| own.since);
        let evidence = self.evidence_of(self.lost.value());
        self.failing = true;
        self.found.restart();
        Some(Event::Failing {
            most,
            period: self.seen(since),
            evidence,
            last: self.last_lost.clone(),
        })
    }

    fn diverge(&mut self, cause: Cause, since: u64, evidence: f64) -> Event {
        self.diverged = true;
        self.settled.restart();
        let evidence = self.evidence_of(evidence);
        let period = self.begin(since);
        Event::Diverged {
            cause,
            period,
            evidence,
        }
    }

    /// What is left of the evidence when requests of which nobody knows the target had the target that fits best.
    fn evidence_left(&self, estimate: &Estimate) -> f64 {
        let (counts, _) = self.history.since(estimate.since);
        let unattributed = counts.unattributed();
        if unattributed == 0 {
            return self.split.value();
        }
        let shares = self.design.shares();
        let (lo, hi) = self.design.tolerated();
        let completed =
            tolerance::completed_within(&counts.targets, shares, &lo, &hi, unattributed);
        let ratio =
            |counts: &[u64]| estimate.ln_ratio(counts[estimate.target], counts.iter().sum());
        let less = ratio(&counts.targets) - ratio(&completed);
        self.split.value() * (-less.max(0.0)).exp()
    }

    fn evidence_of(&self, value: f64) -> Evidence {
        Evidence {
            value,
            threshold: self.threshold,
        }
    }
}

/// What a response or a failure is called.
fn what(response: Response<'_>) -> &str {
    match response {
        Response::Target(_, label)
        | Response::Undeclared(label)
        | Response::Error(label)
        | Response::Unidentified(label)
        | Response::Failed(_, label) => label,
    }
}

/// The smallest deviation beyond the tolerance that is looked for.
fn smallest(design: &Design, target: usize, share: f64) -> f64 {
    let beyond = design.resolution()[target] - design.tolerance();
    let usual = 0.1 * (share * (1.0 - share)).sqrt();
    // A tolerance that is as wide as the resolution leaves nothing between them.
    if beyond > 0.2 * usual { beyond } else { usual }
}

#[cfg(test)]
mod tests;
