//! From the numbers of a test to the result of an objective, and to the words for it.

use super::{Measure, Metric, SloOutcome, SloResult};
use crate::stats::limit_test::{LimitOutcome, LimitTest};
use crate::units::{counted, percent, seconds};

/// A result about which nothing is known yet.
pub(super) fn open(n: u64) -> SloResult {
    SloResult {
        slo: String::new(),
        outcome: SloOutcome::Inconclusive,
        observed: None,
        observed_most: None,
        limit: None,
        p_value: None,
        interval: None,
        n,
        reason: String::new(),
        requests_needed: None,
    }
}

pub(super) fn outcome(known: LimitOutcome) -> SloOutcome {
    match known {
        LimitOutcome::Kept => SloOutcome::Pass,
        LimitOutcome::Exceeded => SloOutcome::Failed,
        LimitOutcome::Inconclusive => SloOutcome::Inconclusive,
    }
}

/// The p-value that decided; of an open objective the one that keeps it from passing.
pub(super) fn p_value(test: &LimitTest) -> f64 {
    match test.outcome {
        LimitOutcome::Exceeded => test.p_exceeded,
        _ => test.p_kept,
    }
    .clamp(0.0, 1.0)
}

pub(super) fn reason(seen: &str, test: &LimitTest, needed: Option<u64>) -> String {
    let p = p_value(test);
    let p = match p {
        p if p >= 0.001 => format!("= {p:.3}"),
        p if p >= 1e-16 => format!("= {p:.0e}"),
        _ => "< 1e-16".to_owned(),
    };
    format!("{seen} (p {p}){}", settles(needed))
}

pub(super) fn settles(needed: Option<u64>) -> String {
    needed
        .map(|needed| format!("; about {} would settle it", counted(needed, "request")))
        .unwrap_or_default()
}

/// A value with its unit.
pub(super) fn shown(measure: &Measure, value: Option<f64>) -> String {
    let Some(value) = value else {
        return "nothing to measure".to_owned();
    };
    match measure.metric {
        Metric::Quantile(_) | Metric::Mean | Metric::Max => seconds(value),
        Metric::Errors | Metric::Share => percent(value),
        Metric::Rps => format!("{value:.1}/s"),
    }
}
