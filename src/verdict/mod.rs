//! From sorted answers to a verdict: pass, diverged or inconclusive, always with the reason and its numbers. Not: how
//! it is shown.
//!
//! The rules, in this order. (1) Traffic at a target that must see nothing, or at something undeclared: diverged.
//! (2) The declared split is rejected at `alpha`: diverged. (3) For every target both "the share is too low by the
//! resolution" and "too high by the resolution" are rejected at `beta`, and few enough answers are unattributed: pass.
//! (4) Otherwise inconclusive: "not rejected" alone is never a pass. (Goeman, Solari & Stijnen 2010; Schuirmann 1987.)

pub mod attribution;
pub mod mapping;
mod reason;
pub mod size;
pub mod slo;

use serde::{Deserialize, Serialize};

use crate::observe::Observation;
use crate::split::Expected;
use crate::stats::design::{Design, Method, PValue, Resolution};
use crate::stats::fit::Fit;
use crate::stats::interval::clopper_pearson;
use attribution::Attribution;
pub use slo::{SloResult, with_slos};

/// What the user accepts, and how sure the answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The chance of a divergence where there is none, at most.
    pub alpha: f64,
    /// The chance of a pass where some share is off by the resolution or more, at most.
    pub beta: f64,
    /// The deviation of a share that is accepted, as a fraction of all traffic.
    pub tolerance: f64,
    /// The deviation a pass must rule out; `None` for a tenth of each share's standard deviation.
    pub resolution: Option<f64>,
    /// The largest part of the requests that may stay unattributed in a pass.
    pub max_unattributed: f64,
    /// Answers from undeclared or zero-weight targets that are let pass.
    pub allow_unexpected: u64,
    /// Makes Monte Carlo tests repeatable.
    pub seed: u64,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The split holds.
    Pass,
    /// It does not.
    Diverged,
    /// The split holds, a service level objective does not.
    SloFailed,
    /// Not enough evidence either way.
    Inconclusive,
    /// Nothing was seen that could be judged.
    NoData,
    /// Nothing was declared.
    NotJudged,
}

/// What one observation in the counts stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Every response by itself.
    Response,
}

/// True, but it weakens the verdict or needs to be known beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caveat {
    /// A stable short name, `kebab-case`.
    pub id: String,
    /// What, and what to do about it.
    pub message: String,
}

/// A verdict, with every number that led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was found.
    pub outcome: Outcome,
    /// The test that decided: `exact-binomial`, `exact-multinomial`, `monte-carlo`, `pearson-chi-square`, `structural`.
    pub method: Option<String>,
    /// Pearson's statistic against the declared shares.
    pub chi_square: Option<f64>,
    /// Its degrees of freedom.
    pub df: Option<u32>,
    /// The chance of counts at least this far off, if the declaration holds; compared with `alpha`.
    pub p_value: Option<f64>,
    /// Its natural logarithm, which does not underflow.
    pub ln_p_value: Option<f64>,
    /// See [`Policy::alpha`].
    pub alpha: f64,
    /// See [`Policy::beta`].
    pub beta: f64,
    /// See [`Policy::tolerance`].
    pub tolerance: f64,
    /// The largest deviation that a pass rules out, over all targets.
    pub resolution: Option<f64>,
    /// The largest distance of an observed from its declared share.
    pub max_deviation: Option<f64>,
    /// What was counted.
    pub unit: Unit,
    /// The verdict in one sentence.
    pub reason: String,
    /// For an inconclusive run: about how many requests would settle it.
    pub requests_needed: Option<u64>,
    /// Results of service level objectives.
    pub slos: Vec<SloResult>,
    /// Explanations of a divergence; none are derived yet.
    pub diagnosis: Vec<Caveat>,
    /// What weakens the verdict.
    pub caveats: Vec<Caveat>,
}

