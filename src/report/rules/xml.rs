//! `JUnit` XML: a test case for each row.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::text::whole;
use super::{CasePurpose, RuleResult};
use crate::report::sanitize::safe;
use crate::report::{Report, Style};
use crate::verdict::Outcome;

/// Adds a test case for each row.
pub(in crate::report) fn cases(report: &Report, style: Style, suite: &mut TestSuite) {
    for row in &report.rules {
        let request = row.request.as_ref().map(super::SentRequest::brief);
        let name = match &request {
            Some(request) if row.purpose != CasePurpose::Case => {
                format!("{} ({request})", row.label())
            }
            _ => row.label(),
        };
        let mut case = TestCase::new(safe(&name), status(row));
        let class = if row.object.is_empty() {
            &row.rule
        } else {
            &row.object
        };
        case.set_classname(safe(class));
        let elapsed = row.observed.as_ref().map(|own| own.seen.elapsed);
        case.set_time(elapsed.unwrap_or(Duration::ZERO));
        let mut out = whole(row, report, style);
        if let Some(request) = &row.request {
            out.extend_from_slice(format!("\n{}\n", request.curl).as_bytes());
        }
        case.set_system_out_lossy(&out);
        suite.add_test_case(case);
    }
}

fn status(row: &RuleResult) -> TestCaseStatus {
    let verdict = &row.verdict;
    let skipped = |message: &str| {
        let mut skipped = TestCaseStatus::skipped();
        skipped.set_message(safe(message));
        skipped
    };
    if let Some(unreachable) = &row.unreachable {
        return skipped(&unreachable.message);
    }
    let kind = match verdict.outcome {
        Outcome::Pass => return TestCaseStatus::success(),
        Outcome::NotJudged => return skipped(&verdict.reason),
        Outcome::Diverged | Outcome::SloFailed => NonSuccessKind::Failure,
        Outcome::Inconclusive | Outcome::NoData => NonSuccessKind::Error,
    };
    let why = verdict.diagnosis.first();
    let why = why.map_or_else(String::new, |why| format!("; why: {}", why.message));
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_type(verdict.outcome.to_string())
        .set_message(safe(&format!("{}{why}", verdict.reason)));
    status
}
