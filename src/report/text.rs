//! One screen for a person: how often each version responded beside what was declared, how fast, and the verdict in a
//! sentence.

use std::fmt::Write as _;
use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::evidence::{evidence, head};
use super::health::{note, other_notes};
use super::lines::lines;
use super::next_step::next_step;
use super::proxy;
use super::sanitize::{fitted, safe};
use super::share_bar::{Bar, LEGEND, MARK};
use super::table::{Lines, left, right, table};
use super::text_histogram::histogram;
use super::{Report, Style, rules};
use crate::observe::Latency;
use crate::split::Target;
use crate::units::{byte_size, percent, seconds};
use crate::verdict::slo::SloOutcome;
use crate::verdict::{Outcome, SloResult};

/// Columns of the tables, at least and at most.
const TABLES: (usize, usize) = (60, 160);
/// Columns of a paragraph, at least.
const NARROWEST: usize = 40;
/// Columns of a name beside a bar, and how many bars are drawn.
const WIDEST_NAME: usize = 24;
const MOST_BARS: usize = 12;

pub(super) fn render(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint(style.colour);
    writeln!(out, "{}", head(report))?;
    let table = Lines::new(report);
    if !report.rules.is_empty() {
        let columns = style.width.clamp(TABLES.0, TABLES.1);
        writeln!(out, "\n{}", rules::listing(report, columns))?;
    } else if !table.is_empty() {
        let columns = style.width.clamp(TABLES.0, TABLES.1);
        let (shares, names) = table.shares(report, columns);
        writeln!(out, "\n{shares}")?;
        if let Some(remark) = &table.hidden {
            writeln!(out, "  {remark}")?;
        }
        if style.bars {
            write!(out, "\n{}", bars(report, style.width, &paint))?;
        }
        if report.observation.rows.answered > 0 && report.counted_in.is_none() {
            writeln!(
                out,
                "\n{}",
                table.latencies(columns, names, style.percentiles)
            )?;
        }
    }
    if let Some(truths) = proxy::text(report) {
        writeln!(out, "\n{truths}")?;
    }
    if !report.generators.is_empty() {
        writeln!(out, "\n{}", generators(report))?;
    }
    let failures = report.observation.seen.failures.iter();
    for (kind, failed) in failures.filter(|_| !reason_names_all_failures(report)) {
        for (at, (count, said)) in (0..).zip(failed.said()) {
            let gap = if at == 0 { "\n" } else { "" };
            writeln!(out, "{gap}  {count} failed: {kind} ({})", safe(said))?;
        }
    }
    writeln!(out)?;
    let columns = style.bars.then_some(style.width);
    let mut say = |text: &str| writeln!(out, "{}", wrapped(text, columns));
    if let Some(failing) = note(report) {
        let message = safe(&failing.message);
        say(&format!("{}  {message}", paint.yellow("NOTE")))?;
    }
    say(&verdict(report, &paint))?;
    for line in rules::details(report) {
        say(&line)?;
    }
    for result in &report.verdict.slos {
        say(&format!("  {}", slo(result, &paint)))?;
    }
    for finding in &report.verdict.diagnosis {
        let message = safe(&finding.message);
        say(&format!("  {} {message}", paint.bold("why:")))?;
    }
    for caveat in other_notes(report) {
        let message = safe(&caveat.message);
        say(&format!("  {} {message}", paint.yellow("note:")))?;
    }
    if style.verbose {
        write!(out, "{}", details(report))?;
    }
    if let Some(next) = next_step(report) {
        let next = format!("  {} {next}", paint.bold("next:"));
        writeln!(out, "{}", wrapped(&next, columns))?;
    }
    Ok(())
}

/// Whether the verdict already says why each request failed: none was answered, and all in one way.
pub(super) fn reason_names_all_failures(report: &Report) -> bool {
    let seen = &report.observation.seen;
    let mut said = seen.failures.values().flat_map(|failed| failed.said());
    seen.answered() == 0
        && report.verdict.outcome == Outcome::NoData
        && said.next().is_some()
        && said.next().is_none()
}

