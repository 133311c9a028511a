//! From sorted answers to a verdict: pass, diverged or inconclusive, always with the reason and its numbers.
//!
//! The rules, in this order. (1) Traffic at a target that must see nothing, or at something undeclared: diverged.
//! (2) The declared split is rejected at `alpha`: diverged. (3) For every target both "the share is too low by the
//! resolution" and "too high by the resolution" are rejected at `beta`, and few enough responses are unattributed: pass.
//! (4) Otherwise inconclusive: "not rejected" alone is never a pass. (Goeman, Solari & Stijnen 2010; Schuirmann 1987.)
//! (5) Whatever (3) and (4) say: a declaration with a destination that the proxies do not have is diverged, and so is one
//! with a target that never answered because the proxy replied for it.

pub mod attribution;
mod case;
mod caveat;
mod classification;
pub mod cluster_counts;
pub mod compare;
mod confirmation;
mod endpoint_pinning;
pub mod endpoint_rows;
pub mod explain;
mod failing;
mod hypothesis;
pub mod identity_source;
mod in_step;
mod judgement;
mod map_rule;
pub mod mapping;
mod meaning;
pub mod mirror_counts;
pub mod monitor;
mod multi_generator;
mod outage;
mod pinning;
pub mod proxy_counts;
mod queueing;
mod reason;
mod response_flags;
mod retries;
mod sample;
mod schedule;
mod share_interval;
mod shell;
mod silent;
pub mod size;
pub mod slo;
mod slo_verdict;
mod starvation;
mod undeliverable;
mod watch;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::diag::{Code, Note};
use crate::observe::Observation;
use crate::split::{Expected, Mechanism};
use crate::stats::dependence;
use crate::stats::design::{Design, Resolution};
use attribution::Attribution;
use case::Case;
use mapping::Mapping;
use sample::Sample;

pub use failing::is_healthy;
pub use hypothesis::Hypothesis;
pub use multi_generator::{Generator, JudgedRun, judge_together, rejudge};
pub use pinning::{Answer, PinnedBy, PinnedTo, Pinning};
pub use response_flags::{FlagRow, RESPONSE_FLAGS, advice};
pub use share_interval::{IntervalMethod, ShareIntervals};
pub use shell::{quoted, word as shell_word};
pub use slo::SloResult;
pub use slo_verdict::{decided, with_slos};
pub use watch::Watch;

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
    /// Responses from undeclared or zero-weight targets that are let pass.
    pub allow_unexpected: u64,
    /// What the declaration says about connections.
    pub balancing: Balancing,
    /// What was fixed about the number of requests.
    #[serde(default)]
    pub number: Number,
    /// The test that decides; `None` for the one that suits the number of requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
    /// Makes Monte Carlo tests repeatable.
    pub seed: u64,
    /// Whether a target whose responses are mostly errors, or that never answered, fails the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_healthy: bool,
}

/// What a declaration says about connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balancing {
    /// Every request is split by itself: a connection that sticks to one target is a divergence.
    #[default]
    Request,
    /// Every connection is split by itself.
    Connection,
    /// Either will do.
    Any,
}

/// What was fixed about the number of requests: it says what a pass rules out where no resolution is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Number {
    /// Nothing: as many are sent as the automatic resolution takes.
    #[default]
    Planned,
    /// The number, or the time: a pass rules out what the number rules out.
    Fixed,
    /// The most draws of a run that ends when the result is certain.
    AtMost(u64),
}

/// The test that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// After each response, until the result is certain.
    Sequential,
    /// Exact tests of a divergence and of a pass, once at the end.
    Exact,
    /// Pearson's chi-square test by itself: a split that is not rejected passes.
    ChiSquare,
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
    /// A connection: all its responses came from one target.
    Connection,
    /// Neither: responses of one connection resemble each other.
    Clustered,
    /// A key: whatever pins requests to one target.
    Key,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pass,
        Self::Diverged,
        Self::SloFailed,
        Self::Inconclusive,
        Self::NoData,
        Self::NotJudged,
    ];
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Diverged => "diverged",
            Self::SloFailed => "slo-failed",
            Self::Inconclusive => "inconclusive",
            Self::NoData => "no-data",
            Self::NotJudged => "not-judged",
        })
    }
}