impl Policy {
    /// The question that a declared split puts to the counts. Zero shares are no part of it: traffic there is decided
    /// without statistics.
    #[must_use]
    pub fn design(&self, expected: &Expected) -> Design {
        let shares: Vec<f64> = expected
            .declared()
            .iter()
            .filter(|d| !d.share.is_zero())
            .map(|d| d.share.as_f64())
            .collect();
        let resolution = self
            .resolution
            .map_or(Resolution::Auto, Resolution::Absolute);
        Design::new(&shares, self.alpha, self.beta, self.tolerance, resolution)
    }

    /// The interval of a share that goes with the verdict: Clopper–Pearson at `1 - alpha`, shared out over the targets
    /// where there are more than two, so that it never contradicts the test. `n` is at least 1.
    #[must_use]
    pub fn interval(&self, targets: usize, count: u64, n: u64) -> (f64, f64) {
        let comparisons = if targets > 2 { targets as f64 } else { 1.0 };
        let interval = clopper_pearson(count, n, self.alpha / comparisons);
        (interval.lo, interval.hi)
    }
}

/// Judges sorted answers against a declared split; without one, says only whether there is data.
#[must_use]
pub fn judge(
    expected: Option<&Expected>,
    sorted: &Attribution,
    seen: &Observation,
    policy: &Policy,
) -> Verdict {
    let Some(expected) = expected else {
        let answered = seen.answered() > 0;
        let outcome = if answered {
            Outcome::NotJudged
        } else {
            Outcome::NoData
        };
        return Verdict {
            reason: reason::undeclared(seen),
            ..blank(outcome, policy)
        };
    };
    let case = Case::new(expected, sorted, seen, policy);
    let n: u64 = case.counts.iter().sum();
    let verdict = match (n, case.unexpected()) {
        (0, 0) => Verdict {
            reason: reason::no_data(seen),
            ..blank(Outcome::NoData, policy)
        },
        (_, unexpected) if unexpected > policy.allow_unexpected => case.structural(),
        (0, _) => Verdict {
            reason: reason::no_data(seen),
            ..blank(Outcome::NoData, policy)
        },
        _ => case.tested(),
    };
    Verdict {
        caveats: case.caveats(),
        ..verdict
    }
}

/// Everything a judgement looks at.
struct Case<'a> {
    expected: &'a Expected,
    sorted: &'a Attribution,
    seen: &'a Observation,
    policy: &'a Policy,
    design: Design,
    /// Positions of the targets with a share.
    active: Vec<usize>,
    /// Their counts.
    counts: Vec<u64>,
}

impl<'a> Case<'a> {
    fn new(
        expected: &'a Expected,
        sorted: &'a Attribution,
        seen: &'a Observation,
        policy: &'a Policy,
    ) -> Self {
        let declared = expected.declared();
        let active: Vec<usize> = (0..declared.len())
            .filter(|index| !declared[*index].share.is_zero())
            .collect();
        let counts = active.iter().map(|index| sorted.counts[*index]).collect();
        Self {
            expected,
            sorted,
            seen,
            policy,
            design: policy.design(expected),
            active,
            counts,
        }
    }

    /// Answers that should not exist: from zero-weight or undeclared targets.
    fn unexpected(&self) -> u64 {
        self.sorted.attributed() - self.counts.iter().sum::<u64>() + self.sorted.undeclared
    }

    fn structural(&self) -> Verdict {
        Verdict {
            method: Some(method_name(&Method::Structural).to_owned()),
            p_value: Some(0.0),
            reason: reason::structural(self),
            ..self.numbers(Outcome::Diverged)
        }
    }

