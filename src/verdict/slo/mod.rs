//! Service level objectives: `canary.p99 < 200ms` as a value, and what its results do to a verdict. Not: how the text is
//! read (`parse`), nor the tests (`evaluate`).

mod blame;
mod compare;
mod evaluate;
mod form;
mod lex;
mod measured;
mod needed;
mod parse;
mod problem;
mod unit;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::attribution::Attribution;
use super::failing::healthy;
use super::{Outcome, Verdict, queueing};
use crate::observe::Observation;
use crate::split::Expected;
use crate::stats::quantile::Estimate;
use crate::units::counted;
pub use evaluate::evaluate;
use form::Form;
pub use problem::SloProblem;

/// An objective: what was typed, and the test it asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    text: String,
    form: Form,
    // Every target named, with its place in the text.
    named: Vec<(Subject, std::ops::Range<usize>)>,
}

/// Whose measurements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Every request.
    All,
    /// A target by its short name, or a value where nothing is declared.
    Named(String),
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// `p99`: so many percent of the answers take at most this long.
    Quantile(Percentile),
    /// The arithmetic mean of the latencies.
    Mean,
    /// The slowest answer.
    Max,
    /// The fraction of answers with a status of 400 or more; of `all`, requests without an answer count too. Of a target,
    /// what nobody can be blamed for counts in the worst case.
    Errors,
    /// Complete answers per second.
    Rps,
    /// The fraction of the complete answers.
    Share,
}

/// A percentile as typed, between 0 and 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentile(f64);

impl Percentile {
    /// The percentile, unless it lies outside `(0, 100)`.
    fn new(percent: f64) -> Option<Self> {
        (percent > 0.0 && percent < 100.0).then_some(Self(percent))
    }

    /// The part of the answers below it.
    #[must_use]
    pub fn fraction(self) -> f64 {
        self.0 / 100.0
    }
}

/// A metric of somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Whose.
    pub subject: Subject,
    /// What.
    pub metric: Metric,
}

/// How an objective stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SloOutcome {
    /// It holds.
    Pass,
    /// It does not.
    Failed,
    /// Not enough evidence either way.
    Inconclusive,
}

impl SloOutcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pass, Self::Failed, Self::Inconclusive];

    /// As JSON spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// The answer to one objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SloResult {
    /// As typed.
    pub slo: String,
    /// How it stands.
    pub outcome: SloOutcome,
    /// What was seen: seconds, fractions, or answers per second; `None` where there was nothing to see.
    pub observed: Option<f64>,
    /// The highest that is possible of an error rate or a share, with everything that nobody can be blamed for; `None` where
    /// nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_most: Option<f64>,
    /// What it is compared with, in the same unit.
    pub limit: Option<f64>,
    /// The probability of what was seen, were the truth just on the other side of the limit; of an inconclusive
    /// objective, the one that keeps it from passing.
    pub p_value: Option<f64>,
    /// The confidence interval that decided, of the ratio or of the difference of two targets; an end that the answers do
    /// not bound is `null`.
    pub interval: Option<[Option<f64>; 2]>,
    /// Answers that it rests on.
    pub n: u64,
    /// What was seen and why that decides, in a few words.
    pub reason: String,
    /// For an inconclusive objective: about how many requests, in all, would settle it.
    pub requests_needed: Option<u64>,
}

impl SloResult {
    /// Whether no number of requests would settle it: what nobody can be blamed for stays a part of them.
    #[must_use]
    pub fn hangs_on_unattributed(&self) -> bool {
        let open = self.outcome == SloOutcome::Inconclusive;
        open && self.observed_most.is_some() && self.requests_needed.is_none()
    }
}

impl FromStr for Slo {
    type Err = SloProblem;

