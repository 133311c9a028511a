//! Markdown for the summary of a GitHub job, a pull request or a wiki.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::evidence::{evidence, head};
use super::health::{note, other_notes};
use super::latency_table::{Column, Times};
use super::lines::{Line, lines};
use super::next_step::next_step;
use super::sanitize::{fitted, safe};
use super::table::percents;
use super::text::reason_names_all_failures;
use super::{Report, Style, rules};
use crate::units::{Percentiles, percent};
use crate::verdict::Outcome;
use crate::verdict::slo::SloOutcome;

/// Columns a value may take.
const WIDEST: usize = 60;
/// Values without a target that are listed.
const MOST_ROWS: usize = 20;

pub(super) fn render(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let verdict = &report.verdict;
    let mark = match verdict.outcome {
        Outcome::Pass => "✅",
        Outcome::Diverged | Outcome::SloFailed | Outcome::NoData => "❌",
        Outcome::Inconclusive => "⚠️",
        Outcome::NotJudged => "ℹ️",
    };
    writeln!(out, "## {mark} resplit: {}\n", verdict.outcome)?;
    if let Some(failing) = note(report) {
        writeln!(out, "**Note:** {}\n", prose(&failing.message))?;
    }
    writeln!(out, "{}\n", prose(&verdict.reason))?;
    for finding in &verdict.diagnosis {
        writeln!(out, "**Why:** {}\n", prose(&finding.message))?;
    }
    if report.rules.is_empty() {
        shares(report, out)?;
    } else {
        rules::rows(report, out)?;
    }
    for result in &verdict.slos {
        let mark = match result.outcome {
            SloOutcome::Pass => "✅",
            SloOutcome::Failed => "❌",
            SloOutcome::Inconclusive => "⚠️",
        };
        writeln!(
            out,
            "- {mark} {}: {}",
            code(&result.slo),
            prose(&result.reason)
        )?;
    }
    if !verdict.slos.is_empty() {
        writeln!(out)?;
    }
    if report.rules.is_empty() {
        latencies(report, style.percentiles, out)?;
    }
    notes(report, out)?;
    if let Some(line) = report.record.line() {
        writeln!(out, "{}\n", prose(&line))?;
    }
    if let Some(command) = report.record.command() {
        writeln!(out, "{}\n", code(&command))?;
    }
    Ok(())
}

fn shares(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (lines, rest) = shown(report);
    if lines.is_empty() {
        return Ok(());
    }
    let interval = percent(1.0 - report.verdict.alpha);
    writeln!(
        out,
        "| Response | Requests | Share | {interval} interval | Errors | Declared |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|---|")?;
    let shares = percents(lines.iter().map(|line| line.share));
    for (line, share) in lines.iter().zip(shares) {
        let name = match line.values.as_slice() {
            [only] => &only.bucket,
            _ => line.name,
        };
        let declared = match line.declared {
            Some(share) => format!("{} {}", percent(share), code(line.name)),
            None => line.place.to_owned(),
        };
        let [low, high] = line.interval.map(|end| end * 100.0);
        writeln!(
            out,
            "| {} | {} | {share} | {low:.1} – {high:.1}% | {} | {declared} |",
            code(name),
            line.count,
            line.errors()
        )?;
    }
    writeln!(out)?;
    if rest > 0 {
        writeln!(out, "and {rest} more values\n")?;
    }
    Ok(())
}

/// The lines of the tables, and how many are left out.
fn shown(report: &Report) -> (Vec<Line<'_>>, usize) {
    let mut lines = lines(report);
    let targets = report.observation.rows.targets.len();
    let rest = lines.len().saturating_sub(targets + MOST_ROWS);
    lines.truncate(targets + MOST_ROWS);
    (lines, rest)
}

fn latencies(report: &Report, percentiles: Percentiles, out: &mut dyn Write) -> io::Result<()> {
    let (lines, _) = shown(report);
    let measured = lines
        .iter()
        .filter_map(|line| Some((line, Times::of(line)?)));
    let measured: Vec<(&Line<'_>, Times)> = measured.collect();
    if measured.is_empty() {
        return Ok(());
    }
    let times: Vec<&Times> = measured.iter().map(|(_, times)| times).collect();
    let columns = Column::all(percentiles, &times);
    let titles: Vec<String> = columns
        .iter()
        .map(|own| own.title().to_lowercase())
        .collect();
    writeln!(out, "| Latency, ms | {} |", titles.join(" | "))?;
    writeln!(out, "|---|{}", "--:|".repeat(columns.len()))?;
    let cells: Vec<Vec<String>> = columns.iter().map(|own| own.cells(&times)).collect();
    for (at, (line, _)) in measured.iter().enumerate() {
        let numbers: Vec<&str> = cells.iter().map(|own| own[at].as_str()).collect();
        writeln!(out, "| {} | {} |", code(line.name), numbers.join(" | "))?;
    }
    writeln!(out)
}

fn notes(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for caveat in other_notes(report) {
        writeln!(out, "> note: {}\n", prose(&caveat.message))?;
    }
    if let Some(next) = next_step(report) {
        writeln!(out, "**Next:** {}\n", prose(&next))?;
    }
    writeln!(out, "<details><summary>How this was measured</summary>\n")?;
    for line in head(report).lines().chain(evidence(report).lines()) {
        writeln!(out, "{}<br>", prose(line.trim()))?;
    }
    let failures = report.observation.seen.failures.iter();
    for (kind, failed) in failures.filter(|_| !reason_names_all_failures(report)) {
        for (count, said) in failed.said() {
            writeln!(out, "{count} failed: {kind} ({})<br>", prose(said))?;
        }
    }
    writeln!(out, "\n</details>")
}

/// Foreign text as code: nothing in it is markup, a mention or the end of a cell.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(&fitted(text, WIDEST)))
}

/// A sentence of ours with foreign words in it; what stands between backticks stays code.
pub(super) fn prose(text: &str) -> String {
    let mut prose = String::new();
    for (index, part) in safe(text).split('`').enumerate() {
        if index > 0 {
            prose.push_str(if index % 2 == 1 { "<code>" } else { "</code>" });
        }
        prose.push_str(&escaped(part));
    }
    if text.matches('`').count() % 2 == 1 {
        prose.push_str("</code>");
    }
    prose
}

/// Everything that Markdown or HTML would read as more than text, as a character reference.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if matches!(
            c,
            '<' | '>' | '&' | '|' | '@' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' | '!' | '$'
        ) {
            let _ = write!(escaped, "&#{};", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}
