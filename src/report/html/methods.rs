//! Which method made each number.

use maud::{Markup, html};

use crate::report::Report;
use crate::report::evidence::{chi_square, counted_by_intervals, probability};
use crate::units::percent;
use crate::verdict::{IntervalMethod, Test, Unit};

pub(super) fn section(report: &Report) -> Markup {
    let verdict = &report.verdict;
    let answered = report.observation.rows.answered > 0;
    html! {
        section aria-labelledby="methods" {
            h2 id="methods" { "How the numbers are made" }
            dl class="methods" {
                @if let (Some(method), Some(p)) = (&verdict.method, verdict.p_value) {
                    dt { "Verdict" }
                    dd {
                        (test(method, report.policy.test))
                        @if method != "structural" {
                            " p " (probability(p, verdict.ln_p_value)) ", compared with alpha = " (verdict.alpha) "."
                        }
                        @if let Some(n) = verdict.decided_after { " It was certain after " (n) " requests." }
                    }
                }
                @if let Some(resolution) = verdict.resolution {
                    dt { "A pass" }
                    dd {
                        "rules out, with " (percent(1.0 - verdict.beta)) " confidence, that any share is off by "
                        (points(resolution)) " points or more"
                        @if verdict.tolerance > 0.0 { ", beside the " (points(verdict.tolerance)) " that are tolerated" }
                        ". Two one-sided tests for every target."
                    }
                }
                @if let Some(chi_square) = chi_square(report) {
                    dt { "Chi-square" }
                    dd { (chi_square) ": Pearson's test of the counts as they are." }
                }
                @if let Some(deviation) = verdict.max_deviation {
                    dt { "Largest deviation" }
                    dd { (points(deviation)) " points: of any share from its declaration, among the responses whose origin is known." }
                }
                @if answered && report.expected.is_some() {
                    dt { "One observation" }
                    dd { (unit(report)) }
                }
                @if answered {
                dt { "Intervals" }
                dd {
                    "of shares: " (interval_method(report)) " at " (percent(1.0 - verdict.alpha))
                    @if shared_out(report) { " for all targets together (Bonferroni)" }
                    @for words in counted_by_intervals(report) { ", " (words) }
                    ". Shares are fractions of the complete responses. Of percentiles: order statistics at 95%, of as many \
                     responses as they are worth by the means of batches."
                }
                dt { "Latency" }
                dd {
                    (match report.observation.seen.pace {
                        Some(_) => "from the intended start",
                        None => "from the send on an open connection",
                    })
                    " to the last byte, in an HdrHistogram with three significant digits. "
                    "A percentile is the upper end of its cell."
                }
                }
                @if !verdict.slos.is_empty() {
                    dt { "Objectives" }
                    dd {
                        "quantiles, shares and error rates against a value: one-sided exact binomial (fails at 0.01, holds at 0.05); "
                        "latencies of two targets: 95% interval of the ratio (MOVER); error rates of two targets: Fisher's mid-p or "
                        "Newcombe's interval; what nobody can be blamed for counts against an objective before it holds."
                    }
                }
                @if !report.generators.is_empty() {
                    dt { "Generators" }
                    dd { "agree by the chi-square of homogeneity, or by permutation where counts are small; below 0.001 nothing passes." }
                }
            }
        }
    }
}

fn interval_method(report: &Report) -> &'static str {
    match report.verdict.intervals.unwrap_or_default().method {
        IntervalMethod::ClopperPearson => "Clopper–Pearson",
        IntervalMethod::ConfidenceSequence => {
            "a confidence sequence, which holds whenever a run ends (Robbins 1970),"
        }
    }
}

/// `3.57` of 0.0357
fn points(deviation: f64) -> String {
    let points = format!("{:.2}", deviation * 100.0);
    points
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

fn test(method: &str, asked: Option<Test>) -> &'static str {
    match method {
        "exact-multinomial" | "monte-carlo" if asked == Some(Test::ChiSquare) => {
            "The chi-square test by itself, exact because some expected count is below 5; what it does not reject passes."
        }
        "pearson-chi-square" if asked == Some(Test::ChiSquare) => {
            "Pearson's chi-square test by itself; what it does not reject passes."
        }
        "exact-binomial" => "The exact central binomial test of the share.",
        "exact-multinomial" => {
            "The exact multinomial test by enumeration, and an exact test for each target."
        }
        "monte-carlo" => "The multinomial test by Monte Carlo, and an exact test for each target.",
        "pearson-chi-square" => {
            "Pearson's chi-square test against the declared shares, and an exact test for each target."
        }
        "sequential" => {
            "An e-value (a mixture of Dirichlet-multinomials, Lindon & Malek 2022), valid at every look."
        }
        "structural" => "No statistics: what was seen cannot be under the declaration.",
        _ => "See the field `method` of the JSON report.",
    }
}

/// Whether the chance of an error is shared out over the intervals: over those of targets with a share, where they are
/// more than two.
fn shared_out(report: &Report) -> bool {
    let targets = report.observation.rows.targets.iter();
    targets.filter(|target| target.declared > 0.0).count() > 2
}

fn unit(report: &Report) -> &'static str {
    match report.verdict.unit {
        Unit::Response if report.observation.rows.connection_table.reused == 0 => {
            "is a response: no connection carried two of known origin, which could resemble each other."
        }
        Unit::Response => {
            "is a response: the responses of one connection do not resemble each other more than others (permutation test)."
        }
        Unit::Connection => "is a connection: all its responses came from one target.",
        Unit::Clustered => {
            "is something between a response and a connection: responses of one connection resemble each other, which the test \
             corrects for (Rao & Scott 1981)."
        }
    }
}
