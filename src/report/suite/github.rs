//! Cases that fail as workflow commands of GitHub Actions, which show them beside the lines of the suite.

use std::io::{self, Write};

use super::TestReport;
use crate::report::lint::github::{data, property};
use crate::report::sanitize::safe;

pub(super) fn render(report: &TestReport, _: bool, out: &mut dyn Write) -> io::Result<()> {
    for suite in &report.suites {
        for case in &suite.cases {
            let (level, lines) = match case.outcome {
                "fail" | "no-data" => ("error", case.lines()),
                "inconclusive" => {
                    let lines = case.skipped.iter().cloned().chain(case.lines());
                    ("warning", lines.collect())
                }
                "skip" => ("notice", case.skipped.clone()),
                _ => continue,
            };
            writeln!(
                out,
                "::{level} file={},line={},title={}::{}",
                property(&suite.name),
                case.line,
                property(&case.name),
                data(&lines.join("\n"))
            )?;
        }
    }
    if report.uncovered() {
        writeln!(out, "::error title=coverage::{}", data(&report.summary()))?;
    }
    // No command: nothing is escaped in it.
    writeln!(out, "{}", safe(&report.summary()))
}
