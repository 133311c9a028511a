//! One screen for a person: who answered how often beside what was declared, how fast, and the verdict in a sentence.

use std::fmt::Write as _;
use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Table};

use super::shown::{fitted, safe};
use super::{BucketRow, Report, Style};
use crate::units::{counted, percent};
use crate::verdict::slo::SloOutcome;
use crate::verdict::{Outcome, SloResult};

/// More values than this are summed up in one line.
const MOST_ROWS: usize = 20;
/// Columns the tables need beside the response.
const FIXED_WIDTH: usize = 46;

pub(super) fn render(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint(style.colour);
    writeln!(out, "{}", head(report))?;
    let (shown, hidden) = rows(report);
    if !shown.is_empty() {
        let widest = style.width.clamp(60, 160) - FIXED_WIDTH;
        writeln!(out, "\n{}", shares(report, &shown, widest))?;
        if let Some(line) = hidden {
            writeln!(out, "  {line}")?;
        }
        writeln!(out, "\n{}", latencies(&shown, widest))?;
    }
    for failure in report
        .observation
        .failures
        .iter()
        .filter(|failure| failure.count > 0)
    {
        writeln!(
            out,
            "\n  {} failed: {} ({})",
            failure.count,
            failure.kind,
            safe(&failure.example)
        )?;
    }
    writeln!(out, "\n{}", verdict(report, &paint))?;
    for result in &report.verdict.slos {
        writeln!(out, "  {}", slo(result, &paint))?;
    }
    for finding in &report.verdict.diagnosis {
        writeln!(out, "  {} {}", paint.bold("why:"), safe(&finding.message))?;
    }
    for caveat in &report.verdict.caveats {
        writeln!(out, "  {} {}", paint.yellow("note:"), safe(&caveat.message))?;
    }
    if style.verbose {
        write!(out, "{}", details(report))?;
    }
    if let Some(next) = next_step(report) {
        writeln!(out, "  {} {next}", paint.bold("next:"))?;
    }
    Ok(())
}

fn head(report: &Report) -> String {
    let (request, seen) = (&report.target, &report.observation);
    let host = if request.url.contains(&request.host) {
        String::new()
    } else {
        format!(" (Host: {})", safe(&request.host))
    };
    let retried = if seen.retried > 0 {
        format!(", {} sent again", seen.retried)
    } else {
        String::new()
    };
    format!(
        "{} {}{host}\n{} over {} in {:.2}s ({:.0}/s), {} failed{retried}",
        request.method,
        safe(&request.url),
        counted(seen.sent, "request"),
        counted(seen.connections, "connection"),
        seen.elapsed_s,
        seen.rps,
        seen.failed
    )
}

/// The rows worth showing, and a line for the rest.
fn rows(report: &Report) -> (Vec<&BucketRow>, Option<String>) {
    let all = &report.observation.buckets;
    let shown: Vec<&BucketRow> = all.iter().take(MOST_ROWS).collect();
    let rest: u64 = all.iter().skip(MOST_ROWS).map(|row| row.count).sum();
    let hidden = (all.len() > MOST_ROWS).then(|| {
        format!(
            "and {} more values with {rest} answers",
            all.len() - MOST_ROWS
        )
    });
    (shown, hidden)
}

fn shares(report: &Report, rows: &[&BucketRow], widest: usize) -> String {
    let judged = report.expected.is_some();
    let confidence = percent(1.0 - report.verdict.alpha);
    let mut table = Table::new();
    let mut header = vec![
        left("RESPONSE"),
        right("REQUESTS"),
        right("SHARE"),
        right(&format!("{confidence} INTERVAL")),
    ];
    if judged {
        header.push(left("DECLARED"));
    }
    table.load_style(NOTHING).set_header(header);
    for row in rows {
        let [low, high] = row.share_interval;
        let interval = format!("{:.1} – {:.1}%", low * 100.0, high * 100.0);
        let mut cells = vec![
            left(&fitted(&row.bucket, widest)),
            right(&row.count.to_string()),
            right(&percent(row.share)),
            right(&interval),
        ];
        if judged {
            cells.push(left(&declared(report, row)));
        }
        table.add_row(cells);
    }
    let missing = report
        .observation
        .targets
        .iter()
        .filter(|target| target.count == 0 && target.declared > 0.0);
    for target in missing {
        let [low, high] = target.share_interval;
        let interval = format!("{:.1} – {:.1}%", low * 100.0, high * 100.0);
        table.add_row(vec![
            left("–"),
            right("0"),
            right("0%"),
            right(&interval),
            left(&format!(
                "{} {}",
                percent(target.declared),
                safe(&target.target)
            )),
        ]);
    }
    plain(&table)
}

/// What was declared for the target of a row: `90% single`.
fn declared(report: &Report, row: &BucketRow) -> String {
    match &row.target {
        Some(name) => {
            let share = report
                .observation
                .targets
                .iter()
                .find(|target| target.target == *name)
                .map_or(0.0, |target| target.declared);
            format!("{} {}", percent(share), safe(name))
        }
        None => row.place.clone(),
    }
}

fn latencies(rows: &[&BucketRow], widest: usize) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(vec![
        left("LATENCY, MS"),
        right("MEAN"),
        right("P50"),
        right("P90"),
        right("P99"),
        right("P99.9"),
        right("MAX"),
    ]);
    for row in rows {
        let ms = &row.service_ms;
        let mut cells = vec![left(&fitted(&row.bucket, widest))];
        cells.extend(
            [ms.mean, ms.p50, ms.p90, ms.p99, ms.p999, ms.max].map(|value| right(&millis(value))),
        );
        table.add_row(cells);
    }
    plain(&table)
}

