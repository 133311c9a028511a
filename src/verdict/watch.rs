//! Looking while a run goes on: what is certain by now, in the order of dispatch and by the right unit. Half of both
//! error rates is spent here; see `stats::sequential`.

use std::collections::HashMap;

use super::confirmation::{Confirmation, EARLY};
use super::in_step::Balancer;
use super::mapping::Mapping;
use super::sample::{DEPENDENCE_WINDOW, Draw, DrawOutcome, Sample};
use super::starvation;
use super::{Balancing, Number, Policy, balancing};
use crate::observe::Observation;
use crate::split::Expected;
use crate::stats::dependence::{Unit, purity, rows, unit};
use crate::stats::design::Design;
use crate::stats::interval::Interval;
use crate::stats::order::Order;
use crate::stats::sequential::{Decision, Sequential};

/// Responses between two looks at how responses depend on their connections, while everything else is certain.
const NEXT_LOOK: usize = 25;
/// The same once they were found to go together.
const NEXT_LOOK_CLUSTERED: usize = 500;
/// How often what is ahead of requests that have not ended is decided on in one look.
const LOOKS_AHEAD: usize = 8;
/// Draws of the permutation test while the run goes on.
const DRAWS: u32 = 1999;

/// A run that is watched.
#[derive(Clone, Debug)]
pub struct Watch {
    policy: Policy,
    balancing: Balancing,
    design: Design,
    targets: usize,
    /// What the first responses show, while fresh ones confirm it.
    confirmation: Option<Confirmation>,
    /// Who shares out the requests.
    balancer: Balancer,
    next_look_at_turns: usize,
    pub(super) sample: Sample,
    /// Draws that were pushed.
    pushed: usize,
    unexpected: u64,
    unattributed: u64,
    pub(super) by_response: Sequential,
    /// The first response of each connection only.
    pub(super) by_connection: Sequential,
    /// Every connection, with the first target that responded on it.
    connections: HashMap<u32, Option<u16>>,
    /// Whether two targets responded on one connection.
    mixed: bool,
    next_look: usize,
    next_look_at_purity: usize,
    /// The same as `next_look` for what is ahead of requests that have not ended: a saved run, in which all have ended, is
    /// judged again without it.
    next_look_ahead: usize,
    /// Shares of the targets less what is tolerated, and whether a response came; no share for a reply of the proxy.
    responded: Vec<(Option<f64>, bool)>,
    pub(super) decided: Option<Decided>,
    /// What is certain although requests that were dispatched earlier have not ended.
    bounded: Option<Decision>,
    /// Whether a target is silent: more requests do not tell more.
    silent: bool,
}

/// What became certain, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decided {
    pub(super) decision: Decision,
    /// What it was counted by.
    pub(super) unit: Unit,
    /// Because connections stick to targets where requests are declared to be split.
    pub(super) sticky: bool,
    /// Requests dispatched until then.
    pub(super) at: usize,
}

impl Watch {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(expected: &Expected, policy: &Policy) -> Self {
        let design: Design = policy.design(expected, 0);
        let most = match policy.number {
            Number::AtMost(most) => most,
            Number::Planned | Number::Fixed => design.requests_sequential(),
        };
        let sequence = Sequential::new(&design).ending_after(most);
        Self {
            policy: *policy,
            balancing: balancing(expected, policy),
            targets: design.shares().len(),
            design,
            confirmation: None,
            balancer: Balancer::default(),
            next_look_at_turns: NEXT_LOOK,
            sample: Sample::default(),
            pushed: 0,
            unexpected: 0,
            unattributed: 0,
            by_response: sequence.clone(),
            by_connection: sequence,
            connections: HashMap::new(),
            mixed: false,
            next_look: 0,
            next_look_at_purity: NEXT_LOOK,
            next_look_ahead: 0,
            responded: super::sample::active(expected)
                .into_iter()
                .map(|index| &expected.declared()[index])
                .map(|target| {
                    let destination = target.target.status().is_none();
                    let share = target.share.as_f64() - policy.tolerance;
                    (destination.then_some(share), false)
                })
                .collect(),
            decided: None,
            bounded: None,
            silent: false,
        }
    }