impl fmt::Display for Balancing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Connection => "connection",
            Self::Any => "any",
        })
    }
}

impl From<dependence::Unit> for Unit {
    fn from(unit: dependence::Unit) -> Self {
        match unit {
            dependence::Unit::Response => Self::Response,
            dependence::Unit::Connection => Self::Connection,
            dependence::Unit::Clustered { .. } => Self::Clustered,
        }
    }
}

/// A place where one split ends and another begins; counts are of the targets with a share, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePoint {
    /// Attributed responses before it.
    pub at: u64,
    /// Their counts.
    pub before: Vec<u64>,
    /// The counts after it.
    pub after: Vec<u64>,
}

/// A verdict, with every number that led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was found.
    pub outcome: Outcome,
    /// What decided: `exact-binomial`, `exact-multinomial`, `monte-carlo`, `pearson-chi-square`, `sequential`,
    /// `structural`.
    pub method: Option<String>,
    /// Pearson's statistic against the declared shares.
    pub chi_square: Option<f64>,
    /// Its degrees of freedom.
    pub df: Option<u32>,
    /// Its p-value by the chi-square distribution, as the textbook and `scipy.stats.chisquare` have it; information beside
    /// `p_value`, unless [`Test::ChiSquare`] is asked for.
    #[serde(default)]
    pub chi_square_p: Option<f64>,
    /// The chance of counts at least this far off, if the declaration holds; compared with `alpha`. After a run that was
    /// watched, the p-value of both halves of the error budget together.
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
    /// Where the split changed during the run, if it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub change: Option<ChangePoint>,
    /// How the intervals of the shares come about; `None` where nothing is judged, and in reports from before it was kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub intervals: Option<ShareIntervals>,
    /// The verdict in one sentence.
    pub reason: String,
    /// After how many requests the answer was certain, in a run that ended early.
    pub decided_after: Option<u64>,
    /// For an inconclusive run: about how many requests would settle it.
    pub requests_needed: Option<u64>,
    /// Results of service level objectives.
    pub slos: Vec<SloResult>,
    /// What explains a divergence, the best explanation first.
    pub diagnosis: Vec<Note>,
    /// What weakens the verdict.
    pub caveats: Vec<Note>,
}

impl Default for Policy {
    /// What a run without options asks: one false alarm in a thousand, one false pass in a hundred, nothing tolerated.
    fn default() -> Self {
        Self {
            alpha: 0.001,
            beta: 0.01,
            tolerance: 0.0,
            resolution: None,
            max_unattributed: 0.01,
            allow_unexpected: 0,
            balancing: Balancing::Request,
            number: Number::Planned,
            test: None,
            seed: 0,
            require_healthy: false,
        }
    }
}

impl Verdict {
    /// An outcome that no counts of its own led to.
    #[must_use]
    pub fn without_counts(outcome: Outcome, policy: &Policy) -> Self {
        blank(outcome, policy)
    }

    /// Whether it is open because no response could be tied to a target that must have had some: that is never let pass.
    #[must_use]
    pub fn silent_target(&self) -> bool {
        let silent = self
            .caveats
            .iter()
            .any(|caveat| caveat.code == Code::TargetSilent);
        silent && self.outcome == Outcome::Inconclusive
    }
}

impl Policy {
    /// The question that a declared split puts to so many draws. Zero shares are no part of it: traffic there is decided
    /// without statistics.
    #[must_use]
    pub fn design(&self, expected: &Expected, draws: u64) -> Design {
        let shares: Vec<f64> = expected
            .declared()
            .iter()
            .filter(|d| !d.share.is_zero())
            .map(|d| d.share.as_f64())
            .collect();
        let resolution = match (self.resolution, self.number) {
            (Some(asked), _) => Resolution::Absolute(asked),
            (None, Number::Planned) => Resolution::Auto,
            (None, Number::Fixed) => Resolution::RuledOut(draws),
            (None, Number::AtMost(draws)) => Resolution::RuledOutBy(draws),
        };
        Design::new(&shares, self.alpha, self.beta, self.tolerance, resolution)
    }
}