/// Milliseconds with the digits that matter.
fn millis(value: f64) -> String {
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}")
}

fn verdict(report: &Report, paint: &Paint) -> String {
    let verdict = &report.verdict;
    let word = match verdict.outcome {
        Outcome::Pass => paint.green("PASS"),
        Outcome::Diverged => paint.red("DIVERGED"),
        Outcome::SloFailed => paint.red("SLO FAILED"),
        Outcome::Inconclusive => paint.yellow("INCONCLUSIVE"),
        Outcome::NoData => paint.red("NO DATA"),
        Outcome::NotJudged => paint.bold("NOT JUDGED"),
    };
    let mut text = format!("{word}  {}", safe(&verdict.reason));
    if let (Some(p), Some(method)) = (verdict.p_value, &verdict.method) {
        let sign = if p < verdict.alpha { "<" } else { "≥" };
        let method = method.replace('-', " ");
        let after = verdict
            .decided_after
            .map(|n| format!(", certain after {n} requests"));
        let _ = write!(
            text,
            "\n  {method} test: p = {} {sign} alpha = {}{}",
            probability(p, verdict.ln_p_value),
            verdict.alpha,
            after.unwrap_or_default()
        );
        if let (Some(x2), Some(df)) = (verdict.chi_square, verdict.df)
            && df > 0
            && verdict.decided_after.is_none()
        {
            let _ = write!(text, "; chi-square = {x2:.2}, df = {df}");
        }
    }
    if let Some(expected) = &report.expected {
        let rule = expected
            .rule
            .as_ref()
            .map(|rule| format!(" ({})", safe(rule)))
            .unwrap_or_default();
        let _ = write!(text, "\n  declared in {}{rule}", safe(&expected.source));
    }
    text
}

/// `failed  canary.p99 < 200ms: 412ms; …`
fn slo(result: &SloResult, paint: &Paint) -> String {
    let word = match result.outcome {
        SloOutcome::Pass => paint.green("holds "),
        SloOutcome::Failed => paint.red("failed"),
        SloOutcome::Inconclusive => paint.yellow("open  "),
    };
    format!("{word}  {}: {}", safe(&result.slo), safe(&result.reason))
}

fn probability(p: f64, ln_p: Option<f64>) -> String {
    match ln_p {
        _ if p >= 0.001 => format!("{p:.3}"),
        Some(ln_p) if p < 1e-300 && ln_p.is_finite() => "(below 1e-300)".to_owned(),
        _ if p == 0.0 => "0".to_owned(),
        _ => format!("{p:.1e}"),
    }
}

/// What is usually left out: the statuses, the targets in full, every parameter.
fn details(report: &Report) -> String {
    let mut text = String::new();
    for row in &report.observation.buckets {
        let statuses: Vec<String> = row
            .statuses
            .iter()
            .map(|(status, count)| format!("{count} x {status}"))
            .collect();
        let _ = writeln!(
            text,
            "  answers `{}`: {}",
            safe(&row.bucket),
            statuses.join(", ")
        );
    }
    for share in report.expected.iter().flat_map(|expected| &expected.shares) {
        let port = share
            .port
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let subset = share
            .subset
            .as_ref()
            .map(|subset| format!(" subset {subset}"));
        let host = share
            .host
            .as_ref()
            .map(|host| format!(", {host}{port}{}", subset.unwrap_or_default()));
        let cause = share
            .cause
            .map(|cause| format!(", answered by the proxy: {cause}"));
        let place = host.or(cause).unwrap_or_default();
        let _ = writeln!(
            text,
            "  target `{}`: {} of the requests{}",
            safe(&share.target),
            share.ratio,
            safe(&place)
        );
    }
    let verdict = &report.verdict;
    let resolution = verdict
        .resolution
        .map_or_else(|| "none".to_owned(), percent);
    let _ = writeln!(
        text,
        "  alpha = {}, beta = {}, tolerance = {}, resolution = {resolution}, seed = {}, resplit {}",
        verdict.alpha,
        verdict.beta,
        percent(verdict.tolerance),
        report.tool.seed,
        report.tool.version
    );
    text
}

/// What a person would do now.
fn next_step(report: &Report) -> Option<String> {
    let verdict = &report.verdict;
    match verdict.outcome {
        Outcome::Inconclusive => verdict
            .requests_needed
            .map(|n| format!("run again with -n {n}")),
        Outcome::NotJudged => Some(
            "declare what you expect with -f FILE or --expect NAME=WEIGHT,…, and resplit judges it"
                .to_owned(),
        ),
        Outcome::Diverged if verdict.method.as_deref() != Some("structural") => {
            let loose = report
                .observation
                .buckets
                .iter()
                .any(|row| row.place == "undeclared");
            loose.then(|| "tie unknown values to a target with --map VALUE=TARGET".to_owned())
        }
        _ => None,
    }
}

pub(super) fn left(text: &str) -> Cell {
    Cell::new(text)
}

pub(super) fn right(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// The table without the blanks at the end of lines.
pub(super) fn plain(table: &Table) -> String {
    table
        .lines()
        .map(|line| format!(" {}", line.trim_end()))
        .collect::<Vec<_>>()
        .join("\n")
}

/// ANSI colours, or none.
struct Paint(bool);

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn green(&self, text: &str) -> String {
        self.with("1;32", text)
    }

    fn red(&self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn yellow(&self, text: &str) -> String {
        self.with("1;33", text)
    }

    fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }
}
