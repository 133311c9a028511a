//! Looking while a run goes on: what is certain by now, in the order of dispatch and by the right unit. Half of both
//! error rates is spent here; see `stats::sequential`.

use std::collections::HashSet;

use super::Policy;
use super::mapping::Mapping;
use super::sample::{Draw, Drawn, LOOKED_AT, Sample};
use crate::observe::Observation;
use crate::split::Expected;
use crate::stats::dependence::{Unit, unit};
use crate::stats::design::Design;
use crate::stats::interval::Interval;
use crate::stats::sequential::{Decision, Sequential};

/// Answers between two looks at how answers depend on their connections, while everything else is certain.
const NEXT_LOOK: usize = 25;
/// The same once they were found to go together.
const NEXT_LOOK_CLUSTERED: usize = 500;
/// Draws of the permutation test while the run goes on.
const DRAWS: u32 = 1999;

/// A run that is watched.
#[derive(Clone, Debug)]
pub struct Watch {
    policy: Policy,
    targets: usize,
    pub(super) sample: Sample,
    /// Draws that were pushed.
    pushed: usize,
    unexpected: u64,
    unattributed: u64,
    pub(super) by_response: Sequential,
    /// The first answer of each connection only.
    pub(super) by_connection: Sequential,
    connections: HashSet<u32>,
    next_look: usize,
    /// Shares of the targets less what is tolerated, and whether a response came; no share for a reply of the proxy.
    responded: Vec<(Option<f64>, bool)>,
    /// Whether a target is silent: more requests do not tell more.
    silent: bool,
    pub(super) decided: Option<Decided>,
}

/// What became certain, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decided {
    pub(super) decision: Decision,
    pub(super) unit: Unit,
    /// Requests dispatched until then.
    pub(super) at: usize,
}

impl Watch {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(expected: &Expected, policy: &Policy) -> Self {
        let design: Design = policy.design(expected);
        Self {
            policy: *policy,
            targets: design.shares().len(),
            sample: Sample::default(),
            pushed: 0,
            unexpected: 0,
            unattributed: 0,
            by_response: Sequential::new(&design),
            by_connection: Sequential::new(&design),
            connections: HashSet::new(),
            next_look: 0,
            responded: super::sample::active(expected)
                .into_iter()
                .map(|index| &expected.declared()[index])
                .map(|target| {
                    let destination = target.target.status().is_none();
                    let share = target.share.as_f64() - policy.tolerance;
                    (destination.then_some(share), false)
                })
                .collect(),
            silent: false,
            decided: None,
        }
    }

    /// Looks at what was seen since the last time; true as soon as the answer is certain.
    pub fn look(&mut self, seen: &Observation, expected: &Expected, mapping: &Mapping) -> bool {
        self.sample.extend(&seen.ledger, expected, mapping);
        while self.decided.is_none()
            && let Some(draw) = self.sample.draws().get(self.pushed).copied()
        {
            self.push(draw);
            self.decided = self.decide();
        }
        self.silent |= self.is_silent();
        self.silent || self.decided.is_some()
    }

    /// Whether errors stand where the responses of a target should. The level is the square of that of the verdict: a run that
    /// ends here leaves no doubt that the target is silent, and still ends early.
    fn is_silent(&self) -> bool {
        let responses = self.pushed as u64 - self.unattributed - self.unexpected;
        let alpha = self.policy.alpha * self.policy.alpha;
        let starved = |(share, responded): &(Option<f64>, bool)| {
            let starved = |share| super::silent::starved(0, responses, share, alpha);
            !responded && share.is_some_and(starved)
        };
        self.unattributed > 0 && self.responded.iter().any(starved)
    }

    /// Whether it is certain that the split is another one, or that a target is silent.
    #[must_use]
    pub fn diverged(&self) -> bool {
        self.silent
            || self
                .decided
                .is_some_and(|decided| decided.decision == Decision::Diverged)
    }

    /// The evidence against the declared split, as `ln` of an e-value, and what it takes to end the run.
    #[must_use]
    pub fn evidence(&self) -> (f64, f64) {
        (self.by_response.ln_e(), (2.0 / self.policy.alpha).ln())
    }

    /// The same for a pass: the evidence against every deviation of the resolution.
    #[must_use]
    pub fn evidence_of_pass(&self) -> (f64, f64) {
        (self.by_response.ln_pass(), (2.0 / self.policy.beta).ln())
    }

    /// The confidence sequence of the share of the target at this position among those with a share.
    #[must_use]
    pub fn confidence(&self, target: usize) -> Interval {
        self.by_response.confidence(target)
    }

    fn push(&mut self, draw: Draw) {
        self.pushed += 1;
        let first = self.connections.insert(draw.connection);
        let sequences = [
            Some(&mut self.by_response),
            first.then_some(&mut self.by_connection),
        ];
        match draw.drawn {
            Drawn::Unexpected => self.unexpected += 1,
            Drawn::Unattributed => self.unattributed += 1,
            Drawn::Target(target) => self.responded[usize::from(target)].1 = true,
        }
        for sequence in sequences.into_iter().flatten() {
            match draw.drawn {
                Drawn::Target(target) => sequence.push(target.into()),
                Drawn::Unattributed => sequence.push_unattributed(),
                Drawn::Unexpected if self.unexpected > self.policy.allow_unexpected => {
                    sequence.push_unexpected();
                }
                Drawn::Unexpected => {}
            }
        }
    }

    fn decide(&mut self) -> Option<Decided> {
        let at = self.pushed;
        let decided = |decision, unit| Some(Decided { decision, unit, at });
        if self.unexpected > self.policy.allow_unexpected {
            return decided(Decision::Diverged, Unit::Response);
        }
        let candidate = self
            .by_response
            .decision()
            .or_else(|| self.by_connection.decision());
        if candidate.is_none() || at < self.next_look {
            return None;
        }
        // Steps that grow with the run: all looks together take no longer than a few at its end.
        self.next_look = at + NEXT_LOOK.max(at / 10);
        let so_far = self.sample.first(at.min(LOOKED_AT));
        let (decision, unit) = match unit(&so_far.rows(self.targets), DRAWS, self.policy.seed) {
            unit @ Unit::Response => (self.by_response.decision()?, unit),
            unit @ Unit::Connection => (self.by_connection.decision()?, unit),
            Unit::Clustered { .. } => {
                self.next_look = at + NEXT_LOOK_CLUSTERED.max(at / 10);
                return None;
            }
        };
        let changed = || self.sample.first(at).change(self.targets, unit).is_some();
        let lost = self.unattributed as f64 / at as f64 > self.policy.max_unattributed;
        if decision == Decision::Pass && (lost || changed()) {
            // It cannot pass now, but what is lost may get less, and it may still prove to be another split.
            return None;
        }
        decided(decision, unit)
    }
}
