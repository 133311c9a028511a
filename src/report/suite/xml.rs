//! Cases as `JUnit` XML: a test suite for each file, a test case for each case.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{CaseRow, TestReport};
use crate::report::sanitize::{safe, without_skipped_in_all};

pub(super) fn render(report: &TestReport, _: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut junit = Report::new("resplit test");
    for suite in &report.suites {
        let mut own = TestSuite::new(safe(&suite.name));
        for case in &suite.cases {
            let mut test = TestCase::new(safe(&case.name), status(case));
            test.set_classname(safe(&suite.name));
            own.add_test_case(test);
        }
        junit.add_test_suite(own);
    }
    if report.fail_under.is_some() {
        let mut own = TestSuite::new("coverage");
        let status = if report.uncovered() {
            failed(&report.summary())
        } else {
            TestCaseStatus::success()
        };
        own.add_test_case(TestCase::new("rules", status));
        junit.add_test_suite(own);
    }
    let xml = junit.to_string().map_err(io::Error::other)?;
    writeln!(out, "{}", without_skipped_in_all(&xml))
}

fn status(case: &CaseRow) -> TestCaseStatus {
    match case.outcome {
        "pass" => TestCaseStatus::success(),
        "fail" => failed(&case.lines().join("\n")),
        "inconclusive" | "no-data" => {
            let lines: Vec<String> = case.skipped.iter().cloned().chain(case.lines()).collect();
            let mut status = failed(&lines.join("\n"));
            status.set_type(case.outcome);
            status
        }
        _ => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(safe(&case.skipped.join("; ")));
            status
        }
    }
}

fn failed(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type("failed");
    status.set_message(safe(message.lines().next().unwrap_or_default()));
    status.set_description(message.lines().map(safe).collect::<Vec<_>>().join("\n"));
    status
}
