//! Markdown for the summary of a GitHub job, a pull request or a wiki.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::health::{note, other_notes};
use super::shown::{fitted, safe};
use super::table::{errors, millis};
use super::text::{evidence, head, next_step};
use super::{BucketRow, Report, Style};
use crate::observe::Latency;
use crate::units::percent;
use crate::verdict::Outcome;
use crate::verdict::slo::SloOutcome;

/// Columns a value may take.
const WIDEST: usize = 60;
/// Values without a target that are listed.
const MOST_ROWS: usize = 20;

pub(super) fn render(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
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
    shares(report, out)?;
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
    latencies(report, out)?;
    notes(report, out)
}

fn shares(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let seen = &report.observation;
    if seen.buckets.is_empty() && seen.targets.is_empty() {
        return Ok(());
    }
    let interval = percent(1.0 - report.verdict.alpha);
    writeln!(
        out,
        "| Response | Requests | Share | {interval} interval | Errors | Declared |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|---|")?;
    let line =
        |name: &str, count: u64, share: f64, [low, high]: [f64; 2], errors, declared: &str| {
            format!(
                "| {} | {count} | {} | {:.1} – {:.1}% | {errors} | {declared} |",
                code(name),
                percent(share),
                low * 100.0,
                high * 100.0
            )
        };
    for target in &seen.targets {
        let own = |row: &&BucketRow| row.target.as_ref() == Some(&target.target);
        let failed: u64 = seen.buckets.iter().filter(own).map(errors).sum();
        let declared = format!("{} {}", percent(target.declared), code(&target.target));
        let mut rows = seen.buckets.iter().filter(own);
        let name = match (rows.next(), rows.next()) {
            (Some(only), None) => &only.bucket,
            _ => &target.target,
        };
        let share = (target.share, target.share_interval);
        writeln!(
            out,
            "{}",
            line(name, target.count, share.0, share.1, failed, &declared)
        )?;
    }
    let others: Vec<&BucketRow> = seen
        .buckets
        .iter()
        .filter(|row| row.target.is_none())
        .collect();
    for row in others.iter().take(MOST_ROWS) {
        let place = if row.place == "counted" {
            ""
        } else {
            &row.place
        };
        let share = (row.share, row.share_interval);
        writeln!(
            out,
            "{}",
            line(&row.bucket, row.count, share.0, share.1, errors(row), place)
        )?;
    }
    writeln!(out)?;
    if let Some(rest) = others.get(MOST_ROWS..).filter(|rest| !rest.is_empty()) {
        writeln!(out, "and {} more values\n", rest.len())?;
    }
    Ok(())
}

fn latencies(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let seen = &report.observation;
    let targets = seen.targets.iter();
    let targets =
        targets.filter_map(|target| Some((&target.target, target.response_ms?, target.ttfb_ms)));
    let others = seen.buckets.iter().filter(|row| row.target.is_none());
    let others = others.map(|row| (&row.bucket, row.response_ms, row.ttfb_ms));
    let rows: Vec<(&String, Latency, Option<Latency>)> =
        targets.chain(others.take(MOST_ROWS)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "| Latency, ms | mean | p50 | p90 | p99 | p99.9 | max | p99 ttfb |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|")?;
    for (name, ms, first_byte) in rows {
        let numbers = [ms.mean, ms.p50, ms.p90, ms.p99, ms.p999, ms.max].map(millis);
        let first_byte = first_byte.map_or_else(String::new, |ms| millis(ms.p99));
        let numbers = numbers.join(" | ");
        writeln!(out, "| {} | {numbers} | {first_byte} |", code(name))?;
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
    for failed in report.observation.occurred() {
        for (count, said) in failed.said() {
            writeln!(out, "{count} failed: {} ({})<br>", failed.kind, prose(said))?;
        }
    }
    writeln!(out, "\n</details>")
}

/// Foreign text as code: nothing in it is markup, a mention or the end of a cell.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(&fitted(text, WIDEST)))
}

/// A sentence of ours with foreign words in it; what stands between backticks stays code.
fn prose(text: &str) -> String {
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
