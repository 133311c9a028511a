//! `JUnit` XML: every row is a test case.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{EndpointRow, EndpointsReport};
use crate::report::sanitize::{safe, without_skipped_in_all};
use crate::verdict::Outcome;

pub(super) fn render(report: &EndpointsReport, out: &mut dyn Write) -> io::Result<()> {
    let request = format!("{} {}", report.target.method, safe(&report.target.url));
    let mut suite = TestSuite::new(format!("resplit endpoints {request}"));
    for row in &report.rows {
        let mut case = TestCase::new(safe(&row.name), status(row));
        case.set_classname(request.clone());
        case.set_system_out(safe(&format!("{} got {}", row.value(), row.seen())));
        suite.add_test_case(case);
    }
    let mut junit = quick_junit::Report::new("resplit");
    junit.add_test_suite(suite);
    let xml = junit.to_string().map_err(io::Error::other)?;
    writeln!(out, "{}", without_skipped_in_all(&xml))
}

fn status(row: &EndpointRow) -> TestCaseStatus {
    let kind = match row.outcome {
        Outcome::Pass => return TestCaseStatus::success(),
        Outcome::NotJudged => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(safe(&row.reason));
            return skipped;
        }
        Outcome::Diverged | Outcome::SloFailed => NonSuccessKind::Failure,
        Outcome::Inconclusive | Outcome::NoData => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_type(row.outcome.to_string())
        .set_message(safe(&row.reason));
    status
}
