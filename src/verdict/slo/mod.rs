//! Service level objectives: `canary.p99 < 200ms` as a value, and what its results do to a verdict.

mod blame;
mod compare;
mod evaluate;
mod form;
mod lex;
mod measured;
mod name;
mod needed;
mod order;
mod parse;
mod percentiles;
mod problem;
mod range;
mod result;
mod unit;
mod unmeasured;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::attribution::Attribution;
use crate::split::Expected;
use crate::stats::quantile::Estimate;
pub use evaluate::{evaluate, evaluate_between};
use form::Form;
pub use measured::Judged;
pub use percentiles::LatencyIntervals;
pub use problem::SloProblem;
pub use unmeasured::Unmeasured;

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
    /// `p99`: so many percent of the responses take at most this long.
    Quantile(Percentile),
    /// The arithmetic mean of the latencies.
    Mean,
    /// The slowest answer.
    Max,
    /// The fraction of answers with a status of 400 or more; of `all`, requests without a response count too. Of a target,
    /// what nobody can be blamed for counts in the worst case.
    Errors,
    /// Complete responses per second.
    Rps,
    /// The fraction of the complete responses.
    Share,
}

impl Metric {
    /// Whether it is a latency.
    fn is_latency(self) -> bool {
        matches!(self, Self::Quantile(_) | Self::Mean | Self::Max)
    }
}

/// A percentile as typed, between 0 and 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentile(f64);

impl Percentile {
    /// The percentile, unless it lies outside `(0, 100)`.
    fn new(percent: f64) -> Option<Self> {
        (percent > 0.0 && percent < 100.0).then_some(Self(percent))
    }

    /// The part of the responses below it.
    #[must_use]
    pub fn fraction(self) -> f64 {
        self.0 / 100.0
    }
}

/// Up to where a latency is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The last byte of the response.
    LastByte,
    /// Its first: `ttfb`.
    FirstByte,
}

/// A metric of somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Whose.
    pub subject: Subject,
    /// Of which latency; of what is no latency, [`Until::LastByte`].
    pub until: Until,
    /// What.
    pub metric: Metric,
    /// Whether of the earlier of two runs.
    pub before: bool,
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

    /// As people read it, all of one width.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "holds ",
            Self::Failed => "failed",
            Self::Inconclusive => "open  ",
        }
    }

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
    /// What was seen: seconds, fractions, or responses per second; `None` where there was nothing to see.
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
    /// The confidence interval that decided, of the ratio or of the difference of two targets; an end that the responses do
    /// not bound is `null`.
    pub interval: Option<[Option<f64>; 2]>,
    /// Responses that it rests on.
    pub n: u64,
    /// How many independent ones they are worth, where responses that follow each other resemble each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_n: Option<u64>,
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
        self.form
            .measures()
            .any(|measure| measure.metric.is_latency())
    }

    /// Whether it takes times to test it: latencies, or responses per second.
    #[must_use]
    pub fn measures_time(&self) -> bool {
        let timed = |metric: Metric| metric.is_latency() || matches!(metric, Metric::Rps);
        self.form.measures().any(|measure| timed(measure.metric))
    }

    /// Whether it takes statuses to test it.
    #[must_use]
    pub fn measures_errors(&self) -> bool {
        let mut measures = self.form.measures();
        measures.any(|measure| matches!(measure.metric, Metric::Errors))
    }

    /// Whether it compares with an earlier run: `canary.p99 < before * 1.1`.
    #[must_use]
    pub fn compares_runs(&self) -> bool {
        self.form.measures().any(|measure| measure.before)
    }

    /// Whether every target it names was seen, where nothing is declared.
    pub fn check_seen(&self, attribution: &Attribution) -> Result<(), SloProblem> {
        self.check(attribution.rows.iter().flat_map(measured::names))
    }

    /// Whether every target it names is declared, or was seen where nothing is.
    pub fn check_of(
        &self,
        declared: Option<&Expected>,
        attribution: &Attribution,
    ) -> Result<(), SloProblem> {
        match declared {
            Some(split) => self.check(split.declared().iter().map(|own| own.name.as_str())),
            None => self.check_seen(attribution),
        }
    }

    /// Whether every target it names is among these.
    pub fn check<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<(), SloProblem> {
        let names: BTreeSet<&str> = names.into_iter().collect();
        let unknown = self.named.iter().find_map(|(subject, span)| match subject {
            Subject::Named(name) if !names.contains(name.as_str()) => Some((name, span)),
            _ => None,
        });
        match unknown {
            Some((name, span)) => Err(name::unknown_target(
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
            Self::Named(name) => f.write_str(&name::quoted(name)),
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
        let until = match self.until {
            Until::LastByte => "",
            Until::FirstByte => "ttfb.",
        };
        let before = if self.before { " before" } else { "" };
        write!(f, "{}.{until}{}{before}", self.subject, self.metric)
    }
}

/// A quantile in seconds with its 95 % bounds, by order statistics; `None` without responses.
pub(super) fn quantile_of(latencies: &Histogram<u64>, q: f64) -> Option<Estimate> {
    measured::Measured::of(latencies.clone()).quantile(q)
}

#[cfg(test)]
mod tests;
