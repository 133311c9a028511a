//! The rules of the verdict, applied to a case in their order.

use super::case::Case;
use super::watch::Decided;
use super::{Balancing, ChangePoint, Outcome, Test, Verdict, blank, reason};
use crate::stats::dependence;
use crate::stats::design::{Method, PValue};
use crate::stats::fit::Fit;
use crate::stats::interval;
use crate::stats::order::Order;
use crate::stats::sequential::{Decision, Sequential};
use crate::stats::turns::Turns;

/// Numbers of requests above this are not worth proposing.
const MOST_REQUESTS: f64 = 1e9;

impl Case<'_> {
    pub(super) fn verdict(&self) -> Verdict {
        let n: u64 = self.counts.iter().sum();
        if self.unexpected() > self.policy.allow_unexpected {
            return self.structural(0.0, reason::unexpected(self));
        }
        if n == 0 {
            return Verdict {
                reason: reason::no_data(self.seen),
                ..blank(Outcome::NoData, self.policy)
            };
        }
        if self.policy.test == Some(Test::ChiSquare) {
            return self.by_chi_square();
        }
        if self.per_connection() && self.balancing == Balancing::Request {
            let verdict = self.structural(
                10_f64.powf(self.purity.log10_p),
                reason::per_connection(self),
            );
            let decided = self.watch.and_then(|watch| watch.decided);
            let decided = decided.filter(|decided| decided.sticky);
            return Verdict {
                decided_after: decided.map(|decided| decided.at as u64),
                ..verdict
            };
        }
        match self.watch.and_then(|watch| watch.decided) {
            Some(decided) if !self.blocked(decided.decision) => self.decided(decided),
            _ => self.tested(),
        }
    }

    /// Whether something forbids a pass.
    fn blocked(&self, decision: Decision) -> bool {
        let blocked = self.too_many_unattributed()
            || self.change.is_some()
            || self.segment.is_some()
            || self.connections_seem_to_stick();
        decision == Decision::Pass && blocked
    }

    fn structural(&self, p: f64, reason: String) -> Verdict {
        Verdict {
            method: Some("structural".to_owned()),
            p_value: Some(p),
            reason,
            ..self.numbers(Outcome::Diverged)
        }
    }

    /// What became certain while the run went on.
    fn decided(&self, decided: Decided) -> Verdict {
        let watch = self.watch.expect("only a watched run is decided early");
        let sequence = match decided.unit {
            dependence::Unit::Connection => &watch.by_connection,
            dependence::Unit::Response | dependence::Unit::Clustered { .. } => &watch.by_response,
        };
        let outcome = match decided.decision {
            Decision::Pass => Outcome::Pass,
            Decision::Diverged => Outcome::Diverged,
        };
        let always_valid = (std::f64::consts::LN_2 - sequence.highest_ln_e()).min(0.0);
        let ln_p = match &self.order {
            Order::Turns(turns) if outcome == Outcome::Diverged => always_valid.min(turns.ln_p),
            // Draws would have diverged: these are none.
            _ if outcome == Outcome::Pass && always_valid < self.policy.alpha.ln() => 0.0,
            _ => always_valid,
        };
        Verdict {
            method: Some("sequential".to_owned()),
            p_value: Some(ln_p.exp()),
            ln_p_value: Some(ln_p),
            reason: reason::tested(self, outcome, None, None),
            decided_after: Some(decided.at as u64),
            ..self.numbers(outcome)
        }
    }

    /// The classical rule: what is not rejected passes.
    fn by_chi_square(&self) -> Verdict {
        let p = self.design.p_chi_square(&self.counts, self.policy.seed);
        let outcome = if self.too_many_unattributed() {
            Outcome::Inconclusive
        } else if p.p < self.policy.alpha {
            Outcome::Diverged
        } else {
            Outcome::Pass
        };
        Verdict {
            method: Some(method_name(&p.method).to_owned()),
            p_value: Some(p.p),
            ln_p_value: Some(p.ln_p),
            reason: reason::by_chi_square(self, outcome, p.p),
            resolution: None,
            ..self.numbers(outcome)
        }
    }

    /// The tests of all answers together.
    fn tested(&self) -> Verdict {
        let spent: f64 = if self.watch.is_some() { 2.0 } else { 1.0 };
        let (alpha, beta) = (self.policy.alpha / spent, self.policy.beta / spent);
        let (last, sequence) = self.p_diverged();
        let outcome = if last.p < alpha && !self.in_step_explains() {
            Outcome::Diverged
        } else if self.blocked(Decision::Pass) {
            Outcome::Inconclusive
        } else if self
            .p_equivalence()
            .is_some_and(|p| self.passes_structurally() || p <= beta)
        {
            Outcome::Pass
        } else {
            Outcome::Inconclusive
        };
        // What the looks before saw counts only where it decides: beside another outcome it would read as a contradiction.
        let at_the_end = (last.p * spent).min(1.0);
        let p = sequence
            .filter(|_| outcome == Outcome::Diverged)
            .map_or(at_the_end, |sequence| sequence.adjusted_p(&last));
        let undecided = outcome == Outcome::Inconclusive && !self.blocked(Decision::Pass);
        let needed = if undecided {
            self.requests_needed()
        } else {
            None
        };
        Verdict {
            method: Some(method_name(&last.method).to_owned()),
            p_value: Some(p),
            ln_p_value: sequence
                .is_none()
                .then_some((last.ln_p + spent.ln()).min(0.0)),
            reason: reason::tested(self, outcome, last.worst_target, needed),
            requests_needed: needed,
            ..self.numbers(outcome)
        }
    }

    /// Whether a single target needs no more than that nothing came from elsewhere: unless a resolution is asked for.
    fn passes_structurally(&self) -> bool {
        self.active.len() == 1 && self.policy.resolution.is_none()
    }

    /// What a single target rules out: the highest share of anything else, with the responses from elsewhere that are let pass
    /// (Clopper & Pearson 1934; without any it is the rule of three). A run that ends after so many responses of the target
    /// has the same bound: both count the same event.
    pub(super) fn most_from_elsewhere(&self) -> f64 {
        let n = self.counts.iter().sum::<u64>() + self.unexpected();
        interval::upper(self.unexpected(), n, self.policy.beta)
    }

    /// The p-value of the declared split by the unit that holds, and the sequence it belongs to. Where every request is
    /// declared to be split by itself, responses that stick to connections are no excuse: their number counts.
    fn p_diverged(&self) -> (PValue, Option<&Sequential>) {
        let seed = self.policy.seed;
        let by_response = || {
            if let Order::Turns(turns) = &self.order {
                return (self.p_of_turns(turns), None);
            }
            let (counts, unattributed) = self.worth();
            let p = self
                .design
                .p_diverged_completed(&counts, unattributed, seed);
            let sequence = self.watch.map(|watch| &watch.by_response);
            (p, sequence.filter(|_| self.order == Order::Draws))
        };
        match self.unit {
            dependence::Unit::Response => by_response(),
            dependence::Unit::Connection if self.balancing == Balancing::Request => by_response(),
            dependence::Unit::Connection => (
                self.p_of_connections(),
                self.watch.map(|watch| &watch.by_connection),
            ),
            dependence::Unit::Clustered { .. } => {
                if !self.rao_scott().usable {
                    // However responses go together, the first ones of connections are draws by themselves.
                    return (self.p_of_connections(), None);
                }
                let ln_p = self.cluster_test().ln_p;
                let p = PValue {
                    p: ln_p.exp(),
                    ln_p,
                    method: Method::PearsonChiSquare,
                    worst_target: None,
                };
                (p, None)
            }
        }
    }

    /// Whether workers that begin their turns in step can have led to the counts, where it is responses that count.
    fn in_step_explains(&self) -> bool {
        let by_response = match self.unit {
            dependence::Unit::Response => true,
            dependence::Unit::Connection => self.balancing == Balancing::Request,
            dependence::Unit::Clustered { .. } => false,
        };
        // Turns that are seen are known to a few responses.
        let turns = matches!(self.order, Order::Turns(_));
        by_response && !turns && self.balancer.explains(&self.counts, &self.design)
    }

    /// Whether the split would be rejected, did workers not begin their turns in step.
    pub(super) fn only_in_step(&self) -> bool {
        self.in_step_explains() && self.p_diverged().0.p < self.policy.alpha
    }

    /// The counts of the targets and of what may be anybody's, in independent responses.
    fn worth(&self) -> (Vec<u64>, u64) {
        let counts = self.counts.iter().map(|count| self.order.worth(*count));
        (counts.collect(), self.order.worth(self.anybodys()))
    }

    /// The p-value of targets that take turns: nothing is left to chance but that they do.
    fn p_of_turns(&self, turns: &Turns) -> PValue {
        let diverged = self.sample.by_turns(turns, &self.design) == Some(Decision::Diverged);
        if diverged {
            PValue {
                p: turns.ln_p.exp(),
                ln_p: turns.ln_p,
                ..PValue::CERTAIN
            }
        } else {
            PValue::CERTAIN
        }
    }

    /// The p-value of the declared split by the first responses of the connections.
    fn p_of_connections(&self) -> PValue {
        let (counts, unattributed) = self.first_of_connections();
        self.design
            .p_diverged_completed(&counts, unattributed, self.policy.seed)
    }

    /// The p-value of "some share is off by the resolution"; `None` where nothing could exclude that.
    fn p_equivalence(&self) -> Option<f64> {
        match self.unit {
            dependence::Unit::Response => Some(self.p_equivalence_of_responses()),
            dependence::Unit::Connection => {
                let (counts, unattributed) = self.first_of_connections();
                Some(self.design.p_equivalence(&counts, unattributed))
            }
            dependence::Unit::Clustered { .. } => None,
        }
    }

    fn p_equivalence_of_responses(&self) -> f64 {
        let (counts, unattributed) = self.worth();
        let of_draws = self.design.p_equivalence(&counts, unattributed);
        match &self.order {
            Order::Draws | Order::Bursts(_) => of_draws,
            Order::Turns(turns) => {
                let passes = self.sample.by_turns(turns, &self.design) == Some(Decision::Pass);
                if passes { 0.0 } else { of_draws }
            }
        }
    }

    /// The numbers that every verdict on this case carries.
    fn numbers(&self, outcome: Outcome) -> Verdict {
        let fit = Fit::new(&self.counts, self.design.shares());
        let n: u64 = self.counts.iter().sum();
        let resolution = if self.passes_structurally() && n > 0 {
            self.most_from_elsewhere()
        } else {
            self.design.resolution().into_iter().fold(0.0, f64::max)
        };
        // With responses from where nothing may come from, the statistic is infinite.
        let finite = self.unexpected() <= self.policy.allow_unexpected;
        Verdict {
            chi_square: Some(fit.x2).filter(|x| finite && x.is_finite()),
            df: u32::try_from(self.counts.len() - 1).ok(),
            chi_square_p: if finite {
                Some(fit.ln_p.exp()).filter(|_| fit.df > 0 && n > 0)
            } else {
                Some(0.0)
            },
            resolution: Some(digits(resolution)),
            max_deviation: self.max_deviation().map(digits),
            unit: self.unit.into(),
            change: self.change.as_ref().map(|change| ChangePoint {
                at: change.at,
                before: change.before.clone(),
                after: change.after.clone(),
            }),
            ..blank(outcome, self.policy)
        }
    }

    /// About how many requests would decide, if shares and unattributed ones stay as they were seen: at least the planned
    /// number, and more than were sent.
    fn requests_needed(&self) -> Option<u64> {
        let (counts, unattributed, sent) = match self.unit {
            dependence::Unit::Response => {
                let sent = self.seen.sent.max(1) as f64;
                let (counts, unattributed) = self.worth();
                (counts, unattributed, sent)
            }
            // A connection is one draw; two requests show that it still is.
            dependence::Unit::Connection => {
                let (counts, unattributed) = self.first_of_connections();
                let draws = counts.iter().sum::<u64>() + unattributed;
                (counts, unattributed, 2.0 * draws as f64)
            }
            dependence::Unit::Clustered { .. } => return None,
        };
        let decided = |factor: f64| {
            let scaled = |count: u64| rounded(count as f64 * factor);
            let counts: Vec<u64> = counts.iter().map(|count| scaled(*count)).collect();
            let unattributed = scaled(unattributed);
            // More requests rule out more.
            let draws = counts.iter().sum::<u64>() + unattributed;
            let design = self.policy.design(self.expected, draws);
            let p = design.p_diverged_completed(&counts, unattributed, self.policy.seed);
            let in_step =
                self.unit == dependence::Unit::Response && self.balancer.explains(&counts, &design);
            (p.p < self.policy.alpha && !in_step)
                || design.p_equivalence(&counts, unattributed) <= self.policy.beta
        };
        let per_draw = match self.unit {
            dependence::Unit::Connection => 2.0,
            dependence::Unit::Response | dependence::Unit::Clustered { .. } => {
                self.order.design_effect()
            }
        };
        let planned = self.design.requests_fixed() as f64 * per_draw;
        let mut total = (sent * 1.1).max(planned);
        while total <= MOST_REQUESTS {
            if decided(total / sent) {
                return Some(rounded(total.ceil()));
            }
            total *= 1.25;
        }
        None
    }
}

/// Without the noise of the last digits: 0.03, not 0.030000000000000027.
fn digits(value: f64) -> f64 {
    (value * 1e12).round() / 1e12
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of requests: not negative, at most 1e9"
)]
fn rounded(count: f64) -> u64 {
    count.round() as u64
}

fn method_name(method: &Method) -> &'static str {
    match method {
        Method::Structural => "structural",
        Method::ExactBinomial => "exact-binomial",
        Method::ExactMultinomial => "exact-multinomial",
        Method::MonteCarlo { .. } => "monte-carlo",
        Method::PearsonChiSquare => "pearson-chi-square",
    }
}
