//! One judgement: the rules of the verdict, applied in their order.

use super::attribution::Attribution;
use super::sample::{Drawn, LOOKED_AT, Sample, active};
use super::watch::{Decided, Watch};
use super::{
    Balancing, Changed, Evidence, Outcome, Policy, Rival, Test, Verdict, balancing, blank, reason,
};
use crate::observe::Observation;
use crate::split::Expected;
use crate::stats::change::Change;
use crate::stats::dependence::{self, Purity, RaoScott, Row, purity, rao_scott};
use crate::stats::design::{Design, Method, PValue};
use crate::stats::fit::Fit;
use crate::stats::sequential::{Decision, Sequential};

/// Draws of the permutation test at the end of a run.
const DRAWS: u32 = 9999;
/// Numbers of requests above this are not worth proposing.
const MOST_REQUESTS: f64 = 1e9;

/// Everything a judgement looks at.
pub(super) struct Case<'a> {
    pub(super) expected: &'a Expected,
    pub(super) sorted: &'a Attribution,
    pub(super) seen: &'a Observation,
    pub(super) rivals: &'a [Rival],
    pub(super) policy: &'a Policy,
    pub(super) design: Design,
    /// Positions of the targets with a share.
    pub(super) active: Vec<usize>,
    /// Their counts.
    pub(super) counts: Vec<u64>,
    /// The same answers one by one, as far as they are remembered.
    pub(super) sample: Sample,
    /// The same by connection.
    pub(super) rows: Vec<Row>,
    pub(super) purity: Purity,
    pub(super) unit: dependence::Unit,
    /// What the declaration says about connections: a route of connections says it itself.
    pub(super) balancing: Balancing,
    /// Where the split changed, if it did: in the run of one generator, where there are several.
    pub(super) change: Option<Change>,
    watch: Option<&'a Watch>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        expected: &'a Expected,
        evidence: Evidence<'a>,
        policy: &'a Policy,
        watch: Option<&'a Watch>,
        sample: Sample,
    ) -> Self {
        let active = active(expected);
        let counts = active
            .iter()
            .map(|index| evidence.sorted.counts[*index])
            .collect();
        let decided = watch.and_then(|watch| watch.decided);
        // It was looked at when the result became certain.
        let looked_at = decided.filter(|decided| decided.sticky);
        let looked_at = looked_at.map_or(LOOKED_AT, |decided| decided.at.min(LOOKED_AT));
        let connections = sample.first(looked_at).connections();
        let rows = dependence::rows(&connections, active.len());
        let unit = match decided {
            Some(decided) => decided.unit,
            // With one target there is nothing that connections could differ in.
            None if active.len() == 1 => dependence::Unit::Response,
            None => dependence::unit(&connections, active.len(), DRAWS, policy.seed),
        };
        let draws = match unit {
            dependence::Unit::Connection => sample.first_of_connections().count() as u64,
            dependence::Unit::Response | dependence::Unit::Clustered { .. } => evidence.seen.sent,
        };
        Self {
            expected,
            balancing: balancing(expected, policy),
            sorted: evidence.sorted,
            seen: evidence.seen,
            rivals: evidence.rivals,
            policy,
            design: policy.design(expected, draws),
            counts,
            purity: purity(&rows),
            unit,
            change: sample.change(active.len(), unit),
            active,
            sample,
            rows,
            watch,
        }
    }

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

    /// Answers that should not exist: from zero-weight or undeclared targets.
    pub(super) fn unexpected(&self) -> u64 {
        self.sorted.attributed() - self.counts.iter().sum::<u64>() + self.sorted.undeclared
    }

    /// Whether targets are chosen per connection, beyond chance.
    pub(super) fn per_connection(&self) -> bool {
        self.active.len() > 1 && self.purity.per_connection_at(self.policy.alpha)
    }

    /// Whether something forbids a pass.
    fn blocked(&self, decision: Decision) -> bool {
        let blocked = self.too_many_unattributed()
            || self.change.is_some()
            || self.connections_seem_to_stick();
        decision == Decision::Pass && blocked
    }

    /// Whether all connections are pure, which chance makes so rarely that requests are hardly split one by one, as they are
    /// declared to be.
    pub(super) fn connections_seem_to_stick(&self) -> bool {
        self.balancing == Balancing::Request
            && self.unit == dependence::Unit::Connection
            && self.purity.suspicious_at(self.policy.beta)
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
        let p = (2.0 * sequence.p_always_valid()).min(1.0);
        Verdict {
            method: Some("sequential".to_owned()),
            p_value: Some(p),
            ln_p_value: Some((std::f64::consts::LN_2 - sequence.highest_ln_e()).min(0.0)),
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
        let outcome = if last.p < alpha {
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
            reason: reason::tested(self, outcome, last.culprit, needed),
            requests_needed: needed,
            ..self.numbers(outcome)
        }
    }

    /// Whether a single target needs no more than that nothing came from elsewhere: unless a resolution is asked for.
    fn passes_structurally(&self) -> bool {
        self.active.len() == 1 && self.policy.resolution.is_none()
    }

    /// The p-value of the declared split by the unit that holds, and the sequence it belongs to. Where every request is
    /// declared to be split by itself, answers that stick to connections are no excuse: their number counts.
    fn p_diverged(&self) -> (PValue, Option<&Sequential>) {
        let seed = self.policy.seed;
        let by_response = || {
            let p = self
                .design
                .p_diverged_completed(&self.counts, self.sorted.unattributed, seed);
            (p, self.watch.map(|watch| &watch.by_response))
        };
        match self.unit {
            dependence::Unit::Response => by_response(),
            dependence::Unit::Connection if self.balancing == Balancing::Request => by_response(),
            dependence::Unit::Connection => (
                self.p_of_connections(),
                self.watch.map(|watch| &watch.by_connection),
            ),
            dependence::Unit::Clustered { .. } => {
                let corrected = self.rao_scott();
                if !corrected.usable {
                    // However answers go together, the first ones of connections are draws by themselves.
                    return (self.p_of_connections(), None);
                }
                let p = PValue {
                    p: corrected.ln_p.exp(),
                    ln_p: corrected.ln_p,
                    method: Method::PearsonChiSquare,
                    culprit: None,
                };
                (p, None)
            }
        }
    }

    /// The p-value of the declared split by the first answers of the connections.
    fn p_of_connections(&self) -> PValue {
        let (counts, unattributed) = self.first_of_connections();
        self.design
            .p_diverged_completed(&counts, unattributed, self.policy.seed)
    }

    /// The p-value of "some share is off by the resolution"; `None` where nothing could exclude that.
    fn p_equivalence(&self) -> Option<f64> {
        match self.unit {
            dependence::Unit::Response => Some(
                self.design
                    .p_equivalence(&self.counts, self.sorted.unattributed),
            ),
            dependence::Unit::Connection => {
                let (counts, unattributed) = self.first_of_connections();
                Some(self.design.p_equivalence(&counts, unattributed))
            }
            dependence::Unit::Clustered { .. } => None,
        }
    }

    /// The first answers of the connections by target, and how many of them are unattributed.
    pub(super) fn first_of_connections(&self) -> (Vec<u64>, u64) {
        let (mut counts, mut unattributed) = (vec![0; self.active.len()], 0);
        for drawn in self.sample.first_of_connections() {
            match drawn {
                Drawn::Target(target) => counts[usize::from(target)] += 1,
                Drawn::Unattributed => unattributed += 1,
                Drawn::Unexpected => {}
            }
        }
        (counts, unattributed)
    }

    pub(super) fn rao_scott(&self) -> RaoScott {
        rao_scott(&self.rows, self.design.shares())
    }

    /// The numbers that every verdict on this case carries.
    fn numbers(&self, outcome: Outcome) -> Verdict {
        let fit = Fit::new(&self.counts, self.design.shares());
        let n: u64 = self.counts.iter().sum();
        // A single target rules out what the number of answers rules out (the rule of three, exact).
        let resolution = if self.passes_structurally() && n > 0 {
            1.0 - self.policy.beta.powf(1.0 / n as f64)
        } else {
            self.design.resolution().into_iter().fold(0.0, f64::max)
        };
        // With answers from where nothing may come from, the statistic is infinite.
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
            change: self.change.as_ref().map(|change| Changed {
                at: change.at,
                before: change.before.clone(),
                after: change.after.clone(),
            }),
            ..blank(outcome, self.policy)
        }
    }

    /// The largest distance of a share from its declaration, among all answers with a known origin: targets without a
    /// share and what was not declared count as well.
    fn max_deviation(&self) -> Option<f64> {
        let identified = self.sorted.attributed() + self.sorted.undeclared;
        let share = |count: u64| count as f64 / identified as f64;
        let targets = self.expected.declared().iter().zip(&self.sorted.counts);
        let deviations =
            targets.map(|(declared, count)| (share(*count) - declared.share.as_f64()).abs());
        let largest = deviations.fold(share(self.sorted.undeclared), f64::max);
        (identified > 0).then_some(largest)
    }

    pub(super) fn too_many_unattributed(&self) -> bool {
        let total = self.seen.sent.max(1);
        self.sorted.unattributed as f64 / total as f64 > self.policy.max_unattributed
    }

    /// About how many requests would decide, if shares and unattributed ones stay as they were seen: at least the planned
    /// number, and more than were sent.
    fn requests_needed(&self) -> Option<u64> {
        let (counts, unattributed, sent) = match self.unit {
            dependence::Unit::Response => {
                let sent = self.seen.sent.max(1) as f64;
                (self.counts.clone(), self.sorted.unattributed, sent)
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
            p.p < self.policy.alpha
                || design.p_equivalence(&counts, unattributed) <= self.policy.beta
        };
        let per_draw = match self.unit {
            dependence::Unit::Connection => 2.0,
            dependence::Unit::Response | dependence::Unit::Clustered { .. } => 1.0,
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