    fn from_str(text: &str) -> Result<Self, SloProblem> {
        // Places count from the first word.
        let text = text.trim();
        let comparison = parse::comparison(text)?;
        let named = comparison.subjects();
        let form = Form::of(&comparison)?;
        Ok(Self {
            text: text.to_owned(),
            form,
            named,
        })
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Slo {
    /// Whether it is about latencies.
    #[must_use]
    pub fn measures_latency(&self) -> bool {
        self.form.measures().any(|measure| {
            matches!(
                measure.metric,
                Metric::Quantile(_) | Metric::Mean | Metric::Max
            )
        })
    }

    /// Whether every target it names was seen, where nothing is declared.
    pub fn check_seen(&self, sorted: &Attribution) -> Result<(), SloProblem> {
        self.check(sorted.rows.iter().flat_map(measured::names))
    }

    /// Whether every target it names is among these.
    pub fn check<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<(), SloProblem> {
        let names: BTreeSet<&str> = names.into_iter().collect();
        let unknown = self.named.iter().find_map(|(subject, span)| match subject {
            Subject::Named(name) if !names.contains(name.as_str()) => Some((name, span)),
            _ => None,
        });
        match unknown {
            Some((name, span)) => Err(SloProblem::unknown_target(
                name,
                span.clone(),
                &names.into_iter().collect::<Vec<_>>(),
            )),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Named(name) => f.write_str(&lex::quoted(name)),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantile(percentile) => write!(f, "p{}", percentile.0),
            Self::Mean => f.write_str("mean"),
            Self::Max => f.write_str("max"),
            Self::Errors => f.write_str("errors"),
            Self::Rps => f.write_str("rps"),
            Self::Share => f.write_str("share"),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.subject, self.metric)
    }
}

/// A quantile in seconds with its 95 % bounds, by order statistics; `None` without answers.
pub(super) fn quantile_of(latencies: &Histogram<u64>, q: f64) -> Option<Estimate> {
    measured::Measured::of(latencies.clone()).quantile(q)
}

/// Decides objectives, with those of `--require-healthy`, and what they make of a verdict on the split. Latencies that are
/// those of a queue are noted where an objective is about them.
#[must_use]
pub fn decided(
    slos: &[Slo],
    require_healthy: bool,
    verdict: Verdict,
    sorted: &Attribution,
    seen: &Observation,
    expected: Option<&Expected>,
) -> Verdict {
    let mut results: Vec<_> = slos
        .iter()
        .map(|slo| evaluate(slo, sorted, seen, expected))
        .collect();
    if require_healthy {
        results.extend(healthy(expected, sorted, seen, verdict.alpha));
    }
    let mut verdict = with_slos(verdict, &results);
    if slos.iter().any(Slo::measures_latency) {
        verdict.caveats.extend(queueing::caveat(seen));
    }
    verdict
}

/// What objectives make of a verdict on the split: a divergence stays one; else one that fails decides, then one that is
/// open; where nothing was declared, objectives that hold are a pass.
#[must_use]
pub fn with_slos(verdict: Verdict, results: &[SloResult]) -> Verdict {
    if results.is_empty() {
        return verdict;
    }
    let verdict = super::failing::asked(verdict, results);
    let first = |outcome| {
        results
            .iter()
            .filter(move |result| result.outcome == outcome)
    };
    let before = &verdict.reason;
    let (outcome, reason, needed) = match verdict.outcome {
        Outcome::Diverged | Outcome::NoData => (verdict.outcome, before.clone(), None),
        split => {
            let split_holds = match split {
                Outcome::NotJudged => String::new(),
                _ => format!("; the split: {before}"),
            };
            if let Some(failed) = first(SloOutcome::Failed).next() {
                let more = also(
                    first(SloOutcome::Failed).count(),
                    "does not hold",
                    "do not hold",
                );
                let reason = format!(
                    "`{}` does not hold: {}{more}{split_holds}",
                    failed.slo, failed.reason
                );
                (Outcome::SloFailed, reason, None)
            } else if let Some(open) = first(SloOutcome::Inconclusive).next() {
                let needed =
                    first(SloOutcome::Inconclusive).filter_map(|result| result.requests_needed);
                let more = also(
                    first(SloOutcome::Inconclusive).count(),
                    "is undecided",
                    "are undecided",
                );
                let reason = format!(
                    "`{}` is undecided: {}{more}{split_holds}",
                    open.slo, open.reason
                );
                (Outcome::Inconclusive, reason, needed.max())
            } else if split == Outcome::NotJudged {
                let holds = match results.len() {
                    1 => "the SLO holds; no split was declared".to_owned(),
                    n => format!("all {n} SLOs hold; no split was declared"),
                };
                (Outcome::Pass, holds, None)
            } else {
                let holds = counted(results.len() as u64, "SLO");
                let verb = if results.len() == 1 { "holds" } else { "hold" };
                (split, format!("{before}; {holds} {verb}"), None)
            }
        }
    };
    Verdict {
        outcome,
        reason,
        requests_needed: match outcome {
            // More requests do not find a silent target, nor what hangs on errors that nobody can be blamed for.
            Outcome::Inconclusive if verdict.silent_target() => None,
            _ if results.iter().any(SloResult::hangs_on_unattributed) => None,
            Outcome::Inconclusive => verdict.requests_needed.max(needed),
            _ => None,
        },
        slos: results.to_vec(),
        ..verdict
    }
}

/// `; 2 more SLOs do not hold`
fn also(count: usize, one: &str, many: &str) -> String {
    match count.saturating_sub(1) {
        0 => String::new(),
        1 => format!("; 1 more SLO {one}"),
        more => format!("; {more} more SLOs {many}"),
    }
}

#[cfg(test)]
mod tests;