/// A paragraph in so many columns, what follows its first line set back; as it is where that is no terminal.
fn wrapped(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return text.to_owned();
    };
    let lines = text.lines().map(|line| {
        let indented = line.len() - line.trim_start().len();
        let further = " ".repeat(indented + 4);
        let room = textwrap::Options::new(columns.max(NARROWEST))
            .initial_indent(&further[..indented])
            .subsequent_indent(&further)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::fill(line.trim_start(), room)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A bar for each target, or for each value where nothing is declared.
fn bars(report: &Report, width: usize, paint: &Paint) -> String {
    let lines = lines(report);
    let rows = lines.iter().take(MOST_BARS).map(|line| {
        let [low, high] = line.interval;
        let bar = Bar {
            low,
            share: line.share,
            high,
            declared: line.declared,
        };
        (fitted(line.name, WIDEST_NAME), bar)
    });
    let rows: Vec<(String, Bar)> = rows.collect();
    let names = rows.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let room = width.clamp(60, 120).saturating_sub(names + 4);
    let mut text = String::new();
    for (name, bar) in rows {
        let blanks = " ".repeat(names.saturating_sub(name.width()));
        let drawn = bar.draw(room);
        let drawn = match (bar.declared, bar.agrees()) {
            (None, _) => drawn,
            (_, true) => paint.with("32", &drawn),
            (_, false) => paint.with("31", &drawn),
        };
        let _ = writeln!(text, "  {name}{blanks}  {drawn}");
    }
    let declared = lines.iter().any(|line| line.declared.is_some());
    let mark = if declared { MARK } else { "" };
    let legend = paint.with("2", &format!("{LEGEND}{mark}"));
    let _ = writeln!(text, "  {}  {legend}", " ".repeat(names));
    text
}

/// What each generator saw, where reports were merged.
fn generators(report: &Report) -> String {
    let targets = &report.observation.rows.targets;
    let mut header = vec![left("GENERATOR"), right("REQUESTS")];
    header.extend(
        targets
            .iter()
            .map(|target| right(&fitted(&target.target, WIDEST_NAME))),
    );
    header.push(left("ALONE"));
    let rows = report.generators.iter().map(|generator| {
        let all = generator.counts.iter().sum::<u64>().max(1) as f64;
        let mut cells = vec![
            left(&fitted(&generator.name, WIDEST_NAME)),
            right(&generator.sent.to_string()),
        ];
        cells.extend(
            generator
                .counts
                .iter()
                .map(|own| right(&percent(*own as f64 / all))),
        );
        cells.push(left(&generator.outcome.to_string()));
        cells
    });
    table(header, rows)
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
    format!("{word}  {}{}", safe(&verdict.reason), evidence(report))
}

/// `failed  canary.p99 < 200ms: 412ms; …`
fn slo(result: &SloResult, paint: &Paint) -> String {
    let word = result.outcome.word();
    let word = match result.outcome {
        SloOutcome::Pass => paint.green(word),
        SloOutcome::Failed => paint.red(word),
        SloOutcome::Inconclusive => paint.yellow(word),
    };
    format!("{word}  {}: {}", safe(&result.slo), safe(&result.reason))
}

/// What is usually left out: the statuses, the targets in full, every parameter.
fn details(report: &Report) -> String {
    let mut text = String::new();
    for row in &report.observation.rows.buckets {
        let statuses: Vec<String> = row
            .statuses
            .iter()
            .map(|(status, count)| match status {
                0 => format!("{count} without a status"),
                status => format!("{count} x {status}"),
            })
            .collect();
        let each = row.bytes.filter(|_| row.count > 0);
        let each = each.map_or_else(String::new, |bytes| {
            format!(", {} each", byte_size(bytes as f64 / row.count as f64))
        });
        let _ = writeln!(
            text,
            "  responses `{}`: {}{}",
            safe(&row.bucket),
            statuses.join(", "),
            if row.rps > 0.0 {
                format!(" ({:.1}/s{each})", row.rps)
            } else {
                String::new()
            }
        );
    }
    text.push_str(&bodies(report));
    for line in lines(report).iter().take(MOST_BARS) {
        let drawn = histogram(&line.latencies());
        if !drawn.is_empty() {
            let name = fitted(line.name, WIDEST_NAME);
            let _ = write!(text, "  response times of `{name}`:\n{drawn}");
        }
    }
    for share in report.split().iter().flat_map(|split| split.declared()) {
        let place = match &share.target {
            Target::Named(_) => String::new(),
            Target::Destination(destination) => format!(", {destination}"),
            Target::LocalReply(reply) => {
                format!(", answered by the proxy: {}", reply.cause)
            }
        };
        let _ = writeln!(
            text,
            "  target `{}`: {} of the requests{}",
            safe(&share.name),
            share.share,
            safe(&place)
        );
    }
    text.push_str(&times(report));
    for line in report.record.line().iter().chain(&report.record.command()) {
        let _ = writeln!(text, "  {}", safe(line));
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
        safe(&report.tool.version)
    );
    text
}

/// How much was received.
fn bodies(report: &Report) -> String {
    let observation = &report.observation;
    let Some(bytes) = (observation.rows.bytes).filter(|_| observation.rows.answered > 0) else {
        return String::new();
    };
    let (bytes, elapsed) = (bytes as f64, observation.seen.elapsed.as_secs_f64());
    let rate = if elapsed > 0.0 {
        format!(", {}/s", byte_size(bytes / elapsed))
    } else {
        String::new()
    };
    format!(
        "  bodies: {} in all, {} a response{rate}\n",
        byte_size(bytes),
        byte_size(bytes / observation.rows.answered as f64)
    )
}

/// Where the time went: in the parts of a request, and before it was sent.
fn times(report: &Report) -> String {
    let phases = &report.observation.rows.phases_ms;
    let pace = report.observation.seen.pace.as_ref();
    let lag = pace.and_then(|pace| Latency::of(&pace.lag));
    let mut text = String::new();
    for (what, latency) in [
        ("name lookup", phases.dns),
        ("connect", phases.connect),
        ("TLS", phases.tls),
        ("first byte", phases.first_byte),
        ("last byte", phases.total),
        ("schedule lag", lag),
    ] {
        if let Some(ms) = latency {
            let _ = writeln!(
                text,
                "  {what}: p50 {}, p99 {}, max {}",
                seconds(ms.p50 / 1e3),
                seconds(ms.p99 / 1e3),
                seconds(ms.max / 1e3)
            );
        }
    }
    text
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