    /// Looks at what was seen since the last time; true as soon as nothing more has to be sent.
    pub fn look(&mut self, seen: &Observation, expected: &Expected, mapping: &Mapping) -> bool {
        self.sample.extend(&seen.log, expected, mapping);
        self.balancer = Balancer::of(seen);
        while self.decided.is_none()
            && let Some(draw) = self.sample.get(self.pushed)
        {
            self.push(draw);
            self.decided = self.decide();
        }
        if self.decided.is_none() && self.bounded.is_none() {
            self.bounded = self.decide_ahead();
        }
        self.silent |= self.is_silent();
        self.decided.is_some() || self.bounded.is_some() || self.silent
    }

    /// Whether errors stand where the responses of a target should. The level is the square of that of the verdict: a run that
    /// ends here leaves no doubt that the target is silent, and still ends early.
    fn is_silent(&self) -> bool {
        let responses = self.pushed as u64 - self.unattributed - self.unexpected;
        let alpha = self.policy.alpha * self.policy.alpha;
        let starved = |(share, responded): &(Option<f64>, bool)| {
            let starved = |share| starvation::starved(0, responses, share, alpha);
            !responded && share.is_some_and(starved)
        };
        self.unattributed > 0 && self.responded.iter().any(starved)
    }

    /// Whether it is certain that the split is another one, or that a target is silent.
    #[must_use]
    pub fn diverged(&self) -> bool {
        self.silent || self.split_diverges()
    }

    /// Whether it is certain that the split is another one.
    pub(super) fn split_diverges(&self) -> bool {
        let decision = self.decided.map(|decided| decided.decision);
        decision.or(self.bounded) == Some(Decision::Diverged)
    }

    /// The evidence against the declared split, as `ln` of an e-value, and what it takes to end the run.
    #[must_use]
    pub fn evidence(&self) -> (f64, f64) {
        (self.by_response.ln_e(), (2.0 / self.policy.alpha).ln())
    }

    /// The same for a pass: the evidence against every deviation of the resolution.
    #[must_use]
    pub fn evidence_of_pass(&self) -> (f64, f64) {
        self.by_response.evidence_of_pass()
    }

    /// The confidence sequence of the share of the target at this position among those with a share.
    #[must_use]
    pub fn confidence(&self, target: usize) -> Interval {
        self.by_response.confidence(target)
    }

    fn push(&mut self, draw: Draw) {
        self.pushed += 1;
        let target = match draw.drawn {
            DrawOutcome::Target(target) => Some(target),
            DrawOutcome::Unexpected | DrawOutcome::Unattributed => None,
        };
        let known = self.connections.get(&draw.connection).copied();
        self.mixed |= known
            .flatten()
            .is_some_and(|first| target.is_some_and(|own| own != first));
        let first = known.flatten().or(target);
        self.connections.insert(draw.connection, first);
        match draw.drawn {
            DrawOutcome::Unexpected => self.unexpected += 1,
            DrawOutcome::Unattributed => self.unattributed += 1,
            DrawOutcome::Target(target) => self.responded[usize::from(target)].1 = true,
        }
        if let Some(confirmation) = &mut self.confirmation {
            confirmation.push(target.map(usize::from));
        }
        let too_many = self.unexpected > self.policy.allow_unexpected;
        push(&mut self.by_response, draw.drawn, too_many);
        if known.is_none() {
            push(&mut self.by_connection, draw.drawn, too_many);
        }
    }

    fn decide(&mut self) -> Option<Decided> {
        let at = self.pushed;
        let decided = |decision, unit| Decided {
            decision,
            unit,
            sticky: false,
            at,
        };
        if self.unexpected > self.policy.allow_unexpected {
            return Some(decided(Decision::Diverged, Unit::Response));
        }
        if self.connections_stick() {
            return Some(Decided {
                sticky: true,
                ..decided(Decision::Diverged, Unit::Connection)
            });
        }
        let candidates = Candidates {
            by_response: self.by_response.decision(),
            by_connection: self.by_connection.decision(),
        };
        if candidates.none() {
            return self.decided_by_turns();
        }
        let early = candidates.by_response == Some(Decision::Diverged) && !self.is_confirmed(at);
        if early || at < self.next_look {
            return None;
        }
        let so_far = self.sample.first(at.min(DEPENDENCE_WINDOW));
        let unit = self.unit(&so_far);
        self.next_look = next_look(at, unit);
        let (decision, unit) = candidates.by(unit, self.balancing)?;
        let decision = match unit {
            Unit::Response => self.in_order(decision, &so_far)?,
            Unit::Connection | Unit::Clustered { .. } => decision,
        };
        let forbidden = || {
            self.unattributed as f64 / at as f64 > self.policy.max_unattributed
                || self.sticks_likely(&so_far, unit)
                || self.is_uneven(&self.sample.first(at), unit)
        };
        if decision == Decision::Pass && forbidden() {
            // It cannot pass now, but what is lost may get less, and it may still prove to be another split.
            return None;
        }
        Some(decided(decision, unit))
    }

