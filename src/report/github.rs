//! Workflow commands of GitHub Actions: the verdict as an annotation at the rule, findings and caveats below it.

use std::io::{self, Write};

use super::evidence::chi_square;
use super::health::{note, other_notes};
use super::lint::github::{data, property};
use super::sanitize::safe;
use super::{Report, Style, rules};
use crate::verdict::Outcome;
use crate::verdict::slo::SloOutcome;

pub(super) fn render(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let verdict = &report.verdict;
    let level = match verdict.outcome {
        Outcome::Pass | Outcome::NotJudged => "notice",
        Outcome::Inconclusive => "warning",
        Outcome::Diverged | Outcome::SloFailed | Outcome::NoData => "error",
    };
    let title = format!("resplit: {}", verdict.outcome);
    let chi_square = chi_square(report).map(|text| format!("; {text}"));
    let reason = format!("{}{}", verdict.reason, chi_square.unwrap_or_default());
    if let Some(failing) = note(report) {
        let title = format!("resplit: {}", failing.id());
        command(report, "warning", &title, &failing.message, out)?;
    }
    command(report, level, &title, &reason, out)?;
    rules::annotations(report, out)?;
    for result in &verdict.slos {
        let level = match result.outcome {
            SloOutcome::Pass => "notice",
            SloOutcome::Failed => "error",
            SloOutcome::Inconclusive => "warning",
        };
        let title = format!("resplit: {}", result.slo);
        command(report, level, &title, &result.reason, out)?;
    }
    for finding in &verdict.diagnosis {
        let title = format!("resplit: why ({})", finding.id());
        command(report, level, &title, &finding.message, out)?;
    }
    for caveat in other_notes(report) {
        let title = format!("resplit: note ({})", caveat.id());
        command(report, "notice", &title, &caveat.message, out)?;
    }
    Ok(())
}

/// `::error file=rules.yaml,line=27,title=…::message`
fn command(
    report: &Report,
    level: &str,
    title: &str,
    message: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let excerpt = report.expected.as_ref().and_then(|e| e.excerpt.as_ref());
    // What came from stdin is no file of the repository.
    let excerpt = excerpt.filter(|excerpt| !excerpt.file.starts_with('<'));
    let place = excerpt.map(|excerpt| {
        let [first, last] = excerpt.rule;
        format!(
            "file={},line={first},endLine={last},",
            property(&safe(&excerpt.file))
        )
    });
    writeln!(
        out,
        "::{level} {}title={}::{}",
        place.unwrap_or_default(),
        property(&safe(title)),
        data(&safe(message))
    )
}