/// What a declaration says about connections: a route of connections says it itself.
fn balancing(expected: &Expected, policy: &Policy) -> Balancing {
    match expected.mechanism {
        Mechanism::PerConnection => Balancing::Connection,
        Mechanism::Iid | Mechanism::Wrr | Mechanism::Hash => policy.balancing,
    }
}

/// What is judged.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// The declaration, and which values mean which of its targets.
    pub declared: Option<(&'a Expected, &'a Mapping)>,
    /// What was seen.
    pub seen: &'a Observation,
    /// The same, sorted under targets.
    pub attribution: &'a Attribution,
    /// What the split could be instead.
    pub hypotheses: &'a [Hypothesis],
    /// The key whose number the log has in the place of the connection, where it has.
    pub key: Option<&'a str>,
}

/// Judges what was seen against what was declared; without a declaration, says only whether there is data. A run that
/// was watched has spent half of its error rates before.
#[must_use]
pub fn judge(evidence: Evidence<'_>, policy: &Policy, watch: Option<&Watch>) -> Verdict {
    let Some((expected, mapping)) = evidence.declared else {
        let answered = evidence.seen.answered() > 0;
        let outcome = if answered {
            Outcome::NotJudged
        } else {
            Outcome::NoData
        };
        let failing = failing::caveat(None, evidence.attribution, evidence.seen, outcome);
        return Verdict {
            reason: reason::undeclared(evidence.seen),
            caveats: failing
                .into_iter()
                .chain(generator_notes(evidence.seen))
                .collect(),
            ..blank(outcome, policy)
        };
    };
    let sample = watch.map_or_else(
        || {
            let mut sample = Sample::default();
            sample.extend(&evidence.seen.log, expected, mapping);
            sample
        },
        |watch| watch.sample.clone(),
    );
    let case = Case::new(expected, evidence, policy, watch, sample);
    let verdict = case.verdict();
    let mut caveats = caveat::caveats(&case);
    caveats.extend(generator_notes(evidence.seen));
    let verdict = Verdict {
        diagnosis: explain::findings(&case, &verdict),
        intervals: Some(ShareIntervals::of(&case)),
        caveats,
        ..verdict
    };
    let verdict = undeliverable::undelivered(verdict, expected);
    let mut verdict = silent::silent(verdict, &case, mapping);
    let failing = failing::caveat(
        Some(expected),
        evidence.attribution,
        evidence.seen,
        verdict.outcome,
    );
    // First of all, but for what the verdict itself rests on.
    let at = usize::from(verdict.silent_target());
    verdict.caveats.splice(at..at, failing);
    verdict
}

/// Whether a run that certainly diverges does not tell why yet, and more requests may.
#[must_use]
pub fn cause_is_open(evidence: Evidence<'_>, policy: &Policy, watch: &Watch) -> bool {
    let Some((expected, _)) = evidence.declared.filter(|_| watch.split_diverges()) else {
        return false;
    };
    let sample = watch.sample.clone();
    explain::is_open(&Case::new(expected, evidence, policy, Some(watch), sample))
}

/// What has to be said about how requests were sent, whatever was declared.
fn generator_notes(seen: &Observation) -> impl Iterator<Item = Note> {
    [
        retries::caveat(seen),
        outage::caveat(seen),
        schedule::caveat(seen),
    ]
    .into_iter()
    .flatten()
}

fn blank(outcome: Outcome, policy: &Policy) -> Verdict {
    Verdict {
        outcome,
        method: None,
        chi_square: None,
        df: None,
        chi_square_p: None,
        p_value: None,
        ln_p_value: None,
        alpha: policy.alpha,
        beta: policy.beta,
        tolerance: policy.tolerance,
        resolution: None,
        max_deviation: None,
        unit: Unit::Response,
        change: None,
        intervals: None,
        reason: String::new(),
        decided_after: None,
        requests_needed: None,
        slos: Vec::new(),
        diagnosis: Vec::new(),
        caveats: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
