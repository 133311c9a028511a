//! What was asked, and what led to the verdict, in sentences that several formats show.

use std::fmt::Write as _;

use super::Report;
use super::sanitize::safe;
use crate::units::{self, counted};
use crate::verdict::{IntervalMethod, Outcome, Test, Unit};

/// What was asked, and how much of it.
pub(super) fn head(report: &Report) -> String {
    let (request, seen) = (&report.target, &report.observation.seen);
    let host = if request.url.contains(&request.host) {
        String::new()
    } else {
        format!(" (Host: {})", safe(&request.host))
    };
    let retried = if seen.retried > 0 {
        format!(", {} sent again", seen.retried)
    } else {
        String::new()
    };
    if !report.was_sent() {
        return format!("{}\n{}", report.asked(), counted(seen.sent, "request"));
    }
    let load = report.load.as_ref();
    let load = load.map_or_else(String::new, |load| format!("\n{}", load.words()));
    // One response is no rate.
    let rate = if report.observation.rows.answered > 1 {
        format!(" ({:.0}/s)", report.observation.rows.rps)
    } else {
        String::new()
    };
    format!(
        "{}{host}\n{} over {} in {:.2}s{rate}, {} failed{retried}{load}",
        report.asked(),
        counted(seen.sent, "request"),
        counted(seen.connections, "connection"),
        seen.elapsed.as_secs_f64(),
        seen.failed()
    )
}

/// The test and the declaration, each on a line of its own.
pub(super) fn evidence(report: &Report) -> String {
    let verdict = &report.verdict;
    let mut text = String::new();
    if let (Some(p), Some(method)) = (verdict.p_value, &verdict.method)
        && method != "structural"
    {
        let method = method.replace('-', " ");
        // With more than two targets the p-value is of both together.
        let alone = report.policy.test == Some(Test::ChiSquare) || verdict.df < Some(2);
        let and_each = if alone || method == "sequential" {
            ""
        } else {
            " with a test of each target"
        };
        let after = verdict.decided_after.map(|n| certain_after(report, n));
        let p = probability(p, verdict.ln_p_value);
        let _ = write!(
            text,
            "\n  {method} test{and_each}: p {p}, alpha = {}{}",
            verdict.alpha,
            after.unwrap_or_default()
        );
    }
    if let Some(chi_square) = chi_square(report) {
        let _ = write!(text, "\n  {chi_square}");
    }
    if let Some(intervals) = intervals(report) {
        let _ = write!(text, "\n  intervals: {intervals}");
    }
    if let Some(expected) = &report.expected {
        let rule = expected
            .rule
            .as_ref()
            .map(|rule| format!(" ({})", safe(rule)))
            .unwrap_or_default();
        let _ = write!(
            text,
            "\n  declared in {}{rule}",
            safe(&expected.split.source)
        );
    }
    text
}

/// `, certain after 1262 requests`, and why more were sent.
fn certain_after(report: &Report, requests: u64) -> String {
    let more = report.observation.seen.sent.saturating_sub(requests);
    let certain = format!(", certain after {}", counted(requests, "request"));
    // A divergence ends a run, whatever else was to be measured.
    let goes_on = report.verdict.outcome != Outcome::Diverged
        && (!report.verdict.slos.is_empty() || report.observation.seen.pace.is_some());
    if more == 0 {
        certain
    } else if goes_on {
        format!("{certain}; {more} more were sent for the objectives or the rate")
    } else if report.observation.diagnosed {
        format!("{certain}; {more} more were sent meanwhile and to tell why")
    } else {
        format!("{certain}; {more} more had been sent by the time that was known")
    }
}

/// `chi-square = 0.40, df 1, p = 0.53`, where a split is declared.
pub(super) fn chi_square(report: &Report) -> Option<String> {
    let verdict = &report.verdict;
    let (df, p) = (verdict.df?, verdict.chi_square_p?);
    let p = units::probability(p);
    Some(match verdict.chi_square {
        Some(x2) => format!("chi-square = {x2:.2}, df {df}, p {p}"),
        None => {
            format!("chi-square is infinite, p {p}: some responses are from where none is expected")
        }
    })
}

/// What the intervals of shares allow for, where they are others than those of a fixed number of independent responses.
pub(super) fn intervals(report: &Report) -> Option<String> {
    let sequences = report.verdict.intervals?.method == IntervalMethod::ConfidenceSequence;
    let method = sequences.then(|| "confidence sequences".to_owned());
    let words: Vec<String> = method
        .into_iter()
        .chain(counted_by_intervals(report))
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// What the intervals of shares count, where that is not each response.
pub(super) fn counted_by_intervals(report: &Report) -> Vec<String> {
    let own = report.verdict.intervals.unwrap_or_default();
    let mut words = Vec::new();
    if own.over == Unit::Connection {
        words.push("of the shares of connections".to_owned());
    }
    if own.design_effect > 1.0 {
        let n = report.observation.rows.answered;
        words.push(format!(
            "of {n} responses that are worth about {:.0} independent ones",
            n as f64 / own.design_effect
        ));
    }
    words
}

/// `= 0.226`, `= 3.1e-9`, `< 1e-300`.
pub(super) fn probability(p: f64, ln_p: Option<f64>) -> String {
    match ln_p {
        _ if p >= 0.001 => format!("= {p:.3}"),
        Some(ln_p) if p < 1e-300 && ln_p.is_finite() => "< 1e-300".to_owned(),
        _ if p == 0.0 => "= 0".to_owned(),
        _ => format!("= {p:.1e}"),
    }
}
