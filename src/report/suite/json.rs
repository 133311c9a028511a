//! Cases as JSON: `resplit.test/1`.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{TEST_SCHEMA, TestReport, word};
use crate::report::sanitize::safe_json;
use crate::suite::Outcome;

pub(super) fn render(report: &TestReport, _: bool, out: &mut dyn Write) -> io::Result<()> {
    let suites = report.suites.iter();
    let suites: Vec<Value> = suites
        .map(|suite| json!({ "suite": suite.name, "cases": suite.cases }))
        .collect();
    let missing = report.coverage.missing.iter();
    let missing: Vec<Value> = missing
        .map(|rule| json!({ "rule": rule.rule, "source": rule.source }))
        .collect();
    let report = json!({
        "schema": TEST_SCHEMA,
        "outcome": word(report.outcome()),
        "summary": {
            "passed": report.count(Outcome::Pass),
            "failed": report.count(Outcome::Fail),
            "skipped": report.count(Outcome::Skip),
            "inconclusive": report.count(Outcome::Inconclusive),
            "no_data": report.count(Outcome::NoData),
            "left_out": report.left_out,
        },
        "coverage": {
            "rules": report.coverage.fraction(),
            "covered": report.coverage.covered,
            "total": report.coverage.rules,
            "missing": missing,
            "fail_under": report.fail_under,
        },
        "live": report.live.as_ref().map(|notes| json!({ "sent": report.sent(), "notes": notes })),
        "suites": suites,
    });
    let text = serde_json::to_string_pretty(&report).map_err(io::Error::from)?;
    writeln!(out, "{}", safe_json(&text))
}