    /// What is certain beyond the first request that has not ended: whatever those that are missing turn out to be, they
    /// cannot change it. One slow response does not keep a run going that way.
    fn decide_ahead(&mut self) -> Option<Decision> {
        let (mut by_response, mut unexpected) = (self.by_response.clone(), self.unexpected);
        let (mut at, mut decision, mut lost) = (self.pushed, None, self.unattributed);
        let mut confirmation = self.confirmation.clone();
        let step = self.sample.ahead().count().div_ceil(LOOKS_AHEAD).max(1);
        for (number, (sequence, draw)) in (1..).zip(self.sample.ahead()) {
            for _ in at..sequence {
                by_response.push_unattributed();
                if let Some(own) = &mut confirmation {
                    own.push(None);
                }
            }
            at = sequence + 1;
            unexpected += u64::from(draw.drawn == DrawOutcome::Unexpected);
            lost += u64::from(draw.drawn == DrawOutcome::Unattributed);
            let too_many = unexpected > self.policy.allow_unexpected;
            push(&mut by_response, draw.drawn, too_many);
            let target = draw.drawn.target();
            if let Some(own) = &mut confirmation {
                own.push(target);
            }
            if too_many {
                return Some(Decision::Diverged);
            }
            if number % step == 0 {
                decision = by_response.decision();
            }
            if decision == Some(Decision::Diverged) && self.is_early(at) {
                let first = || Confirmation::new(by_response.counts(), &self.design);
                let confirmed = confirmation.get_or_insert_with(first).holds(&self.design);
                decision = decision.filter(|_| confirmed);
            }
            if decision.is_some() {
                break;
            }
        }
        if decision.is_none() || at < self.next_look_ahead {
            return None;
        }
        let so_far = self.sample.with_ahead(at.min(DEPENDENCE_WINDOW));
        let unit = self.unit(&so_far);
        self.next_look_ahead = next_look(at, unit);
        let candidates = Candidates {
            by_response: decision,
            by_connection: None,
        };
        let (decision, unit) = candidates.by(unit, self.balancing)?;
        let forbidden = || {
            lost as f64 / at as f64 > self.policy.max_unattributed || self.is_uneven(&so_far, unit)
        };
        let decision = match unit {
            Unit::Response => self.in_order(decision, &so_far)?,
            Unit::Connection | Unit::Clustered { .. } => decision,
        };
        (decision == Decision::Diverged || !forbidden()).then_some(decision)
    }

    /// Whether a divergence by the number of responses is to be confirmed.
    fn is_early(&self, at: usize) -> bool {
        at < EARLY && self.balancing == Balancing::Request
    }

    /// Whether a divergence by the number of responses needs no confirmation any more.
    fn is_confirmed(&mut self, at: usize) -> bool {
        if !self.is_early(at) {
            return true;
        }
        let design = &self.design;
        let counts = self.by_response.counts();
        let first = || Confirmation::new(counts, design);
        self.confirmation.get_or_insert_with(first).holds(design)
    }

    /// What stays certain when it is taken into account how the targets follow each other.
    fn in_order(&self, decision: Decision, so_far: &Sample) -> Option<Decision> {
        let counts = self.by_response.counts();
        if decision == Decision::Diverged && self.balancer.explains(counts, &self.design) {
            return None;
        }
        match Order::of(&so_far.labels(), self.targets) {
            Order::Draws => Some(decision),
            // Two splits, one after the other, are no bursts.
            Order::Bursts(_) if so_far.change(self.targets, Unit::Response).is_some() => {
                Some(decision)
            }
            Order::Bursts(effect) => self.by_response.decision_worth(effect),
            Order::Turns(turns) => so_far.by_turns(&turns, &self.design),
        }
    }

