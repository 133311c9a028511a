//! Annotations of GitHub Actions: each row that does not hold, at its rule.

use std::io::{self, Write};

use super::RuleResult;
use super::text::{holds, word};
use crate::report::Report;
use crate::report::lint::github::{data, property};
use crate::report::sanitize::safe;
use crate::verdict::Outcome;

/// Writes an annotation for each row that does not hold.
pub(in crate::report) fn annotations(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for row in report.rules.iter().filter(|row| !holds(row)) {
        let level = match row.verdict.outcome {
            _ if row.unreachable.is_some() => "warning",
            Outcome::Diverged | Outcome::SloFailed | Outcome::NoData => "error",
            Outcome::Inconclusive | Outcome::Pass | Outcome::NotJudged => "warning",
        };
        let message = match &row.unreachable {
            Some(unreachable) => unreachable.message.clone(),
            None => row.verdict.reason.clone(),
        };
        let title = format!("resplit: {} {}", row.label(), word(row));
        let message = data(&safe(&message));
        let title = property(&safe(&title));
        writeln!(out, "::{level} {}title={title}::{message}", place(row))?;
    }
    Ok(())
}

/// `file=rules.yaml,line=27,`; nothing for what is no file of the repository.
fn place(row: &RuleResult) -> String {
    let place = row.source.rsplit_once(':').filter(|(file, line)| {
        !file.starts_with('<') && !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit())
    });
    place.map_or_else(String::new, |(file, line)| {
        format!("file={},line={line},", property(&safe(file)))
    })
}
