//! From the numbers of a test to the result of an objective, and to the words for it.

use super::{Measure, Metric, SloOutcome, SloResult};
use crate::stats::gate::{self, Gate, Gated};
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

pub(super) fn outcome(gate: Gate) -> SloOutcome {
    match gate {
        Gate::Open => SloOutcome::Pass,
        Gate::Failed => SloOutcome::Failed,
        Gate::Inconclusive => SloOutcome::Inconclusive,
    }
}

/// The decision of [`gate::at_most`] for other tests.
pub(super) fn gate(p_exceeded: f64, p_kept: f64) -> Gated {
    let gate = match () {
        () if p_exceeded <= gate::FAIL => Gate::Failed,
        () if p_kept <= gate::OPEN => Gate::Open,
        () => Gate::Inconclusive,
    };
    Gated {
        gate,
        p_exceeded,
        p_kept,
    }
}

/// The p-value that decided; of an open gate the one that keeps it from passing.
pub(super) fn p_value(gated: &Gated) -> f64 {
    match gated.gate {
        Gate::Failed => gated.p_exceeded,
        _ => gated.p_kept,
    }
    .clamp(0.0, 1.0)
}

pub(super) fn reason(seen: &str, gated: &Gated, needed: Option<u64>) -> String {
    let p = p_value(gated);
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