    /// What targets that take turns show before draws would.
    fn decided_by_turns(&mut self) -> Option<Decided> {
        let at = self.pushed;
        let possible = self.targets > 1 && self.balancing == Balancing::Request;
        if !possible || at < self.next_look_at_turns || at > DEPENDENCE_WINDOW {
            return None;
        }
        self.next_look_at_turns = at + NEXT_LOOK.max(at / 10);
        let so_far = self.sample.first(at);
        let Order::Turns(turns) = Order::of(&so_far.labels(), self.targets) else {
            return None;
        };
        let decision = so_far.by_turns(&turns, &self.design)?;
        // The unit is looked at last: it takes the longest.
        let unit = self.unit(&so_far);
        (unit == Unit::Response).then_some(Decided {
            decision,
            unit,
            sticky: false,
            at,
        })
    }

    /// Whether the split changed, or was another one for a while: where it is known that workers begin in step, that is no change.
    fn is_uneven(&self, so_far: &Sample, unit: Unit) -> bool {
        let in_step =
            || unit == Unit::Response && self.balancer.begins_late(&so_far.labels(), &self.design);
        so_far.is_uneven(self.targets, unit) && !in_step()
    }

    fn unit(&self, so_far: &Sample) -> Unit {
        let connections = so_far.connections();
        unit(&connections, self.targets, DRAWS, self.policy.seed)
    }

    /// Whether connections stick to targets beyond chance, where requests are declared to be split.
    fn connections_stick(&mut self) -> bool {
        let at = self.pushed;
        if self.mixed || self.balancing != Balancing::Request || at < self.next_look_at_purity {
            return false;
        }
        self.next_look_at_purity = at + NEXT_LOOK.max(at / 10);
        let connections = self.sample.first(at.min(DEPENDENCE_WINDOW)).connections();
        purity(&rows(&connections, self.targets)).per_connection_at(self.policy.alpha)
    }

    /// Whether connections seem to stick to targets, where requests are declared to be split: no pass before that is clear.
    fn sticks_likely(&self, so_far: &Sample, unit: Unit) -> bool {
        let by_request = self.balancing == Balancing::Request && unit == Unit::Connection;
        by_request
            && purity(&rows(&so_far.connections(), self.targets)).suspicious_at(self.policy.beta)
    }
}

/// What is certain if responses are the draws, and if the first responses of connections are.
struct Candidates {
    by_response: Option<Decision>,
    by_connection: Option<Decision>,
}

impl Candidates {
    fn none(&self) -> bool {
        self.by_response.is_none() && self.by_connection.is_none()
    }

    /// What is certain by the unit that holds, and the unit that it was counted by. Where requests are declared to be
    /// split, responses that stick to connections are no excuse for a divergence.
    fn by(&self, unit: Unit, balancing: Balancing) -> Option<(Decision, Unit)> {
        let diverged = self.by_response == Some(Decision::Diverged);
        match unit {
            Unit::Response => self.by_response.map(|decision| (decision, unit)),
            Unit::Connection if diverged && balancing == Balancing::Request => {
                Some((Decision::Diverged, Unit::Response))
            }
            Unit::Connection => self.by_connection.map(|decision| (decision, unit)),
            Unit::Clustered { .. } => None,
        }
    }
}

/// Steps that grow with the run: all looks together take no longer than a few at its end.
fn next_look(at: usize, unit: Unit) -> usize {
    let step = match unit {
        Unit::Clustered { .. } => NEXT_LOOK_CLUSTERED,
        Unit::Response | Unit::Connection => NEXT_LOOK,
    };
    at + step.max(at / 10)
}

fn push(sequence: &mut Sequential, drawn: DrawOutcome, too_many_unexpected: bool) {
    match drawn {
        DrawOutcome::Target(target) => sequence.push(target.into()),
        DrawOutcome::Unattributed => sequence.push_unattributed(),
        DrawOutcome::Unexpected if too_many_unexpected => sequence.push_unexpected(),
        DrawOutcome::Unexpected => {}
    }
}