    fn tested(&self) -> Verdict {
        let p = self.design.p_diverged_completed(
            &self.counts,
            self.sorted.unattributed,
            self.policy.seed,
        );
        let equivalence = self
            .design
            .p_equivalence(&self.counts, self.sorted.unattributed);
        let outcome = if p.p < self.policy.alpha {
            Outcome::Diverged
        } else if self.too_many_unattributed() {
            Outcome::Inconclusive
        } else if self.counts.len() == 1 || equivalence <= self.policy.beta {
            Outcome::Pass
        } else {
            Outcome::Inconclusive
        };
        let undecided = outcome == Outcome::Inconclusive && !self.too_many_unattributed();
        let needed = if undecided {
            self.requests_needed()
        } else {
            None
        };
        Verdict {
            method: Some(method_name(&p.method).to_owned()),
            p_value: Some(p.p),
            ln_p_value: Some(p.ln_p),
            reason: reason::tested(self, outcome, &p, needed),
            requests_needed: needed,
            ..self.numbers(outcome)
        }
    }

    /// The numbers that every verdict on this case carries.
    fn numbers(&self, outcome: Outcome) -> Verdict {
        let fit = Fit::new(&self.counts, self.design.shares());
        let resolution = self.design.resolution().into_iter().fold(0.0, f64::max);
        Verdict {
            chi_square: Some(fit.x2).filter(|x| x.is_finite()),
            df: u32::try_from(self.counts.len() - 1).ok(),
            resolution: Some(resolution),
            max_deviation: Some(fit.max_deviation).filter(|x| x.is_finite()),
            ..blank(outcome, self.policy)
        }
    }

    fn too_many_unattributed(&self) -> bool {
        let total = self.seen.sent.max(1);
        self.sorted.unattributed as f64 / total as f64 > self.policy.max_unattributed
    }

    /// About how many requests would decide, if the shares stay as they were seen: at least the planned number.
    fn requests_needed(&self) -> Option<u64> {
        const MOST: f64 = 1e9;
        let n: u64 = self.counts.iter().sum();
        let decided = |factor: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at most 1e9, not negative"
            )]
            let scaled: Vec<u64> = self
                .counts
                .iter()
                .map(|count| (*count as f64 * factor).round() as u64)
                .collect();
            self.design.p_diverged(&scaled, self.policy.seed).p < self.policy.alpha
                || self.design.p_equivalence(&scaled, 0) <= self.policy.beta
        };
        let mut total = (n as f64 * 1.1).max(self.design.requests_fixed() as f64);
        while total <= MOST {
            if decided(total / n as f64) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "at most 1e9, positive"
                )]
                return Some(total.ceil() as u64);
            }
            total *= 1.25;
        }
        None
    }

    fn caveats(&self) -> Vec<Caveat> {
        let mut caveats = Vec::new();
        let mut add = |id: &str, message: String| {
            caveats.push(Caveat {
                id: id.to_owned(),
                message,
            });
        };
        let declared = self.expected.declared();
        let covered = self
            .active
            .iter()
            .map(|i| &declared[*i])
            .find(|d| self.active.len() > 1 && self.policy.tolerance >= d.share.as_f64());
        if let Some(target) = covered {
            add(
                "tolerance-covers-target",
                format!(
                    "with this --tolerance, `{}` could receive nothing and still pass",
                    target.name
                ),
            );
        }
        if self.sorted.unattributed > 0 {
            let (part, total) = (self.sorted.unattributed, self.seen.sent);
            add(
                "unattributed",
                format!(
                    "{part} of {total} requests could not be attributed to a target; the verdict allows for the worst"
                ),
            );
        }
        if self
            .seen
            .tallies
            .keys()
            .any(|bucket| bucket.identity == crate::split::Identity::Overflow)
        {
            add("too-many-values", "answers carry too many distinct values to keep apart; choose what tells them apart with --bucket".to_owned());
        }
        caveats
    }
}

fn blank(outcome: Outcome, policy: &Policy) -> Verdict {
    Verdict {
        outcome,
        method: None,
        chi_square: None,
        df: None,
        p_value: None,
        ln_p_value: None,
        alpha: policy.alpha,
        beta: policy.beta,
        tolerance: policy.tolerance,
        resolution: None,
        max_deviation: None,
        unit: Unit::Response,
        reason: String::new(),
        requests_needed: None,
        slos: Vec::new(),
        diagnosis: Vec::new(),
        caveats: Vec::new(),
    }
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
