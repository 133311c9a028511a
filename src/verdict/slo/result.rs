//! From the numbers of a test to the result of an objective, and to the words for it.

use super::{Measure, Metric, SloOutcome, SloResult};
use crate::stats::limit_test::{LimitOutcome, LimitTest};
use crate::stats::whole;
use crate::units::{counted, percent, seconds};

/// Below this design effect nobody is told of it.
const NOTICEABLE: f64 = 1.5;

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
        effective_n: None,
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

/// How many independent responses these are worth, unless that is about as many.
pub(super) fn effective(n: u64, design_effect: f64) -> Option<u64> {
    (design_effect >= NOTICEABLE).then(|| whole(n as f64 / design_effect).max(1))
}

/// `, worth about 120 independent ones`
pub(super) fn worth_words(effective: Option<u64>) -> String {
    effective.map_or_else(String::new, |n| {
        format!(", worth about {n} independent ones")
    })
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
