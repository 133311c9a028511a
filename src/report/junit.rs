//! `JUnit` XML: the split is a test case, and so is every objective.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::health::{failing, note};
use super::sanitize::{safe, without_skipped_in_all};
use super::{Report, Style, rules, text};
use crate::split::Expected;
use crate::units::percent;
use crate::verdict::Outcome;
use crate::verdict::slo::SloOutcome;

/// Columns of the report inside.
const WIDTH: usize = 100;

pub(super) fn render(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let elapsed = report.observation.seen.elapsed;
    let request = report.asked();
    let mut suite = TestSuite::new(format!("resplit {request}"));
    suite.set_time(elapsed);
    suite.add_properties(properties(report));
    let plain = Style {
        colour: false,
        bars: false,
        width: WIDTH,
        ..style
    };
    rules::cases(report, plain, &mut suite);
    let mut screen = Vec::new();
    text::render(report, plain, &mut screen)?;
    let mut split = TestCase::new(name(report), split(report));
    split.set_classname(request.clone()).set_time(elapsed);
    split.set_system_out_lossy(&screen);
    if report.rules.is_empty() {
        suite.add_test_case(split);
    }
    for result in &report.verdict.slos {
        let status = match result.outcome {
            SloOutcome::Pass => TestCaseStatus::success(),
            SloOutcome::Failed => failed(NonSuccessKind::Failure, "slo-failed", &result.reason),
            SloOutcome::Inconclusive => {
                failed(NonSuccessKind::Error, "inconclusive", &result.reason)
            }
        };
        let mut case = TestCase::new(safe(&result.slo), status);
        case.set_classname(request.clone()).set_time(Duration::ZERO);
        suite.add_test_case(case);
    }
    let mut junit = quick_junit::Report::new("resplit");
    junit.set_time(elapsed);
    junit.add_test_suite(suite);
    let xml = junit.to_string().map_err(io::Error::other)?;
    writeln!(out, "{}", without_skipped_in_all(&xml))
}

/// What is tested: `single 85%, multiple 10%, status 418 5%`.
fn name(report: &Report) -> String {
    let shares = report.split().into_iter().flat_map(Expected::declared);
    let shares: Vec<String> = shares
        .map(|own| format!("{} {}", safe(&own.name), percent(own.share.as_f64())))
        .collect();
    if shares.is_empty() {
        "traffic".to_owned()
    } else {
        format!("split {}", shares.join(", "))
    }
}

/// An objective that fails is a case of its own; the split may hold all the same.
fn split(report: &Report) -> TestCaseStatus {
    let verdict = &report.verdict;
    let open_slo = verdict
        .slos
        .iter()
        .any(|result| result.outcome == SloOutcome::Inconclusive);
    match verdict.outcome {
        Outcome::Pass | Outcome::SloFailed => TestCaseStatus::success(),
        Outcome::Diverged => failed(NonSuccessKind::Failure, "diverged", &reason(report)),
        Outcome::Inconclusive if open_slo => TestCaseStatus::success(),
        Outcome::Inconclusive => failed(NonSuccessKind::Error, "inconclusive", &reason(report)),
        Outcome::NoData => failed(NonSuccessKind::Error, "no-data", &reason(report)),
        Outcome::NotJudged => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(safe(&verdict.reason));
            status
        }
    }
}

fn reason(report: &Report) -> String {
    let verdict = &report.verdict;
    let mut reason = verdict.reason.clone();
    if let Some(failing) = note(report) {
        reason = format!("{}; {reason}", failing.message);
    }
    match verdict.diagnosis.first() {
        Some(why) => format!("{reason}; why: {}", why.message),
        None => reason,
    }
}

fn failed(kind: NonSuccessKind, name: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(name).set_message(safe(message));
    status
}

/// Four digits of a number: `0.9935`, `1.234e-150`.
fn short(value: f64) -> String {
    let rounded = format!("{value:.3e}");
    match rounded.parse::<f64>() {
        Ok(number) if number == 0.0 || (1e-3..1e6).contains(&number.abs()) => number.to_string(),
        _ => rounded,
    }
}

fn properties(report: &Report) -> Vec<Property> {
    let verdict = &report.verdict;
    let numbers = [
        ("p-value", verdict.p_value.map(short)),
        ("chi-square", verdict.chi_square.map(short)),
        ("chi-square-p", verdict.chi_square_p.map(short)),
        ("method", verdict.method.clone()),
    ];
    let numbers = (numbers.into_iter()).filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let errors = failing(report).into_iter().map(|own| {
        let counts = format!("{} of {}", own.errors, own.total);
        (format!("errors of {}", safe(&own.target)), counts)
    });
    let rows = report.observation.rows.buckets.iter();
    let rows = rows.map(|row| {
        let name = format!("responses of {}", safe(&row.bucket));
        (name, row.count.to_string())
    });
    let fixed = [
        ("verdict", verdict.outcome.to_string()),
        ("alpha", verdict.alpha.to_string()),
        ("beta", verdict.beta.to_string()),
        ("seed", report.tool.seed.to_string()),
    ];
    let fixed = fixed
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter();
    let all = fixed.chain(numbers).chain(errors).chain(rows);
    all.map(|(name, value)| Property::new(name, value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits_however_small_they_are() {
        for (value, shown) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.993_498_68, "0.9935"),
            (16_138.82, "16140"),
            (0.000_123_456, "1.235e-4"),
            (1.234_56e-150, "1.235e-150"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(short(value), shown);
        }
    }
}
